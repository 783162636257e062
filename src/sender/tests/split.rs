//! Batches that the broker finds too large (KIP-126): split, in order, each record reported once.

use super::harness::World;
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

/// A world whose batches hold 16 records of 100 bytes, and whose brokers take `max` bytes.
fn world(mut setup: Setup, max: usize) -> World {
    setup.accumulator.batch_size = 1700;
    let mut world = setup.ready();
    world.cluster.max_message_bytes = max;
    world
}

/// Appends 16 records that share a batch.
fn fill(world: &mut World) -> Vec<u64> {
    (0..16).map(|_| world.append("t", 0, 90)).collect()
}

fn all_persisted(world: &World, records: &[u64]) {
    for record in records {
        assert_eq!(world.report(*record).state, State::Persisted, "{:?}", world.report(*record));
    }
}

#[test]
fn a_batch_that_is_too_large_goes_again_in_pieces_with_its_sequences() {
    let mut world = world(Setup::default(), 500);
    let records = fill(&mut world);
    world.run();
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0), records);
    let taken = world.arrived.iter().flat_map(|arrived| &arrived.batches);
    let taken: Vec<_> = taken.filter(|batch| batch.size <= 500).collect();
    let mut sequence = 0;
    for batch in taken {
        assert_eq!((batch.epoch, batch.sequence), (0, sequence), "no bump");
        sequence += batch.opaques.len() as i32;
    }
    assert_eq!(sequence, 16);
    world.finish();
}

#[test]
fn the_next_batch_is_split_to_the_size_that_was_found() {
    let mut world = world(Setup::default(), 500);
    fill(&mut world);
    world.run();
    let before = world.arrived.len();
    let records = fill(&mut world);
    world.run();
    all_persisted(&world, &records);
    let sizes = world.arrived[before..].iter().flat_map(|arrived| &arrived.batches);
    let refused = sizes.filter(|batch| batch.size > 500).count();
    assert_eq!(refused, 1, "only the whole batch");
    world.finish();
}

#[test]
fn a_record_that_is_too_large_by_itself_fails_alone() {
    for idempotent in [true, false] {
        let setup = match idempotent {
            true => Setup::default(),
            false => Setup::default().without_idempotence(-1).in_flight(1),
        };
        let mut world = world(setup, 500);
        let mut records: Vec<u64> = (0..4).map(|_| world.append("t", 0, 90)).collect();
        let large = world.append("t", 0, 700);
        records.extend((0..4).map(|_| world.append("t", 0, 90)));
        world.run();
        world.advance(1000);
        let report = world.report(large);
        assert_eq!(
            (report.state, report.code()),
            (State::NotPersisted, ErrorCode::MESSAGE_TOO_LARGE)
        );
        all_persisted(&world, &records);
        assert_eq!(world.log("t", 0), records);
        world.finish();
    }
}

#[test]
fn batches_behind_the_one_that_is_split_keep_their_place() {
    let mut world = world(Setup::default(), usize::MAX);
    world.send("t", 0);
    world.hold_produce = true;
    let mut records: Vec<u64> = (0..4).flat_map(|_| fill(&mut world)).collect();
    world.run();
    assert!(world.pending(1) >= 3, "several are in flight");
    world.cluster.max_message_bytes = 700;
    world.hold_produce = false;
    world.advance(1000);
    world.cluster.max_message_bytes = usize::MAX;
    records.extend(fill(&mut world));
    world.run();
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0)[1..], records);
    assert!(world.arrived.iter().all(|a| a.batches.iter().all(|b| b.epoch == 0)), "no bump");
    world.finish();
}

#[test]
fn a_flush_waits_for_all_pieces() {
    let mut world = world(Setup::default().linger(1000), 1000);
    let records = fill(&mut world);
    world.shared.accumulator.flush();
    world.hold_produce = true;
    world.run();
    world.answer(1);
    world.answer(1);
    let done = records.iter().filter(|record| world.is_reported(**record)).count();
    assert!((1..16).contains(&done), "{done} are reported");
    assert!(world.shared.accumulator.flushing(), "pieces are left");
    world.hold_produce = false;
    world.run();
    all_persisted(&world, &records);
    assert!(!world.shared.accumulator.flushing());
    world.finish();
}

#[test]
fn a_batch_in_doubt_that_is_not_in_the_log_arrives_in_pieces() {
    let mut world = world(Setup::default(), 500);
    world.refuse("t", 0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    let records = fill(&mut world);
    world.run();
    world.advance(1000);
    all_persisted(&world, &records);
    assert_eq!(world.log("t", 0), records);
    assert!(world.arrived.iter().all(|a| a.batches.iter().all(|b| b.epoch == 0)), "no bump");
    world.finish();
}

#[test]
fn pieces_of_a_batch_that_is_in_the_log_do_not_come_there_again() {
    let mut world = world(Setup::default(), usize::MAX);
    world.hold_produce = true;
    let records = fill(&mut world);
    world.run();
    world.apply(1);
    world.disconnect(1);
    world.refuse("t", 0, ErrorCode::MESSAGE_TOO_LARGE);
    world.hold_produce = false;
    world.advance(1000);
    for record in &records {
        let report = world.report(*record);
        let expected = (State::PossiblyPersisted, ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!((report.state, report.code()), expected);
    }
    assert_eq!(world.log("t", 0), records, "once");
    assert!(world.shared.metrics.batches_split.get() > 0);
    let next = fill(&mut world);
    world.run();
    all_persisted(&world, &next);
    world.finish();
}

#[test]
fn a_split_is_no_retry_and_waits_for_no_back_off() {
    let mut world = world(Setup::default().retries(0), 500);
    let (records, at) = (fill(&mut world), world.now);
    world.run();
    all_persisted(&world, &records);
    assert!(world.arrived.iter().all(|arrived| arrived.at == at));
    assert!(world.shared.metrics.batches_split.get() >= 2);
    world.finish();
}

#[test]
fn a_batch_that_is_out_of_time_is_not_split() {
    let mut world = world(Setup::default().request_timeout(500).delivery_timeout(1000), 500);
    world.hold_produce = true;
    let records = fill(&mut world);
    world.run();
    // The answer comes in the same moment as the end of the records' time.
    world.now = world.now + super::setup::ms(1000);
    world.answer(1);
    for record in &records {
        assert_eq!(world.report(*record).code(), ErrorCode::DELIVERY_TIMED_OUT);
    }
    assert_eq!(world.arrived.len(), 1);
    world.finish();
}
