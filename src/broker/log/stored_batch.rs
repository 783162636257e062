//! A batch in a log.

use bytes::Bytes;

use crate::broker::log_validator::Batch;
use crate::wire::crc::crc32c;
use crate::wire::record_batch::{BatchHeader, HEADER_LEN, RecordBatch, assign_offset};

/// Its header with what the broker wrote into it, and its records as they came.
#[derive(Clone, Debug)]
pub struct StoredBatch {
    /// The offset of the first record.
    pub base_offset: i64,
    /// The offset of the last record.
    pub last_offset: i64,
    /// The epoch of the leader that appended it.
    pub leader_epoch: i32,
    /// What it says about itself; offset and epoch are the producer's.
    pub info: BatchHeader,
    header: [u8; HEADER_LEN],
    records: Bytes,
}

impl StoredBatch {
    /// A batch with its place in the log. `append_time_ms` takes the place of the records'
    /// timestamps.
    pub fn new(
        batch: &Batch,
        base_offset: i64,
        leader_epoch: i32,
        append_time_ms: Option<i64>,
    ) -> StoredBatch {
        let mut info = batch.header;
        let records = match batch.detach {
            // Otherwise it would keep the whole request in memory for as long as it is kept.
            true => Bytes::copy_from_slice(&batch.bytes[HEADER_LEN..]),
            false => batch.bytes.slice(HEADER_LEN..),
        };
        let mut header = [0; HEADER_LEN];
        match append_time_ms {
            None => header.copy_from_slice(&batch.bytes[..HEADER_LEN]),
            Some(time) => {
                info.attributes |= BatchHeader::LOG_APPEND_TIME;
                info.max_timestamp = time;
                header = info.encode(records.len(), crc32c(&records));
            }
        }
        assign_offset(&mut header, base_offset, leader_epoch);
        StoredBatch {
            base_offset,
            last_offset: base_offset + i64::from(info.last_offset_delta),
            leader_epoch,
            info,
            header,
            records,
        }
    }

    /// How many bytes it takes.
    pub fn size(&self) -> i64 {
        (HEADER_LEN + self.records.len()) as i64
    }

    /// The largest timestamp.
    pub fn max_timestamp(&self) -> i64 {
        self.info.max_timestamp
    }

    /// The whole batch, in pieces; the records are not copied.
    pub fn to_pieces(&self) -> [Bytes; 2] {
        [Bytes::copy_from_slice(&self.header), self.records.clone()]
    }

    /// The whole batch in one piece.
    pub fn to_vec(&self) -> Vec<u8> {
        [&self.header, &self.records[..]].concat()
    }

    /// The first record that bears at least this time: its offset and its time.
    pub fn first_at(&self, timestamp: i64) -> (i64, i64) {
        let bytes = self.to_vec();
        let mut input = &bytes[..];
        let whole = (self.base_offset, self.max_timestamp());
        if self.info.attributes & BatchHeader::LOG_APPEND_TIME != 0 {
            return whole;
        }
        let Ok(batch) = RecordBatch::take(&mut input) else { return whole };
        let Ok(section) = batch.section() else { return whole };
        let Ok(records) = batch.records(&section) else { return whole };
        let found = records.map_while(Result::ok).find_map(|record| {
            let time = self.info.base_timestamp.wrapping_add(record.timestamp_delta);
            let offset = self.base_offset + i64::from(record.offset_delta);
            (time >= timestamp).then_some((offset, time))
        });
        found.unwrap_or(whole)
    }
}
