//! Finding brokers and leaders: metadata, bootstrap, connections that fail, throttling.

use super::harness::World;
use super::model::{Health, Node};
use super::setup::Setup;
use crate::accumulator::Sleep;
use crate::error::ErrorCode;
use crate::log::Level;
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

#[test]
fn a_wait_that_begins_while_the_io_thread_falls_asleep_is_not_slept_over() {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    world.run();
    world.shared.accumulator.wakeup.awake();
    let until = world.sender.next_deadline();
    world.ask("t"); // The thread is awake, so nobody wakes it.
    world.shared.accumulator.wakeup.will_sleep(until, Sleep::Sound);
    assert!(world.sender.has_work());
    world.has_work = true;
    world.run();
    assert_eq!(world.cluster.metadata_asked.len(), 1);
    world.finish();
}

#[test]
fn requests_that_end_with_the_connection_are_taken_up_in_the_next_round() {
    let mut world = Setup::default().ready();
    // Fresh metadata, so that nothing else is due soon.
    world.request_metadata();
    world.run();
    world.hold_produce = true;
    (0..2).for_each(|partition| _ = world.send("t", partition));
    assert_eq!(world.pending(1), 2);
    world.answer_with(1, |answer| answer.responses.clear());
    assert!(world.sender.requests.is_empty());
    world.finish();
}

#[test]
fn after_starting_from_bootstrap_again_a_leaderless_partition_is_not_sent_to_a_bootstrap_server() {
    let mut world = Setup::default().nodes(2).ready();
    world.cluster.move_leader("t", 0, -1);
    world.request_metadata();
    world.advance(1000);
    world.cluster.metadata_errors.push_back(ErrorCode::REBOOTSTRAP_REQUIRED);
    world.cluster.nodes.get_mut(&1).unwrap().health = Health::Refuses;
    world.request_metadata();
    world.advance(500);
    world.hold_metadata = true;
    world.cluster.nodes.get_mut(&1).unwrap().health = Health::Up;
    world.advance(500);
    assert_eq!(world.waiting(), [1], "the bootstrap server is asked");
    assert!(world.shared.metadata.cluster().nodes.keys().all(|id| *id < 0));
    world.send("t", 0);
    assert!(world.arrived.is_empty());
    world.finish();
}

#[test]
fn a_broker_that_asks_for_a_bootstrap_again_and_again_is_not_asked_without_a_pause() {
    let mut world = Setup::default().ready();
    let errors = std::iter::repeat_n(ErrorCode::REBOOTSTRAP_REQUIRED, 1000);
    world.cluster.metadata_errors.extend(errors);
    let asked = world.cluster.metadata_asked.len();
    world.request_metadata();
    world.advance(1000);
    assert!((2..=11).contains(&(world.cluster.metadata_asked.len() - asked)));
    world.cluster.metadata_errors.clear();
    let record = world.send("t", 0);
    world.advance(1000);
    assert_eq!(world.report(record).state, State::Persisted);
    world.finish();
}

#[test]
fn without_the_recovery_strategy_the_known_brokers_are_kept() {
    let mut setup = Setup::default();
    setup.metadata.rebootstrap_trigger = None;
    let mut world = setup.ready();
    world.cluster.metadata_errors.push_back(ErrorCode::REBOOTSTRAP_REQUIRED);
    world.request_metadata();
    world.advance(1000);
    let nodes: Vec<i32> = world.shared.metadata.cluster().nodes.keys().copied().collect();
    assert_eq!(nodes, [1]);
    world.finish();
}

#[test]
fn the_new_leader_that_an_answer_names_is_used_at_once() {
    let mut world = Setup::default().nodes(2).ready();
    world.cluster.hints = true;
    world.hold_others = true;
    world.cluster.move_leader("t", 0, 2);
    let asked = world.cluster.metadata_asked.len();
    world.hold_others = false;
    let record = world.send("t", 0);
    assert_eq!(world.report(record).state, State::Persisted);
    let nodes: Vec<i32> = world.arrived.iter().map(|arrived| arrived.node).collect();
    assert_eq!(nodes, [1, 2]);
    assert_eq!(world.cluster.metadata_asked.len(), asked);
    world.finish();
}

#[test]
fn without_a_hint_a_moved_leader_is_found_by_metadata() {
    let mut world = Setup::default().nodes(2).ready();
    world.cluster.move_leader("t", 0, 2);
    let record = world.send("t", 0);
    world.advance(1000);
    assert_eq!(world.report(record).state, State::Persisted);
    assert_eq!(world.arrived.iter().map(|a| a.node).collect::<Vec<_>>(), [1, 2]);
    world.finish();
}

