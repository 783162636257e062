//! Forks: a process that was forked has none of the threads that its parent's producers need.
//!
//! A producer notes the generation of the process in which its threads were started. In a child
//! of that process every call answers with `FORKED` at once instead of waiting for ever; one whose
//! threads were never started works in the child, and in the parent too.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorCode, Result};
use crate::producer::Producer;

static FORKS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count_fork() {
    FORKS.fetch_add(1, Ordering::Relaxed);
}

/// This process, counted in forks since producers are watched for them.
#[inline(always)]
pub fn process() -> u64 {
    FORKS.load(Ordering::Relaxed)
}

/// The generation of the process to which a producer or a cluster belongs.
pub struct Home(AtomicU64);

impl Home {
    /// This process.
    pub fn here() -> Home {
        static WATCH: Once = Once::new();
        WATCH.call_once(|| {
            // SAFETY: the handler adds to an atomic, which is allowed after a fork. Registering
            // can only fail for lack of memory, and then forks go unnoticed.
            let _ = unsafe { libc::pthread_atfork(None, None, Some(count_fork)) };
        });
        Home(AtomicU64::new(process()))
    }

    /// Whether this is another process by now.
    pub fn is_elsewhere(&self) -> bool {
        self.0.load(Ordering::Relaxed) != process()
    }

    /// Whether `producer` was started in another process; if it was not, it moves in here.
    pub fn is_left(&self, producer: &Producer) -> bool {
        let now = process();
        if self.0.load(Ordering::Relaxed) == now {
            return false;
        }
        if !producer.is_used() {
            self.0.store(now, Ordering::Relaxed);
        }
        // Another thread may have moved it in and started it between the two looks.
        self.0.load(Ordering::Relaxed) != now
    }

    pub fn check(&self, producer: &Producer) -> Result<()> {
        if self.is_left(producer) {
            return Err(forked());
        }
        Ok(())
    }
}

#[cold]
fn forked() -> Error {
    let text = "the producer was used before this process was forked and its threads are in the \
                parent: make a new producer in the child, or make this one and fork before its use";
    Error::new(ErrorCode::FORKED, text)
}
