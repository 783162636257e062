//! NetworkClient: connections to brokers, and requests over them, as a state machine.
//!
//! Events and `now` go in; actions, answers and the next deadline come out. It knows requests and
//! nodes; it never sees a topic, a batch or a record. Each connection starts with ApiVersions.

mod api_versions;
mod connecting;
mod connection;
mod in_flight;
mod requests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

pub use connection::State;
pub use in_flight::{ClientResponse, RequestFailure, RequestTag};

use connection::Connection;

use crate::backoff::ExponentialBackoff;
use crate::error::{ErrorCode, Result};
use crate::io::{Action, ConnId, Event};
use crate::log::{Level, Logger};
use crate::time::Instant;
use crate::wire::Message;

/// What the client needs of the configuration.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// `client.id`.
    pub client_id: Arc<str>,
    /// `request.timeout.ms`.
    pub request_timeout: Duration,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: usize,
    /// `reconnect.backoff.ms` and its maximum.
    pub reconnect_backoff: ExponentialBackoff,
    /// `socket.connection.setup.timeout.ms` and its maximum.
    pub setup_timeout: ExponentialBackoff,
    /// `connections.max.idle.ms`; `None` for never.
    pub max_idle: Option<Duration>,
}

/// See the file's comment.
pub struct NetworkClient {
    config: NetworkConfig,
    log: Logger,
    rng: fastrand::Rng,
    /// In the order of their ids, so that equal events have equal consequences.
    nodes: BTreeMap<i32, Connection>,
    conns: HashMap<ConnId, i32>,
    resolving: HashMap<u64, i32>,
    /// Connections, look-ups and correlation ids made so far.
    made: u64,
    correlation_id: i32,
    actions: Vec<Action>,
    completed: Vec<ClientResponse>,
    /// Brokers whose connection ended since the last look.
    disconnected: Vec<i32>,
}

impl NetworkClient {
    /// Knows no broker yet.
    pub fn new(config: NetworkConfig, log: Logger, seed: u64) -> NetworkClient {
        NetworkClient {
            config,
            log,
            rng: fastrand::Rng::with_seed(seed),
            nodes: BTreeMap::new(),
            conns: HashMap::new(),
            resolving: HashMap::new(),
            made: 0,
            correlation_id: 0,
            actions: Vec::new(),
            completed: Vec::new(),
            disconnected: Vec::new(),
        }
    }

    /// Tells where a broker is. A broker that moved is disconnected.
    pub fn set_address(&mut self, node: i32, host: &str, port: u16, now: Instant) {
        let moved = self.nodes.get(&node).is_some_and(|c| c.host != host || c.port != port);
        if moved {
            self.close(node, "the broker moved to another address", now);
            self.nodes.remove(&node);
        }
        self.nodes.entry(node).or_insert_with(|| Connection::new(host, port));
    }

    /// Forgets brokers that are not to be kept, once they have no connection any more.
    pub fn prune(&mut self, keep: impl Fn(i32) -> bool) {
        self.nodes.retain(|id, connection| connection.state != State::Disconnected || keep(*id));
    }

    /// How many brokers it remembers.
    #[cfg(test)]
    pub(crate) fn known(&self) -> usize {
        self.nodes.len()
    }

    /// Whether a request may be sent to `node` now, apart from the in-flight limit; starts a
    /// connection if there is none and the back-off is over.
    pub fn ready(&mut self, node: i32, now: Instant) -> bool {
        let Some(connection) = self.nodes.get(&node) else { return false };
        if connection.state == State::Disconnected && connection.backoff_until <= now {
            self.connect(node, now);
        }
        self.nodes.get(&node).is_some_and(|connection| connection.is_ready(now))
    }

    /// Whether another request may be in flight to `node`.
    pub fn can_send_more(&self, node: i32) -> bool {
        let max = self.config.max_in_flight;
        self.nodes.get(&node).is_some_and(|connection| connection.in_flight.len() < max)
    }

