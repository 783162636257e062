//! Everything that arrived: requests in the order of their arrival, as many as there is room for.

use std::collections::VecDeque;

use bytes::Bytes;

use super::call::Call;
use crate::io::ConnId;
use crate::time::Instant;
use crate::wire::RequestHeader;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its place among all requests, from 0.
    pub number: u64,
    /// When it arrived.
    pub at: Instant,
    /// The broker that it was sent to.
    pub broker: i32,
    /// The connection.
    pub conn: ConnId,
    /// Which API, in which version, from whom.
    pub header: RequestHeader,
    /// The whole request.
    pub frame: Bytes,
}

/// The last requests.
#[derive(Debug, Default)]
pub struct Journal {
    arrivals: VecDeque<Arrival>,
    bytes: usize,
    bytes_max: usize,
    count: u64,
}

impl Journal {
    /// A journal that holds on to this many bytes of requests.
    pub fn new(bytes_max: usize) -> Journal {
        Journal { bytes_max, ..Journal::default() }
    }

    /// A request arrived.
    pub fn note(&mut self, call: &Call, frame: &Bytes) {
        let number = self.count;
        self.count += 1;
        if frame.len() > self.bytes_max {
            return;
        }
        self.bytes += frame.len();
        self.arrivals.push_back(Arrival {
            number,
            at: call.arrived,
            broker: call.broker,
            conn: call.conn,
            header: call.header.clone(),
            frame: frame.clone(),
        });
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.arrivals.pop_front() else { break };
            self.bytes -= oldest.frame.len();
        }
    }

    /// How many requests ever arrived.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The requests that are still there, oldest first.
    pub fn arrivals(&self) -> impl Iterator<Item = &Arrival> {
        self.arrivals.iter()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.arrivals.clear();
        self.bytes = 0;
    }
}
