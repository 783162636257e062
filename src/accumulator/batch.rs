//! ProducerBatch: records of one partition, encoded as they come, that succeed or fail together.
//!
//! A record is written once, by the thread that sends it, straight into the bytes that go over the
//! wire. Producer id, epoch and sequence live in the batch header, which is made when a request is
//! built, so a retry or an epoch bump never touches the records.
//!
//! With compression a batch is filled until what it will compress to, by the topic's estimate, is
//! `batch.size`; its records then lie in several buffers. Who finds it ready seals it, and a worker
//! (`compression.rs`) puts the compressed bytes in their place.

use std::sync::Arc;

use bytes::Bytes;

use super::buffer_pool::Buffer;
use super::topic::PartitionQueue;
use crate::compression::CompressionType;
use crate::record::Record;
use crate::report::{ReportQueue, Slots};
use crate::time::Instant;
use crate::wire::Uuid;
use crate::wire::crc::crc32c;
use crate::wire::record::{AnyRecord, EncodedRecord, ShortRecord};
use crate::wire::record_batch::{BatchHeader, HEADER_LEN as BATCH_HEADER_LEN};

/// A batch that takes records, or one that is sealed and waits to be sent or answered.
pub struct ProducerBatch {
    /// Tells it from the producer's other batches, and orders those of a partition.
    pub id: BatchId,
    /// When its first record came; linger and delivery.timeout.ms count from here.
    pub created: Instant,
    /// Its records that want a report.
    pub slots: Slots,
    /// The number of its records.
    pub record_count: u32,
    /// Attempts that failed.
    pub attempts: u32,
    /// Whether an attempt may have put it into the log although nobody said so.
    pub maybe_appended: bool,
    /// Producer id, epoch and first sequence, from the first attempt on.
    pub producer: Option<ProducerStamp>,
    /// The id of the topic that it was last sent to: that is where it is if it is in doubt. All
    /// zero if it was never sent, or the broker is too old to tell.
    pub topic_id: Uuid,
    pub(super) body: Body,
    /// Full buffers in front of the one that is open, and the bytes in them.
    pub(super) full: Vec<Buffer>,
    pub(super) full_len: usize,
    /// What it is expected to compress to, if it is to be compressed.
    pub(super) estimate: Option<f32>,
    pub(super) write_limit: usize,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    /// Report slots reserved and not yet taken by a record.
    pub(super) slot_credit: u32,
    /// The partition from which it was taken; a panic that drops it leaves its records there.
    pub(super) home: Option<Arc<PartitionQueue>>,
}

/// What is left of a batch that a panic dropped.
pub struct Lost {
    /// The batch.
    pub id: BatchId,
    /// Its records that want a report.
    pub slots: Slots,
}

/// Which batch of the producer it is. A batch that is split leaves its number to its pieces, so
/// that a flush that waits for the batch waits for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId {
    /// Counts batches of the producer; flush waits for all below a number.
    pub number: u64,
    /// Where a piece began in the batch that took its records; 0 for a whole batch.
    pub first_record: u32,
}

/// Under which identity a batch was first sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The sequence of the batch's first record.
    pub sequence: i32,
}

/// The sequence `count` after `sequence`; they wrap at 2^31, as on the broker.
pub fn sequence_after(sequence: i32, count: u32) -> i32 {
    (i64::from(sequence) + i64::from(count)).rem_euclid(1 << 31) as i32
}

/// The records: still growing, or fixed and shared.
pub(super) enum Body {
    Open(Buffer),
    /// Its records are with a worker.
    Compressing,
    Sealed {
        records: Bytes,
        crc: u32,
        compression: CompressionType,
    },
}

/// The estimate is a little pessimistic, as in Java: a batch that is too large costs more.
const ESTIMATE_MARGIN: f32 = 1.05;
/// A batch takes at most this many buffers, however well it compresses.
const BUFFERS_MAX: usize = 64;

/// What is kept of records for their reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reporting {
    /// Nothing: there are no reports (`delivery.report.mode=none`).
    None,
    /// What the caller gave them.
    Plain,
    /// Their create times as well (`delivery.report.timestamp`).
    WithTimestamps,
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub enum TryAppend {
    /// The record is in, and the batch that much larger on the wire.
    Done {
        /// Bytes; the batch's header is counted with its first record.
        grown: usize,
        /// Whether the batch takes no more records now.
        full: bool,
    },
    /// It does not fit, or the batch is sealed.
    NoRoom,
    /// It fits, but the batch needs another buffer for it.
    NeedsBuffer,
    /// Too many reports are unread.
    ReportsFull,
}

