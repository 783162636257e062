//! The clock: the only room that asks the time.
//!
//! Everything below the producer takes `now` as an argument, so that a simulator can run it on
//! virtual time. Deadlines use the monotonic clock; the wall clock gives timestamps and nothing
//! else, so that a wall clock that jumps changes nothing but timestamps.

mod ticks;

use std::cell::Cell;
use std::ops::{Add, Sub};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

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
    thread_local! {
        static CLOCK: WallClock = const { WallClock(Cell::new(Millisecond::NONE)) };
    }
    CLOCK.with(WallClock::ms)
}

/// The wall clock as one thread reads it.
///
/// Most looks fall into the millisecond of the one before, which the processor's counter tells for
/// less than the clock does. A clock that is set is seen a millisecond later.
pub struct WallClock(Cell<Millisecond>);

impl Default for WallClock {
    fn default() -> WallClock {
        WallClock(Cell::new(Millisecond::NONE))
    }
}

impl WallClock {
    /// Now, in milliseconds since 1970-01-01 UTC.
    #[inline(always)]
    pub fn ms(&self) -> i64 {
        let known = self.0.get();
        match ticks::now() {
            Some(ticks) if ticks.wrapping_sub(known.seen) < known.left => known.number,
            ticks => self.look(ticks),
        }
    }

    #[cold]
    #[inline(never)]
    fn look(&self, ticks: Option<u64>) -> i64 {
        let since = since_1970();
        let number = since.as_millis() as i64;
        if let Some(seen) = ticks {
            let left = 1_000_000 - since.subsec_nanos() % 1_000_000;
            let left = u64::from(left).saturating_sub(TICKS_SLACK);
            self.0.set(Millisecond { number, seen, left });
        }
        number
    }
}

/// A millisecond of the wall clock that is not over as long as less than `left` ticks have passed
/// since `seen`.
#[derive(Clone, Copy)]
struct Millisecond {
    number: i64,
    seen: u64,
    left: u64,
}

impl Millisecond {
    const NONE: Millisecond = Millisecond { number: 0, seen: 0, left: 0 };
}

/// A processor may read its counter a little before what comes first in the program.
const TICKS_SLACK: u64 = 1000;

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_never_of_another_millisecond_than_the_clock_s() {
        let end = std::time::Instant::now() + Duration::from_millis(300);
        let watch = || {
            let mut seen = 0u64;
            while std::time::Instant::now() < end {
                for _ in 0..1000 {
                    let before = since_1970().as_millis() as i64;
                    let stamp = wall_ms();
                    let after = since_1970().as_millis() as i64;
                    assert!((before..=after).contains(&stamp), "{before} {stamp} {after}");
                    seen += 1;
                }
            }
            seen
        };
        let looks: u64 = std::thread::scope(|scope| {
            let threads = [scope.spawn(watch), scope.spawn(watch), scope.spawn(watch)];
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        });
        assert!(looks > 10_000, "{looks}");
    }
}
