//! What is to be done later: timers in the order of their time, and of their making where that is
//! the same. No thread of its own; whoever drives the cluster asks for the next deadline.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use crate::time::Instant;

/// Timers, each with something to do.
#[derive(Debug)]
pub struct Scheduler<T> {
    heap: BinaryHeap<Reverse<Timer<T>>>,
    made: u64,
}

#[derive(Debug)]
struct Timer<T> {
    at: Instant,
    number: u64,
    task: T,
}

impl<T> Default for Scheduler<T> {
    fn default() -> Scheduler<T> {
        Scheduler { heap: BinaryHeap::new(), made: 0 }
    }
}

impl<T> Scheduler<T> {
    /// Does this at that time.
    pub fn at(&mut self, at: Instant, task: T) {
        self.made += 1;
        self.heap.push(Reverse(Timer { at, number: self.made, task }));
    }

    /// The next task whose time has come.
    pub fn due(&mut self, now: Instant) -> Option<T> {
        if self.deadline() > now {
            return None;
        }
        self.heap.pop().map(|Reverse(timer)| timer.task)
    }

    /// When the next task is due.
    pub fn deadline(&self) -> Instant {
        self.heap.peek().map_or(Instant::NEVER, |Reverse(timer)| timer.at)
    }
}

impl<T> PartialEq for Timer<T> {
    fn eq(&self, other: &Timer<T>) -> bool {
        self.number == other.number
    }
}

impl<T> Eq for Timer<T> {}

impl<T> PartialOrd for Timer<T> {
    fn partial_cmp(&self, other: &Timer<T>) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Timer<T> {
    fn cmp(&self, other: &Timer<T>) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_come_in_the_order_of_their_time_and_then_of_their_making() {
        let mut scheduler = Scheduler::default();
        for (at, task) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            scheduler.at(Instant(at), task);
        }
        assert_eq!(scheduler.deadline(), Instant(1));
        assert_eq!(scheduler.due(Instant(0)), None);
        let due: String = std::iter::from_fn(|| scheduler.due(Instant(5))).collect();
        assert_eq!(due, "abcd");
        assert_eq!(scheduler.deadline(), Instant::NEVER);
    }
}
