//! The groups that one broker coordinates: those whose partition of `__consumer_offsets` it leads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::offsets::{self, CommittedOffset, Kept, OffsetKey};
use super::{Group, GroupState, Reply};
use crate::broker::log::StoredBatch;
use crate::error::ErrorCode;
use crate::time::Instant;

/// Kafka's topic for committed offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// The partition that has a group's offsets, of `count`. Clients do not compute it, but a tool that
/// looks into the topic expects it (Java: `Utils.abs(groupId.hashCode)`).
pub fn partition_of(group: &str, count: usize) -> i32 {
    let step = |hash: i32, unit: u16| hash.wrapping_mul(31).wrapping_add(i32::from(unit));
    let hash = group.encode_utf16().fold(0_i32, step);
    let hash = if hash == i32::MIN { 0 } else { hash.abs() };
    hash % i32::try_from(count.max(1)).unwrap_or(i32::MAX)
}

/// How far a group has come: by topic and partition.
type Offsets = BTreeMap<(Arc<str>, i32), CommittedOffset>;

/// The groups of one broker.
#[derive(Debug, Default)]
pub struct GroupCoordinator {
    groups: BTreeMap<Arc<str>, Group>,
    offsets: BTreeMap<Arc<str>, Offsets>,
    /// The partitions of the offsets topic that this broker leads.
    partitions: BTreeSet<i32>,
}

impl GroupCoordinator {
    /// This broker leads a partition of the offsets topic now; what is in it counts.
    pub fn load<'a>(
        &mut self,
        partition: i32,
        batches: impl Iterator<Item = &'a StoredBatch>,
        now: Instant,
    ) {
        self.partitions.insert(partition);
        for kept in batches.flat_map(|batch| offsets::decode(&batch.to_vec())) {
            match kept {
                Kept::Offset(key, value) => self.apply(key, value),
                Kept::Group(name, Some(group)) => {
                    self.groups.insert(name, Group::kept(group, now));
                }
                Kept::Group(name, None) => {
                    self.groups.remove(&name);
                }
            }
        }
    }

    /// The groups that are to be kept, as they are not as they were kept last.
    pub fn take_changed(&mut self) -> Vec<(Arc<str>, Kept)> {
        let groups = self.groups.iter_mut().filter_map(|(name, group)| {
            let kept = Kept::Group(name.clone(), Some(group.take_changed()?));
            Some((name.clone(), kept))
        });
        groups.collect()
    }

    /// This broker does not lead the partition any more. `count` is how many the topic has.
    pub fn unload(&mut self, partition: i32, count: usize) -> Vec<Reply> {
        self.partitions.remove(&partition);
        let gone = |group: &Arc<str>| partition_of(group, count) == partition;
        self.offsets.retain(|group, _| !gone(group));
        let names: Vec<Arc<str>> = self.groups.keys().filter(|name| gone(name)).cloned().collect();
        let groups = names.iter().filter_map(|name| self.groups.remove(name));
        groups.flat_map(|group| group.resign(ErrorCode::NOT_COORDINATOR)).collect()
    }

    /// All that there is to keep of the groups of one partition of `count`.
    pub fn all_to_keep(&self, partition: i32, count: usize) -> Vec<Kept> {
        let own = |group: &Arc<str>| partition_of(group, count) == partition;
        let groups = self.groups.iter().filter(|(name, _)| own(name));
        let groups = groups.map(|(name, group)| Kept::Group(name.clone(), Some(group.snapshot())));
        let offsets = self.offsets.iter().filter(|(name, _)| own(name));
        let offsets = offsets.flat_map(|(name, offsets)| {
            offsets.iter().map(|((topic, index), value)| {
                let key = (name.clone(), topic.clone(), *index);
                Kept::Offset(key, Some(value.clone()))
            })
        });
        groups.chain(offsets).collect()
    }

    /// Whether this broker coordinates the groups of that partition.
    pub fn leads(&self, partition: i32) -> bool {
        self.partitions.contains(&partition)
    }

    /// A group, made if it is not there.
    pub fn group(&mut self, name: &Arc<str>) -> &mut Group {
        self.groups.entry(name.clone()).or_default()
    }

    /// A group that is there.
    pub fn existing(&mut self, name: &str) -> Option<&mut Group> {
        self.groups.get_mut(name)
    }

    /// All groups: those with members and those that have but offsets.
    pub fn names(&self) -> BTreeSet<Arc<str>> {
        self.groups.keys().chain(self.offsets.keys()).cloned().collect()
    }

    /// A group's state as it is told; one that nobody knows has none.
    pub fn state_of(&self, name: &str) -> Option<GroupState> {
        let known = self.groups.get(name).map(|group| group.state);
        known.or_else(|| self.offsets.contains_key(name).then_some(GroupState::Empty))
    }

    /// Remembers an offset, or that there is none any more.
    pub fn apply(&mut self, (group, topic, partition): OffsetKey, value: Option<CommittedOffset>) {
        let offsets = self.offsets.entry(group).or_default();
        match value {
            Some(value) => offsets.insert((topic, partition), value),
            None => offsets.remove(&(topic, partition)),
        };
    }

    /// How far a group has come.
    pub fn offset(&self, group: &str, topic: &Arc<str>, index: i32) -> Option<&CommittedOffset> {
        self.offsets.get(group)?.get(&(topic.clone(), index))
    }

    /// How far a group has come everywhere.
    pub fn offsets_of(
        &self,
        group: &str,
    ) -> impl Iterator<Item = (&(Arc<str>, i32), &CommittedOffset)> {
        self.offsets.get(group).into_iter().flatten()
    }

    /// Looks at the clock.
    pub fn tick(&mut self, now: Instant) -> Vec<Reply> {
        self.groups.values_mut().flat_map(|group| group.tick(now)).collect()
    }

    /// When to look again.
    pub fn next_deadline(&self) -> Instant {
        self.groups.values().map(Group::next_deadline).min().unwrap_or(Instant::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_spread_as_kafka_spreads_them() {
        // "polygenelubricants".hashCode() is the smallest number, whose absolute value is none.
        assert_eq!(partition_of("polygenelubricants", 50), 0);
        assert_eq!(partition_of("abc", 50), 96_354 % 50);
        assert_eq!(partition_of("", 50), 0);
    }
}
