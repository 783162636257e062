//! Reading for consumers: what a fetch request gets now, and whether that is worth an answer
//! (Kafka: `ReplicaManager.fetchMessages`, `DelayedFetch`).

use std::sync::Arc;

use super::call::Call;
use super::codes::FETCH_SESSION_ID_NOT_FOUND;
use super::metadata_cache::Image;
use super::partition::Partition;
use super::purgatory::Place;
use super::replica_manager::ReplicaManager;
use crate::error::ErrorCode;
use crate::wire::Records;
use crate::wire::messages::fetch::{
    EpochEndOffset, FetchPartition, FetchRequest, FetchResponse, FetchTopic,
    FetchableTopicResponse, PartitionData,
};
use crate::wire::messages::produce::{LeaderIdAndEpoch, NodeEndpoint};

/// From this version on, topics are named by their ids.
const TOPIC_ID_VERSION: i16 = 13;
/// From this version on, the answer says where logs diverge and who leads.
const DIVERGENCE_VERSION: i16 = 12;
/// From this version on, the answer says where the leaders are.
const ENDPOINTS_VERSION: i16 = 16;

/// A fetch that waits for records.
#[derive(Debug)]
pub struct DelayedFetch {
    /// Who waits.
    pub call: Call,
    /// For what.
    pub request: FetchRequest,
}

impl DelayedFetch {
    /// The partitions that are asked for.
    pub fn places(&self, image: &Image) -> Vec<Place> {
        let mut places = Vec::new();
        for topic in &self.request.topics {
            if let Ok(name) = topic_name(topic, self.call.header.api_version, image) {
                let partitions = topic.partitions.iter();
                places.extend(partitions.map(|part| (name.clone(), part.partition)));
            }
        }
        places
    }

    /// The answer as it would be now, and whether to give it before the time is up.
    pub fn try_complete(&self, replicas: &ReplicaManager, image: &Image) -> (FetchResponse, bool) {
        let version = self.call.header.api_version;
        let request = &self.request;
        // Sessions are not kept: a client that is told so names all partitions each time.
        if request.session_id != 0 {
            let error_code = FETCH_SESSION_ID_NOT_FOUND.0 as i16;
            return (FetchResponse { error_code, ..FetchResponse::default() }, true);
        }
        let mut response = FetchResponse::default();
        let mut reader = Reader {
            version,
            left: usize::try_from(request.max_bytes).unwrap_or_default(),
            found: 0,
            failed: false,
        };
        for topic in &request.topics {
            let name = topic_name(topic, version, image);
            let data = topic.partitions.iter().map(|wanted| match &name {
                Err(code) => reader.failed(wanted, *code),
                Ok(name) => reader.read(replicas, image, name, wanted),
            });
            response.responses.push(FetchableTopicResponse {
                topic: topic.topic.clone(),
                topic_id: topic.topic_id,
                partitions: data.collect(),
            });
        }
        let least = usize::try_from(request.min_bytes).unwrap_or_default();
        let nothing_asked = request.topics.is_empty();
        let done = reader.failed || reader.found >= least || nothing_asked;
        if version >= ENDPOINTS_VERSION {
            response.node_endpoints = endpoints(&response, image);
        }
        (response, done)
    }
}

fn topic_name(topic: &FetchTopic, version: i16, image: &Image) -> Result<Arc<str>, ErrorCode> {
    if version < TOPIC_ID_VERSION {
        return Ok(topic.topic.clone());
    }
    let known = image.topic_by_id(topic.topic_id).ok_or(ErrorCode::UNKNOWN_TOPIC_ID)?;
    Ok(known.name.clone())
}

struct Reader {
    version: i16,
    /// How many bytes the answer may still grow by.
    left: usize,
    found: usize,
    failed: bool,
}

