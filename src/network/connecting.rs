//! From no connection to one that is ready: the look-up, the addresses in turn, ApiVersions.

use bytes::Bytes;

use super::api_versions::NodeApiVersions;
use super::{NetworkClient, RequestTag, State};
use crate::error::ErrorCode;
use crate::io::{Action, ConnId};
use crate::log::Level;
use crate::time::Instant;
use crate::wire;
use crate::wire::Message;
use crate::wire::messages::{ApiVersionsRequest, ApiVersionsResponse};

/// The version of ApiVersions tried first.
const API_VERSIONS_FIRST: i16 = *ApiVersionsRequest::VERSIONS.end();

impl NetworkClient {
    pub(super) fn connect(&mut self, node: i32, now: Instant) {
        self.made += 1;
        let random = self.rng.f64();
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        connection.last_attempt = now;
        connection.setup_deadline =
            now + self.config.setup_timeout.delay(connection.failures, random);
        if let Some(addr) = connection.addresses.pop_front() {
            let conn = ConnId(self.made);
            connection.address = Some(addr);
            connection.state = State::Connecting(conn);
            self.conns.insert(conn, node);
            self.actions.push(Action::Connect { conn, addr });
        } else {
            let id = self.made;
            connection.state = State::Resolving(id);
            self.resolving.insert(id, node);
            let (host, port) = (connection.host.clone(), connection.port);
            self.actions.push(Action::Resolve { id, host, port });
        }
    }

    pub(super) fn resolved(
        &mut self,
        id: u64,
        result: Result<Vec<std::net::SocketAddr>, String>,
        now: Instant,
    ) {
        let Some(node) = self.resolving.remove(&id) else { return };
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        if connection.state != State::Resolving(id) {
            return;
        }
        match result {
            Ok(addresses) if !addresses.is_empty() => {
                connection.addresses = addresses.into();
                // All addresses of a name are tried in turn; not the one that just failed first.
                if connection.addresses.front() == connection.address.as_ref() {
                    connection.addresses.rotate_left(1);
                }
                self.connect(node, now);
            }
            Ok(_) => {
                let reason = format!("{} has no address of the wanted family", connection.host);
                self.disconnect(node, &reason, now);
            }
            Err(reason) => self.disconnect(node, &reason, now),
        }
    }

    pub(super) fn connected(&mut self, conn: ConnId, now: Instant) {
        let Some(&node) = self.conns.get(&conn) else { return };
        if let Some(connection) = self.nodes.get_mut(&node) {
            connection.state = State::CheckingApiVersions(conn);
            connection.versions = NodeApiVersions::default();
            self.ask_versions(node, API_VERSIONS_FIRST, now);
        }
    }

    fn ask_versions(&mut self, node: i32, version: i16, now: Instant) {
        let mut request = ApiVersionsRequest {
            client_software_name: "ottla".into(),
            client_software_version: env!("CARGO_PKG_VERSION").into(),
        };
        let sent = self.send(node, &mut request, version, RequestTag::ApiVersions, true, now);
        if let Err(error) = sent {
            self.disconnect(node, error.message(), now);
        }
    }

    pub(super) fn versions_answered(
        &mut self,
        node: i32,
        version: i16,
        frame: Bytes,
        now: Instant,
    ) {
        let decoded = wire::frame::decode_response::<ApiVersionsResponse>(frame, version);
        let Some(connection) = self.nodes.get_mut(&node) else { return };
        let State::CheckingApiVersions(conn) = connection.state else { return };
        let response = match decoded {
            Ok((_, response)) => response,
            Err(error) => return self.disconnect(node, error.message(), now),
        };
        match ErrorCode::from(response.error_code) {
            ErrorCode::NONE => {
                connection.versions = NodeApiVersions::new(&response);
                connection.state = State::Ready(conn);
                connection.failures = 0;
                connection.trouble = None;
                // The next connection looks the name up again.
                connection.addresses.clear();
                let throttle = if version >= 2 { response.throttle_time_ms } else { 0 };
                self.throttle(node, throttle, now);
                let Some(connection) = self.nodes.get(&node) else { return };
                self.log.log(Level::Debug, || format!("{}: ready", connection.describe(node)));
            }
            // An old broker answers in version 0, perhaps with what it does speak.
            ErrorCode::UNSUPPORTED_VERSION if version > 0 => {
                let own =
                    response.api_keys.iter().find(|api| api.api_key == ApiVersionsRequest::KEY);
                let retry = own.map_or(0, |api| api.max_version.clamp(0, version - 1));
                self.ask_versions(node, retry, now);
            }
            code => {
                let reason = format!("the broker refused ApiVersions: {code}");
                self.disconnect(node, &reason, now);
            }
        }
    }
}
