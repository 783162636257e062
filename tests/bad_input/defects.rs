//! A defect of the library that ends its I/O thread: nobody hangs, and every record is told of.

use std::time::Duration;

use ottla::{ErrorCode, Record, State};

use crate::fake_broker::{FakeBroker, PRODUCE};
use crate::run::Run;
use crate::{says, takes};

#[test]
fn a_panic_of_the_io_thread_leaves_no_record_untold_and_nobody_waiting() {
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.mute.lock().unwrap() = Some(PRODUCE);
    let run = Run::new(&broker.bootstrap(), &[("buffer.memory", "40000"), ("batch.size", "1000")]);
    let record = Record { topic: "t", value: Some(&[0; 900]), ..Record::default() };
    run.producer.partitions_for("t", Some(Duration::from_secs(10))).unwrap();
    let mut thread = run.thread();
    let at_once = |record: &Record<'_>| run.producer.send_timeout(record, Some(Duration::ZERO));
    while thread.write_down(&record, at_once).is_ok() {}
    let wait = Some(Duration::from_secs(60));
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| run.producer.flush(wait));
        let send = scope.spawn(|| run.producer.send_timeout(&record, wait));
        while !run.producer.metrics_json().contains("\"waiting-threads\":1") {
            std::thread::yield_now();
        }
        run.producer.panic_io_thread();
        flush.join().unwrap().unwrap();
        let error = send.join().unwrap().unwrap_err();
        assert_eq!(error.code(), ErrorCode::INTERNAL, "{error}");
    });
    let error = run.producer.send(&record).unwrap_err();
    assert!(error.is_fatal(), "{error}");
    says(error.message(), &["the I/O thread panicked", "nothing more can be sent"]);
    drop(thread);
    takes(Duration::ZERO, || run.producer.close(None)).unwrap();
    assert!(run.reported() >= 30);
    for report in run.reports() {
        assert_eq!(report.error.as_ref().unwrap().code(), ErrorCode::INTERNAL);
        assert_ne!(report.state, State::Persisted);
    }
    run.history(Vec::new()).check();
}
