//! The command language: what a line does, and what is said of one that is wrong.

use std::time::Duration;

use serde_json::Value;

use crate::broker::{Cluster, ClusterConfig, Fault, FaultAction};
use crate::error::ErrorCode;

#[test]
fn a_fault_is_read_from_its_text() {
    let text = "error-after NOT_LEADER_OR_FOLLOWER api=produce broker=2 topic=t partition=1 \
                skip=4 times=3";
    let action = FaultAction::ErrorAfter(ErrorCode::NOT_LEADER_OR_FOLLOWER);
    let expected = Fault::new(action).api(0).broker(2).topic("t").partition(1);
    assert_eq!(Fault::parse(text).unwrap(), expected.skip(4).times(3));
    let delay = FaultAction::Delay(Duration::from_millis(20));
    assert_eq!(Fault::parse("delay 20 api=3").unwrap(), Fault::new(delay).api(3));
    let drip = FaultAction::SlowDrip { bytes: 7, every: Duration::from_millis(2) };
    assert_eq!(Fault::parse("drip 7 2").unwrap(), Fault::new(drip));
    assert_eq!(Fault::parse("fail-handler").unwrap(), Fault::new(FaultAction::FailHandler));
}

#[test]
fn a_bad_fault_is_named() {
    for (text, named) in [
        ("", "a fault is missing"),
        ("explode", "`explode` is unknown; `help` lists all"),
        ("delay", "MS is missing"),
        ("delay -5", "MS cannot be `-5`"),
        ("delay 99999999999", "`99999999999`"),
        ("drip", "BYTES is missing"),
        ("error NONE", "`NONE`"),
        ("error INTERNAL", "`INTERNAL` is no error that a broker sends"),
        ("drop api=Product", "`Product` is no API; there are Produce, Fetch"),
        ("drop api=999", "`999` is no API"),
        ("drop once", "`once` is none of api="),
        ("drop times=-1", "times cannot be `-1`"),
        ("drop topic=t", "`topic=t` cannot be here"),
        ("error 3 topic=", "topic= names no topic"),
    ] {
        let error = Fault::parse(text).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INVALID_ARGUMENT);
        assert!(error.message().contains(named), "{text}: {error}");
    }
}

fn obey(cluster: &Cluster, line: &str) -> String {
    cluster.obey(line).unwrap_or_else(|error| panic!("{line}: {error}"))
}

