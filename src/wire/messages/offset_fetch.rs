//! OffsetFetch (9): how far a group had come in each partition.
//!
//! Version 8 asks for many groups at once, 10 names topics by their ids.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 9;
const VERSIONS: RangeInclusive<i16> = 1..=10;
const FLEXIBLE_FROM: i16 = 6;

/// Asks for offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequest {
    /// Up to version 7. The group.
    pub group_id: Arc<str>,
    /// Up to version 7. The partitions. Null, since version 2, asks for all that the group has.
    pub topics: Option<Vec<OffsetFetchRequestTopic>>,
    /// Since version 8. The groups.
    pub groups: Vec<OffsetFetchRequestGroup>,
    /// Since version 7. Whether offsets of a transaction that is not decided are an error.
    pub require_stable: bool,
}

impl Default for OffsetFetchRequest {
    fn default() -> OffsetFetchRequest {
        OffsetFetchRequest {
            group_id: Arc::default(),
            topics: Some(Vec::new()),
            groups: Vec::new(),
            require_stable: false,
        }
    }
}

impl Fields for OffsetFetchRequest {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 7 {
            c.string("group_id", &mut self.group_id)?;
            if c.version() >= 2 {
                c.nullable_array("topics", &mut self.topics)?;
            } else {
                c.required_array("topics", &mut self.topics)?;
            }
        } else {
            c.absent("group_id", self.group_id.is_empty())?;
            c.absent("topics", self.topics.as_ref().is_some_and(Vec::is_empty))?;
        }
        if c.version() >= 8 {
            c.array("groups", &mut self.groups)?;
        } else {
            c.absent("groups", self.groups.is_empty())?;
        }
        if c.version() >= 7 {
            c.bool("require_stable", &mut self.require_stable)?;
        } else {
            c.absent("require_stable", !self.require_stable)?;
        }
        c.no_tags()
    }
}

impl Message for OffsetFetchRequest {
    const NAME: &'static str = "OffsetFetchRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for OffsetFetchRequest {
    type Response = OffsetFetchResponse;
}

/// The partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopic {
    /// The topic's name.
    pub name: Arc<str>,
    /// The partitions' numbers.
    pub partition_indexes: Vec<i32>,
}

impl Fields for OffsetFetchRequestTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i32_array("partition_indexes", &mut self.partition_indexes)?;
        c.no_tags()
    }
}

/// The partitions of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchRequestGroup {
    /// The group.
    pub group_id: Arc<str>,
    /// Since version 9. The member that asks, or null; for groups that the broker assigns.
    pub member_id: Option<Arc<str>>,
    /// Since version 9. The epoch of that member, or -1.
    pub member_epoch: i32,
    /// The partitions. Null asks for all that the group has.
    pub topics: Option<Vec<OffsetFetchRequestTopics>>,
}

impl Default for OffsetFetchRequestGroup {
    fn default() -> OffsetFetchRequestGroup {
        OffsetFetchRequestGroup {
            group_id: Arc::default(),
            member_id: None,
            member_epoch: -1,
            topics: None,
        }
    }
}

impl Fields for OffsetFetchRequestGroup {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        if c.version() >= 9 {
            c.nullable_string("member_id", &mut self.member_id)?;
            c.i32("member_epoch", &mut self.member_epoch)?;
        }
        c.nullable_array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

/// The partitions of one topic of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchRequestTopics {
    /// Up to version 9. The topic's name.
    pub name: Arc<str>,
    /// Since version 10. The topic's id.
    pub topic_id: Uuid,
    /// The partitions' numbers.
    pub partition_indexes: Vec<i32>,
}

impl Fields for OffsetFetchRequestTopics {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 9 {
            c.string("name", &mut self.name)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.i32_array("partition_indexes", &mut self.partition_indexes)?;
        c.no_tags()
    }
}

