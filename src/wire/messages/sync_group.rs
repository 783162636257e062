//! SyncGroup (14): the leader of a group hands in the assignment, and each member gets its own.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 14;
const VERSIONS: RangeInclusive<i16> = 0..=5;
const FLEXIBLE_FROM: i16 = 4;

/// Asks for the member's assignment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequest {
    /// The group.
    pub group_id: Arc<str>,
    /// The generation that the member joined.
    pub generation_id: i32,
    /// The member.
    pub member_id: Arc<str>,
    /// Since version 3. The name of a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// Since version 5. What the group is for.
    pub protocol_type: Option<Arc<str>>,
    /// Since version 5. The way of assigning that was chosen.
    pub protocol_name: Option<Arc<str>>,
    /// What each member gets; only the leader says it.
    pub assignments: Vec<SyncGroupRequestAssignment>,
}

impl Fields for SyncGroupRequest {
    const MIN_BYTES: usize = 9;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        c.i32("generation_id", &mut self.generation_id)?;
        c.string("member_id", &mut self.member_id)?;
        if c.version() >= 3 {
            c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        } else {
            c.absent("group_instance_id", self.group_instance_id.is_none())?;
        }
        if c.version() >= 5 {
            c.nullable_string("protocol_type", &mut self.protocol_type)?;
            c.nullable_string("protocol_name", &mut self.protocol_name)?;
        }
        c.array("assignments", &mut self.assignments)?;
        c.no_tags()
    }
}

impl Message for SyncGroupRequest {
    const NAME: &'static str = "SyncGroupRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for SyncGroupRequest {
    type Response = SyncGroupResponse;
}

/// What one member gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupRequestAssignment {
    /// The member.
    pub member_id: Arc<str>,
    /// Its part; the coordinator does not look at it.
    pub assignment: Bytes,
}

impl Fields for SyncGroupRequestAssignment {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("member_id", &mut self.member_id)?;
        c.bytes("assignment", &mut self.assignment)?;
        c.no_tags()
    }
}

/// The member's assignment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SyncGroupResponse {
    /// Since version 1. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// Since version 5. What the group is for.
    pub protocol_type: Option<Arc<str>>,
    /// Since version 5. The way of assigning that was chosen.
    pub protocol_name: Option<Arc<str>>,
    /// The member's part.
    pub assignment: Bytes,
}

impl Fields for SyncGroupResponse {
    const MIN_BYTES: usize = 6;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        if c.version() >= 5 {
            c.nullable_string("protocol_type", &mut self.protocol_type)?;
            c.nullable_string("protocol_name", &mut self.protocol_name)?;
        }
        c.bytes("assignment", &mut self.assignment)?;
        c.no_tags()
    }
}

impl Message for SyncGroupResponse {
    const NAME: &'static str = "SyncGroupResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}