impl ProducerBatch {
    /// An empty batch that writes into `buffer`; `estimate` is there if it is to be compressed.
    pub fn new(
        number: u64,
        created: Instant,
        buffer: Buffer,
        slots: Slots,
        estimate: Option<f32>,
    ) -> ProducerBatch {
        ProducerBatch {
            id: BatchId { number, first_record: 0 },
            created,
            slots,
            record_count: 0,
            attempts: 0,
            maybe_appended: false,
            producer: None,
            topic_id: Uuid::ZERO,
            write_limit: buffer.capacity(),
            body: Body::Open(buffer),
            full: Vec::new(),
            full_len: 0,
            estimate,
            base_timestamp: -1,
            max_timestamp: -1,
            slot_credit: 0,
            home: None,
        }
    }

    /// Appends a record if it fits. The first record always fits.
    #[inline(always)]
    pub fn try_append(
        &mut self,
        record: &Record<'_>,
        timestamp: i64,
        reporting: Reporting,
        reports: &ReportQueue,
    ) -> TryAppend {
        let (offset_delta, delta) = self.deltas(timestamp);
        let (key, value, headers) = (record.key, record.value, record.headers);
        match ShortRecord::new(offset_delta, delta, key, value, headers) {
            Some(short) => self.append_encoded(&short, record, timestamp, reporting, reports),
            None => self.append_long(record, timestamp, reporting, reports),
        }
    }

    #[cold]
    #[inline(never)]
    fn append_long(
        &mut self,
        record: &Record<'_>,
        timestamp: i64,
        reporting: Reporting,
        reports: &ReportQueue,
    ) -> TryAppend {
        let (offset_delta, delta) = self.deltas(timestamp);
        let (key, value, headers) = (record.key, record.value, record.headers);
        let encoded = AnyRecord::new(offset_delta, delta, key, value, headers);
        self.append_encoded(&encoded, record, timestamp, reporting, reports)
    }

    /// The next record's differences to the batch's base offset and timestamp.
    fn deltas(&self, timestamp: i64) -> (i32, i64) {
        let base = if self.record_count == 0 { timestamp } else { self.base_timestamp };
        (self.record_count as i32, timestamp.wrapping_sub(base))
    }

