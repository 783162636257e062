//! What becomes of a batch's records, numbers and memory when it is split.

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::accumulator::{BufferPool, Reporting, TryAppend};
use crate::record::{Header, Record};
use crate::report::ReportQueue;
use crate::time::Instant;
use crate::wire::record_batch::RecordBatch;

/// A sealed batch of `count` records of some 100 bytes, of which every third wants no report.
fn batch(pool: &Arc<BufferPool>, reports: &ReportQueue, count: u64) -> ProducerBatch {
    let Ok(crate::accumulator::Reserve::Granted(buffer)) = pool.reserve(20_000, || None) else {
        panic!("there is memory")
    };
    let mut batch = ProducerBatch::new(Instant(5), buffer, Slots::default(), None);
    batch.id.number = 7;
    for i in 0..count {
        let (name, value) = (format!("h{i}"), vec![i as u8; 80]);
        let headers = [Header { name: &name, value: (i % 2 == 0).then_some(&b"x"[..]) }];
        let record = Record {
            topic: "t",
            key: (i % 4 != 0).then_some(name.as_bytes()),
            value: (i % 5 != 0).then_some(&value),
            headers: &headers,
            opaque: i,
            no_report: i % 3 == 2,
            ..Record::default()
        };
        // Times go back and forth, as those that applications give may.
        let timestamp = 1_700_000_000_000 + i as i64 % 7 * 1000 - i as i64;
        let done = batch.try_append(&record, timestamp, Reporting::WithTimestamps, reports);
        assert!(matches!(done, TryAppend::Done { .. }));
    }
    assert!(batch.seal(reports).is_none());
    batch
}

fn wire(batch: &ProducerBatch) -> Bytes {
    let (header, records) = batch.wire_parts().expect("sealed");
    Bytes::from([&header[..], &records].concat())
}

/// Key, value, headers and time of each record of a batch as it goes over the wire.
type Seen = (Option<Vec<u8>>, Option<Vec<u8>>, String, i64);

fn records(batches: &[ProducerBatch]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for bytes in batches.iter().map(wire) {
        let batch = RecordBatch::take(&mut &*bytes).unwrap();
        batch.check_crc().unwrap();
        let base = batch.header.base_timestamp;
        let (mut count, mut max) = (0, -1);
        for record in batch.records(batch.records_section()).unwrap() {
            let record = record.unwrap();
            let headers = format!("{:?}", record.headers);
            let (key, value) = (record.key.map(<[u8]>::to_vec), record.value.map(<[u8]>::to_vec));
            seen.push((key, value, headers, base + record.timestamp_delta));
            assert_eq!(record.offset_delta, count, "offsets count from the piece's first record");
            count += 1;
            max = max.max(base + record.timestamp_delta);
        }
        let header = &batch.header;
        assert_eq!((header.last_offset_delta, header.record_count), (count - 1, count));
        assert_eq!(header.max_timestamp, max);
    }
    seen
}

#[test]
fn the_pieces_hold_the_same_records_in_the_same_order_and_none_is_too_large() {
    let (pool, reports) = (BufferPool::new(1 << 20, 20_000), ReportQueue::new(1000));
    for size_max in [1, 170, 400, 1000, 5000, 20_000] {
        let whole = [batch(&pool, &reports, 100)];
        let expected = records(&whole);
        let [whole] = whole;
        let (size, count) = (whole.size(), whole.record_count);
        let pieces = whole.split(size_max);
        assert_eq!(records(&pieces), expected);
        for piece in &pieces {
            let fits = piece.size() <= size_max || piece.record_count == 1;
            assert!(fits, "{} of {size_max} bytes", piece.size());
        }
        match size_max {
            1 => assert_eq!(pieces.len(), count as usize),
            20_000 => assert_eq!(pieces.len(), 1),
            _ => assert!(pieces.len() > size / size_max, "{} pieces", pieces.len()),
        }
    }
}

