//! What the tests of this room share: a selector that is driven until something happened, peers
//! that are plain blocking sockets in a thread, and memory that tells when it is dropped.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use super::{Action, ConnId, Event, Selector, SocketOptions};
use crate::time;

/// No test waits longer; none waits this long unless it fails.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Memory behind a `Bytes` that sets a flag when it is released.
pub struct Owned {
    bytes: Vec<u8>,
    dropped: Arc<AtomicBool>,
}

impl Owned {
    /// The bytes, and the flag that is set when the last reference to them is gone.
    pub fn bytes(bytes: Vec<u8>) -> (Bytes, Arc<AtomicBool>) {
        let dropped = Arc::new(AtomicBool::new(false));
        (Bytes::from_owner(Owned { bytes, dropped: dropped.clone() }), dropped)
    }
}

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.dropped.store(true, Ordering::Relaxed);
    }
}

/// `body` with its length before it.
pub fn framed(body: &[u8]) -> Vec<u8> {
    let mut bytes = (body.len() as u32).to_be_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes
}

/// A peer that accepts one connection and does this with it.
pub fn peer<T: Send + 'static>(
    act: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        act(stream)
    });
    (addr, thread)
}

/// A selector and all that it reported.
pub struct Rig {
    pub selector: Selector,
    pub events: Vec<Event>,
    conns: u64,
}

impl Rig {
    pub fn new() -> Rig {
        Rig::with(SocketOptions::default(), 10_000_000)
    }

    pub fn with(options: SocketOptions, frame_max: usize) -> Rig {
        let selector = Selector::new(options, frame_max).unwrap();
        Rig { selector, events: Vec::new(), conns: 0 }
    }

    /// Polls until this is so of all events up to now.
    pub fn until(&mut self, what: &str, done: impl Fn(&[Event]) -> bool) {
        let deadline = time::now() + LIMIT;
        while !done(&self.events) {
            let left = deadline.since(time::now());
            self.selector.poll(Some(left), &mut self.events).unwrap();
            // Also where it is done: what the timeout brought to light, nothing had announced.
            assert!(time::now() < deadline, "waited in vain until {what}");
        }
    }

    /// Begins a connection.
    pub fn begin(&mut self, addr: SocketAddr) -> ConnId {
        self.conns += 1;
        let conn = ConnId(self.conns);
        self.selector.apply(Action::Connect { conn, addr });
        conn
    }

    /// Makes a connection.
    pub fn connect(&mut self, addr: SocketAddr) -> ConnId {
        let conn = self.begin(addr);
        self.until("connected", |events| events.contains(&Event::Connected { conn }));
        conn
    }

    pub fn send(&mut self, conn: ConnId, token: u64, pieces: Vec<Bytes>) {
        self.selector.apply(Action::Send { conn, token, pieces });
    }

    pub fn until_sent(&mut self, conn: ConnId, token: u64) {
        self.until("sent", |events| events.contains(&Event::Sent { conn, token }));
    }

    /// Waits for the connection's end and gives its reason.
    pub fn closed(&mut self, conn: ConnId) -> String {
        let reason_of = |event: &Event| match event {
            Event::Closed { conn: closed, reason } if *closed == conn => Some(reason.clone()),
            _ => None,
        };
        self.until("closed", |events| events.iter().any(|event| reason_of(event).is_some()));
        let last = self.events.iter().rfind(|event| event.conn() == Some(conn));
        last.and_then(reason_of).expect("an event came after Closed")
    }

    /// Looks a host up, with port 9092.
    pub fn resolve(&mut self, host: &str) -> Result<Vec<SocketAddr>, String> {
        self.selector.apply(Action::Resolve { id: 77, host: host.to_owned(), port: 9092 });
        let is_answer = |event: &Event| matches!(event, Event::Resolved { id: 77, .. });
        self.until("resolved", |events| events.iter().any(is_answer));
        match self.events.pop() {
            Some(Event::Resolved { result, .. }) => result,
            other => panic!("not an answer: {other:?}"),
        }
    }

    /// The frames that arrived on a connection.
    pub fn received(&self, conn: ConnId) -> Vec<Bytes> {
        let frame_of = |event: &Event| match event {
            Event::Received { conn: on, frame } if *on == conn => Some(frame.clone()),
            _ => None,
        };
        self.events.iter().filter_map(frame_of).collect()
    }

    /// The tokens of frames that were sent on a connection.
    pub fn sent(&self, conn: ConnId) -> Vec<u64> {
        let token_of = |event: &Event| match event {
            Event::Sent { conn: on, token } if *on == conn => Some(*token),
            _ => None,
        };
        self.events.iter().filter_map(token_of).collect()
    }
}
