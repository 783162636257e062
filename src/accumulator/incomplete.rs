//! The batches that are not yet reported, and who waits for them (flush).
//!
//! They are numbered as they begin, and counted by runs of numbers. A mark ends the run: all below
//! it are reported once no earlier run has a batch.

use std::collections::VecDeque;

use super::batch::BatchId;
use crate::sync::{Condvar, Mutex};
use crate::time::{self, Instant};

/// See the file's comment.
#[derive(Default)]
pub struct IncompleteBatches {
    counts: Mutex<Counts>,
    changed: Condvar,
}

#[derive(Default)]
struct Counts {
    next_number: u64,
    /// Each ends where the next one begins. All but the last one have a batch.
    runs: VecDeque<Run>,
    waiters: usize,
    interrupts: u64,
}

struct Run {
    first_number: u64,
    batches: usize,
}

impl Counts {
    /// The place of the run that a number is in.
    fn place(&self, number: u64) -> Option<usize> {
        self.runs.partition_point(|run| run.first_number <= number).checked_sub(1)
    }

    fn remove(&mut self, number: u64) {
        // Nothing is there any more after `give_up`.
        let Some(place) = self.place(number) else { return };
        let run = &mut self.runs[place];
        run.batches = run.batches.saturating_sub(1);
        if run.batches == 0 && place + 1 < self.runs.len() {
            self.runs.remove(place);
        }
    }

    fn is_below(&self, mark: u64) -> bool {
        self.runs.front().is_none_or(|run| run.batches == 0 || run.first_number >= mark)
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
    /// A batch begins; its number is returned.
    pub fn begin(&self) -> u64 {
        let mut counts = self.counts.lock();
        let number = counts.next_number;
        counts.next_number += 1;
        match counts.runs.back_mut() {
            Some(last) => last.batches += 1,
            None => counts.runs.push_back(Run { first_number: number, batches: 1 }),
        }
        number
    }

    /// A batch became `pieces`, which share its number.
    pub fn split(&self, number: u64, pieces: usize) {
        let mut counts = self.counts.lock();
        if let Some(place) = counts.place(number) {
            counts.runs[place].batches += pieces.saturating_sub(1);
        }
    }

    /// Batches were reported. Each of them, and each piece, counts once: a second time would count
    /// for another one.
    pub fn remove(&self, ids: impl Iterator<Item = BatchId>) {
        let mut counts = self.counts.lock();
        ids.for_each(|id| counts.remove(id.number));
        if counts.waiters > 0 {
            self.changed.notify_all();
        }
    }

    /// No batch will be reported any more, and nobody is to wait for one.
    pub fn give_up(&self) {
        self.counts.lock().runs.clear();
        self.changed.notify_all();
    }

    /// The number of batches that are not yet reported.
    pub fn len(&self) -> usize {
        self.counts.lock().runs.iter().map(|run| run.batches).sum()
    }

    /// The number below which all are that have begun, to ask and to wait for those.
    pub fn mark(&self) -> u64 {
        let mut counts = self.counts.lock();
        let mark = counts.next_number;
        match counts.runs.back_mut() {
            Some(last) if last.batches == 0 => last.first_number = mark,
            Some(_) => counts.runs.push_back(Run { first_number: mark, batches: 0 }),
            None => {}
        }
        mark
    }

    /// Whether every batch below a mark was reported. Of another number that is said late perhaps,
    /// but never too early.
    pub fn is_below(&self, mark: u64) -> bool {
        self.counts.lock().is_below(mark)
    }

    /// Ends the waits that have begun.
    pub fn interrupt(&self) {
        self.counts.lock().interrupts += 1;
        self.changed.notify_all();
    }

    /// Waits until every batch below a mark was reported.
    pub fn wait_below(&self, mark: u64, deadline: Instant) -> Completion {
        let mut counts = self.counts.lock();
        let interrupts = counts.interrupts;
        loop {
            if counts.is_below(mark) {
                return Completion::Done;
            }
            if counts.interrupts != interrupts {
                return Completion::Interrupted;
            }
            let left = time::now().until(deadline);
            if left.is_some_and(|left| left.is_zero()) {
                return Completion::TimedOut;
            }
            counts.waiters += 1;
            match left {
                None => self.changed.wait(&mut counts),
                Some(left) => {
                    self.changed.wait_for(&mut counts, left);
                }
            }
            counts.waiters -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn ids(number: u64) -> impl Iterator<Item = BatchId> {
        std::iter::once(BatchId { number, first_record: 0 })
    }

    #[test]
    fn nothing_counts_after_it_was_given_up() {
        let batches = IncompleteBatches::default();
        let (first, second) = (batches.begin(), batches.begin());
        let mark = batches.mark();
        batches.give_up();
        assert!(batches.is_below(mark));
        batches.remove(ids(first));
        let late = batches.begin();
        batches.remove(ids(second));
        assert_eq!(batches.len(), 1);
        batches.remove(ids(late));
        assert_eq!(batches.len(), 0);
    }

    proptest! {
        /// Whatever begins, is split and is reported in any order, every mark that was ever made
        /// tells whether there is a batch below it.
        #[test]
        fn marks_tell_whether_what_was_there_is_reported(
            steps in prop::collection::vec((0..8_u8, any::<prop::sample::Index>()), 1..200),
        ) {
            let batches = IncompleteBatches::default();
            let mut there: BTreeMap<u64, usize> = BTreeMap::new();
            let mut marks = vec![0];
            for (what, which) in steps {
                let number = (!there.is_empty())
                    .then(|| *there.keys().nth(which.index(there.len())).unwrap());
                match (what, number) {
                    (0..=2, _) => drop(there.insert(batches.begin(), 1)),
                    (3..=4, _) => marks.push(batches.mark()),
                    (5, Some(number)) => {
                        batches.split(number, 3);
                        *there.get_mut(&number).unwrap() += 2;
                    }
                    (_, Some(number)) => {
                        batches.remove(ids(number));
                        let left = there.get_mut(&number).unwrap();
                        *left -= 1;
                        if *left == 0 {
                            there.remove(&number);
                        }
                    }
                    (_, None) => {}
                }
                prop_assert_eq!(batches.len(), there.values().sum::<usize>());
                let none_below =
                    |number| there.keys().next().is_none_or(|first| *first >= number);
                for &mark in marks.iter().chain(&[u64::MAX]) {
                    prop_assert_eq!(batches.is_below(mark), none_below(mark));
                }
                for number in 0..200 {
                    prop_assert!(none_below(number) || !batches.is_below(number));
                }
                prop_assert!(batches.counts.lock().runs.len() <= there.len() + 1);
            }
        }
    }
}
