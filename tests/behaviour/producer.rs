//! This library's own producer.

use kafka_protocol::records::RecordBatchDecoder;
use ottla::{ErrorCode, Header, Record, State};

use super::fetch::{fetch, records};
use super::rig::{Rig, until};
use super::target::*;

pub fn records_arrive_in_order_with_all_their_fields(target: &Target) {
    let topic = target.topic("fields", 1);
    let rig = Rig::at(&target.bootstrap, &[]);
    let headers = [Header { name: "h", value: Some(b"1") }, Header { name: "n", value: None }];
    for at in 0..500_u32 {
        let record = Record {
            topic: &topic,
            key: Some(b"k"),
            value: Some(&at.to_be_bytes()),
            headers: &headers,
            timestamp: Some(1_700_000_000_000 + i64::from(at)),
            opaque: at.into(),
            ..Record::default()
        };
        rig.producer.send(&record).unwrap();
    }
    for (at, report) in rig.reports().iter().enumerate() {
        assert_eq!((report.state, report.offset), (State::Persisted, at as i64), "{report:?}");
        assert_eq!(report.opaque, at as u64);
    }
    let mut raw = target.leader(&topic, 0);
    let mut bytes = fetch(&mut raw, &topic, 0).records.unwrap();
    let sets = RecordBatchDecoder::decode_all(&mut bytes).unwrap();
    let all: Vec<_> = sets.into_iter().flat_map(|set| set.records).collect();
    assert_eq!(all.len(), 500);
    for (at, record) in all.iter().enumerate() {
        assert_eq!(record.value.as_deref(), Some(&(at as u32).to_be_bytes()[..]));
        assert_eq!((record.offset, record.key.as_deref()), (at as i64, Some(&b"k"[..])));
        assert_eq!(record.timestamp, 1_700_000_000_000 + at as i64);
        let headers: Vec<_> =
            record.headers.iter().map(|(name, value)| (name.to_string(), value.clone())).collect();
        assert_eq!(headers, [("h".to_owned(), Some("1".into())), ("n".to_owned(), None)]);
    }
}

pub fn a_topic_that_is_not_there_is_made_by_the_first_record(target: &Target) {
    let topic = target.name("first-record");
    let rig = Rig::at(&target.bootstrap, &[]);
    for value in [b"a", b"b"] {
        let record = Record { topic: &topic, partition: Some(0), ..Record::default() };
        rig.producer.send(&Record { value: Some(value), ..record }).unwrap();
    }
    let offsets: Vec<i64> = rig.reports().iter().map(|report| report.offset).collect();
    assert_eq!(offsets, [0, 1]);
    let mut raw = target.leader(&topic, 0);
    assert_eq!(records(&fetch(&mut raw, &topic, 0)).len(), 2);
}

pub fn acks_of_one_and_none_are_reported_as_what_they_are(target: &Target) {
    let topic = target.topic("weak", 1);
    for (acks, state, offset) in [("1", State::Persisted, 0), ("0", State::PossiblyPersisted, -1)] {
        let settings = [("acks", acks), ("enable.idempotence", "false")];
        let rig = Rig::at(&target.bootstrap, &settings);
        let record = Record { topic: &topic, value: Some(b"v"), ..Record::default() };
        rig.producer.send(&record).unwrap();
        let report = rig.reports().remove(0);
        assert_eq!((report.state, report.offset), (state, offset), "{report:?}");
    }
    let mut raw = target.leader(&topic, 0);
    until("both are there", || records(&fetch(&mut raw, &topic, 0)).len() == 2);
}

pub fn what_a_topic_refuses_is_reported_with_the_brokers_reason(target: &Target) {
    let topic = target.topic_with("refused", 1, &[("cleanup.policy", "compact")]);
    let rig = Rig::at(&target.bootstrap, &[("linger.ms", "300")]);
    for (opaque, key) in [(0, Some(&b"k"[..])), (1, None)] {
        let record = Record { topic: &topic, value: Some(b"v"), ..Record::default() };
        rig.producer.send(&Record { key, opaque, ..record }).unwrap();
    }
    for report in rig.reports() {
        let error = report.error.unwrap();
        assert_eq!(report.state, State::NotPersisted);
        assert_eq!(error.code(), ErrorCode::INVALID_RECORD, "{error}");
        let own = !error.to_string().contains("the record is valid");
        assert_eq!(own, report.opaque == 1, "{error}");
    }
}
