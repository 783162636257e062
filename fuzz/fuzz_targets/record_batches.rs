//! Record batches and their records.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla::fuzzing::record_batches(data));
