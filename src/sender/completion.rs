//! What answers to ProduceRequests mean: acknowledged, to be sent again, failed.
//!
//! The table is Java's (Sender.completeBatch, TransactionManager.canRetry), with one rule of our
//! own: a batch that may have been appended is never sent again under another epoch.

use std::collections::HashMap;

use super::part::is_another_topic;
use super::{ProduceInFlight, Sender};
use crate::accumulator::{BatchId, ProducerBatch};
use crate::error::{Error, ErrorCode};
use crate::metadata::Node;
use crate::network::{ClientResponse, RequestFailure};
use crate::report::{Entry, Outcome, Slots, State};
use crate::time::Instant;
use crate::wire::messages::ProduceResponse;
use crate::wire::messages::produce::{
    BatchIndexAndErrorMessage, NodeEndpoint, PartitionProduceResponse,
};
use crate::wire::{self, Uuid};

/// After these the batch may be in the log although the broker did not say so.
const IN_DOUBT: [ErrorCode; 5] = [
    ErrorCode::UNKNOWN_SERVER_ERROR,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::KAFKA_STORAGE_ERROR,
];

/// After these nothing that an idempotent producer sends can succeed. Without a producer id they
/// end their batch alone, as in Java: rights may be granted, and another broker may be newer.
const FATAL: [ErrorCode; 5] = [
    ErrorCode::CLUSTER_AUTHORIZATION_FAILED,
    ErrorCode::UNSUPPORTED_VERSION,
    ErrorCode::INVALID_PRODUCER_ID_MAPPING,
    ErrorCode::TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
    ErrorCode::PRODUCER_FENCED,
];

impl Sender {
    pub(super) fn produce_answered(
        &mut self,
        request: u64,
        response: ClientResponse,
        now: Instant,
    ) {
        let Some(in_flight) = self.requests.remove(&request) else { return };
        self.packing.note_answered(in_flight.sent, in_flight.bytes, now);
        match &response.result {
            Ok(None) => self.left(in_flight, now),
            Err(failure) => self.lost(in_flight, failure, response.left, now),
            Ok(Some(frame)) => {
                let decoded = wire::frame::decode_response::<ProduceResponse>(
                    frame.clone(),
                    response.version,
                );
                let answers = decoded.map_err(Error::from).and_then(|(_, body)| {
                    if response.version >= 6 {
                        self.note_throttle(in_flight.node, body.throttle_time_ms, now);
                    }
                    let hints = leader_hints(&body);
                    Ok((self.in_order(&in_flight, body, response.version)?, hints))
                });
                match answers {
                    Ok((answers, hints)) => self.answered(in_flight, answers, &hints, now),
                    Err(error) => {
                        let reason = format!("answered a produce request wrongly: {error}");
                        let told = format!("{} {reason}", self.client.describe(in_flight.node));
                        self.client.close(in_flight.node, &reason, now);
                        let failure = RequestFailure::Disconnected(told);
                        self.lost(in_flight, &failure, true, now);
                    }
                }
            }
        }
    }

    /// acks=0: the bytes have left, and that is all that will ever be known.
    fn left(&mut self, in_flight: ProduceInFlight, now: Instant) {
        for (id, batch) in in_flight.batches {
            if let Some(batch) = batch {
                self.forget_sent(id, batch.id);
                self.shared.metrics.records_acked.add(u64::from(batch.record_count));
                let outcome = Outcome { state: State::PossiblyPersisted, error: None };
                self.report(id, batch, -1, -1, outcome, Vec::new());
            }
            self.place(id, now);
        }
    }

    /// No answer: sent again, and in doubt if the broker may have seen the request.
    fn lost(
        &mut self,
        in_flight: ProduceInFlight,
        failure: &RequestFailure,
        left: bool,
        now: Instant,
    ) {
        let error = failure.error();
        self.shared.metadata.request_update();
        for (id, batch) in in_flight.batches {
            if let Some(mut batch) = batch {
                batch.maybe_appended |= left;
                self.forget_sent(id, batch.id);
                self.retry_or_fail(id, batch, error.clone(), false, now);
            }
            self.place(id, now);
        }
    }

