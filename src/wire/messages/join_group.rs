//! JoinGroup (11): a consumer enters a group and waits until all members have.
//!
//! Since version 4 a new member is first given its id and has to join again with it; version 5 has
//! static members (KIP-345) and 9 lets a static leader come back without a new assignment.

use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 11;
const VERSIONS: RangeInclusive<i16> = 0..=9;
const FLEXIBLE_FROM: i16 = 6;

/// Asks to be a member.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupRequest {
    /// The group.
    pub group_id: Arc<str>,
    /// After which silence the member is taken for dead.
    pub session_timeout_ms: i32,
    /// Since version 1. How long the group waits for members to join again; -1 in version 0, which
    /// has but the session timeout.
    pub rebalance_timeout_ms: i32,
    /// The id that the coordinator gave, or empty for a new member.
    pub member_id: Arc<str>,
    /// Since version 5. The name of a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// What the group is for, such as `consumer`.
    pub protocol_type: Arc<str>,
    /// The ways of assigning that the member knows, the best one first.
    pub protocols: Vec<JoinGroupRequestProtocol>,
    /// Since version 8. Why it joins, in words.
    pub reason: Option<Arc<str>>,
}

impl Default for JoinGroupRequest {
    fn default() -> JoinGroupRequest {
        JoinGroupRequest {
            group_id: Arc::default(),
            session_timeout_ms: 0,
            rebalance_timeout_ms: -1,
            member_id: Arc::default(),
            group_instance_id: None,
            protocol_type: Arc::default(),
            protocols: Vec::new(),
            reason: None,
        }
    }
}

impl Fields for JoinGroupRequest {
    const MIN_BYTES: usize = 14;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        c.i32("session_timeout_ms", &mut self.session_timeout_ms)?;
        if c.version() >= 1 {
            c.i32("rebalance_timeout_ms", &mut self.rebalance_timeout_ms)?;
        }
        c.string("member_id", &mut self.member_id)?;
        if c.version() >= 5 {
            c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        } else {
            c.absent("group_instance_id", self.group_instance_id.is_none())?;
        }
        c.string("protocol_type", &mut self.protocol_type)?;
        c.array("protocols", &mut self.protocols)?;
        if c.version() >= 8 {
            c.nullable_string("reason", &mut self.reason)?;
        }
        c.no_tags()
    }
}

impl Message for JoinGroupRequest {
    const NAME: &'static str = "JoinGroupRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for JoinGroupRequest {
    type Response = JoinGroupResponse;
}

/// One way of assigning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupRequestProtocol {
    /// Its name, such as `range`.
    pub name: Arc<str>,
    /// What the leader needs to know of the member; the coordinator does not look at it.
    pub metadata: Bytes,
}

impl Fields for JoinGroupRequestProtocol {
    const MIN_BYTES: usize = 3;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("name", &mut self.name)?;
        c.bytes("metadata", &mut self.metadata)?;
        c.no_tags()
    }
}

/// The generation of the group that came about.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroupResponse {
    /// Since version 2. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// 0 if there was none.
    pub error_code: i16,
    /// The generation, or -1.
    pub generation_id: i32,
    /// Since version 7. What the group is for.
    pub protocol_type: Option<Arc<str>>,
    /// The way of assigning that was chosen. May be null since version 7.
    pub protocol_name: Option<Arc<str>>,
    /// The id of the member that assigns.
    pub leader: Arc<str>,
    /// Since version 9. Whether the leader need not assign anew.
    pub skip_assignment: bool,
    /// The id of the member that is answered.
    pub member_id: Arc<str>,
    /// All members; only the leader gets them.
    pub members: Vec<JoinGroupResponseMember>,
}

impl Default for JoinGroupResponse {
    fn default() -> JoinGroupResponse {
        JoinGroupResponse {
            throttle_time_ms: 0,
            error_code: 0,
            generation_id: -1,
            protocol_type: None,
            protocol_name: Some(Arc::default()),
            leader: Arc::default(),
            skip_assignment: false,
            member_id: Arc::default(),
            members: Vec::new(),
        }
    }
}

impl Fields for JoinGroupResponse {
    const MIN_BYTES: usize = 15;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 2 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        c.i32("generation_id", &mut self.generation_id)?;
        if c.version() >= 7 {
            c.nullable_string("protocol_type", &mut self.protocol_type)?;
            c.nullable_string("protocol_name", &mut self.protocol_name)?;
        } else {
            c.required_string("protocol_name", &mut self.protocol_name)?;
        }
        c.string("leader", &mut self.leader)?;
        if c.version() >= 9 {
            c.bool("skip_assignment", &mut self.skip_assignment)?;
        } else {
            c.absent("skip_assignment", !self.skip_assignment)?;
        }
        c.string("member_id", &mut self.member_id)?;
        c.array("members", &mut self.members)?;
        c.no_tags()
    }
}

impl Message for JoinGroupResponse {
    const NAME: &'static str = "JoinGroupResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

/// A member, for the leader.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JoinGroupResponseMember {
    /// Its id.
    pub member_id: Arc<str>,
    /// Since version 5. Its name if it is a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
    /// What it said of itself for the way of assigning that was chosen.
    pub metadata: Bytes,
}

impl Fields for JoinGroupResponseMember {
    const MIN_BYTES: usize = 4;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("member_id", &mut self.member_id)?;
        if c.version() >= 5 {
            c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        }
        c.bytes("metadata", &mut self.metadata)?;
        c.no_tags()
    }
}
