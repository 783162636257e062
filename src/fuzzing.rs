//! Entry points for fuzzing: bytes in, no panic. The targets in `fuzz/` and an ordinary test drive
//! the same functions, so that what a fuzzer finds has a place where it stays found.

use bytes::Bytes;

use crate::Config;
use crate::wire::frame::{decode_request, decode_request_header, decode_response};
use crate::wire::frame::{encode_request, encode_response};
use crate::wire::messages::*;
use crate::wire::record_batch::RecordBatch;
use crate::wire::{Message, Request};

/// Something to do with one API.
trait Visitor {
    fn visit<R: Request>(&mut self);
}

macro_rules! apis {
    ($($request:ident)*) => {
        const KEYS: &[i16] = &[$($request::KEY),*];

        fn with_api(key: i16, visitor: &mut impl Visitor) {
            match key {
                $($request::KEY => visitor.visit::<$request>(),)*
                _ => {}
            }
        }
    };
}

apis! {
    ProduceRequest FetchRequest ListOffsetsRequest MetadataRequest OffsetCommitRequest
    OffsetFetchRequest FindCoordinatorRequest JoinGroupRequest HeartbeatRequest LeaveGroupRequest
    SyncGroupRequest DescribeGroupsRequest ListGroupsRequest ApiVersionsRequest CreateTopicsRequest
    DeleteTopicsRequest InitProducerIdRequest OffsetForLeaderEpochRequest DescribeConfigsRequest
    CreatePartitionsRequest IncrementalAlterConfigsRequest DescribeClusterRequest
}

/// A response: a byte that chooses the API, one for the version, and the frame without its length.
pub fn response(data: &[u8]) {
    struct Decode(i16, Bytes);
    impl Visitor for Decode {
        fn visit<R: Request>(&mut self) {
            let Ok((id, mut message)) = decode_response::<R::Response>(self.1.clone(), self.0)
            else {
                return;
            };
            // A text that was no UTF-8 may have become too long to write.
            let Ok(frame) = encode_response(&mut message, self.0, id) else { return };
            let bytes = Bytes::from(frame.pieces.concat()).slice(4..);
            let again = decode_response::<R::Response>(bytes, self.0).expect("it was encoded");
            assert_eq!((id, message), again);
        }
    }
    let [api, version, frame @ ..] = data else { return };
    let key = KEYS[usize::from(*api) % KEYS.len()];
    with_api(key, &mut Decode(i16::from(*version), Bytes::copy_from_slice(frame)));
}

/// A request, as a broker gets it: a frame without its length.
pub fn request(data: &[u8]) {
    struct Decode(i16, Bytes);
    impl Visitor for Decode {
        fn visit<R: Request>(&mut self) {
            let Ok(mut message) = decode_request::<R>(self.1.clone(), self.0) else { return };
            let Ok(frame) = encode_request(&mut message, self.0, 1, &"c".into()) else { return };
            let bytes = Bytes::from(frame.pieces.concat()).slice(4..);
            let (_, rest) = decode_request_header(bytes).expect("it was encoded");
            assert_eq!(message, decode_request::<R>(rest, self.0).expect("it was encoded"));
        }
    }
    let Ok((header, rest)) = decode_request_header(Bytes::copy_from_slice(data)) else { return };
    with_api(header.api_key, &mut Decode(header.api_version, rest));
}

/// Record batches, one after the other, and the records in them.
pub fn record_batches(data: &[u8]) {
    let mut rest = data;
    while let Ok(batch) = RecordBatch::take(&mut rest) {
        let _ = batch.check_crc();
        let Ok(section) = batch.section() else { continue };
        let Ok(records) = batch.records(&section) else { continue };
        for record in records {
            if record.is_err() {
                break;
            }
        }
    }
}

/// A configuration: lines of `key=value`, read as a file of settings is.
pub fn configuration(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut config = Config::new();
    for line in text.lines() {
        let (key, value) = line.split_once('=').unwrap_or((line, ""));
        if config.set(key, value).is_ok() {
            assert!(config.try_get(key).is_ok(), "{key} was set");
        }
    }
    let _ = config.build();
}

#[cfg(test)]
mod tests;
