//! A cluster's configuration as texts: keys and values, under the names of Kafka's broker
//! configuration where there is one. The command line and the C API take it so.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use super::cluster_config::ClusterConfig;
use crate::error::{Error, ErrorCode, Result};

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

    /// Sets one key. `topic` may be set often: each time is a topic more, `NAME:PARTITIONS`. A key
    /// that is not listed here is one of a topic's configuration and holds for all topics.
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
            "producer.byte.rate" => self.producer_byte_rate = Some(number(key, value)?),
            "journal.bytes" => self.journal_bytes = number(key, value)?,
            "seed" => self.seed = number(key, value)?,
            _ => self.topic_defaults.set(key, value).map_err(wrong)?,
        }
        Ok(())
    }
}

/// `NAME:PARTITIONS`.
fn topic(text: &str) -> Result<(String, i32)> {
    let Some((name, partitions)) = text.rsplit_once(':') else {
        return Err(wrong(format!("`{text}` is not NAME:PARTITIONS")));
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
            ("broker=1", "broker"),
            ("topic=a", "NAME:PARTITIONS"),
            ("topic=a:b", "partitions of a"),
            ("replication.lag.ms=-1", "replication.lag.ms"),
        ] {
            let refusal = refusal(text);
            assert!(refusal.starts_with("CONFIGURATION: "), "{refusal}");
            assert!(refusal.contains(named), "{refusal}");
        }
    }
}
