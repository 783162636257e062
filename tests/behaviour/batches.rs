//! Batches that are not as they must be, and the limits of topics.

use std::time::{SystemTime, UNIX_EPOCH};

use kafka_protocol::ResponseError::{self, *};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;

use super::produce::altered;
use super::raw::*;
use super::target::*;

fn put_i32(at: usize, value: i32) -> impl FnOnce(&mut [u8]) {
    move |bytes| bytes[at..at + 4].copy_from_slice(&value.to_be_bytes())
}

pub fn damaged_batches_are_refused_and_leave_nothing(target: &Target) {
    let topic = target.topic("damaged", 1);
    let mut raw = target.leader(&topic, 0);
    let good = batch(NOBODY, &["v", "w"]);
    let flipped = |at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        bytes
    };
    let last = good.len() - 1;
    let length = (good.len() - 12) as i32;
    let with_length = |length: i32| {
        let mut bytes = good.clone();
        put_i32(8, length)(&mut bytes);
        bytes
    };
    let with_magic = |magic: u8| {
        let mut bytes = good.clone();
        bytes[16] = magic;
        bytes
    };
    let control = altered(&good, |bytes| bytes[22] |= 0x20);
    let sequence = altered(&batch((7, 0, 0), &["v"]), put_i32(53, -5));
    let cases: [(&str, Vec<u8>, ResponseError); 19] = [
        ("a byte of the records", flipped(last), CorruptMessage),
        ("the checksum", flipped(20), CorruptMessage),
        ("a magic that there is not", flipped(16), CorruptMessage),
        ("the magic of old", with_magic(1), InvalidRecord),
        ("not whole", good[..last].to_vec(), InvalidRecord),
        ("no bytes", Vec::new(), InvalidRecord),
        ("a few bytes", good[..10].to_vec(), InvalidRecord),
        ("two", [&good[..], &good[..]].concat(), InvalidRecord),
        ("a length of 5", with_length(5), CorruptMessage),
        ("a length of 20", with_length(20), CorruptMessage),
        ("a negative length", with_length(-1), CorruptMessage),
        ("more records than said", altered(&good, put_i32(57, 1)), InvalidRecord),
        ("fewer records than said", altered(&good, put_i32(57, 3)), InvalidRecord),
        ("no records", altered(&good, put_i32(57, 0)), InvalidRecord),
        ("a last offset that does not fit", altered(&good, put_i32(23, 7)), InvalidRecord),
        ("a base offset", altered(&good, |bytes| bytes[7] = 9), InvalidRecord),
        ("control records", control, InvalidRecord),
        ("a producer without sequence", sequence, InvalidRecord),
        ("a codec that there is not", altered(&good, |bytes| bytes[22] |= 7), UnknownServerError),
    ];
    for (what, bytes, why) in cases {
        let refused = raw.produce(&topic, 1, &bytes);
        assert_eq!(error(refused.error_code), Some(why), "{what}");
        assert_eq!(refused.base_offset, -1, "{what}");
    }
    let longer = with_length(length + 1);
    let refused = raw.produce(&topic, 1, &longer);
    assert_eq!(error(refused.error_code), Some(InvalidRecord), "longer than what there is");
    assert_eq!(raw.produce(&topic, 1, &good).base_offset, 0, "nothing was left");
}

pub fn records_that_do_not_fit_their_batch_are_refused(target: &Target) {
    let topic = target.topic("records", 1);
    let mut raw = target.leader(&topic, 0);
    let good = batch(NOBODY, &["v", "w"]);
    // The first record's length, and the length of its value.
    for (what, at, value) in [("longer", 61, 100), ("shorter", 61, 2), ("value", 66, 50)] {
        let bytes = altered(&good, |bytes| bytes[at] = value);
        let refused = raw.produce(&topic, 1, &bytes);
        assert_eq!(error(refused.error_code), Some(InvalidRecord), "{what}");
    }
    assert_eq!(raw.produce(&topic, 1, &good).base_offset, 0);
}

pub fn a_batch_over_the_topics_limit_is_refused(target: &Target) {
    let topic = target.topic_with("small", 1, &[("max.message.bytes", "100")]);
    let mut raw = target.leader(&topic, 0);
    let exact = 100 - batch(NOBODY, &[""]).len();
    let large = raw.produce(&topic, 1, &batch(NOBODY, &[&"x".repeat(exact + 1)]));
    assert_eq!(error(large.error_code), Some(MessageTooLarge));
    assert_eq!((large.base_offset, large.log_start_offset), (-1, -1));
    let most = raw.produce(&topic, 1, &batch(NOBODY, &[&"x".repeat(exact)]));
    assert_eq!((error(most.error_code), most.base_offset), (None, 0));
}

