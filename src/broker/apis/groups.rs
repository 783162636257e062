//! The APIs of a group's members: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. What they mean
//! stands in `broker::group`.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::codes::{INVALID_GROUP_ID, INVALID_SESSION_TIMEOUT};
use crate::broker::core::ClusterCore;
use crate::broker::group::GroupCoordinator;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::leave_group::{MemberIdentity, MemberResponse};
use crate::wire::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest,
    LeaveGroupResponse, SyncGroupRequest, SyncGroupResponse,
};

/// From this version on, many members leave at once.
const MANY_LEAVE_VERSION: i16 = 3;

fn coordinator<'a>(
    core: &'a mut ClusterCore,
    call: &Call,
    group: &str,
) -> Result<&'a mut GroupCoordinator, ErrorCode> {
    match group {
        "" => Err(INVALID_GROUP_ID),
        _ => core.coordinator(call.broker, group),
    }
}

impl Api for JoinGroupRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        if self.session_timeout_ms <= 0 {
            return answer(core, call, &self, INVALID_SESSION_TIMEOUT, now);
        }
        let delay = core.config.group_initial_rebalance_delay;
        let name = call.header.client_id.as_ref().filter(|name| !name.is_empty());
        let name = self.group_instance_id.as_ref().or(name);
        let name = name.map_or("member", |name| &**name);
        let new_id: Arc<str> = format!("{name}-{}", core.new_id()).into();
        let (broker, group) = (call.broker, self.group_id.clone());
        match coordinator(core, &call, &group) {
            Err(code) => answer(core, call, &self, code, now),
            Ok(groups) => {
                let replies = groups.group(&group).join(call, self, new_id, delay, now);
                core.group_replies(broker, replies, now);
            }
        }
    }

    fn refusal(&self, code: ErrorCode) -> Option<JoinGroupResponse> {
        Some(JoinGroupResponse {
            error_code: code.0 as i16,
            generation_id: -1,
            protocol_name: Some(Arc::default()),
            member_id: self.member_id.clone(),
            ..JoinGroupResponse::default()
        })
    }
}

fn answer<R: Api>(core: &mut ClusterCore, call: Call, request: &R, code: ErrorCode, now: Instant) {
    match request.refusal(code) {
        Some(response) => core.answer(call, response, now),
        None => core.close(&call, "a request that nothing answers failed"),
    }
}

impl Api for SyncGroupRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let broker = call.broker;
        let found = coordinator(core, &call, &self.group_id)
            .and_then(|groups| groups.existing(&self.group_id).ok_or(ErrorCode::UNKNOWN_MEMBER_ID));
        match found {
            Err(code) => answer(core, call, &self, code, now),
            Ok(group) => {
                let replies = group.sync(call, self, now);
                core.group_replies(broker, replies, now);
            }
        }
    }

    fn refusal(&self, code: ErrorCode) -> Option<SyncGroupResponse> {
        Some(SyncGroupResponse { error_code: code.0 as i16, ..SyncGroupResponse::default() })
    }
}

impl Api for HeartbeatRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let broker = call.broker;
        let code = match coordinator(core, &call, &self.group_id) {
            Err(code) => code,
            Ok(groups) => match groups.existing(&self.group_id) {
                None => ErrorCode::UNKNOWN_MEMBER_ID,
                Some(group) => group.heartbeat(&self, now),
            },
        };
        answer(core, call, &self, code, now);
        core.group_replies(broker, Vec::new(), now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<HeartbeatResponse> {
        Some(HeartbeatResponse { error_code: code.0 as i16, ..HeartbeatResponse::default() })
    }
}

impl Api for LeaveGroupRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let broker = call.broker;
        let many = call.header.api_version >= MANY_LEAVE_VERSION;
        let one = MemberIdentity { member_id: self.member_id.clone(), ..Default::default() };
        let leaving = if many { self.members.clone() } else { vec![one] };
        let groups = match coordinator(core, &call, &self.group_id) {
            Err(code) => return answer(core, call, &self, code, now),
            Ok(groups) => groups,
        };
        let mut response = LeaveGroupResponse::default();
        let mut replies = Vec::new();
        for member in leaving {
            let instance = member.group_instance_id.as_ref();
            let left = match groups.existing(&self.group_id) {
                None => Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(group) => group.leave(&member.member_id, instance, now),
            };
            let code = match left {
                Err(code) => code,
                Ok(more) => {
                    replies.extend(more);
                    ErrorCode::NONE
                }
            };
            response.members.push(MemberResponse {
                member_id: member.member_id,
                group_instance_id: member.group_instance_id,
                error_code: code.0 as i16,
            });
        }
        if !many {
            response.error_code = response.members.pop().map_or(0, |member| member.error_code);
        }
        core.answer(call, response, now);
        core.group_replies(broker, replies, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<LeaveGroupResponse> {
        Some(LeaveGroupResponse { error_code: code.0 as i16, ..LeaveGroupResponse::default() })
    }
}

macro_rules! answers_with_one_code {
    ($($response:ident),*) => {
        $(impl Answer for $response {
            fn throttle(&mut self, ms: i32) {
                self.throttle_time_ms = ms;
            }

            fn fail(&mut self, code: ErrorCode) {
                self.error_code = code.0 as i16;
            }
        })*
    };
}

answers_with_one_code!(JoinGroupResponse, SyncGroupResponse, HeartbeatResponse, LeaveGroupResponse);
