//! Scripts about sequences: records that are lost, doubled or out of order, and nobody is told.

use super::*;

/// The broker appends and says that the time is up; the application gives the record up and sends
/// others. They must not get its sequence: the broker would take them for it.
#[test]
fn records_after_a_purge_of_one_in_doubt_are_not_swallowed_as_duplicates() {
    let mut stage = Stage::new(1, |_, setup| setup.sender.retry_backoff.initial = ms(500));
    stage.begin(&[("t", 0)]);
    let timed_out = FaultAction::ErrorAfter(ErrorCode::REQUEST_TIMED_OUT);
    stage.fault_at("t", 0, 1, timed_out);
    let given_up = stage.send("t", 0, 1);
    stage.run(20);
    assert_eq!(stage.states(&given_up), [None], "it waits to be sent again");
    stage.producer().shared.purge(crate::sender::Purge { queued: true, in_flight: true });
    let new = stage.send("t", 0, 3);
    stage.until_told(&new);
    assert_eq!(stage.states(&given_up), [POSSIBLY]);
    assert_eq!(stage.states(&new), [PERSISTED; 3]);
    stage.end();
}

/// More partitions than some brokers know of: those refuse what is sent to the new ones.
#[test]
fn metadata_that_are_older_than_new_partitions_fail_no_record() {
    let mut stage = Stage::new(3, |config, setup| {
        config.broker_session_timeout = ms(60_000);
        setup.metadata.max_age = ms(50);
    });
    stage.begin(&[("v", 0)]);
    // This one hears nothing of them, and leads some.
    let behind = stage.other("v", 0);
    stage.cluster(|core, now| core.isolate_broker(behind, true, now).expect("it runs"));
    stage.cluster(|core, now| core.create_partitions("v", 6, None, false, now).expect("it can"));
    let mut sent = Vec::new();
    for _ in 0..200 {
        sent.extend((1..6).filter_map(|index| stage.try_send("v", Some(index), 100)));
        stage.run(5);
    }
    stage.cluster(|core, now| core.isolate_broker(behind, false, now).expect("it runs"));
    assert!(sent.len() >= 20, "{}", sent.len());
    stage.end_well();
}

/// One record of a batch is almost out of time when the batch must be sent again: it is the same
/// batch with all its records, and they end together.
#[test]
fn a_batch_that_is_sent_again_is_the_same_batch_also_when_some_of_its_records_are_late() {
    let mut stage = Stage::new(1, |_, setup| {
        setup.accumulator.batch_size = 4000;
        setup.accumulator.linger = ms(900);
        setup.sender.delivery_timeout = ms(2000);
    });
    stage.begin(&[("t", 0)]);
    for times in [1, 2, 1000] {
        stage.fault_at("t", 0, times, FaultAction::ErrorAfter(ErrorCode::REQUEST_TIMED_OUT));
        let mut records = Vec::new();
        for _ in 0..5 {
            records.extend(stage.send("t", 0, 1));
            stage.run(180);
        }
        stage.until_told(&records);
        let states = stage.states(&records);
        assert!(states.iter().all(|state| *state == states[0]), "{states:?}");
        assert_eq!(states[0], if times < 1000 { PERSISTED } else { POSSIBLY });
        stage.core().faults.clear();
    }
    stage.end();
}

/// max.in.flight.requests.per.connection=1 without idempotence, a request that is lost with its
/// connection and a leader that moves meanwhile: what was sent later stays later.
#[test]
fn with_one_in_flight_a_leader_that_moves_does_not_turn_the_order_round() {
    let mut stage = Stage::new(3, |_, setup| {
        (setup.idempotent, setup.sender.idempotence) = (false, false);
        (setup.sender.max_in_flight, setup.network.max_in_flight) = (1, 1);
        setup.sender.retry_backoff.initial = ms(300);
        // So that it hears of the new leader while the old one has a request.
        setup.metadata.max_age = ms(100);
    });
    stage.begin(&[("t", 0), ("u", 0)]);
    let mut records = Vec::new();
    for lost in [FaultAction::CloseBefore, FaultAction::DropRequest].into_iter().cycle().take(6) {
        let (leader, other) = (stage.leader("t", 0), stage.other("t", 0));
        stage.fault_of_produce(leader, 1, lost);
        records.extend(stage.send("t", 0, 2));
        stage.run(3);
        stage.cluster(|core, now| core.move_leader("t", 0, other, now).expect("it is in sync"));
        records.extend(stage.send("t", 0, 2));
        stage.run(3000);
    }
    stage.until_told(&records);
    let offsets: Vec<i64> = records.iter().map(|opaque| stage.offset(*opaque)).collect();
    assert!(offsets.is_sorted_by(|a, b| a < b), "{offsets:?}");
    stage.end_well();
}

/// Two of three brokers stand still for longer than delivery.timeout.ms, and come back, again and
/// again.
#[test]
fn brokers_that_freeze_and_thaw_leave_no_gap_and_no_record_twice() {
    let mut stage = Stage::new(3, |config, setup| {
        config.broker_session_timeout = ms(9000);
        config.replica_lag_time_max = ms(10_000);
        setup.sender.delivery_timeout = ms(5000);
        setup.sender.request_timeout = ms(2000);
    });
    stage.begin(&[("t", 0), ("t", 1), ("t", 2)]);
    for round in 0..4 {
        stage.keep_sending("t", round % 3, 100, 3000);
        for id in [2, 3] {
            stage.cluster(|core, now| core.pause_broker(id, now).expect("it runs"));
        }
        (0..3).for_each(|partition| stage.keep_sending("t", partition, 100, 15_000));
        for id in [2, 3] {
            stage.cluster(|core, now| core.resume_broker(id, now).expect("it is paused"));
        }
        (0..3).for_each(|partition| stage.keep_sending("t", partition, 100, 6_600));
    }
    let states = stage.end();
    // Some were out of time, which does not keep the others from going on.
    let count = |wanted| states.values().filter(|state| **state == wanted).count();
    let (persisted, in_doubt) = (count(State::Persisted), count(State::PossiblyPersisted));
    assert!(persisted * 2 > states.len(), "{persisted} of {}", states.len());
    assert!(in_doubt > 0, "none was in flight when its time was over");
}
