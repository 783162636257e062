//! The whole cluster as one state machine: requests and `now` go in, what the sockets are to do
//! and the next deadline come out. It knows no thread, no socket and no clock, so that real
//! threads drive it in a test of an application and a simulator drives it on virtual time.
//!
//! Brokers, controller and registry talk to each other here: after each thing that came from
//! outside, [`ClusterCore::settle`] carries news between them until there are none.

mod answer;
mod control;
mod delayed;
mod groups;
mod lifecycle;
mod replication;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::apis;
use super::call::{Call, Output};
use super::cluster_config::ClusterConfig;
use super::controller::Controller;
use super::faults::Faults;
use super::journal::Journal;
use super::kafka_apis::{self, Parsed, Unreadable, supported};
use super::metadata_cache::{Image, random_id};
use super::purgatory::Place;
use super::quotas::Quotas;
use super::registry::Registry;
use super::scheduler::Scheduler;
use super::server::BrokerServer;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::Uuid;
use crate::wire::messages::api_versions::ApiVersion;

/// Something to do later.
#[derive(Debug)]
enum Task {
    /// A request that was delayed.
    Handle(Box<Parsed>),
    /// A write that its followers did not confirm in time.
    ProduceTimeout(i32, u64),
    /// A fetch for which too little came in time.
    FetchTimeout(i32, u64),
    /// A broker's session ends, unless it was heard of since.
    SessionEnds(i32, u64),
    /// A broker looks after its groups.
    Groups(i32),
    /// A follower fetches.
    Fetch(i32, Place),
    /// Leaders look for followers that fall behind.
    ShrinkIsrs,
    /// Brokers are told what the controller decided before this.
    Publish(Arc<Image>),
    /// Preferred leaders take over.
    ElectPreferred,
}

/// A cluster.
pub struct ClusterCore {
    /// How it was asked to be.
    pub config: ClusterConfig,
    /// What the brokers agree on.
    pub registry: Registry,
    controller: Controller,
    servers: BTreeMap<i32, BrokerServer>,
    timers: Scheduler<Task>,
    /// What goes wrong on command.
    pub faults: Faults,
    /// What arrived.
    pub journal: Journal,
    quotas: Quotas,
    outputs: Vec<Output>,
    rng: fastrand::Rng,
    /// What the controller published last.
    image: Arc<Image>,
    registry_changed: bool,
    /// Pairs of brokers between which nothing flows.
    cut: Vec<(i32, i32)>,
    /// Followers that are kept from fetching.
    held_back: Vec<(i32, Place)>,
    producer_ids: i64,
    /// The wall clock where the monotonic one is zero.
    wall_origin_ms: i64,
    versions: BTreeMap<i32, Vec<ApiVersion>>,
}

impl ClusterCore {
    /// A cluster of which no broker runs. `wall_ms` is the time of the wall clock at `now`.
    pub fn new(config: ClusterConfig, now: Instant, wall_ms: i64) -> ClusterCore {
        let mut rng = fastrand::Rng::with_seed(config.seed);
        let cluster_id = random_id(&mut rng).to_string();
        ClusterCore {
            registry: Registry::new(cluster_id.into()),
            controller: Controller::default(),
            servers: BTreeMap::new(),
            timers: Scheduler::default(),
            faults: Faults::default(),
            journal: Journal::new(config.journal_bytes),
            quotas: Quotas::new(config.producer_byte_rate),
            outputs: Vec::new(),
            rng,
            image: Arc::default(),
            registry_changed: false,
            cut: Vec::new(),
            held_back: Vec::new(),
            producer_ids: 1000,
            wall_origin_ms: wall_ms - i64::try_from(now.as_millis()).unwrap_or_default(),
            versions: BTreeMap::new(),
            config,
        }
    }

    /// A request arrived.
    pub fn receive(&mut self, parsed: Parsed, now: Instant) {
        self.accept(parsed, now);
        self.settle(now);
    }

    fn accept(&mut self, mut parsed: Parsed, now: Instant) {
        let Some(server) = self.servers.get_mut(&parsed.call.broker) else { return };
        if server.paused {
            return server.held.push_back(parsed);
        }
        if !server.is_active() {
            return self.close(&parsed.call, "the broker is down");
        }
        let call = &mut parsed.call;
        self.journal.note(call, &parsed.frame);
        call.fate = self.faults.fate(call.broker, call.header.api_key);
        if call.fate.close_before {
            return self.close(&parsed.call, "closed on command");
        }
        if call.fate.drop_request {
            return self.outputs.push(Output::Ignore { conn: parsed.call.conn });
        }
        match call.fate.delay {
            Duration::ZERO => self.handle(parsed, now),
            delay => self.timers.at(now + delay, Task::Handle(Box::new(parsed))),
        }
    }

    fn handle(&mut self, parsed: Parsed, now: Instant) {
        let Parsed { call, body, .. } = parsed;
        let active = self.servers.get(&call.broker).is_some_and(BrokerServer::is_active);
        if !active {
            return self.close(&call, "the broker is down");
        }
        if call.fate.fail_handler {
            std::panic::resume_unwind(Box::new("failed on command"));
        }
        match body {
            Ok(body) if self.serves(&call) => kafka_apis::handle(self, call, body, now),
            Ok(_) if call.header.api_key == crate::wire::messages::api_versions::KEY => {
                apis::unsupported_version(self, call, now);
            }
            Ok(_) => self.close(&call, "the request is in a version that is not served"),
            Err(Unreadable::ApiVersions) => apis::unsupported_version(self, call, now),
            Err(Unreadable::Close(reason)) => self.close(&call, &reason),
        }
    }

