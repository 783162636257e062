//! A load that goes on while something happens to the cluster: several producers, each with
//! several threads, send to the same topics, keyed, unkeyed and to chosen partitions, in small
//! batches; the oracle looks at all of it together.

#![allow(dead_code)] // Each test binary uses a part.

use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ottla::{Header, Hooks, Record, State};

use super::cluster::{bootstrap, kafka, names_topics, read, topic_with};
use super::oracle::{History, Recreated};
use super::run::{Run, Thread};

/// Partitions of each topic.
pub const PARTITIONS: u32 = 6;

/// Threads of each producer.
const THREADS: usize = 2;

/// Records that may wait for their reports in each producer.
const UNREPORTED_MAX: u64 = 4000;

/// Progress that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(120);

/// Small batches, and a first look at each fault before the next.
const SETTINGS: [(&str, &str); 3] =
    [("linger.ms", "2"), ("batch.size", "2000"), ("buffer.memory", "4000000")];

/// Producers that send to topics.
pub struct Load {
    pub runs: Vec<Run>,
    pub topics: Vec<String>,
    /// What each thread waits after a send: the log is to be read back in seconds.
    pub pause: Duration,
    over: AtomicBool,
    refused: AtomicUsize,
    recreated: Mutex<Vec<Recreated>>,
}

/// What became of a load.
#[derive(Debug)]
pub struct Outcome {
    pub persisted: usize,
    pub not_persisted: usize,
    pub possibly_persisted: usize,
    /// Sends that did not accept their record.
    pub refused: usize,
    pub retries: u64,
    /// The longest time from a send to its report.
    pub slowest: Duration,
    /// A report that says something else than persisted.
    pub failed: Option<String>,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Outcome { persisted, not_persisted, possibly_persisted, refused, retries, .. } = self;
        write!(
            f,
            "{persisted} persisted, {not_persisted} not, {possibly_persisted} possibly, \
             {refused} refused, {retries} retries, slowest report after {} ms",
            self.slowest.as_millis()
        )
    }
}

