//! A producer whose threads cannot be started, and one whose I/O thread is played by the test.

use super::*;
use crate::accumulator::Sleep;
use crate::metadata::UpdateRequest;
use crate::record::Record;
use crate::sync::refusals::ALLOWED;
use crate::time::Instant;
use crate::wire::messages::MetadataResponse;
use crate::wire::messages::metadata::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};

struct Nothing;

impl ReportSink for Nothing {
    fn deliver(&self, _: &Reports) {}
}

/// A producer with a dispatcher, two workers and an I/O thread, in this order.
fn with_four_threads() -> Arc<Producer> {
    let mut config = Config::new();
    for (key, value) in [
        ("bootstrap.servers", "127.0.0.1:1"),
        ("max.block.ms", "0"),
        ("delivery.report.mode", "dispatch"),
        ("compression.type", "lz4"),
        ("compression.threads", "2"),
    ] {
        config.set(key, value).expect("a good setting");
    }
    let hooks = Hooks { reports: Some(Box::new(Nothing)), ..Hooks::default() };
    Producer::new(&config, hooks).expect("a good configuration")
}

fn send(producer: &Arc<Producer>) -> ErrorCode {
    let record = Record { topic: "t", value: Some(b"v"), ..Record::default() };
    producer.send(&record).expect_err("nobody listens").code()
}

#[test]
fn a_thread_that_cannot_be_started_is_an_error_and_leaves_no_other() {
    for allowed in 0..4 {
        let producer = with_four_threads();
        ALLOWED.set(allowed);
        assert_eq!(send(&producer), ErrorCode::INTERNAL, "{allowed} threads");
        ALLOWED.set(usize::MAX);
        assert!(!producer.is_started());
        // A child that a fork makes now would be without them.
        assert_eq!(producer.is_used(), allowed > 0, "{allowed} threads");
        if allowed % 2 == 0 {
            assert_eq!(send(&producer), ErrorCode::TIMED_OUT, "the next send starts the rest");
            assert!(producer.is_started() && producer.is_used());
        }
        let shared = Arc::downgrade(&producer.shared);
        producer.close(None).expect("nothing is left behind");
        drop(producer);
        let end = std::time::Instant::now() + Duration::from_secs(20);
        while shared.strong_count() > 0 {
            assert!(std::time::Instant::now() < end, "{allowed} threads: one is still there");
            std::thread::yield_now();
        }
    }
}

/// What the I/O thread makes of an answer in which topic `t`, if it was asked for, has a partition.
fn answer(producer: &Producer, request: &UpdateRequest, now: Instant) {
    let broker = MetadataResponseBroker {
        node_id: 1,
        host: "b1".into(),
        port: 9092,
        ..MetadataResponseBroker::default()
    };
    let partition =
        MetadataResponsePartition { leader_id: 1, ..MetadataResponsePartition::default() };
    let topic = |name: &String| MetadataResponseTopic {
        name: Some(name.as_str().into()),
        partitions: vec![partition.clone()],
        ..MetadataResponseTopic::default()
    };
    let topics: Vec<_> = request.topics.iter().map(topic).collect();
    let response =
        MetadataResponse { brokers: vec![broker], topics, ..MetadataResponse::default() };
    let cluster = producer.shared.metadata.update(response, request, now).expect("of use");
    let known = &producer.shared.accumulator.topics;
    for name in cluster.topics.keys() {
        known.update(&known.get_or_add(name), 1, |_| true);
    }
}

#[test]
fn the_partitions_of_a_topic_that_was_idle_have_no_leader_until_it_is_asked_for_again() {
    let mut config = Config::new();
    config.set("bootstrap.servers", "127.0.0.1:1").expect("a good setting");
    let producer = Producer::new(&config, Hooks::default()).expect("a good configuration");
    let woken = Arc::new(AtomicBool::new(false));
    let waker = woken.clone();
    let accumulator = &producer.shared.accumulator;
    accumulator.wakeup.set_waker(move || waker.store(true, Ordering::SeqCst));
    let metadata = &producer.shared.metadata;
    let used = |name: &str| accumulator.topics.get_or_add(name).take_used();
    let begin = |now: Instant| {
        metadata.take_news();
        metadata.begin_update(now, used)
    };
    let partitions = || producer.try_partitions_for("t", &mut 0).expect("they are known");

    let now = time::now();
    metadata.want("t", now);
    answer(&producer, &begin(now), now);
    assert_eq!(partitions(), [(0, 1)]);
    // That was a use; after the next update nobody uses it for long.
    for minutes in [0, 6] {
        let now = time::now() + Duration::from_secs(60 * minutes);
        metadata.request_update();
        answer(&producer, &begin(now), now);
    }
    assert!(!metadata.cluster().topics.contains_key("t"));
    accumulator.wakeup.will_sleep(Instant::NEVER, Sleep::Sound);
    assert!(!metadata.has_news());
    assert_eq!(partitions(), [(0, -1)]);
    assert!(metadata.has_news() && woken.load(Ordering::SeqCst), "the I/O thread is told");
    assert!(metadata.next_update() <= time::now());
    let now = time::now();
    let request = begin(now);
    assert_eq!(request.topics, ["t"]);
    answer(&producer, &request, now);
    assert_eq!(partitions(), [(0, 1)]);
}

#[test]
fn what_sends_wait_for_an_io_thread_that_is_behind_counts_in_the_limit_that_they_share() {
    let mut config = Config::new();
    for (key, value) in [("bootstrap.servers", "127.0.0.1:1"), ("batch.size", "262144")] {
        config.set(key, value).expect("a good setting");
    }
    let producer = Producer::new(&config, Hooks::default()).expect("a good configuration");
    // It counts as awake, and does nothing.
    producer.pretend_to_be_started();
    let topics = &producer.shared.accumulator.topics;
    topics.update(&topics.get_or_add("t"), 1, |_| true);
    let value = vec![0; 250 << 10];
    let record = Record { topic: "t", value: Some(&value), ..Record::default() };
    let mut limit = Limit::new(Some(Duration::from_millis(5)));
    for _ in 0..40 {
        producer.send_within(&record, &mut limit).expect("there is memory");
    }
    let left = limit.left().expect("it has an end");
    assert!(left <= Duration::from_millis(1), "{left:?}");
}
