//! What must hold in the end, whatever happened: each accepted record has one report, and the
//! report is true of the logs.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::client::{Client, Told};
use super::logs::{self, Log, Logged};
use super::setup::ms;
use super::world::World;
use crate::report::State;
use crate::time::Instant;
use crate::wire::Uuid;

/// How late a report or the end of a close may be.
const GRACE: Duration = Duration::from_millis(250);
/// Turns without anything to do that a producer may take in a second, beside a few.
const IDLE_TURNS_PER_SECOND: u64 = 100;
const IDLE_TURNS_MIN: u64 = 500;

/// Where a record is.
#[derive(Debug)]
struct Place {
    topic: &'static str,
    partition: i32,
    offset: i64,
    /// Which of the topics that had this name.
    topic_id: Uuid,
    /// The topic was deleted, and a leader refused the record for that.
    refused: bool,
    /// It came by name, so nobody can say in which order (see `names`).
    unordered: bool,
}

type Places = Vec<Place>;

/// Everything that is wrong.
pub fn judge(world: &World) -> Vec<String> {
    let mut problems = Vec::new();
    let mut found: BTreeMap<(u64, u64), Places> = BTreeMap::new();
    let names = &world.brokers.names;
    for log in logs::all(world, &mut problems) {
        let Log { topic, partition, topic_id, .. } = log;
        for logged in log.records(&mut problems) {
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
                    && (sent.topic, sent.partition) == (topic, partition)
            });
            let Logged { offset, refused, stamp, .. } = logged;
            let unordered = names.may_overtake(topic, topic_id, partition, stamp);
            let at = Place { topic, partition, offset, topic_id, refused, unordered };
            if !same {
                problems.push(format!("p{client} record {opaque} is not what is at {at:?}"));
            }
            found.entry((client, opaque)).or_default().push(at);
        }
    }
    problems.extend(world.brokers.violations.iter().cloned());
    for client in &world.clients {
        judge_client(client, &found, &mut problems);
        judge_end(client, world.now, &mut problems);
    }
    problems
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
    judge_order_of_reports(client, found, problems);
}

/// What is persisted in one partition is told of in the order of the log, in that of each topic
/// that had the name.
fn judge_order_of_reports(
    client: &Client,
    found: &BTreeMap<(u64, u64), Places>,
    problems: &mut Vec<String>,
) {
    let mut last: BTreeMap<(Uuid, i32), i64> = BTreeMap::new();
    let persisted = client.told.iter().filter(|told| told.state == State::Persisted);
    for told in persisted.filter(|told| told.offset >= 0 && client.setup.idempotent) {
        let (number, opaque) = (client.number, told.opaque);
        let places = found.get(&(number as u64, opaque)).into_iter().flatten();
        // In two topics at the same offset it may be either of them that the report is about.
        let logs: Vec<_> = places
            .filter(|place| place.is_told_by(told) && !place.unordered)
            .map(|place| (place.topic_id, place.partition))
            .collect();
        let before = |log: &(Uuid, i32)| last.get(log).copied().unwrap_or(-1);
        match logs.iter().find(|log| before(log) < told.offset) {
            Some(log) => _ = last.insert(*log, told.offset),
            None => problems.extend(logs.first().map(before).map(|before| {
                format!("p{number} record {opaque} was told of after {before}: {told:?}")
            })),
        }
    }
}

impl Place {
    fn is_told_by(&self, told: &Told) -> bool {
        (self.topic, self.partition, self.offset) == (&*told.topic, told.partition, told.offset)
    }
}

/// Why a report is not true.
fn contradiction(client: &Client, told: &Told, places: &Places) -> Option<&'static str> {
    let setup = &client.setup;
    let here = |place: &Place| place.is_told_by(told);
    // A record that was in doubt in a topic that was deleted may be in the next one, too.
    let topics: BTreeSet<Uuid> = places.iter().map(|place| place.topic_id).collect();
    match told.state {
        // With acks=1 a leader may die with what it confirmed.
        State::Persisted if setup.acks == 1 => None,
        State::Persisted if !places.iter().any(here) => Some("is not where it was reported"),
        State::Persisted | State::PossiblyPersisted
            if setup.idempotent && places.len() > topics.len() =>
        {
            Some("is in the log more than once")
        }
        State::NotPersisted if places.iter().any(|place| !place.refused) => Some("is in the log"),
        _ => None,
    }
}

/// What one producer sent to one partition is there in the order in which it was sent, in each of
/// the topics that had the name.
fn judge_order(client: &Client, found: &BTreeMap<(u64, u64), Places>, problems: &mut Vec<String>) {
    let mut last: BTreeMap<(Uuid, i32), (i64, u64)> = BTreeMap::new();
    if !client.setup.idempotent {
        return;
    }
    for sent in &client.accepted {
        let opaque = sent.opaque;
        let key = (client.number as u64, opaque);
        let places = found.get(&key).into_iter().flatten();
        for place in places.filter(|place| !place.unordered) {
            let Place { topic, partition, offset, topic_id, .. } = place;
            let before = last.insert((*topic_id, *partition), (*offset, opaque));
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
