//! DescribeGroups (15): the members of groups and what they read.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use super::metadata::NO_AUTHORIZED_OPERATIONS;
use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 15;
const VERSIONS: RangeInclusive<i16> = 0..=6;
const FLEXIBLE_FROM: i16 = 5;

/// Asks about groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsRequest {
    /// The groups.
    pub groups: Vec<Arc<str>>,
    /// Since version 3. Whether to tell what the client may do.
    pub include_authorized_operations: bool,
}

impl Fields for DescribeGroupsRequest {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string_array("groups", &mut self.groups)?;
        if c.version() >= 3 {
            c.bool("include_authorized_operations", &mut self.include_authorized_operations)?;
        } else {
            c.absent("include_authorized_operations", !self.include_authorized_operations)?;
        }
        c.no_tags()
    }
}

impl Message for DescribeGroupsRequest {
    const NAME: &'static str = "DescribeGroupsRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for DescribeGroupsRequest {
    type Response = DescribeGroupsResponse;
}

/// The groups.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribeGroupsResponse {
    /// Since version 1. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// The groups.
    pub groups: Vec<DescribedGroup>,
}

impl Fields for DescribeGroupsResponse {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.array("groups", &mut self.groups)?;
        c.no_tags()
    }
}

impl Message for DescribeGroupsResponse {
    const NAME: &'static str = "DescribeGroupsResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// A group.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    /// 0 if there was none.
    pub error_code: i16,
    /// Since version 6. What is wrong, in words.
    pub error_message: Option<Arc<str>>,
    /// Its id.
    pub group_id: Arc<str>,
    /// Its state, such as `Stable`, or empty.
    pub group_state: Arc<str>,
    /// What it is for, such as `consumer`, or empty.
    pub protocol_type: Arc<str>,
    /// The way of assigning that was chosen, or empty.
    pub protocol_data: Arc<str>,
    /// Its members.
    pub members: Vec<DescribedGroupMember>,
    /// Since version 3. A set of bits.
    pub authorized_operations: i32,
}

impl Default for DescribedGroup {
    fn default() -> DescribedGroup {
        DescribedGroup {
            error_code: 0,
            error_message: None,
            group_id: Arc::default(),
            group_state: Arc::default(),
            protocol_type: Arc::default(),
            protocol_data: Arc::default(),
            members: Vec::new(),
            authorized_operations: NO_AUTHORIZED_OPERATIONS,
        }
    }
}

impl Fields for DescribedGroup {
    const MIN_BYTES: usize = 12;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.i16("error_code", &mut self.error_code)?;
        if c.version() >= 6 {
            c.nullable_string("error_message", &mut self.error_message)?;
        } else {
            c.absent("error_message", self.error_message.is_none())?;
        }
        c.string("group_id", &mut self.group_id)?;
        c.string("group_state", &mut self.group_state)?;
        c.string("protocol_type", &mut self.protocol_type)?;
        c.string("protocol_data", &mut self.protocol_data)?;
        c.array("members", &mut self.members)?;
        if c.version() >= 3 {
            c.i32("authorized_operations", &mut self.authorized_operations)?;
        } else {
            c.absent(
                "authorized_operations",
                self.authorized_operations == NO_AUTHORIZED_OPERATIONS,
            )?;
        }
        c.no_tags()
    }
}

/// A member of a group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DescribedGroupMember {
    /// Its id.
    pub member_id: Arc<str>,
    /// Since version 4. Its name if it is a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// What its client calls itself.
    pub client_id: Arc<str>,
    /// Where its client is.
    pub client_host: Arc<str>,
    /// What it said of itself for the way of assigning that was chosen.
    pub member_metadata: Bytes,
    /// Its part.
    pub member_assignment: Bytes,
}

impl Fields for DescribedGroupMember {
    const MIN_BYTES: usize = 7;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("member_id", &mut self.member_id)?;
        if c.version() >= 4 {
            c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        }
        c.string("client_id", &mut self.client_id)?;
        c.string("client_host", &mut self.client_host)?;
        c.bytes("member_metadata", &mut self.member_metadata)?;
        c.bytes("member_assignment", &mut self.member_assignment)?;
        c.no_tags()
    }
}
