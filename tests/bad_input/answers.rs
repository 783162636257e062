//! Answers to produce requests that are not the request's: never a success.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use ottla::producer::OwnedReport;
use ottla::{ErrorCode, Record, State};

use crate::fake_broker::{Answered, Behaviour, FakeBroker, PRODUCE, Role, free_address};
use crate::run::Run;
use crate::says;

/// Sends to a broker that answers wrongly; no report is a success, and each says why. When the
/// broker answers rightly again, so is the next record.
fn wrong(bend: fn(&mut Answered), parts: &[&str]) {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.bend.lock().unwrap() = Some(bend);
    let settings = [
        ("delivery.timeout.ms", "600"),
        ("request.timeout.ms", "500"),
        ("reconnect.backoff.max.ms", "100"),
    ];
    let run = Run::new(&broker.bootstrap(), &settings);
    let mut thread = run.thread();
    for topic in ["a", "b"] {
        thread.send(&Record { topic, value: Some(b"v"), ..Record::default() }).unwrap();
    }
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    for report in run.reports() {
        // It was sent and nobody knows what became of it.
        assert_eq!(report.state, State::PossiblyPersisted, "{report:?}");
        says(report.error.unwrap().message(), &[&["broker 1"], parts].concat());
    }
    drop(thread);
    run.history(Vec::new()).check();
    *behaviour.bend.lock().unwrap() = None;
    run.producer.send(&Record { topic: "c", opaque: 7, ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(run.reports()[2].state, State::Persisted);
}

#[test]
fn another_topic() {
    wrong(
        |answered| answered[0].0 = "x".to_owned(),
        &["names a topic that was not in the request"],
    );
}

#[test]
fn another_partition() {
    wrong(|answered| answered[0].1[0].0 = 5, &["-5, which was not in the request"]);
}

#[test]
fn a_partition_left_out() {
    wrong(|answered| answered[0].1.clear(), &["says nothing of"]);
}

#[test]
fn a_topic_left_out() {
    wrong(|answered| answered.truncate(answered.len() - 1), &["says nothing of"]);
}

#[test]
fn nothing_at_all() {
    wrong(Vec::clear, &["says nothing of"]);
}

#[test]
fn a_partition_more() {
    let bend = |answered: &mut Answered| answered[0].1.push((9, 0, 0));
    wrong(bend, &["-9, which was not in the request"]);
}

#[test]
fn the_same_partition_twice() {
    let bend = |answered: &mut Answered| {
        let again = answered[0].1[0];
        answered[0].1.push(again);
    };
    wrong(bend, &["answers twice"]);
}

#[test]
fn answers_in_another_order_are_those_of_their_partitions() {
    let (broker, behaviour) = FakeBroker::kafka();
    let run = Run::new(&broker.bootstrap(), &[("linger.ms", "1000")]);
    let flush = || run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    run.producer.send(&Record { topic: "a", ..Record::default() }).unwrap();
    flush();
    run.producer.send(&Record { topic: "b", ..Record::default() }).unwrap();
    flush();
    run.producer.send(&Record { topic: "a", ..Record::default() }).unwrap();
    flush();
    *behaviour.bend.lock().unwrap() = Some(|answered| answered.reverse());
    let before = behaviour.seen(PRODUCE);
    for topic in ["a", "b"] {
        run.producer.send(&Record { topic, ..Record::default() }).unwrap();
    }
    flush();
    assert_eq!(behaviour.seen(PRODUCE) - before, 1, "both are in one request");
    let offset = |report: &OwnedReport| (report.topic.as_str().to_owned(), report.offset);
    let mut offsets: Vec<_> = run.reports()[3..].iter().map(offset).collect();
    offsets.sort();
    assert_eq!(offsets, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
}

#[test]
fn a_success_without_an_offset_is_no_violation_and_claims_none() {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.bend.lock().unwrap() = Some(|answered| answered[0].1[0].2 = -1);
    let run = Run::new(&broker.bootstrap(), &[]);
    run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let report = run.reports().remove(0);
    assert_eq!((report.state, report.offset), (State::Persisted, -1));
}

#[test]
fn a_wrong_correlation_id_is_no_answer() {
    let address = free_address();
    let behaviour = Arc::new(Behaviour::default());
    let _broker = FakeBroker::at(address, Role::Kafka(behaviour.clone()));
    let settings = [("delivery.timeout.ms", "600"), ("request.timeout.ms", "500")];
    let run = Run::new(&address.to_string(), &settings);
    let record = Record { topic: "t", ..Record::default() };
    run.producer.send(&record).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    behaviour.correlation_shift.store(1, Ordering::SeqCst);
    let before = behaviour.seen(PRODUCE);
    run.producer.send(&record).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let report = run.reports().remove(1);
    assert!(behaviour.seen(PRODUCE) > before);
    assert_eq!(report.state, State::PossiblyPersisted, "{report:?}");
    says(report.error.unwrap().message(), &["correlation id"]);
}

#[test]
fn an_error_of_an_unknown_number_is_reported_with_it() {
    let (broker, behaviour) = FakeBroker::kafka();
    behaviour.produce_error.store(1234, Ordering::SeqCst);
    let run = Run::new(&broker.bootstrap(), &[]);
    run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let error = run.reports().remove(0).error.unwrap();
    assert_eq!(error.code(), ErrorCode(1234));
    says(error.message(), &["t-0", "1234"]);
}
