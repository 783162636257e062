//! Topics and their partitions as the sending threads see them.
//!
//! A send finds its topic in a map that is replaced as a whole when a topic is new, and its
//! partition in a list that only grows; neither takes a lock. Topics live as long as the producer.

use crate::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::OnceLock;

use arc_swap::{ArcSwap, Guard};

use super::batch::{Lost, ProducerBatch};
use super::built_in_partitioner::{BuiltInPartitioner, Lane};
use super::wakeup::Demand;
use crate::compression::RatioEstimate;
use crate::record::TopicName;
use crate::sync::{Mutex, MutexGuard};

type Map = HashMap<Arc<str>, Arc<Topic>, foldhash::fast::RandomState>;

/// All topics of a producer.
pub struct Topics {
    /// Tells the topics of this producer from those of others.
    id: u64,
    map: ArcSwap<Map>,
    growing: Mutex<()>,
    partition_ids: AtomicU32,
}

impl Default for Topics {
    fn default() -> Topics {
        static LAST_ID: AtomicU64 = AtomicU64::new(0);
        Topics {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed),
            map: ArcSwap::default(),
            growing: Mutex::default(),
            partition_ids: AtomicU32::new(0),
        }
    }
}

/// A look into the map of topics; keeps the map it looked into alive.
pub struct TopicsView(Guard<Arc<Map>>);

impl TopicsView {
    /// The topic, if it was sent to before.
    pub fn get(&self, name: &str) -> Option<&Arc<Topic>> {
        self.0.get(name)
    }
}

impl TopicsView {
    /// All topics.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Topic>> {
        self.0.values()
    }
}

impl Topics {
    /// The topics now.
    pub fn view(&self) -> TopicsView {
        TopicsView(self.map.load())
    }

    /// Whether the topic is one of these.
    pub fn owns(&self, topic: &Topic) -> bool {
        topic.owner == self.id
    }

    /// The topic, made if it is new.
    pub fn get_or_add(&self, name: &str) -> Arc<Topic> {
        let _growing = self.growing.lock();
        let old = self.map.load();
        if let Some(topic) = old.get(name) {
            return topic.clone();
        }
        let topic = Arc::new(Topic::new(self.id, TopicName::new(name)));
        let mut map = Map::clone(&old);
        map.insert(topic.name.shared(), topic.clone());
        self.map.store(Arc::new(map));
        topic
    }

    /// Tells how many partitions `topic` has, and which of them have a leader.
    pub fn update(&self, topic: &Topic, count: i32, has_leader: impl Fn(i32) -> bool) {
        let _growing = self.growing.lock();
        for index in 0..count {
            if topic.partitions.get(index).is_none() {
                let id = self.partition_ids.fetch_add(1, Ordering::Relaxed);
                let (name, ratio) = (topic.name.clone(), topic.ratio.clone());
                topic.partitions.push(PartitionQueue::new(id, name, index, ratio));
            }
            if let Some(partition) = topic.partitions.get(index) {
                partition.available.store(has_leader(index), Ordering::Relaxed);
            }
        }
        topic.count.store(count, Ordering::Release);
    }
}

/// One topic.
pub struct Topic {
    owner: u64,
    /// The name.
    pub name: TopicName,
    partitions: PartitionList,
    ratio: Arc<RatioEstimate>,
    /// The number of partitions; 0 while it is not known.
    count: AtomicI32,
    /// Chooses the partition of records that leave it open.
    pub partitioner: BuiltInPartitioner,
    /// Records that were given a partition in turn.
    turns: AtomicU32,
    /// Sent to since the last look; keeps the topic in the metadata (`metadata.max.idle.ms`).
    used: AtomicBool,
}

impl Topic {
    fn new(owner: u64, name: TopicName) -> Topic {
        Topic {
            owner,
            name,
            partitions: PartitionList::default(),
            ratio: Arc::default(),
            count: AtomicI32::new(0),
            partitioner: BuiltInPartitioner::default(),
            turns: AtomicU32::new(0),
            used: AtomicBool::new(true),
        }
    }

    /// The number of partitions; 0 while it is not known.
    pub fn partition_count(&self) -> i32 {
        self.count.load(Ordering::Acquire)
    }

