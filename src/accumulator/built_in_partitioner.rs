//! BuiltInPartitioner: the sticky partition of records that leave the choice open (KIP-794).
//!
//! Records stay with one partition until `batch.size` bytes went there and its batch is full; then
//! the next one is drawn, by chance weighted against the partitions with long queues. The bytes
//! are counted under the partition's own lock, so that threads share no counter.
//!
//! All threads share one sticky partition, as that fills batches soonest, until one finds the
//! partition's lock taken. Then for some draws each has a lane with a sticky partition of its own:
//! threads that fight for a lock are slower than one alone.

use std::cell::Cell;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize, Ordering};

use super::topic::Topic;
use crate::sync::Mutex;

/// No partition was drawn yet.
const NONE: i32 = -1;
/// The lane that all share, and the others; what they hold fits into a cache line.
const LANES: usize = 16;
/// For how many draws threads keep apart after two have met.
const APART_FOR: u32 = 1000;
/// How often another partition is drawn instead of one that another lane is at.
const REDRAWS: usize = 4;
/// A lane that drew nothing for so many draws keeps no other from its partition: whoever sends
/// there sends little, or nothing any more, and that partition is to get its share, too.
const RECENT: u32 = LANES as u32;

/// Where a thread's sticky partition is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane(usize);

/// The lane of threads that keep together.
const SHARED: Lane = Lane(0);

/// The state of one topic.
pub struct BuiltInPartitioner {
    current: [AtomicI32; LANES],
    /// Draws for which threads keep apart.
    apart: AtomicU32,
    draw: Mutex<Draw>,
}

struct Draw {
    rng: fastrand::Rng,
    /// Partitions that may be drawn, and their cumulative frequencies; rebuilt now and then.
    ids: Vec<i32>,
    cumulative: Vec<u32>,
    /// Batches that wait for them, as last seen; empty if none has a leader.
    queued: Vec<u32>,
    /// Draws until the next rebuild.
    left: usize,
    /// All draws, and which one was the last of each lane.
    draws: u32,
    last: [u32; LANES],
}

impl Default for BuiltInPartitioner {
    fn default() -> BuiltInPartitioner {
        let draw = Draw {
            rng: fastrand::Rng::new(),
            ids: Vec::new(),
            cumulative: Vec::new(),
            queued: Vec::new(),
            left: 0,
            draws: 0,
            last: [0; LANES],
        };
        BuiltInPartitioner {
            current: std::array::from_fn(|_| AtomicI32::new(NONE)),
            apart: AtomicU32::new(0),
            draw: Mutex::new(draw),
        }
    }
}

impl BuiltInPartitioner {
    /// The lane of the thread that asks.
    #[inline]
    pub fn lane(&self) -> Lane {
        if self.apart.load(Ordering::Relaxed) == 0 { SHARED } else { own_lane() }
    }

    /// Notes that a thread found the lock of its sticky partition taken. Says whether it has
    /// another lane from now on.
    #[cold]
    pub fn keep_apart(&self, lane: Lane) -> bool {
        self.apart.store(APART_FOR, Ordering::Relaxed);
        lane == SHARED
    }

    /// The sticky partition, drawn if there is none.
    #[inline(always)]
    pub fn peek(&self, topic: &Topic, adaptive: bool, lane: Lane) -> i32 {
        match self.current[lane.0].load(Ordering::Acquire) {
            // A topic that was made anew may have fewer partitions.
            partition if partition < topic.partition_count() && partition != NONE => partition,
            gone => self.draw_instead(topic, adaptive, lane, gone),
        }
    }

    #[cold]
    #[inline(never)]
    fn draw_instead(&self, topic: &Topic, adaptive: bool, lane: Lane, gone: i32) -> i32 {
        self.draw.lock().left = 0;
        self.draw(topic, adaptive, lane, gone)
    }

    /// Whether `partition` is still the sticky one.
    pub fn is_current(&self, lane: Lane, partition: i32) -> bool {
        self.current[lane.0].load(Ordering::Acquire) == partition
    }

    /// Leaves `partition` for another one (which may be the same). Call it under its lock.
    pub fn switch(&self, topic: &Topic, adaptive: bool, lane: Lane, partition: i32) {
        self.draw(topic, adaptive, lane, partition);
    }

