//! CreateTopics, DeleteTopics and CreatePartitions. Any broker takes them to the controller.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::controller::{NewTopic, Refusal};
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::metadata_cache::TopicImage;
use crate::broker::topic_config::{KEYS, Key};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::create_partitions::CreatePartitionsTopicResult;
use crate::wire::messages::create_topics::{
    CreatableTopic, CreatableTopicConfigs, CreatableTopicResult,
};
use crate::wire::messages::delete_topics::{DeletableTopicResult, DeleteTopicState};
use crate::wire::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse,
};

/// From this version on, topics to delete may be named by their ids.
const DELETE_BY_ID_VERSION: i16 = 6;
/// Where a value of a topic's configuration comes from: the topic, or nowhere.
pub(super) const OF_TOPIC: i8 = 1;
pub(super) const DEFAULT: i8 = 5;

impl Api for CreateTopicsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let names: Vec<&Arc<str>> = self.topics.iter().map(|topic| &topic.name).collect();
        let mut topics = Vec::with_capacity(names.len());
        for (at, topic) in self.topics.iter().enumerate() {
            if names[..at].contains(&&topic.name) {
                continue;
            }
            let made = match names[at + 1..].contains(&&topic.name) {
                true => {
                    let text = format!("Duplicate topic name: {}", topic.name);
                    Err((ErrorCode::INVALID_REQUEST, text))
                }
                false => create(core, topic, self.validate_only, now),
            };
            topics.push(match made {
                Ok(image) => created(core, &image),
                Err((code, why)) => not_created(&topic.name, code, &why),
            });
        }
        core.answer(call, CreateTopicsResponse { topics, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<CreateTopicsResponse> {
        let topics = self.topics.iter().map(|topic| not_created(&topic.name, code, code.text()));
        Some(CreateTopicsResponse { topics: topics.collect(), ..Default::default() })
    }
}

fn create(
    core: &mut ClusterCore,
    topic: &CreatableTopic,
    validate_only: bool,
    now: Instant,
) -> Result<Arc<TopicImage>, Refusal> {
    let mut config = core.config.topic_defaults.clone();
    for entry in &topic.configs {
        let value = entry.value.as_deref().unwrap_or_default();
        config.set(&entry.name, value).map_err(|why| (ErrorCode::INVALID_CONFIG, why))?;
    }
    let assignment = assignment_of(topic)?;
    let partitions =
        if topic.num_partitions == -1 { core.config.num_partitions } else { topic.num_partitions };
    let factor = match topic.replication_factor {
        -1 => core.config.replication_factor(),
        factor => factor,
    };
    let new = NewTopic {
        name: topic.name.clone(),
        partitions,
        replication_factor: factor,
        assignment,
        config,
    };
    match validate_only {
        true => core.plan_topic(&new, now),
        false => core.create_topic(&new, now),
    }
}

/// The replicas that a request assigns, in the order of the partitions.
fn assignment_of(topic: &CreatableTopic) -> Result<Option<Vec<Vec<i32>>>, Refusal> {
    if topic.assignments.is_empty() {
        return Ok(None);
    }
    if topic.num_partitions != -1 || topic.replication_factor != -1 {
        let text = "A manual partition assignment was specified, but numPartitions or \
                    replicationFactor was not set to -1.";
        return Err((ErrorCode::INVALID_REQUEST, text.to_owned()));
    }
    let mut assignments: Vec<_> = topic.assignments.iter().collect();
    assignments.sort_by_key(|one| one.partition_index);
    let in_a_row = (0..).zip(&assignments).all(|(index, one)| one.partition_index == index);
    if !in_a_row {
        let text = "partitions should be a consecutive 0-based integer sequence".to_owned();
        return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, text));
    }
    Ok(Some(assignments.into_iter().map(|one| one.broker_ids.clone()).collect()))
}

