//! The record batch of format 2 (`DefaultRecordBatch`): a header of 61 bytes, then records, which
//! may be compressed as a whole.

use std::borrow::Cow;

use super::crc;
use super::error::{Result, WireError};
use super::record::{BatchRecord, MIN_RECORD_BYTES, take_record};
use crate::compression::{CompressionType, decompress};

/// The length of a batch's header.
pub const HEADER_LEN: usize = 61;
/// Base offset and length, which the length does not count.
pub const LOG_OVERHEAD: usize = 12;
/// The format that is written and read here.
pub const MAGIC: i8 = 2;

/// More than this does not come out of a batch, whatever it says.
const DECOMPRESSED_MAX: usize = 256 << 20;

/// Where fields are that a broker looks at or fills in.
const LENGTH_AT: usize = 8;
const LEADER_EPOCH_AT: usize = 12;
const MAGIC_AT: usize = 16;
const CRC_AT: usize = 17;
/// The checksum covers the bytes from here on.
const ATTRIBUTES_AT: usize = 21;

/// What a batch says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// The offset of the first record; a producer leaves it to the broker and says 0.
    pub base_offset: i64,
    /// A producer says -1.
    pub partition_leader_epoch: i32,
    /// Compression and other properties, see the constants.
    pub attributes: i16,
    /// The offset of the last record less that of the first.
    pub last_offset_delta: i32,
    /// The timestamp of the first record.
    pub base_timestamp: i64,
    /// The largest timestamp.
    pub max_timestamp: i64,
    /// -1 without idempotence.
    pub producer_id: i64,
    /// -1 without idempotence.
    pub producer_epoch: i16,
    /// The sequence number of the first record; -1 without idempotence.
    pub base_sequence: i32,
    /// The number of records.
    pub record_count: i32,
}

impl BatchHeader {
    /// The codec: 0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd.
    pub const COMPRESSION_MASK: i16 = 7;
    /// The timestamps are the broker's (log append time).
    pub const LOG_APPEND_TIME: i16 = 1 << 3;
    /// The batch is part of a transaction.
    pub const TRANSACTIONAL: i16 = 1 << 4;
    /// The batch ends a transaction and has no records of an application.
    pub const CONTROL: i16 = 1 << 5;

    /// The header before records of that many bytes with that checksum. The records need not be
    /// at hand.
    pub fn encode(&self, records_len: usize, records_crc: u32) -> [u8; HEADER_LEN] {
        let length = HEADER_LEN - LOG_OVERHEAD + records_len;
        debug_assert!(i32::try_from(length).is_ok(), "a batch is shorter than 2 GiB");
        let mut header = [0; HEADER_LEN];
        header[..8].copy_from_slice(&self.base_offset.to_be_bytes());
        header[LENGTH_AT..12].copy_from_slice(&(length as i32).to_be_bytes());
        header[LEADER_EPOCH_AT..16].copy_from_slice(&self.partition_leader_epoch.to_be_bytes());
        header[MAGIC_AT] = MAGIC as u8;
        header[ATTRIBUTES_AT..23].copy_from_slice(&self.attributes.to_be_bytes());
        header[23..27].copy_from_slice(&self.last_offset_delta.to_be_bytes());
        header[27..35].copy_from_slice(&self.base_timestamp.to_be_bytes());
        header[35..43].copy_from_slice(&self.max_timestamp.to_be_bytes());
        header[43..51].copy_from_slice(&self.producer_id.to_be_bytes());
        header[51..53].copy_from_slice(&self.producer_epoch.to_be_bytes());
        header[53..57].copy_from_slice(&self.base_sequence.to_be_bytes());
        header[57..61].copy_from_slice(&self.record_count.to_be_bytes());
        let own_crc = crc::crc32c(&header[ATTRIBUTES_AT..]);
        let crc = crc::combine(own_crc, records_crc, records_len);
        header[CRC_AT..21].copy_from_slice(&crc.to_be_bytes());
        header
    }

    fn decode(header: &[u8; HEADER_LEN]) -> BatchHeader {
        BatchHeader {
            base_offset: i64::from_be_bytes(at(header, 0)),
            partition_leader_epoch: i32::from_be_bytes(at(header, LEADER_EPOCH_AT)),
            attributes: i16::from_be_bytes(at(header, ATTRIBUTES_AT)),
            last_offset_delta: i32::from_be_bytes(at(header, 23)),
            base_timestamp: i64::from_be_bytes(at(header, 27)),
            max_timestamp: i64::from_be_bytes(at(header, 35)),
            producer_id: i64::from_be_bytes(at(header, 43)),
            producer_epoch: i16::from_be_bytes(at(header, 51)),
            base_sequence: i32::from_be_bytes(at(header, 53)),
            record_count: i32::from_be_bytes(at(header, 57)),
        }
    }

    /// The codec's number.
    pub fn compression(&self) -> i16 {
        self.attributes & BatchHeader::COMPRESSION_MASK
    }
}

/// Puts the offset and the epoch that a broker assigns into a batch. The checksum does not cover
/// them. `batch` is one that [`RecordBatch::take`] accepted.
pub fn assign_offset(batch: &mut [u8], base_offset: i64, partition_leader_epoch: i32) {
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
    batch[LEADER_EPOCH_AT..16].copy_from_slice(&partition_leader_epoch.to_be_bytes());
}