/// The answer's lines as JSON.
fn objects(cluster: &Cluster, line: &str) -> Vec<Value> {
    obey(cluster, line).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_cluster_obeys_lines() {
    let cluster = Cluster::start(ClusterConfig::brokers(3)).unwrap();
    let obey = |line: &str| obey(&cluster, line);
    assert_eq!(obey("topic t 2 3 retention.bytes=5000 min.insync.replicas=2"), "");
    assert_eq!(obey("topics"), r#"{"partitions":2,"topic":"t"}"#);
    let leader = cluster.partition("t", 0).unwrap().leader;
    let next = leader % 3 + 1;
    obey(&format!("leader t 0 {next}"));
    assert_eq!(objects(&cluster, "partition t 0")[0]["leader"], next);
    obey("pause 1");
    obey("resume 1");
    obey("controller 1 cut");
    obey("controller 1 mend");
    obey("clients 2 cut");
    obey("clients 2 mend");
    obey("network 1 2 cut");
    obey("network 1 2 mend");
    obey(&format!("isr t 0 {next}"));
    assert_eq!(objects(&cluster, "partition t 0")[0]["isr"], serde_json::json!([next]));
    obey(&format!("replicate t 0 {leader} yes"));
    obey("elect");
    obey("quota 1000");
    obey("quota none");
    assert_eq!(obey("controller"), cluster.controller().unwrap().to_string());
    assert_eq!(obey("drop times=1"), "fault 1");
    obey("heal 1");
    obey("heal");
    assert_eq!(obey("requests"), "");
    assert_eq!(obey("count"), "0");
    assert_eq!(obey("connections"), "0");
    obey("forget");
    obey("pretend 1 Produce=3-8 metadata=9");
    obey("pretend 1");
    assert_eq!(obey("bootstrap"), cluster.bootstrap_servers());
    assert_eq!(objects(&cluster, "replica 1 t 0")[0]["log_end_offset"], 0);
    assert_eq!(obey("records t 0"), "");
    assert_eq!(obey("records t 0 2"), "");
    obey(&format!("kill {next}"));
    assert_eq!(objects(&cluster, &format!("broker {next}"))[0]["state"], "NotRunning");
    assert_eq!(objects(&cluster, "health")[0]["well"], false);
    obey(&format!("start {next}"));
    obey(&format!("stop {next}"));
    assert_eq!(objects(&cluster, "brokers").len(), 3);
    assert!(obey("help").lines().any(|line| line.starts_with("kill N ")));
}

#[test]
fn a_line_that_cannot_be_done_says_why() {
    let cluster = Cluster::start(ClusterConfig::brokers(2).topic("t", 1)).unwrap();
    for (line, named) in [
        ("", "a command is missing"),
        ("dance", "`dance` is unknown; `help` lists all"),
        ("kill", "N is missing"),
        ("kill one", "N cannot be `one`"),
        ("kill 9", "there is no broker 9"),
        ("start 1", "broker 1 runs"),
        ("start 1 2", "nothing can follow where `2` stands"),
        ("resume 1", "broker 1 is not paused"),
        ("clients 1 break", "`break` is neither cut nor mend"),
        ("clients 9 cut", "there is no broker 9"),
        ("network 1 9 cut", "there is no broker 9"),
        ("controller 1", "cut or mend is missing"),
        ("leader u 0 1", "u"),
        ("isr t 0 9", "broker 9 does not host t-0"),
        ("isr t 7 1", "no partition 7 of a topic `t`"),
        ("isr t 0 1,", "N cannot be ``"),
        ("replicate t 0 1 maybe", "neither yes nor no"),
        ("partition u 0", "no partition 0 of a topic `u`"),
        ("partition t -1", "no partition -1"),
        ("replica 9 t 0", "broker 9 has no replica"),
        ("records t 0 9", "there is no broker 9"),
        ("topic u 1 9", "eplication"),
        ("topic u 1 1 2", "`2` is not KEY=VALUE"),
        ("topic u 1 flush.mss=1", "flush.mss"),
        ("pretend 1 Produce", "`Produce` is not API=FIRST-LAST"),
        ("pretend 1 Produce=8-3", "`Produce=8-3` has no versions"),
        ("quota much", "BYTES cannot be `much`"),
        ("heal all", "FAULT cannot be `all`"),
        ("frame 7", "request 7 did not arrive or is forgotten"),
        ("requests -1", "FROM cannot be `-1`"),
        ("help me", "`me`"),
    ] {
        let error = cluster.obey(line).err().unwrap_or_else(|| panic!("{line} is done"));
        assert!(error.message().contains(named), "{line}: {error}");
    }
}

/// Every call of a cluster that is not a part of its own life, in the language.
#[test]
fn whatever_can_be_asked_of_a_cluster_in_rust_can_be_asked_in_a_line() {
    let sources = concat!(
        include_str!("../cluster.rs"),
        include_str!("../inspection.rs"),
        include_str!("../health.rs")
    );
    let impls = sources.split("\nimpl Cluster {").skip(1);
    let calls = impls.flat_map(|text| {
        let text = text.split("\n}\n").next().unwrap();
        text.split("    pub fn ").skip(1).filter_map(|call| {
            let (name, rest) = call.split_once('(')?;
            rest.trim_start().starts_with("&self").then_some(name)
        })
    });
    let calls: Vec<&str> = calls.collect();
    assert!(calls.len() > 25, "{calls:?}");
    // Both are shorter ways to a call that has a command.
    let shorter = ["create_topic", "create_topic_with"];
    let language = include_str!("mod.rs");
    for call in calls.iter().filter(|call| !shorter.contains(call)) {
        assert!(language.contains(&format!("self.{call}(")), "no command calls {call}");
    }
}

#[test]
fn every_line_of_the_help_is_understood() {
    for line in super::HELP.lines().filter(|line| !line.starts_with(' ')) {
        let command = line.split_whitespace().next().unwrap();
        let cluster = Cluster::start(ClusterConfig::brokers(1)).unwrap();
        let error = cluster.obey(command).err().map(|error| error.message().to_owned());
        let understood = error.as_ref().is_none_or(|error| error.ends_with(" is missing"));
        assert!(understood, "{line}: {error:?}");
    }
}
