//! The encoding direction: writes a message's fields down, and leaves records where they are.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use super::codec::{Codec, Fields, Message, Records};
use super::error::{Result, WireError};
use super::frame::Frame;
use super::reader::MAX_STRING_BYTES;
use super::uuid::Uuid;
use super::varint::Encoded;

/// Writes one frame: its length, then what is given to it.
pub struct Writer {
    /// Everything but the records.
    small: BytesMut,
    /// Records, and how many of the small bytes come before them.
    chunks: Vec<(usize, Bytes)>,
    /// The sum of the chunks.
    chunk_bytes: usize,
    api: &'static str,
    version: i16,
    flexible: bool,
}

impl Writer {
    /// A writer of a frame with an `M` in it.
    pub fn new<M: Message>(version: i16) -> Result<Writer> {
        if !M::VERSIONS.contains(&version) {
            let (name, first, last) = (M::NAME, M::VERSIONS.start(), M::VERSIONS.end());
            return Err(WireError::unsupported_version(format!(
                "{name} v{version}: only v{first} to v{last} are known"
            )));
        }
        let mut small = BytesMut::with_capacity(256);
        // The frame's length, which is known at the end.
        small.put_i32(0);
        Ok(Writer {
            small,
            chunks: Vec::new(),
            chunk_bytes: 0,
            api: M::NAME,
            version,
            flexible: version >= M::FLEXIBLE_FROM,
        })
    }

    /// Codes what `part` writes as if the version were flexible or not; headers differ from bodies.
    pub fn with_flexible<T>(&mut self, flexible: bool, part: impl FnOnce(&mut Writer) -> T) -> T {
        let before = std::mem::replace(&mut self.flexible, flexible);
        let result = part(self);
        self.flexible = before;
        result
    }

    /// Ends the frame.
    pub fn finish(mut self) -> Result<Frame> {
        let len = self.small.len() + self.chunk_bytes;
        let Ok(length_field) = i32::try_from(len - 4) else {
            return Err(self.error("frame", format_args!("{len} bytes are too many for a frame")));
        };
        self.small[..4].copy_from_slice(&length_field.to_be_bytes());
        let small = self.small.freeze();
        let mut pieces = Vec::with_capacity(2 * self.chunks.len() + 1);
        let mut start = 0;
        for (end, chunk) in self.chunks {
            if start < end {
                pieces.push(small.slice(start..end));
            }
            pieces.push(chunk);
            start = end;
        }
        if start < small.len() {
            pieces.push(small.slice(start..));
        }
        Ok(Frame { pieces, len })
    }

    fn error(&self, name: &str, what: impl std::fmt::Display) -> WireError {
        WireError::too_large(format!("{} v{}: {name}: {what}", self.api, self.version))
    }

    fn null(&self, name: &'static str) -> WireError {
        WireError::unsupported_version(format!(
            "{} v{}: {name} is null, which this version cannot say",
            self.api, self.version
        ))
    }

    /// Puts records into the frame after what was written so far.
    fn chunk(&mut self, chunk: &Bytes) {
        if !chunk.is_empty() {
            self.chunks.push((self.small.len(), chunk.clone()));
            self.chunk_bytes += chunk.len();
        }
    }

    fn unsigned_varint(&mut self, value: u32) {
        self.small.put_slice(Encoded::new(u64::from(value)).as_slice());
    }

    /// A length or a count in the compact form or the other one; `None` is null.
    fn length(&mut self, name: &'static str, length: Option<usize>, wide: bool) -> Result<()> {
        let Ok(value) = length.map_or(Ok(-1), i32::try_from) else {
            return Err(self.error(name, "longer than 2147483647"));
        };
        if self.flexible {
            self.unsigned_varint((value + 1) as u32);
        } else if wide {
            self.small.put_i32(value);
        } else {
            // Only texts have a narrow length, and theirs was checked.
            self.small.put_i16(value as i16);
        }
        Ok(())
    }

    fn text(&mut self, name: &'static str, text: Option<&str>) -> Result<()> {
        let length = text.map(str::len);
        if length.is_some_and(|length| length > MAX_STRING_BYTES) {
            let what = format!("a text may have {MAX_STRING_BYTES} bytes at most");
            return Err(self.error(name, what));
        }
        self.length(name, length, false)?;
        self.small.put_slice(text.unwrap_or_default().as_bytes());
        Ok(())
    }

