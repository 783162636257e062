//! Requests that were sent and are not answered, and what came of them.

use bytes::Bytes;

use crate::error::{Error, ErrorCode};
use crate::time::Instant;

/// What a request is for; comes back with its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestTag {
    /// What the broker speaks; the client's own.
    ApiVersions,
    /// Topics and leaders.
    Metadata,
    /// A producer id.
    InitProducerId,
    /// Batches; the number is the sender's.
    Produce(u64),
}

/// A request on its way.
#[derive(Debug)]
pub struct InFlight {
    /// Pairs it with its answer.
    pub correlation_id: i32,
    /// What it is for.
    pub tag: RequestTag,
    /// The version it was written in, in which the answer comes.
    pub version: i16,
    /// An answer after this is too late.
    pub deadline: Instant,
    /// False for acks=0: it ends when its bytes have left.
    pub expects_response: bool,
    /// Whether its last byte has left.
    pub left: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum RequestFailure {
    /// The connection ended first.
    Disconnected(String),
    /// No answer within `request.timeout.ms`.
    TimedOut(String),
}

impl RequestFailure {
    /// The text: which broker, and what it did.
    pub fn reason(&self) -> &str {
        match self {
            RequestFailure::Disconnected(reason) | RequestFailure::TimedOut(reason) => reason,
        }
    }

    /// The error that stands for it in a report.
    pub fn error(&self) -> Error {
        let code = match self {
            RequestFailure::Disconnected(_) => ErrorCode::NETWORK_EXCEPTION,
            RequestFailure::TimedOut(_) => ErrorCode::REQUEST_TIMED_OUT,
        };
        Error::new(code, self.reason())
    }
}

/// The end of a request.
#[derive(Debug)]
pub struct ClientResponse {
    /// The broker.
    pub node: i32,
    /// What it was for.
    pub tag: RequestTag,
    /// The version of the answer.
    pub version: i16,
    /// Whether the broker may have seen the whole request.
    pub left: bool,
    /// The answer; `None` for a request that expects none.
    pub result: Result<Option<Bytes>, RequestFailure>,
}
