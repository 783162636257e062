//! A producer whose threads cannot be started.

use super::*;
use crate::record::Record;
use crate::sync::refusals::ALLOWED;

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
