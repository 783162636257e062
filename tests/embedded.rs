//! The embedded cluster, driven by this library's own producer through its public interface.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ottla::broker::{Cluster, ClusterConfig};
use ottla::producer::OwnedReport;
use ottla::{Config, Hooks, Producer, Record, State};

const LIMIT: Duration = Duration::from_secs(20);

/// A producer and the reports it gave.
struct Rig {
    producer: Arc<Producer>,
    reports: Arc<Mutex<Vec<OwnedReport>>>,
}

impl Rig {
    fn new(cluster: &Cluster, settings: &[(&str, &str)]) -> Rig {
        let mut config = Config::new();
        config.set("bootstrap.servers", &cluster.bootstrap_servers()).unwrap();
        for (key, value) in settings {
            config.set(key, value).unwrap();
        }
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = reports.clone();
        let keep = move |report: &OwnedReport| sink.lock().unwrap().push(report.clone());
        let hooks = Hooks { reports: Some(Box::new(keep)), ..Hooks::default() };
        Rig { producer: Producer::new(&config, hooks).unwrap(), reports }
    }

    fn send(&self, topic: &str, partition: i32, value: &[u8], opaque: u64) {
        let record = Record { topic, partition: Some(partition), ..Record::default() };
        self.producer.send(&Record { value: Some(value), opaque, ..record }).unwrap();
    }

    /// Waits for all that was sent, and gives its reports.
    fn reports(&self) -> Vec<OwnedReport> {
        self.producer.flush(Some(LIMIT)).unwrap();
        std::mem::take(&mut self.reports.lock().unwrap())
    }
}

/// Sends one record and gives its report.
fn one(rig: &Rig, topic: &str) -> OwnedReport {
    rig.send(topic, 0, b"v", 1);
    rig.reports().pop().expect("a report")
}

fn persisted(reports: &[OwnedReport]) {
    for report in reports {
        assert_eq!(report.state, State::Persisted, "{report:?}");
    }
}

#[test]
fn records_arrive_and_are_reported_with_their_offsets() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("letters", 2)).unwrap();
    let rig = Rig::new(&cluster, &[]);
    for opaque in 0..10 {
        rig.send("letters", 1, b"dear Ottla", opaque);
    }
    let reports = rig.reports();
    assert_eq!(reports.len(), 10);
    for report in &reports {
        assert_eq!((report.state, report.partition), (State::Persisted, 1));
        assert_eq!(report.offset, report.opaque as i64);
    }
    rig.producer.close(Some(LIMIT)).unwrap();
}

#[test]
fn a_topic_that_is_not_there_is_made_by_the_first_record() {
    let cluster = Cluster::start(ClusterConfig::brokers(3)).unwrap();
    let rig = Rig::new(&cluster, &[]);
    persisted(&[one(&rig, "new")]);
    let partition = cluster.partition("new", 0).unwrap();
    assert_eq!(partition.replicas.len(), 3);
    assert_eq!(partition.isr.len(), 3);
}

#[test]
fn a_record_is_written_again_when_its_leader_dies_and_nothing_is_lost_or_doubled() {
    let cluster = Cluster::start(ClusterConfig::brokers(3).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("retry.backoff.ms", "10"), ("linger.ms", "0")]);
    let mut sent = 0;
    for round in 0..6 {
        for _ in 0..20 {
            rig.send("t", 0, b"v", sent);
            sent += 1;
        }
        let leader = cluster.partition("t", 0).unwrap().leader;
        if round % 2 == 0 {
            cluster.kill_broker(leader).unwrap();
        }
        let reports = rig.reports();
        persisted(&reports);
        for id in cluster.broker_ids() {
            let _ = cluster.start_broker(id);
        }
    }
    let last = one(&rig, "t");
    assert_eq!(last.offset, sent as i64);
}

#[test]
fn a_leader_that_moved_is_found_at_once_by_the_hint_in_the_answer() {
    let cluster = Cluster::start(ClusterConfig::brokers(2).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("retry.backoff.ms", "20000"), ("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    let before = cluster.partition("t", 0).unwrap();
    let other = before.replicas[1];
    cluster.move_leader("t", 0, other).unwrap();
    let report = one(&rig, "t");
    persisted(std::slice::from_ref(&report));
    assert_eq!(report.offset, 1);
    let after = cluster.partition("t", 0).unwrap();
    assert_eq!((after.leader, after.leader_epoch), (other, before.leader_epoch + 1));
}

#[test]
fn too_few_replicas_in_sync_refuse_a_write_until_they_are_back() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.topic_defaults.min_insync_replicas = 2;
    let cluster = Cluster::start(config).unwrap();
    let rig = Rig::new(&cluster, &[("retry.backoff.ms", "5"), ("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    let partition = cluster.partition("t", 0).unwrap();
    cluster.shrink_isr("t", 0, &[partition.leader]);
    assert_eq!(cluster.partition("t", 0).unwrap().isr, [partition.leader]);
    rig.send("t", 0, b"v", 2);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    for id in partition.replicas {
        cluster.let_replicate(id, "t", 0, true);
    }
    let reports = rig.reports();
    persisted(&reports);
    assert_eq!(reports[0].offset, 1, "the writes that were refused left nothing");
    assert_eq!(cluster.partition("t", 0).unwrap().isr.len(), 3);
}

#[test]
fn a_write_waits_for_followers_that_lag_and_one_that_does_not_ask_them_does_not() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.replication_lag = Duration::from_millis(60);
    let cluster = Cluster::start(config).unwrap();
    let timed = |acks: &str| {
        let rig = Rig::new(&cluster, &[("acks", acks), ("linger.ms", "0")]);
        persisted(&[one(&rig, "t")]);
        let before = std::time::Instant::now();
        persisted(&[one(&rig, "t")]);
        before.elapsed()
    };
    assert!(timed("all") >= Duration::from_millis(55));
    assert!(timed("1") < Duration::from_millis(50));
}

#[test]
fn a_paused_broker_answers_what_it_was_asked_when_it_is_resumed() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.pause_broker(1).unwrap();
    rig.send("t", 0, b"v", 2);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    cluster.resume_broker(1).unwrap();
    let reports = rig.reports();
    persisted(&reports);
    assert_eq!(reports[0].offset, 1);
}

#[test]
fn a_cluster_that_is_shut_down_leaves_no_port_and_no_thread() {
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let cluster = Cluster::start(ClusterConfig::brokers(3)).unwrap();
    let servers = cluster.bootstrap_servers();
    let addresses: Vec<std::net::SocketAddr> =
        servers.split(',').map(|address| address.parse().unwrap()).collect();
    for address in &addresses {
        std::net::TcpStream::connect(address).unwrap();
    }
    assert!(threads() >= 2);
    cluster.shutdown();
    for address in addresses {
        std::net::TcpListener::bind(address).unwrap();
    }
}
