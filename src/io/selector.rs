//! Carries out a core's actions on real sockets (Java: `Selector`). One thread owns it; only its
//! waker is for others. The one file that names mio.
//!
//! Sockets are registered once, edge-triggered, for both directions, and never again: no system
//! call switches the interest in writing on and off. An edge is not repeated, so a connection
//! reads and writes until the socket would block, or is remembered in `unread`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use socket2::{Domain, Protocol, Socket, Type};

use super::connection::{Connection, Reading, connect_failure};
use super::resolver::Resolver;
use super::transport::PlaintextTransport;
use super::{Action, AddressFamily, ConnId, Event, SocketOptions};

const WAKE: Token = Token(usize::MAX);
/// How many sockets one poll serves; the rest keep their edge for the next.
const POLL_EVENTS_MAX: usize = 1024;
const SCRATCH_BYTES: usize = 64 * 1024;

/// Ends a `Selector::poll` from any thread.
pub struct Waker {
    mio: mio::Waker,
    /// Whether a wake-up is out that no poll has seen, so that many cost one system call.
    woken: AtomicBool,
}

impl Waker {
    pub(super) fn new(mio: mio::Waker) -> Arc<Waker> {
        Arc::new(Waker { mio, woken: AtomicBool::new(false) })
    }

    /// Its poll has returned and is going to look. A swap: it reads what the waking thread wrote,
    /// so that what that thread did before is visible to this one.
    pub(super) fn seen(&self) {
        self.woken.swap(false, Ordering::AcqRel);
    }

    /// Makes the poll that runs, or else the next one, return. What it is to find is to be in its
    /// place before. Never blocks.
    pub fn wake(&self) {
        if !self.woken.swap(true, Ordering::AcqRel) && self.mio.wake().is_err() {
            self.woken.store(false, Ordering::Release);
        }
    }
}

/// All sockets of one thread.
pub struct Selector {
    options: SocketOptions,
    poll: Poll,
    polled: Events,
    waker: Arc<Waker>,
    pub(super) resolver: Resolver,
    connections: HashMap<ConnId, Connection>,
    /// Events that came of an action, for the next poll.
    pending: Vec<Event>,
    /// Connections that used up their turn before their socket was empty.
    unread: Vec<ConnId>,
    reading: Reading,
}

impl Selector {
    /// A selector without connections. `frame_max` is the longest frame accepted from a peer, in
    /// bytes. Fails where the system has no more fds.
    pub fn new(options: SocketOptions, frame_max: usize) -> io::Result<Selector> {
        let poll = Poll::new()?;
        let waker = Waker::new(mio::Waker::new(poll.registry(), WAKE)?);
        Ok(Selector {
            options,
            poll,
            polled: Events::with_capacity(POLL_EVENTS_MAX),
            resolver: Resolver::new(waker.clone()),
            waker,
            connections: HashMap::new(),
            pending: Vec::new(),
            unread: Vec::new(),
            reading: Reading { scratch: vec![0; SCRATCH_BYTES].into(), frame_max },
        })
    }

    /// Which addresses look-ups give from now on; all, if this is not called.
    pub fn set_address_family(&mut self, family: AddressFamily) {
        self.resolver.set_family(family);
    }

    /// What wakes this selector.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Begins or does what the core wants. Never blocks; events come from the next poll.
    pub fn apply(&mut self, action: Action) {
        match action {
            Action::Resolve { id, host, port } => {
                self.pending.extend(self.resolver.resolve(id, host, port));
            }
            Action::Connect { conn, addr } => self.connect(conn, addr),
            Action::Send { conn, token, pieces } => self.send(conn, token, pieces),
            Action::Close { conn } => {
                self.connections.remove(&conn);
                self.pending.retain(|event| event.conn() != Some(conn));
            }
        }
    }

    /// Whether the next poll returns at once.
    pub fn has_events(&self) -> bool {
        !self.pending.is_empty() || !self.unread.is_empty()
    }

