//! Records that can not be delivered in time: each report says where the record was and what was
//! last heard, no later than 250 ms after `delivery.timeout.ms`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ottla::producer::OwnedReport;
use ottla::{ErrorCode, Record, State};

use crate::fake_broker::{Behaviour, FakeBroker, INIT_PRODUCER_ID, METADATA, PRODUCE};
use crate::run::Run;
use crate::{TOLERANCE, says};

const SETTINGS: [(&str, &str); 4] = [
    ("delivery.timeout.ms", "800"),
    ("request.timeout.ms", "400"),
    ("linger.ms", "0"),
    ("reconnect.backoff.max.ms", "100"),
];

const DELIVERY_TIMEOUT: Duration = Duration::from_millis(800);

/// Has `happen` happen to a broker, then sends a record and waits for its report.
fn late(settings: &[(&str, &str)], happen: impl FnOnce(FakeBroker, &Behaviour)) -> OwnedReport {
    let (broker, behaviour) = FakeBroker::kafka();
    late_at(broker, &behaviour, settings, happen)
}

fn late_at(
    broker: FakeBroker,
    behaviour: &Behaviour,
    settings: &[(&str, &str)],
    happen: impl FnOnce(FakeBroker, &Behaviour),
) -> OwnedReport {
    let run = Run::new(&broker.bootstrap(), settings);
    // The topic is known, so that what comes next is about the record alone.
    run.producer.partitions_for("t", Some(Duration::from_secs(10))).unwrap();
    happen(broker, behaviour);
    let start = Instant::now();
    run.thread().send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let took = start.elapsed();
    assert!(took + Duration::from_millis(1) >= DELIVERY_TIMEOUT, "after {took:?}");
    assert!(took <= DELIVERY_TIMEOUT + TOLERANCE, "after {took:?}");
    let report = run.reports().remove(0);
    let error = report.error.clone().unwrap();
    assert_eq!(error.code(), ErrorCode::DELIVERY_TIMED_OUT, "{error}");
    says(error.message(), &["delivery.timeout.ms (800 ms)"]);
    told_once(error.message());
    report
}

/// A reason says once what a broker did, and does not name it twice in a row.
fn told_once(text: &str) {
    for part in ["did not answer", "refused", "broker 1 ("] {
        let twice = text.matches(part).count() > 1 && !text.contains("its leader is broker 1 (");
        assert!(!twice, "{part:?} is told twice: {text}");
    }
}

fn reason(report: &OwnedReport) -> &str {
    report.error.as_ref().unwrap().message()
}

/// The broker stays and answers every batch with `error`.
fn refuses(error: ErrorCode) -> OwnedReport {
    late(&SETTINGS, |broker, behaviour| {
        behaviour.produce_error.store(error.0 as u32, Ordering::SeqCst);
        std::mem::forget(broker);
    })
}

/// The broker stays and answers nothing to requests of `api`.
fn is_mute(settings: &[(&str, &str)], api: i16) -> OwnedReport {
    late(settings, |broker, behaviour| {
        *behaviour.mute.lock().unwrap() = Some(api);
        std::mem::forget(broker);
    })
}

#[test]
fn not_enough_replicas_for_ever() {
    let report = refuses(ErrorCode::NOT_ENOUGH_REPLICAS);
    assert_eq!(report.state, State::NotPersisted);
    says(reason(&report), &["sent again to broker 1", "NOT_ENOUGH_REPLICAS"]);
}

