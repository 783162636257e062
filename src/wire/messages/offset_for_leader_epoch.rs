//! OffsetForLeaderEpoch (23): where the records of a leader's epoch end.
//!
//! With it consumers and followers find out whether their log and the leader's went apart.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 23;
const VERSIONS: RangeInclusive<i16> = 2..=4;
const FLEXIBLE_FROM: i16 = 4;

/// Asks for the ends of epochs.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderEpochRequest {
    /// Since version 3. The follower that asks, -1 for a consumer, or -2 if it does not say.
    pub replica_id: i32,
    /// The topics.
    pub topics: Vec<OffsetForLeaderTopic>,
}

impl Default for OffsetForLeaderEpochRequest {
    fn default() -> OffsetForLeaderEpochRequest {
        OffsetForLeaderEpochRequest { replica_id: -2, topics: Vec::new() }
    }
}

impl Fields for OffsetForLeaderEpochRequest {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 3 {
            c.i32("replica_id", &mut self.replica_id)?;
        }
        c.array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

impl Message for OffsetForLeaderEpochRequest {
    const NAME: &'static str = "OffsetForLeaderEpochRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for OffsetForLeaderEpochRequest {
    type Response = OffsetForLeaderEpochResponse;
}

/// The partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopic {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partitions.
    pub partitions: Vec<OffsetForLeaderPartition>,
}

impl Fields for OffsetForLeaderTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("topic", &mut self.topic)?;
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// An epoch of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetForLeaderPartition {
    /// The partition's number.
    pub partition: i32,
    /// The leader's epoch as the sender knows it, or -1; another one is refused.
    pub current_leader_epoch: i32,
    /// The epoch whose end is wanted.
    pub leader_epoch: i32,
}

impl Default for OffsetForLeaderPartition {
    fn default() -> OffsetForLeaderPartition {
        OffsetForLeaderPartition { partition: 0, current_leader_epoch: -1, leader_epoch: 0 }
    }
}

impl Fields for OffsetForLeaderPartition {
    const MIN_BYTES: usize = 12;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition", &mut self.partition)?;
        c.i32("current_leader_epoch", &mut self.current_leader_epoch)?;
        c.i32("leader_epoch", &mut self.leader_epoch)?;
        c.no_tags()
    }
}

/// The ends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderEpochResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The topics.
    pub topics: Vec<OffsetForLeaderTopicResult>,
}

impl Fields for OffsetForLeaderEpochResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

impl Message for OffsetForLeaderEpochResponse {
    const NAME: &'static str = "OffsetForLeaderEpochResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// The ends in one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetForLeaderTopicResult {
    /// The topic's name.
    pub topic: Arc<str>,
    /// The partitions.
    pub partitions: Vec<EpochEndOffset>,
}

impl Fields for OffsetForLeaderTopicResult {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("topic", &mut self.topic)?;
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// The end of an epoch in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    /// 0 if there was none.
    pub error_code: i16,
    /// The partition's number.
    pub partition: i32,
    /// The largest epoch not above the one asked for, or -1.
    pub leader_epoch: i32,
    /// The offset after its last record, or -1.
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> EpochEndOffset {
        EpochEndOffset { error_code: 0, partition: 0, leader_epoch: -1, end_offset: -1 }
    }
}

impl Fields for EpochEndOffset {
    const MIN_BYTES: usize = 18;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        c.i32("partition", &mut self.partition)?;
        c.i32("leader_epoch", &mut self.leader_epoch)?;
        c.i64("end_offset", &mut self.end_offset)?;
        c.no_tags()
    }
}
