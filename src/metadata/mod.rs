//! Metadata: which topics this producer wants to know, what is known, and who waits for it.
//!
//! Sending threads register a topic and wait on a ticket; the I/O thread asks for an update when
//! one is due and hands the answer in. `now` comes from outside.

mod cluster;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

pub use cluster::{Cluster, Node, PartitionInfo, TopicInfo};

use crate::backoff::ExponentialBackoff;
use crate::error::{Error, ErrorCode, Result};
use crate::sync::Mutex;
use crate::ticket::{OnReady, Ticket};
use crate::time::Instant;
use crate::wire::messages::MetadataResponse;
use crate::wire::messages::metadata::MetadataResponseTopic;

/// So many answers in a row that know an older leader epoch than ours are taken for late news;
/// after them it is ours that was wrong, as of a broker with a defect, or of a cluster that was
/// restored. (Java waits until the topic is made anew or was not used for `metadata.max.idle.ms`.)
/// Late news that are taken for good lead to a broker that was deposed. One that knows it refuses.
/// One that is cut off from its controller does not know it, and a produce request names no epoch
/// that could tell: with acks=all it acknowledges nothing, as nobody follows it any more; with
/// acks=1 or 0 what it takes is gone when it hears of its successor, which these do not rule out
/// for any leader. That takes ten answers of such a broker and none of another one. As the others
/// name it no more, it is found where nobody else answers, from bootstrap (`simulation::deposed`).
const STALE_ANSWERS_MAX: u8 = 10;

/// What Metadata needs of the configuration.
#[derive(Clone, Debug)]
pub struct MetadataConfig {
    /// `bootstrap.servers`.
    pub bootstrap: Vec<(String, u16)>,
    /// `metadata.max.age.ms`.
    pub max_age: Duration,
    /// `metadata.max.idle.ms`.
    pub max_idle: Duration,
    /// `retry.backoff.ms` and `retry.backoff.max.ms`.
    pub backoff: ExponentialBackoff,
    /// `metadata.recovery.rebootstrap.trigger.ms`; `None` for the recovery strategy `none`.
    pub rebootstrap_trigger: Option<Duration>,
}

struct Wanted {
    last_used: Instant,
    /// Never answered for yet: asked for at once and alone.
    new: bool,
    error: Option<Error>,
}

struct Waiter {
    topic: String,
    ticket: Arc<Ticket<()>>,
}

struct State {
    cluster: Arc<Cluster>,
    /// In the order of their names, so that equal events make equal requests.
    wanted: BTreeMap<String, Wanted>,
    waiters: Vec<Waiter>,
    closed: Option<Error>,
    update_requested: bool,
    /// How many of the wanted topics were never answered for.
    new_topics: usize,
    in_flight: bool,
    failed_attempts: u32,
    last_refresh: Instant,
    last_success: Instant,
    /// When the first attempt since the last success was made.
    trying_since: Option<Instant>,
    last_error: Option<Error>,
}

/// See the file's comment.
pub struct Metadata {
    config: MetadataConfig,
    state: Mutex<State>,
    /// Somebody began to wait, or wants another topic. The I/O thread looks here before it sleeps,
    /// as when it worked out for how long, the topic was perhaps not yet registered.
    news: AtomicBool,
    /// Changes with the cluster, for those who keep what they found in it.
    version: AtomicU64,
}

/// Which topics to ask for.
#[derive(Debug, PartialEq, Eq)]
pub struct UpdateRequest {
    /// The topics' names.
    pub topics: Vec<String>,
    /// Whether they are only those never answered for yet.
    pub partial: bool,
}

impl Metadata {
    /// Knows the bootstrap addresses only.
    pub fn new(config: MetadataConfig, now: Instant) -> Metadata {
        let state = State {
            cluster: Arc::new(Cluster::bootstrap(&config.bootstrap)),
            wanted: BTreeMap::new(),
            waiters: Vec::new(),
            closed: None,
            update_requested: false,
            new_topics: 0,
            in_flight: false,
            failed_attempts: 0,
            last_refresh: Instant(0),
            last_success: now,
            trying_since: None,
            last_error: None,
        };
        let (news, version) = (AtomicBool::new(false), AtomicU64::new(0));
        Metadata { config, state: Mutex::new(state), news, version }
    }

    /// What is known now.
    pub fn cluster(&self) -> Arc<Cluster> {
        self.state.lock().cluster.clone()
    }

