//! Topics that are deleted and made again while records are sent to them, step by step: a log that
//! knows nothing of a producer takes any of its sequences for the first, and so may turn the order
//! round.

use super::setup::ms;
use super::stage::Stage;
use crate::broker::{Fault, FaultAction};
use crate::error::ErrorCode;
use crate::report::State;
use crate::wire::Message;
use crate::wire::messages::ProduceRequest;

/// The producer hears soon of what happens to topics, from a broker that is not busy.
fn stage() -> Stage {
    let mut stage = Stage::new(3, |_, setup| setup.metadata.max_age = ms(100));
    stage.begin(&[("t", 0), ("t", 1), ("t", 2)]);
    stage
}

/// A batch is on its way to the leader of the topic that is deleted, which refuses it when the next
/// one could be in the new topic already.
#[test]
fn what_is_in_flight_to_a_deleted_topic_is_not_overtaken_in_the_one_made_again() {
    let mut stage = stage();
    let (leader, other) = (stage.leader("t", 0), stage.other("t", 0));
    stage.fault_of_produce(leader, 1, FaultAction::Delay(ms(600)));
    let first = stage.send("t", 0, 1);
    stage.run(10);
    stage.make_again("t", &[other, leader]);
    stage.run(300);
    let second = stage.send("t", 0, 1);
    stage.run(100);
    assert_eq!(stage.states(&second), [None], "it waits for the answer to the first");
    stage.until_told(&second);
    assert_eq!([stage.offset(first[0]), stage.offset(second[0])], [0, 1]);
    stage.end_well();
}

/// The same, where the first batch goes to the new topic and is refused there for a while.
#[test]
fn the_first_batch_into_a_topic_that_was_made_again_goes_alone() {
    let mut stage = stage();
    let brokers = [stage.other("t", 0), stage.leader("t", 0)];
    stage.make_again("t", &brokers);
    stage.run(300);
    stage.fault_at("t", 0, 1, FaultAction::Error(ErrorCode::NOT_ENOUGH_REPLICAS));
    let records = stage.send("t", 0, 3);
    stage.until_told(&records);
    let offsets: Vec<i64> = records.iter().map(|opaque| stage.offset(*opaque)).collect();
    assert_eq!(offsets, [0, 1, 2]);
    stage.end_well();
}

/// A batch is refused for good, one behind it waits for a new epoch, and a third, in doubt, would
/// be sent before that. The topic that was made again would take it, and the order would be lost.
#[test]
fn what_is_in_doubt_behind_a_gap_does_not_go_first_into_a_topic_that_was_made_again() {
    let mut stage = stage();
    let (leader, other) = (stage.leader("t", 0), stage.other("t", 0));
    stage.fault_at("t", 0, 1, FaultAction::Error(ErrorCode::INVALID_RECORD));
    let lost = Fault::new(FaultAction::CloseBefore).api(ProduceRequest::KEY);
    stage.fault(lost.skip(2).times(1));
    let records = stage.send("t", 0, 3);
    stage.until_told(&records[..1]);
    stage.make_again("t", &[other, leader]);
    stage.until_told(&records);
    let states = [State::NotPersisted, State::Persisted, State::PossiblyPersisted];
    assert_eq!(stage.states(&records), states.map(Some));
    stage.end();
}
