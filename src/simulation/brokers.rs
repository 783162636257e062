//! The cluster's side: its core, and for each connection what a processor of the socket server
//! does with it, in the same order.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::names::Names;
use super::network::{Network, Side};
use super::socket::{End, Endpoint};
use super::trace::Trace;
use super::world::What;
use crate::broker::{
    BrokerState, Call, ClusterConfig, ClusterCore, Connections, Output, RawRequest, TopicConfig,
    TopicImage,
};
use crate::broker::{Endpoint as Address, Scheduler, parse};
use crate::io::{ConnId, OutputQueue, Progress, RequestReader, Transport};
use crate::time::Instant;
use crate::wire::Message;
use crate::wire::messages::{ApiVersionsRequest, InitProducerIdRequest};
use crate::wire::messages::{MetadataRequest, ProduceRequest};

/// The wall clock at the beginning of virtual time.
pub const WALL_MS: i64 = 1_700_000_000_000;
const REQUEST_MAX: usize = 1 << 20;
/// The token of what is not the end of a response.
const PART: u64 = u64::MAX;

struct ServerConnection {
    broker: i32,
    socket: Endpoint,
    input: RequestReader,
    output: OutputQueue,
    muted: bool,
    frozen: bool,
    closing: bool,
    deaf: bool,
}

/// A response that is sent a few bytes at a time.
struct Drip {
    conn: ConnId,
    rest: Bytes,
    bytes: usize,
    every: Duration,
}

/// See the file's comment.
pub struct Brokers {
    /// The cluster.
    pub core: ClusterCore,
    sockets: BTreeMap<ConnId, ServerConnection>,
    connections: Connections,
    drips: Scheduler<Drip>,
    /// Connections to look at.
    due: VecDeque<ConnId>,
    /// The topics at the last look.
    known: BTreeMap<Arc<str>, Arc<TopicImage>>,
    scratch: Vec<u8>,
    /// What was sent by name.
    pub names: Names,
    /// What should not have come.
    pub violations: Vec<String>,
}

/// What a look at a connection's socket gave.
#[derive(Default)]
struct Seen {
    sent: bool,
    request: Option<Bytes>,
    over: Option<String>,
}

impl Brokers {
    /// A cluster that runs; its brokers are at hosts `b1`, `b2`, ….
    pub fn start(config: ClusterConfig, now: Instant) -> Brokers {
        let address = |id: u16| Address { host: format!("b{id}").into(), port: 9092, rack: None };
        let addresses: Vec<_> =
            (1..=config.brokers).map(|id| (i32::from(id), address(id))).collect();
        let connections = Connections::new(config.connections_max_idle);
        let mut core = ClusterCore::new(config, now, WALL_MS + now.as_millis() as i64);
        core.start(addresses, now).expect("the topics of the setup can be made");
        let scratch = vec![0; 1 << 16];
        let drips = Scheduler::default();
        let (sockets, due) = (BTreeMap::new(), VecDeque::new());
        let known = BTreeMap::new();
        let (names, violations) = (Names::default(), Vec::new());
        Brokers { core, sockets, connections, drips, due, known, scratch, names, violations }
    }

    /// Whether the broker's port takes connections; that of a paused one does.
    pub fn listens(&self, broker: i32) -> bool {
        let server = self.core.server(broker);
        server.is_some_and(|server| server.state() >= BrokerState::Running)
    }

    /// A client connected.
    pub fn accept(&mut self, link: usize, network: &Network, now: Instant) {
        let conn = ConnId(link as u64);
        let broker = network.links[link].broker;
        let frozen = self.connections.add(conn, broker, now);
        let socket = network.end(link, Side::Broker).clone();
        let (input, output) = (RequestReader::default(), OutputQueue::default());
        let connection = ServerConnection {
            broker,
            socket,
            input,
            output,
            muted: false,
            frozen,
            closing: false,
            deaf: false,
        };
        self.sockets.insert(conn, connection);
    }

    /// When to look at the clock at the latest.
    pub fn next_deadline(&self) -> Instant {
        let sockets = self.connections.deadline().min(self.drips.deadline());
        self.core.next_deadline().min(sockets)
    }

    /// Does what is due.
    pub fn tick(&mut self, wires: &mut Wires<'_>, now: Instant) {
        if self.core.next_deadline() <= now {
            self.core.tick(now);
        }
        while let Some(drip) = self.drips.due(now) {
            self.drip(drip, now);
        }
        while let Some(conn) = self.connections.released(now) {
            self.unmute(conn);
        }
        while let Some(conn) = self.connections.expired(now) {
            wires.trace.count("broker closed an idle connection");
            self.close(conn, End::Closed, wires, now);
        }
        self.carry_out(wires, now);
    }

