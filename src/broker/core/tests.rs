//! The cluster as one state machine on virtual time, with neither threads nor sockets: as a
//! simulator drives it.

use std::time::Duration;

use bytes::Bytes;

use super::*;
use crate::broker::call::{Output, RawRequest};
use crate::broker::controller::NewTopic;
use crate::broker::faults::{Fault, FaultAction};
use crate::broker::metadata_cache::Endpoint;
use crate::io::ConnId;
use crate::wire::crc::crc32c;
use crate::wire::frame::{decode_response, encode_request};
use crate::wire::messages::list_offsets::{ListOffsetsPartition, ListOffsetsTopic};
use crate::wire::messages::metadata::MetadataRequestTopic;
use crate::wire::messages::produce::{
    PartitionProduceData, PartitionProduceResponse, TopicProduceData,
};
use crate::wire::messages::{ListOffsetsRequest, MetadataRequest, ProduceRequest, ProduceResponse};
use crate::wire::record::AnyRecord;
use crate::wire::record_batch::BatchHeader;
use crate::wire::{Records, Request};

const MS: Duration = Duration::from_millis(1);
const WALL_MS: i64 = 1_700_000_000_000;

pub struct Sim {
    pub core: ClusterCore,
    pub now: Instant,
    asked: u64,
    /// What the brokers answered, as the bytes went out.
    answers: Vec<(ConnId, Vec<u8>)>,
    closed: Vec<ConnId>,
}

impl Sim {
    pub fn new(config: ClusterConfig) -> Sim {
        let now = Instant(5_000_000_000);
        let mut core = ClusterCore::new(config.clone(), now, WALL_MS);
        let endpoint = |id: u16| Endpoint { host: "h".into(), port: id, rack: None };
        let endpoints = (1..=config.brokers).map(|id| (i32::from(id), endpoint(id)));
        core.start(endpoints, now).unwrap();
        Sim { core, now, asked: 0, answers: Vec::new(), closed: Vec::new() }
    }

    fn collect(&mut self) {
        for output in self.core.take_outputs() {
            match output {
                Output::Answer { conn, pieces, .. } => self.answers.push((conn, pieces.concat())),
                Output::Close { conn, .. } => self.closed.push(conn),
                _ => {}
            }
        }
    }

    /// Sends a request on a connection of its own; gives the connection.
    pub fn ask<R: Request>(&mut self, broker: i32, mut request: R, version: i16) -> ConnId {
        self.asked += 1;
        let conn = ConnId(self.asked);
        let frame = encode_request(&mut request, version, 1, &"sim".into()).unwrap();
        let frame: Bytes = frame.pieces.concat().into();
        let raw = RawRequest { broker, conn, frame: frame.slice(4..) };
        self.core.receive(kafka_apis::parse(raw, self.now), self.now);
        self.collect();
        conn
    }

    /// Lets this much time pass, from deadline to deadline.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.core.next_deadline() <= end {
            self.now = self.now.max(self.core.next_deadline());
            self.core.tick(self.now);
            self.collect();
        }
        self.now = end;
    }

    pub fn answer<R: Request>(&self, conn: ConnId, version: i16) -> Option<R::Response> {
        let (_, bytes) = self.answers.iter().find(|(to, _)| *to == conn)?;
        let frame = Bytes::copy_from_slice(&bytes[4..]);
        Some(decode_response(frame, version).unwrap().1)
    }

    fn write(&mut self, broker: i32, timeout_ms: i32) -> ConnId {
        let partition = PartitionProduceData { index: 0, records: Records::Whole(batch()) };
        let topic = TopicProduceData {
            name: "t".into(),
            partition_data: vec![partition],
            ..TopicProduceData::default()
        };
        let topic_data = vec![topic];
        let request = ProduceRequest { acks: -1, timeout_ms, topic_data, ..Default::default() };
        self.ask(broker, request, 12)
    }

    fn written(&self, conn: ConnId) -> Option<(ErrorCode, PartitionProduceResponse)> {
        let response: ProduceResponse = self.answer::<ProduceRequest>(conn, 12)?;
        let part = response.responses[0].partition_responses[0].clone();
        Some((ErrorCode::from(part.error_code), part))
    }

    fn leader(&self) -> i32 {
        self.core.registry.topics["t"].partitions[0].leader
    }

    fn isr(&self) -> Vec<i32> {
        self.core.registry.topics["t"].partitions[0].isr.clone()
    }
}

