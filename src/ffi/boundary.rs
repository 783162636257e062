//! The border between C and Rust: every exported function's body runs inside `run`.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::ErrorOut;
use crate::error::{Error, ErrorCode, Result};

/// Runs `body` and gives its status; a failure's reason goes to `error`. A panic, which would be
/// undefined behaviour in the caller's frames, becomes `INTERNAL`.
pub fn run(error: ErrorOut, body: impl FnOnce() -> Result<()>) -> i32 {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => 0,
        Ok(Err(failure)) => error.fail(failure),
        Err(panic) => error.fail(defect(&*panic)),
    }
}

/// As `run`, for functions without an error out-parameter.
pub fn run_quietly(body: impl FnOnce() -> Result<()>) -> i32 {
    run(ErrorOut::none(), body)
}

/// Runs an accessor, which has a value for every argument.
pub fn run_accessor<T>(fallback: T, body: impl FnOnce() -> Option<T>) -> T {
    catch_unwind(AssertUnwindSafe(body)).ok().flatten().unwrap_or(fallback)
}

#[cold]
fn defect(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = format!("{} It panicked: {}", ErrorCode::INTERNAL.text(), text.unwrap_or("?"));
    Error::new(ErrorCode::INTERNAL, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_a_status() {
        assert_eq!(run_quietly(|| panic!("on purpose")), ErrorCode::INTERNAL.0);
        assert_eq!(run_quietly(|| Err(ErrorCode::CLOSED.into())), ErrorCode::CLOSED.0);
        assert_eq!(run_quietly(|| Ok(())), 0);
        assert_eq!(run_accessor(7, || panic!("on purpose")), 7);
        assert!(defect(&"why").message().ends_with("It panicked: why"));
    }
}
