//! Nothing is allocated per record: sending into a batch that has room, and reading reports.

#[path = "support/fake_broker.rs"]
mod fake_broker;

use std::time::Duration;

use fake_broker::FakeBroker;
use ottla::{Config, Header, Hooks, Producer, Record};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const RECORDS: u64 = 1000;

/// Allocations of the whole process while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = dhat::HeapStats::get().total_blocks;
    work();
    dhat::HeapStats::get().total_blocks - before
}

/// Waits until the I/O thread, which a new batch wakes, has looked at it and sleeps: what it needs
/// for a round is not what is counted.
fn wait_for_sleep(producer: &Producer) {
    let rounds = || {
        let metrics = serde_json::from_str(&producer.metrics_json());
        let metrics: serde_json::Value = metrics.unwrap();
        metrics["io-round-total"].as_u64().unwrap()
    };
    // There is no event to wait for: what counts is that nothing happens for a while.
    for _ in 0..100 {
        let before = rounds();
        std::thread::sleep(Duration::from_millis(100));
        if rounds() == before {
            return;
        }
    }
    panic!("the I/O thread never sleeps");
}

#[test]
fn a_record_costs_no_allocation_from_send_to_report() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let (broker, _) = FakeBroker::kafka();
    let mut config = Config::new();
    // Two large batches, which nobody looks at until flush.
    let settings = [("batch.size", "400000"), ("linger.ms", "60000")];
    config.set("bootstrap.servers", &broker.bootstrap()).unwrap();
    settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
    let producer = Producer::new(&config, Hooks::default()).unwrap();
    let headers = [Header { name: "a", value: Some(b"1") }, Header { name: "b", value: None }];
    let send = |opaque: u64| {
        let value = [7; 100];
        let key = opaque.is_multiple_of(2).then_some(&b"key"[..]);
        let record = Record { topic: "t", key, value: Some(&value), opaque, ..Record::default() };
        producer.send(&Record { headers: &headers, ..record }).unwrap();
    };
    let read = || {
        let mut count = 0;
        while count < RECORDS {
            let timeout = Some(Duration::from_secs(10));
            count += producer.poll_reports(64, timeout, |_| ()).unwrap() as u64;
        }
    };

    // The first round makes what later ones use again: the topic, buffers, blocks for reports.
    (0..RECORDS).for_each(send);
    producer.flush(Some(Duration::from_secs(10))).unwrap();
    read();

    send(0);
    wait_for_sleep(&producer);
    let sending = allocations(|| (1..RECORDS).for_each(send));
    assert_eq!(sending, 0, "while {RECORDS} records were sent into a batch with room");
    producer.flush(Some(Duration::from_secs(10))).unwrap();
    let reading = allocations(read);
    assert_eq!(reading, 0, "while {RECORDS} reports were read");
    assert!(allocations(|| drop(std::hint::black_box(vec![1]))) > 0, "the counter counts");
}