fn batch() -> Bytes {
    let mut records = Vec::new();
    AnyRecord::new(0, 0, None, Some(b"v"), &[]).append_to(&mut records);
    let header = BatchHeader {
        base_offset: 0,
        partition_leader_epoch: -1,
        attributes: 0,
        last_offset_delta: 0,
        base_timestamp: WALL_MS,
        max_timestamp: WALL_MS,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: 1,
    };
    [&header.encode(records.len(), crc32c(&records)), &records[..]].concat().into()
}

fn lagging(brokers: u16, lag: Duration) -> ClusterConfig {
    ClusterConfig { replication_lag: lag, ..ClusterConfig::brokers(brokers).topic("t", 1) }
}

#[test]
fn a_write_is_answered_when_its_followers_have_it_and_not_before() {
    let mut sim = Sim::new(lagging(3, 20 * MS));
    sim.pass(100 * MS);
    let conn = sim.write(sim.leader(), 1000);
    sim.pass(19 * MS);
    assert!(sim.written(conn).is_none());
    sim.pass(MS);
    let (code, part) = sim.written(conn).unwrap();
    assert_eq!((code, part.base_offset), (ErrorCode::NONE, 0));
}

#[test]
fn a_write_that_followers_do_not_confirm_in_time_times_out_with_its_offset() {
    let mut sim = Sim::new(lagging(3, 20 * MS));
    sim.pass(100 * MS);
    let leader = sim.leader();
    let conn = sim.write(leader, 15);
    sim.pass(15 * MS);
    let (code, part) = sim.written(conn).unwrap();
    assert_eq!((code, part.base_offset), (ErrorCode::REQUEST_TIMED_OUT, 0));
    let replicas = &sim.core.server(leader).unwrap().replicas;
    assert_eq!(replicas.delayed_produce.len(), 0);
    assert_eq!(replicas.get("t", 0).unwrap().log.end_offset(), 1, "it stays in the log");
}

