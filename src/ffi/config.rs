//! `ottla_config_t`: keys and values, and the callbacks of the producers made from it.

use std::ffi::{c_char, c_void};

use super::argument::{self, Out, invalid};
use super::boundary;
use super::callback::{
    InterceptorCallbacks, LogCallback, PartitionerCallback, User, ottla_log_callback_t,
    ottla_on_acknowledgement_t, ottla_on_send_t, ottla_partitioner_t, ottla_report_callback_t,
};
use super::error::{ErrorOut, ottla_error_t};
use super::handle::{Held, Kind, Table};
use super::report::{CallbackSink, STRIDE_MAX, ottla_report_t};
use crate::config::Config;
use crate::error::{Error, ErrorCode, Result};
use crate::log::Level;
use crate::producer::{Hooks, Interceptor, Partitioner, ReportSink};
use crate::sync::Mutex;

/// A configuration: keys and values as CONFIGURATION.md lists them, and callbacks. Functions:
/// ottla_config_new, _set, _get, _set_report_callback, _set_log_callback, _set_partitioner,
/// _add_interceptor, _free.
pub struct ottla_config_t {
    _opaque: (),
}

/// What is behind the handle.
#[derive(Default)]
pub struct Settings {
    pub config: Config,
    reports: Option<(ottla_report_callback_t, usize, User)>,
    log: Option<LogCallback>,
    partitioner: Option<PartitionerCallback>,
    interceptors: Vec<InterceptorCallbacks>,
}

impl Settings {
    /// The callbacks for a new producer.
    pub fn hooks(&self) -> Hooks {
        let interceptor = |it: &InterceptorCallbacks| Box::new(*it) as Box<dyn Interceptor>;
        Hooks {
            interceptors: self.interceptors.iter().map(interceptor).collect(),
            partitioner: self.partitioner.map(|it| Box::new(it) as Box<dyn Partitioner>),
            reports: self.reports.map(|(callback, stride, user)| {
                Box::new(CallbackSink { callback, stride, user }) as Box<dyn ReportSink>
            }),
            log: self.log.map(|log| {
                let log = move |level: Level, line: &str| log.log(level, line);
                Box::new(log) as Box<dyn Fn(Level, &str) + Send + Sync>
            }),
        }
    }
}

static CONFIGS: Table<Mutex<Settings>, ottla_config_t> = Table::new(Kind::Config);

/// The settings behind a handle.
pub fn settings(config: *const ottla_config_t) -> Result<Held<Mutex<Settings>>> {
    CONFIGS.require(config, "config")
}

/// Makes a configuration in which nothing is set.
///
/// Ownership: `*config` is the caller's, to be freed with ottla_config_free.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if `config` is NULL.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_new(config: *mut *mut ottla_config_t) -> i32 {
    boundary::run_quietly(|| {
        // SAFETY: the caller's promise about `config`.
        let out = unsafe { Out::required(config, "config") }?;
        let full = |_| Error::new(ErrorCode::INTERNAL, "too many configurations, free some");
        out.set(CONFIGS.insert(Mutex::default()).map_err(full)?);
        Ok(())
    })
}

/// Sets a key to a value, both NUL-terminated. Java's names and librdkafka's are known; the last
/// value of a key counts. How values fit together is checked by ottla_producer_new.
///
/// Ownership: both texts are copied.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_CONFIGURATION for an unknown key (the error names the nearest known one) or
/// a value out of range, OTTLA_NOT_IMPLEMENTED, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
/// OTTLA_INVALID_HANDLE. Nothing is changed unless 0.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_set(
    config: *mut ottla_config_t,
    key: *const c_char,
    value: *const c_char,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let settings = settings(config)?;
        // SAFETY: the caller's promise about `key`.
        let key = unsafe { argument::text(key, -1, "key") }?;
        // SAFETY: the caller's promise about `value`.
        let value = unsafe { argument::text(value, -1, "value") }?;
        settings.lock().config.set(key, value)
    })
}

