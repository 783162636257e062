//! Sender: from batches to ProduceRequests to reports, as a state machine.
//!
//! It owns all that one thread uses: the partitions' send state, the schedule, the requests in
//! flight, the NetworkClient. A round takes in what happened, puts partitions where they belong,
//! and sends what can be sent. It does no I/O and asks no clock; `io_thread` drives it.

mod alarms;
mod answers;
mod completion;
mod expiry;
mod io_thread;
mod packing;
mod part;
mod produce;
mod purge;
mod schedule;
mod shared;
mod split;
#[cfg(feature = "simulation")]
mod states;
mod transaction_manager;
mod updates;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub use io_thread::{IoConfig, spawn};
pub use purge::Purge;
pub use shared::Shared;
#[cfg(feature = "simulation")]
pub use states::BATCH_STATES;

use part::{Location, LogOf, Part};
use schedule::Schedule;
use shared::{CLOSING, FORCED};
use transaction_manager::TransactionManager;

use crate::accumulator::{BatchId, PartitionQueue, ProducerBatch};
use crate::backoff::ExponentialBackoff;
use crate::error::{Error, ErrorCode};
use crate::io::{Action, Event};
use crate::metadata::UpdateRequest;
use crate::network::{ClientResponse, NetworkClient, NetworkConfig, RequestTag};
use crate::report::Entry;
use crate::time::Instant;

/// What the Sender needs of the configuration.
#[derive(Clone, Debug)]
pub struct SenderConfig {
    /// `acks`: 0, 1, or -1 for all.
    pub acks: i16,
    /// `enable.idempotence`.
    pub idempotence: bool,
    /// `max.request.size`, bytes.
    pub max_request_size: usize,
    /// `max.in.flight.requests.per.connection`.
    pub max_in_flight: usize,
    /// `request.timeout.ms`, which is also the brokers' limit for replication.
    pub request_timeout: Duration,
    /// `delivery.timeout.ms`.
    pub delivery_timeout: Duration,
    /// `retries`.
    pub retries: u32,
    /// `retry.backoff.ms` and its maximum.
    pub retry_backoff: ExponentialBackoff,
    /// `linger.ms`.
    pub linger: Duration,
    /// `partitioner.availability.timeout.ms`; zero for never.
    pub availability_timeout: Duration,
}

/// A request with batches, on its way.
struct ProduceInFlight {
    node: i32,
    sent: Instant,
    bytes: usize,
    /// The partition's number, and its batch; `None` once the batch expired and was reported.
    batches: Vec<(u32, Option<ProducerBatch>)>,
    /// The topics' ids as they were sent (version 13), to read the answer by.
    topic_ids: Vec<(crate::wire::Uuid, Arc<str>)>,
}

/// See the file's comment.
pub struct Sender {
    config: SenderConfig,
    shared: Arc<Shared>,
    client: NetworkClient,
    transactions: TransactionManager,
    rng: fastrand::Rng,
    parts: Vec<Option<Box<Part>>>,
    schedule: Schedule,
    /// In the order in which they were sent, which is that of their reports when all is given up.
    requests: BTreeMap<u64, ProduceInFlight>,
    next_request: u64,
    metadata_request: Option<UpdateRequest>,
    /// Since when no producer id came although it was asked for.
    no_producer_id_since: Option<Instant>,
    was_urgent: bool,
    finished: bool,
    /// Reports of this round, and the batches they are for.
    entries: Vec<Entry>,
    reported: Vec<BatchId>,
    /// Reports that wait for those of earlier batches of their partition, which are not done.
    held: BTreeMap<(u32, BatchId), Entry>,
    /// Partitions to look at in this round.
    due: Vec<u32>,
    listed: Vec<Arc<PartitionQueue>>,
    completed: Vec<ClientResponse>,
    nodes: Vec<i32>,
    known_nodes: BTreeSet<i32>,
    /// Since when a broker for which somebody stands in line takes no requests.
    unready_since: HashMap<i32, Instant>,
    packing: packing::Packing,
}

impl Sender {
    /// Knows the bootstrap addresses.
    pub fn new(
        config: SenderConfig,
        network: NetworkConfig,
        shared: Arc<Shared>,
        seed: u64,
        now: Instant,
    ) -> Sender {
        let client = NetworkClient::new(network, shared.log.clone(), seed);
        let mut sender = Sender {
            transactions: TransactionManager::new(config.idempotence),
            config,
            shared,
            client,
            rng: fastrand::Rng::with_seed(seed ^ 0x9e37_79b9),
            parts: Vec::new(),
            schedule: Schedule::default(),
            requests: BTreeMap::new(),
            next_request: 0,
            metadata_request: None,
            no_producer_id_since: None,
            was_urgent: false,
            finished: false,
            entries: Vec::new(),
            reported: Vec::new(),
            held: BTreeMap::new(),
            due: Vec::new(),
            listed: Vec::new(),
            completed: Vec::new(),
            nodes: Vec::new(),
            known_nodes: BTreeSet::new(),
            unready_since: HashMap::new(),
            packing: packing::Packing::default(),
        };
        sender.use_cluster(now);
        sender
    }

