//! What a test may look at: records in a log, and how far a replica is.

use super::cluster::Cluster;
use super::journal::Arrival;
use super::log::StoredBatch;
use super::metadata_cache::PartitionImage;
use crate::record::{OwnedHeaders, owned_headers};
use crate::wire::record_batch::{BatchHeader, each_record};

/// How far a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// The first offset that it has.
    pub log_start_offset: i64,
    /// The offset after the last record that is committed, as far as the replica knows.
    pub high_watermark: i64,
    /// The offset that the next record gets.
    pub log_end_offset: i64,
    /// The size of what it keeps.
    pub bytes: i64,
}

/// A record in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    /// Its offset.
    pub offset: i64,
    /// The timestamp that it bears, in milliseconds.
    pub timestamp: i64,
    /// `None` is null.
    pub key: Option<Vec<u8>>,
    /// `None` is null.
    pub value: Option<Vec<u8>>,
    /// Names and values, in order.
    pub headers: OwnedHeaders,
    /// The producer that wrote it, or -1.
    pub producer_id: i64,
    /// The epoch of that producer, or -1.
    pub producer_epoch: i16,
    /// The epoch of the leader that appended it.
    pub leader_epoch: i32,
}

impl Cluster {
    /// The requests that arrived, oldest first, as many as there was room for.
    pub fn requests(&self) -> Vec<Arrival> {
        self.core.lock().journal.arrivals().cloned().collect()
    }

    /// How many requests ever arrived, remembered or not.
    pub fn request_count(&self) -> u64 {
        self.core.lock().journal.count()
    }

    /// Forgets the requests that arrived.
    pub fn forget_requests(&self) {
        self.core.lock().journal.clear();
    }

    /// Who hosts and leads a partition, as the controller has it.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<PartitionImage> {
        let core = self.core.lock();
        let topic = core.registry.topics.get(topic)?;
        topic.partitions.get(usize::try_from(partition).ok()?).cloned()
    }

    /// How far a broker's replica of a partition is.
    pub fn replica(&self, broker: i32, topic: &str, partition: i32) -> Option<ReplicaStatus> {
        let core = self.core.lock();
        let replica = core.server(broker)?.replicas.get(topic, partition)?;
        Some(ReplicaStatus {
            log_start_offset: replica.log.start_offset(),
            high_watermark: replica.high_watermark,
            log_end_offset: replica.log.end_offset(),
            bytes: replica.log.bytes(),
        })
    }

    /// The records of a partition that its leader has, committed or not.
    pub fn records(&self, topic: &str, partition: i32) -> Vec<LogRecord> {
        let leader = self.partition(topic, partition).map_or(-1, |partition| partition.leader);
        self.records_of(leader, topic, partition)
    }

    /// The records of a partition that one broker has.
    pub fn records_of(&self, broker: i32, topic: &str, partition: i32) -> Vec<LogRecord> {
        let core = self.core.lock();
        let replica = core.server(broker).and_then(|server| server.replicas.get(topic, partition));
        let batches = replica.map(|replica| replica.log.read(0, i64::MAX, usize::MAX));
        drop(core);
        batches.iter().flatten().flat_map(records_in).collect()
    }
}

/// The records of a batch.
fn records_in(stored: &StoredBatch) -> Vec<LogRecord> {
    each_record(&stored.to_vec(), |header, record| LogRecord {
        offset: header.base_offset + i64::from(record.offset_delta),
        timestamp: match header.attributes & BatchHeader::LOG_APPEND_TIME != 0 {
            true => header.max_timestamp,
            false => header.base_timestamp.wrapping_add(record.timestamp_delta),
        },
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: owned_headers(&record.headers),
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        leader_epoch: stored.leader_epoch,
    })
}
