//! The locks of the library, in one place so that a model checker can take their part.

pub use parking_lot::{Condvar, Mutex, MutexGuard};