    /// Which cluster is known now. Read before it, a number tells whether it is still the same.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn replace(&self, state: &mut State, cluster: Cluster) {
        state.cluster = Arc::new(cluster);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// Registers `topic` and a wait for the next news of it; asks for an update.
    pub fn wait_for(
        &self,
        topic: &str,
        now: Instant,
        on_ready: Option<OnReady>,
    ) -> Result<Arc<Ticket<()>>> {
        let mut state = self.state.lock();
        if let Some(error) = &state.closed {
            return Err(error.clone());
        }
        state.want(topic, now);
        // A topic never answered for is asked for at once, alone; another one with all others.
        if !state.wanted.get(topic).is_some_and(|wanted| wanted.new) {
            state.update_requested = true;
        }
        let ticket = Arc::new(Ticket::new(on_ready));
        state.waiters.push(Waiter { topic: topic.to_owned(), ticket: ticket.clone() });
        drop(state);
        self.news.store(true, Ordering::SeqCst);
        Ok(ticket)
    }

    /// Whether somebody began to wait, or to want a topic, since `take_news`.
    pub fn has_news(&self) -> bool {
        self.news.load(Ordering::SeqCst)
    }

    /// Notes that who waits so far is about to be seen.
    pub fn take_news(&self) {
        self.news.store(false, Ordering::SeqCst);
    }

    /// Gives a wait up.
    pub fn cancel(&self, ticket: &Arc<Ticket<()>>) {
        self.state.lock().waiters.retain(|waiter| !Arc::ptr_eq(&waiter.ticket, ticket));
        ticket.cancel();
    }

    /// Ends all waits with `Interrupted`.
    pub fn interrupt(&self) {
        let waiters: Vec<_> =
            self.state.lock().waiters.iter().map(|waiter| waiter.ticket.clone()).collect();
        waiters.iter().for_each(|ticket| ticket.interrupt());
    }

    /// Why the topic is not there: what the broker said of it, else why no broker could be asked.
    pub fn trouble(&self, topic: &str) -> Option<Error> {
        let state = self.state.lock();
        let own = state.wanted.get(topic).and_then(|wanted| wanted.error.clone());
        own.or_else(|| state.last_error.clone())
    }

    /// What the broker last said of the topic, if it was an error.
    pub fn topic_error(&self, topic: &str) -> Option<Error> {
        self.state.lock().wanted.get(topic).and_then(|wanted| wanted.error.clone())
    }

    /// Registers a topic without waiting; an unknown one is asked for at once.
    pub fn want(&self, topic: &str, now: Instant) {
        if self.state.lock().want(topic, now) {
            self.news.store(true, Ordering::SeqCst);
        }
    }

    /// Asks for an update of everything, after the back-off.
    pub fn request_update(&self) {
        self.state.lock().update_requested = true;
    }

    /// Ends all waits and refuses new ones.
    pub fn close(&self, error: Error) {
        let mut state = self.state.lock();
        state.closed = Some(error);
        let waiters = std::mem::take(&mut state.waiters);
        drop(state);
        for waiter in waiters {
            let _ = waiter.ticket.fulfil(());
        }
    }

    /// When the next update is due; `NEVER` while one is under way or nothing is wanted.
    pub fn next_update(&self) -> Instant {
        let state = self.state.lock();
        if state.in_flight || state.closed.is_some() {
            return Instant::NEVER;
        }
        let new = state.new_topics > 0;
        let wait = self.config.backoff.delay(state.failed_attempts.saturating_sub(1), 0.5);
        let allowed = match state.failed_attempts {
            0 => Instant(0),
            _ => state.last_refresh + wait,
        };
        if new {
            return allowed;
        }
        if state.update_requested {
            let pause = self.config.backoff.delay(0, 0.5);
            return allowed.max(state.last_refresh + pause);
        }
        if state.wanted.is_empty() {
            return Instant::NEVER;
        }
        // Even with metadata.max.age.ms=0 the brokers get a pause.
        let age = self.config.max_age.max(self.config.backoff.delay(0, 0.5));
        allowed.max(state.last_success + age)
    }

