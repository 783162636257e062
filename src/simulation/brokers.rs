//! The cluster's side: its core, and for each connection what a processor of the socket server
//! does with it, in the same order.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::network::{Network, Side};
use super::socket::{End, Endpoint};
use super::trace::Trace;
use super::world::What;
use crate::broker::{BrokerState, ClusterConfig, ClusterCore, Connections, Output, RawRequest};
use crate::broker::{Endpoint as Address, Scheduler, parse};
use crate::io::{ConnId, OutputQueue, Progress, RequestReader};
use crate::time::Instant;

/// The wall clock at the beginning of time.
const WALL_MS: i64 = 1_700_000_000_000;
const REQUEST_MAX: usize = 1 << 20;

struct ServerConnection {
    broker: i32,
    socket: Endpoint,
    input: RequestReader,
    output: OutputQueue,
    muted: bool,
    frozen: bool,
    closing: bool,
}

/// See the file's comment.
pub struct Brokers {
    /// The cluster.
    pub core: ClusterCore,
    sockets: BTreeMap<ConnId, ServerConnection>,
    connections: Connections,
    scratch: Vec<u8>,
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
        let mut core = ClusterCore::new(config, now, WALL_MS);
        core.start(addresses, now).expect("the topics of the setup can be made");
        let scratch = vec![0; 1 << 16];
        Brokers { core, sockets: BTreeMap::new(), connections, scratch }
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
        let (muted, closing) = (false, false);
        let connection = ServerConnection { broker, socket, input, output, muted, frozen, closing };
        self.sockets.insert(conn, connection);
    }

    /// When to look at the clock at the latest.
    pub fn next_deadline(&self) -> Instant {
        self.core.next_deadline().min(self.connections.deadline())
    }

    /// Does what is due.
    pub fn tick(&mut self, wires: &mut Wires<'_>, now: Instant) {
        if self.core.next_deadline() <= now {
            self.core.tick(now);
        }
        self.carry_out(wires, now);
        while let Some(conn) = self.connections.released(now) {
            self.unmute(conn, wires, now);
        }
        while let Some(conn) = self.connections.expired(now) {
            wires.trace.count("broker closed an idle connection");
            self.close(conn, End::Closed, wires, now);
        }
    }

    /// Something happened to a socket.
    pub fn look_at(&mut self, conn: ConnId, wires: &mut Wires<'_>, now: Instant) {
        let Some(connection) = self.sockets.get_mut(&conn) else { return };
        let seen = connection.advance(&mut self.scratch);
        let broker = connection.broker;
        wires.network.pump(conn.0 as usize, now, wires.timeline);
        if seen.sent && self.connections.answered(conn, now) {
            self.unmute(conn, wires, now);
        }
        if let Some(frame) = seen.request {
            self.connections.received(conn, now);
            wires.trace.note(now, format_args!("b{broker} < {conn:?} {} bytes", frame.len()));
            self.core.receive(parse(RawRequest { broker, conn, frame }, now), now);
            self.carry_out(wires, now);
        }
        if let Some(reason) = seen.over {
            wires.trace.note(now, format_args!("b{broker} lost {conn:?}: {reason}"));
            self.close(conn, End::Closed, wires, now);
        }
    }

    fn unmute(&mut self, conn: ConnId, wires: &mut Wires<'_>, now: Instant) {
        if let Some(connection) = self.sockets.get_mut(&conn) {
            connection.muted = false;
            self.look_at(conn, wires, now);
        }
    }

    fn close(&mut self, conn: ConnId, how: End, wires: &mut Wires<'_>, now: Instant) {
        if self.sockets.remove(&conn).is_some() {
            self.connections.remove(conn);
            wires.network.close(conn.0 as usize, Side::Broker, how, now, wires.timeline);
        }
    }

    /// Does with the sockets what the core wants.
    pub fn carry_out(&mut self, wires: &mut Wires<'_>, now: Instant) {
        for output in self.core.take_outputs() {
            match output {
                Output::Answer { conn, pieces, mute, close } => {
                    self.connections.answering(conn, mute, now);
                    if let Some(connection) = self.sockets.get_mut(&conn) {
                        connection.output.push(conn.0, pieces);
                        connection.closing |= close;
                    }
                    if !mute.is_zero() {
                        wires.trace.count("throttled connection");
                    }
                    self.look_at(conn, wires, now);
                }
                Output::NoAnswer { conn } => {
                    if self.connections.answered(conn, now) {
                        self.unmute(conn, wires, now);
                    }
                }
                Output::Close { conn, reason } => {
                    wires.trace.note(now, format_args!("broker closes {conn:?}: {reason}"));
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
                        self.look_at(conn, wires, now);
                    }
                }
            }
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
        if let Err(error) = self.output.flush(&mut self.socket, |_| seen.sent = true) {
            seen.over = Some(format!("writing to the client failed: {error}"));
            return seen;
        }
        if self.closing {
            seen.over = self.output.is_empty().then(|| "closed as asked".to_owned());
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
}
