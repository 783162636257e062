//! Arguments that are wrong: refused at the call, at once, with the remedy in the text.

use std::time::{Duration, Instant};

use ottla::{ErrorCode, Record};

use crate::fake_broker::{FakeBroker, PRODUCE};
use crate::run::Run;
use crate::{says, takes};

/// A producer of a good broker that waits long, so that a slow refusal is seen.
fn run(broker: &FakeBroker) -> Run {
    Run::new(&broker.bootstrap(), &[("max.request.size", "100000"), ("buffer.memory", "200000")])
}

/// The send is refused within a second, and there is no report.
fn refused(run: &Run, record: &Record<'_>, code: ErrorCode, parts: &[&str]) {
    let start = Instant::now();
    let error = run.producer.send(record).unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}: {error}", start.elapsed());
    assert_eq!(error.code(), code, "{error}");
    says(error.message(), parts);
}

#[test]
fn invalid_topic_names_are_refused() {
    let (broker, behaviour) = FakeBroker::kafka();
    let run = run(&broker);
    let long = "x".repeat(250);
    let names = [
        ("", "empty"),
        (".", "'.'"),
        ("..", "'..'"),
        ("a b", "only letters"),
        ("tópico", "only letters"),
        ("a\0b", "only letters"),
        ("a/b", "only letters"),
        (long.as_str(), "longer than 249"),
    ];
    for (topic, why) in names {
        let record = Record { topic, ..Record::default() };
        refused(&run, &record, ErrorCode::INVALID_TOPIC_EXCEPTION, &[why]);
        let error = run.producer.partitions_for(topic, Some(Duration::from_secs(5))).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INVALID_TOPIC_EXCEPTION, "{error}");
    }
    let fits = "x".repeat(249);
    run.producer.send(&Record { topic: &fits, ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!((run.reported(), behaviour.seen(PRODUCE)), (1, 1));
}

#[test]
fn negative_numbers_are_refused() {
    let (broker, _) = FakeBroker::kafka();
    let run = run(&broker);
    let record = Record { topic: "t", timestamp: Some(-1), ..Record::default() };
    refused(&run, &record, ErrorCode::INVALID_ARGUMENT, &["timestamp -1", "1970"]);
    let record = Record { topic: "t", partition: Some(-1), ..Record::default() };
    refused(&run, &record, ErrorCode::INVALID_ARGUMENT, &["partition -1", "leave it open"]);
    assert_eq!(run.reported(), 0);
}

#[test]
fn a_partition_out_of_range_is_refused() {
    let (broker, _) = FakeBroker::kafka();
    let run = run(&broker);
    let record = Record { topic: "t", partition: Some(1), ..Record::default() };
    let code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    refused(&run, &record, code, &["no partition 1", "it has 1"]);
}

#[test]
fn a_record_larger_than_a_limit_is_refused_and_the_limit_named() {
    let (broker, _) = FakeBroker::kafka();
    let large = vec![7; 100_000];
    let record = Record { topic: "t", value: Some(&large), ..Record::default() };
    let code = ErrorCode::MESSAGE_TOO_LARGE;
    refused(&run(&broker), &record, code, &["max.request.size", "100000"]);
    let small = Run::new(&broker.bootstrap(), &[("buffer.memory", "20000")]);
    refused(&small, &record, code, &["buffer.memory", "20000"]);
    let header = ottla::Header { name: "h", value: Some(&large) };
    let record = Record { topic: "t", headers: &[header], ..Record::default() };
    refused(&run(&broker), &record, code, &["max.request.size"]);
}

#[test]
fn a_name_that_does_not_resolve_is_named() {
    let settings = [("max.block.ms", "500"), ("reconnect.backoff.max.ms", "100")];
    let run = Run::new("does-not-exist.invalid:9092", &settings);
    let record = Record { topic: "t", ..Record::default() };
    let error = takes(Duration::from_millis(500), || run.producer.send(&record)).unwrap_err();
    says(error.message(), &["does-not-exist.invalid"]);
}

#[test]
fn a_topic_that_the_broker_refuses_is_refused_with_its_reason() {
    let (broker, behaviour) = FakeBroker::kafka();
    let denied = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    behaviour.topic_error.store(denied.0 as u32, std::sync::atomic::Ordering::SeqCst);
    let run = run(&broker);
    let record = Record { topic: "secret", ..Record::default() };
    refused(&run, &record, denied, &["secret"]);
    behaviour.topic_error.store(0, std::sync::atomic::Ordering::SeqCst);
    run.producer.send(&record).unwrap();
}

#[test]
fn a_topic_that_does_not_exist_is_named_after_max_block_ms() {
    let (broker, behaviour) = FakeBroker::kafka();
    let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    behaviour.topic_error.store(unknown.0 as u32, std::sync::atomic::Ordering::SeqCst);
    let run = Run::new(&broker.bootstrap(), &[("max.block.ms", "500")]);
    let record = Record { topic: "nowhere", ..Record::default() };
    let error = takes(Duration::from_millis(500), || run.producer.send(&record)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TIMED_OUT);
    says(error.message(), &["nowhere", "UNKNOWN_TOPIC_OR_PARTITION"]);
}

#[test]
fn nothing_is_accepted_after_close() {
    let (broker, _) = FakeBroker::kafka();
    for used in [true, false] {
        let run = run(&broker);
        let record = Record { topic: "t", ..Record::default() };
        if used {
            run.producer.send(&record).unwrap();
        }
        run.producer.close(Some(Duration::from_secs(10))).unwrap();
        refused(&run, &record, ErrorCode::CLOSED, &["closed"]);
        let mut ticket = 0;
        let error = run.producer.try_send(&record, &mut ticket).unwrap_err();
        assert_eq!((error.code(), ticket), (ErrorCode::CLOSED, 0));
        let error = run.producer.partitions_for("new", Some(Duration::ZERO)).unwrap_err();
        assert_eq!(error.code(), ErrorCode::CLOSED);
        run.producer.flush(Some(Duration::ZERO)).unwrap();
        run.producer.close(None).unwrap();
        assert_eq!(run.reported(), usize::from(used));
    }
}
