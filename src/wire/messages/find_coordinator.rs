//! FindCoordinator (10): which broker looks after a group or a transactional id.
//!
//! Version 4 asks for many at once.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 10;
const VERSIONS: RangeInclusive<i16> = 0..=6;
const FLEXIBLE_FROM: i16 = 3;

/// Asks for coordinators.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorRequest {
    /// Up to version 3. The group or the transactional id.
    pub key: Arc<str>,
    /// Since version 1. 0 for groups, 1 for transactional ids, 2 for share groups.
    pub key_type: i8,
    /// Since version 4. The groups or the transactional ids.
    pub coordinator_keys: Vec<Arc<str>>,
}

impl Fields for FindCoordinatorRequest {
    const MIN_BYTES: usize = 2;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() <= 3 {
            c.string("key", &mut self.key)?;
        } else {
            c.absent("key", self.key.is_empty())?;
        }
        if c.version() >= 1 {
            c.i8("key_type", &mut self.key_type)?;
        } else {
            c.absent("key_type", self.key_type == 0)?;
        }
        if c.version() >= 4 {
            c.string_array("coordinator_keys", &mut self.coordinator_keys)?;
        } else {
            c.absent("coordinator_keys", self.coordinator_keys.is_empty())?;
        }
        c.no_tags()
    }
}

impl Message for FindCoordinatorRequest {
    const NAME: &'static str = "FindCoordinatorRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for FindCoordinatorRequest {
    type Response = FindCoordinatorResponse;
}

/// The coordinators.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FindCoordinatorResponse {
    /// Since version 1. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// Up to version 3. 0 if there was none.
    pub error_code: i16,
    /// Versions 1 to 3. What is wrong, in words.
    pub error_message: Option<Arc<str>>,
    /// Up to version 3. The broker's number, or -1.
    pub node_id: i32,
    /// Up to version 3. A name or an address.
    pub host: Arc<str>,
    /// Up to version 3. The port, or -1.
    pub port: i32,
    /// Since version 4. The coordinators.
    pub coordinators: Vec<Coordinator>,
}

impl Fields for FindCoordinatorResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        if c.version() <= 3 {
            c.i16("error_code", &mut self.error_code)?;
        } else {
            c.absent("error_code", self.error_code == 0)?;
        }
        if (1..=3).contains(&c.version()) {
            c.nullable_string("error_message", &mut self.error_message)?;
        }
        if c.version() <= 3 {
            c.i32("node_id", &mut self.node_id)?;
            c.string("host", &mut self.host)?;
            c.i32("port", &mut self.port)?;
        } else {
            c.absent("node_id", self.node_id == 0)?;
            c.absent("host", self.host.is_empty())?;
            c.absent("port", self.port == 0)?;
        }
        if c.version() >= 4 {
            c.array("coordinators", &mut self.coordinators)?;
        } else {
            c.absent("coordinators", self.coordinators.is_empty())?;
        }
        c.no_tags()
    }
}

impl Message for FindCoordinatorResponse {
    const NAME: &'static str = "FindCoordinatorResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// The coordinator of one key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coordinator {
    /// The group or the transactional id.
    pub key: Arc<str>,
    /// The broker's number, or -1.
    pub node_id: i32,
    /// A name or an address.
    pub host: Arc<str>,
    /// The port, or -1.
    pub port: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// What is wrong, in words.
    pub error_message: Option<Arc<str>>,
}

impl Fields for Coordinator {
    const MIN_BYTES: usize = 14;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("key", &mut self.key)?;
        c.i32("node_id", &mut self.node_id)?;
        c.string("host", &mut self.host)?;
        c.i32("port", &mut self.port)?;
        c.i16("error_code", &mut self.error_code)?;
        c.nullable_string("error_message", &mut self.error_message)?;
        c.no_tags()
    }
}
