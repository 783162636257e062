//! Configurations of topics, read and changed.

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::DescribeConfigsResult;
use kafka_protocol::messages::incremental_alter_configs_request::{
    AlterConfigsResource, AlterableConfig,
};
use kafka_protocol::messages::{DescribeConfigsRequest, IncrementalAlterConfigsRequest};

use super::raw::*;
use super::target::*;

const TOPIC: i8 = 2;

fn ask(raw: &mut Raw, kind: i8, name: &str, keys: Option<&[&str]>) -> DescribeConfigsResult {
    let keys = keys.map(|keys| keys.iter().map(|key| text(key)).collect());
    let resource = DescribeConfigsResource::default()
        .with_resource_type(kind)
        .with_resource_name(text(name))
        .with_configuration_keys(keys);
    let request = DescribeConfigsRequest::default().with_resources(vec![resource]);
    raw.call(4, &request).unwrap().results.remove(0)
}

/// Value, source and type of a key.
fn value(raw: &mut Raw, topic: &str, key: &str) -> (String, i8, i8) {
    let answer = ask(raw, TOPIC, topic, Some(&[key]));
    assert_eq!((error(answer.error_code), answer.configs.len()), (None, 1));
    let found = &answer.configs[0];
    assert_eq!((&*found.name, found.is_sensitive, found.read_only), (key, false, false));
    (found.value.clone().unwrap().to_string(), found.config_source, found.config_type)
}

pub fn a_topic_tells_its_configuration_and_where_it_comes_from(target: &Target) {
    let topic = target.topic_with("told", 1, &[("max.message.bytes", "7000")]);
    let mut raw = target.connect();
    let of = |value: &str, source: i8, kind: i8| (value.to_owned(), source, kind);
    assert_eq!(value(&mut raw, &topic, "max.message.bytes"), of("7000", 1, 3));
    assert_eq!(value(&mut raw, &topic, "cleanup.policy"), of("delete", 5, 7));
    assert_eq!(value(&mut raw, &topic, "message.timestamp.type"), of("CreateTime", 5, 2));
    let after = value(&mut raw, &topic, "message.timestamp.after.max.ms");
    assert_eq!(after, of("3600000", 5, 5));
    let all = ask(&mut raw, TOPIC, &topic, None);
    for key in ["retention.bytes", "segment.bytes", "min.insync.replicas", "retention.ms"] {
        assert!(all.configs.iter().any(|config| *config.name == *key), "{key}");
    }
    let none = ask(&mut raw, TOPIC, &topic, Some(&["no.such.key"]));
    assert_eq!((error(none.error_code), none.configs.len()), (None, 0));
    let missing = ask(&mut raw, TOPIC, "nowhere", None);
    assert_eq!(error(missing.error_code), Some(UnknownTopicOrPartition));
    let invalid = ask(&mut raw, TOPIC, "a b", None);
    assert_eq!(error(invalid.error_code), Some(InvalidTopicException));
}

pub fn a_topics_configuration_can_be_changed_and_governs_what_follows(target: &Target) {
    let topic = target.topic("changed", 1);
    let mut raw = target.leader(&topic, 0);
    let mut other = target.connect();
    let mut alter = |name: &str, key: &str, operation: i8, value: Option<&str>| {
        let config = AlterableConfig::default()
            .with_name(text(key))
            .with_config_operation(operation)
            .with_value(value.map(text));
        let resource = AlterConfigsResource::default()
            .with_resource_type(TOPIC)
            .with_resource_name(text(name))
            .with_configs(vec![config]);
        let request = IncrementalAlterConfigsRequest::default().with_resources(vec![resource]);
        error(other.call(1, &request).unwrap().responses[0].error_code)
    };
    let large = batch(NOBODY, &[&"x".repeat(300)]);
    assert_eq!(error(raw.produce(&topic, 1, &large).error_code), None);
    assert_eq!(alter(&topic, "max.message.bytes", 0, Some("200")), None);
    until("it is refused", || {
        error(raw.produce(&topic, 1, &large).error_code) == Some(MessageTooLarge)
    });
    assert_eq!(value(&mut raw, &topic, "max.message.bytes"), ("200".to_owned(), 1, 3));
    assert_eq!(alter(&topic, "max.message.bytes", 1, None), None, "the default again");
    until("it is taken", || error(raw.produce(&topic, 1, &large).error_code).is_none());
    assert_eq!(value(&mut raw, &topic, "max.message.bytes"), ("1048588".to_owned(), 5, 3));
    assert_eq!(alter(&topic, "max.message.bytes", 0, Some("x")), Some(InvalidConfig));
    assert_eq!(alter(&topic, "no.such.key", 0, Some("1")), Some(InvalidConfig));
    assert_eq!(alter("nowhere", "max.message.bytes", 0, Some("1")), Some(UnknownTopicOrPartition));
    assert_eq!(alter(&topic, "cleanup.policy", 2, Some("compact")), None, "appended to a list");
    until("keys are needed", || {
        error(raw.produce(&topic, 1, &large).error_code) == Some(InvalidRecord)
    });
    assert_eq!(alter(&topic, "cleanup.policy", 3, Some("compact")), None, "and taken from it");
    until("it is taken", || error(raw.produce(&topic, 1, &large).error_code).is_none());
}
