//! A codec, for tests, that fills a message with random values: all that its version can say, and
//! nothing else. So one list of fields yields the messages to prove it with, too.

use std::sync::Arc;

use bytes::Bytes;
use fastrand::Rng;

use crate::wire::error::Result;
use crate::wire::{Codec, Fields, Message, Records, Uuid};

struct Random {
    rng: Rng,
    version: i16,
    flexible: bool,
}

/// The message of that seed.
pub fn random<M: Message>(version: i16, seed: u64) -> M {
    let rng = Rng::with_seed(seed);
    let mut codec = Random { rng, version, flexible: version >= M::FLEXIBLE_FROM };
    let mut message = M::default();
    message.fields(&mut codec).expect("nothing can go wrong");
    message
}

impl Random {
    /// Numbers that are defaults somewhere come up often.
    fn number(&mut self, any: impl FnOnce(&mut Rng) -> i64) -> i64 {
        match self.rng.u8(..4) {
            0 => self.rng.i64(-1..=1),
            _ => any(&mut self.rng),
        }
    }

    fn text(&mut self) -> Arc<str> {
        let len = match self.rng.u8(..8) {
            0 => 0,
            // Around the length from which a compact length takes two bytes.
            1 => self.rng.usize(126..=130),
            _ => self.rng.usize(1..12),
        };
        let text: String = (0..len).map(|_| if self.rng.bool() { 'x' } else { '漢' }).collect();
        text.into()
    }

    fn some_bytes(&mut self) -> Bytes {
        let len = self.rng.usize(..40);
        (0..len).map(|_| self.rng.u8(..)).collect()
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Random) -> T) -> Vec<T> {
        let len = self.rng.usize(..3);
        (0..len).map(|_| item(self)).collect()
    }

    fn maybe<T>(&mut self, item: impl FnOnce(&mut Random) -> T) -> Option<T> {
        if self.rng.u8(..4) == 0 { None } else { Some(item(self)) }
    }

    fn items<T: Fields>(&mut self) -> Vec<T> {
        self.list(|codec| {
            let mut item = T::default();
            item.fields(codec).expect("nothing can go wrong");
            item
        })
    }
}

impl Codec for Random {
    fn version(&self) -> i16 {
        self.version
    }
    fn flexible(&self) -> bool {
        self.flexible
    }
    fn bool(&mut self, _name: &'static str, value: &mut bool) -> Result<()> {
        *value = self.rng.bool();
        Ok(())
    }
    fn i8(&mut self, _name: &'static str, value: &mut i8) -> Result<()> {
        *value = self.number(|rng| rng.i8(..).into()) as i8;
        Ok(())
    }
    fn i16(&mut self, _name: &'static str, value: &mut i16) -> Result<()> {
        *value = self.number(|rng| rng.i16(..).into()) as i16;
        Ok(())
    }
    fn i32(&mut self, _name: &'static str, value: &mut i32) -> Result<()> {
        *value = self.number(|rng| rng.i32(..).into()) as i32;
        Ok(())
    }
    fn i64(&mut self, _name: &'static str, value: &mut i64) -> Result<()> {
        *value = self.number(|rng| rng.i64(..));
        Ok(())
    }
    fn uuid(&mut self, _name: &'static str, value: &mut Uuid) -> Result<()> {
        *value = self.maybe(|codec| Uuid(codec.rng.u128(..).to_be_bytes())).unwrap_or_default();
        Ok(())
    }
    fn string(&mut self, _name: &'static str, value: &mut Arc<str>) -> Result<()> {
        *value = self.text();
        Ok(())
    }
    fn nullable_string(&mut self, _name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        *value = self.maybe(Random::text);
        Ok(())
    }
    fn required_string(&mut self, _name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        *value = Some(self.text());
        Ok(())
    }
    fn bytes(&mut self, _name: &'static str, value: &mut Bytes) -> Result<()> {
        *value = self.some_bytes();
        Ok(())
    }
    fn records(&mut self, _name: &'static str, value: &mut Records) -> Result<()> {
        *value = match self.rng.u8(..4) {
            0 => Records::Null,
            1 => Records::Whole(self.some_bytes()),
            2 => Records::Pieces(self.list(Random::some_bytes)),
            _ => Records::Batch { header: [3; 61], records: self.some_bytes() },
        };
        Ok(())
    }
    fn i32_array(&mut self, _name: &'static str, items: &mut Vec<i32>) -> Result<()> {
        *items = self.list(|codec| codec.rng.i32(..));
        Ok(())
    }
    fn string_array(&mut self, _name: &'static str, items: &mut Vec<Arc<str>>) -> Result<()> {
        *items = self.list(Random::text);
        Ok(())
    }
    fn nullable_string_array(
        &mut self,
        _name: &'static str,
        items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()> {
        *items = self.maybe(|codec| codec.list(Random::text));
        Ok(())
    }
    fn nullable_array<T: Fields>(
        &mut self,
        _name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        *items = self.maybe(Random::items);
        Ok(())
    }
    fn array<T: Fields>(&mut self, _name: &'static str, items: &mut Vec<T>) -> Result<()> {
        *items = self.items();
        Ok(())
    }
    fn required_array<T: Fields>(
        &mut self,
        _name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        *items = Some(self.items());
        Ok(())
    }
    fn tags(
        &mut self,
        present: &[bool],
        mut field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let count = if self.flexible { present.len() } else { 0 };
        for tag in 0..count {
            if self.rng.bool() {
                field(self, tag)?;
            }
        }
        Ok(())
    }
    fn absent(&mut self, name: &'static str, is_default: bool) -> Result<()> {
        assert!(is_default, "{name}: the default of a field is not what the field says");
        Ok(())
    }
}
