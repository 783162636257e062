//! Purge: what is given up is reported once and truly, and the producer goes on.

use super::harness::World;
use super::setup::Setup;
use crate::error::{Error, ErrorCode};
use crate::report::State;
use crate::sender::Purge;

const QUEUED: Purge = Purge { queued: true, in_flight: false };
const IN_FLIGHT: Purge = Purge { queued: false, in_flight: true };
const ALL: Purge = Purge { queued: true, in_flight: true };

/// One record in flight, one behind it.
fn busy() -> (World, u64, u64) {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    let in_flight = world.send_alone("t", 0);
    let queued = world.send_alone("t", 0);
    assert_eq!(world.arrived.len(), 1);
    (world, in_flight, queued)
}

fn purged(world: &World, record: u64, state: State, what: &str) {
    let report = world.report(record);
    assert_eq!((report.code(), report.state), (ErrorCode::PURGED, state));
    assert!(report.reason().ends_with(what), "{}", report.reason());
}

fn goes_on(mut world: World) {
    world.hold_produce = false;
    let next = world.send("t", 0);
    world.advance(1000);
    assert_eq!(world.report(next).state, State::Persisted);
    world.finish();
}

#[test]
fn what_is_queued_is_given_up_and_what_is_in_flight_is_not() {
    let (mut world, in_flight, queued) = busy();
    world.shared.purge(QUEUED);
    world.run();
    purged(&world, queued, State::NotPersisted, "waited to be sent");
    assert!(!world.is_reported(in_flight));
    world.hold_produce = false;
    world.advance(1000);
    assert_eq!(world.report(in_flight).state, State::Persisted);
    goes_on(world);
}

#[test]
fn what_is_in_flight_is_possibly_persisted_and_its_answer_changes_nothing() {
    let (mut world, in_flight, queued) = busy();
    world.shared.purge(IN_FLIGHT);
    world.run();
    purged(&world, in_flight, State::PossiblyPersisted, "was in flight");
    world.hold_produce = false;
    world.advance(1000);
    assert_eq!(world.report(queued).state, State::Persisted);
    goes_on(world);
}

#[test]
fn an_attempt_that_was_refused_leaves_no_doubt_and_one_that_may_have_come_through_does() {
    for (code, state) in [
        (ErrorCode::NOT_ENOUGH_REPLICAS, State::NotPersisted),
        (ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND, State::PossiblyPersisted),
    ] {
        let (mut world, retried, queued) = busy();
        world.refuse("t", 0, code);
        world.answer_with(1, |_| ());
        world.run();
        world.shared.purge(QUEUED);
        world.run();
        purged(&world, retried, state, "waited to be sent again");
        purged(&world, queued, State::NotPersisted, "waited to be sent");
        goes_on(world);
    }
}

#[test]
fn what_is_sent_after_the_call_stays() {
    let (mut world, in_flight, queued) = busy();
    world.shared.purge(ALL);
    let later = world.append("t", 0, 300);
    let elsewhere = world.append("t", 1, 300);
    world.run();
    assert!(world.is_reported(in_flight) && world.is_reported(queued));
    assert!(!world.is_reported(later) && !world.is_reported(elsewhere));
    goes_on(world);
}

#[test]
fn what_is_sent_after_the_call_does_not_join_a_batch_that_is_given_up() {
    let mut world = Setup::default().linger(1000).ready();
    let before = world.append("t", 0, 8);
    world.shared.purge(QUEUED);
    let later = world.append("t", 0, 8);
    world.run();
    purged(&world, before, State::NotPersisted, "waited to be sent");
    assert!(!world.is_reported(later));
    goes_on(world);
}

#[test]
fn a_record_that_lingers_or_has_no_leader_is_queued() {
    let mut world = Setup::default().linger(60_000).ready();
    let lingers = world.send("t", 0);
    world.cluster.move_leader("t", 1, -1);
    world.request_metadata();
    world.advance(1000);
    let leaderless = world.send_alone("t", 1);
    world.shared.purge(QUEUED);
    world.run();
    for record in [lingers, leaderless] {
        purged(&world, record, State::NotPersisted, "waited to be sent");
    }
    world.cluster.move_leader("t", 1, 1);
    world.finish();
}

#[test]
fn a_partition_that_was_listed_and_empty_when_others_were_purged_is_listed_again() {
    let mut world = Setup::default().ready();
    let first = world.append("t", 0, 200);
    let view = world.shared.accumulator.topics.view();
    let queue = view.get("t").unwrap().partition(0).unwrap().clone();
    // So it looks if the batch came, and went, while the line of its leader was served.
    let batch = queue.lock().batches.pop_front().unwrap();
    world.shared.purge(QUEUED);
    world.run();
    queue.lock().batches.push_front(batch);
    let second = world.append("t", 0, 200);
    world.advance(1000);
    for record in [first, second] {
        assert_eq!(world.report(record).state, State::Persisted);
    }
    world.finish();
}

#[test]
fn a_purge_that_a_fatal_error_overtakes_is_no_work_for_ever() {
    let (mut world, in_flight, queued) = busy();
    world.shared.purge(ALL);
    let error = Error::fatal(ErrorCode::CLUSTER_AUTHORIZATION_FAILED, "not for you");
    world.shared.fail(&error);
    world.run();
    for record in [in_flight, queued] {
        assert_eq!(world.report(record).code(), error.code());
    }
    assert!(!world.has_work);
    world.finish();
}
