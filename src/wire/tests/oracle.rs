//! A second opinion: what is encoded here, another implementation decodes and encodes to the same
//! bytes, in each version of each message.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::*;
use crate::wire::messages::{api_versions::*, metadata::*, produce::*};
use crate::wire::{Reader, Records, Uuid, Writer};

fn encode<M: Message>(message: &mut M, version: i16) -> Bytes {
    let mut writer = Writer::new::<M>(version).unwrap();
    message.fields(&mut writer).expect("a message that fits the version");
    joined(&writer.finish().unwrap()).slice(4..)
}

/// Checks random messages of every version, made by `strategy(version)`.
fn agree<M: Message, T: Encodable + Decodable, S: Strategy<Value = M>>(
    strategy: impl Fn(i16) -> S,
) {
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    for version in M::VERSIONS {
        let mut runner = TestRunner::new(config.clone());
        let result = runner.run(&strategy(version), |mut message| {
            let bytes = encode(&mut message, version);
            let mut input = bytes.clone();
            let their_message = T::decode(&mut input, version).expect("they decode ours");
            prop_assert!(input.is_empty(), "they leave {} bytes", input.len());
            let mut their_bytes = BytesMut::new();
            their_message.encode(&mut their_bytes, version).expect("they encode it again");
            prop_assert_eq!(hex(&their_bytes), hex(&bytes));
            let mut reader = Reader::new::<M>(their_bytes.freeze(), version).unwrap();
            let mut again = M::decode(&mut reader).expect("we decode theirs");
            prop_assert_eq!(reader.remaining(), 0);
            prop_assert_eq!(hex(&encode(&mut again, version)), hex(&bytes));
            // In the newest version no field is left out, save those of a few versions only.
            if version == *M::VERSIONS.end() {
                prop_assert_eq!(again, message);
            }
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{} v{version}: {error}", M::NAME));
    }
}

fn name() -> impl Strategy<Value = Arc<str>> {
    prop_oneof![Just(String::new()), "[a-zé漢.]{1,20}", "x{126,130}"].prop_map(Arc::from)
}

fn maybe_name() -> impl Strategy<Value = Option<Arc<str>>> {
    prop::option::of(name())
}

fn id() -> impl Strategy<Value = Uuid> {
    any::<[u8; 16]>().prop_map(Uuid)
}

fn list<T: Strategy>(item: T) -> impl Strategy<Value = Vec<T::Value>> {
    prop::collection::vec(item, 0..4)
}

/// A value that only some versions can carry.
fn only<T: Clone + std::fmt::Debug + 'static>(
    there: bool,
    value: impl Strategy<Value = T> + 'static,
    default: T,
) -> BoxedStrategy<T> {
    if there { value.boxed() } else { Just(default).boxed() }
}

fn records() -> impl Strategy<Value = Records> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200).prop_map(Bytes::from);
    prop_oneof![
        Just(Records::Null),
        bytes().prop_map(Records::Whole),
        bytes().prop_map(|records| Records::Batch { header: [3; 61], records }),
    ]
}

#[test]
fn produce_requests_agree_with_another_implementation() {
    agree::<ProduceRequest, theirs::ProduceRequest, _>(|version| {
        let partition = (any::<i32>(), records())
            .prop_map(|(index, records)| PartitionProduceData { index, records });
        let (named, by_id) = (version <= 12, version >= 13);
        let topic =
            (only(named, name(), Arc::default()), only(by_id, id(), Uuid::ZERO), list(partition))
                .prop_map(|(name, topic_id, partition_data)| TopicProduceData {
                    name,
                    topic_id,
                    partition_data,
                });
        (maybe_name(), any::<i16>(), any::<i32>(), list(topic)).prop_map(
            |(transactional_id, acks, timeout_ms, topic_data)| ProduceRequest {
                transactional_id,
                acks,
                timeout_ms,
                topic_data,
            },
        )
    });
}

