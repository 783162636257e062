//! Alarms: times at which the I/O thread wakes somebody whose wait is over.
//!
//! A call that blocks watches its own time. A ticket has nobody who does; the I/O thread, which
//! sleeps until the next deadline anyway, tells its owner.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::sync::Mutex;
use crate::time::Instant;

/// Called when an alarm rings; it must neither wait nor run code of the application.
pub type OnDue = Box<dyn FnOnce() + Send>;

/// See the file's comment.
pub struct Alarms {
    due: Mutex<BTreeMap<(Instant, u64), OnDue>>,
    /// The first of them, to be read without the lock.
    next: AtomicU64,
    /// One was set since the last look.
    news: AtomicBool,
}

impl Default for Alarms {
    fn default() -> Alarms {
        let next = AtomicU64::new(Instant::NEVER.0);
        Alarms { due: Mutex::default(), next, news: AtomicBool::new(false) }
    }
}

impl Alarms {
    /// Has `on_due` called at `at`, or a little after. `id` tells alarms of one time apart.
    pub fn set(&self, at: Instant, id: u64, on_due: OnDue) {
        let mut due = self.due.lock();
        due.insert((at, id), on_due);
        self.publish(&due);
        drop(due);
        self.news.store(true, Ordering::SeqCst);
    }

    /// Takes an alarm back, if it has not rung.
    pub fn cancel(&self, at: Instant, id: u64) {
        let mut due = self.due.lock();
        due.remove(&(at, id));
        self.publish(&due);
    }

    /// When the next one rings.
    pub fn next(&self) -> Instant {
        Instant(self.next.load(Ordering::SeqCst))
    }

    /// Whether one was set since `ring`.
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::SeqCst)
    }

    /// Rings those that are due.
    pub fn ring(&self, now: Instant) {
        self.news.store(false, Ordering::SeqCst);
        while self.next() <= now {
            let mut due = self.due.lock();
            let ringing = due.first_entry().filter(|first| first.key().0 <= now);
            let on_due = ringing.map(|first| first.remove());
            self.publish(&due);
            drop(due);
            on_due.into_iter().for_each(|on_due| on_due());
        }
    }

    fn publish(&self, due: &BTreeMap<(Instant, u64), OnDue>) {
        let next = due.first_key_value().map_or(Instant::NEVER, |((at, _), _)| *at);
        self.next.store(next.0, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn alarms_ring_once_in_their_order_unless_they_are_taken_back() {
        let alarms = Alarms::default();
        let rung: Arc<Mutex<Vec<u64>>> = Arc::default();
        for (at, id) in [(30, 1), (10, 2), (20, 3), (10, 4)] {
            let rung = rung.clone();
            alarms.set(Instant(at), id, Box::new(move || rung.lock().push(id)));
        }
        assert!(alarms.has_news());
        alarms.cancel(Instant(20), 3);
        alarms.ring(Instant(9));
        assert_eq!((alarms.next(), alarms.has_news()), (Instant(10), false));
        alarms.ring(Instant(29));
        alarms.ring(Instant(29));
        assert_eq!((rung.lock().clone(), alarms.next()), (vec![2, 4], Instant(30)));
        alarms.ring(Instant(30));
        assert_eq!((rung.lock().clone(), alarms.next()), (vec![2, 4, 1], Instant::NEVER));
    }
}
