//! The configuration of a test's world: the producer's defaults, smaller and without chance.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::harness::World;
use super::model::Cluster;
use crate::accumulator::{AccumulatorConfig, RecordAccumulator, Reporting};
use crate::backoff::ExponentialBackoff;
use crate::log::{Level, Logger};
use crate::metadata::{Metadata, MetadataConfig};
use crate::network::NetworkConfig;
use crate::report::ReportQueue;
use crate::sender::{Sender, SenderConfig, Shared};
use crate::time::Instant;

pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The configuration, and the number of brokers.
#[derive(Clone)]
pub struct Setup {
    pub sender: SenderConfig,
    pub network: NetworkConfig,
    pub accumulator: AccumulatorConfig,
    pub metadata: MetadataConfig,
    pub nodes: i32,
    pub seed: u64,
}

impl Default for Setup {
    /// The producer's defaults, but no linger, small batches, and back-offs without growth.
    fn default() -> Setup {
        let flat = |wait: Duration| ExponentialBackoff { initial: wait, max: wait };
        Setup {
            sender: SenderConfig {
                acks: -1,
                idempotence: true,
                max_request_size: 1 << 20,
                max_in_flight: 5,
                request_timeout: ms(30_000),
                delivery_timeout: ms(120_000),
                retries: u32::MAX,
                retry_backoff: flat(ms(100)),
                linger: ms(0),
                availability_timeout: ms(0),
            },
            network: NetworkConfig {
                client_id: "test".into(),
                request_timeout: ms(30_000),
                max_in_flight: 5,
                reconnect_backoff: flat(ms(50)),
                setup_timeout: flat(ms(10_000)),
                max_idle: Some(ms(540_000)),
            },
            accumulator: AccumulatorConfig {
                batch_size: 200,
                linger: ms(0),
                buffer_memory: 100_000,
                adaptive: true,
                reporting: Reporting::Plain,
                compression: Default::default(),
            },
            metadata: MetadataConfig {
                bootstrap: vec![("b1".to_owned(), 9092)],
                max_age: ms(300_000),
                max_idle: ms(300_000),
                backoff: flat(ms(100)),
                rebootstrap_trigger: Some(ms(300_000)),
            },
            nodes: 1,
            seed: 7,
        }
    }
}

impl Setup {
    pub fn linger(mut self, linger_ms: u64) -> Setup {
        self.sender.linger = ms(linger_ms);
        self.accumulator.linger = ms(linger_ms);
        self
    }

    pub fn in_flight(mut self, max: usize) -> Setup {
        self.sender.max_in_flight = max;
        self.network.max_in_flight = max;
        self
    }

    pub fn without_idempotence(mut self, acks: i16) -> Setup {
        self.sender.idempotence = false;
        self.sender.acks = acks;
        self
    }

    pub fn nodes(mut self, nodes: i32) -> Setup {
        self.nodes = nodes;
        self
    }

    pub fn retries(mut self, retries: u32) -> Setup {
        self.sender.retries = retries;
        self
    }

    pub fn delivery_timeout(mut self, delivery_timeout_ms: u64) -> Setup {
        self.sender.delivery_timeout = ms(delivery_timeout_ms);
        self
    }

    pub fn request_timeout(mut self, request_timeout_ms: u64) -> Setup {
        self.sender.request_timeout = ms(request_timeout_ms);
        self.network.request_timeout = ms(request_timeout_ms);
        self
    }

    /// The world, with topic `t` of three partitions known and a producer id in place.
    pub fn ready(self) -> World {
        let mut world = self.start();
        world.cluster.create("t", 3);
        world.know("t");
        world
    }

    /// The world before anything happened.
    pub fn start(self) -> World {
        let reports = Arc::new(ReportQueue::new(1 << 30));
        let accumulator = RecordAccumulator::new(self.accumulator.clone(), reports);
        let now = Instant(1_000_000_000);
        let metadata = Metadata::new(self.metadata.clone(), now);
        let log = Logger::queued(Level::Debug, "test", Box::new(|| ()));
        let shared = Arc::new(Shared::new(accumulator, metadata, log));
        let woken = Arc::new(AtomicBool::new(true));
        let waker = woken.clone();
        shared.accumulator.wakeup.set_waker(move || waker.store(true, Ordering::Relaxed));
        let (sender, network) = (self.sender.clone(), self.network.clone());
        let sender = Sender::new(sender, network, shared.clone(), self.seed, now);
        World {
            now,
            sender,
            shared,
            cluster: Cluster::new(self.nodes),
            hold_produce: false,
            hold_others: false,
            hold_metadata: false,
            stall_writes: false,
            arrived: Vec::new(),
            reports: Vec::new(),
            connected: Vec::new(),
            setup: self,
            conns: BTreeMap::new(),
            events: VecDeque::new(),
            accepted: BTreeMap::new(),
            refused: BTreeSet::new(),
            checked: false,
            woken,
            sleeps_until: Instant(0),
            has_work: false,
            bend: None,
            offsets_lie: false,
            turns: 0,
        }
    }
}
