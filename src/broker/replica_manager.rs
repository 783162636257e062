//! The replicas that one broker hosts, and the requests that wait for them (Kafka:
//! `ReplicaManager`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::append_error::AppendError;
use super::delayed_produce::DelayedProduce;
use super::fetch::DelayedFetch;
use super::group::OFFSETS_TOPIC;
use super::log::AppendInfo;
use super::log_validator::Batch;
use super::metadata_cache::{Image, PartitionImage, TopicImage};
use super::partition::{Partition, Role};
use super::purgatory::{Place, Purgatory};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::Uuid;

/// What a leader asks of the controller.
#[derive(Clone, Debug)]
pub struct IsrChange {
    /// The partition.
    pub place: Place,
    /// The topic's id: one that was made again is another one.
    pub topic_id: Uuid,
    /// The epoch in which this broker leads.
    pub leader_epoch: i32,
    /// The last change of the partition that this broker knows.
    pub partition_epoch: i32,
    /// The replicas that are to be in sync.
    pub isr: Vec<i32>,
}

impl IsrChange {
    /// What a leader asks that knows this of the partition.
    pub fn new(place: Place, known: &Partition, isr: Vec<i32>) -> IsrChange {
        let PartitionImage { leader_epoch, partition_epoch, .. } = known.image;
        IsrChange { place, topic_id: known.topic_id, leader_epoch, partition_epoch, isr }
    }
}

/// The replicas of one broker.
#[derive(Debug, Default)]
pub struct ReplicaManager {
    own_id: i32,
    topics: BTreeMap<Arc<str>, BTreeMap<i32, Partition>>,
    /// Writes that wait for their replicas.
    pub delayed_produce: Purgatory<DelayedProduce>,
    /// Consumers that wait for records.
    pub delayed_fetch: Purgatory<DelayedFetch>,
    /// Partitions of which something changed that others may wait for.
    pub touched: Vec<Place>,
    /// Partitions that this broker leads and that have something new for their followers.
    pub news: Vec<Place>,
    /// Partitions that this broker follows and has to fetch, for another reason than news.
    pub to_fetch: Vec<Place>,
    /// Partitions of the offsets topic that have another leader.
    pub coordinations: Vec<i32>,
    /// What to ask of the controller.
    pub isr_changes: Vec<IsrChange>,
    /// Replicas of topics that were deleted, for those who want to know what was in them.
    #[cfg(feature = "simulation")]
    pub buried: Vec<(Place, Partition)>,
}

impl ReplicaManager {
    /// The replica manager of a broker.
    pub fn new(own_id: i32) -> ReplicaManager {
        ReplicaManager { own_id, ..ReplicaManager::default() }
    }

    /// A replica that is here.
    pub fn get(&self, topic: &str, index: i32) -> Option<&Partition> {
        self.topics.get(topic)?.get(&index)
    }

    /// A replica that is here, to change it.
    pub fn get_mut(&mut self, topic: &str, index: i32) -> Option<&mut Partition> {
        self.topics.get_mut(topic)?.get_mut(&index)
    }

    /// All replicas.
    pub fn all(&self) -> impl Iterator<Item = (&Arc<str>, i32, &Partition)> {
        let topics = self.topics.iter();
        topics.flat_map(|(name, parts)| parts.iter().map(move |(i, part)| (name, *i, part)))
    }

    /// Appends a batch of a producer to a partition that this broker has to lead.
    pub fn append(
        &mut self,
        topic: &Arc<str>,
        index: i32,
        batch: &Batch,
        acks: i16,
        wall_ms: i64,
        now: Instant,
    ) -> Result<(AppendInfo, i64), AppendError> {
        let partition = self.get_mut(topic, index).ok_or(ErrorCode::NOT_LEADER_OR_FOLLOWER)?;
        let before = partition.high_watermark;
        let info = partition.append(batch, acks, wall_ms, now)?;
        let committed = partition.high_watermark > before;
        let has_followers = partition.image.replicas.len() > 1;
        let log_start = partition.log.start_offset();
        if committed {
            self.touched.push((topic.clone(), index));
        }
        if has_followers {
            self.news.push((topic.clone(), index));
        }
        Ok((info, log_start))
    }

    /// Takes over what changed from one image of the cluster to the next.
    pub fn apply(&mut self, before: &Image, after: &Image, now: Instant) {
        // Also what a broker has on its disk of topics that went while it was down.
        let is_gone = |(name, parts): &(&Arc<str>, &BTreeMap<i32, Partition>)| {
            let id = after.topics.get(*name).map(|topic| topic.id);
            parts.values().any(|part| Some(part.topic_id) != id)
        };
        let gone: Vec<Arc<str>> =
            self.topics.iter().filter(is_gone).map(|(name, _)| name.clone()).collect();
        gone.iter().for_each(|name| self.remove_topic(name));
        for (name, topic) in &after.topics {
            if !before.topics.get(name).is_some_and(|known| Arc::ptr_eq(known, topic)) {
                self.apply_topic(topic, now);
            }
        }
    }

    fn remove_topic(&mut self, name: &Arc<str>) {
        let removed = self.topics.remove(name).unwrap_or_default();
        for index in removed.keys() {
            if **name == *OFFSETS_TOPIC {
                self.coordinations.push(*index);
            }
            self.touched.push((name.clone(), *index));
        }
        #[cfg(feature = "simulation")]
        self.buried.extend(removed.into_iter().map(|(index, part)| ((name.clone(), index), part)));
    }

    fn apply_topic(&mut self, topic: &TopicImage, now: Instant) {
        for (index, image) in topic.partitions.iter().enumerate() {
            let index = index as i32;
            let place = (topic.name.clone(), index);
            if !image.replicas.contains(&self.own_id) {
                continue;
            }
            let partitions = self.topics.entry(topic.name.clone()).or_default();
            let new = || Partition::new(topic.id, topic.config.clone());
            let partition = partitions.entry(index).or_insert_with(new);
            partition.config = topic.config.clone();
            let elected = partition.apply(image, self.own_id, now);
            if elected && *topic.name == *OFFSETS_TOPIC {
                self.coordinations.push(index);
            }
            if elected && matches!(partition.role, Role::Follower(_)) {
                self.to_fetch.push(place.clone());
            }
            self.touched.push(place);
        }
    }

    /// Lets the leaders here look for followers that fall behind.
    pub fn shrink_isrs(&mut self, lag_max: Duration, now: Instant) {
        for (topic, partitions) in &mut self.topics {
            for (index, partition) in partitions {
                // What the controller was asked before may have been lost with it.
                let again = partition.asked_isr();
                let shrunk = || partition.shrink_isr(self.own_id, lag_max, |_| false, now);
                if let Some(isr) = again.or_else(shrunk) {
                    let place = (topic.clone(), *index);
                    self.isr_changes.push(IsrChange::new(place, partition, isr));
                }
            }
        }
    }

    /// The process ends: what waited is gone, what is on disk stays. It will be told of its roles
    /// again.
    pub fn crash(&mut self) {
        self.delayed_produce = Purgatory::default();
        self.delayed_fetch = Purgatory::default();
        self.touched.clear();
        self.news.clear();
        self.to_fetch.clear();
        self.coordinations.clear();
        self.isr_changes.clear();
        for partition in self.topics.values_mut().flat_map(BTreeMap::values_mut) {
            partition.image.leader_epoch = -1;
            partition.image.partition_epoch = -1;
            partition.role = Role::Follower(Default::default());
        }
    }
}
