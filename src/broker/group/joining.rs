//! How a group comes together: members join, and the group waits until all have or their time is
//! up.

use std::sync::Arc;
use std::time::Duration;

use super::{Group, GroupState, Member, Reply};
use crate::broker::call::Call;
use crate::broker::codes::{
    INCONSISTENT_GROUP_PROTOCOL, MEMBER_ID_REQUIRED, REBALANCE_IN_PROGRESS,
};
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::join_group::{JoinGroupRequest, JoinGroupResponse};
use crate::wire::messages::{SyncGroupResponse, join_group::JoinGroupResponseMember};

/// From this version on, a new member is given its id before it may join.
const MEMBER_ID_VERSION: i16 = 4;
/// From this version on, a static leader that comes back is told not to assign anew.
const SKIP_ASSIGNMENT_VERSION: i16 = 9;

fn failed(code: ErrorCode, member_id: &Arc<str>) -> JoinGroupResponse {
    JoinGroupResponse {
        error_code: code.0 as i16,
        generation_id: -1,
        member_id: member_id.clone(),
        ..JoinGroupResponse::default()
    }
}

impl Group {
    /// A member asks to join. `new_id` is the id that it gets if it has none; `delay` is how long
    /// an empty group waits for more members.
    pub fn join(
        &mut self,
        call: Call,
        request: JoinGroupRequest,
        new_id: Arc<str>,
        delay: Duration,
        now: Instant,
    ) -> Vec<Reply> {
        let fail = |call, code| vec![Reply::Join(call, failed(code, &request.member_id))];
        if !self.fits(&request) {
            return fail(call, INCONSISTENT_GROUP_PROTOCOL);
        }
        if !request.member_id.is_empty() {
            let id = request.member_id.clone();
            if self.pending.remove(&id).is_some() {
                return self.add(call, &request, id, delay, now);
            }
            if let Some(instance) = &request.group_instance_id {
                match self.static_members.get(instance) {
                    None => return fail(call, ErrorCode::UNKNOWN_MEMBER_ID),
                    Some(known) if *known != id => {
                        return fail(call, ErrorCode::FENCED_INSTANCE_ID);
                    }
                    Some(_) => {}
                }
            }
            return match self.members.contains_key(&id) {
                true => self.rejoin(call, &request, id, now),
                false => fail(call, ErrorCode::UNKNOWN_MEMBER_ID),
            };
        }
        if let Some(instance) = &request.group_instance_id {
            return match self.static_members.get(instance).cloned() {
                Some(old) => self.replace(call, &request, &old, new_id, now),
                None => self.add(call, &request, new_id, delay, now),
            };
        }
        if call.header.api_version >= MEMBER_ID_VERSION {
            let timeout = u64::try_from(request.session_timeout_ms).unwrap_or_default();
            self.pending.insert(new_id.clone(), now + Duration::from_millis(timeout));
            return vec![Reply::Join(call, failed(MEMBER_ID_REQUIRED, &new_id))];
        }
        self.add(call, &request, new_id, delay, now)
    }

    /// Whether there is a way of assigning that everybody would know.
    fn fits(&self, request: &JoinGroupRequest) -> bool {
        if request.protocols.is_empty() || request.protocol_type.is_empty() {
            return false;
        }
        if self.members.is_empty() {
            return true;
        }
        let others: Vec<&Member> = self
            .members
            .iter()
            .filter(|(id, _)| **id != request.member_id)
            .map(|(_, member)| member)
            .collect();
        let all_know = |name: &str| others.iter().all(|member| member.knows(name));
        self.protocol_type.as_ref() == Some(&request.protocol_type)
            && request.protocols.iter().any(|protocol| all_know(&protocol.name))
    }

    /// A new member.
    fn add(
        &mut self,
        call: Call,
        request: &JoinGroupRequest,
        id: Arc<str>,
        delay: Duration,
        now: Instant,
    ) -> Vec<Reply> {
        let was_empty = self.members.is_empty();
        if was_empty {
            self.protocol_type = Some(request.protocol_type.clone());
        }
        let mut member = Member::new(&call, request, now);
        member.joining = Some(call);
        if let Some(instance) = &member.instance {
            self.static_members.insert(instance.clone(), id.clone());
        }
        self.members.insert(id.clone(), member);
        self.leader.get_or_insert(id);
        let mut replies = self.prepare(now);
        if was_empty && !delay.is_zero() {
            // More members may come; with each rebalance the group would have to stop again.
            self.deadline = now + delay;
            self.gathering = true;
            return replies;
        }
        replies.extend(self.try_complete_join(now));
        replies
    }

