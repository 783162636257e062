//! The messages, one file per API: the request, the response and what they are made of.
//!
//! Fields stand in the order of the wire. Names are Kafka's (`common/message/*.json`); a field
//! without a note is in all versions. A version that lacks a field leaves the default there.

use super::codec::{Message, Request};

pub mod api_versions;
pub mod create_partitions;
pub mod create_topics;
pub mod delete_topics;
pub mod describe_cluster;
pub mod describe_configs;
pub mod describe_groups;
pub mod fetch;
pub mod find_coordinator;
pub mod heartbeat;
pub mod incremental_alter_configs;
pub mod init_producer_id;
pub mod join_group;
pub mod leave_group;
pub mod list_groups;
pub mod list_offsets;
pub mod metadata;
pub mod offset_commit;
pub mod offset_fetch;
pub mod offset_for_leader_epoch;
pub mod produce;
pub mod sync_group;

pub use api_versions::{ApiVersionsRequest, ApiVersionsResponse};
pub use create_partitions::{CreatePartitionsRequest, CreatePartitionsResponse};
pub use create_topics::{CreateTopicsRequest, CreateTopicsResponse};
pub use delete_topics::{DeleteTopicsRequest, DeleteTopicsResponse};
pub use describe_cluster::{DescribeClusterRequest, DescribeClusterResponse};
pub use describe_configs::{DescribeConfigsRequest, DescribeConfigsResponse};
pub use describe_groups::{DescribeGroupsRequest, DescribeGroupsResponse};
pub use fetch::{FetchRequest, FetchResponse};
pub use find_coordinator::{FindCoordinatorRequest, FindCoordinatorResponse};
pub use heartbeat::{HeartbeatRequest, HeartbeatResponse};
pub use incremental_alter_configs::{
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse,
};
pub use init_producer_id::{InitProducerIdRequest, InitProducerIdResponse};
pub use join_group::{JoinGroupRequest, JoinGroupResponse};
pub use leave_group::{LeaveGroupRequest, LeaveGroupResponse};
pub use list_groups::{ListGroupsRequest, ListGroupsResponse};
pub use list_offsets::{ListOffsetsRequest, ListOffsetsResponse};
pub use metadata::{MetadataRequest, MetadataResponse};
pub use offset_commit::{OffsetCommitRequest, OffsetCommitResponse};
pub use offset_fetch::{OffsetFetchRequest, OffsetFetchResponse};
pub use offset_for_leader_epoch::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};
pub use produce::{ProduceRequest, ProduceResponse};
pub use sync_group::{SyncGroupRequest, SyncGroupResponse};

/// What is known here of one API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiInfo {
    /// The API's number.
    pub key: i16,
    /// Its name, as Kafka spells it.
    pub name: &'static str,
    /// The first version known here.
    pub min_version: i16,
    /// The last version known here.
    pub max_version: i16,
    /// The first version with compact lengths and tagged fields.
    pub flexible_from: i16,
}

impl ApiInfo {
    const fn of<R: Request>(name: &'static str) -> ApiInfo {
        ApiInfo {
            key: R::KEY,
            name,
            min_version: *R::VERSIONS.start(),
            max_version: *R::VERSIONS.end(),
            flexible_from: R::FLEXIBLE_FROM,
        }
    }

    /// The API with that number.
    pub fn of_key(key: i16) -> Option<&'static ApiInfo> {
        ALL.iter().find(|api| api.key == key)
    }
}

/// Every API that is known here, by its number.
pub const ALL: &[ApiInfo] = &[
    ApiInfo::of::<ProduceRequest>("Produce"),
    ApiInfo::of::<FetchRequest>("Fetch"),
    ApiInfo::of::<ListOffsetsRequest>("ListOffsets"),
    ApiInfo::of::<MetadataRequest>("Metadata"),
    ApiInfo::of::<OffsetCommitRequest>("OffsetCommit"),
    ApiInfo::of::<OffsetFetchRequest>("OffsetFetch"),
    ApiInfo::of::<FindCoordinatorRequest>("FindCoordinator"),
    ApiInfo::of::<JoinGroupRequest>("JoinGroup"),
    ApiInfo::of::<HeartbeatRequest>("Heartbeat"),
    ApiInfo::of::<LeaveGroupRequest>("LeaveGroup"),
    ApiInfo::of::<SyncGroupRequest>("SyncGroup"),
    ApiInfo::of::<DescribeGroupsRequest>("DescribeGroups"),
    ApiInfo::of::<ListGroupsRequest>("ListGroups"),
    ApiInfo::of::<ApiVersionsRequest>("ApiVersions"),
    ApiInfo::of::<CreateTopicsRequest>("CreateTopics"),
    ApiInfo::of::<DeleteTopicsRequest>("DeleteTopics"),
    ApiInfo::of::<InitProducerIdRequest>("InitProducerId"),
    ApiInfo::of::<OffsetForLeaderEpochRequest>("OffsetForLeaderEpoch"),
    ApiInfo::of::<DescribeConfigsRequest>("DescribeConfigs"),
    ApiInfo::of::<CreatePartitionsRequest>("CreatePartitions"),
    ApiInfo::of::<IncrementalAlterConfigsRequest>("IncrementalAlterConfigs"),
    ApiInfo::of::<DescribeClusterRequest>("DescribeCluster"),
];
