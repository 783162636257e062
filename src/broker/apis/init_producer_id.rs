//! InitProducerId: a number for a producer that wants its writes exactly once. Numbers are given
//! once in the life of the cluster, whichever broker is asked.

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::{InitProducerIdRequest, InitProducerIdResponse};

impl Api for InitProducerIdRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let response = match self.transactional_id.as_deref() {
            // Whatever id and epoch it had: without transactions there is nothing to fence.
            None => InitProducerIdResponse {
                producer_id: core.next_producer_id(),
                ..InitProducerIdResponse::default()
            },
            Some("") => failed(ErrorCode::INVALID_REQUEST),
            // There is no coordinator of transactions here.
            Some(_) => failed(ErrorCode::COORDINATOR_NOT_AVAILABLE),
        };
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<InitProducerIdResponse> {
        Some(failed(code))
    }
}

fn failed(code: ErrorCode) -> InitProducerIdResponse {
    let error_code = code.0 as i16;
    InitProducerIdResponse { error_code, producer_epoch: -1, ..InitProducerIdResponse::default() }
}

impl Answer for InitProducerIdResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        *self = InitProducerIdResponse { throttle_time_ms: self.throttle_time_ms, ..failed(code) };
    }
}