fn partition_response() -> impl Strategy<Value = PartitionProduceResponse> {
    let record_error = (any::<i32>(), maybe_name()).prop_map(|(batch_index, message)| {
        BatchIndexAndErrorMessage { batch_index, batch_index_error_message: message }
    });
    let leader = prop_oneof![
        Just(LeaderIdAndEpoch::default()),
        any::<(i32, i32)>()
            .prop_map(|(leader_id, leader_epoch)| LeaderIdAndEpoch { leader_id, leader_epoch }),
    ];
    let numbers = any::<(i32, i16, i64, i64, i64)>();
    (numbers, list(record_error), maybe_name(), leader).prop_map(
        |(numbers, record_errors, error_message, current_leader)| PartitionProduceResponse {
            index: numbers.0,
            error_code: numbers.1,
            base_offset: numbers.2,
            log_append_time_ms: numbers.3,
            log_start_offset: numbers.4,
            record_errors,
            error_message,
            current_leader,
        },
    )
}

#[test]
fn produce_responses_agree_with_another_implementation() {
    agree::<ProduceResponse, theirs::ProduceResponse, _>(|version| {
        let (named, by_id) = (version <= 12, version >= 13);
        let topic =
            (
                only(named, name(), Arc::default()),
                only(by_id, id(), Uuid::ZERO),
                list(partition_response()),
            )
                .prop_map(|(name, topic_id, partition_responses)| {
                    TopicProduceResponse { name, topic_id, partition_responses }
                });
        let endpoint = (any::<i32>(), name(), any::<i32>(), maybe_name())
            .prop_map(|(node_id, host, port, rack)| NodeEndpoint { node_id, host, port, rack });
        (list(topic), any::<i32>(), list(endpoint)).prop_map(
            |(responses, throttle_time_ms, node_endpoints)| ProduceResponse {
                responses,
                throttle_time_ms,
                node_endpoints,
            },
        )
    });
}

#[test]
fn metadata_requests_agree_with_another_implementation() {
    agree::<MetadataRequest, theirs::MetadataRequest, _>(|version| {
        let by_id = version >= 10;
        let some_name = name().prop_map(Some);
        let topic_name = if by_id { maybe_name().boxed() } else { some_name.boxed() };
        let topic = (only(by_id, id(), Uuid::ZERO), topic_name)
            .prop_map(|(topic_id, name)| MetadataRequestTopic { topic_id, name });
        let topics = list(topic).prop_map(Some);
        let all = Just(None);
        (
            if version >= 1 { prop_oneof![topics, all].boxed() } else { topics.boxed() },
            only(version >= 4, any::<bool>(), true),
            only((8..=10).contains(&version), any::<bool>(), false),
            only(version >= 8, any::<bool>(), false),
        )
            .prop_map(|(topics, create, cluster, topic)| MetadataRequest {
                topics,
                allow_auto_topic_creation: create,
                include_cluster_authorized_operations: cluster,
                include_topic_authorized_operations: topic,
            })
    });
}

fn partition() -> impl Strategy<Value = MetadataResponsePartition> {
    let nodes = || list(any::<i32>());
    (any::<(i16, i32, i32, i32)>(), nodes(), nodes(), nodes()).prop_map(
        |(numbers, replica_nodes, isr_nodes, offline_replicas)| MetadataResponsePartition {
            error_code: numbers.0,
            partition_index: numbers.1,
            leader_id: numbers.2,
            leader_epoch: numbers.3,
            replica_nodes,
            isr_nodes,
            offline_replicas,
        },
    )
}

