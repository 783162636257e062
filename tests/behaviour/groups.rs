//! Classic consumer groups.

use kafka_protocol::ResponseError::*;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::OffsetFetchRequestTopic;
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest, LeaveGroupRequest,
    ListGroupsRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
};
use kafka_protocol::protocol::StrBytes;

use super::member::Member;
use super::raw::*;
use super::target::*;

pub fn a_group_has_one_coordinator_whoever_is_asked(target: &Target) {
    let group = target.name("coordinated");
    Member::new(target, &group);
    let mut found = Vec::new();
    for address in target.bootstrap.split(',') {
        let mut raw = Raw::connect(address);
        until("every broker knows it", || {
            let keys = vec![text(&group)];
            let request = FindCoordinatorRequest::default().with_coordinator_keys(keys);
            let answer = raw.call(4, &request).unwrap().coordinators.remove(0);
            let known = error(answer.error_code).is_none();
            if known {
                assert_eq!(answer.key, text(&group));
                found.push((answer.node_id.0, answer.port));
            }
            known
        });
        let old = FindCoordinatorRequest::default().with_key(text(&group));
        let answer = raw.call(2, &old).unwrap();
        assert_eq!((error(answer.error_code), answer.node_id.0), (None, found[0].0));
        let nameless = FindCoordinatorRequest::default().with_coordinator_keys(vec![text("")]);
        let answer = raw.call(4, &nameless).unwrap().coordinators.remove(0);
        assert_eq!(error(answer.error_code), None, "who may be asked, for whatever name");
        let strange = FindCoordinatorRequest::default()
            .with_key_type(9)
            .with_coordinator_keys(vec![text("x")]);
        let answer = raw.call(4, &strange).unwrap().coordinators.remove(0);
        assert_eq!(error(answer.error_code), Some(InvalidRequest));
    }
    found.dedup();
    assert_eq!(found.len(), 1, "{found:?}");
}

pub fn one_member_joins_syncs_lives_and_leaves(target: &Target) {
    let mut member = Member::new(target, &target.name("alone"));
    let joined = member.join_twice();
    assert_eq!((error(joined.error_code), joined.generation_id), (None, 1));
    assert_eq!((&joined.leader, joined.members.len()), (&joined.member_id, 1));
    assert_eq!(joined.protocol_name, Some(text("range")));
    assert_eq!(joined.protocol_type, Some(text("consumer")));
    assert_eq!(&joined.members[0].metadata[..], b"range");
    assert!(joined.member_id.starts_with("raw-"), "{}", joined.member_id);
    assert_eq!(member.heartbeat(), None, "it may say that it lives before it syncs");
    let id = member.id.clone();
    let synced = member.sync(&[(&id, "everything")]);
    assert_eq!((error(synced.error_code), &synced.assignment[..]), (None, &b"everything"[..]));
    assert_eq!(member.heartbeat(), None);
    assert_eq!(member.leave(), (None, None));
    assert_eq!(member.heartbeat(), Some(UnknownMemberId));
    assert_eq!(member.leave().1, Some(UnknownMemberId));
}

pub fn who_is_not_of_the_group_is_told_so(target: &Target) {
    let mut member = Member::new(target, &target.name("strangers"));
    member.id = "nobody".to_owned();
    member.generation = 1;
    assert_eq!(member.heartbeat(), Some(UnknownMemberId));
    assert_eq!(error(member.sync(&[]).error_code), Some(UnknownMemberId));
    assert_eq!(error(member.join(9).error_code), Some(UnknownMemberId));
    member.id = String::new();
    let joined = member.join_twice();
    assert_eq!(error(joined.error_code), None);
    let id = member.id.clone();
    member.sync(&[(&id, "a")]);
    member.generation += 1;
    assert_eq!(member.heartbeat(), Some(IllegalGeneration));
    assert_eq!(error(member.sync(&[]).error_code), Some(IllegalGeneration));
    let topic = target.topic("strangers", 1);
    assert_eq!(member.commit(&topic, 0, 3), Some(IllegalGeneration));
    member.generation -= 1;
    member.id = "nobody".to_owned();
    assert_eq!(member.commit(&topic, 0, 3), Some(UnknownMemberId));
    (member.id, member.generation) = (String::new(), -1);
    assert_eq!(member.commit(&topic, 0, 3), Some(UnknownMemberId), "the group has members");
    member.id = id;
    member.leave();
}