    /// A partition that exists.
    #[inline(always)]
    pub fn partition(&self, index: i32) -> Option<&Arc<PartitionQueue>> {
        self.partitions.get(index)
    }

    /// Whether a partition exists and has a leader that can be reached.
    pub fn has_leader(&self, index: i32) -> bool {
        self.partition(index).is_some_and(|partition| partition.available.load(Ordering::Relaxed))
    }

    /// Takes a partition's lock if nobody has it. If somebody has, and the partition is sticky in a
    /// lane, that is noted.
    #[inline(always)]
    pub fn try_lock<'a>(
        &self,
        partition: &'a PartitionQueue,
        sticky: Option<Lane>,
    ) -> Option<MutexGuard<'a, Deque>> {
        let guard = partition.try_lock();
        if guard.is_none()
            && let Some(lane) = sticky
        {
            self.partitioner.keep_apart(lane);
        }
        guard
    }

    /// All partitions that exist.
    pub fn partitions(&self) -> impl Iterator<Item = &Arc<PartitionQueue>> {
        (0..).map_while(|index| self.partition(index))
    }

    /// The partition whose turn it is, of `count` (Java: RoundRobinPartitioner). Those without a
    /// leader are passed over as long as another one has one.
    pub fn next_in_turn(&self, count: i32) -> i32 {
        let count = count.max(1).unsigned_abs();
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let available = |index: &u32| self.has_leader(*index as i32);
        let next = turn % count;
        if available(&next) {
            return next as i32;
        }
        let left = (0..count).filter(available).count().max(1);
        (0..count).filter(available).nth(turn as usize % left).unwrap_or(next) as i32
    }

    /// Notes that somebody sends to the topic. Writes only if it must, as all threads share it.
    pub fn touch(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether somebody sent to the topic since this was last asked.
    pub fn take_used(&self) -> bool {
        self.used.swap(false, Ordering::Relaxed)
    }
}

/// A partition's batches that are not yet drained, the last of which takes records.
pub struct PartitionQueue {
    /// Dense number of the partition within the producer.
    pub id: u32,
    /// The topic.
    pub topic: TopicName,
    /// The partition's number in its topic.
    pub partition: i32,
    /// How well the topic's records compress.
    pub ratio: Arc<RatioEstimate>,
    inner: Mutex<Deque>,
    /// The number of batches, to be read without the lock.
    queued: AtomicU32,
    /// Whether the partition has a leader that can be reached.
    pub available: AtomicBool,
    /// Whether it ever had a batch.
    pub seen: AtomicBool,
    /// What a panic of the I/O thread dropped.
    pub lost: Mutex<Vec<Lost>>,
}

/// What the lock of a partition guards.
pub struct Deque {
    /// The batches, oldest first.
    pub batches: VecDeque<ProducerBatch>,
    /// Bytes appended since the sticky partitioner came here.
    pub sticky_bytes: usize,
    /// Whether the sender has been told to look here and has not yet looked.
    pub listed: bool,
    /// When the sender is to be told, once the lock is left.
    pub demand: Option<Demand>,
    /// The number of batches that take no more records, as last published.
    ready: usize,
}

impl Deque {
    /// Has the sender be told once the lock is left, of the most urgent of what is asked for.
    pub fn demand(&mut self, demand: Demand) {
        self.demand = Some(self.demand.map_or(demand, |before| before.first(demand)));
    }
}

impl PartitionQueue {
    fn new(id: u32, topic: TopicName, partition: i32, ratio: Arc<RatioEstimate>) -> PartitionQueue {
        let deque = Deque {
            batches: VecDeque::new(),
            sticky_bytes: 0,
            listed: false,
            demand: None,
            ready: 0,
        };
        PartitionQueue {
            id,
            topic,
            partition,
            ratio,
            inner: Mutex::new(deque),
            queued: AtomicU32::new(0),
            available: AtomicBool::new(true),
            seen: AtomicBool::new(false),
            lost: Mutex::default(),
        }
    }

