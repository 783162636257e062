//! Keys of librdkafka and of Java's consumer that have no place here. Who brings them along is
//! told what to do instead; values are not shown, as some are secrets.

use crate::{Error, ErrorCode};

/// Names, and the sentence for all of them without its full stop.
type Rows = &'static [(&'static [&'static str], &'static str)];

/// Set in another way here, or not at all.
const ELSEWHERE: Rows = &[
    (&["socket.timeout.ms"], "use request.timeout.ms"),
    (&["batch.num.messages"], "batches are bounded by bytes; use batch.size"),
    (
        &["sticky.partitioning.linger.ms"],
        "records without key change their partition after \
        batch.size bytes (KIP-794); leave it out",
    ),
    (&["log_level"], "use log.level with error, warn, info or debug"),
    (&["debug"], "use log.level=debug"),
    (
        &["log.queue", "log.thread.name", "log.connection.close"],
        "use log.level, and the log \
        callback of the C API",
    ),
    (
        &["delivery.report.only.error"],
        "a report tells success and failure; send with the flag \
        \"no report wanted\", or use delivery.report.mode",
    ),
    (
        &["topic.metadata.refresh.fast.interval.ms"],
        "use retry.backoff.ms and \
        retry.backoff.max.ms",
    ),
    (&["topic.metadata.propagation.max.ms"], "a missing topic is waited for until max.block.ms"),
    (
        &["compression.level"],
        "each codec has a key of its own: set compression.gzip.level, compression.lz4.level or \
         compression.zstd.level",
    ),
    (&["api.version.request.timeout.ms"], "use request.timeout.ms"),
    (&["reconnect.backoff.jitter.ms"], "back-offs have Java's jitter of 20 %; leave it out"),
    (&["dr_cb", "dr_msg_cb"], "use delivery.report.mode and the report callback of the C API"),
    (&["log_cb", "partitioner_cb", "interceptors"], "use the C API's function of that purpose"),
    (
        &["error_cb", "throttle_cb", "background_event_cb", "enabled_events"],
        "errors come with \
        each delivery report and in the log; leave it out",
    ),
    (
        &["socket_cb", "connect_cb", "closesocket_cb", "open_cb", "resolve_cb"],
        "sockets are the \
        library's own; leave it out",
    ),
    (
        &["opaque", "default_topic_conf", "msg_order_cmp"],
        "there is no such setting here; leave it \
        out",
    ),
    (&["message.copy.max.bytes"], "records are always copied once; leave it out"),
    (
        &[
            "topic.metadata.refresh.fast.cnt",
            "topic.metadata.refresh.sparse",
            "topic.blacklist",
            "socket.blocking.max.ms",
            "socket.max.fails",
            "broker.address.ttl",
            "enable.random.seed",
            "internal.termination.signal",
            "api.version.request",
            "api.version.fallback.ms",
            "broker.version.fallback",
            "builtin.features",
            "queuing.strategy",
            "produce.offset.report",
            "queue.buffering.backpressure.threshold",
            "plugin.library.paths",
            "client.rack",
        ],
        "it does nothing useful for this producer; leave it out",
    ),
    (
        &["allow.auto.create.topics"],
        "brokers decide by their auto.create.topics.enable; leave it \
        out",
    ),
    (
        &[
            "group.id",
            "auto.offset.reset",
            "enable.auto.commit",
            "key.deserializer",
            "value.deserializer",
            "isolation.level",
            "session.timeout.ms",
            "max.poll.records",
        ],
        "it is a consumer's key, and Ottla is a producer; leave it out",
    ),
];

/// The feature is not there yet.
const ABSENT: Rows = &[
    (
        &["statistics.interval.ms", "stats_cb"],
        "there are no statistics in this version yet; leave \
        it out",
    ),
    (
        &["enable.gapless.guarantee"],
        "it is not in this version yet; use \
        max.in.flight.requests.per.connection=1 with the default retries",
    ),
    (
        &[
            "ssl.curves.list",
            "ssl.sigalgs.list",
            "ssl.key.location",
            "ssl.key.pem",
            "ssl_key",
            "ssl.certificate.location",
            "ssl.certificate.pem",
            "ssl_certificate",
            "ssl.ca.location",
            "ssl.ca.pem",
            "ssl_ca",
            "ssl.ca.certificate.stores",
            "ssl.crl.location",
            "ssl.providers",
            "ssl.engine.location",
            "ssl.engine.id",
            "ssl_engine_callback_data",
            "enable.ssl.certificate.verification",
            "ssl.certificate.verify_cb",
            "https.ca.location",
            "https.ca.pem",
        ],
        "TLS is not in this version yet; use security.protocol=PLAINTEXT and leave it out",
    ),
    (
        &[
            "sasl.username",
            "sasl.password",
            "sasl.kerberos.principal",
            "sasl.kerberos.keytab",
            "sasl.oauthbearer.config",
            "enable.sasl.oauthbearer.unsecure.jwt",
            "sasl.oauthbearer.method",
            "sasl.oauthbearer.extensions",
            "sasl.oauthbearer.grant.type",
            "sasl.oauthbearer.metadata.authentication.type",
            "oauthbearer_token_refresh_cb",
            "sasl.oauthbearer.assertion.private.key.pem",
        ],
        "SASL is not in this version yet; use security.protocol=PLAINTEXT and leave it out",
    ),
];

/// The error for a key that is known elsewhere; `None` for one that is not.
pub(super) fn error(key: &str) -> Option<Error> {
    let tables = [(ErrorCode::CONFIGURATION, ELSEWHERE), (ErrorCode::NOT_IMPLEMENTED, ABSENT)];
    tables.into_iter().find_map(|(code, rows)| {
        let (_, why) = rows.iter().find(|(names, _)| names.contains(&key))?;
        Some(Error::new(code, format!("`{key}` is a key of other Kafka clients: {why}")))
    })
}

/// Every name with its sentence, for CONFIGURATION.md.
pub(super) fn all() -> impl Iterator<Item = (&'static [&'static str], &'static str)> {
    ELSEWHERE.iter().chain(ABSENT).copied()
}
