//! Which requests wait for the answer of the one before them, and when the I/O thread sleeps
//! lightly.

use std::time::Duration;

use super::harness::World;
use super::model::Health;
use super::setup::Setup;
use crate::accumulator::Sleep;
use crate::time::Instant;

/// Two records that fill a batch.
fn fill(world: &mut World, partition: i32, batch_size: usize) {
    world.append("t", partition, 8);
    // The batch's header, the first record, and what the second has beside its value: numbers of
    // 8192 and more take a byte more.
    let other = 61 + 15 + if batch_size < 8192 { 9 } else { 11 };
    world.append("t", partition, batch_size - other);
}

#[test]
fn a_small_request_waits_for_the_answer_of_the_one_before_and_not_for_long() {
    let mut world = Setup::default().linger(5).ready();
    let warm = world.send("t", 0);
    world.advance(5);
    assert!(world.is_reported(warm));
    world.hold_produce = true;
    fill(&mut world, 0, 200);
    world.run();
    assert_eq!(world.arrived.len(), 2, "nothing is in flight, so it goes at once; it is full");
    (1..3).for_each(|partition| fill(&mut world, partition, 200));
    world.run();
    assert_eq!(world.arrived.len(), 2, "they wait for the answer");
    world.answer(1);
    world.run();
    assert_eq!(world.arrived[2].batches.len(), 2, "and go together");
    fill(&mut world, 0, 200);
    world.run();
    assert_eq!(world.arrived.len(), 3);
    world.advance(1);
    assert_eq!(world.arrived.len(), 4, "the answer does not come, and a millisecond is over");
    while world.pending(1) > 0 {
        world.answer(1);
    }
    world.finish();
}

#[test]
fn a_request_waits_for_no_answer_without_linger_or_if_it_is_large_or_somebody_flushes() {
    let arrived_behind_another = |linger: u64, batch_size: usize, flush: bool| {
        let mut setup = Setup::default().linger(linger);
        setup.accumulator.batch_size = batch_size;
        setup.accumulator.buffer_memory = 1 << 20;
        let mut world = setup.ready();
        world.hold_produce = true;
        fill(&mut world, 0, batch_size);
        world.run();
        fill(&mut world, 1, batch_size);
        if flush {
            world.shared.accumulator.flush();
        }
        world.run();
        let arrived = world.arrived.len();
        world.advance(5);
        while world.pending(1) > 0 {
            world.answer(1);
        }
        world.finish();
        arrived
    };
    assert_eq!(arrived_behind_another(5, 200, false), 1);
    assert_eq!(arrived_behind_another(0, 200, false), 2);
    assert_eq!(arrived_behind_another(5, 64 << 10, false), 1);
    assert_eq!(arrived_behind_another(5, 200 << 10, false), 2);
    assert_eq!(arrived_behind_another(5, 200, true), 2);
}

/// A world with batches of 16 KiB, as is the default, and memory for many.
fn roomy(nodes: i32) -> World {
    let mut setup = Setup::default().nodes(nodes).linger(5);
    setup.accumulator.batch_size = 16 << 10;
    setup.accumulator.buffer_memory = 4 << 20;
    setup.ready()
}

#[test]
fn a_request_waits_for_no_answer_if_enough_is_queued_behind_few_partitions() {
    let mut world = roomy(1);
    let warm = world.send("t", 0);
    world.advance(5);
    assert!(world.is_reported(warm));
    world.hold_produce = true;
    (0..12).for_each(|_| fill(&mut world, 0, 16 << 10));
    world.run();
    assert_eq!(world.arrived.len(), 1 + 5, "only one batch of a partition fits into a request");
    world.advance(5);
    while world.pending(1) > 0 {
        world.answer(1);
        world.advance(2);
    }
    world.finish();
}

#[test]
fn a_light_sleep_is_short_and_not_renewed_while_no_answer_comes() {
    let mut world = roomy(1);
    world.hold_produce = true;
    let is_light = |world: &World| world.sender.next_sleep(world.now).1 == Sleep::Light;
    fill(&mut world, 0, 16 << 10);
    let sent = world.now;
    world.run();
    assert!(is_light(&world));
    let (until, _) = world.sender.next_sleep(world.now);
    assert_eq!(until, Instant(sent.0 + 1_000_000));
    let turns = world.turns;
    fill(&mut world, 1, 16 << 10);
    world.run();
    assert_eq!((world.turns, world.arrived.len()), (turns, 1), "it sleeps");
    world.advance(1);
    assert_eq!(world.arrived.len(), 2, "and no longer than this");
    world.advance(1);
    assert!(!is_light(&world));
    fill(&mut world, 2, 16 << 10);
    world.run();
    assert_eq!(world.arrived.len(), 3);
    world.shared.accumulator.flush();
    world.run();
    assert!(!is_light(&world), "somebody flushes");
    while world.pending(1) > 0 {
        world.answer(1);
    }
    world.finish();
}

#[test]
fn a_broker_that_is_gone_keeps_no_sleep_from_being_light() {
    let mut world = roomy(2);
    (0..2).for_each(|partition| _ = world.send("t", partition));
    world.advance(5);
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Refuses;
    world.disconnect(2);
    world.advance(5);
    world.hold_produce = true;
    fill(&mut world, 0, 16 << 10);
    world.run();
    assert_eq!(world.sender.next_sleep(world.now).1, Sleep::Light);
    world.hold_produce = false;
    while world.pending(1) > 0 {
        world.answer(1);
    }
    world.heal();
    world.finish();
}

