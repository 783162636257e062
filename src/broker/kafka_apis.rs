//! Where requests are told apart (Kafka: `KafkaApis`): bytes become a request of one API, and that
//! API's own file answers it.

use bytes::Bytes;

use super::append_error::AppendError;
use super::call::{Call, RawRequest};
use super::core::ClusterCore;
use super::faults::Fate;
use super::log_validator::Batch;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::frame::{decode_request, decode_request_header};
use crate::wire::messages::api_versions::{self, ApiVersion};
use crate::wire::messages::*;
use crate::wire::{Message, Request, RequestHeader};

/// A request that is served here.
pub trait Api: Request<Response: Answer> {
    /// Does what can be done without the cluster, before any lock is taken.
    fn prepare(&self, _version: i16) -> Vec<Result<Batch, AppendError>> {
        Vec::new()
    }

    /// Does what is asked and answers, now or later.
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant);

    /// What is answered where nothing is done for this reason; `None` closes the connection.
    fn refusal(&self, code: ErrorCode) -> Option<Self::Response>;
}

/// A response that is sent from here.
pub trait Answer: Message {
    /// Tells how long the client is held back.
    fn throttle(&mut self, ms: i32);
    /// Puts an error in the place of what there was.
    fn fail(&mut self, code: ErrorCode);
}

/// A request that was read, or why it cannot be served.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// Who asks.
    pub call: Call,
    /// What is asked.
    pub body: Result<Body, Unreadable>,
    /// The bytes.
    pub frame: Bytes,
}

/// Why a request cannot be served.
#[derive(Clone, Debug)]
pub enum Unreadable {
    /// ApiVersions in a version that is not known; it is answered all the same.
    ApiVersions,
    /// The connection is closed for this reason.
    Close(String),
}

macro_rules! apis {
    ($($request:ident $min:literal,)*) => {
        /// A request of one of the APIs that are served here.
        #[derive(Clone, Debug)]
        #[allow(missing_docs, clippy::enum_variant_names)] // The names are the messages'.
        pub enum Body { $($request($request),)* }

        /// The APIs and the versions in which they are served. The lowest version of Produce that
        /// is told is 0, which is not true: librdkafka needs to see it (KAFKA-18659).
        pub fn supported() -> Vec<ApiVersion> {
            vec![$(ApiVersion {
                api_key: $request::KEY,
                min_version: $min,
                max_version: *$request::VERSIONS.end(),
            },)*]
        }

        fn decode(header: &RequestHeader, rest: Bytes) -> Result<Body, String> {
            match header.api_key {
                $($request::KEY => decode_request(rest, header.api_version)
                    .map(Body::$request)
                    .map_err(|error| error.message().to_owned()),)*
                other => Err(format!("API {other} is not served")),
            }
        }

        fn prepare(body: &Body, version: i16) -> Vec<Result<Batch, AppendError>> {
            match body { $(Body::$request(request) => request.prepare(version),)* }
        }

        /// Does what is asked.
        pub fn handle(core: &mut ClusterCore, call: Call, body: Body, now: Instant) {
            match body { $(Body::$request(request) => {
                match call.fate.error {
                    Some((code, false)) => refuse(core, call, &request, code, now),
                    _ => request.handle(core, call, now),
                }
            })* }
        }

        /// Answers with an error in the place of doing anything.
        pub fn fail(
            core: &mut ClusterCore,
            call: Call,
            body: &Body,
            code: ErrorCode,
            now: Instant,
        ) {
            match body { $(Body::$request(request) => refuse(core, call, request, code, now),)* }
        }
    };
}

apis! {
    ProduceRequest 0,
    FetchRequest 4,
    ListOffsetsRequest 1,
    MetadataRequest 0,
    OffsetCommitRequest 2,
    OffsetFetchRequest 1,
    FindCoordinatorRequest 0,
    JoinGroupRequest 0,
    HeartbeatRequest 0,
    LeaveGroupRequest 0,
    SyncGroupRequest 0,
    DescribeGroupsRequest 0,
    ListGroupsRequest 0,
    ApiVersionsRequest 0,
    CreateTopicsRequest 2,
    DeleteTopicsRequest 1,
    InitProducerIdRequest 0,
    OffsetForLeaderEpochRequest 2,
    DescribeConfigsRequest 1,
    CreatePartitionsRequest 0,
    IncrementalAlterConfigsRequest 0,
    DescribeClusterRequest 0,
}

fn refuse<R: Api>(core: &mut ClusterCore, call: Call, request: &R, code: ErrorCode, now: Instant) {
    match request.refusal(code) {
        Some(response) => core.answer(call, response, now),
        None => core.close(&call, &format!("a request that nothing answers failed: {code}")),
    }
}

/// Reads a request. Needs nothing but its bytes.
pub fn parse(raw: RawRequest, now: Instant) -> Parsed {
    let mut call = Call {
        broker: raw.broker,
        conn: raw.conn,
        header: RequestHeader::default(),
        arrived: now,
        throttle: Default::default(),
        fate: Fate::default(),
        batches: Vec::new(),
    };
    let body = match decode_request_header(raw.frame.clone()) {
        Err(error) => Err(Unreadable::Close(error.message().to_owned())),
        Ok((header, rest)) => {
            call.header = header;
            let known = ApiVersionsRequest::VERSIONS.contains(&call.header.api_version);
            if call.header.api_key == api_versions::KEY && !known {
                Err(Unreadable::ApiVersions)
            } else {
                decode(&call.header, rest).map_err(Unreadable::Close)
            }
        }
    };
    if let Ok(body) = &body {
        call.batches = prepare(body, call.header.api_version);
    }
    Parsed { call, body, frame: raw.frame }
}
