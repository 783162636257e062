//! In which states the batches are: for the simulator, which shows that it reached them all.

use super::Sender;
use crate::accumulator::ProducerBatch;
use crate::compression::CompressionType;

/// Every state of a batch, as [`Sender::batch_states`] names them.
pub const BATCH_STATES: [&str; 13] = [
    "open",
    "full and waiting",
    "in line for a broker",
    "without a leader",
    "in flight",
    "in flight behind another",
    "expired in flight",
    "to be retried",
    "in doubt and to be retried",
    "behind a gap in the sequences",
    "held until the epoch is bumped",
    "being compressed",
    "compressed and waiting",
];

impl Sender {
    /// Calls `found` for each state in which some batch is, perhaps more than once.
    pub fn batch_states(&self, mut found: impl FnMut(&'static str)) {
        let mut see = |is: bool, state: usize| {
            if is {
                found(BATCH_STATES[state]);
            }
        };
        for part in self.parts.iter().flatten() {
            let deque = part.queue.lock();
            see(deque.batches.back().is_some_and(|batch| !batch.is_full()), 0);
            see(deque.batches.len() > 1, 1);
            see(part.in_line.is_some(), 2);
            see(part.leaderless, 3);
            see(!part.in_flight.is_empty(), 4);
            see(part.in_flight.len() > 1, 5);
            see(!part.retries.is_empty(), 7);
            see(part.retries.iter().any(|batch| batch.maybe_appended), 8);
            see(part.gap && !part.retries.is_empty(), 9);
            see(deque.batches.iter().any(ProducerBatch::is_compressing), 11);
            let compressed = |batch: &ProducerBatch| batch.compression() != CompressionType::None;
            see(deque.batches.iter().any(compressed), 12);
            let waits = !part.retries.is_empty() || !deque.batches.is_empty();
            see(self.transactions.bump_wanted() && waits, 10);
        }
        let mut batches = self.requests.values().flat_map(|request| &request.batches);
        see(batches.any(|(_, batch)| batch.is_none()), 6);
    }
}
