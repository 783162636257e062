//! Between registry, controller and brokers: watches become events, decisions become news.

use std::sync::Arc;
use std::time::Duration;

use super::{ClusterCore, Task};
use crate::broker::controller::{Event, NewTopic, Refusal};
use crate::broker::metadata_cache::{Image, TopicImage};
use crate::broker::registry::Change;
use crate::broker::server::BrokerServer;
use crate::broker::topic_config::TopicConfig;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::Uuid;

impl ClusterCore {
    /// Lets the controller work through its queue, and tells the brokers what it decided. True if
    /// there was anything.
    pub(super) fn run_controller(&mut self, now: Instant) -> bool {
        let mut any = false;
        loop {
            any |= self.hear_watches(now);
            if !self.controller_is_active() {
                break;
            }
            let Some(event) = self.controller.next_event() else { break };
            any = true;
            let asked = match &event {
                Event::AlterPartition { broker, topic, index, .. } => {
                    Some((*broker, topic.clone(), *index))
                }
                _ => None,
            };
            let changed = self.controller.handle(event, &mut self.registry, &mut self.rng);
            self.registry_changed |= changed;
            if let Some((broker, topic, index)) = asked.filter(|_| !changed) {
                self.refuse_isr(broker, &topic, index);
            }
        }
        if self.registry_changed && self.controller_is_active() {
            self.publish(now);
        }
        any
    }

    /// Tells a leader that the controller did not take its change. Where the partition has changed
    /// since, the leader waits for the news: what it asked for may have been granted before, and
    /// until it knows, whoever may be in sync counts for the high watermark (Kafka:
    /// `INVALID_UPDATE_VERSION`).
    fn refuse_isr(&mut self, broker: i32, topic: &str, index: i32) {
        let decided = self.registry.topics.get(topic);
        let decided = decided.and_then(|topic| topic.partitions.get(index as usize));
        let epoch = decided.map_or(-1, |partition| partition.partition_epoch);
        let server = self.servers.get_mut(&broker);
        let partition = server.and_then(|server| server.replicas.get_mut(topic, index));
        if let Some(partition) = partition.filter(|p| p.image.partition_epoch >= epoch) {
            partition.isr_refused();
        }
    }

    fn hear_watches(&mut self, now: Instant) -> bool {
        let mut any = false;
        while let Some(change) = self.registry.next_change() {
            any = true;
            match change {
                Change::BrokerJoined(_) => {
                    self.controller.push(Event::BrokerJoined);
                    if let Some(delay) = self.config.leader_rebalance_delay {
                        self.timers.at(now + delay, Task::ElectPreferred);
                    }
                }
                Change::BrokerLeft(id) => self.controller.push(Event::BrokerLeft(id)),
                Change::ControllerGone => self.controller.clear(),
            }
        }
        if self.registry.controller().is_none() {
            any |= self.elect_controller();
        }
        any
    }

    /// Every broker that can reaches for the controller's place; one gets it.
    fn elect_controller(&mut self) -> bool {
        let fit = |server: &&BrokerServer| {
            server.is_active() && !server.isolated && self.registry.is_alive(server.id)
        };
        let candidates: Vec<i32> = self.servers.values().filter(fit).map(|s| s.id).collect();
        let Some(first) = self.rng.choice(candidates) else { return false };
        if !self.registry.elect(first) {
            return false;
        }
        // What its predecessor had in its queue is lost; what it decided is in the registry.
        self.controller.clear();
        self.controller.push(Event::Failover);
        self.registry_changed = true;
        true
    }

    fn controller_is_active(&self) -> bool {
        let holder = self.registry.controller().and_then(|id| self.servers.get(&id));
        holder.is_some_and(|server| server.is_active() && !server.isolated)
    }

    fn publish(&mut self, now: Instant) {
        self.registry_changed = false;
        self.image = Arc::new(self.registry.image(self.image.version + 1));
        match self.config.metadata_delay {
            Duration::ZERO => self.deliver(&self.image.clone(), now),
            delay => self.timers.at(now + delay, Task::Publish(self.image.clone())),
        }
    }

    /// Tells the brokers that can hear.
    pub(super) fn deliver(&mut self, image: &Arc<Image>, now: Instant) {
        let ids: Vec<i32> = self.servers.keys().copied().collect();
        for id in ids {
            self.deliver_to(id, image, now);
        }
    }

    pub(super) fn deliver_to(&mut self, id: i32, image: &Arc<Image>, now: Instant) {
        let reachable = self.controller_reaches(id);
        let Some(server) = self.servers.get_mut(&id) else { return };
        if server.is_active() && reachable && server.image.version < image.version {
            server.replicas.apply(&server.image, image, now);
            server.image = image.clone();
        }
    }

