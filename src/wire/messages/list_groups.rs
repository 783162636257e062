//! ListGroups (16): the groups that a broker coordinates.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 16;
const VERSIONS: RangeInclusive<i16> = 0..=5;
const FLEXIBLE_FROM: i16 = 3;

/// Asks for the groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsRequest {
    /// Since version 4. Only groups in one of these states; empty for all.
    pub states_filter: Vec<Arc<str>>,
    /// Since version 5. Only groups of one of these types; empty for all.
    pub types_filter: Vec<Arc<str>>,
}

impl Fields for ListGroupsRequest {
    const MIN_BYTES: usize = 0;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 4 {
            c.string_array("states_filter", &mut self.states_filter)?;
        } else {
            c.absent("states_filter", self.states_filter.is_empty())?;
        }
        if c.version() >= 5 {
            c.string_array("types_filter", &mut self.types_filter)?;
        } else {
            c.absent("types_filter", self.types_filter.is_empty())?;
        }
        c.no_tags()
    }
}

impl Message for ListGroupsRequest {
    const NAME: &'static str = "ListGroupsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for ListGroupsRequest {
    type Response = ListGroupsResponse;
}

/// The groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListGroupsResponse {
    /// Since version 1. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// The groups.
    pub groups: Vec<ListedGroup>,
}

impl Fields for ListGroupsResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        c.array("groups", &mut self.groups)?;
        c.no_tags()
    }
}

impl Message for ListGroupsResponse {
    const NAME: &'static str = "ListGroupsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ListedGroup {
    /// Its id.
    pub group_id: Arc<str>,
    /// What it is for, such as `consumer`.
    pub protocol_type: Arc<str>,
    /// Since version 4. Its state, such as `Stable`.
    pub group_state: Arc<str>,
    /// Since version 5. Its type, such as `classic`.
    pub group_type: Arc<str>,
}

impl Fields for ListedGroup {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        c.string("protocol_type", &mut self.protocol_type)?;
        if c.version() >= 4 {
            c.string("group_state", &mut self.group_state)?;
        }
        if c.version() >= 5 {
            c.string("group_type", &mut self.group_type)?;
        }
        c.no_tags()
    }
}
