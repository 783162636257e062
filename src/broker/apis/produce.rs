//! Produce: batches for partitions that this broker leads.

use std::sync::Arc;
use std::time::Duration;

use crate::broker::append_error::AppendError;
use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::delayed_produce::{DelayedProduce, Waiting};
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::log_validator::Batch;
use crate::broker::metadata_cache::{Image, is_internal};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::produce::{
    BatchIndexAndErrorMessage, LeaderIdAndEpoch, PartitionProduceResponse, ProduceRequest,
    ProduceResponse, TopicProduceResponse,
};
use crate::wire::record_batch::BatchHeader;
use crate::wire::{Records, Uuid};

/// From this version on, topics are named by their ids.
const TOPIC_ID_VERSION: i16 = 13;
/// From this version on, the response tells who leads where this broker does not (KIP-951).
const LEADER_HINT_VERSION: i16 = 10;
/// The client of Kafka's own tools, which may write to internal topics.
const ADMIN_CLIENT: &str = "__admin_client";

impl Api for ProduceRequest {
    fn prepare(&self, version: i16) -> Vec<Result<Batch, AppendError>> {
        let partitions = || self.topic_data.iter().flat_map(|topic| &topic.partition_data);
        let all: usize = partitions().map(|partition| partition.records.len()).sum();
        let inspect = |records: &Records| {
            let mut batch = Batch::inspect(records, version)?;
            batch.detach = batch.bytes.len() < all / 2;
            Ok(batch)
        };
        partitions().map(|partition| inspect(&partition.records)).collect()
    }

    fn handle(self, core: &mut ClusterCore, mut call: Call, now: Instant) {
        let batches = std::mem::take(&mut call.batches);
        let bytes = batches.iter().flatten().map(|batch| batch.bytes.len()).sum();
        call.throttle = core.charge_produce(&call, bytes, now);
        let image = core.image_of(call.broker);
        let mut batches = batches.into_iter();
        let mut response = ProduceResponse::default();
        let mut waiting = Vec::new();
        for (topic_at, topic) in self.topic_data.iter().enumerate() {
            let name = topic_name(&call, &topic.name, topic.topic_id, &image);
            let mut partitions = Vec::with_capacity(topic.partition_data.len());
            for (at, partition) in topic.partition_data.iter().enumerate() {
                let batch = batches.next().unwrap_or_else(|| {
                    Err(AppendError::new(ErrorCode::INVALID_RECORD, "the request was not prepared"))
                });
                let place = name.clone().map(|name| (name, partition.index));
                let write = Write { call: &call, request: &self, image: &image };
                let (answer, last_offset) = write.append(core, place, batch, now);
                if let (Some(last_offset), Ok(topic)) = (last_offset, &name) {
                    waiting.push(Waiting {
                        topic: topic.clone(),
                        topic_id: image.topics.get(topic).map_or(Uuid::ZERO, |topic| topic.id),
                        index: partition.index,
                        last_offset,
                        at: (topic_at, at),
                    });
                }
                partitions.push(PartitionProduceResponse { index: partition.index, ..answer });
            }
            response.responses.push(TopicProduceResponse {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                partition_responses: partitions,
            });
        }
        let parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
        let leaders = parts.map(|part| part.current_leader.leader_id);
        response.node_endpoints = image.endpoints_of(leaders);
        finish(core, call, response, waiting, &self, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<ProduceResponse> {
        if self.acks == 0 {
            return None;
        }
        let responses = self.topic_data.iter().map(|topic| TopicProduceResponse {
            name: topic.name.clone(),
            topic_id: topic.topic_id,
            partition_responses: topic
                .partition_data
                .iter()
                .map(|partition| PartitionProduceResponse {
                    index: partition.index,
                    ..failed(code)
                })
                .collect(),
        });
        Some(ProduceResponse { responses: responses.collect(), ..ProduceResponse::default() })
    }
}

fn topic_name(
    call: &Call,
    name: &Arc<str>,
    id: Uuid,
    image: &Image,
) -> Result<Arc<str>, ErrorCode> {
    if call.header.api_version < TOPIC_ID_VERSION {
        return Ok(name.clone());
    }
    let topic = image.topic_by_id(id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
    Ok(topic.name.clone())
}

/// What all partitions of a request share.
struct Write<'a> {
    call: &'a Call,
    request: &'a ProduceRequest,
    image: &'a Image,
}

impl Write<'_> {
    /// Appends to one partition. The answer, and the last offset if it was appended.
    fn append(
        &self,
        core: &mut ClusterCore,
        place: Result<(Arc<str>, i32), ErrorCode>,
        batch: Result<Batch, AppendError>,
        now: Instant,
    ) -> (PartitionProduceResponse, Option<i64>) {
        let (topic, index) = match place {
            Ok(place) => place,
            Err(code) => return (failed(code), None),
        };
        let fault = core.faults.partition_error(self.call.broker, &topic, index);
        if let Some((code, false)) = fault {
            return (failed(code), None);
        }
        let wall_ms = core.wall_ms(now);
        let appended = self.check(&topic, index, batch).and_then(|batch| {
            let server = core.server_mut(self.call.broker)?;
            server.replicas.append(&topic, index, &batch, self.request.acks, wall_ms, now)
        });
        let (info, log_start_offset) = match appended {
            Ok(done) => done,
            Err(error) => return (self.refused(core, &topic, index, error), None),
        };
        if let Some((code, true)) = fault {
            return (failed(code), None);
        }
        let answer = PartitionProduceResponse {
            base_offset: info.base_offset,
            log_append_time_ms: info.log_append_time_ms,
            log_start_offset,
            ..PartitionProduceResponse::default()
        };
        (answer, Some(info.last_offset))
    }

    /// What is wrong before any log is asked.
    fn check(
        &self,
        topic: &str,
        index: i32,
        batch: Result<Batch, AppendError>,
    ) -> Result<Batch, AppendError> {
        if self.image.partition(topic, index).is_none() {
            return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.into());
        }
        let batch = batch?;
        if batch.header.attributes & BatchHeader::TRANSACTIONAL != 0 {
            return Err(ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED.into());
        }
        if !(-1..=1).contains(&self.request.acks) {
            return Err(ErrorCode::INVALID_REQUIRED_ACKS.into());
        }
        let client = self.call.header.client_id.as_deref();
        if is_internal(topic) && client != Some(ADMIN_CLIENT) {
            return Err(ErrorCode::INVALID_TOPIC_EXCEPTION.into());
        }
        Ok(batch)
    }