    /// Takes an event of the network in.
    pub fn handle(&mut self, event: Event, now: Instant) {
        self.client.handle(event, now);
    }

    /// Does what can be done now.
    pub fn run_once(&mut self, now: Instant) {
        self.shared.metrics.io_rounds.add(1);
        self.shared.metadata.take_news();
        self.shared.alarms.ring(now);
        self.client.tick(now);
        self.take_answers(now);
        if self.is_ending() {
            self.was_urgent = self.is_urgent();
        } else {
            self.maybe_update_metadata(now);
            self.maybe_init_producer_id(now);
            self.maybe_purge(now);
            self.look_at_partitions(now);
            self.send_all(now);
        }
        self.maybe_finish(now);
        self.flush_reports();
    }

    /// Hands over what is to be done with sockets.
    pub fn take_actions(&mut self, into: &mut Vec<Action>) {
        self.client.take_actions(into);
    }

    /// When the next round is due at the latest.
    pub fn next_deadline(&self) -> Instant {
        let mut next = self.schedule.next_due().min(self.client.next_deadline());
        next = next.min(self.shared.alarms.next());
        let any = self.cluster_next_try();
        let wanted = self.shared.metadata.next_update().min(self.transactions.wanted_at());
        if !self.is_ending() {
            next = next.min(wanted.max(any));
        }
        let mut nodes = Vec::new();
        self.schedule.nodes(&mut nodes);
        nodes.retain(|node| self.client.can_send_more(*node));
        let tries = nodes
            .into_iter()
            .map(|node| self.packing.until(node).unwrap_or_else(|| self.client.next_try(node)));
        tries.fold(next, Instant::min)
    }

    /// Whether another round should come at once.
    pub fn has_work(&self) -> bool {
        let accumulator = &self.shared.accumulator;
        let closing = self.shared.closing.load(Ordering::SeqCst);
        accumulator.has_listed()
            || self.shared.metadata.has_news()
            || self.shared.alarms.has_news()
            || self.shared.purges.any() && !self.is_ending()
            || self.shared.panics.load(Ordering::SeqCst)
            || self.client.has_news()
            || self.is_urgent() != self.was_urgent
            || closing == FORCED
            || closing == CLOSING && self.may_finish()
    }

    /// Whether the Sender is done and its thread may end.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    /// Flush, close, and somebody who waits for memory make every batch ready.
    pub(super) fn is_urgent(&self) -> bool {
        let accumulator = &self.shared.accumulator;
        accumulator.flushing() || accumulator.is_closed() || accumulator.pool.queued() > 0
    }

    /// Whether nothing more is to be sent, only to be reported.
    fn is_ending(&self) -> bool {
        self.shared.fatal().is_some() || self.shared.closing.load(Ordering::SeqCst) == FORCED
    }

    fn may_finish(&self) -> bool {
        // A request whose batches have all expired and been reported holds nobody up.
        let done = |request: &ProduceInFlight| request.batches.iter().all(|(_, b)| b.is_none());
        self.shared.accumulator.incomplete.len() == 0 && self.requests.values().all(done)
    }

    fn maybe_finish(&mut self, now: Instant) {
        let closing = self.shared.closing.load(Ordering::SeqCst);
        if closing == FORCED {
            let text = "the producer was closed before the record was acknowledged";
            let failed = &self.shared.clone().metrics.records_failed;
            let before = failed.get();
            self.abort_all(&Error::new(ErrorCode::CLOSED_FORCEFULLY, text));
            self.shared.given_up.fetch_add(failed.get() - before, Ordering::SeqCst);
        } else if let Some(error) = self.shared.fatal().cloned() {
            self.abort_all(&error);
        }
        self.flush_reports();
        let done = closing == CLOSING && self.may_finish() && !self.adopt_all();
        std::mem::take(&mut self.due).into_iter().for_each(|id| self.place(id, now));
        if closing == FORCED || done {
            let text = "the producer is closed";
            self.shared.metadata.close(Error::new(ErrorCode::CLOSED, text));
            self.client.close_all("the producer is closed", now);
            self.finished = true;
        }
    }

