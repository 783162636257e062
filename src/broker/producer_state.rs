//! What a log remembers of each producer that writes to it, to refuse what is out of order and to
//! recognize what it has already (Kafka: `ProducerStateManager`, `ProducerAppendInfo`).

use std::collections::VecDeque;

use foldhash::HashMap;

use super::append_error::AppendError;
use crate::error::ErrorCode;
use crate::wire::record_batch::BatchHeader;

/// As many batches may be in flight on one connection, so as many may come again.
const BATCHES_MAX: usize = 5;

/// A batch that is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedBatch {
    /// The sequence number of its first record.
    pub first_sequence: i32,
    /// The sequence number of its last record.
    pub last_sequence: i32,
    /// The offset of its last record.
    pub last_offset: i64,
    /// Offset of the last record less that of the first.
    pub last_offset_delta: i32,
    /// Its largest timestamp.
    pub timestamp: i64,
}

impl AppendedBatch {
    /// The offset of its first record.
    pub fn base_offset(&self) -> i64 {
        self.last_offset - i64::from(self.last_offset_delta)
    }
}

#[derive(Clone, Debug, Default)]
struct Producer {
    epoch: i16,
    /// The last batches, oldest first.
    batches: VecDeque<AppendedBatch>,
}

/// What becomes of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the next one.
    Append,
    /// It is in the log already.
    Duplicate(AppendedBatch),
}

/// The producers of one log, by their ids.
#[derive(Clone, Debug, Default)]
pub struct ProducerStates {
    producers: HashMap<i64, Producer>,
}

impl ProducerStates {
    /// What becomes of a batch that says this about itself.
    pub fn check(&self, header: &BatchHeader) -> Result<Verdict, AppendError> {
        if header.producer_id < 0 {
            return Ok(Verdict::Append);
        }
        // Where nothing is known, be it for retention, any sequence may be the next.
        let Some(producer) = self.producers.get(&header.producer_id) else {
            return Ok(Verdict::Append);
        };
        let (id, epoch, first) = (header.producer_id, header.producer_epoch, header.base_sequence);
        let last = last_sequence(header);
        if epoch == producer.epoch {
            let same = |b: &&AppendedBatch| b.first_sequence == first && b.last_sequence == last;
            if let Some(batch) = producer.batches.iter().find(same) {
                return Ok(Verdict::Duplicate(*batch));
            }
        }
        if epoch < producer.epoch {
            let text = format!(
                "Epoch of producer {id} is {epoch}, which is smaller than the last seen epoch {}",
                producer.epoch
            );
            return Err(AppendError::of_log(ErrorCode::INVALID_PRODUCER_EPOCH, text));
        }
        let expected = match producer.batches.back() {
            Some(batch) if epoch == producer.epoch => add(batch.last_sequence, 1),
            _ => 0,
        };
        if first != expected {
            let text = format!(
                "Out of order sequence number for producer {id} in epoch {epoch}: {first} \
                 (incoming seq. number), {expected} (expected)"
            );
            return Err(AppendError::of_log(ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER, text));
        }
        Ok(Verdict::Append)
    }

