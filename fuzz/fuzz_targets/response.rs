//! Responses of every API in every version.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla::fuzzing::response(data));
