//! The table of keys: those of Java's that do what they say, and our own. The ones whose feature
//! is not there yet are in `table_absent.rs`.
//!
//! A row: name, type and valid values, default, importance, one sentence; then, where there are,
//! `aliases`, `refused` (values and why) and `differs` (from Java's default and why).

use super::key::Convert::{Instead, Kibibytes, Same};
use super::key::{Alias, Importance, Key, Kind};

/// A default of Java's null.
pub(super) const NULL: Option<&str> = None;

macro_rules! keys {
    ($($name:literal, $kind:expr, $default:expr, $importance:ident, $doc:literal
       $(, $more:ident($($argument:expr),*))*;)*) => {
        &[$(
            Key::new($name, $kind, $default, Importance::$importance, $doc)
                $(.$more($($argument),*))*
        ),*]
    };
}
pub(super) use keys;

/// One alias with its conversion.
macro_rules! alias {
    ($name:literal) => {
        alias!($name, Same)
    };
    ($name:literal, $convert:expr) => {
        &[Alias { name: $name, convert: $convert }]
    };
}
pub(super) use alias;

const LONG_MAX: &str = "9223372036854775807";

/// Java's keys that are implemented.
pub(super) static JAVA: &[Key] = keys! {
    "acks", Kind::OneOf(&["all", "-1", "0", "1"]), Some("all"), Low,
        "How many replicas must have a record before it counts as written: all in sync (`-1` is \
         the same), the leader, or none, in which case reports cannot say more than \"possibly\".",
        aliases(alias!("request.required.acks"));
    "batch.size", Kind::int(0), Some("16384"), Medium,
        "The bytes after which a batch is full; a larger record gets a batch of its own, and 0 \
         counts as 1.";
    "bootstrap.servers", Kind::Hosts, Some(""), High,
        "Where to learn of the cluster: `host:port`, comma-separated, IPv6 as `[::1]:9092`; \
         must be set.",
        aliases(alias!("metadata.broker.list"));
    "buffer.memory", Kind::long(0), Some("33554432"), High,
        "The bytes of records that are accepted and not yet answered, keys, headers and overhead \
         included; beyond them send waits for `max.block.ms`.",
        aliases(alias!("queue.buffering.max.kbytes", Kibibytes));
    "client.dns.lookup",
        Kind::OneOf(&["use_all_dns_ips", "resolve_canonical_bootstrap_servers_only"]),
        Some("use_all_dns_ips"), Medium,
        "All addresses of a name are tried, one after the other.",
        refused("canonical names are not looked up in this version; use \
         client.dns.lookup=use_all_dns_ips");
    "client.id", Kind::Text, Some(""), Medium,
        "The producer's name in the brokers' logs, metrics and quotas; empty gives `producer-N`.";
    "compression.gzip.level", Kind::Whole("int", -1, 9), Some("-1"), Medium,
        "How hard gzip tries, 1 to 9, or -1 for its own default, which is 6.";
    "compression.lz4.level", Kind::Whole("int", 1, 17), Some("9"), Medium,
        "How hard lz4 tries. As in Java, 9 is the fast compressor and every other level the high \
         compression one; above 12 is as 12.";
    "compression.type", Kind::OneOf(&["none", "gzip", "snappy", "lz4", "zstd"]), Some("none"), High,
        "How batches are compressed. `batch.size` is then about the compressed bytes, as far as \
         the topic's earlier batches tell; a batch that does not become smaller is sent as it is.",
        aliases(alias!("compression.codec"));
    "compression.zstd.level", Kind::Whole("int", -131072, 22), Some("3"), Medium,
        "How hard zstd tries, from -131072 (least) to 22.";
    "connections.max.idle.ms", Kind::long(i64::MIN), Some("540000"), Medium,
        "How long a connection may be unused until it is closed; negative is for ever.";
    "delivery.timeout.ms", Kind::int(0), Some("120000"), Medium,
        "The longest time from accepting a record to its report, with all retries.",
        aliases(alias!("message.timeout.ms", Instead("0", "2147483647")));
    "enable.idempotence", Kind::Bool, Some("true"), Low,
        "Whether brokers drop duplicates that retries make, and keep the order.";
    "enable.metrics.push", Kind::Bool, Some("true"), Low,
        "Whether brokers may subscribe to the client's metrics (KIP-714); there is no telemetry \
         yet, so nothing is pushed either way.";
    "linger.ms", Kind::Millis, Some("5"), Medium,
        "How long a batch that is not full waits for more records; more than 2147483647 counts \
         as that.",
        aliases(alias!("queue.buffering.max.ms"));
    "max.block.ms", Kind::long(0), Some("60000"), Medium,
        "How long send may wait for metadata and memory together.";
    "max.in.flight.requests.per.connection", Kind::int(1), Some("5"), Low,
        "How many requests may wait for an answer on one connection; at most 5 with idempotence, \
         and above 1 without it a retry may change the order.",
        aliases(alias!("max.in.flight"));
    "max.request.size", Kind::int(0), Some("1048576"), Medium,
        "The largest request in bytes, and the largest record before compression.",
        aliases(alias!("message.max.bytes"));
    "metadata.max.age.ms", Kind::long(0), Some("300000"), Low,
        "How old metadata may grow before it is fetched again, so that new partitions are seen.",
        aliases(alias!("topic.metadata.refresh.interval.ms", Instead("-1", LONG_MAX)));
    "metadata.max.idle.ms", Kind::long(5000), Some("300000"), Low,
        "How long a topic to which nothing is sent stays in the metadata.";
    "metadata.recovery.rebootstrap.trigger.ms", Kind::long(0), Some("300000"), Low,
        "How long no metadata could be fetched until the producer starts anew from \
         `bootstrap.servers`.";
    "metadata.recovery.strategy", Kind::OneOf(&["rebootstrap", "none"]), Some("rebootstrap"), Low,
        "Whether the producer starts anew from `bootstrap.servers` when no broker it knows can be \
         reached.";
    "partitioner.adaptive.partitioning.enable", Kind::Bool, Some("true"), Low,
        "Whether partitions of slower brokers get fewer records without key (KIP-794).";
    "partitioner.availability.timeout.ms", Kind::long(0), Some("0"), Low,
        "After how long a broker that takes no requests is left out for records without key; 0 is \
         never.";
    "partitioner.ignore.keys", Kind::Bool, Some("false"), Medium,
        "Whether records with a key are spread like those without.";
    "receive.buffer.bytes", Kind::int(-1), Some("-1"), Medium,
        "The socket's receive buffer (SO_RCVBUF); -1 or 0 leaves it to the kernel.",
        aliases(alias!("socket.receive.buffer.bytes")),
        differs("32768", "A fixed size switches the kernel's own sizing off and is too small for \
         a fast network.");
    "reconnect.backoff.max.ms", Kind::long(0), Some("1000"), Low,
        "The longest wait before connecting again to a broker, where it grows with each failure.";
    "reconnect.backoff.ms", Kind::long(0), Some("50"), Low,
        "The first wait before connecting again to a broker.";
    "request.timeout.ms", Kind::int(0), Some("30000"), Medium,
        "How long to wait for an answer until the connection is given up.";
    "retries", Kind::int(0), Some("2147483647"), High,
        "How often a batch is sent again; `delivery.timeout.ms` is the better limit.",
        aliases(alias!("message.send.max.retries"));
    "retry.backoff.max.ms", Kind::long(0), Some("1000"), Low,
        "The longest wait before a request is sent again, where it grows with each failure.";
    "retry.backoff.ms", Kind::long(0), Some("100"), Low,
        "The first wait before a request is sent again.";
    "send.buffer.bytes", Kind::int(-1), Some("-1"), Medium,
        "The socket's send buffer (SO_SNDBUF); -1 or 0 leaves it to the kernel.",
        aliases(alias!("socket.send.buffer.bytes")),
        differs("131072", "A fixed size switches the kernel's own sizing off and is too small for \
         a fast network.");
    "socket.connection.setup.timeout.max.ms", Kind::long(0), Some("30000"), Medium,
        "The longest limit on setting up a connection, where it grows with each failure.";
    "socket.connection.setup.timeout.ms", Kind::long(0), Some("10000"), Medium,
        "The first limit on setting up a connection.";
};

