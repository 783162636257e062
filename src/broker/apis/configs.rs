//! DescribeConfigs and IncrementalAlterConfigs: of topics all of it, of brokers what their
//! defaults for topics are.

use std::sync::Arc;

use super::topics::{DEFAULT, OF_TOPIC};
use crate::broker::call::Call;
use crate::broker::controller::Refusal;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::metadata_cache::check_topic_name;
use crate::broker::topic_config::{KEYS, Key, TopicConfig, ValueType, key};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::describe_configs::{
    DescribeConfigsResource, DescribeConfigsResourceResult, DescribeConfigsResult,
};
use crate::wire::messages::incremental_alter_configs::{
    AlterConfigsResource, AlterConfigsResourceResponse,
};
use crate::wire::messages::{
    DescribeConfigsRequest, DescribeConfigsResponse, IncrementalAlterConfigsRequest,
    IncrementalAlterConfigsResponse,
};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
/// What may be done with a key.
const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

impl Api for DescribeConfigsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let defaults = core.config.topic_defaults.clone();
        let results = self.resources.iter().map(|resource| match resource.resource_type {
            TOPIC => match image.topics.get(&resource.resource_name) {
                Some(topic) => described(resource, &topic.config, &defaults),
                None if check_topic_name(&resource.resource_name).is_err() => {
                    failed(resource, ErrorCode::INVALID_TOPIC_EXCEPTION)
                }
                None => failed(resource, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION),
            },
            BROKER => described(resource, &defaults, &defaults),
            _ => failed(resource, ErrorCode::INVALID_REQUEST),
        });
        let results = results.collect();
        core.answer(call, DescribeConfigsResponse { results, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<DescribeConfigsResponse> {
        let results = self.resources.iter().map(|resource| failed(resource, code)).collect();
        Some(DescribeConfigsResponse { results, ..DescribeConfigsResponse::default() })
    }
}

fn failed(resource: &DescribeConfigsResource, code: ErrorCode) -> DescribeConfigsResult {
    DescribeConfigsResult {
        error_code: code.0 as i16,
        error_message: Some(code.text().into()),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        ..DescribeConfigsResult::default()
    }
}

fn described(
    resource: &DescribeConfigsResource,
    config: &TopicConfig,
    defaults: &TopicConfig,
) -> DescribeConfigsResult {
    let wanted = |key: &&Key| {
        let keys = resource.configuration_keys.as_ref();
        keys.is_none_or(|keys| keys.iter().any(|wanted| **wanted == *key.name))
    };
    let entry = |key: &Key| {
        let value = config.get(key.name);
        let is_default = value == defaults.get(key.name);
        DescribeConfigsResourceResult {
            name: key.name.into(),
            value: Some(value.into()),
            read_only: false,
            config_source: if is_default { DEFAULT } else { OF_TOPIC },
            config_type: key.value_type as i8,
            ..DescribeConfigsResourceResult::default()
        }
    };
    DescribeConfigsResult {
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
        configs: KEYS.iter().filter(wanted).map(entry).collect(),
        ..DescribeConfigsResult::default()
    }
}

impl Api for IncrementalAlterConfigsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let mut responses = Vec::with_capacity(self.resources.len());
        for resource in &self.resources {
            let altered = alter(core, resource, self.validate_only, now);
            let (code, why) = altered.err().unwrap_or((ErrorCode::NONE, String::new()));
            responses.push(altered_response(resource, code, &why));
        }
        core.answer(call, IncrementalAlterConfigsResponse { responses, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<IncrementalAlterConfigsResponse> {
        let resources = self.resources.iter();
        let responses = resources.map(|one| altered_response(one, code, code.text())).collect();
        Some(IncrementalAlterConfigsResponse { responses, ..Default::default() })
    }
}

fn alter(
    core: &mut ClusterCore,
    resource: &AlterConfigsResource,
    validate_only: bool,
    now: Instant,
) -> Result<(), Refusal> {
    if resource.resource_type != TOPIC {
        let text = "Only the configuration of topics can be altered here.".to_owned();
        return Err((ErrorCode::INVALID_REQUEST, text));
    }
    let name = &resource.resource_name;
    let defaults = core.config.topic_defaults.clone();
    let Some(topic) = core.registry.topics.get(name) else {
        return Err((ErrorCode::UNKNOWN_TOPIC_OR_PARTITION, format!("no topic {name}")));
    };
    let mut config = TopicConfig::clone(&topic.config);
    for change in &resource.configs {
        let given = change.value.as_deref().unwrap_or_default();
        let is_list = key(&change.name).is_some_and(|key| key.value_type == ValueType::List);
        let value = match change.config_operation {
            SET => given.to_owned(),
            DELETE => defaults.get(&change.name),
            APPEND | SUBTRACT if !is_list => {
                let text = format!("{} is not a list", change.name);
                return Err((ErrorCode::INVALID_CONFIG, text));
            }
            APPEND => changed_list(&config.get(&change.name), given, true),
            SUBTRACT => changed_list(&config.get(&change.name), given, false),
            other => {
                let text = format!("There is no operation {other} on {}", change.name);
                return Err((ErrorCode::INVALID_REQUEST, text));
            }
        };
        config.set(&change.name, &value).map_err(|why| (ErrorCode::INVALID_CONFIG, why))?;
    }
    match validate_only {
        true => Ok(()),
        false => core.alter_config(name, config, now),
    }
}

/// A list with these words at its end, or without them.
fn changed_list(list: &str, words: &str, append: bool) -> String {
    let words: Vec<&str> = words.split(',').map(str::trim).collect();
    let kept = list.split(',').filter(|word| !word.is_empty() && (append || !words.contains(word)));
    let mut changed: Vec<&str> = kept.collect();
    if append {
        let new: Vec<&str> = words.into_iter().filter(|word| !changed.contains(word)).collect();
        changed.extend(new);
    }
    changed.join(",")
}

fn altered_response(
    resource: &AlterConfigsResource,
    code: ErrorCode,
    why: &str,
) -> AlterConfigsResourceResponse {
    AlterConfigsResourceResponse {
        error_code: code.0 as i16,
        error_message: (code != ErrorCode::NONE).then(|| Arc::from(why)),
        resource_type: resource.resource_type,
        resource_name: resource.resource_name.clone(),
    }
}

impl Answer for DescribeConfigsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for one in &mut self.results {
            one.error_code = code.0 as i16;
            one.configs.clear();
        }
    }
}

impl Answer for IncrementalAlterConfigsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for one in &mut self.responses {
            one.error_code = code.0 as i16;
        }
    }
}
