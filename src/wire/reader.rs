//! The decoding direction: fills a message's fields from bytes, and trusts none of them.

use std::sync::Arc;

use bytes::{Buf, Bytes};

use super::codec::{Codec, Fields, Message, Records};
use super::error::{Result, WireError};
use super::uuid::Uuid;
use super::varint;

/// The longest text the protocol has (Java: `Short.MAX_VALUE`, in compact form too).
pub const MAX_STRING_BYTES: usize = i16::MAX as usize;

/// Reads one message. Records come out as slices of the input; everything else is copied.
#[derive(Clone)]
pub struct Reader {
    input: Bytes,
    api: &'static str,
    version: i16,
    flexible: bool,
}

impl Reader {
    /// A reader of the bytes of an `M`.
    pub fn new<M: Message>(input: Bytes, version: i16) -> Result<Reader> {
        if !M::VERSIONS.contains(&version) {
            let (name, first, last) = (M::NAME, M::VERSIONS.start(), M::VERSIONS.end());
            return Err(WireError::unsupported_version(format!(
                "{name} v{version}: only v{first} to v{last} are known"
            )));
        }
        Ok(Reader { input, api: M::NAME, version, flexible: version >= M::FLEXIBLE_FROM })
    }

    /// A reader of a header, which is of no API and not flexible.
    pub fn of_header(input: Bytes, name: &'static str) -> Reader {
        Reader { input, api: name, version: 1, flexible: false }
    }

    /// The bytes that are left.
    pub fn remaining(&self) -> usize {
        self.input.len()
    }

    /// Gives back the bytes that are left.
    pub fn into_rest(self) -> Bytes {
        self.input
    }

    fn error(&self, name: &str, what: impl std::fmt::Display) -> WireError {
        WireError::violation(format!("{} v{}: {name}: {what}", self.api, self.version))
    }

    /// Checks that `needed` bytes are left.
    fn need(&self, name: &'static str, needed: usize) -> Result<()> {
        let left = self.input.len();
        if needed > left {
            return Err(
                self.error(name, format_args!("{needed} bytes are needed but {left} are left"))
            );
        }
        Ok(())
    }

    fn unsigned_varint(&mut self, name: &'static str) -> Result<u32> {
        let mut rest = &self.input[..];
        let value = varint::take_unsigned(&mut rest, 32);
        let taken = self.input.len() - rest.len();
        match value {
            Some(value) => {
                self.input.advance(taken);
                // Asked for 32 bits, so there are no more.
                Ok(value as u32)
            }
            None if rest.is_empty() && taken < varint::MAX_LEN_32 => {
                Err(self.error(name, "the bytes end within a number"))
            }
            None => Err(self.error(name, "a number of varying length has more than 32 bits")),
        }
    }

    /// A length or a count in the compact form or the other one; `None` is null.
    fn length(&mut self, name: &'static str, wide: bool) -> Result<Option<usize>> {
        let length = if self.flexible {
            i64::from(self.unsigned_varint(name)?) - 1
        } else if wide {
            self.need(name, 4)?;
            i64::from(self.input.get_i32())
        } else {
            self.need(name, 2)?;
            i64::from(self.input.get_i16())
        };
        match length {
            -1 => Ok(None),
            _ => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(self.error(name, format_args!("length {length} is negative"))),
            },
        }
    }

    /// The count of an array, of which each element takes `min_bytes` at least.
    fn count(&mut self, name: &'static str, min_bytes: usize) -> Result<Option<usize>> {
        let Some(count) = self.length(name, true)? else { return Ok(None) };
        let left = self.input.len();
        if count > left / min_bytes.max(1) {
            let what = format_args!("array length {count} but {left} bytes are left").to_string();
            return Err(self.error(name, what));
        }
        Ok(Some(count))
    }

    fn elements<T: Fields>(&mut self, name: &'static str) -> Result<Option<Vec<T>>> {
        let Some(count) = self.count(name, T::MIN_BYTES)? else { return Ok(None) };
        if count > T::MAX_COUNT {
            let what = format!("array length {count} is more than {}", T::MAX_COUNT);
            return Err(self.error(name, what));
        }
        // An element may be larger in memory than on the wire; what is set aside at once is not
        // larger than the input. The rest grows with the elements that are really there.
        let mut items = Vec::with_capacity(count.min(self.input.len() / size_of::<T>().max(1)));
        for _ in 0..count {
            let mut item = T::default();
            item.fields(self)?;
            items.push(item);
        }
        Ok(Some(items))
    }

    fn null(&self, name: &'static str) -> WireError {
        self.error(name, "null where a value is required")
    }
}

impl Codec for Reader {
    fn version(&self) -> i16 {
        self.version
    }

    fn flexible(&self) -> bool {
        self.flexible
    }

    fn bool(&mut self, name: &'static str, value: &mut bool) -> Result<()> {
        self.need(name, 1)?;
        *value = self.input.get_u8() != 0;
        Ok(())
    }

