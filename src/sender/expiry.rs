//! The end of batches that were not acknowledged in time, and of all of them when the producer
//! ends. The reason says where the records were and what was last heard.

use super::Sender;
use super::completion::failure;
use super::part::{Part, Sent};
use crate::error::{Error, ErrorCode};
use crate::report::Outcome;
use crate::time::Instant;

impl Sender {
    /// Reports the batches of a partition that reached `delivery.timeout.ms`.
    pub(super) fn expire_part(&mut self, id: u32, now: Instant) {
        let timeout = self.config.delivery_timeout;
        let Some(part) = self.parts[id as usize].as_ref() else { return };
        if part.expires_at(timeout) > now {
            return;
        }
        let late = |created: Instant| created + timeout <= now;
        let error = |sender: &Sender, sent: &Sent| {
            sender.timed_out(&sender.reason_in_flight(id, sent.request))
        };
        self.fail_in_flight(id, |sent| late(sent.created), error, now);
        loop {
            let reason = self.reason_waiting(id);
            let Some(part) = self.parts[id as usize].as_mut() else { return };
            let place = part.retries.iter().position(|batch| late(batch.created));
            let Some(batch) = place.and_then(|place| part.retries.remove(place)) else { break };
            self.fail_batch(id, batch, self.timed_out(&reason), now);
        }
        self.expire_queue(id, now);
    }

    /// Ends those of a partition's batches in flight that are meant. Their answers, should they
    /// come, find nothing any more.
    pub(super) fn fail_in_flight(
        &mut self,
        id: u32,
        is_meant: impl Fn(&Sent) -> bool,
        error: impl Fn(&Sender, &Sent) -> Error,
        now: Instant,
    ) {
        let Some(part) = self.parts[id as usize].as_ref() else { return };
        let meant: Vec<_> = part.in_flight.iter().filter(|sent| is_meant(sent)).copied().collect();
        for sent in meant {
            let error = error(self, &sent);
            let found = self.requests.get_mut(&sent.request).and_then(|request| {
                let batch = |b: &&mut (u32, Option<_>)| b.0 == id;
                request.batches.iter_mut().find(batch).and_then(|(_, batch)| batch.take())
            });
            self.forget_sent(id, sent.batch_id);
            if let Some(mut batch) = found {
                batch.maybe_appended = true;
                self.fail_batch(id, batch, error, now);
            }
        }
    }

    fn expire_queue(&mut self, id: u32, now: Instant) {
        let timeout = self.config.delivery_timeout;
        loop {
            let reason = self.reason_waiting(id);
            let Some(part) = self.parts[id as usize].as_ref() else { return };
            let queue = part.queue.clone();
            let front = queue.lock().batches.front().map(|batch| batch.created);
            if front.is_none_or(|created| created + timeout > now) {
                break;
            }
            if let Some(batch) = self.shared.accumulator.pop_unsent(&queue) {
                self.fail_batch(id, batch, self.timed_out(&reason), now);
            }
        }
    }

    pub(super) fn timed_out(&self, reason: &str) -> Error {
        let text = format!(
            "not acknowledged within delivery.timeout.ms ({} ms): {reason}",
            self.config.delivery_timeout.as_millis()
        );
        Error::new(ErrorCode::DELIVERY_TIMED_OUT, text)
    }

    fn reason_in_flight(&self, id: u32, request: u64) -> String {
        let node = self.requests.get(&request).map_or(-1, |request| request.node);
        let part = self.parts[id as usize].as_ref();
        let last = part.map_or(String::new(), |part| self.last_error(part, node));
        format!("the record was in flight to {}{last}", self.client.describe(node))
    }

    /// Where the records of a partition that are not in flight stand.
    fn reason_waiting(&self, id: u32) -> String {
        let Some(part) = self.parts[id as usize].as_ref() else { return String::new() };
        let name = format!("{}-{}", part.queue.topic, part.queue.partition);
        let leader = self.location(&part.queue).leader;
        let last = self.last_error(part, leader.unwrap_or(-1));
        let Some(leader) = leader else {
            let why = self.no_leader(part).map_or(String::new(), |why| format!(": {why}"));
            return format!("the record waited for a leader of {name}{why}{last}");
        };
        let broker = self.client.describe(leader);
        if !self.transactions.allows_new_batches() {
            let error = self.transactions.last_error.as_ref();
            let why = error.map_or(String::new(), |error| format!(": {error}"));
            let what = match self.transactions.bump_wanted() {
                true => "other records to be settled before the producer's epoch is bumped",
                false => "a producer id",
            };
            // Why there is no producer id is trouble enough.
            let broker = if why.is_empty() { broker } else { self.client.name(leader) };
            return format!("the record waited for {what}{why}; its leader is {broker}{last}");
        }
        if let Some(retry) = part.retries.front() {
            let attempts = retry.attempts;
            return format!(
                "the record waited to be sent again to {broker} after {attempts} failed attempt(s){last}"
            );
        }
        if self.client.trouble(leader).is_some() {
            return format!("the record waited for {broker}{last}");
        }
        let in_flight = self.client.in_flight(leader);
        format!("the record waited behind {in_flight} request(s) in flight to {broker}{last}")
    }

