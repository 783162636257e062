//! When a batch goes again: the back-off and what ends it early, throttled brokers, one in flight.

use std::sync::Arc;

use super::harness::World;
use super::setup::{Setup, ms};
use crate::backoff::ExponentialBackoff;
use crate::error::ErrorCode;
use crate::report::State;

/// The milliseconds between the attempts.
fn gaps(world: &World) -> Vec<u128> {
    let at: Vec<_> = world.arrived.iter().map(|arrived| arrived.at).collect();
    at.windows(2).map(|pair| pair[1].since(pair[0]).as_millis()).collect()
}

fn growing() -> Setup {
    let mut setup = Setup::default();
    setup.sender.retry_backoff = ExponentialBackoff { initial: ms(100), max: ms(1000) };
    setup
}

#[test]
fn the_wait_before_a_retry_doubles_up_to_its_maximum() {
    let mut world = growing().ready();
    (0..7).for_each(|_| world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS));
    let record = world.send("t", 0);
    world.advance(20_000);
    assert_eq!(world.report(record).state, State::Persisted);
    let gaps = gaps(&world);
    assert_eq!(gaps.len(), 7);
    for (gap, expected) in gaps.iter().zip([100, 200, 400, 800, 1000, 1000, 1000]) {
        // The jitter is 20 %.
        assert!((expected * 8 / 10..=expected * 12 / 10).contains(gap), "{gaps:?}");
    }
    world.finish();
}

#[test]
fn a_newer_leader_ends_the_wait_and_news_of_the_same_one_do_not() {
    for moved in [true, false] {
        let mut world = growing().nodes(2).ready();
        world.send("t", 1);
        (0..5).for_each(|_| world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS));
        let record = world.send("t", 0);
        world.advance(2000);
        let attempts = world.arrived.len();
        if moved {
            world.cluster.move_leader("t", 0, 2);
            world.cluster.partition("t", 0).faults.clear();
        }
        // A metadata answer is due at once; the next attempt is up to a second away.
        world.request_metadata();
        world.advance(1);
        assert_eq!(world.is_reported(record), moved);
        assert_eq!(world.arrived.len(), attempts + usize::from(moved));
        world.finish();
    }
}

#[test]
fn throttling_holds_back_the_broker_that_asked_for_it_and_no_other() {
    let mut world = Setup::default().nodes(2).ready();
    (0..2).for_each(|partition| _ = world.send("t", partition));
    world.hold_produce = true;
    world.send("t", 0);
    world.answer_with(1, |answer| answer.throttle_time_ms = 5000);
    world.hold_produce = false;
    let (held, free) = (world.send("t", 0), world.send("t", 1));
    assert!(world.is_reported(free) && !world.is_reported(held));
    world.advance(4999);
    assert!(!world.is_reported(held));
    world.advance(1);
    assert_eq!(world.report(held).state, State::Persisted);
    assert_eq!(world.shared.metrics.throttled.get(), 1);
    world.finish();
}

#[test]
fn one_in_flight_holds_although_the_first_batch_expired_before_its_answer() {
    let setup = Setup::default().without_idempotence(-1).in_flight(1);
    let mut world = setup.delivery_timeout(2000).ready();
    world.hold_produce = true;
    let late = world.send_alone("t", 0);
    world.advance(1000);
    let next = world.send_alone("t", 0);
    world.advance(1000);
    assert_eq!(world.report(late).state, State::PossiblyPersisted);
    assert_eq!(world.pending(1), 1, "the request of the first one is not answered");
    assert_eq!(world.arrived.len(), 1);
    world.answer(1);
    world.answer(1);
    assert_eq!(world.report(next).state, State::Persisted);
    world.finish();
}

#[test]
fn memory_of_a_batch_that_failed_comes_back_once_and_when_its_bytes_have_left() {
    let mut setup = Setup::default().delivery_timeout(2000);
    // Small batches are copied next to their request's header.
    setup.accumulator.batch_size = 40_000;
    let mut world = setup.ready();
    world.send("t", 0);
    let pool = Arc::clone(&world.shared.accumulator.pool);
    world.hold_produce = true;
    world.stall_writes = true;
    let record = world.send_alone("t", 0);
    let held = pool.total() - pool.available();
    assert!(held > 0);
    world.advance(2000);
    assert_eq!(world.report(record).code(), ErrorCode::DELIVERY_TIMED_OUT);
    assert_eq!(pool.total() - pool.available(), held, "the socket may still write it");
    world.unstall();
    world.hold_produce = false;
    world.advance(1000);
    assert_eq!(pool.available(), pool.total());
    world.finish();
}
