//! TransactionManager: the producer id and its epoch (the idempotent half; KIP-98, KIP-360).
//!
//! Sequences are counted per partition, by the Sender. When a sequence was lost or is in doubt the
//! epoch is bumped and all partitions start at 0 again, but only when no batch that may have been
//! appended can still be answered or retried: else the broker would take the retry for a new one.

use std::time::Duration;

use crate::backoff::ExponentialBackoff;
use crate::error::Error;
use crate::time::Instant;

/// Where the producer id stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProducerIdState {
    /// Not asked for, or to be asked for again at the given time.
    Wanted(Instant),
    /// Asked for.
    Initializing,
    /// There.
    Ready,
}

/// See the file's comment.
#[derive(Debug)]
pub struct TransactionManager {
    /// `enable.idempotence`.
    pub enabled: bool,
    /// Where the producer id stands.
    pub state: ProducerIdState,
    /// The producer id; meaningful when ready.
    pub producer_id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Why the last attempt to get a producer id failed.
    pub last_error: Option<Error>,
    attempts: u32,
    bump_wanted: bool,
}

impl TransactionManager {
    /// Without a producer id yet.
    pub fn new(enabled: bool) -> TransactionManager {
        TransactionManager {
            enabled,
            state: ProducerIdState::Wanted(Instant(0)),
            producer_id: -1,
            epoch: -1,
            last_error: None,
            attempts: 0,
            bump_wanted: false,
        }
    }

    /// When a producer id should be asked for.
    pub fn wanted_at(&self) -> Instant {
        match self.state {
            ProducerIdState::Wanted(at) if self.enabled => at,
            _ => Instant::NEVER,
        }
    }

    /// Whether batches that were never sent may go out.
    pub fn allows_new_batches(&self) -> bool {
        !self.enabled || self.state == ProducerIdState::Ready && !self.bump_wanted
    }

    /// Whether the epoch is to be bumped as soon as nothing is in doubt.
    pub fn bump_wanted(&self) -> bool {
        self.bump_wanted
    }

    /// A sequence was lost or is in doubt.
    pub fn request_bump(&mut self) {
        self.bump_wanted |= self.enabled && self.state == ProducerIdState::Ready;
    }

    /// Bumps the epoch; locally, unless the epochs of this producer id are used up.
    pub fn bump(&mut self) {
        self.bump_wanted = false;
        if self.epoch == i16::MAX {
            self.state = ProducerIdState::Wanted(Instant(0));
        } else {
            self.epoch += 1;
        }
    }

    /// A producer id was asked for.
    pub fn initializing(&mut self) {
        self.state = ProducerIdState::Initializing;
    }

    /// The broker gave a producer id.
    pub fn initialized(&mut self, producer_id: i64, epoch: i16) {
        self.state = ProducerIdState::Ready;
        (self.producer_id, self.epoch) = (producer_id, epoch);
        self.attempts = 0;
        self.last_error = None;
    }

    /// Asking failed; it is tried again after the back-off.
    pub fn failed(
        &mut self,
        error: Error,
        backoff: &ExponentialBackoff,
        random: f64,
        now: Instant,
    ) {
        let wait: Duration = backoff.delay(self.attempts, random);
        self.attempts = self.attempts.saturating_add(1);
        self.state = ProducerIdState::Wanted(now + wait);
        self.last_error = Some(error);
    }
}

/// Whether sequence `a` comes before `b`, where at most half the ring lies between them.
pub fn sequence_before(a: i32, b: i32) -> bool {
    let distance = (i64::from(b) - i64::from(a)).rem_euclid(1 << 31);
    distance != 0 && distance < 1 << 30
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accumulator::sequence_after;

    #[test]
    fn sequences_wrap_as_the_broker_wraps_them() {
        assert_eq!(sequence_after(5, 3), 8);
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 5), 3);
        assert!(sequence_before(i32::MAX, 0));
        assert!(!sequence_before(0, i32::MAX));
        assert!(!sequence_before(7, 7));
    }

    #[test]
    fn a_sequence_that_is_lost_before_there_is_a_producer_id_costs_none_of_its_epochs() {
        let mut manager = TransactionManager::new(true);
        manager.request_bump();
        assert!(!manager.bump_wanted());
        manager.initializing();
        manager.request_bump();
        manager.initialized(9, 0);
        assert!(manager.allows_new_batches());
    }

    #[test]
    fn a_used_up_epoch_asks_for_a_new_producer_id() {
        let mut manager = TransactionManager::new(true);
        manager.initialized(9, i16::MAX - 1);
        manager.request_bump();
        assert!(!manager.allows_new_batches());
        manager.bump();
        assert_eq!((manager.epoch, manager.allows_new_batches()), (i16::MAX, true));
        manager.request_bump();
        manager.bump();
        assert_eq!(manager.wanted_at(), Instant(0));
        assert!(!manager.allows_new_batches());
    }
}
