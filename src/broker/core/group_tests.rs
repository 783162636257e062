//! Groups in a cluster whose coordinators come and go.

use std::time::Duration;

use bytes::Bytes;

use super::tests::Sim;
use super::*;
use crate::wire::messages::join_group::JoinGroupRequestProtocol;
use crate::wire::messages::offset_commit::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::wire::messages::offset_fetch::{OffsetFetchRequestGroup, OffsetFetchRequestTopics};
use crate::wire::messages::sync_group::SyncGroupRequestAssignment;
use crate::wire::messages::{
    FindCoordinatorRequest, HeartbeatRequest, JoinGroupRequest, OffsetCommitRequest,
    OffsetFetchRequest, SyncGroupRequest,
};

const MEMBER_VERSION: i16 = 3;

fn coordinator(sim: &mut Sim, asked: i32) -> Result<i32, ErrorCode> {
    let request = FindCoordinatorRequest {
        coordinator_keys: vec!["g".into()],
        ..FindCoordinatorRequest::default()
    };
    let conn = sim.ask(asked, request, 4);
    let found = sim.answer::<FindCoordinatorRequest>(conn, 4).unwrap().coordinators[0].clone();
    match ErrorCode::from(found.error_code) {
        ErrorCode::NONE => Ok(found.node_id),
        code => Err(code),
    }
}

/// The one member of the group joins and gets its part; gives its id.
fn join(sim: &mut Sim, broker: i32) -> Arc<str> {
    let protocol = JoinGroupRequestProtocol { name: "range".into(), metadata: Bytes::new() };
    let request = JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 6000,
        rebalance_timeout_ms: 6000,
        protocol_type: "consumer".into(),
        protocols: vec![protocol],
        ..JoinGroupRequest::default()
    };
    let conn = sim.ask(broker, request, MEMBER_VERSION);
    let joined = sim.answer::<JoinGroupRequest>(conn, MEMBER_VERSION).unwrap();
    assert_eq!((joined.error_code, joined.generation_id), (0, 1));
    let part = SyncGroupRequestAssignment {
        member_id: joined.member_id.clone(),
        assignment: Bytes::from_static(b"part"),
    };
    let request = SyncGroupRequest {
        group_id: "g".into(),
        generation_id: 1,
        member_id: joined.member_id.clone(),
        assignments: vec![part],
        ..SyncGroupRequest::default()
    };
    let conn = sim.ask(broker, request, MEMBER_VERSION);
    let synced = sim.answer::<SyncGroupRequest>(conn, MEMBER_VERSION).unwrap();
    assert_eq!(synced.assignment, Bytes::from_static(b"part"));
    joined.member_id
}

fn heartbeat(sim: &mut Sim, broker: i32, member_id: &Arc<str>) -> ErrorCode {
    let request = HeartbeatRequest {
        group_id: "g".into(),
        generation_id: 1,
        member_id: member_id.clone(),
        ..HeartbeatRequest::default()
    };
    let conn = sim.ask(broker, request, MEMBER_VERSION);
    sim.answer::<HeartbeatRequest>(conn, MEMBER_VERSION).unwrap().error_code.into()
}

fn commit(sim: &mut Sim, broker: i32, member_id: &Arc<str>, offset: i64) -> ErrorCode {
    let partition = OffsetCommitRequestPartition {
        partition_index: 0,
        committed_offset: offset,
        ..OffsetCommitRequestPartition::default()
    };
    let topic = OffsetCommitRequestTopic {
        name: "t".into(),
        partitions: vec![partition],
        ..OffsetCommitRequestTopic::default()
    };
    let request = OffsetCommitRequest {
        group_id: "g".into(),
        generation_id_or_member_epoch: 1,
        member_id: member_id.clone(),
        topics: vec![topic],
        ..OffsetCommitRequest::default()
    };
    let conn = sim.ask(broker, request, 8);
    let answer = sim.answer::<OffsetCommitRequest>(conn, 8).unwrap();
    answer.topics[0].partitions[0].error_code.into()
}

