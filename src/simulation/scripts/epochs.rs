//! Scripts about epochs: when a new one may begin, and what it does to other partitions.

use super::*;

/// A gap in t-0 asks for a new epoch while a batch of t-1 is in the log and its answer is lost.
#[test]
fn a_gap_in_one_partition_does_not_duplicate_what_is_in_doubt_in_another() {
    let mut stage = Stage::new(3, |_, _| {});
    stage.begin(&[("t", 0), ("t", 1)]);
    let (here, there) = (stage.leader("t", 0), stage.leader("t", 1));
    assert_ne!(here, there);
    stage.fault_of_produce(there, 1, FaultAction::CloseAfter);
    let in_doubt = stage.send("t", 1, 1);
    stage.run(5);
    stage.cluster(|core, _| core.cut_clients(there, true));
    stage.fault_at("t", 0, 1, REFUSAL);
    let head = stage.send("t", 0, 3);
    stage.run(3000);
    assert_eq!(stage.states(&head), [NOT, None, None], "the epoch waits for what is in doubt");
    stage.cluster(|core, _| core.cut_clients(there, false));
    stage.until_told(&head);
    stage.until_told(&in_doubt);
    assert_eq!(stage.states(&in_doubt), [PERSISTED]);
    let states = stage.end();
    assert_eq!(states.values().filter(|state| **state != State::Persisted).count(), 1);
}

/// t-1 is idle when a gap in t-0 makes a new epoch, under which it must begin at 0 as well.
#[test]
fn a_partition_with_nothing_in_flight_starts_anew_under_a_new_epoch() {
    let mut stage = Stage::new(1, |_, _| {});
    stage.begin(&[("t", 0), ("t", 1), ("t", 1)]);
    stage.fault_at("t", 0, 1, REFUSAL);
    let gap = stage.send("t", 0, 2);
    stage.until_told(&gap);
    let retried = stage.metric("record-retry-total");
    let idle = stage.send("t", 1, 2);
    stage.until_told(&idle);
    let of_new_epoch: Vec<_> = stage.log("t", 1).iter().skip(2).map(stamp).collect();
    assert_eq!(of_new_epoch, [(1, 0), (1, 1)]);
    assert_eq!(stage.metric("record-retry-total"), retried);
    stage.end();
}

fn stamp(batch: &crate::wire::record_batch::BatchHeader) -> (i16, i32) {
    (batch.producer_epoch, batch.base_sequence)
}

/// Five batches are in flight when the first is refused: four come back, are numbered from 0
/// again, and none may be taken for another that has the same number in the epoch before.
#[test]
fn batches_of_two_epochs_with_the_same_sequences_are_not_taken_for_one_another() {
    let mut stage = Stage::new(1, |_, _| {});
    stage.begin(&[("t", 0)]);
    for round in 1..=3 {
        stage.fault_at("t", 0, 1, REFUSAL);
        let records = stage.send("t", 0, 9);
        stage.until_told(&records);
        let states = stage.states(&records);
        assert_eq!(states[0], NOT);
        assert!(states[1..].iter().all(|state| *state == PERSISTED), "{states:?}");
        let last = stage.log("t", 0).last().map(stamp);
        assert_eq!(last, Some((round, 7)));
    }
    stage.end();
}

/// The broker ends, by force or not, when it has got five batches and answered none.
#[test]
fn a_broker_that_starts_again_costs_no_record() {
    let mut stage = Stage::new(3, |config, _| config.broker_session_timeout = ms(400));
    stage.begin(&[("t", 0), ("u", 0)]);
    for how_hard in [true, false, true] {
        let leader = stage.leader("t", 0);
        stage.keep_sending("t", 0, 5, 100);
        stage.send("t", 0, 9);
        stage.run(1);
        stage.cluster(|core, now| match how_hard {
            true => core.kill_broker(leader, now).expect("it runs"),
            false => core.stop_broker(leader, now).expect("it runs"),
        });
        stage.keep_sending("t", 0, 50, 1500);
        stage.cluster(|core, now| core.start_broker(leader, now).expect("it is down"));
        stage.keep_sending("t", 0, 50, 1500);
    }
    stage.end_well();
}
