//! Sending: the way of a record on the thread that sends it (Java: KafkaProducer.doSend).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::consume::CallbackScope;
use super::partitioner::Partitioner;
use super::rules::Choice;
use super::shortcut::{self, Last};
use super::tickets::Awaited;
use super::{Producer, Timeout, closed};
use crate::accumulator::{Append, Buffer, Reserve, Topic};
use crate::error::{Error, ErrorCode, Result};
use crate::record::Record;
use crate::sync;
use crate::ticket::Wait;
use crate::time::{self, Instant};
use crate::wire::record::estimate_size_upper_bound;

/// How many records are sent together at most, so that nobody waits long for their partition.
const RUN_MAX: usize = 256;

/// How long one send, or several together, may wait. The time counts from the first wait.
#[derive(Debug)]
pub struct Limit {
    timeout: Timeout,
    deadline: Option<Instant>,
}

impl Limit {
    /// A limit of which nothing is used up yet.
    pub fn new(timeout: Timeout) -> Limit {
        Limit { timeout, deadline: None }
    }

    /// What is left of it; `None` if it has no end.
    pub(super) fn left(&self) -> Timeout {
        match self.deadline {
            Some(deadline) => Some(deadline.since(time::now())),
            None => self.timeout,
        }
    }

    /// Runs what waits at most `most`, if there is time for it. That takes from the limit what it
    /// takes and no more: the time of sends that go on without a wait does not count.
    fn spend(&mut self, most: Duration, wait: impl FnOnce()) -> bool {
        if self.left().is_some_and(|left| left <= most) {
            return false;
        }
        let begin = time::now();
        wait();
        let waited = time::now().since(begin);
        self.timeout = self.timeout.map(|timeout| timeout.saturating_sub(waited));
        true
    }
}

