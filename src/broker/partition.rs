//! A replica of a partition on one broker: its log, its role, and how far the others are.
//!
//! The leader knows how far each follower has come, from what they fetch. What all in-sync
//! replicas have is committed; the offset after it is the high watermark.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::append_error::AppendError;
use super::log::{AppendInfo, Log};
use super::log_validator::Batch;
use super::metadata_cache::PartitionImage;
use super::topic_config::TopicConfig;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::Uuid;

/// A replica.
#[derive(Debug)]
pub struct Partition {
    /// The topic's id.
    pub topic_id: Uuid,
    /// The topic's configuration.
    pub config: Arc<TopicConfig>,
    /// What this broker was told last.
    pub image: PartitionImage,
    /// The records.
    pub log: Log,
    /// The first offset that is not committed, as far as this replica knows.
    pub high_watermark: i64,
    /// What this broker is to the partition.
    pub role: Role,
}

/// What a broker is to a partition.
#[derive(Debug)]
pub enum Role {
    /// It takes the writes.
    Leader(Leader),
    /// It copies the leader.
    Follower(Follower),
}

/// What a leader knows of the others.
#[derive(Debug)]
pub struct Leader {
    /// The replicas in sync, this one among them.
    pub isr: Vec<i32>,
    /// What the controller was asked to make of it. A replica that is about to join counts for
    /// the high watermark already.
    pub asked_isr: Option<Vec<i32>>,
    /// The other replicas.
    pub followers: BTreeMap<i32, Progress>,
    /// The end of the log when this broker was elected.
    pub epoch_start: i64,
}

/// How far a follower is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// The end of its log; -1 until it fetches.
    pub end_offset: i64,
    /// When it last had everything.
    pub caught_up: Instant,
}

/// What a follower remembers.
#[derive(Debug, Default)]
pub struct Follower {
    /// Its log is known to be a beginning of the leader's.
    pub in_step: bool,
    /// A fetch is under way.
    pub fetching: bool,
}

/// Where a write with acks=all is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Not on all in-sync replicas.
    Pending,
    /// It is over, with this error or none.
    Done(ErrorCode),
}

impl Partition {
    /// An empty replica that knows nothing of its role.
    pub fn new(topic_id: Uuid, config: Arc<TopicConfig>) -> Partition {
        let image = PartitionImage {
            replicas: Vec::new(),
            isr: Vec::new(),
            leader: -1,
            leader_epoch: -1,
            partition_epoch: -1,
        };
        let role = Role::Follower(Follower::default());
        Partition { topic_id, config, image, log: Log::default(), high_watermark: 0, role }
    }

    /// Takes what the controller decided. True if the partition has another leader now.
    pub fn apply(&mut self, image: &PartitionImage, own_id: i32, now: Instant) -> bool {
        let elected = image.leader_epoch > self.image.leader_epoch;
        if image.partition_epoch <= self.image.partition_epoch {
            return false;
        }
        self.image = image.clone();
        match &mut self.role {
            Role::Leader(leader) if !elected => {
                leader.isr.clone_from(&image.isr);
                leader.asked_isr = None;
            }
            Role::Follower(_) if !elected => {}
            _ if image.leader == own_id => self.role = Role::Leader(self.lead(own_id, now)),
            _ => self.role = Role::Follower(Follower::default()),
        }
        self.advance_high_watermark();
        elected
    }

    fn lead(&self, own_id: i32, now: Instant) -> Leader {
        let others = self.image.replicas.iter().filter(|id| **id != own_id);
        let progress = Progress { end_offset: -1, caught_up: now };
        Leader {
            isr: self.image.isr.clone(),
            asked_isr: None,
            followers: others.map(|id| (*id, progress)).collect(),
            epoch_start: self.log.end_offset(),
        }
    }

    /// The leader's side, or that this broker is not the leader.
    pub fn leader(&self) -> Result<&Leader, ErrorCode> {
        match &self.role {
            Role::Leader(leader) => Ok(leader),
            Role::Follower(_) => Err(ErrorCode::NOT_LEADER_OR_FOLLOWER),
        }
    }

    /// The largest epoch up to `epoch` that this leader knows, and where it ended. `None` for one
    /// that has not begun.
    pub fn end_of_epoch(&self, epoch: i32) -> Option<(i32, i64)> {
        let current = self.image.leader_epoch;
        if epoch < 0 || epoch > current {
            return None;
        }
        if epoch == current {
            return Some((current, self.log.end_offset()));
        }
        let (known, end) = self.log.end_of_epoch(epoch);
        Some(if known < 0 { (epoch, end) } else { (known, end) })
    }

    fn min_isr(&self) -> usize {
        let configured = usize::try_from(self.config.min_insync_replicas).unwrap_or(1);
        configured.min(self.image.replicas.len())
    }

    /// Appends what a producer sent.
    pub fn append(
        &mut self,
        batch: &Batch,
        acks: i16,
        wall_ms: i64,
        now: Instant,
    ) -> Result<AppendInfo, AppendError> {
        let in_sync = self.leader()?.isr.len();
        let least = self.min_isr();
        if acks == -1 && in_sync < least {
            let text = format!(
                "The size of the current ISR {in_sync} is insufficient to satisfy the min.isr \
                 requirement of {least}"
            );
            return Err(AppendError::of_log(ErrorCode::NOT_ENOUGH_REPLICAS, text));
        }
        let epoch = self.image.leader_epoch;
        let end_before = self.log.end_offset();
        let info = self.log.append_as_leader(batch, epoch, &self.config, wall_ms)?;
        self.note_caught_up(end_before, now);
        self.advance_high_watermark();
        Ok(info)
    }

