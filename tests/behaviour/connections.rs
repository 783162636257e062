//! What a broker says of itself, and what it makes of frames.

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::{ApiVersionsRequest, MetadataRequest, ProduceRequest};

use super::raw::*;
use super::target::*;

/// The APIs of producers, consumers and administrators in the versions of Kafka 4.3.
const VERSIONS: [(i16, i16, i16); 22] = [
    (0, 0, 13),
    (1, 4, 18),
    (2, 1, 11),
    (3, 0, 13),
    (8, 2, 10),
    (9, 1, 10),
    (10, 0, 6),
    (11, 0, 9),
    (12, 0, 4),
    (13, 0, 5),
    (14, 0, 5),
    (15, 0, 6),
    (16, 0, 5),
    (18, 0, 4),
    (19, 2, 7),
    (20, 1, 6),
    (22, 0, 5),
    (23, 2, 4),
    (32, 1, 4),
    (37, 0, 3),
    (44, 0, 1),
    (60, 0, 2),
];

fn software() -> ApiVersionsRequest {
    ApiVersionsRequest::default()
        .with_client_software_name(text("test"))
        .with_client_software_version(text("1.0"))
}

pub fn the_apis_are_served_in_kafkas_versions(target: &Target) {
    let response = target.connect().call(4, &software()).unwrap();
    let served = |key: i16| {
        let api = response.api_keys.iter().find(|api| api.api_key == key);
        api.map(|api| (key, api.min_version, api.max_version))
    };
    let wanted: Vec<_> = VERSIONS.iter().map(|api| Some(*api)).collect();
    let there: Vec<_> = VERSIONS.iter().map(|(key, _, _)| served(*key)).collect();
    assert_eq!(there, wanted);
}

pub fn every_version_of_apiversions_is_answered(target: &Target) {
    let mut raw = target.connect();
    for version in 0..=4 {
        let empty = ApiVersionsRequest::default();
        let request = if version >= 3 { &software() } else { &empty };
        let response = raw.call(version, request).unwrap();
        assert_eq!(error(response.error_code), None);
        assert!(response.api_keys.iter().any(|api| (api.api_key, api.max_version) == (0, 13)));
    }
    let nameless = raw.call(3, &ApiVersionsRequest::default()).unwrap();
    assert_eq!(error(nameless.error_code), Some(InvalidRequest));
    assert_eq!(error(raw.call(0, &ApiVersionsRequest::default()).unwrap().error_code), None);
}

pub fn an_unknown_version_of_apiversions_is_answered_with_error_35_as_version_0(target: &Target) {
    let mut raw = target.connect();
    // Version 77: a header of version 2, then nothing.
    raw.bytes(&[0, 0, 0, 11, 0, 18, 0, 77, 0, 0, 0, 9, 255, 255, 0]);
    let (id, response) = raw.answer::<ApiVersionsRequest>(0).unwrap();
    assert_eq!((id, error(response.error_code)), (9, Some(UnsupportedVersion)));
    let keys: Vec<_> =
        response.api_keys.iter().map(|a| (a.api_key, a.min_version, a.max_version)).collect();
    assert_eq!(keys, [(18, 0, 4)]);
    assert_eq!(error(raw.call(4, &software()).unwrap().error_code), None, "it goes on");
}

pub fn frames_that_are_none_close_the_connection(target: &Target) {
    let bad: [(&str, &[u8]); 10] = [
        ("2 GiB", &i32::MAX.to_be_bytes()),
        ("negative", &(-1_i32).to_be_bytes()),
        ("most negative", &i32::MIN.to_be_bytes()),
        ("empty", &[0, 0, 0, 0]),
        ("one byte", &[0, 0, 0, 1, 0]),
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n"),
        ("TLS", &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
        ("no API of that number", &[0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 255, 255]),
        ("no version of that number", &[0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 255, 255]),
        ("Produce 2", &[0, 0, 0, 18, 0, 0, 0, 2, 0, 0, 0, 1, 255, 255, 0, 1, 0, 0, 0, 1, 0, 0]),
    ];
    for (what, bytes) in bad {
        let mut raw = target.connect();
        raw.bytes(bytes);
        assert!(raw.is_closed(), "{what}");
    }
    assert!(target.connect().call(12, &known(&[])).is_some());
}

pub fn a_request_that_cannot_be_read_closes_the_connection(target: &Target) {
    for (key, version) in [(0, 9), (3, 12), (22, 4), (11, 5), (18, 3)] {
        let mut raw = target.connect();
        // A header of version 2 and a length that leads nowhere.
        let mut frame = vec![0, 0, 0, 16, 0, key, 0, version, 0, 0, 0, 1, 255, 255, 0];
        frame.extend([255, 255, 255, 255, 7]);
        raw.bytes(&frame);
        assert!(raw.is_closed(), "API {key} version {version}");
    }
}

pub fn requests_that_come_at_once_are_answered_in_their_order(target: &Target) {
    let topic = target.topic("order", 1);
    let mut raw = target.leader(&topic, 0);
    for sequence in 0..50 {
        raw.send(9, &write(&topic, 0, 1, &batch((900_009, 0, sequence), &["v"])));
        raw.send(12, &MetadataRequest::default().with_topics(Some(Vec::new())));
    }
    for sequence in 0..50 {
        let (id, response) = raw.answer::<ProduceRequest>(9).expect("an answer");
        let written = &response.responses[0].partition_responses[0];
        assert_eq!(
            (id, error(written.error_code), written.base_offset),
            (2 * sequence + 1, None, sequence.into())
        );
        let (id, _) = raw.answer::<MetadataRequest>(12).expect("an answer");
        assert_eq!(id, 2 * sequence + 2);
    }
}
