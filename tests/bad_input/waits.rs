//! Sends that wait for memory or metadata: they end in time, by an interrupt, or by close.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ottla::producer::Interceptor;
use ottla::{Error, ErrorCode, Hooks, Producer, Record};

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

/// A producer whose reports are pulled and whose memory is full.
fn full_and_pulling() -> (FakeBroker, Run) {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.mute.lock().unwrap() = Some(PRODUCE);
    let run = Run::pulling(&broker.bootstrap(), &FULL[..3]);
    (0..4).for_each(|_| send(&run.producer, "t").unwrap());
    (broker, run)
}

/// Leaves a ticket, which must be told when its time is up and not before, and fails with `code`.
fn told_in_time(run: &Run, topic: &str, code: ErrorCode) {
    let record = Record { topic, value: Some(&[0; 900]), ..Record::default() };
    let mut ticket = 0;
    let error = run.producer.try_send(&record, &mut ticket).unwrap_err();
    assert_eq!(error.code(), ErrorCode::WOULD_BLOCK);
    let polled = takes(Duration::from_millis(500), || run.pull(1, Duration::from_secs(10)));
    assert_eq!(polled.unwrap(), 0);
    assert_eq!(run.producer.take_ready_ticket(), Some(ticket));
    assert_eq!(run.producer.take_ready_ticket(), None);
    let error = run.producer.try_send(&record, &mut ticket).unwrap_err();
    assert_eq!((error.code(), ticket), (code, 0), "{error}");
}

#[test]
fn a_ticket_for_memory_wakes_its_owner_when_max_block_ms_is_over() {
    let (_broker, run) = full_and_pulling();
    told_in_time(&run, "t", ErrorCode::BUFFER_EXHAUSTED);
}

#[test]
fn a_ticket_for_metadata_wakes_its_owner_when_max_block_ms_is_over() {
    let run = Run::pulling(&free_address().to_string(), &[("max.block.ms", "500")]);
    told_in_time(&run, "t", ErrorCode::TIMED_OUT);
}

/// Counts the records it sees, and sends another value.
struct Seen(Arc<AtomicUsize>);

impl Interceptor for Seen {
    fn on_send(
        &self,
        record: &Record<'_>,
        next: &mut dyn FnMut(&Record<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.0.fetch_add(1, Ordering::SeqCst);
        next(&Record { opaque: 7, ..*record })
    }
}

#[test]
fn interceptors_see_a_record_once_however_often_its_ticket_is_tried() {
    let (broker, _) = FakeBroker::kafka();
    let seen = Arc::new(AtomicUsize::new(0));
    let interceptors: Vec<Box<dyn Interceptor>> = vec![Box::new(Seen(seen.clone()))];
    let hooks = Hooks { interceptors, ..Hooks::default() };
    let run = Run::with_hooks(&broker.bootstrap(), &[], hooks);
    let record = Record { topic: "t", value: Some(b"v"), ..Record::default() };
    let (mut ticket, mut tries) = (0, 1);
    let limit = Instant::now() + Duration::from_secs(10);
    while let Err(error) = run.producer.try_send(&record, &mut ticket) {
        assert_eq!(error.code(), ErrorCode::WOULD_BLOCK);
        assert!(Instant::now() < limit, "{error}");
        tries += 1;
        std::thread::yield_now();
    }
    assert!(tries > 1 && seen.load(Ordering::SeqCst) == 1, "{tries} tries, {seen:?} seen");
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(run.reports()[0].opaque, 7);
}

#[test]
fn an_interrupt_leaves_tickets_in_their_place() {
    let (_broker, run) = full(&FULL);
    let record = Record { topic: "t", value: Some(&[0; 900]), ..Record::default() };
    let mut ticket = 0;
    run.producer.try_send(&record, &mut ticket).unwrap_err();
    run.producer.interrupt();
    let (kept, error) = (ticket, run.producer.try_send(&record, &mut ticket).unwrap_err());
    assert_eq!((error.code(), ticket), (ErrorCode::WOULD_BLOCK, kept));
    assert_eq!(run.producer.take_ready_ticket(), None);
}

/// Set in the process that the next test starts: itself, with a stderr that takes nothing.
const CHILD: &str = "OTTLA_TEST_STDERR_FULL";

#[test]
fn a_stderr_that_is_full_hurts_nobody() {
    if std::env::var_os(CHILD).is_some() {
        let run = Run::new(&free_address().to_string(), &[("log.level", "debug"), FULL[2]]);
        let error = send(&run.producer, "t").unwrap_err();
        assert_eq!(error.code(), ErrorCode::TIMED_OUT);
        return run.producer.close(Some(Duration::from_secs(5))).unwrap();
    }
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let name = "waits::a_stderr_that_is_full_hurts_nobody";
    child.args(["--exact", name, "--nocapture"]).env(CHILD, "1").stderr(full);
    let output = child.output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && stdout.contains("1 passed"), "{stdout}");
}
