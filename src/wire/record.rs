//! One record of format 2 (`DefaultRecord`): a length, then attributes, timestamp and offset as
//! differences to the batch's, key, value and headers. Writing it is the hottest path there is.

use super::error::{Result, WireError};
use super::varint::{
    Encoded, MAX_LEN_32, SHORT_END, Word, signed_len, take_i32, take_i64, unsigned_len, zigzag,
};
use crate::record::Header;

/// What a record takes at most beside its key, value and headers
/// (`DefaultRecord.MAX_RECORD_OVERHEAD`).
const MAX_RECORD_OVERHEAD: usize = 21;

/// The fewest bytes of a record: its length, attributes, two differences, two lengths, a count.
pub const MIN_RECORD_BYTES: usize = 7;

/// What [`estimate_size_upper_bound`] adds at most to key and value of a record without headers.
pub const PLAIN_OVERHEAD_MAX: usize =
    super::record_batch::HEADER_LEN + MAX_RECORD_OVERHEAD + 2 * MAX_LEN_32 + 1;

/// What it adds at most for each header to its name and value: their lengths, and a share of the
/// number of headers.
pub const HEADER_OVERHEAD_MAX: usize = 2 * MAX_LEN_32 + 1;

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
    if headers.is_empty() {
        return 1;
    }
    let each = |header: &Header<'_>| {
        nullable_len(Some(header.name.as_bytes())) + nullable_len(header.value)
    };
    signed_len(headers.len() as i64) + headers.iter().map(each).sum::<usize>()
}

/// A record that can be appended to a batch.
pub trait EncodedRecord {
    /// How many bytes it will take, the length that stands before it included.
    fn size(&self) -> usize;

    /// Appends it to `buffer`. The caller has refused records of 2 GiB and more; nothing is
    /// allocated if there is room.
    fn append_to(&self, buffer: &mut Vec<u8>);
}

/// Any record, encoded.
pub struct AnyRecord<'a> {
    body_len: usize,
    timestamp_delta: i64,
    offset_delta: i32,
    key: Option<&'a [u8]>,
    value: Option<&'a [u8]>,
    headers: &'a [Header<'a>],
}

impl<'a> AnyRecord<'a> {
    /// Finds out how long it will be.
    pub fn new(
        offset_delta: i32,
        timestamp_delta: i64,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers: &'a [Header<'a>],
    ) -> AnyRecord<'a> {
        let body_len = 1
            + signed_len(timestamp_delta)
            + signed_len(i64::from(offset_delta))
            + nullable_len(key)
            + nullable_len(value)
            + headers_len(headers);
        AnyRecord { body_len, timestamp_delta, offset_delta, key, value, headers }
    }
}

impl EncodedRecord for AnyRecord<'_> {
    fn size(&self) -> usize {
        signed_len(self.body_len as i64) + self.body_len
    }

    fn append_to(&self, buffer: &mut Vec<u8>) {
        put_signed(buffer, self.body_len as i64);
        buffer.push(0); // Attributes; none are defined.
        put_signed(buffer, self.timestamp_delta);
        put_signed(buffer, i64::from(self.offset_delta));
        for bytes in [self.key, self.value] {
            put_nullable(buffer, bytes);
        }
        write_headers(buffer, self.headers);
    }
}

/// A record none of whose numbers takes more than two bytes, encoded: almost every record is.
///
/// The numbers are gathered in registers and written together.
pub struct ShortRecord<'a> {
    size: usize,
    /// The length and all up to the key; without a key up to the value.
    lead: Word,
    /// As it stands behind a key.
    value_len: u64,
    key: &'a [u8],
    value: &'a [u8],
    headers: &'a [Header<'a>],
}

/// What the numbers take at most.
const SHORT_OVERHEAD_MAX: usize = 1 + 5 * 2;

impl<'a> ShortRecord<'a> {
    /// Encodes the record, if it is short.
    #[inline(always)]
    pub fn new(
        offset_delta: i32,
        timestamp_delta: i64,
        key: Option<&'a [u8]>,
        value: Option<&'a [u8]>,
        headers: &'a [Header<'a>],
    ) -> Option<ShortRecord<'a>> {
        let (timestamp, offset) = (zigzag(timestamp_delta), zigzag(i64::from(offset_delta)));
        let (key_len, value_len) = (nullable_zigzag(key), nullable_zigzag(value));
        let (key, value) = (key.unwrap_or_default(), value.unwrap_or_default());
        let copied = key.len() + value.len() + headers_len(headers);
        let longest = (SHORT_OVERHEAD_MAX + copied) as u64 * 2;
        if timestamp | offset | key_len | value_len | longest >= SHORT_END {
            return None;
        }
        let mut lead = Word::default();
        lead.push(0); // Attributes; none are defined.
        lead.push(timestamp);
        lead.push(offset);
        lead.push(key_len);
        let behind_key = if key.is_empty() { 0 } else { unsigned_len(value_len) };
        if key.is_empty() {
            lead.push(value_len);
        }
        let copied = behind_key + copied;
        lead.push_front((lead.len() + copied) as u64 * 2);
        let size = lead.len() + copied;
        Some(ShortRecord { size, lead, value_len, key, value, headers })
    }
}

impl EncodedRecord for ShortRecord<'_> {
    #[inline(always)]
    fn size(&self) -> usize {
        self.size
    }

    #[inline(always)]
    fn append_to(&self, buffer: &mut Vec<u8>) {
        self.lead.append_to(buffer);
        if !self.key.is_empty() {
            buffer.extend_from_slice(self.key);
            put_unsigned(buffer, self.value_len);
        }
        buffer.extend_from_slice(self.value);
        if self.headers.is_empty() {
            buffer.push(0);
        } else {
            write_headers(buffer, self.headers);
        }
    }
}

fn write_headers(buffer: &mut Vec<u8>, headers: &[Header<'_>]) {
    put_signed(buffer, headers.len() as i64);
    for header in headers {
        for bytes in [Some(header.name.as_bytes()), header.value] {
            put_nullable(buffer, bytes);
        }
    }
}

#[inline]
fn put_nullable(buffer: &mut Vec<u8>, bytes: Option<&[u8]>) {
    put_unsigned(buffer, nullable_zigzag(bytes));
    buffer.extend_from_slice(bytes.unwrap_or_default());
}

fn put_signed(buffer: &mut Vec<u8>, number: i64) {
    put_unsigned(buffer, zigzag(number));
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

/// The length of bytes as it stands before them; null is -1.
#[inline(always)]
fn nullable_zigzag(bytes: Option<&[u8]>) -> u64 {
    bytes.map_or(1, |bytes| bytes.len() as u64 * 2)
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
