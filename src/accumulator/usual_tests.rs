//! A usual record leaves a batch as if it had been appended like any other.

use super::*;
use crate::accumulator::buffer_pool::{BufferPool, Reserve};

/// Two batches that get the same records: one in the usual way as far as it goes, one never.
struct Twins {
    pool: Arc<BufferPool>,
    reports: ReportQueue,
    reporting: Reporting,
    batches: [ProducerBatch; 2],
    usual: usize,
    others: usize,
}

fn buffer(pool: &Arc<BufferPool>) -> Buffer {
    match pool.reserve(4000, || None) {
        Ok(Reserve::Granted(buffer)) => buffer,
        _ => panic!("there is memory"),
    }
}

fn new_batches(pool: &Arc<BufferPool>, estimate: Option<f32>) -> [ProducerBatch; 2] {
    [(); 2].map(|()| ProducerBatch::new(Instant(1), buffer(pool), Slots::default(), estimate))
}

impl Twins {
    fn append(&mut self, record: &Record<'_>, timestamp: i64) -> TryAppend {
        let Record { key, value, headers, opaque, .. } = *record;
        let usual = UsualRecord { key, value, headers, opaque };
        let [one, other] = &mut self.batches;
        let appended = other.try_append(record, timestamp, self.reporting, &self.reports);
        let below = match appended {
            TryAppend::Done { grown, .. } => {
                let none = one.append_usual(&usual, timestamp, self.reporting, grown);
                assert_eq!(none, None, "the batch would grow by as much as it may not");
                grown + 1
            }
            _ => usize::MAX,
        };
        let way = one.append_usual(&usual, timestamp, self.reporting, below);
        self.usual += usize::from(way.is_some());
        self.others += usize::from(way.is_none());
        let done = match way {
            Some(grown) => TryAppend::Done { grown, full: false },
            None => one.try_append(record, timestamp, self.reporting, &self.reports),
        };
        assert_eq!(done, appended);
        done
    }

    fn extend(&mut self) {
        for batch in &mut self.batches {
            batch.extend(buffer(&self.pool));
        }
    }

    /// Both are the same; goes on with new ones.
    fn compare(&mut self, estimate: Option<f32>) {
        let new = new_batches(&self.pool, estimate);
        let seen = std::mem::replace(&mut self.batches, new).map(|mut batch| {
            let (size, full) = (batch.size(), batch.is_full());
            let times = (batch.base_timestamp, batch.max_timestamp);
            let bytes: Vec<u8> = match batch.seal(&self.reports) {
                Some(raw) => raw.iter().flat_map(|buffer| buffer.as_ref().to_vec()).collect(),
                None => batch.wire_parts().unwrap().1.to_vec(),
            };
            let slots = std::mem::take(&mut batch.slots);
            let created: Vec<_> = (0..slots.len()).map(|slot| slots.created(slot).0).collect();
            let kept = (slots.opaques, slots.indices, created, batch.record_count);
            (size, full, times, bytes, kept)
        });
        assert!(seen[0] == seen[1], "{seen:?}");
    }
}

#[test]
fn a_batch_is_the_same_however_its_records_came() {
    let bytes = [b'v'; 5000];
    let headers = [Header { name: "a", value: None }, Header { name: "bc", value: Some(b"") }];
    for (seed, reporting) in
        (0..).zip([Reporting::None, Reporting::Plain, Reporting::WithTimestamps])
    {
        for estimate in [None, Some(0.2), Some(0.9), Some(1.0), Some(1.2)] {
            let pool = BufferPool::new(1 << 22, 4000);
            let batches = new_batches(&pool, estimate);
            let reports = ReportQueue::new(1 << 20);
            let mut twins = Twins { pool, reports, reporting, batches, usual: 0, others: 0 };
            let mut random = fastrand::Rng::with_seed(seed);
            let mut now = 1_700_000_000_000;
            for opaque in 0..3000 {
                now += random.i64(-3..30).max(0) / 10 - i64::from(random.u8(..) == 0) * 9000;
                let largest = if random.u8(..) < 10 { bytes.len() } else { 200 };
                let key = [None, None, Some(&b""[..]), Some(&b"key"[..])][random.usize(..4)];
                let value = (random.u8(..) > 9).then(|| &bytes[..random.usize(..largest)]);
                let headers = if random.u8(..) < 30 { &headers[..] } else { &[] };
                let record = Record { key, value, headers, opaque, ..Record::default() };
                loop {
                    match twins.append(&record, now) {
                        TryAppend::Done { .. } => break,
                        TryAppend::NoRoom => twins.compare(estimate),
                        TryAppend::NeedsBuffer => twins.extend(),
                        TryAppend::ReportsFull => panic!("there is room for reports"),
                    }
                }
            }
            twins.compare(estimate);
            assert!(twins.usual > 1000, "{} of {}", twins.usual, twins.usual + twins.others);
        }
    }
}
