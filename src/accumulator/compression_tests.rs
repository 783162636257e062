//! Batches that are compressed: how far they fill, what is sent, and where the memory goes.

use super::*;
use crate::accumulator::{AccumulatorConfig, Append, Lane, Reporting, Reserve, Sleep, Topic};
use crate::compression::Compression;
use crate::record::Record;
use crate::report::ReportQueue;
use crate::wire::record_batch::RecordBatch;

const MEMORY: usize = 1 << 20;
const BATCH_SIZE: usize = 1000;

struct Owner(RecordAccumulator);

impl AsRef<RecordAccumulator> for Owner {
    fn as_ref(&self) -> &RecordAccumulator {
        &self.0
    }
}

const LZ4: Compression = Compression { kind: CompressionType::Lz4, level: 9 };

fn room() -> (Arc<Owner>, Arc<Topic>) {
    room_with(1, Duration::ZERO, LZ4)
}

fn room_with(
    partitions: i32,
    linger: Duration,
    compression: Compression,
) -> (Arc<Owner>, Arc<Topic>) {
    let config = AccumulatorConfig {
        batch_size: BATCH_SIZE,
        linger,
        buffer_memory: MEMORY,
        adaptive: false,
        reporting: Reporting::Plain,
        compression,
    };
    let accumulator = RecordAccumulator::new(config, Arc::new(ReportQueue::new(1 << 20)));
    let topic = accumulator.topics.get_or_add("t");
    accumulator.topics.update(&topic, partitions, |_| true);
    (Arc::new(Owner(accumulator)), topic)
}

fn append(accumulator: &RecordAccumulator, topic: &Topic, value: &[u8]) {
    append_to(accumulator, topic, topic.partition(0).unwrap(), None, value);
}

fn append_to(
    accumulator: &RecordAccumulator,
    topic: &Topic,
    partition: &Arc<PartitionQueue>,
    sticky: Option<Lane>,
    value: &[u8],
) {
    let record = Record { topic: "t", value: Some(value), ..Record::default() };
    let mut buffer = None;
    loop {
        match accumulator.append(topic, partition, &record, 0, sticky, &mut buffer).unwrap() {
            Append::Done => return,
            Append::NeedsBuffer => {
                let Ok(Reserve::Granted(memory)) = accumulator.pool.reserve(BATCH_SIZE, || None)
                else {
                    panic!("there is memory");
                };
                buffer = Some((memory, Instant(1)));
            }
            Append::PartitionChanged => panic!("the partition is to stay"),
        }
    }
}

/// The values in a batch, as a consumer reads them, and whether they were compressed.
fn values(batch: &ProducerBatch) -> (Vec<Vec<u8>>, bool) {
    let (header, records) = batch.wire_parts().expect("it is sealed");
    let bytes = [&header[..], &records].concat();
    let parsed = RecordBatch::take(&mut &bytes[..]).unwrap();
    parsed.check_crc().unwrap();
    let section = parsed.section().unwrap();
    let records = parsed.records(&section).unwrap();
    let values = records.map(|record| record.unwrap().value.unwrap().to_vec()).collect();
    (values, parsed.header.compression() != 0)
}

fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..len).map(|_| random.u8(..)).collect()
}

#[test]
fn batches_grow_with_what_compression_has_saved() {
    let (owner, topic) = room();
    let partition = topic.partition(0).unwrap();
    let mut counts = Vec::new();
    let (mut sent, mut came) = (Vec::new(), Vec::new());
    for number in 0..20_000u32 {
        sent.push(format!("the same words and the number {number}").into_bytes());
        append(&owner.0, &topic, sent.last().unwrap());
        while partition.queued() > 1 {
            let batch = owner.0.pop(partition).unwrap();
            let (values, compressed) = values(&batch);
            assert!(compressed && batch.size() <= BATCH_SIZE, "{}", batch.size());
            counts.push(values.len());
            came.extend(values);
        }
    }
    let last = owner.0.pop(partition).unwrap();
    came.extend(values(&last).0);
    drop(last);
    assert_eq!(came, sent);
    assert!(counts[counts.len() - 2] > 2 * counts[0], "{counts:?}");
    assert_eq!(owner.0.pool.available(), MEMORY);
}