fn committed(sim: &mut Sim, broker: i32) -> i64 {
    let topic = OffsetFetchRequestTopics {
        name: "t".into(),
        partition_indexes: vec![0],
        ..OffsetFetchRequestTopics::default()
    };
    let group = OffsetFetchRequestGroup {
        group_id: "g".into(),
        topics: Some(vec![topic]),
        ..OffsetFetchRequestGroup::default()
    };
    let request = OffsetFetchRequest { groups: vec![group], ..OffsetFetchRequest::default() };
    let conn = sim.ask(broker, request, 8);
    let answer = sim.answer::<OffsetFetchRequest>(conn, 8).unwrap();
    answer.groups[0].topics[0].partitions[0].committed_offset
}

#[test]
fn a_group_and_its_offsets_survive_their_coordinator() {
    let mut sim = Sim::new(ClusterConfig::brokers(3).topic("t", 1));
    let missing = coordinator(&mut sim, 1);
    assert_eq!(missing, Err(ErrorCode::COORDINATOR_NOT_AVAILABLE), "its topic is made now");
    let first = coordinator(&mut sim, 1).unwrap();
    let member = join(&mut sim, first);
    assert_eq!(commit(&mut sim, first, &member, 42), ErrorCode::NONE);
    let other = 1 + first % 3;
    assert_eq!(heartbeat(&mut sim, other, &member), ErrorCode::NOT_COORDINATOR);

    sim.core.kill_broker(first, sim.now).unwrap();
    sim.pass(Duration::from_secs(1));
    let second = coordinator(&mut sim, other).unwrap();
    assert_ne!(second, first);
    assert_eq!(heartbeat(&mut sim, second, &member), ErrorCode::NONE);
    assert_eq!(committed(&mut sim, second), 42);
    assert_eq!(commit(&mut sim, second, &member, 43), ErrorCode::NONE);

    // And back again, to a broker that has missed it.
    sim.core.start_broker(first, sim.now).unwrap();
    sim.core.elect_preferred(sim.now);
    assert_eq!(coordinator(&mut sim, other), Ok(first));
    assert_eq!(committed(&mut sim, first), 43);
    assert_eq!(heartbeat(&mut sim, first, &member), ErrorCode::NONE);
    assert_eq!(heartbeat(&mut sim, second, &member), ErrorCode::NOT_COORDINATOR);
}

#[test]
fn a_member_that_was_read_and_does_not_come_is_removed_in_time() {
    let mut sim = Sim::new(ClusterConfig::brokers(2));
    let _ = coordinator(&mut sim, 1);
    let first = coordinator(&mut sim, 1).unwrap();
    let member = join(&mut sim, first);
    sim.core.kill_broker(first, sim.now).unwrap();
    sim.pass(Duration::from_secs(1));
    let second = coordinator(&mut sim, 3 - first).unwrap();
    sim.pass(Duration::from_secs(7));
    let silent = heartbeat(&mut sim, second, &member);
    assert_eq!(silent, ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn committed_offsets_take_no_more_room_for_being_committed_often() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.offsets_segment_bytes = 10_000;
    let mut sim = Sim::new(config);
    let _ = coordinator(&mut sim, 1);
    let first = coordinator(&mut sim, 1).unwrap();
    let member = join(&mut sim, first);
    for offset in 0..1000 {
        assert_eq!(commit(&mut sim, first, &member, offset), ErrorCode::NONE);
    }
    for server in sim.core.servers() {
        let bytes = |(_, _, part): (_, _, &crate::broker::partition::Partition)| part.log.bytes();
        let bytes: i64 = server.replicas.all().map(bytes).sum();
        assert!((1..11_000).contains(&bytes), "{bytes}");
    }
    sim.core.kill_broker(first, sim.now).unwrap();
    sim.pass(Duration::from_secs(1));
    let second = coordinator(&mut sim, 1 + first % 3).unwrap();
    assert_eq!(committed(&mut sim, second), 999);
    assert_eq!(heartbeat(&mut sim, second, &member), ErrorCode::NONE);
}
