//! Which version of the library this is.

use std::ffi::c_char;

/// The version of this header. A library with the same major version is compatible.
pub const OTTLA_VERSION_MAJOR: i32 = 0;
/// The minor version of this header.
pub const OTTLA_VERSION_MINOR: i32 = 1;
/// The patch version of this header.
pub const OTTLA_VERSION_PATCH: i32 = 0;

const NUMBER: i32 =
    OTTLA_VERSION_MAJOR * 1_000_000 + OTTLA_VERSION_MINOR * 1000 + OTTLA_VERSION_PATCH;

// The numbers above are Cargo.toml's.
const _: () = assert!(NUMBER == from_cargo());

const fn from_cargo() -> i32 {
    const fn number(text: &str) -> i32 {
        let (bytes, mut number, mut i) = (text.as_bytes(), 0, 0);
        while i < bytes.len() {
            number = number * 10 + (bytes[i] - b'0') as i32;
            i += 1;
        }
        number
    }
    number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 1000
        + number(env!("CARGO_PKG_VERSION_PATCH"))
}

/// The version of the library that runs, "0.1.0".
///
/// Ownership: the text is the library's and lives as long as the process.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: the version, never NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// The version of the library that runs, as a number to compare: 1002003 is 1.2.3.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: major * 1000000 + minor * 1000 + patch.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_version_number() -> i32 {
    NUMBER
}