#[test]
fn not_the_leader_for_ever() {
    let report = refuses(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    says(reason(&report), &["sent again to broker 1", "NOT_LEADER_OR_FOLLOWER"]);
}

#[test]
fn appended_to_too_few_replicas_for_ever_is_in_doubt() {
    let report = refuses(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    assert_eq!(report.state, State::PossiblyPersisted);
    says(reason(&report), &["NOT_ENOUGH_REPLICAS_AFTER_APPEND"]);
}

#[test]
fn a_broker_that_never_answers_a_produce_request() {
    let report = is_mute(&SETTINGS, PRODUCE);
    assert_eq!(report.state, State::PossiblyPersisted);
    says(reason(&report), &["broker 1", "did not answer within request.timeout.ms (400 ms)"]);
}

#[test]
fn a_record_in_flight_when_its_time_is_up_is_in_doubt() {
    let mut settings = SETTINGS;
    settings[1].1 = "800";
    let report = is_mute(&settings, PRODUCE);
    assert_eq!(report.state, State::PossiblyPersisted);
    says(reason(&report), &["broker 1"]);
}

#[test]
fn a_broker_that_gives_no_producer_id() {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.mute.lock().unwrap() = Some(INIT_PRODUCER_ID);
    let report = late_at(broker, &behaviour, &SETTINGS, |broker, _| std::mem::forget(broker));
    assert_eq!(report.state, State::NotPersisted);
    says(reason(&report), &["a producer id", "did not answer within request.timeout.ms"]);
}

#[test]
fn a_broker_that_went_away() {
    let report = late(&SETTINGS, |broker, _| drop(broker));
    assert_eq!(report.state, State::NotPersisted);
    says(reason(&report), &["refused"]);
}

#[test]
fn a_partition_that_has_no_leader() {
    let (broker, behaviour) = FakeBroker::kafka();
    behaviour.leaderless.store(true, Ordering::SeqCst);
    let run = Run::new(&broker.bootstrap(), &SETTINGS);
    run.thread().send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let report = run.reports().remove(0);
    assert_eq!(report.state, State::NotPersisted);
    says(reason(&report), &["waited for a leader of t-0"]);
    run.history(Vec::new()).check();
    // Once there is one, records arrive.
    behaviour.leaderless.store(false, Ordering::SeqCst);
    run.thread().send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(run.reports()[1].state, State::Persisted);
}

#[test]
fn a_leader_that_vanishes_from_the_metadata() {
    let report = late(&SETTINGS, |broker, behaviour| {
        behaviour.leaderless.store(true, Ordering::SeqCst);
        let not_leader = ErrorCode::NOT_LEADER_OR_FOLLOWER.0 as u32;
        behaviour.produce_error.store(not_leader, Ordering::SeqCst);
        std::mem::forget(broker);
    });
    says(reason(&report), &["waited for a leader of t-0", "NOT_LEADER_OR_FOLLOWER"]);
}

#[test]
fn a_broker_whose_metadata_never_comes() {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.mute.lock().unwrap() = Some(METADATA);
    let settings = [("request.timeout.ms", "200"), ("max.block.ms", "500")];
    let run = Run::new(&broker.bootstrap(), &settings);
    let limit = Duration::from_millis(500);
    let record = Record { topic: "t", ..Record::default() };
    let error = crate::takes(limit, || run.producer.send(&record)).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TIMED_OUT);
    says(error.message(), &["did not answer within request.timeout.ms (200 ms)"]);
    told_once(error.message());
}

#[test]
fn an_error_that_ends_in_time_is_no_failure() {
    let (broker, behaviour) = FakeBroker::kafka();
    let error = ErrorCode::NOT_ENOUGH_REPLICAS.0 as u32;
    behaviour.produce_error.store(error, Ordering::SeqCst);
    let run = Run::new(&broker.bootstrap(), &[("linger.ms", "0")]);
    let mut thread = run.thread();
    for _ in 0..10 {
        thread.send(&Record { topic: "t", ..Record::default() }).unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    while behaviour.seen(PRODUCE) < 3 {
        assert!(Instant::now() < deadline, "no retries");
        std::thread::yield_now();
    }
    behaviour.produce_error.store(0, Ordering::SeqCst);
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let offsets: Vec<i64> = run.reports().iter().map(|report| report.offset).collect();
    assert_eq!(offsets, (0..10).collect::<Vec<i64>>());
}

#[test]
fn a_leader_that_comes_late_is_found_as_long_as_records_wait_for_it() {
    let (broker, behaviour) = FakeBroker::kafka();
    behaviour.leaderless.store(true, Ordering::SeqCst);
    let run = Run::new(&broker.bootstrap(), &[]);
    run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    let deadline = Instant::now() + Duration::from_secs(10);
    while behaviour.seen(METADATA) < 4 {
        assert!(Instant::now() < deadline, "nobody asks for the leader any more");
        std::thread::yield_now();
    }
    behaviour.leaderless.store(false, Ordering::SeqCst);
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(run.reports()[0].state, State::Persisted);
}
