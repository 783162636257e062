//! Bad input to the embedded cluster: configurations, commands and faults. Each is refused with its
//! own sentence, and the cluster lives on.

use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig, Fault, HELP};
use ottla::{ErrorCode, Record};

use crate::run::Run;
use crate::says;

#[test]
fn a_configuration_that_cannot_be_is_refused_and_the_key_is_named() {
    for (text, named) in [
        ("brokers", "`brokers` is not key=value"),
        ("=3", "unknown key ``"),
        ("broker=3", "unknown key `broker`; there are topic, auto.create.topics.enable"),
        ("brokers=-1", "`brokers` cannot be `-1`"),
        ("brokers=0", "brokers is 0; a cluster has 1 to 1000"),
        ("brokers=1001", "brokers is 1001"),
        ("brokers=99999999999999999999", "brokers"),
        ("port=65536", "`port` cannot be `65536`"),
        ("port=65535\nbrokers=2", "port is 65535; 2 brokers need ports up to 65536"),
        ("topic=:3", "topic"),
        ("topic=t:0", "partitions"),
        ("topic=t:2147483647", "partitions"),
        ("topic=a b:1", "a b"),
        ("topic=t:1\ntopic=t:1", "already exists"),
        ("num.io.threads=1000000", "num.io.threads must be 1 to 1000"),
        ("num.io.threads=18446744073709551615", "num.io.threads"),
        ("default.replication.factor=-1", "default.replication.factor is -1"),
        ("min.insync.replicas=0", "min.insync.replicas"),
        ("log.level=loud", "use error, warn, info or debug"),
    ] {
        let start = Instant::now();
        let started = ClusterConfig::parse(text).and_then(Cluster::start);
        let error = started.err().unwrap_or_else(|| panic!("{text} starts"));
        assert!(start.elapsed() < Duration::from_secs(1), "{text}: {:?}", start.elapsed());
        assert_eq!(error.code(), ErrorCode::CONFIGURATION, "{text}: {error}");
        says(error.message(), &[named]);
    }
}

/// Words that no command expects, or that are at the end of what one can expect.
const WORDS: [&str; 16] = [
    "",
    "0",
    "1",
    "-1",
    "2147483647",
    "-2147483648",
    "18446744073709551615",
    "99999999999999999999",
    "t",
    "tópico",
    "a\u{0}b",
    "1,,2",
    "=",
    "Produce=0-32767",
    "cut",
    "\u{202e}",
];

#[test]
fn no_line_whatever_it_says_ends_a_cluster_or_makes_it_hang() {
    let config = ClusterConfig { auto_create_topics: false, ..ClusterConfig::brokers(2) };
    let cluster = Cluster::start(config.topic("t", 1)).unwrap();
    let long = "x".repeat(1 << 16);
    let mut refused = 0;
    let mut obey = |line: String| {
        let start = Instant::now();
        let answer = cluster.obey(&line);
        assert!(start.elapsed() < Duration::from_secs(5), "{line}: {:?}", start.elapsed());
        if let Err(error) = answer {
            assert_ne!(error.code(), ErrorCode::INTERNAL, "{line}: {error}");
            assert!(!error.message().is_empty(), "{line}");
            refused += 1;
        }
    };
    let commands = HELP.lines().filter(|line| !line.starts_with(' '));
    let commands = commands.filter_map(|line| line.split_whitespace().next());
    for command in commands.chain(["dance", "", &long]) {
        obey(command.to_owned());
        for first in WORDS {
            for second in WORDS {
                obey(format!("{command} {first} {second}"));
                obey(format!("{command} t {first} {second}"));
            }
        }
    }
    assert!(refused > 5000, "{refused}");
    for line in ["heal", "quota none", "network 1 2 mend", "replicate t 0 1 yes"] {
        cluster.obey(line).unwrap();
    }
    for id in [1, 2] {
        for line in ["pretend", "start", "resume"] {
            // It may run and be awake already.
            let _ = cluster.obey(&format!("{line} {id}"));
        }
        let _ = cluster.obey(&format!("clients {id} mend"));
        let _ = cluster.obey(&format!("controller {id} mend"));
    }
    let run = Run::new(&cluster.bootstrap_servers(), &[]);
    run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(20))).unwrap();
    assert_eq!((run.reported(), cluster.records("t", 0).len()), (1, 1));
}

#[test]
fn a_fault_that_makes_no_sense_is_refused_and_nothing_breaks() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    for (text, named) in [
        ("error", "CODE is missing"),
        ("error 0", "`0` is no error that a broker sends"),
        ("error -2", "`-2`"),
        ("error 99999", "`99999`"),
        ("error not_leader_or_follower", "NOT_LEADER_OR_FOLLOWER"),
        ("delay 1.5", "MS cannot be `1.5`"),
        ("throttle 4294967296", "MS cannot be"),
        ("drip 1", "MS is missing"),
        ("drip -1 1", "BYTES cannot be `-1`"),
        ("drop api=", "`` is no API"),
        ("drop broker=", "broker cannot be ``"),
        ("drop times=1 once", "`once`"),
    ] {
        let error = Fault::parse(text).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INVALID_ARGUMENT, "{text}: {error}");
        says(error.message(), &[named]);
        assert!(cluster.obey(text).is_err());
    }
    let run = Run::new(&cluster.bootstrap_servers(), &[]);
    run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
    run.producer.flush(Some(Duration::from_secs(10))).unwrap();
    assert_eq!(run.reported(), 1);
}
