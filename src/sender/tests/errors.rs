//! What a broker's answers mean for records: tried again, failed, fatal, or not an answer at all.

use super::harness::{World, all_persisted, stamps};
use super::setup::Setup;
use crate::error::ErrorCode;
use crate::io::Event;
use crate::report::State;
use crate::wire::messages::ProduceResponse;
use crate::wire::messages::produce::{BatchIndexAndErrorMessage, PartitionProduceResponse};

fn held() -> World {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    world
}

fn only(answer: &mut ProduceResponse) -> &mut PartitionProduceResponse {
    &mut answer.responses[0].partition_responses[0]
}

#[test]
fn retriable_errors_are_tried_again_after_the_back_off() {
    for code in ErrorCode::ALL.iter().filter(|code| code.is_retriable() && code.0 > 0) {
        let mut world = Setup::default().ready();
        world.refuse("t", 0, *code);
        let record = world.send("t", 0);
        assert!(!world.is_reported(record), "{code}");
        world.advance(99);
        assert_eq!(world.arrived.len(), 1, "{code}");
        world.advance(1);
        assert_eq!(world.report(record).state, State::Persisted, "{code}");
        world.finish();
    }
}

#[test]
fn what_an_unknown_error_did_to_the_batch_is_not_known() {
    let mut world = Setup::default().ready();
    world.refuse("t", 0, ErrorCode(1234));
    let record = world.send("t", 0);
    let report = world.report(record);
    assert_eq!((report.state, report.code()), (State::PossiblyPersisted, ErrorCode(1234)));
    world.finish();
}

#[test]
fn final_errors_end_the_batch_with_the_brokers_reason() {
    let codes = [
        ErrorCode::MESSAGE_TOO_LARGE,
        ErrorCode::RECORD_LIST_TOO_LARGE,
        ErrorCode::INVALID_TOPIC_EXCEPTION,
        ErrorCode::TOPIC_AUTHORIZATION_FAILED,
        ErrorCode::INVALID_REQUIRED_ACKS,
        ErrorCode::POLICY_VIOLATION,
        ErrorCode::INVALID_RECORD,
    ];
    for code in codes {
        let mut world = Setup::default().ready();
        world.send("t", 0);
        world.refuse("t", 0, code);
        let record = world.send("t", 0);
        let report = world.report(record);
        assert_eq!((report.state, report.code()), (State::NotPersisted, code));
        assert!(report.reason().starts_with("t-0: "), "{report:?}");
        let next = world.send("t", 0);
        assert_eq!(world.report(next).state, State::Persisted, "{code}");
        let last = &world.arrived[2].batches[0];
        assert_eq!((last.epoch, last.sequence), (0, 1), "the sequence was taken back");
        world.finish();
    }
}

#[test]
fn an_error_that_leaves_it_open_whether_the_batch_is_in_the_log_is_reported_so() {
    let mut world = Setup::default().ready();
    world.append_and_say("t", 0, ErrorCode::UNKNOWN_SERVER_ERROR);
    let record = world.send("t", 0);
    assert_eq!(world.report(record).state, State::PossiblyPersisted);
    let next = world.send("t", 0);
    assert_eq!(world.report(next).state, State::Persisted);
    world.finish();
}

#[test]
fn the_number_of_retries_is_limited_and_the_state_says_what_is_known() {
    let cases = [
        (ErrorCode::NOT_ENOUGH_REPLICAS, State::NotPersisted),
        (ErrorCode::REQUEST_TIMED_OUT, State::PossiblyPersisted),
    ];
    for (code, state) in cases {
        let mut world = Setup::default().retries(2).ready();
        (0..3).for_each(|_| world.refuse("t", 0, code));
        let record = world.send("t", 0);
        world.advance(200);
        assert_eq!(world.arrived.len(), 3);
        assert_eq!((world.report(record).state, world.report(record).code()), (state, code));
        world.finish();
    }
}

