//! Tests of groups: the requests of members in an order, and what each is answered.

use std::time::Duration;

use super::*;
use crate::broker::codes::*;
use crate::broker::faults::Fate;
use crate::io::ConnId;
use crate::wire::RequestHeader;
use crate::wire::messages::JoinGroupRequest;
use crate::wire::messages::join_group::JoinGroupRequestProtocol;
use crate::wire::messages::sync_group::SyncGroupRequestAssignment;

const SECOND: Duration = Duration::from_secs(1);
const START: Instant = Instant(0);

/// A group, and the members that talk to it: each has its own connection.
struct Rig {
    group: Group,
    now: Instant,
    ids: u64,
}

fn call(conn: u64, version: i16) -> Call {
    Call {
        broker: 1,
        conn: ConnId(conn),
        header: RequestHeader { api_version: version, ..RequestHeader::default() },
        arrived: START,
        throttle: Duration::ZERO,
        fate: Fate::default(),
        batches: Vec::new(),
    }
}

fn request(id: &str, instance: Option<&str>, protocols: &[&str]) -> JoinGroupRequest {
    let protocol = |name: &&str| JoinGroupRequestProtocol {
        name: (*name).into(),
        metadata: Bytes::copy_from_slice(name.as_bytes()),
    };
    JoinGroupRequest {
        group_id: "g".into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 30_000,
        member_id: id.into(),
        group_instance_id: instance.map(Into::into),
        protocol_type: "consumer".into(),
        protocols: protocols.iter().map(protocol).collect(),
        ..JoinGroupRequest::default()
    }
}

impl Rig {
    fn new() -> Rig {
        Rig { group: Group::default(), now: START, ids: 0 }
    }

    fn join_with(&mut self, conn: u64, version: i16, request: JoinGroupRequest) -> Vec<Reply> {
        self.ids += 1;
        let new_id = format!("id-{}", self.ids).into();
        self.group.join(call(conn, version), request, new_id, Duration::ZERO, self.now)
    }

    /// An older member, which joins without an id of its own.
    fn join(&mut self, conn: u64, id: &str) -> Vec<Reply> {
        self.join_with(conn, 3, request(id, None, &["range"]))
    }

    fn sync(&mut self, conn: u64, id: &str, parts: &[(&str, &str)]) -> Vec<Reply> {
        let part = |(id, part): &(&str, &str)| SyncGroupRequestAssignment {
            member_id: (*id).into(),
            assignment: Bytes::copy_from_slice(part.as_bytes()),
        };
        let request = SyncGroupRequest {
            group_id: "g".into(),
            generation_id: self.group.generation,
            member_id: id.into(),
            assignments: parts.iter().map(part).collect(),
            ..SyncGroupRequest::default()
        };
        self.group.sync(call(conn, 5), request, self.now)
    }

    fn heartbeat(&mut self, id: &str) -> ErrorCode {
        let request = HeartbeatRequest {
            generation_id: self.group.generation,
            member_id: id.into(),
            ..HeartbeatRequest::default()
        };
        self.group.heartbeat(&request, self.now)
    }

    fn later(&mut self, time: Duration) -> Vec<Reply> {
        self.now = self.now + time;
        self.group.tick(self.now)
    }

    /// Two members in a stable group.
    fn two() -> Rig {
        let mut rig = Rig::new();
        rig.join(1, "");
        rig.join(2, "");
        joins(rig.join(1, "id-1"));
        rig.sync(1, "id-1", &[("id-1", "a"), ("id-2", "b")]);
        rig.sync(2, "id-2", &[]);
        assert_eq!(rig.group.state, GroupState::Stable);
        rig
    }
}

/// Who was answered on joining: connection, error, generation, number of members told.
fn joins(replies: Vec<Reply>) -> Vec<(u64, ErrorCode, i32, usize)> {
    let mut joins: Vec<_> = replies
        .into_iter()
        .map(|reply| match reply {
            Reply::Join(call, r) => {
                (call.conn.0, ErrorCode::from(r.error_code), r.generation_id, r.members.len())
            }
            Reply::Sync(call, _) => panic!("a sync was answered on {:?}", call.conn),
        })
        .collect();
    joins.sort_unstable();
    joins
}

