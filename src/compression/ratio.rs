//! How well a topic's batches compress, to fill a batch to `batch.size` bytes of what is sent.
//!
//! Java's CompressionRatioEstimator, but for each topic of each producer instead of the process.

use std::sync::atomic::{AtomicU32, Ordering};

/// It gets worse quickly and better slowly: a batch that is too large costs more than a small one.
const WORSE_STEP: f32 = 0.05;
const BETTER_STEP: f32 = 0.005;

/// Compressed size by raw size, as far as it is known. 1 at first.
#[derive(Debug)]
pub struct RatioEstimate(AtomicU32);

impl Default for RatioEstimate {
    fn default() -> RatioEstimate {
        RatioEstimate(AtomicU32::new(1f32.to_bits()))
    }
}

impl RatioEstimate {
    /// The estimate.
    pub fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    /// A batch compressed to `observed` of its size.
    pub fn update(&self, observed: f32) {
        // Two batches at once may lose one's step, which the next one takes.
        let estimate = self.get();
        let next = if observed > estimate {
            (estimate + WORSE_STEP).max(observed)
        } else if observed < estimate {
            (estimate - BETTER_STEP).max(observed)
        } else {
            estimate
        };
        self.0.store(next.to_bits(), Ordering::Relaxed);
    }

    /// A batch was too large for its broker: nothing is expected of compression for a while.
    pub fn reset(&self) {
        self.0.store(1f32.to_bits(), Ordering::Relaxed);
    }
}
