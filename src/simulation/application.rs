//! The application on a producer: it sends as `Producer::try_send` does, with tickets for memory
//! that it comes back with, flushes, and closes. What the producer's own methods do with threads
//! and the real clock is done here with `now`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Bug;
use super::brokers::{WALL_MS, Wires};
use super::client::{Accepted, Client};
use super::setup::{TOPICS, ms};
use crate::accumulator::{Append, Buffer, Grant, Lane, PartitionQueue, Reserve, Topic};
use crate::producer::partition_for_key;
use crate::record::{Header, Record};
use crate::ticket::Ticket;
use crate::time::Instant;
use crate::wire::record::estimate_size_upper_bound;

/// Tickets that an application holds at most.
const WAITING_MAX: usize = 4;
/// What a flush or a close may take beyond its limit.
const GRACE: Duration = Duration::from_millis(250);

/// How `send_to` says that a record was accepted.
pub const ACCEPTED: &str = "record accepted";

/// A record to send.
struct Draft {
    opaque: u64,
    topic: &'static str,
    /// `None` lets the sticky partitioner choose.
    partition: Option<i32>,
    key: Option<Vec<u8>>,
    value: Vec<u8>,
    with_headers: bool,
}

/// A record that waits for memory.
struct Waiting {
    draft: Draft,
    ticket: Arc<Ticket<Grant>>,
    until: Instant,
}

/// A flush under way.
struct Flush {
    below: u64,
    /// Records that were accepted before it.
    open: BTreeSet<u64>,
    until: Instant,
}

/// See the file's comment.
pub struct Application {
    rng: fastrand::Rng,
    made: u64,
    waiting: Vec<Waiting>,
    flush: Option<Flush>,
    /// Records without a report.
    open: BTreeSet<u64>,
    /// When a close with a time ends by force.
    force_at: Instant,
    forced: bool,
    /// Where each accepted record stands in the list of all.
    places: BTreeMap<u64, usize>,
    /// What a planted bug keeps.
    kept: Option<Buffer>,
}

impl Application {
    /// An application that has done nothing yet.
    pub fn new(seed: u64) -> Application {
        Application {
            rng: fastrand::Rng::with_seed(seed),
            made: 0,
            waiting: Vec::new(),
            flush: None,
            open: BTreeSet::new(),
            force_at: Instant::NEVER,
            forced: false,
            places: BTreeMap::new(),
            kept: None,
        }
    }

    /// A report came.
    pub fn reported(&mut self, opaque: u64) {
        self.open.remove(&opaque);
        if let Some(flush) = &mut self.flush {
            flush.open.remove(&opaque);
        }
    }

    #[cfg(test)]
    /// The next record, to a place that is given.
    fn draft_to(
        &mut self,
        client: usize,
        topic: &'static str,
        partition: Option<i32>,
        length: usize,
    ) -> Draft {
        let opaque = self.made;
        self.made += 1;
        let mut value = (client as u64).to_be_bytes().to_vec();
        value.extend(opaque.to_be_bytes());
        value.extend((0..length).map(|_| self.rng.u8(..)));
        Draft { opaque, topic, partition, key: None, value, with_headers: false }
    }

    /// A record of chance, for a partition of its own, for that of its key, or for any.
    fn draft(&mut self, client: usize) -> Draft {
        let rng = &mut self.rng;
        let (topic, partitions) = TOPICS[rng.usize(..TOPICS.len())];
        let length = [0, 10, 100, 500, 3000][if rng.u8(..50) == 0 { 4 } else { rng.usize(..4) }];
        let mut value = (client as u64).to_be_bytes().to_vec();
        value.extend(self.made.to_be_bytes());
        // What compresses well, and what does not at all.
        let letters = [1, 4, 255][rng.usize(..3)];
        value.extend((0..length).map(|_| rng.u8(..=letters)));
        let key = rng.bool().then(|| vec![rng.u8(..); rng.usize(..5)]);
        let partition = match (rng.u8(..3), &key) {
            (0, _) => Some(rng.i32(0..partitions)),
            (_, Some(key)) => Some(partition_for_key(key, partitions)),
            _ => None,
        };
        let opaque = self.made;
        self.made += 1;
        Draft { opaque, topic, partition, key, value, with_headers: rng.u8(..4) == 0 }
    }
}

