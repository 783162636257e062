//! `ottla_record_t` and `ottla_header_t`: a record as C programs hand it over.

use std::ffi::{c_char, c_void};
use std::marker::PhantomData;

use super::argument::{self, invalid};
use crate::error::Result;
use crate::record::{Header, Record};

/// Flag of a record: no delivery report is wanted, even for a failure; it takes no report slot.
pub const OTTLA_NO_REPORT: u32 = 1;

/// A header of a record.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ottla_header_t {
    /// The name, UTF-8; may be empty, and may repeat.
    pub name: *const c_char,
    /// Its length in bytes, or -1 if there is a NUL behind it.
    pub name_length: i64,
    /// The value.
    pub value: *const c_void,
    /// Its length in bytes; -1 is null, which differs from empty.
    pub value_length: i64,
}

/// A record to send. Begin with OTTLA_RECORD_INIT: zero means something in most fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ottla_record_t {
    /// sizeof(ottla_record_t), so that the struct can grow.
    pub struct_size: usize,
    /// The topic's name.
    pub topic: *const c_char,
    /// Its length in bytes, or -1 if there is a NUL behind it.
    pub topic_length: i64,
    /// The key.
    pub key: *const c_void,
    /// Its length in bytes; -1 is null, which differs from empty.
    pub key_length: i64,
    /// The value.
    pub value: *const c_void,
    /// Its length in bytes; -1 is null (a tombstone on a compacted topic).
    pub value_length: i64,
    /// The headers, in order; not looked at if there are none.
    pub headers: *const ottla_header_t,
    /// How many headers there are.
    pub header_count: usize,
    /// Milliseconds since 1970-01-01 UTC; -1 is now.
    pub timestamp_ms: i64,
    /// A number of the caller's that comes back in the delivery report.
    pub opaque: u64,
    /// The partition; -1 to have one chosen.
    pub partition: i32,
    /// 0, or OTTLA_NO_REPORT.
    pub flags: u32,
}

/// The size of the struct in version 0.1: a caller's can be larger, not smaller.
const RECORD_SIZE_MIN: usize = 96;

// The layout is part of the ABI on 64-bit machines.
#[cfg(target_pointer_width = "64")]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<ottla_record_t>() == RECORD_SIZE_MIN);
    assert!(offset_of!(ottla_record_t, topic) == 8);
    assert!(offset_of!(ottla_record_t, key) == 24);
    assert!(offset_of!(ottla_record_t, value) == 40);
    assert!(offset_of!(ottla_record_t, headers) == 56);
    assert!(offset_of!(ottla_record_t, timestamp_ms) == 72);
    assert!(offset_of!(ottla_record_t, opaque) == 80);
    assert!(offset_of!(ottla_record_t, partition) == 88);
    assert!(offset_of!(ottla_record_t, flags) == 92);
    assert!(size_of::<ottla_header_t>() == 32);
};

/// The parts of a record that are numbers, checked.
pub struct Numbers {
    partition: Option<i32>,
    timestamp: Option<i64>,
    opaque: u64,
    no_report: bool,
}

impl Numbers {
    #[inline(always)]
    pub fn new(partition: i32, timestamp_ms: i64, opaque: u64, flags: u32) -> Result<Numbers> {
        if partition < -1 {
            return Err(invalid(format!("partition is {partition}: use -1 to have one chosen")));
        }
        if timestamp_ms < -1 {
            return Err(invalid(format!(
                "timestamp_ms is {timestamp_ms}: it counts from 1970-01-01 UTC, and -1 is now"
            )));
        }
        if flags & !OTTLA_NO_REPORT != 0 {
            return Err(invalid(format!("flags is {flags:#x}: only OTTLA_NO_REPORT (1) is known")));
        }
        Ok(Numbers {
            partition: (partition >= 0).then_some(partition),
            timestamp: (timestamp_ms >= 0).then_some(timestamp_ms),
            opaque,
            no_report: flags & OTTLA_NO_REPORT != 0,
        })
    }

