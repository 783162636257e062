//! Splitting a batch (KIP-126). A batch's bytes are shared and never change, so its records are
//! written anew, with offsets and timestamps that count from the first record of their piece.

use bytes::Bytes;

use super::batch::{BatchId, Body, ProducerBatch, ProducerStamp, sequence_after};
use crate::compression::{CompressionType, decompress};
use crate::report::Slots;
use crate::wire::crc::crc32c;
use crate::wire::record::{AnyRecord, BatchRecord, take_record};
use crate::wire::record_batch::HEADER_LEN as BATCH_HEADER_LEN;

/// The bytes of a piece, which is not compressed: the I/O thread has to unpack the whole already to
/// part its records, and what does not happen often may cost more on the wire.
/// Memory of the pool is held until all pieces are done, so that
/// `buffer.memory` goes on to count their records.
struct Piece {
    bytes: Vec<u8>,
    _whole: Bytes,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Records of a piece, as they come.
struct Writer {
    bytes: Vec<u8>,
    count: u32,
    base_timestamp: i64,
    max_timestamp: i64,
}

impl Writer {
    fn new() -> Writer {
        Writer { bytes: Vec::new(), count: 0, base_timestamp: -1, max_timestamp: -1 }
    }

    /// Appends a record if it fits; the first one always does.
    fn append(&mut self, record: &BatchRecord<'_>, timestamp: i64, size_max: usize) -> bool {
        let base = if self.count == 0 { timestamp } else { self.base_timestamp };
        let (offset_delta, delta) = (self.count as i32, timestamp.wrapping_sub(base));
        let (key, value, headers) = (record.key, record.value, &record.headers);
        let encoded = AnyRecord::new(offset_delta, delta, key, value, headers);
        let size = BATCH_HEADER_LEN + self.bytes.len() + encoded.size();
        if self.count > 0 && size > size_max {
            return false;
        }
        self.bytes.reserve(encoded.size());
        encoded.append_to(&mut self.bytes);
        self.base_timestamp = base;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.count += 1;
        true
    }
}

impl ProducerBatch {
    /// The batch in pieces of at most `size_max` bytes, as far as single records allow. They share
    /// its number, its age and its doubt, and carry its sequences; attempts start anew. A batch
    /// that is not sealed stays whole.
    pub fn split(self, size_max: usize) -> Vec<ProducerBatch> {
        let Body::Sealed { records, compression, .. } = &self.body else { return vec![self] };
        let records = records.clone();
        let Ok(raw) = decompress(*compression, &records, usize::MAX) else { return vec![self] };
        let (mut writers, mut rest) = (vec![Writer::new()], &raw[..]);
        while !rest.is_empty() {
            // Written by this producer; if they cannot be read, the batch is sent as it is.
            let Ok(record) = take_record(&mut rest) else { break };
            let timestamp = self.base_timestamp.wrapping_add(record.timestamp_delta);
            if writers.last_mut().is_some_and(|last| last.append(&record, timestamp, size_max)) {
                continue;
            }
            let mut next = Writer::new();
            next.append(&record, timestamp, size_max);
            writers.push(next);
        }
        let written: u32 = writers.iter().map(|writer| writer.count).sum();
        debug_assert_eq!(written, self.record_count, "a sealed batch is well formed");
        if written != self.record_count {
            return vec![self];
        }
        self.into_pieces(records, writers)
    }

    fn into_pieces(mut self, whole: Bytes, writers: Vec<Writer>) -> Vec<ProducerBatch> {
        let mut slots = std::mem::take(&mut self.slots);
        let mut first = 0;
        let mut pieces = Vec::with_capacity(writers.len());
        for writer in writers {
            let later = slots.split_off(writer.count);
            let own = std::mem::replace(&mut slots, later);
            pieces.push(self.piece(first, own, writer, &whole));
            first += pieces.last().map_or(0, |piece| piece.record_count);
        }
        pieces
    }

    /// The piece that begins with record `first` of this batch.
    fn piece(&self, first: u32, slots: Slots, writer: Writer, whole: &Bytes) -> ProducerBatch {
        let crc = crc32c(&writer.bytes);
        let records = Bytes::from_owner(Piece { bytes: writer.bytes, _whole: whole.clone() });
        let stamp = |stamp: ProducerStamp| ProducerStamp {
            sequence: sequence_after(stamp.sequence, first),
            ..stamp
        };
        ProducerBatch {
            id: BatchId { first_record: self.id.first_record + first, ..self.id },
            created: self.created,
            slots,
            record_count: writer.count,
            attempts: 0,
            maybe_appended: self.maybe_appended,
            producer: self.producer.map(stamp),
            topic_id: self.topic_id,
            body: Body::Sealed { records, crc, compression: CompressionType::None },
            full: Vec::new(),
            full_len: 0,
            estimate: None,
            write_limit: self.write_limit,
            base_timestamp: writer.base_timestamp,
            max_timestamp: writer.max_timestamp,
            slot_credit: 0,
            home: self.home.clone(),
        }
    }
}

#[cfg(test)]
#[path = "split_tests.rs"]
mod tests;
