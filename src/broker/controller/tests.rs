//! Tests of what the controller decides.

use super::*;
use crate::broker::metadata_cache::Endpoint;

fn cluster(brokers: &[i32]) -> (Controller, Registry, fastrand::Rng) {
    let mut registry = Registry::new("id".into());
    for id in brokers {
        register(&mut registry, *id);
    }
    (Controller::default(), registry, fastrand::Rng::with_seed(7))
}

fn register(registry: &mut Registry, id: i32) {
    registry.register(id, Endpoint { host: "h".into(), port: 1, rack: None });
}

fn topic(name: &str, partitions: i32, factor: i16) -> NewTopic {
    NewTopic {
        name: name.into(),
        partitions,
        replication_factor: factor,
        assignment: None,
        config: TopicConfig::default(),
    }
}

fn assigned(replicas: &[i32]) -> NewTopic {
    NewTopic { assignment: Some(vec![replicas.to_vec()]), ..topic("t", 1, 1) }
}

fn partition(registry: &Registry) -> PartitionImage {
    registry.topics["t"].partitions[0].clone()
}

#[test]
fn leaders_and_replicas_are_spread_over_the_brokers() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2, 3, 4]);
    let made = controller.create_topic(&topic("t", 12, 3), &mut registry, &mut rng).unwrap();
    for id in 1..=4 {
        let leads = made.partitions.iter().filter(|p| p.leader == id).count();
        let hosts = made.partitions.iter().filter(|p| p.replicas.contains(&id)).count();
        assert_eq!((leads, hosts), (3, 9), "broker {id}");
    }
    for partition in &made.partitions {
        let mut replicas = partition.replicas.clone();
        replicas.sort_unstable();
        replicas.dedup();
        assert_eq!(replicas.len(), 3);
        assert_eq!(partition.isr, partition.replicas);
        assert_eq!(partition.leader, partition.replicas[0]);
    }
    assert!(!made.id.is_zero());
}

#[test]
fn one_broker_hosts_everything() {
    let (mut controller, mut registry, mut rng) = cluster(&[5]);
    let made = controller.create_topic(&topic("t", 3, 1), &mut registry, &mut rng).unwrap();
    assert!(made.partitions.iter().all(|p| p.replicas == [5]));
}

#[test]
fn bad_topics_are_refused_with_kafkas_error() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2]);
    let mut code = |new: &NewTopic| {
        controller.create_topic(new, &mut registry, &mut rng).map_err(|(code, _)| code)
    };
    code(&topic("t", 1, 2)).unwrap();
    assert_eq!(code(&topic("t", 1, 1)), Err(ErrorCode::TOPIC_ALREADY_EXISTS));
    assert_eq!(code(&topic("a b", 1, 1)), Err(ErrorCode::INVALID_TOPIC_EXCEPTION));
    assert_eq!(code(&topic("..", 1, 1)), Err(ErrorCode::INVALID_TOPIC_EXCEPTION));
    assert_eq!(code(&topic("u", 0, 1)), Err(ErrorCode::INVALID_PARTITIONS));
    assert_eq!(code(&topic("u", 1, 3)), Err(ErrorCode::INVALID_REPLICATION_FACTOR));
    assert_eq!(code(&topic("u", 1, 0)), Err(ErrorCode::INVALID_REPLICATION_FACTOR));
    let twice = NewTopic { name: "u".into(), ..assigned(&[1, 1]) };
    assert_eq!(code(&twice), Err(ErrorCode::INVALID_REPLICA_ASSIGNMENT));
    let nobody = NewTopic { name: "u".into(), ..assigned(&[9]) };
    assert_eq!(code(&nobody), Err(ErrorCode::INVALID_REPLICA_ASSIGNMENT));
}