    fn controller_reaches(&self, id: i32) -> bool {
        self.servers.get(&id).is_some_and(|server| !server.isolated)
    }

    /// Tells the controller what leaders want of it.
    pub(super) fn send_isr_changes(&mut self) -> bool {
        let mut any = false;
        let reachable: Vec<i32> =
            self.servers.keys().copied().filter(|id| self.controller_reaches(*id)).collect();
        for id in reachable {
            let Some(server) = self.servers.get_mut(&id) else { continue };
            for change in std::mem::take(&mut server.replicas.isr_changes) {
                any = true;
                self.controller.push(Event::AlterPartition {
                    broker: id,
                    topic: change.place.0,
                    topic_id: change.topic_id,
                    index: change.place.1,
                    leader_epoch: change.leader_epoch,
                    partition_epoch: change.partition_epoch,
                    isr: change.isr,
                });
            }
        }
        any
    }

    /// A client named a topic that is not there. It is made in the controller's turn.
    pub fn auto_create(&mut self, name: &Arc<str>) {
        if !self.config.auto_create_topics {
            return;
        }
        let topic = NewTopic {
            name: name.clone(),
            partitions: self.config.num_partitions,
            replication_factor: self.config.replication_factor(),
            assignment: None,
            config: self.config.topic_defaults.clone(),
        };
        self.controller.push(Event::AutoCreate(topic));
    }

    /// Asks the controller for something, after all that it has in its queue.
    pub fn ask_controller<T>(
        &mut self,
        now: Instant,
        ask: impl FnOnce(&mut ClusterCore) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.run_controller(now);
        if !self.controller_is_active() {
            return Err((ErrorCode::NOT_CONTROLLER, "no controller is active".to_owned()));
        }
        let result = ask(self)?;
        self.registry_changed = true;
        self.run_controller(now);
        Ok(result)
    }

    /// Makes a topic at once.
    pub fn create_topic(
        &mut self,
        topic: &NewTopic,
        now: Instant,
    ) -> Result<Arc<TopicImage>, Refusal> {
        self.ask_controller(now, |core| {
            core.controller.create_topic(topic, &mut core.registry, &mut core.rng)
        })
    }

    /// What a topic would be like, if it were made.
    pub fn plan_topic(
        &mut self,
        topic: &NewTopic,
        now: Instant,
    ) -> Result<Arc<TopicImage>, Refusal> {
        self.ask_controller(now, |core| {
            core.controller.plan_topic(topic, &core.registry, &mut core.rng)
        })
    }

    /// Deletes a topic; gives the id that it had.
    pub fn delete_topic(&mut self, name: &str, now: Instant) -> Result<Uuid, Refusal> {
        self.ask_controller(now, |core| match core.registry.topics.remove(name) {
            Some(topic) => Ok(topic.id),
            None => Err(no_topic(name)),
        })
    }

    /// Gives a topic more partitions, or only looks whether it could.
    pub fn create_partitions(
        &mut self,
        name: &str,
        count: i32,
        assignment: Option<Vec<Vec<i32>>>,
        validate_only: bool,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.ask_controller(now, |core| {
            let before = core.registry.topics.get(name).cloned();
            let (registry, rng) = (&mut core.registry, &mut core.rng);
            core.controller.create_partitions(name, count, assignment, registry, rng)?;
            if let Some(before) = before.filter(|_| validate_only) {
                registry.topics.insert(name.into(), before);
            }
            Ok(())
        })
    }

    /// Gives a topic another configuration.
    pub fn alter_config(
        &mut self,
        name: &str,
        config: TopicConfig,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.ask_controller(now, |core| {
            let topic = core.registry.topics.get_mut(name).ok_or_else(|| no_topic(name))?;
            Arc::make_mut(topic).config = Arc::new(config);
            Ok(())
        })
    }

    /// Makes a replica the leader.
    pub fn move_leader(
        &mut self,
        topic: &str,
        index: i32,
        to: i32,
        now: Instant,
    ) -> Result<(), Refusal> {
        self.ask_controller(now, |core| {
            core.controller.move_leader(topic, index, to, &mut core.registry)
        })
    }

    /// Lets preferred leaders take over.
    pub fn elect_preferred(&mut self, now: Instant) {
        self.controller.push(Event::ElectPreferred);
        self.settle(now);
    }
}

fn no_topic(name: &str) -> Refusal {
    (ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("there is no topic {name}"))
}
