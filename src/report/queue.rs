//! The queue between the I/O thread, which completes batches, and the application, which reads.
//!
//! It is bounded by reservation: a slot is reserved when a record is accepted and given back when
//! its report was read. So completing never waits, and an application that does not read is told
//! so at its next send (`REPORTS_FULL`) rather than growing without limit.

use crate::sync::atomic::{AtomicU64, Ordering};
use std::collections::VecDeque;
use std::sync::OnceLock;

use super::{Entry, Report, Run, Slots};
use crate::io::EventFd;
use crate::sync::{Condvar, Mutex};
use crate::time::{self, Instant};

/// Side blocks kept for the next batches; more are freed.
const SPARE_SLOTS_MAX: usize = 256;

/// Why a wait for reports ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There is something to read: reports, a log line, a ticket that is ready.
    News,
    /// The deadline passed.
    TimedOut,
    /// Another thread interrupted the wait.
    Interrupted,
}

#[derive(Default)]
struct Inner {
    entries: VecDeque<Entry>,
    /// Reports of the front entry that were read already.
    front_read: usize,
    spare: Vec<Slots>,
    /// Counts interrupts, so that one ends the waits that had begun and no later one.
    interrupts: u64,
    /// Counts news that are not reports, so that each waiter notices them.
    nudges: u64,
    /// Reports ever added, and those of them that a dispatcher has delivered.
    added: u64,
    served: u64,
    read: u64,
}

/// The queue of one producer.
pub struct ReportQueue {
    inner: Mutex<Inner>,
    changed: Condvar,
    fd: OnceLock<EventFd>,
    reserved: AtomicU64,
    reserved_max: u64,
}

impl ReportQueue {
    /// A queue for at most `reserved_max` reports that are not yet read.
    pub fn new(reserved_max: u64) -> ReportQueue {
        ReportQueue {
            inner: Mutex::default(),
            changed: Condvar::new(),
            fd: OnceLock::new(),
            reserved: AtomicU64::new(0),
            reserved_max,
        }
    }

