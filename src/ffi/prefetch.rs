//! Has the processor fetch what will be copied, while it looks at other things.
//!
//! An application's values are seldom in the cache when they are sent, and a copy begins only after
//! the checks, the clock and the partition's lock: by then their bytes can be on the way.

/// Shorter values are there by the time they are copied; to ask for them costs as much.
const LEN_MIN: usize = 256;
/// The rest of longer ones is fetched by the processor itself, once it sees where the copy goes.
const LEN_MAX: usize = 2048;
const CACHE_LINE: usize = 64;

/// Begins to fetch `bytes`, or most of them, where that pays.
#[inline(always)]
pub fn prefetch(bytes: &[u8]) {
    if bytes.len() >= LEN_MIN {
        for begin in bytes[..bytes.len().min(LEN_MAX)].chunks(CACHE_LINE) {
            line(begin);
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn line(bytes: &[u8]) {
    use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
    // SAFETY: a hint; it reads nothing, wherever it points.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(bytes.as_ptr().cast()) };
}

/// Stable Rust has no such hint for other processors.
#[cfg(not(target_arch = "x86_64"))]
fn line(_bytes: &[u8]) {}
