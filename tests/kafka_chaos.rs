//! A long campaign against a real Kafka (`make chaos`): rounds of faults in an order that a seed
//! gives, each judged by the oracle. A round that fails prints the seed that runs it again.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/load.rs"]
mod load;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::time::{Duration, Instant};

use cluster::kafka;
use load::{Load, node, pass, start};
use oracle::REPORT_LATE_MAX;

const NODES: [u32; 3] = [1, 2, 3];

/// Faults of a round.
const FAULTS: usize = 3;

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Fault {
    /// kill -9 of one node after the other.
    RollingKill,
    /// A node shuts down in good order.
    Stop,
    /// A node is frozen for 30 s.
    Freeze,
    /// All nodes are frozen, some seconds.
    FreezeAll,
    /// Two nodes die: fewer than min.insync.replicas are left.
    TooFewInSync,
    /// All nodes die.
    KillAll,
    /// Replicas go to other nodes, and leaders with them.
    Move,
    /// A topic is deleted and made again.
    Recreate,
}

const ALL: [Fault; 8] = [
    Fault::RollingKill,
    Fault::Stop,
    Fault::Freeze,
    Fault::FreezeAll,
    Fault::TooFewInSync,
    Fault::KillAll,
    Fault::Move,
    Fault::Recreate,
];

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok().filter(|text| !text.is_empty())?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is not a number")))
}

#[test]
#[ignore = "needs make chaos"]
fn the_oracle_holds_whatever_happens() {
    let minutes = number("OTTLA_CHAOS_MINUTES").unwrap_or(10);
    let first = number("OTTLA_CHAOS_SEED").unwrap_or_else(|| fastrand::u64(..1 << 32));
    let late_max = number("OTTLA_CHAOS_LATE_MAX_MS").map(Duration::from_millis);
    let begin = Instant::now();
    for seed in first.. {
        if begin.elapsed() >= Duration::from_secs(60 * minutes) {
            return;
        }
        round(seed, late_max.unwrap_or(REPORT_LATE_MAX));
    }
}

/// One round: all of it depends on the seed.
fn round(seed: u64, late_max: Duration) {
    let mut random = fastrand::Rng::with_seed(seed);
    // Records that expire in every second round: what is reported of them is judged as well.
    let delivery_ms = if random.bool() { 120_000 } else { random.u32(3_000..10_000) };
    let request_ms = random.u32(1_000..3_000);
    let in_flight = random.u32(1..=5);
    let faults: Vec<Fault> = (0..FAULTS).map(|_| ALL[random.usize(..ALL.len())]).collect();
    println!(
        "seed {seed}: {faults:?}, delivery.timeout.ms {delivery_ms}, \
         request.timeout.ms {request_ms}, in flight {in_flight}"
    );
    let load = Load::new(
        &format!("chaos-{seed}"),
        "",
        &[
            ("delivery.timeout.ms", &delivery_ms.to_string()),
            ("request.timeout.ms", &request_ms.to_string()),
            ("max.in.flight.requests.per.connection", &in_flight.to_string()),
        ],
    );
    load.during(|load| {
        for fault in &faults {
            happen(*fault, load, &mut random);
            load.reports_grow(2000);
            load.in_sync();
        }
    });
    let outcome = load.finish(late_max);
    let may_fail = delivery_ms < 120_000 || faults.iter().any(|f| matches!(f, Fault::Recreate));
    assert!(may_fail || outcome.failed.is_none() && outcome.refused == 0, "{outcome:?}");
}

fn happen(fault: Fault, load: &Load, random: &mut fastrand::Rng) {
    let one = random.u32(1..=3);
    let some_seconds = Duration::from_millis(random.u64(2_000..8_000));
    match fault {
        Fault::RollingKill => {
            for number in [one, one % 3 + 1, (one + 1) % 3 + 1] {
                node("kill", number);
                load.reports_grow(2000);
                node("start", number);
                load.in_sync();
            }
        }
        Fault::Stop => {
            node("stop", one);
            load.reports_grow(2000);
            node("start", one);
        }
        Fault::Freeze => {
            node("pause", one);
            pass(Duration::from_secs(30));
            node("resume", one);
        }
        Fault::FreezeAll => {
            NODES.iter().for_each(|number| node("pause", *number));
            pass(some_seconds);
            NODES.iter().for_each(|number| node("resume", *number));
        }
        Fault::TooFewInSync => {
            let two = [one % 3 + 1, (one + 1) % 3 + 1];
            two.iter().for_each(|number| node("kill", *number));
            pass(some_seconds);
            start(&two);
        }
        Fault::KillAll => {
            NODES.iter().for_each(|number| node("kill", *number));
            pass(some_seconds);
            start(&NODES);
        }
        Fault::Move => {
            // Two replicas for a while, and three again: a node must be free to die afterwards.
            let nodes = ["2,3", "3,1", "1,2"][random.usize(..3)];
            for nodes in [nodes, "1,2,3"] {
                for topic in &load.topics {
                    kafka(&["reassign", topic, nodes]);
                }
            }
        }
        Fault::Recreate => load.recreate(&load.topics[random.usize(..load.topics.len())]),
    }
}
