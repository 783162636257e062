//! When batches are ready, and how they are put into requests.

use super::setup::Setup;
use crate::accumulator::Reserve;
use crate::report::State;
use crate::time::Instant;
use crate::wire::Message;
use crate::wire::messages::{MetadataRequest, ProduceRequest};

#[test]
fn a_record_is_sent_and_reported_with_its_offset() {
    let mut world = Setup::default().ready();
    let first = world.send("t", 0);
    let second = world.send("t", 0);
    assert_eq!(world.report(first).state, State::Persisted);
    assert_eq!((world.report(first).offset, world.report(second).offset), (0, 1));
    assert_eq!(world.log("t", 0), [first, second]);
    world.finish();
}

#[test]
fn records_linger_so_that_others_may_join_them() {
    let mut world = Setup::default().linger(10).ready();
    let first = world.send("t", 0);
    world.advance(9);
    let second = world.send("t", 0);
    assert!(world.arrived.is_empty());
    world.advance(1);
    assert_eq!(world.arrived.len(), 1);
    assert_eq!(world.arrived[0].batches[0].opaques, [first, second]);
    assert_eq!(world.arrived[0].at, world.now);
    world.finish();
}

#[test]
fn a_full_batch_does_not_linger() {
    let mut world = Setup::default().linger(1000).ready();
    let first = world.send("t", 0);
    // 61 bytes of header, 15 of the first record and 124 of this one are batch.size.
    let second = world.append("t", 0, 115);
    world.run();
    assert_eq!(world.arrived[0].batches[0].opaques, [first, second]);
    assert_eq!(world.arrived[0].batches[0].size, 200);
    world.finish();
}

#[test]
fn a_batch_with_another_behind_it_does_not_linger_and_the_other_does() {
    let mut world = Setup::default().linger(1000).ready();
    let first = world.send_alone("t", 0);
    assert!(world.arrived.is_empty());
    let second = world.send_alone("t", 0);
    assert_eq!(world.arrived.len(), 1);
    assert!(world.is_reported(first) && !world.is_reported(second));
    world.advance(1000);
    assert!(world.is_reported(second));
    world.finish();
}

#[test]
fn a_flush_makes_all_batches_ready_and_ends_with_their_reports() {
    let mut world = Setup::default().linger(1000).ready();
    let before = [world.send("t", 0), world.send("t", 1)];
    world.shared.accumulator.flush();
    assert!(world.sender.has_work() && world.shared.accumulator.flushing());
    world.run();
    assert!(before.iter().all(|record| world.is_reported(*record)));
    assert!(!world.shared.accumulator.flushing());
    let after = world.send("t", 0);
    assert!(!world.is_reported(after));
    world.finish();
}

#[test]
fn a_flush_is_told_when_the_last_batch_counts_as_reported() {
    let mut world = Setup::default().linger(1000).ready();
    world.send("t", 0);
    let reports = world.shared.accumulator.reports.clone();
    world.shared.accumulator.flush();
    // What a flush sees that looks between the last report and the end of its batch.
    let seen = reports.nudges();
    world.run();
    assert!(!world.shared.accumulator.flushing());
    assert!(reports.nudges() > seen, "it would wait for ever");
    world.finish();
}

#[test]
fn somebody_who_waits_for_memory_makes_all_batches_ready() {
    let mut setup = Setup::default().linger(1000);
    setup.accumulator.buffer_memory = 600;
    let mut world = setup.ready();
    (0..3).for_each(|partition| assert!(world.try_append("t", partition, 8).is_some()));
    world.run();
    assert!(world.arrived.is_empty());
    let pool = world.shared.accumulator.pool.clone();
    let Ok(Reserve::Wait(ticket)) = pool.reserve(200, || None) else { panic!("there is memory") };
    assert!(world.sender.has_work());
    world.shared.accumulator.wakeup.demand(Instant(0));
    world.run();
    assert_eq!(world.reports.len(), 3);
    pool.cancel(&ticket);
    world.finish();
}

#[test]
fn closing_makes_all_batches_ready_and_ends_when_they_are_reported() {
    let mut world = Setup::default().linger(1000).ready();
    world.hold_produce = true;
    world.send("t", 0);
    world.shared.initiate_close();
    world.run();
    assert_eq!(world.waiting(), [1]);
    assert!(!world.sender.is_finished());
    assert!(world.try_append("t", 0, 8).is_none(), "closed");
    world.answer(1);
    assert!(world.sender.is_finished());
    assert!(!world.has_conn(1));
    world.finish();
}

