//! What must hold in the end, whatever happened: each accepted record has one report, and the
//! report is true of the logs.

use std::collections::BTreeMap;
use std::time::Duration;

use super::client::{Client, Told};
use super::setup::{TOPICS, ms};
use super::world::World;
use crate::report::State;
use crate::time::Instant;
use crate::wire::record_batch::RecordBatch;

/// How late a report or the end of a close may be.
const GRACE: Duration = Duration::from_millis(250);
/// Turns without anything to do that a producer may take in a second, beside a few.
const IDLE_TURNS_PER_SECOND: u64 = 100;
const IDLE_TURNS_MIN: u64 = 500;

/// Where a record is: its partition's place in the list of all, and its offset.
type Places = Vec<(&'static str, i32, i64)>;

/// A record in a log.
struct Logged {
    topic: &'static str,
    partition: i32,
    offset: i64,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
}

/// Everything that is wrong.
pub fn judge(world: &World) -> Vec<String> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<(u64, u64), Places> = BTreeMap::new();
    for (topic, _) in TOPICS {
        // A topic that nobody has asked for is not there.
        let made = world.brokers.core.registry.topics.get(topic);
        for partition in 0..made.map_or(0, |topic| topic.partitions.len() as i32) {
            for logged in read(world, topic, partition, &mut problems) {
                let number = |at: usize| {
                    let bytes = logged.value.get(at..at + 8)?.first_chunk::<8>()?;
                    Some(u64::from_be_bytes(*bytes))
                };
                let (Some(client), Some(opaque)) = (number(0), number(8)) else {
                    problems.push(format!("{topic}-{partition} has a record that nobody sent"));
                    continue;
                };
                let known = world.clients.get(client as usize);
                let sent = known.and_then(|client| client.record(opaque));
                let same = sent.is_some_and(|sent| {
                    sent.key == logged.key
                        && sent.value == logged.value
                        && (sent.topic, sent.partition) == (logged.topic, logged.partition)
                });
                let at = (topic, partition, logged.offset);
                if !same {
                    problems.push(format!("p{client} record {opaque} is not what is at {at:?}"));
                }
                found.entry((client, opaque)).or_default().push(at);
            }
        }
    }
    problems.extend(world.brokers.violations.iter().cloned());
    for client in &world.clients {
        judge_client(client, &found, &mut problems);
        judge_end(client, world.now, &mut problems);
    }
    problems
}

/// The log of a partition's leader.
fn read(
    world: &World,
    topic: &'static str,
    partition: i32,
    problems: &mut Vec<String>,
) -> Vec<Logged> {
    let core = &world.brokers.core;
    let image = core.registry.topics.get(topic).map(|t| &t.partitions[partition as usize]);
    let leader = image.map_or(-1, |image| image.leader);
    let replica = core.server(leader).and_then(|server| server.replicas.get(topic, partition));
    let Some(replica) = replica else {
        problems.push(format!("{topic}-{partition} has no leader although all is healed"));
        return Vec::new();
    };
    if replica.high_watermark < replica.log.end_offset() {
        let (committed, end) = (replica.high_watermark, replica.log.end_offset());
        problems.push(format!("{topic}-{partition}: committed up to {committed} of {end}"));
    }
    let mut all = Vec::new();
    for stored in replica.log.read(0, i64::MAX, usize::MAX) {
        let bytes = stored.to_vec();
        let batch = RecordBatch::take(&mut &bytes[..]);
        let Ok(batch) = batch.and_then(|batch| batch.check_crc().map(|()| batch)) else {
            problems.push(format!("{topic}-{partition}: a batch with a wrong checksum"));
            continue;
        };
        let section = batch.section().unwrap_or_default();
        let Ok(records) = batch.records(&section) else {
            problems.push(format!("{topic}-{partition}: a damaged batch"));
            continue;
        };
        for record in records.flatten() {
            all.push(Logged {
                topic,
                partition,
                offset: stored.base_offset + i64::from(record.offset_delta),
                key: record.key.map(<[u8]>::to_vec),
                value: record.value.unwrap_or_default().to_vec(),
            });
        }
    }
    all
}

