//! Schedule: which partitions stand in line for which broker, and when to look at the others.
//!
//! A line is served from its front and a partition that was served goes to its end, so no
//! partition starves. Times are kept in order, so a round looks only at what is due.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::part::Part;
use crate::time::Instant;

/// See the file's comment.
#[derive(Default)]
pub struct Schedule {
    lines: BTreeMap<i32, VecDeque<u32>>,
    timers: BTreeSet<(Instant, u32)>,
    leaderless: BTreeSet<u32>,
}

impl Schedule {
    /// Looks at the partition again at `at`.
    pub fn set_timer(&mut self, id: u32, part: &mut Part, at: Instant) {
        if part.timer == Some(at) {
            return;
        }
        if let Some(old) = part.timer.take() {
            self.timers.remove(&(old, id));
        }
        if at != Instant::NEVER {
            self.timers.insert((at, id));
            part.timer = Some(at);
        }
    }

    /// Puts the partition at the end of a broker's line, or takes it out of all.
    pub fn set_line(&mut self, id: u32, part: &mut Part, node: Option<i32>) {
        if part.in_line == node {
            return;
        }
        if let Some(line) = part.in_line.and_then(|old| self.lines.get_mut(&old)) {
            line.retain(|other| *other != id);
        }
        if let Some(node) = node {
            self.lines.entry(node).or_default().push_back(id);
        }
        part.in_line = node;
    }

    /// Notes whether the partition waits for a leader.
    pub fn set_leaderless(&mut self, id: u32, part: &mut Part, leaderless: bool) {
        if part.leaderless != leaderless {
            part.leaderless = leaderless;
            match leaderless {
                true => self.leaderless.insert(id),
                false => self.leaderless.remove(&id),
            };
        }
    }

    /// The partition at the front of a broker's line.
    pub fn front(&self, node: i32) -> Option<u32> {
        self.lines.get(&node)?.front().copied()
    }

    /// The partitions that stand in a broker's line.
    pub fn line(&self, node: i32) -> impl Iterator<Item = u32> + '_ {
        self.lines.get(&node).into_iter().flatten().copied()
    }

    /// Takes the partition at the front out of its line.
    pub fn pop_front(&mut self, node: i32, part: &mut Part) {
        if let Some(line) = self.lines.get_mut(&node) {
            line.pop_front();
        }
        part.in_line = None;
    }

    /// The brokers for which somebody stands in line.
    pub fn nodes(&self, into: &mut Vec<i32>) {
        into.extend(self.lines.iter().filter(|(_, line)| !line.is_empty()).map(|(node, _)| *node));
    }

    /// Takes the partitions whose time has come.
    pub fn take_due(&mut self, now: Instant, into: &mut Vec<u32>) {
        while let Some(&(at, id)) = self.timers.first() {
            if at > now {
                break;
            }
            self.timers.pop_first();
            into.push(id);
        }
    }

    /// The partitions with a time, which are all that have anything waiting or in flight.
    pub fn with_timer(&self, into: &mut Vec<u32>) {
        into.extend(self.timers.iter().map(|(_, id)| *id));
    }

    /// The partitions that wait for a leader.
    pub fn leaderless(&self) -> Vec<u32> {
        self.leaderless.iter().copied().collect()
    }

    /// When the next partition is due.
    pub fn next_due(&self) -> Instant {
        self.timers.first().map_or(Instant::NEVER, |(at, _)| *at)
    }
}
