//! Exactly once and in order: sequences, retries, epochs (the idempotent half of KIP-98, KIP-360).

use super::harness::{World, all_persisted, stamps};
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

/// Ready, and the first batch of `t`-0 is acknowledged, so that several may be in flight.
fn warm(setup: Setup) -> World {
    let mut world = setup.ready();
    world.send("t", 0);
    world.hold_produce = true;
    world
}

#[test]
fn one_request_is_in_flight_until_the_first_answer_and_five_after_it() {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    let records: Vec<u64> = (0..8).map(|_| world.send_alone("t", 0)).collect();
    assert_eq!(world.pending(1), 1);
    world.answer(1);
    assert_eq!(world.pending(1), 5);
    (0..7).for_each(|_| world.answer(1));
    all_persisted(&world, &records);
    assert_eq!(stamps(&world, 0), (0..8).map(|i| (0, i)).collect::<Vec<_>>());
    world.finish();
}

#[test]
fn a_bump_that_waits_for_batches_in_doubt_lets_them_go_out_again() {
    let mut world = warm(Setup::default());
    world.send("t", 1);
    world.answer(1);
    let a = world.send_alone("t", 0);
    let b = world.send_alone("t", 0);
    let c = world.send_alone("t", 1);
    // The first is surely not appended, the second may be.
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.answer(1);
    world.refuse("t", 0, ErrorCode::REQUEST_TIMED_OUT);
    world.answer(1);
    // Another partition loses a sequence, so the epoch is to be bumped.
    world.cluster.partition("t", 1).faults.clear();
    world.append_and_say("t", 1, ErrorCode::UNKNOWN_SERVER_ERROR);
    world.answer(1);
    world.hold_produce = false;
    world.advance(1000);
    all_persisted(&world, &[a, b]);
    assert_eq!(world.report(c).state, State::PossiblyPersisted);
    let d = world.send("t", 1);
    all_persisted(&world, &[d]);
    assert_eq!(stamps(&world, 1).last(), Some(&(1, 0)));
    world.finish();
}

#[test]
fn a_bump_that_an_expiry_asks_for_is_made_at_once() {
    let mut world = Setup::default().delivery_timeout(2000).ready();
    world.hold_produce = true;
    let late = world.send_alone("t", 0);
    world.advance(1000);
    let next = world.send_alone("t", 0);
    world.advance(1000);
    assert_eq!(world.report(late).state, State::PossiblyPersisted);
    assert_eq!(stamps(&world, 0), [(0, 0), (1, 0)]);
    world.answer(1);
    world.answer(1);
    all_persisted(&world, &[next]);
    world.finish();
}

#[test]
fn behind_a_gap_what_is_in_doubt_is_settled_and_all_else_waits_for_the_next_epoch() {
    let mut world = warm(Setup::default());
    let records: Vec<u64> = (0..4).map(|_| world.send_alone("t", 0)).collect();
    world.refuse("t", 0, ErrorCode::INVALID_RECORD);
    world.answer(1);
    world.answer(1);
    world.refuse("t", 0, ErrorCode::REQUEST_TIMED_OUT);
    world.answer(1);
    world.hold_produce = false;
    world.advance(1000);
    let states: Vec<State> = records.iter().map(|record| world.report(*record).state).collect();
    let (never, perhaps) = (State::NotPersisted, State::PossiblyPersisted);
    assert_eq!(states, [never, State::Persisted, perhaps, State::Persisted]);
    assert_eq!(world.log("t", 0).len(), 3);
    world.finish();
}

#[test]
fn a_retried_batch_goes_out_first_and_alone() {
    let mut world = warm(Setup::default());
    let first = world.send_alone("t", 0);
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.answer(1);
    let rest: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
    assert_eq!(world.pending(1), 0, "newer ones wait behind it");
    world.advance(100);
    assert_eq!(world.pending(1), 1, "and while it is in flight");
    assert_eq!(world.arrived.last().unwrap().batches[0].opaques, [first]);
    world.answer(1);
    assert_eq!(world.pending(1), 3);
    (0..3).for_each(|_| world.answer(1));
    all_persisted(&world, &rest);
    assert_eq!(stamps(&world, 0)[1..], [(0, 1), (0, 1), (0, 2), (0, 3), (0, 4)]);
    world.finish();
}

#[test]
fn several_batches_that_fail_together_are_sent_again_in_their_order() {
    let mut world = warm(Setup::default());
    let records: Vec<u64> = (0..4).map(|_| world.send_alone("t", 0)).collect();
    world.apply(1);
    world.disconnect(1);
    world.advance(1000);
    for _ in 0..4 {
        assert_eq!(world.pending(1), 1, "one at a time");
        world.answer(1);
    }
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0).len(), 5);
    world.finish();
}

