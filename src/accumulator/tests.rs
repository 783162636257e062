//! Appending: how batches fill, when the sender is told, and what an append refuses.

use super::*;
use crate::record::Header;
use crate::wire::record::estimate_size_upper_bound;

/// An accumulator with topic `t` of three partitions.
struct Room {
    accumulator: RecordAccumulator,
    topic: Arc<Topic>,
    batch_size: usize,
}

impl Room {
    fn new(batch_size: usize, buffer_memory: usize, reports_max: u64) -> Room {
        let config = AccumulatorConfig {
            batch_size,
            linger: Duration::from_millis(5),
            buffer_memory,
            adaptive: false,
            reporting: Reporting::Plain,
            compression: Default::default(),
        };
        let accumulator = RecordAccumulator::new(config, Arc::new(ReportQueue::new(reports_max)));
        let topic = accumulator.topics.get_or_add("t");
        accumulator.topics.update(&topic, 3, |_| true);
        Room { accumulator, topic, batch_size }
    }

    fn partition(&self, index: i32) -> &Arc<PartitionQueue> {
        self.topic.partition(index).expect("a partition")
    }

    fn buffer(&self, record: &Record<'_>) -> Buffer {
        let size = estimate_size_upper_bound(record.key, record.value, record.headers);
        match self.accumulator.pool.reserve(size.max(self.batch_size), || None) {
            Ok(Reserve::Granted(buffer)) => buffer,
            _ => panic!("there is memory"),
        }
    }

    /// Appends to partition 0, in a new batch if it must be.
    fn append(&self, record: &Record<'_>, timestamp: i64) -> Result<()> {
        let mut buffer = None;
        loop {
            let partition = self.partition(0);
            match self.accumulator.append(
                &self.topic,
                partition,
                record,
                timestamp,
                None,
                &mut buffer,
            )? {
                Append::Done => return Ok(()),
                Append::NeedsBuffer => buffer = Some((self.buffer(record), Instant(1))),
                Append::PartitionChanged => unreachable!("the partition is fixed"),
            }
        }
    }

    /// The partitions that the sender was told of, as the sender takes them.
    fn listed(&self) -> Vec<i32> {
        let mut listed = Vec::new();
        self.accumulator.take_listed(&mut listed);
        listed.iter().for_each(|queue| queue.lock().listed = false);
        listed.iter().map(|queue| queue.partition).collect()
    }

    fn pop_all(&self) {
        while let Some(batch) = self.accumulator.pop(self.partition(0)) {
            self.accumulator.incomplete.remove(std::iter::once(batch.id));
        }
    }
}

fn value(bytes: &[u8]) -> Record<'_> {
    Record { topic: "t", value: Some(bytes), ..Record::default() }
}

