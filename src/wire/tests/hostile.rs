//! Bytes of a peer that is broken or means harm: an error or a value, never a panic, and never more
//! memory than a small multiple of what came.

use bytes::Bytes;
use proptest::prelude::*;

use super::random::random;
use super::*;
use crate::wire::frame::*;
use crate::wire::record_batch::RecordBatch;
use crate::wire::{Codec, Fields, Reader, Writer};

/// Decodes bytes in each version of a message.
struct Decode {
    bytes: Bytes,
}

impl Visitor for Decode {
    fn visit<M: Message>(&mut self) {
        for version in M::VERSIONS {
            let _ = decode_response::<M>(self.bytes.clone(), version);
            let _ = decode_request::<M>(self.bytes.clone(), version);
        }
    }
}

/// Decodes bytes as what they were before they were damaged.
fn decode_damaged(case: &Value, bytes: Vec<u8>) {
    struct One {
        bytes: Bytes,
        version: i16,
        is_request: bool,
    }
    impl Visitor for One {
        fn visit<M: Message>(&mut self) {
            if !self.is_request {
                let _ = decode_response::<M>(self.bytes.clone(), self.version);
            } else if let Ok((_, rest)) = decode_request_header(self.bytes.clone()) {
                let _ = decode_request::<M>(rest, self.version);
            }
        }
    }
    let version = number(&case["version"]) as i16;
    let is_request = text(&case["kind"]) == "request";
    let mut one = One { bytes: Bytes::from(bytes), version, is_request };
    with_message(number(&case["key"]), is_request, &mut one);
}

#[test]
fn frames_that_end_too_soon_do_no_harm() {
    for case in golden_frames() {
        let bytes = unhex(&case["frame_hex"]).split_off(4);
        for len in 0..bytes.len() {
            decode_damaged(&case, bytes[..len].to_vec());
        }
    }
}

/// Shows a function the frames of a few messages of each version, as responses without their
/// length, and how to decode one.
struct Samples<F: FnMut(&str, Bytes, &dyn Fn(Bytes) -> bool)>(F);

impl<F: FnMut(&str, Bytes, &dyn Fn(Bytes) -> bool)> Visitor for Samples<F> {
    fn visit<M: Message>(&mut self) {
        for version in M::VERSIONS {
            let label = format!("{} v{version}", M::NAME);
            let messages = [M::default(), random(version, 1), random(version, 2)];
            for mut message in messages {
                let frame = joined(&encode_response(&mut message, version, 1).expect(&label));
                let decodes = |bytes| decode_response::<M>(bytes, version).is_ok();
                (self.0)(&label, frame.slice(4..), &decodes);
            }
        }
    }
}

#[test]
fn a_frame_that_ends_too_soon_is_an_error() {
    with_every_message(&mut Samples(|label, frame, decodes| {
        assert!(decodes(frame.clone()), "{label}");
        for end in 0..frame.len() {
            assert!(!decodes(frame.slice(..end)), "{label}, {end} bytes of {}", frame.len());
        }
    }));
}

/// What damage puts in place of other bytes: lengths that are too large, negative or null.
const DAMAGES: [&[u8]; 8] = [
    &i32::MAX.to_be_bytes(),
    &(-1i32).to_be_bytes(),
    &(-2i32).to_be_bytes(),
    &i16::MAX.to_be_bytes(),
    &(-2i16).to_be_bytes(),
    &[0xff],
    &[0],
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
];

/// The bytes with each damage at each place.
fn damaged(bytes: &[u8], mut show: impl FnMut(Vec<u8>)) {
    for damage in DAMAGES {
        for at in 0..(bytes.len() + 1).saturating_sub(damage.len()) {
            let mut damaged = bytes.to_vec();
            damaged[at..at + damage.len()].copy_from_slice(damage);
            show(damaged);
        }
    }
}

#[test]
fn frames_with_damaged_lengths_do_no_harm() {
    for case in golden_frames() {
        let bytes = unhex(&case["frame_hex"]).split_off(4);
        damaged(&bytes, |damaged| decode_damaged(&case, damaged));
    }
    with_every_message(&mut Samples(|_, frame, decodes| {
        damaged(&frame, |damaged| {
            decodes(damaged.into());
        });
    }));
}

