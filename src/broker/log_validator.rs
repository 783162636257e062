//! What a batch must be like before a log takes it (Kafka: `ProduceRequest.validateRecords`,
//! `UnifiedLog.analyzeAndValidateRecords`, `LogValidator`), in Kafka's order, as the first error
//! found is the one that is told.
//!
//! [`Batch::inspect`] reads the bytes and needs nothing else, so it runs before any lock is taken.
//! [`Batch::check`] compares what was found with the topic's configuration.

use bytes::Bytes;

use super::append_error::AppendError;
use super::topic_config::{TimestampType, TopicConfig};
use crate::error::ErrorCode;
use crate::wire::Records;
use crate::wire::record_batch::{
    BatchHeader, HEADER_LEN, LOG_OVERHEAD, MAGIC, RecordBatch, each_record,
};

const ZSTD: i16 = 4;
/// The first version of Produce that may carry zstd.
const ZSTD_VERSION: i16 = 7;
/// The codecs that there are: none, gzip, snappy, lz4, zstd.
const CODEC_MAX: i16 = 4;
const NO_TIMESTAMP: i64 = -1;

/// One batch as it came, and what is known of it.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The whole batch.
    pub bytes: Bytes,
    /// What it says about itself.
    pub header: BatchHeader,
    /// The checksum is right.
    crc_matches: bool,
    /// What is wrong with the header or the records.
    defect: Option<String>,
    /// The smallest and the largest timestamp that a record bears.
    timestamps: (i64, i64),
    null_keys: bool,
    /// It is a small part of the memory that it lies in.
    pub detach: bool,
}

impl Batch {
    /// Looks at the records of one partition in a produce request of that version.
    pub fn inspect(records: &Records, version: i16) -> Result<Batch, AppendError> {
        let bytes = records.to_bytes().unwrap_or_default();
        let bytes = one_batch(bytes, version)?;
        let mut input = &bytes[..];
        let batch = RecordBatch::take(&mut input)
            .map_err(|error| AppendError::new(ErrorCode::CORRUPT_MESSAGE, error.message()))?;
        let header = batch.header;
        if header.compression() > CODEC_MAX {
            // Kafka's broker fails over it.
            let text = format!("Unknown compression type id: {}", header.compression());
            return Err(AppendError::new(ErrorCode::UNKNOWN_SERVER_ERROR, text));
        }
        if header.compression() == ZSTD && version < ZSTD_VERSION {
            let text = format!(
                "Produce requests with version {version} are not allowed to use ZStandard \
                 compression"
            );
            return Err(AppendError::new(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, text));
        }
        let crc_matches = batch.check_crc().is_ok();
        let mut timestamps = (header.base_timestamp, header.max_timestamp);
        let mut null_keys = false;
        let mut defect = header_defect(&header);
        if defect.is_none() && crc_matches {
            match scan(&batch) {
                Ok((found, keys)) => (timestamps, null_keys) = (found, keys),
                Err(what) => defect = Some(what),
            }
        }
        Ok(Batch {
            header,
            crc_matches,
            defect,
            timestamps,
            null_keys,
            detach: false,
            bytes: bytes.clone(),
        })
    }

    /// Checks the batch against a topic's configuration. `wall_ms` is the broker's time.
    pub fn check(&self, config: &TopicConfig, wall_ms: i64) -> Result<(), AppendError> {
        let header = &self.header;
        if header.base_offset != 0 {
            let base = header.base_offset;
            let text = format!("The baseOffset of the record batch should be 0, but it is {base}");
            return Err(AppendError::of_log(ErrorCode::INVALID_RECORD, text));
        }
        let size = self.bytes.len();
        if size > usize::try_from(config.max_message_bytes).unwrap_or_default() {
            let most = config.max_message_bytes;
            let text = format!("The record batch size is {size} bytes, which exceeds {most}");
            return Err(AppendError::new(ErrorCode::MESSAGE_TOO_LARGE, text));
        }
        if !self.crc_matches {
            let text = "Record is corrupt (stored crc does not match)";
            return Err(AppendError::new(ErrorCode::CORRUPT_MESSAGE, text));
        }
        if let Some(defect) = &self.defect {
            return Err(AppendError::of_log(ErrorCode::INVALID_RECORD, defect));
        }
        self.check_records(config, wall_ms)?;
        if size > usize::try_from(config.segment_bytes).unwrap_or_default() {
            let most = config.segment_bytes;
            let text = format!("Batch size is {size} bytes, which exceeds segment.bytes {most}");
            return Err(AppendError::new(ErrorCode::RECORD_LIST_TOO_LARGE, text));
        }
        Ok(())
    }