    fn answered(
        &mut self,
        in_flight: ProduceInFlight,
        answers: Vec<PartitionProduceResponse>,
        endpoints: &HashMap<i32, Node>,
        now: Instant,
    ) {
        for ((id, batch), answer) in in_flight.batches.into_iter().zip(answers) {
            if let Some(batch) = batch {
                self.forget_sent(id, batch.id);
                self.complete(id, batch, answer, endpoints, now);
            }
            self.place(id, now);
        }
    }

    /// What the answer for one partition means for its batch.
    fn complete(
        &mut self,
        id: u32,
        mut batch: ProducerBatch,
        answer: PartitionProduceResponse,
        endpoints: &HashMap<i32, Node>,
        now: Instant,
    ) {
        let code = ErrorCode::from(answer.error_code);
        let Some(part) = self.parts[id as usize].as_mut() else { return };
        if code == ErrorCode::NONE || code == ErrorCode::DUPLICATE_SEQUENCE_NUMBER {
            // The log of a topic that was deleted since says nothing of the next one's.
            part.acknowledged |= batch.topic_id == part.sent_to.topic_id;
            part.last_error = None;
            self.shared.metrics.records_acked.add(u64::from(batch.record_count));
            // To a batch that it has already, a broker answers with the batch's largest create time
            // as if it were the time of the append.
            let again = batch.attempts > 0 && answer.log_append_time_ms == batch.max_timestamp();
            let at = if again { -1 } else { answer.log_append_time_ms };
            return self.report(id, batch, answer.base_offset, at, Outcome::PERSISTED, Vec::new());
        }
        let text = match &answer.error_message {
            Some(message) => format!("{} ({code})", message),
            None => format!("{} ({code})", code.text()),
        };
        let error =
            Error::new(code, format!("{}-{}: {text}", part.queue.topic, part.queue.partition));
        part.last_error = Some(error.clone());
        batch.maybe_appended |= IN_DOUBT.contains(&code) || !code.is_known();
        let new_leader =
            code.is_invalid_metadata() && self.take_hint(id, batch.topic_id, &answer, endpoints);
        if code.is_invalid_metadata() && !new_leader {
            self.shared.metadata.request_update();
        }
        if self.config.idempotence && FATAL.contains(&code) {
            self.shared.fail(&Error::fatal(code, error.message()));
            return self.fail_batch(id, batch, error, now);
        }
        match code {
            ErrorCode::INVALID_PRODUCER_EPOCH => {
                self.lose_sequence(id);
                self.fail_batch(id, batch, error, now);
            }
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER | ErrorCode::UNKNOWN_PRODUCER_ID
                if self.config.idempotence =>
            {
                self.out_of_sequence(id, batch, error, now);
            }
            ErrorCode::MESSAGE_TOO_LARGE if batch.record_count > 1 => {
                self.split(id, batch, error, now);
            }
            _ if code.is_retriable() => self.retry_or_fail(id, batch, error, new_leader, now),
            _ => self.fail_records(id, batch, error, &answer, now),
        }
    }

    /// The broker missed what came before: because that failed too, or because it lost its state.
    fn out_of_sequence(&mut self, id: u32, batch: ProducerBatch, error: Error, now: Instant) {
        let Some(part) = self.parts[id as usize].as_ref() else { return };
        let sequence = batch.producer.map_or(0, |stamp| stamp.sequence);
        let explained = !part.gap && part.has_earlier(sequence);
        if batch.maybe_appended && !explained {
            // It was perhaps appended once, and the broker forgot: sending it under a new epoch
            // could append it twice.
            return self.fail_batch(id, batch, error, now);
        }
        if !explained {
            self.lose_sequence(id);
        }
        self.send_again_in_time(id, batch, error, false, now);
    }

    /// Ends batches that may be in a topic that was deleted, where they cannot be sent to the next
    /// one before those that wait for a new epoch, nor under that epoch, as nobody knows.
    pub(super) fn fail_stranded(&mut self, id: u32, now: Instant) {
        while let Some(part) = self.parts[id as usize].as_ref().filter(|part| part.gap)
            && let Some(place) = part.stranded(self.location(&part.queue).log.topic_id)
        {
            let text = format!(
                "{}-{}: the topic was deleted and made again when nobody knew whether the record \
                 was in it",
                part.queue.topic, part.queue.partition
            );
            let error = Error::new(ErrorCode::UNKNOWN_TOPIC_ID, text);
            let part = self.parts[id as usize].as_mut();
            if let Some(batch) = part.and_then(|part| part.retries.remove(place)) {
                self.fail_batch(id, batch, error, now);
            }
        }
    }

