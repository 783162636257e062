//! CreatePartitions (37): more partitions for topics.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 37;
const VERSIONS: RangeInclusive<i16> = 0..=3;
const FLEXIBLE_FROM: i16 = 2;

/// Asks for partitions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsRequest {
    /// The topics.
    pub topics: Vec<CreatePartitionsTopic>,
    /// How long the broker waits until they are there.
    pub timeout_ms: i32,
    /// Whether only to check that they could be made.
    pub validate_only: bool,
}

impl Fields for CreatePartitionsRequest {
    const MIN_BYTES: usize = 7;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.array("topics", &mut self.topics)?;
        c.i32("timeout_ms", &mut self.timeout_ms)?;
        c.bool("validate_only", &mut self.validate_only)?;
        c.no_tags()
    }
}

impl Message for CreatePartitionsRequest {
    const NAME: &'static str = "CreatePartitionsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for CreatePartitionsRequest {
    type Response = CreatePartitionsResponse;
}

/// A topic that grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions it is to have, with those that are there.
    pub count: i32,
    /// Which brokers host the new ones; null to leave it to the controller.
    pub assignments: Option<Vec<CreatePartitionsAssignment>>,
}

impl Fields for CreatePartitionsTopic {
    const MIN_BYTES: usize = 7;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i32("count", &mut self.count)?;
        c.nullable_array("assignments", &mut self.assignments)?;
        c.no_tags()
    }
}

/// The brokers of one new partition.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsAssignment {
    /// The brokers, the preferred leader first.
    pub broker_ids: Vec<i32>,
}

impl Fields for CreatePartitionsAssignment {
    const MIN_BYTES: usize = 2;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32_array("broker_ids", &mut self.broker_ids)?;
        c.no_tags()
    }
}

/// What became of the wishes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The topics.
    pub results: Vec<CreatePartitionsTopicResult>,
}

impl Fields for CreatePartitionsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.array("results", &mut self.results)?;
        c.no_tags()
    }
}

impl Message for CreatePartitionsResponse {
    const NAME: &'static str = "CreatePartitionsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of one topic.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CreatePartitionsTopicResult {
    /// Its name.
    pub name: Arc<str>,
    /// 0 if there was none.
    pub error_code: i16,
    /// What is wrong, in words.
    pub error_message: Option<Arc<str>>,
}

impl Fields for CreatePartitionsTopicResult {
    const MIN_BYTES: usize = 5;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.i16("error_code", &mut self.error_code)?;
        c.nullable_string("error_message", &mut self.error_message)?;
        c.no_tags()
    }
}
