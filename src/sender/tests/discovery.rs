//! Finding brokers and leaders: metadata, bootstrap, connections that fail, throttling.

use super::model::Health;
use super::setup::Setup;
use crate::report::State;

fn two_bootstrap_servers() -> Setup {
    let mut setup = Setup::default().nodes(2);
    setup.metadata.bootstrap = vec![("b1".to_owned(), 9092), ("b2".to_owned(), 9092)];
    setup
}

#[test]
fn while_one_server_is_being_connected_to_the_sender_sleeps_although_another_was_never_tried() {
    let mut world = two_bootstrap_servers().start();
    world.cluster.create("t", 1);
    world.cluster.nodes.values_mut().for_each(|node| node.health = Health::Silent);
    world.ask("t");
    world.run(); // Fails if it spins.
    assert_eq!(world.connected.len(), 1);
    world.advance(10_000);
    assert_eq!(world.connected.len(), 2, "the other one after the setup timeout");
    assert_ne!(world.connected[0].1, world.connected[1].1);
    world.finish();
}

#[test]
fn while_a_connection_has_room_for_no_request_a_due_update_waits_without_spinning() {
    let mut world = Setup::default().in_flight(2).without_idempotence(-1).ready();
    world.hold_produce = true;
    (0..2).for_each(|_| _ = world.send_alone("t", 0));
    assert_eq!(world.pending(1), 2);
    let asked = world.cluster.metadata_asked.len();
    world.request_metadata();
    world.advance(1000); // Fails if it spins.
    assert_eq!(world.cluster.metadata_asked.len(), asked);
    (0..2).for_each(|_| world.answer(1));
    assert_eq!(world.cluster.metadata_asked.len(), asked + 1);
    world.finish();
}

#[test]
fn a_throttled_broker_is_left_in_peace_and_is_no_reason_to_start_from_bootstrap_again() {
    let mut world = Setup::default().ready();
    world.cluster.throttle_ms = 5000;
    world.send("t", 0);
    let connections = world.connected.len();
    let arrived = world.arrived.len();
    world.cluster.throttle_ms = 0;
    let record = world.send("t", 0);
    world.request_metadata();
    world.advance(4999);
    assert_eq!((world.connected.len(), world.arrived.len()), (connections, arrived));
    world.advance(1);
    assert_eq!(world.report(record).state, State::Persisted);
    assert_eq!(world.connected.len(), connections);
    world.finish();
}

#[test]
fn a_partition_without_a_leader_is_asked_for_until_it_has_one() {
    let mut world = Setup::default().ready();
    world.cluster.move_leader("t", 0, -1);
    world.request_metadata();
    world.advance(1000);
    let record = world.send("t", 0);
    world.advance(5000);
    assert!(!world.is_reported(record));
    world.cluster.move_leader("t", 0, 1);
    world.advance(1000);
    assert_eq!(world.report(record).state, State::Persisted);
    world.finish();
}
