//! Groups within the cluster: who coordinates which, where their offsets are kept, and when they
//! are looked after.

use std::sync::Arc;

use super::{ClusterCore, Task};
use crate::broker::controller::{Event, NewTopic};
use crate::broker::group::{
    CommittedOffset, GroupCoordinator, Kept, OFFSETS_TOPIC, OffsetKey, Reply, encode_kept,
    partition_of,
};
use crate::broker::log_validator::Batch;
use crate::broker::metadata_cache::{Endpoint, Image};
use crate::broker::server::BrokerServer;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::Records;

/// Any version that has no say on what a batch may contain.
const OWN_VERSION: i16 = i16::MAX;
/// How many records a batch has that compaction writes.
const COMPACT_CHUNK: usize = 100;

impl ClusterCore {
    /// The broker that coordinates a group; where Kafka's topic for that is not there, it is made.
    pub fn find_coordinator(
        &mut self,
        group: &str,
        image: &Image,
    ) -> Result<(i32, Endpoint), ErrorCode> {
        let Some(topic) = image.topics.get(OFFSETS_TOPIC) else {
            let mut config = self.config.topic_defaults.clone();
            // The newest offset of each partition would be lost with the rest.
            config.retention_bytes = -1;
            (config.compact, config.delete) = (true, false);
            self.controller.push(Event::AutoCreate(NewTopic {
                name: OFFSETS_TOPIC.into(),
                partitions: self.config.offsets_partitions,
                replication_factor: self.config.replication_factor(),
                assignment: None,
                config,
            }));
            return Err(ErrorCode::COORDINATOR_NOT_AVAILABLE);
        };
        let index = partition_of(group, topic.partitions.len());
        let leader = image.partition(OFFSETS_TOPIC, index).map_or(-1, |part| part.leader);
        let endpoint = image.brokers.get(&leader).cloned();
        endpoint.map(|at| (leader, at)).ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)
    }

    /// The coordinator of a group on a broker, if it is that.
    pub fn coordinator(
        &mut self,
        broker: i32,
        group: &str,
    ) -> Result<&mut GroupCoordinator, ErrorCode> {
        let server = self.server_mut(broker)?;
        let topic = server.image.topics.get(OFFSETS_TOPIC);
        let count = topic.ok_or(ErrorCode::COORDINATOR_NOT_AVAILABLE)?.partitions.len();
        match server.groups.leads(partition_of(group, count)) {
            true => Ok(&mut server.groups),
            false => Err(ErrorCode::NOT_COORDINATOR),
        }
    }

    /// Sends what groups answer, and looks after them again in time.
    pub fn group_replies(&mut self, broker: i32, replies: Vec<Reply>, now: Instant) {
        for reply in replies {
            match reply {
                Reply::Join(call, response) => self.answer(call, response, now),
                Reply::Sync(call, response) => self.answer(call, response, now),
            }
        }
        let Some(server) = self.servers.get_mut(&broker) else { return };
        for (name, kept) in server.groups.take_changed() {
            // A coordinator that cannot write leads no more, or soon; its members will join anew.
            let _ = self.keep(broker, &name, &[kept], now);
            self.compact(broker, &name, now);
        }
        let Some(server) = self.servers.get_mut(&broker) else { return };
        let deadline = server.groups.next_deadline();
        // One timer is under way for each broker, the earliest that was needed.
        if deadline < server.groups_timer {
            server.groups_timer = deadline;
            self.timers.at(deadline, Task::Groups(broker));
        }
    }

    pub(super) fn look_after_groups(&mut self, broker: i32, now: Instant) {
        let Some(server) = self.servers.get_mut(&broker) else { return };
        if server.groups_timer > now {
            return;
        }
        server.groups_timer = Instant::NEVER;
        let replies = server.groups.tick(now);
        self.group_replies(broker, replies, now);
    }

    /// Keeps offsets: in the log first.
    pub fn commit_offsets(
        &mut self,
        broker: i32,
        group: &str,
        commits: Vec<(OffsetKey, CommittedOffset)>,
        now: Instant,
    ) -> Result<(), ErrorCode> {
        if commits.is_empty() {
            return Ok(());
        }
        let keep = |(key, value): &(OffsetKey, CommittedOffset)| {
            Kept::Offset(key.clone(), Some(value.clone()))
        };
        let kept: Vec<Kept> = commits.iter().map(keep).collect();
        self.keep(broker, group, &kept, now)?;
        let server = self.server_mut(broker)?;
        for (key, value) in commits {
            server.groups.apply(key, Some(value));
        }
        self.compact(broker, group, now);
        Ok(())
    }

    /// Appends to the partition of the offsets topic that is the group's.
    fn keep(
        &mut self,
        broker: i32,
        group: &str,
        kept: &[Kept],
        now: Instant,
    ) -> Result<(), ErrorCode> {
        let wall_ms = self.wall_ms(now);
        let server = self.server_mut(broker)?;
        append(server, offsets_partition(server, group), kept, wall_ms, now)
    }

    /// Where a partition of the offsets topic became large: writes down once more what counts, and
    /// drops everything before it. A follower that has not got so far begins there as well.
    fn compact(&mut self, broker: i32, group: &str, now: Instant) {
        let wall_ms = self.wall_ms(now);
        let compact_over = self.config.offsets_segment_bytes;
        let Ok(server) = self.server_mut(broker) else { return };
        let index = offsets_partition(server, group);
        let replica = server.replicas.get(OFFSETS_TOPIC, index);
        let Some(large) = replica.filter(|replica| replica.log.bytes() > compact_over) else {
            return;
        };
        let from = large.log.end_offset();
        for some in server.groups.all_to_keep(index, offsets_count(server)).chunks(COMPACT_CHUNK) {
            if append(server, index, some, wall_ms, now).is_err() {
                // It leads no more, or too few are in sync: then nothing may be dropped.
                return;
            }
        }
        if let Some(replica) = server.replicas.get_mut(OFFSETS_TOPIC, index) {
            replica.log.start_at(from);
        }
    }

    /// Lets brokers take over the groups of partitions that they lead now, and give up the others.
    pub(super) fn follow_coordinations(&mut self, now: Instant) -> bool {
        let mut any = false;
        let ids: Vec<i32> = self.servers.keys().copied().collect();
        for id in ids {
            let Some(server) = self.servers.get_mut(&id) else { continue };
            let mut replies = Vec::new();
            for index in std::mem::take(&mut server.replicas.coordinations) {
                any = true;
                let count =
                    server.image.topics.get(OFFSETS_TOPIC).map_or(1, |t| t.partitions.len());
                replies.extend(server.groups.unload(index, count));
                let replica = server.replicas.get(OFFSETS_TOPIC, index);
                if let Some(led) = replica.filter(|replica| replica.leader().is_ok()) {
                    let batches = led.log.read(0, i64::MAX, usize::MAX);
                    server.groups.load(index, batches.iter(), now);
                }
            }
            // Also without replies: members that were read have sessions that may end.
            if !replies.is_empty() || any {
                self.group_replies(id, replies, now);
            }
        }
        any
    }
}

fn offsets_count(server: &BrokerServer) -> usize {
    server.image.topics.get(OFFSETS_TOPIC).map_or(1, |topic| topic.partitions.len())
}

fn offsets_partition(server: &BrokerServer, group: &str) -> i32 {
    partition_of(group, offsets_count(server))
}

fn append(
    server: &mut BrokerServer,
    index: i32,
    kept: &[Kept],
    wall_ms: i64,
    now: Instant,
) -> Result<(), ErrorCode> {
    let bytes = encode_kept(kept, wall_ms);
    let batch = Batch::inspect(&Records::Whole(bytes), OWN_VERSION).map_err(|e| e.code)?;
    let topic: Arc<str> = OFFSETS_TOPIC.into();
    let appended = server.replicas.append(&topic, index, &batch, -1, wall_ms, now);
    appended.map(|_| ()).map_err(|error| match error.code {
        ErrorCode::NOT_LEADER_OR_FOLLOWER => ErrorCode::NOT_COORDINATOR,
        _ => ErrorCode::COORDINATOR_NOT_AVAILABLE,
    })
}