    /// Sends again if the error and the limits allow it.
    fn retry_or_fail(
        &mut self,
        id: u32,
        batch: ProducerBatch,
        error: Error,
        at_once: bool,
        now: Instant,
    ) {
        if !error.code().is_retriable() {
            return self.fail_batch(id, batch, error, now);
        }
        self.send_again_in_time(id, batch, error, at_once, now);
    }

    /// Sends again if the limits allow it, also after errors that Kafka does not call retriable but
    /// that a new epoch mends.
    fn send_again_in_time(
        &mut self,
        id: u32,
        batch: ProducerBatch,
        error: Error,
        at_once: bool,
        now: Instant,
    ) {
        if batch.attempts >= self.config.retries {
            return self.fail_batch(id, batch, error, now);
        }
        if let Some(late) = self.out_of_time(&batch, &error, now) {
            return self.fail_batch(id, batch, late, now);
        }
        self.send_again(id, batch, error, at_once, now);
    }

    /// The reason of a batch whose answer came in the same moment as the end of its time.
    pub(super) fn out_of_time(
        &self,
        batch: &ProducerBatch,
        error: &Error,
        now: Instant,
    ) -> Option<Error> {
        let is_late = batch.created + self.config.delivery_timeout <= now;
        is_late.then(|| self.timed_out(&format!("its last attempt failed: {error}")))
    }

    fn send_again(
        &mut self,
        id: u32,
        mut batch: ProducerBatch,
        error: Error,
        at_once: bool,
        now: Instant,
    ) {
        let random = self.rng.f64();
        let wait = self.config.retry_backoff.delay(batch.attempts, random);
        let Some(part) = self.parts[id as usize].as_mut() else { return };
        batch.attempts += 1;
        part.backoff_until = if at_once { now } else { now + wait };
        part.last_error = Some(error);
        // It goes out alone: a broker without state would take a later batch before it.
        part.acknowledged = false;
        part.reenqueue(batch);
    }

    /// The broker refused some records for what they are: those get their own reason (KIP-467).
    fn fail_records(
        &mut self,
        id: u32,
        batch: ProducerBatch,
        error: Error,
        answer: &PartitionProduceResponse,
        now: Instant,
    ) {
        if answer.record_errors.is_empty() {
            return self.fail_batch(id, batch, error, now);
        }
        let own = |record: &BatchIndexAndErrorMessage| {
            let index = u32::try_from(record.batch_index).ok()?;
            let message = record.batch_index_error_message.as_deref().unwrap_or(error.message());
            Some((index, failure(&batch, Error::new(error.code(), message))))
        };
        let exceptions: Vec<_> = answer.record_errors.iter().filter_map(own).collect();
        let text = format!(
            "the record is valid but its batch was refused because of {} other record(s): {}",
            exceptions.len(),
            error.message()
        );
        self.close_gap(id, &batch);
        self.shared.metrics.records_failed.add(u64::from(batch.record_count));
        let outcome = failure(&batch, Error::new(ErrorCode::INVALID_RECORD, text));
        self.report(id, batch, -1, -1, outcome, exceptions);
    }

    /// Ends a batch as failed, and mends the sequence that it leaves open.
    pub(super) fn fail_batch(&mut self, id: u32, batch: ProducerBatch, error: Error, _: Instant) {
        self.close_gap(id, &batch);
        self.shared.metrics.records_failed.add(u64::from(batch.record_count));
        let outcome = failure(&batch, error);
        self.report(id, batch, -1, -1, outcome, Vec::new());
    }

    /// The sequence of a batch that ended unacknowledged: taken back if it was the last one and
    /// is surely unused, else a gap that only a new epoch closes.
    pub(super) fn close_gap(&mut self, id: u32, batch: &ProducerBatch) {
        let Some(part) = self.parts[id as usize].as_mut() else { return };
        if batch.producer.is_some() && (batch.maybe_appended || !part.take_back(batch)) {
            self.lose_sequence(id);
        }
    }

    /// The broker takes no batch of the partition any more under this epoch.
    fn lose_sequence(&mut self, id: u32) {
        if let Some(part) = self.parts[id as usize].as_mut() {
            part.gap = true;
        }
        self.transactions.request_bump();
    }

