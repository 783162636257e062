//! Consumer groups of the classic kind: members join, one of them assigns, all of them sync
//! (Kafka: `GroupCoordinator` of the classic protocol).
//!
//! A group is a state machine of its own, without I/O: requests and `now` go in, replies come
//! out, some of them much later, as a member that joins waits for the others.

mod coordinator;
mod joining;
mod member;
mod offsets;

pub use coordinator::{GroupCoordinator, OFFSETS_TOPIC, partition_of};
pub use offsets::{CommittedOffset, Kept, OffsetKey, encode as encode_kept};
use offsets::{KeptGroup, KeptMember};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::call::Call;
use super::codes::REBALANCE_IN_PROGRESS;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::{
    HeartbeatRequest, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse,
};
pub use member::Member;

/// Where a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupState {
    /// It has no members; it may have offsets.
    Empty,
    /// It waits for its members to join.
    PreparingRebalance,
    /// It waits for its leader to assign.
    CompletingRebalance,
    /// Every member has its assignment.
    Stable,
}

impl GroupState {
    /// As Kafka spells it.
    pub fn name(self) -> &'static str {
        match self {
            GroupState::Empty => "Empty",
            GroupState::PreparingRebalance => "PreparingRebalance",
            GroupState::CompletingRebalance => "CompletingRebalance",
            GroupState::Stable => "Stable",
        }
    }
}

/// An answer that is due.
#[derive(Debug)]
pub enum Reply {
    /// To a member that joined.
    Join(Call, JoinGroupResponse),
    /// To a member that synced.
    Sync(Call, SyncGroupResponse),
}

/// A group.
#[derive(Debug)]
pub struct Group {
    /// Where it is.
    pub state: GroupState,
    /// Grows with each rebalance.
    pub generation: i32,
    /// What it is for.
    pub protocol_type: Option<Arc<str>>,
    /// The way of assigning.
    pub protocol: Option<Arc<str>>,
    /// The member that assigns.
    pub leader: Option<Arc<str>>,
    /// Its members, by their ids.
    pub members: BTreeMap<Arc<str>, Member>,
    /// The ids of static members, by their names.
    static_members: BTreeMap<Arc<str>, Arc<str>>,
    /// Ids that were given to members that have not come back with them.
    pending: BTreeMap<Arc<str>, Instant>,
    /// When it goes on without those that are late.
    deadline: Instant,
    /// It was empty, and more members may come before it goes on.
    gathering: bool,
    /// It is not as it was kept last.
    changed: bool,
}

impl Default for Group {
    fn default() -> Group {
        Group {
            state: GroupState::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            static_members: BTreeMap::new(),
            pending: BTreeMap::new(),
            deadline: Instant::NEVER,
            gathering: false,
            changed: false,
        }
    }
}

