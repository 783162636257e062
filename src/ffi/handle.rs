//! Handles: numbers that look like pointers and are never followed.
//!
//! A handle is the place of an object in a table, the generation of that place, and the kind of
//! the table. So a handle that was freed, is of another kind, or is no handle at all is found out
//! and answered with `INVALID_HANDLE`, and a call that is under way while another thread frees
//! its object keeps the object alive. Looking up takes no lock: it is on the way of every record.

use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;
use std::sync::{Arc, OnceLock};

use arc_swap::{ArcSwapOption, Guard};

use crate::error::{Error, ErrorCode, Result};
use crate::sync::Mutex;

/// Kinds are odd, so that no address of an object in memory has the low bits of a handle.
#[derive(Clone, Copy)]
pub enum Kind {
    Config = 1,
    Producer = 3,
    Error = 5,
    Reports = 7,
    Cluster = 9,
}

const KIND_BITS: u32 = 4;
const INDEX_BITS: u32 = if usize::BITS == 64 { 28 } else { 14 };
const GENERATION_MAX: usize = usize::MAX >> (KIND_BITS + INDEX_BITS);
/// Chunk `k` has `FIRST_CHUNK << k` slots; chunks are never moved and never freed.
const FIRST_CHUNK: usize = 16;
const CHUNKS: usize = (INDEX_BITS - KIND_BITS) as usize;

/// The objects of type `T` that C programs know as pointers to `C`.
pub struct Table<T: 'static, C> {
    kind: Kind,
    chunks: [OnceLock<Box<[Slot<T>]>>; CHUNKS],
    places: Mutex<Places>,
    names: PhantomData<fn() -> C>,
}

type Slot<T> = ArcSwapOption<Entry<T>>;

struct Entry<T> {
    generation: usize,
    value: T,
}

struct Places {
    /// Slots ever used.
    used: usize,
    /// Free slots of those, each with its next generation.
    free: Vec<(usize, usize)>,
}

/// An object that is looked at; alive as long as this is.
pub struct Held<T: 'static>(Guard<Option<Arc<Entry<T>>>>);

/// An object that was taken out of its table.
pub struct Taken<T>(Arc<Entry<T>>);

impl<T, C> Table<T, C> {
    pub const fn new(kind: Kind) -> Table<T, C> {
        Table {
            kind,
            chunks: [const { OnceLock::new() }; CHUNKS],
            places: Mutex::new(Places { used: 0, free: Vec::new() }),
            names: PhantomData,
        }
    }

    /// Puts an object in. Gives it back if the table is full, with hundreds of millions of them.
    pub fn insert(&self, value: T) -> std::result::Result<*mut C, T> {
        let Some((index, generation)) = self.place() else { return Err(value) };
        let Some(slot) = self.slot(index) else { return Err(value) };
        slot.store(Some(Arc::new(Entry { generation, value })));
        let address = (generation << INDEX_BITS | index) << KIND_BITS | self.kind as usize;
        Ok(ptr::without_provenance_mut(address))
    }

    /// A slot that nobody uses, and its generation.
    fn place(&self) -> Option<(usize, usize)> {
        let mut places = self.places.lock();
        if let Some(place) = places.free.pop() {
            return Some(place);
        }
        let index = places.used;
        let (chunk, _) = position(index);
        let len = FIRST_CHUNK << chunk;
        let slots = || (0..len).map(|_| ArcSwapOption::empty()).collect();
        self.chunks.get(chunk)?.get_or_init(slots);
        places.used += 1;
        Some((index, 1))
    }

    /// The object behind a handle.
    #[inline]
    pub fn get(&self, handle: *const C) -> Option<Held<T>> {
        let (index, generation) = self.decode(handle)?;
        let found = self.slot(index)?.load();
        let is_it = found.as_ref().is_some_and(|entry| entry.generation == generation);
        is_it.then_some(Held(found))
    }

    /// The object behind a handle, or an error that names the parameter.
    #[inline]
    pub fn require(&self, handle: *const C, name: &str) -> Result<Held<T>> {
        match self.get(handle) {
            Some(held) => Ok(held),
            None => Err(invalid(handle.addr(), name)),
        }
    }

    /// Takes the object out: from now on the handle is invalid.
    pub fn remove(&self, handle: *const C, name: &str) -> Result<Taken<T>> {
        let taken = self.take(handle).ok_or_else(|| invalid(handle.addr(), name))?;
        Ok(Taken(taken))
    }

