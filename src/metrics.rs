//! Counters of one producer, under Kafka's metric names; read as a snapshot in JSON.
//!
//! The I/O thread writes almost all of them, so they are plain relaxed adds.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident, $name:literal;)*) => {
        /// See the file's comment.
        #[derive(Debug, Default)]
        pub struct Metrics { $($(#[$doc])* pub $field: Counter,)* }

        impl Metrics {
            /// Every counter's name and value.
            pub fn values(&self) -> Vec<(&'static str, u64)> {
                vec![$(($name, self.$field.get()),)*]
            }
        }
    };
}

/// A number that grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// The value.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Records in batches that were sent; a retry counts again.
    records_sent, "record-send-total";
    /// Records that were acknowledged.
    records_acked, "record-ack-total";
    /// Records whose report is a failure.
    records_failed, "record-error-total";
    /// Records in batches that were sent again.
    records_retried, "record-retry-total";
    /// Batches that were sent.
    batches_sent, "batch-send-total";
    /// Batches that the broker found too large and that were split.
    batches_split, "batch-split-total";
    /// Requests of any kind.
    requests, "request-total";
    /// Produce requests.
    produce_requests, "produce-request-total";
    /// Answers of any kind.
    responses, "response-total";
    /// Bytes of batches that were sent.
    bytes_sent, "byte-total";
    /// Connections that ended.
    disconnects, "connection-close-total";
    /// Metadata answers.
    metadata_updates, "metadata-update-total";
    /// Sends that waited for memory.
    buffer_waits, "bufferpool-wait-total";
    /// Sends that got no memory in time.
    buffer_exhausted, "buffer-exhausted-total";
    /// Rounds of the I/O thread.
    io_rounds, "io-round-total";
    /// Times a broker asked for silence.
    throttled, "produce-throttle-total";
}
