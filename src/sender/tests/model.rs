//! A cluster as far as a producer can tell: leaders, logs, sequences checked as brokers check
//! them (ProducerStateManager), and errors by script.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;

use crate::error::ErrorCode;
use crate::wire::messages::api_versions::ApiVersion;
use crate::wire::messages::metadata::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::wire::messages::produce::{
    LeaderIdAndEpoch, NodeEndpoint, PartitionProduceResponse, TopicProduceResponse,
};
use crate::wire::messages::*;
use crate::wire::record_batch::RecordBatch;
use crate::wire::{Message, Uuid, frame};

/// What becomes of a connection to a broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    Up,
    Refuses,
    /// Neither accepts nor refuses.
    Silent,
}

pub struct Node {
    pub host: String,
    pub health: Health,
}

/// What the next produce to a partition meets.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    Refuse(ErrorCode),
    AppendAndSay(ErrorCode),
}

#[derive(Default)]
struct ProducerState {
    epoch: i16,
    /// First and last sequence and base offset of the last five batches.
    batches: VecDeque<(i32, i32, i64)>,
}

pub struct Partition {
    pub leader: i32,
    pub epoch: i32,
    /// What metadata says of it.
    pub error: ErrorCode,
    /// The opaques of its records, by offset.
    pub log: Vec<u64>,
    pub faults: VecDeque<Fault>,
    producers: HashMap<i64, ProducerState>,
}

impl Partition {
    /// The state of all producers is lost, as by retention or an unclean election.
    pub fn forget_producers(&mut self) {
        self.producers.clear();
    }

    fn append(&mut self, batch: &RecordBatch<'_>) -> Result<i64, ErrorCode> {
        let base = self.log.len() as i64;
        let (header, id) = (&batch.header, batch.header.producer_id);
        if id >= 0 {
            let wrap = |from: i32, by: i32| ((i64::from(from) + i64::from(by)) % (1 << 31)) as i32;
            let (first, epoch) = (header.base_sequence, header.producer_epoch);
            let last = wrap(first, header.record_count - 1);
            if let Some(state) = self.producers.get(&id) {
                let twice = |b: &&(i32, i32, i64)| (b.0, b.1) == (first, last);
                if epoch < state.epoch {
                    return Err(ErrorCode::INVALID_PRODUCER_EPOCH);
                }
                if epoch == state.epoch
                    && let Some(duplicate) = state.batches.iter().find(twice)
                {
                    return Ok(duplicate.2);
                }
                let next = state.batches.back().map_or(0, |b| wrap(b.1, 1));
                let expected = if epoch > state.epoch { 0 } else { next };
                if first != expected {
                    return Err(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
                }
            }
            let state = self.producers.entry(id).or_default();
            if state.epoch != epoch {
                *state = ProducerState { epoch, ..ProducerState::default() };
            }
            state.batches.push_back((first, last, base));
            if state.batches.len() > 5 {
                state.batches.pop_front();
            }
        }
        self.log.extend(opaques(batch));
        Ok(base)
    }
}

/// The number that the harness writes into the value of each record.
pub fn opaques(batch: &RecordBatch<'_>) -> Vec<u64> {
    let opaque = |value: &[u8]| u64::from_be_bytes(*value.first_chunk().expect("8 bytes"));
    let records = batch.records(batch.records_section()).expect("records");
    records.map(|record| opaque(record.expect("a record").value.expect("a value"))).collect()
}

pub struct Topic {
    pub id: Uuid,
    pub error: ErrorCode,
    pub partitions: Vec<Partition>,
}

pub struct Cluster {
    pub nodes: BTreeMap<i32, Node>,
    pub topics: BTreeMap<String, Topic>,
    /// The versions that the brokers offer, by API key.
    pub versions: BTreeMap<i16, (i16, i16)>,
    /// The topics of each metadata request.
    pub metadata_asked: Vec<Vec<String>>,
    /// Top-level errors of the next metadata answers.
    pub metadata_errors: VecDeque<ErrorCode>,
    /// Whether brokers name new leaders in produce answers (KIP-951).
    pub hints: bool,
    pub throttle_ms: i32,
    /// `max.message.bytes` of all topics.
    pub max_message_bytes: usize,
    pub ids_asked: usize,
    /// What the next ApiVersions requests are answered with.
    pub version_errors: VecDeque<ErrorCode>,
    pub versions_asked: usize,
    pub id_errors: VecDeque<ErrorCode>,
    /// The epoch that a new producer id comes with.
    pub first_epoch: i16,
    pub next_producer_id: i64,
}

impl Cluster {
    /// Brokers 1 to `nodes`, at hosts `b1`, `b2`, …; nothing in it.
    pub fn new(nodes: i32) -> Cluster {
        let node = |id: i32| (id, Node { host: format!("b{id}"), health: Health::Up });
        let api = |key: i16, range: std::ops::RangeInclusive<i16>| (key, range.into_inner());
        Cluster {
            nodes: (1..=nodes).map(node).collect(),
            topics: BTreeMap::new(),
            versions: BTreeMap::from([
                api(ProduceRequest::KEY, ProduceRequest::VERSIONS),
                api(MetadataRequest::KEY, MetadataRequest::VERSIONS),
                api(ApiVersionsRequest::KEY, ApiVersionsRequest::VERSIONS),
                api(InitProducerIdRequest::KEY, InitProducerIdRequest::VERSIONS),
            ]),
            metadata_asked: Vec::new(),
            metadata_errors: VecDeque::new(),
            hints: false,
            throttle_ms: 0,
            max_message_bytes: usize::MAX,
            ids_asked: 0,
            version_errors: VecDeque::new(),
            versions_asked: 0,
            id_errors: VecDeque::new(),
            first_epoch: 0,
            next_producer_id: 1000,
        }
    }

