//! The C API: the only unsafe code of the crate, one file per noun, and no logic. The conventions
//! stand at the top of `include/ottla.h` (their text is in cbindgen.toml), which cbindgen makes
//! from these files.
//!
//! How a function looks here: pointers become checked Rust values (`argument`, `record`,
//! `packed`), handles become objects (`handle`), and the body runs inside `boundary::run`, which
//! turns errors and panics into a status. No macro hides a signature.

#![allow(non_camel_case_types)] // The types are named as C programs see them.

mod argument;
mod boundary;
mod callback;
mod cluster;
mod config;
mod error;
mod fork;
mod handle;
mod packed;
mod prefetch;
mod producer;
mod record;
mod report;
mod send;
mod shortcut;
mod status;
mod try_calls;
mod version;
