//! What a broker does with batches, and what it says of them.

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::{
    ApiVersionsRequest, FetchRequest, InitProducerIdRequest, TopicName,
};
use kafka_protocol::protocol::StrBytes;
use ottla::ErrorCode;
use ottla::broker::{Cluster, ClusterConfig};

use super::raw::*;
use super::rig::until;

fn code(code: i16) -> ErrorCode {
    ErrorCode::from(code)
}

fn one_broker() -> (Cluster, Raw) {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let raw = Raw::connect(&cluster.bootstrap_servers());
    (cluster, raw)
}

#[test]
fn a_batch_that_comes_again_gets_the_answer_that_it_got() {
    let (cluster, mut raw) = one_broker();
    let who = |sequence| (77, 0, sequence);
    for sequence in 0..5 {
        let written = raw.produce("t", -1, &batch(who(sequence), &["v"]));
        assert_eq!((written.error_code, written.base_offset), (0, i64::from(sequence)));
    }
    for sequence in 0..5 {
        let again = raw.produce("t", -1, &batch(who(sequence), &["v"]));
        assert_eq!((again.error_code, again.base_offset), (0, i64::from(sequence)));
    }
    let gap = raw.produce("t", -1, &batch(who(7), &["v"]));
    assert_eq!(code(gap.error_code), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_eq!((gap.base_offset, gap.log_start_offset), (-1, 0));
    let newer = raw.produce("t", -1, &batch((77, 1, 0), &["v"]));
    assert_eq!(newer.error_code, 0);
    let older = raw.produce("t", -1, &batch(who(5), &["v"]));
    assert_eq!(code(older.error_code), ErrorCode::INVALID_PRODUCER_EPOCH);
    assert_eq!(cluster.records("t", 0).len(), 6);
}

#[test]
fn damaged_batches_are_refused_and_leave_nothing() {
    let (cluster, mut raw) = one_broker();
    let good = batch(NOBODY, &["v"]);
    let damaged = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let last = good.len() - 1;
    let mut refused = |bytes: &[u8]| code(raw.produce("t", 1, bytes).error_code);
    assert_eq!(refused(&damaged(last)), ErrorCode::CORRUPT_MESSAGE);
    assert_eq!(refused(&damaged(20)), ErrorCode::CORRUPT_MESSAGE, "the checksum itself");
    assert_eq!(refused(&damaged(16)), ErrorCode::CORRUPT_MESSAGE, "the format");
    assert_eq!(refused(&good[..last]), ErrorCode::INVALID_RECORD, "not whole");
    assert_eq!(refused(&[]), ErrorCode::INVALID_RECORD);
    assert_eq!(refused(&[&good[..], &good[..]].concat()), ErrorCode::INVALID_RECORD, "two");
    assert_eq!(cluster.records("t", 0), []);
    assert_eq!(refused(&good), ErrorCode::NONE);
}

#[test]
fn acks_that_do_not_exist_are_refused() {
    let (cluster, mut raw) = one_broker();
    for acks in [-2, 2, i16::MAX] {
        let refused = raw.produce("t", acks, &batch(NOBODY, &["v"]));
        assert_eq!(code(refused.error_code), ErrorCode::INVALID_REQUIRED_ACKS);
        assert_eq!(refused.base_offset, -1);
    }
    assert_eq!(cluster.records("t", 0), []);
}

#[test]
fn without_acks_there_is_no_answer_and_an_error_closes_the_connection() {
    let (cluster, mut raw) = one_broker();
    for _ in 0..3 {
        raw.send(9, &write("t", 0, 0, &batch(NOBODY, &["v"])));
    }
    let still = raw.produce("t", 1, &batch(NOBODY, &["v"]));
    assert_eq!(still.base_offset, 3, "the next answer is the next request's");
    raw.send(9, &write("t", 5, 0, &batch(NOBODY, &["v"])));
    assert!(raw.is_closed());
    assert_eq!(cluster.records("t", 0).len(), 4);
}

#[test]
fn producing_makes_no_topic_and_asking_about_it_does() {
    let (cluster, mut raw) = one_broker();
    let refused = raw.produce("new", 1, &batch(NOBODY, &["v"]));
    assert_eq!(code(refused.error_code), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let metadata = raw.call(9, &about(&["new", "a b"])).unwrap();
    let codes: Vec<ErrorCode> = metadata.topics.iter().map(|t| code(t.error_code)).collect();
    let expected = [ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, ErrorCode::INVALID_TOPIC_EXCEPTION];
    assert_eq!(codes, expected, "the first answer");
    let metadata = raw.call(9, &about(&["new"])).unwrap();
    assert_eq!((metadata.topics[0].error_code, metadata.topics[0].partitions.len()), (0, 1));
    assert_eq!(raw.produce("new", 1, &batch(NOBODY, &["v"])).error_code, 0);
    drop(cluster);

    let closed = ClusterConfig { auto_create_topics: false, ..ClusterConfig::default() };
    let cluster = Cluster::start(closed).unwrap();
    let mut raw = Raw::connect(&cluster.bootstrap_servers());
    for _ in 0..2 {
        let metadata = raw.call(9, &about(&["new"])).unwrap();
        assert_eq!(code(metadata.topics[0].error_code), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
}

#[test]
fn kafkas_own_topics_take_no_records_of_others() {
    let (cluster, mut raw) = one_broker();
    cluster.create_topic("__consumer_offsets", 1).unwrap();
    let refused = raw.produce("__consumer_offsets", 1, &batch(NOBODY, &["v"]));
    assert_eq!(code(refused.error_code), ErrorCode::INVALID_TOPIC_EXCEPTION);
}

#[test]
fn limits_of_the_topic_are_kept() {
    let (cluster, mut raw) = one_broker();
    cluster.create_topic_with("small", 1, &[("max.message.bytes", "100")]).unwrap();
    let large = raw.produce("small", 1, &batch(NOBODY, &[&"x".repeat(100)]));
    assert_eq!(code(large.error_code), ErrorCode::MESSAGE_TOO_LARGE);
    assert_eq!(raw.produce("small", 1, &batch(NOBODY, &["x"])).error_code, 0);

    let strict = [("message.timestamp.before.max.ms", "1000")];
    cluster.create_topic_with("young", 1, &strict).unwrap();
    let old = raw.produce("young", 1, &batch(NOBODY, &["a", "b"]));
    assert_eq!(code(old.error_code), ErrorCode::INVALID_TIMESTAMP);
    let places: Vec<i32> = old.record_errors.iter().map(|error| error.batch_index).collect();
    assert_eq!(places, [0, 1]);
    assert!(old.error_message.unwrap().contains("invalid timestamp"));

    cluster.create_topic_with("keyed", 1, &[("cleanup.policy", "compact")]).unwrap();
    let keyless = raw.produce("keyed", 1, &batch(NOBODY, &["a"]));
    assert_eq!(code(keyless.error_code), ErrorCode::INVALID_RECORD);
    assert_eq!(keyless.record_errors.len(), 1);

    let appended = [("message.timestamp.type", "LogAppendTime")];
    cluster.create_topic_with("appended", 1, &appended).unwrap();
    let stamped = raw.produce("appended", 1, &batch(NOBODY, &["a"]));
    assert!(stamped.log_append_time_ms > 1_700_000_000_000);
    assert_eq!(cluster.records("appended", 0)[0].timestamp, stamped.log_append_time_ms);
    let error = cluster.create_topic_with("bad", 1, &[("retention", "1")]).unwrap_err();
    assert!(error.message().contains("retention"), "{error}");
}

#[test]
fn retention_of_zero_keeps_nothing_and_still_checks_and_counts() {
    let (cluster, mut raw) = one_broker();
    cluster.create_topic_with("gone", 1, &[("retention.bytes", "0")]).unwrap();
    for offset in 0..10 {
        let written = raw.produce("gone", -1, &batch((5, 0, offset), &["v"]));
        assert_eq!((written.error_code, written.base_offset), (0, i64::from(offset)));
    }
    let again = raw.produce("gone", -1, &batch((5, 0, 9), &["v"]));
    assert_eq!((again.error_code, again.base_offset), (0, 9));
    let gap = raw.produce("gone", -1, &batch((5, 0, 11), &["v"]));
    assert_eq!(code(gap.error_code), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    let replica = cluster.replica(1, "gone", 0).unwrap();
    assert_eq!((replica.log_start_offset, replica.log_end_offset, replica.bytes), (10, 10, 0));
}

#[test]
fn retention_by_bytes_drops_the_oldest() {
    let (cluster, mut raw) = one_broker();
    let value = "x".repeat(1000);
    cluster.create_topic_with("short", 1, &[("retention.bytes", "5000")]).unwrap();
    for _ in 0..100 {
        assert_eq!(raw.produce("short", -1, &batch(NOBODY, &[&value])).error_code, 0);
    }
    let replica = cluster.replica(1, "short", 0).unwrap();
    assert!((5000..6200).contains(&replica.bytes), "{replica:?}");
    assert_eq!(replica.log_end_offset, 100);
    assert_eq!(cluster.records("short", 0)[0].offset, replica.log_start_offset);
}

#[test]
fn a_consumer_waits_for_records_and_gets_them_when_they_come() {
    let (cluster, mut raw) = one_broker();
    let fetch = |offset: i64| {
        let partition = FetchPartition::default()
            .with_partition(0)
            .with_fetch_offset(offset)
            .with_partition_max_bytes(1 << 20);
        let topic = FetchTopic::default()
            .with_topic(TopicName(StrBytes::from_static_str("t")))
            .with_partitions(vec![partition]);
        FetchRequest::default()
            .with_max_wait_ms(20_000)
            .with_min_bytes(1)
            .with_max_bytes(1 << 20)
            .with_session_epoch(-1)
            .with_topics(vec![topic])
    };
    let mut consumer = Raw::connect(&cluster.bootstrap_servers());
    consumer.send(12, &fetch(0));
    until("the fetch arrived", || cluster.requests().iter().any(|r| r.api_name() == "Fetch"));
    raw.produce("t", 1, &batch(NOBODY, &["v"]));
    let (_, response) = consumer.answer::<FetchRequest>(12).unwrap();
    let partition = &response.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.high_watermark), (0, 1));
    assert!(partition.records.as_ref().unwrap().len() > 61);
    let response = consumer.call(12, &fetch(2)).unwrap();
    let partition = &response.responses[0].partitions[0];
    assert_eq!(code(partition.error_code), ErrorCode::OFFSET_OUT_OF_RANGE);
}

#[test]
fn every_producer_gets_its_own_id() {
    let cluster = Cluster::start(ClusterConfig::brokers(3)).unwrap();
    let mut ids: Vec<i64> = cluster
        .bootstrap_servers()
        .split(',')
        .flat_map(|server| {
            let mut raw = Raw::connect(server);
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            (0..3).map(move |_| raw.call(4, &request).unwrap().producer_id.0).collect::<Vec<_>>()
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 9);
    assert!(ids[0] >= 0);
}

#[test]
fn every_version_of_apiversions_is_answered_and_unknown_ones_with_error_35() {
    let (_cluster, mut raw) = one_broker();
    let request = ApiVersionsRequest::default()
        .with_client_software_name(StrBytes::from_static_str("test"))
        .with_client_software_version(StrBytes::from_static_str("1.0"));
    for version in 0..=4 {
        let empty = ApiVersionsRequest::default();
        let request = if version >= 3 { &request } else { &empty };
        let response = raw.call(version, request).unwrap();
        assert_eq!(response.error_code, 0);
        assert!(response.api_keys.iter().any(|api| (api.api_key, api.max_version) == (0, 13)));
    }
    let nameless = raw.call(3, &ApiVersionsRequest::default()).unwrap();
    assert_eq!(code(nameless.error_code), ErrorCode::INVALID_REQUEST);
    // Version 77: a header of version 2, then nothing.
    raw.bytes(&[0, 0, 0, 11, 0, 18, 0, 77, 0, 0, 0, 9, 255, 255, 0]);
    let (id, response) = raw.answer::<ApiVersionsRequest>(0).unwrap();
    assert_eq!((id, code(response.error_code)), (9, ErrorCode::UNSUPPORTED_VERSION));
    assert_eq!(response.api_keys.len(), 1);
    assert_eq!(response.api_keys[0].max_version, 4);
}
