//! Time, and who acts next.
//!
//! A run has two parts. While faults strike, applications send; when there were enough of both,
//! everything heals, the producers close, and within their own timeouts everything must settle.

use std::net::SocketAddr;
use std::time::Duration;

use super::brokers::{Brokers, Wires};
use super::chaos::{Chaos, Cure};
use super::client::Client;
use super::network::{Network, Side};
use super::setup::{self, ms};
use super::socket::End;
use super::trace::Trace;
use super::{Options, Summary, logs, oracle};
use crate::broker::{ClusterConfig, Scheduler};
use crate::io::ConnId;
use crate::time::Instant;

/// The fewest records and faults of a run.
const RECORDS_MIN: usize = 500;
const FAULTS_MIN: u64 = 20;
/// What time the cluster gets to heal and the producers to close, beside their own timeouts.
const SETTLE: Duration = Duration::from_secs(10);
/// Faults go on for this long at most, should records never be accepted.
const TROUBLE_MAX: Duration = Duration::from_secs(3600);
/// Faults come more rarely after this many, for producers that hardly come to send.
const FAULTS_DENSE: u64 = 200;
/// When virtual time begins.
pub const BEGINNING: Instant = Instant(1_000_000_000);
/// No run needs as many steps.
const STEPS_MAX: u64 = 3_000_000;

/// Something that happens later.
#[derive(Debug)]
pub enum What {
    /// A client's first packet comes to the broker.
    Knock { link: usize },
    /// The broker's answer to it comes back.
    Connected { link: usize },
    /// Bytes come.
    Arrive { link: usize, to: Side, bytes: Vec<u8>, number: u64 },
    /// News of the other side's end come.
    Ended { link: usize, to: Side, how: End },
    /// A socket takes bytes again.
    Ready { link: usize, side: Side },
    /// A look-up ends.
    Resolved { client: usize, id: u64, result: Result<Vec<SocketAddr>, String> },
    /// A worker is through with a batch.
    Compressed { client: usize },
    /// An application sends some records.
    Send { client: usize },
    /// Something goes wrong.
    Strike,
    /// Something that went wrong ends.
    Heal(Cure),
}

/// See the file's comment.
pub struct World {
    seed: u64,
    pub(super) now: Instant,
    pub(super) timeline: Scheduler<What>,
    pub(super) rng: fastrand::Rng,
    pub(super) network: Network,
    pub(super) brokers: Brokers,
    pub(super) clients: Vec<Client>,
    pub(super) trace: Trace,
    pub(super) chaos: Chaos,
    healing: bool,
}

impl World {
    /// What the seed makes of it.
    pub fn new(seed: u64, options: Options) -> World {
        // The product's own generators that nobody seeds come from the thread's.
        fastrand::seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let now = BEGINNING;
        let config = setup::cluster(&mut rng);
        let count = i32::from(config.brokers);
        let latency = [(50, 500), (100, 5000), (1000, 40_000)][rng.usize(..3)];
        let network = Network::new(rng.u64(..), latency);
        let mut clients = Vec::new();
        for number in 0..rng.usize(1..=3) {
            let setup = setup::producer(&mut rng, number, count, options.bug);
            clients.push(Client::new(number, setup, options.bug, rng.u64(..), now));
        }
        let mut world = World::quiet(seed, config, network, clients, options);
        world.rng = rng;
        for client in 0..world.clients.len() {
            world.timeline.at(now, What::Send { client });
        }
        world.timeline.at(now + ms(200), What::Strike);
        world
    }

    /// These, at the beginning of time, where nothing happens by itself.
    pub(super) fn quiet(
        seed: u64,
        config: ClusterConfig,
        network: Network,
        clients: Vec<Client>,
        options: Options,
    ) -> World {
        let now = BEGINNING;
        let brokers = Brokers::start(config, now);
        let (mut trace, chaos) = (Trace::new(options.trace), Chaos::default());
        trace.note(now, format_args!("{:?}", brokers.core.config));
        for client in &clients {
            trace.note(now, format_args!("p{} {:?}", client.number, client.setup));
        }
        let (timeline, rng) = (Scheduler::default(), fastrand::Rng::with_seed(seed));
        World { seed, now, timeline, rng, network, brokers, clients, trace, chaos, healing: false }
    }

    /// Runs to the end.
    pub fn run(mut self) -> Summary {
        let mut violations = Vec::new();
        let mut end = self.now + TROUBLE_MAX;
        for step in 0.. {
            if !self.healing && (self.is_enough() || self.now >= end) {
                end = self.heal();
            }
            let done = self.clients.iter().all(Client::is_finished);
            if self.healing && (done || self.now >= end) {
                break;
            }
            if step > STEPS_MAX {
                violations.push("the run does not come to an end".to_owned());
                break;
            }
            self.step();
        }
        self.settle();
        violations.extend(oracle::judge(&self));
        self.summary(violations)
    }

    fn is_enough(&self) -> bool {
        let records: usize = self.clients.iter().map(|client| client.accepted.len()).sum();
        records >= RECORDS_MIN && self.chaos.struck >= FAULTS_MIN
    }

    /// Ends all faults and closes the producers; gives the time by which all must be over.
    pub(super) fn heal(&mut self) -> Instant {
        self.healing = true;
        self.trace.note(self.now, format_args!("everything heals"));
        self.heal_all();
        let now = self.now;
        let World { network, timeline, trace, .. } = self;
        let mut wires = Wires { network, timeline, trace };
        self.clients.iter_mut().for_each(|client| client.close_somehow(&mut wires, now));
        let longest = self.clients.iter().map(|client| client.setup.sender.delivery_timeout).max();
        now + longest.unwrap_or_default() + SETTLE
    }