    /// A member that is known joins again.
    fn rejoin(
        &mut self,
        call: Call,
        request: &JoinGroupRequest,
        id: Arc<str>,
        now: Instant,
    ) -> Vec<Reply> {
        let leads = self.leader.as_ref() == Some(&id);
        let Some(member) = self.members.get_mut(&id) else { return Vec::new() };
        let changed = member.update(request, now);
        let nothing_new = match self.state {
            GroupState::CompletingRebalance => !changed,
            GroupState::Stable => !changed && !leads,
            GroupState::Empty | GroupState::PreparingRebalance => false,
        };
        if nothing_new {
            // Its last answer was lost.
            return vec![Reply::Join(call, self.joined(&id))];
        }
        let mut replies = Vec::new();
        if let Some(earlier) = member.joining.replace(call) {
            replies.push(Reply::Join(earlier, failed(ErrorCode::UNKNOWN_MEMBER_ID, &id)));
        }
        replies.extend(self.prepare(now));
        replies.extend(self.try_complete_join(now));
        replies
    }

    /// A static member comes back without its id; whoever had the name before is fenced.
    fn replace(
        &mut self,
        call: Call,
        request: &JoinGroupRequest,
        old: &Arc<str>,
        id: Arc<str>,
        now: Instant,
    ) -> Vec<Reply> {
        let Some(mut member) = self.members.remove(old) else { return Vec::new() };
        let mut replies = Vec::new();
        let fenced = ErrorCode::FENCED_INSTANCE_ID;
        if let Some(earlier) = member.joining.take() {
            replies.push(Reply::Join(earlier, failed(fenced, old)));
        }
        if let Some(earlier) = member.syncing.take() {
            let error_code = fenced.0 as i16;
            let response = SyncGroupResponse { error_code, ..SyncGroupResponse::default() };
            replies.push(Reply::Sync(earlier, response));
        }
        let changed = member.update(request, now);
        if let Some(instance) = &member.instance {
            self.static_members.insert(instance.clone(), id.clone());
        }
        let led = self.leader.as_ref() == Some(old);
        if led {
            self.leader = Some(id.clone());
        }
        self.members.insert(id.clone(), member);
        if self.state == GroupState::Stable && !changed {
            self.changed = true;
            let mut response = self.joined(&id);
            if call.header.api_version >= SKIP_ASSIGNMENT_VERSION {
                response.skip_assignment = led;
            } else {
                // An older leader does not assign if it is told that another one leads.
                response.leader = old.clone();
                response.members.clear();
            }
            replies.push(Reply::Join(call, response));
            return replies;
        }
        if let Some(member) = self.members.get_mut(&id) {
            member.joining = Some(call);
        }
        replies.extend(self.prepare(now));
        replies.extend(self.try_complete_join(now));
        replies
    }

    /// Begins a rebalance, if none is under way.
    fn prepare(&mut self, now: Instant) -> Vec<Reply> {
        if self.state == GroupState::PreparingRebalance {
            return Vec::new();
        }
        let mut replies = Vec::new();
        for member in self.members.values_mut() {
            if let Some(call) = member.syncing.take() {
                let error_code = REBALANCE_IN_PROGRESS.0 as i16;
                let response = SyncGroupResponse { error_code, ..SyncGroupResponse::default() };
                member.expires = now + member.session_timeout;
                replies.push(Reply::Sync(call, response));
            }
        }
        self.state = GroupState::PreparingRebalance;
        self.deadline = now + self.rebalance_timeout();
        replies
    }

    /// Goes on if nobody is missing and, where the group was empty, its wait is over.
    pub(super) fn try_complete_join(&mut self, now: Instant) -> Vec<Reply> {
        if self.state != GroupState::PreparingRebalance {
            return Vec::new();
        }
        let all_here = self.members.values().all(|member| member.joining.is_some());
        match all_here && self.pending.is_empty() && !self.gathering {
            true => self.complete_join(now),
            false => Vec::new(),
        }
    }