    fn i8(&mut self, name: &'static str, value: &mut i8) -> Result<()> {
        self.need(name, 1)?;
        *value = self.input.get_i8();
        Ok(())
    }

    fn i16(&mut self, name: &'static str, value: &mut i16) -> Result<()> {
        self.need(name, 2)?;
        *value = self.input.get_i16();
        Ok(())
    }

    fn i32(&mut self, name: &'static str, value: &mut i32) -> Result<()> {
        self.need(name, 4)?;
        *value = self.input.get_i32();
        Ok(())
    }

    fn i64(&mut self, name: &'static str, value: &mut i64) -> Result<()> {
        self.need(name, 8)?;
        *value = self.input.get_i64();
        Ok(())
    }

    fn uuid(&mut self, name: &'static str, value: &mut Uuid) -> Result<()> {
        self.need(name, 16)?;
        self.input.copy_to_slice(&mut value.0);
        Ok(())
    }

    fn string(&mut self, name: &'static str, value: &mut Arc<str>) -> Result<()> {
        let mut nullable = None;
        self.nullable_string(name, &mut nullable)?;
        *value = nullable.ok_or_else(|| self.null(name))?;
        Ok(())
    }

    fn nullable_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        *value = match self.length(name, false)? {
            None => None,
            Some(length) if length > MAX_STRING_BYTES => {
                return Err(self.error(name, format_args!("text of {length} bytes is too long")));
            }
            Some(length) => {
                self.need(name, length)?;
                // As Java does: a damaged text is no reason to lose the rest of the message.
                let text = String::from_utf8_lossy(&self.input[..length]);
                let text = Arc::from(&*text);
                self.input.advance(length);
                Some(text)
            }
        };
        Ok(())
    }

    fn required_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        self.string(name, value.insert(Arc::default()))
    }

    fn bytes(&mut self, name: &'static str, value: &mut Bytes) -> Result<()> {
        let length = self.length(name, true)?.ok_or_else(|| self.null(name))?;
        self.need(name, length)?;
        *value = Bytes::copy_from_slice(&self.input[..length]);
        self.input.advance(length);
        Ok(())
    }

    fn records(&mut self, name: &'static str, value: &mut Records) -> Result<()> {
        *value = match self.length(name, true)? {
            None => Records::Null,
            Some(length) => {
                self.need(name, length)?;
                Records::Whole(self.input.split_to(length))
            }
        };
        Ok(())
    }

    fn i32_array(&mut self, name: &'static str, items: &mut Vec<i32>) -> Result<()> {
        let count = self.count(name, 4)?.ok_or_else(|| self.null(name))?;
        let bytes = self.input.split_to(4 * count);
        let (numbers, _) = bytes.as_chunks::<4>();
        *items = numbers.iter().map(|number| i32::from_be_bytes(*number)).collect();
        Ok(())
    }

    fn string_array(&mut self, name: &'static str, items: &mut Vec<Arc<str>>) -> Result<()> {
        let mut nullable = None;
        self.nullable_string_array(name, &mut nullable)?;
        *items = nullable.ok_or_else(|| self.null(name))?;
        Ok(())
    }

    fn nullable_string_array(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()> {
        let shortest = if self.flexible { 1 } else { 2 };
        let Some(count) = self.count(name, shortest)? else {
            *items = None;
            return Ok(());
        };
        // As with other elements: no more is set aside at once than came.
        let room = count.min(self.input.len() / size_of::<Arc<str>>());
        let texts = items.insert(Vec::with_capacity(room));
        for _ in 0..count {
            let mut text = Arc::default();
            self.string(name, &mut text)?;
            texts.push(text);
        }
        Ok(())
    }

    fn nullable_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        *items = self.elements(name)?;
        Ok(())
    }

    fn array<T: Fields>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<()> {
        *items = self.elements(name)?.ok_or_else(|| self.null(name))?;
        Ok(())
    }

    fn required_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        self.array(name, items.insert(Vec::new()))
    }

    fn tags(
        &mut self,
        present: &[bool],
        mut field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        if !self.flexible {
            return Ok(());
        }
        // Each takes two bytes at least, so a huge count ends soon.
        for _ in 0..self.unsigned_varint("number of tagged fields")? {
            let tag = self.unsigned_varint("tag")? as usize;
            let size = self.unsigned_varint("size of a tagged field")? as usize;
            self.need("tagged field", size)?;
            let value = self.input.split_to(size);
            if tag < present.len() {
                // The field sees its own bytes and no others.
                let rest = std::mem::replace(&mut self.input, value);
                field(self, tag)?;
                let unread = self.input.len();
                if unread > 0 {
                    let what = format_args!("tag {tag} has {unread} bytes too many").to_string();
                    return Err(self.error("tagged field", what));
                }
                self.input = rest;
            }
        }
        Ok(())
    }

    fn absent(&mut self, _name: &'static str, _is_default: bool) -> Result<()> {
        Ok(())
    }
}
