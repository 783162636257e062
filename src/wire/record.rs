//! One record of format 2 (`DefaultRecord`): a length, then attributes, timestamp and offset as
//! differences to the batch's, key, value and headers. Writing it is the hottest path there is.

use super::error::{Result, WireError};
use super::varint::{Encoded, SHORT_END, Word, signed_len, take_i32, take_i64, zigzag};
use crate::record::Header;

/// What a record takes at most beside its key, value and headers
/// (`DefaultRecord.MAX_RECORD_OVERHEAD`).
const MAX_RECORD_OVERHEAD: usize = 21;

/// The fewest bytes of a record: its length, attributes, two differences, two lengths, a count.
pub const MIN_RECORD_BYTES: usize = 7;

/// The length of a record without the length that stands before it.
#[inline]
pub fn record_body_len(
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header<'_>],
) -> usize {
    1 + signed_len(timestamp_delta)
        + signed_len(i64::from(offset_delta))
        + nullable_len(key)
        + nullable_len(value)
        + headers_len(headers)
}

/// The length of a record with the length that stands before it.
#[inline]
pub fn record_size(body_len: usize) -> usize {
    signed_len(body_len as i64) + body_len
}

/// What a batch with nothing but this record takes at most, as Java estimates it before it knows
/// timestamp and offset (`AbstractRecords.estimateSizeInBytesUpperBound`, format 2).
#[inline]
pub fn estimate_size_upper_bound(
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header<'_>],
) -> usize {
    super::record_batch::HEADER_LEN
        + MAX_RECORD_OVERHEAD
        + nullable_len(key)
        + nullable_len(value)
        + headers_len(headers)
}

#[inline]
fn nullable_len(bytes: Option<&[u8]>) -> usize {
    // Null is the length -1, which takes one byte.
    bytes.map_or(1, |bytes| signed_len(bytes.len() as i64) + bytes.len())
}

#[inline]
fn headers_len(headers: &[Header<'_>]) -> usize {
    let each = |header: &Header<'_>| {
        nullable_len(Some(header.name.as_bytes())) + nullable_len(header.value)
    };
    signed_len(headers.len() as i64) + headers.iter().map(each).sum::<usize>()
}

/// Appends a record. `body_len` is what [`record_body_len`] says of the rest; the caller has
/// refused records of 2 GiB and more and has seen to it that `buffer` has room, so that nothing is
/// allocated here.
#[inline]
pub fn write_record(
    buffer: &mut Vec<u8>,
    body_len: usize,
    offset_delta: i32,
    timestamp_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header<'_>],
) {
    debug_assert!(i32::try_from(body_len).is_ok(), "a record is shorter than 2 GiB");
    let start = buffer.len();
    let (key_len, value_len) = (length_or_minus_one(key), length_or_minus_one(value));
    let numbers = [body_len as i64, timestamp_delta, i64::from(offset_delta), key_len, value_len];
    let numbers = numbers.map(zigzag);
    if numbers.iter().fold(0, |all, number| all | number) < SHORT_END {
        write_short(buffer, numbers, key);
    } else {
        write_long(buffer, numbers, key);
    }
    buffer.extend_from_slice(value.unwrap_or_default());
    if headers.is_empty() {
        buffer.push(0);
    } else {
        write_headers(buffer, headers);
    }
    debug_assert_eq!(buffer.len() - start, record_size(body_len), "body_len is of this record");
}

/// What stands in front of the value, of almost every record: no number takes more than two bytes.
#[inline]
fn write_short(buffer: &mut Vec<u8>, numbers: [u64; 5], key: Option<&[u8]>) {
    let [body_len, timestamp_delta, offset_delta, key_len, value_len] = numbers;
    let mut word = Word::default();
    word.push(body_len);
    word.push(0); // Attributes; none are defined.
    word.push(timestamp_delta);
    word.push(offset_delta);
    word.append_to(buffer);
    word = Word::default();
    word.push(key_len);
    if let Some(key) = key {
        word.append_to(buffer);
        buffer.extend_from_slice(key);
        word = Word::default();
    }
    word.push(value_len);
    word.append_to(buffer);
}

#[inline(never)]
fn write_long(buffer: &mut Vec<u8>, numbers: [u64; 5], key: Option<&[u8]>) {
    let [body_len, timestamp_delta, offset_delta, key_len, value_len] = numbers;
    put_unsigned(buffer, body_len);
    put_unsigned(buffer, 0);
    put_unsigned(buffer, timestamp_delta);
    put_unsigned(buffer, offset_delta);
    put_unsigned(buffer, key_len);
    buffer.extend_from_slice(key.unwrap_or_default());
    put_unsigned(buffer, value_len);
}

