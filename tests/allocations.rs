//! Nothing is allocated per record, from its send to its report; what a batch and its request cost
//! does not grow with their records.

// The allocator and the C API take it.
#![allow(unsafe_code)]

#[path = "allocations/c_way.rs"]
mod c_way;
#[path = "support/fake_broker.rs"]
mod fake_broker;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use c_way::CWay;
use fake_broker::FakeBroker;
use ottla::{Config, Header, Hooks, Producer, Record};

/// Counts what the process allocates, but for the threads of the broker.
struct Counting;

static COUNT: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static IS_BROKER: Cell<bool> = const { Cell::new(false) };
}

fn count() {
    COUNT.fetch_add(u64::from(!IS_BROKER.get()), Ordering::Relaxed);
}

// SAFETY: it is the system's allocator, and counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise.
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const RECORDS: u64 = 1000;
const KEY: &[u8] = b"key";
const HEADERS: [(&str, Option<&[u8]>); 2] = [("a", Some(b"1")), ("b", None)];
const TEN_SECONDS: Option<Duration> = Some(Duration::from_secs(10));

/// The numbers of records that are sent in a batch, and how many such batches.
const SIZES: [u64; 3] = [100, 1000, 5000];
const BATCHES: u64 = 20;
/// What a batch, its request, the answer and a flush may take; it is about 18.
const BATCH_MAX: u64 = 40;

/// Allocations of the whole process while `work` runs.
fn allocations(work: impl FnOnce()) -> u64 {
    let before = COUNT.load(Ordering::SeqCst);
    work();
    COUNT.load(Ordering::SeqCst) - before
}

/// A broker whose threads are known as such from their first answer on.
fn broker() -> FakeBroker {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.hostile.lock().unwrap() = Some(Arc::new(|_, answer, stream| {
        IS_BROKER.set(true);
        stream.write_all(&answer).is_ok()
    }));
    broker
}

/// Batches have room for all records, and nobody looks at them until flush.
fn settings(broker: &FakeBroker) -> Vec<(String, String)> {
    let bootstrap = broker.bootstrap();
    [("bootstrap.servers", &*bootstrap), ("batch.size", "1000000"), ("linger.ms", "60000")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

/// A language's way to a producer.
trait Way {
    /// Without a timestamp it is the time of the send.
    fn send(&self, opaque: u64, timestamp: Option<i64>);
    fn flush(&self);
    fn read(&self, count: u64);
    fn metrics(&self) -> String;
}

struct RustWay(Arc<Producer>);

impl RustWay {
    fn new(settings: &[(String, String)]) -> RustWay {
        let mut config = Config::new();
        settings.iter().for_each(|(key, value)| config.set(key, value).unwrap());
        RustWay(Producer::new(&config, Hooks::default()).unwrap())
    }
}

impl Way for RustWay {
    fn send(&self, opaque: u64, timestamp: Option<i64>) {
        let headers = HEADERS.map(|(name, value)| Header { name, value });
        let key = opaque.is_multiple_of(2).then_some(KEY);
        let record = Record { topic: "t", key, value: Some(&[7; 100]), ..Record::default() };
        self.0.send(&Record { headers: &headers, timestamp, opaque, ..record }).unwrap();
    }

    fn flush(&self) {
        self.0.flush(TEN_SECONDS).unwrap();
    }

    fn read(&self, count: u64) {
        let mut read = 0;
        while read < count {
            read += self.0.poll_reports(64, TEN_SECONDS, |_| ()).unwrap() as u64;
        }
    }

    fn metrics(&self) -> String {
        self.0.metrics_json()
    }
}

/// Waits until the I/O thread, which a new batch and a flush wake, has looked at it and sleeps:
/// what it needs for a round is not what is counted.
fn wait_for_sleep(way: &impl Way) {
    let rounds = || {
        let metrics: serde_json::Value = serde_json::from_str(&way.metrics()).unwrap();
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

/// Nothing at all, while a batch has room and nobody looks at it, and while reports are read.
fn sends_and_reports_cost_none(way: &impl Way) {
    // The first round makes what later ones use again: the topic, buffers, blocks for reports,
    // which here have room for as many create times as there are records.
    (0..RECORDS).for_each(|opaque| way.send(opaque, Some(opaque as i64)));
    way.flush();
    way.read(RECORDS);

    way.send(0, None);
    wait_for_sleep(way);
    let sending = allocations(|| (1..RECORDS).for_each(|opaque| way.send(opaque, None)));
    assert_eq!(sending, 0, "while {RECORDS} records were sent into a batch with room");
    way.flush();
    wait_for_sleep(way);
    let reading = allocations(|| way.read(RECORDS));
    assert_eq!(reading, 0, "while {RECORDS} reports were read");
}

/// A batch with all its records, from the first send to the last report.
fn whole_way(way: &impl Way, records: u64) {
    (0..records).for_each(|opaque| way.send(opaque, None));
    way.flush();
    way.read(records);
}

fn a_batch_costs_a_few_however_many_records_it_has(way: &impl Way) {
    let per_batch = SIZES.map(|records| {
        (0..3).for_each(|_| whole_way(way, records));
        allocations(|| (0..BATCHES).for_each(|_| whole_way(way, records))) / BATCHES
    });
    let few = per_batch.iter().all(|count| (1..=BATCH_MAX).contains(count));
    assert!(few, "{per_batch:?} allocations for batches of {SIZES:?} records");
}

fn check(way: &impl Way) {
    sends_and_reports_cost_none(way);
    a_batch_costs_a_few_however_many_records_it_has(way);
}

/// One test for both ways, as all threads are counted, also the one that runs tests.
#[test]
fn a_record_costs_no_allocation_from_send_to_report() {
    let broker = broker();
    check(&RustWay::new(&settings(&broker)));
    check(&CWay::new(&settings(&broker)));
}
