//! Fetch (1): the records of many partitions from an offset on, for consumers and followers.
//!
//! Version 7 adds sessions: a request then names only the partitions that changed and the response
//! only those with news. Version 12 finds out where logs diverge, 13 names topics by their ids, and
//! 16 tells where new leaders are.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::produce::{LeaderIdAndEpoch, NodeEndpoint};
use crate::wire::codec::{Codec, Fields, Message, Records, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 1;
const VERSIONS: RangeInclusive<i16> = 4..=18;
const FLEXIBLE_FROM: i16 = 12;

/// Asks for records.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchRequest {
    /// Since version 12, tag 0. Null if the sender does not know it; a broker of another cluster
    /// refuses.
    pub cluster_id: Option<Arc<str>>,
    /// Up to version 14. The follower that asks, or -1 for a consumer.
    pub replica_id: i32,
    /// Since version 15, tag 1. The follower that asks and since when it runs (KIP-903).
    pub replica_state: ReplicaState,
    /// How long the broker waits for `min_bytes`.
    pub max_wait_ms: i32,
    /// How many bytes are worth an answer before that time.
    pub min_bytes: i32,
    /// How many bytes of records to answer with; a first batch larger than that comes whole.
    pub max_bytes: i32,
    /// 0 reads all records, 1 only those of transactions that were committed.
    pub isolation_level: i8,
    /// Since version 7. The session, or 0 to have none or a new one.
    pub session_id: i32,
    /// Since version 7. The number of the request in its session: 0 opens one and names all
    /// partitions, -1 ends it or does without.
    pub session_epoch: i32,
    /// The partitions to fetch; in a session those that are new or changed.
    pub topics: Vec<FetchTopic>,
    /// Since version 7. The partitions that leave the session.
    pub forgotten_topics_data: Vec<ForgottenTopic>,
    /// Since version 11. Where the consumer is, for reading from a near replica (KIP-392); empty if
    /// unknown.
    pub rack_id: Arc<str>,
}

impl Default for FetchRequest {
    fn default() -> FetchRequest {
        FetchRequest {
            cluster_id: None,
            replica_id: -1,
            replica_state: ReplicaState::default(),
            max_wait_ms: 0,
            min_bytes: 0,
            max_bytes: i32::MAX,
            isolation_level: 0,
            session_id: 0,
            session_epoch: -1,
            topics: Vec::new(),
            forgotten_topics_data: Vec::new(),
            rack_id: Arc::default(),
        }
    }
}

impl Fields for FetchRequest {
    const MIN_BYTES: usize = 21;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 14 {
            c.i32("replica_id", &mut self.replica_id)?;
        } else {
            c.absent("replica_id", self.replica_id == -1)?;
        }
        c.i32("max_wait_ms", &mut self.max_wait_ms)?;
        c.i32("min_bytes", &mut self.min_bytes)?;
        c.i32("max_bytes", &mut self.max_bytes)?;
        c.i8("isolation_level", &mut self.isolation_level)?;
        if c.version() >= 7 {
            c.i32("session_id", &mut self.session_id)?;
            c.i32("session_epoch", &mut self.session_epoch)?;
        }
        c.array("topics", &mut self.topics)?;
        if c.version() >= 7 {
            c.array("forgotten_topics_data", &mut self.forgotten_topics_data)?;
        } else {
            c.absent("forgotten_topics_data", self.forgotten_topics_data.is_empty())?;
        }
        if c.version() >= 11 {
            c.string("rack_id", &mut self.rack_id)?;
        }
        if c.version() < 15 {
            c.absent("replica_state", self.replica_state == ReplicaState::default())?;
        }
        let present = [self.cluster_id.is_some(), self.replica_state != ReplicaState::default()];
        let known = if c.version() >= 15 { &present[..] } else { &present[..1] };
        c.tags(known, |c, tag| match tag {
            0 => c.nullable_string("cluster_id", &mut self.cluster_id),
            _ => c.structure("replica_state", &mut self.replica_state),
        })
    }
}

impl Message for FetchRequest {
    const NAME: &'static str = "FetchRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for FetchRequest {
    type Response = FetchResponse;
}

/// Which follower asks.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplicaState {
    /// The broker, or -1 for a consumer.
    pub replica_id: i32,
    /// The epoch of the broker's registration, or -1.
    pub replica_epoch: i64,
}

impl Default for ReplicaState {
    fn default() -> ReplicaState {
        ReplicaState { replica_id: -1, replica_epoch: -1 }
    }
}

impl Fields for ReplicaState {
    const MIN_BYTES: usize = 13;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("replica_id", &mut self.replica_id)?;
        c.i64("replica_epoch", &mut self.replica_epoch)?;
        c.no_tags()
    }
}

