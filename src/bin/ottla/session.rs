//! A run of a command: the work is on a thread of its own, so that a signal can end it while it
//! waits for input or for memory, and what was sent until then is still told.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use ottla::{Error, ErrorCode, Producer, Record, Report};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failures::Failures;

/// How long records may still be acknowledged after a signal.
const FLUSH_AFTER_SIGNAL: Duration = Duration::from_secs(2);

/// How long the work may take to notice that the producer was closed; it may wait for input, which
/// nothing ends.
const WORK_AFTER_CLOSE: Duration = Duration::from_millis(200);

/// The longest wait for a report, after which the reader looks around.
const POLL: Duration = Duration::from_millis(100);

/// How long to wait before a record is offered again while too many reports are unread.
const REPORTS_FULL_PAUSE: Duration = Duration::from_millis(1);

/// Reports read at a time.
const REPORTS_AT_A_TIME: usize = 8192;

/// What the threads of a run share.
pub struct Session {
    /// Where the records go.
    pub producer: Arc<Producer>,
    /// Records offered to the producer, and those that could not even be offered.
    pub records: AtomicU64,
    /// Bytes of their keys and values.
    pub bytes: AtomicU64,
    /// Records that were acknowledged.
    pub acked: AtomicU64,
    /// Records that were refused or failed.
    pub failures: Mutex<Failures>,
    /// No more records are to be sent.
    stop: AtomicBool,
    /// Who pauses waits here, so that a signal ends the pause.
    pausing: Mutex<()>,
    stopped: Condvar,
    /// No more reports will come.
    finished: AtomicBool,
}

/// Reads the delivery reports on a thread of its own.
pub trait Reader: Send {
    /// Takes a report of an acknowledged record. Runs under a lock of the producer: it is short.
    fn acked(&mut self, report: &Report<'_>);

    /// Comes after each read, and now and then where there is nothing to read.
    fn tick(&mut self);
}

enum Event<T> {
    Done(thread::Result<T>),
    Signal(i32),
}

impl Session {
    /// A run on a new producer.
    pub fn new(producer: Arc<Producer>) -> Arc<Session> {
        Arc::new(Session {
            producer,
            records: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            acked: AtomicU64::new(0),
            failures: Mutex::default(),
            stop: AtomicBool::new(false),
            pausing: Mutex::default(),
            stopped: Condvar::new(),
            finished: AtomicBool::new(false),
        })
    }

    /// Counts a record that was not sent. After a signal that is the reason, as the producer is
    /// closed. Returns the reason.
    pub fn not_sent<'a>(&self, reason: &'a str) -> &'a str {
        let reason = if self.is_stopping() { "not sent: interrupted" } else { reason };
        self.failures.lock().expect("no holder panics").add(reason);
        reason
    }

    /// Whether no more records are to be sent.
    pub fn is_stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Waits that long, or until no more records are to be sent.
    pub fn pause(&self, time: Duration) {
        let guard = self.pausing.lock().expect("no holder panics");
        let _ = self.stopped.wait_timeout_while(guard, time, |()| !self.is_stopping());
    }

    /// Sends a record, waiting as long as the reports of earlier ones have to be read first.
    pub fn send(&self, record: &Record<'_>) -> ottla::Result<()> {
        loop {
            match self.producer.send(record) {
                Err(error) if error.code() == ErrorCode::REPORTS_FULL && !self.is_stopping() => {
                    self.pause(REPORTS_FULL_PAUSE);
                }
                result => return result,
            }
        }
    }

    /// Does the work, sees every record to its report, and closes the producer. Returns what the
    /// work returned, or the signal that ended it.
    pub fn run<T: Send + 'static>(
        self: &Arc<Self>,
        mut reader: Option<&mut dyn Reader>,
        work: impl FnOnce(&Session) -> T + Send + 'static,
    ) -> Result<T, i32> {
        let (events, coming) = mpsc::channel();
        watch_signals(events.clone());
        let session = self.clone();
        thread::spawn(move || {
            let all = AssertUnwindSafe(|| {
                let result = work(&session);
                let _ = session.producer.flush(None);
                result
            });
            let _ = events.send(Event::Done(std::panic::catch_unwind(all)));
        });
        let ended = thread::scope(|scope| {
            if let Some(reader) = reader.as_mut() {
                scope.spawn(|| self.read_reports(*reader));
            }
            let result = self.end(&coming);
            self.finished.store(true, Ordering::SeqCst);
            // The reader need not wait for what will not come.
            self.producer.interrupt();
            result
        });
        ended.map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    }

    fn end<T>(&self, coming: &mpsc::Receiver<Event<T>>) -> Result<thread::Result<T>, i32> {
        match coming.recv().expect("the thread that watches signals never ends") {
            Event::Done(result) => {
                let _ = self.producer.close(None);
                Ok(result)
            }
            Event::Signal(signal) => {
                let guard = self.pausing.lock().expect("no holder panics");
                self.stop.store(true, Ordering::Relaxed);
                self.stopped.notify_all();
                drop(guard);
                let _ = self.producer.close(Some(FLUSH_AFTER_SIGNAL));
                let _ = coming.recv_timeout(WORK_AFTER_CLOSE);
                Err(signal)
            }
        }
    }

    fn read_reports(&self, reader: &mut dyn Reader) {
        let mut failed: Vec<Error> = Vec::new();
        loop {
            let finished = self.finished.load(Ordering::SeqCst);
            let wait = if finished { Duration::ZERO } else { POLL };
            let mut acked = 0;
            let read =
                self.producer.poll_reports(REPORTS_AT_A_TIME, Some(wait), |r| match r.error {
                    Some(error) => failed.push(error.clone()),
                    None => {
                        acked += 1;
                        reader.acked(&r);
                    }
                });
            self.acked.fetch_add(acked, Ordering::Relaxed);
            if !failed.is_empty() {
                let mut failures = self.failures.lock().expect("no holder panics");
                failed.drain(..).for_each(|error| failures.add(&error.to_string()));
            }
            reader.tick();
            if finished && !matches!(read, Ok(1..)) {
                return;
            }
        }
    }
}

/// The first signal ends the run in good order, the second one at once.
fn watch_signals<T: Send + 'static>(events: mpsc::Sender<Event<T>>) {
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).expect("these two signals can always be handled");
    thread::spawn(move || {
        let mut seen = false;
        for signal in signals.forever() {
            if std::mem::replace(&mut seen, true) {
                std::process::exit(128 + signal);
            }
            let _ = events.send(Event::Signal(signal));
        }
    });
}
