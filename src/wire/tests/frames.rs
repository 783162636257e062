//! Frames of the Java client, both directions, and the corners of framing.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::json::to_json;
use super::*;
use crate::error::{Error, ErrorCode};
use crate::wire::frame::*;
use crate::wire::messages::api_versions::ApiVersion;
use crate::wire::messages::fetch::{FetchableTopicResponse, PartitionData};
use crate::wire::messages::metadata::MetadataRequestTopic;
use crate::wire::messages::produce::{PartitionProduceData, TopicProduceData};
use crate::wire::{Fields, Records, Uuid, Writer};

struct Golden<'a> {
    case: &'a Value,
}

impl Visitor for Golden<'_> {
    fn visit<M: Message>(&mut self) {
        let case = self.case;
        let label = format!("{} v{} of Java", M::NAME, case["version"]);
        let version = number(&case["version"]) as i16;
        let bytes = Bytes::from(unhex(&case["frame_hex"]));
        let frame = bytes.slice(4..);
        let (mut message, encoded) = if text(&case["kind"]) == "request" {
            let (header, rest) = decode_request_header(frame).expect(&label);
            let client_id = Arc::from("golden-client");
            assert_eq!((header.api_key, header.api_version), (M::KEY, version), "{label}");
            assert_eq!(header.correlation_id, 4711, "{label}");
            assert_eq!(header.client_id.as_ref(), Some(&client_id), "{label}");
            let mut message: M = decode_request(rest, version).expect(&label);
            let encoded = encode_request(&mut message, version, 4711, &client_id).expect(&label);
            (message, encoded)
        } else {
            assert_eq!(response_correlation_id(&frame), Ok(4711), "{label}");
            let (correlation_id, mut message): (i32, M) =
                decode_response(frame, version).expect(&label);
            assert_eq!(correlation_id, 4711, "{label}");
            let encoded = encode_response(&mut message, version, 4711).expect(&label);
            (message, encoded)
        };
        assert_eq!(hex(&joined(&encoded)), hex(&bytes), "{label}");
        assert_eq!(to_json(&mut message, version), expected::<M>(case, version), "{label}");
    }
}

/// What Java had put in, with the few differences of shape evened out.
fn expected<M: Message>(case: &Value, version: i16) -> Value {
    let mut data = case["data"].clone();
    if M::NAME == "ProduceRequest" {
        let partition = |p: &Value| json!({"index": p["index"], "records": p["records_hex"]});
        let partitions: Value =
            data["partitions"].as_array().unwrap().iter().map(partition).collect();
        let mut topic = json!({"partitionData": partitions});
        let (name, from) = if version <= 12 { ("name", "topic") } else { ("topicId", "topicId") };
        topic[name] = data[from].clone();
        data = json!({
            "transactionalId": data["transactionalId"],
            "acks": data["acks"],
            "timeoutMs": data["timeoutMs"],
            "topicData": [topic],
        });
    }
    data
}

#[test]
fn frames_of_java_are_read_and_written_alike() {
    let frames = golden_frames();
    assert_eq!(frames.len(), 89 + 240);
    for case in &frames {
        let is_request = text(&case["kind"]) == "request";
        with_message(number(&case["key"]), is_request, &mut Golden { case });
    }
}

struct Versions;

impl Visitor for Versions {
    fn visit<M: Message>(&mut self) {
        let versions = M::VERSIONS;
        for version in [versions.start() - 1, versions.end() + 1] {
            let error = decode_request::<M>(Bytes::from_static(&[0; 100]), version).unwrap_err();
            assert_eq!(error.code(), ErrorCode::UNSUPPORTED_VERSION);
            let error = encode_response(&mut M::default(), version, 1).unwrap_err();
            assert_eq!(error.code(), ErrorCode::UNSUPPORTED_VERSION);
        }
    }
}

#[test]
fn a_version_that_is_not_known_is_refused() {
    with_every_message(&mut Versions);
}

