//! What proves the codec: bytes of the Java client, another implementation, and hostile bytes.

mod batches;
mod frames;
mod hostile;
mod json;
mod oracle;

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
    frames.retain(|case| [0, 3, 18, 22].contains(&number(&case["key"])));
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

/// Shows the visitor the type of the message with that key and direction.
fn with_message(key: i64, is_request: bool, visitor: &mut impl Visitor) {
    match (key, is_request) {
        (0, true) => visitor.visit::<ProduceRequest>(),
        (0, false) => visitor.visit::<ProduceResponse>(),
        (3, true) => visitor.visit::<MetadataRequest>(),
        (3, false) => visitor.visit::<MetadataResponse>(),
        (18, true) => visitor.visit::<ApiVersionsRequest>(),
        (18, false) => visitor.visit::<ApiVersionsResponse>(),
        (22, true) => visitor.visit::<InitProducerIdRequest>(),
        (22, false) => visitor.visit::<InitProducerIdResponse>(),
        other => panic!("{other:?} is not known here"),
    }
}

fn with_every_message(visitor: &mut impl Visitor) {
    for key in [0, 3, 18, 22] {
        with_message(key, true, visitor);
        with_message(key, false, visitor);
    }
}
