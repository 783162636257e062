//! One connection: connecting, its queue of frames to write, its stream of frames that arrive,
//! and the sentence that says why it ended.

use std::io;
use std::net::SocketAddr;

use bytes::Bytes;

use super::frame::FrameReader;
use super::output::OutputQueue;
use super::transport::Transport;
use super::{ConnId, Event};

/// How much one connection may read before the others get their turn.
const READ_BUDGET: usize = 256 * 1024;

/// What all connections of a thread share for reading.
pub struct Reading {
    /// Where bytes land before they are cut into frames, so that an idle connection holds none.
    pub scratch: Box<[u8]>,
    /// The longest frame that is accepted, in bytes.
    pub frame_max: usize,
}

/// A connection from its first packet on.
pub struct Connection {
    id: ConnId,
    peer: SocketAddr,
    transport: Box<dyn Transport>,
    connected: bool,
    input: FrameReader,
    output: OutputQueue,
}

impl Connection {
    /// A connection that is being made to `peer`.
    pub fn new(id: ConnId, peer: SocketAddr, transport: Box<dyn Transport>) -> Connection {
        Connection {
            id,
            peer,
            transport,
            connected: false,
            input: FrameReader::default(),
            output: OutputQueue::default(),
        }
    }

    /// Queues a frame.
    pub fn push(&mut self, token: u64, pieces: Vec<Bytes>) {
        self.output.push(token, pieces);
    }

    /// Does what the socket lets it do: connect, write, read. True where there may be more to
    /// read and no edge will tell. An error is the reason why the connection is over.
    pub fn advance(
        &mut self,
        reading: &mut Reading,
        events: &mut Vec<Event>,
    ) -> Result<bool, String> {
        if !self.connected {
            match self.transport.finish_connect() {
                Ok(true) => self.connected = true,
                Ok(false) => return Ok(false),
                Err(error) => return Err(connect_failure(&error, self.peer)),
            }
            events.push(Event::Connected { conn: self.id });
        }
        self.write(reading, events)?;
        self.read("closed", reading, events)
    }

    /// Writes what is queued, as far as the socket takes it.
    pub fn write(&mut self, reading: &mut Reading, events: &mut Vec<Event>) -> Result<(), String> {
        if !self.connected {
            return Ok(());
        }
        let conn = self.id;
        let sent = |token| events.push(Event::Sent { conn, token });
        let Err(error) = self.output.flush(self.transport.as_mut(), sent) else { return Ok(()) };
        // What the peer said before it went is still there to read. It may be responses, and it
        // may say better why ("speaks TLS") than "broken pipe" does.
        let did = ended(&error).unwrap_or("closed");
        self.read(did, reading, events)?;
        Err(self.failure("writing to", &error))
    }

    /// Reads what is there, up to a turn's budget. `did` says what the peer did to the
    /// connection if it turns out to be at its end.
    fn read(
        &mut self,
        did: &str,
        reading: &mut Reading,
        events: &mut Vec<Event>,
    ) -> Result<bool, String> {
        let conn = self.id;
        let mut budget = READ_BUDGET;
        while budget > 0 {
            let count = match self.transport.read(&mut reading.scratch) {
                Ok(0) => return Err(self.input.end_of_stream(did, self.peer)),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(self.failure("reading from", &error)),
            };
            budget = budget.saturating_sub(count);
            let received = |frame| events.push(Event::Received { conn, frame });
            let bytes = &reading.scratch[..count];
            self.input.push(bytes, reading.frame_max, self.peer, received)?;
        }
        Ok(true)
    }

    fn failure(&self, doing: &str, error: &io::Error) -> String {
        match ended(error) {
            Some(did) => self.input.end_of_stream(did, self.peer),
            None => format!("{doing} the peer at {} failed: {error}", self.peer),
        }
    }
}

/// What the peer did to the connection, where this error means that it ended it.
fn ended(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::ConnectionReset => Some("reset"),
        io::ErrorKind::BrokenPipe => Some("closed"),
        _ => None,
    }
}

/// Why a connection could not be made.
pub fn connect_failure(error: &io::Error, peer: SocketAddr) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => format!("connection refused by {peer}"),
        _ => format!("cannot connect to {peer}: {error}"),
    }
}
