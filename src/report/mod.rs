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
    /// Their create times, if they are kept (`delivery.report.timestamp`): each with the first of
    /// the records in a row that have it, as most share the millisecond of the one before.
    created: Vec<(u32, i64)>,
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
        if let Some(timestamp) = timestamp
            && self.created.last().is_none_or(|(_, last)| *last != timestamp)
        {
            self.created.push((self.opaques.len() as u32, timestamp));
        }
        self.opaques.push(opaque);
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
            created: self.split_created(at as u32),
            indices: self.indices.split_off(at.min(self.indices.len())),
        };
        later.indices.iter_mut().for_each(|other| *other -= index);
        later
    }

    /// Takes the create times from the record in slot `at` on off.
    fn split_created(&mut self, at: u32) -> Vec<(u32, i64)> {
        let run = self.created.partition_point(|(first, _)| *first <= at);
        let Some((_, goes_on)) = run.checked_sub(1).map(|run| self.created[run]) else {
            return Vec::new();
        };
        let later = self.created.split_off(run).into_iter().map(|(first, time)| (first - at, time));
        let later = std::iter::once((0, goes_on)).chain(later).collect();
        self.created.retain(|(first, _)| *first < at);
        later
    }

    /// The create time of the record in a slot, if it was kept, and the slot behind those in a row
    /// that share it.
    pub fn created(&self, slot: usize) -> (Option<i64>, usize) {
        let next = self.created.partition_point(|(first, _)| *first as usize <= slot);
        let end = self.created.get(next).map_or(self.len(), |(first, _)| *first as usize);
        (next.checked_sub(1).map(|run| self.created[run].1), end)
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
        self.created.clear();
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
    #[cfg(test)]
    pub fn report(&self, slot: usize) -> Report<'_> {
        self.run(slot, slot + 1).first
    }

    /// The reports from `slot` to before `end`, or fewer that are alike.
    fn run(&self, slot: usize, end: usize) -> Run<'_> {
        let index = self.slots.index(slot);
        let own = self.exceptions.iter().find(|(i, _)| *i == index).map(|(_, outcome)| outcome);
        let outcome = own.unwrap_or(&self.outcome);
        let known = self.base_offset >= 0 && outcome.error.is_none();
        let (created, created_end) = self.slots.created(slot);
        let is_plain = self.exceptions.is_empty() && self.slots.indices.is_empty();
        let end = if is_plain { end.min(created_end) } else { slot + 1 };
        let opaques = &self.slots.opaques[slot..end];
        let first = Report {
            topic: &self.topic,
            partition: self.partition,
            offset: if known { self.base_offset.saturating_add(i64::from(index)) } else { -1 },
            timestamp: match self.log_append_time {
                0.. => self.log_append_time,
                _ => created.unwrap_or(-1),
            },
            state: outcome.state,
            error: outcome.error.as_ref(),
            opaque: opaques[0],
        };
        Run { first, opaques }
    }

    /// All reports of the slots `from` to before `to`.
    pub fn runs(&self, from: usize, to: usize) -> impl Iterator<Item = Run<'_>> {
        let mut slot = from;
        std::iter::from_fn(move || {
            let run = (slot < to).then(|| self.run(slot, to))?;
            slot += run.opaques.len();
            Some(run)
        })
    }
}

/// Reports of records that follow each other and differ in offset and number only.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The first.
    pub first: Report<'a>,
    /// The caller's number of each; one at least.
    pub opaques: &'a [u64],
}

impl<'a> Run<'a> {
    /// The reports one by one.
    pub fn reports(self) -> impl Iterator<Item = Report<'a>> {
        let Run { first, opaques } = self;
        opaques.iter().enumerate().map(move |(i, opaque)| {
            let offset = offset_after(first.offset, i as i64);
            Report { offset, opaque: *opaque, ..first }
        })
    }
}

/// The offset `count` records after one whose offset may not be known.
pub fn offset_after(offset: i64, count: i64) -> i64 {
    if offset < 0 { offset } else { offset.saturating_add(count) }
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
    fn times_are_kept_once_for_records_in_a_row_and_found_for_each() {
        let times = [5, 5, 5, 7, 5, 5, 9];
        for split in 0..=times.len() {
            let mut slots = Slots::default();
            (0..).zip(times).for_each(|(i, time)| slots.push(i, u64::from(i), Some(time)));
            assert_eq!(slots.created.len(), 4);
            let later = slots.split_off(split as u32);
            let of = |slots: &Slots| -> Vec<_> {
                (0..slots.len()).map(|slot| slots.created(slot).0.unwrap()).collect()
            };
            assert_eq!((&of(&slots)[..], &of(&later)[..]), times.split_at(split));
        }
    }

    #[test]
    fn reports_in_runs_are_the_reports_one_by_one() {
        let bad = || Outcome::not_persisted(ErrorCode::INVALID_TIMESTAMP.into());
        let of = |report: Report<'_>| {
            let code = report.error.map(|error| error.code());
            (report.opaque, report.offset, report.timestamp, report.state, code)
        };
        for (gap, exception, base_offset, log_append_time) in
            [(9, 9, 100, -1), (9, 9, -1, -1), (9, 9, 100, 77), (2, 9, 100, -1), (9, 3, 100, -1)]
        {
            let mut slots = Slots::default();
            for (i, time) in (0..).zip([5, 5, 5, 7, 5, 5, 9]) {
                slots.push(if i < gap { i } else { i + 1 }, u64::from(i) + 50, Some(time));
            }
            let mut entry = Entry { base_offset, log_append_time, ..entry(slots) };
            entry.exceptions.extend((exception < 9).then(|| (exception, bad())));
            for (from, to) in [(0, 7), (1, 2), (2, 6), (7, 7)] {
                let one_by_one: Vec<_> = (from..to).map(|slot| of(entry.report(slot))).collect();
                let runs = entry.runs(from, to);
                let in_runs: Vec<_> = runs.flat_map(|run| run.reports()).map(of).collect();
                assert_eq!(in_runs, one_by_one, "{gap} {exception} {base_offset}");
            }
            let runs = entry.runs(0, 7).count();
            assert_eq!(runs, if gap < 9 || exception < 9 { 7 } else { 4 });
        }
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