/// How many batches of the logs are compressed, and how many are not.
pub fn batches(world: &World) -> [(&'static str, u64); 2] {
    let (mut compressed, mut others) = (0, 0);
    for server in world.brokers.core.servers() {
        for (topic, partitions) in TOPICS {
            let logs = (0..partitions).filter_map(|index| server.replicas.get(topic, index));
            for batch in logs.flat_map(|replica| replica.log.read(0, i64::MAX, usize::MAX)) {
                let counter =
                    if batch.info.compression() != 0 { &mut compressed } else { &mut others };
                *counter += 1;
            }
        }
    }
    [("log: compressed batches", compressed), ("log: other batches", others)]
}

/// It closed in time, gave everything back and did not waste the processor.
fn judge_end(client: &Client, now: Instant, problems: &mut Vec<String>) {
    let number = client.number;
    problems.extend(client.violations.iter().cloned());
    let stopped = ms(client.stopped_ms);
    match (client.finished_at, client.closed_by()) {
        (Some(at), Some(by)) if at > by + stopped => {
            problems.push(format!("p{number} closed at {at:?}, which was due by {by:?}"));
        }
        (Some(_), Some(_)) => {}
        _ => problems.push(format!("p{number} hangs: it was told to close and does not end")),
    }
    let pool = &client.shared.accumulator.pool;
    if client.is_finished() && pool.available() != pool.total() {
        let (free, total) = (pool.available(), pool.total());
        problems.push(format!("p{number}: {free} of {total} bytes came back to the pool"));
    }
    if let Some(fatal) = client.shared.fatal() {
        problems.push(format!("p{number} failed for good: {fatal}"));
    }
    let (turns, most) = (client.idle_turns, now.as_millis() / 1000 * IDLE_TURNS_PER_SECOND);
    if turns > most + IDLE_TURNS_MIN {
        problems.push(format!("p{number} turned {turns} times without anything to do"));
    }
}

fn judge_client(client: &Client, found: &BTreeMap<(u64, u64), Places>, problems: &mut Vec<String>) {
    let number = client.number;

    let mut reports: BTreeMap<u64, Vec<&Told>> = BTreeMap::new();
    client.told.iter().for_each(|told| reports.entry(told.opaque).or_default().push(told));
    for sent in &client.accepted {
        let opaque = sent.opaque;
        let told = reports.remove(&opaque).unwrap_or_default();
        let nowhere = Places::new();
        let places = found.get(&(number as u64, opaque)).unwrap_or(&nowhere);
        let [told] = told[..] else {
            problems.push(format!("p{number} record {opaque} has {} reports", told.len()));
            continue;
        };
        if (told.topic.as_str(), told.partition) != (sent.topic, sent.partition) {
            problems.push(format!("p{number} record {opaque} was sent elsewhere: {told:?}"));
        }
        if let Some(problem) = contradiction(client, told, places) {
            problems.push(format!("p{number} record {opaque} {problem}: {told:?} {places:?}"));
        }
        let limit = client.setup.sender.delivery_timeout + ms(client.stopped_ms) + GRACE;
        if told.at.since(sent.at) > limit {
            let took = told.at.since(sent.at);
            problems.push(format!("p{number} record {opaque} was reported after {took:?}"));
        }
    }
    if let Some(opaque) = reports.keys().next() {
        problems.push(format!("p{number} has a report of {opaque}, which was not accepted"));
    }
    judge_order(client, found, problems);
    judge_order_of_reports(client, problems);
}

/// What is persisted in one partition is told of in the order of the log.
fn judge_order_of_reports(client: &Client, problems: &mut Vec<String>) {
    let mut last: BTreeMap<(&str, i32), i64> = BTreeMap::new();
    let persisted = client.told.iter().filter(|told| told.state == State::Persisted);
    for told in persisted.filter(|told| told.offset >= 0 && client.setup.idempotent) {
        let before = last.insert((&told.topic, told.partition), told.offset);
        if let Some(before) = before.filter(|before| *before >= told.offset) {
            let (number, opaque) = (client.number, told.opaque);
            problems
                .push(format!("p{number} record {opaque} was told of after {before}: {told:?}"));
        }
    }
}

/// Why a report is not true.
fn contradiction(client: &Client, told: &Told, places: &Places) -> Option<&'static str> {
    let setup = &client.setup;
    let at = |place: &(&str, i32, i64)| *place == (&*told.topic, told.partition, told.offset);
    match told.state {
        // With acks=1 a leader may die with what it confirmed.
        State::Persisted if setup.acks == 1 => None,
        State::Persisted if !places.iter().any(at) => Some("is not where it was reported"),
        State::Persisted | State::PossiblyPersisted if setup.idempotent && places.len() > 1 => {
            Some("is in the log more than once")
        }
        State::NotPersisted if !places.is_empty() => Some("is in the log"),
        _ => None,
    }
}

/// What one producer sent to one partition is there in the order in which it was sent.
fn judge_order(client: &Client, found: &BTreeMap<(u64, u64), Places>, problems: &mut Vec<String>) {
    let mut last: BTreeMap<(&str, i32), (i64, u64)> = BTreeMap::new();
    if !client.setup.idempotent {
        return;
    }
    for sent in &client.accepted {
        let opaque = sent.opaque;
        let key = (client.number as u64, opaque);
        for (topic, partition, offset) in found.get(&key).into_iter().flatten() {
            let before = last.insert((topic, *partition), (*offset, opaque));
            if let Some((other, earlier)) = before.filter(|(other, _)| other >= offset) {
                let number = client.number;
                problems.push(format!(
                    "p{number} record {opaque} is at {topic}-{partition} {offset}, before \
                     {earlier}, which was sent before it and is at {other}"
                ));
            }
        }
    }
}
