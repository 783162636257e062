//! One ProduceRequest per broker, with a batch of every partition that stands in its line.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::part::Sent;
use super::{ProduceInFlight, Sender};
use crate::accumulator::ProducerBatch;
use crate::compression::CompressionType;
use crate::error::{Error, ErrorCode};
use crate::log::Level;
use crate::network::RequestTag;
use crate::time::Instant;
use crate::wire::messages::ProduceRequest;
use crate::wire::messages::produce::{PartitionProduceData, TopicProduceData};
use crate::wire::{Records, Uuid};

/// The last version that names topics by name.
const LAST_VERSION_WITH_NAMES: i16 = 12;
/// The first version that may carry zstd (KIP-110).
const FIRST_VERSION_WITH_ZSTD: i16 = 7;

impl Sender {
    /// Serves every broker's line as far as its connection and the in-flight limit allow.
    pub(super) fn send_all(&mut self, now: Instant) {
        let mut nodes = std::mem::take(&mut self.nodes);
        self.schedule.nodes(&mut nodes);
        self.packing.begin();
        for node in nodes.drain(..) {
            let ready = self.client.ready(node, now);
            self.note_ready(node, ready, now);
            while ready && self.schedule.front(node).is_some() && self.client.can_send_more(node) {
                if self.is_packing(node, now) {
                    break;
                }
                let batches = self.drain(node, now);
                if batches.is_empty() {
                    break;
                }
                self.send_produce(node, batches, now);
            }
        }
        self.nodes = nodes;
    }

    /// A broker that takes no requests for `partitioner.availability.timeout.ms` gets no new
    /// records that leave the partition open, until it does (KIP-794).
    fn note_ready(&mut self, node: i32, ready: bool, now: Instant) {
        if self.config.availability_timeout.is_zero() {
            return;
        }
        let available = if ready {
            if self.unready_since.remove(&node).is_none() {
                return;
            }
            true
        } else {
            let since = *self.unready_since.entry(node).or_insert(now);
            if now.since(since) < self.config.availability_timeout {
                return;
            }
            false
        };
        for part in self.parts.iter().flatten().filter(|part| part.in_line == Some(node)) {
            part.queue.available.store(available, Ordering::Relaxed);
        }
    }

    /// Takes one batch of each partition in the line, as many as `max.request.size` allows; one
    /// batch always goes.
    fn drain(&mut self, node: i32, now: Instant) -> Vec<(u32, ProducerBatch)> {
        let mut batches = Vec::new();
        let mut size = 0;
        while let Some(id) = self.schedule.front(node) {
            let Some(mut part) = self.parts[id as usize].take() else { break };
            let retry = part.next_retry();
            let next = match retry {
                Some(place) => part.retries.get(place).map(ProducerBatch::size),
                None => part.queue.lock().batches.front().map(ProducerBatch::size),
            };
            let fits = next.is_none_or(|next| size + next <= self.config.max_request_size);
            if !fits && !batches.is_empty() {
                self.parts[id as usize] = Some(part);
                break;
            }
            self.schedule.pop_front(node, &mut part);
            let taken = match retry {
                Some(place) => part.retries.remove(place),
                // What waits for the next epoch goes before what was never sent.
                None if !part.retries.is_empty() => None,
                None => self.shared.accumulator.pop(&part.queue),
            };
            if let Some(mut batch) = taken {
                let log = self.locate(&mut part).log;
                // A log that may lack what the one before had: the first batch goes to it alone.
                part.acknowledged &= log == part.sent_to;
                part.sent_to = log;
                batch.topic_id = log.topic_id;
                if self.config.idempotence && batch.producer.is_none() {
                    let (producer_id, epoch) =
                        (self.transactions.producer_id, self.transactions.epoch);
                    part.stamp(&mut batch, producer_id, epoch);
                }
                size += batch.size();
                part.in_flight.push(Sent {
                    request: self.next_request,
                    batch_id: batch.id,
                    created: batch.created,
                    sequence: batch.producer.map(|stamp| stamp.sequence),
                });
                batches.push((id, batch));
            }
            self.parts[id as usize] = Some(part);
        }
        for (id, _) in &batches {
            self.place(*id, now);
        }
        batches
    }

