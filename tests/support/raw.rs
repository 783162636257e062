//! A client that says exactly what a test wants it to say, built on another implementation of the
//! protocol.

#![allow(dead_code)] // Each test binary uses a part.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use kafka_protocol::indexmap::IndexMap;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::{MetadataRequest, ProduceRequest, RequestHeader, TopicName};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
pub use kafka_protocol::records::TimestampType;
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchEncoder, RecordEncodeOptions,
};

/// No test waits longer; none waits this long unless it fails.
pub const LIMIT: Duration = Duration::from_secs(20);

/// Waits until it is so.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let end = Instant::now() + LIMIT;
    while !done() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::yield_now();
    }
}

/// One connection.
pub struct Raw {
    pub stream: TcpStream,
    correlation_id: i32,
}

impl Raw {
    pub fn connect(servers: &str) -> Raw {
        let first = servers.split(',').next().unwrap();
        let stream = TcpStream::connect(first).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream.set_write_timeout(Some(LIMIT)).unwrap();
        stream.set_nodelay(true).unwrap();
        Raw { stream, correlation_id: 0 }
    }

    /// Sends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// Sends a request and does not wait.
    pub fn send<R: Request>(&mut self, version: i16, request: &R) {
        self.correlation_id += 1;
        let mut frame = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(StrBytes::from_static_str("raw")));
        frame.put_u32(0);
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        let length = frame.len() as u32 - 4;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        self.bytes(&frame);
    }

    /// The next frame, or `None` if the broker closed the connection.
    pub fn frame(&mut self) -> Option<Bytes> {
        let mut length = [0; 4];
        let mut filled = 0;
        while filled < 4 {
            match self.stream.read(&mut length[filled..]) {
                Ok(0) => return None,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("reading failed: {error}"),
            }
        }
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        self.stream.read_exact(&mut frame).ok()?;
        Some(frame.into())
    }

    /// The answer to a request: its correlation id and itself.
    pub fn answer<R: Request>(&mut self, version: i16) -> Option<(i32, R::Response)> {
        let mut frame = self.frame()?;
        let correlation_id = frame.get_i32();
        if R::Response::header_version(version) >= 1 {
            frame.advance(1);
        }
        let response = R::Response::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "{} bytes are left", frame.len());
        Some((correlation_id, response))
    }

    /// Asks and waits; `None` if the broker closes the connection.
    pub fn call<R: Request>(&mut self, version: i16, request: &R) -> Option<R::Response> {
        self.send(version, request);
        let (correlation_id, response) = self.answer::<R>(version)?;
        assert_eq!(correlation_id, self.correlation_id);
        Some(response)
    }

    /// Writes one batch to partition 0 of a topic.
    pub fn produce(&mut self, topic: &str, acks: i16, batch: &[u8]) -> PartitionProduceResponse {
        let request = write(topic, 0, acks, batch);
        let response = self.call(9, &request).expect("an answer");
        response.responses[0].partition_responses[0].clone()
    }

    /// Whether the broker has closed the connection.
    pub fn is_closed(&mut self) -> bool {
        self.frame().is_none()
    }
}

/// A request to write one batch.
pub fn write(topic: &str, partition: i32, acks: i16, batch: &[u8]) -> ProduceRequest {
    let data = PartitionProduceData::default()
        .with_index(partition)
        .with_records(Some(Bytes::copy_from_slice(batch)));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_string(topic.to_owned())))
        .with_partition_data(vec![data]);
    ProduceRequest::default().with_acks(acks).with_timeout_ms(10_000).with_topic_data(vec![topic])
}

/// A request about topics.
pub fn about(topics: &[&str]) -> MetadataRequest {
    let topic = |name: &&str| {
        let name = TopicName(StrBytes::from_string((*name).to_owned()));
        MetadataRequestTopic::default().with_name(Some(name))
    };
    MetadataRequest::default()
        .with_topics(Some(topics.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(true)
}

/// The producer that a batch names: id, epoch, first sequence.
pub type Who = (i64, i16, i32);

/// No producer.
pub const NOBODY: Who = (-1, -1, -1);

/// A batch of records with these values.
pub fn batch(who: Who, values: &[&str]) -> Vec<u8> {
    let one = |value: &&str| Content { value: (*value).to_owned(), ..Content::default() };
    batch_of(who, TimestampType::Creation, values.iter().map(one))
}

/// What a record of a batch says.
#[derive(Clone)]
pub struct Content {
    pub key: Option<&'static str>,
    pub value: String,
    pub timestamp: i64,
}

impl Default for Content {
    fn default() -> Content {
        Content { key: None, value: "v".to_owned(), timestamp: 1_700_000_000_000 }
    }
}

/// A batch of these records.
pub fn batch_of(
    who: Who,
    timestamp_type: TimestampType,
    contents: impl IntoIterator<Item = Content>,
) -> Vec<u8> {
    let record = |(at, content): (usize, Content)| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: who.0,
        producer_epoch: who.1,
        timestamp_type,
        offset: at as i64,
        // Records of one batch have sequences in a row, even where they mean nothing.
        sequence: who.2.wrapping_add(at as i32),
        timestamp: content.timestamp,
        key: content.key.map(|key| Bytes::from_static(key.as_bytes())),
        value: Some(Bytes::from(content.value)),
        headers: IndexMap::new(),
    };
    let records: Vec<Record> = contents.into_iter().enumerate().map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    bytes.to_vec()
}
