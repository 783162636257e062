//! A producer that cannot send or has nothing to send costs next to nothing. These tests have a
//! process of their own, as they look at its clock ticks and threads.

#[path = "support/fake_broker.rs"]
mod fake_broker;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use fake_broker::FakeBroker;
use ottla::Record;
use run::Run;

/// Each test looks at the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The kernel counts CPU time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

/// User and system time of this process, from /proc/self/stat.
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let fields: Vec<&str> = fields.split(' ').collect();
    let ticks: u32 = fields[11..13].iter().map(|field| field.parse::<u32>().unwrap()).sum();
    TICK * ticks
}

#[test]
fn all_brokers_down_cost_at_most_a_twentieth_of_a_core() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (broker, _) = FakeBroker::kafka();
    let settings = [("delivery.timeout.ms", "2000"), ("request.timeout.ms", "1000")];
    let run = Run::new(&broker.bootstrap(), &settings);
    let mut thread = run.thread();
    thread.send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    drop(broker);
    let (start, before) = (Instant::now(), cpu_time());
    thread.send(&Record { topic: "t", ..Record::default() }).unwrap();
    // Ends when the record is given up.
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let (took, cost) = (start.elapsed(), cpu_time() - before);
    assert!(took >= Duration::from_secs(2) && run.reports()[1].error.is_some());
    assert!(cost <= took / 20 + TICK, "{cost:?} of CPU in {took:?}");
}

/// How often the library's threads have been woken, from /proc/self/task.
fn wake_ups() -> Vec<(String, String)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let status = |task: std::io::Result<std::fs::DirEntry>| {
        let status = std::fs::read_to_string(task.unwrap().path().join("status")).ok()?;
        let line = |name: &str| status.lines().find_map(|l| l.strip_prefix(name)).map(str::trim);
        let thread = line("Name:")?.to_owned();
        let count = line("voluntary_ctxt_switches:")?.to_owned();
        thread.starts_with("ottla-").then_some((thread, count))
    };
    tasks.filter_map(status).collect()
}

/// As `wake_ups`, once the threads have done what there was to do.
fn calm() -> Vec<(String, String)> {
    let limit = Instant::now() + Duration::from_secs(10);
    let mut before = wake_ups();
    loop {
        std::thread::park_timeout(Duration::from_millis(200));
        let now = wake_ups();
        if now == before {
            return now;
        }
        assert!(Instant::now() < limit, "the threads do not come to rest: {now:?}");
        before = now;
    }
}

#[test]
fn nothing_wakes_up_in_a_producer_that_has_nothing_to_do() {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let (broker, _) = FakeBroker::kafka();
    // With a callback on a thread of the library, and with threads that compress.
    let run = Run::new(&broker.bootstrap(), &[("compression.type", "lz4")]);
    let mut thread = run.thread();
    for _ in 0..10 {
        thread.send(&Record { topic: "t", value: Some(&[0; 1000]), ..Record::default() }).unwrap();
    }
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    let before = calm();
    for thread in ["ottla-io", "ottla-reports", "ottla-compress-"] {
        assert!(before.iter().any(|(name, _)| name == thread), "no {thread}: {before:?}");
    }
    // There is no event to wait for: what counts is that there is none.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(wake_ups(), before);
}
