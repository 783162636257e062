//! What the embedded cluster costs: its start, its end, and how much it takes in.
//!
//! `cargo bench --bench cluster` prints one line each. The intake is that of a client that does
//! nothing but write bytes made beforehand, so that the cluster is the limit: 1 KB records in 1 MiB
//! batches, checked, with `retention.bytes=0` and one replica.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{ProduceRequest, RequestHeader, TopicName};
use kafka_protocol::protocol::{Encodable, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, Record, RecordBatchEncoder, RecordEncodeOptions,
    TimestampType,
};
use ottla::broker::{Cluster, ClusterConfig};
use ottla::producer::OwnedReport;
use ottla::{Config, Hooks, Producer, Record as Sent};

const RECORD_BYTES: usize = 1024;
const BATCH_BYTES_MAX: usize = 1 << 20;
const VERSION: i16 = 9;
const TOPIC: &str = "intake";
const INTAKE_FOR: Duration = Duration::from_secs(3);

fn main() {
    starts();
    at_once();
    for (connections, in_flight) in [(1, 1), (1, 5), (2, 5), (4, 5)] {
        intake(connections, in_flight, 1, 1);
    }
    intake(2, 5, 2, 2);
    producer();
}

/// How long a cluster of three brokers takes to start, and to end.
fn starts() {
    let mut times: Vec<(Duration, Duration)> = (0..300)
        .map(|_| {
            let before = Instant::now();
            let cluster = Cluster::start(ClusterConfig::brokers(3).topic(TOPIC, 12)).unwrap();
            let started = before.elapsed();
            drop(cluster);
            (started, before.elapsed() - started)
        })
        .collect();
    times.sort_unstable();
    let ends = times.iter().map(|(_, end)| *end);
    println!(
        "start of 3 brokers and 12 partitions: median {:?}, 99% {:?}, slowest {:?}; end: slowest \
         {:?}",
        times[150].0,
        times[297].0,
        times[299].0,
        ends.max().unwrap_or_default(),
    );
}

/// How long many clusters take that live at the same time.
fn at_once() {
    let before = Instant::now();
    let clusters: Vec<Cluster> =
        (0..36).map(|_| Cluster::start(ClusterConfig::brokers(3)).unwrap()).collect();
    let started = before.elapsed();
    drop(clusters);
    println!("36 clusters of 3 brokers: up after {started:?}, gone after {:?}", before.elapsed());
}

/// One batch of records without a producer id.
fn batch() -> Bytes {
    let value = Bytes::from(vec![b'x'; RECORD_BYTES]);
    let record = |at: usize| Record {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id: -1,
        producer_epoch: -1,
        timestamp_type: TimestampType::Creation,
        offset: at as i64,
        sequence: at as i32 - 1,
        timestamp: 1_700_000_000_000,
        key: None,
        value: Some(value.clone()),
        headers: Default::default(),
    };
    // A record has at most 12 bytes beside its value.
    let records: Vec<Record> = (0..BATCH_BYTES_MAX / (RECORD_BYTES + 12)).map(record).collect();
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, &records, &options).unwrap();
    assert!(bytes.len() <= BATCH_BYTES_MAX);
    bytes.freeze()
}

/// A whole request with its length.
fn request(partition: i32, batch: Bytes) -> Vec<u8> {
    let part = PartitionProduceData::default().with_index(partition).with_records(Some(batch));
    let topic = TopicProduceData::default()
        .with_name(TopicName(StrBytes::from_static_str(TOPIC)))
        .with_partition_data(vec![part]);
    let body = ProduceRequest::default()
        .with_acks(-1)
        .with_timeout_ms(10_000)
        .with_topic_data(vec![topic]);
    let mut frame = BytesMut::new();
    frame.put_u32(0);
    let header = RequestHeader::default()
        .with_request_api_key(0)
        .with_request_api_version(VERSION)
        .with_client_id(Some(StrBytes::from_static_str("bench")));
    header.encode(&mut frame, 2).unwrap();
    body.encode(&mut frame, VERSION).unwrap();
    let length = frame.len() as u32 - 4;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    frame.to_vec()
}

