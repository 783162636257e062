//! A broker of three dies and comes back. On Kafka this runs while nobody else is there.

use kafka_protocol::ResponseError::{self, *};
use kafka_protocol::messages::create_topics_request::CreatableReplicaAssignment;
use kafka_protocol::messages::metadata_response::MetadataResponsePartition;

use super::fetch::{end_of_epoch, fetch_in_epoch};
use super::raw::*;
use super::target::*;

/// What a write of one batch gives: the error, or the offset.
fn produce(raw: &mut Raw, topic: &str, acks: i16, who: Who) -> Result<i64, ResponseError> {
    let answer = raw.produce(topic, acks, &batch(who, &["v"]));
    error(answer.error_code).map_or(Ok(answer.base_offset), Err)
}

/// Waits until a broker knows this of partition 0.
fn until_place(
    raw: &mut Raw,
    topic: &str,
    what: &str,
    is_so: impl Fn(&MetadataResponsePartition) -> bool,
) -> MetadataResponsePartition {
    let mut found = MetadataResponsePartition::default();
    until(what, || {
        let about = describe(raw, topic);
        found = about.partitions.first().cloned().unwrap_or_default();
        is_so(&found)
    });
    found
}

/// A topic of one partition on all brokers, all of which must be in sync; `leader` leads.
fn strict_topic(target: &Target, leader: i32, others: &[i32]) -> String {
    let name = target.name("strict");
    let ids = [&[leader], others].concat().into_iter().map(Into::into).collect();
    let place = CreatableReplicaAssignment::default().with_partition_index(0).with_broker_ids(ids);
    let config = [("min.insync.replicas", "3")];
    let topic = new_topic(&name, -1, -1, &config).with_assignments(vec![place]);
    assert_eq!(error(create(&mut target.connect(), topic).error_code), None);
    target.until_known(&name, 1);
    name
}

pub fn a_broker_dies_and_comes_back(target: &Target) {
    let topic = target.topic("replaced", 1);
    let metadata = target.metadata(&topic);
    let before = place(&metadata.topics[0], 0).clone();
    let ids: Vec<i32> = before.replica_nodes.iter().map(|id| id.0).collect();
    let (old, next) = (ids[0], ids[1]);
    let strict = strict_topic(target, next, &[old, ids[2]]);
    let who = |sequence: i32| (4_000_000 + i64::from(std::process::id()), 0, sequence);
    let mut raw = target.broker(&metadata, old);
    for sequence in 0..5 {
        assert_eq!(produce(&mut raw, &topic, -1, who(sequence)), Ok(sequence.into()));
    }
    target.kill(old);
    assert!(raw.is_closed());
    let mut raw = target.broker(&metadata, next);
    let now = until_place(&mut raw, &topic, "another leads", |place| {
        place.leader_id.0 >= 0 && place.leader_id.0 != old
    });
    assert_eq!((now.leader_id.0, now.leader_epoch), (next, before.leader_epoch + 1));
    assert!(!now.isr_nodes.iter().any(|id| id.0 == old), "{now:?}");
    assert_eq!(now.offline_replicas, [old]);
    assert_eq!(raw.call(12, &known(&[])).unwrap().brokers.len(), 2);
    until("the new leader leads", || error(offsets(&mut raw, &topic, 0, -2).error_code).is_none());
    for sequence in 0..6 {
        let written = produce(&mut raw, &topic, -1, who(sequence));
        assert_eq!(written, Ok(sequence.into()), "known again, and one that is new");
    }
    epochs(&mut raw, &topic, before.leader_epoch, now.leader_epoch);
    refuses_what_all_must_have(&mut raw, &strict);
    target.start(old);
    for topic in [&topic, &strict] {
        let back = until_place(&mut raw, topic, "it is in sync", |p| p.isr_nodes.len() == 3);
        assert!(back.offline_replicas.is_empty());
    }
    until("all can have it", || produce(&mut raw, &strict, -1, NOBODY).is_ok());
    let mut again = target.broker(&metadata, old);
    until("the cluster is whole", || again.call(12, &known(&[])).unwrap().brokers.len() == 3);
    assert_eq!(produce(&mut again, &strict, -1, NOBODY), Err(NotLeaderOrFollower));
}

fn epochs(raw: &mut Raw, topic: &str, before: i32, now: i32) {
    assert_eq!(fetch_in_epoch(raw, topic, before), Some(FencedLeaderEpoch));
    assert_eq!(fetch_in_epoch(raw, topic, now), None);
    assert_eq!(end_of_epoch(raw, topic, before, -1), (None, before, 5));
    assert_eq!(end_of_epoch(raw, topic, now, -1), (None, now, 6));
    assert_eq!(end_of_epoch(raw, topic, before, before).0, Some(FencedLeaderEpoch));
}

fn refuses_what_all_must_have(raw: &mut Raw, topic: &str) {
    let now = until_place(raw, topic, "it is not in sync", |place| place.isr_nodes.len() == 2);
    assert_eq!(now.leader_epoch, 0, "the leader is the same");
    until("the leader knows it", || produce(raw, topic, -1, NOBODY) == Err(NotEnoughReplicas));
    let answer = raw.produce(topic, -1, &batch(NOBODY, &["v"]));
    assert_eq!((answer.base_offset, answer.log_start_offset), (-1, 0));
    let one = produce(raw, topic, 1, NOBODY);
    assert!(one.is_ok(), "the leader alone may say so: {one:?}");
}