    /// Lets what is under way in the cluster arrive, so that logs can be compared.
    pub(super) fn settle(&mut self) {
        let end = self.now + SETTLE;
        while self.next() <= end {
            self.step();
        }
        self.now = end;
    }

    pub(super) fn next(&self) -> Instant {
        let turns = self.clients.iter().map(|client| client.next_turn(self.now));
        let turn = turns.min().unwrap_or(Instant::NEVER);
        turn.min(self.timeline.deadline()).min(self.brokers.next_deadline())
    }

    /// The next thing happens.
    pub(super) fn step(&mut self) {
        if self.act() {
            self.brokers.note_changes(&mut self.trace, self.now);
        }
    }

    /// False if only the producers did something.
    fn act(&mut self) -> bool {
        self.now = self.now.max(self.next());
        let now = self.now;
        if let Some(what) = self.timeline.due(now) {
            self.happen(what);
            return true;
        }
        let World { network, timeline, trace, .. } = self;
        let mut wires = Wires { network, timeline, trace };
        if self.brokers.next_deadline() <= now {
            self.brokers.tick(&mut wires, now);
            return true;
        }
        for client in &mut self.clients {
            if client.next_turn(now) <= now {
                client.turn(&mut wires, now);
            }
        }
        false
    }

    /// Lets the brokers' sockets do what the core wants.
    pub(super) fn carry_out(&mut self) {
        let World { network, timeline, trace, .. } = self;
        self.brokers.carry_out(&mut Wires { network, timeline, trace }, self.now);
    }

    fn happen(&mut self, what: What) {
        let now = self.now;
        match what {
            What::Knock { link } => self.knock(link),
            What::Connected { link } => {
                self.network.end(link, Side::Client).connect();
                self.look_at(link, Side::Client);
            }
            What::Arrive { link, to, bytes, number } => {
                if self.network.arrive(link, to, &bytes, number) {
                    self.look_at(link, to);
                }
            }
            What::Ended { link, to, how } => {
                self.trace.note(now, format_args!("link {link} to {to:?} ended: {how:?}"));
                self.network.end(link, to).end(how);
                self.look_at(link, to);
            }
            What::Ready { link, side } => self.look_at(link, side),
            What::Resolved { client, id, result } => self.clients[client].resolved(id, result),
            What::Compressed { client } => {
                let World { network, timeline, trace, clients, .. } = self;
                clients[client].compressed(&mut Wires { network, timeline, trace }, now);
            }
            What::Send { client } => self.send(client),
            What::Strike if self.healing => {}
            What::Strike => {
                self.strike();
                let rarely = if self.chaos.struck > FAULTS_DENSE { 10 } else { 1 };
                let pause = self.rng.u64(20..600) * rarely;
                self.timeline.at(now + ms(pause), What::Strike);
            }
            What::Heal(_) if self.healing => {}
            What::Heal(cure) => self.cure(cure),
        }
    }

    fn look_at(&mut self, link: usize, side: Side) {
        match side {
            Side::Client => {
                let wire = &self.network.links[link];
                let (client, conn) = (wire.client, wire.conn);
                self.clients[client].touch(conn);
            }
            Side::Broker => {
                let World { network, timeline, trace, .. } = self;
                let mut wires = Wires { network, timeline, trace };
                self.brokers.look_at(ConnId(link as u64), &mut wires, self.now);
            }
        }
    }

    fn knock(&mut self, link: usize) {
        let now = self.now;
        let broker = self.network.links[link].broker;
        if self.chaos.silent.contains(&broker) {
            return self.trace.count("connection attempt without an answer");
        }
        if !self.brokers.listens(broker) {
            self.trace.count("connection refused");
            return self.network.end_way(link, Side::Client, End::Refused, now, &mut self.timeline);
        }
        self.network.end(link, Side::Broker).connect();
        self.brokers.accept(link, &self.network, now);
        let delay = self.network.delay();
        self.timeline.at(now + delay, What::Connected { link });
        // The client may be gone already.
        self.look_at(link, Side::Broker);
    }

    fn send(&mut self, client: usize) {
        if self.healing {
            return;
        }
        let now = self.now;
        let open = self.clients.iter().filter(|client| !client.is_closing()).count();
        let closes = open > 1 && self.rng.u16(..300) == 0;
        let count = self.rng.usize(1..15);
        let World { network, timeline, trace, .. } = self;
        let mut wires = Wires { network, timeline, trace };
        let sender = &mut self.clients[client];
        if closes {
            sender.close_somehow(&mut wires, now);
        }
        if sender.is_closing() {
            return;
        }
        (0..count).for_each(|_| sender.send(&mut wires, now));
        sender.let_work(&mut wires, now);
        let pause = self.rng.u64(0..400);
        self.timeline.at(now + ms(pause), What::Send { client });
    }

    fn summary(mut self, violations: Vec<String>) -> Summary {
        for client in &self.clients {
            for (name, value) in client.shared.metrics.values() {
                self.trace.add(name, value);
            }
            self.trace.add("turns without anything to do", client.idle_turns);
        }
        for (state, count) in std::mem::take(&mut self.trace.states) {
            self.trace.add(&format!("batch {state}"), count);
        }
        for (what, count) in logs::batches(&self) {
            self.trace.add(what, count);
        }
        self.trace.add("writes that were cut into pieces", self.network.cut);
        self.trace.add("writes that found no room", self.network.blocked);
        self.trace.add("bytes that a later connection overtook", self.network.overtaken);
        Summary {
            seed: self.seed,
            hash: self.trace.hash(),
            records: self.clients.iter().map(|client| client.accepted.len()).sum(),
            faults: self.chaos.struck,
            virtual_ms: self.now.as_millis(),
            counters: self.trace.counters,
            violations,
        }
    }
}
