//! A Sender in a world of its own: a virtual clock, a model cluster, and the wires between them,
//! on which a test holds, loses and changes what it likes.
//!
//! `finish` ends every test: whatever happened, each accepted record has exactly one report, the
//! report is true, the memory is whole, and the Sender is at rest.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::model::{Cluster, Health, opaques, request_bytes};
use super::setup::{Setup, ms};
use crate::accumulator::{Append, Reserve, Topic};
use crate::error::{Error, ErrorCode};
use crate::io::{Action, ConnId, Event};
use crate::record::Record;
use crate::report::State;
use crate::sender::{Sender, Shared};
use crate::time::Instant;
use crate::wire::messages::{MetadataRequest, ProduceRequest};
use crate::wire::record::estimate_size_upper_bound;
use crate::wire::record_batch::RecordBatch;
use crate::wire::{Message, RequestHeader, frame};

/// One report, as the application reads it.
#[derive(Clone, Debug)]
pub struct Rep {
    pub opaque: u64,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub timestamp: i64,
    pub state: State,
    pub error: Option<Error>,
    pub at: Instant,
}

impl Rep {
    pub fn code(&self) -> ErrorCode {
        self.error.as_ref().map_or(ErrorCode::NONE, Error::code)
    }

    pub fn reason(&self) -> &str {
        self.error.as_ref().map_or("", |error| error.message())
    }
}

/// One batch of a produce request that came to a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub partition: i32,
    pub epoch: i16,
    pub sequence: i32,
    pub opaques: Vec<u64>,
    pub size: usize,
}

/// A produce request that came to a broker.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub node: i32,
    pub version: i16,
    pub at: Instant,
    pub batches: Vec<Batch>,
}

pub struct Request {
    pub header: RequestHeader,
    pub rest: Bytes,
    /// The broker did its part; the answer waits. `Some(None)` for none.
    pub answer: Option<Option<Bytes>>,
}

pub struct Conn {
    pub node: i32,
    pub requests: VecDeque<Request>,
    /// Writes that the socket has not taken.
    pub stalled: VecDeque<(u64, Vec<Bytes>)>,
}

/// See the file's comment.
pub struct World {
    pub now: Instant,
    pub sender: Sender,
    pub shared: Arc<Shared>,
    pub cluster: Cluster,
    /// Produce requests wait until a test answers them.
    pub hold_produce: bool,
    /// Other requests wait for ever.
    pub hold_others: bool,
    /// Metadata requests wait, others do not.
    pub hold_metadata: bool,
    /// Sockets take no bytes.
    pub stall_writes: bool,
    /// All produce requests that came to a broker.
    pub arrived: Vec<Arrived>,
    pub reports: Vec<Rep>,
    /// Each attempt to connect: when, and to which broker.
    pub connected: Vec<(Instant, i32)>,
    pub setup: Setup,
    pub conns: BTreeMap<ConnId, Conn>,
    pub events: VecDeque<Event>,
    /// Opaque to topic and partition of records that were accepted.
    pub accepted: BTreeMap<u64, (String, i32)>,
    pub refused: BTreeSet<u64>,
    pub checked: bool,
    /// What ends the sleep of the I/O thread: a wake-up, the time, or work that came before it.
    pub woken: Arc<AtomicBool>,
    pub sleeps_until: Instant,
    pub has_work: bool,
    /// Changes what brokers answer, or swallows it.
    pub bend: Option<Bending>,
    /// A broker told offsets that are not the log's, as it may.
    pub offsets_lie: bool,
    /// The turns of the I/O thread.
    pub turns: usize,
}

/// What a hostile broker makes of a good answer.
pub type Bending = Box<dyn FnMut(&RequestHeader, Bytes) -> Option<Bytes>>;

/// The application's side.
impl World {
    /// Waits for a topic's metadata, as a first send does.
    pub fn know(&mut self, topic: &str) {
        self.shared.accumulator.topics.get_or_add(topic);
        self.ask(topic);
        self.advance(1000);
    }

    /// Registers a wait for a topic's metadata.
    pub fn ask(&mut self, topic: &str) {
        self.shared.metadata.wait_for(topic, self.now, None).expect("not closed");
        self.shared.accumulator.wakeup.demand(Instant(0));
    }

    /// Appends a small record and lets the Sender do what it can now.
    pub fn send(&mut self, topic: &str, partition: i32) -> u64 {
        let opaque = self.append(topic, partition, 8);
        self.run();
        opaque
    }

    /// Appends a record so large that no other one joins its batch.
    pub fn send_alone(&mut self, topic: &str, partition: i32) -> u64 {
        let size = self.setup.accumulator.batch_size;
        let opaque = self.append(topic, partition, size);
        self.run();
        opaque
    }

    /// Appends a record; the Sender does not run.
    pub fn append(&mut self, topic: &str, partition: i32, value_len: usize) -> u64 {
        self.try_append(topic, partition, value_len).expect("accepted")
    }

