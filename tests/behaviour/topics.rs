//! Topics made, grown, configured and deleted.

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::create_partitions_request::{
    CreatePartitionsAssignment, CreatePartitionsTopic,
};
use kafka_protocol::messages::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{CreatePartitionsRequest, CreateTopicsRequest, DeleteTopicsRequest};

use super::fetch::fetch;
use super::raw::*;
use super::target::*;

pub fn a_topic_that_is_made_tells_what_it_became(target: &Target) {
    let name = target.name("made");
    let mut raw = target.connect();
    let made = create(&mut raw, new_topic(&name, 3, 1, &[("max.message.bytes", "5000")]));
    assert_eq!((error(made.error_code), &made.error_message), (None, &None));
    assert_eq!((made.num_partitions, made.replication_factor), (3, 1));
    let configs = made.configs.unwrap();
    let config = configs.iter().find(|config| *config.name == *"max.message.bytes").unwrap();
    assert_eq!((config.value.as_deref(), config.config_source), (Some("5000"), 1));
    let config = configs.iter().find(|config| *config.name == *"cleanup.policy").unwrap();
    assert_eq!((config.value.as_deref(), config.config_source), (Some("delete"), 5));
    target.until_known(&name, 3);
    let described = describe(&mut raw, &name);
    assert_eq!(described.topic_id, made.topic_id);
    assert!(described.partitions.iter().all(|part| part.replica_nodes.len() == 1));
    let defaults = target.name("defaults");
    let made = create(&mut raw, new_topic(&defaults, -1, -1, &[]));
    assert_eq!(error(made.error_code), None);
    let factor = target.brokers() as i16;
    assert_eq!((made.num_partitions, made.replication_factor), (NUM_PARTITIONS, factor));
}

pub fn topics_that_cannot_be_made_are_refused_with_a_reason(target: &Target) {
    let there = target.topic("there", 1);
    let mut raw = target.connect();
    let name = target.name("refused");
    let too_many = target.brokers() as i16 + 1;
    let cases = [
        ("exists", new_topic(&there, 1, 1, &[]), TopicAlreadyExists),
        ("blank", new_topic("a b", 1, 1, &[]), InvalidTopicException),
        ("empty", new_topic("", 1, 1, &[]), InvalidTopicException),
        ("dots", new_topic("..", 1, 1, &[]), InvalidTopicException),
        ("long", new_topic(&"x".repeat(250), 1, 1, &[]), InvalidTopicException),
        ("no partitions", new_topic(&name, 0, 1, &[]), InvalidPartitions),
        ("-2 partitions", new_topic(&name, -2, 1, &[]), InvalidPartitions),
        ("no replicas", new_topic(&name, 1, 0, &[]), InvalidReplicationFactor),
        ("too many replicas", new_topic(&name, 1, too_many, &[]), InvalidReplicationFactor),
        ("no such key", new_topic(&name, 1, 1, &[("retention", "1")]), InvalidConfig),
        ("no number", new_topic(&name, 1, 1, &[("retention.bytes", "x")]), InvalidConfig),
        ("no number of ms", new_topic(&name, 1, 1, &[("retention.ms", "x")]), InvalidConfig),
        ("no such policy", new_topic(&name, 1, 1, &[("cleanup.policy", "x")]), InvalidConfig),
        ("isr 0", new_topic(&name, 1, 1, &[("min.insync.replicas", "0")]), InvalidConfig),
        ("tiny segments", new_topic(&name, 1, 1, &[("segment.bytes", "1000")]), InvalidConfig),
    ];
    for (what, topic, why) in cases {
        let made = create(&mut raw, topic);
        assert_eq!(error(made.error_code), Some(why), "{what}: {:?}", made.error_message);
        assert!(made.error_message.is_some_and(|text| !text.is_empty()), "{what}");
        assert_eq!((made.num_partitions, made.replication_factor), (-1, -1), "{what}");
    }
    assert_eq!(error(describe(&mut raw, &name).error_code), Some(UnknownTopicOrPartition));
}