    /// Draws the next partition unless another thread did since `seen` was read.
    fn draw(&self, topic: &Topic, adaptive: bool, lane: Lane, seen: i32) -> i32 {
        let mut draw = self.draw.lock();
        let current = self.current[lane.0].load(Ordering::Acquire);
        if current != seen {
            return current;
        }
        if draw.left == 0 {
            draw.rebuild(topic, adaptive);
        }
        draw.left -= 1;
        draw.draws = draw.draws.wrapping_add(1);
        draw.last[lane.0] = draw.draws;
        let mut next = draw.next(topic, adaptive);
        let apart = self.apart.load(Ordering::Relaxed);
        if apart > 0 {
            self.apart.store(apart - 1, Ordering::Relaxed);
            for _ in 0..REDRAWS {
                if !self.is_taken(next, lane, &draw) {
                    break;
                }
                next = draw.next(topic, adaptive);
            }
        }
        self.current[lane.0].store(next, Ordering::Release);
        next
    }

    /// Whether another lane that is in use is at `partition`.
    fn is_taken(&self, partition: i32, lane: Lane, draw: &Draw) -> bool {
        let is_recent = |other: usize| draw.draws.wrapping_sub(draw.last[other]) < RECENT;
        self.current.iter().enumerate().any(|(other, current)| {
            other != lane.0 && current.load(Ordering::Relaxed) == partition && is_recent(other)
        })
    }
}

/// The lane of this thread, for all topics and producers; threads take turns.
fn own_lane() -> Lane {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static LANE: Cell<Lane> = const { Cell::new(SHARED) };
    }
    if LANE.get() == SHARED {
        LANE.set(Lane(1 + THREADS.fetch_add(1, Ordering::Relaxed) % (LANES - 1)));
    }
    LANE.get()
}

impl Draw {
    /// Looks at all partitions, once for a quarter as many draws: every draw bears four looks.
    fn rebuild(&mut self, topic: &Topic, adaptive: bool) {
        let count = topic.partition_count().max(1);
        self.left = (count as usize / 4).max(1);
        self.ids.clear();
        self.cumulative.clear();
        self.queued.clear();
        let mut all_seen = true;
        for index in 0..count {
            let Some(partition) = topic.partition(index) else { continue };
            all_seen &= partition.seen.load(Ordering::Relaxed);
            if partition.available.load(Ordering::Relaxed) {
                self.ids.push(index);
                self.queued.push(partition.queued());
            }
        }
        if self.ids.is_empty() {
            self.ids.extend(0..count);
        } else if adaptive && all_seen && self.ids.len() >= 2 {
            let some_left_out = self.ids.len() < count as usize;
            cumulative_frequencies(&self.queued, some_left_out, &mut self.cumulative);
        }
    }

    /// The next partition, which has a leader if any had one at the last look.
    fn next(&mut self, topic: &Topic, adaptive: bool) -> i32 {
        let next = self.any();
        if self.queued.is_empty() || topic.has_leader(next) {
            return next;
        }
        self.rebuild(topic, adaptive);
        self.any()
    }

    fn any(&mut self) -> i32 {
        match self.cumulative.last() {
            None => self.ids[self.rng.usize(..self.ids.len())],
            Some(&total) => {
                let weighted = self.rng.u32(..total);
                self.ids[self.cumulative.partition_point(|&upto| upto <= weighted)]
            }
        }
    }
}

