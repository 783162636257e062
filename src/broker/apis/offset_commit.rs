//! OffsetCommit: a group says how far it has come.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::codes::OFFSET_METADATA_TOO_LARGE;
use crate::broker::core::ClusterCore;
use crate::broker::group::{CommittedOffset, OffsetKey};
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::metadata_cache::Image;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::offset_commit::{
    OffsetCommitRequestTopic, OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::wire::messages::{OffsetCommitRequest, OffsetCommitResponse};

/// From this version on, topics are named by their ids.
const TOPIC_ID_VERSION: i16 = 10;
/// `offset.metadata.max.bytes`.
const METADATA_MAX: usize = 4096;

type Commit = (OffsetKey, CommittedOffset);

impl Api for OffsetCommitRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let broker = call.broker;
        let image = core.image_of(broker);
        let allowed = core.coordinator(broker, &self.group_id).and_then(|groups| {
            let generation = self.generation_id_or_member_epoch;
            let instance = self.group_instance_id.as_ref();
            groups.group(&self.group_id).may_commit(&self.member_id, instance, generation, now)
        });
        if let Err(code) = allowed {
            let response = self.refusal(code).unwrap_or_default();
            return core.answer(call, response, now);
        }
        let mut commits = Vec::new();
        let mut response = OffsetCommitResponse::default();
        for topic in &self.topics {
            let (answer, more) = self.topic(topic, call.header.api_version, &image);
            response.topics.push(answer);
            commits.extend(more);
        }
        if let Err(code) = core.commit_offsets(broker, &self.group_id, commits, now) {
            response.fail(code);
        }
        core.answer(call, response, now);
        core.group_replies(broker, Vec::new(), now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<OffsetCommitResponse> {
        let topics = self.topics.iter().map(|topic| answer_all(topic, code));
        Some(OffsetCommitResponse { topics: topics.collect(), ..OffsetCommitResponse::default() })
    }
}

impl OffsetCommitRequest {
    /// The answer for one topic, and what is to be kept.
    fn topic(
        &self,
        topic: &OffsetCommitRequestTopic,
        version: i16,
        image: &Image,
    ) -> (OffsetCommitResponseTopic, Vec<Commit>) {
        let by_id = version >= TOPIC_ID_VERSION;
        let name: Arc<str> = match (by_id, image.topic_by_id(topic.topic_id)) {
            (false, _) => topic.name.clone(),
            (true, Some(known)) => known.name.clone(),
            (true, None) => return (answer_all(topic, ErrorCode::UNKNOWN_TOPIC_ID), Vec::new()),
        };
        let mut answer = answer_all(topic, ErrorCode::NONE);
        let mut commits = Vec::new();
        for (wanted, answer) in topic.partitions.iter().zip(&mut answer.partitions) {
            let metadata = wanted.committed_metadata.clone().unwrap_or_default();
            let code = match image.partition(&name, wanted.partition_index) {
                None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                Some(_) if metadata.len() > METADATA_MAX => OFFSET_METADATA_TOO_LARGE,
                Some(_) => ErrorCode::NONE,
            };
            answer.error_code = code.0 as i16;
            if code == ErrorCode::NONE {
                let key = (self.group_id.clone(), name.clone(), wanted.partition_index);
                let value = CommittedOffset {
                    offset: wanted.committed_offset,
                    leader_epoch: wanted.committed_leader_epoch,
                    metadata,
                };
                commits.push((key, value));
            }
        }
        (answer, commits)
    }
}

fn answer_all(topic: &OffsetCommitRequestTopic, code: ErrorCode) -> OffsetCommitResponseTopic {
    let partitions = topic.partitions.iter().map(|part| OffsetCommitResponsePartition {
        partition_index: part.partition_index,
        error_code: code.0 as i16,
    });
    OffsetCommitResponseTopic {
        name: topic.name.clone(),
        topic_id: topic.topic_id,
        partitions: partitions.collect(),
    }
}

impl Answer for OffsetCommitResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for part in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            part.error_code = code.0 as i16;
        }
    }
}
