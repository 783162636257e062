//! What the Sender asks of any broker: metadata and a producer id.

use std::time::Duration;

use super::Sender;
use crate::error::{Error, ErrorCode};
use crate::log::Level;
use crate::network::{ClientResponse, RequestTag};
use crate::time::Instant;
use crate::wire;
use crate::wire::messages::metadata::MetadataRequestTopic;
use crate::wire::messages::{
    InitProducerIdRequest, InitProducerIdResponse, MetadataRequest, MetadataResponse,
};

/// How long a producer id may fail to come, for reasons that may pass, before a warning.
const PRODUCER_ID_CALM: Duration = Duration::from_secs(5);

impl Sender {
    /// Tells the client where the brokers are, and the topics how many partitions they have.
    pub(super) fn use_cluster(&mut self, now: Instant) {
        let cluster = self.shared.metadata.cluster();
        for (id, node) in &cluster.nodes {
            self.client.set_address(*id, &node.host, node.port, now);
        }
        self.known_nodes = cluster.nodes.keys().copied().collect();
        self.client.prune(|id| cluster.nodes.contains_key(&id));
        self.packing.prune(|id| cluster.nodes.contains_key(&id));
        self.unready_since.retain(|id, _| cluster.nodes.contains_key(id));
        let topics = &self.shared.accumulator.topics;
        let view = topics.view();
        for (name, info) in &cluster.topics {
            let Some(topic) = view.get(name) else { continue };
            let has_leader = |partition: i32| {
                let leader = cluster.partition(name, partition).map_or(-1, |info| info.leader);
                leader >= 0 && cluster.nodes.contains_key(&leader)
            };
            let count = i32::try_from(info.partitions.len()).unwrap_or(i32::MAX);
            topics.update(topic, count, has_leader);
        }
    }

    /// One broker has an address that metadata did not tell (KIP-951).
    pub(super) fn use_address(&mut self, node: i32, host: &str, port: u16) {
        self.client.set_address(node, host, port, Instant(0));
        self.known_nodes.insert(node);
    }

    /// The earliest time at which some broker may be asked something.
    pub(super) fn cluster_next_try(&self) -> Instant {
        self.client.next_least_loaded(self.known_nodes.iter().copied())
    }

    pub(super) fn maybe_update_metadata(&mut self, now: Instant) {
        let metadata = &self.shared.metadata;
        if self.metadata_request.is_some() || metadata.next_update() > now {
            return;
        }
        metadata.note_attempt(now);
        if metadata.rebootstrap_at() <= now {
            return self
                .rebootstrap("no metadata for metadata.recovery.rebootstrap.trigger.ms", now);
        }
        let Some(node) = self.any_node(now) else { return };
        if !self.client.ready(node, now) {
            return;
        }
        let accumulator = &self.shared.accumulator;
        let view = accumulator.topics.view();
        let used = |name: &str| view.get(name).is_some_and(|topic| topic.take_used());
        let request = self.shared.metadata.begin_update(now, used);
        let topic = |name: &String| MetadataRequestTopic {
            name: Some(name.as_str().into()),
            ..MetadataRequestTopic::default()
        };
        let mut message = MetadataRequest {
            topics: Some(request.topics.iter().map(topic).collect()),
            allow_auto_topic_creation: true,
            ..MetadataRequest::default()
        };
        self.shared.metrics.requests.add(1);
        let sent = self.client.version_for::<MetadataRequest>(node).and_then(|version| {
            self.client.send(node, &mut message, version, RequestTag::Metadata, true, now)
        });
        match sent {
            Ok(()) => self.metadata_request = Some(request),
            Err(error) => self.shared.metadata.failed(error, now),
        }
    }

    /// A broker to ask; remembers for those who wait why there is none.
    fn any_node(&mut self, now: Instant) -> Option<i32> {
        let nodes: Vec<i32> = self.known_nodes.iter().copied().collect();
        let node = self.client.least_loaded(&nodes, now);
        let troubled = nodes.iter().copied().find(|node| self.client.trouble(*node).is_some());
        let connecting = node.filter(|node| !self.client.is_connected(*node));
        if let Some(node) = troubled.or(connecting) {
            let error = Error::new(ErrorCode::BROKER_NOT_AVAILABLE, self.client.describe(node));
            self.shared.metadata.note_trouble(error);
        }
        let reachable = node.is_some() || nodes.iter().any(|node| self.client.is_connected(*node));
        if !reachable && self.shared.metadata.can_rebootstrap() {
            self.rebootstrap("none of the known brokers can be reached", now);
        }
        node
    }

    fn rebootstrap(&mut self, why: &str, now: Instant) {
        let text = || format!("starting from bootstrap.servers again: {why}");
        self.shared.log.rarely(Level::Warn, now, text);
        self.client.close_all("starting from bootstrap.servers again", now);
        self.metadata_request = None;
        self.shared.metadata.rebootstrap(now);
        self.use_cluster(now);
        self.place_all(now);
    }

