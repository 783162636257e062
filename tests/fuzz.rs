//! Random sequences of C calls, the same in each run. `fuzz/` drives the same function for longer.

// The C API is called as C does, one call after the other.
#![allow(unsafe_code, clippy::multiple_unsafe_ops_per_block)]

#[path = "fuzz/c_calls.rs"]
mod c_calls;

// Links the library whose symbols `c_calls` names.
use ottla as _;

#[test]
fn no_sequence_of_c_calls_does_harm() {
    let mut rng = fastrand::Rng::with_seed(3);
    let mut producers = 0;
    for _ in 0..300 {
        let length = rng.usize(..400);
        let data: Vec<u8> = (0..length).map(|_| rng.u8(..)).collect();
        producers += c_calls::c_calls(&data);
    }
    assert!(producers > 20, "{producers} producers");
}