impl Group {
    /// A member asks for its assignment, or hands everybody's in.
    pub fn sync(&mut self, call: Call, request: SyncGroupRequest, now: Instant) -> Vec<Reply> {
        let failed = |code: ErrorCode| SyncGroupResponse {
            error_code: code.0 as i16,
            ..SyncGroupResponse::default()
        };
        let instance = request.group_instance_id.as_ref();
        if let Err(code) = self.check_member(&request.member_id, instance, request.generation_id) {
            return vec![Reply::Sync(call, failed(code))];
        }
        let differs = |theirs: &Option<Arc<str>>, ours: &Option<Arc<str>>| {
            theirs.is_some() && ours.is_some() && theirs != ours
        };
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return vec![Reply::Sync(call, failed(super::codes::INCONSISTENT_GROUP_PROTOCOL))];
        }
        self.touch(&request.member_id, now);
        match self.state {
            GroupState::Empty => vec![Reply::Sync(call, failed(ErrorCode::UNKNOWN_MEMBER_ID))],
            GroupState::PreparingRebalance => {
                vec![Reply::Sync(call, failed(REBALANCE_IN_PROGRESS))]
            }
            GroupState::Stable => {
                let response = self.assignment_of(&request.member_id);
                vec![Reply::Sync(call, response)]
            }
            GroupState::CompletingRebalance => {
                if let Some(member) = self.members.get_mut(&request.member_id) {
                    member.syncing = Some(call);
                }
                if self.leader.as_ref() != Some(&request.member_id) {
                    return Vec::new();
                }
                for member in self.members.values_mut() {
                    member.assignment = Bytes::new();
                }
                for part in request.assignments {
                    if let Some(member) = self.members.get_mut(&part.member_id) {
                        member.assignment = part.assignment;
                    }
                }
                self.state = GroupState::Stable;
                self.changed = true;
                self.deadline = Instant::NEVER;
                self.answer_syncs(now)
            }
        }
    }

    fn answer_syncs(&mut self, now: Instant) -> Vec<Reply> {
        let ids: Vec<Arc<str>> = self.members.keys().cloned().collect();
        let mut replies = Vec::new();
        for id in ids {
            let response = self.assignment_of(&id);
            let Some(member) = self.members.get_mut(&id) else { continue };
            if let Some(call) = member.syncing.take() {
                member.expires = now + member.session_timeout;
                replies.push(Reply::Sync(call, response));
            }
        }
        replies
    }

    fn assignment_of(&self, member: &Arc<str>) -> SyncGroupResponse {
        let assignment = self.members.get(member).map(|member| member.assignment.clone());
        SyncGroupResponse {
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol.clone(),
            assignment: assignment.unwrap_or_default(),
            ..SyncGroupResponse::default()
        }
    }

    /// A sign of life; what the member hears.
    pub fn heartbeat(&mut self, request: &HeartbeatRequest, now: Instant) -> ErrorCode {
        let instance = request.group_instance_id.as_ref();
        if let Err(code) = self.check_member(&request.member_id, instance, request.generation_id) {
            return code;
        }
        self.touch(&request.member_id, now);
        match self.state {
            GroupState::Empty => ErrorCode::UNKNOWN_MEMBER_ID,
            GroupState::PreparingRebalance => REBALANCE_IN_PROGRESS,
            GroupState::CompletingRebalance | GroupState::Stable => ErrorCode::NONE,
        }
    }

    /// A member leaves, named by its id or by its name.
    pub fn leave(
        &mut self,
        id: &Arc<str>,
        instance: Option<&Arc<str>>,
        now: Instant,
    ) -> Result<Vec<Reply>, ErrorCode> {
        if instance.is_none() && self.pending.remove(id).is_some() {
            return Ok(self.try_complete_join(now));
        }
        let known = instance.and_then(|instance| self.static_members.get(instance).cloned());
        let id = match (instance, known) {
            (Some(_), None) => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
            (Some(_), Some(known)) if !id.is_empty() && known != *id => {
                return Err(ErrorCode::FENCED_INSTANCE_ID);
            }
            (Some(_), Some(known)) => known,
            (None, _) => id.clone(),
        };
        if !self.members.contains_key(&id) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        Ok(self.remove(&id, now))
    }

    /// Whether a member may commit offsets.
    pub fn may_commit(
        &mut self,
        member: &Arc<str>,
        instance: Option<&Arc<str>>,
        generation: i32,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        // A consumer that assigns for itself is no member, and needs the group to have none.
        if generation < 0 && self.members.is_empty() {
            return Ok(());
        }
        self.check_member(member, instance, generation)?;
        self.touch(member, now);
        match self.state {
            GroupState::CompletingRebalance => Err(REBALANCE_IN_PROGRESS),
            _ => Ok(()),
        }
    }

    fn check_member(
        &self,
        id: &Arc<str>,
        instance: Option<&Arc<str>>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            match self.static_members.get(instance) {
                None => return Err(ErrorCode::UNKNOWN_MEMBER_ID),
                Some(known) if known != id => return Err(ErrorCode::FENCED_INSTANCE_ID),
                Some(_) => {}
            }
        }
        if !self.members.contains_key(id) {
            return Err(ErrorCode::UNKNOWN_MEMBER_ID);
        }
        match generation == self.generation {
            true => Ok(()),
            false => Err(ErrorCode::ILLEGAL_GENERATION),
        }
    }

    fn touch(&mut self, id: &Arc<str>, now: Instant) {
        if let Some(member) = self.members.get_mut(id) {
            member.expires = now + member.session_timeout;
        }
    }

    /// Removes members that are silent for too long, and goes on where the wait is over.
    pub fn tick(&mut self, now: Instant) -> Vec<Reply> {
        self.pending.retain(|_, expires| *expires > now);
        let silent: Vec<Arc<str>> = self
            .members
            .iter()
            .filter(|(_, member)| !member.waits() && member.expires <= now)
            .map(|(id, _)| id.clone())
            .collect();
        let mut replies = Vec::new();
        for id in silent {
            replies.extend(self.remove(&id, now));
        }
        if self.deadline <= now {
            replies.extend(self.deadline_passed(now));
        }
        replies.extend(self.try_complete_join(now));
        replies
    }

    /// When to look again.
    pub fn next_deadline(&self) -> Instant {
        let members = self.members.values().filter(|member| !member.waits());
        let members = members.map(|member| member.expires).min().unwrap_or(Instant::NEVER);
        let pending = self.pending.values().copied().min().unwrap_or(Instant::NEVER);
        members.min(pending).min(self.deadline)
    }

    /// The coordinator is another broker now: who waits has to find it.
    pub fn resign(self, code: ErrorCode) -> Vec<Reply> {
        let error_code = code.0 as i16;
        let mut replies = Vec::new();
        for member in self.members.into_values() {
            if let Some(call) = member.joining {
                let response = JoinGroupResponse { error_code, ..JoinGroupResponse::default() };
                replies.push(Reply::Join(call, response));
            }
            if let Some(call) = member.syncing {
                let response = SyncGroupResponse { error_code, ..SyncGroupResponse::default() };
                replies.push(Reply::Sync(call, response));
            }
        }
        replies
    }

    /// What is to be kept of the group, if it is not as it was kept last.
    pub fn take_changed(&mut self) -> Option<KeptGroup> {
        std::mem::take(&mut self.changed).then(|| self.snapshot())
    }

    /// What is to be kept of the group. One that is coming together has to do so again.
    pub fn snapshot(&self) -> KeptGroup {
        let protocol = self.protocol.clone().unwrap_or_default();
        let ms = |time: Duration| i32::try_from(time.as_millis()).unwrap_or(i32::MAX);
        let members = self.members.iter().map(|(id, member)| KeptMember {
            id: id.clone(),
            instance: member.instance.clone(),
            client_id: member.client_id.clone(),
            rebalance_timeout_ms: ms(member.rebalance_timeout),
            session_timeout_ms: ms(member.session_timeout),
            metadata: member.metadata(&protocol),
            assignment: member.assignment.clone(),
        });
        KeptGroup {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            generation: self.generation,
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            members: members.collect(),
        }
    }

    /// A group as it was kept. Its members have a whole session to find their new coordinator.
    pub fn kept(kept: KeptGroup, now: Instant) -> Group {
        let state = if kept.members.is_empty() { GroupState::Empty } else { GroupState::Stable };
        let mut group = Group {
            state,
            generation: kept.generation,
            protocol_type: Some(kept.protocol_type).filter(|text| !text.is_empty()),
            protocol: kept.protocol.clone(),
            leader: kept.leader,
            ..Group::default()
        };
        let protocol = kept.protocol.unwrap_or_default();
        for member in kept.members {
            if let Some(instance) = &member.instance {
                group.static_members.insert(instance.clone(), member.id.clone());
            }
            let id = member.id.clone();
            group.members.insert(id, Member::kept(member, &protocol, now));
        }
        group
    }

    /// How long the slowest member may take to join again.
    fn rebalance_timeout(&self) -> Duration {
        let timeouts = self.members.values().map(|member| member.rebalance_timeout);
        timeouts.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