/// Java's updatePartitionLoadStats: the frequency of a partition is the longest queue plus one,
/// less its own; all equal and none left out means no weights at all.
fn cumulative_frequencies(queued: &[u32], some_left_out: bool, into: &mut Vec<u32>) {
    let most = queued.iter().max().copied().unwrap_or(0) + 1;
    if !some_left_out && queued.iter().all(|&q| q == queued[0]) {
        return;
    }
    let mut sum = 0;
    into.extend(queued.iter().map(|q| {
        sum += most - q;
        sum
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accumulator::topic::Topics;
    use std::sync::Arc;

    fn topic(partitions: i32, has_leader: impl Fn(i32) -> bool) -> Arc<Topic> {
        let topics = Topics::default();
        let topic = topics.get_or_add("t");
        topics.update(&topic, partitions, has_leader);
        topic
    }

    #[test]
    fn frequencies_are_java_s() {
        let frequencies = |queued: &[u32]| {
            let mut sums = Vec::new();
            cumulative_frequencies(queued, false, &mut sums);
            sums
        };
        assert_eq!(frequencies(&[0, 3, 1]), [4, 5, 8]);
        assert_eq!(frequencies(&[5, 0, 3, 0, 1]), [1, 7, 10, 16, 21]);
        assert!(frequencies(&[2, 2]).is_empty());
    }

    #[test]
    fn a_partition_sticks_until_it_is_left() {
        let topic = topic(12, |_| true);
        let first = topic.partitioner.peek(&topic, true, SHARED);
        assert!((0..100).all(|_| topic.partitioner.peek(&topic, true, SHARED) == first));
        let drawn: std::collections::HashSet<i32> = (0..500)
            .map(|_| {
                let now = topic.partitioner.peek(&topic, true, SHARED);
                topic.partitioner.switch(&topic, true, SHARED, now);
                now
            })
            .collect();
        assert_eq!(drawn.len(), 12);
    }

    #[test]
    fn partitions_without_a_leader_are_not_drawn_unless_none_has_one() {
        let some = topic(4, |p| p == 2);
        let none = topic(4, |_| false);
        for _ in 0..50 {
            let now = some.partitioner.peek(&some, true, SHARED);
            assert_eq!(now, 2);
            some.partitioner.switch(&some, true, SHARED, now);
            assert!((0..4).contains(&none.partitioner.peek(&none, true, SHARED)));
        }
    }

    #[test]
    fn a_partition_that_loses_its_leader_is_not_drawn_any_more() {
        let topics = Topics::default();
        let topic = topics.get_or_add("t");
        topics.update(&topic, 1000, |_| true);
        topic.partitioner.peek(&topic, true, SHARED);
        topics.update(&topic, 1000, |p| p % 500 == 7);
        let drawn: std::collections::BTreeSet<i32> = (0..50)
            .map(|_| {
                let before = topic.partitioner.peek(&topic, true, SHARED);
                topic.partitioner.switch(&topic, true, SHARED, before);
                topic.partitioner.peek(&topic, true, SHARED)
            })
            .collect();
        assert_eq!(Vec::from_iter(drawn), [7, 507]);
    }

    #[test]
    fn a_stale_switch_does_not_move_the_others() {
        let topic = topic(100, |_| true);
        let now = topic.partitioner.peek(&topic, true, SHARED);
        topic.partitioner.switch(&topic, true, SHARED, (now + 1) % 100);
        assert!(topic.partitioner.is_current(SHARED, now));
    }

    #[test]
    fn partitions_are_used_alike_by_threads_that_keep_apart() {
        let topic = topic(3, |_| true);
        let partitioner = &topic.partitioner;
        // Nobody sends on these lanes any more.
        let _ = [SHARED, Lane(7)].map(|lane| partitioner.peek(&topic, true, lane));
        let mut counts = [0; 3];
        for draw in 0..9000 {
            // Some other thread, or the I/O thread, has a partition's lock now and then.
            partitioner.keep_apart(SHARED);
            let lane = Lane(1 + draw % 2);
            let now = partitioner.peek(&topic, true, lane);
            counts[now as usize] += 1;
            partitioner.switch(&topic, true, lane, now);
        }
        assert!(counts.iter().all(|count| (2600..3400).contains(count)), "{counts:?}");
    }

    #[test]
    fn threads_that_meet_keep_apart_for_a_while() {
        let topic = topic(12, |_| true);
        let partitioner = &topic.partitioner;
        let together = partitioner.peek(&topic, true, partitioner.lane());
        assert!(partitioner.keep_apart(partitioner.lane()));
        let mine = partitioner.lane();
        assert!(!partitioner.keep_apart(mine), "it has its own lane already");
        let at = |lane| partitioner.peek(&topic, true, lane);
        let (other, theirs) = std::thread::scope(|scope| {
            let look = || (partitioner.lane(), at(partitioner.lane()));
            scope.spawn(look).join().unwrap()
        });
        assert_ne!(mine, other);
        let places = [together, at(mine), theirs];
        assert!(places[0] != places[1] && places[1] != places[2], "{places:?}");
        let mut draws = 2;
        while partitioner.lane() == mine {
            partitioner.switch(&topic, true, mine, at(mine));
            draws += 1;
        }
        assert_eq!((draws, partitioner.lane()), (APART_FOR, SHARED));
    }
}
