//! One end of a virtual connection, as the transport that the product reads and writes.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::sync::Arc;

use crate::io::Transport;
use crate::sync::Mutex;

/// How the other side ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// In order: what it sent before can be read.
    Closed,
    /// At once.
    Reset,
    /// It was never there.
    Refused,
}

/// What is known of one end.
#[derive(Debug, Default)]
pub struct Socket {
    connected: bool,
    ended: Option<End>,
    /// Bytes to read.
    arrived: VecDeque<u8>,
    /// Bytes that the wire has not taken yet.
    written: Vec<u8>,
    /// How many bytes it takes before it blocks.
    room: usize,
    /// The most that one read or one write moves.
    step: usize,
    /// A write was refused for lack of room since somebody looked.
    blocked: bool,
}

/// A handle to one end; the owner's and the wire's are the same socket.
#[derive(Clone, Debug)]
pub struct Endpoint(Arc<Mutex<Socket>>);

impl Endpoint {
    /// An end that is not connected, which moves at most `step` bytes at a time.
    pub fn new(step: usize) -> Endpoint {
        let socket = Socket { step: step.max(1), ..Socket::default() };
        Endpoint(Arc::new(Mutex::new(socket)))
    }

    /// The connection stands.
    pub fn connect(&self) {
        self.0.lock().connected = true;
    }

    /// Bytes came.
    pub fn deliver(&self, bytes: &[u8]) {
        let mut socket = self.0.lock();
        if socket.ended != Some(End::Reset) {
            socket.arrived.extend(bytes);
        }
    }

    /// The other side is gone. What a reset finds unread is lost.
    pub fn end(&self, how: End) {
        let mut socket = self.0.lock();
        if how == End::Reset {
            socket.arrived.clear();
        }
        socket.ended.get_or_insert(how);
    }

    /// What was written since the last look.
    pub fn take_written(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().written)
    }

    /// Bytes that arrived and were not read.
    pub fn unread(&self) -> usize {
        self.0.lock().arrived.len()
    }

    /// Sets how much more it takes; true if somebody waits for that.
    pub fn set_room(&self, room: usize) -> bool {
        let mut socket = self.0.lock();
        socket.room = room;
        room > 0 && std::mem::replace(&mut socket.blocked, false)
    }
}

impl Transport for Endpoint {
    fn finish_connect(&mut self) -> io::Result<bool> {
        let socket = self.0.lock();
        match socket.ended {
            Some(End::Refused) => Err(io::ErrorKind::ConnectionRefused.into()),
            Some(End::Reset) => Err(io::ErrorKind::ConnectionReset.into()),
            _ => Ok(socket.connected),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut socket = self.0.lock();
        if socket.arrived.is_empty() {
            return match socket.ended {
                None => Err(io::ErrorKind::WouldBlock.into()),
                Some(End::Closed) => Ok(0),
                Some(_) => Err(io::ErrorKind::ConnectionReset.into()),
            };
        }
        let count = buffer.len().min(socket.arrived.len()).min(socket.step);
        for (place, byte) in buffer.iter_mut().zip(socket.arrived.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut socket = self.0.lock();
        if socket.ended == Some(End::Reset) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let mut left = socket.room.min(socket.step);
        if left == 0 {
            socket.blocked = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut count = 0;
        for piece in pieces {
            let taken = &piece[..piece.len().min(left)];
            socket.written.extend_from_slice(taken);
            count += taken.len();
            left -= taken.len();
        }
        socket.room -= count;
        Ok(count)
    }
}
