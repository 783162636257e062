//! A second opinion: what is encoded here, another implementation decodes and encodes to the same
//! bytes, in each version of each message.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages as theirs;
use kafka_protocol::protocol::{Decodable, Encodable, Message as TheirMessage};

use super::random::random;
use super::*;
use crate::wire::{Reader, Writer};

const MESSAGES_PER_VERSION: u64 = 64;

fn encode<M: Message>(message: &mut M, version: i16) -> Bytes {
    let mut writer = Writer::new::<M>(version).unwrap();
    message.fields(&mut writer).expect("a message that fits the version");
    joined(&writer.finish().unwrap()).slice(4..)
}

fn agree_on<M: Message, T: Encodable + Decodable>(version: i16, seed: u64) {
    let label = format!("{} v{version}, seed {seed}", M::NAME);
    let mut message: M = random(version, seed);
    let bytes = encode(&mut message, version);
    let mut input = bytes.clone();
    let their_message = T::decode(&mut input, version).expect(&label);
    assert!(input.is_empty(), "{label}: they leave {} bytes", input.len());
    let mut their_bytes = BytesMut::new();
    their_message.encode(&mut their_bytes, version).expect(&label);
    assert_eq!(hex(&their_bytes), hex(&bytes), "{label}");
    let mut reader = Reader::new::<M>(their_bytes.freeze(), version).unwrap();
    let again = M::decode(&mut reader).expect(&label);
    assert_eq!(reader.remaining(), 0, "{label}");
    assert_eq!(again, message, "{label}");
}

/// Checks random messages of each version that both know; `behind` is how many of the newest the
/// other implementation does not know yet. Frames of Java cover those.
fn agree<M: Message, T: Encodable + Decodable + TheirMessage>(behind: i16) {
    let newest = M::VERSIONS.end() - behind;
    assert_eq!(newest, T::VERSIONS.max.min(*M::VERSIONS.end()), "{}", M::NAME);
    for version in *M::VERSIONS.start()..=newest {
        for seed in 0..MESSAGES_PER_VERSION {
            agree_on::<M, T>(version, seed);
        }
    }
}

macro_rules! agree {
    ($($test:ident:
        $request:ident $requests_behind:literal, $response:ident $behind:literal;)*) => {
        $(#[test]
        fn $test() {
            agree::<$request, theirs::$request>($requests_behind);
            agree::<$response, theirs::$response>($behind);
        })*

        #[test]
        fn no_message_is_without_a_second_opinion() {
            let names = [$($request::NAME, $response::NAME),*];
            struct Asked<'a>(&'a [&'a str]);
            impl Visitor for Asked<'_> {
                fn visit<M: Message>(&mut self) {
                    assert!(self.0.contains(&M::NAME), "{}", M::NAME);
                }
            }
            with_every_message(&mut Asked(&names));
        }
    };
}

agree! {
    produce_agrees_with_another_implementation: ProduceRequest 0, ProduceResponse 0;
    fetch_agrees_with_another_implementation: FetchRequest 0, FetchResponse 0;
    list_offsets_agrees_with_another_implementation: ListOffsetsRequest 1, ListOffsetsResponse 1;
    metadata_agrees_with_another_implementation: MetadataRequest 0, MetadataResponse 0;
    offset_commit_agrees_with_another_implementation:
        OffsetCommitRequest 1, OffsetCommitResponse 0;
    offset_fetch_agrees_with_another_implementation: OffsetFetchRequest 1, OffsetFetchResponse 0;
    find_coordinator_agrees_with_another_implementation:
        FindCoordinatorRequest 0, FindCoordinatorResponse 0;
    join_group_agrees_with_another_implementation: JoinGroupRequest 0, JoinGroupResponse 0;
    heartbeat_agrees_with_another_implementation: HeartbeatRequest 0, HeartbeatResponse 0;
    leave_group_agrees_with_another_implementation: LeaveGroupRequest 0, LeaveGroupResponse 0;
    sync_group_agrees_with_another_implementation: SyncGroupRequest 0, SyncGroupResponse 0;
    api_versions_agrees_with_another_implementation: ApiVersionsRequest 0, ApiVersionsResponse 0;
    init_producer_id_agrees_with_another_implementation:
        InitProducerIdRequest 0, InitProducerIdResponse 0;
    describe_groups_agrees_with_another_implementation:
        DescribeGroupsRequest 0, DescribeGroupsResponse 0;
    list_groups_agrees_with_another_implementation:
        ListGroupsRequest 0, ListGroupsResponse 0;
    create_topics_agrees_with_another_implementation:
        CreateTopicsRequest 0, CreateTopicsResponse 0;
    delete_topics_agrees_with_another_implementation:
        DeleteTopicsRequest 0, DeleteTopicsResponse 0;
    offset_for_leader_epoch_agrees_with_another_implementation:
        OffsetForLeaderEpochRequest 0, OffsetForLeaderEpochResponse 0;
    describe_configs_agrees_with_another_implementation:
        DescribeConfigsRequest 0, DescribeConfigsResponse 0;
    create_partitions_agrees_with_another_implementation:
        CreatePartitionsRequest 0, CreatePartitionsResponse 0;
    incremental_alter_configs_agrees_with_another_implementation:
        IncrementalAlterConfigsRequest 0, IncrementalAlterConfigsResponse 0;
    describe_cluster_agrees_with_another_implementation:
        DescribeClusterRequest 0, DescribeClusterResponse 0;
}
