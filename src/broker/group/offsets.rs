//! What is kept of groups, as records of Kafka's own topic `__consumer_offsets`: who becomes the
//! leader of a partition reads them there, so that offsets and members survive their coordinator.
//! The records are Kafka's (`OffsetCommitKey` 1 and `Value` 3, `GroupMetadataKey` 2 and `Value` 3).

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};

use crate::wire::crc::crc32c;
use crate::wire::record::AnyRecord;
use crate::wire::record_batch::{BatchHeader, RecordBatch};

const OFFSET_KEY: i16 = 1;
const GROUP_KEY: i16 = 2;
const VALUE: i16 = 3;
/// Where members are, as Kafka writes it.
const CLIENT_HOST: &str = "/127.0.0.1";

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

/// A group that came together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptGroup {
    /// What it is for.
    pub protocol_type: Arc<str>,
    /// Its generation.
    pub generation: i32,
    /// The way of assigning.
    pub protocol: Option<Arc<str>>,
    /// The member that assigns.
    pub leader: Option<Arc<str>>,
    /// Its members.
    pub members: Vec<KeptMember>,
}

/// A member of a group that came together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptMember {
    /// Its id.
    pub id: Arc<str>,
    /// Its name, if it is a static member.
    pub instance: Option<Arc<str>>,
    /// What its client calls itself.
    pub client_id: Arc<str>,
    /// How long it may take to join again.
    pub rebalance_timeout_ms: i32,
    /// After which silence it is taken for dead.
    pub session_timeout_ms: i32,
    /// What it said of itself for the way of assigning that was chosen.
    pub metadata: Bytes,
    /// Its part.
    pub assignment: Bytes,
}

/// One record; without a value, what it is about is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// An offset.
    Offset(OffsetKey, Option<CommittedOffset>),
    /// A group.
    Group(Arc<str>, Option<KeptGroup>),
}

/// A batch of the topic.
pub fn encode(kept: &[Kept], wall_ms: i64) -> Bytes {
    let mut records = Vec::new();
    for (index, one) in (0..).zip(kept) {
        let (key, value) = match one {
            Kept::Offset(key, value) => {
                (offset_key(key), value.as_ref().map(|value| offset_value(value, wall_ms)))
            }
            Kept::Group(name, value) => {
                (group_key(name), value.as_ref().map(|value| group_value(value, wall_ms)))
            }
        };
        let (key, value) = (Some(&key[..]), value.as_deref());
        AnyRecord::new(index, 0, key, value, &[]).append_to(&mut records);
    }
    let header = BatchHeader {
        base_offset: 0,
        partition_leader_epoch: -1,
        attributes: 0,
        last_offset_delta: kept.len() as i32 - 1,
        base_timestamp: wall_ms,
        max_timestamp: wall_ms,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: kept.len() as i32,
    };
    [&header.encode(records.len(), crc32c(&records)), &records[..]].concat().into()
}

fn offset_key((group, topic, partition): &OffsetKey) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_i16(OFFSET_KEY);
    put_text(&mut bytes, Some(group));
    put_text(&mut bytes, Some(topic));
    bytes.put_i32(*partition);
    bytes
}

fn offset_value(value: &CommittedOffset, wall_ms: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_i16(VALUE);
    bytes.put_i64(value.offset);
    bytes.put_i32(value.leader_epoch);
    put_text(&mut bytes, Some(&value.metadata));
    bytes.put_i64(wall_ms);
    bytes
}

fn group_key(name: &Arc<str>) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_i16(GROUP_KEY);
    put_text(&mut bytes, Some(name));
    bytes
}

fn group_value(group: &KeptGroup, wall_ms: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.put_i16(VALUE);
    put_text(&mut bytes, Some(&group.protocol_type));
    bytes.put_i32(group.generation);
    put_text(&mut bytes, group.protocol.as_ref());
    put_text(&mut bytes, group.leader.as_ref());
    bytes.put_i64(wall_ms);
    bytes.put_i32(group.members.len() as i32);
    for member in &group.members {
        put_text(&mut bytes, Some(&member.id));
        put_text(&mut bytes, member.instance.as_ref());
        put_text(&mut bytes, Some(&member.client_id));
        put_text(&mut bytes, Some(&CLIENT_HOST.into()));
        bytes.put_i32(member.rebalance_timeout_ms);
        bytes.put_i32(member.session_timeout_ms);
        for part in [&member.metadata, &member.assignment] {
            bytes.put_i32(part.len() as i32);
            bytes.put_slice(part);
        }
    }
    bytes
}

