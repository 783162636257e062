//! delivery.timeout.ms and request.timeout.ms: when they end a batch, in which state, and why.

use super::harness::all_persisted;
use super::model::Health;
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

fn short() -> Setup {
    Setup::default().request_timeout(1000).delivery_timeout(5000)
}

#[test]
fn a_record_without_a_leader_ends_as_not_persisted_and_says_so() {
    let mut world = short().ready();
    world.cluster.move_leader("t", 0, -1);
    world.request_metadata();
    world.advance(1000);
    let record = world.send("t", 0);
    world.advance(4999);
    assert!(!world.is_reported(record));
    world.advance(1);
    let report = world.report(record);
    assert_eq!((report.state, report.code()), (State::NotPersisted, ErrorCode::DELIVERY_TIMED_OUT));
    assert!(report.reason().contains("waited for a leader of t-0"), "{report:?}");
    world.finish();
}

#[test]
fn a_record_whose_broker_cannot_be_reached_says_which_and_why() {
    let mut world = short().nodes(2).ready();
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Refuses;
    let record = world.send("t", 1);
    world.advance(5000);
    let report = world.report(record);
    assert_eq!(report.state, State::NotPersisted);
    assert!(report.reason().contains("broker 2 (b2:9092)"), "{report:?}");
    assert!(report.reason().contains("connection refused"), "{report:?}");
    world.finish();
}

#[test]
fn a_record_in_flight_ends_as_possibly_persisted_and_names_the_broker() {
    let mut world = short().request_timeout(9000).ready();
    world.hold_produce = true;
    let record = world.send("t", 0);
    world.advance(5000);
    let report = world.report(record);
    assert_eq!(report.state, State::PossiblyPersisted);
    assert!(report.reason().contains("in flight to broker 1 (b1:9092)"), "{report:?}");
    // The late answer changes nothing.
    world.answer(1);
    world.finish();
}

#[test]
fn a_record_that_was_refused_all_the_time_is_not_persisted_and_says_the_last_error() {
    let mut world = short().ready();
    (0..100).for_each(|_| world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS));
    let record = world.send("t", 0);
    world.advance(5100);
    let report = world.report(record);
    assert_eq!(report.state, State::NotPersisted);
    assert!(report.reason().contains("NOT_ENOUGH_REPLICAS"), "{report:?}");
    world.finish();
}

#[test]
fn a_refusal_in_the_last_moment_is_the_reason() {
    let mut world = short().request_timeout(9000).ready();
    world.hold_produce = true;
    world.refuse("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS);
    let record = world.send("t", 0);
    world.advance(4999);
    world.now = world.now + std::time::Duration::from_millis(1);
    world.answer(1);
    let report = world.report(record);
    assert_eq!((report.state, report.code()), (State::NotPersisted, ErrorCode::DELIVERY_TIMED_OUT));
    assert!(report.reason().contains("its last attempt failed: NOT_ENOUGH_REPLICAS"), "{report:?}");
    world.finish();
}

#[test]
fn a_record_in_doubt_that_waits_to_be_sent_again_is_possibly_persisted() {
    let mut world = short().ready();
    world.hold_produce = true;
    let record = world.send("t", 0);
    world.apply(1);
    world.cluster.nodes.get_mut(&1).unwrap().health = Health::Refuses;
    world.disconnect(1);
    world.advance(5000);
    let report = world.report(record);
    assert_eq!(
        (report.state, report.code()),
        (State::PossiblyPersisted, ErrorCode::DELIVERY_TIMED_OUT)
    );
    assert!(report.reason().contains("the peer closed it"), "{report:?}");
    world.finish();
}

#[test]
fn a_record_that_waits_for_a_producer_id_says_so() {
    let mut world = short().start();
    world.cluster.create("t", 1);
    world.cluster.id_errors.extend([ErrorCode::COORDINATOR_NOT_AVAILABLE; 100]);
    world.know("t");
    let record = world.send("t", 0);
    world.advance(5000);
    let report = world.report(record);
    assert_eq!(report.state, State::NotPersisted);
    assert!(report.reason().contains("waited for a producer id"), "{report:?}");
    assert!(report.reason().contains("COORDINATOR_NOT_AVAILABLE"), "{report:?}");
    world.cluster.id_errors.clear();
    world.finish();
}

#[test]
fn records_sent_on_hearing_that_others_expired_have_their_own_time() {
    let mut world = short().nodes(2).ready();
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Refuses;
    let expired: Vec<u64> = (0..3).map(|_| world.send_alone("t", 1)).collect();
    world.advance(4999);
    assert!(world.reports.is_empty());
    // They are sent again in the moment of the reports, while the partition is being looked at.
    world.advance(1);
    let states: Vec<State> = expired.iter().map(|record| world.report(*record).state).collect();
    assert_eq!(states, [State::NotPersisted; 3]);
    let again: Vec<u64> = expired.iter().map(|_| world.send_alone("t", 1)).collect();
    world.advance(2500);
    assert_eq!(world.reports.len(), 3, "none expires with those before it");
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Up;
    world.advance(2400);
    all_persisted(&world, &again);
    assert_eq!(world.log("t", 1), again);
    world.finish();
}

#[test]
fn batches_of_a_partition_end_each_at_its_own_time() {
    let mut world = short().request_timeout(9000).ready();
    world.hold_produce = true;
    let records: Vec<u64> = (0..3)
        .map(|_| {
            let record = world.send_alone("t", 0);
            world.advance(1000);
            record
        })
        .collect();
    world.advance(2000);
    let ended = |world: &super::harness::World| world.reports.len();
    assert_eq!(ended(&world), 1);
    let start = world.report(records[0]).at;
    // The second one gets its turn under the new epoch, the third one behind it.
    world.advance(2000);
    assert_eq!(world.report(records[1]).at.since(start).as_millis(), 1000);
    assert_eq!(world.report(records[2]).at.since(start).as_millis(), 2000);
    world.finish();
}

#[test]
fn a_request_that_is_not_answered_in_time_is_sent_again_on_another_connection() {
    let mut world = short().ready();
    world.hold_produce = true;
    let record = world.send("t", 0);
    world.advance(999);
    assert_eq!(world.arrived.len(), 1);
    let connections = world.connected.len();
    world.hold_produce = false;
    world.cluster.throttle_ms = 0;
    assert!(world.has_conn(1));
    world.hold_produce = true;
    world.advance(1);
    world.advance(500);
    assert!(world.connected.len() > connections);
    assert_eq!(world.arrived.len(), 2);
    world.answer(1);
    assert_eq!(world.report(record).state, State::Persisted);
    world.finish();
}

#[test]
fn an_expired_batch_in_flight_leaves_the_others_of_its_request_alone() {
    let mut world = short().request_timeout(9000).ready();
    world.hold_produce = true;
    let early = world.append("t", 0, 8);
    world.now = world.now + super::setup::ms(3000);
    let late = world.append("t", 1, 8);
    world.run();
    assert_eq!(world.arrived[0].batches.len(), 2);
    world.advance(2000);
    assert!(world.is_reported(early) && !world.is_reported(late));
    world.answer(1);
    assert_eq!(world.report(late).state, State::Persisted);
    world.finish();
}