    #[inline]
    pub fn record<'a>(
        self,
        topic: &'a str,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers: &'a [Header<'a>],
    ) -> Record<'a> {
        let Numbers { partition, timestamp, opaque, no_report } = self;
        Record { topic, partition, timestamp, key, value, headers, opaque, no_report }
    }
}

/// Headers without an allocation, as long as there are few.
pub struct Headers<'a> {
    few: [Header<'a>; HEADERS_FEW],
    count: usize,
    /// All of them, once there are more.
    many: Vec<Header<'a>>,
}

const HEADERS_FEW: usize = 8;

impl<'a> Headers<'a> {
    pub fn new() -> Headers<'a> {
        let none = Header { name: "", value: None };
        Headers { few: [none; HEADERS_FEW], count: 0, many: Vec::new() }
    }

    pub fn push(&mut self, header: Header<'a>) {
        if let Some(place) = self.few.get_mut(self.count) {
            *place = header;
        } else {
            if self.many.is_empty() {
                self.many.extend(self.few);
            }
            self.many.push(header);
        }
        self.count += 1;
    }

    pub fn clear(&mut self) {
        self.count = 0;
        self.many.clear();
    }

    pub fn as_slice(&self) -> &[Header<'a>] {
        self.few.get(..self.count).unwrap_or(&self.many)
    }
}

/// Gives the record that `record` describes to `send`.
///
/// # Safety
/// `record` is null or points to a record that can be read with all it points to.
pub unsafe fn with_record<R>(
    record: *const ottla_record_t,
    send: impl FnOnce(&Record<'_>) -> Result<R>,
) -> Result<R> {
    // SAFETY: the caller's promise.
    unsafe { check_struct(record) }?;
    // SAFETY: not null, and as large as the caller says.
    let seen = unsafe { record.read_unaligned() };
    // SAFETY: the caller's promise about the record.
    let plain = unsafe { without_headers(&seen) }?;
    if seen.header_count == 0 {
        return send(&plain);
    }
    let send = |headers: &[Header<'_>]| send(&Record { headers, ..plain });
    // SAFETY: as above.
    unsafe { with_headers(seen.headers, seen.header_count, send) }
}

/// Refuses a struct that is not there, or is smaller than this library's.
///
/// # Safety
/// `record` is null or can be read as far as its size says.
#[inline(always)]
pub unsafe fn check_struct(record: *const ottla_record_t) -> Result<()> {
    if record.is_null() {
        return Err(invalid("record is NULL"));
    }
    // SAFETY: not null; every version of the struct begins with its size.
    let struct_size = unsafe { record.cast::<usize>().read_unaligned() };
    if struct_size < size_of::<ottla_record_t>() {
        return Err(invalid(format!(
            "struct_size of the record is {struct_size}: it must be sizeof(ottla_record_t), \
             {RECORD_SIZE_MIN} at least"
        )));
    }
    Ok(())
}

/// The record but for its headers.
///
/// # Safety
/// All that `record` points to can be read, and nobody writes it, for `'a`.
#[inline(always)]
pub unsafe fn without_headers<'a>(record: &ottla_record_t) -> Result<Record<'a>> {
    let numbers = Numbers::new(record.partition, record.timestamp_ms, record.opaque, record.flags)?;
    // SAFETY: the caller's promise about the record.
    let topic = unsafe { argument::text(record.topic, record.topic_length, "topic") }?;
    // SAFETY: as above.
    let key = unsafe { argument::bytes(record.key, record.key_length, "key") }?;
    // SAFETY: as above.
    let value = unsafe { argument::bytes(record.value, record.value_length, "value") }?;
    Ok(numbers.record(topic, key, value, &[]))
}

/// Records one after the other, as a caller has them who may know a larger struct.
pub struct RecordArray<'a> {
    at: *const ottla_record_t,
    stride: usize,
    count: usize,
    names: PhantomData<&'a ottla_record_t>,
}

impl<'a> RecordArray<'a> {
    /// # Safety
    /// `at` can be read for `count` elements of `stride` bytes, with all they point to, and nobody
    /// writes any of it, for `'a`.
    pub unsafe fn new(
        at: *const ottla_record_t,
        stride: usize,
        count: usize,
    ) -> Result<RecordArray<'a>> {
        argument::check_array(at, count, stride, "records")?;
        Ok(RecordArray { at, stride, count, names: PhantomData })
    }

    /// Gives a record of the array to `send`.
    pub fn with<R>(&self, index: usize, send: impl FnOnce(&Record<'_>) -> Result<R>) -> Result<R> {
        if index >= self.count {
            return Err(invalid("there are not so many records"));
        }
        // SAFETY: the promise at its making.
        unsafe { with_record(self.at.wrapping_byte_add(index * self.stride), send) }
    }

    /// A record of the array, unless it has headers or something is wrong with it.
    #[inline(always)]
    pub fn plain(&self, index: usize) -> Option<Record<'a>> {
        if index >= self.count {
            return None;
        }
        let at = self.at.wrapping_byte_add(index * self.stride);
        // SAFETY: the promise at its making.
        unsafe { check_struct(at) }.ok()?;
        // SAFETY: not null, and as large as the caller says.
        let record = unsafe { at.read_unaligned() };
        // SAFETY: as above.
        let plain = unsafe { without_headers(&record) }.ok()?;
        (record.header_count == 0).then_some(plain)
    }
}