/// The partitions of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchTopic {
    /// Up to version 12. The topic's name.
    pub topic: Arc<str>,
    /// Since version 13. The topic's id.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<FetchPartition>,
}

impl Fields for FetchTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 12 {
            c.string("topic", &mut self.topic)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// Where to read one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    /// The partition's number.
    pub partition: i32,
    /// Since version 9. The leader's epoch as the sender knows it, or -1; another one is refused.
    pub current_leader_epoch: i32,
    /// The first offset wanted.
    pub fetch_offset: i64,
    /// Since version 12. The epoch of the last record that the sender has, or -1.
    pub last_fetched_epoch: i32,
    /// Since version 5. A follower's first offset, or -1.
    pub log_start_offset: i64,
    /// How many bytes to answer with; a first batch larger than that comes whole.
    pub partition_max_bytes: i32,
    /// Since version 17, tag 0. The follower's log directory.
    pub replica_directory_id: Uuid,
    /// Since version 18, tag 1. The follower's high watermark; the largest number if it is not told
    /// (KIP-1166).
    pub high_watermark: i64,
}

impl Default for FetchPartition {
    fn default() -> FetchPartition {
        FetchPartition {
            partition: 0,
            current_leader_epoch: -1,
            fetch_offset: 0,
            last_fetched_epoch: -1,
            log_start_offset: -1,
            partition_max_bytes: 0,
            replica_directory_id: Uuid::ZERO,
            high_watermark: i64::MAX,
        }
    }
}

impl Fields for FetchPartition {
    const MIN_BYTES: usize = 16;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition", &mut self.partition)?;
        if c.version() >= 9 {
            c.i32("current_leader_epoch", &mut self.current_leader_epoch)?;
        }
        c.i64("fetch_offset", &mut self.fetch_offset)?;
        if c.version() >= 12 {
            c.i32("last_fetched_epoch", &mut self.last_fetched_epoch)?;
        } else {
            c.absent("last_fetched_epoch", self.last_fetched_epoch == -1)?;
        }
        if c.version() >= 5 {
            c.i64("log_start_offset", &mut self.log_start_offset)?;
        }
        c.i32("partition_max_bytes", &mut self.partition_max_bytes)?;
        let present = [!self.replica_directory_id.is_zero(), self.high_watermark != i64::MAX];
        let known = match c.version() {
            ..=16 => &[][..],
            17 => &present[..1],
            _ => &present[..],
        };
        c.tags(known, |c, tag| match tag {
            0 => c.uuid("replica_directory_id", &mut self.replica_directory_id),
            _ => c.i64("high_watermark", &mut self.high_watermark),
        })
    }
}

/// Partitions of one topic that leave the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ForgottenTopic {
    /// Up to version 12. The topic's name.
    pub topic: Arc<str>,
    /// Since version 13. The topic's id.
    pub topic_id: Uuid,
    /// The partitions' numbers.
    pub partitions: Vec<i32>,
}

impl Fields for ForgottenTopic {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 12 {
            c.string("topic", &mut self.topic)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.i32_array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// The records.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Since version 7. What is wrong with the request or its session, or 0.
    pub error_code: i16,
    /// Since version 7. The session, or 0 if there is none.
    pub session_id: i32,
    /// The topics.
    pub responses: Vec<FetchableTopicResponse>,
    /// Since version 16, tag 0. Where the leaders are that partitions name.
    pub node_endpoints: Vec<NodeEndpoint>,
}

impl Fields for FetchResponse {
    const MIN_BYTES: usize = 8;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        if c.version() >= 7 {
            c.i16("error_code", &mut self.error_code)?;
            c.i32("session_id", &mut self.session_id)?;
        } else {
            c.absent("session_id", self.session_id == 0)?;
        }
        c.array("responses", &mut self.responses)?;
        if c.version() < 16 {
            c.absent("node_endpoints", self.node_endpoints.is_empty())?;
        }
        let present = [!self.node_endpoints.is_empty()];
        let known = if c.version() >= 16 { &present[..] } else { &[] };
        c.tags(known, |c, _| c.array("node_endpoints", &mut self.node_endpoints))
    }
}

impl Message for FetchResponse {
    const NAME: &'static str = "FetchResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// The records of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FetchableTopicResponse {
    /// Up to version 12. The topic's name.
    pub topic: Arc<str>,
    /// Since version 13. The topic's id.
    pub topic_id: Uuid,
    /// The partitions.
    pub partitions: Vec<PartitionData>,
}

impl Fields for FetchableTopicResponse {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 12 {
            c.string("topic", &mut self.topic)?;
        } else {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.array("partitions", &mut self.partitions)?;
        c.no_tags()
    }
}