impl Client {
    /// Sends a record of chance, or flushes.
    pub fn send(&mut self, wires: &mut Wires<'_>, now: Instant) {
        if self.application.rng.u16(..150) == 0 {
            self.flush(wires, now);
        }
        let draft = self.application.draft(self.number);
        let what = self.try_send(draft, None, wires, now);
        wires.trace.count(what);
    }

    #[cfg(test)]
    /// Sends a record with a value of about this length, to a partition or to any; says how.
    pub fn send_to(
        &mut self,
        topic: &'static str,
        partition: Option<i32>,
        length: usize,
        wires: &mut Wires<'_>,
        now: Instant,
    ) -> &'static str {
        let draft = self.application.draft_to(self.number, topic, partition, length);
        self.try_send(draft, None, wires, now)
    }

    fn try_send(
        &mut self,
        draft: Draft,
        mut in_hand: Option<(Buffer, Instant)>,
        wires: &mut Wires<'_>,
        now: Instant,
    ) -> &'static str {
        let shared = self.shared.clone();
        let accumulator = &shared.accumulator;
        let topic = accumulator.topics.get_or_add(draft.topic);
        if topic.partition_count() <= draft.partition.unwrap_or(0) {
            // The application comes again later with another record, so nobody waits on the ticket.
            let _ = shared.metadata.wait_for(draft.topic, now, None);
            accumulator.wakeup.demand(Instant(0));
            return "record refused: the topic is not known";
        }
        topic.touch();
        let headers = [Header { name: "h", value: Some(b"x") }];
        let record = Record {
            topic: draft.topic,
            key: draft.key.as_deref(),
            value: Some(&draft.value),
            headers: if draft.with_headers { &headers } else { &[] },
            opaque: draft.opaque,
            ..Record::default()
        };
        let size = estimate_size_upper_bound(record.key, record.value, record.headers);
        if size > self.setup.sender.max_request_size.min(accumulator.pool.total()) {
            return "record refused: too large";
        }
        let size = size.max(self.setup.accumulator.batch_size);
        let wall_ms = WALL_MS + now.as_millis() as i64;
        loop {
            let (queue, sticky) = self.choose(&topic, draft.partition);
            match accumulator.append(&topic, &queue, &record, wall_ms, sticky, &mut in_hand) {
                Ok(Append::Done) => {
                    self.accept(draft, queue.partition, now);
                    return ACCEPTED;
                }
                Ok(Append::PartitionChanged) => {}
                Err(_) => return "record refused: closed",
                Ok(Append::NeedsBuffer) => match accumulator.pool.reserve(size, || None) {
                    Ok(Reserve::Granted(granted)) if self.keeps() => {
                        self.application.kept = Some(granted);
                    }
                    Ok(Reserve::Granted(granted)) => in_hand = Some((granted, now)),
                    Ok(Reserve::Wait(ticket)) => {
                        accumulator.wakeup.demand(Instant(0));
                        self.wait(draft, ticket, wires, now);
                        return "record waits for memory";
                    }
                    Err(_) => return "record refused: closed",
                },
            }
        }
    }

    /// Whether a planted bug takes the next buffer.
    fn keeps(&self) -> bool {
        self.bug == Some(Bug::KeptMemory) && self.application.kept.is_none()
    }

    /// An accepted record.
    pub fn record(&self, opaque: u64) -> Option<&Accepted> {
        self.application.places.get(&opaque).and_then(|place| self.accepted.get(*place))
    }

    /// A partition, and the lane that it is sticky in if it was left open.
    fn choose(&self, topic: &Topic, partition: Option<i32>) -> (Arc<PartitionQueue>, Option<Lane>) {
        let sticky = partition.is_none().then(|| topic.partitioner.lane());
        let adaptive = self.setup.accumulator.adaptive;
        let open = sticky.map(|lane| topic.partitioner.peek(topic, adaptive, lane));
        let index = partition.or(open).expect("named or chosen");
        (topic.partition(index).expect("the topic was seen to have it").clone(), sticky)
    }

    fn accept(&mut self, draft: Draft, partition: i32, now: Instant) {
        let Draft { opaque, topic, key, mut value, .. } = draft;
        if self.bug == Some(Bug::DamagedRecord) {
            value.push(0);
        }
        self.application.open.insert(opaque);
        self.application.places.insert(opaque, self.accepted.len());
        self.accepted.push(Accepted { opaque, at: now, topic, partition, key, value });
    }

    fn wait(
        &mut self,
        draft: Draft,
        ticket: Arc<Ticket<Grant>>,
        wires: &mut Wires<'_>,
        now: Instant,
    ) {
        if self.application.waiting.len() >= WAITING_MAX {
            wires.trace.count("ticket given up");
            return self.shared.accumulator.pool.cancel(&ticket);
        }
        let until = now + self.setup.max_block;
        self.application.waiting.push(Waiting { draft, ticket, until });
    }

    /// After each turn: redeems tickets, looks after flush and close.
    pub(super) fn serve_application(&mut self, wires: &mut Wires<'_>, now: Instant) {
        let pool = self.shared.accumulator.pool.clone();
        for waiting in std::mem::take(&mut self.application.waiting) {
            if let Some(grant) = waiting.ticket.try_take() {
                let what = match pool.redeem(grant) {
                    Ok(buffer) => self.try_send(waiting.draft, Some((buffer, now)), wires, now),
                    Err(_) => "closed",
                };
                wires.trace.count(&format!("ticket ready: {what}"));
            } else if waiting.until <= now || self.is_finished() {
                wires.trace.count("ticket timed out");
                pool.cancel(&waiting.ticket);
            } else {
                self.application.waiting.push(waiting);
            }
        }
        self.look_at_flush(wires, now);
    }

    fn flush(&mut self, wires: &mut Wires<'_>, now: Instant) {
        if self.application.flush.is_none() {
            wires.trace.count("flush");
            let below = self.shared.accumulator.flush();
            let until = now + self.setup.sender.delivery_timeout + GRACE;
            let open = self.application.open.clone();
            self.application.flush = Some(Flush { below, open, until });
        }
    }

    fn look_at_flush(&mut self, wires: &mut Wires<'_>, now: Instant) {
        let Some(flush) = &self.application.flush else { return };
        let number = self.number;
        if self.shared.accumulator.incomplete.is_below(flush.below) {
            wires.trace.count("flush done");
            if let Some(opaque) = flush.open.first() {
                let text = format!("p{number} flushed, and record {opaque} has no report");
                self.violations.push(text);
            }
            self.application.flush = None;
        } else if now > flush.until + ms(self.stopped_ms) {
            self.violations.push(format!("p{number} hangs in a flush at {now:?}"));
            self.application.flush = None;
        }
    }

    /// Whether it was told to close.
    pub fn is_closing(&self) -> bool {
        self.closing_since.is_some()
    }

    /// Closes in a time of chance.
    pub fn close_somehow(&mut self, wires: &mut Wires<'_>, now: Instant) {
        if self.is_closing() {
            return;
        }
        let rng = &mut self.application.rng;
        let time = match rng.u8(..4) {
            0 => Some(ms(rng.u64(1..2000))),
            1 => Some(ms(0)),
            _ => None,
        };
        self.close(time, wires, now);
    }

    /// Takes no more records; ends when all are reported, or by force after a time.
    pub fn close(&mut self, time: Option<Duration>, wires: &mut Wires<'_>, now: Instant) {
        let how = match time {
            Some(Duration::ZERO) => "close at once",
            Some(_) => "close with a time",
            None => "close",
        };
        wires.trace.count(how);
        wires.trace.note(now, format_args!("p{}: {how} {time:?}", self.number));
        self.application.force_at = time.map_or(Instant::NEVER, |time| now + time);
        self.closing_since = Some(now);
        self.shared.initiate_close();
        if self.bug == Some(Bug::LostWakeup) {
            self.woken.store(false, Ordering::Relaxed);
        }
    }

    pub(super) fn force_at(&self) -> Instant {
        if self.application.forced { Instant::NEVER } else { self.application.force_at }
    }

    pub(super) fn maybe_force_close(&mut self, now: Instant) {
        if self.force_at() <= now {
            self.application.forced = true;
            self.shared.force_close();
        }
    }

    /// By when it must be closed, if it was told to; without the time that the process stood still.
    pub fn closed_by(&self) -> Option<Instant> {
        let timeout = self.setup.sender.delivery_timeout;
        Some((self.closing_since? + timeout).min(self.application.force_at) + GRACE)
    }

    /// Tickets that nobody came back for.
    pub fn give_up_tickets(&mut self) {
        let pool = &self.shared.accumulator.pool;
        self.application.waiting.drain(..).for_each(|waiting| pool.cancel(&waiting.ticket));
    }
}