pub fn topics_can_be_made_on_chosen_brokers(target: &Target) {
    let mut raw = target.connect();
    let first = raw.call(12, &known(&[])).unwrap().brokers[0].node_id;
    let on = |name: &str, places: &[(i32, &[i32])]| {
        let place = |(index, brokers): &(i32, &[i32])| {
            let ids = brokers.iter().map(|id| (*id).into()).collect();
            CreatableReplicaAssignment::default().with_partition_index(*index).with_broker_ids(ids)
        };
        new_topic(name, -1, -1, &[]).with_assignments(places.iter().map(place).collect())
    };
    let id = first.0;
    let name = target.name("placed");
    let made = create(&mut raw, on(&name, &[(1, &[id]), (0, &[id])]));
    assert_eq!((error(made.error_code), made.num_partitions), (None, 2));
    target.until_known(&name, 2);
    assert!(describe(&mut raw, &name).partitions.iter().all(|part| part.leader_id == first));
    let name = target.name("misplaced");
    let both = on(&name, &[(0, &[id])]).with_num_partitions(1);
    let cases: [(&str, CreatableTopic, _); 6] = [
        ("a number, too", both, InvalidRequest),
        ("unknown broker", on(&name, &[(0, &[99])]), InvalidReplicaAssignment),
        ("twice", on(&name, &[(0, &[id, id])]), InvalidReplicaAssignment),
        ("nobody", on(&name, &[(0, &[])]), InvalidReplicaAssignment),
        ("a gap", on(&name, &[(0, &[id]), (2, &[id])]), InvalidReplicaAssignment),
        ("not from 0", on(&name, &[(1, &[id])]), InvalidReplicaAssignment),
    ];
    for (what, topic, why) in cases {
        let made = create(&mut raw, topic);
        assert_eq!(error(made.error_code), Some(why), "{what}: {:?}", made.error_message);
    }
}

pub fn a_topic_can_be_tried_without_being_made(target: &Target) {
    let name = target.name("tried");
    let mut raw = target.connect();
    let request = CreateTopicsRequest::default()
        .with_topics(vec![new_topic(&name, 2, 1, &[])])
        .with_timeout_ms(5000)
        .with_validate_only(true);
    for _ in 0..2 {
        let answer = raw.call(7, &request).unwrap().topics.remove(0);
        assert_eq!((error(answer.error_code), answer.num_partitions), (None, 2));
    }
    assert_eq!(error(describe(&mut raw, &name).error_code), Some(UnknownTopicOrPartition));
}

pub fn a_topic_named_twice_in_a_request_is_refused(target: &Target) {
    let (name, other) = (target.name("twice"), target.name("once"));
    let topics = [&name, &other, &name].map(|name| new_topic(name, 1, 1, &[])).to_vec();
    let request = CreateTopicsRequest::default().with_topics(topics).with_timeout_ms(5000);
    let answers = target.connect().call(7, &request).unwrap().topics;
    let fate = |name: &str| -> Vec<_> {
        let about = answers.iter().filter(|answer| answer.name == topic_name(name));
        about.map(|answer| error(answer.error_code)).collect()
    };
    assert_eq!(fate(&name), [Some(InvalidRequest)], "it has one answer");
    assert_eq!(fate(&other), [None]);
}

fn delete(raw: &mut Raw, topic: DeleteTopicState) -> DeletableTopicResult {
    let request = DeleteTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    raw.call(6, &request).unwrap().responses.remove(0)
}

fn named(name: &str) -> DeleteTopicState {
    DeleteTopicState::default().with_name(Some(topic_name(name)))
}

