//! The registry: what the whole cluster agrees on, and who is in it. In process, it plays the part
//! of ZooKeeper or of the KRaft quorum: brokers register and their sessions expire, one of them
//! holds the controller's place, and changes fire watches.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::metadata_cache::{Endpoint, Image, TopicImage};

/// What a watch tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A broker registered.
    BrokerJoined(i32),
    /// A broker's session ended.
    BrokerLeft(i32),
    /// The controller's place is free.
    ControllerGone,
}

/// What the cluster agrees on.
#[derive(Debug, Default)]
pub struct Registry {
    /// The cluster's id.
    pub cluster_id: Arc<str>,
    /// The brokers that have a session, and where clients find them.
    brokers: BTreeMap<i32, Endpoint>,
    controller: Option<i32>,
    /// Grows with each election of a controller.
    pub controller_epoch: i32,
    /// The topics.
    pub topics: BTreeMap<Arc<str>, Arc<TopicImage>>,
    fired: VecDeque<Change>,
}

impl Registry {
    /// An empty registry.
    pub fn new(cluster_id: Arc<str>) -> Registry {
        Registry { cluster_id, ..Registry::default() }
    }

    /// Enters a broker. Its old entry, if it came back before its session ended, gives way.
    pub fn register(&mut self, broker: i32, endpoint: Endpoint) {
        if self.brokers.contains_key(&broker) {
            self.expire(broker);
        }
        self.brokers.insert(broker, endpoint);
        self.fired.push_back(Change::BrokerJoined(broker));
    }

    /// Ends a broker's session, and with it its time as controller.
    pub fn expire(&mut self, broker: i32) {
        if self.brokers.remove(&broker).is_none() {
            return;
        }
        self.fired.push_back(Change::BrokerLeft(broker));
        if self.controller == Some(broker) {
            self.controller = None;
            self.fired.push_back(Change::ControllerGone);
        }
    }

    /// Whether the broker has a session.
    pub fn is_alive(&self, broker: i32) -> bool {
        self.brokers.contains_key(&broker)
    }

    /// The brokers that have a session.
    pub fn alive(&self) -> impl Iterator<Item = i32> + '_ {
        self.brokers.keys().copied()
    }

    /// Takes the controller's place, if it is free.
    pub fn elect(&mut self, broker: i32) -> bool {
        if self.controller.is_some() || !self.is_alive(broker) {
            return false;
        }
        self.controller = Some(broker);
        self.controller_epoch += 1;
        true
    }

    /// The active controller.
    pub fn controller(&self) -> Option<i32> {
        self.controller
    }

    /// The next change that a watch tells of.
    pub fn next_change(&mut self) -> Option<Change> {
        self.fired.pop_front()
    }

    /// The cluster as brokers are told of it.
    pub fn image(&self, version: u64) -> Image {
        Image {
            version,
            cluster_id: self.cluster_id.clone(),
            controller: self.controller.unwrap_or(-1),
            brokers: self.brokers.clone(),
            topics: self.topics.clone(),
            names: self.topics.values().map(|topic| (topic.id, topic.name.clone())).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint { host: "localhost".into(), port: 1, rack: None }
    }

    #[test]
    fn a_controller_keeps_its_place_until_its_session_ends() {
        let mut registry = Registry::new("id".into());
        registry.register(1, endpoint());
        registry.register(2, endpoint());
        assert!(!registry.elect(3), "who is not registered is not elected");
        assert!(registry.elect(2));
        assert!(!registry.elect(1));
        registry.expire(2);
        registry.expire(2);
        assert!(registry.elect(1));
        assert_eq!(registry.controller_epoch, 2);
        let changes: Vec<Change> = std::iter::from_fn(|| registry.next_change()).collect();
        let (joined, left) = (Change::BrokerJoined, Change::BrokerLeft);
        assert_eq!(changes, [joined(1), joined(2), left(2), Change::ControllerGone]);
    }

    #[test]
    fn a_broker_that_comes_back_early_has_left_first() {
        let mut registry = Registry::new("id".into());
        registry.register(1, endpoint());
        registry.elect(1);
        registry.register(1, endpoint());
        assert_eq!(registry.controller(), None);
        let changes: Vec<Change> = std::iter::from_fn(|| registry.next_change()).collect();
        let joined = Change::BrokerJoined(1);
        assert_eq!(changes, [joined, Change::BrokerLeft(1), Change::ControllerGone, joined]);
    }
}
