//! Record batches of the Java client, both directions, and batches of random records.

use std::io::Read;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorCode;
use crate::record::Header;
use crate::wire::crc::crc32c;
use crate::wire::record::*;
use crate::wire::record_batch::*;

#[derive(Clone, Debug)]
struct Input {
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<(String, Option<Vec<u8>>)>,
}

impl Input {
    fn headers(&self) -> Vec<Header<'_>> {
        let each = self.headers.iter();
        each.map(|(name, value)| Header { name, value: value.as_deref() }).collect()
    }
}

fn inputs(case: &Value) -> Vec<Input> {
    let optional = |value: &Value| (!value.is_null()).then(|| unhex(value));
    let Some(records) = case["records"].as_array() else {
        let generated = |i: i64| Input {
            timestamp: 1_700_000_000_000 + i,
            key: Some(format!("key-{i:05}").into()),
            value: Some(
                format!("message-{i:08}-{}", "abcdefghijklmnopqrstuvwxyz0123456789".repeat(2))
                    .into(),
            ),
            headers: Vec::new(),
        };
        return (0..number(&case["num_records"])).map(generated).collect();
    };
    let record = |record: &Value| Input {
        timestamp: number(&record["ts"]),
        key: optional(&record["key"]),
        value: optional(&record["value"]),
        headers: record["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|header| (text(&header[0]).to_owned(), optional(&header[1])))
            .collect(),
    };
    records.iter().map(record).collect()
}

/// Asserts that a record is encoded in the short way just as in the long one, if it is short.
fn is_short(
    offset: i32,
    delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[Header<'_>],
) -> bool {
    let any = AnyRecord::new(offset, delta, key, value, headers);
    let mut expected = Vec::new();
    any.append_to(&mut expected);
    assert_eq!(expected.len(), any.size());
    let short = ShortRecord::new(offset, delta, key, value, headers);
    if let Some(short) = &short {
        let mut room = vec![b'x'; short.room() + offset as usize % 3];
        assert!(short.write_to(&mut room));
        assert_eq!(&room[..short.size()], &expected, "offset {offset}, delta {delta}");
        assert!(!short.write_to(&mut room[..short.size() - 1]), "there is too little room");
    }
    short.is_some()
}

#[test]
fn short_records_are_encoded_as_all_are() {
    let (text, headers) = (vec![b'v'; 9000], [Header { name: "a", value: Some(b"b") }]);
    for (offset, short) in [(0, true), (63, true), (64, true), (8191, true), (8192, true)]
        .into_iter()
        .chain([(1_000_000, true), ((1 << 20) - 1, true), (1 << 20, false), (i32::MAX, false)])
    {
        for delta in [0, 63, -64, 64, 8191, -8192] {
            for key in [None, Some(&text[..0]), Some(&text[..7]), Some(&text[..8000])] {
                for value in [None, Some(&text[..0]), Some(&text[..100])] {
                    assert_eq!(is_short(offset, delta, key, value, &[]), short);
                    assert_eq!(is_short(offset, delta, key, value, &headers), short);
                }
            }
        }
    }
    for delta in [8192, -8193, i64::MIN] {
        assert!(!is_short(0, delta, None, None, &[]), "{delta}");
    }
    for len in [8192, 9000] {
        assert!(!is_short(0, 0, Some(&text[..len]), None, &[]), "{len}");
        assert!(!is_short(0, 0, None, Some(&text[..len]), &[]), "{len}");
    }
}

fn write_all(inputs: &[Input]) -> Vec<u8> {
    let mut buffer = Vec::new();
    for (i, input) in inputs.iter().enumerate() {
        let (key, value, headers) = (input.key.as_deref(), input.value.as_deref(), input.headers());
        let delta = input.timestamp - inputs[0].timestamp;
        let record = AnyRecord::new(i as i32, delta, key, value, &headers);
        let before = buffer.len();
        record.append_to(&mut buffer);
        assert_eq!(buffer.len() - before, record.size());
        is_short(i as i32, delta, key, value, &headers);
    }
    buffer
}

fn assert_records_are(records: RecordIter<'_>, inputs: &[Input]) {
    let records: Vec<_> = records.map(|record| record.expect("a record")).collect();
    assert_eq!(records.len(), inputs.len());
    for (i, (record, input)) in records.iter().zip(inputs).enumerate() {
        assert_eq!(record.offset_delta, i as i32);
        assert_eq!(record.timestamp_delta, input.timestamp - inputs[0].timestamp);
        assert_eq!(record.key, input.key.as_deref());
        assert_eq!(record.value, input.value.as_deref());
        assert_eq!(record.headers, input.headers());
    }
}

fn header_of(case: &Value) -> BatchHeader {
    BatchHeader {
        base_offset: 0,
        partition_leader_epoch: -1,
        attributes: number(&case["attributes"]) as i16,
        last_offset_delta: number(&case["last_offset_delta"]) as i32,
        base_timestamp: number(&case["base_timestamp"]),
        max_timestamp: number(&case["max_timestamp"]),
        producer_id: number(&case["producer_id"]),
        producer_epoch: number(&case["producer_epoch"]) as i16,
        base_sequence: number(&case["base_sequence"]) as i32,
        record_count: number(&case["num_records"]) as i32,
    }
}

fn decompress(codec: i16, section: &[u8]) -> Vec<u8> {
    let mut records = Vec::new();
    match codec {
        0 => records.extend(section),
        1 => drop(flate2::read::GzDecoder::new(section).read_to_end(&mut records).unwrap()),
        2 => {
            // Sixteen bytes of header, then blocks with their length.
            let mut blocks = &section[16..];
            while let Some((length, rest)) = blocks.split_first_chunk::<4>() {
                let (block, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
                records.extend(snap::raw::Decoder::new().decompress_vec(block).unwrap());
                blocks = rest;
            }
        }
        3 => drop(lz4_flex::frame::FrameDecoder::new(section).read_to_end(&mut records).unwrap()),
        4 => {
            let mut decoder = ruzstd::decoding::StreamingDecoder::new(section).unwrap();
            decoder.read_to_end(&mut records).unwrap();
        }
        other => panic!("codec {other}"),
    }
    records
}

#[test]
fn batches_of_java_are_read() {
    for case in golden_batches() {
        let bytes = unhex(&case["batch_hex"]);
        let mut input = bytes.as_slice();
        let batch = RecordBatch::take(&mut input).expect("a batch of Java");
        assert!(input.is_empty());
        assert_eq!(batch.header, header_of(&case), "{}", case["name"]);
        assert_eq!(i64::from(batch.crc), number(&case["crc32c"]), "{}", case["name"]);
        assert_eq!(batch.check_crc(), Ok(()));
        assert_eq!(batch.bytes, bytes);
        let ours = batch.section().unwrap();
        let section = decompress(batch.header.compression(), batch.records_section());
        assert_eq!(*ours, section, "{}", case["name"]);
        assert_records_are(batch.records(&ours).unwrap(), &inputs(&case));
    }
}

#[test]
fn batches_are_written_as_java_writes_them() {
    for case in golden_batches() {
        let records = write_all(&inputs(&case));
        assert_eq!(records.len() as i64, number(&case["uncompressed_records_len"]));
        if let Some(expected) = case["uncompressed_records_hex"].as_str() {
            assert_eq!(hex(&records), expected, "{}", case["name"]);
        }
        let bytes = unhex(&case["batch_hex"]);
        // What a compressor made is taken as it is; the header stands before it all the same.
        let is_compressed = text(&case["compression"]) != "none";
        let section = if is_compressed { &bytes[HEADER_LEN..] } else { &records };
        let header = header_of(&case).encode(section.len(), crc32c(section));
        assert_eq!(hex(&header), hex(&bytes[..HEADER_LEN]), "{}", case["name"]);
        assert_eq!(hex(section), hex(&bytes[HEADER_LEN..]), "{}", case["name"]);
    }
}

#[test]
fn the_estimate_of_a_record_is_the_one_of_java() {
    for case in golden_batches() {
        let estimates = case["estimate_upper_bound_per_record"].as_array().unwrap();
        for (input, estimate) in inputs(&case).iter().zip(estimates) {
            let (key, value) = (input.key.as_deref(), input.value.as_deref());
            let ours = estimate_size_upper_bound(key, value, &input.headers());
            assert_eq!(ours as i64, number(estimate), "{}", case["name"]);
        }
    }
}

#[test]
fn a_broker_assigns_the_offset_without_a_new_checksum() {
    let mut bytes = unhex(&golden_batches()[0]["batch_hex"]);
    assign_offset(&mut bytes, 1 << 40, 17);
    let batch = RecordBatch::take(&mut bytes.as_slice()).unwrap();
    assert_eq!((batch.header.base_offset, batch.header.partition_leader_epoch), (1 << 40, 17));
    assert_eq!(batch.check_crc(), Ok(()));
}

#[test]
fn every_damaged_bit_of_records_and_header_is_noticed() {
    let bytes = unhex(&golden_batches()[4]["batch_hex"]);
    for bit in 8 * 17..8 * bytes.len() {
        let mut damaged = bytes.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let batch = RecordBatch::take(&mut damaged.as_slice()).unwrap();
        assert_eq!(batch.check_crc().unwrap_err().code(), ErrorCode::CORRUPT_MESSAGE, "{bit}");
    }
}

/// A batch without a right checksum, of the given records' bytes.
fn batch_of(records: &[u8], record_count: i32) -> Vec<u8> {
    let header = BatchHeader { record_count, ..header_of(&golden_batches()[0]) };
    [&header.encode(records.len(), 0)[..], records].concat()
}

#[test]
fn records_that_contradict_themselves_are_refused() {
    let good = [14, 0, 0, 0, 1, 2, b'v', 0].as_slice();
    let two = [good, good].concat();
    let cases: [(&[u8], i32, &str); 12] = [
        (good, -1, "-1 records"),
        (good, 2, "2 records in 8 bytes"),
        (good, 0, "no records, but bytes"),
        (&two, 1, "8 bytes are left after its last record"),
        (&[16, 0, 0, 0, 1, 2, b'v', 0], 1, "length 8 but 7 bytes are left"),
        (&[12, 0, 0, 0, 1, 2, b'v', 0], 1, "number of headers ends too soon"),
        (&[16, 0, 0, 0, 1, 2, b'v', 0, 0], 1, "1 are not of any field"),
        (&[1, 0, 0, 0, 1, 2, b'v', 0], 1, "length -1"),
        (&[14, 0, 0, 0, 3, 2, b'v', 0], 1, "key: length -2"),
        (&[14, 0, 0, 0, 1, 8, b'v', 0], 1, "value: length 4 but 2 bytes"),
        (&[16, 0, 0, 0, 1, 2, b'v', 2, 0], 1, "1 headers in 1 bytes"),
        (&[18, 0, 0, 0, 1, 2, b'v', 2, 1, 1], 1, "name of a header is null"),
    ];
    for (records, count, expected) in cases {
        let bytes = batch_of(records, count);
        let batch = RecordBatch::take(&mut bytes.as_slice()).unwrap();
        let error = batch
            .records(batch.records_section())
            .and_then(|records| records.collect::<Result<Vec<_>, _>>());
        let error = error.expect_err(expected);
        assert!(error.message().contains(expected), "{expected:?} is not in {error}");
    }
    let bytes = batch_of(good, 1);
    let batch = RecordBatch::take(&mut bytes.as_slice()).unwrap();
    assert_eq!(
        batch.records(batch.records_section()).unwrap().next().unwrap().unwrap().value,
        Some(&b"v"[..])
    );
}

#[test]
fn a_batch_of_another_format_or_length_is_refused() {
    let good = batch_of(&[14, 0, 0, 0, 1, 2, b'v', 0], 1);
    for length in [i32::MIN, -1, 0, 48, 58, i32::MAX] {
        let mut bytes = good.clone();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        let mut input = bytes.as_slice();
        let error = RecordBatch::take(&mut input).unwrap_err();
        assert!(error.message().contains(&format!("length {length} ")), "{error}");
        assert_eq!(input.len(), bytes.len());
    }
    let mut bytes = good.clone();
    bytes[16] = 1;
    let error = RecordBatch::take(&mut bytes.as_slice()).unwrap_err();
    assert!(error.message().contains("format 1"), "{error}");
}

fn any_bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
    prop::option::of(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..200),
        prop::collection::vec(Just(b'x'), 8100..8300),
    ])
}

