//! Packed records and headers: one block of bytes instead of structs full of pointers, for
//! callers such as Go and Python to whom each pointer costs more than the bytes. The layout is
//! at the top of the header file.

use super::argument::invalid;
use super::record::{Headers, Numbers};
use crate::error::{Error, ErrorCode, Result};
use crate::record::Header;

/// Reads a packed block from front to back.
pub struct Reader<'a> {
    name: &'static str,
    bytes: &'a [u8],
    at: usize,
}

/// A record of a packed block; its numbers are not checked, and its headers still packed.
pub struct PackedRecord<'a> {
    timestamp_ms: i64,
    opaque: u64,
    partition: i32,
    flags: u32,
    pub key: Option<&'a [u8]>,
    pub value: Option<&'a [u8]>,
    pub headers: Reader<'a>,
}

impl PackedRecord<'_> {
    pub fn numbers(&self) -> Result<Numbers> {
        Numbers::new(self.partition, self.timestamp_ms, self.opaque, self.flags)
    }
}

impl<'a> Reader<'a> {
    /// A reader of a parameter of that name.
    pub fn new(name: &'static str, bytes: &'a [u8]) -> Reader<'a> {
        Reader { name, bytes, at: 0 }
    }

    pub fn is_empty(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// Reads the next record.
    #[inline]
    pub fn record(&mut self) -> Result<PackedRecord<'a>> {
        let timestamp_ms = i64::from_ne_bytes(self.array("timestamp_ms")?);
        let opaque = u64::from_ne_bytes(self.array("opaque")?);
        let partition = i32::from_ne_bytes(self.array("partition")?);
        let flags = u32::from_ne_bytes(self.array("flags")?);
        let key = self.nullable("key")?;
        let value = self.nullable("value")?;
        let headers = self.nullable("headers")?.unwrap_or_default();
        Ok(PackedRecord {
            timestamp_ms,
            opaque,
            partition,
            flags,
            key,
            value,
            headers: Reader {
                name: self.name,
                bytes: &self.bytes[..self.at],
                at: self.at - headers.len(),
            },
        })
    }

    /// Reads headers up to the end.
    pub fn headers(mut self, headers: &mut Headers<'a>) -> Result<()> {
        headers.clear();
        while !self.is_empty() {
            let at = self.at;
            let Some(name) = self.nullable("a header's name")? else {
                return Err(self.malformed(at, "a header's name has length -1"));
            };
            let name = std::str::from_utf8(name).map_err(|_| {
                let text = format!("{}: the header's name at byte {at} is not UTF-8", self.name);
                Error::new(ErrorCode::INVALID_UTF8, text)
            })?;
            headers.push(Header { name, value: self.nullable("a header's value")? });
        }
        Ok(())
    }

    /// Reads a length and that many bytes; -1 is null.
    #[inline]
    fn nullable(&mut self, what: &str) -> Result<Option<&'a [u8]>> {
        let at = self.at;
        let length = i32::from_ne_bytes(self.array(what)?);
        if length == -1 {
            return Ok(None);
        }
        let bytes = usize::try_from(length).ok().and_then(|length| self.take(length));
        match bytes {
            Some(bytes) => Ok(Some(bytes)),
            None => Err(self.too_long(at, what, length)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let at = self.at;
        match self.take(N).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(bytes),
            None => Err(self.cut(at, what)),
        }
    }

    #[inline]
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    #[cold]
    fn too_long(&self, at: usize, what: &str, length: i32) -> Error {
        let left = self.bytes.len() - self.at;
        self.malformed(at, &format!("{what} has length {length}, and {left} bytes are left"))
    }

    #[cold]
    fn cut(&self, at: usize, what: &str) -> Error {
        self.malformed(at, &format!("it ends inside {what}"))
    }

    #[cold]
    fn malformed(&self, at: usize, why: &str) -> Error {
        invalid(format!("{} is malformed at byte {at}: {why}", self.name))
    }
}

/// Checks that a block is exactly `count` records, so that none is sent from one that is not.
pub fn check(packed: &[u8], count: usize) -> Result<()> {
    let mut reader = Reader::new("packed", packed);
    let mut headers = Headers::new();
    for index in 0..count {
        let record = reader.record().and_then(|record| record.headers.headers(&mut headers));
        if let Err(error) = record {
            return Err(in_record(index, &error));
        }
    }
    if !reader.is_empty() {
        let left = packed.len() - reader.at;
        return Err(invalid(format!("packed has {left} bytes behind its {count} records")));
    }
    Ok(())
}

/// An error that says which record it is about.
#[cold]
pub fn in_record(index: usize, error: &Error) -> Error {
    let text = format!("record {index}: {}", error.message());
    if error.is_fatal() {
        return Error::fatal(error.code(), text);
    }
    Error::new(error.code(), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(key: Option<&[u8]>, headers: &[(&[u8], Option<&[u8]>)]) -> Vec<u8> {
        fn bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
            out.extend(bytes.map_or(-1, |bytes| bytes.len() as i32).to_ne_bytes());
            out.extend(bytes.unwrap_or_default());
        }
        let mut packed = Vec::new();
        for (name, value) in headers {
            bytes(&mut packed, Some(name));
            bytes(&mut packed, *value);
        }
        let mut out = Vec::new();
        out.extend((-1_i64).to_ne_bytes());
        out.extend(7_u64.to_ne_bytes());
        out.extend(3_i32.to_ne_bytes());
        out.extend(0_u32.to_ne_bytes());
        bytes(&mut out, key);
        bytes(&mut out, None);
        bytes(&mut out, Some(&packed));
        out
    }

    #[test]
    fn a_block_gives_its_records_back() {
        let block =
            [record(Some(b"k"), &[(b"a", Some(b"1")), (b"b", None)]), record(None, &[])].concat();
        check(&block, 2).unwrap();
        let mut reader = Reader::new("packed", &block);
        let first = reader.record().unwrap();
        let mut headers = Headers::new();
        let numbers = first.numbers().unwrap();
        first.headers.headers(&mut headers).unwrap();
        let expected = [Header { name: "a", value: Some(b"1") }, Header { name: "b", value: None }];
        assert_eq!(headers.as_slice(), expected);
        let sent = numbers.record("t", first.key, first.value, headers.as_slice());
        assert_eq!((sent.partition, sent.timestamp, sent.opaque), (Some(3), None, 7));
        assert_eq!((sent.key, sent.value), (Some(&b"k"[..]), None));
        assert_eq!(reader.record().unwrap().key, None);
        assert!(reader.is_empty());
    }

    #[test]
    fn a_block_that_is_cut_or_too_long_is_refused_as_a_whole() {
        let block = [record(None, &[]), record(Some(b"key"), &[(b"a", Some(b"1"))])].concat();
        for length in 0..block.len() {
            let error = check(&block[..length], 2).unwrap_err();
            assert_eq!(error.code(), ErrorCode::INVALID_ARGUMENT, "{length}");
        }
        assert!(check(&block, 1).unwrap_err().message().contains("behind its 1 records"));
        assert!(check(&block, 3).unwrap_err().message().starts_with("record 2: packed is"));
    }

    #[test]
    fn lengths_that_lie_are_refused() {
        for length in [i32::MIN, -2, 1, i32::MAX] {
            let mut block = record(None, &[]);
            block[24..28].copy_from_slice(&length.to_ne_bytes());
            // A length of 1 moves the rest, and then the headers' length is not there.
            assert!(check(&block, 1).is_err(), "{length}");
        }
        let error = check(&record(None, &[(b"\xff", None)]), 1).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INVALID_UTF8);
    }
}
