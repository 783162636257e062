//! What readers get: offsets, records, and what they are told when there are none.

use std::time::{Duration, Instant};

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::offset_for_leader_epoch_request::{
    OffsetForLeaderPartition, OffsetForLeaderTopic,
};
use kafka_protocol::messages::{FetchRequest, OffsetForLeaderEpochRequest};
use kafka_protocol::records::RecordBatchDecoder;

use super::raw::*;
use super::target::*;

const MAX: i32 = 1 << 20;

fn part(partition: i32, offset: i64, max_bytes: i32) -> FetchPartition {
    FetchPartition::default()
        .with_partition(partition)
        .with_fetch_offset(offset)
        .with_current_leader_epoch(-1)
        .with_last_fetched_epoch(-1)
        .with_log_start_offset(-1)
        .with_partition_max_bytes(max_bytes)
}

/// A fetch without a session that waits for nothing.
fn request(topic: &str, partitions: Vec<FetchPartition>) -> FetchRequest {
    let topic = FetchTopic::default().with_topic(topic_name(topic)).with_partitions(partitions);
    FetchRequest::default()
        .with_replica_id((-1).into())
        .with_max_wait_ms(0)
        .with_min_bytes(1)
        .with_max_bytes(MAX)
        .with_session_epoch(-1)
        .with_topics(vec![topic])
}

pub fn fetch(raw: &mut Raw, topic: &str, offset: i64) -> PartitionData {
    fetch_part(raw, topic, part(0, offset, MAX))
}

fn fetch_part(raw: &mut Raw, topic: &str, part: FetchPartition) -> PartitionData {
    let mut response = raw.call(12, &request(topic, vec![part])).unwrap();
    assert_eq!((error(response.error_code), response.session_id), (None, 0));
    response.responses.remove(0).partitions.remove(0)
}

/// How many bytes whole batches have; the last may be cut off.
fn whole(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(length) = bytes.get(end + 8..end + 12) {
        let next = end + 12 + u32::from_be_bytes(length.try_into().unwrap()) as usize;
        if next > bytes.len() {
            break;
        }
        end = next;
    }
    end
}

/// Offsets and values of what was fetched.
pub fn records(data: &PartitionData) -> Vec<(i64, String)> {
    let mut bytes = data.records.clone().unwrap_or_default();
    bytes.truncate(whole(&bytes));
    let sets = RecordBatchDecoder::decode_all(&mut bytes).unwrap();
    let records = sets.into_iter().flat_map(|set| set.records);
    let text = |value: Option<bytes::Bytes>| String::from_utf8(value.unwrap().to_vec()).unwrap();
    records.map(|record| (record.offset, text(record.value))).collect()
}

fn two_batches(target: &Target, name: &str) -> (String, Raw) {
    let topic = target.topic(name, 1);
    let mut raw = target.leader(&topic, 0);
    raw.produce(&topic, -1, &batch(NOBODY, &["a", "b", "c"]));
    raw.produce(&topic, -1, &batch(NOBODY, &["d"]));
    (topic, raw)
}

pub fn records_come_in_batches_from_the_one_that_holds_the_offset(target: &Target) {
    let (topic, mut raw) = two_batches(target, "read");
    let all = fetch(&mut raw, &topic, 0);
    assert_eq!((error(all.error_code), all.high_watermark, all.log_start_offset), (None, 4, 0));
    assert_eq!(all.last_stable_offset, 4);
    let text = |list: &[(i64, &str)]| -> Vec<(i64, String)> {
        list.iter().map(|(offset, value)| (*offset, (*value).to_owned())).collect()
    };
    assert_eq!(records(&all), text(&[(0, "a"), (1, "b"), (2, "c"), (3, "d")]));
    let middle = fetch(&mut raw, &topic, 1);
    assert_eq!(records(&middle).len(), 4, "a batch comes whole");
    assert_eq!(records(&fetch(&mut raw, &topic, 3)), text(&[(3, "d")]));
    let end = fetch(&mut raw, &topic, 4);
    assert_eq!((error(end.error_code), records(&end), end.high_watermark), (None, vec![], 4));
}

