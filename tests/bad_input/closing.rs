//! Flush and close with brokers that hang: they return in their time and every record is told of.

use std::sync::Arc;
use std::time::Duration;

use ottla::{ErrorCode, Record, State};

use crate::fake_broker::{Behaviour, FakeBroker, INIT_PRODUCER_ID, PRODUCE};
use crate::run::Run;
use crate::takes;

const HALF_A_SECOND: Duration = Duration::from_millis(500);

/// A producer with twenty records on their way to a broker that never answers requests of `api`.
fn hanging(api: i16, settings: &[(&str, &str)]) -> (FakeBroker, Arc<Behaviour>, Run) {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.mute.lock().unwrap() = Some(api);
    let run = Run::new(&broker.bootstrap(), settings);
    let mut thread = run.thread();
    for _ in 0..20 {
        thread.send(&Record { topic: "t", ..Record::default() }).unwrap();
    }
    drop(thread);
    (broker, behaviour, run)
}

/// Closing takes its time, and all records are reported in `state`.
fn closes(run: &Run, state: State) {
    let _ = takes(HALF_A_SECOND, || run.producer.close(Some(HALF_A_SECOND)));
    assert_eq!(run.reported(), 20);
    for report in run.reports() {
        assert_eq!(report.state, state, "{report:?}");
        assert_eq!(report.error.unwrap().code(), ErrorCode::CLOSED_FORCEFULLY);
    }
    run.history(Vec::new()).check();
}

#[test]
fn close_gives_up_on_records_in_flight() {
    let (_broker, _, run) = hanging(PRODUCE, &[]);
    closes(&run, State::PossiblyPersisted);
}

#[test]
fn close_gives_up_on_records_that_never_left() {
    let (_broker, _, run) = hanging(INIT_PRODUCER_ID, &[]);
    closes(&run, State::NotPersisted);
}

#[test]
fn close_at_once_gives_up_at_once() {
    let (_broker, _, run) = hanging(INIT_PRODUCER_ID, &[]);
    let _ = takes(Duration::ZERO, || run.producer.close(Some(Duration::ZERO)));
    assert_eq!(run.reported(), 20);
}

#[test]
fn dropping_a_producer_tells_of_every_record() {
    let (_broker, _, run) = hanging(PRODUCE, &[]);
    let Run { producer, .. } = &run;
    assert_eq!(Arc::strong_count(producer), 1);
    let told = run.drop_producer();
    assert_eq!(told.len(), 20);
}

#[test]
fn flush_returns_in_time_and_records_stay() {
    let (_broker, behaviour, run) = hanging(PRODUCE, &[("request.timeout.ms", "1000")]);
    let flush = || run.producer.flush(Some(HALF_A_SECOND));
    let error = takes(HALF_A_SECOND, flush).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TIMED_OUT);
    let error = takes(Duration::ZERO, || run.producer.flush(Some(Duration::ZERO))).unwrap_err();
    assert_eq!((error.code(), run.reported()), (ErrorCode::TIMED_OUT, 0));
    *behaviour.mute.lock().unwrap() = None;
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(run.reported(), 20);
    assert!(run.reports().iter().all(|report| report.state == State::Persisted));
}

#[test]
fn close_waits_for_records_that_are_answered() {
    let (broker, _) = FakeBroker::kafka();
    let run = Run::new(&broker.bootstrap(), &[("linger.ms", "60000")]);
    for opaque in 0..20 {
        run.producer.send(&Record { topic: "t", opaque, ..Record::default() }).unwrap();
    }
    run.producer.close(Some(Duration::from_secs(10))).unwrap();
    assert!(run.reports().iter().all(|report| report.state == State::Persisted));
    assert_eq!(run.reported(), 20);
}

#[test]
fn reports_that_are_not_there_yet_are_not_counted_as_unread() {
    let (_broker, _, run) = hanging(PRODUCE, &[]);
    let metrics = run.producer.metrics_json();
    assert!(metrics.contains("\"reports-unread\":0"), "{metrics}");
}