fn created(core: &ClusterCore, image: &TopicImage) -> CreatableTopicResult {
    let defaults = &core.config.topic_defaults;
    let entry = |key: &Key| {
        let value = image.config.get(key.name);
        let is_default = value == defaults.get(key.name);
        CreatableTopicConfigs {
            name: key.name.into(),
            value: Some(value.into()),
            config_source: if is_default { DEFAULT } else { OF_TOPIC },
            ..CreatableTopicConfigs::default()
        }
    };
    let replicas = image.partitions.first().map_or(-1, |partition| partition.replicas.len() as i16);
    CreatableTopicResult {
        name: image.name.clone(),
        topic_id: image.id,
        num_partitions: image.partitions.len() as i32,
        replication_factor: replicas,
        configs: Some(KEYS.iter().map(entry).collect()),
        ..CreatableTopicResult::default()
    }
}

fn not_created(name: &Arc<str>, code: ErrorCode, why: &str) -> CreatableTopicResult {
    CreatableTopicResult {
        name: name.clone(),
        error_code: code.0 as i16,
        error_message: Some(why.into()),
        num_partitions: -1,
        replication_factor: -1,
        ..CreatableTopicResult::default()
    }
}

impl Api for DeleteTopicsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let topics = states(&self, call.header.api_version);
        let responses = topics.into_iter().map(|state| {
            let by_id = image.topic_by_id(state.topic_id).map(|topic| topic.name.clone());
            let name = match state.name.clone() {
                Some(name) => name,
                None => match by_id {
                    Some(name) => name,
                    None => return not_deleted(&state, ErrorCode::UNKNOWN_TOPIC_ID),
                },
            };
            match core.delete_topic(&name, now) {
                Err((code, _)) => not_deleted(&state, code),
                Ok(id) => DeletableTopicResult {
                    name: Some(name),
                    topic_id: id,
                    ..DeletableTopicResult::default()
                },
            }
        });
        let responses = responses.collect();
        core.answer(call, DeleteTopicsResponse { responses, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<DeleteTopicsResponse> {
        let version = if self.topic_names.is_empty() { DELETE_BY_ID_VERSION } else { 0 };
        let responses = states(self, version).iter().map(|s| not_deleted(s, code)).collect();
        Some(DeleteTopicsResponse { responses, ..DeleteTopicsResponse::default() })
    }
}

fn states(request: &DeleteTopicsRequest, version: i16) -> Vec<DeleteTopicState> {
    if version >= DELETE_BY_ID_VERSION {
        return request.topics.clone();
    }
    let named = |name: &Arc<str>| DeleteTopicState { name: Some(name.clone()), ..one() };
    request.topic_names.iter().map(named).collect()
}

fn one() -> DeleteTopicState {
    DeleteTopicState::default()
}

fn not_deleted(state: &DeleteTopicState, code: ErrorCode) -> DeletableTopicResult {
    DeletableTopicResult {
        name: state.name.clone(),
        topic_id: state.topic_id,
        error_code: code.0 as i16,
        error_message: Some(code.text().into()),
    }
}

impl Api for CreatePartitionsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let results = self.topics.iter().map(|topic| {
            let assignment = topic
                .assignments
                .as_ref()
                .map(|assignments| assignments.iter().map(|one| one.broker_ids.clone()).collect());
            let count = topic.count;
            let made =
                core.create_partitions(&topic.name, count, assignment, self.validate_only, now);
            match made {
                Ok(()) => grown(&topic.name, ErrorCode::NONE, None),
                Err((code, why)) => grown(&topic.name, code, Some(why)),
            }
        });
        let results = results.collect();
        core.answer(call, CreatePartitionsResponse { results, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<CreatePartitionsResponse> {
        let results = self.topics.iter().map(|topic| grown(&topic.name, code, None)).collect();
        Some(CreatePartitionsResponse { results, ..CreatePartitionsResponse::default() })
    }
}

fn grown(name: &Arc<str>, code: ErrorCode, why: Option<String>) -> CreatePartitionsTopicResult {
    CreatePartitionsTopicResult {
        name: name.clone(),
        error_code: code.0 as i16,
        error_message: why.map(Arc::from),
    }
}

impl Answer for CreateTopicsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for topic in &mut self.topics {
            *topic = not_created(&topic.name, code, code.text());
        }
    }
}

impl Answer for DeleteTopicsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for topic in &mut self.responses {
            topic.error_code = code.0 as i16;
        }
    }
}

impl Answer for CreatePartitionsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for topic in &mut self.results {
            topic.error_code = code.0 as i16;
        }
    }
}
