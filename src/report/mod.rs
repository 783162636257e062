//! Delivery reports: what became of each accepted record, told exactly once.
//!
//! Completing a batch is one [`Entry`]: topic, partition, base offset, an outcome with its
//! exceptions, and the opaques of its records. Records are only told apart when the application
//! reads.

mod queue;

pub use queue::{ReportQueue, Woken};

use crate::error::Error;
use crate::record::TopicName;

/// What is known of a record's fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// The broker acknowledged it as `acks` asks.
    Persisted,
    /// It is provably not in the log.
    NotPersisted,
    /// It may or may not be in the log; with `acks=0` all that can be said.
    PossiblyPersisted,
}

/// The outcome of a batch or of one record.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What is known of its fate.
    pub state: State,
    /// Why it failed; `None` where it did not.
    pub error: Option<Error>,
}

impl Outcome {
    /// Acknowledged.
    pub const PERSISTED: Outcome = Outcome { state: State::Persisted, error: None };

    /// Failed, and provably not in the log.
    pub fn not_persisted(error: Error) -> Outcome {
        Outcome { state: State::NotPersisted, error: Some(error) }
    }

    /// Failed, and perhaps in the log all the same.
    pub fn possibly_persisted(error: Error) -> Outcome {
        Outcome { state: State::PossiblyPersisted, error: Some(error) }
    }
}

/// What a batch remembers of its records for their reports: a side block that is recycled.
#[derive(Debug, Default)]
pub struct Slots {
    /// The caller's number of each record that wants a report.
    pub opaques: Vec<u64>,
    /// The create time of each of those, if they are kept (`delivery.report.timestamp`).
    pub timestamps: Vec<i64>,
    /// The index in the batch of each of those; empty as long as it is 0, 1, 2, ….
    pub indices: Vec<u32>,
}

impl Slots {
    /// Remembers the record at `index` of its batch.
    #[inline(always)]
    pub fn push(&mut self, index: u32, opaque: u64, timestamp: Option<i64>) {
        if index as usize != self.opaques.len() || !self.indices.is_empty() {
            self.push_index(index);
        }
        self.opaques.push(opaque);
        if let Some(timestamp) = timestamp {
            self.timestamps.push(timestamp);
        }
    }

    /// A record before this one wanted no report.
    #[cold]
    fn push_index(&mut self, index: u32) {
        if self.indices.is_empty() {
            self.indices.extend(0..self.opaques.len() as u32);
        }
        self.indices.push(index);
    }

    /// Takes the records from `index` on off, and counts them from there.
    pub fn split_off(&mut self, index: u32) -> Slots {
        let at = match self.indices.is_empty() {
            true => self.opaques.len().min(index as usize),
            false => self.indices.partition_point(|other| *other < index),
        };
        let mut later = Slots {
            opaques: self.opaques.split_off(at),
            timestamps: self.timestamps.split_off(at.min(self.timestamps.len())),
            indices: self.indices.split_off(at.min(self.indices.len())),
        };
        later.indices.iter_mut().for_each(|other| *other -= index);
        later
    }

    /// The number of reports.
    pub fn len(&self) -> usize {
        self.opaques.len()
    }

    fn index(&self, slot: usize) -> u32 {
        self.indices.get(slot).copied().unwrap_or(slot as u32)
    }

    fn clear(&mut self) {
        self.opaques.clear();
        self.timestamps.clear();
        self.indices.clear();
    }
}

/// The fate of one batch.
#[derive(Debug)]
pub struct Entry {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// The offset of the batch's first record; -1 where it is not known.
    pub base_offset: i64,
    /// The broker's time of the append; -1 where the topic keeps create times.
    pub log_append_time: i64,
    /// The outcome of all records but the exceptions.
    pub outcome: Outcome,
    /// Records (by index in the batch) with an outcome of their own (KIP-467).
    pub exceptions: Vec<(u32, Outcome)>,
    /// The records.
    pub slots: Slots,
}

