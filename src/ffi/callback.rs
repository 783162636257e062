//! Code of the application that a producer runs: C functions, each with the caller's pointer.

use std::ffi::{c_char, c_void};

use super::argument;
use super::record::{self, ottla_header_t, ottla_record_t, with_headers};
use super::report::{self, ottla_report_t};
use crate::error::{Error, ErrorCode, Result};
use crate::log::Level;
use crate::producer::{Interceptor, Partitioner};
use crate::record::{Header, Record};
use crate::report::Report;

/// Gets delivery reports: `reports` is an array of `count`, valid until the callback returns.
pub type ottla_report_callback_t =
    Option<unsafe extern "C" fn(reports: *const ottla_report_t, count: usize, user: *mut c_void)>;

/// Gets a log line: a level (OTTLA_LOG_…), and a text of `length` bytes with a NUL behind it.
pub type ottla_log_callback_t =
    Option<unsafe extern "C" fn(level: i32, text: *const c_char, length: i64, user: *mut c_void)>;

/// Chooses the partition of a record that names none: a number from 0 to `partition_count` - 1,
/// or -1 for the built-in rules; anything else is a failure. A length of -1 is null.
pub type ottla_partitioner_t = Option<
    unsafe extern "C" fn(
        topic: *const c_char,
        topic_length: i64,
        key: *const c_void,
        key_length: i64,
        value: *const c_void,
        value_length: i64,
        partition_count: i32,
        user: *mut c_void,
    ) -> i32,
>;

/// Sees a record before its partition is chosen. It may set key, value and headers, with their
/// lengths, to memory of its own that lives until the send call returns; other fields it cannot
/// change. Anything but 0 is a failure: it is logged, and the record goes on as it was.
pub type ottla_on_send_t =
    Option<unsafe extern "C" fn(record: *mut ottla_record_t, user: *mut c_void) -> i32>;

/// Sees a delivery report before the application does. Anything but 0 is a failure, and logged.
pub type ottla_on_acknowledgement_t =
    Option<unsafe extern "C" fn(report: *const ottla_report_t, user: *mut c_void) -> i32>;

/// Level of a log line: something was lost or cannot go on.
pub const OTTLA_LOG_ERROR: i32 = 3;
/// Level of a log line: something is wrong and may mend itself.
pub const OTTLA_LOG_WARN: i32 = 4;
/// Level of a log line: something worth knowing happened.
pub const OTTLA_LOG_INFO: i32 = 6;
/// Level of a log line: for those who look for a defect.
pub const OTTLA_LOG_DEBUG: i32 = 7;

const _: () = assert!(
    OTTLA_LOG_ERROR == Level::Error as i32
        && OTTLA_LOG_WARN == Level::Warn as i32
        && OTTLA_LOG_INFO == Level::Info as i32
        && OTTLA_LOG_DEBUG == Level::Debug as i32
);

/// The caller's pointer.
#[derive(Clone, Copy)]
pub struct User(pub *mut c_void);

// SAFETY: the library only hands the pointer back; the header says that callbacks can run on
// every thread that uses the producer, so what it points to must bear that.
unsafe impl Send for User {}
// SAFETY: as above.
unsafe impl Sync for User {}

/// A log callback with its pointer.
#[derive(Clone, Copy)]
pub struct LogCallback {
    pub callback: ottla_log_callback_t,
    pub user: User,
}

impl LogCallback {
    pub fn log(&self, level: Level, line: &str) {
        let Some(callback) = self.callback else { return };
        let text = format!("{line}\0");
        // SAFETY: the contract of ottla_config_set_log_callback; the text outlives the call.
        unsafe { callback(level as i32, text.as_ptr().cast(), line.len() as i64, self.user.0) };
    }
}

/// A partitioner with its pointer.
#[derive(Clone, Copy)]
pub struct PartitionerCallback {
    pub callback: ottla_partitioner_t,
    pub user: User,
}

impl Partitioner for PartitionerCallback {
    fn partition(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        count: i32,
    ) -> Result<Option<i32>> {
        let Some(callback) = self.callback else { return Ok(None) };
        let (name, name_length) = (topic.as_ptr().cast(), topic.len() as i64);
        let (key, key_length) = record::bytes_to_c(key);
        let (value, value_length) = record::bytes_to_c(value);
        let user = self.user.0;
        // SAFETY: the contract of ottla_config_set_partitioner; all pointers outlive the call.
        let chosen = unsafe {
            callback(name, name_length, key, key_length, value, value_length, count, user)
        };
        match chosen {
            -1 => Ok(None),
            0.. => Ok(Some(chosen)),
            _ => {
                let text = format!("the partitioner failed for topic {topic}: it gave {chosen}");
                Err(Error::new(ErrorCode::PARTITIONER_FAILED, text))
            }
        }
    }
}

/// An interceptor with its pointer.
#[derive(Clone, Copy)]
pub struct InterceptorCallbacks {
    pub on_send: ottla_on_send_t,
    pub on_acknowledgement: ottla_on_acknowledgement_t,
    pub user: User,
}

impl Interceptor for InterceptorCallbacks {
    fn on_send(
        &self,
        record: &Record<'_>,
        next: &mut dyn FnMut(&Record<'_>) -> Result<()>,
    ) -> Result<()> {
        let Some(on_send) = self.on_send else { return next(record) };
        let headers: Vec<ottla_header_t> = record.headers.iter().map(record::header_to_c).collect();
        let mut seen = record::to_c(record, &headers);
        // SAFETY: the contract of ottla_config_add_interceptor; all pointers outlive the call.
        let status = unsafe { on_send(&raw mut seen, self.user.0) };
        succeeded(status)?;
        // SAFETY: the key is the one given, or memory that the interceptor promises.
        let key = unsafe { argument::bytes(seen.key, seen.key_length, "key") }?;
        // SAFETY: as above.
        let value = unsafe { argument::bytes(seen.value, seen.value_length, "value") }?;
        let next = |headers: &[Header<'_>]| next(&Record { key, value, headers, ..*record });
        // SAFETY: as above.
        unsafe { with_headers(seen.headers, seen.header_count, next) }
    }

    fn on_acknowledgement(&self, report: &Report<'_>) -> Result<()> {
        let Some(on_acknowledgement) = self.on_acknowledgement else { return Ok(()) };
        let seen = report::to_c(report);
        // SAFETY: the contract of ottla_config_add_interceptor; the report outlives the call.
        let status = unsafe { on_acknowledgement(&raw const seen, self.user.0) };
        succeeded(status)
    }
}

fn succeeded(status: i32) -> Result<()> {
    match status {
        0 => Ok(()),
        // Its numbers are its own: they are no codes of ours, and no names of Kafka's.
        _ => Err(Error::new(ErrorCode::INVALID_ARGUMENT, format!("it returned {status}"))),
    }
}