#[test]
fn a_write_that_loses_its_replicas_while_it_waits_says_so_and_stays() {
    let mut config = lagging(3, 20 * MS);
    config.topic_defaults.min_insync_replicas = 2;
    let mut sim = Sim::new(config);
    sim.pass(100 * MS);
    let leader = sim.leader();
    let conn = sim.write(leader, 1000);
    sim.core.shrink_isr_to("t", 0, &[leader], sim.now);
    sim.collect();
    let (code, part) = sim.written(conn).unwrap();
    assert_eq!(code, ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    assert_eq!(part.base_offset, 0);
    let refused = sim.write(leader, 1000);
    assert_eq!(sim.written(refused).unwrap().0, ErrorCode::NOT_ENOUGH_REPLICAS);
    let replicas = &sim.core.server(leader).unwrap().replicas;
    assert_eq!(replicas.get("t", 0).unwrap().log.end_offset(), 1);
}

#[test]
fn a_write_that_waits_is_refused_when_its_leader_leads_no_more() {
    let mut sim = Sim::new(lagging(2, 20 * MS));
    sim.pass(100 * MS);
    let leader = sim.leader();
    let conn = sim.write(leader, 1000);
    let other = sim.isr().into_iter().find(|id| *id != leader).unwrap();
    sim.core.move_leader("t", 0, other, sim.now).unwrap();
    sim.core.settle(sim.now);
    sim.collect();
    assert_eq!(sim.written(conn).unwrap().0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    let again = sim.write(leader, 1000);
    let (code, part) = sim.written(again).unwrap();
    assert_eq!(code, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    assert_eq!((part.current_leader.leader_id, part.current_leader.leader_epoch), (other, 1));
}

#[test]
fn a_dead_broker_is_missed_when_its_session_ends_and_not_before() {
    let mut config = ClusterConfig::brokers(3).topic("t", 1);
    config.broker_session_timeout = 500 * MS;
    let mut sim = Sim::new(config);
    let leader = sim.leader();
    sim.core.kill_broker(leader, sim.now).unwrap();
    sim.pass(499 * MS);
    assert_eq!(sim.leader(), leader);
    assert!(!sim.core.health().is_well());
    sim.pass(MS);
    assert_ne!(sim.leader(), leader);
    assert_eq!(sim.isr().len(), 2);
    let health = sim.core.health();
    assert_eq!(health.brokers_down, [leader]);
    assert_eq!(health.under_replicated, [("t".to_owned(), 0)]);
    assert!(health.offline.is_empty() && health.under_min_isr.is_empty());
    sim.core.start_broker(leader, sim.now).unwrap();
    assert_eq!(sim.isr().len(), 3);
    assert!(sim.core.health().is_well());
    assert_eq!(sim.core.health().not_preferred.len(), 1);
}

#[test]
fn a_broker_that_died_and_came_back_in_time_has_left_all_the_same() {
    let mut sim = Sim::new(ClusterConfig::brokers(3).topic("t", 1));
    let leader = sim.leader();
    sim.core.kill_broker(leader, sim.now).unwrap();
    sim.core.start_broker(leader, sim.now).unwrap();
    assert_ne!(sim.leader(), leader, "the new process does not lead what the old one led");
    let before = sim.core.registry.topics["t"].clone();
    sim.pass(Duration::from_secs(5));
    assert_eq!(sim.core.registry.topics["t"], before, "the old session's end means nothing");
}

#[test]
fn news_that_travel_slowly_leave_brokers_with_different_views() {
    let mut config = ClusterConfig::brokers(2).topic("t", 1);
    config.metadata_delay = 50 * MS;
    let mut sim = Sim::new(config);
    sim.pass(100 * MS);
    let leader = sim.leader();
    let other = 3 - leader;
    sim.core.move_leader("t", 0, other, sim.now).unwrap();
    let early = sim.write(other, 10);
    assert_eq!(sim.written(early).unwrap().0, ErrorCode::NOT_LEADER_OR_FOLLOWER);
    sim.pass(50 * MS);
    let late = sim.write(other, 10);
    assert_eq!(sim.written(late).unwrap().0, ErrorCode::NONE);
}

#[test]
fn older_news_that_arrive_late_change_nothing() {
    let mut config = ClusterConfig::brokers(1).topic("t", 1);
    config.metadata_delay = 300 * MS;
    let mut sim = Sim::new(config);
    sim.pass(100 * MS);
    // It is told how things are when it is back, and of how they were before after that.
    sim.core.isolate_broker(1, true, sim.now).unwrap();
    sim.core.isolate_broker(1, false, sim.now).unwrap();
    let written = sim.write(1, 10);
    assert_eq!(sim.written(written).unwrap().0, ErrorCode::NONE);
    sim.pass(500 * MS);
    let replica = sim.core.server(1).and_then(|server| server.replicas.get("t", 0)).unwrap();
    assert_eq!(replica.log.end_offset(), 1);
}

#[test]
fn a_follower_that_falls_behind_leaves_the_isr_and_writes_go_on() {
    let mut config = lagging(3, Duration::from_secs(3600));
    config.replica_lag_time_max = 200 * MS;
    let mut sim = Sim::new(config);
    let leader = sim.leader();
    let conn = sim.write(leader, 60_000);
    sim.pass(310 * MS);
    assert_eq!(sim.isr(), [leader]);
    assert_eq!(sim.written(conn).unwrap().0, ErrorCode::NONE);
}

#[test]
fn a_follower_that_had_everything_is_not_late_because_nothing_came_for_long() {
    let mut config = lagging(3, 90 * MS);
    config.replica_lag_time_max = 100 * MS;
    let mut sim = Sim::new(config);
    sim.pass(1000 * MS);
    let epoch = sim.core.registry.topics["t"].partitions[0].partition_epoch;
    for _ in 0..5 {
        let conn = sim.write(sim.leader(), 60_000);
        sim.pass(80 * MS);
        assert!(sim.written(conn).is_none(), "the followers do not have it yet");
        sim.pass(333 * MS);
        assert_eq!(sim.written(conn).unwrap().0, ErrorCode::NONE);
    }
    assert_eq!(sim.core.registry.topics["t"].partitions[0].partition_epoch, epoch);
}

#[test]
fn the_same_seed_and_the_same_requests_give_the_same_bytes() {
    let run = |seed| {
        let mut config = lagging(3, 3 * MS);
        config.seed = seed;
        let mut sim = Sim::new(config);
        for round in 0..30 {
            sim.pass(2 * MS);
            let leader = sim.leader();
            sim.write(leader.max(1), 5);
            let topics = Some(vec![MetadataRequestTopic {
                name: Some(format!("t{round}").into()),
                ..MetadataRequestTopic::default()
            }]);
            sim.ask(1 + round % 3, MetadataRequest { topics, ..Default::default() }, 12);
            if round == 10 {
                sim.core.kill_broker(leader, sim.now).unwrap();
            }
            if round == 20 {
                sim.pass(300 * MS);
                let down: Vec<i32> = sim.core.health().brokers_down;
                sim.core.start_broker(down[0], sim.now).unwrap();
            }
        }
        sim.pass(Duration::from_secs(1));
        (sim.answers, sim.closed)
    };
    let first = run(7);
    assert_eq!(first, run(7));
    assert_ne!(first.0, run(8).0);
    assert!(first.0.len() > 30, "{}", first.0.len());
}

#[test]
fn a_request_to_a_broker_that_is_down_closes_its_connection() {
    let mut sim = Sim::new(ClusterConfig::brokers(1).topic("t", 1));
    sim.core.kill_broker(1, sim.now).unwrap();
    let conn = sim.ask(1, MetadataRequest::default(), 12);
    assert_eq!(sim.closed, [conn]);
    assert!(sim.answers.is_empty());
}

#[test]
fn what_a_leader_asked_of_a_controller_that_died_is_asked_again() {
    let hosts_nothing = |sim: &Sim| {
        let controller = sim.core.registry.controller().unwrap();
        (!sim.isr().contains(&controller)).then_some(controller)
    };
    let (mut sim, controller) = (0..)
        .find_map(|seed| {
            let mut config = lagging(4, MS);
            config.replica_lag_time_max = 400 * MS;
            config.broker_session_timeout = 1000 * MS;
            let sim = Sim::new(ClusterConfig { seed, ..config });
            hosts_nothing(&sim).map(|controller| (sim, controller))
        })
        .unwrap();
    let leader = sim.leader();
    let slow = sim.isr().into_iter().find(|id| *id != leader).unwrap();
    sim.core.hold_back(slow, "t", 0, true, sim.now);
    // What the controller is asked while it sleeps lies in its queue, and is lost with it.
    sim.core.pause_broker(controller, sim.now).unwrap();
    let conn = sim.write(leader, 60_000);
    sim.pass(950 * MS);
    assert_eq!(sim.isr().len(), 3);
    sim.pass(400 * MS);
    assert!(!sim.isr().contains(&slow), "{:?}", sim.isr());
    assert_eq!(sim.written(conn).unwrap().0, ErrorCode::NONE);
}

#[test]
fn a_replica_that_may_have_joined_counts_until_the_leader_knows() {
    let mut config = lagging(2, MS);
    config.replica_lag_time_max = 200 * MS;
    config.metadata_delay = 1000 * MS;
    let mut sim = Sim::new(config);
    sim.pass(1000 * MS);
    let leader = sim.leader();
    let other = 3 - leader;
    sim.core.shrink_isr_to("t", 0, &[leader], sim.now);
    sim.pass(1000 * MS);
    sim.core.hold_back(other, "t", 0, false, sim.now);
    sim.pass(5 * MS);
    assert_eq!(sim.isr().len(), 2, "the controller took it, and the leader will hear of it later");
    sim.core.cut(leader, other, true, sim.now);
    // The leader asks again, and is refused, as the partition has changed since.
    sim.pass(200 * MS);
    let conn = sim.write(leader, 60_000);
    sim.pass(100 * MS);
    assert!(sim.written(conn).is_none(), "a replica in sync does not have it");
}

/// A cluster whose leader of `t`-0 is not the controller and hears nothing of it.
fn with_an_isolated_leader() -> (Sim, i32) {
    let sims = (0..).map(|seed| Sim::new(ClusterConfig { seed, ..lagging(3, 20 * MS) }));
    let other = |sim: &Sim| sim.core.registry.controller() != Some(sim.leader());
    let mut sim = sims.into_iter().find(other).unwrap();
    sim.pass(100 * MS);
    let leader = sim.leader();
    sim.core.isolate_broker(leader, true, sim.now).unwrap();
    (sim, leader)
}

/// Makes another topic of that name with the same leader.
fn make_again(sim: &mut Sim, leader: i32) {
    let replicas: Vec<i32> =
        [leader].into_iter().chain((1..=3).filter(|id| *id != leader)).collect();
    sim.core.delete_topic("t", sim.now).unwrap();
    let topic = NewTopic {
        name: "t".into(),
        partitions: -1,
        replication_factor: -1,
        assignment: Some(vec![replicas]),
        config: sim.core.config.topic_defaults.clone(),
    };
    sim.core.create_topic(&topic, sim.now).unwrap();
    sim.core.settle(sim.now);
}

#[test]
fn a_write_that_waits_when_its_topic_is_made_again_is_not_taken_for_one_of_the_new_topic() {
    let (mut sim, leader) = with_an_isolated_leader();
    let early = sim.write(leader, 60_000);
    make_again(&mut sim, leader);
    sim.core.isolate_broker(leader, false, sim.now).unwrap();
    let late = sim.write(leader, 60_000);
    sim.pass(100 * MS);
    assert_eq!(sim.written(early).unwrap().0, ErrorCode::UNKNOWN_TOPIC_OR_PARTITION);
    let (code, part) = sim.written(late).unwrap();
    assert_eq!((code, part.base_offset), (ErrorCode::NONE, 0));
}

#[test]
fn a_follower_takes_nothing_of_a_leader_that_still_has_the_topic_that_was_deleted() {
    let (mut sim, leader) = with_an_isolated_leader();
    sim.core.cut(1, 2, true, sim.now);
    sim.core.cut(2, 3, true, sim.now);
    sim.core.cut(1, 3, true, sim.now);
    sim.write(leader, 10);
    make_again(&mut sim, leader);
    for (a, b) in [(1, 2), (2, 3), (1, 3)] {
        sim.core.cut(a, b, false, sim.now);
    }
    sim.write(leader, 10);
    sim.pass(100 * MS);
    let followers = (1..=3).filter(|id| *id != leader);
    for follower in followers {
        let replica = sim.core.server(follower).and_then(|server| server.replicas.get("t", 0));
        assert_eq!(replica.unwrap().log.end_offset(), 0, "b{follower}");
    }
}

#[test]
fn a_broker_that_was_down_when_a_topic_was_deleted_has_nothing_of_it_when_it_is_back() {
    let mut sim = Sim::new(ClusterConfig::brokers(3).topic("t", 1));
    sim.write(sim.leader(), 10);
    let down = sim.leader();
    sim.core.kill_broker(down, sim.now).unwrap();
    sim.pass(Duration::from_secs(1));
    sim.core.delete_topic("t", sim.now).unwrap();
    sim.core.start_broker(down, sim.now).unwrap();
    assert!(sim.core.server(down).unwrap().replicas.get("t", 0).is_none());
}

#[test]
fn a_handler_that_fails_later_is_answered_for_and_holds_nobody_up() {
    let mut sim = Sim::new(ClusterConfig::brokers(1).topic("t", 1));
    sim.core.faults.add(Fault::new(FaultAction::FailHandler).times(2));
    let delay = FaultAction::Delay(10 * MS);
    sim.core.faults.add(Fault::new(delay).times(1));
    let delayed = sim.write(1, 1000);
    sim.core.pause_broker(1, sim.now).unwrap();
    let held = [sim.write(1, 1000), sim.write(1, 1000)];
    sim.core.resume_broker(1, sim.now).unwrap();
    sim.pass(10 * MS);
    let failed = ErrorCode::UNKNOWN_SERVER_ERROR;
    assert_eq!(sim.written(delayed).unwrap().0, failed);
    assert_eq!(sim.written(held[0]).unwrap().0, failed);
    assert_eq!(sim.written(held[1]).unwrap().0, ErrorCode::NONE);
}

#[test]
fn where_a_log_begins_is_answered_in_every_version() {
    let mut sim = Sim::new(lagging(1, 20 * MS));
    sim.pass(100 * MS);
    for version in 1..=11 {
        let wanted = ListOffsetsPartition { timestamp: -2, ..ListOffsetsPartition::default() };
        let topic = ListOffsetsTopic { name: "t".into(), partitions: vec![wanted] };
        let request = ListOffsetsRequest { topics: vec![topic], ..Default::default() };
        let conn = sim.ask(sim.leader(), request, version);
        sim.pass(MS);
        let answer = sim.answer::<ListOffsetsRequest>(conn, version).unwrap();
        let part = &answer.topics[0].partitions[0];
        let epoch = if version >= 4 { 0 } else { -1 };
        assert_eq!((part.error_code, part.offset, part.leader_epoch), (0, 0, epoch), "{version}");
    }
}
