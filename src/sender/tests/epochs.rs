//! Sequences that stay open, and what mends them: expiry, lost state, answers out of order, brokers
//! that are away (Java: the unresolved sequences of TransactionManager).

use super::harness::{World, all_persisted, stamps};
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

/// A world with a short delivery.timeout.ms, whose first batch of `t`-0 is acknowledged.
fn short_of_time() -> World {
    let mut world = Setup::default().request_timeout(5000).delivery_timeout(2000).ready();
    world.send("t", 0);
    world.hold_produce = true;
    world
}

#[test]
fn the_expiry_of_what_was_never_sent_costs_no_epoch() {
    let mut world = Setup::default().request_timeout(500).delivery_timeout(2000).ready();
    world.send("t", 0);
    world.cluster.move_leader("t", 0, -1);
    world.request_metadata();
    world.advance(500);
    let record = world.send("t", 0);
    world.advance(2000);
    let report = world.report(record);
    assert_eq!((report.state, report.code()), (State::NotPersisted, ErrorCode::DELIVERY_TIMED_OUT));
    world.cluster.move_leader("t", 0, 1);
    world.advance(1000);
    let next = world.send("t", 0);
    all_persisted(&world, &[next]);
    assert_eq!(stamps(&world, 0), [(0, 0), (0, 1)]);
    world.finish();
}

#[test]
fn behind_an_expired_batch_that_arrived_the_others_are_acknowledged() {
    let mut world = short_of_time();
    let late = world.send_alone("t", 0);
    world.advance(1000);
    let second = world.send_alone("t", 0);
    world.advance(1000);
    assert_eq!(world.report(late).state, State::PossiblyPersisted);
    let third = world.send_alone("t", 0);
    assert_eq!(world.pending(1), 2, "what is new waits for what is in flight");
    world.answer(1);
    world.answer(1);
    all_persisted(&world, &[second]);
    world.answer(1);
    all_persisted(&world, &[third]);
    assert_eq!(world.log("t", 0)[1..], [late, second, third]);
    world.finish();
}

#[test]
fn behind_an_expired_batch_that_never_arrived_the_others_go_under_a_new_epoch() {
    let mut world = short_of_time();
    let late = world.send_alone("t", 0);
    world.advance(1000);
    let second = world.send_alone("t", 0);
    world.advance(1000);
    assert_eq!(world.report(late).state, State::PossiblyPersisted);
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.answer(1);
    world.answer(1);
    world.hold_produce = false;
    world.advance(500);
    all_persisted(&world, &[second]);
    assert_eq!(world.log("t", 0)[1..], [second]);
    assert_eq!(stamps(&world, 0).last(), Some(&(1, 0)));
    world.finish();
}

#[test]
fn the_answer_to_a_batch_that_expired_changes_nothing_any_more() {
    for code in
        [ErrorCode::NONE, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID]
    {
        let mut world = short_of_time();
        let late = world.send_alone("t", 0);
        world.advance(2000);
        let next = world.send_alone("t", 0);
        assert_eq!(stamps(&world, 0).last(), Some(&(1, 0)));
        world.answer_with(1, |answer| {
            answer.responses[0].partition_responses[0].error_code = code.0 as i16;
        });
        world.answer(1);
        all_persisted(&world, &[next]);
        let after = world.send_alone("t", 0);
        world.answer(1);
        all_persisted(&world, &[after]);
        assert_eq!(stamps(&world, 0)[2..], [(1, 0), (1, 1)], "{code}: no second bump");
        assert_eq!(world.reports.iter().filter(|report| report.opaque == late).count(), 1);
        world.finish();
    }
}

#[test]
fn several_in_flight_at_a_broker_that_lost_its_state_come_back_once_and_in_order() {
    for code in [ErrorCode::UNKNOWN_PRODUCER_ID, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER] {
        let mut world = Setup::default().ready();
        world.send("t", 0);
        world.hold_produce = true;
        let records: Vec<u64> = (0..4).map(|_| world.send_alone("t", 0)).collect();
        (0..4).for_each(|_| world.refuse("t", 0, code));
        world.hold_produce = false;
        world.advance(1000);
        all_persisted(&world, &records);
        assert_eq!(world.log("t", 0)[1..], records);
        let after: Vec<_> = stamps(&world, 0).into_iter().filter(|stamp| stamp.0 == 1).collect();
        assert_eq!(after, [(1, 0), (1, 1), (1, 2), (1, 3)]);
        world.finish();
    }
}

#[test]
fn nothing_goes_to_a_new_leader_before_the_old_one_has_answered() {
    let mut world = Setup::default().nodes(2).ready();
    world.send("t", 0);
    world.send("t", 1);
    world.hold_produce = true;
    let first = world.send_alone("t", 0);
    // The new leader has perhaps not the state of the producer, so it would take what comes next.
    world.cluster.move_leader("t", 0, 2);
    world.request_metadata();
    world.advance(200);
    let second = world.send_alone("t", 0);
    assert_eq!((world.pending(1), world.pending(2)), (1, 0));
    world.answer(1);
    assert_eq!(world.pending(2), 1, "alone");
    world.hold_produce = false;
    world.advance(1000);
    all_persisted(&world, &[first, second]);
    assert_eq!(world.log("t", 0)[1..], [first, second]);
    assert!(stamps(&world, 0).iter().all(|stamp| stamp.0 == 0), "no bump");
    world.finish();
}

