//! Nodes that die, freeze and come back while records are sent: the oracle holds and nothing is
//! lost. These tests run one at a time, after the others (tests/kafka/run.sh).

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cluster::{bootstrap, close_and_check, kafka, topic_with};
use ottla::{Producer, Record, State};
use run::Run;

/// One test at a time, however they are run.
static ALONE: Mutex<()> = Mutex::new(());

/// Records that may wait for their reports in each sending thread.
const UNREPORTED_MAX: u64 = 2000;

/// Sends to a topic of six partitions from two threads as long as `happen` lasts and a moment
/// longer, and has the oracle look: nothing may fail.
fn under_load(name: &str, settings: &[(&str, &str)], happen: impl FnOnce(&Run, &str)) -> Run {
    under_load_of(name, "", settings, happen)
}

/// As `under_load`, with settings of the topic.
fn under_load_of(
    name: &str,
    topic_settings: &str,
    settings: &[(&str, &str)],
    happen: impl FnOnce(&Run, &str),
) -> Run {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let topic = topic_with(name, 6, topic_settings);
    let mut all = vec![("linger.ms", "2"), ("batch.size", "2000"), ("buffer.memory", "4000000")];
    all.extend(settings);
    let run = Run::new(&bootstrap(), &all);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..2 {
            let (run, over, topic) = (&run, &over, &topic);
            scope.spawn(move || send_until(run, topic, number, over));
        }
        // Also when something below panics, or the threads would send for ever.
        let _over = Over(&over);
        reports_grow(&run, 2000);
        happen(&run, &topic);
        reports_grow(&run, 2000);
    });
    run.producer.flush(Some(Duration::from_secs(120))).unwrap();
    let failed = run.reports().into_iter().find(|report| report.state != State::Persisted);
    close_and_check(&run, &[&topic]);
    assert!(failed.is_none(), "{failed:?}");
    run
}

/// Says that it is over when dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

fn send_until(run: &Run, topic: &str, number: u32, over: &AtomicBool) {
    let mut thread = run.thread();
    for i in 0u32.. {
        if over.load(Ordering::SeqCst) {
            return;
        }
        let value = format!("{number}/{i}");
        let partition = (i % 2 == 0).then_some((i / 2 % 6) as i32);
        let value = Some(value.as_bytes());
        thread.send(&Record { topic, partition, value, ..Record::default() }).unwrap();
        while run.producer.unread() > 2 * UNREPORTED_MAX && !over.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

/// Waits until there are `count` more reports.
fn reports_grow(run: &Run, count: usize) {
    let (target, limit) = (run.reported() + count, Instant::now() + Duration::from_secs(120));
    while run.reported() < target {
        assert!(Instant::now() < limit, "no reports: {}", run.producer.metrics_json());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// The node that leads partition 0 of a topic.
fn leader(producer: &std::sync::Arc<Producer>, topic: &str) -> String {
    let partitions = producer.partitions_for(topic, Some(Duration::from_secs(10))).unwrap();
    partitions[0].1.to_string()
}

/// Lets `time` pass.
fn pass(time: Duration) {
    let until = Instant::now() + time;
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        std::thread::park_timeout(left);
    }
}

#[test]
#[ignore = "needs make test"]
fn a_leader_is_killed_and_started_again() {
    under_load("leader-killed", &[], |run, topic| {
        let node = leader(&run.producer, topic);
        kafka(&["kill", &node]);
        reports_grow(run, 5000);
        kafka(&["start", &node]);
    });
}

#[test]
#[ignore = "needs make test"]
fn a_node_is_frozen_for_8_s() {
    let run = under_load("frozen", &[("request.timeout.ms", "3000")], |run, topic| {
        let node = leader(&run.producer, topic);
        kafka(&["pause", &node]);
        pass(Duration::from_secs(8));
        kafka(&["resume", &node]);
    });
    assert!(retries(&run) > 0);
}

#[test]
#[ignore = "needs make test"]
fn all_nodes_are_down_for_5_s() {
    under_load("all-down", &[], |_, _| {
        for node in ["1", "2", "3"] {
            kafka(&["kill", node]);
        }
        pass(Duration::from_secs(5));
        start(&["1", "2", "3"]);
    });
}

#[test]
#[ignore = "needs make test"]
fn too_few_replicas_are_in_sync_for_a_while() {
    let settings = "min.insync.replicas=3";
    let run = under_load_of("in-sync", settings, &[], |run, topic| {
        let node = leader(&run.producer, topic);
        kafka(&["kill", &node]);
        // The others notice, shrink the set, and refuse.
        let before = retries(run);
        let limit = Instant::now() + Duration::from_secs(60);
        while retries(run) < before + 1000 {
            assert!(Instant::now() < limit, "no retries");
            pass(Duration::from_millis(10));
        }
        kafka(&["start", &node]);
    });
    assert!(retries(&run) > 0);
}

#[test]
#[ignore = "needs make test"]
fn two_of_three_nodes_are_down_for_a_while() {
    under_load("two-down", &[("request.timeout.ms", "3000")], |run, topic| {
        let node: u32 = leader(&run.producer, topic).parse().unwrap();
        let others = [node % 3 + 1, (node + 1) % 3 + 1].map(|node| node.to_string());
        for node in &others {
            kafka(&["kill", node]);
        }
        pass(Duration::from_secs(8));
        start(&[&others[0], &others[1]]);
    });
}

fn retries(run: &Run) -> u64 {
    let metrics: serde_json::Value = serde_json::from_str(&run.producer.metrics_json()).unwrap();
    metrics["record-retry-total"].as_u64().unwrap()
}

/// Starts nodes at once: one alone has no quorum, and its start would not end.
fn start(nodes: &[&str]) {
    std::thread::scope(|scope| {
        for node in nodes {
            scope.spawn(|| kafka(&["start", node]));
        }
    });
}
