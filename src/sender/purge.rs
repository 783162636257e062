//! Purge: records given up at the application's wish, without ending the producer.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Sender;
use super::part::Sent;
use crate::error::{Error, ErrorCode};
use crate::sync::Mutex;
use crate::time::Instant;

/// Which records are given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purge {
    /// Those that wait to be sent, or to be sent again.
    pub queued: bool,
    /// Those in requests that are not answered.
    pub in_flight: bool,
}

/// Purges that were asked for and not yet done, each for batches below a number.
#[derive(Default)]
pub struct Purges {
    wanted: Mutex<Vec<(Purge, u64)>>,
    any: AtomicBool,
}

impl Purges {
    /// Asks for one.
    pub fn add(&self, purge: Purge, below: u64) {
        self.wanted.lock().push((purge, below));
        self.any.store(true, Ordering::SeqCst);
    }

    /// Whether one was asked for.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::SeqCst)
    }
}

impl Sender {
    /// Reports what is to be purged. It looks at all partitions, as whoever asks means all.
    pub(super) fn maybe_purge(&mut self, now: Instant) {
        if !self.shared.purges.any() {
            return;
        }
        self.shared.purges.any.store(false, Ordering::SeqCst);
        let wanted = std::mem::take(&mut *self.shared.purges.wanted.lock());
        self.adopt_all();
        for (purge, below) in wanted {
            for id in 0..self.parts.len() as u32 {
                if purge.in_flight {
                    let is_meant = |sent: &Sent| sent.batch_id.number < below;
                    self.fail_in_flight(id, is_meant, |_, _| purged("was in flight"), now);
                }
                if purge.queued {
                    self.purge_queued(id, below, now);
                }
                self.due.push(id);
            }
        }
    }

    fn purge_queued(&mut self, id: u32, below: u64, now: Instant) {
        loop {
            let Some(part) = self.parts[id as usize].as_mut() else { return };
            let place = part.retries.iter().position(|batch| batch.id.number < below);
            let Some(batch) = place.and_then(|place| part.retries.remove(place)) else { break };
            self.fail_batch(id, batch, purged("waited to be sent again"), now);
        }
        loop {
            let Some(part) = self.parts[id as usize].as_ref() else { return };
            let queue = part.queue.clone();
            if queue.lock().batches.front().is_none_or(|batch| batch.id.number >= below) {
                return;
            }
            let Some(batch) = self.shared.accumulator.pop_unsent(&queue) else { return };
            self.fail_batch(id, batch, purged("waited to be sent"), now);
        }
    }
}

fn purged(what: &str) -> Error {
    Error::new(ErrorCode::PURGED, format!("the record was purged while it {what}"))
}