    fn take(&self, handle: *const C) -> Option<Arc<Entry<T>>> {
        let (index, generation) = self.decode(handle)?;
        // The lock decides between two threads that free the same handle.
        let mut places = self.places.lock();
        self.get(handle)?;
        let taken = self.slot(index)?.swap(None);
        if generation < GENERATION_MAX {
            places.free.push((index, generation + 1));
        }
        taken
    }

    fn decode(&self, handle: *const C) -> Option<(usize, usize)> {
        let address = handle.addr();
        let kind = address & ((1 << KIND_BITS) - 1);
        let place = address >> KIND_BITS;
        let index = place & ((1 << INDEX_BITS) - 1);
        (kind == self.kind as usize).then_some((index, place >> INDEX_BITS))
    }

    fn slot(&self, index: usize) -> Option<&Slot<T>> {
        let (chunk, offset) = position(index);
        self.chunks.get(chunk)?.get()?.get(offset)
    }
}

/// The chunk of a slot, and its place there.
fn position(index: usize) -> (usize, usize) {
    let shifted = index + FIRST_CHUNK;
    let chunk = (shifted.ilog2() - FIRST_CHUNK.ilog2()) as usize;
    (chunk, shifted - (FIRST_CHUNK << chunk))
}

#[cold]
fn invalid(address: usize, name: &str) -> Error {
    let why = match address {
        0 => "is NULL".to_owned(),
        _ => format!("({address:#x}) was freed, is of another kind, or never was a handle"),
    };
    Error::new(ErrorCode::INVALID_HANDLE, format!("{name} {why}"))
}

impl<T> Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        match &*self.0 {
            Some(entry) => &entry.value,
            None => unreachable!("made by Table::get from a slot that is not empty"),
        }
    }
}

impl<T> Deref for Taken<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Thing {}

    #[test]
    fn a_handle_finds_its_object_until_it_is_freed() {
        let table = Table::<u32, Thing>::new(Kind::Config);
        let handles: Vec<_> = (0..1000).map(|i| table.insert(i).unwrap()).collect();
        for (i, handle) in handles.iter().enumerate() {
            assert_eq!(*table.get(*handle).unwrap(), i as u32);
        }
        let held = table.get(handles[7]).unwrap();
        assert_eq!(*table.remove(handles[7], "x").unwrap(), 7);
        assert!(table.get(handles[7]).is_none());
        assert!(table.remove(handles[7], "x").is_err());
        assert_eq!(*held, 7, "a call under way keeps its object");
    }

    #[test]
    fn a_slot_that_is_used_again_has_another_handle() {
        let table = Table::<u32, Thing>::new(Kind::Config);
        let first = table.insert(1).unwrap();
        table.remove(first, "x").unwrap();
        let second = table.insert(2).unwrap();
        assert_ne!(first, second);
        assert!(table.get(first).is_none());
        assert_eq!(*table.get(second).unwrap(), 2);
    }

    #[test]
    fn what_is_no_handle_of_the_table_is_refused() {
        let table = Table::<u32, Thing>::new(Kind::Config);
        let other = Table::<u32, Thing>::new(Kind::Error);
        let handle = table.insert(1).unwrap();
        assert!(other.get(handle).is_none());
        let on_the_stack = 7_u64;
        let address = (&raw const on_the_stack).addr();
        for address in [0, 1, 8, 17, 33, address, usize::MAX, usize::MAX - 14] {
            let garbage: *const Thing = ptr::without_provenance(address);
            let error = table.require(garbage, "config").err().unwrap();
            assert_eq!(error.code(), ErrorCode::INVALID_HANDLE);
            assert!(error.message().starts_with("config "), "{error}");
        }
    }

    #[test]
    fn of_two_threads_that_free_one_handle_one_succeeds() {
        let table = Table::<u32, Thing>::new(Kind::Config);
        for round in 0..1000 {
            let address = table.insert(round).unwrap().addr();
            let free = || table.remove(ptr::without_provenance(address), "x").is_ok();
            let (a, b) = std::thread::scope(|scope| {
                let other = scope.spawn(free);
                (free(), other.join().unwrap())
            });
            assert!(a ^ b, "{a} {b}");
        }
    }
}
