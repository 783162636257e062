//! System calls per record at full speed: the threads of a producer meet per batch and talk to
//! brokers per request, so that a record costs next to none.

use std::process::Command;

use ottla::broker::{Cluster, ClusterConfig};

const RECORDS: u64 = 500_000;

/// System calls of `ottla perf` with the arguments, all threads together, as strace counts them.
fn calls(records: u64, bootstrap: &str) -> u64 {
    let records = records.to_string();
    let counts = std::env::temp_dir().join(format!("ottla-calls-{}", std::process::id()));
    let output = Command::new("strace")
        .args(["-f", "-c", "-U", "calls,name", "-o"])
        .arg(&counts)
        .args([env!("CARGO_BIN_EXE_ottla"), "perf", "--bootstrap-servers", bootstrap])
        .args(["--topic", "letters", "--record-size", "100", "--num-records", &records])
        .output()
        .expect("strace counts system calls: install it (scripts/bootstrap.sh strace)");
    assert!(output.status.success(), "{output:?}");
    let table = std::fs::read_to_string(&counts).expect("strace wrote it");
    let _ = std::fs::remove_file(&counts);
    let total = table.lines().find(|line| line.trim_end().ends_with(" total"));
    let total = total.and_then(|line| line.split_whitespace().next());
    total.and_then(|count| count.parse().ok()).unwrap_or_else(|| panic!("no total in {table}"))
}

#[test]
fn a_hundred_records_of_100_bytes_cost_less_than_two_system_calls() {
    let cluster = Cluster::start(ClusterConfig::default()).expect("the cluster starts");
    cluster.create_topic("letters", 12).expect("the topic is new");
    let bootstrap = cluster.bootstrap_servers();
    // The start of the process, of connections and threads is not of the records.
    let once = calls(1, &bootstrap);
    let many = calls(RECORDS, &bootstrap);
    let per_record = many.saturating_sub(once) as f64 / RECORDS as f64;
    println!("{per_record} system calls a record, and {once} whatever is sent");
    assert!(once > 50, "strace counts: a process makes some calls before it sends");
    assert!(per_record < 0.02, "{many} for {RECORDS} records");
}
