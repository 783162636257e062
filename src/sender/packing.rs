//! Packing: a small request waits for the answer of the one before it, so that more goes with it.
//!
//! A Kafka broker takes the next request of a connection when it has answered the last one, so to
//! send it sooner gains little, and every request costs both sides tens of microseconds. Only where
//! `linger.ms` allows to wait at all, and never for long.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Sender;
use crate::accumulator::{ENOUGH, Sleep};
use crate::time::Instant;

/// The longest wait, from the request before.
const WAIT_MAX: Duration = Duration::from_millis(1);
/// With so many bytes in batches that take no more records sending threads are ahead of brokers
/// that have all the requests they may have.
const BACKLOG: usize = 2 << 20;
/// For so long after an answer the next one is waited for by sending threads that are ahead.
const ANSWERS_WITHIN: Duration = Duration::from_millis(10);
/// The shortest rest while the brokers work, and the longest. Where answers come sooner a core may
/// be what is short, and not the broker.
const REST_MIN: Duration = Duration::from_micros(400);
const REST_MAX: Duration = Duration::from_millis(1);
/// So many rests make up the time that the last answer took, which a rest before it made longer.
const REST_SHARE: u32 = 3;
/// About as much stands in a socket's buffers, from where a broker gets on without us.
const STANDS_IN_SOCKET: usize = 256 << 10;

/// What is known of requests with batches for the sake of the next one.
#[derive(Default)]
pub(super) struct Packing {
    /// When the last one was sent to a broker.
    sent: BTreeMap<i32, Instant>,
    /// The brokers whose next one waits, and until when.
    waits: BTreeMap<i32, Instant>,
    /// When the last one was answered.
    answered: Instant,
    /// How long that took, and how many bytes it was.
    took: Duration,
    bytes: usize,
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

    /// Notes that a request of so many bytes was answered.
    pub fn note_answered(&mut self, sent: Instant, bytes: usize, now: Instant) {
        self.answered = now;
        self.took = now.since(sent);
        self.bytes = bytes;
    }

    /// Forgets brokers that are not to be kept.
    pub fn prune(&mut self, keep: impl Fn(i32) -> bool) {
        self.sent.retain(|node, _| keep(*node));
    }

    /// Until when the next request to `node` waits, if it does.
    pub fn until(&self, node: i32) -> Option<Instant> {
        self.waits.get(&node).copied()
    }
}

impl Sender {
    /// Whether what stands in line for `node` waits for the answer of the request before. With
    /// nothing in flight it does not: whoever awaits each report sends no more until then.
    pub(super) fn is_packing(&mut self, node: i32, now: Instant) -> bool {
        if self.was_urgent || self.client.in_flight(node) == 0 || self.is_enough_for(node) {
            return false;
        }
        let Some(until) = self.packs_until(node) else { return false };
        if now < until {
            self.packing.waits.insert(node, until);
        }
        now < until
    }

    /// Until when the next request to a broker may wait for the answer of the last one, if it ever
    /// got batches.
    fn packs_until(&self, node: i32) -> Option<Instant> {
        let sent = self.packing.sent.get(&node)?;
        Some(*sent + self.config.linger.min(WAIT_MAX))
    }

    /// Whether there are full batches, but few, and nothing is in flight. Then nobody is to be
    /// waited for, but a thread that is sending and has no core of its own may go on for a moment:
    /// whoever awaits many reports sends again as much, and a request for each batch costs it most
    /// of the core.
    pub fn would_gladly_have_more(&self) -> bool {
        let few = 1..ENOUGH;
        let idle = |node| self.client.in_flight(node) == 0;
        !self.config.linger.is_zero()
            && few.contains(&self.shared.accumulator.ready_bytes())
            && !self.is_urgent()
            && self.client.ready_nodes().all(idle)
    }

    /// Whether a request is large enough, or would not grow, as it takes one batch of each
    /// partition.
    fn is_enough_for(&self, node: i32) -> bool {
        let mut bytes = 0;
        let queued =
            |id: u32| self.parts[id as usize].as_ref().map_or(0, |part| part.queue.queued());
        self.schedule.line(node).any(|id| {
            // What is to be sent again is not queued any more.
            bytes += queued(id).max(1) as usize * self.shared.accumulator.batch_size();
            bytes >= ENOUGH
        })
    }

    /// Until when the I/O thread can sleep, and how.
    pub fn next_sleep(&self, now: Instant) -> (Instant, Sleep) {
        let deadline = self.next_deadline();
        if let Some(until) = self.is_behind_until(now) {
            return (until.min(deadline), Sleep::Behind);
        }
        match self.sleeps_lightly_until(now) {
            Some(until) => (until.min(deadline), Sleep::Light),
            None => (deadline, Sleep::Sound),
        }
    }

    /// Until when the brokers, which have all the requests they may have and answer soon, are what
    /// many batches wait for. More of them would only leave the caches before they are sent.
    fn is_behind_until(&self, now: Instant) -> Option<Instant> {
        let until = self.packing.answered + ANSWERS_WITHIN;
        let accumulator = &self.shared.accumulator;
        let behind = accumulator.ready_bytes() >= BACKLOG && now < until;
        (behind && self.all_are_full(now) && !self.is_urgent()).then_some(until)
    }

    /// How long the I/O thread lets brokers that are behind work before it looks at their answers.
    /// A few of them cost little more than one, and the brokers still have something to do, be it
    /// what stands in a socket of requests too large for it. With acks=0 there are no answers.
    pub fn rest(&self) -> Duration {
        let Packing { took, bytes, .. } = self.packing;
        let in_socket = STANDS_IN_SOCKET as f64 / bytes.max(STANDS_IN_SOCKET) as f64;
        match took.mul_f64(in_socket) / REST_SHARE {
            short if short < REST_MIN || self.config.acks == 0 => Duration::ZERO,
            rest => rest.min(REST_MAX),
        }
    }

    /// Whether every broker that got batches of late has as many requests as it may have.
    fn all_are_full(&self, now: Instant) -> bool {
        let sent = |node: &i32| self.packing.sent.get(node).copied();
        let of_late = |node: &i32| sent(node).is_some_and(|sent| now < sent + ANSWERS_WITHIN);
        let mut brokers = self.client.ready_nodes().filter(of_late).peekable();
        brokers.peek().is_some() && brokers.all(|node| !self.client.can_send_more(node))
    }

    /// Until when full batches need not wake the I/O thread one by one: while each broker that got
    /// batches has a request in hand for the answer of which the next one would wait.
    fn sleeps_lightly_until(&self, now: Instant) -> Option<Instant> {
        let accumulator = &self.shared.accumulator;
        if self.was_urgent || accumulator.batch_size() >= ENOUGH {
            return None;
        }
        if accumulator.ready_bytes() >= ENOUGH && !self.all_are_full(now) {
            return None;
        }
        // A broker that never got batches answers for metadata only, and holds nobody up.
        let in_hand = |node| Some((self.packs_until(node)?, self.client.in_flight(node)));
        let brokers = || self.client.ready_nodes().filter_map(in_hand);
        if brokers().any(|(_, in_flight)| in_flight == 0) {
            return None;
        }
        brokers().map(|(until, _)| until).min().filter(|until| now < *until)
    }
}