#[test]
fn records_are_neither_copied_into_the_frame_nor_out_of_it() {
    let records = Bytes::from(vec![7; 1000]);
    let batch = Records::Batch { header: [1; 61], records: records.clone() };
    let partition = |index| PartitionProduceData { index, records: batch.clone() };
    let topic = |name: &str| TopicProduceData {
        name: Arc::from(name),
        topic_id: Uuid::ZERO,
        partition_data: vec![partition(0), partition(1)],
    };
    let mut request = ProduceRequest { acks: -1, ..ProduceRequest::default() };
    request.topic_data = vec![topic("a"), topic("b")];
    for version in ProduceRequest::VERSIONS {
        let frame = encode_request(&mut request, version, 1, &Arc::from("c")).unwrap();
        let chunks = frame.pieces.iter().filter(|piece| piece.as_ptr() == records.as_ptr());
        assert_eq!(chunks.count(), 4);
        let bytes = joined(&frame);
        assert_eq!(bytes.len() - 4, u32::from_be_bytes(*bytes.first_chunk().unwrap()) as usize);
        let (_, rest) = decode_request_header(bytes.slice(4..)).unwrap();
        let decoded: ProduceRequest = decode_request(rest, version).unwrap();
        let Records::Whole(batch) = &decoded.topic_data[1].partition_data[1].records else {
            panic!("decoding gives whole batches")
        };
        assert_eq!(batch.len(), 1061);
        assert!(bytes.as_ptr_range().contains(&batch.as_ptr()));
    }
}

#[test]
fn a_fetch_answers_with_the_pieces_of_the_log_uncopied() {
    let pieces: Vec<Bytes> = [5, 0, 70].map(|len| Bytes::from(vec![9; len])).into();
    let partition =
        PartitionData { records: Records::Pieces(pieces.clone()), ..Default::default() };
    let partitions = vec![partition.clone(), partition];
    let topic = FetchableTopicResponse { partitions, ..Default::default() };
    let mut response = FetchResponse { responses: vec![topic], ..Default::default() };
    for version in FetchResponse::VERSIONS {
        let frame = encode_response(&mut response, version, 1).unwrap();
        for piece in [&pieces[0], &pieces[2]] {
            let same = frame.pieces.iter().filter(|other| other.as_ptr() == piece.as_ptr());
            assert_eq!(same.count(), 2);
        }
        let decoded = decode_response(joined(&frame).slice(4..), version);
        assert_eq!(decoded, Ok((1, response.clone())));
    }
}

#[test]
fn a_field_that_the_version_lacks_is_not_dropped_in_silence() {
    let mut bump = InitProducerIdRequest { producer_id: 5, ..Default::default() };
    let error = encode_request(&mut bump, 2, 1, &Arc::from("")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "InitProducerIdRequest v2: producer_id is set, and this version has no such field"
    );
    assert!(encode_request(&mut bump, 3, 1, &Arc::from("")).is_ok());

    let topic = MetadataRequestTopic { topic_id: Uuid([1; 16]), name: None };
    let mut by_id = MetadataRequest { topics: Some(vec![topic]), ..Default::default() };
    let error = encode_request(&mut by_id, 9, 1, &Arc::from("")).unwrap_err();
    assert_eq!(Error::from(error).code(), ErrorCode::UNSUPPORTED_VERSION);
    assert!(encode_request(&mut by_id, 10, 1, &Arc::from("")).is_ok());
}

#[test]
fn a_text_that_does_not_fit_its_length_is_refused() {
    let long = "x".repeat(32768);
    for version in [0, 12] {
        let error = encode_request(&mut MetadataRequest::default(), version, 1, &Arc::from(&*long))
            .unwrap_err();
        assert!(error.message().contains("32767"), "{error}");
    }
}

#[test]
fn unknown_tagged_fields_are_skipped() {
    let case = golden_frames().into_iter().find(|case| {
        text(&case["api"]) == "InitProducerId"
            && text(&case["kind"]) == "response"
            && case["version"] == 5
    });
    let mut bytes = unhex(&case.expect("there is one")["frame_hex"]).split_off(4);
    assert_eq!(bytes.pop(), Some(0), "no tagged fields");
    // Two of them: tag 0 with three bytes, tag 300 with none.
    bytes.extend([2, 0, 3, 9, 9, 9, 0xac, 0x02, 0]);
    let (_, response): (_, InitProducerIdResponse) =
        decode_response(Bytes::from(bytes), 5).unwrap();
    assert_eq!(response.producer_id, 4000);
}

