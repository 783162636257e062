//! Heartbeat (12): a member of a group says that it lives, and hears whether the group rebalances.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::wire::codec::{Codec, Fields, Message, Request};
use crate::wire::error::Result;

/// The API's number.
pub const KEY: i16 = 12;
const VERSIONS: RangeInclusive<i16> = 0..=4;
const FLEXIBLE_FROM: i16 = 4;

/// A sign of life.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatRequest {
    /// The group.
    pub group_id: Arc<str>,
    /// The generation that the member joined.
    pub generation_id: i32,
    /// The member.
    pub member_id: Arc<str>,
    /// Since version 3. The name of a static member, or null.
    pub group_instance_id: Option<Arc<str>>,
}

impl Fields for HeartbeatRequest {
    const MIN_BYTES: usize = 8;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        c.string("group_id", &mut self.group_id)?;
        c.i32("generation_id", &mut self.generation_id)?;
        c.string("member_id", &mut self.member_id)?;
        if c.version() >= 3 {
            c.nullable_string("group_instance_id", &mut self.group_instance_id)?;
        } else {
            c.absent("group_instance_id", self.group_instance_id.is_none())?;
        }
        c.no_tags()
    }
}

impl Message for HeartbeatRequest {
    const NAME: &'static str = "HeartbeatRequest";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}

impl Request for HeartbeatRequest {
    type Response = HeartbeatResponse;
}

/// Whether the member is still one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HeartbeatResponse {
    /// Since version 1. How long the client is held back for a quota.
    pub throttle_time_ms: i32,
    /// 0 if there was none; REBALANCE_IN_PROGRESS if the member has to join again.
    pub error_code: i16,
}

impl Fields for HeartbeatResponse {
    const MIN_BYTES: usize = 2;

    fn fields<C: Codec>(&mut self, c: &mut C) -> Result<()> {
        if c.version() >= 1 {
            c.i32("throttle_time_ms", &mut self.throttle_time_ms)?;
        }
        c.i16("error_code", &mut self.error_code)?;
        c.no_tags()
    }
}

impl Message for HeartbeatResponse {
    const NAME: &'static str = "HeartbeatResponse";
    const KEY: i16 = KEY;
    const VERSIONS: RangeInclusive<i16> = VERSIONS;
    const FLEXIBLE_FROM: i16 = FLEXIBLE_FROM;
}
