//! What is found in a cluster, as JSON: an object a line.

use serde_json::{Value, json};

use crate::broker::health::{At, Health};
use crate::broker::inspection::{LogRecord, ReplicaStatus};
use crate::broker::journal::{Arrival, ProducedRecord};
use crate::broker::metadata_cache::PartitionImage;

/// Objects, a line each.
pub fn lines(objects: impl IntoIterator<Item = Value>) -> String {
    let lines: Vec<String> = objects.into_iter().map(|object| object.to_string()).collect();
    lines.join("\n")
}

/// Bytes: a text where they are one, else `{"hex": …}`; null is null.
fn bytes(bytes: Option<&[u8]>) -> Value {
    let Some(bytes) = bytes else { return Value::Null };
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "hex": hex(bytes) }),
    }
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Headers: pairs of a name and a value, in their order.
fn headers(headers: &[(String, Option<Vec<u8>>)]) -> Value {
    headers.iter().map(|(name, value)| json!([name, bytes(value.as_deref())])).collect()
}

/// The header of a request.
pub fn request(arrival: &Arrival) -> Value {
    json!({
        "number": arrival.number, "at_ms": arrival.at.as_millis(), "broker": arrival.broker,
        "connection": arrival.connection, "api": arrival.api_name(), "api_key": arrival.api_key,
        "api_version": arrival.api_version, "correlation_id": arrival.correlation_id,
        "client_id": arrival.client_id.as_deref(), "bytes": arrival.frame.len(),
    })
}

/// A record as it arrived.
pub fn produced(arrival: &Arrival, record: &ProducedRecord) -> Value {
    json!({
        "request": arrival.number, "broker": arrival.broker, "topic": record.topic,
        "partition": record.partition, "producer_id": record.producer_id,
        "producer_epoch": record.producer_epoch, "sequence": record.sequence,
        "timestamp_ms": record.timestamp, "key": bytes(record.key.as_deref()),
        "value": bytes(record.value.as_deref()), "headers": headers(&record.headers),
    })
}

/// A record as it is in a log.
pub fn record(record: &LogRecord) -> Value {
    json!({
        "offset": record.offset, "timestamp_ms": record.timestamp,
        "key": bytes(record.key.as_deref()), "value": bytes(record.value.as_deref()),
        "headers": headers(&record.headers), "producer_id": record.producer_id,
        "producer_epoch": record.producer_epoch, "leader_epoch": record.leader_epoch,
    })
}

/// Who hosts and leads a partition.
pub fn partition(topic: &str, index: i32, image: &PartitionImage) -> Value {
    json!({
        "topic": topic, "partition": index, "leader": image.leader,
        "leader_epoch": image.leader_epoch, "replicas": image.replicas, "isr": image.isr,
        "partition_epoch": image.partition_epoch,
    })
}

/// How far a replica is.
pub fn replica(status: &ReplicaStatus) -> Value {
    json!({
        "log_start_offset": status.log_start_offset, "high_watermark": status.high_watermark,
        "log_end_offset": status.log_end_offset, "bytes": status.bytes,
    })
}

/// How the cluster is.
pub fn health(health: &Health) -> Value {
    let places = |places: &[At]| -> Value {
        let place = |(topic, index): &At| json!({ "topic": topic, "partition": index });
        places.iter().map(place).collect()
    };
    json!({
        "well": health.is_well(), "controller": health.controller,
        "brokers_down": health.brokers_down, "offline": places(&health.offline),
        "under_replicated": places(&health.under_replicated),
        "under_min_isr": places(&health.under_min_isr),
        "not_preferred": places(&health.not_preferred),
    })
}