#[test]
fn one_in_flight_keeps_the_order_without_idempotence() {
    let mut world = Setup::default().in_flight(1).without_idempotence(-1).ready();
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    let records: Vec<u64> = (0..4).map(|_| world.send_alone("t", 0)).collect();
    world.advance(1000);
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0), records);
    assert!(world.arrived.iter().all(|arrived| arrived.batches[0].sequence == -1));
    world.finish();
}

#[test]
fn a_batch_that_fails_for_good_does_not_take_those_behind_it_along() {
    let mut world = warm(Setup::default());
    let records: Vec<u64> = (0..5).map(|_| world.send_alone("t", 0)).collect();
    world.refuse("t", 0, ErrorCode::MESSAGE_TOO_LARGE);
    world.answer(1);
    world.hold_produce = false;
    world.advance(1000);
    assert_eq!(world.report(records[0]).state, State::NotPersisted);
    all_persisted(&world, &records[1..]);
    assert_eq!(world.log("t", 0)[1..], records[1..]);
    let after: Vec<(i16, i32)> = stamps(&world, 0).into_iter().filter(|s| s.0 == 1).collect();
    assert_eq!(after, [(1, 0), (1, 1), (1, 2), (1, 3)]);
    world.finish();
}

#[test]
fn an_epoch_is_bumped_for_all_partitions_but_not_before_those_in_flight_are_answered() {
    let mut world = warm(Setup::default().nodes(3));
    let bad = world.send_alone("t", 0);
    let other = world.send_alone("t", 1);
    world.append_and_say("t", 0, ErrorCode::UNKNOWN_SERVER_ERROR);
    world.answer(1);
    assert!(world.is_reported(bad));
    let next = world.send_alone("t", 0);
    assert_eq!(world.pending(1), 0, "the other partition is in doubt");
    world.answer(2);
    assert_eq!(world.pending(1), 1);
    world.answer(1);
    let third = world.send_alone("t", 1);
    let fourth = world.send_alone("t", 1);
    assert_eq!(world.pending(2), 1, "one request until the first answer under the new epoch");
    world.answer(2);
    world.answer(2);
    all_persisted(&world, &[other, next, third, fourth]);
    assert_eq!(stamps(&world, 0).last(), Some(&(1, 0)));
    assert_eq!(stamps(&world, 1), [(0, 0), (1, 0), (1, 1)]);
    world.finish();
}

#[test]
fn a_broker_that_lost_the_producers_state_gets_a_new_epoch() {
    for code in [ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode::UNKNOWN_PRODUCER_ID] {
        let mut world = warm(Setup::default());
        world.cluster.partition("t", 0).forget_producers();
        world.refuse("t", 0, code);
        let record = world.send_alone("t", 0);
        world.hold_produce = false;
        world.advance(1000);
        all_persisted(&world, &[record]);
        assert_eq!(stamps(&world, 0), [(0, 0), (0, 1), (1, 0)]);
        world.finish();
    }
}

#[test]
fn a_batch_in_doubt_is_not_sent_under_another_epoch() {
    let mut world = warm(Setup::default());
    let record = world.send_alone("t", 0);
    world.apply(1);
    world.disconnect(1);
    world.refuse("t", 0, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
    world.hold_produce = false;
    world.advance(1000);
    assert_eq!(world.report(record).state, State::PossiblyPersisted);
    let next = world.send("t", 0);
    all_persisted(&world, &[next]);
    assert_eq!(stamps(&world, 0), [(0, 0), (0, 1), (0, 1), (1, 0)]);
    world.finish();
}

#[test]
fn an_epoch_that_the_broker_calls_old_is_bumped() {
    let mut world = warm(Setup::default());
    world.refuse("t", 0, ErrorCode::INVALID_PRODUCER_EPOCH);
    let record = world.send_alone("t", 0);
    world.hold_produce = false;
    world.run();
    assert_eq!(world.report(record).state, State::NotPersisted);
    let next = world.send("t", 0);
    all_persisted(&world, &[next]);
    assert_eq!(stamps(&world, 0).last(), Some(&(1, 0)));
    world.finish();
}

#[test]
fn sequences_wrap_around() {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    let mut records = vec![world.send_alone("t", 0)];
    world.sender.parts[0].as_mut().unwrap().next_sequence = i32::MAX - 1;
    world.cluster.partition("t", 0).forget_producers();
    world.answer(1);
    world.cluster.partition("t", 0).forget_producers();
    records.extend((0..4).map(|_| world.send_alone("t", 0)));
    world.answer(1);
    // Those on both sides of the wrap go out again.
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    world.answer(1);
    world.hold_produce = false;
    world.advance(1000);
    all_persisted(&world, &records);
    let mut seen = stamps(&world, 0);
    seen.dedup();
    assert!(seen.contains(&(0, i32::MAX)) && seen.contains(&(0, 0)), "{seen:?}");
    assert!(seen.iter().all(|stamp| stamp.0 == 0), "no bump: {seen:?}");
    world.finish();
}

#[test]
fn a_producer_id_whose_epochs_are_used_up_is_replaced() {
    let mut world = Setup::default().start();
    world.cluster.first_epoch = i16::MAX;
    world.cluster.create("t", 3);
    world.know("t");
    world.append_and_say("t", 0, ErrorCode::UNKNOWN_SERVER_ERROR);
    world.cluster.first_epoch = 0;
    world.send("t", 0);
    let next = world.send("t", 0);
    all_persisted(&world, &[next]);
    assert_eq!(world.cluster.ids_asked, 2);
    assert_eq!(stamps(&world, 0), [(i16::MAX, 0), (0, 0)]);
    world.finish();
}

#[test]
fn no_record_goes_out_before_there_is_a_producer_id() {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    let errors = [ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, ErrorCode::NOT_COORDINATOR];
    world.cluster.id_errors.extend(errors);
    world.know("t");
    world.cluster.id_errors.extend(errors);
    world.advance(1000);
    assert_eq!(world.cluster.ids_asked, 3, "again after the back-off until it is there");
    let record = world.send("t", 0);
    all_persisted(&world, &[record]);
    world.finish();
}

#[test]
fn a_move_of_the_leader_keeps_order_and_repeats_nothing() {
    let mut world = warm(Setup::default().nodes(2));
    let mut records: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
    world.apply(1);
    world.cluster.move_leader("t", 0, 2);
    records.push(world.send_alone("t", 0));
    world.answer(1);
    world.hold_produce = false;
    world.advance(1000);
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0)[1..], records);
    world.finish();
}