    /// Who had everything until now falls behind from now on. Kafka's followers ask all the time,
    /// ours only when there is news, so the time of their last fetch does not tell.
    fn note_caught_up(&mut self, end_before: i64, now: Instant) {
        let Role::Leader(leader) = &mut self.role else { return };
        let had_all = |progress: &&mut Progress| progress.end_offset >= end_before;
        for progress in leader.followers.values_mut().filter(had_all) {
            progress.caught_up = now;
        }
    }

    /// Whether everything up to `last_offset` is committed.
    pub fn committed(&self, last_offset: i64) -> Commit {
        let leader = match self.leader() {
            Ok(leader) => leader,
            Err(code) => return Commit::Done(code),
        };
        if self.high_watermark <= last_offset {
            return Commit::Pending;
        }
        match leader.isr.len() < self.min_isr() {
            true => Commit::Done(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND),
            false => Commit::Done(ErrorCode::NONE),
        }
    }

    /// A follower fetched, which tells where its log ends. The in-sync replicas that there would
    /// be with it, if it is none and has come far enough.
    pub fn follower_fetched(
        &mut self,
        follower: i32,
        end_offset: i64,
        now: Instant,
    ) -> Option<Vec<i32>> {
        let (own_end, committed) = (self.log.end_offset(), self.high_watermark);
        let Role::Leader(leader) = &mut self.role else { return None };
        let progress = leader.followers.get_mut(&follower)?;
        progress.end_offset = end_offset;
        if end_offset >= own_end {
            progress.caught_up = now;
        }
        let joins = !leader.isr.contains(&follower)
            && leader.asked_isr.is_none()
            && end_offset >= committed
            && end_offset >= leader.epoch_start;
        if joins {
            let mut isr = leader.isr.clone();
            isr.push(follower);
            leader.asked_isr = Some(isr);
        }
        let asked = if joins { leader.asked_isr.clone() } else { None };
        self.advance_high_watermark();
        asked
    }

    /// The in-sync replicas without those that have not caught up for `lag_max` or that `gone`
    /// names, if there are such.
    pub fn shrink_isr(
        &mut self,
        own_id: i32,
        lag_max: Duration,
        gone: impl Fn(i32) -> bool,
        now: Instant,
    ) -> Option<Vec<i32>> {
        let own_end = self.log.end_offset();
        let Role::Leader(leader) = &mut self.role else { return None };
        if leader.asked_isr.is_some() {
            return None;
        }
        let followers = &leader.followers;
        let stays = |id: &i32| {
            let slow = followers.get(id).is_none_or(|progress| {
                progress.end_offset < own_end && now.since(progress.caught_up) >= lag_max
            });
            *id == own_id || !(slow || gone(*id))
        };
        let isr: Vec<i32> = leader.isr.iter().copied().filter(stays).collect();
        if isr.len() == leader.isr.len() {
            return None;
        }
        leader.asked_isr = Some(isr.clone());
        Some(isr)
    }

    /// What the controller was asked to make of the ISR and has not answered.
    pub fn asked_isr(&self) -> Option<Vec<i32>> {
        self.leader().ok().and_then(|leader| leader.asked_isr.clone())
    }

    /// The controller did not take the change.
    pub fn isr_refused(&mut self) {
        if let Role::Leader(leader) = &mut self.role {
            leader.asked_isr = None;
        }
    }

    fn advance_high_watermark(&mut self) {
        let Role::Leader(leader) = &self.role else { return };
        let in_sync = |id: &i32| {
            leader.isr.contains(id) || leader.asked_isr.as_ref().is_some_and(|isr| isr.contains(id))
        };
        let followers = leader.followers.iter().filter(|(id, _)| in_sync(id));
        let least = followers.map(|(_, progress)| progress.end_offset).min();
        let end = self.log.end_offset();
        self.high_watermark = self.high_watermark.max(least.unwrap_or(end).min(end));
        self.log.retain_bytes(self.config.retention_bytes, self.retainable());
    }

    /// Up to where batches may be dropped: no replica that is in sync still needs them.
    fn retainable(&self) -> i64 {
        self.high_watermark
    }

    /// As a follower: what the leader has, from this log's end on, and the leader's high watermark.
    pub fn append_fetched(
        &mut self,
        batches: &[super::log::StoredBatch],
        leader_start: i64,
        leader_high_watermark: i64,
    ) {
        if self.log.end_offset() < leader_start {
            self.log.restart_at(leader_start);
        }
        self.log.append_as_follower(batches);
        self.log.start_at(leader_start);
        let known = leader_high_watermark.min(self.log.end_offset());
        self.high_watermark = self.high_watermark.max(known);
    }

    /// As a follower: drops what the leader does not have.
    pub fn truncate(&mut self, offset: i64) {
        self.log.truncate(offset);
        self.high_watermark = self.high_watermark.min(self.log.end_offset());
    }
}
