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
