//! Delivery reports to the application, in exactly one of three ways: it pulls them into an
//! array, a sink gets them inside poll, flush and close, or a thread of ours calls the sink.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::{Producer, Timeout, closed};
use crate::config::ReportMode;
use crate::error::{Error, ErrorCode, Result};
use crate::io::EventFd;
use crate::record::TopicName;
use crate::report::{Entry, Report, Run, State, Woken};
use crate::sync::{self, Mutex};
use crate::time::{self, Instant};

/// Reports handed to a sink at a time, or one whole batch if that is more.
const REPORTS_AT_A_TIME: usize = 256;

/// A report that stands on its own.
#[derive(Clone, Debug)]
pub struct OwnedReport {
    /// The topic.
    pub topic: TopicName,
    /// The partition that was chosen.
    pub partition: i32,
    /// The offset; -1 where it failed or is not known (`acks=0`).
    pub offset: i64,
    /// The broker's append time, else the create time, else -1.
    pub timestamp: i64,
    /// What is known of its fate.
    pub state: State,
    /// Why it failed.
    pub error: Option<Error>,
    /// The caller's number.
    pub opaque: u64,
}

impl From<Report<'_>> for OwnedReport {
    fn from(report: Report<'_>) -> OwnedReport {
        OwnedReport {
            topic: report.topic.clone(),
            partition: report.partition,
            offset: report.offset,
            timestamp: report.timestamp,
            state: report.state,
            error: report.error.cloned(),
            opaque: report.opaque,
        }
    }
}

impl OwnedReport {
    /// The report, borrowed.
    pub fn as_report(&self) -> Report<'_> {
        Report {
            topic: &self.topic,
            partition: self.partition,
            offset: self.offset,
            timestamp: self.timestamp,
            state: self.state,
            error: self.error.as_ref(),
            opaque: self.opaque,
        }
    }
}

/// The reports of some whole batches on their way to a sink.
#[derive(Debug)]
pub struct Reports(Vec<Entry>);

impl Reports {
    /// Those of `entries`.
    #[cfg(test)]
    pub(crate) fn of(entries: Vec<Entry>) -> Reports {
        Reports(entries)
    }

    /// The reports, per partition in the order of the log; failures come at once. What they
    /// borrow lives as long as `self`.
    pub fn iter(&self) -> impl Iterator<Item = Report<'_>> {
        self.runs().flat_map(Run::reports)
    }

    /// As `iter`, those that are alike together.
    pub fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        self.0.iter().flat_map(|entry| entry.runs(0, entry.slots.len()))
    }
}

/// Gets delivery reports, per partition in the order of the log (failures come at once), never on
/// the I/O thread.
pub trait ReportSink: Send + Sync {
    /// Takes reports. It may send and poll; flush and close answer with an error.
    fn deliver(&self, reports: &Reports);
}

impl<F: Fn(&OwnedReport) + Send + Sync> ReportSink for F {
    fn deliver(&self, reports: &Reports) {
        reports.iter().for_each(|report| self(&report.into()));
    }
}

crate::sync::thread_local! {
    /// The producers whose callback this thread is in.
    static IN_CALLBACK: std::cell::RefCell<Vec<*const Producer>> =
        const { std::cell::RefCell::new(Vec::new()) };
}

/// Marks this thread as being inside a callback of a producer, until dropped.
pub(super) struct CallbackScope;

impl CallbackScope {
    pub(super) fn enter(producer: &Producer) -> CallbackScope {
        IN_CALLBACK.with(|inside| inside.borrow_mut().push(producer));
        CallbackScope
    }
}

impl Drop for CallbackScope {
    fn drop(&mut self) {
        IN_CALLBACK.with(|inside| inside.borrow_mut().pop());
    }
}

/// The thread that serves callbacks, and a channel that ends with it.
pub(super) struct Dispatcher {
    thread: JoinHandle<()>,
    ended: Mutex<mpsc::Receiver<()>>,
}

impl Dispatcher {
    /// Waits until the thread has ended; false if a callback holds it up until `deadline`.
    pub(super) fn join(self, deadline: Instant) -> bool {
        if self.thread.thread().id() == std::thread::current().id() {
            return true;
        }
        let ended = self.ended.lock();
        let late = match time::now().until(deadline) {
            None => ended.recv().is_ok(),
            Some(left) => ended.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout),
        };
        if !late {
            let _ = self.thread.join();
        }
        !late
    }
}