/// Keys that Java does not have; some have librdkafka's names.
pub(super) static OURS: &[Key] = keys! {
    "broker.address.family", Kind::OneOf(&["any", "v4", "v6"]), Some("any"), Low,
        "Which of a name's addresses are used.";
    "compression.threads", Kind::Whole("int", 0, 256), Some("0"), Low,
        "How many threads compress batches; 0 is one for each core and at most 4. None is started \
         without compression.";
    "delivery.report.mode", Kind::OneOf(&["poll", "dispatch", "none"]), Some("poll"), Medium,
        "Who reads delivery reports: the application by array or inside poll, a thread of the \
         library that calls the report callback, or nobody.";
    "delivery.report.queue.max", Kind::long(1), Some("1000000"), Medium,
        "How many records may be accepted whose reports were not read, those still to come \
         included; beyond it send does not wait and answers REPORTS_FULL.",
        aliases(alias!("queue.buffering.max.messages", Instead("0", LONG_MAX)));
    "delivery.report.timestamp", Kind::Bool, Some("true"), Low,
        "Whether a report says when its record was created, for 8 bytes a record.";
    "log.level", Kind::OneOf(&["error", "warn", "info", "debug"]), Some("warn"), Low,
        "What is logged; each level includes those before it.";
    "partitioner",
        Kind::OneOf(&[
            "default", "random", "consistent", "consistent_random", "murmur2", "murmur2_random",
            "fnv1a", "fnv1a_random", "round_robin",
        ]),
        Some("default"), Low,
        "How partitions are chosen. `default` is Java's: murmur2 of the key, others spread in \
         batches (KIP-794). The next seven are librdkafka's and choose the same partitions as \
         there for a key; what they choose by chance is spread in batches too. `consistent` is \
         CRC-32, `fnv1a` also Sarama's. Those without `_random` send all records without key to \
         one partition. `round_robin` is Java's RoundRobinPartitioner.";
    "receive.message.max.bytes", Kind::int(1000), Some("16777216"), Low,
        "The largest response accepted from a broker.";
    "socket.keepalive.enable", Kind::Bool, Some("true"), Low,
        "Whether the kernel probes unused connections (SO_KEEPALIVE), as Java always has it.";
    "socket.nagle.disable", Kind::Bool, Some("true"), Low,
        "Whether small writes leave at once (TCP_NODELAY), as Java always has it.";
};