#[test]
fn batches_with_damaged_bytes_do_no_harm() {
    let read = |bytes: &[u8]| {
        let mut input = bytes;
        while let Ok(batch) = RecordBatch::take(&mut input) {
            let _ = batch.check_crc();
            let _ = batch
                .section()
                .map(|section| batch.records(&section).map(|records| records.count()));
        }
    };
    for case in golden_batches() {
        let bytes = unhex(&case["batch_hex"]);
        let bytes = &bytes[..bytes.len().min(1200)];
        (0..bytes.len()).for_each(|len| read(&bytes[..len]));
        for damage in [i32::MAX, -1, -2, 0] {
            for at in 0..bytes.len() - 4 {
                let mut damaged = bytes.to_vec();
                damaged[at..at + 4].copy_from_slice(&damage.to_be_bytes());
                read(&damaged);
            }
        }
    }
}

#[test]
fn a_huge_count_is_refused_before_anything_is_allocated() {
    // A count for which each element would still have a byte, so that only their least size tells.
    let mut bytes = vec![0; 1 << 20];
    bytes[4..8].copy_from_slice(&(1i32 << 19).to_be_bytes());
    let error = decode_response::<MetadataResponse>(Bytes::from(bytes), 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "MetadataResponse v0: brokers: array length 524288 but 1048568 bytes are left"
    );
}

#[test]
fn what_is_set_aside_for_an_array_is_not_larger_than_the_input() {
    let count = 1000;
    let topics = vec![Default::default(); count];
    let mut request = MetadataRequest { topics: Some(topics), ..Default::default() };
    for topic in request.topics.iter_mut().flatten() {
        topic.name = Some(Default::default());
    }
    let mut writer = Writer::new::<MetadataRequest>(9).unwrap();
    request.fields(&mut writer).unwrap();
    let body = joined(&writer.finish().unwrap()).slice(4..);
    let mut reader = Reader::new::<MetadataRequest>(body.clone(), 9).unwrap();
    let mut topics: Option<Vec<crate::wire::messages::metadata::MetadataRequestTopic>> = None;
    reader.nullable_array("topics", &mut topics).unwrap();
    let topics = topics.unwrap();
    assert_eq!(topics.len(), count);
    // Had all been set aside at once, the capacity would be the count.
    assert!(topics.capacity() > count && topics.capacity() <= 2 * count);
}

#[test]
fn more_partitions_than_any_topic_has_are_refused_before_they_are_read() {
    let counts = [(100_000, true), (100_001, false)];
    for (count, good) in counts {
        let body = [&i32::to_be_bytes(count)[..], &vec![0; 26 * 100_001]].concat();
        let mut reader = Reader::new::<MetadataResponse>(body.into(), 8).unwrap();
        let mut partitions: Vec<crate::wire::messages::metadata::MetadataResponsePartition> =
            Vec::new();
        let result = reader.array("partitions", &mut partitions);
        assert_eq!(result.is_ok(), good);
        assert_eq!(partitions.len(), if good { 100_000 } else { 0 });
    }
}

#[test]
fn a_huge_count_of_texts_is_refused_before_anything_is_allocated() {
    // Not flexible, a text takes two bytes at least; flexible, one.
    let counts = [(3, &600_000i32.to_be_bytes()[..]), (4, &[0xff, 0xff, 0xff, 0xff, 0x07])];
    for (version, count) in counts {
        let body = [count, &[0; 1 << 20]].concat();
        let mut reader = Reader::new::<DeleteTopicsRequest>(body.into(), version).unwrap();
        let mut texts = Vec::new();
        let error = reader.string_array("topic_names", &mut texts).unwrap_err();
        assert!(error.message().contains("but 1048576 bytes are left"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(
        prop_oneof![Just(0u8), Just(1u8), Just(2u8), Just(255u8), any::<u8>()], 0..120,
    )) {
        with_every_message(&mut Decode { bytes: Bytes::from(bytes) });
    }
}
