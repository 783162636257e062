//! The APIs, one file each: what is asked, what is done, what is answered.

mod api_versions;
mod configs;
mod describe_cluster;
mod describe_groups;
mod fetch;
mod find_coordinator;
mod groups;
mod init_producer_id;
mod list_offsets;
mod metadata;
mod offset_commit;
mod offset_fetch;
mod offset_for_leader_epoch;
mod produce;
mod topics;

pub use api_versions::unsupported_version;