    /// Reserves slots for a batch: one at least, 0 if there is none left.
    ///
    /// Slots are reserved a block at a time, so that records do not share a counter; blocks are
    /// single slots where the limit is small, so that partitions do not hoard them.
    pub fn reserve(&self) -> u32 {
        let wanted = (self.reserved_max / 4096).clamp(1, 64);
        let mut granted = 0;
        let taken = self.reserved.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |reserved| {
            granted = wanted.min(self.reserved_max.saturating_sub(reserved));
            (granted > 0).then_some(reserved + granted)
        });
        if taken.is_ok() { granted as u32 } else { 0 }
    }

    /// Gives slots back that no record took.
    pub fn unreserve(&self, slots: u32) {
        self.reserved.fetch_sub(u64::from(slots), Ordering::Relaxed);
    }

    /// The number of slots reserved: records in the producer, and reports not yet read.
    pub fn reserved(&self) -> u64 {
        self.reserved.load(Ordering::Relaxed)
    }

    /// The number of reports that wait to be read.
    pub fn unread(&self) -> u64 {
        let inner = self.inner.lock();
        inner.added - inner.read
    }

    /// A side block for a new batch.
    pub fn slots(&self) -> Slots {
        self.inner.lock().spare.pop().unwrap_or_default()
    }

    /// Adds entries, and leaves `entries` empty.
    pub fn push(&self, entries: &mut Vec<Entry>) {
        if entries.is_empty() {
            return;
        }
        let mut inner = self.inner.lock();
        let was_empty = inner.entries.is_empty();
        for entry in entries.drain(..) {
            if entry.slots.len() > 0 {
                inner.added += entry.slots.len() as u64;
                inner.entries.push_back(entry);
            } else {
                inner.recycle(entry.slots);
            }
        }
        if was_empty && !inner.entries.is_empty() {
            self.changed.notify_all();
            drop(inner);
            self.signal();
        }
    }

    /// Wakes whoever waits for news that is not a report: a log line, a ticket that is ready.
    pub fn nudge(&self) {
        self.inner.lock().nudges += 1;
        self.changed.notify_all();
        self.signal();
    }

    /// Ends the waits that have begun, with `Interrupted`.
    pub fn interrupt(&self) {
        self.inner.lock().interrupts += 1;
        self.changed.notify_all();
    }

    /// How many news there were that are not reports. Ask before looking for them, and wait for
    /// later ones only.
    pub fn nudges(&self) -> u64 {
        self.inner.lock().nudges
    }

    /// How many interrupts there were. A call asks once, when it begins: later ones are for it.
    pub fn interrupts(&self) -> u64 {
        self.inner.lock().interrupts
    }

    /// Waits for reports, for more news than `seen`, or for more interrupts than `interrupts`.
    pub fn wait(&self, seen: u64, interrupts: u64, deadline: Instant) -> Woken {
        let mut inner = self.inner.lock();
        loop {
            if !inner.entries.is_empty() || inner.nudges != seen {
                return Woken::News;
            }
            if inner.interrupts != interrupts {
                return Woken::Interrupted;
            }
            match time::now().until(deadline) {
                None => self.changed.wait(&mut inner),
                Some(left) if left.is_zero() => return Woken::TimedOut,
                Some(left) => {
                    self.changed.wait_for(&mut inner, left);
                }
            }
        }
    }

    /// Reads at most `max` reports, the oldest first; never waits. Returns how many were read.
    ///
    /// `read` runs under the queue's lock: it copies, and calls nobody.
    pub fn drain(&self, max: usize, mut read: impl FnMut(Report<'_>)) -> usize {
        self.drain_runs(max, |run| run.reports().for_each(&mut read))
    }

    /// As `drain`, those that are alike together.
    pub fn drain_runs(&self, max: usize, mut read: impl FnMut(Run<'_>)) -> usize {
        let mut inner = self.inner.lock();
        let mut count = 0;
        while count < max {
            let from = inner.front_read;
            let Some(entry) = inner.entries.front() else { break };
            let to = entry.slots.len().min(from + max - count);
            entry.runs(from, to).for_each(&mut read);
            count += to - from;
            if to == entry.slots.len() {
                inner.front_read = 0;
                let entry = inner.entries.pop_front();
                entry.into_iter().for_each(|entry| inner.recycle(entry.slots));
            } else {
                inner.front_read = to;
            }
        }
        inner.read += count as u64;
        self.reserved.fetch_sub(count as u64, Ordering::Relaxed);
        count
    }

    /// Takes whole batches, the oldest first, until they have `enough` reports; never waits.
    /// Returns how many reports. For sinks: a queue is either taken from or drained.
    pub fn take(&self, enough: usize, taken: &mut Vec<Entry>) -> usize {
        let mut inner = self.inner.lock();
        let mut count = 0;
        while count < enough {
            let Some(entry) = inner.entries.pop_front() else { break };
            count += entry.slots.len();
            taken.push(entry);
        }
        inner.read += count as u64;
        self.reserved.fetch_sub(count as u64, Ordering::Relaxed);
        count
    }

    /// Keeps the side blocks of entries that were taken for the next batches.
    pub fn recycle(&self, taken: &mut Vec<Entry>) {
        let mut inner = self.inner.lock();
        taken.drain(..).for_each(|entry| inner.recycle(entry.slots));
    }

    /// A dispatcher has delivered all that it read.
    pub fn note_served(&self) {
        let mut inner = self.inner.lock();
        inner.served = inner.read;
        self.changed.notify_all();
    }

    /// Waits until a dispatcher has delivered all that is there now.
    pub fn wait_served(&self, interrupts: u64, deadline: Instant) -> Woken {
        let mut inner = self.inner.lock();
        let target = inner.added;
        while inner.served < target {
            if inner.interrupts != interrupts {
                return Woken::Interrupted;
            }
            match time::now().until(deadline) {
                None => self.changed.wait(&mut inner),
                Some(left) if left.is_zero() => return Woken::TimedOut,
                Some(left) => {
                    self.changed.wait_for(&mut inner, left);
                }
            }
        }
        Woken::News
    }

    /// Whether a report waits to be read.
    pub fn has_reports(&self) -> bool {
        !self.inner.lock().entries.is_empty()
    }

    /// The event fd, made at the first call; it is ready while something may be there to read.
    pub fn event_fd(&self) -> std::io::Result<&EventFd> {
        if let Some(fd) = self.fd.get() {
            return Ok(fd);
        }
        let made = EventFd::new()?;
        let fd = self.fd.get_or_init(|| made);
        fd.signal();
        Ok(fd)
    }

    /// Whether the event fd was made.
    pub fn has_event_fd(&self) -> bool {
        self.fd.get().is_some()
    }

    fn signal(&self) {
        if let Some(fd) = self.fd.get() {
            fd.signal();
        }
    }
}

impl Inner {
    fn recycle(&mut self, mut slots: Slots) {
        if self.spare.len() < SPARE_SLOTS_MAX {
            slots.clear();
            self.spare.push(slots);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::TopicName;
    use crate::report::Outcome;

    fn entry(opaques: std::ops::Range<u64>) -> Entry {
        let mut slots = Slots::default();
        opaques.enumerate().for_each(|(i, opaque)| slots.push(i as u32, opaque, None));
        Entry {
            topic: TopicName::new("t"),
            partition: 0,
            base_offset: 0,
            log_append_time: -1,
            outcome: Outcome::PERSISTED,
            exceptions: Vec::new(),
            slots,
        }
    }

    fn read(queue: &ReportQueue, max: usize) -> Vec<u64> {
        let mut seen = Vec::new();
        queue.drain(max, |report| seen.push(report.opaque));
        seen
    }

    #[test]
    fn reports_come_once_and_in_order_however_small_the_array() {
        let queue = ReportQueue::new(100);
        (0..7).for_each(|_| assert_eq!(queue.reserve(), 1));
        queue.push(&mut vec![entry(0..3), entry(3..3), entry(3..7)]);
        assert_eq!(queue.unread(), 7);
        assert_eq!(read(&queue, 2), [0, 1]);
        assert_eq!((queue.unread(), queue.reserved()), (5, 5));
        assert_eq!(read(&queue, 3), [2, 3, 4]);
        assert_eq!(read(&queue, 10), [5, 6]);
        assert_eq!((queue.unread(), queue.reserved()), (0, 0));
    }

    #[test]
    fn slots_reserved_in_a_block_are_no_unread_reports() {
        let queue = ReportQueue::new(1 << 20);
        assert_eq!((queue.reserve(), queue.reserved(), queue.unread()), (64, 64, 0));
    }

    #[test]
    fn whole_batches_are_taken_until_there_are_enough() {
        let queue = ReportQueue::new(100);
        (0..7).for_each(|_| assert_eq!(queue.reserve(), 1));
        queue.push(&mut vec![entry(0..3), entry(3..5), entry(5..7)]);
        let mut taken = Vec::new();
        assert_eq!(queue.take(4, &mut taken), 5);
        assert_eq!((taken.len(), queue.reserved()), (2, 2));
        queue.recycle(&mut taken);
        assert_eq!(queue.take(4, &mut taken), 2);
        assert_eq!(queue.take(4, &mut taken), 0);
    }

    #[test]
    fn a_full_queue_refuses_until_a_report_is_read() {
        let queue = ReportQueue::new(2);
        assert_eq!((queue.reserve(), queue.reserve(), queue.reserve()), (1, 1, 0));
        queue.push(&mut vec![entry(0..1)]);
        assert_eq!(queue.reserve(), 0);
        read(&queue, 1);
        assert_eq!(queue.reserve(), 1);
    }

    #[test]
    fn an_interrupt_ends_waits_that_had_begun_and_no_later_one() {
        let queue = ReportQueue::new(1);
        queue.interrupt();
        let soon = time::now() + std::time::Duration::from_millis(1);
        assert_eq!(queue.wait(0, queue.interrupts(), soon), Woken::TimedOut);
        std::thread::scope(|scope| {
            let waiter = scope.spawn(|| queue.wait(0, 0, Instant::NEVER));
            while !waiter.is_finished() {
                queue.interrupt();
                std::thread::yield_now();
            }
            assert_eq!(waiter.join().unwrap(), Woken::Interrupted);
        });
    }
}
