//! From a response to bytes, with everything that goes wrong on the way on command.

use bytes::Bytes;

use super::ClusterCore;
use crate::broker::call::{Call, Output};
use crate::broker::kafka_apis::Answer;
use crate::time::Instant;
use crate::wire::frame::{Frame, encode_response};

/// The length and the correlation id: what stays readable of a corrupt response.
const READABLE: usize = 8;

impl ClusterCore {
    /// Sends a response.
    pub fn answer<M: Answer>(&mut self, call: Call, mut response: M, _now: Instant) {
        let fate = &call.fate;
        let throttle = call.throttle.max(fate.throttle);
        if !throttle.is_zero() {
            response.throttle(i32::try_from(throttle.as_millis()).unwrap_or(i32::MAX));
        }
        if let Some((code, true)) = fate.error {
            response.fail(code);
        }
        if fate.drop_response {
            return self.outputs.push(Output::Ignore { conn: call.conn });
        }
        if fate.close_after {
            return self.close(&call, "closed on command");
        }
        let header = &call.header;
        let frame = encode_response(&mut response, header.api_version, header.correlation_id);
        let Ok(mut frame) = frame else {
            return self.close(&call, "the response cannot be written in that version");
        };
        if fate.corrupt_response {
            frame = corrupted(&frame);
        }
        if fate.half_response {
            frame = halved(&frame);
        }
        self.outputs.push(Output::Answer {
            conn: call.conn,
            pieces: frame.pieces,
            mute: throttle,
            drip: call.fate.drip,
            close: call.fate.half_response,
        });
    }

    /// There is nothing to answer.
    pub fn no_answer(&mut self, call: Call) {
        match call.fate.close_after {
            true => self.close(&call, "closed on command"),
            false => self.outputs.push(Output::NoAnswer { conn: call.conn }),
        }
    }

    /// Closes the request's connection.
    pub fn close(&mut self, call: &Call, reason: &str) {
        self.outputs.push(Output::Close { conn: call.conn, reason: reason.to_owned() });
    }
}

fn whole(frame: &Frame) -> Vec<u8> {
    frame.pieces.iter().flat_map(|piece| piece.iter().copied()).collect()
}

fn of(bytes: Vec<u8>) -> Frame {
    Frame { len: bytes.len(), pieces: vec![Bytes::from(bytes)] }
}

fn corrupted(frame: &Frame) -> Frame {
    let mut bytes = whole(frame);
    bytes.iter_mut().skip(READABLE).for_each(|byte| *byte = !*byte);
    of(bytes)
}

fn halved(frame: &Frame) -> Frame {
    let mut bytes = whole(frame);
    bytes.truncate(bytes.len() / 2);
    of(bytes)
}
