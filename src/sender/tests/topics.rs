//! Topics that come, grow, go and come back, one or thousands of them.

use std::collections::BTreeSet;

use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;
use crate::wire::Uuid;

#[test]
fn partitions_that_were_added_are_known_at_metadata_max_age() {
    let mut world = Setup::default().ready();
    let before = world.send("t", 0);
    let id = world.cluster.topics["t"].id;
    let logs = std::mem::take(&mut world.cluster.topics.get_mut("t").unwrap().partitions);
    world.cluster.create("t", 5);
    let topic = world.cluster.topics.get_mut("t").unwrap();
    topic.id = id;
    topic.partitions.splice(..logs.len(), logs);
    world.send("t", 0);
    world.advance(298_000);
    let topic = world.shared.accumulator.topics.get_or_add("t");
    assert_eq!(topic.partition_count(), 3);
    world.advance(2100);
    assert_eq!(topic.partition_count(), 5);
    let added = world.send("t", 4);
    assert_eq!(world.report(before).state, State::Persisted);
    assert_eq!(world.report(added).state, State::Persisted);
    world.finish();
}

#[test]
fn records_of_a_topic_that_was_deleted_and_made_anew_go_into_the_new_one() {
    for (version, by_id) in [(13, true), (12, false)] {
        let mut world = Setup::default().nodes(2).start();
        world.cluster.versions.get_mut(&0).unwrap().1 = version;
        world.cluster.create("t", 2);
        world.know("t");
        let old: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
        assert!(old.iter().all(|record| world.is_reported(*record)));
        world.cluster.topics.remove("t");
        let waits = world.send("t", 0);
        world.advance(1000);
        assert!(!world.is_reported(waits));
        world.cluster.create("t", 2);
        world.cluster.topics.get_mut("t").unwrap().id = Uuid([77; 16]);
        // Made anew, its leaders count their epochs from 0 again, and may be others.
        world.cluster.topics.get_mut("t").unwrap().partitions[0].leader = 2;
        world.advance(3000);
        let next: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
        for (offset, record) in [waits].iter().chain(&next).enumerate() {
            let report = world.report(*record);
            let expected = (State::Persisted, offset as i64);
            assert_eq!((report.state, report.offset), expected, "by id: {by_id}");
        }
        assert_eq!(world.log("t", 0).len(), 4);
        // What was acknowledged went with the old topic.
        world.reports.retain(|report| !old.contains(&report.opaque));
        old.iter().for_each(|record| _ = world.accepted.remove(record));
        world.finish();
    }
}

#[test]
fn nothing_overtakes_what_goes_first_into_the_log_of_a_topic_that_was_made_anew() {
    // The first one goes to the old leader, and is refused there, or to the new one.
    for (leader, is_late) in [(1, false), (2, false), (1, true), (2, true)] {
        let mut world = Setup::default().nodes(2).ready();
        let old = [world.send("t", 0), world.send("t", 1)];
        world.hold_produce = true;
        let early = (!is_late).then(|| world.send_alone("t", 0));
        world.cluster.topics.remove("t");
        world.cluster.create("t", 2);
        world.cluster.topics.get_mut("t").unwrap().id = Uuid([77; 16]);
        world.cluster.topics.get_mut("t").unwrap().partitions[0].leader = leader;
        world.request_metadata();
        world.advance(1000);
        let first = early.unwrap_or_else(|| world.send_alone("t", 0));
        // A log without records takes any sequence for its first.
        let second = world.send_alone("t", 0);
        let busy = if is_late { leader } else { 1 };
        assert_eq!((world.pending(busy), world.pending(3 - busy)), (1, 0));
        world.hold_produce = false;
        world.answer(busy);
        world.advance(1000);
        for (offset, record) in [first, second].into_iter().enumerate() {
            let report = world.report(record);
            assert_eq!((report.state, report.offset), (State::Persisted, offset as i64));
        }
        // What was acknowledged went with the old topic.
        world.reports.retain(|report| !old.contains(&report.opaque));
        old.iter().for_each(|record| _ = world.accepted.remove(record));
        world.finish();
    }
}

#[test]
fn records_of_a_partition_that_is_gone_for_good_end_with_the_reason() {
    let mut world = Setup::default().request_timeout(500).delivery_timeout(3000).ready();
    let gone = world.append("t", 2, 8);
    world.cluster.topics.remove("t");
    world.cluster.create("t", 2);
    world.cluster.topics.get_mut("t").unwrap().id = Uuid([77; 16]);
    world.advance(3000);
    let report = world.report(gone);
    assert_eq!((report.state, report.code()), (State::NotPersisted, ErrorCode::DELIVERY_TIMED_OUT));
    assert!(report.reason().contains("a leader of t-2"), "{report:?}");
    world.finish();
}

#[test]
fn a_right_that_is_taken_away_and_given_back_costs_no_record() {
    let mut world = Setup::default().ready();
    world.cluster.topics.get_mut("t").unwrap().error = ErrorCode::TOPIC_AUTHORIZATION_FAILED;
    world.request_metadata();
    world.advance(1000);
    let record = world.send("t", 0);
    world.advance(5000);
    assert!(!world.is_reported(record));
    let asked = world.cluster.metadata_asked.len();
    world.advance(5000);
    assert!(world.cluster.metadata_asked.len() <= asked + 51, "with the back-off");
    world.cluster.topics.get_mut("t").unwrap().error = ErrorCode::NONE;
    world.advance(1000);
    assert_eq!(world.report(record).state, State::Persisted);
    world.finish();
}

#[test]
fn thousands_of_new_topics_are_asked_for_in_a_few_requests() {
    let mut world = Setup::default().ready();
    let asked = world.cluster.metadata_asked.len();
    world.hold_metadata = true;
    let names: Vec<String> = (0..3000).map(|i| format!("topic-{i}")).collect();
    for name in &names {
        world.cluster.create(name, 1);
        world.shared.accumulator.topics.get_or_add(name);
        world.ask(name);
        world.run();
    }
    world.hold_metadata = false;
    world.advance(1000);
    let requests = &world.cluster.metadata_asked[asked..];
    assert!(requests.len() <= 3, "{} requests", requests.len());
    let asked_for: BTreeSet<&String> = requests.iter().flatten().collect();
    assert!(names.iter().all(|name| asked_for.contains(name)));
    let cluster = world.shared.metadata.cluster();
    assert!(names.iter().all(|name| cluster.topics.contains_key(name)));
    world.finish();
}

#[test]
fn many_missing_topics_are_asked_for_with_the_back_off() {
    let mut world = Setup::default().ready();
    let asked = world.cluster.metadata_asked.len();
    for i in 0..200 {
        let name = format!("missing-{i}");
        world.shared.accumulator.topics.get_or_add(&name);
        world.ask(&name);
    }
    world.advance(10_000);
    let requests = world.cluster.metadata_asked.len() - asked;
    assert!((2..=102).contains(&requests), "{requests} requests in 10 s");
    world.finish();
}
