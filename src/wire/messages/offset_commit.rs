//! OffsetCommit (8): how far a group has come in each partition, to be kept.
//!
//! Version 10 names topics by their ids.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 8;
const VERSIONS: RangeInclusive<i16> = 2..=10;
const FLEXIBLE_FROM: i16 = 8;

/// Asks to keep offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequest {
    /// The group.
    pub group_id: Arc<str>,
    /// The generation that the member joined, or -1 from outside of the group.
    pub generation_id_or_member_epoch: i32,
    /// The member, or empty.
    pub member_id: Arc<str>,
    /// Since version 7. The name of a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// Up to version 4. How long to keep them, or -1 for as long as the broker likes.
    pub retention_time_ms: i64,
    /// The topics.
    pub topics: Vec<OffsetCommitRequestTopic>,
}

impl Default for OffsetCommitRequest {
    fn default() -> OffsetCommitRequest {
        OffsetCommitRequest {
            group_id: Arc::default(),
            generation_id_or_member_epoch: -1,
            member_id: Arc::default(),
            group_instance_id: None,
            retention_time_ms: -1,
            topics: Vec::new(),
        }
    }
}

impl Fields for OffsetCommitRequest {
    const MIN_BYTES: usize = 9;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        c.i32("generation_id_or_member_epoch", &mut self.generation_id_or_member_epoch)?;
        c.string("member_id", &mut self.member_id)?;
        if c.version() >= 7 {
            c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        } else {
            c.absent("group_instance_id", self.group_instance_id.is_none())?;
        }
        if c.version() <= 4 {
            c.i64("retention_time_ms", &mut self.retention_time_ms)?;
        }
        c.array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

impl Message for OffsetCommitRequest {
    const NAME: &'static str = "OffsetCommitRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for OffsetCommitRequest {
    type Response = OffsetCommitResponse;
}

/// The offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitRequestTopic {
    /// Up to version 9. The topic's name.
    pub name: Arc<str>,
    /// Since version 10. The topic's id.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<OffsetCommitRequestPartition>,
}

impl Fields for OffsetCommitRequestTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 9 {
            c.string("name", &mut self.name)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// The offset of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommitRequestPartition {
    /// The partition's number.
    pub partition_index: i32,
    /// The next offset to read.
    pub committed_offset: i64,
    /// Since version 6. The epoch of the last record that was read, or -1.
    pub committed_leader_epoch: i32,
    /// Whatever the consumer wants to find again beside the offset.
    pub committed_metadata: Option<Arc<str>>,
}

impl Default for OffsetCommitRequestPartition {
    fn default() -> OffsetCommitRequestPartition {
        OffsetCommitRequestPartition {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            committed_metadata: None,
        }
    }
}

impl Fields for OffsetCommitRequestPartition {
    const MIN_BYTES: usize = 14;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i64("committed_offset", &mut self.committed_offset)?;
        if c.version() >= 6 {
            c.i32("committed_leader_epoch", &mut self.committed_leader_epoch)?;
        }
        c.nullable_string("committed_metadata", &mut self.committed_metadata)?;
        c.no_tags()
    }
}

/// Which offsets were kept.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponse {
    /// Since version 3. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The topics.
    pub topics: Vec<OffsetCommitResponseTopic>,
}

impl Fields for OffsetCommitResponse {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 3 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

impl Message for OffsetCommitResponse {
    const NAME: &'static str = "OffsetCommitResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of the offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponseTopic {
    /// Up to version 9. The topic's name.
    pub name: Arc<str>,
    /// Since version 10. The topic's id.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<OffsetCommitResponsePartition>,
}

impl Fields for OffsetCommitResponseTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 9 {
            c.string("name", &mut self.name)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// What became of the offset of one partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetCommitResponsePartition {
    /// The partition's number.
    pub partition_index: i32,
    /// 0 if there was none.
    pub error_code: i16,
}

impl Fields for OffsetCommitResponsePartition {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i16("error_code", &mut self.error_code)?;
        c.no_tags()
    }
}
