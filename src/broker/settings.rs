//! A cluster's configuration as texts: keys and values, under the names of Kafka's broker
//! configuration where there is one. The command line and the C API take it so.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::cluster_config::ClusterConfig;
use super::topic_config;
use crate::error::{Error, ErrorCode, Result};
use crate::log::Level;

/// The keys of [`ClusterConfig::set`] that are not those of a topic.
pub const KEYS: [&str; 23] = [
    "auto.create.topics.enable",
    "broker.session.timeout.ms",
    "brokers",
    "connections.max.idle.ms",
    "default.replication.factor",
    "group.initial.rebalance.delay.ms",
    "journal.bytes",
    "leader.rebalance.delay.ms",
    "log.level",
    "max.connections",
    "metadata.delay.ms",
    "num.io.threads",
    "num.network.threads",
    "num.partitions",
    "offsets.topic.num.partitions",
    "offsets.topic.segment.bytes",
    "port",
    "producer.byte.rate",
    "queued.max.requests",
    "replica.lag.time.max.ms",
    "replication.lag.ms",
    "seed",
    "socket.request.max.bytes",
];

impl ClusterConfig {
    /// A configuration from lines `key=value`; empty lines and those that begin with # say nothing.
    /// An error names the line's key.
    pub fn parse(text: &str) -> Result<ClusterConfig> {
        let mut config = ClusterConfig::default();
        for line in text.lines().map(str::trim) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let Some((key, value)) = line.split_once('=') else {
                return Err(wrong(format!("the line `{line}` is not key=value")));
            };
            config.set(key.trim(), value.trim())?;
        }
        Ok(config)
    }

    /// Sets one key of [`CLUSTER_KEYS`](super::CLUSTER_KEYS), or one of a topic's configuration,
    /// which holds for all topics. `topic` may be set often: each time is a topic more,
    /// `NAME:PARTITIONS`.
    pub fn set(&mut self, key: &str, value: &str) -> Result<()> {
        match key {
            "brokers" => self.brokers = number(key, value)?,
            "port" => self.port = number(key, value)?,
            "topic" => self.topics.push(topic(value)?),
            "auto.create.topics.enable" => self.auto_create_topics = number(key, value)?,
            "num.partitions" => self.num_partitions = number(key, value)?,
            "default.replication.factor" => {
                self.default_replication_factor = Some(number(key, value)?);
            }
            "num.network.threads" => self.processors = number(key, value)?,
            "num.io.threads" => self.handlers = number(key, value)?,
            "queued.max.requests" => self.queued_max_requests = number(key, value)?,
            "max.connections" => self.max_connections = number(key, value)?,
            "connections.max.idle.ms" => self.connections_max_idle = duration(key, value)?,
            "socket.request.max.bytes" => self.socket_request_max_bytes = number(key, value)?,
            "broker.session.timeout.ms" => self.broker_session_timeout = duration(key, value)?,
            "replica.lag.time.max.ms" => self.replica_lag_time_max = duration(key, value)?,
            "replication.lag.ms" => self.replication_lag = duration(key, value)?,
            "metadata.delay.ms" => self.metadata_delay = duration(key, value)?,
            "leader.rebalance.delay.ms" => {
                self.leader_rebalance_delay = Some(duration(key, value)?);
            }
            "offsets.topic.num.partitions" => self.offsets_partitions = number(key, value)?,
            "offsets.topic.segment.bytes" => self.offsets_segment_bytes = number(key, value)?,
            "group.initial.rebalance.delay.ms" => {
                self.group_initial_rebalance_delay = duration(key, value)?;
            }
            "producer.byte.rate" => self.producer_byte_rate = Some(number(key, value)?),
            "log.level" => self.log_level = level(value)?,
            "journal.bytes" => self.journal_bytes = number(key, value)?,
            "seed" => self.seed = number(key, value)?,
            _ if topic_config::key(key).is_none() => return Err(unknown(key)),
            _ => self.topic_defaults.set(key, value).map_err(wrong)?,
        }
        Ok(())
    }
}