    fn flush_reports(&mut self) {
        let accumulator = &self.shared.accumulator;
        accumulator.reports.push(&mut self.entries);
        if !self.reported.is_empty() {
            // After the reports: who waits for a batch finds its reports there.
            accumulator.complete(&self.reported);
            self.reported.clear();
        }
    }

    fn take_answers(&mut self, now: Instant) {
        let mut completed = std::mem::take(&mut self.completed);
        self.client.take_completed(&mut completed);
        for response in completed.drain(..) {
            self.shared.metrics.responses.add(1);
            match response.tag {
                RequestTag::Produce(request) => self.produce_answered(request, response, now),
                RequestTag::Metadata => self.metadata_answered(response, now),
                RequestTag::InitProducerId => self.producer_id_answered(response, now),
                RequestTag::ApiVersions => {}
            }
        }
        self.completed = completed;
        for _ in self.client.take_disconnected() {
            self.shared.metrics.disconnects.add(1);
            self.shared.metadata.request_update();
        }
    }
}

/// Where partitions belong.
impl Sender {
    fn look_at_partitions(&mut self, now: Instant) {
        let mut listed = std::mem::take(&mut self.listed);
        self.shared.accumulator.take_listed(&mut listed);
        for queue in listed.drain(..) {
            self.adopt(&queue);
            self.due.push(queue.id);
        }
        self.listed = listed;
        let urgent = self.is_urgent();
        if urgent && !self.was_urgent {
            self.schedule.with_timer(&mut self.due);
        }
        self.was_urgent = urgent;
        let timed_from = self.due.len();
        let mut due = std::mem::take(&mut self.due);
        self.schedule.take_due(now, &mut due);
        for &id in &due[timed_from..] {
            if let Some(part) = self.parts[id as usize].as_mut() {
                part.timer = None;
            }
            self.expire_part(id, now);
        }
        // After the expiry, as that may be what the bump waits for, or what asks for it.
        self.maybe_bump_epoch(now);
        due.append(&mut self.due);
        for id in due.drain(..) {
            self.place(id, now);
        }
        self.due = due;
    }

    /// Makes a partition with batches known here.
    fn adopt(&mut self, queue: &Arc<PartitionQueue>) {
        let place = queue.id as usize;
        if self.parts.len() <= place {
            self.parts.resize_with(place + 1, || None);
        }
        self.parts[place].get_or_insert_with(|| Box::new(Part::new(queue.clone())));
        queue.lock().listed = false;
    }

    /// Makes every partition known that has a batch, also one whose sending thread has not yet
    /// told of it, and due. True if there is any. After a close no batch comes after this, as a
    /// thread that takes a partition's lock later than this one sees the close.
    fn adopt_all(&mut self) -> bool {
        let shared = self.shared.clone();
        let mut listed = std::mem::take(&mut self.listed);
        shared.accumulator.take_listed(&mut listed);
        // Also those that have nothing any more: what is taken off the list must be listed again
        // when its next batch comes.
        listed.drain(..).for_each(|queue| self.adopt(&queue));
        self.listed = listed;
        let mut found = false;
        for topic in shared.accumulator.topics.view().iter() {
            for queue in topic.partitions() {
                if !queue.lock().batches.is_empty() {
                    self.adopt(queue);
                    self.due.push(queue.id);
                    found = true;
                }
            }
        }
        found
    }

    /// Puts a partition into a line, among the timers, or nowhere.
    fn place(&mut self, id: u32, now: Instant) {
        let Some(mut part) = self.parts[id as usize].take() else { return };
        let send_at = self.send_at(&mut part, now);
        let expires_at = part.expires_at(self.config.delivery_timeout);
        let mut line = None;
        let mut leaderless = false;
        if send_at <= now {
            line = self.locate(&mut part).leader;
            leaderless = line.is_none();
        }
        if leaderless {
            // Again after every answer, until it names a leader.
            self.shared.metadata.want(part.queue.topic.as_str(), now);
            self.shared.metadata.request_update();
        }
        self.schedule.set_leaderless(id, &mut part, leaderless);
        self.schedule.set_line(id, &mut part, line);
        let expiry = self.expiry_timer(expires_at, now);
        let look_at = if send_at <= now { expiry } else { send_at.min(expiry) };
        self.schedule.set_timer(id, &mut part, look_at);
        self.parts[id as usize] = Some(part);
    }