/// Who was answered on syncing: connection, error, part.
fn syncs(replies: Vec<Reply>) -> Vec<(u64, ErrorCode, String)> {
    let mut syncs: Vec<_> = replies
        .into_iter()
        .map(|reply| match reply {
            Reply::Sync(call, r) => {
                let part = String::from_utf8(r.assignment.to_vec()).unwrap();
                (call.conn.0, ErrorCode::from(r.error_code), part)
            }
            Reply::Join(call, _) => panic!("a join was answered on {:?}", call.conn),
        })
        .collect();
    syncs.sort();
    syncs
}

const NONE: ErrorCode = ErrorCode::NONE;

#[test]
fn members_join_the_leader_assigns_and_each_gets_its_part() {
    let mut rig = Rig::new();
    assert_eq!(joins(rig.join(1, "")), [(1, NONE, 1, 1)], "alone, and leader");
    assert_eq!(joins(rig.join(2, "")), [], "the first member has to come again");
    assert_eq!(rig.heartbeat("id-1"), REBALANCE_IN_PROGRESS);
    assert_eq!(joins(rig.join(1, "id-1")), [(1, NONE, 2, 2), (2, NONE, 2, 0)]);
    assert_eq!(syncs(rig.sync(2, "id-2", &[])), [], "the leader has not assigned");
    let parts = [("id-1", "a"), ("id-2", "b")];
    let answered = syncs(rig.sync(1, "id-1", &parts));
    assert_eq!(answered, [(1, NONE, "a".to_owned()), (2, NONE, "b".to_owned())]);
    assert_eq!(rig.heartbeat("id-2"), NONE);
    assert_eq!(syncs(rig.sync(2, "id-2", &[])), [(2, NONE, "b".to_owned())], "asked again");
}

#[test]
fn a_new_member_gets_its_id_first_and_joins_with_it() {
    let mut rig = Rig::new();
    let first = rig.join_with(1, 9, request("", None, &["range"]));
    let [Reply::Join(_, response)] = &first[..] else { panic!("{first:?}") };
    assert_eq!(ErrorCode::from(response.error_code), MEMBER_ID_REQUIRED);
    assert_eq!(&*response.member_id, "id-1");
    assert!(rig.group.members.is_empty());
    let joined = rig.join_with(1, 9, request("id-1", None, &["range"]));
    assert_eq!(joins(joined), [(1, NONE, 1, 1)]);
    let unknown = rig.join_with(2, 9, request("id-7", None, &["range"]));
    assert_eq!(joins(unknown), [(2, ErrorCode::UNKNOWN_MEMBER_ID, -1, 0)]);
}

#[test]
fn an_id_that_is_never_used_holds_the_group_up_no_longer_than_a_session() {
    let mut rig = Rig::new();
    rig.join_with(1, 9, request("", None, &["range"]));
    assert_eq!(joins(rig.join(2, "")), [], "the other may come back");
    assert_eq!(joins(rig.later(11 * SECOND)), [(2, NONE, 1, 1)]);
}

#[test]
fn a_silent_member_is_removed_and_the_others_share_its_part() {
    let mut rig = Rig::two();
    rig.now = rig.now + 9 * SECOND;
    assert_eq!(rig.heartbeat("id-1"), NONE);
    assert_eq!(rig.group.next_deadline(), START + 10 * SECOND);
    assert!(rig.later(2 * SECOND).is_empty());
    assert_eq!(rig.group.members.len(), 1);
    assert_eq!(rig.heartbeat("id-1"), REBALANCE_IN_PROGRESS);
    assert_eq!(rig.heartbeat("id-2"), ErrorCode::UNKNOWN_MEMBER_ID);
    assert_eq!(joins(rig.join(1, "id-1")), [(1, NONE, 3, 1)]);
}

#[test]
fn the_group_goes_on_without_a_member_that_does_not_join_again() {
    let mut rig = Rig::two();
    assert_eq!(joins(rig.join(3, "")), []);
    assert_eq!(joins(rig.join(2, "id-2")), []);
    for _ in 0..4 {
        // It says that it lives, so its session goes on; but it does not join.
        assert_eq!(rig.heartbeat("id-1"), REBALANCE_IN_PROGRESS);
        assert!(joins(rig.later(7 * SECOND)).is_empty());
    }
    let answered = joins(rig.later(2 * SECOND));
    assert_eq!(answered, [(2, NONE, 3, 2), (3, NONE, 3, 0)], "another one leads now");
    assert_eq!(rig.heartbeat("id-1"), ErrorCode::UNKNOWN_MEMBER_ID);
}