    fn refused(
        &self,
        core: &ClusterCore,
        topic: &str,
        index: i32,
        error: AppendError,
    ) -> PartitionProduceResponse {
        let mut answer = failed(error.code);
        let replica = core.server(self.call.broker).and_then(|s| s.replicas.get(topic, index));
        if error.tells_log_start {
            answer.log_start_offset = replica.map_or(-1, |replica| replica.log.start_offset());
        }
        if !error.record_errors.is_empty() {
            let errors = error.record_errors.into_iter();
            answer.record_errors = errors
                .map(|(batch_index, message)| BatchIndexAndErrorMessage {
                    batch_index,
                    batch_index_error_message: Some(message.into()),
                })
                .collect();
            answer.error_message = Some(error.message.into());
        }
        let hints = self.call.header.api_version >= LEADER_HINT_VERSION;
        if hints && error.code == ErrorCode::NOT_LEADER_OR_FOLLOWER {
            // What the replica was told may be newer than what the cache was told, never older.
            let known = self.image.partition(topic, index);
            if let Some(known) = replica.map(|replica| &replica.image).or(known) {
                answer.current_leader =
                    LeaderIdAndEpoch { leader_id: known.leader, leader_epoch: known.leader_epoch };
            }
        }
        answer
    }
}

fn failed(code: ErrorCode) -> PartitionProduceResponse {
    PartitionProduceResponse {
        error_code: code.0 as i16,
        base_offset: -1,
        ..PartitionProduceResponse::default()
    }
}

/// Answers as the acks of the request want it.
fn finish(
    core: &mut ClusterCore,
    call: Call,
    response: ProduceResponse,
    waiting: Vec<Waiting>,
    request: &ProduceRequest,
    now: Instant,
) {
    match request.acks {
        0 => {
            let mut parts = response.responses.iter().flat_map(|topic| &topic.partition_responses);
            match parts.find(|part| part.error_code != 0) {
                None => core.no_answer(call),
                Some(part) => {
                    let code = ErrorCode::from(part.error_code);
                    core.close(&call, &format!("a write with acks=0 failed: {code}"));
                }
            }
        }
        -1 if !waiting.is_empty() => {
            let timeout = Duration::from_millis(u64::try_from(request.timeout_ms).unwrap_or(0));
            core.wait_for_replicas(DelayedProduce { call, response, waiting }, timeout, now);
        }
        _ => core.answer(call, response, now),
    }
}

impl Answer for ProduceResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for part in self.responses.iter_mut().flat_map(|topic| &mut topic.partition_responses) {
            *part = PartitionProduceResponse { index: part.index, ..failed(code) };
        }
    }
}
