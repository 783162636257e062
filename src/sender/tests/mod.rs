//! The Sender under virtual time: what it sends and reports, whatever brokers and wires do.

mod harness;
mod model;
mod setup;
mod verdict;
mod wires;

mod batching;
mod closing;
#[cfg(feature = "zstd")]
mod compression;
mod discovery;
mod epochs;
mod error_table;
mod errors;
mod expiry;
mod hostile;
mod order;
mod packing;
mod panics;
mod partitioning;
mod purging;
mod random;
mod retries;
mod split;
mod topics;
