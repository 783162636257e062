//! Shared: what the application's threads and the I/O thread of a producer have in common.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use super::alarms::{Alarms, OnDue};
use super::purge::{Purge, Purges};
use crate::accumulator::RecordAccumulator;
use crate::error::Error;
use crate::log::Logger;
use crate::metadata::Metadata;
use crate::metrics::Metrics;
use crate::time::Instant;

/// How far closing is.
const RUNNING: u8 = 0;
pub(super) const CLOSING: u8 = 1;
pub(super) const FORCED: u8 = 2;

/// What the application's threads and the I/O thread share.
pub struct Shared {
    /// Batches on their way to the I/O thread.
    pub accumulator: RecordAccumulator,
    /// What is known of the cluster.
    pub metadata: Metadata,
    /// Counters.
    pub metrics: Metrics,
    /// Log lines.
    pub log: Logger,
    /// Who is to be woken when.
    pub alarms: Alarms,
    pub(super) purges: Purges,
    /// A test wants to see what a defect would do.
    pub(super) panics: AtomicBool,
    fatal: OnceLock<Error>,
    pub(super) closing: AtomicU8,
    /// Records that a forced close reported as failed.
    pub(super) given_up: AtomicU64,
}

impl AsRef<RecordAccumulator> for Shared {
    fn as_ref(&self) -> &RecordAccumulator {
        &self.accumulator
    }
}

impl Shared {
    /// Running.
    pub fn new(accumulator: RecordAccumulator, metadata: Metadata, log: Logger) -> Shared {
        Shared {
            accumulator,
            metadata,
            metrics: Metrics::default(),
            log,
            alarms: Alarms::default(),
            purges: Purges::default(),
            panics: AtomicBool::new(false),
            fatal: OnceLock::new(),
            closing: AtomicU8::new(RUNNING),
            given_up: AtomicU64::new(0),
        }
    }

    /// Has the I/O thread call `on_due` at `at`.
    pub fn set_alarm(&self, at: Instant, id: u64, on_due: OnDue) {
        self.alarms.set(at, id, on_due);
        self.accumulator.wakeup.demand(at);
    }

    /// Gives up what was accepted until now; the reports follow at once.
    pub fn purge(&self, purge: Purge) {
        let below = match purge.queued {
            true => self.accumulator.end_batches(),
            false => self.accumulator.incomplete.mark(),
        };
        self.purges.add(purge, below);
        self.accumulator.wakeup.demand(Instant(0));
    }

    /// Has the I/O thread panic in its next round, for tests of what a defect would do.
    pub fn panic(&self) {
        self.panics.store(true, Ordering::SeqCst);
        self.accumulator.wakeup.demand(Instant(0));
    }

    /// The error after which nothing is accepted any more.
    pub fn fatal(&self) -> Option<&Error> {
        self.fatal.get()
    }

    /// Ends the producer for good: nothing is accepted, nobody waits.
    pub fn fail(&self, error: &Error) {
        let _ = self.fatal.set(error.clone());
        self.accumulator.close();
        self.metadata.close(error.clone());
    }

    /// The number of records that a forced close reported as failed.
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::SeqCst)
    }

    /// Takes no more records; the I/O thread ends when all are reported.
    pub fn initiate_close(&self) {
        self.accumulator.close();
        let _ = self.closing.fetch_max(CLOSING, Ordering::SeqCst);
        self.accumulator.wakeup.demand(Instant(0));
    }

    /// The I/O thread reports all that is left as failed, and ends.
    pub fn force_close(&self) {
        self.accumulator.close();
        self.closing.store(FORCED, Ordering::SeqCst);
        self.accumulator.wakeup.demand(Instant(0));
    }
}