pub fn every_version_of_fetch_is_answered(target: &Target) {
    let (topic, mut raw) = two_batches(target, "fetch-versions");
    let id = describe(&mut raw, &topic).topic_id;
    for version in 4..=18 {
        let mut request = request(&topic, vec![part(0, 0, MAX)]);
        if version >= 13 {
            request.topics[0].topic = Default::default();
            request.topics[0].topic_id = id;
        }
        let response = raw.call(version, &request).unwrap();
        let data = &response.responses[0].partitions[0];
        assert_eq!((error(data.error_code), records(data).len()), (None, 4), "version {version}");
    }
}

pub fn an_offset_out_of_range_is_refused(target: &Target) {
    let (topic, mut raw) = two_batches(target, "range");
    for offset in [5, 1000, -1] {
        let refused = fetch(&mut raw, &topic, offset);
        assert_eq!(error(refused.error_code), Some(OffsetOutOfRange), "{offset}");
        assert_eq!((refused.high_watermark, refused.log_start_offset), (-1, -1));
        assert!(records(&refused).is_empty());
    }
}

pub fn what_is_not_there_is_refused_by_its_name(target: &Target) {
    let (topic, mut raw) = two_batches(target, "names");
    let missing = fetch_part(&mut raw, &topic, part(3, 0, MAX));
    assert_eq!(error(missing.error_code), Some(UnknownTopicOrPartition));
    let missing = fetch(&mut raw, "nowhere", 0);
    assert_eq!(error(missing.error_code), Some(UnknownTopicOrPartition));
    let mut by_id = request("", vec![part(0, 0, MAX)]);
    by_id.topics[0].topic_id = uuid::Uuid::from_u128(5);
    let response = raw.call(13, &by_id).unwrap();
    let missing = &response.responses[0].partitions[0];
    assert_eq!(error(missing.error_code), Some(UnknownTopicId));
}

pub fn the_leaders_epoch_is_compared(target: &Target) {
    let (topic, mut raw) = two_batches(target, "epochs");
    let newer = fetch_part(&mut raw, &topic, part(0, 0, MAX).with_current_leader_epoch(7));
    assert_eq!(error(newer.error_code), Some(UnknownLeaderEpoch));
    let same = fetch_part(&mut raw, &topic, part(0, 0, MAX).with_current_leader_epoch(0));
    assert_eq!(error(same.error_code), None);
    let diverged = fetch_part(&mut raw, &topic, part(0, 2, MAX).with_last_fetched_epoch(0));
    assert_eq!((error(diverged.error_code), records(&diverged).len()), (None, 4));
    let unheard = fetch_part(&mut raw, &topic, part(0, 2, MAX).with_last_fetched_epoch(3));
    assert_eq!(error(unheard.error_code), Some(OffsetOutOfRange));
}

pub fn the_first_batch_comes_whole_and_others_only_if_they_fit(target: &Target) {
    let topic = target.topic("sizes", 1);
    let mut raw = target.leader(&topic, 0);
    for _ in 0..3 {
        raw.produce(&topic, -1, &batch(NOBODY, &[&"x".repeat(1000)]));
    }
    let count = |data: PartitionData| records(&data).len();
    assert_eq!(count(fetch_part(&mut raw, &topic, part(0, 0, 10))), 1, "larger than allowed");
    assert_eq!(count(fetch_part(&mut raw, &topic, part(0, 0, 1200))), 1);
    assert_eq!(count(fetch_part(&mut raw, &topic, part(0, 0, 2400))), 2);
    let mut small = request(&topic, vec![part(0, 0, MAX)]);
    small.max_bytes = 10;
    let response = raw.call(12, &small).unwrap();
    assert_eq!(records(&response.responses[0].partitions[0]).len(), 1);
}