#[test]
fn a_leader_that_is_gone_is_followed_by_one_that_is_in_sync() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2, 3]);
    controller.create_topic(&assigned(&[1, 2, 3]), &mut registry, &mut rng).unwrap();
    let lags = Event::AlterPartition {
        broker: 1,
        topic: "t".into(),
        topic_id: registry.topics["t"].id,
        index: 0,
        leader_epoch: 0,
        partition_epoch: 0,
        isr: vec![1, 3],
    };
    assert!(controller.handle(lags, &mut registry, &mut rng));
    registry.expire(1);
    controller.handle(Event::BrokerLeft(1), &mut registry, &mut rng);
    let now = partition(&registry);
    assert_eq!((now.leader, now.leader_epoch, now.isr), (3, 1, vec![3]));

    registry.expire(3);
    controller.handle(Event::BrokerLeft(3), &mut registry, &mut rng);
    let now = partition(&registry);
    assert_eq!((now.leader, &now.isr[..]), (-1, &[3][..]), "2 is alive, but lacks records");

    register(&mut registry, 1);
    controller.handle(Event::BrokerJoined, &mut registry, &mut rng);
    assert_eq!(partition(&registry).leader, -1);
    register(&mut registry, 3);
    controller.handle(Event::BrokerJoined, &mut registry, &mut rng);
    assert_eq!(partition(&registry).leader, 3);
}

#[test]
fn who_leads_no_more_cannot_change_who_is_in_sync() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2]);
    controller.create_topic(&assigned(&[1, 2]), &mut registry, &mut rng).unwrap();
    controller.move_leader("t", 0, 2, &mut registry).unwrap();
    let topic_id = registry.topics["t"].id;
    let alter_in = |topic_id, broker, leader_epoch, partition_epoch, isr: &[i32]| {
        let (topic, isr) = ("t".into(), isr.to_vec());
        let index = 0;
        Event::AlterPartition { broker, topic, topic_id, index, leader_epoch, partition_epoch, isr }
    };
    let alter = |broker, leader_epoch, partition_epoch, isr: &[i32]| {
        alter_in(topic_id, broker, leader_epoch, partition_epoch, isr)
    };
    let mut takes = |event| controller.handle(event, &mut registry, &mut rng);
    assert!(!takes(alter(1, 0, 1, &[1])), "it leads no more");
    assert!(!takes(alter(2, 0, 1, &[2])), "it leads in another epoch");
    assert!(!takes(alter(2, 1, 0, &[2])), "it does not know the last change");
    assert!(!takes(alter(2, 1, 1, &[2, 9])), "it names a broker that is not there");
    assert!(!takes(alter_in(Uuid([7; 16]), 2, 1, 1, &[2])), "it led a topic that was deleted");
    assert!(takes(alter(2, 1, 1, &[2])));
    let error = controller.move_leader("t", 0, 1, &mut registry).unwrap_err();
    assert_eq!(error.0, ErrorCode::INELIGIBLE_REPLICA);
    let error = controller.move_leader("t", 1, 1, &mut registry).unwrap_err();
    assert_eq!(error.0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
}

#[test]
fn a_new_controller_finds_what_its_predecessor_left_undone() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2]);
    controller.create_topic(&assigned(&[1, 2]), &mut registry, &mut rng).unwrap();
    registry.expire(1);
    assert!(controller.handle(Event::Failover, &mut registry, &mut rng));
    assert_eq!(partition(&registry).leader, 2);
    assert!(!controller.handle(Event::Failover, &mut registry, &mut rng), "nothing more");
}

#[test]
fn preferred_leaders_take_over_when_they_are_in_sync() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2]);
    controller.create_topic(&assigned(&[1, 2]), &mut registry, &mut rng).unwrap();
    controller.move_leader("t", 0, 2, &mut registry).unwrap();
    assert!(controller.handle(Event::ElectPreferred, &mut registry, &mut rng));
    let now = partition(&registry);
    assert_eq!((now.leader, now.leader_epoch), (1, 2));
    assert!(!controller.handle(Event::ElectPreferred, &mut registry, &mut rng));
}

#[test]
fn partitions_are_added_and_never_taken_away() {
    let (mut controller, mut registry, mut rng) = cluster(&[1, 2]);
    controller.create_topic(&topic("t", 2, 2), &mut registry, &mut rng).unwrap();
    let before = registry.topics["t"].clone();
    let mut grow = |count| {
        controller.create_partitions("t", count, None, &mut registry, &mut rng).map_err(|e| e.0)
    };
    assert_eq!(grow(2), Err(ErrorCode::INVALID_PARTITIONS));
    grow(5).unwrap();
    let after = &registry.topics["t"];
    assert_eq!(after.partitions.len(), 5);
    assert_eq!(after.partitions[..2], before.partitions[..]);
    assert_eq!(after.id, before.id);
}
