//! Sends four records and shows what happened to each:
//! `cargo run --example produce -- HOST:PORT TOPIC`.

use std::time::Duration;

use ottla::producer::OwnedReport;
use ottla::{Config, Header, Hooks, Producer, Record};

fn main() -> ottla::Result<()> {
    let args: Vec<String> = std::env::args().collect();
    let [_, servers, topic] = args.as_slice() else {
        eprintln!("usage: produce HOST:PORT TOPIC");
        std::process::exit(2);
    };
    let mut config = Config::new();
    config.set("bootstrap.servers", servers)?;

    let show = |report: &OwnedReport| match &report.error {
        None => println!(
            "record {}: {}-{} at offset {}",
            report.opaque, report.topic, report.partition, report.offset
        ),
        Some(error) => println!("record {}: {:?}: {error}", report.opaque, report.state),
    };
    let hooks = Hooks { reports: Some(Box::new(show)), ..Hooks::default() };
    let producer = Producer::new(&config, hooks)?;

    let headers =
        [Header { name: "from", value: Some(b"Franz") }, Header { name: "note", value: None }];
    let record = Record { topic, ..Record::default() };
    producer.send(&Record {
        key: Some(b"ottla"),
        value: Some(b"a letter"),
        headers: &headers,
        timestamp: Some(1_709_251_200_000),
        opaque: 1,
        ..record
    })?;
    producer.send(&Record { value: Some(b"a postcard without a key"), opaque: 2, ..record })?;
    producer.send(&Record {
        key: Some(b"ottla"),
        headers: &[Header { name: "empty", value: Some(b"") }],
        timestamp: Some(1_709_251_200_001),
        opaque: 3,
        ..record
    })?;
    producer.send(&Record { key: Some(b""), value: Some(b""), opaque: 4, ..record })?;

    producer.flush(Some(Duration::from_secs(30)))?;
    producer.close(Some(Duration::from_secs(30)))
}
