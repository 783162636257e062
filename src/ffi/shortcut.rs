//! The shortcut of `ottla_producer_send` and `_send_flat`: a record that follows another one is
//! sent without a look at what is behind the handle (`producer/shortcut.rs`).

use super::argument;
use super::fork;
use super::prefetch::prefetch;
use super::producer::ottla_producer_t;
use super::record::{check_struct, ottla_record_t, with_headers};
use crate::accumulator::UsualRecord;
use crate::producer::shortcut::{self, Door, Parts};
use crate::record::Header;

/// By what the producer behind a handle is known to shortcuts.
#[inline(always)]
pub fn door(producer: *const ottla_producer_t) -> Door {
    Door { handle: producer.addr(), process: fork::process() }
}

/// Sends the record that `record` describes by the shortcut from `door`, if there is one. If not,
/// also where something is wrong with the record, nothing has happened.
///
/// # Safety
/// As `with_record`.
#[inline(always)]
pub unsafe fn send_by_shortcut(door: Door, record: *const ottla_record_t) -> bool {
    // SAFETY: the caller's promise.
    if unsafe { send_plain_by_shortcut(door, record, || true) } {
        return true;
    }
    // SAFETY: as above.
    shortcut::leads_from(door) && unsafe { send_headers_by_shortcut(door, record) }
}

/// As `send_by_shortcut`, a record without headers, and only if `may_begin`, which is asked where
/// there is a shortcut.
///
/// # Safety
/// As `with_record`.
#[inline(never)]
pub unsafe fn send_plain_by_shortcut(
    door: Door,
    record: *const ottla_record_t,
    may_begin: impl FnOnce() -> bool,
) -> bool {
    shortcut::send(door, || {
        if !may_begin() {
            return None;
        }
        // SAFETY: the caller's promise.
        unsafe { check_struct(record) }.ok()?;
        // SAFETY: not null, and as large as the caller says.
        let seen = unsafe { record.read_unaligned() };
        // SAFETY: the caller's promise about the record.
        (seen.header_count == 0).then(|| unsafe { parts(&seen, &[]) })?
    })
}

/// As `send_by_shortcut`, a record with headers. Apart, as their array would make room on the
/// stack for every record.
///
/// # Safety
/// As `with_record`.
#[inline(never)]
unsafe fn send_headers_by_shortcut(door: Door, record: *const ottla_record_t) -> bool {
    // SAFETY: the caller's promise.
    if unsafe { check_struct(record) }.is_err() {
        return false;
    }
    // SAFETY: not null, and as large as the caller says.
    let seen = unsafe { record.read_unaligned() };
    if seen.header_count == 0 {
        return false;
    }
    let send = |headers: &[Header<'_>]| {
        // SAFETY: the caller's promise about the record.
        Ok(shortcut::send(door, || unsafe { parts(&seen, headers) }))
    };
    // SAFETY: as above.
    unsafe { with_headers(seen.headers, seen.header_count, send) }.unwrap_or(false)
}

/// What a shortcut wants to know, if nothing is wrong with it.
///
/// # Safety
/// All that `seen` points to but its headers can be read, and nobody writes it, for `'a`.
#[inline(always)]
unsafe fn parts<'a>(seen: &ottla_record_t, headers: &'a [Header<'a>]) -> Option<Parts<'a>> {
    if seen.flags != 0 || seen.partition < -1 || seen.timestamp_ms < -1 {
        return None;
    }
    // SAFETY: the caller's promise.
    let topic = unsafe { argument::text_bytes(seen.topic, seen.topic_length, "topic") }.ok()?;
    // SAFETY: as above.
    let key = unsafe { argument::bytes(seen.key, seen.key_length, "key") }.ok()?;
    // SAFETY: as above.
    let value = unsafe { argument::bytes(seen.value, seen.value_length, "value") }.ok()?;
    prefetch(value.unwrap_or_default());
    let partition = (seen.partition >= 0).then_some(seen.partition);
    let timestamp = (seen.timestamp_ms >= 0).then_some(seen.timestamp_ms);
    let record = UsualRecord { key, value, headers, opaque: seen.opaque };
    Some(Parts { topic, partition, timestamp, record })
}