    fn send_produce(&mut self, node: i32, batches: Vec<(u32, ProducerBatch)>, now: Instant) {
        let request = self.next_request;
        self.next_request += 1;
        self.packing.note_sent(node, now);
        let bytes = self.count_sent(&batches);
        let (topic_data, topic_ids) = self.topic_data(&batches);
        let zstd = batches.iter().any(|(_, batch)| batch.compression() == CompressionType::Zstd);
        let batches = batches.into_iter().map(|(id, batch)| (id, Some(batch))).collect();
        let has_ids = topic_ids.iter().all(|(id, _)| !id.is_zero());
        self.requests
            .insert(request, ProduceInFlight { node, sent: now, bytes, batches, topic_ids });
        let mut message = ProduceRequest {
            transactional_id: None,
            acks: self.config.acks,
            timeout_ms: i32::try_from(self.config.request_timeout.as_millis()).unwrap_or(i32::MAX),
            topic_data,
        };
        let sent = self.client.version_for::<ProduceRequest>(node).and_then(|version| {
            let version = if has_ids { version } else { version.min(LAST_VERSION_WITH_NAMES) };
            if zstd && version < FIRST_VERSION_WITH_ZSTD {
                return Err(no_zstd(&self.client.name(node)));
            }
            let (tag, answered) = (RequestTag::Produce(request), self.config.acks != 0);
            self.client.send(node, &mut message, version, tag, answered, now)
        });
        if let Err(error) = sent {
            let text = || format!("a request could not be made: {error}");
            self.shared.log.rarely(Level::Error, now, text);
            self.refuse_request(request, &error, now);
        }
    }

    /// Returns how many bytes they are.
    fn count_sent(&self, batches: &[(u32, ProducerBatch)]) -> usize {
        let metrics = &self.shared.metrics;
        let records: u64 = batches.iter().map(|(_, batch)| u64::from(batch.record_count)).sum();
        let again = batches.iter().filter(|(_, batch)| batch.attempts > 0);
        metrics.records_retried.add(again.map(|(_, batch)| u64::from(batch.record_count)).sum());
        metrics.records_sent.add(records);
        metrics.batches_sent.add(batches.len() as u64);
        metrics.produce_requests.add(1);
        metrics.requests.add(1);
        let bytes = batches.iter().map(|(_, batch)| batch.size()).sum();
        metrics.bytes_sent.add(bytes as u64);
        bytes
    }

    /// The batches by topic, and the topics' ids.
    #[allow(clippy::type_complexity)]
    fn topic_data(
        &self,
        batches: &[(u32, ProducerBatch)],
    ) -> (Vec<TopicProduceData>, Vec<(Uuid, Arc<str>)>) {
        let cluster = self.shared.metadata.cluster();
        let mut topics: Vec<TopicProduceData> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        for (id, batch) in batches {
            let Some(part) = &self.parts[*id as usize] else { continue };
            let Some((header, records)) = batch.wire_parts() else { continue };
            let name = part.queue.topic.shared();
            let place = match topics.last() {
                Some(last) if Arc::ptr_eq(&last.name, &name) => topics.len() - 1,
                _ => *places.entry(name.clone()).or_insert_with(|| {
                    let topic_id = cluster.topics.get(&*name).map_or(Uuid::ZERO, |t| t.id);
                    let partition_data = Vec::with_capacity(batches.len());
                    topics.push(TopicProduceData { name, topic_id, partition_data });
                    topics.len() - 1
                }),
            };
            let records = Records::Batch { header, records };
            let index = part.queue.partition;
            topics[place].partition_data.push(PartitionProduceData { index, records });
        }
        let ids = topics.iter().map(|topic| (topic.topic_id, topic.name.clone())).collect();
        (topics, ids)
    }

    /// A request that never left fails for good: no version fits, or it cannot be encoded.
    fn refuse_request(&mut self, request: u64, error: &Error, now: Instant) {
        let Some(in_flight) = self.requests.remove(&request) else { return };
        if error.code() == ErrorCode::UNSUPPORTED_VERSION {
            let text = format!("{}: {}", self.client.describe(in_flight.node), error.message());
            self.shared.fail(&Error::fatal(error.code(), text));
        }
        for (id, batch) in in_flight.batches {
            if let Some(batch) = batch {
                self.forget_sent(id, batch.id);
                self.fail_batch(id, batch, error.clone(), now);
            }
            self.place(id, now);
        }
    }
}

fn no_zstd(broker: &str) -> Error {
    let text = format!(
        "{broker} is older than Kafka 2.1 and knows no zstd: set another compression.type, or \
         upgrade it"
    );
    Error::new(ErrorCode::UNSUPPORTED_COMPRESSION_TYPE, text)
}
