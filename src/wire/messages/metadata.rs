//! Metadata (3): the brokers, the topics, and which broker leads which partition.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 3;
const VERSIONS: RangeInclusive<i16> = 0..=13;
const FLEXIBLE_FROM: i16 = 9;

/// Stands where the operations that a client may do were not asked for.
pub const NO_AUTHORIZED_OPERATIONS: i32 = i32::MIN;

/// Asks about topics.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataRequest {
    /// Null asks for all topics and an empty list for none; in version 0 there is no null, and the
    /// empty list asks for all.
    pub topics: Option<Vec<MetadataRequestTopic>>,
    /// Since version 4. Whether the broker may create what is missing. Before, it always may.
    pub allow_auto_topic_creation: bool,
    /// Versions 8 to 10.
    pub include_cluster_authorized_operations: bool,
    /// Since version 8.
    pub include_topic_authorized_operations: bool,
}

impl Default for MetadataRequest {
    fn default() -> MetadataRequest {
        MetadataRequest {
            topics: Some(Vec::new()),
            allow_auto_topic_creation: true,
            include_cluster_authorized_operations: false,
            include_topic_authorized_operations: false,
        }
    }
}

impl Fields for MetadataRequest {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.nullable_array("topics", &mut self.topics)?;
        } else {
            c.array("topics", self.topics.get_or_insert_default())?;
        }
        if c.version() >= 4 {
            c.bool("allow_auto_topic_creation", &mut self.allow_auto_topic_creation)?;
        } else {
            c.absent("allow_auto_topic_creation", self.allow_auto_topic_creation)?;
        }
        let cluster_operations = &mut self.include_cluster_authorized_operations;
        if (8..=10).contains(&c.version()) {
            c.bool("include_cluster_authorized_operations", cluster_operations)?;
        } else {
            c.absent("include_cluster_authorized_operations", !*cluster_operations)?;
        }
        let topic_operations = &mut self.include_topic_authorized_operations;
        if c.version() >= 8 {
            c.bool("include_topic_authorized_operations", topic_operations)?;
        } else {
            c.absent("include_topic_authorized_operations", !*topic_operations)?;
        }
        c.no_tags()
    }
}

impl Message for MetadataRequest {
    const NAME: &'static str = "MetadataRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for MetadataRequest {
    type Response = MetadataResponse;
}

/// A topic to tell about.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataRequestTopic {
    /// Since version 10, and brokers heed it since version 12. Zero if asked for by name.
    pub topic_id: Uuid,
    /// Since version 10 null if asked for by id.
    pub name: Option<Arc<str>>,
}

impl Fields for MetadataRequestTopic {
    const MIN_BYTES: usize = 2;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 10 {
            c.uuid("topic_id", &mut self.topic_id)?;
            c.nullable_string("name", &mut self.name)?;
        } else {
            c.required_string("name", &mut self.name)?;
        }
        c.no_tags()
    }
}

/// The cluster as the broker knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponse {
    /// Since version 3, honoured since version 6. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The brokers that are alive.
    pub brokers: Vec<MetadataResponseBroker>,
    /// Since version 2. The cluster's id.
    pub cluster_id: Option<Arc<str>>,
    /// Since version 1. The broker that is asked for changes, or -1.
    pub controller_id: i32,
    /// The topics.
    pub topics: Vec<MetadataResponseTopic>,
    /// Versions 8 to 10. A set of bits.
    pub cluster_authorized_operations: i32,
    /// Since version 13. An error of the whole request: `REBOOTSTRAP_REQUIRED`.
    pub error_code: i16,
}

impl Default for MetadataResponse {
    fn default() -> MetadataResponse {
        MetadataResponse {
            throttle_time_ms: 0,
            brokers: Vec::new(),
            cluster_id: None,
            controller_id: -1,
            topics: Vec::new(),
            cluster_authorized_operations: NO_AUTHORIZED_OPERATIONS,
            error_code: 0,
        }
    }
}

impl Fields for MetadataResponse {
    const MIN_BYTES: usize = 8;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 3 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.array("brokers", &mut self.brokers)?;
        if c.version() >= 2 {
            c.nullable_string("cluster_id", &mut self.cluster_id)?;
        }
        if c.version() >= 1 {
            c.i32("controller_id", &mut self.controller_id)?;
        }
        c.array("topics", &mut self.topics)?;
        let operations = &mut self.cluster_authorized_operations;
        if (8..=10).contains(&c.version()) {
            c.i32("cluster_authorized_operations", operations)?;
        } else {
            let is_default = *operations == NO_AUTHORIZED_OPERATIONS;
            c.absent("cluster_authorized_operations", is_default)?;
        }
        if c.version() >= 13 {
            c.i16("error_code", &mut self.error_code)?;
        }
        c.no_tags()
    }
}

