//! `ottla_error_t`: why a call failed.

use std::ffi::c_char;

use super::boundary;
use super::handle::{Kind, Table};
use super::status;
use crate::error::{Error, ErrorCode, Result};

/// Why a call failed: a code, a text that names the thing and the reason, and what kind it is.
/// Functions: ottla_error_code, _name, _text, _is_retriable, _is_fatal, _is_abortable, _free.
pub struct ottla_error_t {
    _opaque: (),
}

static ERRORS: Table<Error, ottla_error_t> = Table::new(Kind::Error);

/// Where a function leaves its error object, if the caller wants one.
pub struct ErrorOut(*mut *mut ottla_error_t);

impl ErrorOut {
    /// # Safety
    /// `error` is null, or can be written until the function returns.
    pub unsafe fn new(error: *mut *mut ottla_error_t) -> ErrorOut {
        ErrorOut(error)
    }

    pub fn none() -> ErrorOut {
        ErrorOut(std::ptr::null_mut())
    }

    /// Leaves `failure` there and gives its status.
    #[cold]
    pub fn fail(self, failure: Error) -> i32 {
        let status = failure.code().0;
        if !self.0.is_null() {
            let object = ERRORS.insert(failure).unwrap_or(std::ptr::null_mut());
            // SAFETY: the promise at its making.
            unsafe { self.0.write(object) };
        }
        status
    }
}

fn look<T>(error: *const ottla_error_t, fallback: T, read: impl FnOnce(&Error) -> T) -> T {
    boundary::run_accessor(fallback, || Some(read(&*ERRORS.get(error)?)))
}

/// The status that the call returned.
///
/// Ownership: borrows `error`.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: the status; OTTLA_INVALID_HANDLE if `error` is no error object.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_code(error: *const ottla_error_t) -> i32 {
    look(error, ErrorCode::INVALID_HANDLE.0, |error| error.code().0)
}

/// The name of its code, as ottla_status_name gives it.
///
/// Ownership: the text is the library's and lives as long as the process.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: the name, never NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_name(error: *const ottla_error_t) -> *const c_char {
    status::ottla_status_name(ottla_error_code(error))
}

/// What happened, to what, and why, in one line of UTF-8 without the code's name.
///
/// Ownership: the text lives until `error` is freed.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: the text with a NUL behind it, never NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_text(error: *const ottla_error_t) -> *const c_char {
    let none = status::ottla_status_text(ErrorCode::INVALID_HANDLE.0);
    look(error, none, |error| error.message_with_nul().as_ptr().cast())
}

/// Whether trying the same again may help.
///
/// Ownership: borrows `error`.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 1 or 0; 0 if `error` is no error object.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_is_retriable(error: *const ottla_error_t) -> i32 {
    look(error, 0, |error| i32::from(error.is_retriable()))
}

/// Whether the producer accepts nothing any more: close it and make a new one.
///
/// Ownership: borrows `error`.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 1 or 0; 0 if `error` is no error object.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_is_fatal(error: *const ottla_error_t) -> i32 {
    look(error, 0, |error| i32::from(error.is_fatal()))
}

/// Whether the transaction must be aborted and the producer may go on. There are no transactions
/// in this version.
///
/// Ownership: borrows `error`.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 1 or 0; 0 if `error` is no error object.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_is_abortable(error: *const ottla_error_t) -> i32 {
    look(error, 0, |error| i32::from(error.is_abortable()))
}

/// Frees an error object.
///
/// Ownership: takes `error`; NULL is fine.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE if `error` is no error object or was freed before.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_error_free(error: *mut ottla_error_t) -> i32 {
    boundary::run_quietly(|| free(error))
}

fn free(error: *mut ottla_error_t) -> Result<()> {
    if !error.is_null() {
        ERRORS.remove(error, "error")?;
    }
    Ok(())
}