    /// Notes that an update is under way and says what to ask for. `used` tells whether a topic
    /// was sent to since it was last asked; topics that were not for `metadata.max.idle.ms` go.
    pub fn begin_update(&self, now: Instant, used: impl Fn(&str) -> bool) -> UpdateRequest {
        let mut state = self.state.lock();
        state.in_flight = true;
        state.trying_since.get_or_insert(now);
        let new: Vec<String> = state
            .wanted
            .iter()
            .filter(|(_, wanted)| wanted.new)
            .map(|(name, _)| name.clone())
            .collect();
        if !new.is_empty() && !state.update_requested {
            return UpdateRequest { topics: new, partial: true };
        }
        state.update_requested = false;
        let max_idle = self.config.max_idle;
        state.wanted.retain(|name, wanted| {
            if used(name) {
                wanted.last_used = now;
            }
            wanted.new || now.since(wanted.last_used) <= max_idle
        });
        UpdateRequest { topics: state.wanted.keys().cloned().collect(), partial: false }
    }

    /// Takes the answer to `request` in. Returns the new cluster, or why it is of no use.
    pub fn update(
        &self,
        response: MetadataResponse,
        request: &UpdateRequest,
        now: Instant,
    ) -> Result<Arc<Cluster>> {
        let nodes = usable_nodes(&response)?;
        let mut state = self.state.lock();
        let mut cluster = Cluster { nodes, topics: BTreeMap::new() };
        let wanted = &state.wanted;
        let kept = state.cluster.topics.iter().filter(|(name, _)| wanted.contains_key(*name));
        cluster.topics.extend(kept.map(|(name, info)| (name.clone(), info.clone())));
        // Sets, as there may be thousands of topics.
        let answered: HashSet<&str> =
            response.topics.iter().filter_map(|topic| topic.name.as_deref()).collect();
        let mut unsettled = !request.topics.iter().all(|name| answered.contains(name.as_str()));
        for topic in &response.topics {
            unsettled |= state.take_topic(&mut cluster, topic);
        }
        self.replace(&mut state, cluster);
        state.in_flight = false;
        state.last_refresh = now;
        if !request.partial {
            state.last_success = now;
        }
        state.update_requested |= unsettled;
        state.trying_since = None;
        state.last_error = None;
        state.failed_attempts = if unsettled { state.failed_attempts + 1 } else { 0 };
        Ok(state.cluster.clone())
    }

    /// Wakes those who wait for the topics that were asked for.
    pub fn answer_waiters(&self, request: &UpdateRequest) {
        let mut state = self.state.lock();
        let waiters = std::mem::take(&mut state.waiters);
        let names: HashSet<&str> = request.topics.iter().map(String::as_str).collect();
        let asked = |waiter: &Waiter| names.contains(waiter.topic.as_str());
        let (ready, waiting): (Vec<Waiter>, Vec<Waiter>) = waiters.into_iter().partition(asked);
        state.waiters = waiting;
        drop(state);
        for waiter in ready {
            let _ = waiter.ticket.fulfil(());
        }
    }

    /// The update that was under way failed.
    pub fn failed(&self, error: Error, now: Instant) {
        let mut state = self.state.lock();
        state.in_flight = false;
        state.last_refresh = now;
        state.failed_attempts = state.failed_attempts.saturating_add(1);
        state.update_requested = true;
        state.last_error = Some(error);
    }

    /// An update is due and some broker is to be asked: the trigger of rebootstrapping counts
    /// from the first such moment since the last success.
    pub fn note_attempt(&self, now: Instant) {
        self.state.lock().trying_since.get_or_insert(now);
    }

    /// No broker could be asked: remembers why, for those who wait.
    pub fn note_trouble(&self, error: Error) {
        self.state.lock().last_error = Some(error);
    }

    /// When to give the known brokers up and start from the bootstrap addresses (KIP-1102).
    pub fn rebootstrap_at(&self) -> Instant {
        let state = self.state.lock();
        match (state.trying_since, self.config.rebootstrap_trigger) {
            (Some(since), Some(trigger)) if !state.is_bootstrap() => since + trigger,
            _ => Instant::NEVER,
        }
    }

    /// Whether giving the known brokers up is allowed and would change anything.
    pub fn can_rebootstrap(&self) -> bool {
        self.config.rebootstrap_trigger.is_some() && !self.state.lock().is_bootstrap()
    }

    /// Forgets the brokers, and asks the bootstrap addresses again.
    pub fn rebootstrap(&self, now: Instant) {
        let mut state = self.state.lock();
        let topics = state.cluster.topics.clone();
        let fresh = Cluster { topics, ..Cluster::bootstrap(&self.config.bootstrap) };
        self.replace(&mut state, fresh);
        state.trying_since = Some(now);
        state.update_requested = true;
        state.in_flight = false;
    }