#[test]
fn what_does_not_become_smaller_is_sent_as_it_is() {
    let (owner, topic) = room();
    let partition = topic.partition(0).unwrap();
    // First the topic learns that batches may take several buffers.
    partition.ratio.update(0.1);
    while partition.ratio.get() > 0.3 {
        partition.ratio.update(0.1);
    }
    let sent: Vec<Vec<u8>> = (0..20).map(|seed| noise(seed, 100)).collect();
    sent.iter().for_each(|value| append(&owner.0, &topic, value));
    assert_eq!(partition.queued(), 1);
    let batch = owner.0.pop(partition).unwrap();
    assert_eq!(values(&batch), (sent, false));
    assert!(batch.size() > 2 * BATCH_SIZE);
    // It is charged for what it holds.
    let held = MEMORY - owner.0.pool.available();
    assert!((batch.size() - 61..=3 * BATCH_SIZE).contains(&held), "{held}");
    assert_eq!(partition.ratio.get(), 1.0, "the next batch is no larger than batch.size");
    drop(batch);
    assert_eq!(owner.0.pool.available(), MEMORY);
}

#[test]
fn workers_list_the_partition_when_its_oldest_batch_is_done() {
    let (owner, topic) = room();
    let workers = Workers::start(&owner, 2).unwrap();
    let mut sent: Vec<Vec<u8>> = Vec::new();
    let mut came = Vec::new();
    for number in 0..5000u32 {
        sent.push(format!("{number:0100}").into_bytes());
        append(&owner.0, &topic, sent.last().unwrap());
    }
    let limit = crate::time::now() + std::time::Duration::from_secs(20);
    while came.len() < sent.len() {
        assert!(crate::time::now() < limit, "a batch was never listed");
        let mut listed = Vec::new();
        owner.0.take_listed(&mut listed);
        for queue in listed {
            queue.lock().listed = false;
            while let Some(batch) = owner.0.pop(&queue) {
                came.extend(values(&batch).0);
            }
        }
        std::thread::yield_now();
    }
    assert_eq!(came, sent);
    assert!(workers.join(&owner.0, None));
    assert_eq!(owner.0.pool.available(), MEMORY);
}

#[test]
fn a_batch_that_ends_while_it_is_compressed_gives_its_memory_back() {
    let (owner, topic) = room();
    let partition = topic.partition(0).unwrap();
    let workers = Workers::start(&owner, 1).unwrap();
    for _ in 0..300 {
        append(&owner.0, &topic, &[b'v'; 100]);
        owner.0.may_send(partition);
        while let Some(batch) = owner.0.pop_unsent(partition) {
            assert_eq!(batch.record_count, 1);
        }
    }
    assert!(workers.join(&owner.0, None));
    assert_eq!(owner.0.pool.available(), MEMORY);
}

#[test]
fn a_batch_that_compresses_much_worse_than_expected_is_cut_to_size() {
    let (owner, topic) = room();
    let partition = topic.partition(0).unwrap();
    while partition.ratio.get() > 0.2 {
        partition.ratio.update(0.1);
    }
    let sent: Vec<Vec<u8>> = (0..35).map(|seed| noise(seed, 100)).collect();
    sent.iter().for_each(|value| append(&owner.0, &topic, value));
    assert_eq!(partition.queued(), 1);
    let workers = Workers::start(&owner, 1).unwrap();
    assert!(!owner.0.may_send(partition));
    assert!(workers.join(&owner.0, None));
    assert!(owner.0.has_listed());
    let mut came = Vec::new();
    while let Some(batch) = owner.0.pop(partition) {
        assert!(batch.size() <= BATCH_SIZE, "{}", batch.size());
        came.extend(values(&batch).0);
        owner.0.complete(&[batch.id]);
    }
    assert_eq!(came, sent);
    assert_eq!((owner.0.incomplete.len(), owner.0.pool.available()), (0, MEMORY));
}

#[test]
fn a_large_record_stays_compressed() {
    let (owner, topic) = room();
    let partition = topic.partition(0).unwrap();
    let value = [noise(1, 5 * BATCH_SIZE), vec![0; 3 * BATCH_SIZE]].concat();
    let record = Record { topic: "t", value: Some(&value), ..Record::default() };
    let Ok(Reserve::Granted(granted)) = owner.0.pool.reserve(9 * BATCH_SIZE, || None) else {
        panic!("there is memory");
    };
    let mut buffer = Some((granted, Instant(1)));
    owner.0.append(&topic, partition, &record, 0, None, &mut buffer).unwrap();
    let workers = Workers::start(&owner, 1).unwrap();
    assert!(!owner.0.may_send(partition));
    assert!(workers.join(&owner.0, None));
    let batch = owner.0.pop(partition).unwrap();
    assert_eq!(values(&batch), (vec![value], true));
}

