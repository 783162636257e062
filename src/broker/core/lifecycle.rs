//! Brokers start, end, die, sleep and wake.

use std::sync::Arc;

use super::{ClusterCore, Task};
use crate::broker::call::Output;
use crate::broker::controller::NewTopic;
use crate::broker::metadata_cache::Endpoint;
use crate::broker::server::{BrokerServer, BrokerState};
use crate::time::Instant;

/// Why something cannot be done to a broker: a sentence.
pub type Refused = String;

impl ClusterCore {
    /// Adds brokers to the cluster, starts them and makes the topics that were asked for.
    pub fn start(
        &mut self,
        endpoints: impl IntoIterator<Item = (i32, Endpoint)>,
        now: Instant,
    ) -> Result<(), Refused> {
        for (id, endpoint) in endpoints {
            self.servers.insert(id, BrokerServer::new(id, endpoint));
        }
        let ids: Vec<i32> = self.servers.keys().copied().collect();
        for id in ids {
            self.start_broker(id, now)?;
        }
        self.timers.at(now + self.config.replica_lag_time_max / 2, Task::ShrinkIsrs);
        for (name, partitions) in self.config.topics.clone() {
            let topic = NewTopic {
                name: Arc::from(&*name),
                partitions,
                replication_factor: self.config.replication_factor(),
                assignment: None,
                config: self.config.topic_defaults.clone(),
            };
            self.create_topic(&topic, now)
                .map_err(|(code, why)| format!("topic `{name}`: {code}: {why}"))?;
        }
        self.settle(now);
        Ok(())
    }

    /// Starts a broker that does not run, in Kafka's order: what is on its disk is read, it enters
    /// itself into the registry, hears what the controller decided, and serves last.
    pub fn start_broker(&mut self, id: i32, now: Instant) -> Result<(), Refused> {
        let Some(server) = self.servers.get_mut(&id) else {
            return Err(format!("there is no broker {id}"));
        };
        if server.state() != BrokerState::NotRunning {
            return Err(format!("broker {id} runs"));
        }
        server.enter(BrokerState::Starting);
        server.enter(BrokerState::Recovery);
        server.silence += 1;
        self.registry.register(id, server.endpoint.clone());
        self.registry_changed = true;
        let Some(server) = self.servers.get_mut(&id) else { return Ok(()) };
        server.enter(BrokerState::Running);
        // Where the controller does not change anything for it, it still has to know.
        self.deliver_to(id, &self.image.clone(), now);
        self.fetch_all();
        self.settle(now);
        Ok(())
    }

    /// Ends a broker in order: its leaderships are handed over before it goes.
    pub fn stop_broker(&mut self, id: i32, now: Instant) -> Result<(), Refused> {
        let Some(server) = self.servers.get_mut(&id) else {
            return Err(format!("there is no broker {id}"));
        };
        if server.state() != BrokerState::Running {
            return Err(format!("broker {id} does not run"));
        }
        server.enter(BrokerState::PendingControlledShutdown);
        self.registry.expire(id);
        self.registry_changed = true;
        self.settle(now);
        if let Some(server) = self.servers.get_mut(&id) {
            server.enter(BrokerState::ShuttingDown);
            server.crash();
        }
        self.outputs.push(Output::CloseAll { broker: id });
        self.freeze(id);
        self.settle(now);
        Ok(())
    }

    /// A broker's process is killed. The others learn of it when its session ends.
    pub fn kill_broker(&mut self, id: i32, now: Instant) -> Result<(), Refused> {
        let Some(server) = self.servers.get_mut(&id) else {
            return Err(format!("there is no broker {id}"));
        };
        if server.state() == BrokerState::NotRunning {
            return Err(format!("broker {id} does not run"));
        }
        server.crash();
        self.falls_silent(id, now);
        self.outputs.push(Output::CloseAll { broker: id });
        self.freeze(id);
        self.settle(now);
        Ok(())
    }

    /// A broker does nothing any more, and its connections stay as they are.
    pub fn pause_broker(&mut self, id: i32, now: Instant) -> Result<(), Refused> {
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.is_active()) else {
            return Err(format!("broker {id} does not run"));
        };
        server.paused = true;
        self.falls_silent(id, now);
        self.freeze(id);
        self.settle(now);
        Ok(())
    }

    /// A paused broker goes on where it was.
    pub fn resume_broker(&mut self, id: i32, now: Instant) -> Result<(), Refused> {
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.paused) else {
            return Err(format!("broker {id} is not paused"));
        };
        server.paused = false;
        let held = std::mem::take(&mut server.held);
        self.is_heard(id, now);
        self.freeze(id);
        for parsed in held {
            self.go_on(parsed, now, ClusterCore::accept);
        }
        self.settle(now);
        Ok(())
    }

    /// Cuts a broker off from registry and controller, or ends that.
    pub fn isolate_broker(&mut self, id: i32, cut: bool, now: Instant) -> Result<(), Refused> {
        let Some(server) = self.servers.get_mut(&id).filter(|server| server.is_active()) else {
            return Err(format!("broker {id} does not run"));
        };
        server.isolated = cut;
        match cut {
            true => self.falls_silent(id, now),
            false => self.is_heard(id, now),
        }
        self.settle(now);
        Ok(())
    }

    /// From now on, nobody hears of a broker; its session will end.
    fn falls_silent(&mut self, id: i32, now: Instant) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.silence += 1;
        let ends = now + self.config.broker_session_timeout;
        self.timers.at(ends, Task::SessionEnds(id, server.silence));
    }

    pub(super) fn session_ends(&mut self, id: i32, silence: u64) {
        if self.servers.get(&id).is_some_and(|server| server.silence == silence) {
            self.registry.expire(id);
            self.registry_changed = true;
        }
    }

    /// A broker is heard of again. If its session ended meanwhile, it enters itself anew.
    fn is_heard(&mut self, id: i32, now: Instant) {
        let Some(server) = self.servers.get_mut(&id) else { return };
        server.silence += 1;
        if !self.registry.is_alive(id) {
            self.registry.register(id, server.endpoint.clone());
            self.registry_changed = true;
        }
        self.settle(now);
        self.deliver_to(id, &self.image.clone(), now);
        self.fetch_all();
        self.settle(now);
    }

    /// Cuts a broker off from its clients, or ends that.
    pub fn cut_clients(&mut self, id: i32, cut: bool) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.cut_off = cut;
        }
        self.freeze(id);
    }

    /// Nothing flows between a broker and its clients while either the one is paused or the
    /// network is cut, and no longer.
    fn freeze(&mut self, id: i32) {
        let Some(server) = self.servers.get(&id) else { return };
        let frozen = server.paused || server.cut_off;
        self.outputs.push(Output::Freeze { broker: id, frozen });
    }
}
