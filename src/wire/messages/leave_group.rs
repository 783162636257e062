//! LeaveGroup (13): members leave their group.
//!
//! Since version 3 an administrator can remove many at once, static ones by their name.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 13;
const VERSIONS: RangeInclusive<i16> = 0..=5;
const FLEXIBLE_FROM: i16 = 4;

/// Asks to leave.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupRequest {
    /// The group.
    pub group_id: Arc<str>,
    /// Up to version 2. The member that leaves.
    pub member_id: Arc<str>,
    /// Since version 3. The members that leave.
    pub members: Vec<MemberIdentity>,
}

impl Fields for LeaveGroupRequest {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        if c.version() <= 2 {
            c.string("member_id", &mut self.member_id)?;
        } else {
            c.absent("member_id", self.member_id.is_empty())?;
        }
        if c.version() >= 3 {
            c.array("members", &mut self.members)?;
        } else {
            c.absent("members", self.members.is_empty())?;
        }
        c.no_tags()
    }
}

impl Message for LeaveGroupRequest {
    const NAME: &'static str = "LeaveGroupRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for LeaveGroupRequest {
    type Response = LeaveGroupResponse;
}

/// A member that leaves.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberIdentity {
    /// Its id; empty if only its name is known.
    pub member_id: Arc<str>,
    /// The name of a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// Since version 5. Why it leaves, in words.
    pub reason: Option<Arc<str>>,
}

impl Fields for MemberIdentity {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("member_id", &mut self.member_id)?;
        c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        if c.version() >= 5 {
            c.nullable_string("reason", &mut self.reason)?;
        }
        c.no_tags()
    }
}

/// Who left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LeaveGroupResponse {
    /// Since version 1. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// Since version 3. What became of each.
    pub members: Vec<MemberResponse>,
}

impl Fields for LeaveGroupResponse {
    const MIN_BYTES: usize = 2;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        if c.version() >= 3 {
            c.array("members", &mut self.members)?;
        } else {
            c.absent("members", self.members.is_empty())?;
        }
        c.no_tags()
    }
}

impl Message for LeaveGroupResponse {
    const NAME: &'static str = "LeaveGroupResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// What became of one member's wish.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemberResponse {
    /// Its id.
    pub member_id: Arc<str>,
    /// The name of a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// 0 if there was none.
    pub error_code: i16,
}

impl Fields for MemberResponse {
    const MIN_BYTES: usize = 5;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("member_id", &mut self.member_id)?;
        c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        c.i16("error_code", &mut self.error_code)?;
        c.no_tags()
    }
}