    fn check_records(&self, config: &TopicConfig, wall_ms: i64) -> Result<(), AppendError> {
        let create_time = config.message_timestamp_type == TimestampType::CreateTime;
        let range = wall_ms.saturating_sub(config.message_timestamp_before_max_ms)
            ..=wall_ms.saturating_add(config.message_timestamp_after_max_ms);
        let in_range = |timestamp: i64| timestamp == NO_TIMESTAMP || range.contains(&timestamp);
        let claims_append_time = self.header.attributes & BatchHeader::LOG_APPEND_TIME != 0;
        let keys_missing = config.compact && self.null_keys;
        let (first, last) = self.timestamps;
        let late = create_time && !(in_range(first) && in_range(last));
        if !late && !keys_missing && !claims_append_time {
            return Ok(());
        }
        let mut errors = Vec::new();
        let mut code = ErrorCode::INVALID_RECORD;
        for (index, (timestamp, has_key)) in self.each_record().into_iter().enumerate() {
            let index = index as i32;
            if config.compact && !has_key {
                errors
                    .push((index, "Compacted topic cannot accept message without key.".to_owned()));
            } else if create_time && timestamp != NO_TIMESTAMP {
                if !in_range(timestamp) {
                    code = ErrorCode::INVALID_TIMESTAMP;
                    let (from, to) = (range.start(), range.end());
                    errors.push((index, format!(
                        "Timestamp {timestamp} of message with offset {index} is out of range. The \
                         timestamp should be within [{from}, {to}]"
                    )));
                }
            } else if claims_append_time {
                code = ErrorCode::INVALID_TIMESTAMP;
                errors.push((
                    index,
                    "Producer should not set timestamp type to LogAppendTime.".to_owned(),
                ));
            }
        }
        if errors.is_empty() {
            return Ok(());
        }
        let message = match code {
            ErrorCode::INVALID_TIMESTAMP => {
                "One or more records have been rejected due to invalid timestamp".to_owned()
            }
            _ => format!(
                "One or more records have been rejected due to {} record errors in total",
                errors.len()
            ),
        };
        Err(AppendError { record_errors: errors, ..AppendError::of_log(code, message) })
    }

    /// Timestamp and whether there is a key, of each record.
    fn each_record(&self) -> Vec<(i64, bool)> {
        each_record(&self.bytes, |header, record| {
            let timestamp = header.base_timestamp.wrapping_add(record.timestamp_delta);
            (timestamp.max(NO_TIMESTAMP), record.key.is_some())
        })
    }
}

/// The bytes of the one batch that there must be. Bytes after it that are no batch are cut off.
fn one_batch(mut bytes: Bytes, version: i16) -> Result<Bytes, AppendError> {
    let invalid = |what: &str| {
        let text = format!("Produce requests with version {version} must have {what}");
        Err(AppendError::new(ErrorCode::INVALID_RECORD, text))
    };
    match batch_size(&bytes)? {
        None => invalid("at least one record batch per partition"),
        Some(size) => {
            let first = bytes.split_to(size);
            if first[16] as i8 != MAGIC {
                return invalid("record batches with magic version 2");
            }
            match batch_size(&bytes)? {
                None => Ok(first),
                Some(_) => invalid("exactly one record batch per partition"),
            }
        }
    }
}

/// The size of the batch in front; `None` if it is not whole.
fn batch_size(bytes: &[u8]) -> Result<Option<usize>, AppendError> {
    let Some(header) = bytes.first_chunk::<{ LOG_OVERHEAD }>() else { return Ok(None) };
    let length = i32::from_be_bytes([header[8], header[9], header[10], header[11]]);
    // The least is that of a message of format 0, as the format is not known yet.
    let Some(length) = usize::try_from(length).ok().filter(|length| *length >= 14) else {
        let text = format!("Record size {length} is less than the minimum record overhead (14)");
        return Err(AppendError::new(ErrorCode::CORRUPT_MESSAGE, text));
    };
    let Some(magic) = bytes.get(16).map(|byte| *byte as i8) else { return Ok(None) };
    if !(0..=MAGIC).contains(&magic) {
        let text = format!("Invalid magic found in record: {magic}");
        return Err(AppendError::new(ErrorCode::CORRUPT_MESSAGE, text));
    }
    let size = LOG_OVERHEAD + length;
    if size > bytes.len() {
        return Ok(None);
    }
    if magic == MAGIC && size < HEADER_LEN {
        let text = format!("Record batch of {size} bytes is shorter than its header");
        return Err(AppendError::new(ErrorCode::CORRUPT_MESSAGE, text));
    }
    Ok(Some(size))
}

/// What is wrong with the numbers in a header (`LogValidator.validateBatch`).
fn header_defect(header: &BatchHeader) -> Option<String> {
    let count = header.record_count;
    let last_offset_delta = header.last_offset_delta;
    if last_offset_delta < 0 {
        return Some(format!("Batch has an invalid offset range: [0, {last_offset_delta}]"));
    }
    if count <= 0 {
        return Some(format!("Invalid reported count for record batch: {count}"));
    }
    if i64::from(last_offset_delta) + 1 != i64::from(count) {
        return Some(format!(
            "Inconsistent batch offset range [0, {last_offset_delta}] and count of records {count}"
        ));
    }
    if header.attributes & BatchHeader::CONTROL != 0 {
        return Some("Clients are not allowed to write control records".to_owned());
    }
    if header.producer_id >= 0 && header.base_sequence < 0 {
        return Some(format!(
            "Invalid sequence number {} in record batch with producerId {}",
            header.base_sequence, header.producer_id
        ));
    }
    None
}

/// Reads all records; gives the smallest and the largest timestamp, and whether a key is null.
fn scan(batch: &RecordBatch<'_>) -> Result<((i64, i64), bool), String> {
    let mut timestamps = (i64::MAX, i64::MIN);
    let mut null_keys = false;
    let section = batch.section().map_err(|error| error.message().to_owned())?;
    let records = batch.records(&section).map_err(|error| error.message().to_owned())?;
    for record in records {
        let record = record.map_err(|error| error.message().to_owned())?;
        let timestamp = batch.header.base_timestamp.wrapping_add(record.timestamp_delta);
        timestamps = (timestamps.0.min(timestamp), timestamps.1.max(timestamp));
        null_keys |= record.key.is_none();
    }
    Ok((timestamps, null_keys))
}
