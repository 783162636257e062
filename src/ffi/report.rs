//! `ottla_report_t`: what became of a record, pulled into an array or given to a callback.

use std::ffi::{c_char, c_void};
use std::mem::{self, MaybeUninit};
use std::ptr;

use super::argument::{self, Out, OutArray, invalid};
use super::boundary;
use super::callback::{User, ottla_report_callback_t};
use super::error::{ErrorOut, ottla_error_t};
use super::handle::{Kind, Table};
use super::producer::{live, ottla_producer_t};
use crate::error::Error;
use crate::producer::{ReportSink, Reports};
use crate::report::{Report, State, offset_after};

/// State of a report: provably not in the log.
pub const OTTLA_STATE_NOT_PERSISTED: i32 = 1;
/// State of a report: perhaps in the log; with acks=0 all that can be said.
pub const OTTLA_STATE_POSSIBLY_PERSISTED: i32 = 2;
/// State of a report: acknowledged as `acks` asks.
pub const OTTLA_STATE_PERSISTED: i32 = 3;

/// Flag of a report: sending the record again may help.
pub const OTTLA_REPORT_RETRIABLE: u32 = 1;
/// Flag of a report: the producer accepts nothing any more.
pub const OTTLA_REPORT_FATAL: u32 = 2;

/// What became of one record that was accepted.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ottla_report_t {
    /// The caller's number of the record.
    pub opaque: u64,
    /// Its offset; -1 where it failed or is not known (acks=0).
    pub offset: i64,
    /// The broker's append time if the topic keeps that, else the record's create time, else -1.
    pub timestamp_ms: i64,
    /// The topic with a NUL behind it; lives as long as the producer.
    pub topic: *const c_char,
    /// Why it failed, with a NUL behind it; NULL if it did not. Lives until the lease is freed,
    /// in a callback until that returns.
    pub reason: *const c_char,
    /// The partition that was chosen.
    pub partition: i32,
    /// 0, or why it failed.
    pub status: i32,
    /// One of OTTLA_STATE_….
    pub state: i32,
    /// OTTLA_REPORT_RETRIABLE, OTTLA_REPORT_FATAL.
    pub flags: u32,
}

// The layout is part of the ABI on 64-bit machines.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<ottla_report_t>() == 56);
    assert!(offset_of!(ottla_report_t, offset) == 8);
    assert!(offset_of!(ottla_report_t, topic) == 24);
    assert!(offset_of!(ottla_report_t, reason) == 32);
    assert!(offset_of!(ottla_report_t, partition) == 40);
    assert!(offset_of!(ottla_report_t, state) == 48);
};

/// A lease on the reasons of the reports that one call pulled. Functions: ottla_reports_free.
pub struct ottla_reports_t {
    _opaque: (),
}

static LEASES: Table<Vec<Error>, ottla_reports_t> = Table::new(Kind::Reports);

/// A report as C sees it; topic and reason are borrowed from `report`.
pub fn to_c(report: &Report<'_>) -> ottla_report_t {
    let (reason, status, flags) = match report.error {
        None => (ptr::null(), 0, 0),
        Some(error) => {
            let retriable = if error.is_retriable() { OTTLA_REPORT_RETRIABLE } else { 0 };
            let fatal = if error.is_fatal() { OTTLA_REPORT_FATAL } else { 0 };
            (error.message_with_nul().as_ptr().cast(), error.code().0, retriable | fatal)
        }
    };
    ottla_report_t {
        opaque: report.opaque,
        offset: report.offset,
        timestamp_ms: report.timestamp,
        topic: report.topic.as_bytes_with_nul().as_ptr().cast(),
        reason,
        partition: report.partition,
        status,
        state: match report.state {
            State::NotPersisted => OTTLA_STATE_NOT_PERSISTED,
            State::PossiblyPersisted => OTTLA_STATE_POSSIBLY_PERSISTED,
            State::Persisted => OTTLA_STATE_PERSISTED,
        },
        flags,
    }
}

/// The reports of a run, of which the first is given.
fn alike(first: ottla_report_t, opaques: &[u64]) -> impl Iterator<Item = ottla_report_t> {
    opaques.iter().zip(0..).map(move |(opaque, i)| {
        let offset = offset_after(first.offset, i);
        ottla_report_t { opaque: *opaque, offset, ..first }
    })
}