/// Reads the value of a key: what was set, else its default. A password reads "[hidden]".
///
/// Ownership: the value is copied to `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it.
/// `*length` is its whole length without the NUL, or -1 if there is neither a value nor a
/// default; call with capacity 0 to learn it, and again if it is not below `capacity`.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_CONFIGURATION for an unknown key, OTTLA_INVALID_UTF8,
/// OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_get(
    config: *const ottla_config_t,
    key: *const c_char,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut i64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let settings = settings(config)?;
        // SAFETY: the caller's promise about `key`.
        let key = unsafe { argument::text(key, -1, "key") }?;
        // SAFETY: the caller's promise about `length`.
        let length = unsafe { Out::required(length, "length") }?;
        let value = settings.lock().config.try_get(key)?;
        let text = value.as_deref().unwrap_or_default();
        // SAFETY: the caller's promise about `buffer`.
        unsafe { argument::copy_text(text, buffer, capacity) }?;
        length.set(value.as_ref().map_or(-1, |value| value.len() as i64));
        Ok(())
    })
}

/// Has delivery reports given to a callback instead of being pulled; NULL takes it back. It runs
/// inside ottla_producer_poll, _flush and _close, or with delivery.report.mode=dispatch on a
/// thread of the library. Of a partition it gets the reports of what is persisted in the order of
/// the log. Inside it, sending and polling are allowed.
///
/// Ownership: `user` is handed to the callback and must live as long as the producers made from
/// this configuration; callbacks run on any thread that uses them.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if `report_size` is not sizeof(ottla_report_t),
/// OTTLA_INVALID_HANDLE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_set_report_callback(
    config: *mut ottla_config_t,
    callback: ottla_report_callback_t,
    report_size: usize,
    user: *mut c_void,
) -> i32 {
    boundary::run_quietly(|| {
        let settings = settings(config)?;
        let smallest = size_of::<ottla_report_t>();
        if callback.is_some() && !(smallest..=STRIDE_MAX).contains(&report_size) {
            return Err(invalid("report_size must be sizeof(ottla_report_t)"));
        }
        settings.lock().reports = callback.map(|it| (Some(it), report_size, User(user)));
        Ok(())
    })
}

/// Has log lines given to a callback instead of stderr; NULL takes it back. It runs where
/// delivery reports are consumed: inside ottla_producer_poll, _poll_reports, _flush and _close,
/// or on the library's dispatch thread. Which lines there are is `log.level`'s to say.
///
/// Ownership: `user` as for ottla_config_set_report_callback; the text is the library's.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_set_log_callback(
    config: *mut ottla_config_t,
    callback: ottla_log_callback_t,
    user: *mut c_void,
) -> i32 {
    boundary::run_quietly(|| {
        let settings = settings(config)?;
        let user = User(user);
        settings.lock().log = callback.map(|it| LogCallback { callback: Some(it), user });
        Ok(())
    })
}

/// Has the partitions of records that name none chosen by a callback; NULL takes it back. It runs
/// on the thread that sends.
///
/// Ownership: `user` as for ottla_config_set_report_callback.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_set_partitioner(
    config: *mut ottla_config_t,
    callback: ottla_partitioner_t,
    user: *mut c_void,
) -> i32 {
    boundary::run_quietly(|| {
        let settings = settings(config)?;
        let user = User(user);
        settings.lock().partitioner =
            callback.map(|it| PartitionerCallback { callback: Some(it), user });
        Ok(())
    })
}

/// Adds an interceptor behind those added before. `on_send` runs on the thread that sends,
/// `on_acknowledgement` where delivery reports are consumed; one of them may be NULL.
///
/// Ownership: `user` as for ottla_config_set_report_callback.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if both callbacks are NULL, OTTLA_INVALID_HANDLE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_config_add_interceptor(
    config: *mut ottla_config_t,
    on_send: ottla_on_send_t,
    on_acknowledgement: ottla_on_acknowledgement_t,
    user: *mut c_void,
) -> i32 {
    boundary::run_quietly(|| {
        let settings = settings(config)?;
        if on_send.is_none() && on_acknowledgement.is_none() {
            return Err(invalid("both callbacks of the interceptor are NULL"));
        }
        let interceptor = InterceptorCallbacks { on_send, on_acknowledgement, user: User(user) };
        settings.lock().interceptors.push(interceptor);
        Ok(())
    })
}

/// Frees a configuration. Producers made from it are not concerned.
///
/// Ownership: takes `config`; NULL is fine.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE if it is no configuration or was freed before.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_config_free(config: *mut ottla_config_t) -> i32 {
    boundary::run_quietly(|| {
        if !config.is_null() {
            CONFIGS.remove(config, "config")?;
        }
        Ok(())
    })
}
