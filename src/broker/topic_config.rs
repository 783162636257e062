//! The configuration of a topic: Kafka's keys, as far as something here depends on them.

use std::fmt;

/// Whose time a record bears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's.
    CreateTime,
    /// The broker's, when it appended.
    LogAppendTime,
}

/// How a topic's partitions behave. Sizes are in bytes, times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// `retention.bytes`: how much of a partition is kept; -1 keeps all, 0 keeps nothing and still
    /// checks and counts everything.
    pub retention_bytes: i64,
    /// `min.insync.replicas`: how many must be in sync for a write with acks=all.
    pub min_insync_replicas: i32,
    /// `max.message.bytes`: the largest batch.
    pub max_message_bytes: i32,
    /// `segment.bytes`: no batch is larger than a segment.
    pub segment_bytes: i32,
    /// `message.timestamp.type`.
    pub message_timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far a timestamp may be in the past.
    pub message_timestamp_before_max_ms: i64,
    /// `message.timestamp.after.max.ms`: how far a timestamp may be in the future.
    pub message_timestamp_after_max_ms: i64,
    /// `cleanup.policy` contains `compact`: records need keys. Nothing is compacted.
    pub compact: bool,
}

impl Default for TopicConfig {
    /// Kafka's defaults, except that a partition keeps 256 MiB: it is kept in memory.
    fn default() -> TopicConfig {
        TopicConfig {
            retention_bytes: 256 << 20,
            min_insync_replicas: 1,
            max_message_bytes: 1_048_588,
            segment_bytes: 1 << 30,
            message_timestamp_type: TimestampType::CreateTime,
            message_timestamp_before_max_ms: i64::MAX,
            message_timestamp_after_max_ms: 3_600_000,
            compact: false,
        }
    }
}

/// The keys, in the order of their names.
pub const KEYS: [&str; 8] = [
    "cleanup.policy",
    "max.message.bytes",
    "message.timestamp.after.max.ms",
    "message.timestamp.before.max.ms",
    "message.timestamp.type",
    "min.insync.replicas",
    "retention.bytes",
    "segment.bytes",
];

/// Keys that a client may set and that change nothing here: what they govern is not done.
const WITHOUT_EFFECT: [&str; 20] = [
    "compression.type",
    "delete.retention.ms",
    "file.delete.delay.ms",
    "flush.messages",
    "flush.ms",
    "follower.replication.throttled.replicas",
    "index.interval.bytes",
    "leader.replication.throttled.replicas",
    "local.retention.bytes",
    "local.retention.ms",
    "max.compaction.lag.ms",
    "message.downconversion.enable",
    "message.format.version",
    "min.cleanable.dirty.ratio",
    "min.compaction.lag.ms",
    "preallocate",
    "retention.ms",
    "segment.index.bytes",
    "segment.jitter.ms",
    "segment.ms",
];

/// Whether a topic can have this key.
pub fn is_known(key: &str) -> bool {
    KEYS.contains(&key) || WITHOUT_EFFECT.contains(&key)
}

impl TopicConfig {
    /// Sets one key. An error is a sentence.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "retention.bytes" => self.retention_bytes = number(key, value, -1)?,
            "min.insync.replicas" => self.min_insync_replicas = number(key, value, 1)?,
            "max.message.bytes" => self.max_message_bytes = number(key, value, 0)?,
            "segment.bytes" => self.segment_bytes = number(key, value, 14)?,
            "message.timestamp.before.max.ms" => {
                self.message_timestamp_before_max_ms = number(key, value, 0)?;
            }
            "message.timestamp.after.max.ms" => {
                self.message_timestamp_after_max_ms = number(key, value, 0)?;
            }
            "message.timestamp.type" => {
                self.message_timestamp_type = match value {
                    "CreateTime" => TimestampType::CreateTime,
                    "LogAppendTime" => TimestampType::LogAppendTime,
                    _ => return Err(invalid(key, value, "must be CreateTime or LogAppendTime")),
                };
            }
            "cleanup.policy" => {
                let known = |policy: &str| ["delete", "compact"].contains(&policy.trim());
                if !value.split(',').all(known) {
                    return Err(invalid(key, value, "must be delete, compact or both"));
                }
                self.compact = value.contains("compact");
            }
            _ if WITHOUT_EFFECT.contains(&key) => {}
            _ => return Err(format!("Unknown topic config name: {key}")),
        }
        Ok(())
    }

    /// The value of one of [`KEYS`].
    pub fn get(&self, key: &str) -> String {
        match key {
            "cleanup.policy" => (if self.compact { "compact" } else { "delete" }).to_owned(),
            "max.message.bytes" => self.max_message_bytes.to_string(),
            "message.timestamp.after.max.ms" => self.message_timestamp_after_max_ms.to_string(),
            "message.timestamp.before.max.ms" => self.message_timestamp_before_max_ms.to_string(),
            "message.timestamp.type" => format!("{:?}", self.message_timestamp_type),
            "min.insync.replicas" => self.min_insync_replicas.to_string(),
            "retention.bytes" => self.retention_bytes.to_string(),
            "segment.bytes" => self.segment_bytes.to_string(),
            _ => String::new(),
        }
    }
}

fn number<T: std::str::FromStr + PartialOrd + fmt::Display>(
    key: &str,
    value: &str,
    least: T,
) -> Result<T, String> {
    match value.trim().parse::<T>() {
        Ok(number) if number >= least => Ok(number),
        Ok(_) => Err(invalid(key, value, &format!("Value must be at least {least}"))),
        Err(_) => Err(invalid(key, value, "Not a number of that size")),
    }
}

fn invalid(key: &str, value: &str, why: &str) -> String {
    format!("Invalid value {value} for configuration {key}: {why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_can_be_read_and_set_to_what_was_read() {
        let config = TopicConfig::default();
        let mut copy = TopicConfig { compact: true, retention_bytes: 1, ..config.clone() };
        for key in KEYS {
            copy.set(key, &config.get(key)).unwrap();
        }
        assert_eq!(copy, config);
    }

    #[test]
    fn a_bad_key_or_value_is_named() {
        let mut config = TopicConfig::default();
        assert!(config.set("retention.byte", "1").unwrap_err().contains("retention.byte"));
        assert!(config.set("min.insync.replicas", "0").unwrap_err().contains("at least 1"));
        assert!(config.set("retention.bytes", "much").unwrap_err().contains("much"));
        assert!(config.set("message.timestamp.type", "x").is_err());
        assert!(config.set("cleanup.policy", "compact,hope").is_err());
        config.set("retention.ms", "5").unwrap();
    }
}