    /// Something happened to a socket.
    pub fn look_at(&mut self, conn: ConnId, wires: &mut Wires<'_>, now: Instant) {
        self.due.push_back(conn);
        self.carry_out(wires, now);
    }

    /// Does with the sockets what the core wants, and what follows from that.
    pub fn carry_out(&mut self, wires: &mut Wires<'_>, now: Instant) {
        loop {
            for output in self.core.take_outputs() {
                self.obey(output, wires, now);
            }
            let Some(conn) = self.due.pop_front() else { break };
            self.advance(conn, wires, now);
        }
    }

    fn advance(&mut self, conn: ConnId, wires: &mut Wires<'_>, now: Instant) {
        let Some(connection) = self.sockets.get_mut(&conn) else { return };
        let seen = connection.advance(&mut self.scratch);
        let broker = connection.broker;
        wires.network.pump(conn.0 as usize, now, wires.timeline);
        if seen.sent && self.connections.answered(conn, now) {
            self.unmute(conn);
        }
        if let Some(frame) = seen.request {
            self.connections.received(conn, now);
            self.handle(RawRequest { broker, conn, frame }, wires, now);
        }
        if let Some(reason) = seen.over {
            wires.trace.note(now, format_args!("b{broker} lost link {}: {reason}", conn.0));
            self.close(conn, End::Closed, wires, now);
        }
    }

    /// As a handler does it, which answers for one that failed.
    fn handle(&mut self, raw: RawRequest, wires: &mut Wires<'_>, now: Instant) {
        let (broker, link, size) = (raw.broker, raw.conn.0, raw.frame.len());
        let parsed = parse(raw, now);
        let (api, version) = (parsed.call.header.api_key, parsed.call.header.api_version);
        let api = match api {
            ProduceRequest::KEY => "Produce",
            MetadataRequest::KEY => "Metadata",
            InitProducerIdRequest::KEY => "InitProducerId",
            ApiVersionsRequest::KEY => "ApiVersions",
            _ => "?",
        };
        let text = format_args!("b{broker} < link {link}: {api} v{version}, {size} bytes");
        wires.trace.note(now, text);
        self.inspect(&parsed.call, now);
        self.names.note_request(&parsed);
        let copy = parsed.clone();
        let core = &mut self.core;
        if catch_unwind(AssertUnwindSafe(|| core.receive(parsed, now))).is_err() {
            core.handler_failed(copy, now);
        }
    }

    /// What a broker would refuse whatever its topics are like comes from nobody. A report of the
    /// refusal would be true, so it is looked for here.
    fn inspect(&mut self, call: &Call, now: Instant) {
        let wall_ms = WALL_MS + now.as_millis() as i64;
        for batch in &call.batches {
            let sound = match batch {
                Ok(batch) => batch.check(&TopicConfig::default(), wall_ms),
                Err(error) => Err(error.clone()),
            };
            if let Err(error) = sound {
                let (broker, link, why) = (call.broker, call.conn.0, error.message);
                self.violations.push(format!("b{broker} got a bad batch on link {link}: {why:?}"));
            }
        }
    }

    /// Sends a few bytes of a response, and more later.
    fn drip(&mut self, mut drip: Drip, now: Instant) {
        let conn = drip.conn;
        let Some(connection) = self.sockets.get_mut(&conn) else { return };
        let part = drip.rest.split_to(drip.bytes.min(drip.rest.len()));
        let token = if drip.rest.is_empty() { conn.0 } else { PART };
        connection.output.push(token, vec![part]);
        self.due.push_back(conn);
        if !drip.rest.is_empty() {
            self.drips.at(now + drip.every, drip);
        }
    }

    fn unmute(&mut self, conn: ConnId) {
        if let Some(connection) = self.sockets.get_mut(&conn) {
            connection.muted = false;
            self.due.push_back(conn);
        }
    }

    fn close(&mut self, conn: ConnId, how: End, wires: &mut Wires<'_>, now: Instant) {
        if self.sockets.remove(&conn).is_some() {
            self.connections.remove(conn);
            wires.network.close(conn.0 as usize, Side::Broker, how, now, wires.timeline);
        }
    }

