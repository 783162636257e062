//! The messages, one file per API: the request, the response and what they are made of.
//!
//! Fields stand in the order of the wire. Names are Kafka's (`common/message/*.json`); a field
//! without a note is in all versions. A version that lacks a field leaves the default there.

pub mod api_versions;
pub mod init_producer_id;
pub mod metadata;
pub mod produce;

pub use api_versions::{ApiVersionsRequest, ApiVersionsResponse};
pub use init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
pub use metadata::{MetadataRequest, MetadataResponse};
pub use produce::{ProduceRequest, ProduceResponse};