pub fn a_batch_larger_than_a_segment_is_refused(target: &Target) {
    let limits = [("segment.bytes", "1048576"), ("max.message.bytes", "4000000")];
    let topic = target.topic_with("segment", 1, &limits);
    let mut raw = target.leader(&topic, 0);
    let large = raw.produce(&topic, 1, &batch(NOBODY, &[&"x".repeat(1_048_577)]));
    assert_eq!(error(large.error_code), Some(RecordListTooLarge));
    assert_eq!(raw.produce(&topic, 1, &batch(NOBODY, &["x"])).base_offset, 0);
}

/// Which records were refused, by their places in the batch.
fn places(refused: &PartitionProduceResponse) -> Vec<i32> {
    refused.record_errors.iter().map(|error| error.batch_index).collect()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

fn timed(timestamps: &[i64]) -> Vec<u8> {
    let one = |timestamp: &i64| Content { timestamp: *timestamp, ..Content::default() };
    batch_of(NOBODY, TimestampType::Creation, timestamps.iter().map(one))
}

pub fn timestamps_out_of_range_are_named_one_by_one(target: &Target) {
    let range = [
        ("message.timestamp.before.max.ms", "100000"),
        ("message.timestamp.after.max.ms", "100000"),
    ];
    let topic = target.topic_with("range", 1, &range);
    let mut raw = target.leader(&topic, 0);
    let now = now_ms();
    let late = raw.produce(&topic, 1, &timed(&[now, now - 200_000, now, now + 200_000]));
    assert_eq!(error(late.error_code), Some(InvalidTimestamp));
    assert_eq!(places(&late), [1, 3]);
    assert!(late.record_errors[0].batch_index_error_message.is_some());
    assert!(late.error_message.clone().unwrap().contains("invalid timestamp"), "{late:?}");
    assert_eq!((late.base_offset, late.log_start_offset), (-1, 0));
    let fine = raw.produce(&topic, 1, &timed(&[now, now - 50_000, now + 50_000]));
    assert_eq!((error(fine.error_code), fine.base_offset), (None, 0));
}

pub fn the_broker_puts_its_time_where_the_topic_says_so(target: &Target) {
    let append = [("message.timestamp.type", "LogAppendTime")];
    let topic = target.topic_with("append-time", 1, &append);
    let mut raw = target.leader(&topic, 0);
    let before = now_ms();
    let stamped = raw.produce(&topic, -1, &timed(&[1000, 5000]));
    assert_eq!((error(stamped.error_code), stamped.base_offset), (None, 0));
    let time = stamped.log_append_time_ms;
    assert!((before - 1000..now_ms() + 1000).contains(&time), "{time}");
    let found = offsets(&mut raw, &topic, 0, time);
    assert_eq!((found.offset, found.timestamp), (0, time));
    let later = offsets(&mut raw, &topic, 0, time + 1);
    assert_eq!((later.offset, later.timestamp), (-1, -1));
}

pub fn a_producer_may_not_claim_the_brokers_time_where_that_counts(target: &Target) {
    let append = [("message.timestamp.type", "LogAppendTime")];
    let topic = target.topic_with("claims", 1, &append);
    let mut raw = target.leader(&topic, 0);
    let claims = altered(&batch(NOBODY, &["v"]), |bytes| bytes[22] |= 8);
    let refused = raw.produce(&topic, 1, &claims);
    assert_eq!(error(refused.error_code), Some(InvalidTimestamp));
}

pub fn a_compacted_topic_refuses_records_without_keys_and_names_them(target: &Target) {
    let topic = target.topic_with("compacted", 1, &[("cleanup.policy", "compact")]);
    let mut raw = target.leader(&topic, 0);
    let keys = |keys: &[Option<&'static str>]| {
        let one = |key: &Option<&'static str>| Content { key: *key, ..Content::default() };
        batch_of(NOBODY, TimestampType::Creation, keys.iter().map(one))
    };
    let refused = raw.produce(&topic, 1, &keys(&[Some("a"), None, Some("b"), None]));
    assert_eq!(error(refused.error_code), Some(InvalidRecord));
    assert_eq!(places(&refused), [1, 3]);
    let why = refused.record_errors[0].batch_index_error_message.clone().unwrap();
    assert!(why.starts_with("Compacted topic cannot accept message without key"), "{why}");
    assert_eq!((refused.base_offset, refused.log_start_offset), (-1, 0));
    let keyed = raw.produce(&topic, 1, &keys(&[Some("a"), Some("b")]));
    assert_eq!((error(keyed.error_code), keyed.base_offset), (None, 0));
}