pub fn a_second_member_makes_the_group_begin_anew(target: &Target) {
    let group = target.name("two");
    let (mut first, mut second) = (Member::new(target, &group), Member::new(target, &group));
    first.join_twice();
    let id = first.id.clone();
    first.sync(&[(&id, "all")]);
    let asked = second.join(9);
    assert_eq!(error(asked.error_code), Some(MemberIdRequired));
    assert_eq!(first.heartbeat(), None, "nothing changes before it really joins");
    second.ask_to_join(9);
    until("the first is told", || first.heartbeat() == Some(RebalanceInProgress));
    let leads = first.join(9);
    let follows = second.joined(9);
    assert_eq!((error(leads.error_code), error(follows.error_code)), (None, None));
    assert_eq!((leads.generation_id, follows.generation_id), (2, 2));
    assert_eq!((&leads.leader, &follows.leader), (&leads.member_id, &leads.member_id));
    assert_eq!((leads.members.len(), follows.members.len()), (2, 0));
    second.ask_to_sync(&[]);
    let (a, b) = (first.id.clone(), second.id.clone());
    let mine = first.sync(&[(&a, "left"), (&b, "right")]);
    assert_eq!((error(mine.error_code), &mine.assignment[..]), (None, &b"left"[..]));
    assert_eq!(&second.synced().assignment[..], b"right");
    assert_eq!((first.heartbeat(), second.heartbeat()), (None, None));
    assert_eq!(first.leave(), (None, None));
    assert_eq!(second.heartbeat(), Some(RebalanceInProgress));
    let alone = second.join(9);
    assert_eq!((alone.generation_id, alone.members.len()), (3, 1));
    assert_eq!(alone.leader, alone.member_id);
    second.leave();
}

pub fn members_must_have_a_protocol_in_common(target: &Target) {
    let group = target.name("protocols");
    let (mut first, mut second) = (Member::new(target, &group), Member::new(target, &group));
    first.protocols = vec!["range", "sticky"];
    let joined = first.join_twice();
    assert_eq!(joined.protocol_name, Some(text("range")));
    second.protocols = vec!["other"];
    assert_eq!(error(second.join(9).error_code), Some(InconsistentGroupProtocol));
    second.protocols = Vec::new();
    second.id = String::new();
    assert_eq!(error(second.join(9).error_code), Some(InconsistentGroupProtocol));
    first.leave();
}

pub fn an_old_member_joins_without_asking_for_an_id_first(target: &Target) {
    for version in 0..=3 {
        let mut member = Member::new(target, &target.name("old"));
        let joined = member.join(version);
        assert_eq!((error(joined.error_code), joined.generation_id), (None, 1), "{version}");
        assert_eq!(joined.leader, joined.member_id);
        assert_eq!(member.leave(), (None, None));
    }
}

pub fn a_nameless_group_and_a_strange_session_are_refused(target: &Target) {
    let mut member = Member::new(target, &target.name("strange"));
    member.group = String::new();
    assert_eq!(error(member.join(9).error_code), Some(InvalidGroupId));
    assert_eq!(member.heartbeat(), Some(InvalidGroupId));
    assert_eq!(error(member.sync(&[]).error_code), Some(InvalidGroupId));
}

pub fn offsets_are_kept_for_the_group_and_for_who_comes_later(target: &Target) {
    let topic = target.topic("committed", 1);
    let group = target.name("commits");
    let mut member = Member::new(target, &group);
    assert_eq!(member.committed(&topic), (-1, String::new()), "nothing yet");
    member.join_twice();
    let id = member.id.clone();
    member.sync(&[(&id, "all")]);
    assert_eq!(member.commit(&topic, 0, 5), None);
    assert_eq!(member.commit(&topic, 0, 7), None);
    assert_eq!(member.committed(&topic), (7, "meta".to_owned()));
    assert_eq!(member.commit(&topic, 9, 1), Some(UnknownTopicOrPartition));
    assert_eq!(member.commit("nowhere", 0, 1), Some(UnknownTopicOrPartition));
    let long = "x".repeat(4097);
    assert_eq!(member.commit_with(&topic, 0, 9, &long), Some(OffsetMetadataTooLarge));
    member.leave();
    let mut later = Member::new(target, &group);
    assert_eq!(later.committed(&topic), (7, "meta".to_owned()));
    assert_eq!(later.commit(&topic, 0, 8), None, "nobody is in the group");
    assert_eq!(later.committed(&topic).0, 8);
}

pub fn transactions_are_not_confused_with_groups(target: &Target) {
    let key: StrBytes = text(&target.name("group"));
    let mut member = Member::new(target, &key);
    let request = FindCoordinatorRequest::default().with_coordinator_keys(vec![key.clone(), key]);
    let answer = member.raw.call(6, &request).unwrap();
    let codes: Vec<_> = answer.coordinators.iter().map(|one| error(one.error_code)).collect();
    assert_eq!(codes, [None, None], "each that was asked for is answered");
}

