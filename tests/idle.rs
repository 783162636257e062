//! A producer without any broker costs next to no CPU. It has a process of its own, as it looks at
//! the process's clock ticks.

#[path = "support/fake_broker.rs"]
mod fake_broker;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::time::{Duration, Instant};

use fake_broker::FakeBroker;
use ottla::Record;
use run::Run;

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
