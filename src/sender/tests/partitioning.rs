//! What the Sender tells the partitioner: brokers that take no requests (KIP-794).

use super::harness::World;
use super::model::Health;
use super::setup::{Setup, ms};

/// Where records that leave the partition open may go, as many draws show it.
fn drawn(world: &World) -> Vec<i32> {
    let topic = world.shared.accumulator.topics.get_or_add("t");
    let mut seen = [false; 3];
    for _ in 0..500 {
        // What was drawn before stays until it is left.
        let lane = topic.partitioner.lane();
        topic.partitioner.switch(&topic, true, lane, topic.partitioner.peek(&topic, true, lane));
        seen[topic.partitioner.peek(&topic, true, lane) as usize] = true;
    }
    (0..3).filter(|partition| seen[*partition as usize]).collect()
}

#[test]
fn a_broker_that_takes_no_requests_gets_no_new_records_until_it_does() {
    let mut setup = Setup::default().nodes(3);
    setup.sender.availability_timeout = ms(2000);
    let mut world = setup.ready();
    (0..3).for_each(|partition| _ = world.send("t", partition));
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Refuses;
    world.disconnect(2);
    assert_eq!(drawn(&world), [0, 1, 2], "nothing waits for it yet");
    world.send("t", 1);
    world.advance(1900);
    assert_eq!(drawn(&world), [0, 1, 2], "not for long enough");
    world.advance(1200);
    assert_eq!(drawn(&world), [0, 2]);
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Up;
    world.advance(3000);
    assert_eq!(drawn(&world), [0, 1, 2]);
    world.finish();
}

#[test]
fn without_the_timeout_a_broker_that_is_away_goes_on_to_get_records() {
    let mut world = Setup::default().nodes(3).ready();
    (0..3).for_each(|partition| _ = world.send("t", partition));
    world.cluster.nodes.get_mut(&2).unwrap().health = Health::Refuses;
    world.disconnect(2);
    world.send("t", 1);
    world.advance(20_000);
    assert_eq!(drawn(&world), [0, 1, 2]);
    world.finish();
}

#[test]
fn a_partition_with_a_long_queue_is_drawn_less_often() {
    let mut world = Setup::default().ready();
    (0..3).for_each(|partition| _ = world.send("t", partition));
    world.hold_produce = true;
    // Queues of 0, 3 and 1 batches, so the chances are 4, 1 and 3 of 8.
    for (partition, batches) in [(1, 3), (2, 1)] {
        for _ in 0..batches {
            world.append("t", partition, 200);
        }
    }
    let topic = world.shared.accumulator.topics.get_or_add("t");
    let lane = topic.partitioner.lane();
    let mut counts = [0; 3];
    for _ in 0..8000 {
        let now = topic.partitioner.peek(&topic, true, lane);
        counts[now as usize] += 1;
        topic.partitioner.switch(&topic, true, lane, now);
    }
    for (count, expected) in counts.into_iter().zip([4000, 1000, 3000]) {
        assert!((expected - 300..=expected + 300).contains(&count), "{counts:?}");
    }
    world.finish();
}
