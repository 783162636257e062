//! Leaders, followers and the controller.

use std::time::Duration;

use ottla::State;
use ottla::broker::{Cluster, ClusterConfig, LogRecord};

use super::rig::*;

#[test]
fn records_arrive_and_are_reported_with_their_offsets() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("letters", 2)).unwrap();
    let rig = Rig::new(&cluster, &[]);
    for opaque in 0..10 {
        rig.send("letters", 1, b"dear Ottla", opaque);
    }
    let reports = rig.reports();
    assert_eq!(reports.len(), 10);
    for report in &reports {
        assert_eq!((report.state, report.partition), (State::Persisted, 1));
        assert_eq!(report.offset, report.opaque as i64);
    }
    rig.producer.close(Some(LIMIT)).unwrap();
}

#[test]
fn a_topic_that_is_not_there_is_made_by_the_first_record() {
    let cluster = Cluster::start(ClusterConfig::brokers(3)).unwrap();
    let rig = Rig::new(&cluster, &[]);
    persisted(&[one(&rig, "new")]);
    let partition = cluster.partition("new", 0).unwrap();
    assert_eq!(partition.replicas.len(), 3);
    assert_eq!(partition.isr.len(), 3);
}

#[test]
fn a_record_is_written_again_when_its_leader_dies_and_nothing_is_lost_or_doubled() {
    let cluster = Cluster::start(ClusterConfig::brokers(3).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("retry.backoff.ms", "10"), ("linger.ms", "0")]);
    let mut sent = 0;
    for round in 0..6 {
        for _ in 0..20 {
            rig.send("t", 0, b"v", sent);
            sent += 1;
        }
        let leader = cluster.partition("t", 0).unwrap().leader;
        if round % 2 == 0 {
            cluster.kill_broker(leader).unwrap();
        }
        let reports = rig.reports();
        persisted(&reports);
        for id in cluster.broker_ids() {
            let _ = cluster.start_broker(id);
        }
    }
    let last = one(&rig, "t");
    assert_eq!(last.offset, sent as i64);
}

