//! Arguments of C functions: pointers and numbers in, checked Rust values out. An error names the
//! parameter.

use std::ffi::{CStr, c_char, c_void};
use std::fmt::Display;
use std::slice;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::producer::{Producer, Timeout};

/// The timeout of sends that stands for the configuration's `max.block.ms`.
pub const OTTLA_MAX_BLOCK: i32 = -2;

#[cold]
pub fn invalid(text: impl Into<String>) -> Error {
    Error::new(ErrorCode::INVALID_ARGUMENT, text)
}

/// Bytes that may be null: length -1, whatever the pointer.
///
/// # Safety
/// `data` can be read for `length` bytes, and nobody writes them, for `'a`.
#[inline(always)]
pub unsafe fn bytes<'a>(
    data: *const c_void,
    length: i64,
    name: impl Display,
) -> Result<Option<&'a [u8]>> {
    match length {
        -1 => Ok(None),
        0 => Ok(Some(&[])),
        1.. => {
            let length = in_memory(data, length, name)?;
            // SAFETY: not null, not longer than memory can be; the rest is the caller's promise.
            Ok(Some(unsafe { slice::from_raw_parts(data.cast(), length) }))
        }
        _ => Err(negative(name, length)),
    }
}

#[cold]
fn negative(name: impl Display, length: i64) -> Error {
    invalid(format!("the length of {name} is {length}: -1 is null, less is nothing"))
}

/// A text: UTF-8, with a length, or with length -1 and a NUL behind it.
///
/// # Safety
/// `data` can be read for `length` bytes, or up to its NUL, and nobody writes them, for `'a`.
#[inline]
pub unsafe fn text<'a>(
    data: *const c_char,
    length: i64,
    name: impl Display + Copy,
) -> Result<&'a str> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { text_bytes(data, length, name) }?;
    if is_ascii(bytes) {
        // SAFETY: ASCII is UTF-8. To look for that costs a third, once per record for its topic.
        return Ok(unsafe { std::str::from_utf8_unchecked(bytes) });
    }
    std::str::from_utf8(bytes).map_err(|error| bad_utf8(name, error.valid_up_to()))
}

/// The bytes of a text, of which it is not known whether they are UTF-8.
///
/// # Safety
/// As `text`.
#[inline(always)]
pub unsafe fn text_bytes<'a>(
    data: *const c_char,
    length: i64,
    name: impl Display + Copy,
) -> Result<&'a [u8]> {
    if length == -1 {
        in_memory(data, 0, name)?;
        // SAFETY: not null; the NUL is the caller's promise.
        return Ok(unsafe { CStr::from_ptr(data) }.to_bytes());
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { bytes(data.cast(), length, name) }?.unwrap_or_default())
}

/// As the library's, for less where there are few bytes: names of topics are looked at twice four
/// or twice eight at once.
#[inline(always)]
fn is_ascii(bytes: &[u8]) -> bool {
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = |chunk: Option<&[u8; 8]>| chunk.map_or(0, |chunk| u64::from_ne_bytes(*chunk));
    let half = |chunk: Option<&[u8; 4]>| chunk.map_or(0, |chunk| u32::from_ne_bytes(*chunk));
    match bytes.len() {
        8..=16 => (word(bytes.first_chunk()) | word(bytes.last_chunk())) & HIGH == 0,
        4..=7 => (half(bytes.first_chunk()) | half(bytes.last_chunk())) & HIGH as u32 == 0,
        _ => bytes.is_ascii(),
    }
}

#[cold]
fn bad_utf8(name: impl Display, at: usize) -> Error {
    Error::new(ErrorCode::INVALID_UTF8, format!("{name} is not valid UTF-8 at byte {at}"))
}

#[cold]
fn null(name: impl Display) -> Error {
    invalid(format!("{name} is NULL"))
}

/// A length that an object in memory can have, behind a pointer that is not null.
#[inline]
fn in_memory<T>(data: *const T, length: i64, name: impl Display) -> Result<usize> {
    if data.is_null() {
        return Err(null(name));
    }
    match isize::try_from(length) {
        // The largest allocation; nothing in memory comes close.
        Ok(length) if length < isize::MAX - 4096 => Ok(length as usize),
        _ => Err(too_long(name, length)),
    }
}

#[cold]
fn too_long(name: impl Display, length: i64) -> Error {
    invalid(format!("the length of {name} is {length}, more than memory can hold"))
}

/// An array of plain structs.
///
/// # Safety
/// `data` can be read for `count` elements, and nobody writes them, for `'a`.
pub unsafe fn array<'a, T>(data: *const T, count: usize, name: &str) -> Result<&'a [T]> {
    if count == 0 {
        return Ok(&[]);
    }
    let length = count.checked_mul(size_of::<T>()).and_then(|length| i64::try_from(length).ok());
    in_memory(data, length.unwrap_or(i64::MAX), name)?;
    if !data.is_aligned() {
        return Err(invalid(format!("{name} is not aligned as its type must be")));
    }
    // SAFETY: not null, aligned, not longer than memory can be; the rest is the caller's promise.
    Ok(unsafe { slice::from_raw_parts(data, count) })
}

/// An out-parameter.
pub struct Out<T>(*mut T);

impl<T> Out<T> {
    /// One that must be there.
    ///
    /// # Safety
    /// `out` is null, or can be written until the function returns.
    pub unsafe fn required(out: *mut T, name: &str) -> Result<Out<T>> {
        if out.is_null() {
            return Err(null(name));
        }
        Ok(Out(out))
    }

