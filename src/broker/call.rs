//! A request on its way through the broker, and what the broker wants its sockets to do.

use std::time::Duration;

use bytes::Bytes;

use super::append_error::AppendError;
use super::faults::Fate;
use super::log_validator::Batch;
use crate::io::ConnId;
use crate::time::Instant;
use crate::wire::RequestHeader;

/// A request as it came from a connection.
#[derive(Clone, Debug)]
pub struct RawRequest {
    /// The broker that it was sent to.
    pub broker: i32,
    /// The connection.
    pub conn: ConnId,
    /// The request without its length.
    pub frame: Bytes,
}

/// A request whose header was read.
#[derive(Clone, Debug)]
pub struct Call {
    /// The broker that it was sent to.
    pub broker: i32,
    /// The connection, which gives no other request until this one is answered.
    pub conn: ConnId,
    /// Which API, and who asks.
    pub header: RequestHeader,
    /// When it came.
    pub arrived: Instant,
    /// How long the client is held back for a quota.
    pub throttle: Duration,
    /// What goes wrong with the answer.
    pub fate: Fate,
    /// Of a produce request: the batches in the order of the request, looked at before any lock
    /// was taken.
    pub batches: Vec<Result<Batch, AppendError>>,
}

/// What the sockets are to do.
#[derive(Debug)]
pub enum Output {
    /// Send a response; then the connection may give its next request.
    Answer {
        /// The connection.
        conn: ConnId,
        /// The response with its length.
        pieces: Vec<Bytes>,
        /// How long the connection is not read afterwards.
        mute: Duration,
        /// Send this many bytes at a time, with this time between them.
        drip: Option<(usize, Duration)>,
        /// Close it when everything was sent.
        close: bool,
    },
    /// There is no response; the connection may give its next request.
    NoAnswer {
        /// The connection.
        conn: ConnId,
    },
    /// There never is a response, nor is anything else that comes on this connection heard.
    Ignore {
        /// The connection.
        conn: ConnId,
    },
    /// Close the connection without a word.
    Close {
        /// The connection.
        conn: ConnId,
        /// Why.
        reason: String,
    },
    /// A broker is gone, and its connections with it.
    CloseAll {
        /// The broker.
        broker: i32,
    },
    /// Nothing flows between a broker and its clients any more, or it flows again.
    Freeze {
        /// The broker.
        broker: i32,
        /// Whether it is cut off.
        frozen: bool,
    },
}
