//! Text to [`ProducerConfig`]: the rules that tie keys together. They are Java's
//! (`ProducerConfig.postProcessParsedConfig`, `KafkaProducer.configureDeliveryTimeout`).

use std::fmt::Debug;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::producer_config::{
    AddressFamily, LogLevel, PartitionerKind, ProducerConfig, ReportMode,
};
use super::{Config, bootstrap, find, keys, names};
use crate::compression::{Compression, CompressionType, not_built};
use crate::{Error, ErrorCode, Result};

/// Brokers remember this many batches of a producer to tell duplicates.
const IDEMPOTENT_IN_FLIGHT_MAX: usize = 5;

pub(super) fn build(config: &Config) -> Result<ProducerConfig> {
    check_aliases(config)?;
    let mut built = read(config)?;
    settle_idempotence(config, &mut built)?;
    settle_delivery_timeout(config, &mut built)?;
    settle_backoffs(config, &mut built);
    settle_batch_size(config, &mut built)?;
    Ok(built)
}

/// Two names of one key must not say different things.
fn check_aliases(config: &Config) -> Result<()> {
    for key in keys() {
        let set = |(name, _)| config.values.get(name).map(|value| (name, value));
        let mut set = names(key).filter_map(set);
        let Some((first, value)) = set.next() else { continue };
        if let Some((second, _)) = set.find(|(_, other)| *other != value) {
            return Err(invalid(format!(
                "`{first}` and `{second}` are two names of one key and have different values; \
                 set `{}` alone",
                key.name
            )));
        }
    }
    Ok(())
}

/// Every field from its key, before the keys are held against each other.
fn read(config: &Config) -> Result<ProducerConfig> {
    let servers = text(config, "bootstrap.servers");
    let bootstrap_servers = bootstrap::parse(servers)
        .map_err(|why| invalid(format!("`bootstrap.servers` is invalid: {why}")))?;
    if bootstrap_servers.is_empty() {
        return Err(invalid("`bootstrap.servers` is required, such as kafka1:9092,kafka2:9092"));
    }
    let client_id = match text(config, "client.id") {
        "" => next_client_id(),
        id => id.into(),
    };
    let buffer = |key| usize::try_from(parsed::<i64>(config, key)).ok().filter(|n| *n > 0);
    let is = |key, value| text(config, key) == value;
    Ok(ProducerConfig {
        bootstrap_servers,
        client_id,
        acks: if is("acks", "all") { -1 } else { parsed(config, "acks") },
        idempotence: parsed(config, "enable.idempotence"),
        retries: parsed(config, "retries"),
        delivery_timeout: millis(config, "delivery.timeout.ms"),
        request_timeout: millis(config, "request.timeout.ms"),
        max_in_flight: parsed(config, "max.in.flight.requests.per.connection"),
        retry_backoff: millis(config, "retry.backoff.ms"),
        retry_backoff_max: millis(config, "retry.backoff.max.ms"),
        batch_size: parsed::<usize>(config, "batch.size").max(1),
        linger: millis(config, "linger.ms").min(INT_MAX),
        buffer_memory: parsed(config, "buffer.memory"),
        max_block: millis(config, "max.block.ms"),
        compression: compression(config)?,
        compression_threads: compression_threads(config),
        max_request_size: parsed(config, "max.request.size"),
        max_response_size: parsed(config, "receive.message.max.bytes"),
        metadata_max_age: millis(config, "metadata.max.age.ms"),
        metadata_max_idle: millis(config, "metadata.max.idle.ms"),
        rebootstrap: is("metadata.recovery.strategy", "rebootstrap"),
        rebootstrap_trigger: millis(config, "metadata.recovery.rebootstrap.trigger.ms"),
        partitioner: partitioner(config)?,
        partitioner_ignore_keys: parsed(config, "partitioner.ignore.keys"),
        partitioner_adaptive: parsed(config, "partitioner.adaptive.partitioning.enable"),
        partitioner_availability_timeout: millis(config, "partitioner.availability.timeout.ms"),
        connections_max_idle: match parsed::<i64>(config, "connections.max.idle.ms") {
            ms if ms < 0 => None,
            ms => Some(Duration::from_millis(ms.unsigned_abs())),
        },
        reconnect_backoff: millis(config, "reconnect.backoff.ms"),
        reconnect_backoff_max: millis(config, "reconnect.backoff.max.ms"),
        connection_setup_timeout: millis(config, "socket.connection.setup.timeout.ms"),
        connection_setup_timeout_max: millis(config, "socket.connection.setup.timeout.max.ms"),
        send_buffer: buffer("send.buffer.bytes"),
        receive_buffer: buffer("receive.buffer.bytes"),
        keepalive: parsed(config, "socket.keepalive.enable"),
        nodelay: parsed(config, "socket.nagle.disable"),
        address_family: address_family(text(config, "broker.address.family")),
        report_queue_max: parsed(config, "delivery.report.queue.max"),
        report_timestamps: parsed(config, "delivery.report.timestamp"),
        report_mode: report_mode(text(config, "delivery.report.mode")),
        log_level: log_level(text(config, "log.level")),
        warnings: Vec::new(),
    })
}