/// The offsets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponse {
    /// Since version 3. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Up to version 7. The topics.
    pub topics: Vec<OffsetFetchResponseTopic>,
    /// Versions 2 to 7. 0 if there was none.
    pub error_code: i16,
    /// Since version 8. The groups.
    pub groups: Vec<OffsetFetchResponseGroup>,
}

impl Fields for OffsetFetchResponse {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 3 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        if c.version() <= 7 {
            c.array("topics", &mut self.topics)?;
        } else {
            c.absent("topics", self.topics.is_empty())?;
        }
        if (2..=7).contains(&c.version()) {
            c.i16("error_code", &mut self.error_code)?;
        }
        if c.version() >= 8 {
            c.array("groups", &mut self.groups)?;
        } else {
            c.absent("groups", self.groups.is_empty())?;
        }
        c.no_tags()
    }
}

impl Message for OffsetFetchResponse {
    const NAME: &'static str = "OffsetFetchResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// The offsets of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopic {
    /// The topic's name.
    pub name: Arc<str>,
    /// The partitions.
    pub partitions: Vec<OffsetFetchResponsePartition>,
}

impl Fields for OffsetFetchResponseTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// The offset of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartition {
    /// The partition's number.
    pub partition_index: i32,
    /// The next offset to read, or -1 if there is none.
    pub committed_offset: i64,
    /// Since version 5. The epoch of the last record that was read, or -1.
    pub committed_leader_epoch: i32,
    /// What was kept beside the offset.
    pub metadata: Option<Arc<str>>,
    /// 0 if there was none.
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartition {
    fn default() -> OffsetFetchResponsePartition {
        OffsetFetchResponsePartition {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: None,
            error_code: 0,
        }
    }
}

impl Fields for OffsetFetchResponsePartition {
    const MIN_BYTES: usize = 16;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i64("committed_offset", &mut self.committed_offset)?;
        if c.version() >= 5 {
            c.i32("committed_leader_epoch", &mut self.committed_leader_epoch)?;
        }
        c.nullable_string("metadata", &mut self.metadata)?;
        c.i16("error_code", &mut self.error_code)?;
        c.no_tags()
    }
}

/// The offsets of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseGroup {
    /// The group.
    pub group_id: Arc<str>,
    /// The topics.
    pub topics: Vec<OffsetFetchResponseTopics>,
    /// 0 if there was none.
    pub error_code: i16,
}

impl Fields for OffsetFetchResponseGroup {
    const MIN_BYTES: usize = 5;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        c.array("topics", &mut self.topics)?;
        c.i16("error_code", &mut self.error_code)?;
        c.no_tags()
    }
}

/// The offsets of one topic of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OffsetFetchResponseTopics {
    /// Up to version 9. The topic's name.
    pub name: Arc<str>,
    /// Since version 10. The topic's id.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<OffsetFetchResponsePartitions>,
}

impl Fields for OffsetFetchResponseTopics {
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

/// The offset of one partition of one group.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetFetchResponsePartitions {
    /// The partition's number.
    pub partition_index: i32,
    /// The next offset to read, or -1 if there is none.
    pub committed_offset: i64,
    /// The epoch of the last record that was read, or -1.
    pub committed_leader_epoch: i32,
    /// What was kept beside the offset.
    pub metadata: Option<Arc<str>>,
    /// 0 if there was none.
    pub error_code: i16,
}

impl Default for OffsetFetchResponsePartitions {
    fn default() -> OffsetFetchResponsePartitions {
        OffsetFetchResponsePartitions {
            partition_index: 0,
            committed_offset: 0,
            committed_leader_epoch: -1,
            metadata: None,
            error_code: 0,
        }
    }
}

impl Fields for OffsetFetchResponsePartitions {
    const MIN_BYTES: usize = 20;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i64("committed_offset", &mut self.committed_offset)?;
        c.i32("committed_leader_epoch", &mut self.committed_leader_epoch)?;
        c.nullable_string("metadata", &mut self.metadata)?;
        c.i16("error_code", &mut self.error_code)?;
        c.no_tags()
    }
}