    /// When to look whether a batch expires: in time, and before that now and then. The oldest
    /// batch is another one with nearly every answer, and the timer is not to move with each.
    fn expiry_timer(&self, expires_at: Instant, now: Instant) -> Instant {
        if expires_at == Instant::NEVER {
            return expires_at;
        }
        let step = (self.config.delivery_timeout.as_nanos() as u64 / 64).max(1);
        let early = Instant(expires_at.0 - expires_at.0 % step);
        if early > now { early } else { expires_at }
    }

    /// When the partition's next batch may go out; `NEVER` if something else must happen first.
    fn send_at(&self, part: &mut Part, now: Instant) -> Instant {
        let (front_created, full) = {
            let deque = part.queue.lock();
            let front = deque.batches.front();
            let full = deque.batches.len() > 1 || front.is_some_and(ProducerBatch::is_full);
            (front.map(|batch| batch.created), full)
        };
        part.front_created = front_created;
        let ordered = self.config.idempotence || self.config.max_in_flight == 1;
        if !part.retries.is_empty() {
            let Some(retry) = part.next_retry().and_then(|place| part.retries.get(place)) else {
                return Instant::NEVER;
            };
            let sequence = retry.producer.map(|stamp| stamp.sequence);
            // A bump waits until nothing is in doubt, so what is goes out, and what is before it.
            let doubt = part.retries.iter().any(|batch| batch.maybe_appended);
            let held = self.transactions.bump_wanted() && !doubt
                || retry.producer.is_none() && !self.transactions.allows_new_batches();
            let behind = match sequence {
                Some(sequence) => part
                    .in_flight
                    .iter()
                    .filter_map(|sent| sent.sequence)
                    .any(|other| transaction_manager::sequence_before(other, sequence)),
                None => ordered && !part.in_flight.is_empty(),
            };
            if held || behind {
                return Instant::NEVER;
            }
            // What the leader of before refused need not wait for a new one (KIP-951).
            let (log, before) = (self.locate(part).log, part.sent_to);
            let new_leader =
                log.topic_id != before.topic_id || log.leader_epoch > before.leader_epoch;
            return if new_leader { Instant(0) } else { part.backoff_until };
        }
        let Some(created) = front_created else { return Instant::NEVER };
        // What is in flight to another log could be refused after this batch was taken.
        let alone = self.config.idempotence
            && !part.in_flight.is_empty()
            && !(part.acknowledged && self.locate(part).log == part.sent_to);
        if alone
            || part.in_flight.len() >= self.config.max_in_flight
            || !self.transactions.allows_new_batches()
        {
            return Instant::NEVER;
        }
        let at = if full || self.was_urgent { now } else { created + self.config.linger };
        // One that is being compressed is listed when that is done.
        if at <= now && !self.shared.accumulator.may_send(&part.queue) {
            return Instant::NEVER;
        }
        at
    }

    /// Where a partition's batches go now.
    fn locate(&self, part: &mut Part) -> Location {
        let version = self.shared.metadata.version();
        match part.located {
            Some((seen, location)) if seen == version => location,
            _ => {
                let location = self.location(&part.queue);
                part.located = Some((version, location));
                location
            }
        }
    }

    /// As `locate`, looked up.
    fn location(&self, queue: &PartitionQueue) -> Location {
        let cluster = self.shared.metadata.cluster();
        let Some(topic) = cluster.topics.get(queue.topic.as_str()) else {
            return Location { leader: None, log: LogOf::UNKNOWN };
        };
        let info = topic.partitions.get(queue.partition as usize);
        // A bootstrap server has a negative id, and so has no leader at all.
        let leads = |leader: &i32| *leader >= 0 && cluster.nodes.contains_key(leader);
        let leader_epoch = info.map_or(LogOf::UNKNOWN.leader_epoch, |info| info.leader_epoch);
        let log = LogOf { topic_id: topic.id, leader_epoch };
        Location { leader: info.map(|info| info.leader).filter(leads), log }
    }

    /// Bumps the epoch when it is wanted and no batch is in doubt any more.
    fn maybe_bump_epoch(&mut self, now: Instant) {
        if !self.transactions.bump_wanted() {
            return;
        }
        for id in 0..self.parts.len() as u32 {
            self.fail_stranded(id, now);
        }
        if self.parts.iter().flatten().any(|part| part.in_doubt()) {
            return;
        }
        self.transactions.bump();
        self.restart_sequences();
    }

    /// All partitions start at sequence 0, and are looked at.
    fn restart_sequences(&mut self) {
        for (id, part) in self.parts.iter_mut().enumerate() {
            if let Some(part) = part {
                part.reset_sequences();
                if !part.is_idle() {
                    self.due.push(id as u32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