fn put_text(bytes: &mut Vec<u8>, text: Option<&Arc<str>>) {
    // Texts came from requests, whose texts are not longer.
    bytes.put_i16(text.map_or(-1, |text| text.len() as i16));
    bytes.put_slice(text.map(|text| text.as_bytes()).unwrap_or_default());
}

/// Reads the records of a batch; what is none is skipped.
pub fn decode(batch: &[u8]) -> Vec<Kept> {
    let mut input = batch;
    let Ok(batch) = RecordBatch::take(&mut input) else { return Vec::new() };
    let Ok(records) = batch.records(batch.records_section()) else { return Vec::new() };
    let records = records.map_while(Result::ok);
    records.filter_map(|record| decode_one(record.key?, record.value)).collect()
}

fn decode_one(mut key: &[u8], value: Option<&[u8]>) -> Option<Kept> {
    match key.try_get_i16().ok()? {
        OFFSET_KEY => {
            let (group, topic) = (take_text(&mut key)??, take_text(&mut key)??);
            let key = (group, topic, key.try_get_i32().ok()?);
            match value {
                None => Some(Kept::Offset(key, None)),
                Some(value) => Some(Kept::Offset(key, Some(decode_offset(value)?))),
            }
        }
        GROUP_KEY => {
            let name = take_text(&mut key)??;
            match value {
                None => Some(Kept::Group(name, None)),
                Some(value) => Some(Kept::Group(name, Some(decode_group(value)?))),
            }
        }
        _ => None,
    }
}

fn decode_offset(mut bytes: &[u8]) -> Option<CommittedOffset> {
    if bytes.try_get_i16().ok()? != VALUE {
        return None;
    }
    let offset = bytes.try_get_i64().ok()?;
    let leader_epoch = bytes.try_get_i32().ok()?;
    Some(CommittedOffset { offset, leader_epoch, metadata: take_text(&mut bytes)?? })
}

fn decode_group(mut bytes: &[u8]) -> Option<KeptGroup> {
    if bytes.try_get_i16().ok()? != VALUE {
        return None;
    }
    let mut group = KeptGroup {
        protocol_type: take_text(&mut bytes)??,
        generation: bytes.try_get_i32().ok()?,
        protocol: take_text(&mut bytes)?,
        leader: take_text(&mut bytes)?,
        members: Vec::new(),
    };
    bytes.try_get_i64().ok()?;
    for _ in 0..bytes.try_get_i32().ok()? {
        let (id, instance) = (take_text(&mut bytes)??, take_text(&mut bytes)?);
        let client_id = take_text(&mut bytes)??;
        take_text(&mut bytes)?;
        group.members.push(KeptMember {
            id,
            instance,
            client_id,
            rebalance_timeout_ms: bytes.try_get_i32().ok()?,
            session_timeout_ms: bytes.try_get_i32().ok()?,
            metadata: take_bytes(&mut bytes)?,
            assignment: take_bytes(&mut bytes)?,
        });
    }
    Some(group)
}

/// A text that may be null; the outer `None` is the end of the bytes.
fn take_text(bytes: &mut &[u8]) -> Option<Option<Arc<str>>> {
    let length = bytes.try_get_i16().ok()?;
    if length < 0 {
        return Some(None);
    }
    let text = bytes.split_off(..usize::try_from(length).ok()?)?;
    Some(Some(Arc::from(std::str::from_utf8(text).ok()?)))
}

fn take_bytes(bytes: &mut &[u8]) -> Option<Bytes> {
    let length = usize::try_from(bytes.try_get_i32().ok()?).ok()?;
    bytes.split_off(..length).map(Bytes::copy_from_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_comes_back_as_it_was_written() {
        let key = |partition| ("g".into(), "t".into(), partition);
        let value = CommittedOffset { offset: 7, leader_epoch: 2, metadata: "m".into() };
        let member = KeptMember {
            id: "id".into(),
            instance: None,
            client_id: "c".into(),
            rebalance_timeout_ms: 1,
            session_timeout_ms: 2,
            metadata: Bytes::from_static(b"meta"),
            assignment: Bytes::new(),
        };
        let group = KeptGroup {
            protocol_type: "consumer".into(),
            generation: 3,
            protocol: Some("range".into()),
            leader: None,
            members: vec![member.clone(), KeptMember { instance: Some("n".into()), ..member }],
        };
        let kept = vec![
            Kept::Offset(key(0), Some(value)),
            Kept::Offset(key(1), None),
            Kept::Group("g".into(), Some(group)),
            Kept::Group("h".into(), None),
        ];
        let batch = encode(&kept, 5);
        RecordBatch::take(&mut &batch[..]).unwrap().check_crc().unwrap();
        assert_eq!(decode(&batch), kept);
        for cut in 0..batch.len() {
            decode(&batch[..cut]);
        }
    }
}
