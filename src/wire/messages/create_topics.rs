//! CreateTopics (19): topics to be made by the controller.
//!
//! Since version 5 the answer describes the new topic.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 19;
const VERSIONS: RangeInclusive<i16> = 2..=7;
const FLEXIBLE_FROM: i16 = 5;

/// Asks for topics.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateTopicsRequest {
    /// The topics.
    pub topics: Vec<CreatableTopic>,
    /// How long the broker waits until they are there.
    pub timeout_ms: i32,
    /// Whether only to check that they could be made.
    pub validate_only: bool,
}

impl Default for CreateTopicsRequest {
    fn default() -> CreateTopicsRequest {
        CreateTopicsRequest { topics: Vec::new(), timeout_ms: 60000, validate_only: false }
    }
}

impl Fields for CreateTopicsRequest {
    const MIN_BYTES: usize = 7;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.array("topics", &mut self.topics)?;
        c.i32("timeout_ms", &mut self.timeout_ms)?;
        c.bool("validate_only", &mut self.validate_only)?;
        c.no_tags()
    }
}

impl Message for CreateTopicsRequest {
    const NAME: &'static str = "CreateTopicsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for CreateTopicsRequest {
    type Response = CreateTopicsResponse;
}

/// A topic to make.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions; -1 if assignments say it or, since version 4, for the broker's default.
    pub num_partitions: i32,
    /// How many replicas of each; -1 as above.
    pub replication_factor: i16,
    /// Which brokers host which partition; empty to leave it to the controller.
    pub assignments: Vec<CreatableReplicaAssignment>,
    /// Its configuration where that is not the broker's default.
    pub configs: Vec<CreatableTopicConfig>,
}

impl Fields for CreatableTopic {
    const MIN_BYTES: usize = 10;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i32("num_partitions", &mut self.num_partitions)?;
        c.i16("replication_factor", &mut self.replication_factor)?;
        c.array("assignments", &mut self.assignments)?;
        c.array("configs", &mut self.configs)?;
        c.no_tags()
    }
}

/// The brokers of one partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableReplicaAssignment {
    /// The partition's number.
    pub partition_index: i32,
    /// The brokers, the preferred leader first.
    pub broker_ids: Vec<i32>,
}

impl Fields for CreatableReplicaAssignment {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("partition_index", &mut self.partition_index)?;
        c.i32_array("broker_ids", &mut self.broker_ids)?;
        c.no_tags()
    }
}

/// One value of the configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatableTopicConfig {
    /// Its key.
    pub name: Arc<str>,
    /// The value.
    pub value: Option<Arc<str>>,
}

impl Fields for CreatableTopicConfig {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.nullable_string("value", &mut self.value)?;
        c.no_tags()
    }
}

/// What became of the topics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreateTopicsResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The topics.
    pub topics: Vec<CreatableTopicResult>,
}

impl Fields for CreateTopicsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.array("topics", &mut self.topics)?;
        c.no_tags()
    }
}

impl Message for CreateTopicsResponse {
    const NAME: &'static str = "CreateTopicsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicResult {
    /// Its name.
    pub name: Arc<str>,
    /// Since version 7. Its id.
    pub topic_id: Uuid,
    /// 0 if there was none.
    pub error_code: i16,
    /// What is wrong, in words.
    pub error_message: Option<Arc<str>>,
    /// Since version 5, tag 0. Why there is no configuration in the answer, or 0.
    pub topic_config_error_code: i16,
    /// Since version 5. How many partitions, or -1.
    pub num_partitions: i32,
    /// Since version 5. How many replicas of each, or -1.
    pub replication_factor: i16,
    /// Since version 5. Its whole configuration; null if the client may not see it.
    pub configs: Option<Vec<CreatableTopicConfigs>>,
}

impl Default for CreatableTopicResult {
    fn default() -> CreatableTopicResult {
        CreatableTopicResult {
            name: Arc::default(),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: None,
            topic_config_error_code: 0,
            num_partitions: -1,
            replication_factor: -1,
            configs: None,
        }
    }
}

impl Fields for CreatableTopicResult {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        if c.version() >= 7 {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        c.nullable_string("error_message", &mut self.error_message)?;
        if c.version() >= 5 {
            c.i32("num_partitions", &mut self.num_partitions)?;
            c.i16("replication_factor", &mut self.replication_factor)?;
            c.nullable_array("configs", &mut self.configs)?;
        }
        let present = [self.topic_config_error_code != 0];
        c.tags(&present, |c, _| c.i16("topic_config_error_code", &mut self.topic_config_error_code))
    }
}

/// One value of the new topic's configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct CreatableTopicConfigs {
    /// Its key.
    pub name: Arc<str>,
    /// The value; null if it is a secret.
    pub value: Option<Arc<str>>,
    /// Whether it cannot be changed.
    pub read_only: bool,
    /// Where the value comes from.
    pub config_source: i8,
    /// Whether it is a secret.
    pub is_sensitive: bool,
}

impl Default for CreatableTopicConfigs {
    fn default() -> CreatableTopicConfigs {
        CreatableTopicConfigs {
            name: Arc::default(),
            value: None,
            read_only: false,
            config_source: -1,
            is_sensitive: false,
        }
    }
}

impl Fields for CreatableTopicConfigs {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.nullable_string("value", &mut self.value)?;
        c.bool("read_only", &mut self.read_only)?;
        c.i8("config_source", &mut self.config_source)?;
        c.bool("is_sensitive", &mut self.is_sensitive)?;
        c.no_tags()
    }
}
