//! One broker as the client sees it: where it is, how far the connection is, what is in flight.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::api_versions::NodeApiVersions;
use super::in_flight::InFlight;
use crate::io::ConnId;
use crate::time::Instant;

/// How far a connection is (Java: ConnectionState).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// None; the next one may start when the back-off is over.
    Disconnected,
    /// The host's addresses are being looked up.
    Resolving(u64),
    /// The socket is being connected.
    Connecting(ConnId),
    /// Connected; the broker was asked what it speaks.
    CheckingApiVersions(ConnId),
    /// Ready for requests.
    Ready(ConnId),
}

/// A broker.
#[derive(Debug)]
pub struct Connection {
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: u16,
    /// How far it is.
    pub state: State,
    /// Addresses of the host not tried since the last look-up.
    pub addresses: VecDeque<SocketAddr>,
    /// The address in use or last tried.
    pub address: Option<SocketAddr>,
    /// Connections that failed in a row.
    pub failures: u32,
    /// No new connection before this.
    pub backoff_until: Instant,
    /// A connection must be up by then.
    pub setup_deadline: Instant,
    /// When the last attempt began.
    pub last_attempt: Instant,
    /// When something was last sent or received.
    pub last_used: Instant,
    /// No request before this, as the broker asked for (KIP-219).
    pub throttled_until: Instant,
    /// Requests that are not answered, oldest first.
    pub in_flight: VecDeque<InFlight>,
    /// What the broker speaks.
    pub versions: NodeApiVersions,
    /// Why the last connection ended or could not be made.
    pub trouble: Option<String>,
    /// We end it on purpose, which is no trouble to tell of.
    pub is_ours_to_end: bool,
}

impl Connection {
    /// A broker never connected to.
    pub fn new(host: &str, port: u16) -> Connection {
        Connection {
            host: host.to_owned(),
            port,
            state: State::Disconnected,
            addresses: VecDeque::new(),
            address: None,
            failures: 0,
            backoff_until: Instant(0),
            setup_deadline: Instant::NEVER,
            last_attempt: Instant(0),
            last_used: Instant(0),
            throttled_until: Instant(0),
            in_flight: VecDeque::new(),
            versions: NodeApiVersions::default(),
            trouble: None,
            is_ours_to_end: false,
        }
    }

    /// The connection, if there is one.
    pub fn conn(&self) -> Option<ConnId> {
        match self.state {
            State::Connecting(conn) | State::CheckingApiVersions(conn) | State::Ready(conn) => {
                Some(conn)
            }
            State::Disconnected | State::Resolving(_) => None,
        }
    }

    /// Whether a request may be sent now.
    pub fn is_ready(&self, now: Instant) -> bool {
        matches!(self.state, State::Ready(_)) && self.throttled_until <= now
    }

    /// When the client must look at it again, whatever happens.
    pub fn next_deadline(&self, max_idle: Option<Duration>) -> Instant {
        let answer = self.in_flight.front().map_or(Instant::NEVER, |request| request.deadline);
        let idle = match (self.state, max_idle) {
            (State::Ready(_), Some(idle)) if self.in_flight.is_empty() => self.last_used + idle,
            _ => Instant::NEVER,
        };
        let setup = match self.state {
            State::Ready(_) | State::Disconnected => Instant::NEVER,
            _ => self.setup_deadline,
        };
        answer.min(idle).min(setup)
    }

    /// Its name in messages.
    pub fn describe(&self, id: i32) -> String {
        match id {
            ..0 => format!("bootstrap server {}:{}", self.host, self.port),
            _ => format!("broker {id} ({}:{})", self.host, self.port),
        }
    }
}