pub fn a_deleted_topic_is_gone_and_comes_back_empty_under_another_id(target: &Target) {
    let topic = target.topic("deleted", 1);
    let mut raw = target.leader(&topic, 0);
    raw.produce(&topic, -1, &batch((4, 0, 0), &["v"]));
    let id = describe(&mut raw, &topic).topic_id;
    let gone = delete(&mut raw, named(&topic));
    assert_eq!((error(gone.error_code), gone.topic_id), (None, id));
    until("it is gone", || {
        error(describe(&mut raw, &topic).error_code) == Some(UnknownTopicOrPartition)
    });
    let refused = raw.produce(&topic, 1, &batch(NOBODY, &["v"]));
    assert_eq!(error(refused.error_code), Some(UnknownTopicOrPartition));
    let refused = fetch(&mut raw, &topic, 0);
    assert_eq!(error(refused.error_code), Some(UnknownTopicOrPartition));
    let made = create(&mut raw, new_topic(&topic, 1, 1, &[]));
    assert_eq!(error(made.error_code), None);
    assert_ne!(made.topic_id, id);
    target.until_known(&topic, 1);
    let mut raw = target.leader(&topic, 0);
    let written = raw.produce(&topic, -1, &batch((4, 0, 7), &["v"]));
    assert_eq!((error(written.error_code), written.base_offset), (None, 0));
}

pub fn topics_to_delete_can_be_named_by_id_and_must_exist(target: &Target) {
    let topic = target.topic("by-id", 1);
    let mut raw = target.connect();
    let id = describe(&mut raw, &topic).topic_id;
    let by_id = |id| DeleteTopicState::default().with_name(None).with_topic_id(id);
    let missing = delete(&mut raw, named("nowhere"));
    assert_eq!(error(missing.error_code), Some(UnknownTopicOrPartition));
    let missing = delete(&mut raw, by_id(uuid::Uuid::from_u128(1)));
    assert_eq!(error(missing.error_code), Some(UnknownTopicId));
    let gone = delete(&mut raw, by_id(id));
    assert_eq!((error(gone.error_code), gone.name), (None, Some(topic_name(&topic))));
    let request = DeleteTopicsRequest::default()
        .with_topic_names(vec![topic_name("nowhere")])
        .with_timeout_ms(1000);
    let answer = raw.call(5, &request).unwrap().responses.remove(0);
    assert_eq!(error(answer.error_code), Some(UnknownTopicOrPartition));
}

pub fn a_topic_grows_and_does_not_shrink(target: &Target) {
    let topic = target.topic("grows", 2);
    let mut raw = target.connect();
    let id = raw.call(12, &known(&[])).unwrap().brokers[0].node_id;
    let mut grow = |name: &str, count: i32, places: Option<Vec<Vec<i32>>>, dry: bool| {
        let place = |ids: Vec<i32>| {
            let ids = ids.into_iter().map(Into::into).collect();
            CreatePartitionsAssignment::default().with_broker_ids(ids)
        };
        let places = places.map(|places| places.into_iter().map(place).collect());
        let topic = CreatePartitionsTopic::default()
            .with_name(topic_name(name))
            .with_count(count)
            .with_assignments(places);
        let request = CreatePartitionsRequest::default()
            .with_topics(vec![topic])
            .with_timeout_ms(10_000)
            .with_validate_only(dry);
        error(raw.call(3, &request).unwrap().results[0].error_code)
    };
    assert_eq!(grow(&topic, 1, None, false), Some(InvalidPartitions));
    assert_eq!(grow(&topic, 2, None, false), Some(InvalidPartitions));
    assert_eq!(grow("nowhere", 2, None, false), Some(UnknownTopicOrPartition));
    let wrong = vec![vec![id.0], vec![id.0]];
    assert_eq!(grow(&topic, 3, Some(wrong), false), Some(InvalidReplicaAssignment));
    assert_eq!(grow(&topic, 3, Some(vec![vec![99]]), false), Some(InvalidReplicaAssignment));
    assert_eq!(grow(&topic, 9, None, true), None, "tried and not done");
    assert_eq!(grow(&topic, 5, None, false), None);
    target.until_known(&topic, 5);
    let mut raw = target.leader(&topic, 4);
    let response = raw.call(9, &write(&topic, 4, -1, &batch(NOBODY, &["v"]))).unwrap();
    assert_eq!(response.responses[0].partition_responses[0].base_offset, 0);
}
