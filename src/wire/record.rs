//! One record of format 2 (`DefaultRecord`): a length, then attributes, timestamp and offset as
//! differences to the batch's, key, value and headers. Writing it is the hottest path there is.

use super::error::{Result, WireError};
use super::varint::{
    Encoded, Lead, MAX_LEN_32, MEDIUM_END, SHORT_END, Word, signed_len, take_i32, take_i64,
    two_bytes, zigzag,
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

    /// How many bytes it will take, the length that stands before it included.
    pub fn size(&self) -> usize {
        signed_len(self.body_len as i64) + self.body_len
    }

    /// Appends it to `buffer`. The caller has refused records of 2 GiB and more; nothing is
    /// allocated if there is room.
    pub fn append_to(&self, buffer: &mut Vec<u8>) {
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

/// A record none of whose numbers takes more than two bytes, and its offset three, encoded: almost
/// every record is.
///
/// The numbers are gathered in registers and written together.
pub struct ShortRecord<'a> {
    size: usize,
    /// The length and all up to the key; without a key up to the value.
    lead: Lead,
    /// As it stands behind a key.
    value_len: u64,
    key: &'a [u8],
    value: &'a [u8],
    headers: &'a [Header<'a>],
}

/// What the numbers take at most.
const SHORT_OVERHEAD_MAX: usize = 1 + 4 * 2 + 3;

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
        if timestamp | key_len | value_len | longest >= SHORT_END || offset >= MEDIUM_END {
            return None;
        }
        let mut word = Word::default();
        let mut copied = copied;
        if key.is_empty() {
            word.push_front(value_len);
        } else {
            copied += if value_len < 0x80 { 1 } else { 2 };
        }
        word.push_front(key_len);
        word.push_front_medium(offset);
        let mut lead = word.widen();
        lead.push_front(timestamp);
        lead.push_front(0); // Attributes; none are defined.
        lead.push_front((lead.len() + copied) as u64 * 2);
        Some(ShortRecord { size: lead.len() + copied, lead, value_len, key, value, headers })
    }
}

impl ShortRecord<'_> {
    /// How many bytes it will take, the length that stands before it included.
    #[inline(always)]
    pub fn size(&self) -> usize {
        self.size
    }

    /// How many bytes of room it must have to be written: a few more than it takes.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.size + Lead::ROOM
    }

    /// Writes it to the front of `room`, if that is as large as it must be.
    #[inline(always)]
    pub fn write_to(&self, room: &mut [u8]) -> bool {
        self.write_parts(room).is_some()
    }

    #[inline(always)]
    fn write_parts(&self, room: &mut [u8]) -> Option<()> {
        let mut rest = self.lead.write_to(room)?;
        if !self.key.is_empty() {
            rest = put_short(put(rest, self.key)?, self.value_len)?;
        }
        rest = put(rest, self.value)?;
        if self.headers.is_empty() {
            *rest.first_mut()? = 0;
            return Some(());
        }
        write_short_headers(rest, self.headers)
    }
}

#[inline]
fn write_short_headers(room: &mut [u8], headers: &[Header<'_>]) -> Option<()> {
    let mut rest = put_short(room, headers.len() as u64 * 2)?;
    for header in headers {
        let name = header.name.as_bytes();
        rest = put(put_short(rest, name.len() as u64 * 2)?, name)?;
        rest = put_short(rest, nullable_zigzag(header.value))?;
        rest = put(rest, header.value.unwrap_or_default())?;
    }
    Some(())
}

/// Writes bytes to the front of `room`; gives what is left of it.
#[inline(always)]
fn put<'a>(room: &'a mut [u8], bytes: &[u8]) -> Option<&'a mut [u8]> {
    let (place, rest) = room.split_at_mut_checked(bytes.len())?;
    place.copy_from_slice(bytes);
    Some(rest)
}

/// Writes a number below [`SHORT_END`].
#[inline(always)]
fn put_short(room: &mut [u8], number: u64) -> Option<&mut [u8]> {
    if number < 0x80 {
        let (byte, rest) = room.split_first_mut()?;
        *byte = number as u8;
        return Some(rest);
    }
    let (bytes, rest) = room.split_first_chunk_mut()?;
    *bytes = two_bytes(number);
    Some(rest)
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
