//! Batches of idempotent producers: what is known again, what is out of order, who is fenced.

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::InitProducerIdRequest;

use super::raw::*;
use super::target::*;

/// An id that the cluster gave.
fn producer_id(raw: &mut Raw) -> i64 {
    let request = InitProducerIdRequest::default().with_transactional_id(None);
    raw.call(4, &request).unwrap().producer_id.0
}

pub fn each_of_the_last_five_batches_is_answered_again_with_its_offset(target: &Target) {
    let topic = target.topic("again", 1);
    let mut raw = target.leader(&topic, 0);
    let id = producer_id(&mut raw);
    let mut produce =
        |sequence: i32| raw.produce(&topic, -1, &batch((id, 0, sequence), &["a", "b"]));
    for at in 0..6 {
        let written = produce(2 * at);
        assert_eq!((error(written.error_code), written.base_offset), (None, i64::from(2 * at)));
    }
    for at in 1..6 {
        let again = produce(2 * at);
        assert_eq!((error(again.error_code), again.base_offset), (None, i64::from(2 * at)));
        assert_eq!(again.log_start_offset, 0);
    }
    let forgotten = produce(0);
    assert_eq!(error(forgotten.error_code), Some(OutOfOrderSequenceNumber));
    assert_eq!((forgotten.base_offset, forgotten.log_start_offset), (-1, 0));
    let next = produce(12);
    assert_eq!((error(next.error_code), next.base_offset), (None, 12));
}

pub fn a_gap_and_a_half_known_batch_are_out_of_order(target: &Target) {
    let topic = target.topic("gap", 1);
    let mut raw = target.leader(&topic, 0);
    let id = producer_id(&mut raw);
    let mut produce = |sequence: i32, values: &[&str]| {
        let answer = raw.produce(&topic, -1, &batch((id, 0, sequence), values));
        (error(answer.error_code), answer.base_offset)
    };
    assert_eq!(produce(0, &["a", "b", "c"]), (None, 0));
    assert_eq!(produce(5, &["a"]), (Some(OutOfOrderSequenceNumber), -1));
    assert_eq!(produce(1, &["a"]), (Some(OutOfOrderSequenceNumber), -1));
    assert_eq!(produce(0, &["a"]), (Some(OutOfOrderSequenceNumber), -1));
    assert_eq!(produce(2, &["a", "b"]), (Some(OutOfOrderSequenceNumber), -1));
    assert_eq!(produce(3, &["a"]), (None, 3));
}

pub fn a_new_epoch_begins_at_zero_and_fences_the_old_one(target: &Target) {
    let topic = target.topic("epochs", 1);
    let mut raw = target.leader(&topic, 0);
    let id = producer_id(&mut raw);
    let mut produce = |epoch: i16, sequence: i32| {
        let answer = raw.produce(&topic, -1, &batch((id, epoch, sequence), &["v"]));
        (error(answer.error_code), answer.base_offset, answer.log_start_offset)
    };
    assert_eq!(produce(3, 0), (None, 0, 0));
    assert_eq!(produce(4, 1), (Some(OutOfOrderSequenceNumber), -1, 0));
    assert_eq!(produce(4, 0), (None, 1, 0));
    assert_eq!(produce(3, 1), (Some(InvalidProducerEpoch), -1, 0));
    assert_eq!(produce(3, 0), (Some(InvalidProducerEpoch), -1, 0), "known once, and fenced now");
    assert_eq!(produce(4, 1), (None, 2, 0));
}

pub fn a_producer_that_nobody_knows_begins_where_it_likes(target: &Target) {
    let topic = target.topic("unknown", 1);
    let mut raw = target.leader(&topic, 0);
    let id = producer_id(&mut raw);
    let mut produce = |sequence: i32| {
        let answer = raw.produce(&topic, -1, &batch((id, 0, sequence), &["v"]));
        (error(answer.error_code), answer.base_offset)
    };
    assert_eq!(produce(1234), (None, 0));
    assert_eq!(produce(1235), (None, 1));
    assert_eq!(produce(0), (Some(OutOfOrderSequenceNumber), -1));
}

pub fn sequences_wrap_around(target: &Target) {
    let topic = target.topic("wrap", 1);
    let mut raw = target.leader(&topic, 0);
    let id = producer_id(&mut raw);
    let mut produce = |sequence: i32| {
        let answer = raw.produce(&topic, -1, &batch((id, 0, sequence), &["v"]));
        (error(answer.error_code), answer.base_offset)
    };
    assert_eq!(produce(i32::MAX - 1), (None, 0));
    assert_eq!(produce(i32::MAX), (None, 1));
    assert_eq!(produce(0), (None, 2));
    assert_eq!(produce(i32::MAX), (None, 1), "known again");
    assert_eq!(produce(1), (None, 3));
}

pub fn a_batch_is_known_again_whatever_the_acks(target: &Target) {
    let topic = target.topic("acks", 1);
    let mut raw = target.leader(&topic, 0);
    let id = producer_id(&mut raw);
    let bytes = batch((id, 0, 0), &["v"]);
    for acks in [-1, 1, -1] {
        let answer = raw.produce(&topic, acks, &bytes);
        assert_eq!((error(answer.error_code), answer.base_offset), (None, 0));
    }
    raw.send(9, &write(&topic, 0, 0, &bytes));
    let next = raw.produce(&topic, -1, &batch((id, 0, 1), &["v"]));
    assert_eq!((error(next.error_code), next.base_offset), (None, 1));
}
