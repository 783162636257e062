//! What goes wrong, and when it ends.

use std::collections::BTreeMap;

use super::network::Side;
use super::setup::{TOPICS, ms};
use super::socket::End;
use super::world::{What, World};
use crate::broker::{Fault, FaultAction};
use crate::error::ErrorCode;
use crate::wire::Message;
use crate::wire::messages::api_versions::ApiVersion;
use crate::wire::messages::{InitProducerIdRequest, MetadataRequest, ProduceRequest};

/// Every kind of fault.
pub const KINDS: [&str; 25] = [
    "reset",
    "half close to the producer",
    "half close to the broker",
    "hole to the producer",
    "hole to the broker",
    "stall",
    "drip",
    "kill broker",
    "stop broker",
    "pause broker",
    "move leader",
    "elect preferred leaders",
    "shrink isr",
    "hold back a follower",
    "topic made again",
    "cut brokers",
    "cut clients",
    "cut from the controller",
    "silent port",
    "older broker",
    "quota",
    "request fault",
    "partition error",
    "no names",
    "stop producer",
];

/// Every kind of fault of a request.
pub const REQUEST_FAULTS: [&str; 12] = [
    "delay",
    "drop request",
    "drop response",
    "close before",
    "close after",
    "half response",
    "slow drip",
    "corrupt response",
    "error",
    "error after",
    "failing handler",
    "throttle",
];

/// Errors that a broker gives instead of appending.
const REFUSALS: [ErrorCode; 9] = [
    ErrorCode::CORRUPT_MESSAGE,
    ErrorCode::LEADER_NOT_AVAILABLE,
    ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode::NOT_ENOUGH_REPLICAS,
    ErrorCode::KAFKA_STORAGE_ERROR,
    ErrorCode::MESSAGE_TOO_LARGE,
    ErrorCode::INVALID_RECORD,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::THROTTLING_QUOTA_EXCEEDED,
];

/// Errors that it may give although it has appended.
const IN_DOUBT: [ErrorCode; 4] = [
    ErrorCode::REQUEST_TIMED_OUT,
    ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ErrorCode::NOT_LEADER_OR_FOLLOWER,
    ErrorCode::UNKNOWN_SERVER_ERROR,
];

