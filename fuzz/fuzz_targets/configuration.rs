//! Configurations, as lines of key=value.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| ottla::fuzzing::configuration(data));
