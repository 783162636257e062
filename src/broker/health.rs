//! Whether all is well: what an operator of Kafka would look at first.

use super::cluster::Cluster;
use super::core::ClusterCore;
use super::server::BrokerState;

/// A partition's place.
pub type At = (String, i32);

/// What is not well. Everything is, if the lists are empty and there is a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The active controller.
    pub controller: Option<i32>,
    /// Brokers that do not run, or do nothing.
    pub brokers_down: Vec<i32>,
    /// Partitions without a leader.
    pub offline: Vec<At>,
    /// Partitions of which a replica is not in sync.
    pub under_replicated: Vec<At>,
    /// Partitions that take no writes with acks=all, as too few replicas are in sync.
    pub under_min_isr: Vec<At>,
    /// Partitions that are not led by the replica that should.
    pub not_preferred: Vec<At>,
}

impl Health {
    /// Whether every partition takes writes and is on all its replicas, and every broker runs.
    pub fn is_well(&self) -> bool {
        self.controller.is_some()
            && self.brokers_down.is_empty()
            && self.offline.is_empty()
            && self.under_replicated.is_empty()
    }
}

impl ClusterCore {
    /// How the cluster is.
    pub fn health(&self) -> Health {
        let up = |id: i32| self.server(id).is_some_and(|server| server.is_active());
        let down = self.servers().filter(|server| {
            server.state() != BrokerState::Running || server.paused || server.isolated
        });
        let mut health = Health {
            controller: self.registry.controller().filter(|id| up(*id)),
            brokers_down: down.map(|server| server.id).collect(),
            ..Health::default()
        };
        for topic in self.registry.topics.values() {
            for (index, partition) in (0..).zip(&topic.partitions) {
                let at = || (topic.name.to_string(), index);
                let in_sync = partition.isr.len();
                let least = usize::try_from(topic.config.min_insync_replicas).unwrap_or(1);
                if partition.leader < 0 {
                    health.offline.push(at());
                }
                if in_sync < partition.replicas.len() {
                    health.under_replicated.push(at());
                }
                if partition.leader < 0 || in_sync < least.min(partition.replicas.len()) {
                    health.under_min_isr.push(at());
                }
                if partition.replicas.first() != Some(&partition.leader) {
                    health.not_preferred.push(at());
                }
            }
        }
        health
    }
}

impl Cluster {
    /// How the cluster is.
    pub fn health(&self) -> Health {
        self.core.lock().health()
    }
}
