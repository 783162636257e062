//! Requests over a connection, and how they end: answered, left, too late, cut off.

use std::time::Duration;

use bytes::Bytes;

use super::in_flight::InFlight;
use super::{ClientResponse, NetworkClient, RequestFailure, RequestTag, State};
use crate::error::{Error, ErrorCode, Result};
use crate::io::{Action, ConnId};
use crate::log::Level;
use crate::time::Instant;
use crate::wire::{self, Message};

impl NetworkClient {
    /// Sends a request to a node that is ready.
    pub fn send<M: Message>(
        &mut self,
        node: i32,
        message: &mut M,
        version: i16,
        tag: RequestTag,
        expects_response: bool,
        now: Instant,
    ) -> Result<()> {
        let gone = || Error::new(ErrorCode::NETWORK_EXCEPTION, "there is no connection");
        let connection = self.nodes.get_mut(&node).ok_or_else(gone)?;
        let conn = connection.conn().ok_or_else(gone)?;
        let correlation_id = self.correlation_id;
        self.correlation_id = self.correlation_id.wrapping_add(1) & i32::MAX;
        let client_id = &self.config.client_id;
        let frame = wire::frame::encode_request(message, version, correlation_id, client_id)?;
        connection.last_used = now;
        connection.in_flight.push_back(InFlight {
            correlation_id,
            tag,
            version,
            deadline: now + self.config.request_timeout,
            expects_response,
            left: false,
        });
        let token = correlation_id as u64;
        self.actions.push(Action::Send { conn, token, pieces: frame.pieces });
        Ok(())
    }

    /// The broker asked for silence (KIP-219).
    pub fn throttle(&mut self, node: i32, throttle_time_ms: i32, now: Instant) {
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        if let Ok(ms @ 1..) = u64::try_from(throttle_time_ms) {
            connection.throttled_until = now + Duration::from_millis(ms);
        }
    }

    pub(super) fn sent(&mut self, conn: ConnId, token: u64) {
        let Some(&node) = self.conns.get(&conn) else { return };
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let found = connection.in_flight.iter().position(|r| r.correlation_id as u64 == token);
        let Some(index) = found else { return };
        connection.in_flight[index].left = true;
        if !connection.in_flight[index].expects_response
            && let Some(request) = connection.in_flight.remove(index)
        {
            self.completed.push(request.end(node, Ok(None)));
        }
    }

    pub(super) fn received(&mut self, conn: ConnId, frame: Bytes, now: Instant) {
        let Some(&node) = self.conns.get(&conn) else { return };
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        connection.last_used = now;
        let correlation_id = wire::frame::response_correlation_id(&frame).ok();
        // Answers come in the order of the requests; one that expects none stands aside.
        let front = connection.in_flight.iter().position(|request| request.expects_response);
        let expected = front.map(|index| connection.in_flight[index].correlation_id);
        let Some(index) = front.filter(|_| expected == correlation_id) else {
            let came = correlation_id
                .map_or("too short to have a correlation id".to_owned(), |id| {
                    format!("with correlation id {id}")
                });
            let reason = match expected {
                Some(id) => format!(
                    "an answer {came} belongs to no request: the next one is for correlation id {id}"
                ),
                None => format!("an answer {came} belongs to no request: none is in flight"),
            };
            return self.disconnect(node, &reason, now);
        };
        let Some(mut request) = connection.in_flight.remove(index) else { return };
        request.left = true;
        if request.tag == RequestTag::ApiVersions {
            return self.versions_answered(node, request.version, frame, now);
        }
        self.completed.push(request.end(node, Ok(Some(frame))));
    }

    /// The oldest request is too late: the connection goes, as answers come in order.
    pub(super) fn time_out(&mut self, node: i32, now: Instant) {
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let reason = format!(
            "it did not answer within request.timeout.ms ({} ms)",
            self.config.request_timeout.as_millis()
        );
        let named = format!("{}: {reason}", connection.describe(node));
        let late = connection.in_flight.iter().take_while(|r| r.deadline <= now).count();
        for request in connection.in_flight.drain(..late) {
            let failure = RequestFailure::TimedOut(named.clone());
            self.completed.push(request.end(node, Err(failure)));
        }
        self.disconnect(node, &reason, now);
    }

    /// Forgets the connection without blame.
    pub(super) fn drop_connection(&mut self, node: i32) {
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        if let Some(conn) = connection.conn().filter(|conn| self.conns.remove(conn).is_some()) {
            self.actions.push(Action::Close { conn });
        }
        if let State::Resolving(id) = connection.state {
            self.resolving.remove(&id);
        }
        connection.state = State::Disconnected;
        connection.throttled_until = Instant(0);
    }

    pub(super) fn disconnect(&mut self, node: i32, reason: &str, now: Instant) {
        self.drop_connection(node);
        let random = self.rng.f64();
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let wait = self.config.reconnect_backoff.delay(connection.failures, random);
        connection.backoff_until = now + wait;
        connection.failures = connection.failures.saturating_add(1);
        connection.trouble = Some(reason.to_owned());
        let name = connection.describe(node);
        if !connection.is_ours_to_end {
            self.log.rarely(Level::Warn, now, || format!("{name}: {reason}"));
        }
        for request in std::mem::take(&mut connection.in_flight) {
            if request.tag != RequestTag::ApiVersions {
                let failure = RequestFailure::Disconnected(format!("{name}: {reason}"));
                self.completed.push(request.end(node, Err(failure)));
            }
        }
        self.disconnected.push(node);
    }
}

impl InFlight {
    fn end(
        self,
        node: i32,
        result: std::result::Result<Option<Bytes>, RequestFailure>,
    ) -> ClientResponse {
        let InFlight { tag, version, left, .. } = self;
        ClientResponse { node, tag, version, left, result }
    }
}
