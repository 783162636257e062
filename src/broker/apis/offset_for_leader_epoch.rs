//! OffsetForLeaderEpoch: where an epoch ended, for consumers that look whether records were lost.

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::fetch::leading;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::offset_for_leader_epoch::{EpochEndOffset, OffsetForLeaderTopicResult};
use crate::wire::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

impl Api for OffsetForLeaderEpochRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let Some(server) = core.server(call.broker) else { return };
        let topics = self.topics.iter().map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|wanted| {
                    let (index, epoch) = (wanted.partition, wanted.current_leader_epoch);
                    match leading(&server.replicas, &image, &topic.topic, index, epoch) {
                        Err(code) => failed(index, code),
                        Ok(partition) => {
                            let found = partition.end_of_epoch(wanted.leader_epoch);
                            let (leader_epoch, end_offset) = found.unwrap_or((-1, -1));
                            let error_code = 0;
                            EpochEndOffset {
                                error_code,
                                partition: index,
                                leader_epoch,
                                end_offset,
                            }
                        }
                    }
                })
                .collect(),
        });
        let topics = topics.collect();
        core.answer(call, OffsetForLeaderEpochResponse { topics, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<OffsetForLeaderEpochResponse> {
        let topics = self.topics.iter().map(|topic| OffsetForLeaderTopicResult {
            topic: topic.topic.clone(),
            partitions: topic.partitions.iter().map(|part| failed(part.partition, code)).collect(),
        });
        Some(OffsetForLeaderEpochResponse { topics: topics.collect(), ..Default::default() })
    }
}

fn failed(partition: i32, code: ErrorCode) -> EpochEndOffset {
    let error_code = code.0 as i16;
    EpochEndOffset { error_code, partition, leader_epoch: -1, end_offset: -1 }
}

impl Answer for OffsetForLeaderEpochResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for part in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            *part = failed(part.partition, code);
        }
    }
}