impl Message for MetadataResponse {
    const NAME: &'static str = "MetadataResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// A broker.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MetadataResponseBroker {
    /// The broker's number.
    pub node_id: i32,
    /// A name or an address.
    pub host: Arc<str>,
    /// The port.
    pub port: i32,
    /// Since version 1. Null if the broker was not given one.
    pub rack: Option<Arc<str>>,
}

impl Fields for MetadataResponseBroker {
    const MIN_BYTES: usize = 10;
    const MAX_COUNT: usize = 100_000;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("node_id", &mut self.node_id)?;
        c.string("host", &mut self.host)?;
        c.i32("port", &mut self.port)?;
        if c.version() >= 1 {
            c.nullable_string("rack", &mut self.rack)?;
        }
        c.no_tags()
    }
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponseTopic {
    /// 0 if there was none.
    pub error_code: i16,
    /// Since version 12 null if an id was asked for that no topic has.
    pub name: Option<Arc<str>>,
    /// Since version 10. Zero if a name was asked for that no topic has.
    pub topic_id: Uuid,
    /// Since version 1. Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// The partitions, in no order.
    pub partitions: Vec<MetadataResponsePartition>,
    /// Since version 8. A set of bits.
    pub topic_authorized_operations: i32,
}

impl Default for MetadataResponseTopic {
    fn default() -> MetadataResponseTopic {
        MetadataResponseTopic {
            error_code: 0,
            name: None,
            topic_id: Uuid::ZERO,
            is_internal: false,
            partitions: Vec::new(),
            topic_authorized_operations: NO_AUTHORIZED_OPERATIONS,
        }
    }
}

impl Fields for MetadataResponseTopic {
    const MIN_BYTES: usize = 8;
    const MAX_COUNT: usize = 100_000;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        if c.version() >= 12 {
            c.nullable_string("name", &mut self.name)?;
        } else {
            c.required_string("name", &mut self.name)?;
        }
        if c.version() >= 10 {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        if c.version() >= 1 {
            c.bool("is_internal", &mut self.is_internal)?;
        }
        c.array("partitions", &mut self.partitions)?;
        let operations = &mut self.topic_authorized_operations;
        if c.version() >= 8 {
            c.i32("topic_authorized_operations", operations)?;
        } else {
            c.absent("topic_authorized_operations", *operations == NO_AUTHORIZED_OPERATIONS)?;
        }
        c.no_tags()
    }
}

/// A partition.
#[derive(Clone, Debug, PartialEq)]
pub struct MetadataResponsePartition {
    /// 0 if there was none.
    pub error_code: i16,
    /// The partition's number.
    pub partition_index: i32,
    /// The broker that leads it, or -1.
    pub leader_id: i32,
    /// Since version 7. Grows with each election; -1 if not known.
    pub leader_epoch: i32,
    /// The brokers that host it.
    pub replica_nodes: Vec<i32>,
    /// Those of them that have all its records.
    pub isr_nodes: Vec<i32>,
    /// Since version 5. Those of them that are down.
    pub offline_replicas: Vec<i32>,
}

impl Default for MetadataResponsePartition {
    fn default() -> MetadataResponsePartition {
        MetadataResponsePartition {
            error_code: 0,
            partition_index: 0,
            leader_id: 0,
            leader_epoch: -1,
            replica_nodes: Vec::new(),
            isr_nodes: Vec::new(),
            offline_replicas: Vec::new(),
        }
    }
}

impl Fields for MetadataResponsePartition {
    const MIN_BYTES: usize = 18;
    const MAX_COUNT: usize = 100_000;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        c.i32("partition_index", &mut self.partition_index)?;
        c.i32("leader_id", &mut self.leader_id)?;
        if c.version() >= 7 {
            c.i32("leader_epoch", &mut self.leader_epoch)?;
        }
        c.i32_array("replica_nodes", &mut self.replica_nodes)?;
        c.i32_array("isr_nodes", &mut self.isr_nodes)?;
        if c.version() >= 5 {
            c.i32_array("offline_replicas", &mut self.offline_replicas)?;
        }
        c.no_tags()
    }
}
