//! The clock: the only file that asks the time.
//!
//! Everything below the producer takes `now` as an argument, so that a simulator can run it on
//! virtual time. Deadlines use the monotonic clock; the wall clock gives timestamps and nothing
//! else, so that a wall clock that jumps changes nothing but timestamps.

use std::cell::Cell;
use std::ops::{Add, Sub};
use std::sync::OnceLock;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A moment of the monotonic clock, in nanoseconds since the process first asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub u64);

impl Instant {
    /// A moment that never comes.
    pub const NEVER: Instant = Instant(u64::MAX);

    /// Time from `earlier` to here; zero where `earlier` is later.
    pub fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// Time from here until `later`; `None` where `later` never comes.
    pub fn until(self, later: Instant) -> Option<Duration> {
        (later != Instant::NEVER).then(|| later.since(self))
    }

    /// Whole milliseconds since the clock's origin.
    pub fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;
    fn add(self, duration: Duration) -> Instant {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Instant(self.0.saturating_add(nanos))
    }
}

impl Sub<Instant> for Instant {
    type Output = Duration;
    fn sub(self, earlier: Instant) -> Duration {
        self.since(earlier)
    }
}

/// The monotonic clock now.
pub fn now() -> Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    let origin = ORIGIN.get_or_init(std::time::Instant::now);
    Instant(u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX - 1))
}

/// The wall clock now, in milliseconds since 1970-01-01 UTC, as record timestamps count.
pub fn wall_ms() -> i64 {
    millis(wall_ns())
}

/// As `wall_ms`, for who asks for every record: a fifth of the price while a thread asks more often
/// than every two microseconds.
///
/// Then the exact clock is read once in 16 times, and whenever the coarse one, which costs little
/// and moves once in a few milliseconds, has moved. So the answer is at most 32 µs old, and at
/// most a move of the coarse clock (1 to 10 ms) after a rush that ended.
pub fn wall_ms_in_a_rush() -> i64 {
    const ROUND: u32 = 16;
    const RUSH_NS: i64 = 2_000;
    thread_local! {
        static LAST: Cell<LastLook> = const { Cell::new(LastLook::NEVER) };
    }
    let coarse = clock_ns(ClockId::RealtimeCoarse);
    let last = LAST.get();
    if coarse == last.coarse && last.left > 0 {
        LAST.set(LastLook { left: last.left - 1, ..last });
        return last.ms;
    }
    let ns = wall_ns();
    let asked = if last.in_a_rush { ROUND } else { 1 };
    let in_a_rush = (0..i64::from(asked) * RUSH_NS).contains(&(ns - last.ns));
    let left = if in_a_rush { ROUND - 1 } else { 0 };
    LAST.set(LastLook { coarse, ns, ms: millis(ns), left, in_a_rush });
    millis(ns)
}

/// What `wall_ms_in_a_rush` saw when it last looked at the exact clock.
#[derive(Clone, Copy)]
struct LastLook {
    coarse: i64,
    ns: i64,
    ms: i64,
    /// How often `ms` may be told again.
    left: u32,
    in_a_rush: bool,
}

impl LastLook {
    const NEVER: LastLook = LastLook { coarse: 0, ns: 0, ms: 0, left: 0, in_a_rush: false };
}

fn wall_ns() -> i64 {
    clock_ns(ClockId::Realtime)
}

/// Nanoseconds since 1970, which fit until 2262.
fn clock_ns(clock: ClockId) -> i64 {
    let now = clock_gettime(clock);
    now.tv_sec.saturating_mul(1_000_000_000).saturating_add(now.tv_nsec)
}

/// A clock that stands before 1970 counts as 1970, as no record may be older.
fn millis(ns: i64) -> i64 {
    ns.max(0) / 1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rush_sees_the_time_pass_and_a_pause_at_once() {
        let until = wall_ms() + 50;
        let mut last = 0;
        while last < until {
            let (before, told, after) = (wall_ms(), wall_ms_in_a_rush(), wall_ms());
            // What is told may be 16 looks old, and this thread may have been put aside meanwhile.
            assert!(told <= after && before - told < 10, "{told} is not in {before}..={after}");
            assert!(told >= last, "the clock was not set meanwhile");
            last = told;
        }
        std::thread::park_timeout(Duration::from_millis(30));
        let (before, told) = (wall_ms(), wall_ms_in_a_rush());
        assert!(told >= before, "{told} is from before the pause, which ended at {before}");
    }
}
