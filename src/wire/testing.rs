//! The third codec: writes a message with one of its fields bent. As every message lists its fields
//! once, going through the fields by number enumerates all the ways in which an answer can lie.

use std::sync::Arc;

use bytes::Bytes;

use super::codec::{Codec, Fields, Message, Records};
use super::error::Result;
use super::uuid::Uuid;
use super::varint::Encoded;

/// What is done to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bend {
    /// The least number; the least length.
    Least,
    /// The greatest number; the greatest length.
    Greatest,
    /// -1; the length of null.
    MinusOne,
    /// -2; a length that there is not.
    MinusTwo,
    /// 0; empty.
    Zero,
    /// A number stands there twice; a text is twice as long; each element comes twice.
    Duplicated,
    /// The field is not there at all; a text is no UTF-8; a length is null but the value follows.
    Null,
    /// Ten million elements are announced; a text is as long as it may be and one byte more.
    TooLong,
    /// Each element comes five hundred times, and is announced.
    Many,
}

/// All of them.
pub const BENDS: [Bend; 9] = [
    Bend::Least,
    Bend::Greatest,
    Bend::MinusOne,
    Bend::MinusTwo,
    Bend::Zero,
    Bend::Duplicated,
    Bend::Null,
    Bend::TooLong,
    Bend::Many,
];

/// See the file's comment.
pub struct Bender {
    out: Vec<u8>,
    version: i16,
    flexible: bool,
    field: usize,
    target: usize,
    bend: Bend,
    name: Option<&'static str>,
}

/// The response without its length, with field number `target` bent, and that field's name; `None`
/// if the message has fewer fields.
pub fn bent<M: Message>(
    message: &mut M,
    version: i16,
    correlation_id: i32,
    target: usize,
    bend: Bend,
) -> Option<(Bytes, &'static str)> {
    let flexible = version >= M::FLEXIBLE_FROM;
    let (out, name) = (correlation_id.to_be_bytes().to_vec(), None);
    let mut bender = Bender { out, version, flexible, field: 0, target, bend, name };
    if M::KEY != super::messages::api_versions::KEY {
        bender.no_tags().ok()?;
    }
    message.fields(&mut bender).ok()?;
    bender.name.map(|name| (bender.out.into(), name))
}

impl Bender {
    /// What is to be done to the next field.
    fn next(&mut self, name: &'static str) -> Option<Bend> {
        self.field += 1;
        if self.field != self.target + 1 {
            return None;
        }
        self.name = Some(name);
        Some(self.bend)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    fn number(&mut self, name: &'static str, value: i64, width: usize) {
        let free = 64 - 8 * width as u32;
        let (mut value, mut times) = (value, 1);
        match self.next(name) {
            None => {}
            Some(Bend::Least) => value = i64::MIN >> free,
            Some(Bend::Greatest) => value = i64::MAX >> free,
            Some(Bend::MinusOne) => value = -1,
            Some(Bend::MinusTwo) => value = -2,
            Some(Bend::Zero) => value = 0,
            Some(Bend::Duplicated) => times = 2,
            Some(Bend::Null) => times = 0,
            Some(Bend::TooLong) => times = 100,
            Some(Bend::Many) => value = value.wrapping_add(1),
        }
        for _ in 0..times {
            self.put(&value.to_be_bytes()[8 - width..]);
        }
    }

    fn varint(&mut self, value: u32) {
        self.put(Encoded::new(u64::from(value)).as_slice());
    }

    /// A length as it would be without bending; -1 is null.
    fn length(&mut self, length: i64, wide: bool) {
        match (self.flexible, wide) {
            (true, _) => self.varint(length.wrapping_add(1) as u32),
            (false, true) => self.put(&(length as i32).to_be_bytes()),
            (false, false) => self.put(&(length as i16).to_be_bytes()),
        }
    }

    /// The extremes of a length field.
    fn extreme(&mut self, bend: Bend, wide: bool) {
        let least = if wide { i64::from(i32::MIN) } else { i64::from(i16::MIN) };
        match bend {
            Bend::Least => self.length(least, wide),
            Bend::Greatest if self.flexible => self.varint(u32::MAX),
            Bend::Greatest => self.length(-(least + 1), wide),
            Bend::MinusTwo => self.length(-2, wide),
            _ => self.length(-1, wide),
        }
    }

    fn text(&mut self, name: &'static str, value: Option<&str>) {
        let text = value.unwrap_or_default().as_bytes();
        let longest = vec![b'x'; i16::MAX as usize + usize::from(self.flexible)];
        let other: &[u8] = match self.next(name) {
            None if value.is_none() => return self.length(-1, false),
            None => text,
            Some(Bend::Zero) => &[],
            Some(Bend::Duplicated) => &[text, text].concat(),
            Some(Bend::Null) => &[0xff, 0xfe, 0xc0],
            Some(Bend::TooLong) => &longest,
            Some(Bend::Many) => b"0.0.0.0",
            Some(bend) => {
                self.extreme(bend, false);
                // Null is nothing but a length; the other lengths are lies about these bytes.
                if bend != Bend::MinusOne {
                    self.put(text);
                }
                return;
            }
        };
        self.length(other.len() as i64, false);
        self.put(other);
    }

    /// An array; `write` writes the element of that number.
    fn items(
        &mut self,
        name: &'static str,
        count: Option<usize>,
        mut write: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let Some(count) = count else {
            self.text(name, None);
            return Ok(());
        };
        let (announced, times) = match self.next(name) {
            None => (count, 1),
            Some(Bend::Zero) => (0, 0),
            Some(Bend::Duplicated) => (2 * count, 2),
            Some(Bend::TooLong) => (10_000_000, 1),
            Some(Bend::Many) => (500 * count, 500),
            Some(bend) => {
                self.extreme(bend, true);
                if bend == Bend::MinusOne {
                    return Ok(());
                }
                return (0..count).try_for_each(|index| write(self, index));
            }
        };
        self.length(announced as i64, true);
        (0..times * count).try_for_each(|index| write(self, index % count))
    }
}

impl Codec for Bender {
    fn version(&self) -> i16 {
        self.version
    }