#[test]
fn sending_threads_that_are_ahead_let_brokers_work_that_have_all_they_may_have_and_answer_soon() {
    let mut world = roomy(1);
    let how = |world: &World| world.sender.next_sleep(world.now).1;
    let warm = world.send("t", 0);
    world.advance(5);
    assert!(world.is_reported(warm));
    world.hold_produce = true;
    // Five are sent, and 2 MiB are 128 batches.
    (0..5 + 127).for_each(|_| fill(&mut world, 0, 16 << 10));
    world.run();
    assert_eq!(world.arrived.len(), 1 + 5);
    assert_ne!(how(&world), Sleep::Behind);
    fill(&mut world, 0, 16 << 10);
    world.run();
    assert_eq!(how(&world), Sleep::Behind);
    world.advance(10);
    assert_ne!(how(&world), Sleep::Behind, "the broker takes its time");
    world.answer(1);
    world.run();
    assert_ne!(how(&world), Sleep::Behind, "one batch less is behind");
    fill(&mut world, 0, 16 << 10);
    world.run();
    assert_eq!(how(&world), Sleep::Behind, "it is soon after an answer");
    world.shared.accumulator.flush();
    world.run();
    assert_ne!(how(&world), Sleep::Behind, "somebody flushes");
    while world.pending(1) > 0 {
        world.answer(1);
        world.run();
    }
    world.finish();
}

#[test]
fn brokers_that_are_behind_are_let_work_for_a_part_of_the_time_that_answers_take() {
    let mut world = roomy(1);
    let warm = world.send("t", 0);
    world.advance(5);
    assert!(world.is_reported(warm));
    world.hold_produce = true;
    let mut answered_after = |nanos| {
        fill(&mut world, 0, 16 << 10);
        world.run();
        world.now = Instant(world.now.0 + nanos);
        world.answer(1);
        world.run();
        world.sender.rest()
    };
    let micros = Duration::from_micros;
    assert_eq!(answered_after(1_200_000), micros(400));
    assert_eq!(answered_after(9_000_000), micros(1000), "at most");
    assert_eq!(answered_after(1_190_000), micros(0), "the broker is no bottleneck");
    world.sender.packing.note_answered(Instant(0), 1 << 20, Instant(6_000_000));
    assert_eq!(world.sender.rest(), micros(500), "a quarter of such a request is in the socket");
    world.sender.config.acks = 0;
    assert_eq!(world.sender.rest(), micros(0), "there are no answers");
    world.sender.config.acks = -1;
    world.finish();
}

#[test]
fn the_io_thread_gladly_has_more_while_few_batches_wait_and_nothing_is_in_flight() {
    let mut world = roomy(1);
    assert!(!world.sender.would_gladly_have_more(), "nobody sends");
    (0..7).for_each(|_| fill(&mut world, 0, 16 << 10));
    assert!(world.sender.would_gladly_have_more());
    fill(&mut world, 1, 16 << 10);
    assert!(!world.sender.would_gladly_have_more(), "it is enough for a request");
    world.finish();
    let mut world = roomy(1);
    world.hold_produce = true;
    fill(&mut world, 0, 16 << 10);
    world.run();
    assert!(!world.sender.would_gladly_have_more(), "a request is in flight");
    world.answer(1);
    world.run();
    fill(&mut world, 0, 16 << 10);
    assert!(world.sender.would_gladly_have_more());
    world.shared.accumulator.flush();
    assert!(!world.sender.would_gladly_have_more(), "somebody flushes");
    world.hold_produce = false;
    world.finish();
    let mut setup = Setup::default().nodes(1).linger(0);
    setup.accumulator.batch_size = 16 << 10;
    let mut world = setup.ready();
    fill(&mut world, 0, 16 << 10);
    assert!(!world.sender.would_gladly_have_more(), "linger.ms allows no wait at all");
    world.finish();
}

#[test]
fn a_light_sleep_ends_when_enough_is_ready_for_a_request() {
    let mut world = roomy(1);
    world.hold_produce = true;
    fill(&mut world, 0, 16 << 10);
    world.run();
    let turns = world.turns;
    for number in 0..7 {
        fill(&mut world, 1 + number % 2, 16 << 10);
        world.run();
    }
    assert_eq!((world.turns, world.arrived.len()), (turns, 1), "seven batches are not enough");
    fill(&mut world, 2, 16 << 10);
    world.run();
    assert_eq!(world.arrived[1].batches.len(), 2);
    while world.pending(1) > 0 {
        world.answer(1);
    }
    world.finish();
}

#[test]
fn a_broker_that_gets_no_batches_keeps_nobody_from_sleeping_lightly_or_being_behind() {
    let mut world = roomy(2);
    (0..2).for_each(|partition| _ = world.send("t", partition));
    world.advance(5);
    world.hold_produce = true;
    world.advance(20);
    (0..5 + 130).for_each(|_| fill(&mut world, 0, 16 << 10));
    world.run();
    world.answer(1);
    world.run();
    (0..2).for_each(|_| fill(&mut world, 0, 16 << 10));
    world.run();
    assert_eq!(world.sender.next_sleep(world.now).1, Sleep::Behind);
    while world.pending(1) > 0 {
        world.answer(1);
        world.run();
    }
    world.finish();
}
