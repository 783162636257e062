//! Topics that come, grow, go and come back, one or thousands of them.

use std::collections::BTreeSet;

use super::harness::{World, all_persisted};
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;
use crate::wire::Uuid;

/// Another topic of that name, which `leader` leads.
fn make_again(world: &mut World, leader: i32) {
    world.cluster.topics.remove("t");
    world.cluster.create("t", 2);
    let topic = world.cluster.topics.get_mut("t").unwrap();
    (topic.id, topic.partitions[0].leader) = (Uuid([77; 16]), leader);
    world.request_metadata();
    world.advance(1000);
}

/// What was acknowledged went with the old topic, which the verdict on the test does not know.
fn forget(world: &mut World, old: &[u64]) {
    world.reports.retain(|report| !old.contains(&report.opaque));
    old.iter().for_each(|record| _ = world.accepted.remove(record));
}

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
        forget(&mut world, &old);
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
        make_again(&mut world, leader);
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
        forget(&mut world, &old);
        world.finish();
    }
}

#[test]
fn what_may_be_in_a_deleted_topic_does_not_overtake_others_in_the_one_made_anew() {
    let mut world = Setup::default().ready();
    let old = world.send("t", 0);
    world.hold_produce = true;
    let [gap, behind, in_doubt] = [(); 3].map(|()| world.send_alone("t", 0));
    world.refuse("t", 0, ErrorCode::INVALID_RECORD);
    world.answer(1);
    // Out of sequence: it waits for another epoch.
    world.answer(1);
    make_again(&mut world, 1);
    world.disconnect(1);
    world.hold_produce = false;
    world.advance(1000);
    let next = world.send("t", 0);
    assert_eq!(world.report(gap).state, State::NotPersisted);
    let report = world.report(in_doubt);
    assert_eq!(
        (report.state, report.code()),
        (State::PossiblyPersisted, ErrorCode::UNKNOWN_TOPIC_ID)
    );
    assert!(report.reason().contains("was deleted and made again"), "{report:?}");
    assert_eq!(world.log("t", 0), [behind, next]);
    forget(&mut world, &[old]);
    world.finish();
}

#[test]
fn an_acknowledgement_of_a_deleted_topic_opens_nothing_in_the_one_made_anew() {
    let mut world = Setup::default().nodes(2).ready();
    let old = [world.send("t", 0), world.send("t", 1)];
    world.hold_produce = true;
    let [first, acknowledged] = [(); 2].map(|()| world.send_alone("t", 0));
    world.append_and_say("t", 0, ErrorCode::REQUEST_TIMED_OUT);
    assert!(world.apply(1) && world.apply(1));
    make_again(&mut world, 2);
    world.answer(1);
    assert_eq!((world.pending(1), world.pending(2)), (1, 1), "the first one goes again");
    world.answer(1);
    let next = world.send_alone("t", 0);
    assert_eq!(world.pending(2), 1, "alone");
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.hold_produce = false;
    world.answer(2);
    world.advance(1000);
    all_persisted(&world, &[first, acknowledged, next]);
    assert_eq!(world.log("t", 0), [first, next]);
    forget(&mut world, &[old[0], old[1], acknowledged]);
    world.finish();
}

#[test]
fn a_leader_that_the_answer_of_a_deleted_topic_names_is_not_that_of_the_one_made_anew() {
    let mut world = Setup::default().nodes(2).ready();
    let old = [world.send("t", 0), world.send("t", 1)];
    world.hold_produce = true;
    let record = world.send_alone("t", 0);
    make_again(&mut world, 2);
    world.answer_with(1, |answer| {
        let part = &mut answer.responses[0].partition_responses[0];
        part.error_code = ErrorCode::NOT_LEADER_OR_FOLLOWER.0 as i16;
        (part.current_leader.leader_id, part.current_leader.leader_epoch) = (1, 5);
    });
    let known = *world.shared.metadata.cluster().partition("t", 0).unwrap();
    assert_eq!((known.leader, known.leader_epoch), (2, 0));
    world.hold_produce = false;
    world.advance(200);
    all_persisted(&world, &[record]);
    forget(&mut world, &old);
    world.finish();
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