/// `NAME:PARTITIONS`.
fn topic(text: &str) -> Result<(String, i32)> {
    let Some((name, partitions)) = text.rsplit_once(':') else {
        let example = format!("such as {}:3", if text.is_empty() { "letters" } else { text });
        return Err(wrong(format!("the topic `{text}` is not NAME:PARTITIONS, {example}")));
    };
    Ok((name.to_owned(), number(&format!("partitions of {name}"), partitions)?))
}

fn number<T: FromStr<Err: Display>>(key: &str, value: &str) -> Result<T> {
    value.parse().map_err(|why| wrong(format!("`{key}` cannot be `{value}`: {why}")))
}

fn duration(key: &str, value: &str) -> Result<Duration> {
    // A limit that any clock can add.
    let ms: u32 = number(key, value)?;
    Ok(Duration::from_millis(u64::from(ms)))
}

fn level(value: &str) -> Result<Level> {
    let levels = [Level::Error, Level::Warn, Level::Info, Level::Debug];
    let known = levels.into_iter().find(|level| level.name() == value);
    known.ok_or_else(|| {
        wrong(format!("`log.level` cannot be `{value}`: use error, warn, info or debug"))
    })
}

#[cold]
fn unknown(key: &str) -> Error {
    let own = KEYS.join(", ");
    let topics = topic_config::KEYS.map(|key| key.name).join(", ");
    wrong(format!("unknown key `{key}`; there are topic, {own}, and those of topics: {topics}"))
}

fn wrong(text: String) -> Error {
    Error::new(ErrorCode::CONFIGURATION, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_set_what_they_name_and_other_keys_are_those_of_topics() {
        let text = "brokers=3\n# a comment\n\n topic = a:2\ntopic=b:1\nmin.insync.replicas=2\n\
                    replication.lag.ms=5\nauto.create.topics.enable=false";
        let config = ClusterConfig::parse(text).unwrap();
        assert_eq!((config.brokers, config.auto_create_topics), (3, false));
        assert_eq!(config.topics, [("a".to_owned(), 2), ("b".to_owned(), 1)]);
        assert_eq!(config.topic_defaults.min_insync_replicas, 2);
        assert_eq!(config.replication_lag, Duration::from_millis(5));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let refusal = |text| ClusterConfig::parse(text).unwrap_err().to_string();
        for (text, named) in [
            ("brokers", "key=value"),
            ("brokers=many", "`brokers` cannot be `many`"),
            ("broker=1", "unknown key `broker`; there are topic, auto.create"),
            ("retention.byte=1", "and those of topics: cleanup.policy"),
            ("log.level=loud", "error, warn, info or debug"),
            ("topic=a", "NAME:PARTITIONS, such as a:3"),
            ("topic=a:b", "partitions of a"),
            ("replication.lag.ms=-1", "replication.lag.ms"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.starts_with("CONFIGURATION: "), "{refusal}");
            assert!(refusal.contains(named), "{refusal}");
        }
    }

    #[test]
    fn every_key_can_be_set() {
        for key in KEYS {
            let value = match key {
                "auto.create.topics.enable" => "false",
                "log.level" => "debug",
                _ => "7",
            };
            ClusterConfig::default().set(key, value).unwrap();
            assert!(ClusterConfig::default().set(key, "x").unwrap_err().message().contains(key));
        }
    }

    #[test]
    fn a_cluster_that_cannot_be_is_refused_before_anything_starts() {
        for (text, named) in [
            ("brokers=0", "brokers is 0"),
            ("brokers=3\nport=65534", "need ports up to 65536"),
            ("brokers=2\ndefault.replication.factor=3", "default.replication.factor is 3"),
            ("num.partitions=0", "num.partitions must be"),
            ("num.network.threads=0", "num.network.threads must be 1 to 1000"),
            ("max.connections=0", "max.connections must be"),
            ("replica.lag.time.max.ms=0", "replica.lag.time.max.ms must be at least 1"),
        ] {
            let why = ClusterConfig::parse(text).unwrap().check().unwrap_err();
            assert!(why.contains(named), "{why}");
        }
    }
}
