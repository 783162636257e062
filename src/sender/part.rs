//! One partition as the Sender sees it: what waits, what is in flight, what may go out next.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::transaction_manager::sequence_before;
use crate::accumulator::{BatchId, PartitionQueue, ProducerBatch, ProducerStamp, sequence_after};
use crate::error::Error;
use crate::time::Instant;
use crate::wire::Uuid;

/// The log of a partition, as far as a producer can tell it from another: a topic that was deleted
/// and made again has a new one, and a new leader's may be shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogOf {
    /// The topic's; all zero where the broker is too old to tell.
    pub topic_id: Uuid,
    /// The leader's epoch; -1 if it is not known.
    pub leader_epoch: i32,
}

impl LogOf {
    /// Nothing is known of the partition.
    pub const UNKNOWN: LogOf = LogOf { topic_id: Uuid::ZERO, leader_epoch: -1 };
}

/// Where the batches of a partition go.
#[derive(Clone, Copy, Debug)]
pub struct Location {
    /// The broker, if it is known and has an address.
    pub leader: Option<i32>,
    /// The log.
    pub log: LogOf,
}

/// Whether these are surely two topics; one whose id is not known may be any.
pub fn is_another_topic(one: Uuid, other: Uuid) -> bool {
    !one.is_zero() && !other.is_zero() && one != other
}

/// A batch that is in a request.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// The request.
    pub request: u64,
    /// The batch.
    pub batch_id: BatchId,
    /// When its first record came.
    pub created: Instant,
    /// Its sequence; `None` without idempotence.
    pub sequence: Option<i32>,
}

/// See the file's comment. Owned by the I/O thread.
pub struct Part {
    /// The side that takes records.
    pub queue: Arc<PartitionQueue>,
    /// Batches that failed and are to be sent again, in the order of their sequences.
    pub retries: VecDeque<ProducerBatch>,
    /// Batches in requests that are not answered and not reported.
    pub in_flight: Vec<Sent>,
    /// No retry before this, unless there is a newer leader.
    pub backoff_until: Instant,
    /// The log that the last batch was sent for.
    pub sent_to: LogOf,
    /// Where its batches go, as found in metadata of that version.
    pub located: Option<(u64, Location)>,
    /// What the broker last said of the partition, for reasons.
    pub last_error: Option<Error>,
    /// The sequence of the next new batch.
    pub next_sequence: i32,
    /// At most so large are the pieces of a batch that the broker finds too large: half of the
    /// smallest that it refused.
    pub split_size_max: usize,
    /// Whether a sequence was lost in this epoch, so that the broker takes no later one.
    pub gap: bool,
    /// Whether the broker acknowledged a batch under this producer id and epoch, in the log that
    /// the last one was sent for. Before that one request is in flight at most: if a first batch
    /// is refused and a second is taken, the broker, which had no state, would hide the loss.
    pub acknowledged: bool,
    /// When the oldest batch in the queue was made, as last seen.
    pub front_created: Option<Instant>,
    /// When the schedule looks at it again.
    pub timer: Option<Instant>,
    /// The broker in whose line it stands.
    pub in_line: Option<i32>,
    /// Whether it waits for a leader.
    pub leaderless: bool,
}

impl Part {
    /// Nothing known yet.
    pub fn new(queue: Arc<PartitionQueue>) -> Part {
        Part {
            queue,
            retries: VecDeque::new(),
            in_flight: Vec::new(),
            backoff_until: Instant(0),
            sent_to: LogOf::UNKNOWN,
            located: None,
            last_error: None,
            next_sequence: 0,
            split_size_max: usize::MAX,
            gap: false,
            acknowledged: false,
            front_created: None,
            timer: None,
            in_line: None,
            leaderless: false,
        }
    }

    /// When the first of its batches reaches `delivery.timeout.ms`.
    pub fn expires_at(&self, delivery_timeout: Duration) -> Instant {
        let sent = self.in_flight.iter().map(|sent| sent.created).min();
        let retry = self.retries.iter().map(|batch| batch.created).min();
        let first = [sent, retry, self.front_created].into_iter().flatten().min();
        first.map_or(Instant::NEVER, |created| created + delivery_timeout)
    }

    /// The first of its batches that were sent and are not done. What is done after it is reported
    /// after it.
    pub fn first_open(&self) -> Option<BatchId> {
        let sent = self.in_flight.iter().map(|sent| sent.batch_id);
        sent.chain(self.retries.iter().map(|batch| batch.id)).min()
    }

    /// Whether a batch that may have been appended could still be answered or retried.
    pub fn in_doubt(&self) -> bool {
        !self.in_flight.is_empty() || self.retries.iter().any(|batch| batch.maybe_appended)
    }

    /// The retry that may go out next. Behind a gap that is one in doubt, which the broker may
    /// have; the others wait for the next epoch.
    pub fn next_retry(&self) -> Option<usize> {
        self.retries.iter().position(|batch| !self.gap || batch.maybe_appended)
    }

    /// A retry that may be in the log of a topic that was deleted, where `topic_id` is the one that
    /// was made in its place, and that would overtake others behind a gap. The new log knows no
    /// sequences of this producer, so that it would take any of them for its first.
    pub fn stranded(&self, topic_id: Uuid) -> Option<usize> {
        let place = self.next_retry().filter(|place| *place > 0)?;
        is_another_topic(self.retries.get(place)?.topic_id, topic_id).then_some(place)
    }

    /// Whether a batch with an earlier sequence is in flight or waits to be retried.
    pub fn has_earlier(&self, sequence: i32) -> bool {
        let sent = self.in_flight.iter().filter_map(|sent| sent.sequence);
        let retries = self.retries.iter().filter_map(|batch| batch.producer);
        sent.chain(retries.map(|stamp| stamp.sequence))
            .any(|other| sequence_before(other, sequence))
    }

    /// Puts a batch back to be sent again; the order of sequences is kept.
    pub fn reenqueue(&mut self, batch: ProducerBatch) {
        let before = |other: &ProducerBatch| match (other.producer, batch.producer) {
            (Some(a), Some(b)) => sequence_before(a.sequence, b.sequence),
            _ => other.id < batch.id,
        };
        let place = self.retries.iter().take_while(|other| before(other)).count();
        self.retries.insert(place, batch);
    }

    /// Gives a batch its sequence.
    pub fn stamp(&mut self, batch: &mut ProducerBatch, producer_id: i64, epoch: i16) {
        let sequence = self.next_sequence;
        batch.producer = Some(ProducerStamp { id: producer_id, epoch, sequence });
        self.next_sequence = sequence_after(sequence, batch.record_count);
    }

    /// Takes a sequence back if nothing was numbered after it. False leaves a gap.
    pub fn take_back(&mut self, batch: &ProducerBatch) -> bool {
        let Some(stamp) = batch.producer else { return true };
        if sequence_after(stamp.sequence, batch.record_count) != self.next_sequence {
            return false;
        }
        self.next_sequence = stamp.sequence;
        true
    }

    /// Starts sequences at 0 under a new epoch. What waits to be retried is numbered anew; none
    /// of it may be in the log.
    pub fn reset_sequences(&mut self) {
        self.next_sequence = 0;
        self.gap = false;
        self.acknowledged = false;
        self.retries.iter_mut().for_each(|batch| batch.producer = None);
    }

    /// Whether there is anything left of it.
    pub fn is_idle(&self) -> bool {
        self.front_created.is_none() && self.retries.is_empty() && self.in_flight.is_empty()
    }
}