    /// As above, or says why not; `None` if there is no memory.
    pub fn try_append(&mut self, name: &str, partition: i32, value_len: usize) -> Option<u64> {
        let opaque = (self.accepted.len() + self.refused.len()) as u64;
        let mut value = vec![0; value_len.max(8)];
        value[..8].copy_from_slice(&opaque.to_be_bytes());
        let record = Record { topic: name, value: Some(&value), opaque, ..Record::default() };
        let topic = self.shared.accumulator.topics.get_or_add(name);
        match self.append_record(&topic, partition, &record) {
            true => self.accepted.insert(opaque, (name.to_owned(), partition)).map(|_| 0),
            false => self.refused.insert(opaque).then_some(0),
        };
        self.accepted.contains_key(&opaque).then_some(opaque)
    }

    fn append_record(&self, topic: &Topic, partition: i32, record: &Record<'_>) -> bool {
        let accumulator = &self.shared.accumulator;
        let queue = topic.partition(partition).unwrap_or_else(|| {
            let asked = &self.cluster.metadata_asked;
            panic!("{}-{partition} is not known; metadata was asked for {asked:?}", topic.name)
        });
        let size = estimate_size_upper_bound(record.key, record.value, record.headers);
        let size = size.max(self.setup.accumulator.batch_size);
        let mut buffer = None;
        loop {
            match accumulator.append(topic, queue, record, 0, None, &mut buffer) {
                Ok(Append::Done) => return true,
                Ok(Append::NeedsBuffer) => match accumulator.pool.reserve(size, || None) {
                    Ok(Reserve::Granted(granted)) => buffer = Some((granted, self.now)),
                    Ok(Reserve::Wait(ticket)) => {
                        accumulator.wakeup.demand(Instant(0));
                        accumulator.pool.cancel(&ticket);
                        return false;
                    }
                    Err(_) => return false,
                },
                Ok(Append::PartitionChanged) => unreachable!("the partition is fixed"),
                Err(_) => return false,
            }
        }
    }

    /// The report of a record; there must be one.
    pub fn report(&self, opaque: u64) -> &Rep {
        let mut own = self.reports.iter().filter(|report| report.opaque == opaque);
        own.next().unwrap_or_else(|| panic!("record {opaque} has no report yet"))
    }

    pub fn is_reported(&self, opaque: u64) -> bool {
        self.reports.iter().any(|report| report.opaque == opaque)
    }

    /// The log of a partition.
    pub fn log(&mut self, topic: &str, partition: i32) -> Vec<u64> {
        self.cluster.partition(topic, partition).log.clone()
    }
}

/// Time, and the turns of the I/O thread.
impl World {
    /// Turns as the I/O thread does: as long as it has a reason not to sleep.
    pub fn run(&mut self) {
        let mut idle = 0;
        self.answer_all();
        for _ in 0..20_000 {
            let woken = self.woken.swap(false, Ordering::Relaxed) || !self.events.is_empty();
            let due = self.has_work || self.sleeps_until <= self.now;
            if self.sender.is_finished() || !woken && !due {
                return;
            }
            self.shared.accumulator.wakeup.awake();
            let moved = self.turn();
            let (until, how) = self.sender.next_sleep(self.now);
            self.sleeps_until = until;
            self.shared.accumulator.wakeup.will_sleep(until, how);
            self.has_work = self.sender.has_work();
            idle = if woken || moved { 0 } else { idle + 1 };
            let (until, now) = (self.sleeps_until, self.now);
            assert!(idle < 4, "a busy loop: due at {until:?}, now {now:?}, nothing to do");
        }
        panic!("the Sender never comes to rest");
    }

    /// Lets time pass, with a turn whenever the Sender wants one.
    pub fn advance(&mut self, millis: u64) {
        let end = self.now + ms(millis);
        self.run();
        while !self.sender.is_finished() && self.sleeps_until <= end {
            self.now = self.sleeps_until;
            self.run();
        }
        self.now = end;
        self.run();
    }

    /// Asks for new metadata, as a broker's error does.
    pub fn request_metadata(&mut self) {
        self.shared.metadata.request_update();
        self.shared.accumulator.wakeup.demand(Instant(0));
    }

    /// One turn of the I/O thread. False if nothing happened.
    pub fn turn(&mut self) -> bool {
        self.turns += 1;
        let mut busy = !self.events.is_empty();
        for event in std::mem::take(&mut self.events) {
            self.sender.handle(event, self.now);
        }
        self.sender.run_once(self.now);
        let mut actions = Vec::new();
        self.sender.take_actions(&mut actions);
        busy |= !actions.is_empty();
        actions.into_iter().for_each(|action| self.carry_out(action));
        self.answer_all();
        busy | self.read_reports()
    }