/// Says that it is over when dropped: also when a test panics, or threads would send for ever.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Load {
    /// Two producers for two new topics.
    pub fn new(name: &str, topic_settings: &str, settings: &[(&str, &str)]) -> Load {
        let topic = |i| topic_with(&format!("{name}-{i}"), PARTITIONS as i32, topic_settings);
        let mut all = SETTINGS.to_vec();
        all.extend(settings);
        let run = |number| Run::numbered(number, &bootstrap(), &all, Hooks::default());
        Load {
            runs: (0..2).map(run).collect(),
            topics: (0..2).map(topic).collect(),
            pause: Duration::from_millis(2),
            over: AtomicBool::new(false),
            refused: AtomicUsize::new(0),
            recreated: Mutex::default(),
        }
    }

    /// Sends as long as `happen` lasts, from the first reports on until there are new ones.
    pub fn during(&self, happen: impl FnOnce(&Load)) {
        self.over.store(false, Ordering::SeqCst);
        std::thread::scope(|scope| {
            for run in &self.runs {
                for _ in 0..THREADS {
                    scope.spawn(|| self.send_until_over(run));
                }
            }
            let _over = Over(&self.over);
            self.reports_grow(2000);
            happen(self);
            self.reports_grow(2000);
        });
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    fn send_until_over(&self, run: &Run) {
        let mut thread = run.thread();
        for i in 0u32.. {
            if self.is_over() {
                return;
            }
            self.send(&mut thread, i);
            while run.producer.unread() > UNREPORTED_MAX && !self.is_over() {
                std::thread::park_timeout(Duration::from_millis(1));
            }
            std::thread::park_timeout(self.pause);
        }
    }

    /// The record number `i` of a thread: no two records of a load are the same.
    fn send(&self, thread: &mut Thread<'_>, i: u32) {
        let key = [b'k', (i / 6 % 50) as u8];
        let mut value = format!("{}/{i}/", thread.number()).into_bytes();
        value.extend((0..i % 61).map(|j| (i + j) as u8));
        let headers = [Header { name: "h", value: i.is_multiple_of(20).then_some(&b"\0"[..]) }];
        let record = Record {
            topic: &self.topics[i as usize % self.topics.len()],
            partition: (i % 6 < 2).then_some((i / 6 % PARTITIONS) as i32),
            key: (i % 6 >= 4).then_some(&key[..]),
            value: Some(&value),
            headers: &headers[..usize::from(i.is_multiple_of(10))],
            ..Record::default()
        };
        if thread.send(&record).is_err() {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until there are `count` more reports.
    pub fn reports_grow(&self, count: usize) {
        self.until("there are more reports", {
            let target = self.reported() + count;
            move |load| load.reported() >= target
        });
    }

    /// Waits until the producers have sent `count` more batches again.
    pub fn retries_grow(&self, count: u64) {
        let target = self.retries() + count;
        self.until("batches are sent again", move |load| load.retries() >= target);
    }

    fn until(&self, what: &str, done: impl Fn(&Load) -> bool) {
        let limit = Instant::now() + PATIENCE;
        while !done(self) {
            let metrics = || self.runs.iter().map(|run| run.producer.metrics_json());
            assert!(
                Instant::now() < limit,
                "waited in vain until {what}: {:?}",
                metrics().collect::<Vec<_>>()
            );
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Waits until every replica of the topics is in sync, so that the next fault meets a whole
    /// cluster.
    pub fn in_sync(&self) {
        self.until("all replicas are in sync", |load| {
            load.topics.iter().all(|topic| is_in_sync(&kafka(&["describe", topic])))
        });
    }

    fn reported(&self) -> usize {
        self.runs.iter().map(Run::reported).sum()
    }

    pub fn retries(&self) -> u64 {
        let of = |run: &Run| run.metrics()["record-retry-total"].as_u64().unwrap();
        self.runs.iter().map(of).sum()
    }

    /// The node that leads partition 0 of the first topic.
    pub fn leader(&self) -> u32 {
        let producer = &self.runs[0].producer;
        let partitions = producer.partitions_for(&self.topics[0], Some(PATIENCE)).unwrap();
        partitions[0].1 as u32
    }

    /// Deletes a topic and makes it again, unless a producer's question has made it by then.
    pub fn recreate(&self, topic: &str) {
        let from = Instant::now();
        kafka(&["delete", topic]);
        kafka(&["topic", topic, &PARTITIONS.to_string(), "3"]);
        let until = Instant::now();
        let by_name = names_topics().then(|| {
            for run in &self.runs {
                run.producer.flush(Some(PATIENCE)).unwrap();
            }
            Instant::now()
        });
        let recreated = Recreated { topic: topic.to_owned(), from, until, by_name };
        self.recreated.lock().unwrap().push(recreated);
    }

    /// Waits for all reports, reads the topics, and lets the oracle judge.
    pub fn finish(self, report_late_max: Duration) -> Outcome {
        let retries = self.retries();
        for run in &self.runs {
            run.producer.flush(Some(2 * PATIENCE)).unwrap();
            run.producer.close(Some(2 * PATIENCE)).unwrap();
        }
        let log = self.topics.iter().flat_map(|topic| read(topic)).collect();
        let mut history = self.runs[0].history(log);
        for run in &self.runs[1..] {
            let History { sent, told, .. } = run.history(Vec::new());
            history.sent.extend(sent);
            history.told.extend(told);
        }
        history.recreated = self.recreated.into_inner().unwrap();
        history.report_late_max = report_late_max;
        let bad = history.told.iter().find(|told| told.report.state != State::Persisted);
        let outcome = Outcome {
            persisted: history.count(State::Persisted),
            not_persisted: history.count(State::NotPersisted),
            possibly_persisted: history.count(State::PossiblyPersisted),
            refused: self.refused.into_inner(),
            retries,
            slowest: history.slowest(),
            failed: bad.map(|told| format!("{:?}", told.report)),
        };
        println!("{outcome}");
        history.check();
        outcome
    }
}

/// Whether the description of a topic, by Kafka's own tool, has all replicas of all partitions.
fn is_in_sync(description: &str) -> bool {
    let count = |line: &str, name: &str| {
        let ids = line.split(name).nth(1).and_then(|rest| rest.split_whitespace().next());
        ids.map_or(0, |ids| ids.split(',').count())
    };
    let mut partitions = description.lines().filter(|line| line.contains("Replicas: ")).peekable();
    partitions.peek().is_some()
        && partitions.all(|line| count(line, "Replicas: ") == count(line, "Isr: "))
}

/// Lets `time` pass.
pub fn pass(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

/// Starts nodes at once: one alone has no quorum, and its start would not end.
pub fn start(nodes: &[u32]) {
    std::thread::scope(|scope| {
        for node in nodes {
            scope.spawn(|| kafka(&["start", &node.to_string()]));
        }
    });
}

/// `kafka.sh VERB NODE`.
pub fn node(verb: &str, node: u32) {
    kafka(&[verb, &node.to_string()]);
}
