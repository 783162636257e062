//! DescribeConfigs and IncrementalAlterConfigs: of topics all of it, of brokers what their
//! defaults for topics are.

use std::sync::Arc;

use super::topics::{DEFAULT, OF_TOPIC};
use crate::broker::call::Call;
use crate::broker::controller::Refusal;
use crate::broker::core::ClusterCore;
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::topic_config::{KEYS, TopicConfig};
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
/// Types of values.
const TYPE_STRING: i8 = 2;
const TYPE_LONG: i8 = 5;
const TYPE_LIST: i8 = 7;

impl Api for DescribeConfigsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let defaults = core.config.topic_defaults.clone();
        let results = self.resources.iter().map(|resource| match resource.resource_type {
            TOPIC => match image.topics.get(&resource.resource_name) {
                Some(topic) => described(resource, &topic.config, &defaults),
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
    let wanted = |key: &&&str| {
        let keys = resource.configuration_keys.as_ref();
        keys.is_none_or(|keys| keys.iter().any(|wanted| **wanted == ***key))
    };
    let entry = |key: &&str| DescribeConfigsResourceResult {
        name: (*key).into(),
        value: Some(config.get(key).into()),
        read_only: false,
        config_source: if config.get(key) == defaults.get(key) { DEFAULT } else { OF_TOPIC },
        config_type: match *key {
            "cleanup.policy" => TYPE_LIST,
            "message.timestamp.type" => TYPE_STRING,
            _ => TYPE_LONG,
        },
        ..DescribeConfigsResourceResult::default()
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
        let value = match change.config_operation {
            SET => change.value.as_deref().unwrap_or_default().to_owned(),
            DELETE => defaults.get(&change.name),
            // Lists have one or two words here; who wants to change them sets them.
            _ => {
                let text = format!("{} can be set and deleted, nothing else", change.name);
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