    /// One that may be null.
    ///
    /// # Safety
    /// `out` is null, or can be written until the function returns.
    pub unsafe fn optional(out: *mut T) -> Out<T> {
        Out(out)
    }

    pub fn set(&self, value: T) {
        if !self.0.is_null() {
            // SAFETY: the promise at its making.
            unsafe { self.0.write(value) };
        }
    }
}

/// A number that is read when the function begins and written when it ends, whatever it returns.
pub struct InOut {
    number: u64,
    out: Out<u64>,
}

impl InOut {
    /// # Safety
    /// `number` is null, or can be read and written until the function returns.
    pub unsafe fn new(number: *mut u64, name: &str) -> Result<InOut> {
        // SAFETY: the caller's promise.
        let out = unsafe { Out::required(number, name) }?;
        // SAFETY: not null; the rest is the caller's promise.
        Ok(InOut { number: unsafe { number.read_unaligned() }, out })
    }

    pub fn update<T>(&mut self, body: impl FnOnce(&mut u64) -> Result<T>) -> Result<T> {
        let result = body(&mut self.number);
        self.out.set(self.number);
        result
    }
}

/// Whether an array of so many elements, each `stride` bytes after the last, can be.
pub fn check_array<T>(at: *const T, count: usize, stride: usize, name: &str) -> Result<()> {
    if count > 0 {
        let length = count.checked_mul(stride).and_then(|length| i64::try_from(length).ok());
        in_memory(at, length.unwrap_or(i64::MAX), name)?;
    }
    if stride < size_of::<T>() {
        return Err(invalid(format!(
            "the stride of {name} is {stride}: it is the size of an element, {} at least",
            size_of::<T>()
        )));
    }
    Ok(())
}

/// An array that the function fills: `capacity` elements, each `stride` bytes after the last, so
/// that a caller compiled with another size of the element is served too.
pub struct OutArray<T> {
    at: *mut T,
    stride: usize,
    pub capacity: usize,
}

impl<T: Copy> OutArray<T> {
    /// # Safety
    /// `at` can be written for `capacity` elements of `stride` bytes until the function returns.
    pub unsafe fn new(
        at: *mut T,
        stride: usize,
        capacity: usize,
        name: &str,
    ) -> Result<OutArray<T>> {
        check_array(at, capacity, stride, name)?;
        Ok(OutArray { at, stride, capacity })
    }

    /// Writes an element; fields that the caller knows and this library does not become 0.
    /// Returns whether there is room for it.
    pub fn set(&self, index: usize, value: T) -> bool {
        if index >= self.capacity {
            return false;
        }
        let at = self.at.wrapping_byte_add(index * self.stride);
        // SAFETY: inside the array, whose memory was promised when it was made.
        unsafe { at.write_unaligned(value) };
        if self.stride > size_of::<T>() {
            let rest = at.wrapping_add(1).cast::<u8>();
            // SAFETY: the rest of the same element.
            unsafe { rest.write_bytes(0, self.stride - size_of::<T>()) };
        }
        true
    }
}

/// Copies a text to a buffer of the caller's, cut if it is too long, with a NUL behind it.
///
/// # Safety
/// `buffer` can be written for `capacity` bytes.
pub unsafe fn copy_text(text: &str, buffer: *mut c_char, capacity: usize) -> Result<()> {
    if capacity == 0 {
        return Ok(());
    }
    in_memory(buffer, i64::try_from(capacity).unwrap_or(i64::MAX), "buffer")?;
    let length = text.len().min(capacity - 1);
    // SAFETY: the caller's promise; a text of ours and a buffer of the caller's do not overlap.
    unsafe { buffer.cast::<u8>().copy_from_nonoverlapping(text.as_ptr(), length) };
    let end = buffer.wrapping_add(length);
    // SAFETY: length < capacity.
    unsafe { end.write(0) };
    Ok(())
}

/// A timeout in milliseconds: 0 does not wait, -1 waits without limit.
pub fn timeout(timeout_ms: i32) -> Result<Timeout> {
    match u64::try_from(timeout_ms) {
        Ok(ms) => Ok(Some(Duration::from_millis(ms))),
        Err(_) if timeout_ms == -1 => Ok(None),
        Err(_) => Err(bad_timeout(timeout_ms, "")),
    }
}

/// A timeout of a send, which may also be `OTTLA_MAX_BLOCK`.
pub fn send_timeout(timeout_ms: i32, producer: &Producer) -> Result<Timeout> {
    match timeout_ms {
        OTTLA_MAX_BLOCK => Ok(Some(producer.config().max_block)),
        -1.. => timeout(timeout_ms),
        _ => Err(bad_timeout(timeout_ms, ", -2 (OTTLA_MAX_BLOCK) for max.block.ms")),
    }
}

#[cold]
fn bad_timeout(timeout_ms: i32, more: &str) -> Error {
    invalid(format!("timeout_ms is {timeout_ms}: use 0 not to wait, -1 for no limit{more}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_that_is_not_ascii_is_found_at_each_place_of_each_length() {
        for len in 0..40 {
            let mut bytes = vec![b'a'; len];
            assert!(is_ascii(&bytes), "{len}");
            for at in 0..len {
                bytes[at] = 0x80;
                assert!(!is_ascii(&bytes), "{at} of {len}");
                bytes[at] = 0x7f;
            }
        }
    }
}
