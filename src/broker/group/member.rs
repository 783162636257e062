//! A member of a group.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::offsets::KeptMember;
use crate::broker::call::Call;
use crate::time::Instant;
use crate::wire::messages::JoinGroupRequest;

/// What the coordinator knows of a member.
#[derive(Debug)]
pub struct Member {
    /// Its name, if it is a static member.
    pub instance: Option<Arc<str>>,
    /// What its client calls itself.
    pub client_id: Arc<str>,
    /// After which silence it is taken for dead.
    pub session_timeout: Duration,
    /// How long it may take to join again.
    pub rebalance_timeout: Duration,
    /// The ways of assigning that it knows, the best one first, and what it says of itself.
    pub protocols: Vec<(Arc<str>, Bytes)>,
    /// Its part.
    pub assignment: Bytes,
    /// It waits for the others to join.
    pub joining: Option<Call>,
    /// It waits for its assignment.
    pub syncing: Option<Call>,
    /// When it is taken for dead.
    pub expires: Instant,
}

impl Member {
    /// A member that asks to join.
    pub fn new(call: &Call, request: &JoinGroupRequest, now: Instant) -> Member {
        let mut member = Member {
            instance: request.group_instance_id.clone(),
            client_id: call.header.client_id.clone().unwrap_or_default(),
            session_timeout: Duration::ZERO,
            rebalance_timeout: Duration::ZERO,
            protocols: Vec::new(),
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
            expires: now,
        };
        member.update(request, now);
        member
    }

    /// A member as it was kept. Of the ways of assigning that it knows, the chosen one is known.
    pub fn kept(kept: KeptMember, protocol: &Arc<str>, now: Instant) -> Member {
        let ms = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        Member {
            instance: kept.instance,
            client_id: kept.client_id,
            session_timeout: ms(kept.session_timeout_ms),
            rebalance_timeout: ms(kept.rebalance_timeout_ms),
            protocols: vec![(protocol.clone(), kept.metadata)],
            assignment: kept.assignment,
            joining: None,
            syncing: None,
            expires: now + ms(kept.session_timeout_ms),
        }
    }

    /// Takes over what a member says of itself. True if it says something new of its protocols.
    pub fn update(&mut self, request: &JoinGroupRequest, now: Instant) -> bool {
        let ms = |ms: i32| Duration::from_millis(u64::try_from(ms).unwrap_or_default());
        self.session_timeout = ms(request.session_timeout_ms);
        self.rebalance_timeout = match request.rebalance_timeout_ms {
            ..0 => self.session_timeout,
            timeout => ms(timeout),
        };
        self.expires = now + self.session_timeout;
        let protocols = request.protocols.iter();
        let protocols: Vec<(Arc<str>, Bytes)> =
            protocols.map(|one| (one.name.clone(), one.metadata.clone())).collect();
        let changed = protocols != self.protocols;
        self.protocols = protocols;
        changed
    }

    /// Whether it waits for an answer; then its silence means nothing.
    pub fn waits(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    /// Whether it knows this way of assigning.
    pub fn knows(&self, protocol: &str) -> bool {
        self.protocols.iter().any(|(name, _)| **name == *protocol)
    }

    /// What it says of itself for this way of assigning.
    pub fn metadata(&self, protocol: &str) -> Bytes {
        let found = self.protocols.iter().find(|(name, _)| **name == *protocol);
        found.map(|(_, metadata)| metadata.clone()).unwrap_or_default()
    }
}
