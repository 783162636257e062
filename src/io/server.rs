//! The listening side: accepts connections and serves them, one request at a time each. One thread
//! owns a `ServerSelector`; only its waker is for others.
//!
//! A connection gives one request and is then muted until [`ServerSelector::unmute`]. Sockets are
//! registered once, edge-triggered; a connection whose edge came while it was muted is looked at
//! again when it is not.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use foldhash::{HashMap, HashMapExt};
use mio::{Events, Interest, Poll, Token};
use socket2::SockRef;

use super::ConnId;
use super::listener::ListeningSocket;
use super::output::OutputQueue;
use super::request_reader::{Progress, RequestReader};
use super::selector::Waker;
use super::transport::{PlaintextTransport, Transport};

const WAKE: Token = Token(usize::MAX);
/// Listeners have the tokens below this, connections count up from it.
const FIRST_CONNECTION: u64 = 1 << 16;
const POLL_EVENTS_MAX: usize = 1024;
const SCRATCH_BYTES: usize = 64 * 1024;
/// The token of what is not the end of a frame.
const PART: u64 = u64::MAX;
/// How long a listener rests when the system had no fd for its client.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What happened.
#[derive(Debug)]
pub enum ServerEvent {
    /// A client connected. Its socket belongs to whoever adopts it.
    Accepted {
        /// Which listener.
        listener: u16,
        /// The client's socket.
        socket: AcceptedSocket,
    },
    /// A request arrived; the connection is muted now.
    Received {
        /// The connection.
        conn: ConnId,
        /// The request without its length.
        frame: Bytes,
    },
    /// All that was to be sent went to the socket.
    Sent {
        /// The connection.
        conn: ConnId,
    },
    /// The connection is over; nothing follows for it.
    Closed {
        /// The connection.
        conn: ConnId,
        /// A sentence that says why.
        reason: String,
    },
}

/// A client's socket that no selector owns yet.
#[derive(Debug)]
pub struct AcceptedSocket {
    stream: mio::net::TcpStream,
}

/// Numbers connections; all selectors that share one give each number once.
pub fn connection_id(count: u64) -> ConnId {
    ConnId(FIRST_CONNECTION + count)
}

/// All sockets of one thread of a server.
pub struct ServerSelector {
    poll: Poll,
    polled: Events,
    waker: Arc<Waker>,
    listeners: HashMap<u16, ListeningSocket>,
    /// Listeners whose edge was seen and that may have more clients.
    hungry: Vec<u16>,
    connections: HashMap<ConnId, Connection>,
    /// Connections to look at without an edge.
    due: Vec<ConnId>,
    scratch: Box<[u8]>,
    request_max: usize,
}

struct Connection {
    transport: PlaintextTransport<mio::net::TcpStream>,
    input: RequestReader,
    output: OutputQueue,
    muted: bool,
    /// Neither read nor written: the network is cut.
    frozen: bool,
    /// To be closed when everything is written.
    closing: bool,
    /// What it sends is thrown away.
    deaf: bool,
}

impl ServerSelector {
    /// A selector without sockets. `request_max` is the longest request accepted, in bytes.
    pub fn new(request_max: usize) -> io::Result<ServerSelector> {
        let poll = Poll::new()?;
        let waker = Waker::new(mio::Waker::new(poll.registry(), WAKE)?);
        Ok(ServerSelector {
            poll,
            polled: Events::with_capacity(POLL_EVENTS_MAX),
            waker,
            listeners: HashMap::new(),
            hungry: Vec::new(),
            connections: HashMap::new(),
            due: Vec::new(),
            scratch: vec![0; SCRATCH_BYTES].into(),
            request_max,
        })
    }

    /// What wakes this selector.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    /// Begins to accept.
    pub fn serve(&mut self, id: u16, mut socket: ListeningSocket) -> io::Result<()> {
        let token = Token(usize::from(id));
        self.poll.registry().register(&mut socket.listener, token, Interest::READABLE)?;
        self.listeners.insert(id, socket);
        Ok(())
    }

    /// Closes a listener; clients that nobody accepted are reset.
    pub fn stop_serving(&mut self, id: u16) {
        self.listeners.remove(&id);
        self.hungry.retain(|hungry| *hungry != id);
    }