    /// The wait for late members is over.
    pub(super) fn deadline_passed(&mut self, now: Instant) -> Vec<Reply> {
        self.deadline = Instant::NEVER;
        self.gathering = false;
        let late: Vec<Arc<str>> = match self.state {
            GroupState::PreparingRebalance => {
                let late = self.members.iter().filter(|(_, member)| member.joining.is_none());
                late.map(|(id, _)| id.clone()).collect()
            }
            // They joined and did not ask for their part.
            GroupState::CompletingRebalance => {
                let late = self.members.iter().filter(|(_, member)| member.syncing.is_none());
                late.map(|(id, _)| id.clone()).collect()
            }
            GroupState::Empty | GroupState::Stable => return Vec::new(),
        };
        let completing = self.state == GroupState::CompletingRebalance;
        for id in late {
            self.forget(&id);
        }
        match completing {
            true => {
                let mut replies = self.prepare(now);
                replies.extend(self.try_complete_join(now));
                replies
            }
            false => self.complete_join(now),
        }
    }

    fn complete_join(&mut self, now: Instant) -> Vec<Reply> {
        self.generation += 1;
        if self.members.is_empty() {
            self.state = GroupState::Empty;
            self.changed = true;
            self.deadline = Instant::NEVER;
            self.protocol = None;
            self.leader = None;
            return Vec::new();
        }
        self.protocol = self.choose_protocol();
        if self.leader.as_ref().is_none_or(|leader| !self.members.contains_key(leader)) {
            self.leader = self.members.keys().next().cloned();
        }
        self.state = GroupState::CompletingRebalance;
        self.deadline = now + self.rebalance_timeout();
        let ids: Vec<Arc<str>> = self.members.keys().cloned().collect();
        let mut replies = Vec::new();
        for id in ids {
            let response = self.joined(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            member.expires = now + member.session_timeout;
            if let Some(call) = member.joining.take() {
                replies.push(Reply::Join(call, response));
            }
        }
        replies
    }

    /// The way of assigning that most members like best, of those that all know.
    fn choose_protocol(&self) -> Option<Arc<str>> {
        let all_know = |name: &str| self.members.values().all(|member| member.knows(name));
        let vote = |member: &Member| {
            let mut names = member.protocols.iter().map(|(name, _)| name.clone());
            names.find(|name| all_know(name))
        };
        let votes: Vec<Arc<str>> = self.members.values().filter_map(vote).collect();
        let count = |name: &Arc<str>| votes.iter().filter(|vote| *vote == name).count();
        votes.iter().rev().max_by_key(|name| count(name)).cloned()
    }

    /// What a member hears when the group came together.
    fn joined(&self, id: &Arc<str>) -> JoinGroupResponse {
        let protocol = self.protocol.clone().unwrap_or_default();
        let leader = self.leader.clone().unwrap_or_default();
        let member = |(id, member): (&Arc<str>, &Member)| JoinGroupResponseMember {
            member_id: id.clone(),
            group_instance_id: member.instance.clone(),
            metadata: member.metadata(&protocol),
        };
        let members = match leader == *id {
            true => self.members.iter().map(member).collect(),
            false => Vec::new(),
        };
        JoinGroupResponse {
            generation_id: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: Some(protocol),
            leader,
            member_id: id.clone(),
            members,
            ..JoinGroupResponse::default()
        }
    }

    /// Takes a member out; the others rebalance.
    pub(super) fn remove(&mut self, id: &Arc<str>, now: Instant) -> Vec<Reply> {
        let mut replies = self.forget(id);
        match self.state {
            GroupState::Stable | GroupState::CompletingRebalance => {
                replies.extend(self.prepare(now));
                replies.extend(self.try_complete_join(now));
            }
            GroupState::PreparingRebalance => replies.extend(self.try_complete_join(now)),
            GroupState::Empty => {}
        }
        replies
    }

    fn forget(&mut self, id: &Arc<str>) -> Vec<Reply> {
        let Some(member) = self.members.remove(id) else { return Vec::new() };
        if let Some(instance) = &member.instance {
            self.static_members.remove(instance);
        }
        if self.leader.as_ref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        let unknown = ErrorCode::UNKNOWN_MEMBER_ID;
        let joining = member.joining.into_iter().map(|call| Reply::Join(call, failed(unknown, id)));
        let syncing = member.syncing.into_iter().map(|call| {
            let error_code = unknown.0 as i16;
            Reply::Sync(call, SyncGroupResponse { error_code, ..SyncGroupResponse::default() })
        });
        joining.chain(syncing).collect()
    }
}
