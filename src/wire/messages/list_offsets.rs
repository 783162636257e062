//! ListOffsets (2): the offset of a time, or of either end of a log.
//!
//! Version 2 adds the isolation level, 4 leader epochs, 7 the record with the largest timestamp, 8
//! the first local offset, 9 the last one in remote storage, 10 a timeout and 11 the first one that
//! waits for its upload.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 2;
const VERSIONS: RangeInclusive<i16> = 1..=11;
const FLEXIBLE_FROM: i16 = 6;

/// Asks for offsets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsRequest {
    /// The follower that asks, or -1 for a consumer.
    pub replica_id: i32,
    /// Since version 2. With 1 the end of a log is its last stable offset, with 0 its high
    /// watermark.
    pub isolation_level: i8,
    /// The topics.
    pub topics: Vec<ListOffsetsTopic>,
    /// Since version 10. How long the broker may look in remote storage.
    pub timeout_ms: i32,
}

impl Fields for ListOffsetsRequest {
    const MIN_BYTES: usize = 7;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("replica_id", &mut self.replica_id)?;
        if c.version() >= 2 {
            c.i8("isolation_level", &mut self.isolation_level)?;
        } else {
            c.absent("isolation_level", self.isolation_level == 0)?;
        }
        c.array("topics", &mut self.topics)?;
        if c.version() >= 10 {
            c.i32("timeout_ms", &mut self.timeout_ms)?;
        }
        c.no_tags()
    }
}

impl Message for ListOffsetsRequest {
    const NAME: &'static str = "ListOffsetsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for ListOffsetsRequest {
    type Response = ListOffsetsResponse;
}

/// The partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsTopic {
    /// The topic's name.
    pub name: Arc<str>,
    /// The partitions.
    pub partitions: Vec<ListOffsetsPartition>,
}

impl Fields for ListOffsetsTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// What to look for in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct ListOffsetsPartition {
    /// The partition's number.
    pub partition_index: i32,
    /// Since version 4. The leader's epoch as the sender knows it, or -1; another one is refused.
    pub current_leader_epoch: i32,
    /// The first record of this time or later is looked for; -1 is the end of the log and -2 its
    /// start, -3 the record with the largest timestamp.
    pub timestamp: i64,
}

impl Default for ListOffsetsPartition {
    fn default() -> ListOffsetsPartition {
        ListOffsetsPartition { partition_index: 0, current_leader_epoch: -1, timestamp: 0 }
    }
}

impl Fields for ListOffsetsPartition {
    const MIN_BYTES: usize = 12;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        if c.version() >= 4 {
            c.i32("current_leader_epoch", &mut self.current_leader_epoch)?;
        }
        c.i64("timestamp", &mut self.timestamp)?;
        c.no_tags()
    }
}

/// The offsets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsResponse {
    /// Since version 2. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The topics.
    pub topics: Vec<ListOffsetsTopicResponse>,
}

impl Fields for ListOffsetsResponse {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 2 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

impl Message for ListOffsetsResponse {
    const NAME: &'static str = "ListOffsetsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// The offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListOffsetsTopicResponse {
    /// The topic's name.
    pub name: Arc<str>,
    /// The partitions.
    pub partitions: Vec<ListOffsetsPartitionResponse>,
}

impl Fields for ListOffsetsTopicResponse {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// The offset in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct ListOffsetsPartitionResponse {
    /// The partition's number.
    pub partition_index: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// The record's time; -1 if an end was asked for or there is no such record.
    pub timestamp: i64,
    /// The offset, or -1 if there is no such record.
    pub offset: i64,
    /// Since version 4. The epoch of the record at that offset, or -1.
    pub leader_epoch: i32,
}

impl Default for ListOffsetsPartitionResponse {
    fn default() -> ListOffsetsPartitionResponse {
        ListOffsetsPartitionResponse {
            partition_index: 0,
            error_code: 0,
            timestamp: -1,
            offset: -1,
            leader_epoch: -1,
        }
    }
}

impl Fields for ListOffsetsPartitionResponse {
    const MIN_BYTES: usize = 22;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i16("error_code", &mut self.error_code)?;
        c.i64("timestamp", &mut self.timestamp)?;
        c.i64("offset", &mut self.offset)?;
        if c.version() >= 4 {
            c.i32("leader_epoch", &mut self.leader_epoch)?;
        } else {
            c.absent("leader_epoch", self.leader_epoch == -1)?;
        }
        c.no_tags()
    }
}
