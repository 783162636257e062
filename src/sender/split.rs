//! A batch that the broker finds too large goes again in pieces (KIP-126).
//!
//! Two things are not as in Java. Pieces are at most half as large as what was refused: Java's are
//! as large as `batch.size`, and without compression that is the refused batch again, for ever. And
//! they are not compressed again, as Java's are.
//!
//! A batch that may be in the log already, as after NOT_LEADER_OR_FOLLOWER, is split as well. If it
//! is there a broker that knows the producer takes none of its pieces, whose sequences are used and
//! are those of no batch it knows, and they end as possibly persisted. So do those behind a record
//! that is too large by itself, in such a batch: they are in doubt, and their sequence has a gap.

use super::Sender;
use crate::accumulator::ProducerBatch;
use crate::error::Error;
use crate::time::Instant;

impl Sender {
    /// Sends the records again in smaller batches, at once: nothing is gained by waiting, and it
    /// counts as no retry. The sequences are those of the records in the whole batch.
    pub(super) fn split(&mut self, id: u32, batch: ProducerBatch, error: Error, now: Instant) {
        if let Some(late) = self.out_of_time(&batch, &error, now) {
            return self.fail_batch(id, batch, late, now);
        }
        let Some(part) = self.parts[id as usize].as_mut() else { return };
        part.split_size_max = part.split_size_max.min(batch.size() / 2);
        part.backoff_until = now;
        part.acknowledged = false;
        part.queue.ratio.reset();
        for piece in self.shared.accumulator.split(batch, part.split_size_max) {
            part.reenqueue(piece);
        }
        self.shared.metrics.batches_split.add(1);
    }
}
