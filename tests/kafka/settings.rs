//! Settings do what they say, and the oracle holds under each.

use std::time::{Duration, Instant};

use ottla::{Record, State};

use crate::cluster::{bootstrap, close_and_check, read_all_of, topic, topic_name};
use crate::oracle::Logged;
use crate::run::Run;

/// Without idempotence a retry keeps the order only so.
const IN_ORDER: (&str, &str) = ("max.in.flight.requests.per.connection", "1");
const WARM_UP: &[u8] = b"warm-up";
const WARM_UPS: i32 = 12;
const TEN_SECONDS: Option<Duration> = Some(Duration::from_secs(10));

/// Brokers lead new partitions a moment after they say so: what is sent without acks in between is
/// lost, and without idempotence the order. So one record goes to each partition beforehand.
fn warm_topic(name: &str) -> String {
    let topic = topic(name, WARM_UPS);
    let run = Run::new(&bootstrap(), &[]);
    for partition in 0..WARM_UPS {
        let record = Record { topic: &topic, key: Some(WARM_UP), ..Record::default() };
        run.producer.send(&Record { partition: Some(partition), ..record }).unwrap();
    }
    run.producer.close(TEN_SECONDS).unwrap();
    assert!(run.reports().iter().all(|report| report.state == State::Persisted));
    topic
}

/// Sends `count` records to a topic of twelve partitions and has the oracle look.
fn send(name: &str, settings: &[(&str, &str)], count: u32) -> (Run, Vec<Logged>) {
    send_values(name, settings, count, |i| format!("{i:060}").into_bytes())
}

/// As `send`, of the values that `value` makes.
fn send_values(
    name: &str,
    settings: &[(&str, &str)],
    count: u32,
    value: impl Fn(u32) -> Vec<u8>,
) -> (Run, Vec<Logged>) {
    let topic = warm_topic(name);
    let run = Run::new(&bootstrap(), settings);
    let mut thread = run.thread();
    for i in 0..count {
        let (key, value) = ((i % 50).to_be_bytes(), value(i));
        let key = (i % 3 != 0).then_some(&key[..]);
        let record = Record { topic: &topic, key, value: Some(&value), ..Record::default() };
        thread.send(&record).unwrap();
    }
    drop(thread);
    run.producer.close(Some(Duration::from_secs(60))).unwrap();
    let mut log = read_all_of(&topic, WARM_UPS as usize + count as usize);
    log.retain(|record| record.content.key.as_deref() != Some(WARM_UP));
    run.history(log.clone()).check();
    assert_eq!(log.len(), count as usize);
    (run, log)
}

fn all_persisted(run: &Run) {
    assert!(run.reports().iter().all(|report| report.state == State::Persisted));
}

#[test]
#[ignore = "needs make test"]
fn without_acks_all_that_is_known_is_possibly() {
    let (run, _) = send("acks-0", &[("acks", "0"), ("enable.idempotence", "false")], 5000);
    for report in run.reports() {
        assert!(report.state == State::PossiblyPersisted && report.error.is_none());
        assert_eq!(report.offset, -1);
    }
}

#[test]
#[ignore = "needs make test"]
fn one_ack_is_enough() {
    all_persisted(
        &send("acks-1", &[IN_ORDER, ("acks", "1"), ("enable.idempotence", "false")], 5000).0,
    );
}

#[test]
#[ignore = "needs make test"]
fn all_acks_without_idempotence() {
    all_persisted(
        &send("acks-all", &[IN_ORDER, ("acks", "all"), ("enable.idempotence", "false")], 5000).0,
    );
}

#[test]
#[ignore = "needs make test"]
fn one_request_in_flight() {
    let settings = [("max.in.flight.requests.per.connection", "1"), ("linger.ms", "0")];
    all_persisted(&send("in-flight-1", &settings, 5000).0);
}

#[test]
#[ignore = "needs make test"]
fn a_batch_size_of_one_is_a_batch_a_record() {
    let settings = [("batch.size", "1"), ("linger.ms", "0")];
    let (run, _) = send("batch-1", &settings, 1000);
    all_persisted(&run);
    let metrics = run.metrics();
    assert!(metrics["batch-send-total"].as_u64() >= Some(1000), "{metrics}");
}