#[test]
fn requests_that_never_left_the_socket_are_surely_not_persisted() {
    let mut world = warm(Setup::default().retries(0));
    world.stall_writes = true;
    let stuck = world.send_alone("t", 0);
    world.disconnect(1);
    assert_eq!(world.report(stuck).state, State::NotPersisted);
    world.unstall();
    world.advance(1000);
    let sent = world.send_alone("t", 0);
    world.disconnect(1);
    assert_eq!(world.report(sent).state, State::PossiblyPersisted);
    assert_eq!(world.report(sent).code(), ErrorCode::NETWORK_EXCEPTION);
    world.finish();
}

#[test]
fn reports_of_a_partition_come_in_the_order_of_its_records() {
    let mut world = warm(Setup::default());
    let records: Vec<u64> = (0..4).map(|_| world.send_alone("t", 0)).collect();
    let other = world.send("t", 1);
    // The first is in the log, which the broker does not know for sure; those behind it are sure.
    world.append_and_say("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    (0..5).for_each(|_| world.answer(1));
    assert!(world.is_reported(other), "another partition does not wait");
    assert!(!world.is_reported(records[1]), "it waits for the first");
    world.hold_produce = false;
    world.advance(1000);
    all_persisted(&world, &records);
    let told: Vec<u64> = world.reports.iter().map(|report| report.opaque).collect();
    let of_partition: Vec<u64> = told.into_iter().filter(|told| records.contains(told)).collect();
    assert_eq!(of_partition, records);
    world.finish();
}

#[test]
fn without_idempotence_a_report_does_not_wait_for_what_comes_later_into_the_log() {
    let mut world = warm(Setup::default().without_idempotence(-1));
    let records: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    (0..3).for_each(|_| world.answer(1));
    assert!(world.is_reported(records[1]) && world.is_reported(records[2]));
    world.hold_produce = false;
    world.advance(1000);
    all_persisted(&world, &records);
    let in_log = world.log("t", 0);
    assert_eq!(in_log[1..], [records[1], records[2], records[0]]);
    let told: Vec<u64> = world.reports.iter().map(|report| report.opaque).collect();
    assert_eq!(told, in_log);
    world.finish();
}

#[test]
fn a_report_waits_no_longer_than_the_batch_before_it_may_take() {
    let setup = Setup::default().request_timeout(5000).delivery_timeout(2000);
    let mut world = warm(setup);
    let not_sure = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    let records: Vec<u64> = (0..3).map(|_| world.send_alone("t", 0)).collect();
    world.append_and_say("t", 0, not_sure);
    (0..3).for_each(|_| world.answer(1));
    (0..100).for_each(|_| world.append_and_say("t", 0, not_sure));
    world.hold_produce = false;
    world.advance(1999);
    assert_eq!(world.reports.len(), 1, "the first is asked for again and again");
    world.advance(1);
    let states: Vec<State> = records.iter().map(|record| world.report(*record).state).collect();
    assert_eq!(states, [State::PossiblyPersisted, State::Persisted, State::Persisted]);
    let told: Vec<u64> = world.reports.iter().map(|report| report.opaque).skip(1).collect();
    assert_eq!(told, records);
    world.finish();
}
