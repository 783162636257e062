//! Flush and close with brokers that hang: they return in their time and every record is told of.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla::producer::OwnedReport;
use ottla::{ErrorCode, Hooks, Producer, Record, State};

use crate::fake_broker::{Behaviour, FakeBroker, INIT_PRODUCER_ID, PRODUCE};
use crate::run::{Run, config};
use crate::{says, takes};

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
    let error = takes(HALF_A_SECOND, || run.producer.close(Some(HALF_A_SECOND))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CLOSED_FORCEFULLY);
    says(error.message(), &["is closed", "20 record(s)", "reported as failed"]);
    run.producer.close(None).unwrap();
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

/// A producer whose callback says that it was called and then waits to be let go.
fn stuck(broker: &FakeBroker, mode: &str) -> (Arc<Producer>, Receiver<()>, Sender<()>) {
    let (entered, called) = mpsc::channel();
    let (release, released) = mpsc::channel();
    let ends = Mutex::new((entered, released));
    let wait = move |_: &OwnedReport| {
        let ends = ends.lock().unwrap();
        ends.0.send(()).unwrap();
        let _ = ends.1.recv();
    };
    let hooks = Hooks { reports: Some(Box::new(wait)), ..Hooks::default() };
    let bootstrap = broker.bootstrap();
    let settings = [("bootstrap.servers", bootstrap.as_str()), ("delivery.report.mode", mode)];
    let producer = Producer::new(&config(&settings), hooks).unwrap();
    producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    (producer, called, release)
}

fn close_does_not_wait(producer: &Producer) {
    let error = takes(HALF_A_SECOND, || producer.close(Some(HALF_A_SECOND))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TIMED_OUT, "{error}");
    says(error.message(), &["takes no more records", "a callback that began has not returned"]);
}

#[test]
fn close_does_not_wait_for_ever_for_a_callback_of_the_dispatcher() {
    let (broker, _) = FakeBroker::kafka();
    let (producer, called, release) = stuck(&broker, "dispatch");
    called.recv().unwrap();
    close_does_not_wait(&producer);
    drop(release);
}

#[test]
fn close_does_not_wait_for_ever_for_a_callback_in_another_thread() {
    let (broker, _) = FakeBroker::kafka();
    let (producer, called, release) = stuck(&broker, "poll");
    std::thread::scope(|scope| {
        scope.spawn(|| producer.poll(None).unwrap());
        called.recv().unwrap();
        close_does_not_wait(&producer);
        drop(release);
    });
}

#[test]
fn all_that_wait_when_a_producer_is_closed_return() {
    let (_broker, _, run) = hanging(PRODUCE, &[]);
    let pulling = Run::pulling(&_broker.bootstrap(), &[]);
    pulling.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    for run in [&run, &pulling] {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| drop(run.producer.flush(None)));
                scope.spawn(|| drop(run.producer.close(None)));
            }
            if std::ptr::eq(run, &pulling) {
                scope.spawn(|| drop(run.producer.poll_reports(1, None, |_| ())));
                scope.spawn(|| while run.producer.poll_reports(1, None, |_| ()).is_ok() {});
            }
            // The one with the least patience ends it for all.
            let _ = takes(HALF_A_SECOND, || run.producer.close(Some(HALF_A_SECOND)));
        });
    }
}

#[test]
fn a_second_close_with_less_time_ends_the_first() {
    let (_broker, _, run) = hanging(PRODUCE, &[]);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| run.producer.close(Some(Duration::from_secs(60))));
        while run.producer.send(&Record { topic: "t", ..Record::default() }).is_ok() {}
        let short = Duration::from_millis(100);
        let second = takes(short, || run.producer.close(Some(short))).unwrap_err();
        let first = first.join().unwrap().unwrap_err();
        assert_eq!([first.code(), second.code()], [ErrorCode::CLOSED_FORCEFULLY; 2]);
    });
    assert!(run.reported() >= 20);
}

#[test]
fn a_flush_without_time_looks_and_does_not_wait() {
    let (broker, _) = FakeBroker::kafka();
    let run = Run::new(&broker.bootstrap(), &[]);
    run.producer.flush(Some(Duration::ZERO)).unwrap();
    run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    run.producer.flush(Some(Duration::ZERO)).unwrap();
    let (_broker, _, run) = hanging(PRODUCE, &[]);
    let error = takes(Duration::ZERO, || run.producer.flush(Some(Duration::ZERO))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::TIMED_OUT);
}
