//! The other calls: flush, close, partitions_for, and sends that name what is not there.

use std::time::{Duration, Instant};

use ottla::{ErrorCode, Record, State};

use crate::cluster::{bootstrap, close_and_check, kafka, topic, topic_name};
use crate::run::Run;

const TEN_SECONDS: Option<Duration> = Some(Duration::from_secs(10));

#[test]
#[ignore = "needs make test"]
fn flush_does_not_linger_and_leaves_nothing_unreported() {
    let topic = topic_name("flush");
    let run = Run::new(&bootstrap(), &[("linger.ms", "60000")]);
    run.producer.flush(Some(Duration::ZERO)).unwrap();
    for round in 1..=20 {
        let mut thread = run.thread();
        for i in 0..100u32 {
            let value = i.to_be_bytes();
            let record = Record { topic: &topic, value: Some(&value), ..Record::default() };
            thread.send(&record).unwrap();
        }
        run.producer.flush(TEN_SECONDS).unwrap();
        assert_eq!(run.reported(), round * 100);
    }
    assert!(run.reports().iter().all(|report| report.state == State::Persisted));
    assert_eq!(close_and_check(&run, &[&topic]).len(), 2000);
}

#[test]
#[ignore = "needs make test"]
fn several_threads_may_flush_while_others_send() {
    let topic = topic_name("flushes");
    let run = Run::new(&bootstrap(), &[("linger.ms", "60000")]);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let mut thread = run.thread();
                for i in 0..1000u32 {
                    let value = i.to_be_bytes();
                    let record = Record { topic: &topic, value: Some(&value), ..Record::default() };
                    thread.send(&record).unwrap();
                    if i % 100 == 0 {
                        run.producer.flush(TEN_SECONDS).unwrap();
                    }
                }
            });
        }
    });
    assert_eq!(close_and_check(&run, &[&topic]).len(), 3000);
}

#[test]
#[ignore = "needs make test"]
fn close_sends_what_is_there_even_with_threads_that_go_on_sending() {
    let topic = topic_name("close");
    let run = Run::new(&bootstrap(), &[("linger.ms", "60000")]);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut thread = run.thread();
                let record = Record { topic: &topic, value: Some(b"v"), ..Record::default() };
                let error = loop {
                    match thread.send(&record) {
                        // Nobody reads before a thousand are there, which can take a while.
                        Err(error) if error.code() == ErrorCode::REPORTS_FULL => {
                            std::thread::yield_now();
                        }
                        Err(error) => break error,
                        Ok(_) => {}
                    }
                };
                assert_eq!(error.code(), ErrorCode::CLOSED, "{error}");
            });
        }
        let limit = Instant::now() + Duration::from_secs(20);
        while run.reported() < 1000 {
            assert!(Instant::now() < limit, "too few reports");
            std::thread::yield_now();
        }
        run.producer.close(TEN_SECONDS).unwrap();
    });
    let log = close_and_check(&run, &[&topic]);
    assert!(log.len() >= 1000);
    assert!(run.reports().iter().all(|report| report.state == State::Persisted));
}

#[test]
#[ignore = "needs make test"]
fn partitions_are_listed_with_their_leaders() {
    let topic = topic("listed", 5);
    let run = Run::new(&bootstrap(), &[]);
    let partitions = run.producer.partitions_for(&topic, TEN_SECONDS).unwrap();
    let described = kafka(&["describe", &topic]);
    assert_eq!(partitions.len(), 5);
    for (partition, leader) in partitions {
        let line = format!("Partition: {partition}\tLeader: {leader}\t");
        assert!(described.contains(&line), "{line} is missing in {described}");
    }
}

#[test]
#[ignore = "needs make test"]
fn a_partition_that_is_not_there_is_refused_and_nothing_hangs() {
    let topic = topic("out-of-range", 3);
    let run = Run::new(&bootstrap(), &[]);
    let mut thread = run.thread();
    let record = Record { topic: &topic, partition: Some(3), ..Record::default() };
    let start = Instant::now();
    let error = thread.send(&record).unwrap_err();
    assert_eq!(error.code(), ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    assert!(start.elapsed() < Duration::from_secs(5));
    thread.send(&Record { partition: Some(2), ..record }).unwrap();
    drop(thread);
    assert_eq!(close_and_check(&run, &[&topic]).len(), 1);
}
