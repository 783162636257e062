//! Flush and close: waiting until what was sent is reported, within a time.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::consume::Dispatcher;
use super::{Producer, Threads, Timeout, closed};
use crate::accumulator::Completion;
use crate::config::ReportMode;
use crate::error::{Error, ErrorCode, Result};
use crate::report::Woken;
use crate::sender::Purge;
use crate::sync::MutexGuard;
use crate::time::{self, Instant};

/// How long a close whose time is over waits for callbacks that only need a moment.
const CALLBACK_GRACE: Duration = Duration::from_millis(100);

impl Producer {
    /// Sends what was accepted before this call without lingering and waits until each record
    /// has its outcome. With a report callback it is served inside. The outcomes are in the
    /// reports: flush succeeds even if records failed.
    pub fn flush(&self, timeout: Timeout) -> Result<()> {
        self.check_not_in_callback("flush")?;
        if !self.is_started() {
            return Ok(());
        }
        let deadline = timeout.map_or(Instant::NEVER, |timeout| time::now() + timeout);
        let below = self.shared.accumulator.flush();
        self.wait_reported(below, deadline)
    }

    /// As `flush`, and never waits: `WOULD_BLOCK` while records have no outcome, and a mark of how
    /// far to flush in `mark`, which is 0 at first. The event fd is ready when it is worth to come
    /// again with that mark. Reports that are pulled are not waited for.
    pub fn try_flush(&self, mark: &mut u64) -> Result<()> {
        self.check_not_in_callback("flush")?;
        if !self.is_started() {
            return Ok(());
        }
        if *mark == 0 {
            *mark = self.shared.accumulator.flush();
        }
        if !self.shared.accumulator.incomplete.is_below(*mark) {
            let text = "not all records have their outcome yet";
            return Err(Error::new(ErrorCode::WOULD_BLOCK, text));
        }
        *mark = 0;
        Ok(())
    }

    /// As `close`, and does not wait for brokers: takes no more records, and `WOULD_BLOCK` while
    /// some have no outcome. The event fd is ready when it is worth to come again; `close` with a
    /// timeout of zero gives up what is left. For producers whose reports are pulled.
    pub fn try_close(&self) -> Result<()> {
        self.check_not_in_callback("close")?;
        if self.sink.is_some() {
            let text = "this producer has a report callback, which close serves: call close";
            return Err(Error::new(ErrorCode::WRONG_MODE, text));
        }
        self.closed.store(true, Ordering::SeqCst);
        self.shared.initiate_close();
        let accumulator = &self.shared.accumulator;
        if accumulator.incomplete.len() == 0 {
            accumulator.wait_for_appends();
        }
        match accumulator.incomplete.len() {
            0 => self.close(None),
            batches => {
                let text = format!("{batches} batch(es) of records have no outcome yet");
                Err(Error::new(ErrorCode::WOULD_BLOCK, text))
            }
        }
    }

    /// Gives up records that were accepted before this call, and goes on. Never waits: their
    /// reports, which say `PURGED`, follow at once. Those in flight, and those that wait to be sent
    /// again after an attempt that may have come through, are possibly persisted.
    ///
    /// (librdkafka: `rd_kafka_purge`; the Java producer has nothing like it.)
    pub fn purge(&self, what: Purge) -> Result<()> {
        self.check_open()?;
        if self.is_started() {
            self.shared.purge(what);
        }
        Ok(())
    }

    /// Ends the I/O thread as a defect would. For tests of this library.
    #[doc(hidden)]
    pub fn panic_io_thread(&self) {
        self.shared.panic();
    }

    /// Takes no more records, waits until all accepted ones are reported, and ends the threads.
    /// Reports that are pulled can be pulled after it.
    ///
    /// The producer is closed whatever this returns, but for `INTERRUPTED`, after which it goes on
    /// and can be closed again. `CLOSED_FORCEFULLY` says that records were not acknowledged within
    /// `timeout` and are reported as failed; `TIMED_OUT` that a callback that had begun has not
    /// returned. A call while another one is under way waits for it and has its result; a later
    /// one does nothing.
    pub fn close(&self, timeout: Timeout) -> Result<()> {
        self.check_not_in_callback("close")?;
        let deadline = timeout.map_or(Instant::NEVER, |timeout| time::now() + timeout);
        self.closed.store(true, Ordering::SeqCst);
        let mut threads = self.threads.lock();
        if threads.closed.is_some() {
            return Ok(());
        }
        if threads.closing {
            self.wait_closed(&mut threads, deadline);
            match &threads.closed {
                Some(result) => return result.clone(),
                None if threads.closing => return Err(self.callback_runs()),
                None => {}
            }
        }
        threads.closing = true;
        let (io, dispatcher) = (threads.io.take(), threads.dispatcher.take());
        drop(threads);
        self.shared.initiate_close();
        match self.wait_reported(u64::MAX, deadline) {
            Ok(()) => {}
            Err(error) if error.code() == ErrorCode::INTERRUPTED => {
                // Nothing is given up: close can be called again.
                let mut threads = self.threads.lock();
                (threads.io, threads.dispatcher, threads.closing) = (io, dispatcher, false);
                self.closing.notify_all();
                return Err(error);
            }
            Err(_) => self.shared.force_close(),
        }
        if let Some(io) = io {
            let _ = io.join();
        }
        let deadline = deadline.max(time::now() + CALLBACK_GRACE);
        // After the thread that gives them work.
        let workers = self.threads.lock().compression.take();
        if let Some(workers) = workers {
            // One that is late is at a batch that nobody wants any more.
            workers.join(&self.shared.accumulator, time::now().until(deadline));
        }
        let result = self.end(dispatcher, deadline);
        let mut threads = self.threads.lock();
        threads.closed = Some(result.clone());
        self.closing.notify_all();
        result
    }

