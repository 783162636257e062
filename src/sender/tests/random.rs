//! Random schedules of sends, answers, errors, lost connections, moved leaders and time. Whatever
//! happened, what `finish` checks must hold; a failure names the seed that repeats it.

use super::harness::World;
use super::model::Health;
use super::setup::{Setup, ms};
use crate::error::ErrorCode;

const STEPS: usize = 250;

/// Errors after which the broker has not appended.
const REFUSALS: [ErrorCode; 9] = [
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::LEADER_NOT_AVAILABLE,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::TOPIC_AUTHORIZATION_FAILED,
    ErrorCode::THROTTLING_QUOTA_EXCEEDED,
];

/// Errors after which it may have.
const IN_DOUBT: [ErrorCode; 4] = [
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::UNKNOWN_SERVER_ERROR,
];

/// Tells the seed of a failure.
struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed is {}", self.0);
        }
    }
}

fn setup(rng: &mut fastrand::Rng, seed: u64) -> Setup {
    let mut setup = Setup::default().nodes(rng.i32(1..=3)).in_flight([1, 2, 5][rng.usize(..3)]);
    setup.seed = seed;
    if rng.u8(..4) == 0 {
        setup = setup.without_idempotence(if rng.bool() { -1 } else { 1 });
    }
    if rng.bool() {
        setup = setup.linger(rng.u64(1..20));
    }
    if rng.u8(..4) == 0 {
        setup = setup.retries(rng.u32(..4));
    }
    if rng.bool() {
        setup = setup.request_timeout(500).delivery_timeout(rng.u64(1000..5000));
    }
    if rng.u8(..4) == 0 {
        setup.accumulator.buffer_memory = 2000;
    }
    setup.sender.max_request_size = if rng.bool() { 700 } else { 1 << 20 };
    setup.network.max_idle = rng.bool().then_some(ms(10_000));
    setup
}

/// Something that the application or time does.
fn act(world: &mut World, rng: &mut fastrand::Rng) {
    match rng.u8(..20) {
        0..=12 => {
            let (partition, len) = (rng.i32(0..3), if rng.u8(..3) == 0 { 200 } else { 8 });
            world.try_append(if rng.u8(..5) == 0 { "u" } else { "t" }, partition, len);
        }
        13 => _ = world.shared.accumulator.flush(),
        14..=17 => world.advance(rng.u64(..30)),
        18 => world.advance(rng.u64(..1000)),
        _ if rng.u8(..4) == 0 => world.advance(rng.u64(..20_000)),
        _ => {}
    }
}

/// Something that the cluster does.
fn react(world: &mut World, rng: &mut fastrand::Rng) {
    let waiting = world.waiting();
    let busy = (!waiting.is_empty()).then(|| waiting[rng.usize(..waiting.len().max(1))]);
    let nodes: Vec<i32> = world.cluster.nodes.keys().copied().collect();
    let node = nodes[rng.usize(..nodes.len())];
    let (topic, partition) = (if rng.bool() { "t" } else { "u" }, rng.i32(0..3));
    match (rng.u8(..41), busy) {
        (0..=14, Some(busy)) => world.answer(busy),
        (15..=19, Some(busy)) => _ = world.apply(busy),
        (20..=21, Some(busy)) => world.disconnect(busy),
        (22..=24, _) => world.refuse(topic, partition, REFUSALS[rng.usize(..REFUSALS.len())]),
        (25..=27, _) => {
            world.append_and_say(topic, partition, IN_DOUBT[rng.usize(..IN_DOUBT.len())]);
        }
        (28, _) => world.cluster.move_leader(topic, partition, node),
        (29, _) => world.cluster.move_leader(topic, partition, -1),
        (30, _) => {
            let healths = [Health::Up, Health::Up, Health::Refuses, Health::Silent];
            world.cluster.nodes.get_mut(&node).unwrap().health = healths[rng.usize(..4)];
        }
        (31, _) if world.has_conn(node) => world.disconnect(node),
        (32, _) => world.stall_writes = true,
        (33..=34, _) => world.unstall(),
        (35, _) => world.hold_others = rng.u8(..3) == 0,
        (36, _) => world.hold_produce = rng.u8(..4) > 0,
        (37, _) => world.cluster.throttle_ms = if rng.bool() { rng.i32(0..300) } else { 0 },
        (38, _) => world.cluster.hints = rng.bool(),
        (39, _) => world.cluster.max_message_bytes = [usize::MAX, 110, 150][rng.usize(..3)],
        _ => world.run(),
    }
}

#[test]
fn every_record_has_one_true_report_whatever_the_schedule() {
    let seeds = match std::env::var("OTTLA_TEST_SEED") {
        Ok(seed) => seed.parse().map(|seed: u64| seed..seed + 1).expect("a number"),
        Err(_) => 0..600,
    };
    for seed in seeds {
        let _seed = Seed(seed);
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut world = setup(&mut rng, seed).ready();
        world.cluster.create("u", 3);
        world.know("u");
        world.hold_produce = true;
        for _ in 0..STEPS {
            act(&mut world, &mut rng);
            react(&mut world, &mut rng);
        }
        world.finish();
    }
}