/// The records of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionData {
    /// The partition's number.
    pub partition_index: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// The offset after the last record that consumers may see.
    pub high_watermark: i64,
    /// The offset before which every transaction is decided, or -1.
    pub last_stable_offset: i64,
    /// Since version 5. The first offset that the partition still has, or -1.
    pub log_start_offset: i64,
    /// Since version 12, tag 0. Where the sender's log leaves the leader's, if it does.
    pub diverging_epoch: EpochEndOffset,
    /// Since version 12, tag 1. The leader, if the broker is none and knows it.
    pub current_leader: LeaderIdAndEpoch,
    /// Since version 12, tag 2. The snapshot to fetch instead; for the metadata log alone.
    pub snapshot_id: SnapshotId,
    /// The aborted transactions among the records. Null if all records are read.
    pub aborted_transactions: Option<Vec<AbortedTransaction>>,
    /// Since version 11. The replica that the consumer should read from, or -1.
    pub preferred_read_replica: i32,
    /// The batches, in any number of pieces.
    pub records: Records,
}

impl Default for PartitionData {
    fn default() -> PartitionData {
        PartitionData {
            partition_index: 0,
            error_code: 0,
            high_watermark: 0,
            last_stable_offset: -1,
            log_start_offset: -1,
            diverging_epoch: EpochEndOffset::default(),
            current_leader: LeaderIdAndEpoch::default(),
            snapshot_id: SnapshotId::default(),
            aborted_transactions: None,
            preferred_read_replica: -1,
            records: Records::Null,
        }
    }
}

impl Fields for PartitionData {
    const MIN_BYTES: usize = 30;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i16("error_code", &mut self.error_code)?;
        c.i64("high_watermark", &mut self.high_watermark)?;
        c.i64("last_stable_offset", &mut self.last_stable_offset)?;
        if c.version() >= 5 {
            c.i64("log_start_offset", &mut self.log_start_offset)?;
        }
        c.nullable_array("aborted_transactions", &mut self.aborted_transactions)?;
        if c.version() >= 11 {
            c.i32("preferred_read_replica", &mut self.preferred_read_replica)?;
        } else {
            c.absent("preferred_read_replica", self.preferred_read_replica == -1)?;
        }
        c.records("records", &mut self.records)?;
        if c.version() < 12 {
            c.absent("diverging_epoch", self.diverging_epoch == EpochEndOffset::default())?;
            c.absent("current_leader", self.current_leader == LeaderIdAndEpoch::default())?;
            c.absent("snapshot_id", self.snapshot_id == SnapshotId::default())?;
        }
        let present = [
            self.diverging_epoch != EpochEndOffset::default(),
            self.current_leader != LeaderIdAndEpoch::default(),
            self.snapshot_id != SnapshotId::default(),
        ];
        c.tags(&present, |c, tag| match tag {
            0 => c.structure("diverging_epoch", &mut self.diverging_epoch),
            1 => c.structure("current_leader", &mut self.current_leader),
            _ => c.structure("snapshot_id", &mut self.snapshot_id),
        })
    }
}

/// Where an epoch ends.
#[derive(Clone, Debug, PartialEq)]
pub struct EpochEndOffset {
    /// The largest epoch that both logs have, or -1.
    pub epoch: i32,
    /// The offset after its last record, or -1.
    pub end_offset: i64,
}

impl Default for EpochEndOffset {
    fn default() -> EpochEndOffset {
        EpochEndOffset { epoch: -1, end_offset: -1 }
    }
}

impl Fields for EpochEndOffset {
    const MIN_BYTES: usize = 13;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("epoch", &mut self.epoch)?;
        c.i64("end_offset", &mut self.end_offset)?;
        c.no_tags()
    }
}

/// A snapshot of the metadata log.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotId {
    /// The offset after its last record, or -1.
    pub end_offset: i64,
    /// The epoch of its last record, or -1.
    pub epoch: i32,
}

impl Default for SnapshotId {
    fn default() -> SnapshotId {
        SnapshotId { end_offset: -1, epoch: -1 }
    }
}

impl Fields for SnapshotId {
    const MIN_BYTES: usize = 13;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i64("end_offset", &mut self.end_offset)?;
        c.i32("epoch", &mut self.epoch)?;
        c.no_tags()
    }
}

/// A transaction whose records are not to be seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AbortedTransaction {
    /// The producer.
    pub producer_id: i64,
    /// The offset of the transaction's first record.
    pub first_offset: i64,
}

impl Fields for AbortedTransaction {
    const MIN_BYTES: usize = 16;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i64("producer_id", &mut self.producer_id)?;
        c.i64("first_offset", &mut self.first_offset)?;
        c.no_tags()
    }
}