fn topic(version: i16) -> impl Strategy<Value = MetadataResponseTopic> {
    let some_name = name().prop_map(Some);
    let topic_name = if version >= 12 { maybe_name().boxed() } else { some_name.boxed() };
    let operations = only(version >= 8, any::<i32>(), NO_AUTHORIZED_OPERATIONS);
    (any::<(i16, bool)>(), topic_name, id(), list(partition()), operations).prop_map(
        |((error_code, is_internal), name, topic_id, partitions, operations)| {
            MetadataResponseTopic {
                error_code,
                name,
                topic_id,
                is_internal,
                partitions,
                topic_authorized_operations: operations,
            }
        },
    )
}

#[test]
fn metadata_responses_agree_with_another_implementation() {
    agree::<MetadataResponse, theirs::MetadataResponse, _>(|version| {
        let broker = (any::<i32>(), name(), any::<i32>(), maybe_name()).prop_map(
            |(node_id, host, port, rack)| MetadataResponseBroker { node_id, host, port, rack },
        );
        let operations = (8..=10).contains(&version);
        (
            any::<(i32, i32, i16)>(),
            list(broker),
            maybe_name(),
            list(topic(version)),
            only(operations, any::<i32>(), NO_AUTHORIZED_OPERATIONS),
        )
            .prop_map(|(numbers, brokers, cluster_id, topics, operations)| {
                MetadataResponse {
                    throttle_time_ms: numbers.0,
                    brokers,
                    cluster_id,
                    controller_id: numbers.1,
                    topics,
                    cluster_authorized_operations: operations,
                    error_code: numbers.2,
                }
            })
    });
}

#[test]
fn api_versions_messages_agree_with_another_implementation() {
    agree::<ApiVersionsRequest, theirs::ApiVersionsRequest, _>(|version| {
        let there = version >= 3;
        let name = || only(there, name(), Arc::default());
        (name(), name()).prop_map(|(client_software_name, client_software_version)| {
            ApiVersionsRequest { client_software_name, client_software_version }
        })
    });
    agree::<ApiVersionsResponse, theirs::ApiVersionsResponse, _>(|_| {
        let api = any::<(i16, i16, i16)>().prop_map(|(api_key, min_version, max_version)| {
            ApiVersion { api_key, min_version, max_version }
        });
        let supported = (name(), any::<i16>(), any::<i16>()).prop_map(|(name, min, max)| {
            SupportedFeatureKey { name, min_version: min, max_version: max }
        });
        let finalized = (name(), any::<i16>(), any::<i16>()).prop_map(|(name, max, min)| {
            FinalizedFeatureKey { name, max_version_level: max, min_version_level: min }
        });
        let epoch = prop_oneof![Just(-1), any::<i64>()];
        let rest = (list(supported), epoch, list(finalized), any::<bool>());
        (any::<(i16, i32)>(), list(api), rest).prop_map(|(numbers, api_keys, rest)| {
            ApiVersionsResponse {
                error_code: numbers.0,
                api_keys,
                throttle_time_ms: numbers.1,
                supported_features: rest.0,
                finalized_features_epoch: rest.1,
                finalized_features: rest.2,
                zk_migration_ready: rest.3,
            }
        })
    });
}

#[test]
fn init_producer_id_messages_agree_with_another_implementation() {
    agree::<InitProducerIdRequest, theirs::InitProducerIdRequest, _>(|version| {
        let producer_id = only(version >= 3, any::<i64>(), -1);
        let producer_epoch = only(version >= 3, any::<i16>(), -1);
        (maybe_name(), any::<i32>(), producer_id, producer_epoch).prop_map(
            |(transactional_id, timeout_ms, producer_id, producer_epoch)| InitProducerIdRequest {
                transactional_id,
                transaction_timeout_ms: timeout_ms,
                producer_id,
                producer_epoch,
            },
        )
    });
    agree::<InitProducerIdResponse, theirs::InitProducerIdResponse, _>(|_| {
        any::<(i32, i16, i64, i16)>().prop_map(|numbers| InitProducerIdResponse {
            throttle_time_ms: numbers.0,
            error_code: numbers.1,
            producer_id: numbers.2,
            producer_epoch: numbers.3,
        })
    });
}
