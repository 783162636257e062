//! The processor's own counter of ticks, where the system keeps its time with it, too: to read it
//! costs a third of asking the system, and every record wants a timestamp.

/// The ticks now, of which a nanosecond has one at least; `None` where there is no such counter.
#[inline]
pub fn now() -> Option<u64> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if counter::is_sound() {
        return Some(counter::read());
    }
    None
}

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod counter {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU8, Ordering};
    use std::time::{Duration, Instant};

    const UNKNOWN: u8 = 0;
    const SOUND: u8 = 1;
    const UNSOUND: u8 = 2;

    static STATE: AtomicU8 = AtomicU8::new(UNKNOWN);

    #[allow(unsafe_code)] // The one instruction of its kind.
    pub fn read() -> u64 {
        // SAFETY: it reads a register that a program may read wherever the system itself keeps its
        // time with it, or reading the time would not work without a system call.
        unsafe { std::arch::x86_64::_rdtsc() }
    }

    #[inline]
    pub fn is_sound() -> bool {
        match STATE.load(Ordering::Relaxed) {
            UNKNOWN => look(),
            state => state == SOUND,
        }
    }

    /// A system that keeps its time with the counter has seen to it that all processors agree and
    /// that it runs evenly. How fast is measured once, over a millisecond that passes anyway.
    #[cold]
    fn look() -> bool {
        static FIRST: OnceLock<Option<(u64, Instant)>> = OnceLock::new();
        let first = FIRST.get_or_init(|| {
            let source = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
            let source = std::fs::read_to_string(source).ok()?;
            (source.trim() == "tsc").then(|| {
                // The ticks are counted within the time, so that a pause between the two looks
                // like a slower counter and never like a faster one.
                let at = Instant::now();
                (read(), at)
            })
        });
        let Some((ticks, at)) = first else {
            STATE.store(UNSOUND, Ordering::Relaxed);
            return false;
        };
        let counted = read().wrapping_sub(*ticks);
        let passed = at.elapsed();
        if passed >= Duration::from_millis(1) {
            let enough = u128::from(counted) >= passed.as_nanos();
            STATE.store(if enough { SOUND } else { UNSOUND }, Ordering::Relaxed);
        }
        false
    }
}
