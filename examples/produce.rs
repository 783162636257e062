//! Sends four records and shows what happened to each:
//! `cargo run --example produce -- HOST:PORT TOPIC`.

use std::time::Duration;

use ottla::producer::OwnedReport;
use ottla::{Config, Header, Hooks, Producer, Record};

fn main() -> ottla::Result<()> {
    let mut args = std::env::args().skip(1);
    let (servers, topic) = (args.next(), args.next());
    let (Some(servers), Some(topic)) = (servers, topic) else {
        eprintln!("usage: produce HOST:PORT TOPIC");
        std::process::exit(2);
    };
    let mut config = Config::new();
    config.set("bootstrap.servers", &servers)?;
    let show = |report: &OwnedReport| match &report.error {
        None => {
            println!("{}: {}-{}@{}", report.opaque, report.topic, report.partition, report.offset)
        }
        Some(error) => println!("{}: {error}", report.opaque),
    };
    let hooks = Hooks { reports: Some(Box::new(show)), ..Hooks::default() };
    let producer = Producer::new(&config, hooks)?;
    let headers =
        [Header { name: "trace", value: Some(b"abc") }, Header { name: "null", value: None }];
    let record = Record { topic: &topic, ..Record::default() };
    producer.send(&Record { key: Some(b"k1"), value: Some(b"hello"), opaque: 1, ..record })?;
    producer.send(&Record {
        key: Some(b"k1"),
        value: None,
        headers: &headers,
        opaque: 2,
        ..record
    })?;
    producer.send(&Record {
        value: Some(b""),
        timestamp: Some(1_700_000_000_000),
        opaque: 3,
        ..record
    })?;
    producer.send(&Record { value: Some(b"no key"), opaque: 4, ..record })?;
    producer.flush(Some(Duration::from_secs(10)))?;
    producer.close(Some(Duration::from_secs(10)))
}