/// Java's key and librdkafka's must not say different things.
fn partitioner(config: &Config) -> Result<PartitionerKind> {
    let round_robin = !text(config, "partitioner.class").is_empty();
    let kind = match text(config, "partitioner") {
        "random" => PartitionerKind::Random,
        "consistent" => PartitionerKind::Consistent,
        "consistent_random" => PartitionerKind::ConsistentRandom,
        "murmur2" => PartitionerKind::Murmur2,
        "murmur2_random" => PartitionerKind::Murmur2Random,
        "fnv1a" => PartitionerKind::Fnv1a,
        "fnv1a_random" => PartitionerKind::Fnv1aRandom,
        "round_robin" => PartitionerKind::RoundRobin,
        _ if round_robin => PartitionerKind::RoundRobin,
        _ => PartitionerKind::Default,
    };
    if round_robin && kind != PartitionerKind::RoundRobin {
        return Err(invalid(
            "`partitioner` and `partitioner.class` choose different partitioners; set one of them",
        ));
    }
    Ok(kind)
}

fn compression(config: &Config) -> Result<Compression> {
    let kind = CompressionType::from_name(text(config, "compression.type")).unwrap_or_default();
    if !kind.is_built() {
        return Err(invalid(format!("`compression.type`: {}", not_built(kind).message())));
    }
    let gzip: i32 = parsed(config, "compression.gzip.level");
    if gzip == 0 {
        return Err(invalid("`compression.gzip.level` is 0, which is none of 1 to 9 or -1"));
    }
    let level = match kind {
        CompressionType::Gzip => gzip,
        CompressionType::Lz4 => parsed(config, "compression.lz4.level"),
        CompressionType::Zstd => parsed(config, "compression.zstd.level"),
        CompressionType::None | CompressionType::Snappy => 0,
    };
    Ok(Compression { kind, level })
}

/// 0 leaves it to the machine; more than a few would only wait for the sending threads.
fn compression_threads(config: &Config) -> usize {
    match parsed(config, "compression.threads") {
        0 => std::thread::available_parallelism().map_or(1, usize::from).min(4),
        count => count,
    }
}

fn address_family(value: &str) -> AddressFamily {
    match value {
        "v4" => AddressFamily::V4,
        "v6" => AddressFamily::V6,
        _ => AddressFamily::Any,
    }
}

fn report_mode(value: &str) -> ReportMode {
    match value {
        "dispatch" => ReportMode::Dispatch,
        "none" => ReportMode::None,
        _ => ReportMode::Poll,
    }
}

fn log_level(value: &str) -> LogLevel {
    match value {
        "error" => LogLevel::Error,
        "info" => LogLevel::Info,
        "debug" => LogLevel::Debug,
        _ => LogLevel::Warn,
    }
}

/// Idempotence needs acks=all, retries and few requests in flight. Where it is on only by
/// default it gives way to the first two, silently in Java, here with a warning.
fn settle_idempotence(config: &Config, built: &mut ProducerConfig) -> Result<()> {
    if !built.idempotence {
        return Ok(());
    }
    let asked_for = explicit(config, "enable.idempotence");
    for (broken, is, needs) in [
        (built.retries == 0, "retries=0", "retries above 0"),
        (built.acks != -1, "acks other than all", "acks=all"),
    ] {
        if broken && asked_for {
            return Err(invalid(format!(
                "`enable.idempotence` = `true` needs {needs}; set that or enable.idempotence=false"
            )));
        }
        if broken {
            built.idempotence = false;
            built.warnings.push(format!(
                "idempotence is off because of {is}; brokers may store duplicates. \
                 Set enable.idempotence=false to say that this is meant"
            ));
        }
    }
    // Java checks this also where idempotence was just given up.
    if built.max_in_flight > IDEMPOTENT_IN_FLIGHT_MAX {
        return Err(invalid(format!(
            "`max.in.flight.requests.per.connection` = `{}`: must be at most \
             {IDEMPOTENT_IN_FLIGHT_MAX} unless enable.idempotence=false",
            built.max_in_flight
        )));
    }
    Ok(())
}

