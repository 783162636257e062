//! Records of every shape arrive byte for byte.

use std::time::Duration;

use ottla::{ErrorCode, Header, Record};

use crate::cluster::{bootstrap, close_and_check, topic, topic_name, topic_with};
use crate::run::Run;

const BYTES: [Option<&[u8]>; 4] = [None, Some(b""), Some(b"\0"), Some(b"\xff\xfe bytes \n\r\0")];

#[test]
#[ignore = "needs make test"]
fn null_and_empty_are_told_apart_and_headers_keep_their_order() {
    // Nobody made the topic: the first send does.
    let topic = topic_name("contents");
    let run = Run::new(&bootstrap(), &[]);
    let mut thread = run.thread();
    for key in BYTES {
        for value in BYTES {
            thread.send(&Record { topic: &topic, key, value, ..Record::default() }).unwrap();
        }
    }
    let headers: Vec<Header<'_>> = (0..200)
        .map(|i| Header { name: ["same", "same", "", "größer"][i % 4], value: BYTES[i / 4 % 4] })
        .collect();
    for count in [1, 2, 63, 64, 200] {
        let headers = &headers[..count];
        thread.send(&Record { topic: &topic, headers, ..Record::default() }).unwrap();
    }
    drop(thread);
    let log = close_and_check(&run, &[&topic]);
    assert_eq!(log.len(), 21);
}

#[test]
#[ignore = "needs make test"]
fn timestamps_are_kept() {
    let topic = topic("timestamps", 1);
    let run = Run::new(&bootstrap(), &[]);
    let mut thread = run.thread();
    // In one batch: its deltas go up and down. The broker refuses what is far in the future.
    let hour = 3_600_000;
    let now = ottla::time::wall_ms();
    for timestamp in [None, Some(0), Some(1), Some(now - hour), None, Some(now + hour / 2), None] {
        thread.send(&Record { topic: &topic, timestamp, ..Record::default() }).unwrap();
    }
    drop(thread);
    let log = close_and_check(&run, &[&topic]);
    assert_eq!((log.len(), log[1].timestamp, log[1].is_append_time), (7, 0, false));
}

#[test]
#[ignore = "needs make test"]
fn a_topic_with_append_times_reports_the_brokers() {
    let topic = topic_with("append-time", 1, "message.timestamp.type=LogAppendTime");
    let run = Run::new(&bootstrap(), &[]);
    let mut thread = run.thread();
    let before = ottla::time::wall_ms();
    for timestamp in [None, Some(0), Some(before - 1_000_000)] {
        thread.send(&Record { topic: &topic, timestamp, ..Record::default() }).unwrap();
    }
    drop(thread);
    // The oracle compares what is reported with what is read.
    let log = close_and_check(&run, &[&topic]);
    assert_eq!(log.len(), 3);
    assert!(log.iter().all(|record| record.is_append_time && record.timestamp >= before));
}

#[test]
#[ignore = "needs make test"]
fn keys_go_where_the_java_client_sends_them() {
    let text = include_str!("../vectors/murmur2_partitions.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let counts = vectors["n"].as_array().unwrap();
    let column = counts.iter().position(|count| *count == 7).unwrap();
    let topic = topic("keyed", 7);
    let run = Run::new(&bootstrap(), &[]);
    let mut thread = run.thread();
    let keys = vectors["keys"].as_array().unwrap();
    for case in keys {
        let hex = case["key"].as_str().unwrap();
        let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        let key: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        thread.send(&Record { topic: &topic, key: Some(&key), ..Record::default() }).unwrap();
        thread.last().partition = Some(case["p"][column].as_i64().unwrap() as i32);
    }
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), keys.len());
}

#[test]
#[ignore = "needs make test"]
fn explicit_partitions_are_obeyed_and_others_spread() {
    let topic = topic_name("partitions");
    let run = Run::new(&bootstrap(), &[("batch.size", "200"), ("linger.ms", "0")]);
    let mut thread = run.thread();
    for i in 0..6000u32 {
        let value = i.to_be_bytes();
        let partition = (i % 2 == 0).then_some((i / 2 % 12) as i32);
        let record = Record { topic: &topic, partition, value: Some(&value), ..Record::default() };
        thread.send(&record).unwrap();
    }
    drop(thread);
    let log = close_and_check(&run, &[&topic]);
    for partition in 0..12 {
        let there = log.iter().filter(|record| record.partition == partition).count();
        assert!(there > 250, "{there} records in partition {partition}");
    }
}

#[test]
#[ignore = "needs make test"]
fn records_of_all_sizes_up_to_the_limit_arrive() {
    let topic = topic_name("sizes");
    let run = Run::new(&bootstrap(), &[]);
    let mut thread = run.thread();
    let bytes: Vec<u8> = (0..1_048_576usize).map(|i| (i * i / 7) as u8).collect();
    // Around the sizes at which varints grow, batches are full, and the request is.
    let limit = 1_048_576 - 90;
    let around = [0, 1, 63, 64, 127, 128, 8191, 8192, 16_290, 16_384, 100_000, 500_000, limit];
    for size in around.into_iter().flat_map(|size: usize| size.saturating_sub(1)..=size) {
        let value = Some(&bytes[..size]);
        thread.send(&Record { topic: &topic, value, ..Record::default() }).unwrap();
    }
    let too_large = Record { topic: &topic, value: Some(&bytes), ..Record::default() };
    let error = thread.send(&too_large).unwrap_err();
    assert_eq!(error.code(), ErrorCode::MESSAGE_TOO_LARGE);
    drop(thread);
    run.producer.flush(Some(Duration::from_secs(30))).unwrap();
    assert!(run.reports().iter().all(|report| report.error.is_none()));
    assert_eq!(close_and_check(&run, &[&topic]).len(), 25);
}