    /// Remembers a batch that is in the log now, from `base_offset` on.
    pub fn appended(&mut self, header: &BatchHeader, base_offset: i64) {
        if header.producer_id < 0 {
            return;
        }
        let producer = self.producers.entry(header.producer_id).or_default();
        if producer.epoch != header.producer_epoch {
            producer.batches.clear();
            producer.epoch = header.producer_epoch;
        }
        if producer.batches.len() == BATCHES_MAX {
            producer.batches.pop_front();
        }
        producer.batches.push_back(AppendedBatch {
            first_sequence: header.base_sequence,
            last_sequence: last_sequence(header),
            last_offset: base_offset + i64::from(header.last_offset_delta),
            last_offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
    }

    /// Forgets the batches from `offset` on, as the log did.
    pub fn forget_from(&mut self, offset: i64) {
        self.producers.retain(|_, producer| {
            producer.batches.retain(|batch| batch.last_offset < offset);
            !producer.batches.is_empty()
        });
    }
}

fn last_sequence(header: &BatchHeader) -> i32 {
    add(header.base_sequence, header.last_offset_delta)
}

/// Sequence numbers wrap around from the largest to 0.
fn add(sequence: i32, count: i32) -> i32 {
    sequence.wrapping_add(count) & i32::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(epoch: i16, first: i32, count: i32) -> BatchHeader {
        BatchHeader {
            base_offset: 0,
            partition_leader_epoch: -1,
            attributes: 0,
            last_offset_delta: count - 1,
            base_timestamp: 0,
            max_timestamp: 77,
            producer_id: 9,
            producer_epoch: epoch,
            base_sequence: first,
            record_count: count,
        }
    }

    fn code(states: &ProducerStates, header: &BatchHeader) -> ErrorCode {
        states.check(header).unwrap_err().code
    }

    #[test]
    fn each_of_the_last_five_batches_is_known_again_and_older_ones_are_not() {
        let mut states = ProducerStates::default();
        for i in 0..6 {
            let header = batch(0, 2 * i, 2);
            assert_eq!(states.check(&header), Ok(Verdict::Append));
            states.appended(&header, 100 + 2 * i64::from(i));
        }
        for i in 1..6 {
            let Ok(Verdict::Duplicate(found)) = states.check(&batch(0, 2 * i, 2)) else {
                panic!("batch {i} is not known");
            };
            assert_eq!(found.base_offset(), 100 + 2 * i64::from(i));
            assert_eq!(found.timestamp, 77);
        }
        let out_of_order = ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER;
        assert_eq!(code(&states, &batch(0, 0, 2)), out_of_order);
        assert_eq!(code(&states, &batch(0, 10, 1)), out_of_order, "half of a batch is none");
        assert_eq!(code(&states, &batch(0, 13, 1)), out_of_order);
    }

    #[test]
    fn a_new_epoch_starts_at_zero_and_fences_the_old_one() {
        let mut states = ProducerStates::default();
        states.appended(&batch(3, 7, 1), 0);
        assert_eq!(code(&states, &batch(2, 8, 1)), ErrorCode::INVALID_PRODUCER_EPOCH);
        assert_eq!(code(&states, &batch(4, 8, 1)), ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER);
        assert_eq!(states.check(&batch(4, 0, 1)), Ok(Verdict::Append));
        states.appended(&batch(4, 0, 1), 1);
        assert_eq!(code(&states, &batch(3, 7, 1)), ErrorCode::INVALID_PRODUCER_EPOCH);
        assert_eq!(states.check(&batch(4, 1, 1)), Ok(Verdict::Append));
    }

    #[test]
    fn sequences_wrap_around() {
        let mut states = ProducerStates::default();
        states.appended(&batch(0, i32::MAX - 1, 2), 0);
        assert_eq!(states.check(&batch(0, 0, 1)), Ok(Verdict::Append));
        states.appended(&batch(0, 0, 1), 2);
        assert_eq!(states.check(&batch(0, 1, 1)), Ok(Verdict::Append));
        let mut across = ProducerStates::default();
        across.appended(&batch(0, i32::MAX, 3), 0);
        assert_eq!(across.check(&batch(0, 2, 1)), Ok(Verdict::Append));
    }

    #[test]
    fn an_unknown_producer_may_start_anywhere() {
        let mut states = ProducerStates::default();
        assert_eq!(states.check(&batch(5, 1234, 1)), Ok(Verdict::Append));
        states.appended(&batch(0, 0, 1), 0);
        states.appended(&batch(0, 1, 1), 1);
        states.forget_from(1);
        assert_eq!(states.check(&batch(0, 1, 1)), Ok(Verdict::Append));
        states.forget_from(0);
        assert_eq!(states.check(&batch(0, 99, 1)), Ok(Verdict::Append));
    }
}