pub fn groups_can_be_listed_and_described(target: &Target) {
    let group = target.name("described");
    let mut member = Member::new(target, &group);
    let describe = |member: &mut Member, name: &str| {
        let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text(name))]);
        member.raw.call(5, &request).unwrap().groups.remove(0)
    };
    let unknown = describe(&mut member, &group);
    assert_eq!((error(unknown.error_code), &*unknown.group_state), (None, "Dead"));
    member.join_twice();
    // Kafka tells what is on all replicas, which takes a moment.
    until("it waits for its leader", || {
        &*describe(&mut member, &group).group_state == "CompletingRebalance"
    });
    let id = member.id.clone();
    member.sync(&[(&id, "all")]);
    until("it is stable", || &*describe(&mut member, &group).group_state == "Stable");
    let stable = describe(&mut member, &group);
    assert_eq!((&*stable.group_state, &*stable.protocol_type), ("Stable", "consumer"));
    assert_eq!((&*stable.protocol_data, stable.members.len()), ("range", 1));
    let only = &stable.members[0];
    assert_eq!(
        (&*only.member_id, &*only.client_id, &*only.client_host),
        (&*id, "raw", "/127.0.0.1")
    );
    assert_eq!(
        (&only.member_metadata[..], &only.member_assignment[..]),
        (&b"range"[..], &b"all"[..])
    );
    let listed = member.raw.call(4, &ListGroupsRequest::default()).unwrap();
    let own = listed.groups.iter().find(|listed| listed.group_id.0 == text(&group)).unwrap();
    assert_eq!((&*own.protocol_type, &*own.group_state), ("consumer", "Stable"));
    member.leave();
    until("nobody is left", || {
        let empty = describe(&mut member, &group);
        (&*empty.group_state, empty.members.len()) == ("Empty", 0)
    });
}

pub fn a_static_member_comes_back_to_its_place_and_fences_its_double(target: &Target) {
    let group = target.name("static");
    let (mut first, mut second) = (Member::new(target, &group), Member::new(target, &group));
    first.instance = Some("one");
    let joined = first.join(9);
    assert_eq!((error(joined.error_code), joined.generation_id), (None, 1), "at once");
    let id = first.id.clone();
    first.sync(&[(&id, "all")]);
    second.instance = Some("one");
    let again = second.join(9);
    assert_eq!((error(again.error_code), again.generation_id), (None, 1), "the same generation");
    assert_ne!(second.id, first.id);
    assert!(again.skip_assignment);
    assert_eq!(&second.sync(&[]).assignment[..], b"all");
    assert_eq!(first.heartbeat(), Some(FencedInstanceId));
    assert_eq!(error(first.sync(&[]).error_code), Some(FencedInstanceId));
    assert_eq!(error(first.join(9).error_code), Some(FencedInstanceId));
    assert_eq!(second.heartbeat(), None);
    assert_eq!(second.leave(), (None, None));
}

pub fn the_oldest_versions_serve_a_member_from_joining_to_leaving(target: &Target) {
    let topic = target.topic("oldest", 2);
    let mut member = Member::new(target, &target.name("oldest"));
    let joined = member.join(0);
    assert_eq!((error(joined.error_code), joined.generation_id), (None, 1));
    let (group, id) = (GroupId(text(&member.group)), text(&member.id));
    let raw = &mut member.raw;
    let own = SyncGroupRequestAssignment::default()
        .with_member_id(id.clone())
        .with_assignment("all".into());
    let sync = SyncGroupRequest::default()
        .with_group_id(group.clone())
        .with_generation_id(1)
        .with_member_id(id.clone())
        .with_assignments(vec![own]);
    assert_eq!(&raw.call(0, &sync).unwrap().assignment[..], b"all");
    let beat = HeartbeatRequest::default()
        .with_group_id(group.clone())
        .with_generation_id(1)
        .with_member_id(id.clone());
    assert_eq!(error(raw.call(0, &beat).unwrap().error_code), None);
    let place = OffsetCommitRequestPartition::default()
        .with_partition_index(1)
        .with_committed_offset(3)
        .with_committed_metadata(None);
    let places = OffsetCommitRequestTopic::default()
        .with_name(topic_name(&topic))
        .with_partitions(vec![place]);
    let commit = OffsetCommitRequest::default()
        .with_group_id(group.clone())
        .with_generation_id_or_member_epoch(1)
        .with_member_id(id.clone())
        .with_topics(vec![places]);
    let answer = raw.call(2, &commit).unwrap();
    assert_eq!(error(answer.topics[0].partitions[0].error_code), None);
    let wanted = OffsetFetchRequestTopic::default()
        .with_name(topic_name(&topic))
        .with_partition_indexes(vec![0, 1]);
    let fetch = OffsetFetchRequest::default().with_group_id(group.clone());
    let some = raw.call(1, &fetch.clone().with_topics(Some(vec![wanted]))).unwrap();
    let offsets: Vec<_> = some.topics[0]
        .partitions
        .iter()
        .map(|part| (part.partition_index, part.committed_offset, part.error_code))
        .collect();
    assert_eq!(offsets, [(0, -1, 0), (1, 3, 0)]);
    let all = raw.call(5, &fetch.with_topics(None)).unwrap();
    assert_eq!((error(all.error_code), all.topics.len()), (None, 1));
    assert_eq!((&all.topics[0].name, all.topics[0].partitions.len()), (&topic_name(&topic), 1));
    let leave = LeaveGroupRequest::default().with_group_id(group).with_member_id(id);
    assert_eq!(error(raw.call(0, &leave).unwrap().error_code), None);
    assert_eq!(error(raw.call(0, &leave).unwrap().error_code), Some(UnknownMemberId));
}
