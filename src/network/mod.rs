//! NetworkClient: connections to brokers, and requests over them, as a state machine.
//!
//! Events and `now` go in; actions, answers and the next deadline come out. It knows requests and
//! nodes; it never sees a topic, a batch or a record. Each connection starts with ApiVersions.

mod api_versions;
mod connection;
mod in_flight;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

pub use connection::State;
pub use in_flight::{ClientResponse, RequestFailure, RequestTag};

use api_versions::NodeApiVersions;
use connection::Connection;
use in_flight::InFlight;

use crate::backoff::ExponentialBackoff;
use crate::error::{Error, ErrorCode, Result};
use crate::io::{Action, ConnId, Event};
use crate::log::{Level, Logger};
use crate::time::Instant;
use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::wire::{self, Message};

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

/// The version of ApiVersions tried first.
const API_VERSIONS_FIRST: i16 = *ApiVersionsRequest::VERSIONS.end();

/// An outage is told to the log this often per broker.
const TROUBLE_LOG_INTERVAL: Duration = Duration::from_secs(10);

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

    /// When it is worth asking `ready` again although nothing happened.
    pub fn next_try(&self, node: i32) -> Instant {
        match self.nodes.get(&node) {
            Some(c) if c.state == State::Disconnected => c.backoff_until,
            Some(c) if matches!(c.state, State::Ready(_)) => c.throttled_until,
            _ => Instant::NEVER,
        }
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

    /// Sends a request to a node that is ready.
    pub fn send<M: Message>(
        &mut self,
        node: i32,
        message: &mut M,
        version: i16,
        tag: RequestTag,
        expects_response: bool,
        now: Instant,
    ) -> Result<()> {
        let gone = || Error::new(ErrorCode::NETWORK_EXCEPTION, "there is no connection");
        let connection = self.nodes.get_mut(&node).ok_or_else(gone)?;
        let conn = connection.conn().ok_or_else(gone)?;
        let correlation_id = self.correlation_id;
        self.correlation_id = self.correlation_id.wrapping_add(1) & i32::MAX;
        let client_id = &self.config.client_id;
        let frame = wire::frame::encode_request(message, version, correlation_id, client_id)?;
        connection.last_used = now;
        connection.in_flight.push_back(InFlight {
            correlation_id,
            tag,
            version,
            deadline: now + self.config.request_timeout,
            expects_response,
            left: false,
        });
        let token = correlation_id as u64;
        self.actions.push(Action::Send { conn, token, pieces: frame.pieces });
        Ok(())
    }

    /// The broker asked for silence (KIP-219).
    pub fn throttle(&mut self, node: i32, throttle_time_ms: i32, now: Instant) {
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        if let Ok(ms @ 1..) = u64::try_from(throttle_time_ms) {
            connection.throttled_until = now + Duration::from_millis(ms);
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
            // Our own doing is no trouble to tell of.
            if let Some(connection) = self.nodes.get_mut(&node) {
                connection.trouble_logged = Some(now);
            }
            self.close(node, reason, now);
        }
        self.nodes.clear();
        self.resolving.clear();
    }
}

/// Connecting.
impl NetworkClient {
    fn connect(&mut self, node: i32, now: Instant) {
        self.made += 1;
        let random = self.rng.f64();
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        connection.last_attempt = now;
        connection.setup_deadline =
            now + self.config.setup_timeout.delay(connection.failures, random);
        if let Some(addr) = connection.addresses.pop_front() {
            let conn = ConnId(self.made);
            connection.address = Some(addr);
            connection.state = State::Connecting(conn);
            self.conns.insert(conn, node);
            self.actions.push(Action::Connect { conn, addr });
        } else {
            let id = self.made;
            connection.state = State::Resolving(id);
            self.resolving.insert(id, node);
            let (host, port) = (connection.host.clone(), connection.port);
            self.actions.push(Action::Resolve { id, host, port });
        }
    }

    fn resolved(
        &mut self,
        id: u64,
        result: std::result::Result<Vec<std::net::SocketAddr>, String>,
        now: Instant,
    ) {
        let Some(node) = self.resolving.remove(&id) else { return };
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        if connection.state != State::Resolving(id) {
            return;
        }
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                connection.addresses = addresses.into();
                // All addresses of a name are tried in turn; not the one that just failed first.
                if connection.addresses.front() == connection.address.as_ref() {
                    connection.addresses.rotate_left(1);
                }
                self.connect(node, now);
            }
            Ok(_) => {
                let reason = format!("{} has no address of the wanted family", connection.host);
                self.disconnect(node, &reason, now);
            }
            Err(reason) => self.disconnect(node, &reason, now),
        }
    }

    fn connected(&mut self, conn: ConnId, now: Instant) {
        let Some(&node) = self.conns.get(&conn) else { return };
        if let Some(connection) = self.nodes.get_mut(&node) {
            connection.state = State::CheckingApiVersions(conn);
            connection.versions = NodeApiVersions::default();
            self.ask_versions(node, API_VERSIONS_FIRST, now);
        }
    }

    fn ask_versions(&mut self, node: i32, version: i16, now: Instant) {
        let mut request = ApiVersionsRequest {
            client_software_name: "ottla".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let sent = self.send(node, &mut request, version, RequestTag::ApiVersions, true, now);
        if let Err(error) = sent {
            self.disconnect(node, error.message(), now);
        }
    }

    fn versions_answered(&mut self, node: i32, version: i16, frame: Bytes, now: Instant) {
        let decoded = wire::frame::decode_response::<ApiVersionsResponse>(frame, version);
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let State::CheckingApiVersions(conn) = connection.state else { return };
        let response = match decoded {
            Ok((_, response)) => response,
            Err(error) => return self.disconnect(node, error.message(), now),
        };
        match ErrorCode::from(response.error_code) {
            ErrorCode::NONE => {
                connection.versions = NodeApiVersions::new(&response);
                connection.state = State::Ready(conn);
                connection.failures = 0;
                connection.trouble = None;
                // The next connection looks the name up again.
                connection.addresses.clear();
                let throttle = if version >= 2 { response.throttle_time_ms } else { 0 };
                self.throttle(node, throttle, now);
                let Some(connection) = self.nodes.get(&node) else { return };
                self.log.log(Level::Debug, || format!("{}: ready", connection.describe(node)));
            }
            // An old broker answers in version 0, perhaps with what it does speak.
            ErrorCode::UNSUPPORTED_VERSION if version > 0 => {
                let own =
                    response.api_keys.iter().find(|api| api.api_key == ApiVersionsRequest::KEY);
                let retry = own.map_or(0, |api| api.max_version.clamp(0, version - 1));
                self.ask_versions(node, retry, now);
            }
            code => {
                let reason = format!("the broker refused ApiVersions: {code}");
                self.disconnect(node, &reason, now);
            }
        }
    }
}

