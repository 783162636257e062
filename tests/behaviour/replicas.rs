//! Three brokers: who does not lead says who does, and replicas that must be in sync.

use kafka_protocol::ResponseError::*;

use super::fetch::fetch;
use super::raw::*;
use super::target::*;

pub fn a_follower_refuses_and_names_the_leader(target: &Target) {
    let topic = target.topic("follower", 1);
    let metadata = target.metadata(&topic);
    let partition = place(&metadata.topics[0], 0);
    let (leader, follower) = (partition.leader_id, partition.replica_nodes[1]);
    let mut raw = target.broker(&metadata, follower.0);
    for (version, acks) in [(9, 1), (9, -1), (10, 1), (12, -1)] {
        let request = write(&topic, 0, acks, &batch(NOBODY, &["v"]));
        let response = raw.call(version, &request).unwrap();
        let refused = &response.responses[0].partition_responses[0];
        assert_eq!(error(refused.error_code), Some(NotLeaderOrFollower));
        assert_eq!((refused.base_offset, refused.log_start_offset), (-1, -1));
        if version < 10 {
            continue;
        }
        let hint = &refused.current_leader;
        assert_eq!((hint.leader_id, hint.leader_epoch), (leader, 0));
        let endpoint = &response.node_endpoints[0];
        let known = metadata.brokers.iter().find(|broker| broker.node_id == leader).unwrap();
        assert_eq!(response.node_endpoints.len(), 1);
        assert_eq!((endpoint.node_id, endpoint.port), (leader, known.port));
        assert_eq!(endpoint.host, known.host);
    }
    raw.send(9, &write(&topic, 0, 0, &batch(NOBODY, &["v"])));
    assert!(raw.is_closed(), "without acks there is no other way to tell");
    let mut raw = target.broker(&metadata, follower.0);
    let refused = offsets(&mut raw, &topic, 0, -1);
    assert_eq!(error(refused.error_code), Some(NotLeaderOrFollower));
    let mut raw = target.broker(&metadata, leader.0);
    let written = raw.produce(&topic, -1, &batch(NOBODY, &["v"]));
    assert_eq!(written.base_offset, 0, "nothing of all this was appended");
}

pub fn a_broker_without_a_replica_refuses_and_names_the_leader(target: &Target) {
    let name = target.name("elsewhere");
    let made = create(&mut target.connect(), new_topic(&name, 1, 1, &[]));
    assert_eq!(error(made.error_code), None);
    target.until_known(&name, 1);
    let metadata = target.metadata(&name);
    let leader = place(&metadata.topics[0], 0).leader_id;
    let other = metadata.brokers.iter().find(|broker| broker.node_id != leader).unwrap();
    let mut raw = target.broker(&metadata, other.node_id.0);
    let response = raw.call(10, &write(&name, 0, 1, &batch(NOBODY, &["v"]))).unwrap();
    let refused = &response.responses[0].partition_responses[0];
    assert_eq!(error(refused.error_code), Some(NotLeaderOrFollower));
    assert_eq!(refused.current_leader.leader_id, leader);
    let refused = fetch(&mut raw, &name, 0);
    assert_eq!(error(refused.error_code), Some(NotLeaderOrFollower));
}

pub fn what_is_acknowledged_by_all_is_at_once_readable(target: &Target) {
    let topic = target.topic_with("committed", 1, &[("min.insync.replicas", "3")]);
    let mut raw = target.leader(&topic, 0);
    for offset in 0..20 {
        let written = raw.produce(&topic, -1, &batch(NOBODY, &["v"]));
        assert_eq!((error(written.error_code), written.base_offset), (None, offset));
        assert_eq!(fetch(&mut raw, &topic, offset).high_watermark, offset + 1);
    }
}

pub fn more_replicas_in_sync_than_there_are_cannot_be_asked_for(target: &Target) {
    let topic = target.topic_with("isr", 1, &[("min.insync.replicas", "4")]);
    let mut raw = target.leader(&topic, 0);
    let written = raw.produce(&topic, -1, &batch(NOBODY, &["v"]));
    assert_eq!((error(written.error_code), written.base_offset), (None, 0));
}