    /// A broker named a partition's new leader (KIP-951). True if that is news.
    pub fn update_leader(&self, topic: &str, partition: i32, leader: Node, epoch: i32) -> bool {
        let mut state = self.state.lock();
        let mut cluster = Cluster::clone(&state.cluster);
        let info = cluster.topics.get_mut(topic).and_then(|topic| {
            topic.partitions.get_mut(usize::try_from(partition).unwrap_or(usize::MAX))
        });
        let Some(info) = info.filter(|info| info.leader_epoch < epoch) else { return false };
        info.leader = leader.id;
        info.leader_epoch = epoch;
        info.doubted = 0;
        cluster.nodes.insert(leader.id, leader);
        self.replace(&mut state, cluster);
        true
    }
}

impl State {
    /// True if it was not wanted before.
    fn want(&mut self, topic: &str, now: Instant) -> bool {
        if let Some(wanted) = self.wanted.get_mut(topic) {
            wanted.last_used = now;
            return false;
        }
        self.new_topics += 1;
        let wanted = Wanted { last_used: now, new: true, error: None };
        self.wanted.insert(topic.to_owned(), wanted);
        true
    }

    fn is_bootstrap(&self) -> bool {
        self.cluster.nodes.keys().all(|id| *id < 0)
    }

    /// Takes one topic of an answer in; true if it must be asked for again soon.
    fn take_topic(&mut self, cluster: &mut Cluster, topic: &MetadataResponseTopic) -> bool {
        let Some(name) = topic.name.as_deref() else { return false };
        let Some(wanted) = self.wanted.get_mut(name) else { return false };
        let code = ErrorCode::from(topic.error_code);
        self.new_topics -= usize::from(std::mem::take(&mut wanted.new));
        if code != ErrorCode::NONE {
            let text = format!("topic {name}: {} ({code})", code.text());
            wanted.error = Some(Error::new(code, text));
            cluster.topics.remove(name);
            return code.is_retriable();
        }
        wanted.error = None;
        // Another id is another topic of that name; a broker too old to tell says nothing of it.
        let same = |old: &&TopicInfo| topic.topic_id.is_zero() || old.id == topic.topic_id;
        let old = cluster.topics.get(name).filter(same);
        let partitions = partitions_of(topic, old);
        let leaderless = partitions.iter().any(|partition| partition.leader < 0);
        cluster.topics.insert(name.to_owned(), TopicInfo { id: topic.topic_id, partitions });
        leaderless
    }
}

/// The brokers of an answer; an answer without any is of no use (KIP-899).
fn usable_nodes(response: &MetadataResponse) -> Result<std::collections::BTreeMap<i32, Node>> {
    let mut nodes = std::collections::BTreeMap::new();
    for broker in &response.brokers {
        let port = u16::try_from(broker.port).unwrap_or(0);
        if broker.node_id >= 0 && port > 0 && !broker.host.is_empty() {
            let node = Node { id: broker.node_id, host: broker.host.to_string(), port };
            nodes.insert(node.id, node);
        }
    }
    if nodes.is_empty() {
        let text = "the broker's metadata names no broker with a usable host and port";
        return Err(Error::new(ErrorCode::PROTOCOL_VIOLATION, text));
    }
    Ok(nodes)
}

/// The partitions by number. A stale leader epoch does not replace a newer one, unless the newer
/// one is found nowhere any more; an answer without epochs, of an old broker, counts as it is.
fn partitions_of(topic: &MetadataResponseTopic, old: Option<&TopicInfo>) -> Vec<PartitionInfo> {
    let error = ErrorCode::LEADER_NOT_AVAILABLE;
    let missing = PartitionInfo { leader: -1, leader_epoch: -1, error, doubted: 0 };
    let mut partitions = vec![missing; topic.partitions.len()];
    for partition in &topic.partitions {
        let index = usize::try_from(partition.partition_index).unwrap_or(usize::MAX);
        let Some(place) = partitions.get_mut(index) else { continue };
        *place = PartitionInfo {
            leader: partition.leader_id.max(-1),
            leader_epoch: partition.leader_epoch,
            error: ErrorCode::from(partition.error_code),
            doubted: 0,
        };
        let known = old.and_then(|old| old.partitions.get(index)).copied();
        let stale = 0..known.map_or(0, |known| known.leader_epoch);
        if let Some(known) = known.filter(|_| stale.contains(&place.leader_epoch))
            && known.doubted < STALE_ANSWERS_MAX
        {
            *place = PartitionInfo { doubted: known.doubted + 1, ..known };
        }
    }
    partitions
}

#[cfg(test)]
mod tests;