#[test]
fn one_request_carries_a_batch_of_every_ready_partition() {
    let mut world = Setup::default().ready();
    (0..3).for_each(|partition| _ = world.append("t", partition, 8));
    world.run();
    assert_eq!(world.arrived.len(), 1);
    let mut partitions: Vec<i32> = world.arrived[0].batches.iter().map(|b| b.partition).collect();
    partitions.sort();
    assert_eq!(partitions, [0, 1, 2]);
    world.finish();
}

#[test]
fn each_broker_gets_a_request_with_its_own_partitions() {
    let mut world = Setup::default().nodes(3).ready();
    (0..3).for_each(|partition| _ = world.append("t", partition, 8));
    world.run();
    let mut sent: Vec<_> = world.arrived.iter().map(|a| (a.node, a.batches[0].partition)).collect();
    sent.sort();
    assert_eq!(sent, [(1, 0), (2, 1), (3, 2)]);
    world.finish();
}

#[test]
fn a_request_is_no_larger_than_max_request_size_unless_one_batch_is() {
    let mut setup = Setup::default();
    setup.sender.max_request_size = 300;
    let mut world = setup.ready();
    (0..3).for_each(|partition| _ = world.append("t", partition, 60));
    world.run();
    let sizes: Vec<usize> = world.arrived.iter().map(|a| a.batches.len()).collect();
    assert_eq!(sizes, [2, 1]);
    world.append("t", 0, 1000);
    world.append("t", 1, 8);
    world.run();
    let large = world.arrived.iter().find(|a| a.batches.iter().any(|b| b.size > 300)).unwrap();
    assert_eq!(large.batches.len(), 1);
    world.finish();
}

#[test]
fn partitions_take_turns_when_not_all_fit_into_a_request() {
    let mut setup = Setup::default().in_flight(1);
    setup.sender.max_request_size = 300;
    let mut world = setup.ready();
    world.hold_produce = true;
    for _ in 0..4 {
        (0..3).for_each(|partition| _ = world.append("t", partition, 200));
    }
    world.run();
    let mut order = Vec::new();
    for at in 0..12 {
        order.push(world.arrived[at].batches[0].partition);
        world.answer(1);
    }
    for round in order.chunks(3) {
        let mut round = round.to_vec();
        round.sort();
        assert_eq!(round, [0, 1, 2], "{order:?}");
    }
    world.finish();
}

#[test]
fn at_most_max_in_flight_requests_are_on_a_connection() {
    for max in [1, 2, 5] {
        let mut world = Setup::default().in_flight(max).without_idempotence(-1).ready();
        world.hold_produce = true;
        for _ in 0..8 {
            world.send_alone("t", 0);
        }
        assert_eq!(world.pending(1), max);
        world.answer(1);
        assert_eq!(world.pending(1), max);
        world.finish();
    }
}

#[test]
fn acks_0_is_over_when_the_bytes_have_left_and_nothing_is_known_of_the_record() {
    let mut world = Setup::default().without_idempotence(0).ready();
    world.hold_produce = true;
    world.stall_writes = true;
    let record = world.send("t", 0);
    assert!(!world.is_reported(record));
    world.unstall();
    world.run();
    let report = world.report(record);
    assert_eq!((report.state, report.offset), (State::PossiblyPersisted, -1));
    assert!(report.error.is_none());
    world.finish();
}

#[test]
fn topics_go_by_name_where_a_broker_is_too_old_for_their_ids() {
    for (metadata, produce, used) in [(13, 13, 13), (9, 13, 12), (13, 12, 12), (4, 3, 3)] {
        let mut world = Setup::default().start();
        world.cluster.versions.insert(MetadataRequest::KEY, (0, metadata));
        world.cluster.versions.insert(ProduceRequest::KEY, (0, produce));
        world.cluster.create("t", 1);
        world.know("t");
        let record = world.send("t", 0);
        assert_eq!(world.report(record).state, State::Persisted);
        assert_eq!(world.arrived[0].version, used);
        world.finish();
    }
}

#[test]
fn a_throttle_time_counts_from_the_version_on_in_which_clients_wait_themselves() {
    for (version, waits) in [(5, false), (6, true)] {
        let mut world = Setup::default().start();
        world.cluster.versions.insert(ProduceRequest::KEY, (0, version));
        world.cluster.create("t", 1);
        world.know("t");
        world.cluster.throttle_ms = 1000;
        world.send("t", 0);
        world.cluster.throttle_ms = 0;
        let next = world.send("t", 0);
        assert_eq!(world.is_reported(next), !waits);
        world.finish();
    }
}
