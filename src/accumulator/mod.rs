//! RecordAccumulator: batches per partition, from the threads that send to the one that sends on.
//!
//! The sending side is here: `append` under the partition's own lock. The other side, which batch
//! goes out when, belongs to one thread and lives with the Sender; what it needs to know comes
//! through `listed`: the partitions that got a first batch or a full one since it last looked.

mod batch;
mod buffer_pool;
mod built_in_partitioner;
mod compression;
mod gate;
mod incomplete;
mod split;
mod topic;
mod wakeup;

use crate::sync::atomic::{AtomicIsize, AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

pub use batch::{
    BatchId, ProducerBatch, ProducerStamp, Reporting, TryAppend, UsualRecord, sequence_after,
};
pub use buffer_pool::{Buffer, BufferPool, Grant, Reserve};
pub use built_in_partitioner::Lane;
#[cfg(feature = "simulation")]
pub use compression::Worker;
pub use compression::Workers;
pub use gate::Gate;
pub use incomplete::{Completion, IncompleteBatches};
pub use topic::{Deque, PartitionQueue, Topic, Topics};
pub use wakeup::{Demand, Sleep, Wakeup};

use crate::compression::Compression;
use crate::error::{Error, ErrorCode, Result};
use crate::record::Record;
use crate::report::ReportQueue;
use crate::sync::{Mutex, MutexGuard};
use crate::time::Instant;

/// What the accumulator needs of the configuration.
#[derive(Clone, Debug)]
pub struct AccumulatorConfig {
    /// `batch.size`, bytes.
    pub batch_size: usize,
    /// `linger.ms`.
    pub linger: Duration,
    /// `buffer.memory`, bytes.
    pub buffer_memory: usize,
    /// `partitioner.adaptive.partitioning.enable`.
    pub adaptive: bool,
    /// `delivery.report.mode` and `delivery.report.timestamp`.
    pub reporting: Reporting,
    /// `compression.type` and its level.
    pub compression: Compression,
}

/// With so many bytes in batches that take no more records a request is large enough: the sender
/// is woken from a light sleep, too.
pub const ENOUGH: usize = 128 << 10;

/// What `append` did.
#[derive(Debug, PartialEq, Eq)]
pub enum Append {
    /// The record is in; the sender has been told if it must act.
    Done,
    /// There is no batch with room: come again with a buffer.
    NeedsBuffer,
    /// The sticky partition changed: choose again.
    PartitionChanged,
}

/// See the file's comment.
pub struct RecordAccumulator {
    config: AccumulatorConfig,
    /// Topics and partitions.
    pub topics: Topics,
    /// The memory.
    pub pool: Arc<BufferPool>,
    /// Where reports go.
    pub reports: Arc<ReportQueue>,
    /// Batches that are not yet reported.
    pub incomplete: IncompleteBatches,
    /// Wakes the sender.
    pub wakeup: Wakeup,
    listed: Mutex<Vec<Arc<PartitionQueue>>>,
    jobs: compression::Jobs,
    /// Batches below this mark are being flushed.
    flush_below: AtomicU64,
    /// Whether and how records are taken.
    pub gate: Arc<Gate>,
    /// The number of batches that wait and take no more records.
    ready: AtomicIsize,
}

impl RecordAccumulator {
    /// An empty one.
    pub fn new(config: AccumulatorConfig, reports: Arc<ReportQueue>) -> RecordAccumulator {
        let gate = Arc::new(Gate::new(config.batch_size, config.reporting));
        RecordAccumulator {
            pool: BufferPool::new(config.buffer_memory, config.batch_size),
            jobs: compression::Jobs::default(),
            config,
            topics: Topics::default(),
            reports,
            incomplete: IncompleteBatches::default(),
            wakeup: Wakeup::default(),
            listed: Mutex::default(),
            flush_below: AtomicU64::new(0),
            gate,
            ready: AtomicIsize::new(0),
        }
    }

    /// Appends to the partition's last batch, or to a new one made of `buffer` (taken if used).
    ///
    /// `sticky` says that the partition was the partitioner's choice, which may have changed, and
    /// for which lane.
    pub fn append(
        &self,
        topic: &Topic,
        partition: &Arc<PartitionQueue>,
        record: &Record<'_>,
        timestamp: i64,
        sticky: Option<Lane>,
        buffer: &mut Option<(Buffer, Instant)>,
    ) -> Result<Append> {
        let mut guard = match partition.try_lock() {
            Some(guard) => guard,
            None if sticky.is_some_and(|lane| topic.partitioner.keep_apart(lane)) => {
                return Ok(Append::PartitionChanged);
            }
            None => partition.lock(),
        };
        let deque = &mut *guard;
        if self.gate.is_closed() {
            return Err(Error::new(ErrorCode::CLOSED, "the producer is closed"));
        }
        if sticky.is_some_and(|lane| self.partition_changed(topic, partition, deque, lane)) {
            return Ok(Append::PartitionChanged);
        }
        match self.append_to_last(deque, record, timestamp, buffer) {
            TryAppend::Done { grown, full } => {
                self.count(topic, partition, deque, sticky, grown, full);
                if full {
                    self.filled(partition, deque);
                }
                self.unlock(guard);
                Ok(Append::Done)
            }
            TryAppend::ReportsFull => Err(reports_full()),
            TryAppend::NeedsBuffer => Ok(Append::NeedsBuffer),
            TryAppend::NoRoom if self.leaves_full(topic, partition, deque, sticky) => {
                self.unlock(guard);
                Ok(Append::PartitionChanged)
            }
            TryAppend::NoRoom => match buffer.take() {
                None => Ok(Append::NeedsBuffer),
                Some(buffer) => {
                    let (grown, full) =
                        self.append_to_new(partition, deque, record, timestamp, buffer)?;
                    self.count(topic, partition, deque, sticky, grown, full);
                    self.tell(partition, deque, true, full);
                    self.unlock(guard);
                    Ok(Append::Done)
                }
            },
        }
    }

    /// Appends to the partition's last batch, if that needs nothing else. `None` where `append` is
    /// to find out why not.
    #[inline(always)]
    pub fn append_at_once(
        &self,
        topic: &Topic,
        partition: &Arc<PartitionQueue>,
        record: &Record<'_>,
        timestamp: i64,
        sticky: Option<Lane>,
    ) -> Option<Append> {
        let mut guard = topic.try_lock(partition, sticky)?;
        let done = self.append_next(topic, partition, &mut guard, record, timestamp, sticky);
        self.unlock(guard);
        done
    }

    /// Appends to the partition's last batch what follows a record that was appended just now, as
    /// far as there is room: `more(n)` is the n-th record, if it goes the same way. Says how many
    /// were appended.
    #[inline]
    pub fn append_more<'a>(
        &self,
        topic: &Topic,
        partition: &Arc<PartitionQueue>,
        timestamp: i64,
        sticky: Option<Lane>,
        more: impl Fn(usize) -> Option<Record<'a>>,
    ) -> usize {
        let Some(mut guard) = partition.try_lock() else { return 0 };
        let mut count = 0;
        while let Some(record) = more(count) {
            let timestamp = record.timestamp.unwrap_or(timestamp);
            match self.append_next(topic, partition, &mut guard, &record, timestamp, sticky) {
                Some(Append::Done) => count += 1,
                _ => break,
            }
        }
        self.unlock(guard);
        count
    }

    /// Leaves the lock of a partition, and only then wakes the sender if it must be: it would wait
    /// for the lock.
    #[inline(always)]
    fn unlock(&self, guard: MutexGuard<'_, Deque>) {
        if guard.demand.is_some() {
            self.unlock_and_wake(guard);
        }
    }

    #[cold]
    fn unlock_and_wake(&self, mut guard: MutexGuard<'_, Deque>) {
        let demand = guard.demand.take();
        drop(guard);
        demand.into_iter().for_each(|demand| self.wakeup.answer(demand));
    }

    /// Appends a record to the last batch, if that needs nothing else, as a usual one if it is.
    #[inline(always)]
    fn append_next(
        &self,
        topic: &Topic,
        partition: &Arc<PartitionQueue>,
        deque: &mut Deque,
        record: &Record<'_>,
        timestamp: i64,
        sticky: Option<Lane>,
    ) -> Option<Append> {
        let Record { key, value, headers, opaque, no_report, .. } = *record;
        let usual = UsualRecord { key, value, headers, opaque };
        if !no_report
            && self.gate.append_usual_to(topic, partition, deque, &usual, timestamp, sticky)
        {
            return Some(Append::Done);
        }
        self.append_unusual(topic, partition, deque, record, timestamp, sticky)
    }

    #[inline(never)]
    fn append_unusual(
        &self,
        topic: &Topic,
        partition: &Arc<PartitionQueue>,
        deque: &mut Deque,
        record: &Record<'_>,
        timestamp: i64,
        sticky: Option<Lane>,
    ) -> Option<Append> {
        if self.gate.is_closed()
            || sticky.is_some_and(|lane| self.partition_changed(topic, partition, deque, lane))
        {
            return None;
        }
        let Some(batch) = self.gate.last_open(deque) else { return Some(Append::NeedsBuffer) };
        match batch.try_append(record, timestamp, self.config.reporting, &self.reports) {
            TryAppend::Done { grown, full } => {
                self.count(topic, partition, deque, sticky, grown, full);
                if full {
                    self.filled(partition, deque);
                }
                Some(Append::Done)
            }
            TryAppend::NoRoom if self.leaves_full(topic, partition, deque, sticky) => {
                Some(Append::PartitionChanged)
            }
            TryAppend::NoRoom | TryAppend::NeedsBuffer => Some(Append::NeedsBuffer),
            TryAppend::ReportsFull => None,
        }
    }

    /// Begins a batch with the record, and seals the one before it. Returns the new one's size and
    /// whether it is full.
    #[inline(never)]
    fn append_to_new(
        &self,
        partition: &Arc<PartitionQueue>,
        deque: &mut Deque,
        record: &Record<'_>,
        timestamp: i64,
        (buffer, now): (Buffer, Instant),
    ) -> Result<(usize, bool)> {
        if let Some(last) = deque.batches.back_mut() {
            self.seal(partition, last);
        }
        let estimate = self.compresses().then(|| partition.ratio.get());
        let mut batch = ProducerBatch::new(now, buffer, self.reports.slots(), estimate);
        let TryAppend::Done { grown, full } =
            batch.try_append(record, timestamp, self.config.reporting, &self.reports)
        else {
            return Err(reports_full()); // The first record always fits.
        };
        // It counts from now on, and not before: one that never was would hold up a close.
        batch.id.number = self.incomplete.begin();
        deque.batches.push_back(batch);
        partition.seen.store(true, Ordering::Relaxed);
        self.publish(partition, deque);
        Ok((grown, full))
    }

    fn append_to_last(
        &self,
        deque: &mut Deque,
        record: &Record<'_>,
        at: i64,
        buffer: &mut Option<(Buffer, Instant)>,
    ) -> TryAppend {
        let Some(batch) = self.gate.last_open(deque) else { return TryAppend::NoRoom };
        loop {
            match batch.try_append(record, at, self.config.reporting, &self.reports) {
                TryAppend::NeedsBuffer => match buffer.take() {
                    Some((buffer, _)) => batch.extend(buffer),
                    None => return TryAppend::NeedsBuffer,
                },
                done => return done,
            }
        }
    }

    /// Counts the bytes of a record, and switches the sticky partition when it is time.
    #[inline(always)]
    fn count(
        &self,
        topic: &Topic,
        partition: &PartitionQueue,
        deque: &mut Deque,
        sticky: Option<Lane>,
        grown: usize,
        last_is_full: bool,
    ) {
        let Some(lane) = sticky else { return };
        deque.sticky_bytes += grown;
        let enough = self.config.batch_size;
        if deque.sticky_bytes >= enough && (last_is_full || deque.sticky_bytes >= 2 * enough) {
            deque.sticky_bytes = 0;
            topic.partitioner.switch(topic, self.config.adaptive, lane, partition.partition);
        }
    }

    /// Leaves the sticky partition whose last batch has no room for a record, if with the room that
    /// is left over the partition has got enough. To begin another batch there first, as Java does,
    /// would leave it with a record or two.
    fn leaves_full(
        &self,
        topic: &Topic,
        partition: &Arc<PartitionQueue>,
        deque: &mut Deque,
        sticky: Option<Lane>,
    ) -> bool {
        let (Some(lane), enough) = (sticky, self.config.batch_size) else { return false };
        let went_there = deque.sticky_bytes;
        // One that was sealed because its time had come is no reason.
        let Some(last) = self.gate.last_open(deque).filter(|last| last.is_open()) else {
            return false;
        };
        let left_over = enough.saturating_sub(last.size());
        let has_enough = went_there > 0 && went_there + left_over >= enough;
        if !has_enough || topic.partition_count() == 1 {
            return false;
        }
        // So it counts as full, and does not linger.
        self.seal(partition, last);
        self.filled(partition, deque);
        deque.sticky_bytes = 0;
        topic.partitioner.switch(topic, self.config.adaptive, lane, partition.partition);
        true
    }

    /// The last batch became full.
    fn filled(&self, partition: &Arc<PartitionQueue>, deque: &mut Deque) {
        self.tell(partition, deque, false, true);
        self.publish(partition, deque);
    }

    /// Has the sender be told of a new batch or of one that became full, if it is news.
    fn tell(
        &self,
        partition: &Arc<PartitionQueue>,
        deque: &mut Deque,
        new_batch: bool,
        last_is_full: bool,
    ) {
        // Only what changes the sender's mind is told: the first batch of an idle partition, and
        // its first full one. Behind a full batch nothing is news until that one is drained.
        let waiting = deque.batches.len();
        if waiting > if new_batch { 2 } else { 1 } {
            return;
        }
        let full = waiting > 1 || last_is_full;
        self.list(partition, deque);
        deque.demand(match deque.batches.front() {
            _ if self.flushing() => Demand::By(Instant(0)),
            Some(batch) if !full => Demand::By(batch.created + self.config.linger),
            _ => Demand::Soon,
        });
    }

    #[inline(always)]
    fn partition_changed(
        &self,
        topic: &Topic,
        partition: &PartitionQueue,
        deque: &mut Deque,
        lane: Lane,
    ) -> bool {
        if !topic.partitioner.is_current(lane, partition.partition) {
            return true;
        }
        // A switch that was put off, as the batch was not full, is due once nothing is open.
        if deque.sticky_bytes < self.config.batch_size
            || deque.batches.back().is_some_and(|batch| !batch.is_full())
        {
            return false;
        }
        deque.sticky_bytes = 0;
        topic.partitioner.switch(topic, self.config.adaptive, lane, partition.partition);
        true
    }

    /// `batch.size`, bytes.
    pub fn batch_size(&self) -> usize {
        self.config.batch_size
    }

    /// The partitions that got a first or a full batch since the last call.
    pub fn take_listed(&self, into: &mut Vec<Arc<PartitionQueue>>) {
        into.append(&mut self.listed.lock());
    }

    /// Whether a partition waits to be looked at.
    pub fn has_listed(&self) -> bool {
        !self.listed.lock().is_empty()
    }

    /// Takes the oldest batch of a partition to be sent, if it need not be compressed first.
    pub fn pop(&self, partition: &Arc<PartitionQueue>) -> Option<ProducerBatch> {
        let mut deque = partition.lock();
        if self.compresses() && !self.seal_front(partition, &mut deque) {
            return None;
        }
        let mut batch = self.take_front(partition, &mut deque)?;
        // The checksum of a batch that was still open is computed outside the lock.
        drop(deque);
        self.seal(partition, &mut batch);
        Some(batch)
    }

    /// Takes the oldest batch of a partition to be reported as it is, which is not sent any more.
    pub fn pop_unsent(&self, partition: &Arc<PartitionQueue>) -> Option<ProducerBatch> {
        let mut batch = self.take_front(partition, &mut partition.lock())?;
        batch.give_back_slots(&self.reports);
        Some(batch)
    }

    /// Takes the oldest batch, which from now on knows where its records go if a panic drops it.
    fn take_front(
        &self,
        partition: &Arc<PartitionQueue>,
        deque: &mut Deque,
    ) -> Option<ProducerBatch> {
        let mut batch = deque.batches.pop_front()?;
        batch.home = Some(partition.clone());
        self.publish(partition, deque);
        Some(batch)
    }

    /// About how many bytes wait in batches that take no more records.
    pub fn ready_bytes(&self) -> usize {
        self.bytes_of(self.ready.load(Ordering::Relaxed))
    }

    fn bytes_of(&self, batches: isize) -> usize {
        batches.unsigned_abs() * self.config.batch_size
    }

    /// Publishes what waits in a partition, and has the sender be woken where that makes it enough
    /// for one more request.
    fn publish(&self, partition: &PartitionQueue, deque: &mut Deque) {
        let more = partition.publish(deque);
        if more == 0 {
            return;
        }
        let before = self.ready.fetch_add(more, Ordering::Relaxed);
        let requests = |ready: isize| self.bytes_of(ready) / ENOUGH;
        if requests(before + more) > requests(before) {
            deque.demand(Demand::Enough);
        }
    }

    /// Has no batch that is here now take records that come after this. Returns the mark below
    /// which they are.
    pub fn end_batches(&self) -> u64 {
        let below = self.incomplete.mark();
        self.gate.end_batches(below);
        below
    }

    /// Splits a sealed batch into pieces of at most `size_max` bytes, as far as single records
    /// allow. A flush that waits for the batch now waits for the pieces.
    pub fn split(&self, batch: ProducerBatch, size_max: usize) -> Vec<ProducerBatch> {
        let number = batch.id.number;
        let pieces = batch.split(size_max);
        self.incomplete.split(number, pieces.len());
        pieces
    }

    /// Counts a batch that a test makes up.
    #[cfg(all(test, feature = "shuttle"))]
    pub(crate) fn start_batch(&self) -> BatchId {
        BatchId { number: self.incomplete.begin(), first_record: 0 }
    }

    /// Makes every batch ready until those that are here now are reported, even if nobody waits
    /// for that. Returns the mark below which they are.
    pub fn flush(&self) -> u64 {
        let below = self.incomplete.mark();
        self.flush_below.fetch_max(below, Ordering::SeqCst);
        self.wakeup.demand(Instant(0));
        below
    }

    /// Whether a batch that is to be flushed is not yet reported.
    pub fn flushing(&self) -> bool {
        let below = self.flush_below.load(Ordering::SeqCst);
        below > 0 && !self.incomplete.is_below(below)
    }

    /// Batches were reported; their reports are in the queue already.
    ///
    /// Whoever flushes and serves callbacks watches the queue of reports, may have seen the last
    /// of them there before the batches counted as reported, and is told now. What is flushed is
    /// looked at after they count: who asks later than that finds them done.
    pub fn complete(&self, ids: &[BatchId]) {
        self.incomplete.remove(ids.iter().copied());
        let below = self.flush_below.load(Ordering::SeqCst);
        if self.is_closed() || ids.iter().any(|id| id.number < below) {
            self.reports.nudge();
        }
    }

    /// Takes no more records; those who wait for memory get an error.
    pub fn close(&self) {
        self.gate.close();
        self.pool.close();
        self.wakeup.demand(Instant(0));
    }

    /// After a close: waits for appends that had begun. No batch comes after this, as a thread that
    /// takes a partition's lock later sees the close.
    pub fn wait_for_appends(&self) {
        for topic in self.topics.view().iter() {
            topic.partitions().for_each(|queue| drop(queue.lock()));
        }
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.gate.is_closed()
    }
}

fn reports_full() -> Error {
    let text = "too many delivery reports are unread, or wait for an earlier batch of their \
                partition: read them (or poll), raise delivery.report.queue.max, or send without \
                a report";
    Error::new(ErrorCode::REPORTS_FULL, text)
}

#[cfg(test)]
mod tests;
