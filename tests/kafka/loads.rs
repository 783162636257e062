//! Many records from many threads.

use std::time::Duration;

use ottla::{Record, State};

use crate::cluster::{bootstrap, close_and_check, topic, topic_name};
use crate::run::Run;

/// Sends `count` records from each of `threads` threads; every tenth one names its partition and
/// every third has a key.
fn send_from(run: &Run, topic: &str, threads: u32, count: u32) {
    std::thread::scope(|scope| {
        for number in 0..threads {
            scope.spawn(move || {
                let mut thread = run.thread();
                for i in 0..count {
                    let value = format!("{number}/{i}");
                    let key = (i % 3 == 0).then_some(&value.as_bytes()[..1]);
                    let partition = (i % 10 == 0).then_some((i / 10 % 12) as i32);
                    let value = Some(value.as_bytes());
                    thread
                        .send(&Record { topic, partition, key, value, ..Record::default() })
                        .unwrap();
                }
            });
        }
    });
}

#[test]
#[ignore = "needs make test"]
fn two_hundred_thousand_records_of_four_threads_in_tiny_batches() {
    let topic = topic("load", 12);
    // Twenty thousand batches take a while on a small machine that runs the brokers, too.
    let settings = [("batch.size", "200"), ("linger.ms", "0"), ("delivery.timeout.ms", "300000")];
    let run = Run::new(&bootstrap(), &settings);
    send_from(&run, &topic, 4, 50_000);
    run.producer.flush(Some(Duration::from_secs(300))).unwrap();
    let failed = run.reports().into_iter().find(|report| report.state != State::Persisted);
    assert!(failed.is_none(), "{failed:?}");
    let log = close_and_check(&run, &[&topic]);
    assert_eq!(log.len(), 200_000);
}

#[test]
#[ignore = "needs make test"]
fn two_producers_do_not_disturb_each_other() {
    let names = [topic_name("first-producer"), topic_name("second-producer")];
    let runs = [(), ()].map(|()| Run::new(&bootstrap(), &[("linger.ms", "1")]));
    std::thread::scope(|scope| {
        for (run, topic) in runs.iter().zip(&names) {
            scope.spawn(|| send_from(run, topic, 2, 5000));
        }
    });
    for (run, topic) in runs.iter().zip(&names) {
        assert_eq!(close_and_check(run, &[topic]).len(), 10_000);
    }
}

#[test]
#[ignore = "needs make test"]
fn one_producer_serves_many_topics() {
    let names: Vec<String> = (0..5).map(|i| topic_name(&format!("many-{i}"))).collect();
    let run = Run::new(&bootstrap(), &[]);
    std::thread::scope(|scope| {
        for topic in &names {
            scope.spawn(|| send_from(&run, topic, 1, 2000));
        }
    });
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(close_and_check(&run, &names).len(), 10_000);
}