/// Pulls delivery reports into an array, the oldest first. For producers without a report
/// callback.
///
/// Ownership: fills `reports`, an array of the caller's with room for `capacity` reports, each
/// `stride` bytes (sizeof(ottla_report_t)) after the last; `*count` is how many. `*lease` keeps
/// their reasons alive and is NULL if none failed; free it with ottla_reports_free. With `lease`
/// NULL all reasons are NULL.
/// Thread safety: any thread; of two that pull at once each gets reports of its own.
/// Blocking: at most `timeout_ms` for the first report: 0 not at all, -1 without limit. It also
/// ends, with a count of 0, when a ticket is ready; with OTTLA_CLOSED where nothing is left of a
/// closed producer and it would wait.
/// Returns: 0, also when there is none; OTTLA_WRONG_MODE, OTTLA_INTERRUPTED,
/// OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn ottla_producer_poll_reports(
    producer: *const ottla_producer_t,
    reports: *mut ottla_report_t,
    stride: usize,
    capacity: usize,
    timeout_ms: i32,
    count: *mut usize,
    lease: *mut *mut ottla_reports_t,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        let timeout = argument::timeout(timeout_ms)?;
        if capacity == 0 {
            return Err(invalid("capacity is 0: there is no room for a report"));
        }
        // SAFETY: the caller's promise about `count`.
        let count = unsafe { Out::required(count, "count") }?;
        // SAFETY: the caller's promise about `reports`.
        let out = unsafe { OutArray::new(reports, stride, capacity, "reports") }?;
        let mut written = 0;
        let mut reasons: Vec<Error> = Vec::new();
        let pulled = handle.producer.poll_runs(capacity, timeout, |run| {
            let mut seen = to_c(&run.first);
            match run.first.error {
                Some(_) if lease.is_null() => seen.reason = ptr::null(),
                // The records of a batch share their error: one clone keeps it for all.
                Some(error) if reasons.last().is_none_or(|last| !last.is_same(error)) => {
                    reasons.push(error.clone());
                }
                _ => {}
            }
            for seen in alike(seen, run.opaques) {
                out.set(written, seen);
                written += 1;
            }
        })?;
        count.set(pulled);
        // SAFETY: the caller's promise about `lease`.
        unsafe { Out::optional(lease) }.set(keep(reasons));
        Ok(())
    })
}

/// A lease on `reasons`; null if there is none.
fn keep(reasons: Vec<Error>) -> *mut ottla_reports_t {
    if reasons.is_empty() {
        return ptr::null_mut();
    }
    LEASES.insert(reasons).unwrap_or_else(|reasons| {
        // No room for one more among hundreds of millions: the caller frees none. The reports
        // are read already, so what they point to stays, as the others did.
        mem::forget(reasons);
        ptr::null_mut()
    })
}

/// Frees the reasons of the reports that one call pulled.
///
/// Ownership: takes `lease`; NULL is fine. Reasons of those reports are gone after it.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE if it is no lease or was freed before.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_reports_free(lease: *mut ottla_reports_t) -> i32 {
    boundary::run_quietly(|| {
        if !lease.is_null() {
            LEASES.remove(lease, "lease")?;
        }
        Ok(())
    })
}

/// Gives reports to a C callback, from an array on the stack.
pub struct CallbackSink {
    pub callback: ottla_report_callback_t,
    /// The caller's sizeof(ottla_report_t).
    pub stride: usize,
    pub user: User,
}

/// Reports given to a callback at a time, where the caller's struct is no larger than ours.
const REPORTS_AT_A_TIME: usize = 256;

/// The largest struct that fits into the array; no version will come near it.
pub const STRIDE_MAX: usize = REPORTS_AT_A_TIME * size_of::<ottla_report_t>();

impl ReportSink for CallbackSink {
    fn deliver(&self, reports: &Reports) {
        let mut array = MaybeUninit::<[ottla_report_t; REPORTS_AT_A_TIME]>::uninit();
        let at: *mut ottla_report_t = array.as_mut_ptr().cast();
        let capacity = STRIDE_MAX / self.stride;
        // SAFETY: the array has capacity * stride bytes and outlives `out`.
        let out = unsafe { OutArray::new(at, self.stride, capacity, "reports") };
        let Ok(out) = out else { return };
        let mut count = 0;
        for run in reports.runs() {
            for seen in alike(to_c(&run.first), run.opaques) {
                out.set(count, seen);
                count += 1;
                if count == capacity {
                    self.call(at, count);
                    count = 0;
                }
            }
        }
        if count > 0 {
            self.call(at, count);
        }
    }
}

