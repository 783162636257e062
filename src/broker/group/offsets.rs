//! Committed offsets, as records of Kafka's own topic `__consumer_offsets`: who becomes its leader
//! reads them there, so that they survive the coordinator (Kafka: `OffsetCommitKey` version 1 and
//! `OffsetCommitValue` version 3).

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

use crate::wire::crc::crc32c;
use crate::wire::record::{record_body_len, write_record};
use crate::wire::record_batch::{BatchHeader, RecordBatch};

const KEY_VERSION: i16 = 1;
const VALUE_VERSION: i16 = 3;

/// Whose offset it is: group, topic, partition.
pub type OffsetKey = (Arc<str>, Arc<str>, i32);

/// How far a group has come in a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: i64,
    /// The epoch of the last record that was read, or -1.
    pub leader_epoch: i32,
    /// What the consumer wants to find again.
    pub metadata: Arc<str>,
}

/// A batch of the topic with these offsets; `None` is an offset that is deleted.
pub fn encode(commits: &[(OffsetKey, Option<CommittedOffset>)], wall_ms: i64) -> Bytes {
    let mut records = Vec::new();
    for (index, ((group, topic, partition), value)) in commits.iter().enumerate() {
        let mut key = Vec::new();
        key.put_i16(KEY_VERSION);
        put_text(&mut key, group);
        put_text(&mut key, topic);
        key.put_i32(*partition);
        let value = value.as_ref().map(|value| encode_value(value, wall_ms));
        let (key, value) = (Some(&key[..]), value.as_deref());
        let len = record_body_len(index as i32, 0, key, value, &[]);
        write_record(&mut records, len, index as i32, 0, key, value, &[]);
    }
    let header = BatchHeader {
        base_offset: 0,
        partition_leader_epoch: -1,
        attributes: 0,
        last_offset_delta: commits.len() as i32 - 1,
        base_timestamp: wall_ms,
        max_timestamp: wall_ms,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: commits.len() as i32,
    };
    [&header.encode(records.len(), crc32c(&records)), &records[..]].concat().into()
}

fn encode_value(value: &CommittedOffset, wall_ms: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_i16(VALUE_VERSION);
    bytes.put_i64(value.offset);
    bytes.put_i32(value.leader_epoch);
    put_text(&mut bytes, &value.metadata);
    bytes.put_i64(wall_ms);
    bytes
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.put_i16(text.len() as i16);
    bytes.put_slice(text.as_bytes());
}

/// Reads the offsets of a batch; what is none is skipped.
pub fn decode(batch: &[u8]) -> Vec<(OffsetKey, Option<CommittedOffset>)> {
    let mut input = batch;
    let Ok(records) = RecordBatch::take(&mut input).and_then(|batch| batch.records()) else {
        return Vec::new();
    };
    let commit = |key: &[u8], value: Option<&[u8]>| {
        let key = decode_key(key)?;
        match value {
            None => Some((key, None)),
            Some(value) => Some((key, Some(decode_value(value)?))),
        }
    };
    let records = records.map_while(Result::ok);
    records.filter_map(|record| commit(record.key?, record.value)).collect()
}

fn decode_key(mut bytes: &[u8]) -> Option<OffsetKey> {
    if bytes.try_get_i16().ok()? != KEY_VERSION {
        return None;
    }
    let group = take_text(&mut bytes)?;
    let topic = take_text(&mut bytes)?;
    Some((group, topic, bytes.try_get_i32().ok()?))
}

fn decode_value(mut bytes: &[u8]) -> Option<CommittedOffset> {
    if bytes.try_get_i16().ok()? != VALUE_VERSION {
        return None;
    }
    let offset = bytes.try_get_i64().ok()?;
    let leader_epoch = bytes.try_get_i32().ok()?;
    Some(CommittedOffset { offset, leader_epoch, metadata: take_text(&mut bytes)? })
}

fn take_text(bytes: &mut &[u8]) -> Option<Arc<str>> {
    let length = usize::try_from(bytes.try_get_i16().ok()?).ok()?;
    let text = bytes.split_off(..length)?;
    std::str::from_utf8(text).ok().map(Arc::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_come_back_as_they_were_written() {
        let key = |partition| ("g".into(), "t".into(), partition);
        let value = CommittedOffset { offset: 7, leader_epoch: 2, metadata: "m".into() };
        let commits = vec![(key(0), Some(value)), (key(1), None)];
        let batch = encode(&commits, 5);
        RecordBatch::take(&mut &batch[..]).unwrap().check_crc().unwrap();
        assert_eq!(decode(&batch), commits);
        for cut in 0..batch.len() {
            decode(&batch[..cut]);
        }
    }
}