    /// Waits for another thread that closes. It has more patience than this one: at `deadline` its
    /// time counts no more.
    fn wait_closed(&self, threads: &mut MutexGuard<'_, Threads>, deadline: Instant) {
        let mut deadline = deadline;
        let mut forced = false;
        while threads.closing && threads.closed.is_none() {
            match time::now().until(deadline) {
                None => self.closing.wait(threads),
                Some(left) if left.is_zero() && forced => return,
                Some(left) if left.is_zero() => {
                    forced = true;
                    self.shared.force_close();
                    deadline = time::now() + CALLBACK_GRACE * 2;
                }
                Some(left) => {
                    self.closing.wait_for(threads, left);
                }
            }
        }
    }

    /// What is left to do once the I/O thread has ended.
    fn end(&self, dispatcher: Option<Dispatcher>, deadline: Instant) -> Result<()> {
        self.shared.metadata.close(closed());
        self.tickets.cancel_all(&self.shared.accumulator.pool, &self.shared.metadata);
        self.finished.store(true, Ordering::SeqCst);
        self.reports.nudge();
        let served = dispatcher.is_none_or(|dispatcher| dispatcher.join(deadline));
        // What a dispatcher left: it ends early when the last handle is dropped.
        if !served || self.serve(deadline).is_none() {
            return Err(self.callback_runs());
        }
        match self.shared.given_up() {
            0 => Ok(()),
            count => {
                let text = format!(
                    "the producer is closed; {count} record(s) were not acknowledged in time and \
                     are reported as failed"
                );
                Err(Error::new(ErrorCode::CLOSED_FORCEFULLY, text))
            }
        }
    }

    fn callback_runs(&self) -> Error {
        let text = format!(
            "the producer takes no more records, but a callback that began has not returned; {} \
             report(s) wait behind it",
            self.reports.unread()
        );
        Error::new(ErrorCode::TIMED_OUT, text)
    }

    /// Waits until every batch below `below` is reported, serving the callback meanwhile, or until
    /// the dispatcher has.
    fn wait_reported(&self, below: u64, deadline: Instant) -> Result<()> {
        let accumulator = &self.shared.accumulator;
        let interrupts = self.reports.interrupts();
        if self.sink.is_none() {
            return completion(accumulator.incomplete.wait_below(below, deadline));
        }
        if self.config.report_mode == ReportMode::Dispatch {
            completion(accumulator.incomplete.wait_below(below, deadline))?;
            return woken(self.reports.wait_served(interrupts, deadline));
        }
        loop {
            let seen = self.reports.nudges();
            let done = accumulator.incomplete.is_below(below);
            if self.serve(deadline).is_none() {
                return completion(Completion::TimedOut);
            }
            if done {
                return Ok(());
            }
            match self.reports.wait(seen, interrupts, deadline) {
                Woken::News => {}
                ended => return woken(ended),
            }
        }
    }

    /// A snapshot of the counters as one JSON object, under Kafka's metric names.
    pub fn metrics_json(&self) -> String {
        let accumulator = &self.shared.accumulator;
        let mut object = serde_json::Map::new();
        object.insert("client-id".to_owned(), self.config.client_id.as_str().into());
        for (name, value) in self.shared.metrics.values() {
            object.insert(name.to_owned(), value.into());
        }
        let pool = &accumulator.pool;
        object.insert("buffer-total-bytes".to_owned(), pool.total().into());
        object.insert("buffer-available-bytes".to_owned(), pool.available().into());
        object.insert("waiting-threads".to_owned(), pool.queued().into());
        object.insert("batches-incomplete".to_owned(), accumulator.incomplete.len().into());
        object.insert("reports-unread".to_owned(), self.reports.unread().into());
        serde_json::Value::Object(object).to_string()
    }
}

fn woken(woken: Woken) -> Result<()> {
    completion(match woken {
        Woken::News => Completion::Done,
        Woken::TimedOut => Completion::TimedOut,
        Woken::Interrupted => Completion::Interrupted,
    })
}

fn completion(completion: Completion) -> Result<()> {
    match completion {
        Completion::Done => Ok(()),
        Completion::TimedOut => {
            let text = "not all records have their outcome yet";
            Err(Error::new(ErrorCode::TIMED_OUT, text))
        }
        Completion::Interrupted => {
            Err(Error::new(ErrorCode::INTERRUPTED, "the wait was interrupted"))
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        let _ = self.close(Some(Duration::ZERO));
    }
}