/// How one send may wait.
pub(super) enum Patience<'a> {
    /// Parks.
    Block(&'a mut Limit),
    /// Never parks: a wait becomes a ticket. `fresh` says that the last one was for metadata,
    /// and that the metadata came.
    Ticket { place: &'a mut u64, fresh: bool },
}

/// A buffer in hand, and when it came.
pub(super) type InHand = Option<(Buffer, Instant)>;

impl Producer {
    /// Sends a record. Blocks at most `max.block.ms`, for metadata and for memory. When it
    /// returns `Ok` the record is accepted and there will be one report; else there will be none.
    pub fn send(self: &Arc<Self>, record: &Record<'_>) -> Result<()> {
        self.send_timeout(record, Some(self.config.max_block))
    }

    /// As `send`, with a limit of its own instead of `max.block.ms`.
    pub fn send_timeout(self: &Arc<Self>, record: &Record<'_>, timeout: Timeout) -> Result<()> {
        self.send_within(record, &mut Limit::new(timeout))
    }

    /// As `send`, within what is left of a limit that several sends share.
    pub fn send_within(self: &Arc<Self>, record: &Record<'_>, limit: &mut Limit) -> Result<()> {
        self.intercept(record, &mut Patience::Block(limit))
    }

    /// Sends a record or says `WOULD_BLOCK` and leaves a ticket's number in `ticket`.
    ///
    /// Come again with the same record and number when the ticket is ready, or give it up with
    /// `cancel_ticket`: it keeps its place in the queue for memory. 0 is no ticket.
    pub fn try_send(self: &Arc<Self>, record: &Record<'_>, ticket: &mut u64) -> Result<()> {
        let mut patience = Patience::Ticket { place: ticket, fresh: false };
        let result = self.intercept(record, &mut patience);
        self.end_of_try(&result, ticket);
        result
    }

    /// Ends all waits of other threads that have begun, with `INTERRUPTED`.
    pub fn interrupt(&self) {
        self.shared.metadata.interrupt();
        self.shared.accumulator.pool.interrupt();
        self.shared.accumulator.incomplete.interrupt();
        self.reports.interrupt();
    }

    #[inline(always)]
    fn intercept(self: &Arc<Self>, record: &Record<'_>, patience: &mut Patience<'_>) -> Result<()> {
        let result = match self.interceptors.is_empty() {
            true => self.do_send(record, patience),
            false => self.intercept_any(record, patience),
        };
        result.map_err(|error| self.reason(error))
    }

    #[inline(never)]
    fn intercept_any(
        self: &Arc<Self>,
        record: &Record<'_>,
        patience: &mut Patience<'_>,
    ) -> Result<()> {
        let ticket = patience.ticket();
        if ticket != 0 {
            // They saw it when the ticket was given; it goes on as they left it.
            return match self.tickets.get(ticket).and_then(|held| held.record) {
                Some(seen) => seen.with(|record| self.send_seen(record, patience)),
                None => self.do_send(record, patience),
            };
        }
        self.check_open()?;
        let _scope = CallbackScope::enter(self);
        let mut send = |record: &Record<'_>| self.send_seen(record, patience);
        self.interceptors.on_send(record, &self.shared.log, &mut send)
    }

    /// The reason to tell: a fatal error closes everything.
    #[cold]
    fn reason(&self, error: Error) -> Error {
        match self.shared.fatal() {
            Some(fatal) if error.code() == ErrorCode::CLOSED => fatal.clone(),
            _ => error,
        }
    }

    /// As `do_send`, and keeps what the interceptors made of the record with its ticket.
    fn send_seen(self: &Arc<Self>, record: &Record<'_>, patience: &mut Patience<'_>) -> Result<()> {
        let result = self.do_send(record, patience);
        self.tickets.keep(patience.ticket(), record);
        result
    }

    pub(super) fn check_open(&self) -> Result<()> {
        if let Some(error) = self.shared.fatal() {
            return Err(error.clone());
        }
        match self.closed.load(Ordering::Acquire) {
            true => Err(closed()),
            false => Ok(()),
        }
    }

    fn do_send(self: &Arc<Self>, record: &Record<'_>, patience: &mut Patience<'_>) -> Result<()> {
        check_record(record)?;
        let mut in_hand: InHand = None;
        if let Patience::Ticket { place, fresh } = patience {
            self.check_open()?;
            *fresh = self.redeem(place, &mut in_hand)?;
        }
        let (last, way) = shortcut::take().map(Last::into_parts).unzip();
        let topic = match self.known_topic(record, last) {
            Some(topic) => topic,
            None => self.wait_on_metadata(record, patience)?,
        };
        let result = self.send_to(&topic, record, &mut in_hand, patience);
        shortcut::remember(Last::new(topic, &self.shared.accumulator.gate, way.flatten()));
        result
    }

    /// Sends what follows a record that was accepted just now, as far as it surely goes the same
    /// way and there is room for it: `more(n)` is the n-th, counted from 0. Says how many were
    /// accepted; those that have no timestamp share one. That others were not says nothing about
    /// them: they are to be sent next.
    pub fn send_more<'a>(
        &self,
        record: &Record<'_>,
        more: impl Fn(usize) -> Option<Record<'a>>,
    ) -> usize {
        if !self.interceptors.is_empty() || self.check_open().is_err() {
            return 0;
        }
        let (last, way) = shortcut::take().map(Last::into_parts).unzip();
        let Some(topic) = self.known_topic(record, last) else { return 0 };
        let choice = record.partition.map_or(Choice::Sticky, Choice::Fixed);
        let (index, sticky) = self.rules.place(&topic, choice);
        let sent = topic.partition(index).map_or(0, |partition| {
            let more = |n| match more(n) {
                Some(next) if n < RUN_MAX && self.joins(&next, record) => Some(next),
                _ => None,
            };
            let accumulator = &self.shared.accumulator;
            let timestamp = record.timestamp.unwrap_or_else(time::wall_ms);
            accumulator.append_more(&topic, partition, timestamp, sticky, more)
        });
        shortcut::remember(Last::new(topic, &self.shared.accumulator.gate, way.flatten()));
        sent
    }

    /// Whether a record surely goes where the one before it went, without anybody being asked.
    #[inline(always)]
    fn joins(&self, next: &Record<'_>, record: &Record<'_>) -> bool {
        let is_sticky = self.partitioner.is_none()
            && !self.rules.is_round_robin()
            && self.rules.by_key(next.key, 1).is_none();
        (record.partition.is_some() || is_sticky)
            && next.partition == record.partition
            && next.timestamp.is_some() == record.timestamp.is_some()
            && (std::ptr::eq(next.topic, record.topic) || next.topic == record.topic)
            && check_record(next).is_ok()
            && self.check_size(next).is_ok()
    }

    /// The topic, if it is known and has the partition that the record names; `last` is the one
    /// that this thread sent to last, of any producer.
    #[inline(always)]
    fn known_topic(&self, record: &Record<'_>, last: Option<Arc<Topic>>) -> Option<Arc<Topic>> {
        let topics = &self.shared.accumulator.topics;
        let last = last.filter(|topic| topics.owns(topic));
        let found = match last.filter(|topic| topic.name.is(record.topic.as_bytes())) {
            Some(topic) => topic,
            None => topics.view().get(record.topic)?.clone(),
        };
        (record.partition.unwrap_or(0) < found.partition_count()).then_some(found)
    }

    /// The steps after the topic is known.
    fn send_to(
        self: &Arc<Self>,
        topic: &Topic,
        record: &Record<'_>,
        in_hand: &mut InHand,
        patience: &mut Patience<'_>,
    ) -> Result<()> {
        topic.touch();
        let choice = self.partition(topic, record, topic.partition_count())?;
        self.check_size(record)?;
        let timestamp = record.timestamp.unwrap_or_else(time::wall_ms);
        let at_once = loop {
            let (index, sticky) = self.rules.place(topic, choice);
            let append = |partition| {
                let accumulator = &self.shared.accumulator;
                accumulator.append_at_once(topic, partition, record, timestamp, sticky)
            };
            match topic.partition(index).and_then(append) {
                // At most once for each partition, as its bytes count anew.
                Some(Append::PartitionChanged) => {}
                done => break done,
            }
        };
        match at_once {
            Some(Append::Done) => return Ok(()),
            Some(Append::NeedsBuffer) if in_hand.is_none() => {
                *in_hand = Some((self.reserve(record, patience)?, time::now()));
            }
            _ => {}
        }
        self.append(topic, choice, record, timestamp, in_hand, patience)
    }

    /// Appends the record whatever that needs.
    #[inline(never)]
    fn append(
        self: &Arc<Self>,
        topic: &Topic,
        choice: Choice,
        record: &Record<'_>,
        timestamp: i64,
        in_hand: &mut InHand,
        patience: &mut Patience<'_>,
    ) -> Result<()> {
        let accumulator = &self.shared.accumulator;
        loop {
            let (index, sticky) = self.rules.place(topic, choice);
            let Some(partition) = topic.partition(index) else {
                return Err(no_such_partition(record.topic, index, topic.partition_count()));
            };
            match accumulator.append(topic, partition, record, timestamp, sticky, in_hand)? {
                Append::Done => return Ok(()),
                Append::PartitionChanged => {}
                Append::NeedsBuffer => {
                    let buffer = self.reserve(record, patience)?;
                    *in_hand = Some((buffer, time::now()));
                }
            }
        }
    }

    /// The record's own partition, the application's choice, murmur2 of the key, or the sticky one.
    fn partition(&self, topic: &Topic, record: &Record<'_>, count: i32) -> Result<Choice> {
        if let Some(partition) = record.partition {
            return Ok(Choice::Fixed(partition));
        }
        if let Some(partitioner) = &self.partitioner
            && let Some(partition) = self.ask(partitioner.as_ref(), record, count)?
        {
            return Ok(Choice::Fixed(partition));
        }
        if self.rules.is_round_robin() {
            return Ok(Choice::Fixed(topic.next_in_turn(count)));
        }
        Ok(self.rules.by_key(record.key, count).map_or(Choice::Sticky, Choice::Fixed))
    }

    /// The partition that the application's partitioner chooses, if it does.
    #[inline(never)]
    fn ask(
        &self,
        partitioner: &dyn Partitioner,
        record: &Record<'_>,
        count: i32,
    ) -> Result<Option<i32>> {
        let _scope = CallbackScope::enter(self);
        let chosen = partitioner.partition(record.topic, record.key, record.value, count)?;
        match chosen {
            Some(partition) if partition < 0 || partition >= count => {
                let text = format!(
                    "the partitioner chose partition {partition} of topic {}, which has {count}",
                    record.topic
                );
                Err(Error::new(ErrorCode::PARTITIONER_FAILED, text))
            }
            chosen => Ok(chosen),
        }
    }

    /// Refuses a record that is too large.
    #[inline(always)]
    fn check_size(&self, record: &Record<'_>) -> Result<()> {
        if self.rules.surely_fit(record.key, record.value, record.headers) {
            return Ok(());
        }
        self.check_size_closely(record)
    }

    #[cold]
    #[inline(never)]
    fn check_size_closely(&self, record: &Record<'_>) -> Result<()> {
        let size = estimate_size_upper_bound(record.key, record.value, record.headers);
        let too_large = |limit: usize, key: &str| {
            let text = format!(
                "the record has {size} bytes when serialised, which is more than {key} ({limit})"
            );
            Err(Error::new(ErrorCode::MESSAGE_TOO_LARGE, text))
        };
        if size > self.config.max_request_size {
            return too_large(self.config.max_request_size, "max.request.size");
        }
        let pool = self.shared.accumulator.pool.total();
        if size > pool {
            return too_large(pool, "buffer.memory");
        }
        Ok(())
    }

    #[inline(never)]
    fn reserve(&self, record: &Record<'_>, patience: &mut Patience<'_>) -> Result<Buffer> {
        let size = estimate_size_upper_bound(record.key, record.value, record.headers);
        let size = size.max(self.config.batch_size);
        let pool = &self.shared.accumulator.pool;
        let mut number = 0;
        let is_ticket = matches!(patience, Patience::Ticket { .. });
        let reserved = pool.reserve(size, || {
            is_ticket.then(|| {
                let (id, on_ready) = self.tickets.number();
                number = id;
                on_ready
            })
        })?;
        let ticket = match reserved {
            Reserve::Granted(buffer) => {
                self.let_io_thread_work(patience);
                return Ok(buffer);
            }
            Reserve::Wait(ticket) => ticket,
        };
        self.shared.metrics.buffer_waits.add(1);
        // Memory that is short makes every batch ready.
        self.shared.accumulator.wakeup.demand(Instant(0));
        let deadline = match patience {
            Patience::Ticket { place, .. } => {
                return Err(self.hold(place, number, Awaited::Memory(ticket), record.topic));
            }
            Patience::Block(_) => patience.deadline(),
        };
        match ticket.wait(deadline) {
            Wait::Ready(grant) => {
                let buffer = pool.redeem(grant)?;
                self.let_io_thread_work(patience);
                Ok(buffer)
            }
            ended => {
                pool.cancel(&ticket);
                if matches!(ended, Wait::Interrupted) {
                    return Err(interrupted("memory"));
                }
                self.shared.metrics.buffer_exhausted.add(1);
                Err(self.exhausted())
            }
        }
    }

    /// Lets the I/O thread catch up if it is time: a send that may wait waits, another lets it have
    /// the core.
    fn let_io_thread_work(&self, patience: &mut Patience<'_>) {
        let accumulator = &self.shared.accumulator;
        let Some(most) = accumulator.pool.take_catch_up() else { return };
        let wait = || accumulator.wakeup.let_work(most, || accumulator.pool.is_caught_up());
        let has_waited = match patience {
            Patience::Block(limit) => limit.spend(most, wait),
            Patience::Ticket { .. } => false,
        };
        if !has_waited {
            sync::yield_now();
        }
    }

    pub(super) fn exhausted(&self) -> Error {
        let pool = &self.shared.accumulator.pool;
        let text = format!(
            "no buffer memory in time: {} of {} bytes (buffer.memory) are in batches that the \
             brokers have not acknowledged, and {} other send(s) wait",
            pool.total() - pool.available(),
            pool.total(),
            pool.queued()
        );
        Error::new(ErrorCode::BUFFER_EXHAUSTED, text)
    }
}