impl Producer {
    /// Reads at most `max` reports, waiting for the first one. `read` must only copy. Returns how
    /// many; 0 after the timeout, or when a ticket is ready. `CLOSED` instead of waiting where
    /// the producer is closed and nothing is left.
    pub fn poll_reports(
        &self,
        max: usize,
        timeout: Timeout,
        mut read: impl FnMut(Report<'_>),
    ) -> Result<usize> {
        self.poll_runs(max, timeout, |run| run.reports().for_each(&mut read))
    }

    /// As `poll_reports`, those that are alike together.
    pub fn poll_runs(
        &self,
        max: usize,
        timeout: Timeout,
        read: impl FnMut(Run<'_>),
    ) -> Result<usize> {
        if self.sink.is_some() {
            let text = "this producer has a report callback: call poll (or nothing, with \
                        delivery.report.mode=dispatch) instead of pulling reports";
            return Err(Error::new(ErrorCode::WRONG_MODE, text));
        }
        self.serve_log();
        self.wait_for_news(timeout)?;
        self.serve_log();
        Ok(self.drain(max, read))
    }

    /// Hands reports and log lines to their callbacks, waiting for the first one. Returns the
    /// number of reports.
    pub fn poll(&self, timeout: Timeout) -> Result<usize> {
        if self.config.report_mode == ReportMode::Dispatch {
            let text = "delivery.report.mode=dispatch: a thread of the library serves callbacks";
            return Err(Error::new(ErrorCode::WRONG_MODE, text));
        }
        let served = self.serve(Instant(0)).unwrap_or(0);
        if served > 0 || timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Ok(served);
        }
        let deadline = timeout.map_or(Instant::NEVER, |timeout| time::now() + timeout);
        self.wait_for_news(timeout)?;
        Ok(self.serve(deadline).unwrap_or(0))
    }

    /// The event fd: readable when there may be reports, log lines or ready tickets. Contract:
    /// clear it, drain until empty, then wait for it again.
    pub fn event_fd(&self) -> Result<&EventFd> {
        self.reports.event_fd().map_err(|error| {
            Error::new(ErrorCode::INTERNAL, format!("no event fd can be made: {error}"))
        })
    }

    /// The number of records accepted whose report was not yet read, and of reports that open
    /// batches have reserved for the next records.
    pub fn unread(&self) -> u64 {
        self.reports.reserved()
    }

    /// Waits for a report or a ticket that is ready. Log lines are served meanwhile, and other
    /// wake-ups (those of a flush that watches the same queue) are no news for the caller.
    fn wait_for_news(&self, timeout: Timeout) -> Result<()> {
        let deadline = timeout.map_or(Instant::NEVER, |timeout| time::now() + timeout);
        let interrupts = self.reports.interrupts();
        loop {
            let seen = self.reports.nudges();
            if self.reports.has_reports() || self.tickets.has_ready() {
                return Ok(());
            }
            if self.finished.load(Ordering::SeqCst) && timeout != Some(Duration::ZERO) {
                return Err(closed());
            }
            match self.reports.wait(seen, interrupts, deadline) {
                Woken::News => self.serve_log(),
                Woken::TimedOut => return Ok(()),
                Woken::Interrupted => {
                    let text = "the wait for reports was interrupted";
                    return Err(Error::new(ErrorCode::INTERRUPTED, text));
                }
            }
        }
    }

    /// Reads reports, showing each to the interceptors first.
    fn drain(&self, max: usize, mut read: impl FnMut(Run<'_>)) -> usize {
        if self.interceptors.is_empty() {
            return self.reports.drain_runs(max, read);
        }
        let mut reports = Vec::new();
        self.reports.drain(max, |report| reports.push(OwnedReport::from(report)));
        let _scope = CallbackScope::enter(self);
        for report in &reports {
            self.interceptors.on_acknowledgement(&report.as_report(), &self.shared.log);
            read(Run { first: report.as_report(), opaques: &[report.opaque] });
        }
        reports.len()
    }

    /// Serves the callbacks with what is there. One thread at a time does, so that reports stay
    /// in order and nobody takes a callback that still runs elsewhere for done; `None` if another
    /// one was at it until `deadline`.
    pub(super) fn serve(&self, deadline: Instant) -> Option<usize> {
        self.serve_log();
        let Some(sink) = &self.sink else { return Some(0) };
        let _turn = match time::now().until(deadline) {
            // Inside its own callback a thread has its turn already.
            _ if self.is_in_callback() => None,
            None => Some(self.serving.lock()),
            Some(left) => Some(self.serving.try_lock_for(left)?),
        };
        let mut reports = Reports(Vec::new());
        let mut served = 0;
        loop {
            let count = self.reports.take(REPORTS_AT_A_TIME, &mut reports.0);
            if count == 0 {
                return Some(served);
            }
            served += count;
            let scope = CallbackScope::enter(self);
            if !self.interceptors.is_empty() {
                let log = &self.shared.log;
                reports
                    .iter()
                    .for_each(|report| self.interceptors.on_acknowledgement(&report, log));
            }
            sink.deliver(&reports);
            drop(scope);
            self.reports.recycle(&mut reports.0);
        }
    }

    fn serve_log(&self) {
        let Some(sink) = &self.log_sink else { return };
        while let Some((level, line)) = self.shared.log.take() {
            let _scope = CallbackScope::enter(self);
            sink(level, &line);
        }
    }

    /// An error inside a callback of this producer, where waiting for callbacks would be for ever.
    pub(crate) fn check_not_in_callback(&self, call: &str) -> Result<()> {
        if self.is_in_callback() {
            let text = format!("{call} inside a callback of the same producer would never return");
            return Err(Error::new(ErrorCode::IN_CALLBACK, text));
        }
        Ok(())
    }

    fn is_in_callback(&self) -> bool {
        let me: *const Producer = self;
        IN_CALLBACK.with(|inside| inside.borrow().contains(&me))
    }

    pub(super) fn spawn_dispatcher(self: &Arc<Self>) -> Result<Dispatcher> {
        let producer = Arc::downgrade(self);
        let (reports, shared) = (self.reports.clone(), self.shared.clone());
        let (end, ended) = mpsc::channel();
        let run = move || {
            let _end: mpsc::Sender<()> = end;
            let mut seen = 0;
            loop {
                reports.wait(seen, reports.interrupts(), Instant::NEVER);
                seen = reports.nudges();
                let Some(producer) = producer.upgrade() else { return };
                producer.serve(Instant::NEVER);
                reports.note_served();
                if producer.closed.load(Ordering::SeqCst)
                    && shared.accumulator.incomplete.len() == 0
                    && !producer.reports.has_reports()
                {
                    return;
                }
            }
        };
        let failed = |error| {
            let text = format!("no thread for callbacks can be started: {error}");
            Error::new(ErrorCode::INTERNAL, text)
        };
        let thread = sync::spawn("ottla-reports".to_owned(), run).map_err(failed)?;
        Ok(Dispatcher { thread, ended: Mutex::new(ended) })
    }
}
