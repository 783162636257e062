//! What proves the codec: bytes of the Java client, another implementation, and hostile bytes.

mod batches;
mod frames;
mod hostile;
mod json;
mod oracle;
mod random;
mod sizes;

use bytes::Bytes;
use serde_json::Value;

use super::messages::*;
use super::{Frame, Message};

fn vectors(text: &str) -> Vec<Value> {
    let mut file: Value = serde_json::from_str(text).expect("the vectors are JSON");
    let Value::Array(cases) = file["cases"].take() else { panic!("the vectors have cases") };
    cases
}

/// The frames of the APIs that are known here.
fn golden_frames() -> Vec<Value> {
    let mut frames = vectors(include_str!("../../../tests/vectors/protocol_frames.json"));
    frames.extend(vectors(include_str!("../../../tests/vectors/broker_frames.json")));
    frames.retain(|case| KEYS.contains(&number(&case["key"])));
    frames
}

fn golden_batches() -> Vec<Value> {
    vectors(include_str!("../../../tests/vectors/record_batches.json"))
}

fn number(value: &Value) -> i64 {
    value.as_i64().expect("a number")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

fn unhex(value: &Value) -> Vec<u8> {
    let pairs = text(value).as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn joined(frame: &Frame) -> Bytes {
    let bytes = Bytes::from(frame.pieces.concat());
    assert_eq!(bytes.len(), frame.len);
    assert!(frame.pieces.iter().all(|piece| !piece.is_empty()));
    bytes
}

/// Something to do with every type of message.
trait Visitor {
    fn visit<M: Message>(&mut self);
}

macro_rules! messages {
    ($($key:literal $request:ident $response:ident;)*) => {
        const KEYS: &[i64] = &[$($key),*];

        /// Shows the visitor the type of the message with that key and direction.
        fn with_message(key: i64, is_request: bool, visitor: &mut impl Visitor) {
            match (key, is_request) {
                $(($key, true) => visitor.visit::<$request>(),
                ($key, false) => visitor.visit::<$response>(),)*
                other => panic!("{other:?} is not known here"),
            }
        }
    };
}

messages! {
    0 ProduceRequest ProduceResponse;
    1 FetchRequest FetchResponse;
    2 ListOffsetsRequest ListOffsetsResponse;
    3 MetadataRequest MetadataResponse;
    8 OffsetCommitRequest OffsetCommitResponse;
    9 OffsetFetchRequest OffsetFetchResponse;
    10 FindCoordinatorRequest FindCoordinatorResponse;
    11 JoinGroupRequest JoinGroupResponse;
    12 HeartbeatRequest HeartbeatResponse;
    13 LeaveGroupRequest LeaveGroupResponse;
    14 SyncGroupRequest SyncGroupResponse;
    15 DescribeGroupsRequest DescribeGroupsResponse;
    16 ListGroupsRequest ListGroupsResponse;
    18 ApiVersionsRequest ApiVersionsResponse;
    19 CreateTopicsRequest CreateTopicsResponse;
    20 DeleteTopicsRequest DeleteTopicsResponse;
    22 InitProducerIdRequest InitProducerIdResponse;
    23 OffsetForLeaderEpochRequest OffsetForLeaderEpochResponse;
    32 DescribeConfigsRequest DescribeConfigsResponse;
    37 CreatePartitionsRequest CreatePartitionsResponse;
    44 IncrementalAlterConfigsRequest IncrementalAlterConfigsResponse;
    60 DescribeClusterRequest DescribeClusterResponse;
}

fn with_every_message(visitor: &mut impl Visitor) {
    for key in KEYS {
        with_message(*key, true, visitor);
        with_message(*key, false, visitor);
    }
}