    #[inline(always)]
    fn append_encoded(
        &mut self,
        encoded: &impl EncodedRecord,
        record: &Record<'_>,
        timestamp: i64,
        reporting: Reporting,
        reports: &ReportQueue,
    ) -> TryAppend {
        let Body::Open(buffer) = &mut self.body else { return TryAppend::NoRoom };
        let (first, size) = (self.record_count == 0, encoded.size());
        let here = buffer.as_ref().len();
        let before = wire_size(self.estimate, self.full_len + here);
        if !first && before + size > self.write_limit {
            return TryAppend::NoRoom;
        }
        let mut after = before + size;
        if self.estimate.is_some() {
            if !first && here + size > buffer.capacity() {
                let full = self.full.len() + 1 >= BUFFERS_MAX;
                return if full { TryAppend::NoRoom } else { TryAppend::NeedsBuffer };
            }
            after = wire_size(self.estimate, self.full_len + here + size);
        }
        if !record.no_report && reporting != Reporting::None {
            if self.slot_credit == 0 {
                self.slot_credit = reports.reserve();
            }
            if self.slot_credit == 0 {
                return TryAppend::ReportsFull;
            }
            self.slot_credit -= 1;
            let kept = (reporting == Reporting::WithTimestamps).then_some(timestamp);
            self.slots.push(self.record_count, record.opaque, kept);
        }
        encoded.append_to(buffer.bytes_mut());
        debug_assert_eq!(buffer.as_ref().len(), here + size, "as long as was said");
        if first {
            self.base_timestamp = timestamp;
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.record_count += 1;
        let grown = if first { after } else { after - before };
        TryAppend::Done { grown, full: self.write_limit <= after }
    }

    /// Goes on in `buffer`, after `NeedsBuffer`.
    pub fn extend(&mut self, buffer: Buffer) {
        if let Body::Open(open) = &mut self.body {
            self.full_len += open.as_ref().len();
            self.full.push(std::mem::replace(open, buffer));
        }
    }

    /// The largest timestamp of its records.
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Whether it takes no more records.
    pub fn is_full(&self) -> bool {
        match &self.body {
            Body::Open(_) => self.record_count > 0 && self.write_limit <= self.size(),
            Body::Compressing | Body::Sealed { .. } => true,
        }
    }

    /// Whether it can be sent as it is. Of one that cannot, the bytes are still to be compressed.
    pub fn is_sealed(&self) -> bool {
        matches!(self.body, Body::Sealed { .. })
    }

    /// Whether a worker has its records.
    #[cfg(feature = "simulation")]
    pub fn is_compressing(&self) -> bool {
        matches!(self.body, Body::Compressing)
    }

    /// How its records are compressed; not at all before it is sealed.
    pub fn compression(&self) -> CompressionType {
        match &self.body {
            Body::Sealed { compression, .. } => *compression,
            Body::Open(_) | Body::Compressing => CompressionType::None,
        }
    }

    /// Its size on the wire, batch header included; an estimate before it is compressed.
    pub fn size(&self) -> usize {
        match &self.body {
            Body::Open(buffer) => wire_size(self.estimate, self.full_len + buffer.as_ref().len()),
            Body::Compressing => wire_size(self.estimate, self.full_len),
            Body::Sealed { records, .. } => BATCH_HEADER_LEN + records.len(),
        }
    }

    /// Takes no more records. The checksum of those it has is computed, or, if they are to be
    /// compressed, they are returned for that. Does nothing the second time.
    pub fn seal(&mut self, reports: &ReportQueue) -> Option<Vec<Buffer>> {
        self.give_back_slots(reports);
        let buffer = match std::mem::replace(&mut self.body, Body::Compressing) {
            Body::Open(buffer) => buffer,
            body => {
                self.body = body;
                return None;
            }
        };
        if self.estimate.is_none() {
            self.body = sealed(buffer, CompressionType::None);
            return None;
        }
        self.full_len += buffer.as_ref().len();
        self.full.push(buffer);
        Some(std::mem::take(&mut self.full))
    }

    /// Ends it: what is left are the records that want a report.
    pub fn into_slots(mut self) -> Slots {
        self.home = None;
        std::mem::take(&mut self.slots)
    }

    /// Gives the report slots back that no record took.
    pub fn give_back_slots(&mut self, reports: &ReportQueue) {
        reports.unreserve(std::mem::take(&mut self.slot_credit));
    }

    /// Takes its records back, compressed or not.
    pub fn finish(&mut self, records: Buffer, compression: CompressionType) {
        self.body = sealed(records, compression);
    }

    /// The 61 bytes in front of the records, and the records, which are shared and not copied.
    /// A batch that is not sealed has nothing to send.
    pub fn wire_parts(&self) -> Option<([u8; BATCH_HEADER_LEN], Bytes)> {
        let Body::Sealed { records, crc, compression } = &self.body else { return None };
        let stamp = self.producer.unwrap_or(ProducerStamp { id: -1, epoch: -1, sequence: -1 });
        let header = BatchHeader {
            base_offset: 0,
            partition_leader_epoch: -1,
            attributes: *compression as i16,
            last_offset_delta: self.record_count as i32 - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: stamp.id,
            producer_epoch: stamp.epoch,
            base_sequence: stamp.sequence,
            record_count: self.record_count as i32,
        };
        Some((header.encode(records.len(), *crc), records.clone()))
    }
}

impl Drop for ProducerBatch {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(home) = &self.home
        {
            home.lost.lock().push(Lost { id: self.id, slots: std::mem::take(&mut self.slots) });
        }
    }
}

fn sealed(buffer: Buffer, compression: CompressionType) -> Body {
    let crc = crc32c(buffer.as_ref());
    Body::Sealed { records: Bytes::from_owner(buffer), crc, compression }
}

/// The size on the wire of so many bytes of records.
fn wire_size(estimate: Option<f32>, raw: usize) -> usize {
    BATCH_HEADER_LEN
        + match estimate {
            None => raw,
            Some(ratio) => (raw as f32 * ratio * ESTIMATE_MARGIN) as usize,
        }
}
