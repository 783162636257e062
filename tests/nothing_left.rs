//! Closing leaves nothing behind. It has a process of its own, as it counts threads and fds.

#[path = "support/fake_broker.rs"]
mod fake_broker;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::time::{Duration, Instant};

use fake_broker::FakeBroker;
use ottla::{ErrorCode, Record};
use run::Run;

/// The threads of this process that are the library's own.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.starts_with("ottla-")).collect()
}

fn fds() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[test]
fn closing_with_an_unreachable_cluster_is_in_time_and_leaves_no_thread_and_no_fd() {
    let before = fds();
    let time = Duration::from_millis(500);
    for settings in [[].as_slice(), &[("bootstrap.servers", "localhost:1")]] {
        let (broker, _) = FakeBroker::kafka();
        let run = Run::new(&broker.bootstrap(), settings);
        run.producer.event_fd().unwrap();
        let known = run.producer.partitions_for("t", Some(time)).is_ok();
        drop(broker);
        let mut accepted = 0;
        for _ in 0..if known { 50 } else { 0 } {
            run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
            accepted += 1;
        }
        assert!(threads().len() >= 2, "{:?}", threads());
        let start = Instant::now();
        let closed = run.producer.close(Some(time));
        assert!(start.elapsed() < time + Duration::from_millis(250), "{:?}", start.elapsed());
        let code = closed.err().map(|error| error.code());
        assert_eq!(code, known.then_some(ErrorCode::CLOSED_FORCEFULLY));
        assert_eq!((run.reported(), threads()), (accepted, Vec::new()));
    }
    // The scripted broker's own threads may need a moment to let go.
    let limit = Instant::now() + Duration::from_secs(10);
    while fds() != before {
        assert!(Instant::now() < limit, "{} fds of {before} are left", fds());
        std::thread::yield_now();
    }
}