    /// The number of requests in flight to `node`.
    pub fn in_flight(&self, node: i32) -> usize {
        self.nodes.get(&node).map_or(0, |connection| connection.in_flight.len())
    }

    /// The brokers with a connection that is ready for requests, throttled and busy ones included.
    pub fn ready_nodes(&self) -> impl Iterator<Item = i32> + '_ {
        let is_ready = |c: &Connection| matches!(c.state, State::Ready(_));
        self.nodes.range(0..).filter(move |(_, c)| is_ready(c)).map(|(node, _)| *node)
    }

    /// When it is worth asking `ready` again although nothing happened.
    pub fn next_try(&self, node: i32) -> Instant {
        match self.nodes.get(&node) {
            Some(c) if c.state == State::Disconnected => c.backoff_until,
            Some(c) if matches!(c.state, State::Ready(_)) => c.throttled_until,
            _ => Instant::NEVER,
        }
    }

    /// The broker's name in messages.
    pub fn name(&self, node: i32) -> String {
        let connection = self.nodes.get(&node);
        connection.map_or_else(|| format!("broker {node}"), |c| c.describe(node))
    }

    /// Where requests to `node` stand, for a reason that a user reads.
    pub fn describe(&self, node: i32) -> String {
        let Some(connection) = self.nodes.get(&node) else { return format!("broker {node}") };
        let name = connection.describe(node);
        match (&connection.trouble, connection.state) {
            (_, State::Ready(_)) => name,
            (Some(trouble), _) => format!("{name}, which cannot be reached: {trouble}"),
            (None, State::CheckingApiVersions(_)) => {
                format!("{name}, which accepted the connection and has not answered since")
            }
            (None, _) => format!("{name}, which is being connected to"),
        }
    }

    /// Why the last connection to `node` ended or could not be made.
    pub fn trouble(&self, node: i32) -> Option<&str> {
        self.nodes.get(&node).and_then(|connection| connection.trouble.as_deref())
    }

    /// The broker to ask things that any broker can answer (Java: leastLoadedNode): a ready one
    /// with the least in flight, else one that is being connected, else the one tried longest ago.
    pub fn least_loaded(&mut self, nodes: &[i32], now: Instant) -> Option<i32> {
        if nodes.is_empty() {
            return None;
        }
        let start = self.rng.usize(..nodes.len());
        let rank = |node: i32| -> Option<(u8, u64)> {
            let connection = self.nodes.get(&node)?;
            match connection.state {
                State::Ready(_) if connection.throttled_until > now => None,
                State::Ready(_) if connection.in_flight.len() < self.config.max_in_flight => {
                    Some((0, connection.in_flight.len() as u64))
                }
                State::Ready(_) => None,
                State::Disconnected if connection.backoff_until > now => None,
                State::Disconnected => Some((2, connection.last_attempt.0)),
                _ => Some((1, 0)),
            }
        };
        let order = (0..nodes.len()).map(|i| nodes[(start + i) % nodes.len()]);
        order
            .filter_map(|node| Some((rank(node)?, node)))
            .min_by_key(|(rank, _)| *rank)
            .map(|(_, node)| node)
    }

    /// When it is worth asking `least_loaded` again although nothing happened. While one of the
    /// nodes is being connected to, the others wait for how that ends.
    pub fn next_least_loaded(&self, nodes: impl Iterator<Item = i32>) -> Instant {
        let (mut ready, mut idle) = (Instant::NEVER, Instant::NEVER);
        let mut connecting = false;
        for connection in nodes.filter_map(|node| self.nodes.get(&node)) {
            match connection.state {
                State::Ready(_) if connection.in_flight.len() >= self.config.max_in_flight => {}
                State::Ready(_) => ready = ready.min(connection.throttled_until),
                State::Disconnected => idle = idle.min(connection.backoff_until),
                _ => connecting = true,
            }
        }
        if connecting { ready } else { ready.min(idle) }
    }

    /// Whether there is a connection to `node`, be it one that takes no request just now.
    pub fn is_connected(&self, node: i32) -> bool {
        self.nodes.get(&node).is_some_and(|c| matches!(c.state, State::Ready(_)))
    }

    /// The version of `M` to use with `node`.
    pub fn version_for<M: Message>(&self, node: i32) -> Result<i16> {
        match self.nodes.get(&node) {
            Some(connection) => connection.versions.choose::<M>(),
            None => Err(ErrorCode::NETWORK_EXCEPTION.into()),
        }
    }

    /// Takes an event in.
    pub fn handle(&mut self, event: Event, now: Instant) {
        match event {
            Event::Resolved { id, result } => self.resolved(id, result, now),
            Event::Connected { conn } => self.connected(conn, now),
            Event::Sent { conn, token } => self.sent(conn, token),
            Event::Received { conn, frame } => self.received(conn, frame, now),
            Event::Closed { conn, reason } => {
                // It is gone already, so there is nothing to close.
                if let Some(node) = self.conns.remove(&conn) {
                    self.disconnect(node, &reason, now);
                }
            }
        }
    }

    /// Does what is due: setup and request timeouts, idle connections.
    pub fn tick(&mut self, now: Instant) {
        let due = |c: &Connection| c.next_deadline(self.config.max_idle) <= now;
        let due: Vec<i32> = self.nodes.iter().filter(|(_, c)| due(c)).map(|(id, _)| *id).collect();
        for node in due {
            let Some(connection) = self.nodes.get(&node) else { continue };
            let name = connection.describe(node);
            match connection.state {
                State::Ready(_) if connection.in_flight.is_empty() => {
                    self.log.log(Level::Debug, || format!("{name}: closing the idle connection"));
                    self.drop_connection(node);
                }
                State::Ready(_) | State::CheckingApiVersions(_)
                    if connection.in_flight.front().is_some_and(|r| r.deadline <= now) =>
                {
                    self.time_out(node, now);
                }
                _ => {
                    let what = match connection.state {
                        State::CheckingApiVersions(_) => {
                            "it accepts connections and answers nothing (is it a Kafka listener, \
                             and a PLAINTEXT one?)"
                        }
                        _ => "no connection",
                    };
                    let reason = format!("{what} within socket.connection.setup.timeout.ms");
                    self.disconnect(node, &reason, now);
                }
            }
        }
    }

    /// When `tick` must be called at the latest.
    pub fn next_deadline(&self) -> Instant {
        let deadlines = self.nodes.values().map(|c| c.next_deadline(self.config.max_idle));
        deadlines.min().unwrap_or(Instant::NEVER)
    }

    /// Hands over what is to be done with sockets.
    pub fn take_actions(&mut self, into: &mut Vec<Action>) {
        into.append(&mut self.actions);
    }

    /// Hands over the requests that ended.
    pub fn take_completed(&mut self, into: &mut Vec<ClientResponse>) {
        into.append(&mut self.completed);
    }

    /// Whether a request or a connection ended that was not taken yet.
    pub fn has_news(&self) -> bool {
        !self.completed.is_empty() || !self.disconnected.is_empty()
    }

    /// The brokers whose connection ended since the last call.
    pub fn take_disconnected(&mut self) -> Vec<i32> {
        std::mem::take(&mut self.disconnected)
    }

    /// Ends the connection to `node`; its requests fail with `reason`.
    pub fn close(&mut self, node: i32, reason: &str, now: Instant) {
        if self.nodes.get(&node).is_some_and(|connection| connection.conn().is_some()) {
            self.disconnect(node, reason, now);
        }
    }

    /// Ends all connections and forgets all brokers.
    pub fn close_all(&mut self, reason: &str, now: Instant) {
        let nodes: Vec<i32> = self.nodes.keys().copied().collect();
        for node in nodes {
            if let Some(connection) = self.nodes.get_mut(&node) {
                connection.is_ours_to_end = true;
            }
            self.close(node, reason, now);
        }
        self.nodes.clear();
        self.resolving.clear();
    }
}

#[cfg(test)]
mod tests;