#[test]
fn batches_fill_as_those_of_the_java_client_do() {
    let text = include_str!("../../tests/vectors/batch_fill.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 96);
    for case in cases {
        let number = |name: &str| case[name].as_i64().unwrap();
        let key = usize::try_from(number("key_len")).ok().map(|len| vec![b'k'; len]);
        let payload = vec![b'v'; number("value_len") as usize];
        let header = Header { name: "h", value: Some(&b"123"[..]) };
        let headers = vec![header; number("headers") as usize];
        let record = Record { key: key.as_deref(), headers: &headers, ..value(&payload) };
        let room = Room::new(number("batch_size") as usize, 1 << 20, 1 << 20);
        assert_eq!(room.buffer(&record).capacity() as i64, number("capacity"), "{case}");
        for timestamp in 0.. {
            room.append(&record, 1_700_000_000_000 + timestamp).unwrap();
            if room.partition(0).queued() == 2 {
                break;
            }
        }
        let batch = room.accumulator.pop(room.partition(0)).unwrap();
        assert_eq!(i64::from(batch.record_count), number("records"), "{case}");
        assert_eq!(batch.size() as i64, number("size_in_bytes"), "{case}");
        drop(batch);
        room.pop_all();
        assert_eq!(room.accumulator.pool.available(), 1 << 20);
    }
}

#[test]
fn the_sender_is_told_of_a_first_batch_of_a_full_one_and_of_a_second_one_only() {
    let room = Room::new(200, 1 << 20, 1000);
    room.append(&value(&[0; 20]), 0).unwrap();
    assert_eq!(room.listed(), [0]);
    room.append(&value(&[0; 20]), 0).unwrap();
    assert!(room.listed().is_empty(), "it lingers");
    // 61 bytes of header, 27 of each of the two before; this one makes it 200.
    room.append(&value(&[0; 76]), 0).unwrap();
    assert_eq!(room.accumulator.listed.lock().len(), 1);
    assert_eq!(room.listed(), [0]);
    room.append(&value(&[0; 20]), 0).unwrap();
    assert_eq!(room.listed(), [0]);
    room.append(&value(&[0; 190]), 0).unwrap();
    assert!(room.listed().is_empty(), "the sender is busy here already");
    room.pop_all();
    room.append(&value(&[0; 20]), 0).unwrap();
    assert_eq!(room.listed(), [0]);
}

#[test]
fn the_sender_is_woken_when_the_lock_that_it_will_need_is_left() {
    let room = Room::new(200, 1 << 20, 1000);
    let (partition, accumulator) = (room.partition(0), &room.accumulator);
    let (woken, lock) = (Arc::new(AtomicU64::new(0)), partition.clone());
    let count = woken.clone();
    accumulator.wakeup.set_waker(move || {
        assert!(lock.try_lock().is_some(), "it would wait at once");
        count.fetch_add(1, Ordering::SeqCst);
    });
    let how_often = |append: &dyn Fn()| {
        accumulator.wakeup.will_sleep(Instant::NEVER, Sleep::Sound);
        append();
        woken.swap(0, Ordering::SeqCst)
    };
    let fills = value(&[0; 122]);
    let more = |index| (index == 0).then_some(fills);
    let appends: [&dyn Fn(); 3] = [
        &|| room.append(&fills, 0).unwrap(),
        &|| {
            let done = accumulator.append_at_once(&room.topic, partition, &fills, 0, None);
            assert_eq!(done, Some(Append::Done));
        },
        &|| assert_eq!(accumulator.append_more(&room.topic, partition, 0, None, more), 1),
    ];
    for fill in appends {
        assert_eq!(how_often(&|| room.append(&value(b"1"), 0).unwrap()), 1);
        assert_eq!(how_often(fill), 1);
        room.pop_all();
        room.listed();
    }
}

#[test]
fn a_partition_is_listed_once_until_the_sender_looks() {
    let room = Room::new(200, 1 << 20, 1000);
    (0..3).for_each(|_| room.append(&value(&[0; 150]), 0).unwrap());
    let mut listed = Vec::new();
    room.accumulator.take_listed(&mut listed);
    assert_eq!(listed.len(), 1);
}

#[test]
fn a_sealed_batch_takes_no_more_and_the_next_record_begins_another() {
    let room = Room::new(200, 1 << 20, 1000);
    room.append(&value(&[0; 20]), 0).unwrap();
    let batch = room.accumulator.pop(room.partition(0)).unwrap();
    assert!(batch.is_full());
    room.append(&value(&[0; 20]), 0).unwrap();
    let next = room.accumulator.pop(room.partition(0)).unwrap();
    assert_ne!(batch.id, next.id);
    assert_eq!((batch.record_count, next.record_count), (1, 1));
}

#[test]
fn too_many_unread_reports_refuse_a_record_and_nothing_is_kept_of_it() {
    let room = Room::new(200, 1 << 20, 2);
    (0..2).for_each(|_| room.append(&value(&[0; 8]), 0).unwrap());
    for size in [8, 190] {
        let error = room.append(&value(&vec![0; size]), 0).unwrap_err();
        assert_eq!(error.code(), ErrorCode::REPORTS_FULL);
    }
    let unreported = Record { no_report: true, ..value(&[0; 8]) };
    room.append(&unreported, 0).unwrap();
    let mut counts = Vec::new();
    while let Some(batch) = room.accumulator.pop(room.partition(0)) {
        counts.push((batch.record_count, batch.slots.len()));
        room.accumulator.incomplete.remove(std::iter::once(batch.id));
    }
    let records: u32 = counts.iter().map(|(records, _)| records).sum();
    let slots: usize = counts.iter().map(|(_, slots)| slots).sum();
    assert_eq!((records, slots), (3, 2));
    assert_eq!(room.accumulator.incomplete.len(), 0);
    assert_eq!(room.accumulator.pool.available(), 1 << 20);
}

#[test]
fn slots_that_a_batch_reserved_and_did_not_use_are_given_back() {
    let room = Room::new(16_384, 1 << 20, 1 << 20);
    room.append(&value(&[0; 8]), 0).unwrap();
    assert_eq!(room.accumulator.reports.reserved(), 64);
    let batch = room.accumulator.pop(room.partition(0)).unwrap();
    assert_eq!(room.accumulator.reports.reserved(), 1);
    assert_eq!(batch.slots.len(), 1);
}

#[test]
fn after_a_close_nothing_is_taken() {
    let room = Room::new(200, 1 << 20, 1000);
    room.append(&value(&[0; 8]), 0).unwrap();
    room.accumulator.close();
    let error = room.append(&value(&[0; 8]), 0).unwrap_err();
    assert_eq!(error.code(), ErrorCode::CLOSED);
    assert_eq!(room.accumulator.pop(room.partition(0)).unwrap().record_count, 1);
}

#[test]
fn memory_of_a_batch_comes_back_when_its_last_owner_lets_it_go() {
    let room = Room::new(200, 1000, 1000);
    room.append(&value(&[7; 8]), 0).unwrap();
    let batch = room.accumulator.pop(room.partition(0)).unwrap();
    // The batch expired, but the socket is still writing it (CVE-2026-35554).
    let (_, on_the_socket) = batch.wire_parts().unwrap();
    drop(batch);
    assert_eq!(room.accumulator.pool.available(), 800);
    assert!(on_the_socket.ends_with(&[7, 7, 0]));
    drop(on_the_socket);
    assert_eq!(room.accumulator.pool.available(), 1000);
}

#[test]
fn what_follows_a_record_fills_its_batch_and_no_other() {
    let room = Room::new(200, 1 << 20, 1 << 20);
    let (record, partition) = (value(&[0; 20]), room.partition(0));
    let more = |n| Some(Record { timestamp: (n == 1).then_some(99), ..record });
    let append_more = || room.accumulator.append_more(&room.topic, partition, 7, None, more);
    assert_eq!(append_more(), 0, "there is no batch");
    room.append(&record, 7).unwrap();
    // Five records of 27 bytes and the header have room in it; the next needs another buffer.
    assert_eq!((append_more(), append_more()), (4, 0));
    let batch = room.accumulator.pop(partition).unwrap();
    assert_eq!((batch.record_count, batch.slots.len(), batch.max_timestamp()), (5, 5, 99));
    room.append(&record, 7).unwrap();
    room.accumulator.close();
    assert_eq!(append_more(), 0);
}

#[test]
fn what_follows_a_record_leaves_the_sticky_partition_when_it_is_time() {
    let room = Room::new(201, 1 << 20, 1 << 20);
    let (record, accumulator) = (value(&[0; 28]), &room.accumulator);
    let lane = room.topic.partitioner.lane();
    for _ in 0..20 {
        let now = room.topic.partitioner.peek(&room.topic, false, lane);
        let (topic, partition) = (&room.topic, room.partition(now));
        let mut buffer = Some((room.buffer(&record), Instant(1)));
        let first = accumulator.append(topic, partition, &record, 0, Some(lane), &mut buffer);
        assert_eq!(first.unwrap(), Append::Done);
        // Four records of 35 bytes and the header are batch.size, and the fifth goes elsewhere.
        assert_eq!(accumulator.append_more(topic, partition, 0, Some(lane), |_| Some(record)), 3);
        assert_eq!(partition.lock().sticky_bytes, 0);
    }
}

#[test]
fn the_sender_is_told_of_a_batch_that_is_left_without_room() {
    let room = Room::new(200, 1 << 20, 1 << 20);
    let (record, lane) = (value(&[0; 20]), room.topic.partitioner.lane());
    let now = room.topic.partitioner.peek(&room.topic, false, lane);
    let mut buffer = Some((room.buffer(&record), Instant(1)));
    let mut append = || {
        let partition = room.partition(now);
        room.accumulator.append(&room.topic, partition, &record, 0, Some(lane), &mut buffer)
    };
    assert_eq!(append().unwrap(), Append::Done);
    assert_eq!(room.listed(), [now]);
    (0..4).for_each(|_| assert_eq!(append().unwrap(), Append::Done));
    assert!(room.listed().is_empty(), "it lingers");
    let woken = Arc::new(AtomicU64::new(0));
    let count = woken.clone();
    room.accumulator.wakeup.set_waker(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    room.accumulator.wakeup.will_sleep(Instant::NEVER, Sleep::Sound);
    assert_eq!(append().unwrap(), Append::PartitionChanged);
    assert_eq!((room.listed(), woken.load(Ordering::SeqCst)), (vec![now], 1));
}

#[test]
fn the_sticky_partition_is_left_at_twice_batch_size_though_its_batch_is_not_full() {
    let room = Room::new(200, 1 << 20, 1 << 20);
    let (record, lane) = (value(&[0; 20]), room.topic.partitioner.lane());
    let now = room.topic.partitioner.peek(&room.topic, false, lane);
    let partition = room.partition(now);
    let mut buffer = Some((room.buffer(&record), Instant(1)));
    let mut append = |sticky_bytes| {
        partition.lock().sticky_bytes = sticky_bytes;
        let (topic, accumulator) = (&room.topic, &room.accumulator);
        let done = accumulator.append(topic, partition, &record, 0, Some(lane), &mut buffer);
        assert_eq!(done.unwrap(), Append::Done);
        partition.lock().sticky_bytes
    };
    assert_eq!(append(0), 61 + 27);
    assert_eq!((append(400 - 28), append(400 - 27)), (399, 0));
}

#[test]
fn the_sticky_partition_is_left_with_full_batches_only() {
    let room = Room::new(200, 1 << 20, 1 << 20);
    let (record, lane) = (value(&[0; 20]), room.topic.partitioner.lane());
    let (mut run, mut runs, mut buffer) = (0, Vec::new(), None);
    for _ in 0..300 {
        loop {
            let now = room.topic.partitioner.peek(&room.topic, false, lane);
            let (topic, partition) = (&room.topic, room.partition(now));
            let accumulator = &room.accumulator;
            match accumulator.append(topic, partition, &record, 0, Some(lane), &mut buffer) {
                Ok(Append::NeedsBuffer) => buffer = Some((room.buffer(&record), Instant(1))),
                // A draw may choose the same partition again.
                Ok(Append::PartitionChanged) => runs.push(std::mem::take(&mut run)),
                Ok(Append::Done) => break,
                Err(error) => panic!("{error}"),
            }
        }
        run += 1;
    }
    // Five records of 27 bytes and the header have room in a batch, which is then as good as full.
    assert_eq!(runs, [5; 59]);
    let (mut full, mut counts) = (0, Vec::new());
    for index in 0..3 {
        let deque = room.partition(index).lock();
        full += deque.batches.iter().filter(|batch| batch.is_full()).count();
        counts.extend(deque.batches.iter().map(|batch| batch.record_count));
    }
    assert_eq!((counts, full), (vec![5; 60], 59), "the last run has filled none yet");
}

#[test]
fn more_threads_than_lanes_lose_no_record_and_use_all_partitions_alike() {
    let room = Room::new(200, 64 << 20, 1 << 20);
    let (threads, each) = (20, 2000);
    let (topic, accumulator) = (&room.topic, &room.accumulator);
    let send = || {
        let record = value(&[0; 20]);
        let mut buffer = None;
        loop {
            let lane = topic.partitioner.lane();
            let partition = room.partition(topic.partitioner.peek(topic, false, lane));
            match accumulator.append(topic, partition, &record, 0, Some(lane), &mut buffer) {
                Ok(Append::NeedsBuffer) => buffer = Some((room.buffer(&record), Instant(1))),
                Ok(Append::PartitionChanged) => {}
                Ok(Append::Done) => break,
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let counts = std::thread::scope(|scope| {
        let senders: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| (0..each).for_each(|_| send()))).collect();
        let mut counts = [0; 3];
        loop {
            // It takes the partitions' locks while the others send, as the I/O thread does.
            let is_over = senders.iter().all(|sender| sender.is_finished());
            for (index, count) in counts.iter_mut().enumerate() {
                while let Some(batch) = accumulator.pop(room.partition(index as i32)) {
                    *count += batch.record_count;
                }
            }
            if is_over {
                break counts;
            }
        }
    });
    assert_eq!(counts.iter().sum::<u32>(), threads * each);
    let fair = threads * each / 3;
    let about = fair * 3 / 4..fair * 5 / 4;
    assert!(counts.iter().all(|count| about.contains(count)), "{counts:?}");
}

#[test]
fn the_gate_takes_a_usual_record_only_where_nothing_follows_from_it() {
    let room = Room::new(3000, 1 << 20, 1 << 20);
    let value = [b'v'; 300];
    let usual = UsualRecord { key: None, value: Some(&value), headers: &[], opaque: 1 };
    let (gate, topic) = (&room.accumulator.gate, &room.topic);
    let lane = topic.partitioner.lane();
    let index = topic.partitioner.peek(topic, false, lane);
    let at = |partition, lane| gate.append_usual(topic, room.partition(partition), &usual, 5, lane);
    let sticky_bytes = || room.partition(index).lock().sticky_bytes;
    assert!(!at(index, Some(lane)), "there is no batch");
    let first = Record { value: Some(&value), ..Record::default() };
    for partition in 0..3 {
        let (mut buffer, partition) =
            (Some((room.buffer(&first), Instant(1))), room.partition(partition));
        let append = &room.accumulator;
        append.append(topic, partition, &first, 5, None, &mut buffer).unwrap();
    }
    assert!(at(index, Some(lane)));
    let grown = sticky_bytes();
    assert!(grown > 300, "{grown}");
    assert!(at(index, None));
    assert_eq!(sticky_bytes(), grown, "the partition was not the partitioner's choice");
    assert!(!at((index + 1) % 3, Some(lane)), "the sticky partition is another one");

    room.partition(index).lock().sticky_bytes = 2 * 3000 - grown;
    assert!(!at(index, Some(lane)), "the sticky partition is to be switched");
    room.partition(index).lock().sticky_bytes -= 1;
    assert!(at(index, Some(lane)), "it stays one more record");
    assert_eq!(sticky_bytes(), 2 * 3000 - 1);
    room.partition(index).lock().sticky_bytes = 0;
    while at(index, Some(lane)) {}
    let mut deque = room.partition(index).lock();
    let last = deque.batches.back_mut().unwrap();
    assert!(!last.is_full() && last.size() + 2 * 310 > 3000, "{}", last.size());
    drop(deque);

    let other = (index + 1) % 3;
    assert!(at(other, None));
    let held = room.partition(index).lock();
    assert!(!at(index, Some(lane)), "somebody has the lock");
    assert_ne!(topic.partitioner.lane(), lane, "threads that meet keep apart");
    drop(held);
    room.accumulator.end_batches();
    assert!(!at(other, None), "the batch takes no more records");
}

#[test]
fn a_closed_gate_takes_nothing() {
    let room = Room::new(3000, 1 << 20, 1 << 20);
    let usual = UsualRecord { key: None, value: Some(b"v"), headers: &[], opaque: 1 };
    room.append(&Record::default(), 5).unwrap();
    let gate = &room.accumulator.gate;
    assert!(gate.append_usual(&room.topic, room.partition(0), &usual, 5, None));
    room.accumulator.close();
    assert!(!gate.append_usual(&room.topic, room.partition(0), &usual, 5, None));
}