/// Requests and their ends.
impl NetworkClient {
    fn sent(&mut self, conn: ConnId, token: u64) {
        let Some(&node) = self.conns.get(&conn) else { return };
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let found = connection.in_flight.iter().position(|r| r.correlation_id as u64 == token);
        let Some(index) = found else { return };
        connection.in_flight[index].left = true;
        if !connection.in_flight[index].expects_response
            && let Some(request) = connection.in_flight.remove(index)
        {
            self.completed.push(request.end(node, Ok(None)));
        }
    }

    fn received(&mut self, conn: ConnId, frame: Bytes, now: Instant) {
        let Some(&node) = self.conns.get(&conn) else { return };
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        connection.last_used = now;
        let correlation_id = wire::frame::response_correlation_id(&frame).ok();
        // Answers come in the order of the requests; one that expects none stands aside.
        let front = connection.in_flight.iter().position(|request| request.expects_response);
        let expected = front.map(|index| connection.in_flight[index].correlation_id);
        let Some(index) = front.filter(|_| expected == correlation_id) else {
            let reason = format!(
                "the answer with correlation id {correlation_id:?} belongs to no request \
                 (expected {expected:?})"
            );
            return self.disconnect(node, &reason, now);
        };
        let Some(mut request) = connection.in_flight.remove(index) else { return };
        request.left = true;
        if request.tag == RequestTag::ApiVersions {
            return self.versions_answered(node, request.version, frame, now);
        }
        self.completed.push(request.end(node, Ok(Some(frame))));
    }

    /// The oldest request is too late: the connection goes, as answers come in order.
    fn time_out(&mut self, node: i32, now: Instant) {
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let name = connection.describe(node);
        let reason = format!(
            "{name} did not answer within request.timeout.ms ({} ms)",
            self.config.request_timeout.as_millis()
        );
        let requests = std::mem::take(&mut connection.in_flight);
        for request in requests {
            let failure = match request.deadline <= now {
                true => RequestFailure::TimedOut(reason.clone()),
                false => RequestFailure::Disconnected(reason.clone()),
            };
            self.completed.push(request.end(node, Err(failure)));
        }
        self.disconnect(node, &reason, now);
    }

    /// Forgets the connection without blame.
    fn drop_connection(&mut self, node: i32) {
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        if let Some(conn) = connection.conn().filter(|conn| self.conns.remove(conn).is_some()) {
            self.actions.push(Action::Close { conn });
        }
        if let State::Resolving(id) = connection.state {
            self.resolving.remove(&id);
        }
        connection.state = State::Disconnected;
        connection.throttled_until = Instant(0);
    }

    fn disconnect(&mut self, node: i32, reason: &str, now: Instant) {
        self.drop_connection(node);
        let random = self.rng.f64();
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let wait = self.config.reconnect_backoff.delay(connection.failures, random);
        connection.backoff_until = now + wait;
        connection.failures = connection.failures.saturating_add(1);
        connection.trouble = Some(reason.to_owned());
        let quiet = |at: Instant| now.since(at) < TROUBLE_LOG_INTERVAL;
        if !connection.trouble_logged.is_some_and(quiet) {
            connection.trouble_logged = Some(now);
            let name = connection.describe(node);
            self.log.log(Level::Warn, || format!("{name}: {reason}"));
        }
        for request in std::mem::take(&mut connection.in_flight) {
            if request.tag != RequestTag::ApiVersions {
                let failure = RequestFailure::Disconnected(reason.to_owned());
                self.completed.push(request.end(node, Err(failure)));
            }
        }
        self.disconnected.push(node);
    }
}

impl InFlight {
    fn end(
        self,
        node: i32,
        result: std::result::Result<Option<Bytes>, RequestFailure>,
    ) -> ClientResponse {
        let InFlight { tag, version, left, .. } = self;
        ClientResponse { node, tag, version, left, result }
    }
}

impl RequestFailure {
    /// The error that stands for it in a report.
    pub fn error(&self) -> Error {
        let code = match self {
            RequestFailure::Disconnected(_) => ErrorCode::NETWORK_EXCEPTION,
            RequestFailure::TimedOut(_) => ErrorCode::REQUEST_TIMED_OUT,
        };
        Error::new(code, self.reason())
    }
}

#[cfg(test)]
mod tests;
