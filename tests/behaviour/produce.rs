//! What becomes of a produce request.

use bytes::Bytes;
use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::InitProducerIdRequest;
use kafka_protocol::messages::ProduceRequest;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};

use super::raw::*;
use super::target::*;

pub fn every_version_writes_and_is_told_where(target: &Target) {
    let topic = target.topic("versions", 1);
    let mut raw = target.leader(&topic, 0);
    let id = describe(&mut raw, &topic).topic_id;
    for version in 3..=13 {
        for acks in [1, -1] {
            let mut request = write(&topic, 0, acks, &batch(NOBODY, &["a", "b"]));
            if version >= 13 {
                request.topic_data[0].name = Default::default();
                request.topic_data[0].topic_id = id;
            }
            let response = raw.call(version, &request).unwrap();
            assert_eq!(response.throttle_time_ms, 0);
            let written = &response.responses[0].partition_responses[0];
            let at = i64::from(version - 3) * 4 + if acks == 1 { 0 } else { 2 };
            assert_eq!((error(written.error_code), written.base_offset), (None, at));
            assert_eq!(written.log_append_time_ms, -1);
            assert_eq!(written.log_start_offset, if version >= 5 { 0 } else { -1 });
        }
    }
}

pub fn a_topic_id_that_nobody_has_is_refused(target: &Target) {
    let mut raw = target.connect();
    let mut request = write("", 0, 1, &batch(NOBODY, &["v"]));
    request.topic_data[0].topic_id = uuid::Uuid::from_u128(99);
    let response = raw.call(13, &request).unwrap();
    assert_eq!(response.responses[0].topic_id, uuid::Uuid::from_u128(99));
    let refused = &response.responses[0].partition_responses[0];
    assert_eq!((error(refused.error_code), refused.base_offset), (Some(UnknownTopicId), -1));
}

pub fn acks_that_do_not_exist_are_refused(target: &Target) {
    let topic = target.topic("acks", 1);
    let mut raw = target.leader(&topic, 0);
    for acks in [-2, 2, i16::MAX] {
        let refused = raw.produce(&topic, acks, &batch(NOBODY, &["v"]));
        assert_eq!(error(refused.error_code), Some(InvalidRequiredAcks));
        assert_eq!((refused.base_offset, refused.log_start_offset), (-1, -1));
    }
    assert_eq!(raw.produce(&topic, 1, &batch(NOBODY, &["v"])).base_offset, 0);
}

pub fn without_acks_there_is_no_answer_and_an_error_closes_the_connection(target: &Target) {
    let topic = target.topic("silent", 1);
    let mut raw = target.leader(&topic, 0);
    for _ in 0..3 {
        raw.send(9, &write(&topic, 0, 0, &batch(NOBODY, &["v"])));
    }
    let still = raw.produce(&topic, 1, &batch(NOBODY, &["v"]));
    assert_eq!(still.base_offset, 3, "the next answer is the next request's");
    raw.send(9, &write(&topic, 5, 0, &batch(NOBODY, &["v"])));
    assert!(raw.is_closed());
    let mut raw = target.leader(&topic, 0);
    assert_eq!(raw.produce(&topic, 1, &batch(NOBODY, &["v"])).base_offset, 4);
}

pub fn each_partition_of_a_request_has_its_own_fate(target: &Target) {
    let topic = target.topic("several", 1);
    let mut raw = target.leader(&topic, 0);
    let good = Bytes::from(batch(NOBODY, &["v"]));
    let mut damaged = good.to_vec();
    *damaged.last_mut().unwrap() ^= 1;
    let part = |index: i32, bytes: &Bytes| {
        PartitionProduceData::default().with_index(index).with_records(Some(bytes.clone()))
    };
    let here = TopicProduceData::default().with_name(topic_name(&topic));
    let away = TopicProduceData::default().with_name(topic_name("nowhere"));
    let request =
        ProduceRequest::default().with_acks(-1).with_timeout_ms(5000).with_topic_data(vec![
            here.with_partition_data(vec![part(0, &good), part(1, &good), part(-1, &good)]),
            away.with_partition_data(vec![part(0, &good)]),
        ]);
    let response = raw.call(9, &request).unwrap();
    let mut fates: Vec<_> = response
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses)
        .map(|part| (part.index, part.base_offset, error(part.error_code)))
        .collect();
    fates.sort_by_key(|fate| (fate.0, fate.1));
    let unknown = Some(UnknownTopicOrPartition);
    assert_eq!(fates, [(-1, -1, unknown), (0, -1, unknown), (0, 0, None), (1, -1, unknown)]);
}

pub fn nothing_at_all_is_answered_with_nothing(target: &Target) {
    let request = ProduceRequest::default().with_acks(1).with_timeout_ms(1000);
    let response = target.connect().call(9, &request).unwrap();
    assert!(response.responses.is_empty());
}

pub fn records_of_a_transaction_need_a_transactional_id(target: &Target) {
    let topic = target.topic("transaction", 1);
    let mut raw = target.leader(&topic, 0);
    let bytes = altered(&batch((5, 0, 0), &["v"]), |header| header[22] |= 0x10);
    let refused = raw.produce(&topic, -1, &bytes);
    assert_eq!(error(refused.error_code), Some(TransactionalIdAuthorizationFailed));
}

pub fn kafkas_own_topics_take_no_records_of_others(target: &Target) {
    let mut raw = target.connect();
    raw.call(9, &about(&["__consumer_offsets"])).unwrap();
    until("the topic is there", || !describe(&mut raw, "__consumer_offsets").partitions.is_empty());
    assert!(describe(&mut raw, "__consumer_offsets").is_internal);
    let refused = raw.produce("__consumer_offsets", 1, &batch(NOBODY, &["v"]));
    assert_eq!(error(refused.error_code), Some(InvalidTopicException));
}

pub fn every_producer_gets_its_own_id(target: &Target) {
    let mut ids = Vec::new();
    for address in target.bootstrap.split(',') {
        let mut raw = Raw::connect(address);
        for version in 0..=5 {
            let request = InitProducerIdRequest::default().with_transactional_id(None);
            until("there is a block of ids", || {
                let answer = raw.call(version, &request).unwrap();
                ids.push(answer.producer_id.0);
                match error(answer.error_code) {
                    None => answer.producer_epoch == 0,
                    Some(CoordinatorLoadInProgress) => ids.pop().is_none(),
                    other => panic!("{other:?}"),
                }
            });
        }
        let empty = InitProducerIdRequest::default()
            .with_transactional_id(Some(text("").into()))
            .with_transaction_timeout_ms(1000);
        let refused = raw.call(4, &empty).unwrap();
        assert_eq!(error(refused.error_code), Some(InvalidRequest));
        assert_eq!((refused.producer_id.0, refused.producer_epoch), (-1, -1));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), count);
    assert!(ids[0] >= 0);
}

/// A batch with other bytes, and the checksum that fits them.
pub fn altered(batch: &[u8], alter: impl FnOnce(&mut [u8])) -> Vec<u8> {
    let mut bytes = batch.to_vec();
    alter(&mut bytes);
    let crc = crc32c::crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}
