//! Flush and close: waiting until what was sent is reported, within a time.

use std::sync::atomic::Ordering;

use super::{Producer, Timeout, closed};
use crate::accumulator::Completion;
use crate::config::ReportMode;
use crate::error::{Error, ErrorCode, Result};
use crate::report::Woken;
use crate::time::{self, Instant};

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

    /// Takes no more records, waits until all accepted ones are reported, and ends the threads.
    /// What is not acknowledged within `timeout` is reported as failed. Reports that are pulled
    /// can be pulled after it. The second call waits for the first and does nothing; after
    /// `INTERRUPTED` it goes on.
    pub fn close(&self, timeout: Timeout) -> Result<()> {
        self.check_not_in_callback("close")?;
        let deadline = timeout.map_or(Instant::NEVER, |timeout| time::now() + timeout);
        self.closed.store(true, Ordering::SeqCst);
        let mut threads = self.threads.lock();
        while threads.closing && !threads.done {
            match time::now().until(deadline) {
                None => self.closing.wait(&mut threads),
                Some(left) if left.is_zero() => {
                    // The first call has more patience than this one: its time counts no more.
                    self.shared.force_close();
                    self.closing.wait(&mut threads);
                }
                Some(left) => {
                    self.closing.wait_for(&mut threads, left);
                }
            }
        }
        if threads.done {
            return Ok(());
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
        self.shared.metadata.close(closed());
        self.tickets.cancel_all(&self.shared.accumulator.pool, &self.shared.metadata);
        self.finished.store(true, Ordering::SeqCst);
        self.reports.nudge();
        let own = std::thread::current().id();
        if let Some(dispatcher) = dispatcher.filter(|thread| thread.thread().id() != own) {
            let _ = dispatcher.join();
        }
        // What a dispatcher left: it ends early when the last handle is dropped.
        self.serve(deadline);
        let mut threads = self.threads.lock();
        threads.done = true;
        self.closing.notify_all();
        Ok(())
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
        let _ = self.close(Some(std::time::Duration::ZERO));
    }
}