const CODECS: [(&str, &str, &str); 5] = [
    ("gzip", "compression.gzip.level", "9"),
    ("snappy", "compression.threads", "1"),
    ("lz4", "compression.lz4.level", "9"),
    ("lz4", "compression.lz4.level", "12"),
    ("zstd", "compression.zstd.level", "3"),
];

#[test]
#[ignore = "needs make test"]
fn kafka_reads_what_each_codec_wrote() {
    for (codec, key, value) in CODECS {
        let settings = [("compression.type", codec), (key, value)];
        let (run, log) = send(&format!("{codec}-{value}"), &settings, 20_000);
        all_persisted(&run);
        let metrics = run.metrics();
        assert!(metrics["byte-total"].as_u64() < Some(20_000 * 40), "{codec}: {metrics}");
        assert_eq!(metrics["buffer-available-bytes"], metrics["buffer-total-bytes"]);
        assert_eq!(log.len(), 20_000);
    }
}

/// Half words, which every codec makes shorter, and half noise, which none does.
pub fn letter(number: u32, len: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number.into());
    let words = b"a word, ".iter().copied().cycle().take(len / 2);
    words.chain(std::iter::repeat_with(|| random.u8(..))).take(len).collect()
}

/// Snappy's blocks have 32 KiB, lz4's 64 KiB.
#[test]
#[ignore = "needs make test"]
fn kafka_reads_batches_of_several_of_a_codecs_blocks() {
    const COUNT: u32 = 2000;
    const LEN: usize = 4096;
    for (codec, key, value) in CODECS {
        // Batches go when they are full, and in the end.
        let settings = [("linger.ms", "60000"), ("batch.size", "1048576")];
        let settings = [&settings[..], &[("compression.type", codec), (key, value)]].concat();
        let name = format!("blocks-{codec}-{value}");
        let (run, _) = send_values(&name, &settings, COUNT, |i| letter(i, LEN));
        all_persisted(&run);
        let metrics = run.metrics();
        let count = |name: &str| metrics[name].as_u64().unwrap();
        let raw = u64::from(COUNT) * LEN as u64;
        assert!(count("byte-total") < raw * 3 / 4, "{codec}: {metrics}");
        assert!(raw / count("batch-send-total") > 2 * 65536, "{codec}: {metrics}");
    }
}

#[test]
#[ignore = "needs make test"]
fn sends_block_for_memory_and_go_on() {
    let settings = [("buffer.memory", "20000"), ("batch.size", "4000"), ("linger.ms", "60000")];
    let start = Instant::now();
    let (run, _) = send("small-memory", &settings, 5000);
    all_persisted(&run);
    let metrics = run.metrics();
    assert_eq!(metrics["buffer-available-bytes"], 20_000, "{metrics}");
    // Whoever waits for memory makes batches go at once, however long they may linger.
    assert!(start.elapsed() < Duration::from_secs(300), "{:?}", start.elapsed());
}

/// Waits for a report; a pull may also end because of other news.
fn pull_one(run: &Run) {
    let limit = Instant::now() + Duration::from_secs(20);
    while run.pull(1, Duration::from_secs(1)).unwrap() == 0 {
        assert!(Instant::now() < limit, "no report");
    }
}

#[test]
#[ignore = "needs make test"]
fn a_batch_lingers_and_a_full_one_does_not() {
    let topic = topic_name("linger");
    let settings = [("linger.ms", "3000"), ("batch.size", "2000")];
    let run = Run::pulling(&bootstrap(), &settings);
    run.producer.partitions_for(&topic, TEN_SECONDS).unwrap();
    let mut thread = run.thread();
    let record = Record { topic: &topic, partition: Some(0), ..Record::default() };
    // The first one also waits for the producer id; it is not measured.
    thread.send(&record).unwrap();
    run.producer.flush(TEN_SECONDS).unwrap();
    pull_one(&run);
    let start = Instant::now();
    thread.send(&record).unwrap();
    pull_one(&run);
    assert!(start.elapsed() >= Duration::from_secs(3), "lingered {:?}", start.elapsed());
    let start = Instant::now();
    for _ in 0..5 {
        thread.send(&Record { value: Some(&[1; 900]), ..record }).unwrap();
    }
    pull_one(&run);
    assert!(start.elapsed() < Duration::from_secs(3), "took {:?}", start.elapsed());
    drop(thread);
    run.producer.flush(TEN_SECONDS).unwrap();
    while run.pull(10, Duration::ZERO).unwrap() > 0 {}
    close_and_check(&run, &[&topic]);
}
