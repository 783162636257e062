//! A codec, for tests, that visits each structure of a message and checks the fewest bytes it says
//! it takes: what the default takes in the version where that is shortest.

use std::any::type_name;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::sync::Arc;

use bytes::Bytes;

use super::{Visitor, with_every_message};
use crate::wire::error::Result;
use crate::wire::{Codec, Fields, Message, Records, Uuid, Writer};

/// The name of a structure, what it says of itself, and its fewest bytes.
type Sizes = BTreeMap<&'static str, (usize, usize)>;

struct Measure<'a, M> {
    sizes: &'a mut Sizes,
    version: i16,
    message: PhantomData<M>,
}

impl<M: Message> Measure<'_, M> {
    fn structure_of<T: Fields>(&mut self, item: &mut T) -> Result<()> {
        // First, as it replaces a null that this version has not.
        item.fields(self)?;
        let mut writer = Writer::new::<M>(self.version)?;
        item.fields(&mut writer)?;
        let size = writer.finish()?.len - 4;
        let (_, fewest) = self.sizes.entry(type_name::<T>()).or_insert((T::MIN_BYTES, size));
        *fewest = size.min(*fewest);
        Ok(())
    }
}

impl<M: Message> Codec for Measure<'_, M> {
    fn version(&self) -> i16 {
        self.version
    }
    fn flexible(&self) -> bool {
        self.version >= M::FLEXIBLE_FROM
    }
    fn bool(&mut self, _name: &'static str, _value: &mut bool) -> Result<()> {
        Ok(())
    }
    fn i8(&mut self, _name: &'static str, _value: &mut i8) -> Result<()> {
        Ok(())
    }
    fn i16(&mut self, _name: &'static str, _value: &mut i16) -> Result<()> {
        Ok(())
    }
    fn i32(&mut self, _name: &'static str, _value: &mut i32) -> Result<()> {
        Ok(())
    }
    fn i64(&mut self, _name: &'static str, _value: &mut i64) -> Result<()> {
        Ok(())
    }
    fn uuid(&mut self, _name: &'static str, _value: &mut Uuid) -> Result<()> {
        Ok(())
    }
    fn string(&mut self, _name: &'static str, _value: &mut Arc<str>) -> Result<()> {
        Ok(())
    }
    fn nullable_string(&mut self, _name: &'static str, _text: &mut Option<Arc<str>>) -> Result<()> {
        Ok(())
    }
    fn required_string(&mut self, _name: &'static str, text: &mut Option<Arc<str>>) -> Result<()> {
        text.get_or_insert_default();
        Ok(())
    }
    fn bytes(&mut self, _name: &'static str, _value: &mut Bytes) -> Result<()> {
        Ok(())
    }
    fn records(&mut self, _name: &'static str, _value: &mut Records) -> Result<()> {
        Ok(())
    }
    fn i32_array(&mut self, _name: &'static str, _items: &mut Vec<i32>) -> Result<()> {
        Ok(())
    }
    fn string_array(&mut self, _name: &'static str, _items: &mut Vec<Arc<str>>) -> Result<()> {
        Ok(())
    }
    fn nullable_string_array(
        &mut self,
        _name: &'static str,
        _items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()> {
        Ok(())
    }
    fn nullable_array<T: Fields>(
        &mut self,
        _name: &'static str,
        _items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        self.structure_of(&mut T::default())
    }
    fn array<T: Fields>(&mut self, _name: &'static str, _items: &mut Vec<T>) -> Result<()> {
        self.structure_of(&mut T::default())
    }
    fn required_array<T: Fields>(
        &mut self,
        _name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        items.get_or_insert_default();
        self.structure_of(&mut T::default())
    }
    fn structure<T: Fields>(&mut self, _name: &'static str, value: &mut T) -> Result<()> {
        self.structure_of(value)
    }
    fn tags(
        &mut self,
        present: &[bool],
        mut field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let count = if self.flexible() { present.len() } else { 0 };
        (0..count).try_for_each(|tag| field(self, tag))
    }
    fn absent(&mut self, _name: &'static str, _is_default: bool) -> Result<()> {
        Ok(())
    }
}

impl Visitor for Sizes {
    fn visit<M: Message>(&mut self) {
        for version in M::VERSIONS {
            let mut measure = Measure::<M> { sizes: self, version, message: PhantomData };
            measure.structure_of(&mut M::default()).expect(M::NAME);
        }
    }
}

#[test]
fn the_fewest_bytes_of_each_structure_are_right() {
    let mut sizes = Sizes::new();
    with_every_message(&mut sizes);
    assert!(sizes.len() > 60, "all structures are visited: {}", sizes.len());
    for (name, (said, fewest)) in sizes {
        assert_eq!(said, fewest, "{name}");
    }
}