    /// Why a partition's leader is not known: what is wrong with the topic or with asking for it,
    /// else what the last answer said of the partition.
    fn no_leader(&self, part: &Part) -> Option<String> {
        let (topic, metadata) = (part.queue.topic.as_str(), &self.shared.metadata);
        if let Some(trouble) = metadata.trouble(topic) {
            return Some(trouble.to_string());
        }
        let cluster = metadata.cluster();
        let code = cluster.partition(topic, part.queue.partition)?.error;
        (code != ErrorCode::NONE).then(|| format!("{} ({code})", code.text()))
    }

    /// The partition's last error, unless it is the trouble of `node`, which is told anyway.
    fn last_error(&self, part: &Part, node: i32) -> String {
        let Some(error) = part.last_error.as_ref() else { return String::new() };
        let message = error.message();
        if self.client.trouble(node).is_some_and(|told| message.contains(told)) {
            return String::new();
        }
        // The broker was named just before.
        let what = message.strip_prefix(&format!("{}: ", self.client.name(node)));
        format!("; last error: {}: {}", error.code(), what.unwrap_or(message))
    }

    /// Reports everything that is left as failed with `error`.
    pub(super) fn abort_all(&mut self, error: &Error) {
        let requests = std::mem::take(&mut self.requests);
        for (_, request) in requests {
            for (id, batch) in request.batches {
                let Some(batch) = batch else { continue };
                self.forget_sent(id, batch.id);
                self.shared.metrics.records_failed.add(u64::from(batch.record_count));
                // It was handed to the socket: nobody knows how far it came.
                let outcome = Outcome::possibly_persisted(error.clone());
                self.report(id, batch, -1, -1, outcome, Vec::new());
            }
        }
        self.adopt_all();
        self.due.clear();
        for id in 0..self.parts.len() as u32 {
            self.abort_part(id, error);
        }
        self.release_all_held();
    }

    /// Nothing is open any more; after a panic perhaps somebody forgot to say so.
    fn release_all_held(&mut self) {
        for ((_, batch_id), entry) in std::mem::take(&mut self.held) {
            self.reported.push(batch_id);
            self.entries.push(entry);
        }
    }

    fn abort_part(&mut self, id: u32, error: &Error) {
        loop {
            let Some(part) = self.parts[id as usize].as_mut() else { return };
            let retry = part.retries.pop_front();
            let Some(batch) = retry.or_else(|| self.shared.accumulator.pop_unsent(&part.queue))
            else {
                break;
            };
            self.shared.metrics.records_failed.add(u64::from(batch.record_count));
            let outcome = failure(&batch, error.clone());
            self.report(id, batch, -1, -1, outcome, Vec::new());
        }
        if let Some(mut part) = self.parts[id as usize].take() {
            part.front_created = None;
            self.schedule.set_timer(id, &mut part, Instant::NEVER);
            self.schedule.set_line(id, &mut part, None);
            self.schedule.set_leaderless(id, &mut part, false);
            self.parts[id as usize] = Some(part);
        }
    }

    /// Reports everything after a panic of the I/O thread, also what the panic dropped.
    pub(super) fn give_up(&mut self, error: &Error) {
        self.report_lost(error);
        self.abort_all(error);
    }

    /// Reports what a panic dropped: batches on their way from one place to another, and those of
    /// a partition that was being looked at.
    fn report_lost(&mut self, error: &Error) {
        let shared = self.shared.clone();
        for topic in shared.accumulator.topics.view().iter() {
            for queue in topic.partitions() {
                self.adopt(queue);
                for lost in std::mem::take(&mut *queue.lost.lock()) {
                    // Nobody knows any more how far it came.
                    let outcome = Outcome::possibly_persisted(error.clone());
                    self.report_slots(queue.id, lost.id, lost.slots, -1, -1, (outcome, Vec::new()));
                }
            }
        }
    }

    /// The last that the I/O thread does after a panic: reports what it can, and lets those go
    /// who wait for the rest.
    pub(super) fn end_reports(&mut self) {
        self.release_all_held();
        self.flush_reports();
        self.shared.accumulator.incomplete.give_up();
        self.shared.accumulator.reports.nudge();
    }
}
