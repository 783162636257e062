//! A third codec, for tests: the fields of a message as JSON, with the names that Kafka's own JSON
//! has, so that each field of a decoded frame can be compared with what Java had put into it.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::hex;
use crate::wire::error::Result;
use crate::wire::{Codec, Fields, Message, Records, Uuid};

pub struct ToJson {
    fields: Map<String, Value>,
    version: i16,
    flexible: bool,
}

pub fn to_json<M: Message>(message: &mut M, version: i16) -> Value {
    let flexible = version >= M::FLEXIBLE_FROM;
    let mut codec = ToJson { fields: Map::new(), version, flexible };
    message.fields(&mut codec).expect("nothing can go wrong");
    Value::Object(codec.fields)
}

impl ToJson {
    fn put(&mut self, name: &str, value: impl Into<Value>) -> Result<()> {
        let mut words = name.split('_');
        let mut camel_case = words.next().unwrap_or_default().to_owned();
        for word in words {
            camel_case.push_str(&word[..1].to_uppercase());
            camel_case.push_str(&word[1..]);
        }
        let before = self.fields.insert(camel_case, value.into());
        assert!(before.is_none(), "{name} is listed twice");
        Ok(())
    }

    fn items<T: Fields>(&self, items: &mut [T]) -> Value {
        let each = |item: &mut T| {
            let (version, flexible) = (self.version, self.flexible);
            let mut codec = ToJson { fields: Map::new(), version, flexible };
            item.fields(&mut codec).expect("nothing can go wrong");
            Value::Object(codec.fields)
        };
        items.iter_mut().map(each).collect()
    }
}

impl Codec for ToJson {
    fn version(&self) -> i16 {
        self.version
    }
    fn flexible(&self) -> bool {
        self.flexible
    }
    fn bool(&mut self, name: &'static str, value: &mut bool) -> Result<()> {
        self.put(name, *value)
    }
    fn i8(&mut self, name: &'static str, value: &mut i8) -> Result<()> {
        self.put(name, *value)
    }
    fn i16(&mut self, name: &'static str, value: &mut i16) -> Result<()> {
        self.put(name, *value)
    }
    fn i32(&mut self, name: &'static str, value: &mut i32) -> Result<()> {
        self.put(name, *value)
    }
    fn i64(&mut self, name: &'static str, value: &mut i64) -> Result<()> {
        self.put(name, *value)
    }
    fn uuid(&mut self, name: &'static str, value: &mut Uuid) -> Result<()> {
        self.put(name, value.to_string())
    }
    fn string(&mut self, name: &'static str, value: &mut Arc<str>) -> Result<()> {
        self.put(name, &**value)
    }
    fn nullable_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        self.put(name, value.as_deref())
    }
    fn required_string(&mut self, name: &'static str, value: &mut Option<Arc<str>>) -> Result<()> {
        self.put(name, value.as_deref())
    }
    fn bytes(&mut self, name: &'static str, value: &mut Bytes) -> Result<()> {
        self.put(name, hex(value))
    }
    fn records(&mut self, name: &'static str, value: &mut Records) -> Result<()> {
        self.put(name, value.to_bytes().map(|bytes| hex(&bytes)))
    }
    fn i32_array(&mut self, name: &'static str, items: &mut Vec<i32>) -> Result<()> {
        self.put(name, items.clone())
    }
    fn string_array(&mut self, name: &'static str, items: &mut Vec<Arc<str>>) -> Result<()> {
        self.put(name, items.iter().map(|text| &**text).collect::<Value>())
    }
    fn nullable_string_array(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<Arc<str>>>,
    ) -> Result<()> {
        match items {
            Some(items) => self.string_array(name, items),
            None => self.put(name, Value::Null),
        }
    }
    fn nullable_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        let items = items.as_mut().map_or(Value::Null, |items| self.items(items));
        self.put(name, items)
    }
    fn array<T: Fields>(&mut self, name: &'static str, items: &mut Vec<T>) -> Result<()> {
        let items = self.items(items);
        self.put(name, items)
    }
    fn required_array<T: Fields>(
        &mut self,
        name: &'static str,
        items: &mut Option<Vec<T>>,
    ) -> Result<()> {
        self.nullable_array(name, items)
    }
    fn structure<T: Fields>(&mut self, name: &'static str, value: &mut T) -> Result<()> {
        let value = self.items(std::slice::from_mut(value))[0].take();
        self.put(name, value)
    }
    fn tags(
        &mut self,
        present: &[bool],
        mut field: impl FnMut(&mut Self, usize) -> Result<()>,
    ) -> Result<()> {
        let tags = present.iter().enumerate().filter(|(_, present)| **present);
        tags.map(|(tag, _)| tag).try_for_each(|tag| field(self, tag))
    }
    fn absent(&mut self, _name: &'static str, _is_default: bool) -> Result<()> {
        Ok(())
    }
}
