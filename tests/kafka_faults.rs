//! Nodes that die, freeze and come back, leaders that move and topics that are made again while
//! records are sent: the oracle holds. These tests run one at a time, after the others
//! (tests/kafka/run.sh).

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/load.rs"]
mod load;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::sync::Mutex;
use std::time::Duration;

use cluster::kafka;
use load::{Load, Outcome, node, pass, start};
use oracle::REPORT_LATE_MAX;

/// One test at a time, however they are run.
static ALONE: Mutex<()> = Mutex::new(());

/// A load while `happen` lasts, judged by the oracle.
fn load(
    name: &str,
    topic_settings: &str,
    settings: &[(&str, &str)],
    happen: impl FnOnce(&Load),
) -> Outcome {
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let load = Load::new(name, topic_settings, settings);
    load.during(happen);
    load.finish(REPORT_LATE_MAX)
}

/// As `load`: nothing may fail.
fn under_load(name: &str, settings: &[(&str, &str)], happen: impl FnOnce(&Load)) -> Outcome {
    let outcome = load(name, "", settings, happen);
    nothing_failed(&outcome);
    outcome
}

fn nothing_failed(outcome: &Outcome) {
    assert!(outcome.failed.is_none() && outcome.refused == 0, "{outcome:?}");
}

#[test]
#[ignore = "needs make test"]
fn a_leader_is_killed_and_started_again() {
    under_load("leader-killed", &[], |load| {
        let leader = load.leader();
        node("kill", leader);
        load.reports_grow(5000);
        node("start", leader);
    });
}

#[test]
#[ignore = "needs make test"]
fn each_node_is_killed_and_started_again_in_turn() {
    let outcome = under_load("rolling", &[], |load| {
        for number in 1..=3 {
            node("kill", number);
            load.reports_grow(3000);
            node("start", number);
            load.in_sync();
        }
    });
    assert!(outcome.retries > 0);
}

#[test]
#[ignore = "needs make test"]
fn a_node_is_frozen_for_30_s() {
    let outcome = under_load("frozen", &[("request.timeout.ms", "3000")], |load| {
        let leader = load.leader();
        node("pause", leader);
        pass(Duration::from_secs(30));
        node("resume", leader);
    });
    assert!(outcome.retries > 0);
}

#[test]
#[ignore = "needs make test"]
fn all_nodes_are_down_for_5_s() {
    under_load("all-down", &[], |_| {
        for number in 1..=3 {
            node("kill", number);
        }
        pass(Duration::from_secs(5));
        start(&[1, 2, 3]);
    });
}

#[test]
#[ignore = "needs make test"]
fn too_few_replicas_are_in_sync_for_a_while() {
    let outcome = load("in-sync", "min.insync.replicas=3", &[], |load| {
        let leader = load.leader();
        node("kill", leader);
        // The others notice, shrink the set, and refuse.
        load.retries_grow(1000);
        node("start", leader);
    });
    nothing_failed(&outcome);
}

#[test]
#[ignore = "needs make test"]
fn two_of_three_nodes_are_down_for_a_while() {
    under_load("two-down", &[("request.timeout.ms", "3000")], |load| {
        let leader = load.leader();
        let others = [leader % 3 + 1, (leader + 1) % 3 + 1];
        for number in others {
            node("kill", number);
        }
        pass(Duration::from_secs(8));
        start(&others);
    });
}

#[test]
#[ignore = "needs make test"]
fn leaders_and_replicas_move() {
    under_load("moves", &[], |load| {
        for nodes in ["2,3", "3,1", "1,2,3"] {
            for topic in &load.topics {
                kafka(&["reassign", topic, nodes]);
            }
            load.reports_grow(1000);
        }
    });
}

#[test]
#[ignore = "needs make test"]
fn a_topic_is_deleted_and_made_again() {
    let settings = [("delivery.timeout.ms", "30000"), ("request.timeout.ms", "3000")];
    let outcome = load("recreated", "", &settings, |load| {
        load.recreate(&load.topics[0]);
        load.reports_grow(5000);
    });
    assert!(outcome.persisted > 5000, "{outcome:?}");
}

#[test]
#[ignore = "needs make test"]
fn records_expire_while_all_nodes_are_frozen() {
    let settings = [("delivery.timeout.ms", "3000"), ("request.timeout.ms", "1000")];
    let outcome = load("expired", "", &settings, |load| {
        for number in 1..=3 {
            node("pause", number);
        }
        pass(Duration::from_secs(6));
        for number in 1..=3 {
            node("resume", number);
        }
        load.reports_grow(2000);
    });
    assert!(outcome.not_persisted > 0 && outcome.possibly_persisted > 0, "{outcome:?}");
}
