//! One broker of the cluster: what it hosts, what it knows, and the states it goes through
//! (Kafka: `BrokerServer`, `BrokerState`).

use std::collections::VecDeque;
use std::sync::Arc;

use super::group::GroupCoordinator;
use super::kafka_apis::Parsed;
use super::metadata_cache::{Endpoint, Image};
use super::replica_manager::ReplicaManager;
use crate::time::Instant;

/// Where a broker is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BrokerState {
    /// It was never started, or it is down.
    NotRunning,
    /// It is starting and reads its logs.
    Starting,
    /// Its logs are there; it waits for the cluster's metadata.
    Recovery,
    /// It serves.
    Running,
    /// It hands its leaderships over.
    PendingControlledShutdown,
    /// It is ending.
    ShuttingDown,
}

/// One broker.
#[derive(Debug)]
pub struct BrokerServer {
    /// Its number.
    pub id: i32,
    /// Where clients find it.
    pub endpoint: Endpoint,
    /// Where it is in its life.
    state: BrokerState,
    /// The states it went through since it was started last.
    pub history: Vec<BrokerState>,
    /// It does nothing until it is resumed.
    pub paused: bool,
    /// Its clients reach it no more. The network's doing: it outlives the broker's process.
    pub cut_off: bool,
    /// It reaches neither the registry nor the controller.
    pub isolated: bool,
    /// Counts how often it fell silent and was heard of again.
    pub silence: u64,
    /// What it knows of the cluster.
    pub image: Arc<Image>,
    /// What it hosts.
    pub replicas: ReplicaManager,
    /// The groups it coordinates.
    pub groups: GroupCoordinator,
    /// When it will look after its groups; nothing is to be done before.
    pub groups_timer: Instant,
    /// Requests that came while it was paused.
    pub held: VecDeque<Parsed>,
}

impl BrokerServer {
    /// A broker that does not run.
    pub fn new(id: i32, endpoint: Endpoint) -> BrokerServer {
        BrokerServer {
            id,
            endpoint,
            state: BrokerState::NotRunning,
            history: Vec::new(),
            paused: false,
            cut_off: false,
            isolated: false,
            silence: 0,
            image: Arc::default(),
            replicas: ReplicaManager::new(id),
            groups: GroupCoordinator::default(),
            groups_timer: Instant::NEVER,
            held: VecDeque::new(),
        }
    }

    /// Where it is in its life.
    pub fn state(&self) -> BrokerState {
        self.state
    }

    /// Goes on to another state.
    pub fn enter(&mut self, state: BrokerState) {
        if state == BrokerState::Starting {
            self.history.clear();
        }
        self.state = state;
        self.history.push(state);
    }

    /// Whether it takes requests and news.
    pub fn is_active(&self) -> bool {
        self.state >= BrokerState::Running && !self.paused
    }

    /// The process is gone; what is on disk stays.
    pub fn crash(&mut self) {
        self.replicas.crash();
        self.groups = GroupCoordinator::default();
        self.held.clear();
        self.image = Arc::default();
        self.paused = false;
        self.isolated = false;
        self.enter(BrokerState::NotRunning);
    }
}
