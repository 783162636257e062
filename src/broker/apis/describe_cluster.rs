//! DescribeCluster: the brokers, without any topic.

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::describe_cluster::DescribeClusterBroker;
use crate::wire::messages::metadata::NO_AUTHORIZED_OPERATIONS;
use crate::wire::messages::{DescribeClusterRequest, DescribeClusterResponse};

impl Api for DescribeClusterRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let brokers = image.brokers.iter().map(|(id, endpoint)| DescribeClusterBroker {
            broker_id: *id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            rack: endpoint.rack.clone(),
            is_fenced: false,
        });
        let response = DescribeClusterResponse {
            endpoint_type: self.endpoint_type,
            cluster_id: image.cluster_id.clone(),
            controller_id: image.controller,
            brokers: brokers.collect(),
            cluster_authorized_operations: NO_AUTHORIZED_OPERATIONS,
            ..DescribeClusterResponse::default()
        };
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<DescribeClusterResponse> {
        let error_code = code.0 as i16;
        Some(DescribeClusterResponse { error_code, ..DescribeClusterResponse::default() })
    }
}

impl Answer for DescribeClusterResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        self.error_code = code.0 as i16;
        self.brokers.clear();
    }
}