#[test]
fn a_record_keeps_its_report_its_number_and_its_time() {
    let (pool, reports) = (BufferPool::new(1 << 20, 20_000), ReportQueue::new(1000));
    let pieces = batch(&pool, &reports, 100).split(1000);
    assert!(pieces.len() > 5);
    let (mut first, mut opaques) = (0, Vec::new());
    for piece in &pieces {
        assert_eq!(piece.id, BatchId { number: 7, first_record: first });
        let slots = &piece.slots;
        for slot in 0..slots.len() {
            let index = slots.indices.get(slot).map_or(slot as u32, |index| *index);
            let opaque = slots.opaques[slot];
            assert_eq!(u64::from(first + index), opaque, "the record at its own offset");
            let timestamp = 1_700_000_000_000 + opaque as i64 % 7 * 1000 - opaque as i64;
            assert_eq!(slots.created(slot).0, Some(timestamp));
            opaques.push(opaque);
        }
        first += piece.record_count;
    }
    assert_eq!(opaques, (0..100).filter(|i| i % 3 != 2).collect::<Vec<_>>());
}

#[test]
fn sequences_go_on_through_the_pieces_and_around_the_end() {
    let (pool, reports) = (BufferPool::new(1 << 20, 20_000), ReportQueue::new(1000));
    let mut whole = batch(&pool, &reports, 10);
    whole.attempts = 3;
    whole.producer = Some(ProducerStamp { id: 9, epoch: 4, sequence: i32::MAX - 4 });
    let pieces = whole.split(1);
    let stamps: Vec<ProducerStamp> = pieces.iter().map(|p| p.producer.unwrap()).collect();
    assert!(stamps.iter().all(|stamp| (stamp.id, stamp.epoch) == (9, 4)));
    let sequences: Vec<i32> = stamps.iter().map(|stamp| stamp.sequence).collect();
    assert_eq!(sequences[..4], [i32::MAX - 4, i32::MAX - 3, i32::MAX - 2, i32::MAX - 1]);
    assert_eq!(sequences[4..], [i32::MAX, 0, 1, 2, 3, 4]);
    assert!(pieces.iter().all(|piece| (piece.attempts, piece.created) == (0, Instant(5))));
    // A piece of a piece goes on in the same way.
    let (pool, reports) = (BufferPool::new(1 << 20, 20_000), ReportQueue::new(1000));
    let halves = batch(&pool, &reports, 10).split(600);
    let ids = halves.into_iter().flat_map(|half| half.split(1)).map(|piece| piece.id.first_record);
    assert_eq!(ids.collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
}

#[test]
fn memory_of_the_batch_comes_back_with_its_last_piece() {
    let (pool, reports) = (BufferPool::new(40_000, 20_000), ReportQueue::new(1000));
    let mut pieces = batch(&pool, &reports, 10).split(1);
    let last = pieces.pop();
    drop(pieces);
    assert_eq!(pool.available(), 20_000);
    drop(last);
    assert_eq!(pool.available(), 40_000);
}

#[test]
fn a_compressed_batch_is_split_into_pieces_that_are_not() {
    use crate::compression::{Compression, CompressionType, Compressor};
    let (pool, reports) = (BufferPool::new(1 << 20, 20_000), ReportQueue::new(1000));
    let mut whole = batch(&pool, &reports, 100);
    let expected = records(std::slice::from_ref(&whole));
    let (_, raw) = whole.wire_parts().expect("sealed");
    let compression = Compression { kind: CompressionType::Zstd, level: 3 };
    let mut compressed = Vec::new();
    Compressor::new(compression).unwrap().compress(&[&raw], &mut compressed).unwrap();
    let Ok(crate::accumulator::Reserve::Granted(mut buffer)) = pool.reserve(20_000, || None) else {
        panic!("there is memory")
    };
    buffer.append(|bytes| bytes.extend_from_slice(&compressed));
    whole.finish(buffer, CompressionType::Zstd);
    assert!(whole.size() < 61 + raw.len() / 2);
    let pieces = whole.split(1000);
    assert!(pieces.len() > 5);
    assert_eq!(records(&pieces), expected);
}
