//! Sends that wait for memory or metadata: they end in time, by an interrupt, or by close.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ottla::{Error, ErrorCode, Producer, Record};

use crate::fake_broker::{FakeBroker, PRODUCE, free_address};
use crate::run::Run;
use crate::{says, takes};

const FULL: [(&str, &str); 4] = [
    ("buffer.memory", "4096"),
    ("batch.size", "1024"),
    ("max.block.ms", "500"),
    ("delivery.report.mode", "dispatch"),
];

/// A producer whose memory is full of records that are never answered.
fn full(settings: &[(&str, &str)]) -> (FakeBroker, Run) {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.mute.lock().unwrap() = Some(PRODUCE);
    let run = Run::new(&broker.bootstrap(), settings);
    let value = [0; 900];
    let record = Record { topic: "t", value: Some(&value), ..Record::default() };
    for _ in 0..4 {
        run.producer.send(&record).unwrap();
    }
    (broker, run)
}

fn send(producer: &Arc<Producer>, topic: &str) -> Result<(), Error> {
    let value = [0; 900];
    producer.send(&Record { topic, value: Some(&value), ..Record::default() })
}

/// Runs `end` again and again until a send to `topic` that waits in another thread is over.
fn ended_by(run: &Run, topic: &str, end: impl Fn(&Producer)) -> Error {
    let limit = Instant::now() + Duration::from_secs(10);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| send(&run.producer, topic).unwrap_err());
        while !waiter.is_finished() {
            assert!(Instant::now() < limit, "the wait did not end");
            end(&run.producer);
            std::thread::yield_now();
        }
        waiter.join().unwrap()
    })
}

#[test]
fn a_send_without_memory_fails_after_max_block_ms() {
    let (_broker, run) = full(&FULL);
    let limit = Duration::from_millis(500);
    let error = takes(limit, || send(&run.producer, "t")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BUFFER_EXHAUSTED);
    says(error.message(), &["buffer.memory", "4096 of 4096 bytes"]);
    let record = Record { topic: "t", value: Some(&[0; 900]), ..Record::default() };
    let limit = Duration::from_millis(100);
    let error = takes(limit, || run.producer.send_timeout(&record, Some(limit))).unwrap_err();
    assert_eq!(error.code(), ErrorCode::BUFFER_EXHAUSTED);
}

#[test]
fn an_interrupt_ends_a_wait_for_memory() {
    let mut settings = FULL;
    settings[2].1 = "60000";
    let (_broker, run) = full(&settings);
    let error = ended_by(&run, "t", Producer::interrupt);
    assert_eq!(error.code(), ErrorCode::INTERRUPTED, "{error}");
    says(error.message(), &["memory"]);
}

#[test]
fn an_interrupt_ends_a_wait_for_metadata() {
    let run = Run::new(&free_address().to_string(), &[]);
    let error = ended_by(&run, "t", Producer::interrupt);
    assert_eq!(error.code(), ErrorCode::INTERRUPTED, "{error}");
    says(error.message(), &["metadata"]);
}

#[test]
fn close_ends_a_wait_for_memory() {
    let mut settings = FULL;
    settings[2].1 = "60000";
    let (_broker, run) = full(&settings);
    let error = ended_by(&run, "t", |producer| {
        let waits = producer.metrics_json().contains("\"waiting-threads\":1");
        if waits {
            let _ = producer.close(Some(Duration::ZERO));
        }
    });
    assert_eq!(error.code(), ErrorCode::CLOSED, "{error}");
}

#[test]
fn close_ends_a_wait_for_metadata() {
    let run = Run::new(&free_address().to_string(), &[]);
    let error = ended_by(&run, "t", |producer| {
        if producer.is_started() {
            let _ = producer.close(Some(Duration::ZERO));
        }
    });
    assert_eq!(error.code(), ErrorCode::CLOSED, "{error}");
}

#[test]
fn a_try_send_that_would_wait_says_so_and_its_ticket_can_be_given_up() {
    let (_broker, run) = full(&FULL);
    let record = Record { topic: "t", value: Some(&[0; 900]), ..Record::default() };
    let mut ticket = 0;
    let start = Instant::now();
    let error = run.producer.try_send(&record, &mut ticket).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WOULD_BLOCK);
    assert!(ticket != 0 && start.elapsed() < Duration::from_millis(250));
    says(run.producer.cancel_ticket(ticket).unwrap().message(), &["buffer.memory"]);
    let error = run.producer.try_send(&record, &mut ticket).unwrap_err();
    assert_eq!(error.code(), ErrorCode::INVALID_ARGUMENT, "{error}");
}
