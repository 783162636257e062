//! Compressing batches: jobs for a fixed number of workers, never on the I/O thread.
//!
//! A batch that is ready is sealed, and its buffers go to a worker while the batch keeps its place
//! in the queue. The worker compresses into memory of its own, copies the result back into the
//! batch's first buffer and gives the others back to the pool, so an exhausted pool cannot hold it
//! up. Then the partition is listed, as if the batch had just become ready.
//!
//! Without workers, batches are compressed by whoever seals them, as in tests where everything
//! happens in one thread; the simulator lets a worker without a thread take its steps.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::{BatchId, Buffer, Deque, PartitionQueue, ProducerBatch, RecordAccumulator};
use crate::compression::{CompressionType, Compressor};
use crate::error::{Error, ErrorCode, Result};
use crate::sync::{self, Mutex};
use crate::time::{self, Instant};

/// For so long at most a worker that has more to do keeps to itself that a batch is done: the I/O
/// thread is woken once for several, and they go out in one request.
const UNTOLD_MAX: Duration = Duration::from_millis(1);

/// A batch whose records wait to be compressed.
pub(super) struct Job {
    partition: Arc<PartitionQueue>,
    batch_id: BatchId,
    buffers: Vec<Buffer>,
}

/// Where jobs go; `None` without workers.
pub(super) type Jobs = Mutex<Option<Sender<Job>>>;

/// The threads of a producer that compress, and a channel that ends with the last of them.
pub struct Workers {
    threads: Vec<JoinHandle<()>>,
    ended: Receiver<()>,
}

impl Workers {
    /// Starts `count` threads for the batches of the accumulator in `owner`; none if it does not
    /// compress.
    pub fn start<T>(owner: &Arc<T>, count: usize) -> Result<Workers>
    where
        T: AsRef<RecordAccumulator> + Send + Sync + 'static,
    {
        let accumulator: &RecordAccumulator = T::as_ref(owner);
        let (end, ended) = crossbeam_channel::bounded(0);
        let mut workers = Workers { threads: Vec::new(), ended };
        if !accumulator.compresses() {
            return Ok(workers);
        }
        let (sender, jobs) = crossbeam_channel::unbounded();
        for index in 0..count {
            let (owner, end) = (owner.clone(), end.clone());
            let started = Worker::new(accumulator, jobs.clone()).and_then(|worker| {
                let run = move || {
                    let _end: Sender<()> = end;
                    worker.run(T::as_ref(&owner));
                };
                sync::spawn(format!("ottla-compress-{index}"), run).map_err(|error| {
                    let text = format!("no thread for compression can be started: {error}");
                    Error::new(ErrorCode::INTERNAL, text)
                })
            });
            match started {
                Ok(thread) => workers.threads.push(thread),
                Err(error) => {
                    drop(sender);
                    workers.join(accumulator, None);
                    return Err(error);
                }
            }
        }
        *accumulator.jobs.lock() = Some(sender);
        Ok(workers)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.threads.is_empty()
    }

    /// Ends the threads, after what they have got. False if one is still at a batch after `limit`:
    /// it ends when it is through with it.
    pub fn join(self, accumulator: &RecordAccumulator, limit: Option<Duration>) -> bool {
        accumulator.jobs.lock().take();
        let late = limit
            .is_some_and(|limit| self.ended.recv_timeout(limit) == Err(RecvTimeoutError::Timeout));
        if !late {
            self.threads.into_iter().for_each(|thread| drop(thread.join()));
        }
        !late
    }
}

/// One that compresses: each thread has one, and the simulator one for each of its producers.
pub struct Worker {
    compressor: Compressor,
    scratch: Vec<u8>,
    jobs: Receiver<Job>,
    /// Whether a batch is done that the I/O thread was not told of.
    untold: bool,
}

impl Worker {
    fn new(accumulator: &RecordAccumulator, jobs: Receiver<Job>) -> Result<Worker> {
        let compressor = Compressor::new(accumulator.config.compression)?;
        Ok(Worker { compressor, scratch: Vec::new(), jobs, untold: false })
    }

    /// One without a thread: batches wait for its `step`.
    #[cfg(feature = "simulation")]
    pub fn without_thread(accumulator: &RecordAccumulator) -> Result<Worker> {
        let (sender, jobs) = crossbeam_channel::unbounded();
        let worker = Worker::new(accumulator, jobs)?;
        *accumulator.jobs.lock() = Some(sender);
        Ok(worker)
    }

    /// Whether a batch waits for it.
    #[cfg(feature = "simulation")]
    pub fn has_work(&self) -> bool {
        !self.jobs.is_empty()
    }

    /// Takes the next batch that waits; false if nobody wants it any more. `alter` may plant a bug
    /// in what it makes.
    #[cfg(feature = "simulation")]
    pub fn step(&mut self, accumulator: &RecordAccumulator, alter: impl Fn(&mut Vec<u8>)) -> bool {
        let done = self.jobs.try_recv().is_ok_and(|job| self.compress(accumulator, job, alter));
        self.tell(accumulator);
        done
    }

    fn run(mut self, accumulator: &RecordAccumulator) {
        // When the oldest of what is untold was done, and how long a byte takes.
        let (mut since, mut byte_nanos) = (Instant(0), f64::INFINITY);
        loop {
            let job = self.jobs.try_recv().or_else(|_| {
                self.tell(accumulator);
                self.jobs.recv()
            });
            let Ok(job) = job else { return };
            let begun = time::now();
            let bytes =
                job.buffers.iter().map(|buffer| buffer.as_ref().len()).sum::<usize>() as f64;
            let done = Duration::from_nanos((byte_nanos * bytes) as u64);
            if begun.since(since).saturating_add(done) >= UNTOLD_MAX
                || accumulator.config.linger.is_zero()
            {
                self.tell(accumulator);
            }
            let was_untold = self.untold;
            let compressed = self.compress(accumulator, job, |_| ());
            let now = time::now();
            if compressed {
                byte_nanos = now.since(begun).as_nanos() as f64 / bytes.max(1.0);
            }
            if self.untold && !was_untold {
                since = now;
            }
        }
    }