#[test]
fn a_leader_that_moved_is_found_at_once_by_the_hint_in_the_answer() {
    let cluster = Cluster::start(ClusterConfig::brokers(2).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("retry.backoff.ms", "20000"), ("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    let before = cluster.partition("t", 0).unwrap();
    let other = before.replicas[1];
    cluster.move_leader("t", 0, other).unwrap();
    let report = one(&rig, "t");
    persisted(std::slice::from_ref(&report));
    assert_eq!(report.offset, 1);
    let after = cluster.partition("t", 0).unwrap();
    assert_eq!((after.leader, after.leader_epoch), (other, before.leader_epoch + 1));
}

#[test]
fn too_few_replicas_in_sync_refuse_a_write_until_they_are_back() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.topic_defaults.min_insync_replicas = 2;
    let cluster = Cluster::start(config).unwrap();
    let rig = Rig::new(&cluster, &[("retry.backoff.ms", "5"), ("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    let partition = cluster.partition("t", 0).unwrap();
    cluster.shrink_isr("t", 0, &[partition.leader]);
    assert_eq!(cluster.partition("t", 0).unwrap().isr, [partition.leader]);
    rig.send("t", 0, b"v", 2);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    for id in partition.replicas {
        cluster.let_replicate(id, "t", 0, true);
    }
    let reports = rig.reports();
    persisted(&reports);
    assert_eq!(reports[0].offset, 1, "the writes that were refused left nothing");
    assert_eq!(cluster.partition("t", 0).unwrap().isr.len(), 3);
}

#[test]
fn a_write_waits_for_followers_that_lag_and_one_that_does_not_ask_them_does_not() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.replication_lag = Duration::from_millis(60);
    let cluster = Cluster::start(config).unwrap();
    let timed = |acks: &str| {
        let rig = Rig::new(&cluster, &[("acks", acks), ("linger.ms", "0")]);
        persisted(&[one(&rig, "t")]);
        let before = std::time::Instant::now();
        persisted(&[one(&rig, "t")]);
        before.elapsed()
    };
    assert!(timed("all") >= Duration::from_millis(55));
    assert!(timed("1") < Duration::from_millis(50));
}

/// The values of the records that a broker has.
fn values(cluster: &Cluster, broker: i32) -> Vec<Vec<u8>> {
    let value = |record: LogRecord| record.value.unwrap_or_default();
    cluster.records_of(broker, "t", 0).into_iter().map(value).collect()
}

#[test]
fn what_only_the_old_leader_had_is_cut_off_when_it_follows() {
    let mut config = ClusterConfig::brokers(2).topic("t", 1);
    config.broker_session_timeout = Duration::ZERO;
    let cluster = Cluster::start(config).unwrap();
    let rig = Rig::new(&cluster, &[("acks", "1"), ("linger.ms", "0"), ("retry.backoff.ms", "5")]);
    persisted(&[one(&rig, "t")]);
    let partition = cluster.partition("t", 0).unwrap();
    let (leader, follower) = (partition.leader, partition.replicas[1]);
    // A record that the follower does not get, while it still counts as in sync.
    cluster.let_replicate(follower, "t", 0, false);
    rig.send("t", 0, b"lost", 7);
    persisted(&rig.reports());
    assert_eq!((values(&cluster, leader).len(), values(&cluster, follower).len()), (2, 1));
    cluster.kill_broker(leader).unwrap();
    cluster.let_replicate(follower, "t", 0, true);
    until("the follower leads", || cluster.partition("t", 0).unwrap().leader == follower);
    rig.send("t", 0, b"kept", 8);
    assert_eq!(rig.reports()[0].offset, 1, "in the place of the lost one");
    cluster.start_broker(leader).unwrap();
    until("it is in sync", || cluster.partition("t", 0).unwrap().isr.len() == 2);
    let kept = [b"v".to_vec(), b"kept".to_vec()];
    assert_eq!(values(&cluster, leader), kept);
    assert_eq!(values(&cluster, follower), kept);
}

#[test]
fn a_follower_that_was_cut_off_leaves_the_isr_and_comes_back_with_every_record() {
    let mut config = ClusterConfig::brokers(2).topic("t", 1);
    config.replica_lag_time_max = Duration::from_millis(40);
    let cluster = Cluster::start(config).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.cut_brokers(1, 2, true);
    // Written by the leader alone, it waits until the follower no longer counts.
    persisted(&[one(&rig, "t")]);
    assert_eq!(cluster.partition("t", 0).unwrap().isr.len(), 1);
    cluster.cut_brokers(1, 2, false);
    until("it is in sync", || cluster.partition("t", 0).unwrap().isr.len() == 2);
    assert_eq!(values(&cluster, 1).len(), 2);
    assert_eq!(cluster.records_of(1, "t", 0), cluster.records_of(2, "t", 0));
}

#[test]
fn another_broker_controls_when_the_controller_dies() {
    let mut config = ClusterConfig::brokers(3).topic("t", 3);
    config.broker_session_timeout = Duration::from_millis(1);
    let cluster = Cluster::start(config).unwrap();
    let first = cluster.controller().unwrap();
    cluster.kill_broker(first).unwrap();
    until("there is another", || cluster.controller().is_some_and(|id| id != first));
    for index in 0..3 {
        until("there is a leader", || cluster.partition("t", index).unwrap().leader != first);
    }
    cluster.create_topic("made-by-the-second", 1).unwrap_err();
    cluster.start_broker(first).unwrap();
    cluster.create_topic("made-by-the-second", 1).unwrap();
    let rig = Rig::new(&cluster, &[]);
    persisted(&[one(&rig, "made-by-the-second")]);
}

#[test]
fn preferred_leaders_come_back_when_they_are_asked_to() {
    let cluster = Cluster::start(ClusterConfig::brokers(3).topic("t", 6)).unwrap();
    let preferred: Vec<i32> =
        (0..6).map(|index| cluster.partition("t", index).unwrap().leader).collect();
    cluster.stop_broker(1).unwrap();
    assert!((0..6).all(|index| cluster.partition("t", index).unwrap().leader != 1));
    cluster.start_broker(1).unwrap();
    cluster.elect_preferred_leaders();
    let now: Vec<i32> = (0..6).map(|index| cluster.partition("t", index).unwrap().leader).collect();
    assert_eq!(now, preferred);
}

#[test]
fn without_any_replica_in_sync_there_is_no_leader_until_one_is_back() {
    let mut config = ClusterConfig::brokers(2).topic("t", 1);
    config.broker_session_timeout = Duration::ZERO;
    let cluster = Cluster::start(config).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0"), ("reconnect.backoff.max.ms", "20")]);
    persisted(&[one(&rig, "t")]);
    let partition = cluster.partition("t", 0).unwrap();
    let (leader, follower) = (partition.leader, partition.replicas[1]);
    cluster.shrink_isr("t", 0, &[leader]);
    persisted(&[one(&rig, "t")]);
    cluster.kill_broker(leader).unwrap();
    until("nobody leads", || cluster.partition("t", 0).unwrap().leader == -1);
    assert_eq!(cluster.replica(follower, "t", 0).unwrap().log_end_offset, 1);
    cluster.start_broker(leader).unwrap();
    assert_eq!(cluster.partition("t", 0).unwrap().leader, leader);
    assert_eq!(one(&rig, "t").offset, 2, "no record is lost");
}

/// A broker that sleeps for less than its session leads on.
#[test]
fn a_short_sleep_moves_no_leader_and_a_long_one_does() {
    let mut config = ClusterConfig::brokers(2).topic("t", 1);
    config.broker_session_timeout = Duration::from_secs(60);
    let cluster = Cluster::start(config.clone()).unwrap();
    let before = cluster.partition("t", 0).unwrap();
    cluster.pause_broker(before.leader).unwrap();
    cluster.resume_broker(before.leader).unwrap();
    assert_eq!(cluster.partition("t", 0).unwrap(), before);

    config.broker_session_timeout = Duration::from_millis(1);
    let cluster = Cluster::start(config).unwrap();
    let before = cluster.partition("t", 0).unwrap();
    cluster.pause_broker(before.leader).unwrap();
    until("another leads", || cluster.partition("t", 0).unwrap().leader == before.replicas[1]);
    cluster.resume_broker(before.leader).unwrap();
    until("it is in sync", || cluster.partition("t", 0).unwrap().isr.len() == 2);
}

#[test]
fn a_leader_that_the_controller_does_not_reach_cannot_commit() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.broker_session_timeout = Duration::from_millis(1);
    let cluster = Cluster::start(config).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0"), ("retry.backoff.ms", "5")]);
    persisted(&[one(&rig, "t")]);
    let leader = cluster.partition("t", 0).unwrap().leader;
    cluster.cut_from_controller(leader, true).unwrap();
    until("another leads", || cluster.partition("t", 0).unwrap().leader != leader);
    // The old one still believes that it leads; the others do not fetch from it.
    rig.send("t", 0, b"w", 1);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    assert_eq!(cluster.records_of(leader, "t", 0).len(), 2);
    assert_eq!(cluster.records("t", 0).len(), 1);
    cluster.cut_from_controller(leader, false).unwrap();
    let reports = rig.reports();
    persisted(&reports);
    assert_eq!(reports[0].offset, 1);
    until("it is in sync", || cluster.partition("t", 0).unwrap().isr.len() == 3);
    assert_eq!(cluster.records_of(leader, "t", 0), cluster.records("t", 0));
}
