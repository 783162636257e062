//! One run of a producer: it writes down what was accepted and what was reported, for the oracle.

#![allow(dead_code)] // Each test binary uses a part.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ottla::producer::OwnedReport;
use ottla::{Config, Hooks, Producer, Record, Result};

use super::oracle::{Content, History, Logged, REPORT_LATE_MAX, Sent, Told};

/// Trouble is what most tests make; each says itself what it expects.
const QUIET: [(&str, &str); 1] = [("log.level", "error")];

/// A producer and its journal.
pub struct Run {
    pub producer: Arc<Producer>,
    told: Arc<Mutex<Vec<Told>>>,
    sent: Mutex<Vec<Sent>>,
    threads: AtomicU64,
    number: u64,
}

/// The journal of one sending thread; it goes into the run's when dropped.
pub struct Thread<'a> {
    run: &'a Run,
    thread: u64,
    sent: Vec<Sent>,
    count: u64,
}

/// A configuration of these keys and values.
pub fn config(settings: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (key, value) in settings {
        config.set(key, value).unwrap_or_else(|error| panic!("{key}={value}: {error}"));
    }
    config
}

impl Run {
    /// The producer's metrics, parsed.
    pub fn metrics(&self) -> serde_json::Value {
        serde_json::from_str(&self.producer.metrics_json()).unwrap()
    }

    /// Reports come by callback from a thread of the library, as they arise.
    pub fn new(bootstrap: &str, settings: &[(&str, &str)]) -> Run {
        Run::with_hooks(bootstrap, settings, Hooks::default())
    }

    /// As `new`, with interceptors or a partitioner.
    pub fn with_hooks(bootstrap: &str, settings: &[(&str, &str)], hooks: Hooks) -> Run {
        Run::numbered(0, bootstrap, settings, hooks)
    }

    /// As `with_hooks`, one of several producers that send to the same topics; each has another
    /// number, below 256.
    pub fn numbered(
        number: u64,
        bootstrap: &str,
        settings: &[(&str, &str)],
        mut hooks: Hooks,
    ) -> Run {
        let told: Arc<Mutex<Vec<Told>>> = Arc::default();
        let journal = told.clone();
        hooks.reports = Some(Box::new(move |report: &OwnedReport| {
            let told = Told { report: report.clone(), at: Instant::now(), producer: number };
            journal.lock().unwrap().push(told);
        }));
        let mut all = QUIET.to_vec();
        all.extend([("bootstrap.servers", bootstrap), ("delivery.report.mode", "dispatch")]);
        all.extend(settings);
        let producer = Producer::new(&config(&all), hooks).unwrap();
        Run { producer, told, sent: Mutex::default(), threads: AtomicU64::new(0), number }
    }

    /// Without a callback: the test pulls reports, with `pull`.
    pub fn pulling(bootstrap: &str, settings: &[(&str, &str)]) -> Run {
        let mut all = QUIET.to_vec();
        all.push(("bootstrap.servers", bootstrap));
        all.extend(settings);
        let producer = Producer::new(&config(&all), Hooks::default()).unwrap();
        let (told, sent) = (Arc::default(), Mutex::default());
        Run { producer, told, sent, threads: AtomicU64::new(0), number: 0 }
    }

    /// Pulls at most `max` reports.
    pub fn pull(&self, max: usize, timeout: Duration) -> Result<usize> {
        let mut told = self.told.lock().unwrap();
        self.producer.poll_reports(max, Some(timeout), |report| {
            told.push(Told { report: report.into(), at: Instant::now(), producer: 0 });
        })
    }

    /// A journal for the thread that calls.
    pub fn thread(&self) -> Thread<'_> {
        let thread = self.number << 8 | self.threads.fetch_add(1, Ordering::Relaxed);
        Thread { run: self, thread, sent: Vec::new(), count: 0 }
    }

    /// All reports so far.
    pub fn reports(&self) -> Vec<OwnedReport> {
        self.told.lock().unwrap().iter().map(|told| told.report.clone()).collect()
    }

    /// The number of reports so far.
    pub fn reported(&self) -> usize {
        self.told.lock().unwrap().len()
    }

    /// Drops the producer without closing it, and returns the reports there are then.
    pub fn drop_producer(self) -> Vec<OwnedReport> {
        let Run { producer, told, .. } = self;
        drop(producer);
        let told = told.lock().unwrap();
        told.iter().map(|told| told.report.clone()).collect()
    }

    /// What happened so far, with the log as it was read. Journals in use are not in it.
    pub fn history(&self, log: Vec<Logged>) -> History {
        History {
            sent: self.sent.lock().unwrap().clone(),
            told: self.told.lock().unwrap().clone(),
            log,
            recreated: Vec::new(),
            delivery_timeout: self.producer.config().delivery_timeout,
            report_late_max: REPORT_LATE_MAX,
        }
    }
}

impl Thread<'_> {
    /// Sends a record and writes it down if it is accepted. Sets the opaque.
    pub fn send(&mut self, record: &Record<'_>) -> Result<()> {
        let producer = &self.run.producer;
        self.write_down(record, |record| producer.send(record))
    }

    /// As `send`, by a call of the test's choice.
    pub fn write_down(
        &mut self,
        record: &Record<'_>,
        send: impl FnOnce(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let opaque = self.thread << 32 | self.count;
        let before = ottla::time::wall_ms();
        send(&Record { opaque, ..*record })?;
        let (now, at) = ((before, ottla::time::wall_ms()), Instant::now());
        self.count += 1;
        self.sent.push(Sent {
            opaque,
            thread: self.thread,
            topic: record.topic.to_owned(),
            partition: record.partition,
            content: Content::of(record),
            created_ms: record.timestamp.map_or(now, |explicit| (explicit, explicit)),
            at,
        });
        Ok(())
    }

    /// The number of this thread; no other has it.
    pub fn number(&self) -> u64 {
        self.thread
    }

    /// What was accepted last, for a test that knows better what must be in the log.
    pub fn last(&mut self) -> &mut Sent {
        self.sent.last_mut().unwrap()
    }
}

impl Drop for Thread<'_> {
    fn drop(&mut self) {
        self.run.sent.lock().unwrap().append(&mut self.sent);
    }
}