fn write_headers(buffer: &mut Vec<u8>, headers: &[Header<'_>]) {
    put_unsigned(buffer, zigzag(headers.len() as i64));
    for header in headers {
        for bytes in [Some(header.name.as_bytes()), header.value] {
            put_unsigned(buffer, zigzag(length_or_minus_one(bytes)));
            buffer.extend_from_slice(bytes.unwrap_or_default());
        }
    }
}

#[inline]
fn put_unsigned(buffer: &mut Vec<u8>, number: u64) {
    match u8::try_from(number) {
        // Most names and values are shorter than 64 bytes.
        Ok(byte @ ..0x80) => buffer.push(byte),
        _ => {
            buffer.extend_from_slice(Encoded::new(number).as_slice());
        }
    }
}

#[inline]
fn length_or_minus_one(bytes: Option<&[u8]>) -> i64 {
    bytes.map_or(-1, |bytes| bytes.len() as i64)
}

/// A record as it stands in a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchRecord<'a> {
    /// Its offset less the batch's base offset.
    pub offset_delta: i32,
    /// Its timestamp less the batch's base timestamp.
    pub timestamp_delta: i64,
    /// `None` is null.
    pub key: Option<&'a [u8]>,
    /// `None` is null.
    pub value: Option<&'a [u8]>,
    /// The headers, in order.
    pub headers: Vec<Header<'a>>,
}

/// Takes a record off the front of `input`, which is not moved if it is damaged.
pub fn take_record<'a>(input: &mut &'a [u8]) -> Result<BatchRecord<'a>> {
    let mut rest = *input;
    let length = take_i32(&mut rest).ok_or_else(|| bad_number("length"))?;
    let mut body = take_bytes(&mut rest, "record", length)?;
    let record = parse_body(&mut body)?;
    if !body.is_empty() {
        let unread = body.len();
        return Err(WireError::corrupt(format!(
            "record: of its length of {length} bytes {unread} are not of any field"
        )));
    }
    *input = rest;
    Ok(record)
}

fn parse_body<'a>(body: &mut &'a [u8]) -> Result<BatchRecord<'a>> {
    // Attributes; none are defined, and Java heeds none.
    body.split_off_first().ok_or_else(|| bad_number("attributes"))?;
    let timestamp_delta = take_i64(body).ok_or_else(|| bad_number("timestamp delta"))?;
    let offset_delta = take_i32(body).ok_or_else(|| bad_number("offset delta"))?;
    let key = take_nullable(body, "key")?;
    let value = take_nullable(body, "value")?;
    let headers = take_headers(body)?;
    Ok(BatchRecord { offset_delta, timestamp_delta, key, value, headers })
}

fn take_headers<'a>(body: &mut &'a [u8]) -> Result<Vec<Header<'a>>> {
    let count = take_i32(body).ok_or_else(|| bad_number("number of headers"))?;
    // Each takes two bytes at least.
    let Some(count) = usize::try_from(count).ok().filter(|count| *count <= body.len() / 2) else {
        let left = body.len();
        return Err(WireError::corrupt(format!("record: {count} headers in {left} bytes")));
    };
    // A header is larger in memory than on the wire, so room is made as they come.
    let mut headers = Vec::new();
    for _ in 0..count {
        let name = take_nullable(body, "header name")?
            .ok_or_else(|| WireError::corrupt("record: the name of a header is null"))?;
        let name = std::str::from_utf8(name)
            .map_err(|_| WireError::corrupt("record: the name of a header is not UTF-8"))?;
        headers.push(Header { name, value: take_nullable(body, "header value")? });
    }
    Ok(headers)
}

fn take_nullable<'a>(input: &mut &'a [u8], name: &str) -> Result<Option<&'a [u8]>> {
    match take_i32(input).ok_or_else(|| bad_number(name))? {
        -1 => Ok(None),
        length => take_bytes(input, name, length).map(Some),
    }
}

fn take_bytes<'a>(input: &mut &'a [u8], name: &str, length: i32) -> Result<&'a [u8]> {
    let left = input.len();
    usize::try_from(length).ok().and_then(|length| input.split_off(..length)).ok_or_else(|| {
        WireError::corrupt(format!("{name}: length {length} but {left} bytes are left"))
    })
}

fn bad_number(name: &str) -> WireError {
    WireError::corrupt(format!("record: {name} ends too soon or has too many bits"))
}
