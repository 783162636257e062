//! The configuration as its users meet it: keys, values, defaults, combinations, and the committed
//! CONFIGURATION.md.

use std::time::Duration;

use ottla::config::{
    AddressFamily, LogLevel, PartitionerKind, ProducerConfig, ReportMode, to_markdown,
};
use ottla::{Config, Error, ErrorCode};
use proptest::prelude::*;

#[path = "configuration/java_keys.rs"]
mod java_keys;
use java_keys::JAVA_KEYS;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Sets `pairs` beside a bootstrap server, and builds.
fn build(pairs: &[(&str, &str)]) -> Result<ProducerConfig, Error> {
    let mut config = Config::new();
    config.set("bootstrap.servers", "kafka1:9092")?;
    for (key, value) in pairs {
        config.set(key, value)?;
    }
    config.build()
}

fn built(pairs: &[(&str, &str)]) -> ProducerConfig {
    build(pairs).unwrap_or_else(|e| panic!("{pairs:?}: {e}"))
}

/// The text of the CONFIGURATION error that `pairs` must give.
fn refused(pairs: &[(&str, &str)]) -> String {
    let error = build(pairs).map(|_| format!("{pairs:?} was taken")).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CONFIGURATION, "{error}");
    error.message().into()
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "no {part:?} in {message:?}");
    }
}

#[test]
fn the_committed_page_is_the_one_the_table_makes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/CONFIGURATION.md");
    if std::env::var_os("UPDATE_CONFIGURATION").is_some() {
        std::fs::write(path, to_markdown()).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        committed == to_markdown(),
        "run `UPDATE_CONFIGURATION=1 cargo test --test configuration` and commit CONFIGURATION.md"
    );
}

