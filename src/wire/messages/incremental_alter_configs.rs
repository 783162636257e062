//! IncrementalAlterConfigs (44): changes to the configuration of topics and brokers.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 44;
const VERSIONS: RangeInclusive<i16> = 0..=1;
const FLEXIBLE_FROM: i16 = 1;

/// Asks for changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncrementalAlterConfigsRequest {
    /// Whose configurations to change.
    pub resources: Vec<AlterConfigsResource>,
    /// Whether only to check that they could be changed.
    pub validate_only: bool,
}

impl Fields for IncrementalAlterConfigsRequest {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.array("resources", &mut self.resources)?;
        c.bool("validate_only", &mut self.validate_only)?;
        c.no_tags()
    }
}

impl Message for IncrementalAlterConfigsRequest {
    const NAME: &'static str = "IncrementalAlterConfigsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for IncrementalAlterConfigsRequest {
    type Response = IncrementalAlterConfigsResponse;
}

/// Something whose configuration is changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResource {
    /// 2 is a topic, 4 a broker, 8 the logging of a broker, 32 a group.
    pub resource_type: i8,
    /// The topic's name or the broker's number.
    pub resource_name: Arc<str>,
    /// The changes.
    pub configs: Vec<AlterableConfig>,
}

impl Fields for AlterConfigsResource {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i8("resource_type", &mut self.resource_type)?;
        c.string("resource_name", &mut self.resource_name)?;
        c.array("configs", &mut self.configs)?;
        c.no_tags()
    }
}

/// One change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterableConfig {
    /// The key.
    pub name: Arc<str>,
    /// 0 sets, 1 deletes, 2 appends to a list, 3 takes from a list.
    pub config_operation: i8,
    /// The value.
    pub value: Option<Arc<str>>,
}

impl Fields for AlterableConfig {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i8("config_operation", &mut self.config_operation)?;
        c.nullable_string("value", &mut self.value)?;
        c.no_tags()
    }
}

/// What became of the changes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IncrementalAlterConfigsResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Those of each resource.
    pub responses: Vec<AlterConfigsResourceResponse>,
}

impl Fields for IncrementalAlterConfigsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.array("responses", &mut self.responses)?;
        c.no_tags()
    }
}

impl Message for IncrementalAlterConfigsResponse {
    const NAME: &'static str = "IncrementalAlterConfigsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of the changes to one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlterConfigsResourceResponse {
    /// 0 if there was none.
    pub error_code: i16,
    /// What is wrong, in words.
    pub error_message: Option<Arc<str>>,
    /// The kind of resource.
    pub resource_type: i8,
    /// Its name.
    pub resource_name: Arc<str>,
}

impl Fields for AlterConfigsResourceResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        c.nullable_string("error_message", &mut self.error_message)?;
        c.i8("resource_type", &mut self.resource_type)?;
        c.string("resource_name", &mut self.resource_name)?;
        c.no_tags()
    }
}
