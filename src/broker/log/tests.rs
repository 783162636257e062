//! Tests of the log, and of what it refuses.

use bytes::Bytes;

use super::*;
use crate::error::ErrorCode;
use crate::record::Header;
use crate::wire::Records;
use crate::wire::crc::crc32c;
use crate::wire::record::AnyRecord;
use crate::wire::record_batch::{BatchHeader, RecordBatch};

const NOW_MS: i64 = 1_700_000_000_000;

/// A batch as a producer makes it: one record per timestamp.
fn bytes(timestamps: &[i64], key: Option<&[u8]>, change: impl FnOnce(&mut BatchHeader)) -> Bytes {
    let mut records = Vec::new();
    let headers: [Header<'_>; 0] = [];
    for (i, timestamp) in timestamps.iter().enumerate() {
        let (delta, value) = (timestamp - timestamps[0], Some(&b"value"[..]));
        AnyRecord::new(i as i32, delta, key, value, &headers).append_to(&mut records);
    }
    let mut header = BatchHeader {
        base_offset: 0,
        partition_leader_epoch: -1,
        attributes: 0,
        last_offset_delta: timestamps.len() as i32 - 1,
        base_timestamp: timestamps[0],
        max_timestamp: timestamps.iter().copied().max().unwrap(),
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: timestamps.len() as i32,
    };
    change(&mut header);
    let header = header.encode(records.len(), crc32c(&records));
    [&header, &records[..]].concat().into()
}

fn batch_of(bytes: Bytes) -> Batch {
    Batch::inspect(&Records::Whole(bytes), 13).unwrap()
}

fn batch(count: usize) -> Batch {
    batch_of(bytes(&vec![NOW_MS; count], Some(b"k"), |_| ()))
}

fn append(log: &mut Log, batch: &Batch, epoch: i32) -> AppendInfo {
    log.append_as_leader(batch, epoch, &TopicConfig::default(), NOW_MS).unwrap()
}

fn refused(bytes: Bytes, config: &TopicConfig) -> AppendError {
    let error = Batch::inspect(&Records::Whole(bytes), 13)
        .and_then(|batch| Log::default().append_as_leader(&batch, 0, config, NOW_MS));
    error.unwrap_err()
}

fn code(bytes: Bytes) -> ErrorCode {
    refused(bytes, &TopicConfig::default()).code
}

#[test]
fn batches_get_offsets_in_a_row_and_are_read_back_with_them() {
    let mut log = Log::default();
    assert_eq!(append(&mut log, &batch(3), 5).base_offset, 0);
    assert_eq!(append(&mut log, &batch(2), 5).base_offset, 3);
    assert_eq!(log.end_offset(), 5);
    let read = log.read(2, i64::MAX, 1 << 20);
    assert_eq!(read.len(), 2, "the batch that holds offset 2, and the next");
    let whole = read[1].to_vec();
    let taken = RecordBatch::take(&mut &whole[..]).unwrap();
    taken.check_crc().unwrap();
    assert_eq!((taken.header.base_offset, taken.header.partition_leader_epoch), (3, 5));
    assert_eq!(log.read(3, i64::MAX, 1 << 20).len(), 1);
    assert_eq!(log.read(5, i64::MAX, 1 << 20).len(), 0);
    assert_eq!(log.read(0, 3, 1 << 20).len(), 1, "up to the limit");
    assert_eq!(log.read(0, i64::MAX, 1).len(), 1, "one at least");
}

#[test]
fn retention_drops_whole_batches_that_are_committed_and_zero_keeps_none() {
    let mut log = Log::default();
    for _ in 0..4 {
        append(&mut log, &batch(1), 0);
    }
    let size = log.bytes() / 4;
    log.retain_bytes(-1, 4);
    log.retain_bytes(2 * size + 1, 4);
    assert_eq!((log.start_offset(), log.bytes()), (1, 3 * size));
    log.retain_bytes(0, 2);
    assert_eq!(log.start_offset(), 2, "what is not committed stays");
    log.retain_bytes(0, 4);
    assert_eq!((log.start_offset(), log.end_offset(), log.bytes()), (4, 4, 0));
    assert_eq!(append(&mut log, &batch(1), 0).base_offset, 4, "offsets count on");
}

#[test]
fn a_follower_that_parts_from_its_leader_is_cut_where_they_part() {
    let (mut leader, mut follower) = (Log::default(), Log::default());
    append(&mut leader, &batch(2), 0);
    follower.append_as_follower(&leader.read(0, i64::MAX, 1 << 20));
    // The follower led in epoch 1 and wrote what nobody copied; then epoch 2 went on elsewhere.
    append(&mut follower, &batch(3), 1);
    append(&mut leader, &batch(1), 2);
    assert_eq!(leader.end_of_epoch(1), (0, 2));
    assert_eq!(leader.end_of_epoch(2), (2, 3));
    assert_eq!(Log::default().end_of_epoch(3), (-1, 0));
    follower.truncate(2);
    assert_eq!((follower.end_offset(), follower.last_epoch()), (2, 0));
    follower.append_as_follower(&leader.read(2, i64::MAX, 1 << 20));
    assert_eq!((follower.end_offset(), follower.last_epoch()), (3, 2));
    assert_eq!(follower.bytes(), leader.bytes());
}

#[test]
fn a_follower_whose_epoch_nobody_else_saw_is_cut_where_the_epoch_before_ends_on_both_sides() {
    let mut follower = Log::default();
    append(&mut follower, &batch(2), 3);
    let mut leader = follower.clone();
    // The leader wrote more in epoch 3, and the follower led in epoch 4 without that.
    append(&mut leader, &batch(4), 3);
    append(&mut follower, &batch(1), 4);
    append(&mut leader, &batch(1), 5);
    assert_eq!(follower.common_end(&leader), 2);
    follower.truncate(2);
    follower.append_as_follower(&leader.read(2, i64::MAX, usize::MAX));
    let offsets = |log: &Log| -> Vec<i64> {
        log.read(0, i64::MAX, usize::MAX).iter().map(|batch| batch.base_offset).collect()
    };
    assert_eq!(offsets(&follower), offsets(&leader));
    assert_eq!(Log::default().common_end(&leader), 0);
    assert_eq!(follower.common_end(&leader), 7);
}

#[test]
fn sequences_that_were_cut_off_may_come_again_and_are_no_duplicates() {
    let numbered = |sequence: i32| {
        batch_of(bytes(&[NOW_MS], None, |header| {
            (header.producer_id, header.producer_epoch, header.base_sequence) = (7, 0, sequence);
        }))
    };
    let mut log = Log::default();
    for sequence in 0..8 {
        append(&mut log, &numbered(sequence), 0);
    }
    let known = append(&mut log, &numbered(5), 0);
    assert_eq!((known.base_offset, known.log_append_time_ms), (5, NOW_MS));
    assert_eq!(log.end_offset(), 8, "a duplicate is not appended");
    log.truncate(4);
    assert_eq!(append(&mut log, &numbered(0), 0).base_offset, 0, "an old one is known again");
    assert_eq!(append(&mut log, &numbered(4), 0).base_offset, 4);
}

#[test]
fn log_append_time_takes_the_place_of_the_timestamps_and_the_checksum_is_right() {
    let mut config = TopicConfig::default();
    config.set("message.timestamp.type", "LogAppendTime").unwrap();
    let mut log = Log::default();
    let old = batch_of(bytes(&[1, 2], None, |_| ()));
    let info = log.append_as_leader(&old, 0, &config, NOW_MS).unwrap();
    assert_eq!(info.log_append_time_ms, NOW_MS);
    let whole = log.read(0, i64::MAX, 1 << 20)[0].to_vec();
    let taken = RecordBatch::take(&mut &whole[..]).unwrap();
    taken.check_crc().unwrap();
    assert_eq!(taken.header.max_timestamp, NOW_MS);
    assert_ne!(taken.header.attributes & BatchHeader::LOG_APPEND_TIME, 0);
}

#[test]
fn offsets_are_found_by_time() {
    let mut log = Log::default();
    for times in [[10, 20], [30, 40]] {
        let times = times.map(|time| NOW_MS + time);
        append(&mut log, &batch_of(bytes(&times, None, |_| ())), 0);
    }
    let find = |time: i64| log.offset_for_time(NOW_MS + time, 4).map(|(o, t)| (o, t - NOW_MS));
    assert_eq!(find(0), Some((0, 10)));
    assert_eq!(find(11), Some((1, 20)));
    assert_eq!(find(21), Some((2, 30)));
    assert_eq!(find(41), None);
    assert_eq!(log.offset_of_max_time(), Some((3, NOW_MS + 40)));
}

#[test]
fn a_request_has_exactly_one_whole_batch() {
    let one = bytes(&[NOW_MS], None, |_| ());
    assert_eq!(code(Bytes::new()), ErrorCode::INVALID_RECORD);
    assert_eq!(code(one.slice(..one.len() - 1)), ErrorCode::INVALID_RECORD);
    assert_eq!(code([&one[..], &one[..]].concat().into()), ErrorCode::INVALID_RECORD);
    let mut old_format = one.to_vec();
    old_format[16] = 1;
    assert_eq!(code(old_format.into()), ErrorCode::INVALID_RECORD);
    let mut short = one.to_vec();
    short[8..12].copy_from_slice(&5_i32.to_be_bytes());
    assert_eq!(code(short.into()), ErrorCode::CORRUPT_MESSAGE);
    assert_eq!(
        Batch::inspect(&Records::Null, 13).unwrap_err().code,
        ErrorCode::INVALID_RECORD,
        "null"
    );
}

#[test]
fn a_bit_that_flipped_is_noticed() {
    let mut damaged = bytes(&[NOW_MS], None, |_| ()).to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    assert_eq!(code(damaged.into()), ErrorCode::CORRUPT_MESSAGE);
}

#[test]
fn a_header_that_does_not_fit_its_records_is_refused() {
    let header = |change: fn(&mut BatchHeader)| code(bytes(&[NOW_MS, NOW_MS], None, change));
    let invalid = ErrorCode::INVALID_RECORD;
    assert_eq!(header(|h| h.base_offset = 1), invalid);
    assert_eq!(header(|h| h.last_offset_delta = 2), invalid);
    assert_eq!(header(|h| h.last_offset_delta = -1), invalid);
    assert_eq!(header(|h| (h.record_count, h.last_offset_delta) = (3, 2)), invalid);
    assert_eq!(header(|h| (h.record_count, h.last_offset_delta) = (1, 0)), invalid);
    assert_eq!(header(|h| h.attributes |= BatchHeader::CONTROL), invalid);
    assert_eq!(header(|h| h.producer_id = 5), invalid, "an id without sequences");
}

#[test]
fn sizes_are_limited_by_batch_and_by_segment() {
    let whole = bytes(&[NOW_MS], None, |_| ());
    let mut config = TopicConfig { max_message_bytes: whole.len() as i32, ..Default::default() };
    let mut log = Log::default();
    log.append_as_leader(&batch_of(whole.clone()), 0, &config, NOW_MS).unwrap();
    config.segment_bytes = whole.len() as i32 - 1;
    assert_eq!(refused(whole.clone(), &config).code, ErrorCode::RECORD_LIST_TOO_LARGE);
    config.max_message_bytes -= 1;
    assert_eq!(refused(whole, &config).code, ErrorCode::MESSAGE_TOO_LARGE);
}

#[test]
fn records_that_are_refused_are_named() {
    let config = TopicConfig { message_timestamp_before_max_ms: 1000, ..Default::default() };
    let late = NOW_MS + 3_600_001;
    let error = refused(bytes(&[NOW_MS, late, NOW_MS - 1001, -1], None, |_| ()), &config);
    assert_eq!(error.code, ErrorCode::INVALID_TIMESTAMP);
    let places: Vec<i32> = error.record_errors.iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [1, 2]);

    let compacted = TopicConfig { compact: true, ..Default::default() };
    let error = refused(bytes(&[NOW_MS, NOW_MS], None, |_| ()), &compacted);
    assert_eq!((error.code, error.record_errors.len()), (ErrorCode::INVALID_RECORD, 2));
    let keyed = batch_of(bytes(&[NOW_MS], Some(b""), |_| ()));
    Log::default().append_as_leader(&keyed, 0, &compacted, NOW_MS).unwrap();

    let claims = bytes(&[-1], None, |h| h.attributes |= BatchHeader::LOG_APPEND_TIME);
    assert_eq!(code(claims), ErrorCode::INVALID_TIMESTAMP);
}

#[test]
fn zstd_needs_version_7() {
    let zstd = bytes(&[NOW_MS], None, |header| header.attributes |= 4);
    let inspect = |version| Batch::inspect(&Records::Whole(zstd.clone()), version);
    assert_eq!(inspect(6).unwrap_err().code, ErrorCode::UNSUPPORTED_COMPRESSION_TYPE);
    inspect(7).unwrap();
}