impl Reader {
    fn failed(&mut self, wanted: &FetchPartition, code: ErrorCode) -> PartitionData {
        self.failed = true;
        PartitionData {
            partition_index: wanted.partition,
            error_code: code.0 as i16,
            high_watermark: -1,
            records: Records::Whole(Default::default()),
            ..PartitionData::default()
        }
    }

    fn read(
        &mut self,
        replicas: &ReplicaManager,
        image: &Image,
        topic: &str,
        wanted: &FetchPartition,
    ) -> PartitionData {
        let index = wanted.partition;
        let partition = match leading(replicas, image, topic, index, wanted.current_leader_epoch) {
            Ok(partition) => partition,
            Err(code) => {
                let mut data = self.failed(wanted, code);
                let known = image.partition(topic, index);
                if let Some(known) = known.filter(|_| self.version >= DIVERGENCE_VERSION) {
                    data.current_leader = LeaderIdAndEpoch {
                        leader_id: known.leader,
                        leader_epoch: known.leader_epoch,
                    };
                }
                return data;
            }
        };
        let log = &partition.log;
        let mut data = PartitionData {
            partition_index: index,
            high_watermark: partition.high_watermark,
            last_stable_offset: partition.high_watermark,
            log_start_offset: log.start_offset(),
            records: Records::Whole(Default::default()),
            ..PartitionData::default()
        };
        let range = log.start_offset()..=log.end_offset();
        if !range.contains(&wanted.fetch_offset) {
            let code = ErrorCode::OFFSET_OUT_OF_RANGE;
            return PartitionData { log_start_offset: -1, ..self.failed(wanted, code) };
        }
        if self.version >= DIVERGENCE_VERSION && wanted.last_fetched_epoch >= 0 {
            let Some((epoch, end_offset)) = partition.end_of_epoch(wanted.last_fetched_epoch)
            else {
                let code = ErrorCode::OFFSET_OUT_OF_RANGE;
                return PartitionData { log_start_offset: -1, ..self.failed(wanted, code) };
            };
            if epoch < wanted.last_fetched_epoch || end_offset < wanted.fetch_offset {
                self.failed = true;
                data.diverging_epoch = EpochEndOffset { epoch, end_offset };
                return data;
            }
        }
        let most = usize::try_from(wanted.partition_max_bytes).unwrap_or_default().min(self.left);
        let mut batches = log.read(wanted.fetch_offset, partition.high_watermark, most);
        let size = |batches: &[super::log::StoredBatch]| {
            batches.iter().map(|batch| batch.size() as usize).sum::<usize>()
        };
        // The first batch of an answer comes whole, so that a large one does not stop a consumer.
        if self.found > 0 && size(&batches) > most {
            batches.clear();
        }
        let bytes = size(&batches);
        self.found += bytes;
        self.left = self.left.saturating_sub(bytes);
        if !batches.is_empty() {
            let pieces = batches.iter().flat_map(|batch| batch.to_pieces());
            data.records = Records::Pieces(pieces.collect());
        }
        data
    }
}

/// The partition, if this broker leads it and the client knows no other epoch.
pub fn leading<'a>(
    replicas: &'a ReplicaManager,
    image: &Image,
    topic: &str,
    index: i32,
    epoch: i32,
) -> Result<&'a Partition, ErrorCode> {
    if image.partition(topic, index).is_none() {
        return Err(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    }
    let partition = replicas.get(topic, index).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
    if epoch >= 0 && epoch < partition.image.leader_epoch {
        return Err(ErrorCode::FENCED_LEADER_EPOCH);
    }
    if epoch > partition.image.leader_epoch {
        return Err(ErrorCode::UNKNOWN_LEADER_EPOCH);
    }
    partition.leader()?;
    Ok(partition)
}

fn endpoints(response: &FetchResponse, image: &Image) -> Vec<NodeEndpoint> {
    let parts = response.responses.iter().flat_map(|topic| &topic.partitions);
    image.endpoints_of(parts.map(|part| part.current_leader.leader_id))
}
