//! A topic is deleted and made again: another one of that name, with an id, leaders and logs of its
//! own, and perhaps with more partitions. Between the two it may be unknown for a while, or some
//! producer that asks for it has it made with fewer partitions than it had.

use std::sync::Arc;

use super::chaos::Cure;
use super::setup::ms;
use super::world::{What, World};
use crate::broker::NewTopic;

/// No topic has more partitions than this.
const PARTITIONS_MAX: i32 = 4;

impl World {
    /// Deletes a topic, which comes back at once or after a while.
    pub(super) fn strike_topic(&mut self) -> Option<String> {
        // Only logs that live for a while show what happens to old ones.
        if self.rng.bool() {
            return None;
        }
        let ((topic, _), now) = (self.partition(), self.now);
        let before = self.brokers.core.registry.topics.get(topic)?.partitions.len() as i32;
        self.brokers.core.delete_topic(topic, now).ok()?;
        self.brokers.core.settle(now);
        let most = before.max(self.chaos.gone.get(topic).copied().unwrap_or(0));
        let count = (most + i32::from(self.rng.u8(..4) == 0)).min(PARTITIONS_MAX);
        self.chaos.gone.insert(topic, count);
        let pause = [0, self.rng.u64(1..100), self.rng.u64(100..1500)][self.rng.usize(..3)];
        match pause {
            0 => self.make_topic(topic),
            _ => self.timeline.at(now + ms(pause), What::Heal(Cure::MakeTopic(topic))),
        }
        Some(format!("{topic} with {count} partitions after {pause} ms"))
    }

    /// A topic comes back, unless too few brokers are there for its replicas: then later.
    pub(super) fn make_topic(&mut self, topic: &'static str) {
        let Some(count) = self.chaos.gone.remove(topic) else { return };
        if self.try_make(topic, count).is_err() {
            self.chaos.gone.insert(topic, count);
            self.timeline.at(self.now + ms(100), What::Heal(Cure::MakeTopic(topic)));
        }
    }

    /// A topic comes back when everything heals, when nothing keeps it from that.
    pub(super) fn make_topic_at_last(&mut self, (topic, count): (&'static str, i32)) {
        if let Err(why) = self.try_make(topic, count) {
            self.brokers.violations.push(format!("{topic} cannot be made again: {why}"));
        }
    }

    fn try_make(&mut self, topic: &'static str, count: i32) -> Result<(), String> {
        let (core, now) = (&mut self.brokers.core, self.now);
        let made = match core.registry.topics.get(topic) {
            Some(there) if there.partitions.len() as i32 >= count => Ok(()),
            // Somebody has asked for it.
            Some(_) => core.create_partitions(topic, count, None, false, now),
            None => {
                let new = NewTopic {
                    name: Arc::from(topic),
                    partitions: count,
                    replication_factor: core.config.replication_factor(),
                    assignment: None,
                    config: core.config.topic_defaults.clone(),
                };
                core.create_topic(&new, now).map(|_| ())
            }
        };
        core.settle(now);
        made.map_err(|(code, why)| format!("{code}: {why}"))
    }
}