/// Gives the headers of an array to `send`.
///
/// # Safety
/// `headers` can be read for `count` elements with all they point to.
pub unsafe fn with_headers<R>(
    headers: *const ottla_header_t,
    count: usize,
    send: impl FnOnce(&[Header<'_>]) -> Result<R>,
) -> Result<R> {
    // SAFETY: the caller's promise.
    let array = unsafe { argument::array(headers, count, "headers") }?;
    let mut headers = Headers::new();
    for (i, header) in array.iter().enumerate() {
        let name = format_args!("headers[{i}].name");
        // SAFETY: the caller's promise.
        let name = unsafe { argument::text(header.name, header.name_length, name) }?;
        let value = format_args!("headers[{i}].value");
        // SAFETY: the caller's promise.
        let value = unsafe { argument::bytes(header.value, header.value_length, value) }?;
        headers.push(Header { name, value });
    }
    send(headers.as_slice())
}

/// A record as C sees it, for callbacks.
pub fn to_c(record: &Record<'_>, headers: &[ottla_header_t]) -> ottla_record_t {
    let (key, key_length) = bytes_to_c(record.key);
    let (value, value_length) = bytes_to_c(record.value);
    ottla_record_t {
        struct_size: size_of::<ottla_record_t>(),
        topic: record.topic.as_ptr().cast(),
        topic_length: record.topic.len() as i64,
        key,
        key_length,
        value,
        value_length,
        headers: headers.as_ptr(),
        header_count: headers.len(),
        timestamp_ms: record.timestamp.unwrap_or(-1),
        opaque: record.opaque,
        partition: record.partition.unwrap_or(-1),
        flags: if record.no_report { OTTLA_NO_REPORT } else { 0 },
    }
}

pub fn header_to_c(header: &Header<'_>) -> ottla_header_t {
    let (value, value_length) = bytes_to_c(header.value);
    let name_length = header.name.len() as i64;
    ottla_header_t { name: header.name.as_ptr().cast(), name_length, value, value_length }
}

/// Bytes as C sees them.
pub fn bytes_to_c(bytes: Option<&[u8]>) -> (*const c_void, i64) {
    match bytes {
        Some(bytes) => (bytes.as_ptr().cast(), bytes.len() as i64),
        None => (std::ptr::null(), -1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_keep_their_order_however_many() {
        for count in [0, 1, 15, 16, 17, 40] {
            let names: Vec<String> = (0..count).map(|i| i.to_string()).collect();
            let mut headers = Headers::new();
            for _ in 0..2 {
                headers.clear();
                names.iter().for_each(|name| headers.push(Header { name, value: None }));
            }
            let seen: Vec<&str> = headers.as_slice().iter().map(|header| header.name).collect();
            assert_eq!(seen, names);
        }
    }
}
