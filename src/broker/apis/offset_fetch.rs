//! OffsetFetch: a group asks how far it had come.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::group::{CommittedOffset, GroupCoordinator};
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::metadata_cache::Image;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::offset_fetch::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics, OffsetFetchResponseGroup,
    OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use crate::wire::messages::{OffsetFetchRequest, OffsetFetchResponse};

/// From this version on, many groups are asked for at once.
const BATCH_VERSION: i16 = 8;
/// From this version on, topics are named by their ids.
const TOPIC_ID_VERSION: i16 = 10;

impl Api for OffsetFetchRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let version = call.header.api_version;
        let image = core.image_of(call.broker);
        let mut find = |group: &OffsetFetchRequestGroup| match core
            .coordinator(call.broker, &group.group_id)
        {
            Err(code) => failed(&group.group_id, code),
            Ok(groups) => offsets(groups, group, version, &image),
        };
        let response = if version >= BATCH_VERSION {
            let groups = self.groups.iter().map(find).collect();
            OffsetFetchResponse { groups, ..OffsetFetchResponse::default() }
        } else {
            let topics = self.topics.map(|topics| {
                let renamed = topics.into_iter().map(|topic| OffsetFetchRequestTopics {
                    name: topic.name,
                    partition_indexes: topic.partition_indexes,
                    ..OffsetFetchRequestTopics::default()
                });
                renamed.collect()
            });
            let group = OffsetFetchRequestGroup { group_id: self.group_id, topics, ..one() };
            as_single(find(&group))
        };
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<OffsetFetchResponse> {
        let groups = self.groups.iter().map(|group| failed(&group.group_id, code)).collect();
        let error_code = code.0 as i16;
        Some(OffsetFetchResponse { error_code, groups, ..OffsetFetchResponse::default() })
    }
}

fn one() -> OffsetFetchRequestGroup {
    OffsetFetchRequestGroup::default()
}

fn failed(group_id: &Arc<str>, code: ErrorCode) -> OffsetFetchResponseGroup {
    let error_code = code.0 as i16;
    OffsetFetchResponseGroup { group_id: group_id.clone(), error_code, ..Default::default() }
}

fn offsets(
    groups: &GroupCoordinator,
    asked: &OffsetFetchRequestGroup,
    version: i16,
    image: &Image,
) -> OffsetFetchResponseGroup {
    let mut answer = failed(&asked.group_id, ErrorCode::NONE);
    let Some(topics) = &asked.topics else {
        for ((topic, index), offset) in groups.offsets_of(&asked.group_id) {
            let part = found(*index, Some(offset));
            match answer.topics.last_mut().filter(|last| last.name == *topic) {
                Some(last) => last.partitions.push(part),
                None => answer.topics.push(OffsetFetchResponseTopics {
                    name: topic.clone(),
                    topic_id: image.topics.get(topic).map(|t| t.id).unwrap_or_default(),
                    partitions: vec![part],
                }),
            }
        }
        return answer;
    };
    for topic in topics {
        let by_id = version >= TOPIC_ID_VERSION;
        let known = image.topic_by_id(topic.topic_id).map(|known| known.name.clone());
        let name = if by_id { known } else { Some(topic.name.clone()) };
        let partitions = topic.partition_indexes.iter().map(|index| match &name {
            Some(name) => found(*index, groups.offset(&asked.group_id, name, *index)),
            None => OffsetFetchResponsePartitions {
                error_code: ErrorCode::UNKNOWN_TOPIC_ID.0 as i16,
                ..found(*index, None)
            },
        });
        answer.topics.push(OffsetFetchResponseTopics {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partitions: partitions.collect(),
        });
    }
    answer
}

fn found(partition_index: i32, offset: Option<&CommittedOffset>) -> OffsetFetchResponsePartitions {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: offset.map_or(-1, |known| known.offset),
        committed_leader_epoch: offset.map_or(-1, |known| known.leader_epoch),
        metadata: Some(offset.map(|known| known.metadata.clone()).unwrap_or_default()),
        error_code: 0,
    }
}

/// The answer as older versions have it.
fn as_single(group: OffsetFetchResponseGroup) -> OffsetFetchResponse {
    let topics = group.topics.into_iter().map(|topic| OffsetFetchResponseTopic {
        name: topic.name,
        partitions: topic
            .partitions
            .into_iter()
            .map(|part| OffsetFetchResponsePartition {
                partition_index: part.partition_index,
                committed_offset: part.committed_offset,
                committed_leader_epoch: part.committed_leader_epoch,
                metadata: part.metadata,
                error_code: part.error_code,
            })
            .collect(),
    });
    OffsetFetchResponse {
        topics: topics.collect(),
        error_code: group.error_code,
        ..OffsetFetchResponse::default()
    }
}

impl Answer for OffsetFetchResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        self.error_code = code.0 as i16;
        self.topics.clear();
        for group in &mut self.groups {
            *group = failed(&group.group_id, code);
        }
    }
}
