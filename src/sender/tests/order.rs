//! Exactly once and in order: sequences, retries, epochs (the idempotent half of KIP-98, KIP-360).

use super::harness::World;
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

/// The sequences and epochs that came to brokers for a partition of `t`, in order.
fn stamps(world: &World, partition: i32) -> Vec<(i16, i32)> {
    let batches = world.arrived.iter().flat_map(|arrived| &arrived.batches);
    let own = batches.filter(|batch| batch.partition == partition);
    own.map(|batch| (batch.epoch, batch.sequence)).collect()
}

/// Ready, and the first batch of `t`-0 is acknowledged, so that several may be in flight.
fn warm(setup: Setup) -> World {
    let mut world = setup.ready();
    world.send("t", 0);
    world.hold_produce = true;
    world
}

fn all_persisted(world: &World, records: &[u64]) {
    for record in records {
        let report = world.report(*record);
        assert_eq!(report.state, State::Persisted, "{report:?}");
    }
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
