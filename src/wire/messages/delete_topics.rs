//! DeleteTopics (20): topics to be deleted by the controller.
//!
//! Version 6 can name topics by their ids.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;
use crate::wire::uuid::Uuid;

/// The API's number.
pub const KEY: i16 = 20;
const VERSIONS: RangeInclusive<i16> = 1..=6;
const FLEXIBLE_FROM: i16 = 4;

/// Asks to delete topics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsRequest {
    /// Since version 6. The topics.
    pub topics: Vec<DeleteTopicState>,
    /// Up to version 5. The topics' names.
    pub topic_names: Vec<Arc<str>>,
    /// How long the broker waits until they are gone.
    pub timeout_ms: i32,
}

impl Fields for DeleteTopicsRequest {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 6 {
            c.array("topics", &mut self.topics)?;
        } else {
            c.absent("topics", self.topics.is_empty())?;
        }
        if c.version() <= 5 {
            c.string_array("topic_names", &mut self.topic_names)?;
        }
        c.i32("timeout_ms", &mut self.timeout_ms)?;
        c.no_tags()
    }
}

impl Message for DeleteTopicsRequest {
    const NAME: &'static str = "DeleteTopicsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for DeleteTopicsRequest {
    type Response = DeleteTopicsResponse;
}

/// A topic to delete.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicState {
    /// Its name; null if it is named by its id.
    pub name: Option<Arc<str>>,
    /// Its id; zero if it is named by its name.
    pub topic_id: Uuid,
}

impl Fields for DeleteTopicState {
    const MIN_BYTES: usize = 18;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.nullable_string("name", &mut self.name)?;
        c.uuid("topic_id", &mut self.topic_id)?;
        c.no_tags()
    }
}

/// What became of the topics.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DeleteTopicsResponse {
    /// How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The topics.
    pub responses: Vec<DeletableTopicResult>,
}

impl Fields for DeleteTopicsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        c.array("responses", &mut self.responses)?;
        c.no_tags()
    }
}

impl Message for DeleteTopicsResponse {
    const NAME: &'static str = "DeleteTopicsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of one topic.
#[derive(Clone, Debug, PartialEq)]
pub struct DeletableTopicResult {
    /// Its name. Since version 6 null if an id was given that the client may not know or no topic
    /// has.
    pub name: Option<Arc<str>>,
    /// Since version 6. Its id.
    pub topic_id: Uuid,
    /// 0 if there was none.
    pub error_code: i16,
    /// Since version 5. What is wrong, in words.
    pub error_message: Option<Arc<str>>,
}

impl Default for DeletableTopicResult {
    fn default() -> DeletableTopicResult {
        DeletableTopicResult {
            name: Some(Arc::default()),
            topic_id: Uuid::ZERO,
            error_code: 0,
            error_message: None,
        }
    }
}

impl Fields for DeletableTopicResult {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 6 {
            c.nullable_string("name", &mut self.name)?;
        } else {
            c.required_string("name", &mut self.name)?;
        }
        if c.version() >= 6 {
            c.uuid("topic_id", &mut self.topic_id)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        if c.version() >= 5 {
            c.nullable_string("error_message", &mut self.error_message)?;
        }
        c.no_tags()
    }
}
