//! What the broker refuses fails with its reason, and alone.

use std::time::{Duration, Instant};

use ottla::{ErrorCode, Record, State};

use crate::cluster::{bootstrap, close_and_check, kafka, topic_with};
use crate::run::Run;
use crate::settings::letter;

#[test]
#[ignore = "needs make test"]
fn a_record_too_large_for_the_topic_fails_and_the_others_arrive_in_order() {
    let topic = topic_with("too-large", 3, "max.message.bytes=20000");
    let settings = [("linger.ms", "0"), ("max.in.flight.requests.per.connection", "5")];
    let run = Run::new(&bootstrap(), &settings);
    let large = vec![1; 30_000];
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut thread = run.thread();
                for i in 0..1000u32 {
                    let small = i.to_be_bytes();
                    let value = if i % 100 == 50 { &large[..] } else { &small[..] };
                    let partition = Some((i % 3) as i32);
                    let value = Some(value);
                    let record = Record { topic: &topic, partition, value, ..Record::default() };
                    thread.send(&record).unwrap();
                }
            });
        }
    });
    let log = close_and_check(&run, &[&topic]);
    // A small one that shares a large one's batch goes again without it.
    assert_eq!(log.len(), 2970);
    for error in run.reports().into_iter().filter_map(|report| report.error) {
        assert_eq!(error.code(), ErrorCode::MESSAGE_TOO_LARGE, "{error}");
    }
}

#[test]
#[ignore = "needs make test"]
fn records_that_fit_alone_arrive_although_their_batch_does_not() {
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let name = format!("batch-too-large-{codec}");
        let topic = topic_with(&name, 1, "max.message.bytes=2000");
        let settings = [("linger.ms", "50"), ("batch.size", "5000"), ("compression.type", codec)];
        let run = Run::new(&bootstrap(), &settings);
        let mut thread = run.thread();
        for i in 0..1000 {
            let value = letter(i, 198);
            let value = Some(&value[..]);
            thread.send(&Record { topic: &topic, value, ..Record::default() }).unwrap();
        }
        drop(thread);
        let log = close_and_check(&run, &[&topic]);
        assert_eq!(log.len(), 1000, "{codec}");
        let metrics = run.metrics();
        assert!(metrics["batch-split-total"].as_u64() >= Some(20), "{codec}: {metrics}");
        // Each record goes in a batch that is refused and in a piece that is taken and is never
        // compressed. Only if the first is compressed, it is less than the values twice.
        let less_than_twice = metrics["byte-total"].as_u64() < Some(2 * 1000 * 198);
        assert_eq!(less_than_twice, codec != "none", "{codec}: {metrics}");
    }
}

#[test]
#[ignore = "needs make test"]
fn a_record_that_the_broker_refuses_for_what_it_is_has_its_own_reason() {
    let topic = topic_with("timestamp-limit", 1, "message.timestamp.before.max.ms=60000");
    let run = Run::new(&bootstrap(), &[("linger.ms", "300")]);
    let mut thread = run.thread();
    for i in 0..10u32 {
        let (value, timestamp) = (i.to_be_bytes(), (i == 4).then_some(1000));
        let record = Record { topic: &topic, timestamp, ..Record::default() };
        thread.send(&Record { value: Some(&value), ..record }).unwrap();
    }
    run.producer.flush(Some(Duration::from_secs(20))).unwrap();
    // The batch is refused as a whole, and each record knows whether it was the reason.
    for report in run.reports() {
        let error = report.error.unwrap();
        assert_eq!(report.state, State::NotPersisted);
        let code = match report.opaque {
            4 => ErrorCode::INVALID_TIMESTAMP,
            _ => ErrorCode::INVALID_RECORD,
        };
        assert_eq!(error.code(), code, "record {}: {error}", report.opaque);
    }
    for i in 10..20u32 {
        let value = i.to_be_bytes();
        thread.send(&Record { topic: &topic, value: Some(&value), ..Record::default() }).unwrap();
    }
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), 10);
}

#[test]
#[ignore = "needs make test"]
fn a_topic_deleted_while_producing_fails_with_a_reason() {
    // Partition 5 is gone for good, even if the topic comes back by itself with fewer.
    let topic = topic_with("deleted", 40, "");
    let settings = [
        ("delivery.timeout.ms", "5000"),
        ("request.timeout.ms", "2000"),
        ("linger.ms", "0"),
        ("max.block.ms", "1000"),
    ];
    let run = Run::new(&bootstrap(), &settings);
    let mut thread = run.thread();
    let send = |thread: &mut crate::run::Thread<'_>| {
        let record = Record { topic: &topic, partition: Some(35), ..Record::default() };
        thread.send(&record)
    };
    send(&mut thread).unwrap();
    run.producer.flush(Some(Duration::from_secs(20))).unwrap();
    assert!(run.reports()[0].error.is_none());
    kafka(&["delete", &topic]);
    let limit = Instant::now() + Duration::from_secs(30);
    // Sends go on until they are refused, or a report says what happened.
    let failed = loop {
        assert!(Instant::now() < limit, "nobody noticed");
        if let Err(error) = send(&mut thread) {
            break Some(error);
        }
        run.producer.flush(Some(Duration::from_secs(20))).unwrap();
        if let Some(report) = run.reports().iter().find(|report| report.error.is_some()) {
            break report.error.clone();
        }
    };
    let error = failed.unwrap();
    let text = error.to_string();
    assert!(text.contains("UNKNOWN_TOPIC") || text.contains("no partition 35"), "{text}");
    drop(thread);
    run.producer.close(Some(Duration::from_secs(20))).unwrap();
    let all = run.history(Vec::new()).violations();
    // The log is gone with the topic; nothing else is wrong.
    assert!(all.iter().all(|violation| violation.contains("is not there")), "{all:?}");
}