    /// Goes on with a request that had to wait, when its handler is no longer there to answer for
    /// its failure, and others wait behind it.
    fn go_on(
        &mut self,
        parsed: Parsed,
        now: Instant,
        with: impl FnOnce(&mut ClusterCore, Parsed, Instant),
    ) {
        let copy = parsed.clone();
        if catch_unwind(AssertUnwindSafe(|| with(self, parsed, now))).is_err() {
            self.handler_failed(copy, now);
        }
    }

    /// Answers a request whose handler failed.
    pub fn handler_failed(&mut self, parsed: Parsed, now: Instant) {
        match &parsed.body {
            Ok(body) => {
                let code = ErrorCode::UNKNOWN_SERVER_ERROR;
                kafka_apis::fail(self, parsed.call, body, code, now);
            }
            Err(_) => self.close(&parsed.call, "the handler failed"),
        }
    }

    /// Does what is due.
    pub fn tick(&mut self, now: Instant) {
        while let Some(task) = self.timers.due(now) {
            match task {
                Task::Handle(parsed) => self.go_on(*parsed, now, ClusterCore::handle),
                Task::ProduceTimeout(broker, number) => self.produce_timed_out(broker, number, now),
                Task::FetchTimeout(broker, number) => self.fetch_timed_out(broker, number, now),
                Task::SessionEnds(broker, silence) => self.session_ends(broker, silence),
                Task::Groups(broker) => self.look_after_groups(broker, now),
                Task::Fetch(follower, place) => self.fetch(follower, &place, now),
                Task::ShrinkIsrs => self.shrink_isrs(now),
                Task::Publish(image) => self.deliver(&image, now),
                Task::ElectPreferred => {
                    self.controller.push(super::controller::Event::ElectPreferred);
                }
            }
            self.settle(now);
        }
    }

    /// When to call [`ClusterCore::tick`] at the latest.
    pub fn next_deadline(&self) -> Instant {
        self.timers.deadline()
    }

    /// What the sockets are to do.
    pub fn take_outputs(&mut self) -> Vec<Output> {
        std::mem::take(&mut self.outputs)
    }

    /// Carries news between brokers, controller and registry until there are none.
    pub fn settle(&mut self, now: Instant) {
        while self.run_controller(now)
            || self.run_fetches(now)
            || self.send_isr_changes()
            || self.follow_coordinations(now)
            || self.complete_delayed(now)
        {}
    }

    /// A broker.
    pub fn server(&self, id: i32) -> Option<&BrokerServer> {
        self.servers.get(&id)
    }

    /// A broker, to change it.
    pub fn server_mut(&mut self, id: i32) -> Result<&mut BrokerServer, ErrorCode> {
        self.servers.get_mut(&id).ok_or(ErrorCode::BROKER_NOT_AVAILABLE)
    }

    /// All brokers, running or not.
    pub fn servers(&self) -> impl Iterator<Item = &BrokerServer> {
        self.servers.values()
    }

    /// What a broker knows of the cluster.
    pub fn image_of(&self, broker: i32) -> Arc<Image> {
        self.servers.get(&broker).map(|server| server.image.clone()).unwrap_or_default()
    }

    /// The wall clock.
    pub fn wall_ms(&self, now: Instant) -> i64 {
        self.wall_origin_ms + i64::try_from(now.as_millis()).unwrap_or_default()
    }

    /// A number that no producer has.
    pub fn next_producer_id(&mut self) -> i64 {
        self.producer_ids += 1;
        self.producer_ids
    }

    /// An id that nothing else has.
    pub fn new_id(&mut self) -> Uuid {
        random_id(&mut self.rng)
    }

    /// The APIs that a broker serves, in the versions in which it does.
    pub fn api_versions(&self, broker: i32) -> Vec<ApiVersion> {
        self.versions.get(&broker).cloned().unwrap_or_else(supported)
    }

    /// Makes a broker pretend that it is an older one: of these APIs it serves no other versions.
    /// `None` ends that.
    pub fn pretend(&mut self, broker: i32, versions: Option<&[ApiVersion]>) {
        let Some(versions) = versions else {
            self.versions.remove(&broker);
            return;
        };
        let mut served = supported();
        served.retain_mut(|api| {
            let Some(wanted) = versions.iter().find(|v| v.api_key == api.api_key) else {
                return true;
            };
            api.min_version = api.min_version.max(wanted.min_version);
            api.max_version = api.max_version.min(wanted.max_version);
            api.min_version <= api.max_version
        });
        self.versions.insert(broker, served);
    }

    /// Whether the broker serves the request's API in its version.
    fn serves(&self, call: &Call) -> bool {
        let Some(versions) = self.versions.get(&call.broker) else { return true };
        let (key, version) = (call.header.api_key, call.header.api_version);
        let is_it = |api: &ApiVersion| {
            api.api_key == key && (api.min_version..=api.max_version).contains(&version)
        };
        versions.iter().any(is_it)
    }

    /// The cluster's features and their levels.
    pub fn features(&self) -> Vec<(&'static str, i16)> {
        vec![("metadata.version", 27)]
    }

    /// From now on, clients may write this much.
    pub fn set_producer_byte_rate(&mut self, bytes_per_second: Option<u64>) {
        self.quotas.set(bytes_per_second);
    }

    /// How long a client is held back for what it just wrote.
    pub fn charge_produce(&mut self, call: &Call, bytes: usize, now: Instant) -> Duration {
        self.quotas.charge(call.header.client_id.as_deref().unwrap_or_default(), bytes, now)
    }
}

#[cfg(test)]
mod group_tests;
#[cfg(test)]
mod tests;
