//! What must hold at the end of every test: one report per record, and each of them true.

use std::collections::{BTreeSet, HashMap};

use super::harness::{Rep, World};
use super::model::Health;
use crate::report::State;

impl World {
    /// The cluster gets well, and what is left to do is done.
    pub fn finish(mut self) {
        self.bend = None;
        self.heal();
        self.advance(15_000);
        let left = self.accepted.len() - self.reports.len();
        assert_eq!(left, 0, "{left} record(s) without a report although the cluster is well");
        self.advance(300_000);
        self.check();
    }

    pub fn heal(&mut self) {
        (self.hold_produce, self.hold_others, self.hold_metadata) = (false, false, false);
        self.cluster.throttle_ms = 0;
        self.cluster.max_message_bytes = usize::MAX;
        self.cluster.nodes.values_mut().for_each(|node| node.health = Health::Up);
        let first = *self.cluster.nodes.keys().next().expect("a broker");
        for topic in self.cluster.topics.values_mut() {
            for partition in &mut topic.partitions {
                partition.faults.clear();
                if partition.leader < 0 {
                    (partition.leader, partition.epoch) = (first, partition.epoch + 1);
                }
            }
        }
        self.unstall();
    }

    fn check(&mut self) {
        self.checked = true;
        let accumulator = &self.shared.accumulator;
        assert_eq!(accumulator.incomplete.len(), 0, "batches without an end");
        let mut seen = HashMap::new();
        for report in &self.reports {
            assert!(seen.insert(report.opaque, report).is_none(), "reported twice: {report:?}");
            assert!(self.accepted.contains_key(&report.opaque), "never accepted: {report:?}");
        }
        for (opaque, (topic, partition)) in &self.accepted {
            let report = seen.get(opaque).unwrap_or_else(|| panic!("no report for {opaque}"));
            assert_eq!((&report.topic, &report.partition), (topic, partition));
        }
        // One may be left whose batches have all expired and been reported.
        let mut left = self.sender.requests.values().flat_map(|request| &request.batches);
        assert!(left.all(|(_, batch)| batch.is_none()));
        assert!(self.sender.parts.iter().flatten().all(|part| part.is_idle()));
        assert_eq!(accumulator.pool.available(), accumulator.pool.total(), "memory is lost");
        for report in &self.reports {
            self.check_truth(report);
        }
        self.check_order();
    }

    /// The log says the same as the report.
    fn check_truth(&self, report: &Rep) {
        let Some(topic) = self.cluster.topics.get(&report.topic) else { return };
        let Some(partition) = topic.partitions.get(report.partition as usize) else { return };
        let log = &partition.log;
        let times = log.iter().filter(|opaque| **opaque == report.opaque).count();
        let sender = &self.setup.sender;
        match report.state {
            State::Persisted => {
                assert!(times == 1 || !sender.idempotence, "{times} times in the log: {report:?}");
                let known = usize::try_from(report.offset);
                let there =
                    self.offsets_lie || known.is_ok_and(|at| log.get(at) == Some(&report.opaque));
                assert!(there || report.offset == -1, "not at its offset: {report:?}");
            }
            State::NotPersisted => assert_eq!(times, 0, "in the log: {report:?}"),
            State::PossiblyPersisted => {
                assert!(times <= 1 || !sender.idempotence, "{times} times in the log: {report:?}");
            }
        }
        assert_eq!(report.state == State::Persisted || sender.acks == 0, report.error.is_none());
    }

    /// Records of a partition are in the order in which they were appended.
    fn check_order(&self) {
        let sender = &self.setup.sender;
        if !sender.idempotence && sender.max_in_flight > 1 {
            return;
        }
        for (name, topic) in &self.cluster.topics {
            for (index, partition) in topic.partitions.iter().enumerate() {
                let mut log = partition.log.clone();
                // A repeat without idempotence is allowed; it does not count.
                let mut seen = BTreeSet::new();
                log.retain(|opaque| sender.idempotence || seen.insert(*opaque));
                assert!(log.is_sorted(), "{name}-{index} is out of order: {log:?}");
            }
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        assert!(self.checked || std::thread::panicking(), "a test ends with finish()");
    }
}