/// A batch takes its whole size from the memory. Java fails every send where it never fits.
fn settle_batch_size(config: &Config, built: &mut ProducerConfig) -> Result<()> {
    let memory = built.buffer_memory;
    if built.batch_size as u64 <= memory {
        return Ok(());
    }
    if explicit(config, "batch.size") {
        return Err(invalid(format!(
            "`batch.size` = `{}`: must be at most buffer.memory, which is {memory}, as each batch \
             takes its size from there; raise buffer.memory or lower batch.size",
            built.batch_size
        )));
    }
    built.batch_size = usize::try_from(memory).unwrap_or(usize::MAX).max(1);
    built.warnings.push(format!(
        "batch.size is lowered to {}, as it must be at most buffer.memory",
        built.batch_size
    ));
    Ok(())
}

/// A record needs time to linger and for one request before its delivery may time out.
fn settle_delivery_timeout(config: &Config, built: &mut ProducerConfig) -> Result<()> {
    let least = (built.linger + built.request_timeout).min(INT_MAX);
    if built.delivery_timeout >= least {
        return Ok(());
    }
    let least_ms = least.as_nanos().div_ceil(1_000_000);
    if explicit(config, "delivery.timeout.ms") {
        return Err(invalid(format!(
            "`delivery.timeout.ms` = `{}`: must be at least linger.ms + request.timeout.ms, \
             which is {least_ms}",
            built.delivery_timeout.as_millis()
        )));
    }
    built.delivery_timeout = least;
    built.warnings.push(format!(
        "delivery.timeout.ms is raised to {least_ms}, as it must be at least linger.ms + \
         request.timeout.ms"
    ));
    Ok(())
}

/// Back-offs grow from the first value to the second; the first must not be the larger one.
fn settle_backoffs(config: &Config, built: &mut ProducerConfig) {
    // Java: one who sets only reconnect.backoff.ms wants that and no growth.
    if explicit(config, "reconnect.backoff.ms") && !explicit(config, "reconnect.backoff.max.ms") {
        built.reconnect_backoff_max = built.reconnect_backoff;
    }
    let pairs = [
        ("reconnect.backoff", &mut built.reconnect_backoff, built.reconnect_backoff_max),
        ("retry.backoff", &mut built.retry_backoff, built.retry_backoff_max),
        (
            "socket.connection.setup.timeout",
            &mut built.connection_setup_timeout,
            built.connection_setup_timeout_max,
        ),
    ];
    for (key, first, max) in pairs {
        if *first > max {
            *first = max;
            built.warnings.push(format!(
                "{key}.ms is larger than {key}.max.ms; {} ms are used, without growth",
                max.as_millis()
            ));
        }
    }
}

/// The longest linger and delivery timeout, an int of Java's: 24 days.
const INT_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// `producer-1` for the first producer of the process that has no name of its own, and so on.
fn next_client_id() -> String {
    static LAST: AtomicU64 = AtomicU64::new(0);
    format!("producer-{}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

fn explicit(config: &Config, key: &str) -> bool {
    find(key).is_some_and(|(_, key, _)| config.explicit(key).is_some())
}

/// The value or the default of `key`, empty for null.
fn text<'a>(config: &'a Config, key: &str) -> &'a str {
    let (_, key, _) = find(key).expect("only names of the table are asked for");
    config.explicit(key).or(key.default).unwrap_or("")
}

/// A value whose text `set` has checked, as the number or boolean that its key's row promises.
fn parsed<T: FromStr<Err: Debug>>(config: &Config, key: &str) -> T {
    text(config, key).parse().expect("the range in the table fits the field")
}

fn millis(config: &Config, key: &str) -> Duration {
    super::key::parse_millis(text(config, key)).expect("the table allows no negative time here")
}

fn invalid(why: impl Into<String>) -> Error {
    Error::new(ErrorCode::CONFIGURATION, why)
}
