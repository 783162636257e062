//! ProducerBatch: records of one partition, encoded as they come, that succeed or fail together.
//!
//! A record is written once, by the thread that sends it, straight into the bytes that go over the
//! wire. Producer id, epoch and sequence live in the batch header, which is made when a request is
//! built, so a retry or an epoch bump never touches the records.

use bytes::Bytes;

use super::buffer_pool::Buffer;
use crate::record::Record;
use crate::report::{ReportQueue, Slots};
use crate::time::Instant;
use crate::wire::crc::crc32c;
use crate::wire::record::{record_body_len, record_size, write_record};
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
    pub(super) body: Body,
    pub(super) write_limit: usize,
    pub(super) base_timestamp: i64,
    pub(super) max_timestamp: i64,
    /// Report slots reserved and not yet taken by a record.
    pub(super) slot_credit: u32,
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
    Sealed { records: Bytes, crc: u32 },
}

/// What became of an append.
#[derive(Debug, PartialEq, Eq)]
pub enum TryAppend {
    /// The record is in.
    Done,
    /// It does not fit, or the batch is sealed.
    NoRoom,
    /// Too many reports are unread.
    ReportsFull,
}

impl ProducerBatch {
    /// An empty batch that writes into `buffer`.
    pub fn new(number: u64, created: Instant, buffer: Buffer, slots: Slots) -> ProducerBatch {
        ProducerBatch {
            id: BatchId { number, first_record: 0 },
            created,
            slots,
            record_count: 0,
            attempts: 0,
            maybe_appended: false,
            producer: None,
            write_limit: buffer.capacity(),
            body: Body::Open(buffer),
            base_timestamp: -1,
            max_timestamp: -1,
            slot_credit: 0,
        }
    }

    /// Appends a record if it fits. The first record always fits.
    pub fn try_append(
        &mut self,
        record: &Record<'_>,
        timestamp: i64,
        keep_timestamp: bool,
        reports: &ReportQueue,
    ) -> TryAppend {
        let Body::Open(buffer) = &mut self.body else { return TryAppend::NoRoom };
        let first = self.record_count == 0;
        let base = if first { timestamp } else { self.base_timestamp };
        let (offset_delta, delta) = (self.record_count as i32, timestamp.wrapping_sub(base));
        let (key, value, headers) = (record.key, record.value, record.headers);
        let body_len = record_body_len(offset_delta, delta, key, value, headers);
        let bytes = buffer.bytes_mut();
        let size = BATCH_HEADER_LEN + bytes.len() + record_size(body_len);
        if !first && size > self.write_limit {
            return TryAppend::NoRoom;
        }
        if !record.no_report {
            if self.slot_credit == 0 {
                self.slot_credit = reports.reserve();
            }
            if self.slot_credit == 0 {
                return TryAppend::ReportsFull;
            }
            self.slot_credit -= 1;
            let kept = keep_timestamp.then_some(timestamp);
            self.slots.push(self.record_count, record.opaque, kept);
        }
        write_record(bytes, body_len, offset_delta, delta, key, value, headers);
        self.base_timestamp = base;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.record_count += 1;
        TryAppend::Done
    }

    /// The largest timestamp of its records.
    pub fn max_timestamp(&self) -> i64 {
        self.max_timestamp
    }

    /// Whether it takes no more records.
    pub fn is_full(&self) -> bool {
        match &self.body {
            Body::Open(_) => self.record_count > 0 && self.write_limit <= self.size(),
            Body::Sealed { .. } => true,
        }
    }

    /// Its size on the wire, batch header included.
    pub fn size(&self) -> usize {
        BATCH_HEADER_LEN
            + match &self.body {
                Body::Open(buffer) => buffer.as_ref().len(),
                Body::Sealed { records, .. } => records.len(),
            }
    }

    /// Takes no more records; computes the checksum of those it has. Does nothing the second time.
    pub fn seal(self, reports: &ReportQueue) -> ProducerBatch {
        let ProducerBatch { body, slot_credit, .. } = self;
        let body = match body {
            Body::Open(buffer) => {
                let crc = crc32c(buffer.as_ref());
                Body::Sealed { records: Bytes::from_owner(buffer), crc }
            }
            sealed => sealed,
        };
        reports.unreserve(slot_credit);
        ProducerBatch { body, slot_credit: 0, ..self }
    }

    /// The 61 bytes in front of the records, and the records, which are shared and not copied.
    /// A batch that is not sealed has nothing to send.
    pub fn wire_parts(&self) -> Option<([u8; BATCH_HEADER_LEN], Bytes)> {
        let Body::Sealed { records, crc } = &self.body else { return None };
        let stamp = self.producer.unwrap_or(ProducerStamp { id: -1, epoch: -1, sequence: -1 });
        let header = BatchHeader {
            base_offset: 0,
            partition_leader_epoch: -1,
            attributes: 0,
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