#[test]
fn a_known_tagged_field_of_another_size_is_refused() {
    let mut writer = Writer::new::<ApiVersionsResponse>(3).unwrap();
    ApiVersionsResponse::default().fields(&mut writer).unwrap();
    let body = joined(&writer.finish().unwrap());
    let prefix = &body[4..body.len() - 1];
    // The epoch, tag 1, has eight bytes.
    for (size, text) in [(7, "8 bytes are needed but 7 are left"), (9, "1 bytes too many")] {
        let tags = [vec![1, 1, size], vec![0; usize::from(size)]].concat();
        let frame = [&[0, 0, 0, 1], prefix, &tags].concat();
        let error = decode_response::<ApiVersionsResponse>(frame.into(), 3).unwrap_err();
        assert!(error.message().contains(text), "{error}");
    }
}

#[test]
fn bytes_after_a_response_are_ignored() {
    let mut response = ProduceResponse { throttle_time_ms: 9, ..Default::default() };
    let frame = joined(&encode_response(&mut response, 7, 3).unwrap());
    let longer = [&frame[4..], b"more"].concat();
    assert_eq!(decode_response(longer.into(), 7), Ok((3, response)));
}

#[test]
fn a_broker_that_does_not_know_the_version_of_api_versions_is_understood() {
    let api_keys = vec![ApiVersion { api_key: 18, min_version: 0, max_version: 2 }];
    let mut answer = ApiVersionsResponse { error_code: 35, api_keys, ..Default::default() };
    let frame = joined(&encode_response(&mut answer, 0, 1).unwrap()).slice(4..);
    for version in ApiVersionsResponse::VERSIONS {
        assert_eq!(decode_response(frame.clone(), version), Ok((1, answer.clone())));
    }
    let bare = ApiVersionsResponse { error_code: 35, ..Default::default() };
    for body in [&b"\0\0\0\x01\0\x23"[..], b"\0\0\0\x01\0\x23\0\0\0", b"\0\0\0\x01\0\x23\xff\xff"] {
        for version in ApiVersionsResponse::VERSIONS {
            assert_eq!(decode_response(Bytes::from(body), version), Ok((1, bare.clone())));
        }
    }
    let other_error = Bytes::from_static(b"\0\0\0\x01\0\x22");
    assert!(decode_response::<ApiVersionsResponse>(other_error, 3).is_err());
}

#[test]
fn an_error_names_message_field_and_what_is_wrong() {
    let frame = Bytes::from_static(b"\0\0\0\x01\x7f\xff\xff\xff\0\0\0\0\0\0\0\0\0\0\0\0");
    let error = decode_response::<ProduceResponse>(frame, 8).unwrap_err();
    assert_eq!(
        error.to_string(),
        "ProduceResponse v8: responses: array length 2147483647 but 12 bytes are left"
    );
    assert_eq!(Error::from(error).code(), ErrorCode::PROTOCOL_VIOLATION);
}

#[test]
fn the_table_of_apis_has_all_messages() {
    struct Listed;
    impl Visitor for Listed {
        fn visit<M: Message>(&mut self) {
            let api = ApiInfo::of_key(M::KEY).expect(M::NAME);
            let versions = api.min_version..=api.max_version;
            assert_eq!((versions, api.flexible_from), (M::VERSIONS, M::FLEXIBLE_FROM));
            let suffix = M::NAME.strip_prefix(api.name);
            assert!(matches!(suffix, Some("Request" | "Response")), "{}", M::NAME);
        }
    }
    with_every_message(&mut Listed);
    let keys: Vec<i64> = ALL.iter().map(|api| api.key.into()).collect();
    assert_eq!(keys, KEYS);
}
