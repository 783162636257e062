//! Gate: whether records are taken, and the way in for those that are like most.
//!
//! It is apart from the accumulator so that a thread can keep it for its next record (the
//! producer's `shortcut.rs`) without keeping anything else alive: not the buffers, the reports or
//! the event fd of a producer that was freed meanwhile.

use super::batch::{ProducerBatch, Reporting, UsualRecord};
use super::built_in_partitioner::Lane;
use super::topic::{Deque, PartitionQueue, Topic};
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// See the file's comment.
pub struct Gate {
    batch_size: usize,
    reporting: Reporting,
    closed: AtomicBool,
    /// Batches below this mark take no more records.
    ended_below: AtomicU64,
}

impl Gate {
    /// An open one.
    pub fn new(batch_size: usize, reporting: Reporting) -> Gate {
        let (closed, ended_below) = (AtomicBool::new(false), AtomicU64::new(0));
        Gate { batch_size, reporting, closed, ended_below }
    }

    /// Takes no more records. A thread that has a partition's lock may be about to append.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Whether it was closed.
    #[inline(always)]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Has batches below a mark take no more records.
    pub fn end_batches(&self, below: u64) {
        self.ended_below.fetch_max(below, Ordering::SeqCst);
    }

    /// The batch that takes records now.
    #[inline(always)]
    pub fn last_open<'a>(&self, deque: &'a mut Deque) -> Option<&'a mut ProducerBatch> {
        let ended = self.ended_below.load(Ordering::Acquire);
        deque.batches.back_mut().filter(|batch| batch.id.number >= ended)
    }

    /// Appends a usual record to the partition's last batch, if that needs nothing else and has no
    /// consequences: nothing becomes full and the sticky partition stays. If not, nothing has
    /// happened.
    #[inline(always)]
    pub fn append_usual(
        &self,
        topic: &Topic,
        partition: &PartitionQueue,
        record: &UsualRecord<'_>,
        timestamp: i64,
        sticky: Option<Lane>,
    ) -> bool {
        let Some(mut guard) = topic.try_lock(partition, sticky) else { return false };
        self.append_usual_to(topic, partition, &mut guard, record, timestamp, sticky)
    }

    /// As `append_usual`, of a partition whose lock is held.
    #[inline(always)]
    pub fn append_usual_to(
        &self,
        topic: &Topic,
        partition: &PartitionQueue,
        deque: &mut Deque,
        record: &UsualRecord<'_>,
        timestamp: i64,
        sticky: Option<Lane>,
    ) -> bool {
        let below = match sticky {
            None => usize::MAX,
            Some(lane) if topic.partitioner.is_current(lane, partition.partition) => {
                (2 * self.batch_size).saturating_sub(deque.sticky_bytes)
            }
            Some(_) => return false,
        };
        if self.is_closed() {
            return false;
        }
        let batch = self.last_open(deque);
        let grown = batch.and_then(|b| b.append_usual(record, timestamp, self.reporting, below));
        let Some(grown) = grown else { return false };
        if sticky.is_some() {
            deque.sticky_bytes += grown;
        }
        true
    }
}
