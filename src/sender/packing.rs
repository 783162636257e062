//! Packing: a small request waits for the answer of the one before it, so that more goes with it.
//!
//! A Kafka broker takes the next request of a connection when it has answered the last one, so to
//! send it sooner gains little, and every request costs both sides tens of microseconds. Only where
//! `linger.ms` allows to wait at all, and never for long.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Sender;
use crate::time::Instant;

/// The longest wait, from the request before.
const WAIT_MAX: Duration = Duration::from_millis(1);
/// With so many bytes in line a request is large enough.
const ENOUGH: usize = 128 << 10;

/// What is known of requests with batches for the sake of the next one.
#[derive(Default)]
pub(super) struct Packing {
    /// When the last one was sent to a broker.
    sent: BTreeMap<i32, Instant>,
    /// The brokers whose next one waits, and until when.
    waits: BTreeMap<i32, Instant>,
}

impl Packing {
    /// Begins a round, in which it is found out anew who waits.
    pub fn begin(&mut self) {
        self.waits.clear();
    }

    /// Notes that a request was sent.
    pub fn note_sent(&mut self, node: i32, now: Instant) {
        self.sent.insert(node, now);
    }

    /// Until when the next request to `node` waits, if it does.
    pub fn until(&self, node: i32) -> Option<Instant> {
        self.waits.get(&node).copied()
    }
}

impl Sender {
    /// Whether what stands in line for `node` waits for more to go with it.
    pub(super) fn is_packing(&mut self, node: i32, now: Instant) -> bool {
        let waiting = self.schedule.line_len(node) * self.config.batch_size;
        if self.was_urgent || waiting >= ENOUGH || self.client.in_flight(node) == 0 {
            return false;
        }
        let Some(sent) = self.packing.sent.get(&node) else { return false };
        let until = *sent + self.config.linger.min(WAIT_MAX);
        if now < until {
            self.packing.waits.insert(node, until);
        }
        now < until
    }

    /// Until when full batches need not wake the I/O thread: while all brokers have a request in
    /// hand for the answer of which the next one would wait.
    pub(super) fn sleeps_lightly_until(&self, now: Instant) -> Option<Instant> {
        if self.was_urgent || self.config.batch_size >= ENOUGH || !self.client.all_are_busy() {
            return None;
        }
        let until = *self.packing.sent.values().min()? + self.config.linger.min(WAIT_MAX);
        (now < until).then_some(until)
    }
}
