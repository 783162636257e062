//! Scripts about what is around the records: memory, callbacks, close, loops without end.

use super::*;

/// A batch expires while half of its bytes are still to be written. Its memory must not be used
/// again before they are: the broker would append the records of another topic.
#[test]
fn bytes_that_are_on_their_way_when_their_batch_expires_are_not_overwritten() {
    let mut stage = Stage::new(1, |_, setup| {
        setup.accumulator.batch_size = 4000;
        setup.accumulator.buffer_memory = 8000;
        setup.sender.delivery_timeout = ms(1000);
        setup.sender.request_timeout = ms(20_000);
        setup.network.request_timeout = ms(20_000);
    });
    stage.room(512);
    stage.begin(&[("t", 0), ("u", 0)]);
    stage.stall(1, 3000);
    let on_its_way = stage.try_send("t", Some(0), 3500).expect("there is memory");
    stage.until_told(&[on_its_way]);
    assert_eq!(stage.states(&[on_its_way]), [POSSIBLY]);
    assert!(stage.producer().shared.accumulator.pool.available() <= 4000);
    // The memory that is left is enough for one; the next takes what the first gives back.
    let others = [(); 2].map(|()| stage.try_send("u", Some(0), 3500));
    assert_eq!(others.map(|other| other.is_some()), [true, false]);
    stage.run(5000);
    let last = stage.try_send("u", Some(0), 3500).expect("the memory came back");
    stage.until_told(&[last]);
    assert_eq!(stage.states(&[last]), [PERSISTED]);
    assert_eq!(stage.log("t", 0).len(), 2, "the broker got what was sent to it");
    stage.end();
}

/// A broker finds a batch too large whose time is up: it is not split, and its memory comes back
/// once.
#[test]
fn a_batch_that_is_too_large_and_out_of_time_gives_its_memory_back_once() {
    let mut stage = Stage::new(1, |_, setup| {
        setup.accumulator.batch_size = 4000;
        setup.accumulator.linger = ms(50);
        setup.sender.delivery_timeout = ms(500);
        setup.sender.request_timeout = ms(5000);
    });
    stage.begin(&[("t", 0)]);
    let before = stage.producer().shared.accumulator.pool.available();
    let slow = crate::broker::Fault::new(FaultAction::Delay(ms(1000)));
    stage.fault(slow.api(0).times(1));
    stage.fault_at("t", 0, 1, FaultAction::Error(ErrorCode::MESSAGE_TOO_LARGE));
    let records = stage.send("t", 0, 5);
    stage.until_told(&records);
    assert_eq!(stage.states(&records), [POSSIBLY; 5]);
    stage.run(2000);
    assert_eq!(stage.metric("batch-split-total"), 0);
    assert_eq!(stage.producer().shared.accumulator.pool.available(), before);
    let after = stage.send("t", 0, 5);
    stage.until_told(&after);
    assert_eq!(stage.states(&after), [PERSISTED; 5]);
    stage.end();
}

/// A close by force finds records in every state there is.
#[test]
fn a_close_tells_of_every_record_wherever_it_is() {
    let mut stage = Stage::new(3, |_, setup| setup.sender.max_in_flight = 2);
    stage.begin(&[("t", 0), ("t", 1)]);
    let (here, there) = (stage.leader("t", 0), stage.leader("t", 1));
    stage.fault_of_produce(here, 1, FaultAction::DropResponse);
    let not_enough = ErrorCode::NOT_ENOUGH_REPLICAS;
    stage.fault_at("t", 1, 9, FaultAction::Error(not_enough));
    let in_flight = stage.send("t", 0, 5);
    let again = stage.send("t", 1, 5);
    stage.run(30);
    stage.cluster(|core, _| core.cut_clients(there, true));
    stage.close(Some(100));
    stage.run(200);
    let states = stage.end();
    assert_eq!(states.len(), 2 + in_flight.len() + again.len());
    assert_eq!(states[&in_flight[0]], State::PossiblyPersisted);
    assert_eq!(states[&in_flight[4]], State::NotPersisted);
    let again: Vec<State> = again.iter().map(|opaque| states[opaque]).collect();
    assert_eq!(again[0], State::PossiblyPersisted, "it was on its way again");
    assert_eq!(again[1..], [State::NotPersisted; 4]);
}

/// batch.size=0 counts as 1: each record without a key is a batch of its own and the end of its
/// partition's turn.
#[test]
fn the_smallest_batch_size_sends_every_record_and_does_not_choose_for_ever() {
    let mut stage = Stage::new(1, |_, setup| setup.accumulator.batch_size = 1);
    stage.begin(&[("t", 0)]);
    for _ in 0..100 {
        stage.try_send("t", None, 10).expect("the record is accepted");
    }
    stage.run(1000);
    let used = (0..3).filter(|index| stage.log("t", *index).len() > 1).count();
    assert_eq!(used, 3, "the partitions take turns");
    stage.end_well();
}
