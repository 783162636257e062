//! FindCoordinator: which broker looks after a group. Transactions have no coordinator here.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::find_coordinator::Coordinator;
use crate::wire::messages::{FindCoordinatorRequest, FindCoordinatorResponse};

/// From this version on, many are asked for at once.
const BATCH_VERSION: i16 = 4;
/// Asks for the coordinator of a group.
const GROUP: i8 = 0;
/// Asks for the coordinator of a transactional producer.
const TRANSACTION: i8 = 1;

impl Api for FindCoordinatorRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let batched = call.header.api_version >= BATCH_VERSION;
        let keys = if batched { self.coordinator_keys } else { vec![self.key] };
        let find = |key: Arc<str>| {
            let found = match (self.key_type, &*key) {
                (GROUP, group) => core.find_coordinator(group, &image),
                (TRANSACTION, _) => Err(ErrorCode::COORDINATOR_NOT_AVAILABLE),
                _ => Err(ErrorCode::INVALID_REQUEST),
            };
            match found {
                Err(code) => failed(key, code),
                Ok((node_id, endpoint)) => Coordinator {
                    key,
                    node_id,
                    host: endpoint.host,
                    port: i32::from(endpoint.port),
                    ..Coordinator::default()
                },
            }
        };
        let coordinators: Vec<Coordinator> = keys.into_iter().map(find).collect();
        core.answer(call, respond(coordinators, batched), now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<FindCoordinatorResponse> {
        let batched = !self.coordinator_keys.is_empty();
        let keys = if batched { self.coordinator_keys.clone() } else { vec![self.key.clone()] };
        let coordinators = keys.into_iter().map(|key| failed(key, code)).collect();
        Some(respond(coordinators, batched))
    }
}

fn failed(key: Arc<str>, code: ErrorCode) -> Coordinator {
    Coordinator {
        key,
        node_id: -1,
        port: -1,
        error_code: code.0 as i16,
        error_message: Some(code.text().into()),
        ..Coordinator::default()
    }
}

fn respond(mut coordinators: Vec<Coordinator>, batched: bool) -> FindCoordinatorResponse {
    if batched {
        return FindCoordinatorResponse { coordinators, ..Default::default() };
    }
    let one = coordinators.pop().unwrap_or_default();
    FindCoordinatorResponse {
        error_code: one.error_code,
        error_message: one.error_message,
        node_id: one.node_id,
        host: one.host,
        port: one.port,
        ..FindCoordinatorResponse::default()
    }
}

impl Answer for FindCoordinatorResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        self.error_code = code.0 as i16;
        for one in &mut self.coordinators {
            *one = failed(one.key.clone(), code);
        }
    }
}