    /// Waits until something happens, a waker wakes, or `timeout` is over (`None`: no limit), and
    /// appends what happened to `events`; it may be nothing. An event may be of a connection that
    /// the core closes while it goes through them. An error is of the poll itself.
    pub fn poll(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let came_of_actions = !self.pending.is_empty();
        events.append(&mut self.pending);
        if came_of_actions && self.unread.is_empty() {
            // What they lead to is done before the next look, which is a system call.
            return Ok(());
        }
        let timeout = if self.unread.is_empty() { timeout } else { Some(Duration::ZERO) };
        match self.poll.poll(&mut self.polled, timeout) {
            Ok(()) => {}
            // A signal is a reason to return, with nothing.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.polled.clear(),
            Err(error) => return Err(error),
        }
        let mut unread = std::mem::take(&mut self.unread);
        for polled in &self.polled {
            if polled.token() == WAKE {
                self.waker.seen();
            } else {
                unread.push(ConnId(polled.token().0 as u64));
            }
        }
        // A connection that is both polled and unread has one turn, not two.
        unread.sort_unstable();
        unread.dedup();
        for conn in unread {
            self.advance(conn, events);
        }
        self.resolver.take_answers(events);
        Ok(())
    }

    fn advance(&mut self, conn: ConnId, events: &mut Vec<Event>) {
        // The last edge of a connection that was closed finds nothing.
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        match connection.advance(&mut self.reading, events) {
            Ok(false) => {}
            Ok(true) => self.unread.push(conn),
            Err(reason) => {
                self.connections.remove(&conn);
                events.push(Event::Closed { conn, reason });
            }
        }
    }

    fn connect(&mut self, conn: ConnId, addr: SocketAddr) {
        match self.open(conn, addr) {
            Ok(stream) => {
                let transport = Box::new(PlaintextTransport::new(stream));
                self.connections.insert(conn, Connection::new(conn, addr, transport));
            }
            Err(error) => {
                let reason = connect_failure(&error, addr);
                self.pending.push(Event::Closed { conn, reason });
            }
        }
    }

    /// A socket that connects to `addr`, registered.
    fn open(&self, conn: ConnId, addr: SocketAddr) -> io::Result<TcpStream> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        socket.set_keepalive(self.options.keepalive)?;
        socket.set_tcp_nodelay(self.options.nodelay)?;
        // Before connecting, because the window scale is agreed on in the first packet.
        if let Some(bytes) = self.options.send_buffer {
            socket.set_send_buffer_size(bytes)?;
        }
        if let Some(bytes) = self.options.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        leave_pacing(&socket, addr);
        match socket.connect(&addr.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        let mut stream = TcpStream::from_std(socket.into());
        // The token is the connection's number: a table of tokens would have to remember which
        // ones are used again while their old edges are under way. 32-bit targets run out after
        // four billion connections.
        let token = Token(conn.0 as usize);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, token, both)?;
        Ok(stream)
    }

    fn send(&mut self, conn: ConnId, token: u64, pieces: Vec<Bytes>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        connection.push(token, pieces);
        // At once, and not when the socket says that it is ready: it nearly always is. Where an
        // earlier frame still waits for room, this costs one call that takes nothing.
        if let Err(reason) = connection.write(&mut self.reading, &mut self.pending) {
            self.connections.remove(&conn);
            self.pending.push(Event::Closed { conn, reason });
        }
    }
}

/// Has the kernel send to this very machine without pauses. A congestion control that paces, as BBR
/// does, sets a timer for every few segments, which spares a network and costs more than the copy
/// that it delays; here is no network. Where `reno` cannot be had the connection works as well.
fn leave_pacing(socket: &Socket, addr: SocketAddr) {
    #[cfg(target_os = "linux")]
    if addr.ip().is_loopback() {
        let _ = socket.set_tcp_congestion(b"reno");
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, addr);
}

#[cfg(test)]
mod tests;
