//! What a seed chooses before anything happens: the cluster, the producers, the wires.

use std::time::Duration;

use super::Bug;
use crate::accumulator::{AccumulatorConfig, Reporting};
use crate::backoff::ExponentialBackoff;
use crate::broker::{ClusterConfig, TopicConfig};
use crate::compression::{Compression, CompressionType};
use crate::metadata::MetadataConfig;
use crate::network::NetworkConfig;
use crate::sender::SenderConfig;

/// The topics and their numbers of partitions.
pub const TOPICS: [(&str, i32); 3] = [("t", 3), ("u", 2), ("v", 1)];
/// The topic that is made when somebody asks for it, where the cluster does so.
const AUTO_CREATED: &str = "v";

/// A duration in milliseconds.
pub fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A producer's configuration.
#[derive(Debug)]
pub struct ProducerSetup {
    pub sender: SenderConfig,
    pub network: NetworkConfig,
    pub accumulator: AccumulatorConfig,
    pub metadata: MetadataConfig,
    /// `max.block.ms`: how long a ticket is held.
    pub max_block: Duration,
    /// What the configuration promises, which a planted bug breaks.
    pub idempotent: bool,
    pub acks: i16,
}

fn backoff(rng: &mut fastrand::Rng) -> ExponentialBackoff {
    let initial = rng.u64(5..100);
    ExponentialBackoff { initial: ms(initial), max: ms(initial * rng.u64(1..8)) }
}

/// Each codec in turn, or none; those of this build.
fn compression(rng: &mut fastrand::Rng) -> Compression {
    let kind = CompressionType::from_attributes(rng.i16(..8)).unwrap_or_default();
    let levels = [0, 1, 0, 1, 1];
    match kind.is_built() {
        true => Compression { kind, level: levels[kind as usize] },
        false => Compression::default(),
    }
}

/// A producer of chance; three of four are idempotent, as the default is.
pub fn producer(
    rng: &mut fastrand::Rng,
    number: usize,
    brokers: i32,
    bug: Option<Bug>,
) -> ProducerSetup {
    let idempotent = bug.is_some() || rng.u8(..4) > 0;
    let acks = if idempotent { -1 } else { [-1, -1, 1, 0][rng.usize(..4)] };
    let request_timeout = ms(if rng.u8(..5) == 0 { rng.u64(150..300) } else { rng.u64(200..1500) });
    let linger = ms([0, 0, rng.u64(1..30), rng.u64(30..300)][rng.usize(..4)]);
    let patience = ms([0, 100, 2000, 10_000, 60_000][rng.usize(..5)]);
    let delivery_timeout = linger + request_timeout + patience;
    let max_in_flight = [1, 2, 5, 5][rng.usize(..4)];
    let retry_backoff = backoff(rng);
    let batch_size = [150, 300, 1000, 4000][rng.usize(..4)];
    ProducerSetup {
        sender: SenderConfig {
            acks: if bug == Some(Bug::LeaderAlone) { 1 } else { acks },
            idempotence: idempotent && bug != Some(Bug::NoSequences),
            max_request_size: if rng.bool() { 2000 } else { 1 << 20 },
            max_in_flight,
            request_timeout,
            delivery_timeout,
            retries: if rng.u8(..6) == 0 { rng.u32(..4) } else { u32::MAX },
            retry_backoff,
            linger,
            availability_timeout: ms([0, 300][rng.usize(..2)]),
        },
        network: NetworkConfig {
            client_id: format!("p{number}").into(),
            request_timeout,
            max_in_flight,
            reconnect_backoff: backoff(rng),
            setup_timeout: ExponentialBackoff { initial: ms(400), max: ms(1200) },
            max_idle: if rng.u8(..3) == 0 { Some(ms(rng.u64(100..3000))) } else { None },
        },
        accumulator: AccumulatorConfig {
            batch_size,
            linger,
            buffer_memory: batch_size * [rng.usize(1..4), rng.usize(4..60)][rng.usize(..2)],
            adaptive: rng.bool(),
            reporting: Reporting::Plain,
            compression: compression(rng),
        },
        metadata: MetadataConfig {
            bootstrap: (1..=brokers).map(|id| (format!("b{id}"), 9092)).collect(),
            max_age: ms(rng.u64(1000..300_000)),
            max_idle: ms(300_000),
            backoff: retry_backoff,
            rebootstrap_trigger: rng.bool().then_some(ms(rng.u64(1000..5000))),
        },
        max_block: ms(rng.u64(0..3000)),
        idempotent,
        acks,
    }
}

/// A cluster of chance.
pub fn cluster(rng: &mut fastrand::Rng) -> ClusterConfig {
    let brokers = [1, 2, 3, 3, 3, 4][rng.usize(..6)];
    let least = if brokers >= 3 { rng.i32(1..=2) } else { 1 };
    let mut config = ClusterConfig::brokers(brokers);
    let auto_create_topics = rng.bool();
    let made = |name| !auto_create_topics || name != AUTO_CREATED;
    for (name, partitions) in TOPICS.into_iter().filter(|(name, _)| made(*name)) {
        config = config.topic(name, partitions);
    }
    ClusterConfig {
        topic_defaults: TopicConfig { min_insync_replicas: least, ..TopicConfig::default() },
        broker_session_timeout: ms(rng.u64(50..800)),
        replication_lag: ms([0, 1, 10, 100][rng.usize(..4)]),
        replica_lag_time_max: ms(rng.u64(300..2000)),
        metadata_delay: ms([0, 5, 50, 300][rng.usize(..4)]),
        leader_rebalance_delay: rng.bool().then_some(ms(500)),
        producer_byte_rate: (rng.u8(..8) == 0).then_some(20_000),
        connections_max_idle: ms([500, 5000, 600_000][rng.usize(..3)]),
        auto_create_topics,
        journal_bytes: 0,
        seed: rng.u64(..),
        ..config
    }
}
