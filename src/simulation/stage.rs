//! A stage for scripts: a small world in which nothing happens but what the script says, with
//! whole pieces and one latency on the wires, and the oracle as the judge of the end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::application::ACCEPTED;
use super::brokers::Wires;
use super::client::Client;
use super::network::{Network, Side};
use super::setup::{self, ProducerSetup, TOPICS, ms};
use super::world::{BEGINNING, World};
use super::{Options, oracle};
use crate::backoff::ExponentialBackoff;
use crate::broker::{ClusterConfig, ClusterCore, Fault, FaultAction, NewTopic};
use crate::report::State;
use crate::wire::messages::ProduceRequest;
use crate::wire::{Message, record_batch::BatchHeader};

/// No wait of a script takes longer, in seconds of virtual time.
const PATIENCE: Duration = Duration::from_secs(120);
/// What the wires hold of each connection.
const ROOM: usize = 1 << 16;

/// See the file's comment. There is one producer.
pub struct Stage {
    world: World,
}

/// An ordinary producer, idempotent, with short times and one record of 100 bytes in a batch.
fn ordinary(brokers: i32) -> ProducerSetup {
    let mut setup = setup::producer(&mut fastrand::Rng::with_seed(1), 0, brokers, None);
    let backoff = ExponentialBackoff { initial: ms(50), max: ms(50) };
    (setup.idempotent, setup.acks, setup.max_block) = (true, -1, ms(1000));
    let sender = &mut setup.sender;
    (sender.idempotence, sender.acks, sender.retries) = (true, -1, u32::MAX);
    (sender.max_request_size, sender.max_in_flight) = (1 << 20, 5);
    (sender.request_timeout, sender.delivery_timeout) = (ms(1000), ms(10_000));
    (sender.linger, sender.availability_timeout) = (ms(0), ms(0));
    sender.retry_backoff = backoff;
    let network = &mut setup.network;
    (network.request_timeout, network.max_in_flight) = (ms(1000), 5);
    (network.reconnect_backoff, network.max_idle) = (backoff, None);
    let accumulator = &mut setup.accumulator;
    (accumulator.batch_size, accumulator.buffer_memory) = (200, 1 << 20);
    (accumulator.linger, accumulator.compression) = (ms(0), Default::default());
    let metadata = &mut setup.metadata;
    (metadata.max_age, metadata.backoff) = (ms(300_000), backoff);
    metadata.rebootstrap_trigger = None;
    setup
}

impl Stage {
    /// So many brokers and a producer, each an ordinary one but for what `change` changes.
    pub fn new(brokers: u16, change: impl FnOnce(&mut ClusterConfig, &mut ProducerSetup)) -> Stage {
        fastrand::seed(1);
        let mut config = ClusterConfig { journal_bytes: 0, ..ClusterConfig::brokers(brokers) };
        for (name, partitions) in TOPICS {
            config = config.topic(name, partitions);
        }
        let mut setup = ordinary(i32::from(brokers));
        change(&mut config, &mut setup);
        (setup.sender.linger, setup.network.request_timeout) =
            (setup.accumulator.linger, setup.sender.request_timeout);
        let mut network = Network::new(1, (1000, 1000));
        network.calm = Some(ROOM);
        let clients = vec![Client::new(0, setup, None, 1, BEGINNING)];
        let trace = std::env::var("OTTLA_SIM_TRACE").is_ok();
        let options = Options { trace, bug: None };
        Stage { world: World::quiet(1, config, network, clients, options) }
    }

    /// The cluster.
    pub fn core(&mut self) -> &mut ClusterCore {
        &mut self.world.brokers.core
    }

    /// Does something with the cluster, now.
    pub fn cluster(&mut self, act: impl FnOnce(&mut ClusterCore, crate::time::Instant)) {
        act(&mut self.world.brokers.core, self.world.now);
        self.world.carry_out();
    }

    /// The producer.
    pub fn producer(&mut self) -> &mut Client {
        &mut self.world.clients[0]
    }

    fn wires(&mut self) -> (&mut Client, Wires<'_>) {
        let World { network, timeline, trace, clients, .. } = &mut self.world;
        (&mut clients[0], Wires { network, timeline, trace })
    }

    /// Sends a record to a partition, or to any; gives its number if it was accepted.
    pub fn try_send(
        &mut self,
        topic: &'static str,
        partition: Option<i32>,
        length: usize,
    ) -> Option<u64> {
        let now = self.world.now;
        let (client, mut wires) = self.wires();
        let how = client.send_to(topic, partition, length, &mut wires, now);
        let accepted = (how == ACCEPTED).then(|| client.accepted.last().map(|sent| sent.opaque));
        accepted.flatten()
    }

    /// Sends `count` records of 100 bytes, which must be accepted; gives their numbers.
    pub fn send(&mut self, topic: &'static str, partition: i32, count: usize) -> Vec<u64> {
        let one = |_| self.try_send(topic, Some(partition), 100).expect("the record is accepted");
        (0..count).map(one).collect()
    }

