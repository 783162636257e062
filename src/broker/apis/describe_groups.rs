//! DescribeGroups and ListGroups: which groups there are, and who is in them.

use std::sync::Arc;

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::group::Group;
use crate::broker::kafka_apis::{Answer, Api};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::describe_groups::{DescribedGroup, DescribedGroupMember};
use crate::wire::messages::list_groups::ListedGroup;
use crate::wire::messages::{
    DescribeGroupsRequest, DescribeGroupsResponse, ListGroupsRequest, ListGroupsResponse,
};

/// From this version on, a group that does not exist is an error.
const NOT_FOUND_VERSION: i16 = 6;
/// Where clients are, as Kafka writes it; a cluster of this kind serves this host alone.
const CLIENT_HOST: &str = "/127.0.0.1";

impl Api for DescribeGroupsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let version = call.header.api_version;
        let mut describe = |name: &Arc<str>| {
            let groups = match core.coordinator(call.broker, name) {
                Err(code) => return failed(name, code),
                Ok(groups) => groups,
            };
            let state = groups.state_of(name).map(|state| state.name());
            match (groups.existing(name), state) {
                (Some(group), Some(state)) => described(name, group, state),
                (None, Some(state)) => {
                    DescribedGroup { group_state: state.into(), ..failed(name, ErrorCode::NONE) }
                }
                (_, None) => {
                    let missing = version >= NOT_FOUND_VERSION;
                    let code =
                        if missing { ErrorCode::GROUP_ID_NOT_FOUND } else { ErrorCode::NONE };
                    DescribedGroup { group_state: "Dead".into(), ..failed(name, code) }
                }
            }
        };
        let groups = self.groups.iter().map(&mut describe).collect();
        core.answer(call, DescribeGroupsResponse { groups, ..Default::default() }, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<DescribeGroupsResponse> {
        let groups = self.groups.iter().map(|name| failed(name, code)).collect();
        Some(DescribeGroupsResponse { groups, ..DescribeGroupsResponse::default() })
    }
}

fn failed(name: &Arc<str>, code: ErrorCode) -> DescribedGroup {
    let error_code = code.0 as i16;
    DescribedGroup { error_code, group_id: name.clone(), ..DescribedGroup::default() }
}

fn described(name: &Arc<str>, group: &Group, state: &str) -> DescribedGroup {
    let protocol = group.protocol.clone().unwrap_or_default();
    let members = group.members.iter().map(|(id, member)| DescribedGroupMember {
        member_id: id.clone(),
        group_instance_id: member.instance.clone(),
        client_id: member.client_id.clone(),
        client_host: CLIENT_HOST.into(),
        member_metadata: member.metadata(&protocol),
        member_assignment: member.assignment.clone(),
    });
    DescribedGroup {
        group_state: state.into(),
        protocol_type: group.protocol_type.clone().unwrap_or_default(),
        members: members.collect(),
        protocol_data: protocol.clone(),
        ..failed(name, ErrorCode::NONE)
    }
}

impl Api for ListGroupsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let mut response = ListGroupsResponse::default();
        let Ok(server) = core.server_mut(call.broker) else { return };
        for name in server.groups.names() {
            let Some(state) = server.groups.state_of(&name) else { continue };
            let wanted = |filter: &[Arc<str>], value: &str| {
                filter.is_empty() || filter.iter().any(|one| one.eq_ignore_ascii_case(value))
            };
            if !wanted(&self.states_filter, state.name()) || !wanted(&self.types_filter, "classic")
            {
                continue;
            }
            let group = server.groups.existing(&name);
            response.groups.push(ListedGroup {
                protocol_type: group.and_then(|g| g.protocol_type.clone()).unwrap_or_default(),
                group_id: name,
                group_state: state.name().into(),
                group_type: "classic".into(),
            });
        }
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<ListGroupsResponse> {
        Some(ListGroupsResponse { error_code: code.0 as i16, ..ListGroupsResponse::default() })
    }
}

impl Answer for DescribeGroupsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for group in &mut self.groups {
            *group = failed(&group.group_id, code);
        }
    }
}

impl Answer for ListGroupsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        self.error_code = code.0 as i16;
        self.groups.clear();
    }
}