/// Takes the answers to what was asked, and looks that each has no error.
fn answers(stream: &mut TcpStream, count: usize) {
    for _ in 0..count {
        let mut length = [0; 4];
        stream.read_exact(&mut length).unwrap();
        let mut frame = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut frame).unwrap();
        // Correlation id, tags, topics, the name, partitions, the index; then the error.
        let at = 4 + 1 + 1 + 1 + TOPIC.len() + 1 + 4;
        assert_eq!(frame[at..at + 2], [0, 0], "an error: {frame:?}");
    }
}

/// How many bytes of batches the cluster takes in a second.
fn intake(connections: usize, in_flight: usize, processors: usize, handlers: usize) {
    let mut config = ClusterConfig::brokers(1).topic(TOPIC, connections as i32);
    config.topic_defaults.retention_bytes = 0;
    config.processors = processors;
    config.handlers = handlers;
    let cluster = Cluster::start(config).unwrap();
    let address = cluster.bootstrap_servers();
    let batch = batch();
    let before = Instant::now();
    let bytes: usize = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|number| {
                let (frame, address) = (request(number as i32, batch.clone()), &address);
                let size = batch.len();
                scope.spawn(move || {
                    let mut stream = TcpStream::connect(address).unwrap();
                    stream.set_nodelay(true).unwrap();
                    let mut sent = 0;
                    while before.elapsed() < INTAKE_FOR {
                        if sent >= in_flight {
                            answers(&mut stream, 1);
                        }
                        stream.write_all(&frame).unwrap();
                        sent += 1;
                    }
                    answers(&mut stream, in_flight.min(sent));
                    sent * size
                })
            })
            .collect();
        clients.into_iter().map(|client| client.join().unwrap()).sum()
    });
    let seconds = before.elapsed().as_secs_f64();
    println!(
        "intake with {connections} connection(s), {in_flight} in flight, {processors} \
         processor(s), {handlers} handler(s): {:.2} GB/s",
        bytes as f64 / seconds / 1e9
    );
}

/// How many bytes this library's producer gets persisted in a second, idempotent and in the same
/// process.
fn producer() {
    let mut cluster = ClusterConfig::brokers(1).topic(TOPIC, 1);
    cluster.topic_defaults.retention_bytes = 0;
    let cluster = Cluster::start(cluster).unwrap();
    let settings = [("batch.size", "1048576"), ("max.request.size", "2097152"), ("linger.ms", "5")];
    let mut config = Config::new();
    config.set("bootstrap.servers", &cluster.bootstrap_servers()).unwrap();
    config.set("delivery.report.mode", "dispatch").unwrap();
    settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
    let persisted = Arc::new(AtomicU64::new(0));
    let count = persisted.clone();
    let reports = Box::new(move |report: &OwnedReport| {
        assert!(report.error.is_none(), "{report:?}");
        count.fetch_add(1, Ordering::Relaxed);
    });
    let hooks = Hooks { reports: Some(reports), ..Hooks::default() };
    let producer = Producer::new(&config, hooks).unwrap();
    let value = vec![b'x'; RECORD_BYTES];
    let before = Instant::now();
    while before.elapsed() < INTAKE_FOR {
        for _ in 0..100 {
            producer.send(&Sent { topic: TOPIC, value: Some(&value), ..Sent::default() }).unwrap();
        }
    }
    producer.flush(None).unwrap();
    let seconds = before.elapsed().as_secs_f64();
    let records = persisted.load(Ordering::Relaxed);
    let rate = records as f64 * RECORD_BYTES as f64 / seconds / 1e9;
    println!("this library's producer, idempotent, acks=all: {rate:.2} GB/s, {records} records");
}