/// What ends a fault.
#[derive(Clone, Copy, Debug)]
pub enum Cure {
    StartBroker(i32),
    ResumeBroker(i32),
    Replicate(&'static str, i32),
    MakeTopic(&'static str),
    JoinBrokers(i32, i32),
    JoinClients(i32),
    JoinController(i32),
    Modernize(i32),
    LiftQuota,
    OpenPort(i32),
}

/// The faults of a run.
#[derive(Default)]
pub struct Chaos {
    /// How many struck.
    pub struck: u64,
    /// Brokers whose port does not answer.
    pub silent: Vec<i32>,
    /// Brokers that are down.
    down: Vec<i32>,
    /// Topics that were deleted, and with how many partitions they come back.
    pub(super) gone: BTreeMap<&'static str, i32>,
}

impl World {
    /// Lets something go wrong. What turns out impossible does not count.
    pub fn strike(&mut self) {
        let kind = KINDS[self.rng.usize(..KINDS.len())];
        let struck = match kind {
            "reset"
            | "half close to the producer"
            | "half close to the broker"
            | "hole to the producer"
            | "hole to the broker"
            | "stall"
            | "drip" => self.strike_link(kind),
            "kill broker" | "stop broker" | "pause broker" => self.strike_broker(kind),
            "move leader" | "elect preferred leaders" | "shrink isr" | "hold back a follower" => {
                self.strike_partition(kind)
            }
            "topic made again" => self.strike_topic(),
            "cut brokers" | "cut clients" | "cut from the controller" | "silent port" => {
                self.strike_paths(kind)
            }
            "older broker" => self.strike_versions(),
            "quota" => self.strike_quota(),
            "request fault" => self.strike_request(),
            "partition error" => self.strike_append(),
            _ => self.strike_producer(kind),
        };
        if let Some(detail) = struck {
            self.chaos.struck += 1;
            self.trace.count(&format!("fault: {kind}"));
            self.trace.note(self.now, format_args!("FAULT {kind}: {detail}"));
        }
        self.carry_out();
    }

    fn later(&mut self, most_ms: u64, cure: Cure) {
        let after = ms(self.rng.u64(20..most_ms));
        self.timeline.at(self.now + after, What::Heal(cure));
    }

    fn strike_link(&mut self, kind: &str) -> Option<String> {
        let live = self.network.live();
        let link = *live.get(self.rng.usize(..live.len().max(1)))?;
        let (now, timeline) = (self.now, &mut self.timeline);
        let side = if self.rng.bool() { Side::Client } else { Side::Broker };
        match kind {
            "reset" => {
                self.network.end_way(link, Side::Client, End::Reset, now, timeline);
                self.network.end_way(link, Side::Broker, End::Reset, now, timeline);
            }
            "half close to the producer" => {
                self.network.end_way(link, Side::Client, End::Closed, now, timeline);
            }
            "half close to the broker" => {
                self.network.end_way(link, Side::Broker, End::Closed, now, timeline);
            }
            "hole to the producer" => self.network.make_hole(link, Side::Client),
            "hole to the broker" => self.network.make_hole(link, Side::Broker),
            "stall" => self.network.stall(link, side, now + ms(self.rng.u64(10..3000))),
            _ => self.network.drip(link),
        }
        let wire = &self.network.links[link];
        Some(format!("link {link}, p{} to b{}", wire.client, wire.broker))
    }

    fn broker(&mut self) -> i32 {
        self.rng.i32(1..=i32::from(self.brokers.core.config.brokers))
    }

    fn strike_broker(&mut self, kind: &str) -> Option<String> {
        let (id, now) = (self.broker(), self.now);
        let core = &mut self.brokers.core;
        let cure = match kind {
            "kill broker" => core.kill_broker(id, now).ok().map(|()| Cure::StartBroker(id)),
            "stop broker" => core.stop_broker(id, now).ok().map(|()| Cure::StartBroker(id)),
            _ => core.pause_broker(id, now).ok().map(|()| Cure::ResumeBroker(id)),
        };
        let cure = cure?;
        if matches!(cure, Cure::StartBroker(_)) {
            self.chaos.down.push(id);
        }
        self.later(3000, cure);
        Some(format!("b{id}"))
    }

    pub(super) fn partition(&mut self) -> (&'static str, i32) {
        let (topic, partitions) = TOPICS[self.rng.usize(..TOPICS.len())];
        (topic, self.rng.i32(0..partitions))
    }

    fn strike_partition(&mut self, kind: &str) -> Option<String> {
        let ((topic, index), now) = (self.partition(), self.now);
        let broker = self.broker();
        let core = &mut self.brokers.core;
        match kind {
            "move leader" => {
                core.move_leader(topic, index, broker, now).ok()?;
                Some(format!("{topic}-{index} to b{broker}"))
            }
            "elect preferred leaders" => {
                core.elect_preferred(now);
                Some(String::new())
            }
            "hold back a follower" => {
                core.hold_back(broker, topic, index, true, now);
                self.later(2000, Cure::Replicate(topic, index));
                Some(format!("{topic}-{index} on b{broker}"))
            }
            _ => {
                let image = core.registry.topics.get(topic)?.partitions.get(index as usize)?;
                let leader = image.leader;
                if image.isr.len() < 2 || leader < 0 {
                    return None;
                }
                core.shrink_isr_to(topic, index, &[leader], now);
                self.later(2000, Cure::Replicate(topic, index));
                Some(format!("{topic}-{index} to b{leader}"))
            }
        }
    }

    fn strike_paths(&mut self, kind: &str) -> Option<String> {
        let (a, b, now) = (self.broker(), self.broker(), self.now);
        match kind {
            "cut brokers" if a == b => None,
            "cut brokers" => {
                self.brokers.core.cut(a, b, true, now);
                self.later(2000, Cure::JoinBrokers(a, b));
                Some(format!("b{a} from b{b}"))
            }
            "cut clients" => {
                self.brokers.core.cut_clients(a, true);
                self.later(2000, Cure::JoinClients(a));
                Some(format!("b{a}"))
            }
            "cut from the controller" => {
                self.brokers.core.isolate_broker(a, true, now).ok()?;
                self.later(2000, Cure::JoinController(a));
                Some(format!("b{a}"))
            }
            _ => {
                self.chaos.silent.push(a);
                self.later(2000, Cure::OpenPort(a));
                Some(format!("b{a}"))
            }
        }
    }

    /// A broker serves some APIs in older versions only; what comes in later ones is refused.
    fn strike_versions(&mut self) -> Option<String> {
        let broker = self.broker();
        let (produce, metadata) = (self.rng.i16(3..13), self.rng.i16(4..13));
        let version = |api_key, max_version| ApiVersion { api_key, min_version: 0, max_version };
        let versions = [
            version(ProduceRequest::KEY, produce),
            version(MetadataRequest::KEY, metadata),
            version(InitProducerIdRequest::KEY, self.rng.i16(0..5)),
        ];
        self.brokers.core.pretend(broker, Some(&versions));
        self.later(2000, Cure::Modernize(broker));
        Some(format!("b{broker}: produce {produce}, metadata {metadata}"))
    }

    fn strike_quota(&mut self) -> Option<String> {
        let rate = self.rng.u64(2000..50_000);
        self.brokers.core.set_producer_byte_rate(Some(rate));
        self.later(2000, Cure::LiftQuota);
        Some(format!("{rate} bytes per second"))
    }

    fn strike_request(&mut self) -> Option<String> {
        let name = REQUEST_FAULTS[self.rng.usize(..REQUEST_FAULTS.len())];
        let time = ms(self.rng.u64(1..2000));
        let refusal = REFUSALS[self.rng.usize(..REFUSALS.len())];
        let in_doubt = IN_DOUBT[self.rng.usize(..IN_DOUBT.len())];
        let (bytes, every) = (self.rng.usize(1..40), ms(self.rng.u64(1..30)));
        let action = match name {
            "delay" => FaultAction::Delay(time),
            "drop request" => FaultAction::DropRequest,
            "drop response" => FaultAction::DropResponse,
            "close before" => FaultAction::CloseBefore,
            "close after" => FaultAction::CloseAfter,
            "half response" => FaultAction::HalfResponse,
            "slow drip" => FaultAction::SlowDrip { bytes, every },
            "corrupt response" => FaultAction::CorruptResponse,
            "error" => FaultAction::Error(refusal),
            "error after" => FaultAction::ErrorAfter(in_doubt),
            "failing handler" => FaultAction::FailHandler,
            _ => FaultAction::Throttle(time),
        };
        let of_errors = matches!(action, FaultAction::Error(_) | FaultAction::ErrorAfter(_));
        let mut fault = Fault::new(action).times(self.rng.u32(1..4)).skip(self.rng.u32(..3));
        let apis = [ProduceRequest::KEY, MetadataRequest::KEY, InitProducerIdRequest::KEY];
        // A producer that asks for its id fails for good if the broker does not know what is wrong.
        let of_produce = of_errors || name == "failing handler";
        if of_produce || self.rng.bool() {
            // The errors above are those of a produce request.
            fault = fault.api(ProduceRequest::KEY);
        } else if self.rng.bool() {
            fault = fault.api(apis[self.rng.usize(..apis.len())]);
        }
        let may_be_an_id = fault.api.is_none_or(|api| api == InitProducerIdRequest::KEY);
        if name == "corrupt response" && may_be_an_id {
            // Of an old version it is a whole answer, which says that it does not know.
            fault = fault.api(MetadataRequest::KEY);
        }
        self.trace.count(&format!("request fault: {name}"));
        let text = format!("{fault:?}");
        self.brokers.core.faults.add(fault);
        Some(text)
    }

    fn strike_append(&mut self) -> Option<String> {
        let (topic, index) = self.partition();
        let action = match self.rng.bool() {
            true => FaultAction::Error(REFUSALS[self.rng.usize(..REFUSALS.len())]),
            false => FaultAction::ErrorAfter(IN_DOUBT[self.rng.usize(..IN_DOUBT.len())]),
        };
        let text = format!("{topic}-{index} {action:?}");
        let fault = Fault::new(action).topic(topic).partition(index);
        self.brokers.core.faults.add(fault.times(self.rng.u32(1..4)));
        Some(text)
    }

    fn strike_producer(&mut self, kind: &str) -> Option<String> {
        let client = self.rng.usize(..self.clients.len());
        let millis = self.rng.u64(10..2500);
        let now = self.now;
        match kind {
            "no names" => self.clients[client].dns_fails_until = now + ms(millis),
            _ => self.clients[client].stop(millis, now),
        }
        Some(format!("p{client} for {millis} ms"))
    }

    /// A fault ends.
    pub fn cure(&mut self, cure: Cure) {
        let now = self.now;
        let core = &mut self.brokers.core;
        self.trace.note(now, format_args!("{cure:?}"));
        match cure {
            Cure::StartBroker(id) => {
                self.chaos.down.retain(|down| *down != id);
                // It runs already if it was down twice.
                let _ = core.start_broker(id, now);
            }
            // It may have been killed in the meantime.
            Cure::ResumeBroker(id) => _ = core.resume_broker(id, now),
            Cure::Replicate(topic, index) => {
                for id in 1..=i32::from(core.config.brokers) {
                    core.hold_back(id, topic, index, false, now);
                }
            }
            Cure::MakeTopic(topic) => self.make_topic(topic),
            Cure::JoinBrokers(a, b) => core.cut(a, b, false, now),
            Cure::JoinClients(id) => core.cut_clients(id, false),
            // It may not run.
            Cure::JoinController(id) => _ = core.isolate_broker(id, false, now),
            Cure::Modernize(id) => core.pretend(id, None),
            Cure::LiftQuota => core.set_producer_byte_rate(core.config.producer_byte_rate),
            Cure::OpenPort(id) => self.chaos.silent.retain(|silent| *silent != id),
        }
        self.carry_out();
    }

    /// Everything ends.
    pub fn heal_all(&mut self) {
        self.brokers.core.faults.clear();
        self.chaos.silent.clear();
        let ids: Vec<i32> = (1..=i32::from(self.brokers.core.config.brokers)).collect();
        for &id in &ids {
            self.cure(Cure::ResumeBroker(id));
            self.cure(Cure::JoinClients(id));
            self.cure(Cure::JoinController(id));
            self.cure(Cure::Modernize(id));
        }
        self.cure(Cure::LiftQuota);
        for id in std::mem::take(&mut self.chaos.down) {
            self.cure(Cure::StartBroker(id));
        }
        for &a in &ids {
            ids.iter().filter(|b| **b > a).for_each(|b| self.cure(Cure::JoinBrokers(a, *b)));
        }
        for topic in std::mem::take(&mut self.chaos.gone) {
            self.make_topic_at_last(topic);
        }
        for (topic, partitions) in TOPICS {
            (0..partitions).for_each(|index| self.cure(Cure::Replicate(topic, index)));
        }
        self.network.heal(self.now, &mut self.timeline);
        self.clients.iter_mut().for_each(|client| client.dns_fails_until = self.now);
    }
}