    fn elements<T: Fields>(&mut self, name: &'static str, items: Option<&mut [T]>) -> Result<()> {
        self.length(name, items.as_ref().map(|items| items.len()), true)?;
        items.into_iter().flatten().try_for_each(|item| item.fields(self))
    }
}

impl Codec for Writer {
    fn version(&self) -> i16 {
        self.version
    }

    fn flexible(&self) -> bool {
        self.flexible
    }

    fn bool(&mut self, _name: &'static str, value: &mut bool) -> Result<()> {
        self.small.put_u8(u8::from(*value));
        Ok(())
    }

    fn i8(&mut self, _name: &'static str, value: &mut i8) -> Result<()> {
        self.small.put_i8(*value);
        Ok(())
    }

    fn i16(&mut self, _name: &'static str, value: &mut i16) -> Result<()> {
        self.small.put_i16(*value);
        Ok(())
    }

    fn i32(&mut self, _name: &'static str, value: &mut i32) -> Result<()> {
        self.small.put_i32(*value);
        Ok(())
    }

    fn i64(&mut self, _name: &'static str, value: &mut i64) -> Result<()> {
        self.small.put_i64(*value);
        Ok(())
    }

    fn uuid(&mut self, _name: &'static str, value: &mut Uuid) -> Result<()> {
        self.small.put_slice(&value.0);
        Ok(())
    }

    fn string(&mut self, name: &'static str, value: &mut Arc<str>) -> Result<()> {
        self.text(name, Some(value))
    }

    fn nullable_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        self.text(name, value.as_deref())
    }

    fn required_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        match value {
            Some(text) => self.text(name, Some(text)),
            None => Err(self.null(name)),
        }
    }

    fn bytes(&mut self, name: &'static str, value: &mut Bytes) -> Result<()> {
        self.length(name, Some(value.len()), true)?;
        self.small.put_slice(value);
        Ok(())
    }

    fn records(&mut self, name: &'static str, value: &mut Records) -> Result<()> {
        let length = if let Records::Null = value { None } else { Some(value.len()) };
        self.length(name, length, true)?;
        match value {
            Records::Null => {}
            Records::Whole(bytes) => self.chunk(bytes),
            Records::Pieces(pieces) => pieces.iter().for_each(|piece| self.chunk(piece)),
            Records::Batch { header, records } => {
                self.small.put_slice(header);
                self.chunk(records);
            }
        }
        Ok(())
    }

    fn i32_array(&mut self, name: &'static str, items: &mut Vec<i32>) -> Result<()> {
        self.length(name, Some(items.len()), true)?;
        items.iter().for_each(|item| self.small.put_i32(*item));
        Ok(())
    }

    fn string_array(&mut self, name: &'static str, items: &mut Vec<Arc<str>>) -> Result<()> {
        self.length(name, Some(items.len()), true)?;
        items.iter().try_for_each(|item| self.text(name, Some(item)))
    }

    fn nullable_string_array(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()> {
        match items {
            Some(items) => self.string_array(name, items),
            None => self.length(name, None, true),
        }
    }

    fn nullable_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        self.elements(name, items.as_deref_mut())
    }

    fn array<T: Fields>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<()> {
        self.elements(name, Some(items))
    }

    fn required_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        match items {
            Some(items) => self.array(name, items),
            None => Err(self.null(name)),
        }
    }

    fn tags(
        &mut self,
        present: &[bool],
        mut field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        if !self.flexible {
            return Ok(());
        }
        self.unsigned_varint(present.iter().filter(|present| **present).count() as u32);
        for (tag, _) in present.iter().enumerate().filter(|(_, present)| **present) {
            // A field's size stands before it, so it is written beside and then copied. No tagged
            // field holds records, whose place would be lost by this.
            let before = std::mem::take(&mut self.small);
            let written = field(self, tag);
            let value = std::mem::replace(&mut self.small, before);
            written?;
            self.unsigned_varint(tag as u32);
            self.unsigned_varint(value.len() as u32);
            self.small.put_slice(&value);
        }
        Ok(())
    }

    fn absent(&mut self, name: &'static str, is_default: bool) -> Result<()> {
        if is_default {
            return Ok(());
        }
        Err(WireError::unsupported_version(format!(
            "{} v{}: {name} is set, and this version has no such field",
            self.api, self.version
        )))
    }
}
