//! The embedded cluster under load while brokers die and come back, leaders move, replicas lag and
//! requests are lost, judged by the oracle that judges a real Kafka.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig, Fault, FaultAction, LogRecord};
use ottla::{ErrorCode, Record, State};

use super::oracle::{Content, Logged};
use super::rig::LIMIT;
use super::run::Run;

const PARTITIONS: i32 = 4;
const TOPICS: [&str; 2] = ["a", "b"];
const PRODUCE: i16 = 0;

fn cluster() -> Cluster {
    let mut config = ClusterConfig::brokers(3);
    for topic in TOPICS {
        config = config.topic(topic, PARTITIONS);
    }
    config.topic_defaults.min_insync_replicas = 2;
    Cluster::start(config).unwrap()
}

/// All that is in a cluster, as the oracle wants it.
pub fn log_of(cluster: &Cluster) -> Vec<Logged> {
    let topics = cluster.topics().into_iter().filter(|(topic, _)| !topic.starts_with("__"));
    let partitions =
        topics.flat_map(|(topic, count)| (0..count as i32).map(move |i| (topic.clone(), i)));
    let logged = |topic: &str, partition: i32, record: LogRecord| Logged {
        topic: topic.to_owned(),
        partition,
        offset: record.offset,
        timestamp: record.timestamp,
        is_append_time: false,
        content: Content { key: record.key, value: record.value, headers: record.headers },
    };
    partitions
        .flat_map(|(topic, partition)| {
            let records = cluster.records(&topic, partition).into_iter();
            records.map(move |record| logged(&topic, partition, record)).collect::<Vec<_>>()
        })
        .collect()
}

/// Sends from three threads while `happen` lasts, then has the oracle look. Returns the run.
fn judged(cluster: &Cluster, settings: &[(&str, &str)], happen: impl FnOnce(&Run)) -> Run {
    let mut all = vec![
        ("linger.ms", "1"),
        ("batch.size", "500"),
        ("retry.backoff.ms", "5"),
        ("reconnect.backoff.ms", "5"),
        ("request.timeout.ms", "300"),
    ];
    all.extend(settings);
    let run = Run::new(&cluster.bootstrap_servers(), &all);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| send_until(&run, &over));
        }
        grow(&run, 200);
        happen(&run);
        grow(&run, 200);
        over.store(true, Ordering::SeqCst);
    });
    run.producer.close(Some(LIMIT)).unwrap();
    run.history(log_of(cluster)).check();
    run
}

fn send_until(run: &Run, over: &AtomicBool) {
    let mut thread = run.thread();
    let limit = Instant::now() + 2 * LIMIT;
    for i in 0u32.. {
        if over.load(Ordering::SeqCst) || Instant::now() > limit {
            return;
        }
        let (key, value) = (format!("k{}", i % 20), format!("{}/{i}", thread.number()));
        let record = Record {
            topic: TOPICS[i as usize % 2],
            partition: (i % 6 < 2).then_some(i as i32 / 6 % PARTITIONS),
            key: (i % 6 >= 4).then_some(key.as_bytes()),
            value: Some(value.as_bytes()),
            ..Record::default()
        };
        thread.send(&record).unwrap();
        std::thread::park_timeout(Duration::from_micros(200));
    }
}

fn grow(run: &Run, count: usize) {
    let target = run.reported() + count;
    super::rig::until("there are more reports", || run.reported() >= target);
}

fn all_persisted(run: &Run) {
    let failed = run.reports().into_iter().find(|report| report.state != State::Persisted);
    assert!(failed.is_none(), "{failed:?}");
}

#[test]
fn brokers_die_and_come_back_under_load() {
    let cluster = cluster();
    let run = judged(&cluster, &[], |run| {
        for id in cluster.broker_ids() {
            cluster.kill_broker(id).unwrap();
            grow(run, 200);
            cluster.start_broker(id).unwrap();
            grow(run, 200);
        }
    });
    all_persisted(&run);
}

#[test]
fn leaders_move_under_load() {
    let cluster = cluster();
    let run = judged(&cluster, &[], |run| {
        for to in [2, 3, 1, 3] {
            for topic in TOPICS {
                for partition in 0..PARTITIONS {
                    cluster.move_leader(topic, partition, to).unwrap();
                }
            }
            grow(run, 100);
        }
        cluster.elect_preferred_leaders();
    });
    all_persisted(&run);
}

#[test]
fn requests_and_answers_are_lost_under_load() {
    let cluster = cluster();
    let run = judged(&cluster, &[], |run| {
        for action in [
            FaultAction::DropResponse,
            FaultAction::CloseAfter,
            FaultAction::HalfResponse,
            FaultAction::ErrorAfter(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
            FaultAction::Error(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            FaultAction::DropRequest,
        ] {
            cluster.inject(Fault::new(action).api(PRODUCE).times(5));
            grow(run, 200);
        }
    });
    all_persisted(&run);
}

#[test]
fn records_expire_under_load_while_brokers_are_paused() {
    let cluster = cluster();
    let settings = [("delivery.timeout.ms", "700"), ("request.timeout.ms", "200")];
    let run = judged(&cluster, &settings, |run| {
        for id in cluster.broker_ids() {
            cluster.pause_broker(id).unwrap();
        }
        for state in [State::NotPersisted, State::PossiblyPersisted] {
            let told = || run.reports().iter().any(|report| report.state == state);
            super::rig::until("records expire", told);
        }
        for id in cluster.broker_ids() {
            cluster.resume_broker(id).unwrap();
        }
    });
    assert_eq!(run.reports().last().map(|report| report.state), Some(State::Persisted));
}
