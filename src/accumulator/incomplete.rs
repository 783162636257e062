//! The batches that are not yet reported, by id, and who waits for them (flush).

use std::collections::BTreeSet;

use super::batch::BatchId;
use crate::sync::{Condvar, Mutex};
use crate::time::{self, Instant};

/// See the file's comment.
#[derive(Default)]
pub struct IncompleteBatches {
    ids: Mutex<Ids>,
    changed: Condvar,
}

#[derive(Default)]
struct Ids {
    incomplete: BTreeSet<BatchId>,
    waiters: usize,
    interrupts: u64,
}

impl Ids {
    fn is_below(&self, below: u64) -> bool {
        self.incomplete.first().is_none_or(|first| first.number >= below)
    }
}

/// How a wait for completion ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Completion {
    /// All are complete.
    Done,
    /// The deadline passed.
    TimedOut,
    /// Another thread interrupted the wait.
    Interrupted,
}

impl IncompleteBatches {
    /// A batch was made.
    pub fn add(&self, id: BatchId) {
        self.ids.lock().incomplete.insert(id);
    }

    /// Batches were reported.
    pub fn remove(&self, ids: impl Iterator<Item = BatchId>) {
        let mut inner = self.ids.lock();
        for id in ids {
            inner.incomplete.remove(&id);
        }
        if inner.waiters > 0 {
            self.changed.notify_all();
        }
    }

    /// No batch will be reported any more, and nobody is to wait for one.
    pub fn give_up(&self) {
        self.ids.lock().incomplete.clear();
        self.changed.notify_all();
    }

    /// The number of batches that are not yet reported.
    pub fn len(&self) -> usize {
        self.ids.lock().incomplete.len()
    }

    /// Whether every batch with a number below `below` was reported.
    pub fn is_below(&self, below: u64) -> bool {
        self.ids.lock().is_below(below)
    }

    /// Ends the waits that have begun.
    pub fn interrupt(&self) {
        self.ids.lock().interrupts += 1;
        self.changed.notify_all();
    }

    /// Waits until every batch with a number below `below` was reported.
    pub fn wait_below(&self, below: u64, deadline: Instant) -> Completion {
        let mut ids = self.ids.lock();
        let interrupts = ids.interrupts;
        loop {
            if ids.is_below(below) {
                return Completion::Done;
            }
            if ids.interrupts != interrupts {
                return Completion::Interrupted;
            }
            let left = time::now().until(deadline);
            if left.is_some_and(|left| left.is_zero()) {
                return Completion::TimedOut;
            }
            ids.waiters += 1;
            match left {
                None => self.changed.wait(&mut ids),
                Some(left) => {
                    self.changed.wait_for(&mut ids, left);
                }
            }
            ids.waiters -= 1;
        }
    }
}
