//! A producer of this library and the reports that it gave.

#![allow(dead_code)] // Each test binary uses a part.

use std::sync::{Arc, Mutex};

use ottla::broker::Cluster;
use ottla::producer::OwnedReport;
use ottla::{Config, Hooks, Producer, Record, State};

pub use super::raw::{LIMIT, until};

/// A producer and the reports it gave.
pub struct Rig {
    pub producer: Arc<Producer>,
    reports: Arc<Mutex<Vec<OwnedReport>>>,
}

impl Rig {
    pub fn new(cluster: &Cluster, settings: &[(&str, &str)]) -> Rig {
        Rig::at(&cluster.bootstrap_servers(), settings)
    }

    pub fn at(bootstrap: &str, settings: &[(&str, &str)]) -> Rig {
        let mut config = Config::new();
        config.set("bootstrap.servers", bootstrap).unwrap();
        for (key, value) in settings {
            config.set(key, value).unwrap();
        }
        let reports = Arc::new(Mutex::new(Vec::new()));
        let sink = reports.clone();
        let keep = move |report: &OwnedReport| sink.lock().unwrap().push(report.clone());
        let hooks = Hooks { reports: Some(Box::new(keep)), ..Hooks::default() };
        Rig { producer: Producer::new(&config, hooks).unwrap(), reports }
    }

    pub fn send(&self, topic: &str, partition: i32, value: &[u8], opaque: u64) {
        let record = Record { topic, partition: Some(partition), ..Record::default() };
        self.producer.send(&Record { value: Some(value), opaque, ..record }).unwrap();
    }

    /// Waits for all that was sent, and gives its reports.
    pub fn reports(&self) -> Vec<OwnedReport> {
        self.producer.flush(Some(LIMIT)).unwrap();
        std::mem::take(&mut self.reports.lock().unwrap())
    }
}

/// Sends one record and gives its report.
pub fn one(rig: &Rig, topic: &str) -> OwnedReport {
    rig.send(topic, 0, b"v", 1);
    rig.reports().pop().expect("a report")
}

/// All of them were persisted.
pub fn persisted(reports: &[OwnedReport]) {
    for report in reports {
        assert_eq!(report.state, State::Persisted, "{report:?}");
    }
}