    pub(super) fn metadata_answered(&mut self, response: ClientResponse, now: Instant) {
        let Some(request) = self.metadata_request.take() else { return };
        let frame = match response.result {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(failure) => {
                return self.shared.metadata.failed(failure.error(), now);
            }
        };
        let decoded = wire::frame::decode_response::<MetadataResponse>(frame, response.version);
        let result = decoded.map_err(Error::from).and_then(|(_, body)| {
            if response.version >= 6 {
                self.client.throttle(response.node, body.throttle_time_ms, now);
            }
            if ErrorCode::from(body.error_code) == ErrorCode::REBOOTSTRAP_REQUIRED {
                return Err(ErrorCode::REBOOTSTRAP_REQUIRED.into());
            }
            self.shared.metadata.update(body, &request, now)
        });
        match result {
            Ok(_) => {
                self.shared.metrics.metadata_updates.add(1);
                self.use_cluster(now);
                self.place_all(now);
                // After the topics have their partitions, which is what they look at.
                self.shared.metadata.answer_waiters(&request);
            }
            Err(error) if error.code() == ErrorCode::REBOOTSTRAP_REQUIRED => {
                let can = self.shared.metadata.can_rebootstrap();
                self.shared.metadata.failed(error, now);
                match can {
                    true => self.rebootstrap("the broker asks for it", now),
                    false => self.client.close(response.node, "it asks to be left", now),
                }
            }
            Err(error) => {
                let text = || format!("metadata is of no use: {error}");
                self.shared.log.rarely(Level::Warn, now, text);
                if error.code() == ErrorCode::PROTOCOL_VIOLATION {
                    self.client.close(response.node, error.message(), now);
                }
                self.shared.metadata.failed(error, now);
            }
        }
    }

    /// After a change of leaders every partition with anything waiting is looked at.
    fn place_all(&mut self, now: Instant) {
        let mut ids = self.schedule.leaderless();
        self.schedule.with_timer(&mut ids);
        for id in ids {
            self.place(id, now);
        }
    }

    pub(super) fn maybe_init_producer_id(&mut self, now: Instant) {
        if self.transactions.wanted_at() > now {
            return;
        }
        let Some(node) = self.any_node(now) else { return };
        if !self.client.ready(node, now) {
            return;
        }
        let mut message = InitProducerIdRequest {
            transactional_id: None,
            transaction_timeout_ms: i32::MAX,
            producer_id: -1,
            producer_epoch: -1,
        };
        self.shared.metrics.requests.add(1);
        let sent = self.client.version_for::<InitProducerIdRequest>(node).and_then(|version| {
            let tag = RequestTag::InitProducerId;
            self.client.send(node, &mut message, version, tag, true, now)
        });
        match sent {
            Ok(()) => self.transactions.initializing(),
            Err(error) => self.producer_id_failed(error, now),
        }
    }

    pub(super) fn producer_id_answered(&mut self, response: ClientResponse, now: Instant) {
        let frame = match response.result {
            Ok(Some(frame)) => frame,
            Ok(None) => return,
            Err(failure) => return self.producer_id_failed(failure.error(), now),
        };
        let decoded =
            wire::frame::decode_response::<InitProducerIdResponse>(frame, response.version);
        let body = match decoded {
            Ok((_, body)) => body,
            Err(error) => {
                let error = Error::from(error);
                self.client.close(response.node, error.message(), now);
                return self.producer_id_failed(error, now);
            }
        };
        if response.version >= 1 {
            self.client.throttle(response.node, body.throttle_time_ms, now);
        }
        let code = ErrorCode::from(body.error_code);
        if code != ErrorCode::NONE {
            return self.producer_id_failed(code.into(), now);
        }
        if body.producer_id < 0 || body.producer_epoch < 0 {
            let error = Error::new(
                ErrorCode::PROTOCOL_VIOLATION,
                format!("the broker gave producer id {}", body.producer_id),
            );
            return self.producer_id_failed(error, now);
        }
        self.no_producer_id_since = None;
        self.transactions.initialized(body.producer_id, body.producer_epoch);
        self.restart_sequences();
    }

    /// Retriable: again after the back-off. Else no record can be sent under `enable.idempotence`.
    fn producer_id_failed(&mut self, error: Error, now: Instant) {
        let random = self.rng.f64();
        let backoff = self.config.retry_backoff;
        let since = *self.no_producer_id_since.get_or_insert(now);
        // A cluster that just started says for a moment that it is loading: no reason to worry.
        let calm = error.is_retriable() && now.since(since) < PRODUCER_ID_CALM;
        let level = if calm { Level::Debug } else { Level::Warn };
        self.shared.log.rarely(level, now, || format!("no producer id: {error}"));
        if !error.code().is_retriable() {
            let text = format!(
                "no producer id, which enable.idempotence=true needs: {} ({})",
                error.message(),
                error.code()
            );
            self.shared.fail(&Error::fatal(error.code(), text));
        }
        self.transactions.failed(error, &backoff, random, now);
    }
}
