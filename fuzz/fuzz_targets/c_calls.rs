//! Sequences of C calls.
#![no_main]

use ottla as _;

#[path = "../../tests/fuzz/c_calls.rs"]
mod c_calls;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    c_calls::c_calls(data);
});
