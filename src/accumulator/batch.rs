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
use crate::record::{Header, Record};
use crate::report::{ReportQueue, Slots};
use crate::time::Instant;
use crate::wire::Uuid;
use crate::wire::crc::crc32c;
use crate::wire::record::{AnyRecord, ShortRecord};
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

/// What goes into a batch of a record that wants its report.
#[derive(Clone, Copy)]
pub struct UsualRecord<'a> {
    /// The key; `None` is null.
    pub key: Option<&'a [u8]>,
    /// The value; `None` is null.
    pub value: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: &'a [Header<'a>],
    /// The caller's number.
    pub opaque: u64,
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
    /// An empty batch that writes into `buffer`; `estimate` is there if it is to be compressed. It
    /// gets its number with its first record.
    pub fn new(
        created: Instant,
        buffer: Buffer,
        slots: Slots,
        estimate: Option<f32>,
    ) -> ProducerBatch {
        ProducerBatch {
            id: BatchId { number: 0, first_record: 0 },
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

    /// Appends a record as most are: short, not the batch's first, and with all at hand that it
    /// needs. Returns how much larger the batch is on the wire, which is less than `below`, and
    /// which is not full by it. `None` says that nothing has happened: `try_append` knows why.
    #[inline(always)]
    pub fn append_usual(
        &mut self,
        record: &UsualRecord<'_>,
        timestamp: i64,
        reporting: Reporting,
        below: usize,
    ) -> Option<usize> {
        let Body::Open(buffer) = &mut self.body else { return None };
        let (index, here) = (self.record_count, buffer.len());
        let delta = timestamp.wrapping_sub(self.base_timestamp);
        let short =
            ShortRecord::new(index as i32, delta, record.key, record.value, record.headers)?;
        let (size, wants_report) = (short.size(), reporting != Reporting::None);
        let before = wire_size(self.estimate, self.full_len + here);
        let grown = wire_size(self.estimate, self.full_len + here + size) - before;
        if index == 0
            || before + size.max(grown) >= self.write_limit
            || grown >= below
            || (wants_report && self.slot_credit == 0)
            || !short.write_to(buffer.ready(short.room())?)
        {
            return None;
        }
        buffer.advance(size);
        self.count(wants_report.then_some(record.opaque), timestamp, reporting);
        Some(grown)
    }

    /// Counts a record that was written. The opaque of one that wants a report is kept, in a slot
    /// that is there.
    #[inline(always)]
    fn count(&mut self, opaque: Option<u64>, timestamp: i64, reporting: Reporting) {
        if let Some(opaque) = opaque {
            self.slot_credit -= 1;
            let kept = (reporting == Reporting::WithTimestamps).then_some(timestamp);
            self.slots.push(self.record_count, opaque, kept);
        }
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.record_count += 1;
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
        let Some(short) = ShortRecord::new(offset_delta, delta, key, value, headers) else {
            return self.append_long(record, timestamp, reporting, reports);
        };
        let write = |buffer: &mut Buffer| {
            let written = buffer.room(short.room()).is_some_and(|room| short.write_to(room));
            match written {
                true => buffer.advance(short.size()),
                false => append_any(buffer, offset_delta, delta, record),
            }
        };
        self.append_encoded(short.size(), write, record, timestamp, reporting, reports)
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
        let size = AnyRecord::new(offset_delta, delta, key, value, headers).size();
        let write = |buffer: &mut Buffer| append_any(buffer, offset_delta, delta, record);
        self.append_encoded(size, write, record, timestamp, reporting, reports)
    }

    /// The next record's differences to the batch's base offset and timestamp.
    #[inline(always)]
    fn deltas(&self, timestamp: i64) -> (i32, i64) {
        let base = if self.record_count == 0 { timestamp } else { self.base_timestamp };
        (self.record_count as i32, timestamp.wrapping_sub(base))
    }

    /// Appends a record of `size` bytes, which `write` writes.
    #[inline(always)]
    fn append_encoded(
        &mut self,
        size: usize,
        write: impl FnOnce(&mut Buffer),
        record: &Record<'_>,
        timestamp: i64,
        reporting: Reporting,
        reports: &ReportQueue,
    ) -> TryAppend {
        let Body::Open(buffer) = &mut self.body else { return TryAppend::NoRoom };
        let (first, here) = (self.record_count == 0, buffer.len());
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
        let wants_report = !record.no_report && reporting != Reporting::None;
        if wants_report && self.slot_credit == 0 {
            self.slot_credit = reports.reserve();
            if self.slot_credit == 0 {
                return TryAppend::ReportsFull;
            }
        }
        write(buffer);
        debug_assert_eq!(buffer.len(), here + size, "as long as was said");
        if first {
            self.base_timestamp = timestamp;
        }
        self.count(wants_report.then_some(record.opaque), timestamp, reporting);
        let grown = if first { after } else { after - before };
        TryAppend::Done { grown, full: self.write_limit <= after }
    }

    /// Goes on in `buffer`, after `NeedsBuffer`.
    pub fn extend(&mut self, buffer: Buffer) {
        if let Body::Open(open) = &mut self.body {
            self.full_len += open.len();
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

    /// Whether it is still being filled.
    pub fn is_open(&self) -> bool {
        matches!(self.body, Body::Open(_))
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
            Body::Open(buffer) => wire_size(self.estimate, self.full_len + buffer.len()),
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
        self.full_len += buffer.len();
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

/// Appends any record, also one with large numbers, and at the end of a buffer.
#[cold]
#[inline(never)]
fn append_any(buffer: &mut Buffer, offset_delta: i32, delta: i64, record: &Record<'_>) {
    let (key, value, headers) = (record.key, record.value, record.headers);
    let encoded = AnyRecord::new(offset_delta, delta, key, value, headers);
    buffer.append(|bytes| encoded.append_to(bytes));
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

#[cfg(test)]
#[path = "usual_tests.rs"]
mod tests;