/// Our defaults where they are not Java's.
const DIFFERENT: &[(&str, &str)] = &[
    ("key.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
    ("metric.reporters", ""),
    ("receive.buffer.bytes", "-1"),
    ("send.buffer.bytes", "-1"),
    ("value.serializer", "org.apache.kafka.common.serialization.ByteArraySerializer"),
];

#[test]
fn every_java_key_is_known_and_has_javas_default_but_for_a_few() {
    assert_eq!(JAVA_KEYS.len(), 112);
    let config = Config::new();
    for (key, java) in JAVA_KEYS {
        let ours = DIFFERENT.iter().find(|(name, _)| name == key).map(|(_, ours)| *ours);
        let expected = ours.or(*java);
        assert_eq!(config.get(key).as_deref(), expected, "{key}");
        assert!(to_markdown().contains(&format!("| `{key}` |")), "{key} is not on the page");
        // Setting a default is never refused: it changes nothing.
        if let Some(value) = expected {
            Config::new().set(key, value).unwrap();
        }
    }
}

#[test]
fn typed_defaults_are_the_documented_ones() {
    let config = built(&[]);
    assert_eq!(config.bootstrap_servers[0].to_string(), "kafka1:9092");
    assert_eq!((config.acks, config.idempotence, config.retries), (-1, true, 2147483647));
    assert_eq!((config.delivery_timeout, config.request_timeout), (ms(120_000), ms(30_000)));
    assert_eq!((config.linger, config.max_block), (ms(5), ms(60_000)));
    assert_eq!((config.batch_size, config.buffer_memory), (16384, 33_554_432));
    assert_eq!((config.max_request_size, config.max_response_size), (1_048_576, 16_777_216));
    assert_eq!(config.max_in_flight, 5);
    assert_eq!((config.retry_backoff, config.retry_backoff_max), (ms(100), ms(1000)));
    assert_eq!((config.reconnect_backoff, config.reconnect_backoff_max), (ms(50), ms(1000)));
    assert_eq!(config.connection_setup_timeout, ms(10_000));
    assert_eq!(config.connection_setup_timeout_max, ms(30_000));
    assert_eq!((config.metadata_max_age, config.metadata_max_idle), (ms(300_000), ms(300_000)));
    assert_eq!((config.rebootstrap, config.rebootstrap_trigger), (true, ms(300_000)));
    assert!(!config.partitioner_ignore_keys && config.partitioner_adaptive);
    assert_eq!(config.partitioner_availability_timeout, ms(0));
    assert_eq!(config.connections_max_idle, Some(ms(540_000)));
    assert_eq!((config.send_buffer, config.receive_buffer), (None, None));
    assert!(config.keepalive && config.nodelay);
    assert_eq!(config.address_family, AddressFamily::Any);
    assert_eq!((config.report_queue_max, config.report_timestamps), (1_000_000, true));
    assert_eq!((config.report_mode, config.log_level), (ReportMode::Poll, LogLevel::Warn));
    assert_eq!(config.warnings, [] as [String; 0]);
}

#[test]
fn values_reach_their_fields() {
    let config = built(&[
        ("acks", " ALL "),
        ("linger.ms", "0.25"),
        ("batch.size", "0"),
        ("connections.max.idle.ms", "-1"),
        ("send.buffer.bytes", "0"),
        ("receive.buffer.bytes", "4096"),
        ("broker.address.family", "v6"),
        ("delivery.report.mode", "dispatch"),
        ("log.level", "DEBUG"),
        ("metadata.recovery.strategy", "NONE"),
        ("client.id", "Größe"),
    ]);
    assert_eq!(
        (config.acks, config.batch_size, config.linger),
        (-1, 1, Duration::from_micros(250))
    );
    assert_eq!(config.connections_max_idle, None);
    assert_eq!((config.send_buffer, config.receive_buffer), (None, Some(4096)));
    assert_eq!(config.address_family, AddressFamily::V6);
    assert_eq!((config.report_mode, config.log_level), (ReportMode::Dispatch, LogLevel::Debug));
    assert_eq!((config.rebootstrap, config.client_id.as_str()), (false, "Größe"));
    let config = built(&[
        ("broker.address.family", "v4"),
        ("delivery.report.mode", "none"),
        ("log.level", "error"),
        ("enable.idempotence", "false"),
        ("acks", "1"),
        ("max.in.flight.requests.per.connection", "1000"),
    ]);
    assert_eq!((config.address_family, config.report_mode), (AddressFamily::V4, ReportMode::None));
    assert_eq!((config.log_level, config.acks, config.idempotence), (LogLevel::Error, 1, false));
    assert_eq!((config.max_in_flight, config.warnings.len()), (1000, 0));
    assert_eq!(built(&[("log.level", "info")]).log_level, LogLevel::Info);
}

/// Partitions stick until batch.size bytes went there, which must be some.
#[test]
fn a_batch_size_of_zero_counts_as_one() {
    assert_eq!(built(&[("batch.size", "0")]).batch_size, 1);
    assert_eq!(built(&[("batch.size", "1")]).batch_size, 1);
    assert!(refused(&[("batch.size", "-1")]).contains("batch.size"));
}

#[test]
fn bounds_are_javas() {
    const INT: i64 = i32::MAX as i64;
    for (key, min, max) in [
        ("batch.size", 0, INT),
        ("buffer.memory", 0, i64::MAX),
        ("connections.max.idle.ms", i64::MIN, i64::MAX),
        ("delivery.timeout.ms", 0, INT),
        ("max.block.ms", 0, i64::MAX),
        ("max.in.flight.requests.per.connection", 1, INT),
        ("max.request.size", 0, INT),
        ("metadata.max.age.ms", 0, i64::MAX),
        ("metadata.max.idle.ms", 5000, i64::MAX),
        ("metadata.recovery.rebootstrap.trigger.ms", 0, i64::MAX),
        ("partitioner.availability.timeout.ms", 0, i64::MAX),
        ("receive.buffer.bytes", -1, INT),
        ("reconnect.backoff.max.ms", 0, i64::MAX),
        ("reconnect.backoff.ms", 0, i64::MAX),
        ("request.timeout.ms", 0, INT),
        ("retries", 0, INT),
        ("retry.backoff.max.ms", 0, i64::MAX),
        ("retry.backoff.ms", 0, i64::MAX),
        ("send.buffer.bytes", -1, INT),
        ("delivery.report.queue.max", 1, i64::MAX),
        ("receive.message.max.bytes", 1000, INT),
        ("socket.connection.setup.timeout.ms", 0, i64::MAX),
        ("linger.ms", 0, i64::MAX),
    ] {
        for good in [min, max] {
            let mut config = Config::new();
            config.set(key, &good.to_string()).unwrap();
            assert_eq!(config.get(key), Some(good.to_string()));
        }
        for bad in [i128::from(min) - 1, i128::from(max) + 1] {
            let message = refused(&[(key, &bad.to_string())]);
            assert_says(&message, &[&format!("`{key}` = `{bad}`: must be ")]);
        }
    }
}

#[test]
fn an_invalid_value_is_named_with_what_is_valid() {
    for (key, value, why) in [
        ("acks", "2", "`acks` = `2`: must be one of all, -1, 0, 1"),
        ("acks", "", "`acks` = ``: must be one of"),
        ("enable.idempotence", "yes", "`enable.idempotence` = `yes`: must be true or false"),
        ("retries", "0x10", "must be a whole number from 0 to 2147483647"),
        ("retries", "1.5", "must be a whole number"),
        ("linger.ms", "5ms", "`linger.ms` = `5ms`: must be milliseconds from 0"),
        ("linger.ms", "1e3", "must be milliseconds"),
        ("linger.ms", "NaN", "must be milliseconds"),
        ("linger.ms", ".5", "must be milliseconds"),
        ("linger.ms", "5.", "must be milliseconds"),
        ("batch.size", "１６", "must be a whole number"),
        ("client.id", "a\0b", "`client.id` = `a\\0b`: must not contain a NUL byte"),
        ("transactional.id", "", "must be text of 1 to 32767 bytes"),
        ("sasl.login.refresh.window.factor", "0.4", "must be a number from 0.5 to 1"),
        ("bootstrap.servers", "a:1,b", "`bootstrap.servers` = `a:1,b`: its entry `b` has no port"),
    ] {
        assert_says(&refused(&[(key, value)]), &[why]);
    }
    let long = refused(&[("client.id", &"x".repeat(40_000))]);
    assert_says(&long, &["text of at most 32767 bytes"]);
    assert!(long.len() < 300, "a long value is shortened");
}

#[test]
fn a_failed_set_changes_nothing() {
    let mut config = Config::new();
    config.set("linger.ms", "7").unwrap();
    config.set("linger.ms", "x").unwrap_err();
    assert_eq!(config.get("linger.ms").as_deref(), Some("7"));
    config.set("linger.ms", "8").unwrap();
    assert_eq!(config.get("queue.buffering.max.ms").as_deref(), Some("8"));
}

#[test]
fn aliases_convert_to_their_keys() {
    for (alias, value, key, expected) in [
        ("metadata.broker.list", "b:1", "bootstrap.servers", "b:1"),
        ("request.required.acks", "-1", "acks", "-1"),
        ("max.in.flight", "3", "max.in.flight.requests.per.connection", "3"),
        ("message.send.max.retries", "9", "retries", "9"),
        ("queue.buffering.max.ms", "0.5", "linger.ms", "0.5"),
        ("queue.buffering.max.kbytes", "64", "buffer.memory", "65536"),
        ("queue.buffering.max.messages", "5", "delivery.report.queue.max", "5"),
        ("queue.buffering.max.messages", "0", "delivery.report.queue.max", "9223372036854775807"),
        ("message.timeout.ms", "1000", "delivery.timeout.ms", "1000"),
        ("message.timeout.ms", "0", "delivery.timeout.ms", "2147483647"),
        ("message.max.bytes", "5000", "max.request.size", "5000"),
        ("socket.send.buffer.bytes", "8192", "send.buffer.bytes", "8192"),
        ("socket.receive.buffer.bytes", "0", "receive.buffer.bytes", "0"),
        ("topic.metadata.refresh.interval.ms", "-1", "metadata.max.age.ms", "9223372036854775807"),
        ("compression.codec", "none", "compression.type", "none"),
        ("sasl.mechanisms", "GSSAPI", "sasl.mechanism", "GSSAPI"),
    ] {
        let mut config = Config::new();
        config.set(alias, value).unwrap();
        assert_eq!(config.get(key).as_deref(), Some(expected), "{alias}");
        assert_eq!(config.get(alias).as_deref(), Some(expected), "{alias}");
        assert!(to_markdown().contains(&format!("`{alias}`")), "{alias} is not on the page");
    }
    assert_says(
        &refused(&[("queue.buffering.max.kbytes", "9007199254740992")]),
        &["`queue.buffering.max.kbytes` (alias of `buffer.memory`)", "to 9007199254740991"],
    );
}

#[test]
fn a_key_and_its_alias_must_agree() {
    built(&[("linger.ms", "7"), ("queue.buffering.max.ms", "7")]);
    let message = refused(&[("linger.ms", "7"), ("queue.buffering.max.ms", "8")]);
    assert_says(&message, &["`linger.ms` and `queue.buffering.max.ms`", "set `linger.ms` alone"]);
}

#[test]
fn an_unknown_key_gets_the_nearest_known_one() {
    for (key, hint) in [
        ("linger", "unknown key `linger`; did you mean `linger.ms`?"),
        ("boostrap.servers", "did you mean `bootstrap.servers`?"),
        ("batch_size", "did you mean `batch.size`?"),
        ("message.timeout", "did you mean `message.timeout.ms`?"),
        ("nonsense", "CONFIGURATION.md lists the known keys"),
        ("", "unknown key ``; CONFIGURATION.md"),
        ("linger.ms\0", "did you mean `linger.ms`?"),
    ] {
        assert_says(&refused(&[(key, "1")]), &[hint]);
    }
    assert_eq!(Config::new().get("linger"), None);
}

#[test]
fn keys_of_other_clients_say_what_to_use_instead() {
    for (key, hint) in [
        ("socket.timeout.ms", "request.timeout.ms"),
        ("batch.num.messages", "batch.size"),
        ("dr_msg_cb", "delivery.report.mode"),
        ("group.id", "consumer"),
    ] {
        assert_says(&refused(&[(key, "1")]), &["key of other Kafka clients", hint]);
    }
}

#[test]
fn features_that_are_not_there_are_refused_with_a_sentence() {
    for (key, value, why) in [
        ("security.protocol", "sasl_ssl", "use security.protocol=PLAINTEXT"),
        ("client.dns.lookup", "resolve_canonical_bootstrap_servers_only", "use_all_dns_ips"),
        ("transactional.id", "mine", "transactions are not in this version"),
        ("key.serializer", "a.b.StringSerializer", "Ottla takes bytes"),
        ("interceptor.classes", "a.B", "ottla_config_add_interceptor"),
        ("partitioner.class", "a.B", "ottla_config_set_partitioner"),
        ("metrics.num.samples", "3", "no metrics"),
        ("ssl.truststore.location", "/x", "TLS is not in this version"),
        ("statistics.interval.ms", "1000", "no statistics"),
    ] {
        let error = build(&[(key, value)]).unwrap_err();
        assert_eq!(error.code(), ErrorCode::NOT_IMPLEMENTED, "{error}");
        assert_says(error.message(), &[why]);
    }
    built(&[("security.protocol", "plaintext"), ("ssl.key.password", ""), ("acks", "1")]);
    built(&[("enable.metrics.push", "false"), ("partitioner.class", "")]);
}

#[test]
fn a_partitioner_goes_by_javas_name_or_by_librdkafkas() {
    let java = "org.apache.kafka.clients.producer.RoundRobinPartitioner";
    let cases = [
        ("partitioner", "default", PartitionerKind::Default),
        ("partitioner", "random", PartitionerKind::Random),
        ("partitioner", "consistent", PartitionerKind::Consistent),
        ("partitioner", "consistent_random", PartitionerKind::ConsistentRandom),
        ("partitioner", "murmur2", PartitionerKind::Murmur2),
        ("partitioner", "murmur2_random", PartitionerKind::Murmur2Random),
        ("partitioner", "fnv1a", PartitionerKind::Fnv1a),
        ("partitioner", "fnv1a_random", PartitionerKind::Fnv1aRandom),
        ("partitioner", "round_robin", PartitionerKind::RoundRobin),
        ("partitioner.class", java, PartitionerKind::RoundRobin),
        ("partitioner.class", "RoundRobinPartitioner", PartitionerKind::RoundRobin),
        ("partitioner.class", "", PartitionerKind::Default),
    ];
    for (key, value, kind) in cases {
        assert_eq!(built(&[(key, value)]).partitioner, kind, "{key}={value}");
    }
    let both = [("partitioner", "fnv1a"), ("partitioner.class", java)];
    assert_says(build(&both).unwrap_err().message(), &["set one of them"]);
    let error = build(&[("partitioner", "fnv")]).unwrap_err();
    assert_says(error.message(), &["fnv1a_random"]);
}

#[test]
fn compression_has_a_level_of_its_codec() {
    use ottla::compression::{Compression, CompressionType};
    let of = |settings: &[(&str, &str)]| built(settings).compression;
    assert_eq!(of(&[]), Compression { kind: CompressionType::None, level: 0 });
    assert_eq!(of(&[("compression.type", "lz4")]).level, 9);
    assert_eq!(of(&[("compression.codec", "GZIP")]).level, -1);
    let zstd = of(&[("compression.type", "zstd"), ("compression.zstd.level", "-7")]);
    assert_eq!(zstd, Compression { kind: CompressionType::Zstd, level: -7 });
    let snappy = of(&[("compression.type", "snappy"), ("compression.gzip.level", "9")]);
    assert_eq!(snappy.level, 0);
    assert_says(&refused(&[("compression.type", "brotli")]), &["compression.type", "zstd"]);
    let zero = build(&[("compression.gzip.level", "0")]).unwrap_err();
    assert_says(zero.message(), &["`compression.gzip.level` is 0", "1 to 9 or -1"]);
    assert_says(&refused(&[("compression.level", "3")]), &["compression.zstd.level"]);
}

/// `make test` runs it in a build with lz4 alone, too.
#[test]
fn a_codec_that_the_build_leaves_out_is_refused_by_name() {
    for (codec, is_built) in [
        ("gzip", cfg!(feature = "gzip")),
        ("snappy", cfg!(feature = "snappy")),
        ("lz4", cfg!(feature = "lz4")),
        ("zstd", cfg!(feature = "zstd")),
    ] {
        let settings = [("compression.type", codec)];
        if is_built {
            assert_eq!(built(&settings).compression.kind.name(), codec);
            continue;
        }
        let why = format!("this build of the library has no {codec}: build it with the feature");
        assert_says(&refused(&settings), &["`compression.type`", &why]);
    }
}

#[test]
fn secrets_are_never_shown() {
    let secret = "s3cr3t";
    for key in [
        "sasl.jaas.config",
        "ssl.key.password",
        "sasl.oauthbearer.client.secret",
        "sasl.password",
        "sasl.pasword",
    ] {
        for value in [secret, "s3cr3t\0"] {
            let mut config = Config::new();
            let error = config.set(key, value).unwrap_err();
            let texts = format!("{error} {error:?} {config:?} {:?}", config.get(key));
            assert!(!texts.contains(secret), "{key}: {texts}");
        }
    }
    let mut config = Config::new();
    config.set("linger.ms", "7").unwrap();
    assert_eq!(format!("{config:?}"), r#"{"linger.ms": "7"}"#);
}

#[test]
fn bootstrap_servers_are_required() {
    let error = Config::new().build().unwrap_err();
    assert_eq!(error.code(), ErrorCode::CONFIGURATION);
    assert_says(error.message(), &["`bootstrap.servers` is required"]);
    assert_says(&refused(&[("bootstrap.servers", " ")]), &["is required"]);
}

#[test]
fn idempotence_by_default_gives_way_with_a_warning() {
    for (key, value) in [("acks", "1"), ("acks", "0"), ("retries", "0")] {
        let config = built(&[(key, value)]);
        assert!(!config.idempotence, "{key}={value}");
        assert_says(&config.warnings.join(" "), &["idempotence is off", key]);
    }
    assert!(built(&[("acks", "-1"), ("retries", "1")]).idempotence);
}

#[test]
fn idempotence_that_was_asked_for_does_not_give_way() {
    for (key, value, needs) in [("acks", "1", "acks=all"), ("retries", "0", "retries above 0")] {
        let message = refused(&[("enable.idempotence", "true"), (key, value)]);
        assert_says(&message, &["`enable.idempotence` = `true` needs", needs]);
    }
}

#[test]
fn more_than_five_in_flight_needs_idempotence_off() {
    built(&[("max.in.flight", "5")]);
    built(&[("max.in.flight", "6"), ("enable.idempotence", "false")]);
    for acks in ["all", "1"] {
        let message = refused(&[("max.in.flight", "6"), ("acks", acks)]);
        assert_says(&message, &["must be at most 5 unless enable.idempotence=false"]);
    }
}

#[test]
fn a_delivery_timeout_that_is_too_short_is_an_error_or_raised() {
    let slow = ("request.timeout.ms", "200000");
    let config = built(&[slow, ("linger.ms", "5.5")]);
    assert_eq!(config.delivery_timeout, Duration::from_micros(200_005_500));
    assert_says(&config.warnings[0], &["delivery.timeout.ms is raised to 200006"]);
    let message = refused(&[("delivery.timeout.ms", "30004")]);
    assert_says(&message, &["`delivery.timeout.ms` = `30004`: must be at least", "is 30005"]);
    assert_eq!(built(&[("delivery.timeout.ms", "30005")]).delivery_timeout, ms(30_005));
    refused(&[("message.timeout.ms", "1")]);
    // The sum stops at what an int holds, so that the largest values go together.
    let largest = "2147483647";
    let config = built(&[("delivery.timeout.ms", largest), ("linger.ms", "9223372036854775807")]);
    assert_eq!((config.linger, config.delivery_timeout), (ms(2147483647), ms(2147483647)));
}

#[test]
fn a_reconnect_backoff_set_alone_does_not_grow() {
    for backoff in ["10", "5000"] {
        let config = built(&[("reconnect.backoff.ms", backoff)]);
        assert_eq!(config.reconnect_backoff, ms(backoff.parse().unwrap()));
        assert_eq!(config.reconnect_backoff_max, config.reconnect_backoff);
    }
    let config = built(&[("reconnect.backoff.ms", "10"), ("reconnect.backoff.max.ms", "20")]);
    assert_eq!((config.reconnect_backoff, config.reconnect_backoff_max), (ms(10), ms(20)));
    assert_eq!(built(&[("reconnect.backoff.max.ms", "20")]).reconnect_backoff, ms(20));
}

#[test]
fn a_first_wait_above_its_maximum_is_lowered_with_a_warning() {
    let config =
        built(&[("retry.backoff.ms", "2000"), ("socket.connection.setup.timeout.ms", "40000")]);
    assert_eq!((config.retry_backoff, config.retry_backoff_max), (ms(1000), ms(1000)));
    assert_eq!(config.connection_setup_timeout, ms(30_000));
    assert_says(&config.warnings[0], &["retry.backoff.ms is larger", "1000 ms"]);
    assert_eq!(config.warnings.len(), 2);
}

#[test]
fn a_batch_larger_than_the_memory_is_an_error_where_it_was_set_and_lowered_where_it_was_not() {
    let error = refused(&[("batch.size", "100"), ("buffer.memory", "99")]);
    assert_says(&error, &["`batch.size` = `100`", "at most buffer.memory, which is 99"]);
    let config = built(&[("buffer.memory", "99")]);
    assert_eq!(config.batch_size, 99);
    assert_says(&config.warnings[0], &["batch.size is lowered to 99", "buffer.memory"]);
    assert_eq!(built(&[("batch.size", "99"), ("buffer.memory", "99")]).warnings.len(), 0);
}

#[test]
fn producers_without_a_name_are_numbered() {
    let number = |config: ProducerConfig| -> u64 {
        config.client_id.strip_prefix("producer-").unwrap().parse().unwrap()
    };
    // Other tests of this process take numbers too.
    let first = number(built(&[]));
    assert!(first >= 1 && number(built(&[])) > first);
    assert_eq!(built(&[("client.id", "mine")]).client_id, "mine");
    assert_eq!(ProducerConfig::for_tests().client_id, "test");
}

/// A known key or any text.
fn key() -> impl Strategy<Value = String> {
    let known = (0..JAVA_KEYS.len()).prop_map(|i| JAVA_KEYS[i].0.to_string());
    let aliases = ["queue.buffering.max.kbytes", "message.timeout.ms", "delivery.report.queue.max"];
    prop_oneof![
        known,
        prop::sample::select(aliases.to_vec()).prop_map(String::from),
        any::<String>()
    ]
}

/// Numbers of any size, near the bounds too, named values, and any text.
fn value() -> impl Strategy<Value = String> {
    let edges = [
        "",
        "\0",
        "-1",
        "0",
        "9223372036854775807",
        "9223372036854775808",
        "1e308",
        "true",
        "2147483647",
        "2147483648",
        "-9223372036854775808",
        "all",
        "[::1]:9092",
        "é:1",
        "a:1,",
    ];
    prop_oneof![
        any::<i64>().prop_map(|n| n.to_string()),
        any::<u8>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| n.to_string()),
        prop::sample::select(edges.to_vec()).prop_map(String::from),
        any::<String>(),
        "[0-9]{1,400}(\\.[0-9]{0,40})?",
    ]
}

proptest! {
    #[test]
    fn no_input_panics(pairs in prop::collection::vec((key(), value()), 0..12)) {
        let mut config = Config::new();
        config.set("bootstrap.servers", "kafka1:9092").unwrap();
        for (key, value) in &pairs {
            match config.set(key, value) {
                Ok(()) => prop_assert!(config.get(key).is_some()),
                Err(error) => prop_assert!(!error.message().contains('\0')),
            }
        }
        if let Ok(built) = config.build() {
            prop_assert!(built.batch_size >= 1 && built.max_in_flight >= 1);
            prop_assert!(built.delivery_timeout >= built.linger.min(ms(2147483647)));
        }
        let _ = format!("{config:?}");
    }
}
