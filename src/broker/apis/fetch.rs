//! Fetch: records for consumers. Followers in this cluster do not come this way.

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::fetch::DelayedFetch;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::Records;
use crate::wire::messages::fetch::{FetchableTopicResponse, PartitionData};
use crate::wire::messages::{FetchRequest, FetchResponse};

impl Api for FetchRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        core.wait_for_records(DelayedFetch { call, request: self }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<FetchResponse> {
        let topics = self.topics.iter().map(|topic| FetchableTopicResponse {
            topic: topic.topic.clone(),
            topic_id: topic.topic_id,
            partitions: topic.partitions.iter().map(|part| failed(part.partition, code)).collect(),
        });
        Some(FetchResponse { responses: topics.collect(), ..FetchResponse::default() })
    }
}

fn failed(partition_index: i32, code: ErrorCode) -> PartitionData {
    PartitionData {
        partition_index,
        error_code: code.0 as i16,
        high_watermark: -1,
        records: Records::Whole(Default::default()),
        ..PartitionData::default()
    }
}

impl Answer for FetchResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for part in self.responses.iter_mut().flat_map(|topic| &mut topic.partitions) {
            *part = failed(part.partition_index, code);
        }
    }
}
