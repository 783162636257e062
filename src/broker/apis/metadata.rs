//! Metadata: who is in the cluster and who leads what, as this broker knows it. A topic that is
//! not there may be made; the client asks again and finds it.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::metadata_cache::{
    Image, PartitionImage, TopicImage, check_topic_name, is_internal,
};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::metadata::{
    MetadataRequest, MetadataRequestTopic, MetadataResponse, MetadataResponseBroker,
    MetadataResponsePartition, MetadataResponseTopic,
};

/// From this version on, topics may be asked for by id.
const BY_ID_VERSION: i16 = 12;
/// All operations on a topic, as bits: read, write, create, delete, alter, describe,
/// describe configs, alter configs.
const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// All operations on the cluster.
const CLUSTER_OPERATIONS: i32 = 0b1_1111_1001_0000;

impl Api for MetadataRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let version = call.header.api_version;
        let image = core.image_of(call.broker);
        let brokers = image.brokers.iter().map(|(id, endpoint)| MetadataResponseBroker {
            node_id: *id,
            host: endpoint.host.clone(),
            port: i32::from(endpoint.port),
            rack: endpoint.rack.clone(),
        });
        let mut response = MetadataResponse {
            brokers: brokers.collect(),
            cluster_id: Some(image.cluster_id.clone()),
            controller_id: image.controller,
            ..MetadataResponse::default()
        };
        if self.include_cluster_authorized_operations && (8..=10).contains(&version) {
            response.cluster_authorized_operations = CLUSTER_OPERATIONS;
        }
        let asks_for_all = |topics: &Vec<_>| version == 0 && topics.is_empty();
        response.topics = match self.topics.filter(|topics| !asks_for_all(topics)) {
            None => image.topics.values().map(|topic| known(topic, &image)).collect(),
            Some(topics) => topics
                .into_iter()
                .map(|topic| {
                    let create = self.allow_auto_topic_creation;
                    one(core, topic, version, &image, create)
                })
                .collect(),
        };
        if self.include_topic_authorized_operations && version >= 8 {
            for topic in &mut response.topics {
                topic.topic_authorized_operations = TOPIC_OPERATIONS;
            }
        }
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<MetadataResponse> {
        let topics = self.topics.iter().flatten().map(|topic| MetadataResponseTopic {
            topic_id: topic.topic_id,
            ..failed(topic.name.clone(), code)
        });
        let error_code = code.0 as i16;
        Some(MetadataResponse { topics: topics.collect(), error_code, ..Default::default() })
    }
}

fn one(
    core: &mut ClusterCore,
    topic: MetadataRequestTopic,
    version: i16,
    image: &Image,
    create: bool,
) -> MetadataResponseTopic {
    if version >= BY_ID_VERSION && !topic.topic_id.is_zero() {
        return match image.topic_by_id(topic.topic_id) {
            Some(found) => known(found, image),
            None => MetadataResponseTopic {
                topic_id: topic.topic_id,
                ..failed(None, ErrorCode::UNKNOWN_TOPIC_ID)
            },
        };
    }
    let name = topic.name.unwrap_or_default();
    if let Some(found) = image.topics.get(&name) {
        return known(found, image);
    }
    if check_topic_name(&name).is_err() {
        return failed(Some(name), ErrorCode::INVALID_TOPIC_EXCEPTION);
    }
    if create {
        core.auto_create(&name);
    }
    failed(Some(name), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)
}

fn failed(name: Option<Arc<str>>, code: ErrorCode) -> MetadataResponseTopic {
    let is_internal = name.as_deref().is_some_and(is_internal);
    let error_code = code.0 as i16;
    MetadataResponseTopic { error_code, name, is_internal, ..MetadataResponseTopic::default() }
}

fn known(topic: &TopicImage, image: &Image) -> MetadataResponseTopic {
    let partitions = topic.partitions.iter().enumerate();
    MetadataResponseTopic {
        name: Some(topic.name.clone()),
        topic_id: topic.id,
        is_internal: is_internal(&topic.name),
        partitions: partitions.map(|(index, one)| partition(index as i32, one, image)).collect(),
        ..MetadataResponseTopic::default()
    }
}

fn partition(index: i32, from: &PartitionImage, image: &Image) -> MetadataResponsePartition {
    let is_down = |id: &i32| !image.brokers.contains_key(id);
    let leader_is_down = is_down(&from.leader);
    let code = if leader_is_down { ErrorCode::LEADER_NOT_AVAILABLE } else { ErrorCode::NONE };
    MetadataResponsePartition {
        error_code: code.0 as i16,
        partition_index: index,
        leader_id: if leader_is_down { -1 } else { from.leader },
        leader_epoch: from.leader_epoch,
        replica_nodes: from.replicas.clone(),
        isr_nodes: from.isr.clone(),
        offline_replicas: from.replicas.iter().copied().filter(is_down).collect(),
    }
}

impl Answer for MetadataResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        self.error_code = code.0 as i16;
        for topic in &mut self.topics {
            topic.error_code = code.0 as i16;
            topic.partitions.clear();
        }
    }
}