    /// The batch's answer came, or it expired.
    pub(super) fn forget_sent(&mut self, id: u32, batch_id: BatchId) {
        if let Some(part) = self.parts[id as usize].as_mut() {
            part.in_flight.retain(|sent| sent.batch_id != batch_id);
        }
    }

    /// Writes the report of a batch that is done.
    pub(super) fn report(
        &mut self,
        id: u32,
        batch: ProducerBatch,
        base_offset: i64,
        log_append_time: i64,
        outcome: Outcome,
        exceptions: Vec<(u32, Outcome)>,
    ) {
        let batch_id = batch.id;
        let outcome = (outcome, exceptions);
        self.report_slots(id, batch_id, batch.into_slots(), base_offset, log_append_time, outcome);
    }

    /// As above, of a batch of which only this is left.
    pub(super) fn report_slots(
        &mut self,
        id: u32,
        batch_id: BatchId,
        slots: Slots,
        base_offset: i64,
        log_append_time: i64,
        (outcome, exceptions): (Outcome, Vec<(u32, Outcome)>),
    ) {
        let Some(part) = self.parts[id as usize].as_ref() else { return };
        let entry = Entry {
            topic: part.queue.topic.clone(),
            partition: part.queue.partition,
            base_offset,
            log_append_time,
            outcome,
            exceptions,
            slots,
        };
        // Without idempotence what is sent again comes later into the log than what was behind it.
        let first_open = part.first_open().filter(|_| self.config.idempotence);
        let is_open = |id: BatchId| first_open.is_some_and(|open| open < id);
        if entry.outcome.state == State::Persisted && is_open(batch_id) {
            self.held.insert((id, batch_id), entry);
            return;
        }
        self.reported.push(batch_id);
        self.entries.push(entry);
        let from = (id, BatchId { number: 0, first_record: 0 });
        while let Some((&(of, held), _)) = self.held.range(from..).next()
            && of == id
            && !is_open(held)
        {
            self.reported.push(held);
            self.entries.extend(self.held.remove(&(of, held)));
        }
    }

    fn note_throttle(&mut self, node: i32, throttle_time_ms: i32, now: Instant) {
        if throttle_time_ms > 0 {
            self.shared.metrics.throttled.add(1);
            self.client.throttle(node, throttle_time_ms, now);
        }
    }

    /// Uses the new leader that the answer names, if it does (KIP-951).
    fn take_hint(
        &mut self,
        id: u32,
        topic_id: Uuid,
        answer: &PartitionProduceResponse,
        endpoints: &HashMap<i32, Node>,
    ) -> bool {
        let hint = &answer.current_leader;
        if hint.leader_id < 0 || hint.leader_epoch < 0 {
            return false;
        }
        let Some(part) = self.parts[id as usize].as_ref() else { return false };
        // A topic that was made anew counts its leaders' epochs from 0.
        if is_another_topic(topic_id, self.location(&part.queue).log.topic_id) {
            return false;
        }
        let (topic, partition) = (part.queue.topic.as_str(), part.queue.partition);
        let metadata = &self.shared.metadata;
        let known = metadata.cluster().nodes.get(&hint.leader_id).cloned();
        let Some(node) = endpoints.get(&hint.leader_id).cloned().or(known) else { return false };
        let (host, port) = (node.host.clone(), node.port);
        let news = metadata.update_leader(topic, partition, node, hint.leader_epoch);
        if news {
            self.use_address(hint.leader_id, &host, port);
        }
        news
    }
}

/// What a failure says of the records of a batch.
pub(super) fn failure(batch: &ProducerBatch, error: Error) -> Outcome {
    match batch.maybe_appended {
        true => Outcome::possibly_persisted(error),
        false => Outcome::not_persisted(error),
    }
}

fn leader_hints(response: &ProduceResponse) -> HashMap<i32, Node> {
    let node = |endpoint: &NodeEndpoint| {
        let port = u16::try_from(endpoint.port).ok().filter(|port| *port > 0)?;
        let node = Node { id: endpoint.node_id, host: endpoint.host.to_string(), port };
        (node.id >= 0 && !node.host.is_empty()).then_some((node.id, node))
    };
    response.node_endpoints.iter().filter_map(node).collect()
}