    /// A topic whose partitions are led in turn by the brokers.
    pub fn create(&mut self, name: &str, partitions: i32) {
        let ids: Vec<i32> = self.nodes.keys().copied().collect();
        let partition = |index: i32| Partition {
            leader: ids[index as usize % ids.len()],
            epoch: 0,
            error: ErrorCode::NONE,
            log: Vec::new(),
            faults: VecDeque::new(),
            producers: HashMap::new(),
        };
        let id = Uuid((self.topics.len() as u128 + 1).to_be_bytes());
        let partitions = (0..partitions).map(partition).collect();
        self.topics.insert(name.to_owned(), Topic { id, error: ErrorCode::NONE, partitions });
    }

    pub fn partition(&mut self, topic: &str, partition: i32) -> &mut Partition {
        &mut self.topics.get_mut(topic).expect("a topic").partitions[partition as usize]
    }

    /// Another broker leads from now on; -1 is none.
    pub fn move_leader(&mut self, topic: &str, partition: i32, leader: i32) {
        let partition = self.partition(topic, partition);
        partition.leader = leader;
        partition.error = match leader {
            -1 => ErrorCode::LEADER_NOT_AVAILABLE,
            _ => ErrorCode::NONE,
        };
        partition.epoch += 1;
    }

    /// Answers a request as broker `node`. The answer is without its length; `None` is acks=0.
    pub fn answer(
        &mut self,
        node: i32,
        header: &crate::wire::RequestHeader,
        rest: Bytes,
    ) -> Option<Bytes> {
        let version = header.api_version;
        let (min, max) = self.versions[&header.api_key];
        if header.api_key == ApiVersionsRequest::KEY {
            self.versions_asked += 1;
            let mut answer = self.api_versions();
            let known = (min..=max).contains(&version);
            let old = if known { ErrorCode::NONE } else { ErrorCode::UNSUPPORTED_VERSION };
            let code = self.version_errors.pop_front().unwrap_or(old);
            answer.error_code = code.0 as i16;
            let version = if code == ErrorCode::UNSUPPORTED_VERSION { 0 } else { version };
            return Some(response(answer, version, header.correlation_id));
        }
        assert!((min..=max).contains(&version), "{header:?} was not offered");
        match header.api_key {
            ProduceRequest::KEY => {
                let request: ProduceRequest = frame::decode_request(rest, version).unwrap();
                let acks = request.acks;
                let answer = self.produce(node, &request, version);
                (acks != 0).then(|| response(answer, version, header.correlation_id))
            }
            MetadataRequest::KEY => {
                let request: MetadataRequest = frame::decode_request(rest, version).unwrap();
                Some(response(self.metadata(&request, version), version, header.correlation_id))
            }
            _ => {
                let request = frame::decode_request(rest, version).unwrap();
                Some(response(self.init_producer_id(&request), version, header.correlation_id))
            }
        }
    }

    fn api_versions(&self) -> ApiVersionsResponse {
        let api = |(key, range): (&i16, &(i16, i16))| ApiVersion {
            api_key: *key,
            min_version: range.0,
            max_version: range.1,
        };
        let api_keys = self.versions.iter().map(api).collect();
        ApiVersionsResponse { api_keys, ..ApiVersionsResponse::default() }
    }

    fn init_producer_id(&mut self, request: &InitProducerIdRequest) -> InitProducerIdResponse {
        assert_eq!((request.producer_id, request.transactional_id.as_deref()), (-1, None));
        self.ids_asked += 1;
        if let Some(error) = self.id_errors.pop_front() {
            let error_code = error.0 as i16;
            return InitProducerIdResponse { error_code, ..InitProducerIdResponse::default() };
        }
        self.next_producer_id += 1;
        InitProducerIdResponse {
            producer_id: self.next_producer_id,
            producer_epoch: self.first_epoch,
            ..InitProducerIdResponse::default()
        }
    }

    fn metadata(&mut self, request: &MetadataRequest, version: i16) -> MetadataResponse {
        let names = request.topics.as_ref().expect("topics are named");
        let mut names: Vec<String> =
            names.iter().map(|topic| topic.name.as_deref().expect("by name").to_owned()).collect();
        names.sort();
        let broker = |(id, node): (&i32, &Node)| MetadataResponseBroker {
            node_id: *id,
            host: node.host.as_str().into(),
            port: 9092,
            rack: None,
        };
        let answer = MetadataResponse {
            brokers: self.nodes.iter().map(broker).collect(),
            topics: names.iter().map(|name| self.topic_metadata(name, version)).collect(),
            error_code: self.metadata_errors.pop_front().unwrap_or(ErrorCode::NONE).0 as i16,
            ..MetadataResponse::default()
        };
        self.metadata_asked.push(names);
        answer
    }