/// A batch in borrowed bytes. Its lengths are right; its checksum and its records are looked at
/// only when asked for.
#[derive(Clone, Copy, Debug)]
pub struct RecordBatch<'a> {
    /// What it says about itself.
    pub header: BatchHeader,
    /// The checksum it bears.
    pub crc: u32,
    /// The whole batch.
    pub bytes: &'a [u8],
}

impl<'a> RecordBatch<'a> {
    /// Takes a batch off the front of `input`, which is not moved if it is damaged.
    pub fn take(input: &mut &'a [u8]) -> Result<RecordBatch<'a>> {
        let left = input.len();
        let Some(header) = input.first_chunk::<HEADER_LEN>() else {
            return Err(WireError::corrupt(format!(
                "record batch: its header needs {HEADER_LEN} bytes but {left} are left"
            )));
        };
        // Formats 0 and 1 have the byte in the same place.
        let magic = header[MAGIC_AT] as i8;
        if magic != MAGIC {
            return Err(WireError::corrupt(format!(
                "record batch: format {magic}, only {MAGIC} is known"
            )));
        }
        let length = i32::from_be_bytes(at(header, LENGTH_AT));
        let size = usize::try_from(length).ok().and_then(|n| n.checked_add(LOG_OVERHEAD));
        let Some(size) = size.filter(|size| (HEADER_LEN..=left).contains(size)) else {
            return Err(WireError::corrupt(format!(
                "record batch: length {length} with {} bytes left after it; a header has {}",
                left - LOG_OVERHEAD,
                HEADER_LEN - LOG_OVERHEAD
            )));
        };
        let crc = u32::from_be_bytes(at(header, CRC_AT));
        let header = BatchHeader::decode(header);
        let (bytes, rest) = input.split_at(size);
        *input = rest;
        Ok(RecordBatch { header, crc, bytes })
    }

    /// The records' bytes, compressed or not.
    pub fn records_section(&self) -> &'a [u8] {
        &self.bytes[HEADER_LEN..]
    }

    /// Compares the checksum with the bytes.
    pub fn check_crc(&self) -> Result<()> {
        let computed = crc::crc32c(&self.bytes[ATTRIBUTES_AT..]);
        if computed != self.crc {
            return Err(WireError::corrupt(format!(
                "record batch: its checksum is {:08x} but that of its bytes {computed:08x}",
                self.crc
            )));
        }
        Ok(())
    }

    /// The bytes of its records, decompressed if need be, at most 256 MiB.
    pub fn section(&self) -> Result<Cow<'a, [u8]>> {
        let codec = self.header.compression();
        match CompressionType::from_attributes(codec) {
            Some(CompressionType::None) => Ok(Cow::Borrowed(self.records_section())),
            Some(kind) => decompress(kind, self.records_section(), DECOMPRESSED_MAX)
                .map(Cow::Owned)
                .map_err(|error| WireError::corrupt(format!("record batch: {}", error.message()))),
            None => Err(WireError::corrupt(format!("record batch: codec {codec} is not known"))),
        }
    }

    /// Its records, in what `section` gave.
    pub fn records<'s>(&self, section: &'s [u8]) -> Result<RecordIter<'s>> {
        RecordIter::new(section, self.header.record_count)
    }
}

/// Reads records, decompressed if need be. Ends after the first error; bytes after the last record
/// are an error.
#[derive(Clone, Debug)]
pub struct RecordIter<'a> {
    input: &'a [u8],
    left: i32,
}

impl<'a> RecordIter<'a> {
    /// The `count` records in `section`.
    pub fn new(section: &'a [u8], count: i32) -> Result<RecordIter<'a>> {
        let possible = section.len() / MIN_RECORD_BYTES;
        if usize::try_from(count).map_or(true, |count| count > possible) {
            let len = section.len();
            return Err(WireError::corrupt(format!(
                "record batch: {count} records in {len} bytes"
            )));
        }
        if count == 0 && !section.is_empty() {
            return Err(WireError::corrupt("record batch: no records, but bytes of some"));
        }
        Ok(RecordIter { input: section, left: count })
    }
}

impl<'a> Iterator for RecordIter<'a> {
    type Item = Result<BatchRecord<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let record = take_record(&mut self.input);
        let unread = self.input.len();
        if self.left == 0 && unread > 0 && record.is_ok() {
            let what = format!("record batch: {unread} bytes are left after its last record");
            return Some(Err(WireError::corrupt(what)));
        }
        if record.is_err() {
            self.left = 0;
        }
        Some(record)
    }
}

/// What `make` makes of the records of the batch in `bytes`, up to the first that cannot be read.
pub fn each_record<T>(bytes: &[u8], make: impl Fn(&BatchHeader, &BatchRecord<'_>) -> T) -> Vec<T> {
    let mut input = bytes;
    let Ok(batch) = RecordBatch::take(&mut input) else { return Vec::new() };
    let Ok(section) = batch.section() else { return Vec::new() };
    let Ok(records) = batch.records(&section) else { return Vec::new() };
    records.map_while(Result::ok).map(|record| make(&batch.header, &record)).collect()
}

fn at<const N: usize>(header: &[u8; HEADER_LEN], offset: usize) -> [u8; N] {
    std::array::from_fn(|i| header[offset + i])
}