fn any_input() -> impl Strategy<Value = Input> {
    let timestamp = prop_oneof![0..i64::MAX / 2, 1_700_000_000_000..1_700_000_001_000i64];
    let headers = prop::collection::vec(("[a-zé漢]{0,70}", any_bytes()), 0..3);
    (timestamp, any_bytes(), any_bytes(), headers)
        .prop_map(|(timestamp, key, value, headers)| Input { timestamp, key, value, headers })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn records_come_back_as_they_went(inputs in prop::collection::vec(any_input(), 1..10)) {
        let records = write_all(&inputs);
        assert_records_are(RecordIter::new(&records, inputs.len() as i32).unwrap(), &inputs);
        let header = BatchHeader {
            record_count: inputs.len() as i32,
            ..header_of(&golden_batches()[0])
        };
        let bytes = [&header.encode(records.len(), crc32c(&records))[..], &records].concat();
        let batch = RecordBatch::take(&mut bytes.as_slice()).unwrap();
        prop_assert_eq!(batch.header, header);
        prop_assert_eq!(batch.check_crc(), Ok(()));
        // The estimate holds whatever timestamp and offset become.
        for input in &inputs {
            let (key, value) = (input.key.as_deref(), input.value.as_deref());
            let headers = input.headers();
            let most = HEADER_LEN + AnyRecord::new(i32::MIN, i64::MIN, key, value, &headers).size();
            let estimate = estimate_size_upper_bound(key, value, &headers);
            prop_assert!(most <= estimate);
            let bytes = |bytes: Option<&[u8]>| bytes.map_or(0, <[u8]>::len);
            let of = |header: &Header<'_>| {
                header.name.len() + bytes(header.value) + HEADER_OVERHEAD_MAX
            };
            let copied = bytes(key) + bytes(value) + headers.iter().map(of).sum::<usize>();
            prop_assert!(estimate <= copied + PLAIN_OVERHEAD_MAX);
        }
    }
}