    fn flexible(&self) -> bool {
        self.flexible
    }

    fn bool(&mut self, name: &'static str, value: &mut bool) -> Result<()> {
        self.number(name, i64::from(*value), 1);
        Ok(())
    }

    fn i8(&mut self, name: &'static str, value: &mut i8) -> Result<()> {
        self.number(name, i64::from(*value), 1);
        Ok(())
    }

    fn i16(&mut self, name: &'static str, value: &mut i16) -> Result<()> {
        self.number(name, i64::from(*value), 2);
        Ok(())
    }

    fn i32(&mut self, name: &'static str, value: &mut i32) -> Result<()> {
        self.number(name, i64::from(*value), 4);
        Ok(())
    }

    fn i64(&mut self, name: &'static str, value: &mut i64) -> Result<()> {
        self.number(name, *value, 8);
        Ok(())
    }

    fn uuid(&mut self, name: &'static str, value: &mut Uuid) -> Result<()> {
        match self.next(name) {
            None => self.put(&value.0),
            Some(Bend::Zero | Bend::Least) => self.put(&[0; 16]),
            Some(Bend::Duplicated) => self.put(&[value.0, value.0].concat()),
            Some(Bend::Null) => {}
            Some(_) => self.put(&[0xff; 16]),
        }
        Ok(())
    }

    fn string(&mut self, name: &'static str, value: &mut Arc<str>) -> Result<()> {
        self.text(name, Some(value));
        Ok(())
    }

    fn nullable_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        self.text(name, value.as_deref());
        Ok(())
    }

    fn required_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        self.text(name, value.as_deref());
        Ok(())
    }

    fn bytes(&mut self, name: &'static str, value: &mut Bytes) -> Result<()> {
        let bytes = value.clone();
        self.items(name, Some(bytes.len()), |c, index| {
            c.put(&bytes[index..=index]);
            Ok(())
        })
    }

    fn records(&mut self, name: &'static str, value: &mut Records) -> Result<()> {
        let bytes = value.to_bytes();
        self.items(name, bytes.as_ref().map(Bytes::len), |c, index| {
            bytes.iter().for_each(|bytes| c.put(&bytes[index..=index]));
            Ok(())
        })
    }

    fn i32_array(&mut self, name: &'static str, items: &mut Vec<i32>) -> Result<()> {
        self.items(name, Some(items.len()), |c, index| c.i32(name, &mut items[index]))
    }

    fn string_array(&mut self, name: &'static str, items: &mut Vec<Arc<str>>) -> Result<()> {
        self.items(name, Some(items.len()), |c, index| c.string(name, &mut items[index]))
    }

    fn nullable_string_array(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()> {
        self.string_array(name, items.get_or_insert_default())
    }

    fn nullable_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        self.array(name, items.get_or_insert_default())
    }

    fn array<T: Fields>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<()> {
        self.items(name, Some(items.len()), |c, index| items[index].fields(c))
    }

    fn required_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        self.array(name, items.get_or_insert_default())
    }

    fn tags(
        &mut self,
        present: &[bool],
        mut field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        if !self.flexible {
            return Ok(());
        }
        let known: Vec<usize> = (0..present.len()).filter(|tag| present[*tag]).collect();
        let (count, times, more): (u32, usize, &[u8]) = match self.next("tagged fields") {
            Some(Bend::Zero) => (0, 0, &[]),
            Some(Bend::Duplicated) => (2 * known.len() as u32, 2, &[]),
            Some(Bend::Greatest) => (u32::MAX, 1, &[]),
            Some(Bend::Least) => (1 << 31, 1, &[]),
            // A field that nobody knows, whole, too long, and of tag 0 with nothing in it.
            Some(Bend::Many) => (1 + known.len() as u32, 1, &[99, 3, 1, 2, 3]),
            Some(Bend::TooLong) => (1 + known.len() as u32, 1, &[99, 0xff, 0xff, 0xff, 0xff, 7]),
            Some(Bend::MinusOne) => (1, 0, &[0, 0]),
            Some(Bend::MinusTwo) => (1, 0, &[0, 1, 0xff]),
            Some(Bend::Null) => return Ok(()),
            None => (known.len() as u32, 1, &[]),
        };
        self.varint(count);
        for tag in std::iter::repeat_n(&known, times).flatten() {
            let before = std::mem::take(&mut self.out);
            let written = field(self, *tag);
            let value = std::mem::replace(&mut self.out, before);
            written?;
            self.varint(*tag as u32);
            self.varint(value.len() as u32);
            self.put(&value);
        }
        self.put(more);
        Ok(())
    }

    fn absent(&mut self, _name: &'static str, _is_default: bool) -> Result<()> {
        Ok(())
    }
}