    pub fn read_reports(&mut self) -> bool {
        let (mut new, at) = (Vec::new(), self.now);
        self.shared.accumulator.reports.drain(usize::MAX, |report| {
            new.push(Rep {
                opaque: report.opaque,
                topic: report.topic.to_string(),
                partition: report.partition,
                offset: report.offset,
                timestamp: report.timestamp,
                state: report.state,
                error: report.error.cloned(),
                at,
            });
        });
        let any = !new.is_empty();
        self.reports.extend(new);
        any
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Resolve { id, host, port } => {
                let broker = host.strip_prefix('b').and_then(|n| n.parse::<u8>().ok());
                let addr = |n: u8| SocketAddr::from(([10, 0, 0, n], port));
                let result = broker.map(|n| vec![addr(n)]).ok_or(format!("no such host: {host}"));
                self.events.push_back(Event::Resolved { id, result });
            }
            Action::Connect { conn, addr } => self.connect(conn, addr),
            Action::Close { conn } => {
                self.conns.remove(&conn);
                self.events.retain(|event| event.conn() != Some(conn));
            }
            Action::Send { conn, token, pieces } => {
                let Some(open) = self.conns.get_mut(&conn) else { return };
                open.stalled.push_back((token, pieces));
                if !self.stall_writes {
                    self.write(conn);
                }
            }
        }
    }

    fn connect(&mut self, conn: ConnId, addr: SocketAddr) {
        let SocketAddr::V4(addr) = addr else { panic!("an IPv4 address") };
        let node = i32::from(addr.ip().octets()[3]);
        self.connected.push((self.now, node));
        let health = self.cluster.nodes.get(&node).map_or(Health::Refuses, |node| node.health);
        match health {
            Health::Silent => {}
            Health::Refuses => {
                let reason = format!("{addr}: connection refused");
                self.events.push_back(Event::Closed { conn, reason });
            }
            Health::Up => self.events.push_back(Event::Connected { conn }),
        }
        let (requests, stalled) = (VecDeque::new(), VecDeque::new());
        self.conns.insert(conn, Conn { node, requests, stalled });
    }

    /// The socket takes what was stalled.
    pub fn write(&mut self, conn: ConnId) {
        let Some(open) = self.conns.get_mut(&conn) else { return };
        let node = open.node;
        for (token, pieces) in std::mem::take(&mut open.stalled) {
            self.events.push_back(Event::Sent { conn, token });
            let (header, rest) = frame::decode_request_header(request_bytes(&pieces)).unwrap();
            if header.api_key == ProduceRequest::KEY {
                self.note_produce(node, header.api_version, rest.clone());
            }
            let requests = &mut self.conns.get_mut(&conn).expect("open").requests;
            requests.push_back(Request { header, rest, answer: None });
        }
    }

    /// Sockets take bytes again.
    pub fn unstall(&mut self) {
        self.stall_writes = false;
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        conns.into_iter().for_each(|conn| self.write(conn));
    }

    fn note_produce(&mut self, node: i32, version: i16, rest: Bytes) {
        let request: ProduceRequest = frame::decode_request(rest, version).unwrap();
        let mut batches = Vec::new();
        for partition in request.topic_data.iter().flat_map(|topic| &topic.partition_data) {
            let bytes = partition.records.to_bytes().expect("records");
            let batch = RecordBatch::take(&mut &*bytes).expect("a batch");
            batches.push(Batch {
                partition: partition.index,
                epoch: batch.header.producer_epoch,
                sequence: batch.header.base_sequence,
                opaques: opaques(&batch),
                size: bytes.len(),
            });
        }
        self.arrived.push(Arrived { node, version, at: self.now, batches });
    }

    fn answer_all(&mut self) {
        let conns: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in conns {
            while let Some(request) = self.conns[&conn].requests.front() {
                let held = match request.header.api_key {
                    ProduceRequest::KEY => self.hold_produce,
                    MetadataRequest::KEY => self.hold_others || self.hold_metadata,
                    _ => self.hold_others,
                };
                if held {
                    break;
                }
                self.apply_at(conn, 0);
                self.deliver(conn);
            }
        }
    }

    pub fn apply_at(&mut self, conn: ConnId, index: usize) {
        let open = self.conns.get_mut(&conn).expect("open");
        let node = open.node;
        let request = &mut open.requests[index];
        if request.answer.is_none() {
            let mut answer = self.cluster.answer(node, &request.header, request.rest.clone());
            if let Some(bend) = &mut self.bend {
                answer = answer.and_then(|answer| bend(&request.header, answer));
            }
            request.answer = Some(answer);
        }
    }

    pub fn deliver(&mut self, conn: ConnId) {
        let open = self.conns.get_mut(&conn).expect("open");
        let request = open.requests.pop_front().expect("a request");
        if let Some(Some(frame)) = request.answer {
            self.events.push_back(Event::Received { conn, frame });
        }
    }
}

/// The epochs and sequences that came to brokers for a partition of `t`, in order.
pub fn stamps(world: &World, partition: i32) -> Vec<(i16, i32)> {
    let batches = world.arrived.iter().flat_map(|arrived| &arrived.batches);
    let own = batches.filter(|batch| batch.partition == partition);
    own.map(|batch| (batch.epoch, batch.sequence)).collect()
}

pub fn all_persisted(world: &World, records: &[u64]) {
    for record in records {
        let report = world.report(*record);
        assert_eq!(report.state, State::Persisted, "{report:?}");
    }
}