#[test]
fn a_broker_that_timed_out_but_appended_is_asked_again_and_knows_the_batch() {
    let mut world = Setup::default().ready();
    world.append_and_say("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    let record = world.send("t", 0);
    world.advance(100);
    assert_eq!((world.report(record).state, world.report(record).offset), (State::Persisted, 0));
    world.finish();
}

#[test]
fn a_duplicate_is_a_success_whose_offset_is_not_known() {
    let mut world = held();
    let record = world.send("t", 0);
    world.answer_with(1, |answer| {
        only(answer).error_code = ErrorCode::DUPLICATE_SEQUENCE_NUMBER.0 as i16;
        only(answer).base_offset = -1;
    });
    assert_eq!((world.report(record).state, world.report(record).offset), (State::Persisted, -1));
    world.finish();
}

#[test]
fn records_that_were_refused_for_what_they_are_get_their_own_reason() {
    let mut world = held();
    let held_up = world.send("t", 1);
    let records: Vec<u64> = (0..3).map(|_| world.append("t", 0, 8)).collect();
    world.refuse("t", 0, ErrorCode::INVALID_RECORD);
    world.run();
    world.answer(1);
    world.answer_with(1, |answer| {
        let error = |batch_index, text: Option<&str>| BatchIndexAndErrorMessage {
            batch_index,
            batch_index_error_message: text.map(Into::into),
        };
        only(answer).record_errors =
            vec![error(1, Some("no key")), error(i32::MIN, None), error(i32::MAX, Some("odd"))];
    });
    assert!(world.is_reported(held_up));
    for (index, record) in records.iter().enumerate() {
        let report = world.report(*record);
        assert_eq!((report.state, report.code()), (State::NotPersisted, ErrorCode::INVALID_RECORD));
        assert_eq!(report.reason() == "no key", index == 1, "{report:?}");
    }
    world.finish();
}

#[test]
fn records_that_were_refused_for_what_they_are_cost_no_epoch() {
    let mut world = held();
    world.refuse("t", 0, ErrorCode::INVALID_RECORD);
    let refused = world.send("t", 0);
    world.answer_with(1, |answer| {
        let batch_index_error_message = Some("no key".into());
        let error = BatchIndexAndErrorMessage { batch_index: 0, batch_index_error_message };
        only(answer).record_errors = vec![error];
    });
    assert_eq!(world.report(refused).state, State::NotPersisted);
    world.hold_produce = false;
    let next = world.send("t", 0);
    world.advance(1000);
    all_persisted(&world, &[next]);
    assert_eq!(stamps(&world, 0), [(0, 0), (0, 0)], "the sequence is taken back");
    world.finish();
}

/// To a batch that it has already, a broker gives the largest create time as if it were the time of
/// the append.
#[test]
fn the_create_time_in_the_answer_to_a_duplicate_is_not_the_time_of_the_append() {
    for (answered, told) in [(0, -1), (77, 77)] {
        let mut world = held();
        world.append_and_say("t", 0, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
        let record = world.send("t", 0);
        world.answer(1);
        world.advance(200);
        world.answer_with(1, |answer| only(answer).log_append_time_ms = answered);
        let report = world.report(record);
        assert_eq!((report.state, report.timestamp), (State::Persisted, told));
        world.finish();
    }
}

#[test]
fn records_refused_at_a_retry_of_a_batch_in_doubt_are_possibly_persisted() {
    let mut world = held();
    let record = world.send("t", 0);
    world.apply(1);
    world.disconnect(1);
    world.advance(100);
    world.answer_with(1, |answer| {
        only(answer).error_code = ErrorCode::INVALID_TIMESTAMP.0 as i16;
        only(answer).record_errors = vec![BatchIndexAndErrorMessage::default()];
    });
    assert_eq!(world.report(record).state, State::PossiblyPersisted);
    world.finish();
}

/// What a broker might say instead of an answer to what it was asked.
type Spoil = fn(&mut ProduceResponse);

#[test]
fn an_answer_whose_partitions_are_not_the_requests_is_never_a_success() {
    let spoils: [(&str, Spoil); 6] = [
        ("missing", |answer| answer.responses.clear()),
        ("no partition", |answer| answer.responses[0].partition_responses.clear()),
        ("another partition", |answer| only(answer).index = 7),
        ("negative", |answer| only(answer).index = i32::MIN),
        ("twice", |answer| {
            let again = answer.responses[0].clone();
            answer.responses.push(again);
        }),
        ("extra", |answer| {
            let mut extra = only(answer).clone();
            extra.index = 2;
            answer.responses[0].partition_responses.push(extra);
        }),
    ];
    for (what, spoil) in spoils {
        for max in [12, 13] {
            let mut world = Setup::default().start();
            world.cluster.versions.get_mut(&0).unwrap().1 = max;
            world.cluster.create("t", 3);
            world.know("t");
            world.hold_produce = true;
            let record = world.send("t", 0);
            let connections = world.connected.len();
            world.answer_with(1, spoil);
            assert!(!world.is_reported(record), "{what}");
            world.hold_produce = false;
            world.advance(1000);
            assert!(world.connected.len() > connections, "{what}: the connection goes");
            let report = world.report(record);
            assert_eq!((report.state, report.offset), (State::Persisted, 0), "{what}");
            world.finish();
        }
    }
}

#[test]
fn an_answer_for_another_topic_is_never_a_success() {
    for max in [12, 13] {
        let mut world = Setup::default().start();
        world.cluster.versions.get_mut(&0).unwrap().1 = max;
        world.cluster.create("t", 1);
        world.know("t");
        world.hold_produce = true;
        let record = world.send("t", 0);
        world.answer_with(1, |answer| {
            answer.responses[0].name = "other".into();
            answer.responses[0].topic_id.0[0] ^= 1;
        });
        assert!(!world.is_reported(record));
        world.finish();
    }
}

#[test]
fn bytes_that_are_no_answer_end_the_connection_and_the_batch_is_sent_again() {
    for spoil in [&b""[..], b"\0", b"\0\0\0\x7f", b"\0\0\0\x04\xff\xff\xff\xff\xff\xff"] {
        let mut world = held();
        let (a, b) = (world.send("t", 0), world.send("t", 1));
        let mut frame = spoil.to_vec();
        if let Some(id) = frame.last_chunk_mut::<6>().filter(|_| spoil.len() > 6) {
            *id = [0xff; 6];
        }
        world.answer_bytes(1, frame.into());
        world.hold_produce = false;
        world.advance(1000);
        for record in [a, b] {
            assert_eq!(world.report(record).state, State::Persisted);
        }
        world.finish();
    }
}

#[test]
fn an_answer_that_comes_twice_reports_its_batch_once() {
    let mut world = Setup::default().ready();
    world.hold_produce = true;
    let record = world.send("t", 0);
    let (conn, _) = world.conns.iter().find(|(_, open)| !open.requests.is_empty()).expect("sent");
    let conn = *conn;
    world.apply_at(conn, 0);
    let answer = world.conns[&conn].requests[0].answer.clone().flatten().expect("an answer");
    world.deliver(conn);
    world.events.push_back(Event::Received { conn, frame: answer });
    world.hold_produce = false;
    world.run();
    assert!(!world.conns.contains_key(&conn), "nobody asked for the second one");
    let after = world.send("t", 0);
    world.advance(1000);
    assert_eq!(world.reports.len(), 2, "{:?}", world.reports);
    all_persisted(&world, &[record, after]);
    assert_eq!(world.log("t", 0), [record, after]);
    world.finish();
}

#[test]
fn a_fatal_answer_ends_the_producer_and_each_record_is_reported() {
    let fatal = [
        ErrorCode::INVALID_PRODUCER_ID_MAPPING,
        ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
        ErrorCode::PRODUCER_FENCED,
    ];
    for code in fatal {
        let mut world = Setup::default().linger(10).ready();
        world.hold_produce = true;
        let hit = world.send("t", 0);
        world.advance(10);
        let in_flight = world.send("t", 1);
        // It waits a millisecond for the answer to the first.
        world.advance(11);
        let queued = world.send("t", 2);
        world.refuse("t", 0, code);
        world.answer(1);
        assert_eq!(
            (world.report(hit).state, world.report(hit).code()),
            (State::NotPersisted, code)
        );
        assert_eq!(world.report(in_flight).state, State::PossiblyPersisted);
        let queued = world.report(queued);
        assert_eq!((queued.state, queued.code()), (State::NotPersisted, code));
        assert_eq!(world.arrived.len(), 2, "nothing is sent any more");
        assert!(world.try_append("t", 0, 8).is_none());
        assert_eq!(world.shared.fatal().unwrap().code(), code);
        world.finish();
    }
}

#[test]
fn without_the_right_to_a_producer_id_the_producer_ends_and_asks_no_more() {
    let mut world = Setup::default().start();
    world.cluster.create("t", 1);
    world.shared.accumulator.topics.get_or_add("t");
    world.cluster.id_errors.push_back(ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    world.hold_others = true;
    world.ask("t");
    world.run();
    world.hold_others = false;
    world.advance(1000);
    assert_eq!(world.shared.fatal().unwrap().code(), ErrorCode::CLUSTER_AUTHORIZATION_FAILED);
    world.advance(60_000);
    assert_eq!(world.cluster.ids_asked, 1);
    world.finish();
}

#[test]
fn a_broker_that_speaks_no_common_version_of_produce_is_fatal() {
    let mut world = Setup::default().start();
    world.cluster.versions.insert(0, (0, 2));
    world.cluster.create("t", 1);
    world.know("t");
    let record = world.send("t", 0);
    let report = world.report(record);
    assert_eq!(
        (report.state, report.code()),
        (State::NotPersisted, ErrorCode::UNSUPPORTED_VERSION)
    );
    assert!(world.shared.fatal().unwrap().message().contains("broker 1"));
    world.finish();
}
