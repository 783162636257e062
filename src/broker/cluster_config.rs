//! How a cluster is asked to be.

use std::time::Duration;

use super::topic_config::TopicConfig;
use crate::log::Level;

/// A cluster's size and behaviour. The defaults fit a test.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// How many brokers; their numbers count from 1.
    pub brokers: u16,
    /// The port of the first broker, those of the others follow it; 0 takes free ones.
    pub port: u16,
    /// Topics to make at the start, with the number of their partitions.
    pub topics: Vec<(String, i32)>,
    /// Make topics that clients ask for (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Partitions of topics that are made that way (`num.partitions`).
    pub num_partitions: i32,
    /// Replicas of partitions (`default.replication.factor`); `None` is three, or as many as
    /// there are brokers.
    pub default_replication_factor: Option<i16>,
    /// How topics behave that do not say otherwise.
    pub topic_defaults: TopicConfig,
    /// Threads that read and write sockets (`num.network.threads`).
    pub processors: usize,
    /// Threads that handle requests (`num.io.threads`).
    pub handlers: usize,
    /// Requests that wait for a handler before nothing more is read (`queued.max.requests`).
    pub queued_max_requests: usize,
    /// Connections at the same time (`max.connections`); more are closed at once.
    pub max_connections: usize,
    /// After which time without a request a connection is closed (`connections.max.idle.ms`).
    pub connections_max_idle: Duration,
    /// The longest request in bytes (`socket.request.max.bytes`).
    pub socket_request_max_bytes: usize,
    /// After which time a broker that does not say anything counts as gone
    /// (`broker.session.timeout.ms`).
    pub broker_session_timeout: Duration,
    /// How long records travel from a leader to its followers.
    pub replication_lag: Duration,
    /// How long a follower may be behind and still be in sync (`replica.lag.time.max.ms`).
    pub replica_lag_time_max: Duration,
    /// How long news travel from the controller to the brokers.
    pub metadata_delay: Duration,
    /// After which time a broker that came back leads again what it should; `None` is never.
    pub leader_rebalance_delay: Option<Duration>,
    /// Partitions of the topic for committed offsets (`offsets.topic.num.partitions`).
    pub offsets_partitions: i32,
    /// How large such a partition grows before it is compacted, in bytes
    /// (`offsets.topic.segment.bytes`).
    pub offsets_segment_bytes: i64,
    /// How long a group without members waits for more when the first joins
    /// (`group.initial.rebalance.delay.ms`).
    pub group_initial_rebalance_delay: Duration,
    /// What a client may write in bytes per second before it is held back.
    pub producer_byte_rate: Option<u64>,
    /// What is logged, to stderr: with `Info` each connection that is closed for a bad request.
    pub log_level: Level,
    /// How many bytes of requests are remembered.
    pub journal_bytes: usize,
    /// Where chance begins: who becomes controller, where partitions are put.
    pub seed: u64,
}

impl Default for ClusterConfig {
    fn default() -> ClusterConfig {
        ClusterConfig {
            brokers: 1,
            port: 0,
            topics: Vec::new(),
            auto_create_topics: true,
            num_partitions: 1,
            default_replication_factor: None,
            topic_defaults: TopicConfig::default(),
            processors: 1,
            handlers: 1,
            queued_max_requests: 500,
            max_connections: 10_000,
            connections_max_idle: Duration::from_secs(600),
            socket_request_max_bytes: 100 << 20,
            broker_session_timeout: Duration::from_millis(200),
            replication_lag: Duration::ZERO,
            replica_lag_time_max: Duration::from_secs(10),
            metadata_delay: Duration::ZERO,
            leader_rebalance_delay: None,
            offsets_partitions: 3,
            offsets_segment_bytes: 8 << 20,
            group_initial_rebalance_delay: Duration::ZERO,
            producer_byte_rate: None,
            log_level: Level::Error,
            journal_bytes: 16 << 20,
            seed: 1,
        }
    }
}

impl ClusterConfig {
    /// As many brokers as this.
    pub fn brokers(count: u16) -> ClusterConfig {
        ClusterConfig { brokers: count, ..ClusterConfig::default() }
    }

    /// With a topic that is there from the start.
    pub fn topic(mut self, name: &str, partitions: i32) -> ClusterConfig {
        self.topics.push((name.to_owned(), partitions));
        self
    }

    /// Whether a cluster can be like this; if not, a sentence says why.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=1000).contains(&self.brokers) {
            return Err(format!("brokers is {}; a cluster has 1 to 1000", self.brokers));
        }
        let last = u32::from(self.port) + u32::from(self.brokers) - 1;
        if self.port != 0 && last > u32::from(u16::MAX) {
            let text = format!("port is {}; {} brokers need ports up to", self.port, self.brokers);
            return Err(format!("{text} {last}, and the last is 65535"));
        }
        let factor = i32::from(self.replication_factor());
        if !(1..=i32::from(self.brokers)).contains(&factor) {
            let text =
                format!("default.replication.factor is {factor}; it must be 1 to the number");
            return Err(format!("{text} of brokers, which is {}", self.brokers));
        }
        for (key, fits, range) in [
            ("num.partitions", self.num_partitions >= 1, "at least 1"),
            ("offsets.topic.num.partitions", self.offsets_partitions >= 1, "at least 1"),
            ("offsets.topic.segment.bytes", self.offsets_segment_bytes >= 1, "at least 1"),
            ("queued.max.requests", self.queued_max_requests >= 1, "at least 1"),
            ("max.connections", self.max_connections >= 1, "at least 1"),
            ("socket.request.max.bytes", self.socket_request_max_bytes >= 1, "at least 1"),
            ("replica.lag.time.max.ms", !self.replica_lag_time_max.is_zero(), "at least 1"),
            ("num.network.threads", (1..=1000).contains(&self.processors), "1 to 1000"),
            ("num.io.threads", (1..=1000).contains(&self.handlers), "1 to 1000"),
        ] {
            if !fits {
                return Err(format!("{key} must be {range}"));
            }
        }
        Ok(())
    }

    /// How many replicas a partition has that does not say otherwise.
    pub fn replication_factor(&self) -> i16 {
        let three = self.brokers.min(3) as i16;
        self.default_replication_factor.unwrap_or(three)
    }
}