    /// Serves a connection from here on. The number was never used before.
    pub fn adopt(&mut self, conn: ConnId, socket: AcceptedSocket) -> io::Result<()> {
        let mut stream = socket.stream;
        SockRef::from(&stream).set_tcp_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(conn.0 as usize), both)?;
        let connection = Connection {
            transport: PlaintextTransport::new(stream),
            input: RequestReader::default(),
            output: OutputQueue::default(),
            muted: false,
            frozen: false,
            closing: false,
            deaf: false,
        };
        self.connections.insert(conn, connection);
        Ok(())
    }

    /// Lets the connection give its next request.
    pub fn unmute(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.muted = false;
            self.due.push(conn);
        }
    }

    /// Cuts the connection off, or lets its bytes flow again; the client notices nothing but
    /// silence.
    pub fn freeze(&mut self, conn: ConnId, frozen: bool) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.frozen = frozen;
            self.due.push(conn);
        }
    }

    /// Sends a frame; `Sent` or `Closed` follows.
    pub fn send(&mut self, conn: ConnId, pieces: Vec<Bytes>) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.output.push(conn.0, pieces);
            self.due.push(conn);
        }
    }

    /// Sends a part of a frame; no event follows for it.
    pub fn send_part(&mut self, conn: ConnId, bytes: Bytes) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.output.push(PART, vec![bytes]);
            self.due.push(conn);
        }
    }

    /// Throws away whatever the connection still gives. Its end is noticed, which that of a muted
    /// connection is not.
    pub fn deafen(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.deaf = true;
            self.due.push(conn);
        }
    }

    /// Closes the connection when what is queued was sent; `Closed` follows.
    pub fn close_after_sending(&mut self, conn: ConnId) {
        if let Some(connection) = self.connections.get_mut(&conn) {
            connection.closing = true;
            self.due.push(conn);
        }
    }

    /// Forgets the connection at once; no event follows.
    pub fn close(&mut self, conn: ConnId) {
        self.connections.remove(&conn);
    }

    /// Waits until something happens, a waker wakes, or `timeout` is over (`None`: no limit), and
    /// appends what happened to `events`. An error is of the poll itself.
    pub fn poll(
        &mut self,
        timeout: Option<Duration>,
        events: &mut Vec<ServerEvent>,
    ) -> io::Result<()> {
        let mut timeout = timeout;
        if !self.due.is_empty() {
            timeout = Some(Duration::ZERO);
        } else if !self.hungry.is_empty() {
            timeout = Some(timeout.map_or(ACCEPT_RETRY, |timeout| timeout.min(ACCEPT_RETRY)));
        }
        match self.poll.poll(&mut self.polled, timeout) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => self.polled.clear(),
            Err(error) => return Err(error),
        }
        for polled in &self.polled {
            match polled.token() {
                WAKE => self.waker.seen(),
                Token(token) if (token as u64) < FIRST_CONNECTION => {
                    self.hungry.push(token as u16);
                }
                Token(token) => self.due.push(ConnId(token as u64)),
            }
        }
        self.accept(events);
        let mut due = std::mem::take(&mut self.due);
        due.sort_unstable();
        due.dedup();
        for conn in due {
            self.advance(conn, events);
        }
        Ok(())
    }

    fn accept(&mut self, events: &mut Vec<ServerEvent>) {
        let mut hungry = std::mem::take(&mut self.hungry);
        hungry.sort_unstable();
        hungry.dedup();
        for id in hungry {
            let Some(socket) = self.listeners.get(&id) else { continue };
            loop {
                match socket.listener.accept() {
                    Ok((stream, _)) => {
                        let socket = AcceptedSocket { stream };
                        events.push(ServerEvent::Accepted { listener: id, socket });
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                    // No fd is free. The edge does not come again, so it is remembered.
                    Err(_) => {
                        self.hungry.push(id);
                        break;
                    }
                }
            }
        }
    }

    fn advance(&mut self, conn: ConnId, events: &mut Vec<ServerEvent>) {
        let Some(connection) = self.connections.get_mut(&conn) else { return };
        if let Err(reason) = connection.advance(conn, &mut self.scratch, self.request_max, events) {
            self.connections.remove(&conn);
            events.push(ServerEvent::Closed { conn, reason });
        }
    }
}

impl Connection {
    fn advance(
        &mut self,
        conn: ConnId,
        scratch: &mut [u8],
        request_max: usize,
        events: &mut Vec<ServerEvent>,
    ) -> Result<(), String> {
        if self.frozen {
            return Ok(());
        }
        let mut sent = false;
        let flushed = self.output.flush(&mut self.transport, |token| sent |= token != PART);
        flushed.map_err(|error| format!("writing to the client failed: {error}"))?;
        if sent {
            events.push(ServerEvent::Sent { conn });
        }
        if self.closing {
            return match self.output.is_empty() {
                true => Err("closed as asked".to_owned()),
                false => Ok(()),
            };
        }
        if self.deaf {
            return self.discard(scratch);
        }
        if self.muted {
            return Ok(());
        }
        if let Progress::Request(frame) =
            self.input.read(&mut self.transport, scratch, request_max)?
        {
            self.muted = true;
            events.push(ServerEvent::Received { conn, frame });
        }
        Ok(())
    }

    fn discard(&mut self, scratch: &mut [u8]) -> Result<(), String> {
        loop {
            match self.transport.read(scratch) {
                Ok(0) => return Err("the client closed the connection".to_owned()),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(format!("reading from the client failed: {error}")),
            }
        }
    }
}