    fn topic_metadata(&self, name: &str, version: i16) -> MetadataResponseTopic {
        let unknown = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0 as i16;
        let mut answer = MetadataResponseTopic {
            name: Some(name.into()),
            error_code: unknown,
            ..MetadataResponseTopic::default()
        };
        let Some(topic) = self.topics.get(name) else { return answer };
        answer.error_code = topic.error.0 as i16;
        answer.topic_id = if version >= 10 { topic.id } else { Uuid::ZERO };
        let partition = |(index, partition): (usize, &Partition)| MetadataResponsePartition {
            partition_index: index as i32,
            leader_id: partition.leader,
            leader_epoch: if version >= 7 { partition.epoch } else { -1 },
            error_code: partition.error.0 as i16,
            ..MetadataResponsePartition::default()
        };
        answer.partitions = topic.partitions.iter().enumerate().map(partition).collect();
        answer
    }

    fn produce(&mut self, node: i32, request: &ProduceRequest, version: i16) -> ProduceResponse {
        let mut answer =
            ProduceResponse { throttle_time_ms: self.throttle_ms, ..ProduceResponse::default() };
        for data in &request.topic_data {
            let by_id = |topic: &&Topic| topic.id == data.topic_id;
            let name = match version {
                13.. => {
                    let found = self.topics.iter().find(|(_, topic)| by_id(topic));
                    found.map_or("?".to_owned(), |(name, _)| name.clone())
                }
                _ => data.name.to_string(),
            };
            let mut responses = Vec::new();
            for partition in &data.partition_data {
                let bytes = partition.records.to_bytes().expect("records");
                responses.push(self.append(node, &name, partition.index, &bytes));
            }
            answer.responses.push(TopicProduceResponse {
                name: if version >= 13 { "".into() } else { data.name.clone() },
                topic_id: if version >= 13 { data.topic_id } else { Uuid::ZERO },
                partition_responses: responses,
            });
        }
        if self.hints && version >= 10 {
            answer.node_endpoints = self.endpoints(&answer);
        }
        answer
    }

    fn append(
        &mut self,
        node: i32,
        topic: &str,
        index: i32,
        bytes: &[u8],
    ) -> PartitionProduceResponse {
        let (batch, mut rest) = (RecordBatch::take(&mut &*bytes).expect("a batch"), bytes);
        batch.check_crc().expect("a good checksum");
        RecordBatch::take(&mut rest).expect("a batch");
        assert!(rest.is_empty(), "one batch per partition");
        let mut answer = PartitionProduceResponse {
            index,
            base_offset: -1,
            ..PartitionProduceResponse::default()
        };
        let (hints, max) = (self.hints, self.max_message_bytes);
        let found = self.topics.get_mut(topic);
        let Some(partition) = found.and_then(|t| t.partitions.get_mut(index as usize)) else {
            answer.error_code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION.0 as i16;
            return answer;
        };
        let result = match partition.faults.pop_front() {
            _ if partition.leader != node => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
            None if bytes.len() > max => Err(ErrorCode::MESSAGE_TOO_LARGE),
            None => partition.append(&batch),
            Some(Fault::Refuse(code)) => Err(code),
            Some(Fault::AppendAndSay(code)) => partition.append(&batch).and(Err(code)),
        };
        match result {
            Ok(base_offset) => answer.base_offset = base_offset,
            Err(code) => answer.error_code = code.0 as i16,
        }
        if hints && result == Err(ErrorCode::NOT_LEADER_OR_FOLLOWER) {
            let (leader_id, leader_epoch) = (partition.leader, partition.epoch);
            answer.current_leader = LeaderIdAndEpoch { leader_id, leader_epoch };
        }
        answer
    }

    fn endpoints(&self, answer: &ProduceResponse) -> Vec<NodeEndpoint> {
        let partitions = answer.responses.iter().flat_map(|topic| &topic.partition_responses);
        let leaders = partitions.map(|partition| partition.current_leader.leader_id);
        let endpoint = |id: i32| NodeEndpoint {
            node_id: id,
            host: self.nodes[&id].host.as_str().into(),
            port: 9092,
            rack: None,
        };
        leaders.filter(|id| *id >= 0).map(endpoint).collect()
    }
}

/// A response without its length.
pub fn response<M: Message>(mut message: M, version: i16, correlation_id: i32) -> Bytes {
    let frame = frame::encode_response(&mut message, version, correlation_id).expect("encodes");
    Bytes::from(frame.pieces.concat()).slice(4..)
}

/// A request without its length.
pub fn request_bytes(pieces: &[Bytes]) -> Bytes {
    let frame = Bytes::from(pieces.concat());
    let length = u32::from_be_bytes(*frame.first_chunk().expect("a length"));
    assert_eq!(length as usize, frame.len() - 4);
    frame.slice(4..)
}
