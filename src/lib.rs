//! Ottla: a Kafka producer in Rust behind a C ABI. This file is the map; ARCHITECTURE.md is the
//! tour.
//!
//! A module may use those below its line, never its own line or above (tests/tidy.rs holds it):
//!
//! ```text
//! ffi  bin  simulation
//! producer
//! sender
//! accumulator  metadata  report
//! network  broker
//! io  wire
//! config
//! record  compression
//! error  time  sync
//! ```

mod accumulator;
mod backoff;
pub mod broker;
pub mod compression;
pub mod config;
pub mod error;
#[allow(unsafe_code)]
mod ffi;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod io;
mod log;
mod metadata;
mod metrics;
mod network;
pub mod producer;
pub mod record;
mod report;
#[cfg(all(test, feature = "shuttle"))]
mod schedules;
mod sender;
#[cfg(feature = "simulation")]
pub mod simulation;
mod sync;
mod ticket;
pub mod time;
#[allow(dead_code, unused_imports)] // Until the rooms above use all of it.
pub(crate) mod wire;

pub use config::Config;
pub use error::{Error, ErrorCode, Result};
pub use log::Level;
pub use producer::{Hooks, Producer};
pub use record::{Header, Record, TopicName};
pub use report::{Report, State};