#[test]
fn a_first_batch_that_is_refused_goes_again_before_a_second_one() {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    let records: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.answer(1);
    world.advance(100);
    assert_eq!(world.pending(1), 1);
    assert_eq!(world.arrived.last().unwrap().batches[0].opaques, [records[0]]);
    world.answer(1);
    assert_eq!(world.pending(1), 2, "the broker knows the producer now");
    world.hold_produce = false;
    world.advance(100);
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0), records);
    world.finish();
}

#[test]
fn a_batch_in_doubt_at_a_broker_that_is_away_holds_the_bump_until_its_time_is_up() {
    let mut world = Setup::default().nodes(2).request_timeout(500).delivery_timeout(3000).ready();
    (0..2).for_each(|partition| _ = world.send("t", partition));
    world.hold_produce = true;
    let doubtful = world.send_alone("t", 1);
    world.apply(2);
    world.cluster.nodes.get_mut(&2).unwrap().health = super::model::Health::Refuses;
    world.disconnect(2);
    world.hold_produce = false;
    world.advance(500);
    // Another partition needs a new epoch.
    world.append_and_say("t", 0, ErrorCode::UNKNOWN_SERVER_ERROR);
    world.send("t", 0);
    let next = world.send("t", 0);
    world.advance(1000);
    assert!(
        !world.is_reported(next),
        "under a new epoch the broker would take the other one twice"
    );
    world.advance(2000);
    assert_eq!(world.report(doubtful).state, State::PossiblyPersisted);
    all_persisted(&world, &[next]);
    assert_eq!(stamps(&world, 0).last(), Some(&(1, 0)));
    assert_eq!(stamps(&world, 1), [(0, 0), (0, 1)]);
    world.finish();
}

#[test]
fn metadata_that_is_stale_or_has_lost_the_topic_leaves_the_sequences_alone() {
    let mut world = Setup::default().nodes(2).ready();
    world.cluster.move_leader("t", 0, 2);
    world.request_metadata();
    world.advance(1000);
    let mut records: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
    // A broker that is behind tells of the leader of before.
    let partition = world.cluster.partition("t", 0);
    (partition.leader, partition.epoch) = (1, 0);
    world.request_metadata();
    world.advance(1000);
    let partition = world.cluster.partition("t", 0);
    (partition.leader, partition.epoch) = (2, 1);
    records.push(world.send_alone("t", 0));
    assert_eq!(world.arrived.last().unwrap().node, 2);
    // Another one does not know the topic at all, for a while.
    world.cluster.topics.get_mut("t").unwrap().error = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
    world.request_metadata();
    world.advance(1000);
    records.push(world.send_alone("t", 0));
    world.cluster.topics.get_mut("t").unwrap().error = ErrorCode::NONE;
    world.advance(1000);
    all_persisted(&world, &records);
    assert_eq!(stamps(&world, 0), (0..5).map(|i| (0, i)).collect::<Vec<_>>());
    world.finish();
}

#[test]
fn an_offset_that_cannot_be_one_is_not_shown() {
    for offset in [-1, -2, i64::MIN] {
        let mut world = Setup::default().ready();
        world.hold_produce = true;
        let record = world.send("t", 0);
        world.answer_with(1, |answer| {
            answer.responses[0].partition_responses[0].base_offset = offset;
        });
        let report = world.report(record);
        assert_eq!((report.state, report.offset), (State::Persisted, -1));
        world.finish();
    }
}

#[test]
fn epochs_are_used_up_while_another_partition_is_in_flight() {
    let mut world = Setup::default().nodes(2).start();
    world.cluster.first_epoch = i16::MAX;
    world.cluster.create("t", 2);
    world.know("t");
    (0..2).for_each(|partition| _ = world.send("t", partition));
    world.cluster.first_epoch = 0;
    world.hold_produce = true;
    let other = world.send_alone("t", 1);
    let lost = world.send_alone("t", 0);
    world.append_and_say("t", 0, ErrorCode::UNKNOWN_SERVER_ERROR);
    world.answer(1);
    let next = world.send_alone("t", 0);
    assert_eq!(world.cluster.ids_asked, 1, "the other one is in doubt");
    world.answer(2);
    assert_eq!(world.cluster.ids_asked, 2);
    world.hold_produce = false;
    let last = world.send_alone("t", 1);
    world.advance(100);
    assert_eq!(world.report(lost).state, State::PossiblyPersisted);
    all_persisted(&world, &[other, next, last]);
    assert_eq!(stamps(&world, 1), [(i16::MAX, 0), (i16::MAX, 1), (0, 0)]);
    world.finish();
}
