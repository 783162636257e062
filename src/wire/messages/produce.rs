//! Produce (0): record batches for many partitions, and what became of each.
//!
//! Version 7 is the first with zstd, 12 adds partitions to a transaction by itself, and 13 names
//! topics by their ids.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Records, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 0;
const VERSIONS: RangeInclusive<i16> = 3..=13;
const FLEXIBLE_FROM: i16 = 9;

/// Batches to append.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceRequest {
    /// Null for a producer without transactions.
    pub transactional_id: Option<Arc<str>>,
    /// When the broker answers: 0 never, 1 after its own append, -1 after all in-sync replicas'.
    pub acks: i16,
    /// How long the broker waits for the replicas.
    pub timeout_ms: i32,
    /// The topics.
    pub topic_data: Vec<TopicProduceData>,
}

impl Fields for ProduceRequest {
    const MIN_BYTES: usize = 9;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.nullable_string("transactional_id", &mut self.transactional_id)?;
        c.i16("acks", &mut self.acks)?;
        c.i32("timeout_ms", &mut self.timeout_ms)?;
        c.array("topic_data", &mut self.topic_data)?;
        c.no_tags()
    }
}

impl Message for ProduceRequest {
    const NAME: &'static str = "ProduceRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for ProduceRequest {
    type Response = ProduceResponse;
}

/// The batches of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceData {
    /// Up to version 12.
    pub name: Arc<str>,
    /// Since version 13.
    pub topic_id: Uuid,
    /// The partitions.
    pub partition_data: Vec<PartitionProduceData>,
}

impl Fields for TopicProduceData {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 12 {
            c.string("name", &mut self.name)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.array("partition_data", &mut self.partition_data)?;
        c.no_tags()
    }
}

/// The batch of one partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PartitionProduceData {
    /// The partition's number.
    pub index: i32,
    /// The batch.
    pub records: Records,
}

impl Fields for PartitionProduceData {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("index", &mut self.index)?;
        c.records("records", &mut self.records)?;
        c.no_tags()
    }
}

/// What became of the batches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProduceResponse {
    /// The topics.
    pub responses: Vec<TopicProduceResponse>,
    /// Honoured since version 6. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Since version 10, tag 0. Where the leaders are that partitions name.
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Fields for ProduceResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.array("responses", &mut self.responses)?;
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        let present = [!self.node_endpoints.is_empty()];
        let known = if c.version() >= 10 { &present[..] } else { &[] };
        c.tags(known, |c, _| c.array("node_endpoints", &mut self.node_endpoints))
    }
}

impl Message for ProduceResponse {
    const NAME: &'static str = "ProduceResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of the batches of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TopicProduceResponse {
    /// Up to version 12.
    pub name: Arc<str>,
    /// Since version 13.
    pub topic_id: Uuid,
    /// The partitions.
    pub partition_responses: Vec<PartitionProduceResponse>,
}

impl Fields for TopicProduceResponse {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 12 {
            c.string("name", &mut self.name)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.array("partition_responses", &mut self.partition_responses)?;
        c.no_tags()
    }
}

/// What became of the batch of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionProduceResponse {
    /// The partition's number.
    pub index: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// The offset of the batch's first record, or -1.
    pub base_offset: i64,
    /// When the broker appended, if the topic's records bear that time, or else -1.
    pub log_append_time_ms: i64,
    /// Since version 5. The first offset that the partition still has, or -1.
    pub log_start_offset: i64,
    /// Since version 8. The records for which the batch was refused.
    pub record_errors: Vec<BatchIndexAndErrorMessage>,
    /// Since version 8. Why the batch was refused, in words.
    pub error_message: Option<Arc<str>>,
    /// Since version 10, tag 0. The leader, if the broker is none and knows it.
    pub current_leader: LeaderIdAndEpoch,
}

impl Default for PartitionProduceResponse {
    fn default() -> PartitionProduceResponse {
        PartitionProduceResponse {
            index: 0,
            error_code: 0,
            base_offset: 0,
            log_append_time_ms: -1,
            log_start_offset: -1,
            record_errors: Vec::new(),
            error_message: None,
            current_leader: LeaderIdAndEpoch::default(),
        }
    }
}

impl Fields for PartitionProduceResponse {
    const MIN_BYTES: usize = 22;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("index", &mut self.index)?;
        c.i16("error_code", &mut self.error_code)?;
        c.i64("base_offset", &mut self.base_offset)?;
        c.i64("log_append_time_ms", &mut self.log_append_time_ms)?;
        if c.version() >= 5 {
            c.i64("log_start_offset", &mut self.log_start_offset)?;
        }
        if c.version() >= 8 {
            c.array("record_errors", &mut self.record_errors)?;
            c.nullable_string("error_message", &mut self.error_message)?;
        }
        let present = [self.current_leader != LeaderIdAndEpoch::default()];
        let known = if c.version() >= 10 { &present[..] } else { &[] };
        c.tags(known, |c, _| c.structure("current_leader", &mut self.current_leader))
    }
}

/// A record for which a batch was refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BatchIndexAndErrorMessage {
    /// The record's place in the batch, from 0.
    pub batch_index: i32,
    /// What is wrong with it.
    pub batch_index_error_message: Option<Arc<str>>,
}

impl Fields for BatchIndexAndErrorMessage {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("batch_index", &mut self.batch_index)?;
        c.nullable_string("batch_index_error_message", &mut self.batch_index_error_message)?;
        c.no_tags()
    }
}

/// A leader and since which election it is one.
#[derive(Clone, Debug, PartialEq)]
pub struct LeaderIdAndEpoch {
    /// The broker, or -1.
    pub leader_id: i32,
    /// The epoch, or -1.
    pub leader_epoch: i32,
}

impl Default for LeaderIdAndEpoch {
    fn default() -> LeaderIdAndEpoch {
        LeaderIdAndEpoch { leader_id: -1, leader_epoch: -1 }
    }
}

impl Fields for LeaderIdAndEpoch {
    const MIN_BYTES: usize = 9;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("leader_id", &mut self.leader_id)?;
        c.i32("leader_epoch", &mut self.leader_epoch)?;
        c.no_tags()
    }
}

/// Where a broker is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeEndpoint {
    /// The broker's number.
    pub node_id: i32,
    /// A name or an address.
    pub host: Arc<str>,
    /// The port.
    pub port: i32,
    /// Null if the broker was not given one.
    pub rack: Option<Arc<str>>,
}

impl Fields for NodeEndpoint {
    const MIN_BYTES: usize = 11;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("node_id", &mut self.node_id)?;
        c.string("host", &mut self.host)?;
        c.i32("port", &mut self.port)?;
        c.nullable_string("rack", &mut self.rack)?;
        c.no_tags()
    }
}
