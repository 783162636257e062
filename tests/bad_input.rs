//! Bad input and bad peers: each gets its own clear error, in time, and nothing is lost or hangs.
//! No Kafka here: the peers are scripted (support/fake_broker.rs), or the embedded cluster.

#[path = "support/fake_broker.rs"]
mod fake_broker;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

#[path = "bad_input/answers.rs"]
mod answers;
#[path = "bad_input/arguments.rs"]
mod arguments;
#[path = "bad_input/closing.rs"]
mod closing;
#[path = "bad_input/cluster.rs"]
mod cluster;
#[path = "bad_input/defects.rs"]
mod defects;
#[path = "bad_input/foreign.rs"]
mod foreign;
#[path = "bad_input/timeouts.rs"]
mod timeouts;
#[path = "bad_input/waits.rs"]
mod waits;

use std::time::{Duration, Instant};

/// How far from its limit a call may return.
pub const TOLERANCE: Duration = Duration::from_millis(250);

/// Runs `call`, which must take `limit`, give or take the tolerance.
pub fn takes<T>(limit: Duration, call: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = call();
    let took = start.elapsed();
    let early = took + Duration::from_millis(1) < limit;
    assert!(!early && took < limit + TOLERANCE, "took {took:?}, not {limit:?}");
    result
}

/// Asserts that `text` has all of `parts`.
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}
