//! A leader that was deposed and is cut off from its controller: it takes records still, and nobody
//! follows it. The other brokers name it no more. A producer that reaches none of them comes back
//! to it from its bootstrap addresses, and takes its word after some answers (see `metadata`); what
//! that may cost is told here.

use super::setup::{ProducerSetup, ms};
use super::stage::Stage;
use crate::report::State;

/// The producer knows who leads t-0, then reaches nobody but the leader before. Gives that one.
fn leave_it_alone_with_a_deposed_leader(stage: &mut Stage) -> i32 {
    stage.begin(&[("t", 0)]);
    let deposed = stage.leader("t", 0);
    stage.cluster(|core, now| core.isolate_broker(deposed, true, now).expect("it runs"));
    stage.cluster(|core, _| core.cut_clients(deposed, true));
    stage.run(1000);
    assert_ne!(stage.leader("t", 0), deposed);
    let known = stage.send("t", 0, 1);
    stage.until_told(&known);
    assert_eq!(stage.states(&known), [Some(State::Persisted)]);
    for id in 1..=3 {
        stage.cluster(|core, _| core.cut_clients(id, id != deposed));
    }
    deposed
}

fn stage(change: impl FnOnce(&mut ProducerSetup)) -> Stage {
    Stage::new(3, |config, setup| {
        config.broker_session_timeout = ms(400);
        setup.sender.delivery_timeout = ms(60_000);
        setup.metadata.rebootstrap_trigger = Some(ms(1000));
        change(setup);
    })
}

fn log_end(stage: &mut Stage, broker: i32) -> i64 {
    let server = stage.core().server(broker).expect("it is there");
    server.replicas.get("t", 0).expect("it has a replica").log.end_offset()
}

#[test]
fn with_acks_all_a_deposed_leader_acknowledges_nothing() {
    for idempotent in [true, false] {
        let mut stage = stage(|setup| {
            (setup.idempotent, setup.sender.idempotence) = (idempotent, idempotent);
        });
        let deposed = leave_it_alone_with_a_deposed_leader(&mut stage);
        let (end, retried) = (log_end(&mut stage, deposed), stage.metric("record-retry-total"));
        let records = stage.send("t", 0, 3);
        match idempotent {
            // It misses the sequence that its successor has.
            true => stage.run(30_000),
            false => stage.until("it has them", |stage| log_end(stage, deposed) >= end + 3),
        }
        stage.run(5000);
        assert_eq!(stage.states(&records), [None; 3]);
        assert!(stage.metric("record-retry-total") > retried);
        stage.end_well();
    }
}

#[test]
fn with_acks_1_a_deposed_leader_acknowledges_what_nobody_else_ever_has() {
    let mut stage = stage(|setup| {
        (setup.idempotent, setup.sender.idempotence) = (false, false);
        (setup.acks, setup.sender.acks) = (1, 1);
    });
    let deposed = leave_it_alone_with_a_deposed_leader(&mut stage);
    let (end, leader) = (log_end(&mut stage, deposed), stage.leader("t", 0));
    let known = log_end(&mut stage, leader);
    let lost = stage.send("t", 0, 1);
    stage.until_told(&lost);
    assert_eq!(stage.states(&lost), [Some(State::Persisted)]);
    assert_eq!(log_end(&mut stage, deposed), end + 1);
    assert_eq!(log_end(&mut stage, leader), known);
    stage.end();
}