    /// Has a record acknowledged by each of these partitions.
    pub fn begin(&mut self, places: &[(&'static str, i32)]) {
        for &(topic, partition) in places {
            let mut sent = None;
            for _ in 0..100 {
                sent = sent.or_else(|| self.try_send(topic, Some(partition), 100));
                self.run(20);
            }
            let opaque = sent.expect("the topic gets known");
            assert_eq!(self.state(opaque), Some(State::Persisted), "{topic}-{partition}");
        }
    }

    /// Lets time go by.
    pub fn run(&mut self, millis: u64) {
        let end = self.world.now + ms(millis);
        while self.world.next() <= end {
            self.world.step();
        }
        self.world.now = end;
    }

    /// Lets time go by until something is so.
    pub fn until(&mut self, what: &str, is_so: impl Fn(&mut Stage) -> bool) {
        let end = self.world.now + PATIENCE;
        while !is_so(self) {
            let next = self.world.next();
            assert!(next <= end, "it never comes: {what}");
            self.world.step();
        }
    }

    /// Waits for the reports of these records.
    pub fn until_told(&mut self, records: &[u64]) {
        let told = |stage: &mut Stage| records.iter().all(|opaque| stage.state(*opaque).is_some());
        self.until("all reports", told);
    }

    /// What was reported of a record.
    pub fn state(&self, opaque: u64) -> Option<State> {
        let told = &self.world.clients[0].told;
        told.iter().find(|told| told.opaque == opaque).map(|told| told.state)
    }

    /// Where a record is, as it was reported.
    pub fn offset(&self, opaque: u64) -> i64 {
        let told = &self.world.clients[0].told;
        told.iter().find(|told| told.opaque == opaque).expect("it was reported").offset
    }

    /// What was reported of these records.
    pub fn states(&self, records: &[u64]) -> Vec<Option<State>> {
        records.iter().map(|opaque| self.state(*opaque)).collect()
    }

    /// Something goes wrong.
    pub fn fault(&mut self, fault: Fault) {
        self.world.brokers.core.faults.add(fault);
    }

    /// This happens to the next produce requests with a part for this partition.
    pub fn fault_at(&mut self, topic: &str, partition: i32, times: u32, action: FaultAction) {
        self.fault(Fault::new(action).topic(topic).partition(partition).times(times));
    }

    /// This happens to the next produce requests to a broker.
    pub fn fault_of_produce(&mut self, broker: i32, times: u32, action: FaultAction) {
        self.fault(Fault::new(action).api(ProduceRequest::KEY).broker(broker).times(times));
    }

    /// Deletes a topic and makes it again; these are the brokers of each partition, its leader
    /// first.
    pub fn make_again(&mut self, topic: &str, brokers: &[i32]) {
        self.cluster(|core, now| {
            let partitions = core.registry.topics[topic].partitions.len();
            core.delete_topic(topic, now).expect("it is there");
            let new = NewTopic {
                name: topic.into(),
                partitions: -1,
                replication_factor: -1,
                assignment: Some(vec![brokers.to_vec(); partitions]),
                config: core.config.topic_defaults.clone(),
            };
            core.create_topic(&new, now).expect("the brokers run");
            core.settle(now);
        });
    }

    /// The broker that leads a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> i32 {
        let topic = self.world.brokers.core.registry.topics.get(topic);
        let topic = topic.expect("the topic is there");
        topic.partitions[partition as usize].leader
    }

    /// A broker that does not lead the partition.
    pub fn other(&self, topic: &str, partition: i32) -> i32 {
        let leader = self.leader(topic, partition);
        if leader == 1 { 2 } else { 1 }
    }

    /// Nothing that is written to the broker arrives for some time, and little fits on the way.
    pub fn stall(&mut self, broker: i32, millis: u64) {
        let until = self.world.now + ms(millis);
        for link in self.world.network.live() {
            if self.world.network.links[link].broker == broker {
                self.world.network.stall(link, Side::Broker, until);
            }
        }
    }

    /// How much room connections have from now on.
    pub fn room(&mut self, bytes: usize) {
        self.world.network.calm = Some(bytes);
    }

    /// Closes the producer, by force after a time.
    pub fn close(&mut self, time: Option<u64>) {
        let now = self.world.now;
        let (client, mut wires) = self.wires();
        client.close(time.map(ms), &mut wires, now);
    }

    /// The headers of the batches in a partition's log, at its leader.
    pub fn log(&self, topic: &str, partition: i32) -> Vec<BatchHeader> {
        let leader = self.leader(topic, partition);
        let server = self.world.brokers.core.server(leader).expect("the leader is there");
        let replica = server.replicas.get(topic, partition).expect("it has a replica");
        replica.log.read(0, i64::MAX, usize::MAX).iter().map(|batch| batch.info).collect()
    }

    /// How often something was counted.
    pub fn metric(&self, name: &str) -> u64 {
        let metrics = &self.world.clients[0].shared.metrics;
        metrics.values().into_iter().find(|(known, _)| *known == name).expect("it is counted").1
    }

    /// Heals everything, closes the producer and lets the oracle judge. Gives the reports.
    pub fn end(mut self) -> BTreeMap<u64, State> {
        if !self.producer().is_closing() {
            self.close(None);
        }
        let end = self.world.heal();
        while self.world.now < end && !self.producer().is_finished() {
            self.world.step();
        }
        self.world.settle();
        let problems = oracle::judge(&self.world);
        assert!(problems.is_empty(), "{}", problems.join("\n"));
        self.world.clients[0].told.iter().map(|told| (told.opaque, told.state)).collect()
    }

    /// As `end`, of a script in which no record fails.
    pub fn end_well(self) {
        let failed = self.end().into_iter().filter(|(_, state)| *state != State::Persisted);
        assert_eq!(failed.collect::<Vec<_>>(), []);
    }

    /// Sends a record to a partition every so often, for so long, while time goes by.
    pub fn keep_sending(&mut self, topic: &'static str, partition: i32, every: u64, millis: u64) {
        for _ in 0..millis / every {
            // Memory may be used up.
            let _ = self.try_send(topic, Some(partition), 100);
            self.run(every);
        }
    }
}