    fn obey(&mut self, output: Output, wires: &mut Wires<'_>, now: Instant) {
        match output {
            Output::Answer { conn, pieces, mute, drip, close } => {
                self.connections.answering(conn, mute, now);
                if !mute.is_zero() {
                    wires.trace.count("throttled connection");
                }
                let Some(connection) = self.sockets.get_mut(&conn) else { return };
                connection.closing |= close;
                if let Some((bytes, every)) = drip {
                    let rest = pieces.concat().into();
                    return self.drip(Drip { conn, rest, bytes, every }, now);
                }
                connection.output.push(conn.0, pieces);
                self.due.push_back(conn);
            }
            Output::Ignore { conn } => {
                if let Some(connection) = self.sockets.get_mut(&conn) {
                    connection.deaf = true;
                    self.due.push_back(conn);
                }
            }
            Output::NoAnswer { conn } => {
                if self.connections.answered(conn, now) {
                    self.unmute(conn);
                }
            }
            Output::Close { conn, reason } => {
                wires.trace.note(now, format_args!("broker closes link {}: {reason}", conn.0));
                self.close(conn, End::Closed, wires, now);
            }
            Output::CloseAll { broker } => {
                for conn in self.of(broker) {
                    self.close(conn, End::Reset, wires, now);
                }
            }
            Output::Freeze { broker, frozen } => {
                self.connections.freeze(broker, frozen);
                for conn in self.of(broker) {
                    if let Some(connection) = self.sockets.get_mut(&conn) {
                        connection.frozen = frozen;
                    }
                    self.due.push_back(conn);
                }
            }
        }
    }

    /// Notes what the controller decided since the last look.
    pub fn note_changes(&mut self, trace: &mut Trace, now: Instant) {
        let topics = &self.core.registry.topics;
        let same = |(known, topic): (&Arc<TopicImage>, _)| Arc::ptr_eq(known, topic);
        if self.known.len() == topics.len() && self.known.values().zip(topics.values()).all(same) {
            return;
        }
        self.known.retain(|name, _| topics.contains_key(name));
        for (name, topic) in topics {
            let before = self.known.get(name).filter(|known| known.id == topic.id);
            if before.is_some_and(|known| Arc::ptr_eq(known, topic)) {
                continue;
            }
            for (index, is) in topic.partitions.iter().enumerate() {
                let was = before.and_then(|known| known.partitions.get(index));
                if was != Some(is) {
                    let (leader, epochs) = (is.leader, (is.leader_epoch, is.partition_epoch));
                    let text = format_args!("{name}-{index}: b{leader} of {:?} {epochs:?}", is.isr);
                    trace.note(now, text);
                }
                if was.is_some_and(|was| was.leader != is.leader) {
                    trace.count("another leader");
                }
                if was.is_some_and(|was| was.isr.len() > is.isr.len()) {
                    trace.count("smaller isr");
                }
            }
            self.names.note_topic(name, topic.id);
            self.known.insert(name.clone(), topic.clone());
        }
    }

    fn of(&self, broker: i32) -> Vec<ConnId> {
        let own = self.sockets.iter().filter(|(_, connection)| connection.broker == broker);
        own.map(|(conn, _)| *conn).collect()
    }
}

/// What everybody who moves bytes needs.
pub struct Wires<'a> {
    /// The wires.
    pub network: &'a mut Network,
    /// What happens later.
    pub timeline: &'a mut Scheduler<What>,
    /// What happened.
    pub trace: &'a mut Trace,
}

impl ServerConnection {
    /// As the connections of the server's selector do.
    fn advance(&mut self, scratch: &mut [u8]) -> Seen {
        let mut seen = Seen::default();
        if self.frozen {
            return seen;
        }
        let sent = &mut seen.sent;
        let flushed = self.output.flush(&mut self.socket, |token| *sent |= token != PART);
        if let Err(error) = flushed {
            seen.over = Some(format!("writing to the client failed: {error}"));
            return seen;
        }
        if self.closing {
            seen.over = self.output.is_empty().then(|| "closed as asked".to_owned());
            return seen;
        }
        if self.deaf {
            seen.over = self.discard(scratch);
            return seen;
        }
        if self.muted {
            return seen;
        }
        match self.input.read(&mut self.socket, scratch, REQUEST_MAX) {
            Ok(Progress::Request(frame)) => {
                self.muted = true;
                seen.request = Some(frame);
            }
            Ok(Progress::Blocked) => {}
            Err(reason) => seen.over = Some(reason),
        }
        seen
    }

    /// Throws away what comes; gives why nothing more does.
    fn discard(&mut self, scratch: &mut [u8]) -> Option<String> {
        loop {
            match self.socket.read(scratch) {
                Ok(0) => return Some("the client closed the connection".to_owned()),
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return None,
                Err(error) => return Some(format!("reading failed: {error}")),
            }
        }
    }
}
