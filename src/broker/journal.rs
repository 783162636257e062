//! Everything that arrived: requests in the order of their arrival, as many as there is room for.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::call::Call;
use crate::record::{OwnedHeaders, owned_headers};
use crate::time::Instant;
use crate::wire::frame::{decode_request, decode_request_header};
use crate::wire::messages::{ApiInfo, ProduceRequest, produce};
use crate::wire::record_batch::each_record;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// Its place among all requests, from 0.
    pub number: u64,
    /// When it arrived.
    pub at: Instant,
    /// The broker that it was sent to.
    pub broker: i32,
    /// The number of the connection; a later connection has a larger one.
    pub connection: u64,
    /// The API's number.
    pub api_key: i16,
    /// The version in which it was asked.
    pub api_version: i16,
    /// The number that the response carries.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<Arc<str>>,
    /// The whole request.
    pub frame: Bytes,
}

/// A record of a produce request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducedRecord {
    /// The topic; its id in text where the request has no name.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The number of the producer, or -1.
    pub producer_id: i64,
    /// The epoch of the producer, or -1.
    pub producer_epoch: i16,
    /// The record's own sequence number, or -1.
    pub sequence: i32,
    /// The record's timestamp in milliseconds.
    pub timestamp: i64,
    /// `None` is null.
    pub key: Option<Vec<u8>>,
    /// `None` is null.
    pub value: Option<Vec<u8>>,
    /// Names and values, in order.
    pub headers: OwnedHeaders,
}

impl Arrival {
    /// The API's name as Kafka spells it.
    pub fn api_name(&self) -> &'static str {
        ApiInfo::of_key(self.api_key).map_or("unknown", |api| api.name)
    }

    /// The records of a produce request, in order. A batch that is damaged has none.
    pub fn records(&self) -> Vec<ProducedRecord> {
        let rest = decode_request_header(self.frame.clone()).map(|(_, rest)| rest);
        let is_produce = self.api_key == produce::KEY;
        let request = rest.and_then(|rest| decode_request(rest, self.api_version));
        let Ok(ProduceRequest { topic_data, .. }) = request else { return Vec::new() };
        let mut records = Vec::new();
        for topic in topic_data.iter().filter(|_| is_produce) {
            let by_id = topic.name.is_empty();
            let name = if by_id { topic.topic_id.to_string() } else { topic.name.to_string() };
            for part in &topic.partition_data {
                let bytes = part.records.to_bytes().unwrap_or_default();
                records.extend(records_of(&name, part.index, &bytes));
            }
        }
        records
    }
}

fn records_of(topic: &str, partition: i32, bytes: &[u8]) -> Vec<ProducedRecord> {
    each_record(bytes, |header, record| ProducedRecord {
        topic: topic.to_owned(),
        partition,
        producer_id: header.producer_id,
        producer_epoch: header.producer_epoch,
        sequence: match header.base_sequence {
            ..0 => -1,
            base => base.wrapping_add(record.offset_delta) & i32::MAX,
        },
        timestamp: header.base_timestamp.wrapping_add(record.timestamp_delta),
        key: record.key.map(<[u8]>::to_vec),
        value: record.value.map(<[u8]>::to_vec),
        headers: owned_headers(&record.headers),
    })
}

/// The last requests.
#[derive(Debug, Default)]
pub struct Journal {
    arrivals: VecDeque<Arrival>,
    bytes: usize,
    bytes_max: usize,
    count: u64,
}

impl Journal {
    /// A journal that holds on to this many bytes of requests.
    pub fn new(bytes_max: usize) -> Journal {
        Journal { bytes_max, ..Journal::default() }
    }

    /// A request arrived.
    pub fn note(&mut self, call: &Call, frame: &Bytes) {
        let number = self.count;
        self.count += 1;
        if frame.len() > self.bytes_max {
            return;
        }
        self.bytes += frame.len();
        self.arrivals.push_back(Arrival {
            number,
            at: call.arrived,
            broker: call.broker,
            connection: call.conn.0,
            api_key: call.header.api_key,
            api_version: call.header.api_version,
            correlation_id: call.header.correlation_id,
            client_id: call.header.client_id.clone(),
            frame: frame.clone(),
        });
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.arrivals.pop_front() else { break };
            self.bytes -= oldest.frame.len();
        }
    }

    /// How many requests ever arrived.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The requests that are still there, oldest first.
    pub fn arrivals(&self) -> impl Iterator<Item = &Arrival> {
        self.arrivals.iter()
    }

    /// Forgets them.
    pub fn clear(&mut self) {
        self.arrivals.clear();
        self.bytes = 0;
    }
}
