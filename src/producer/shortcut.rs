//! The shortcut of a send: a record that follows another one of the same thread, producer and topic
//! needs no look-up of any of them, and nothing that a rare setting would want.
//!
//! A thread remembers its last topic, and after a send through a C handle by which door it came in.
//! The next record through the same door to the same topic is appended straight away, if its batch
//! has room for it. All else takes the general way (`send.rs`), which does the same things in the
//! same order, and more.
//!
//! What a thread remembers keeps the topic alive, with its partitions, which are empty once their
//! producer is closed, and the gate, which it closes before it is gone; nothing else of it.

use std::cell::RefCell;
use std::sync::Arc;

use super::Producer;
use super::rules::{Choice, Rules};
use crate::accumulator::{Gate, Topic, UsualRecord};
use crate::time::WallClock;

thread_local! {
    /// The topic this thread sent to last, which it is likely to send to next.
    static LAST: RefCell<Option<Last>> = const { RefCell::new(None) };
}

/// By what a producer is known outside: a number that is never used again for another producer, and
/// the process in which it is valid, counted in forks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Door {
    /// The number.
    pub handle: usize,
    /// The process.
    pub process: u64,
}

/// What a thread remembers of its last send.
pub(super) struct Last {
    pub topic: Arc<Topic>,
    way: Option<Box<Way>>,
}

impl Door {
    /// Through which nobody comes.
    const NONE: Door = Door { handle: usize::MAX, process: u64::MAX };
}

/// What a caller says of a record: its topic's name, and its partition and timestamp, neither of
/// which is negative, if it has them.
pub struct Parts<'a> {
    /// The name, of which it is not known whether it is UTF-8.
    pub topic: &'a [u8],
    /// The partition.
    pub partition: Option<i32>,
    /// The timestamp.
    pub timestamp: Option<i64>,
    /// The rest.
    pub record: UsualRecord<'a>,
}

/// The way from a door to the gate of its producer.
pub(super) struct Way {
    door: Door,
    gate: Arc<Gate>,
    rules: Rules,
    clock: WallClock,
}

/// Takes what this thread remembers.
pub(super) fn take() -> Option<Last> {
    LAST.try_with(|last| last.try_borrow_mut().ok()?.take()).ok()?
}

/// Has this thread remember a send.
pub(super) fn remember(last: Last) {
    let _ = LAST.try_with(|place| place.replace(Some(last)));
}

impl Last {
    /// A send to `topic` through `gate`. The way of the send before is good if it leads there; if
    /// not, its memory is kept for the next.
    pub fn new(topic: Arc<Topic>, gate: &Arc<Gate>, before: Option<Box<Way>>) -> Last {
        let mut way = before;
        if let Some(way) = &mut way
            && !Arc::ptr_eq(&way.gate, gate)
        {
            way.door = Door::NONE;
        }
        Last { topic, way }
    }

    /// Its parts.
    pub fn into_parts(self) -> (Arc<Topic>, Option<Box<Way>>) {
        (self.topic, self.way)
    }
}

/// Whether there is a shortcut from `door` to some topic.
#[inline]
pub fn leads_from(door: Door) -> bool {
    let leads = |last: &Last| last.way.as_ref().is_some_and(|way| way.door == door);
    LAST.try_with(|last| last.try_borrow().is_ok_and(|last| last.as_ref().is_some_and(leads)))
        .unwrap_or(false)
}

/// Appends a record if there is a shortcut from `door` to its topic. If not, nothing has happened.
/// What the record is is asked only where there is one: a caller that has no producer may have no
/// record either.
#[inline(always)]
pub fn send<'a>(door: Door, parts: impl FnOnce() -> Option<Parts<'a>>) -> bool {
    let sent = LAST.try_with(|last| {
        let Ok(last) = last.try_borrow() else { return false };
        let Some(Last { topic, way: Some(way) }) = &*last else { return false };
        if way.door != door {
            return false;
        }
        parts().is_some_and(|parts| topic.name.is(parts.topic) && way.send(topic, &parts))
    });
    sent.unwrap_or(false)
}

impl Way {
    #[inline(always)]
    fn send(&self, topic: &Topic, parts: &Parts<'_>) -> bool {
        let Parts { partition, timestamp, record, .. } = *parts;
        let count = topic.partition_count();
        if partition.unwrap_or(0) >= count
            || !self.rules.surely_fit(record.key, record.value, record.headers)
        {
            return false;
        }
        topic.touch();
        let choice = match partition {
            Some(partition) => Choice::Fixed(partition),
            None => self.rules.by_key(record.key, count).map_or(Choice::Sticky, Choice::Fixed),
        };
        let timestamp = timestamp.unwrap_or_else(|| self.clock.ms());
        let (index, sticky) = self.rules.place(topic, choice);
        let Some(partition) = topic.partition(index) else { return false };
        self.gate.append_usual(topic, partition, &record, timestamp, sticky)
    }
}

impl Producer {
    /// Opens the shortcut from `door`, through which this thread has just sent a record.
    #[inline]
    pub fn open_shortcut(&self, door: Door) {
        let _ = LAST.try_with(|last| {
            if let Ok(mut last) = last.try_borrow_mut()
                && let Some(last) = &mut *last
                && last.way.as_ref().is_none_or(|way| way.door != door)
            {
                self.open(door, last);
            }
        });
    }

    #[cold]
    fn open(&self, door: Door, last: &mut Last) {
        let plain = self.interceptors.is_empty()
            && self.partitioner.is_none()
            && !self.rules.is_round_robin();
        if plain && self.shared.accumulator.topics.owns(&last.topic) {
            let gate = self.shared.accumulator.gate.clone();
            let (rules, clock) = (self.rules, WallClock::default());
            let way = Way { door, gate, rules, clock };
            match &mut last.way {
                Some(place) => **place = way,
                place => *place = Some(Box::new(way)),
            }
        }
    }
}