pub fn an_answer_waits_for_records_and_no_longer_than_asked(target: &Target) {
    let topic = target.topic("wait", 1);
    let mut raw = target.leader(&topic, 0);
    let mut patient = request(&topic, vec![part(0, 0, MAX)]);
    patient.max_wait_ms = 150;
    let before = Instant::now();
    let response = raw.call(12, &patient).unwrap();
    assert!(before.elapsed() >= Duration::from_millis(140), "{:?}", before.elapsed());
    assert!(records(&response.responses[0].partitions[0]).is_empty());
    patient.max_wait_ms = 15_000;
    let before = Instant::now();
    let mut consumer = target.leader(&topic, 0);
    consumer.send(12, &patient);
    raw.produce(&topic, 1, &batch(NOBODY, &["v"]));
    let (_, response) = consumer.answer::<FetchRequest>(12).unwrap();
    assert!(before.elapsed() < Duration::from_secs(10));
    let data = &response.responses[0].partitions[0];
    assert_eq!((data.high_watermark, records(data).len()), (1, 1));
    patient.topics[0].partitions[0].fetch_offset = 9;
    let response = raw.call(12, &patient).unwrap();
    let data = &response.responses[0].partitions[0];
    assert_eq!(error(data.error_code), Some(OffsetOutOfRange), "an error waits for nothing");
}

pub fn offsets_are_found_by_name_and_by_time(target: &Target) {
    let topic = target.topic("offsets", 1);
    let mut raw = target.leader(&topic, 0);
    let at = |timestamp: i64| Content { timestamp, ..Content::default() };
    let empty = offsets(&mut raw, &topic, 0, -1);
    assert_eq!((error(empty.error_code), empty.offset, empty.timestamp), (None, 0, -1));
    for times in [vec![1000, 3000, 2000], vec![4000]] {
        let contents = times.into_iter().map(at);
        raw.produce(&topic, -1, &batch_of(NOBODY, TimestampType::Creation, contents));
    }
    let mut find = |timestamp: i64| {
        let found = offsets(&mut raw, &topic, 0, timestamp);
        assert_eq!(error(found.error_code), None);
        (found.offset, found.timestamp, found.leader_epoch)
    };
    assert_eq!(find(-1), (4, -1, 0), "latest");
    assert_eq!(find(-2), (0, -1, 0), "earliest");
    assert_eq!(find(-3), (3, 4000, 0), "the largest timestamp");
    assert_eq!(find(0), (0, 1000, 0));
    assert_eq!(find(1000), (0, 1000, 0));
    assert_eq!(find(1500), (1, 3000, 0));
    assert_eq!(find(3001), (3, 4000, 0));
    assert_eq!(find(4001), (-1, -1, -1));
    let unknown = offsets(&mut raw, &topic, 8, -1);
    assert_eq!(error(unknown.error_code), Some(UnknownTopicOrPartition));
}

/// The error of a fetch by who believes in this epoch.
pub fn fetch_in_epoch(
    raw: &mut Raw,
    topic: &str,
    epoch: i32,
) -> Option<kafka_protocol::ResponseError> {
    let wanted = part(0, 0, MAX).with_current_leader_epoch(epoch);
    error(fetch_part(raw, topic, wanted).error_code)
}

/// Where an epoch ended: the error, the epoch and the offset.
pub fn end_of_epoch(
    raw: &mut Raw,
    topic: &str,
    leader_epoch: i32,
    current: i32,
) -> (Option<kafka_protocol::ResponseError>, i32, i64) {
    let part = OffsetForLeaderPartition::default()
        .with_partition(0)
        .with_current_leader_epoch(current)
        .with_leader_epoch(leader_epoch);
    let topic =
        OffsetForLeaderTopic::default().with_topic(topic_name(topic)).with_partitions(vec![part]);
    let request = OffsetForLeaderEpochRequest::default()
        .with_replica_id((-1).into())
        .with_topics(vec![topic]);
    let answer = raw.call(4, &request).unwrap().topics.remove(0).partitions.remove(0);
    (error(answer.error_code), answer.leader_epoch, answer.end_offset)
}

pub fn the_end_of_an_epoch_can_be_asked_for(target: &Target) {
    let (topic, mut raw) = two_batches(target, "epoch-ends");
    let mut ask = |epoch: i32, current: i32| end_of_epoch(&mut raw, &topic, epoch, current);
    assert_eq!(ask(0, -1), (None, 0, 4));
    assert_eq!(ask(0, 0), (None, 0, 4));
    assert_eq!(ask(5, -1), (None, -1, -1));
    assert_eq!(ask(0, 9), (Some(UnknownLeaderEpoch), -1, -1));
}
