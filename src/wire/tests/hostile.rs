//! Bytes of a peer that is broken or means harm: an error or a value, never a panic, and never more
//! memory than a small multiple of what came.

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::wire::frame::*;
use crate::wire::record_batch::RecordBatch;
use crate::wire::{Codec, Fields, Writer};

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

#[test]
fn a_frame_that_ends_too_soon_is_an_error() {
    struct Truncate;
    impl Visitor for Truncate {
        fn visit<M: Message>(&mut self) {
            for version in M::VERSIONS {
                let frame = joined(&encode_response(&mut M::default(), version, 1).unwrap());
                for end in 4..frame.len() {
                    let result = decode_response::<M>(frame.slice(4..end), version);
                    assert!(result.is_err(), "{} v{version}, {end} bytes", M::NAME);
                }
            }
        }
    }
    with_message(0, false, &mut Truncate);
    with_message(3, false, &mut Truncate);
    with_message(18, false, &mut Truncate);
    with_message(22, false, &mut Truncate);
}

#[test]
fn frames_with_damaged_lengths_do_no_harm() {
    for case in golden_frames() {
        let bytes = unhex(&case["frame_hex"]).split_off(4);
        let damages: [&[u8]; 8] = [
            &i32::MAX.to_be_bytes(),
            &(-1i32).to_be_bytes(),
            &(-2i32).to_be_bytes(),
            &i16::MAX.to_be_bytes(),
            &(-2i16).to_be_bytes(),
            &[0xff],
            &[0],
            &[0xff, 0xff, 0xff, 0xff, 0x0f],
        ];
        for damage in damages {
            for at in 0..=bytes.len().saturating_sub(damage.len()) {
                let mut damaged = bytes.clone();
                damaged[at..at + damage.len()].copy_from_slice(damage);
                decode_damaged(&case, damaged);
            }
        }
    }
}

#[test]
fn batches_with_damaged_bytes_do_no_harm() {
    let read = |bytes: &[u8]| {
        let mut input = bytes;
        while let Ok(batch) = RecordBatch::take(&mut input) {
            let _ = batch.check_crc();
            let _ = batch.records().map(|records| records.count());
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

/// The fewest bytes of a structure are what the default takes in the version where it is shortest.
#[test]
fn the_fewest_bytes_of_each_structure_are_right() {
    fn check<M: Message, T: Fields>() {
        let size = |version| {
            let mut writer = Writer::new::<M>(version).unwrap();
            T::default().fields(&mut writer).map(|()| writer.finish().unwrap().len - 4).ok()
        };
        let fewest = M::VERSIONS.filter_map(size).min();
        assert_eq!(fewest, Some(T::MIN_BYTES), "{}", std::any::type_name::<T>());
    }
    use crate::wire::messages::{api_versions::*, metadata::*, produce::*};
    check::<ProduceRequest, TopicProduceData>();
    check::<ProduceRequest, PartitionProduceData>();
    check::<ProduceResponse, TopicProduceResponse>();
    check::<ProduceResponse, PartitionProduceResponse>();
    check::<MetadataResponse, MetadataResponseBroker>();
    check::<MetadataResponse, MetadataResponsePartition>();
    check::<ApiVersionsResponse, ApiVersion>();
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
    let mut reader = crate::wire::Reader::new::<MetadataRequest>(body.clone(), 9).unwrap();
    let mut topics: Option<Vec<crate::wire::messages::metadata::MetadataRequestTopic>> = None;
    reader.nullable_array("topics", &mut topics).unwrap();
    let topics = topics.unwrap();
    assert_eq!(topics.len(), count);
    // Had all been set aside at once, the capacity would be the count.
    assert!(topics.capacity() > count && topics.capacity() <= 2 * count);
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