/// A record that broker 1 answers with NOT_LEADER_OR_FOLLOWER and this hint; later ones are served.
fn refused_with_hint(leader_id: i32, leader_epoch: i32) -> (World, u64) {
    let mut world = Setup::default().nodes(2).ready();
    world.hold_produce = true;
    let record = world.send("t", 0);
    world.refuse("t", 0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    world.answer_with(1, |answer| {
        let hint = &mut answer.responses[0].partition_responses[0].current_leader;
        (hint.leader_id, hint.leader_epoch) = (leader_id, leader_epoch);
    });
    world.hold_produce = false;
    (world, record)
}

#[test]
fn a_hint_with_an_epoch_beyond_all_others_is_not_followed_for_ever() {
    let (mut world, record) = refused_with_hint(2, i32::MAX);
    world.advance(10_000);
    assert!(world.arrived.iter().any(|arrived| arrived.node == 2), "it is followed at first");
    assert_eq!(world.report(record).state, State::Persisted);
    world.finish();
}

#[test]
fn odd_hints_are_not_followed() {
    let odd = [(i32::MIN, 9), (-1, 9), (1, i32::MIN), (2, -1), (77, 9)];
    for (leader_id, leader_epoch) in odd {
        let (mut world, record) = refused_with_hint(leader_id, leader_epoch);
        world.advance(1000);
        assert_eq!(world.report(record).state, State::Persisted);
        assert!(world.arrived.iter().all(|arrived| arrived.node == 1));
        world.finish();
    }
}

#[test]
fn a_broker_that_moved_to_another_address_is_connected_to_there() {
    let mut world = Setup::default().nodes(2).ready();
    world.send("t", 1);
    // Broker 2 is now where broker 3 would be.
    world.cluster.nodes.get_mut(&2).unwrap().host = "b3".to_owned();
    world.request_metadata();
    world.advance(1000);
    let record = world.send("t", 1);
    assert_eq!(world.connected.last().unwrap().1, 3);
    assert!(!world.is_reported(record));
    world.cluster.nodes.get_mut(&2).unwrap().host = "b2".to_owned();
    world.finish();
}

#[test]
fn if_no_known_broker_can_be_reached_the_bootstrap_servers_are_asked_again() {
    let mut setup = Setup::default().nodes(3);
    setup.metadata.bootstrap = vec![("b1".to_owned(), 9092)];
    let mut world = setup.ready();
    (0..3).for_each(|partition| _ = world.send("t", partition));
    for node in world.cluster.nodes.values_mut() {
        node.health = Health::Refuses;
    }
    [2, 3, 1, 1].into_iter().for_each(|node| {
        if world.has_conn(node) {
            world.disconnect(node);
        }
    });
    world.advance(5000);
    let nodes = world.shared.metadata.cluster().nodes.clone();
    assert_eq!(nodes.keys().copied().collect::<Vec<_>>(), [-1]);
    let record = world.send("t", 2);
    world.cluster.nodes.values_mut().for_each(|node| node.health = Health::Up);
    world.advance(1000);
    assert_eq!(world.report(record).state, State::Persisted);
    world.finish();
}

/// The lines of a level and above that the Sender logged.
fn logged(world: &World, level: Level) -> Vec<String> {
    let lines = std::iter::from_fn(|| world.shared.log.take());
    lines.filter(|(seen, _)| *seen <= level).map(|(_, line)| line).collect()
}

#[test]
fn an_outage_with_all_its_attempts_to_start_again_is_told_once_and_rarely_again() {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    // The bootstrap server answers, and the broker that it names cannot be reached.
    world.cluster.nodes.get_mut(&1).unwrap().host = "b8".to_owned();
    world.know("t");
    world.send("t", 0);
    world.advance(28_000);
    let lines = logged(&world, Level::Warn);
    let again = |lines: &[String]| {
        lines.iter().filter(|line| line.starts_with("starting from bootstrap")).count()
    };
    assert_eq!(again(&lines), 1, "{lines:?}");
    assert!(lines.len() <= 8, "{lines:?}");
    world.advance(30_000);
    let lines = logged(&world, Level::Warn);
    assert_eq!(again(&lines), 1, "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("more times since")), "{lines:?}");
    world.cluster.nodes.get_mut(&1).unwrap().host = "b1".to_owned();
    world.finish();
}

#[test]
fn a_producer_id_that_is_late_is_worth_a_warning_after_a_while_and_only_now_and_then() {
    let mut world = Setup::default().start();
    world.cluster.create("t", 3);
    let loading = std::iter::repeat_n(ErrorCode::COORDINATOR_LOAD_IN_PROGRESS, 1000);
    world.cluster.id_errors.extend(loading);
    world.know("t");
    world.advance(3_000);
    assert_eq!(logged(&world, Level::Warn), [""; 0]);
    world.advance(25_000);
    let lines = logged(&world, Level::Warn);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("COORDINATOR_LOAD_IN_PROGRESS"));
    world.cluster.id_errors.clear();
    world.finish();
}

#[test]
fn a_lookup_that_fails_is_tried_again_and_told_to_those_who_wait() {
    let mut setup = Setup::default();
    setup.metadata.bootstrap = vec![("nowhere".to_owned(), 9092)];
    let mut world = setup.start();
    world.ask("t");
    world.advance(1000);
    let trouble = world.shared.metadata.trouble("t").unwrap();
    assert_eq!(trouble.code(), ErrorCode::BROKER_NOT_AVAILABLE);
    assert!(trouble.message().contains("nowhere:9092"), "{trouble}");
    assert!(trouble.message().contains("no such host"), "{trouble}");
    world.finish();
}

#[test]
fn metadata_that_never_comes_is_given_up_with_its_connection_after_the_request_timeout() {
    let mut world = Setup::default().request_timeout(500).start();
    world.cluster.create("t", 1);
    world.hold_others = true;
    world.ask("t");
    world.advance(2000);
    assert!(world.connected.len() >= 3);
    world.hold_others = false;
    world.advance(2000);
    assert!(world.shared.metadata.cluster().topics.contains_key("t"));
    world.finish();
}

#[test]
fn brokers_that_leave_the_metadata_are_forgotten() {
    let mut world = Setup::default().ready();
    let hosts = 2..200;
    for node in hosts.clone() {
        let host = format!("b{node}");
        world.cluster.nodes.insert(node, Node { host, health: Health::Refuses });
        world.request_metadata();
        world.advance(200);
        world.cluster.nodes.remove(&node);
    }
    world.request_metadata();
    world.advance(200);
    let known = world.sender.client.known();
    assert!(known <= 2, "{known} brokers are remembered");
    world.finish();
}