    /// Takes the partition's lock.
    pub fn lock(&self) -> MutexGuard<'_, Deque> {
        self.inner.lock()
    }

    /// Takes the partition's lock if nobody has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, Deque>> {
        self.inner.try_lock()
    }

    /// Publishes the number of batches; call it under the lock. Returns how many more of them take
    /// no more records than the last time.
    pub fn publish(&self, deque: &mut Deque) -> isize {
        let queued = deque.batches.len();
        self.queued.store(queued as u32, Ordering::Relaxed);
        let last_is_full = deque.batches.back().is_some_and(ProducerBatch::is_full);
        let ready = queued.saturating_sub(1) + usize::from(last_is_full);
        ready as isize - std::mem::replace(&mut deque.ready, ready) as isize
    }

    /// The number of batches that wait.
    pub fn queued(&self) -> u32 {
        self.queued.load(Ordering::Relaxed)
    }
}

type Bucket = Box<[OnceLock<Arc<PartitionQueue>>]>;

/// A list that grows and never moves what is in it: buckets of 8, 16, 32, … partitions.
struct PartitionList {
    buckets: [OnceLock<Bucket>; 28],
    len: AtomicU32,
}

impl Default for PartitionList {
    fn default() -> PartitionList {
        let buckets = std::array::from_fn(|_| OnceLock::new());
        PartitionList { buckets, len: AtomicU32::new(0) }
    }
}

impl PartitionList {
    fn place(index: u32) -> (usize, usize) {
        let shifted = index + 8;
        let bucket = 28 - shifted.leading_zeros();
        (bucket as usize, (shifted - (8 << bucket)) as usize)
    }

    #[inline(always)]
    fn get(&self, index: i32) -> Option<&Arc<PartitionQueue>> {
        let (bucket, slot) = PartitionList::place(u32::try_from(index).ok()?);
        self.buckets.get(bucket)?.get()?.get(slot)?.get()
    }

    /// Appends; callers take turns.
    fn push(&self, partition: PartitionQueue) {
        let (bucket, slot) = PartitionList::place(self.len.fetch_add(1, Ordering::Relaxed));
        let bucket_len = 8 << bucket;
        let made =
            self.buckets[bucket].get_or_init(|| (0..bucket_len).map(|_| OnceLock::new()).collect());
        let _ = made[slot].set(Arc::new(partition));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_is_found_by_name_and_made_once() {
        let topics = Topics::default();
        assert!(topics.view().get("a").is_none());
        let a = topics.get_or_add("a");
        assert!(Arc::ptr_eq(&a, &topics.get_or_add("a")));
        topics.get_or_add("b");
        assert!(Arc::ptr_eq(&a, topics.view().get("a").unwrap()));
    }

    #[test]
    fn partitions_take_turns_and_those_without_a_leader_are_passed_over() {
        let topics = Topics::default();
        let topic = topics.get_or_add("a");
        topics.update(&topic, 3, |_| true);
        let turns: Vec<i32> = (0..7).map(|_| topic.next_in_turn(3)).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0]);
        topics.update(&topic, 3, |p| p != 1);
        let mut counts = [0; 3];
        (0..600).for_each(|_| counts[topic.next_in_turn(3) as usize] += 1);
        assert_eq!(counts, [300, 0, 300]);
        topics.update(&topic, 3, |_| false);
        (0..600).for_each(|_| counts[topic.next_in_turn(3) as usize] += 1);
        assert_eq!(counts, [500, 200, 500], "none has a leader, so all take turns");
    }

    #[test]
    fn partitions_keep_their_place_when_more_come() {
        let topics = Topics::default();
        let topic = topics.get_or_add("a");
        topics.update(&topic, 3, |_| true);
        let first = topic.partition(0).unwrap().clone();
        topics.update(&topic, 5000, |p| p % 2 == 0);
        assert!(Arc::ptr_eq(&first, topic.partition(0).unwrap()));
        for p in 0..5000 {
            let partition = topic.partition(p).unwrap();
            assert_eq!((partition.partition, partition.id), (p, p as u32));
            assert_eq!(partition.available.load(Ordering::Relaxed), p % 2 == 0);
        }
        assert!(topic.partition(5000).is_none());
        assert!(topic.partition(-1).is_none());
    }
}
