//! Requests, as the embedded cluster gets them.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla::fuzzing::request(data));