impl Entry {
    /// The report of the record in `slot`.
    pub fn report(&self, slot: usize) -> Report<'_> {
        let index = self.slots.index(slot);
        let own = self.exceptions.iter().find(|(i, _)| *i == index).map(|(_, outcome)| outcome);
        let outcome = own.unwrap_or(&self.outcome);
        let known = self.base_offset >= 0 && outcome.error.is_none();
        let created = self.slots.timestamps.get(slot).copied().unwrap_or(-1);
        Report {
            topic: &self.topic,
            partition: self.partition,
            offset: if known { self.base_offset.saturating_add(i64::from(index)) } else { -1 },
            timestamp: if self.log_append_time >= 0 { self.log_append_time } else { created },
            state: outcome.state,
            error: outcome.error.as_ref(),
            opaque: self.slots.opaques[slot],
        }
    }
}

/// The fate of one record.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// The topic.
    pub topic: &'a TopicName,
    /// The partition that was chosen.
    pub partition: i32,
    /// The offset; -1 where it failed or is not known (`acks=0`).
    pub offset: i64,
    /// The broker's append time if the topic keeps that, else the record's create time, else -1.
    pub timestamp: i64,
    /// What is known of its fate.
    pub state: State,
    /// Why it failed.
    pub error: Option<&'a Error>,
    /// The caller's number.
    pub opaque: u64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;

    fn entry(slots: Slots) -> Entry {
        Entry {
            topic: TopicName::new("t"),
            partition: 3,
            base_offset: 100,
            log_append_time: -1,
            outcome: Outcome::PERSISTED,
            exceptions: Vec::new(),
            slots,
        }
    }

    #[test]
    fn offsets_count_records_that_want_no_report() {
        let mut slots = Slots::default();
        slots.push(0, 10, Some(1));
        slots.push(2, 12, Some(3));
        slots.push(3, 13, Some(4));
        let entry = entry(slots);
        let seen: Vec<_> = (0..3).map(|i| entry.report(i)).collect();
        assert_eq!(seen.iter().map(|r| r.offset).collect::<Vec<_>>(), [100, 102, 103]);
        assert_eq!(seen.iter().map(|r| r.opaque).collect::<Vec<_>>(), [10, 12, 13]);
        assert_eq!(seen.iter().map(|r| r.timestamp).collect::<Vec<_>>(), [1, 3, 4]);
    }

    #[test]
    fn a_batch_whose_first_records_want_no_report_starts_late() {
        let mut slots = Slots::default();
        slots.push(5, 1, None);
        slots.push(6, 2, None);
        let entry = entry(slots);
        assert_eq!(entry.report(0).offset, 105);
        assert_eq!(entry.report(1).offset, 106);
        assert_eq!(entry.report(1).timestamp, -1);
    }

    #[test]
    fn an_offset_at_the_end_of_all_offsets_does_not_wrap() {
        let mut slots = Slots::default();
        (0..3).for_each(|i| slots.push(i, u64::from(i), None));
        let mut entry = entry(slots);
        entry.base_offset = i64::MAX - 1;
        let offsets: Vec<i64> = (0..3).map(|i| entry.report(i).offset).collect();
        assert_eq!(offsets, [i64::MAX - 1, i64::MAX, i64::MAX]);
    }

    #[test]
    fn an_exception_hits_its_record_only() {
        let mut slots = Slots::default();
        (0..3).for_each(|i| slots.push(i, u64::from(i), None));
        let mut entry = entry(slots);
        let bad = Outcome::not_persisted(ErrorCode::INVALID_TIMESTAMP.into());
        entry.exceptions.push((1, bad));
        assert!(entry.report(0).error.is_none());
        assert_eq!(entry.report(1).error.unwrap().code(), ErrorCode::INVALID_TIMESTAMP);
        assert_eq!(entry.report(1).offset, -1);
    }
}