impl CallbackSink {
    fn call(&self, reports: *const ottla_report_t, count: usize) {
        let Some(callback) = self.callback else { return };
        let user: *mut c_void = self.user.0;
        // SAFETY: the contract of ottla_config_set_report_callback; `count` reports are written.
        unsafe { callback(reports, count, user) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorCode;
    use crate::record::TopicName;
    use crate::report::{Entry, Outcome, Slots};
    use std::ffi::CStr;

    fn entry(count: u64, outcome: Outcome) -> Entry {
        let mut slots = Slots::default();
        (0..count).for_each(|i| slots.push(i as u32, i, None));
        let topic = TopicName::new("letters");
        let (exceptions, log_append_time) = (Vec::new(), -1);
        Entry { topic, partition: 3, base_offset: 100, log_append_time, outcome, exceptions, slots }
    }

    /// What a callback has seen: how many reports each time, and all of them.
    #[derive(Default)]
    struct Seen {
        stride: usize,
        counts: Vec<usize>,
        opaques: Vec<u64>,
        failed: Vec<(i32, i32, u32, String)>,
    }

    unsafe extern "C" fn see(reports: *const ottla_report_t, count: usize, user: *mut c_void) {
        // SAFETY: the test's own `Seen`, which nobody else uses meanwhile.
        let seen = unsafe { &mut *user.cast::<Seen>() };
        seen.counts.push(count);
        for i in 0..count {
            let report = reports.wrapping_byte_add(i * seen.stride);
            // SAFETY: one of the `count` reports.
            let report = unsafe { report.read_unaligned() };
            // SAFETY: a topic has a NUL behind it.
            let topic = unsafe { CStr::from_ptr(report.topic) };
            assert_eq!((topic, report.partition), (c"letters", 3));
            seen.opaques.push(report.opaque);
            if report.reason.is_null() {
                assert_eq!((report.status, report.state), (0, OTTLA_STATE_PERSISTED));
                assert_eq!(report.offset, 100 + report.opaque as i64);
            } else {
                // SAFETY: a reason has a NUL behind it.
                let reason = unsafe { CStr::from_ptr(report.reason) };
                let reason = reason.to_str().unwrap().to_owned();
                assert_eq!(report.offset, -1);
                seen.failed.push((report.status, report.state, report.flags, reason));
            }
        }
    }

    #[test]
    fn a_callback_gets_all_reports_whatever_its_size_of_the_struct() {
        for stride in [56, 64, 4096] {
            let mut seen = Seen { stride, ..Seen::default() };
            let user = User((&raw mut seen).cast());
            let failure = Error::new(ErrorCode::NOT_ENOUGH_REPLICAS, "broker 1 said so");
            let reports = Reports::of(vec![
                entry(300, Outcome::PERSISTED),
                entry(1, Outcome::not_persisted(failure)),
                entry(300, Outcome::PERSISTED),
            ]);
            CallbackSink { callback: Some(see), stride, user }.deliver(&reports);
            let opaques: Vec<u64> = (0..300).chain(0..1).chain(0..300).collect();
            assert_eq!(seen.opaques, opaques);
            assert_eq!(seen.counts.len(), 601_usize.div_ceil(STRIDE_MAX / stride));
            let expected = (19, OTTLA_STATE_NOT_PERSISTED, OTTLA_REPORT_RETRIABLE);
            let reason = "broker 1 said so".to_owned();
            assert_eq!(seen.failed, [(expected.0, expected.1, expected.2, reason)]);
        }
    }

    #[test]
    fn a_lease_is_there_only_if_something_failed() {
        assert!(keep(Vec::new()).is_null());
        let lease = keep(vec![ErrorCode::CLOSED.into()]);
        assert_eq!(ottla_reports_free(lease), 0);
        assert_eq!(ottla_reports_free(lease), ErrorCode::INVALID_HANDLE.0);
    }
}
