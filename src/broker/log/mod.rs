//! One replica's log: batches in the order of their offsets, in memory.
//!
//! A batch is its header, into which the broker writes offset and epoch, and its records, which
//! are a slice of the request that brought them: a record is not copied on its way into the log,
//! nor to the followers.

mod stored_batch;

use std::collections::VecDeque;

use super::append_error::AppendError;
use super::log_validator::Batch;
use super::producer_state::{ProducerStates, Verdict};
use super::topic_config::{TimestampType, TopicConfig};
pub use stored_batch::StoredBatch;

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendInfo {
    /// The offset of the first record.
    pub base_offset: i64,
    /// The offset of the last record.
    pub last_offset: i64,
    /// The broker's time, if the records bear it, or else -1.
    pub log_append_time_ms: i64,
}

/// The log of one replica.
#[derive(Clone, Debug, Default)]
pub struct Log {
    batches: VecDeque<StoredBatch>,
    start_offset: i64,
    end_offset: i64,
    bytes: i64,
    /// Leader epochs and the offset at which each began.
    epochs: Vec<(i32, i64)>,
    producers: ProducerStates,
}

impl Log {
    /// The first offset that is there.
    pub fn start_offset(&self) -> i64 {
        self.start_offset
    }

    /// The offset that the next record gets.
    pub fn end_offset(&self) -> i64 {
        self.end_offset
    }

    /// The size of what is kept.
    pub fn bytes(&self) -> i64 {
        self.bytes
    }

    /// Appends what a producer sent. A batch that is there already is not appended again; it
    /// gets the answer that it got, and it bears its time as the time of the append.
    pub fn append_as_leader(
        &mut self,
        batch: &Batch,
        leader_epoch: i32,
        config: &TopicConfig,
        wall_ms: i64,
    ) -> Result<AppendInfo, AppendError> {
        batch.check(config, wall_ms)?;
        if let Verdict::Duplicate(known) = self.producers.check(&batch.header)? {
            return Ok(AppendInfo {
                base_offset: known.base_offset(),
                last_offset: known.last_offset,
                log_append_time_ms: known.timestamp,
            });
        }
        let append_time =
            (config.message_timestamp_type == TimestampType::LogAppendTime).then_some(wall_ms);
        let stored = StoredBatch::new(batch, self.end_offset, leader_epoch, append_time);
        let info = AppendInfo {
            base_offset: stored.base_offset,
            last_offset: stored.last_offset,
            log_append_time_ms: append_time.unwrap_or(-1),
        };
        self.push(stored);
        Ok(info)
    }

    /// Appends what the leader has. Batches that are there already are skipped.
    pub fn append_as_follower(&mut self, batches: &[StoredBatch]) {
        for batch in batches {
            if batch.base_offset >= self.end_offset {
                self.push(batch.clone());
            }
        }
    }

    fn push(&mut self, batch: StoredBatch) {
        if self.epochs.last().is_none_or(|(epoch, _)| *epoch < batch.leader_epoch) {
            self.epochs.push((batch.leader_epoch, batch.base_offset));
        }
        self.producers.appended(&batch.info, batch.base_offset);
        self.end_offset = batch.last_offset + 1;
        self.bytes += batch.size();
        self.batches.push_back(batch);
    }

    /// Batches from the one that holds `offset` on, up to but without the one that begins at
    /// `limit`, until their size is over `max_bytes`; at least one if there is any.
    pub fn read(&self, offset: i64, limit: i64, max_bytes: usize) -> Vec<StoredBatch> {
        let first = self.batches.partition_point(|batch| batch.last_offset < offset);
        let mut left = max_bytes;
        let mut taken = Vec::new();
        for batch in self.batches.range(first..) {
            let size = usize::try_from(batch.size()).unwrap_or(usize::MAX);
            if batch.last_offset >= limit || (size > left && !taken.is_empty()) {
                break;
            }
            left = left.saturating_sub(size);
            taken.push(batch.clone());
        }
        taken
    }