    /// Has the I/O thread look at what is done.
    fn tell(&mut self, accumulator: &RecordAccumulator) {
        if std::mem::take(&mut self.untold) {
            accumulator.wakeup.demand(Instant(0));
        }
    }

    /// Compresses a batch where it lies; false if it is not there any more.
    fn compress(
        &mut self,
        accumulator: &RecordAccumulator,
        job: Job,
        alter: impl Fn(&mut Vec<u8>),
    ) -> bool {
        let Job { partition, batch_id, buffers } = job;
        let place = |deque: &Deque| deque.batches.iter().position(|batch| batch.id == batch_id);
        // It may have expired, also meanwhile: then there is nothing to do, and a close in a hurry
        // does not wait for that.
        if place(&partition.lock()).is_none() {
            return false;
        }
        let done = compress(&mut self.compressor, &mut self.scratch, &partition, buffers);
        let mut deque = partition.lock();
        // What is not wanted any more goes back to the pool after the lock, as it was made before.
        let Some(place) = place(&deque) else { return false };
        let Some((mut records, kind)) = done else { return false };
        records.append(alter);
        deque.batches[place].finish(records, kind);
        accumulator.cut_to_size(&partition, &mut deque, place);
        if place == 0 {
            accumulator.list(&partition, &mut deque);
            self.untold = true;
        }
        accumulator.unlock(deque);
        true
    }
}

/// Compresses what is in `buffers`. What does not become smaller, or cannot be compressed, is left
/// as it is.
fn compress(
    compressor: &mut Compressor,
    scratch: &mut Vec<u8>,
    partition: &PartitionQueue,
    buffers: Vec<Buffer>,
) -> Option<(Buffer, CompressionType)> {
    let pieces: Vec<&[u8]> = buffers.iter().map(Buffer::as_ref).collect();
    let raw: usize = pieces.iter().map(|piece| piece.len()).sum();
    let run = AssertUnwindSafe(|| compressor.compress(&pieces, scratch));
    let compressed = matches!(std::panic::catch_unwind(run), Ok(Ok(()))) && scratch.len() < raw;
    partition.ratio.update(if compressed { scratch.len() as f32 / raw as f32 } else { 1.0 });
    if !compressed {
        if let [_] = pieces[..] {
            return buffers.into_iter().next().map(|buffer| (buffer, CompressionType::None));
        }
        *scratch = pieces.concat();
    }
    let kind = if compressed { compressor.kind() } else { CompressionType::None };
    Buffer::with_memory_of(buffers, scratch).map(|buffer| (buffer, kind))
}

impl RecordAccumulator {
    /// Whether batches are compressed.
    pub(super) fn compresses(&self) -> bool {
        self.config.compression.kind != CompressionType::None
    }

    /// Seals a batch; if it is to be compressed, a worker gets it.
    pub(super) fn seal(&self, partition: &Arc<PartitionQueue>, batch: &mut ProducerBatch) {
        let Some(buffers) = batch.seal(&self.reports) else { return };
        let job = Job { partition: partition.clone(), batch_id: batch.id, buffers };
        let workers = self.jobs.lock().clone();
        let job = match workers {
            Some(workers) => match workers.send(job) {
                Ok(()) => return,
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let mut compressor = Compressor::new(self.config.compression).ok();
        let done = compressor
            .as_mut()
            .and_then(|compressor| compress(compressor, &mut Vec::new(), partition, job.buffers));
        if let Some((records, kind)) = done {
            batch.finish(records, kind);
        }
    }

    /// Whether the oldest batch, which is due, can be sent. If it is still to be compressed that
    /// begins now, and the partition is listed when it is done.
    pub fn may_send(&self, partition: &Arc<PartitionQueue>) -> bool {
        !self.compresses() || self.seal_front(partition, &mut partition.lock())
    }

    /// As `may_send`, with compression and under the partition's lock.
    pub(super) fn seal_front(&self, partition: &Arc<PartitionQueue>, deque: &mut Deque) -> bool {
        let Some(batch) = deque.batches.front_mut() else { return false };
        self.seal(partition, batch);
        batch.is_sealed()
    }

    /// Splits a batch of which much was expected and that compressed badly: brokers take batches of
    /// some size only, and sending it to learn that costs more.
    fn cut_to_size(&self, partition: &PartitionQueue, deque: &mut Deque, place: usize) {
        let whole = &deque.batches[place];
        // The pieces are not compressed: what that would undo is worth more than the size.
        let pays = 2 * whole.size() <= whole.full_len;
        let size_max = whole.write_limit;
        if whole.record_count == 1 || pays || whole.size() <= 2 * size_max {
            return;
        }
        let Some(batch) = deque.batches.remove(place) else { return };
        for piece in self.split(batch, size_max).into_iter().rev() {
            deque.batches.insert(place, piece);
        }
        self.publish(partition, deque);
    }

    /// Has the sender look at the partition the next time it is awake.
    pub(super) fn list(&self, partition: &Arc<PartitionQueue>, deque: &mut Deque) {
        if !std::mem::replace(&mut deque.listed, true) {
            self.listed.lock().push(partition.clone());
        }
    }
}

#[cfg(test)]
#[path = "compression_tests.rs"]
mod tests;
