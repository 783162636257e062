//! Sockets, name look-ups and the event fd: what the sans-I/O cores ask the world to do.
//!
//! A core (`network::NetworkClient`) emits `Action`s and takes `Event`s; it never sees a socket.
//! Here the `Selector` carries them out on real sockets, one thread for all connections. A
//! simulator takes the same actions and gives the same events on virtual time.

mod connection;
mod event;
mod frame;
mod listener;
mod output;
mod request_reader;
mod resolver;
mod selector;
mod server;
#[cfg(test)]
mod testing;
mod transport;

use std::net::SocketAddr;

use bytes::Bytes;

#[allow(unused_imports)]
pub use event::EventFd;
#[allow(unused_imports)]
pub use listener::{BoundSocket, ListeningSocket};
#[allow(unused_imports)]
pub use selector::{Selector, Waker};
pub use server::{AcceptedSocket, ServerEvent, ServerSelector, connection_id};
/// What a simulator drives without sockets.
#[cfg(feature = "simulation")]
pub(crate) use {
    connection::{Connection, Reading},
    output::OutputQueue,
    request_reader::{Progress, RequestReader},
    transport::Transport,
};

/// A connection attempt. The core counts them up and never uses a number twice, so that an event
/// of a connection that is gone can not be mistaken for one of its successor.
/// `u64::MAX` is not for the core: it is the selector's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct ConnId(pub u64);

/// How sockets are set up, before they connect.
#[derive(Clone, Debug)]
pub struct SocketOptions {
    /// SO_SNDBUF in bytes (`send.buffer.bytes`); `None` leaves it to the operating system.
    pub send_buffer: Option<usize>,
    /// SO_RCVBUF in bytes (`receive.buffer.bytes`); `None` leaves it to the operating system.
    pub receive_buffer: Option<usize>,
    /// SO_KEEPALIVE, so that a peer that vanished is noticed on an idle connection.
    pub keepalive: bool,
    /// TCP_NODELAY: a request leaves at once, even if the last one is not acknowledged yet.
    pub nodelay: bool,
}

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions { send_buffer: None, receive_buffer: None, keepalive: true, nodelay: true }
    }
}

/// Which addresses of a host are used (`broker.address.family`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressFamily {
    /// All, in the order the look-up gave them.
    #[default]
    Any,
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
}

/// What the core wants done.
#[derive(Clone, Debug)]
pub enum Action {
    /// Look a host up; one `Event::Resolved` with this id follows.
    Resolve {
        /// The core's number for this look-up.
        id: u64,
        /// A name or an IP literal.
        host: String,
        /// The port that goes into the addresses.
        port: u16,
    },
    /// Connect; one `Event::Connected` or `Event::Closed` follows.
    Connect {
        /// A number that was never used before.
        conn: ConnId,
        /// Where to.
        addr: SocketAddr,
    },
    /// Send one whole frame, its 4-byte length included, in pieces that are not copied.
    /// `Event::Sent` follows once, or `Event::Closed`. Frames leave in the order they came;
    /// before `Connected` they wait. For a connection that is gone this does nothing.
    Send {
        /// The connection.
        conn: ConnId,
        /// The core's number for this frame.
        token: u64,
        /// The bytes. Each piece is dropped as soon as its last byte was written.
        pieces: Vec<Bytes>,
    },
    /// Forget the connection at once: what is queued is dropped, no event for it is made any more.
    Close {
        /// The connection.
        conn: ConnId,
    },
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A look-up ended. The addresses are at least one, none of them twice.
    Resolved {
        /// The look-up's number.
        id: u64,
        /// The addresses, or a sentence that says why there are none.
        result: Result<Vec<SocketAddr>, String>,
    },
    /// The connection stands.
    Connected {
        /// The connection.
        conn: ConnId,
    },
    /// The last byte of the frame went to the socket.
    Sent {
        /// The connection.
        conn: ConnId,
        /// The frame's number.
        token: u64,
    },
    /// A frame arrived.
    Received {
        /// The connection.
        conn: ConnId,
        /// The frame without its length.
        frame: Bytes,
    },
    /// The connection failed or the peer closed it. Nothing follows for it; it never comes after
    /// a `Close` by the core.
    Closed {
        /// The connection.
        conn: ConnId,
        /// A sentence that says why and names the peer's address.
        reason: String,
    },
}

impl Event {
    /// The connection this event is of; `None` for a look-up.
    pub fn conn(&self) -> Option<ConnId> {
        match self {
            Event::Resolved { .. } => None,
            Event::Connected { conn }
            | Event::Sent { conn, .. }
            | Event::Received { conn, .. }
            | Event::Closed { conn, .. } => Some(*conn),
        }
    }
}
