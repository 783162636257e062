//! Who is in the cluster, who leads what, and topics that are made because somebody asked.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{DescribeClusterRequest, MetadataRequest};

use super::raw::*;
use super::target::*;

pub fn brokers_and_leaders_are_named(target: &Target) {
    let topic = target.topic("leaders", 6);
    let metadata = target.metadata(&topic);
    let ids: BTreeSet<i32> = metadata.brokers.iter().map(|broker| broker.node_id.0).collect();
    assert_eq!(ids.len(), target.brokers());
    assert!(ids.contains(&metadata.controller_id.0), "the controller is one of them");
    assert!(metadata.cluster_id.is_some_and(|id| !id.is_empty()));
    let about = &metadata.topics[0];
    assert_eq!((error(about.error_code), about.is_internal), (None, false));
    assert!(!about.topic_id.is_nil());
    let mut indexes: Vec<i32> = about.partitions.iter().map(|p| p.partition_index).collect();
    indexes.sort_unstable();
    assert_eq!(indexes, [0, 1, 2, 3, 4, 5]);
    for partition in &about.partitions {
        let replicas: BTreeSet<i32> = partition.replica_nodes.iter().map(|id| id.0).collect();
        assert_eq!(replicas, ids);
        assert_eq!(partition.leader_id, partition.replica_nodes[0]);
        assert_eq!((error(partition.error_code), partition.leader_epoch), (None, 0));
        assert_eq!(partition.isr_nodes.len(), ids.len());
        assert!(partition.offline_replicas.is_empty());
    }
    let leaders: BTreeSet<i32> = about.partitions.iter().map(|p| p.leader_id.0).collect();
    assert_eq!(leaders, ids, "leaders are spread over the brokers");
}

pub fn every_version_of_metadata_is_answered(target: &Target) {
    let topic = target.topic("versions", 1);
    let mut raw = target.connect();
    for version in 0..=13 {
        let response = raw.call(version, &about(&[&topic])).unwrap();
        assert_eq!(response.brokers.len(), target.brokers());
        assert_eq!(response.topics[0].partitions.len(), 1, "version {version}");
        if version >= 1 {
            let nothing = MetadataRequest::default().with_topics(Some(Vec::new()));
            assert!(raw.call(version, &nothing).unwrap().topics.is_empty());
        }
        let all = match version {
            0 => MetadataRequest::default().with_topics(Some(Vec::new())),
            _ => MetadataRequest::default().with_topics(None),
        };
        let all = raw.call(version, &all).unwrap().topics;
        assert!(all.iter().any(|found| found.name == Some(topic_name(&topic))));
    }
}

pub fn a_topic_can_be_asked_for_by_its_id(target: &Target) {
    let topic = target.topic("by-id", 1);
    let mut raw = target.connect();
    let id = describe(&mut raw, &topic).topic_id;
    let mut ask = |id: uuid::Uuid| {
        let topic = MetadataRequestTopic::default().with_name(None).with_topic_id(id);
        let request = MetadataRequest::default().with_topics(Some(vec![topic]));
        raw.call(12, &request).unwrap().topics.remove(0)
    };
    let found = ask(id);
    assert_eq!((error(found.error_code), found.name), (None, Some(topic_name(&topic))));
    let unknown = uuid::Uuid::from_u128(77);
    let missing = ask(unknown);
    assert_eq!(error(missing.error_code), Some(UnknownTopicId));
    assert_eq!((missing.name, missing.topic_id), (None, unknown));
}

pub fn a_topic_is_made_by_who_asks_for_it_and_the_first_answer_says_that_it_is_not_there(
    target: &Target,
) {
    let topic = target.name("automatic");
    let mut raw = target.connect();
    for _ in 0..2 {
        let answer = describe(&mut raw, &topic);
        assert_eq!(error(answer.error_code), Some(UnknownTopicOrPartition), "it was only asked");
    }
    let answer = raw.call(9, &about(&[&topic, "a b", ""])).unwrap();
    let find = |name: &str| {
        let found = answer.topics.iter().find(|found| found.name == Some(topic_name(name)));
        error(found.unwrap().error_code)
    };
    assert_eq!(find(&topic), Some(UnknownTopicOrPartition), "the first answer");
    assert_eq!(find("a b"), Some(InvalidTopicException));
    assert_eq!(find(""), Some(InvalidTopicException));
    target.until_known(&topic, NUM_PARTITIONS);
    let made = describe(&mut raw, &topic);
    assert_eq!(made.partitions[0].replica_nodes.len(), target.brokers());
}

pub fn producing_makes_no_topic(target: &Target) {
    let topic = target.name("never");
    let mut raw = target.connect();
    for acks in [1, -1] {
        let refused = raw.produce(&topic, acks, &batch(NOBODY, &["v"]));
        assert_eq!(error(refused.error_code), Some(UnknownTopicOrPartition));
        assert_eq!((refused.base_offset, refused.log_start_offset), (-1, -1));
    }
    assert_eq!(error(describe(&mut raw, &topic).error_code), Some(UnknownTopicOrPartition));
}

pub fn the_cluster_describes_itself_as_metadata_does(target: &Target) {
    let metadata = target.metadata("any");
    let mut raw = target.connect();
    for version in 0..=2 {
        let answer = raw.call(version, &DescribeClusterRequest::default()).unwrap();
        assert_eq!(error(answer.error_code), None);
        assert_eq!(Some(&answer.cluster_id), metadata.cluster_id.as_ref());
        let ids = |ids: Vec<(i32, i32)>| ids.into_iter().collect::<BTreeSet<_>>();
        let described = answer.brokers.iter().map(|broker| (broker.broker_id.0, broker.port));
        let known = metadata.brokers.iter().map(|broker| (broker.node_id.0, broker.port));
        assert_eq!(ids(described.collect()), ids(known.collect()));
        assert!(metadata.brokers.iter().any(|broker| broker.node_id == answer.controller_id));
    }
}