impl Patience<'_> {
    /// The number of the ticket in hand; 0 is none.
    fn ticket(&self) -> u64 {
        match self {
            Patience::Block(_) => 0,
            Patience::Ticket { place, .. } => **place,
        }
    }

    pub(super) fn deadline(&mut self) -> Instant {
        match self {
            Patience::Block(limit) => {
                let timeout = limit.timeout;
                let until = || timeout.map_or(Instant::NEVER, |timeout| time::now() + timeout);
                *limit.deadline.get_or_insert_with(until)
            }
            Patience::Ticket { .. } => Instant(0),
        }
    }
}

pub(super) fn interrupted(what: &str) -> Error {
    Error::new(ErrorCode::INTERRUPTED, format!("the wait for {what} was interrupted"))
}

pub(super) fn no_such_partition(topic: &str, partition: i32, count: i32) -> Error {
    let text = format!("topic {topic} has no partition {partition}: it has {count}, from 0");
    Error::new(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, text)
}

fn check_record(record: &Record<'_>) -> Result<()> {
    if let Some(partition @ ..0) = record.partition {
        let text = format!("partition {partition} is negative; leave it open to have one chosen");
        return Err(Error::new(ErrorCode::INVALID_ARGUMENT, text));
    }
    if let Some(timestamp @ ..0) = record.timestamp {
        let text = format!(
            "timestamp {timestamp} is negative; it counts milliseconds since 1970-01-01 UTC"
        );
        return Err(Error::new(ErrorCode::INVALID_ARGUMENT, text));
    }
    Ok(())
}
