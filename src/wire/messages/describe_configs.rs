//! DescribeConfigs (32): the configuration of topics and brokers.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 32;
const VERSIONS: RangeInclusive<i16> = 1..=4;
const FLEXIBLE_FROM: i16 = 4;

/// Asks for configurations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsRequest {
    /// Whose.
    pub resources: Vec<DescribeConfigsResource>,
    /// Whether to tell which other values would come next.
    pub include_synonyms: bool,
    /// Since version 3. Whether to tell what the keys mean.
    pub include_documentation: bool,
}

impl Fields for DescribeConfigsRequest {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.array("resources", &mut self.resources)?;
        c.bool("include_synonyms", &mut self.include_synonyms)?;
        if c.version() >= 3 {
            c.bool("include_documentation", &mut self.include_documentation)?;
        } else {
            c.absent("include_documentation", !self.include_documentation)?;
        }
        c.no_tags()
    }
}

impl Message for DescribeConfigsRequest {
    const NAME: &'static str = "DescribeConfigsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for DescribeConfigsRequest {
    type Response = DescribeConfigsResponse;
}

/// Something that has a configuration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResource {
    /// 2 is a topic, 4 a broker, 8 the logging of a broker, 32 a group.
    pub resource_type: i8,
    /// The topic's name or the broker's number.
    pub resource_name: Arc<str>,
    /// The keys wanted; null for all.
    pub configuration_keys: Option<Vec<Arc<str>>>,
}

impl Fields for DescribeConfigsResource {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i8("resource_type", &mut self.resource_type)?;
        c.string("resource_name", &mut self.resource_name)?;
        c.nullable_string_array("configuration_keys", &mut self.configuration_keys)?;
        c.no_tags()
    }
}

/// The configurations.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Those of each resource.
    pub results: Vec<DescribeConfigsResult>,
}

impl Fields for DescribeConfigsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.array("results", &mut self.results)?;
        c.no_tags()
    }
}

impl Message for DescribeConfigsResponse {
    const NAME: &'static str = "DescribeConfigsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// The configuration of one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsResult {
    /// 0 if there was none.
    pub error_code: i16,
    /// What is wrong, in words.
    pub error_message: Option<Arc<str>>,
    /// The kind of resource.
    pub resource_type: i8,
    /// Its name.
    pub resource_name: Arc<str>,
    /// The configuration.
    pub configs: Vec<DescribeConfigsResourceResult>,
}

impl Fields for DescribeConfigsResult {
    const MIN_BYTES: usize = 7;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        c.nullable_string("error_message", &mut self.error_message)?;
        c.i8("resource_type", &mut self.resource_type)?;
        c.string("resource_name", &mut self.resource_name)?;
        c.array("configs", &mut self.configs)?;
        c.no_tags()
    }
}

/// One value of the configuration.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribeConfigsResourceResult {
    /// Its key.
    pub name: Arc<str>,
    /// The value; null if it is a secret.
    pub value: Option<Arc<str>>,
    /// Whether it cannot be changed.
    pub read_only: bool,
    /// Where the value comes from: 1 the topic, 2 the broker, 3 all brokers, 4 the broker's file, 5
    /// nowhere.
    pub config_source: i8,
    /// Whether it is a secret.
    pub is_sensitive: bool,
    /// The keys and values that would apply without it, the next one first.
    pub synonyms: Vec<DescribeConfigsSynonym>,
    /// Since version 3. The type of the value: 1 bool, 2 string, 3 int, 4 short, 5 long, 6 double,
    /// 7 list, 8 class, 9 password.
    pub config_type: i8,
    /// Since version 3. What the key means.
    pub documentation: Option<Arc<str>>,
}

impl Default for DescribeConfigsResourceResult {
    fn default() -> DescribeConfigsResourceResult {
        DescribeConfigsResourceResult {
            name: Arc::default(),
            value: None,
            read_only: false,
            config_source: -1,
            is_sensitive: false,
            synonyms: Vec::new(),
            config_type: 0,
            documentation: None,
        }
    }
}

impl Fields for DescribeConfigsResourceResult {
    const MIN_BYTES: usize = 9;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.nullable_string("value", &mut self.value)?;
        c.bool("read_only", &mut self.read_only)?;
        c.i8("config_source", &mut self.config_source)?;
        c.bool("is_sensitive", &mut self.is_sensitive)?;
        c.array("synonyms", &mut self.synonyms)?;
        if c.version() >= 3 {
            c.i8("config_type", &mut self.config_type)?;
            c.nullable_string("documentation", &mut self.documentation)?;
        }
        c.no_tags()
    }
}

/// A value that would apply.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeConfigsSynonym {
    /// Its key.
    pub name: Arc<str>,
    /// The value.
    pub value: Option<Arc<str>>,
    /// Where it comes from.
    pub source: i8,
}

impl Fields for DescribeConfigsSynonym {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.nullable_string("value", &mut self.value)?;
        c.i8("source", &mut self.source)?;
        c.no_tags()
    }
}
