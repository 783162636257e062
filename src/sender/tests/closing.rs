//! The end of a producer: what is reported, and that nothing is left behind.

use super::setup::Setup;
use crate::error::ErrorCode;
use crate::report::State;

#[test]
fn a_forced_close_reports_everything_and_sends_nothing_more() {
    let mut world = Setup::default().linger(1000).ready();
    world.hold_produce = true;
    let in_flight = world.send("t", 0);
    world.advance(1000);
    let queued = world.send("t", 1);
    world.shared.initiate_close();
    world.shared.force_close();
    world.run();
    assert!(world.sender.is_finished());
    assert_eq!(world.arrived.len(), 1);
    let (sent, unsent) = (world.report(in_flight), world.report(queued));
    assert_eq!(sent.state, State::PossiblyPersisted);
    assert_eq!(unsent.state, State::NotPersisted);
    for report in [sent, unsent] {
        assert_eq!(report.code(), ErrorCode::CLOSED_FORCEFULLY);
    }
    assert!(!world.has_conn(1), "connections are closed");
    world.finish();
}

#[test]
fn a_record_appended_while_the_producer_is_being_closed_is_reported_too() {
    let mut world = Setup::default().ready();
    // As if the sending thread had its batch in place and had not yet told of it.
    let topic = world.shared.accumulator.topics.get_or_add("t");
    topic.partition(2).unwrap().lock().listed = true;
    let record = world.append("t", 2, 8);
    world.shared.initiate_close();
    world.shared.force_close();
    world.run();
    assert!(world.is_reported(record));
    assert!(world.sender.is_finished());
    world.finish();
}

#[test]
fn closing_waits_for_a_leader_as_long_as_the_records_may() {
    let mut world = Setup::default().delivery_timeout(5000).ready();
    world.cluster.move_leader("t", 0, -1);
    world.request_metadata();
    world.advance(1000);
    let record = world.send("t", 0);
    world.shared.initiate_close();
    world.advance(3000);
    assert!(!world.sender.is_finished());
    world.cluster.move_leader("t", 0, 1);
    world.advance(1000);
    assert_eq!(world.report(record).state, State::Persisted);
    assert!(world.sender.is_finished());
    world.finish();
}

#[test]
fn closing_ends_when_the_last_record_timed_out() {
    let mut world = Setup::default().delivery_timeout(5000).ready();
    world.hold_produce = true;
    let record = world.send("t", 0);
    world.shared.initiate_close();
    world.advance(5000);
    assert_eq!(world.report(record).code(), ErrorCode::DELIVERY_TIMED_OUT);
    world.advance(30_000);
    assert!(world.sender.is_finished());
    world.finish();
}

#[test]
fn closing_an_idle_producer_ends_at_once() {
    let mut world = Setup::default().start();
    world.run();
    world.shared.initiate_close();
    world.run();
    assert!(world.sender.is_finished());
    world.finish();
}
