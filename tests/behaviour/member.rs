//! A member of a classic consumer group that says exactly what a test wants it to say.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_request::JoinGroupRequestProtocol;
use kafka_protocol::messages::leave_group_request::MemberIdentity;
use kafka_protocol::messages::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use kafka_protocol::messages::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use kafka_protocol::messages::sync_group_request::SyncGroupRequestAssignment;
use kafka_protocol::messages::{
    FindCoordinatorRequest, GroupId, HeartbeatRequest, JoinGroupRequest, JoinGroupResponse,
    LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, SyncGroupRequest,
    SyncGroupResponse,
};

use super::raw::*;
use super::target::*;

/// One connection to the coordinator of a group.
pub struct Member {
    pub raw: Raw,
    pub group: String,
    pub id: String,
    pub generation: i32,
    pub instance: Option<&'static str>,
    pub protocols: Vec<&'static str>,
}

fn group_id(group: &str) -> GroupId {
    GroupId(text(group))
}

impl Member {
    /// Finds the coordinator, which takes a moment where the offsets topic has to be made first.
    pub fn new(target: &Target, group: &str) -> Member {
        let mut raw = target.connect();
        let mut address = String::new();
        until("there is a coordinator", || {
            let keys = vec![text(group)];
            let request = FindCoordinatorRequest::default().with_coordinator_keys(keys);
            let found = raw.call(4, &request).unwrap().coordinators.remove(0);
            address = format!("{}:{}", found.host, found.port);
            let why = error(found.error_code);
            assert!(matches!(why, None | Some(ResponseError::CoordinatorNotAvailable)), "{why:?}");
            why.is_none()
        });
        let mut raw = Raw::connect(&address);
        until("the coordinator has loaded the group", || {
            !matches!(
                fetch_offsets(&mut raw, group, "any"),
                Err(ResponseError::CoordinatorLoadInProgress | ResponseError::NotCoordinator)
            )
        });
        let (group, id) = (group.to_owned(), String::new());
        Member { raw, group, id, generation: -1, instance: None, protocols: vec!["range"] }
    }

    pub fn ask_to_join(&mut self, version: i16) {
        let protocol = |name: &&str| {
            let metadata = Bytes::copy_from_slice(name.as_bytes());
            JoinGroupRequestProtocol::default().with_name(text(name)).with_metadata(metadata)
        };
        let request = JoinGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_session_timeout_ms(10_000)
            .with_rebalance_timeout_ms(10_000)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.map(text))
            .with_protocol_type(text("consumer"))
            .with_protocols(self.protocols.iter().map(protocol).collect());
        self.raw.send(version, &request);
    }

    pub fn joined(&mut self, version: i16) -> JoinGroupResponse {
        let (_, response) = self.raw.answer::<JoinGroupRequest>(version).unwrap();
        self.id = response.member_id.to_string();
        self.generation = response.generation_id;
        response
    }

    pub fn join(&mut self, version: i16) -> JoinGroupResponse {
        self.ask_to_join(version);
        self.joined(version)
    }

    /// Joins with the id that the first answer gives.
    pub fn join_twice(&mut self) -> JoinGroupResponse {
        let first = self.join(9);
        assert_eq!(error(first.error_code), Some(ResponseError::MemberIdRequired));
        assert!(!self.id.is_empty());
        self.join(9)
    }

    pub fn ask_to_sync(&mut self, assignments: &[(&str, &str)]) {
        let assignment = |(id, bytes): &(&str, &str)| {
            SyncGroupRequestAssignment::default()
                .with_member_id(text(id))
                .with_assignment(Bytes::copy_from_slice(bytes.as_bytes()))
        };
        let request = SyncGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.map(text))
            .with_protocol_type(Some(text("consumer")))
            .with_protocol_name(Some(text("range")))
            .with_assignments(assignments.iter().map(assignment).collect());
        self.raw.send(5, &request);
    }

    pub fn synced(&mut self) -> SyncGroupResponse {
        self.raw.answer::<SyncGroupRequest>(5).unwrap().1
    }

    pub fn sync(&mut self, assignments: &[(&str, &str)]) -> SyncGroupResponse {
        self.ask_to_sync(assignments);
        self.synced()
    }

    pub fn heartbeat(&mut self) -> Option<ResponseError> {
        let request = HeartbeatRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id(self.generation)
            .with_member_id(text(&self.id))
            .with_group_instance_id(self.instance.map(text));
        error(self.raw.call(4, &request).unwrap().error_code)
    }

    /// The error of the request and that of the member.
    pub fn leave(&mut self) -> (Option<ResponseError>, Option<ResponseError>) {
        let member = MemberIdentity::default().with_member_id(text(&self.id));
        let request = LeaveGroupRequest::default()
            .with_group_id(group_id(&self.group))
            .with_members(vec![member]);
        let answer = self.raw.call(5, &request).unwrap();
        (error(answer.error_code), error(answer.members[0].error_code))
    }

    pub fn commit(&mut self, topic: &str, partition: i32, offset: i64) -> Option<ResponseError> {
        self.commit_with(topic, partition, offset, "meta")
    }

    pub fn commit_with(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        metadata: &str,
    ) -> Option<ResponseError> {
        let partition = OffsetCommitRequestPartition::default()
            .with_partition_index(partition)
            .with_committed_offset(offset)
            .with_committed_leader_epoch(0)
            .with_committed_metadata(Some(text(metadata)));
        let topic = OffsetCommitRequestTopic::default()
            .with_name(topic_name(topic))
            .with_partitions(vec![partition]);
        let request = OffsetCommitRequest::default()
            .with_group_id(group_id(&self.group))
            .with_generation_id_or_member_epoch(self.generation)
            .with_member_id(text(&self.id))
            .with_topics(vec![topic]);
        let mut answer = self.raw.call(8, &request).unwrap();
        error(answer.topics.remove(0).partitions[0].error_code)
    }

    pub fn committed(&mut self, topic: &str) -> (i64, String) {
        fetch_offsets(&mut self.raw, &self.group, topic).unwrap()
    }
}

/// What a group committed for partition 0 of a topic.
fn fetch_offsets(raw: &mut Raw, group: &str, topic: &str) -> Result<(i64, String), ResponseError> {
    let topics = OffsetFetchRequestTopics::default()
        .with_name(topic_name(topic))
        .with_partition_indexes(vec![0]);
    let group = OffsetFetchRequestGroup::default()
        .with_group_id(group_id(group))
        .with_topics(Some(vec![topics]));
    let request = OffsetFetchRequest::default().with_groups(vec![group]);
    let mut answer = raw.call(8, &request).unwrap().groups.remove(0);
    if let Some(error) = error(answer.error_code) {
        return Err(error);
    }
    let part = answer.topics.remove(0).partitions.remove(0);
    assert_eq!(error(part.error_code), None);
    Ok((part.committed_offset, part.metadata.unwrap_or_default().to_string()))
}
