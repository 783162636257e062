//! The configuration of a topic: Kafka's keys, as far as something here depends on them.

use std::collections::BTreeMap;
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
    /// `cleanup.policy` contains `delete`. What exceeds `retention.bytes` goes in any case.
    pub delete: bool,
    /// Values of keys that are kept and change nothing here.
    pub idle: BTreeMap<&'static str, String>,
}

/// The least `segment.bytes`.
const SEGMENT_BYTES_MIN: i32 = 1 << 20;

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
            delete: true,
            idle: BTreeMap::new(),
        }
    }
}

/// What a value is; the numbers are the protocol's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// `true` or `false`.
    Boolean = 1,
    /// Text.
    Text = 2,
    /// A number of 32 bits.
    Int = 3,
    /// A number of 64 bits.
    Long = 5,
    /// A number with a fraction.
    Double = 6,
    /// Words between commas.
    List = 7,
}

/// A key that a topic's configuration may have.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Kafka's name.
    pub name: &'static str,
    /// What its value is.
    pub value_type: ValueType,
    /// Kafka's default, where the key is kept and changes nothing: what it governs is not done.
    idle: Option<&'static str>,
}

const fn governs(name: &'static str, value_type: ValueType) -> Key {
    Key { name, value_type, idle: None }
}

const fn idle(name: &'static str, value_type: ValueType, default: &'static str) -> Key {
    Key { name, value_type, idle: Some(default) }
}

/// The keys, in the order of their names.
pub const KEYS: [Key; 28] = [
    governs("cleanup.policy", ValueType::List),
    idle("compression.type", ValueType::Text, "producer"),
    idle("delete.retention.ms", ValueType::Long, "86400000"),
    idle("file.delete.delay.ms", ValueType::Long, "60000"),
    idle("flush.messages", ValueType::Long, "9223372036854775807"),
    idle("flush.ms", ValueType::Long, "9223372036854775807"),
    idle("follower.replication.throttled.replicas", ValueType::List, ""),
    idle("index.interval.bytes", ValueType::Int, "4096"),
    idle("leader.replication.throttled.replicas", ValueType::List, ""),
    idle("local.retention.bytes", ValueType::Long, "-2"),
    idle("local.retention.ms", ValueType::Long, "-2"),
    idle("max.compaction.lag.ms", ValueType::Long, "9223372036854775807"),
    governs("max.message.bytes", ValueType::Int),
    governs("message.timestamp.after.max.ms", ValueType::Long),
    governs("message.timestamp.before.max.ms", ValueType::Long),
    governs("message.timestamp.type", ValueType::Text),
    idle("min.cleanable.dirty.ratio", ValueType::Double, "0.5"),
    idle("min.compaction.lag.ms", ValueType::Long, "0"),
    governs("min.insync.replicas", ValueType::Int),
    idle("preallocate", ValueType::Boolean, "false"),
    idle("remote.storage.enable", ValueType::Boolean, "false"),
    governs("retention.bytes", ValueType::Long),
    idle("retention.ms", ValueType::Long, "604800000"),
    governs("segment.bytes", ValueType::Int),
    idle("segment.index.bytes", ValueType::Int, "10485760"),
    idle("segment.jitter.ms", ValueType::Long, "0"),
    idle("segment.ms", ValueType::Long, "604800000"),
    idle("unclean.leader.election.enable", ValueType::Boolean, "false"),
];

/// The key of that name.
pub fn key(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

impl TopicConfig {
    /// Sets one key. An error is a sentence.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "retention.bytes" => self.retention_bytes = number(key, value, i64::MIN)?,
            "min.insync.replicas" => self.min_insync_replicas = number(key, value, 1)?,
            "max.message.bytes" => self.max_message_bytes = number(key, value, 0)?,
            "segment.bytes" => self.segment_bytes = number(key, value, SEGMENT_BYTES_MIN)?,
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
                self.delete = value.contains("delete");
            }
            _ => {
                let Some(known) = self::key(key) else {
                    return Err(format!("Unknown topic config name: {key}"));
                };
                known.check(value)?;
                self.idle.insert(known.name, value.to_owned());
            }
        }
        Ok(())
    }

    /// The value of one of [`KEYS`], whatever set it.
    pub fn get(&self, key: &str) -> String {
        match key {
            "cleanup.policy" => match (self.delete, self.compact) {
                (true, true) => "delete,compact",
                (false, true) => "compact",
                _ => "delete",
            }
            .to_owned(),
            "max.message.bytes" => self.max_message_bytes.to_string(),
            "message.timestamp.after.max.ms" => self.message_timestamp_after_max_ms.to_string(),
            "message.timestamp.before.max.ms" => self.message_timestamp_before_max_ms.to_string(),
            "message.timestamp.type" => format!("{:?}", self.message_timestamp_type),
            "min.insync.replicas" => self.min_insync_replicas.to_string(),
            "retention.bytes" => self.retention_bytes.to_string(),
            "segment.bytes" => self.segment_bytes.to_string(),
            _ => {
                let default = || self::key(key).and_then(|key| key.idle).unwrap_or_default();
                self.idle.get(key).map_or_else(|| default().to_owned(), Clone::clone)
            }
        }
    }
}

impl Key {
    /// Whether a value is of the key's type.
    fn check(&self, value: &str) -> Result<(), String> {
        let word = value.trim();
        let fits = match self.value_type {
            ValueType::Boolean => ["true", "false"].contains(&word),
            ValueType::Int => word.parse::<i32>().is_ok(),
            ValueType::Long => word.parse::<i64>().is_ok(),
            ValueType::Double => word.parse::<f64>().is_ok(),
            ValueType::Text | ValueType::List => true,
        };
        let kind = self.value_type;
        fits.then_some(()).ok_or_else(|| invalid(self.name, value, &format!("Not a {kind:?}")))
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
            copy.set(key.name, &config.get(key.name)).unwrap();
            assert_eq!(copy.get(key.name), config.get(key.name));
        }
        copy.idle.clear();
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
        assert!(config.set("segment.bytes", "1000").is_err());
        assert!(config.set("preallocate", "perhaps").unwrap_err().contains("Boolean"));
        assert!(config.set("retention.ms", "much").unwrap_err().contains("much"));
        config.set("retention.ms", "5").unwrap();
        assert_eq!(config.get("retention.ms"), "5");
    }
}
