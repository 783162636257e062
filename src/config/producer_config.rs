//! The typed configuration: what the rest of the library reads, after every check has passed.

use std::fmt;
use std::time::Duration;

use super::bootstrap::HostPort;
use crate::compression::Compression;

/// A validated configuration. Made by [`Config::build`](super::Config::build); the key a field
/// comes from is named in its comment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProducerConfig {
    /// Where to learn of the cluster; at least one entry (`bootstrap.servers`).
    pub bootstrap_servers: Vec<HostPort>,
    /// The name sent with every request; `producer-N` where none was set (`client.id`).
    pub client_id: String,

    /// How many replicas must have a batch: -1 is all in sync, 0 asks for no answer (`acks`).
    pub acks: i16,
    /// Whether brokers drop duplicates and keep order; implies acks -1 (`enable.idempotence`).
    pub idempotence: bool,
    /// How often a batch is sent again; `delivery_timeout` usually ends it first (`retries`).
    pub retries: u32,
    /// The longest time from accepting a record to its report (`delivery.timeout.ms`).
    pub delivery_timeout: Duration,
    /// How long to wait for the answer to a request (`request.timeout.ms`).
    pub request_timeout: Duration,
    /// Requests under way on one connection (`max.in.flight.requests.per.connection`).
    pub max_in_flight: usize,
    /// The first wait before a batch is sent again, at most the next (`retry.backoff.ms`).
    pub retry_backoff: Duration,
    /// The longest wait before a batch is sent again (`retry.backoff.max.ms`).
    pub retry_backoff_max: Duration,

    /// The bytes a batch's buffer is made with, at least 1 (`batch.size`).
    pub batch_size: usize,
    /// How long a batch waits for more records (`linger.ms`).
    pub linger: Duration,
    /// The bytes of all records not yet answered (`buffer.memory`).
    pub buffer_memory: u64,
    /// How long send waits for memory or metadata (`max.block.ms`).
    pub max_block: Duration,
    /// How batches are compressed (`compression.type`, `compression.….level`).
    pub compression: Compression,
    /// How many threads compress, at least 1 (`compression.threads`).
    pub compression_threads: usize,
    /// The largest request, and the largest record before compression (`max.request.size`).
    pub max_request_size: usize,
    /// The largest response accepted from a broker (`receive.message.max.bytes`).
    pub max_response_size: usize,

    /// How old metadata may grow before it is fetched again (`metadata.max.age.ms`).
    pub metadata_max_age: Duration,
    /// How long a topic that is not sent to stays in the metadata (`metadata.max.idle.ms`).
    pub metadata_max_idle: Duration,
    /// Whether to start anew from `bootstrap_servers` when no known broker can be reached
    /// (`metadata.recovery.strategy`).
    pub rebootstrap: bool,
    /// How long without fresh metadata until that happens
    /// (`metadata.recovery.rebootstrap.trigger.ms`).
    pub rebootstrap_trigger: Duration,

    /// How partitions are chosen (`partitioner`, `partitioner.class`).
    pub partitioner: PartitionerKind,
    /// Whether records with a key are spread like those without (`partitioner.ignore.keys`).
    pub partitioner_ignore_keys: bool,
    /// Whether slow brokers get fewer records (`partitioner.adaptive.partitioning.enable`).
    pub partitioner_adaptive: bool,
    /// After how long a broker that takes nothing is left out; zero is never
    /// (`partitioner.availability.timeout.ms`).
    pub partitioner_availability_timeout: Duration,

    /// When an unused connection is closed; `None` is never (`connections.max.idle.ms`).
    pub connections_max_idle: Option<Duration>,
    /// The first wait before connecting again, at most the next (`reconnect.backoff.ms`).
    pub reconnect_backoff: Duration,
    /// The longest wait before connecting again (`reconnect.backoff.max.ms`).
    pub reconnect_backoff_max: Duration,
    /// The first limit on connecting, at most the next (`socket.connection.setup.timeout.ms`).
    pub connection_setup_timeout: Duration,
    /// The longest limit on connecting (`socket.connection.setup.timeout.max.ms`).
    pub connection_setup_timeout_max: Duration,
    /// SO_SNDBUF; `None` leaves it to the kernel (`send.buffer.bytes`).
    pub send_buffer: Option<usize>,
    /// SO_RCVBUF; `None` leaves it to the kernel (`receive.buffer.bytes`).
    pub receive_buffer: Option<usize>,
    /// SO_KEEPALIVE (`socket.keepalive.enable`).
    pub keepalive: bool,
    /// TCP_NODELAY (`socket.nagle.disable`).
    pub nodelay: bool,
    /// Which addresses of a name are used (`broker.address.family`).
    pub address_family: AddressFamily,

    /// Records that may be accepted while their reports are unread (`delivery.report.queue.max`).
    pub report_queue_max: u64,
    /// Whether reports carry the records' create times (`delivery.report.timestamp`).
    pub report_timestamps: bool,
    /// Who reads the reports (`delivery.report.mode`).
    pub report_mode: ReportMode,
    /// What is logged (`log.level`).
    pub log_level: LogLevel,

    /// What was changed or looks wrong, one sentence each, to be logged once at start.
    pub warnings: Vec<String>,
}

/// Who reads the delivery reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportMode {
    /// The application: an array, or a callback inside poll.
    Poll,
    /// A thread of the library calls the report callback.
    Dispatch,
    /// Nobody; none are kept.
    None,
}

/// How the partition of a record is chosen that does not name one. The names are librdkafka's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartitionerKind {
    /// Java's: murmur2 of the key, else sticky (KIP-794).
    Default,
    /// Sticky, with or without key.
    Random,
    /// CRC-32 of the key.
    Consistent,
    /// CRC-32 of the key; sticky without a key or with an empty one.
    ConsistentRandom,
    /// Murmur2 of the key.
    Murmur2,
    /// Murmur2 of the key; sticky without a key.
    Murmur2Random,
    /// FNV-1a of the key.
    Fnv1a,
    /// FNV-1a of the key; sticky without a key.
    Fnv1aRandom,
    /// One after the other (Java: RoundRobinPartitioner).
    RoundRobin,
}

/// How much is logged; a level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// What failed for good.
    Error,
    /// What is likely to need attention.
    Warn,
    /// What changes rarely: connections, leaders.
    Info,
    /// Every request.
    Debug,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        })
    }
}

/// Which addresses of a name are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressFamily {
    /// Both, in the resolver's order.
    Any,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

impl ProducerConfig {
    /// The defaults, with `127.0.0.1:9092` and client id `test`: for tests to change fields of.
    pub fn for_tests() -> ProducerConfig {
        let mut config = super::Config::new();
        for (key, value) in [("bootstrap.servers", "127.0.0.1:9092"), ("client.id", "test")] {
            config.set(key, value).expect("the two values are valid");
        }
        config.build().expect("the defaults are valid")
    }
}