    /// The first offset whose record bears at least this time, and that time, below `limit`. A
    /// batch is looked at as a whole if it is compressed.
    pub fn offset_for_time(&self, timestamp: i64, limit: i64) -> Option<(i64, i64)> {
        let found = self.batches.iter().find(|batch| batch.max_timestamp() >= timestamp)?;
        let (offset, time) = found.first_at(timestamp);
        (offset < limit).then_some((offset, time))
    }

    /// The offset of the record with the largest timestamp, and that timestamp.
    pub fn offset_of_max_time(&self) -> Option<(i64, i64)> {
        let largest = self.batches.iter().map(StoredBatch::max_timestamp).max()?;
        self.offset_for_time(largest, i64::MAX)
    }

    /// The last leader epoch that has records here, or -1.
    pub fn last_epoch(&self) -> i32 {
        self.epochs.last().map_or(-1, |(epoch, _)| *epoch)
    }

    /// The largest epoch up to `epoch` that has records here, and the offset where it ends; where
    /// there is none, -1 and the start of the log.
    pub fn end_of_epoch(&self, epoch: i32) -> (i32, i64) {
        let next = self.epochs.partition_point(|(known, _)| *known <= epoch);
        let end = self.epochs.get(next).map_or(self.end_offset, |(_, start)| *start);
        match next.checked_sub(1) {
            Some(index) => (self.epochs[index].0, end),
            None => (-1, self.start_offset),
        }
    }

    /// Where this log and its leader's part: at the end of the last epoch that both have. An epoch
    /// of which the leader knows nothing is skipped on either side (KIP-279).
    pub fn common_end(&self, leaders: &Log) -> i64 {
        let mut asked = self.last_epoch();
        loop {
            let (known, leaders_end) = leaders.end_of_epoch(asked);
            let (own, own_end) = self.end_of_epoch(known);
            if own == known {
                return leaders_end.min(own_end);
            }
            asked = own;
        }
    }

    /// Drops everything from `offset` on.
    pub fn truncate(&mut self, offset: i64) {
        if offset >= self.end_offset {
            return;
        }
        let offset = offset.max(self.start_offset);
        while let Some(batch) = self.batches.pop_back_if(|batch| batch.last_offset >= offset) {
            self.bytes -= batch.size();
            self.end_offset = batch.base_offset;
        }
        self.end_offset = self.end_offset.min(offset.max(self.start_offset));
        self.epochs.retain(|(_, start)| *start < self.end_offset);
        self.rebuild_producers();
    }

    /// What was forgotten of the last five batches of a producer to make room for later ones is
    /// needed again when those are gone.
    fn rebuild_producers(&mut self) {
        let start = self.batches.front().map_or(self.end_offset, |batch| batch.base_offset);
        self.producers.forget_from(start);
        for batch in &self.batches {
            self.producers.appended(&batch.info, batch.base_offset);
        }
    }

    /// Begins anew at that offset, without any batch.
    pub fn restart_at(&mut self, offset: i64) {
        *self = Log { start_offset: offset, end_offset: offset, ..Log::default() };
    }

    /// Drops the oldest batches while as much as is to be kept remains, as far as `committed`.
    pub fn retain_bytes(&mut self, retention_bytes: i64, committed: i64) {
        if retention_bytes < 0 {
            return;
        }
        while let Some(batch) = self.batches.front() {
            let rest = self.bytes - batch.size();
            if rest < retention_bytes || batch.last_offset >= committed {
                break;
            }
            self.start_offset = batch.last_offset + 1;
            self.bytes = rest;
            self.batches.pop_front();
        }
    }

    /// Makes the log start at that offset or later; batches before it go.
    pub fn start_at(&mut self, offset: i64) {
        while let Some(batch) = self.batches.pop_front_if(|batch| batch.last_offset < offset) {
            self.bytes -= batch.size();
        }
        self.start_offset = self.start_offset.max(offset.min(self.end_offset));
    }
}

#[cfg(test)]
mod tests;
