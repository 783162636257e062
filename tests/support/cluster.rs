//! The real Kafka that tests/kafka/run.sh started, by way of tests/kafka/kafka.sh.

#![allow(dead_code)] // Each test binary uses a part.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::oracle::{Content, Logged};
use super::run::Run;

/// Where the cluster's nodes are.
pub fn bootstrap() -> String {
    std::env::var("OTTLA_TEST_BOOTSTRAP").expect("run by tests/kafka/run.sh (make test)")
}

/// Whether it knows topics by name in what it is sent, and not by id (Produce before version 13).
pub fn names_topics() -> bool {
    let version = std::env::var("KAFKA_VERSION").unwrap_or_default();
    version.starts_with("3.") || version.starts_with("4.0.")
}

/// Runs `kafka.sh VERB ARGS… DIR`, with more environment.
pub fn kafka_with(args: &[&str], environment: &[(&str, &str)]) -> String {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/kafka/kafka.sh");
    let dir = std::env::var("OTTLA_TEST_KAFKA_DIR").expect("run by tests/kafka/run.sh (make test)");
    let mut command = Command::new("bash");
    command.arg(script).args(args).arg(dir).envs(environment.iter().copied());
    let Output { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success(), "kafka.sh {args:?}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).unwrap()
}

/// Runs `kafka.sh VERB ARGS… DIR`.
pub fn kafka(args: &[&str]) -> String {
    kafka_with(args, &[])
}

/// A topic name of this run alone.
pub fn topic_name(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// A new topic with three replicas.
pub fn topic(name: &str, partitions: i32) -> String {
    topic_with(name, partitions, "")
}

/// A new topic with three replicas and settings (`key=value`, separated by blanks).
pub fn topic_with(name: &str, partitions: i32, settings: &str) -> String {
    let name = topic_name(name);
    let partitions = partitions.to_string();
    kafka_with(&["topic", &name, &partitions, "3"], &[("KAFKA_TOPIC_CONFIG", settings)]);
    name
}

/// All that is in a topic, read by Kafka's own consumer.
pub fn read(topic: &str) -> Vec<Logged> {
    kafka(&["read", topic]).lines().map(|line| logged(topic, line)).collect()
}

/// As `read`, of a topic that has `count` records or will soon: a consumer sees a record when all
/// replicas in sync have it, which without acks=all may be after its report.
pub fn read_all_of(topic: &str, count: usize) -> Vec<Logged> {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let log = read(topic);
        if log.len() >= count || Instant::now() > limit {
            return log;
        }
    }
}

/// Closes the producer and lets the oracle judge all that it did. The topics are all it sent to.
pub fn close_and_check(run: &Run, topics: &[&str]) -> Vec<Logged> {
    run.producer.close(Some(Duration::from_secs(240))).unwrap();
    let log: Vec<Logged> = topics.iter().flat_map(|topic| read(topic)).collect();
    run.history(log.clone()).check();
    log
}

fn logged(topic: &str, line: &str) -> Logged {
    let json: Value = serde_json::from_str(line).unwrap();
    let number = |name: &str| json[name].as_i64().unwrap();
    let header = |pair: &Value| (pair[0].as_str().unwrap().to_owned(), bytes(&pair[1]));
    Logged {
        topic: topic.to_owned(),
        partition: number("partition") as i32,
        offset: number("offset"),
        timestamp: number("timestamp"),
        is_append_time: json["timestamp_type"] == "LogAppendTime",
        content: Content {
            key: bytes(&json["key"]),
            value: bytes(&json["value"]),
            headers: json["headers"].as_array().unwrap().iter().map(header).collect(),
        },
    }
}

/// Hexadecimal to bytes; null stays null.
fn bytes(json: &Value) -> Option<Vec<u8>> {
    let hex = json.as_str()?.as_bytes();
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    Some(hex.chunks_exact(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect())
}