#[test]
fn a_member_that_leaves_makes_the_others_rebalance_and_the_last_one_empties_the_group() {
    let mut rig = Rig::two();
    let (one, two): (Arc<str>, Arc<str>) = ("id-1".into(), "id-2".into());
    rig.group.leave(&two, None, rig.now).unwrap();
    assert_eq!(rig.heartbeat("id-1"), REBALANCE_IN_PROGRESS);
    assert_eq!(rig.group.leave(&two, None, rig.now).unwrap_err(), ErrorCode::UNKNOWN_MEMBER_ID);
    rig.group.leave(&one, None, rig.now).unwrap();
    assert_eq!(rig.group.state, GroupState::Empty);
    assert_eq!(rig.group.next_deadline(), Instant::NEVER);
}

#[test]
fn members_need_a_way_of_assigning_that_all_know_and_the_majority_chooses() {
    let mut rig = Rig::new();
    rig.join_with(1, 3, request("", None, &["range", "sticky"]));
    let stranger = rig.join_with(2, 3, request("", None, &["other"]));
    assert_eq!(joins(stranger), [(2, INCONSISTENT_GROUP_PROTOCOL, -1, 0)]);
    let mut connect = request("", None, &["range"]);
    connect.protocol_type = "connect".into();
    assert_eq!(joins(rig.join_with(2, 3, connect))[0].1, INCONSISTENT_GROUP_PROTOCOL);
    assert_eq!(
        joins(rig.join_with(2, 3, request("", None, &[])))[0].1,
        INCONSISTENT_GROUP_PROTOCOL
    );
    rig.join_with(2, 3, request("", None, &["sticky", "range"]));
    rig.join_with(3, 3, request("", None, &["sticky", "range"]));
    rig.join_with(1, 3, request("id-1", None, &["range", "sticky"]));
    assert_eq!(rig.group.protocol.as_deref(), Some("sticky"));
}

#[test]
fn a_static_member_that_restarts_keeps_its_part_and_fences_its_former_self() {
    let mut rig = Rig::new();
    let named = |id: &str| request(id, Some("n"), &["range"]);
    assert_eq!(joins(rig.join_with(1, 9, named(""))), [(1, NONE, 1, 1)]);
    rig.sync(1, "id-1", &[("id-1", "a")]);
    let again = rig.join_with(2, 9, named(""));
    let [Reply::Join(_, response)] = &again[..] else { panic!("{again:?}") };
    assert!(response.skip_assignment);
    assert_eq!((&*response.member_id, response.generation_id), ("id-2", 1));
    assert_eq!(syncs(rig.sync(2, "id-2", &[])), [(2, NONE, "a".to_owned())]);
    let former = rig.join_with(1, 9, named("id-1"));
    assert_eq!(joins(former), [(1, ErrorCode::FENCED_INSTANCE_ID, -1, 0)]);
    let name: Arc<str> = "n".into();
    rig.group.leave(&Arc::default(), Some(&name), rig.now).unwrap();
    assert_eq!(rig.group.state, GroupState::Empty);
}

#[test]
fn offsets_are_taken_from_members_of_this_generation_or_from_outside_of_an_empty_group() {
    let mut rig = Rig::new();
    let (nobody, one): (Arc<str>, Arc<str>) = (Arc::default(), "id-1".into());
    assert_eq!(rig.group.may_commit(&nobody, None, -1, START), Ok(()));
    rig.join(1, "");
    assert_eq!(rig.group.may_commit(&one, None, 1, START), Err(REBALANCE_IN_PROGRESS));
    rig.sync(1, "id-1", &[]);
    assert_eq!(rig.group.may_commit(&one, None, 1, START), Ok(()));
    let old = rig.group.may_commit(&one, None, 0, START);
    assert_eq!(old, Err(ErrorCode::ILLEGAL_GENERATION));
    let outside = rig.group.may_commit(&nobody, None, -1, START);
    assert_eq!(outside, Err(ErrorCode::UNKNOWN_MEMBER_ID));
}

#[test]
fn who_waits_is_told_that_the_coordinator_moved() {
    let mut rig = Rig::two();
    rig.join(2, "id-2");
    assert_eq!(joins(rig.join(3, "")), []);
    let told = joins(rig.group.resign(ErrorCode::NOT_COORDINATOR));
    assert_eq!(told.len(), 1);
    assert!(told.iter().all(|(_, code, ..)| *code == ErrorCode::NOT_COORDINATOR));
}
