//! The APIs, one file each: what is asked, what is done, what is answered.

mod api_versions;
mod init_producer_id;
mod metadata;
mod produce;

pub use api_versions::unsupported_version;