#[test]
fn whoever_waits_for_a_worker_that_is_at_a_batch_waits_no_longer_than_a_limit() {
    let (owner, topic) = room();
    let partition = topic.partition(0).unwrap();
    append(&owner.0, &topic, &[0; 500]);
    let workers = Workers::start(&owner, 1).unwrap();
    let mut deque = partition.lock();
    let mut batch = deque.batches.pop_front().unwrap();
    // The worker needs the partition's lock before it can end.
    owner.0.seal(partition, &mut batch);
    deque.batches.push_front(batch);
    assert!(!workers.join(&owner.0, Some(std::time::Duration::from_millis(20))));
    drop(deque);
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while Arc::strong_count(&owner) > 1 {
        assert!(std::time::Instant::now() < end, "the worker ends when it is through");
        std::thread::yield_now();
    }
    let batch = owner.0.pop(partition).expect("and has not left its batch behind");
    assert_eq!(values(&batch), (vec![vec![0; 500]], true));
}

/// How many of three batches that waited for a worker it has done when it first tells of any.
fn done_when_told(linger: Duration) -> usize {
    let (owner, topic) = room_with(3, linger, LZ4);
    let (sender, jobs) = crossbeam_channel::unbounded();
    let worker = Worker::new(&owner.0, jobs).unwrap();
    *owner.0.jobs.lock() = Some(sender);
    for partition in topic.partitions() {
        append_to(&owner.0, &topic, partition, None, b"value");
        assert!(!owner.0.may_send(partition), "a worker is to have it");
    }
    let mut listed = Vec::new();
    owner.0.take_listed(&mut listed);
    listed.iter().for_each(|queue| queue.lock().listed = false);
    let (tell, told) = crossbeam_channel::unbounded();
    let seen = Arc::downgrade(&owner);
    owner.0.wakeup.set_waker(move || {
        let count = seen.upgrade().map_or(0, |owner| owner.0.listed.lock().len());
        let _ = tell.send(count);
    });
    owner.0.wakeup.will_sleep(Instant::NEVER, Sleep::Sound);
    let count = std::thread::scope(|scope| {
        scope.spawn(|| worker.run(&owner.0));
        let count = told.recv_timeout(Duration::from_secs(10));
        owner.0.jobs.lock().take();
        count
    });
    count.expect("the worker tells of what it has done")
}

#[test]
fn a_worker_with_more_to_do_tells_of_several_batches_at_once_unless_nothing_is_to_linger() {
    assert_eq!(done_when_told(Duration::ZERO), 1);
    // On a busy machine a millisecond may pass in between.
    let linger = Duration::from_millis(5);
    assert!((0..100).any(|_| done_when_told(linger) == 3), "always one by one");
}

#[test]
fn a_batch_that_was_sealed_in_time_is_no_reason_to_leave_its_partition() {
    let (owner, topic) = room_with(3, Duration::ZERO, LZ4);
    let lane = topic.partitioner.lane();
    let partition = topic.partition(topic.partitioner.peek(&topic, false, lane)).unwrap();
    for _ in 0..3 {
        append_to(&owner.0, &topic, partition, Some(lane), b"value");
        assert!(owner.0.may_send(partition));
    }
    assert!(topic.partitioner.is_current(lane, partition.partition));
}

/// How many batches go out, and how many of them a broker that takes no more than `batch.size`
/// refuses, as Java's `testSplitFrequency` counts them. So many percent of the values compress.
fn sent_and_refused(good_percent: u32) -> (usize, usize) {
    let gzip = Compression { kind: CompressionType::Gzip, level: -1 };
    let (owner, topic) = room_with(1, Duration::ZERO, gzip);
    let partition = topic.partition(0).unwrap();
    let mut random = fastrand::Rng::with_seed(good_percent.into());
    let (mut sent, mut refused) = (0, 0);
    for _ in 0..4000 {
        let value: Vec<u8> = match random.u32(..100) < good_percent {
            true => (0..25).flat_map(|_| random.u32(..1000).to_be_bytes()).collect(),
            false => (0..100).map(|_| random.u8(..)).collect(),
        };
        append(&owner.0, &topic, &value);
        while partition.queued() > 1 {
            let batch = owner.0.pop(partition).unwrap();
            sent += 1;
            if batch.size() > BATCH_SIZE {
                // What the sender does then.
                partition.ratio.reset();
                refused += 1;
            }
        }
    }
    (sent, refused)
}

#[test]
fn batches_grow_with_the_ratio_and_fewer_than_one_in_ten_becomes_too_large() {
    let counts: Vec<(usize, usize)> = (0..=100).step_by(5).map(sent_and_refused).collect();
    for (sent, refused) in &counts {
        assert!(10 * refused < *sent, "{counts:?}");
    }
    assert!(3 * counts[20].0 < 2 * counts[0].0, "{counts:?}");
}
