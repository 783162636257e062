//! A producer: its Sender, driven as the I/O thread drives it, and its connections. The application
//! on top of it is in `application`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::Bug;
use super::application::Application;
use super::brokers::Wires;
use super::network::Side;
use super::setup::{ProducerSetup, ms};
use super::socket::End;
use super::world::What;
use crate::accumulator::{RecordAccumulator, Worker};
use crate::error::ErrorCode;
use crate::io::{Action, ConnId, Connection, Event, Reading};
use crate::log::{Level, Logger};
use crate::metadata::Metadata;
use crate::report::{ReportQueue, State};
use crate::sender::{Sender, Shared};
use crate::time::Instant;

/// The longest response.
const FRAME_MAX: usize = 1 << 20;
/// Turns without anything to do at one moment that make a busy loop. One or two happen: what a
/// round finds out may be for the next one to use.
const IDLE_TURNS_MAX: u32 = 4;

/// A record that was accepted.
pub struct Accepted {
    /// The record's number.
    pub opaque: u64,
    /// When.
    pub at: Instant,
    /// Where it was sent to.
    pub topic: &'static str,
    /// Where it went.
    pub partition: i32,
    /// Its content.
    pub key: Option<Vec<u8>>,
    /// Its content.
    pub value: Vec<u8>,
}

/// A report, as the application read it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The record's number.
    pub opaque: u64,
    /// When.
    pub at: Instant,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The offset.
    pub offset: i64,
    /// The record's fate.
    pub state: State,
    /// Why it failed.
    pub error: Option<ErrorCode>,
}

struct Wire {
    link: usize,
    connection: Connection,
    /// How far it came: for the counters.
    phase: &'static str,
}

/// See the file's comment.
pub struct Client {
    /// Which of the producers.
    pub number: usize,
    /// What it is.
    pub setup: ProducerSetup,
    /// What the application's threads and the I/O thread share.
    pub shared: Arc<Shared>,
    sender: Sender,
    wires: BTreeMap<ConnId, Wire>,
    touched: BTreeSet<ConnId>,
    events: Vec<Event>,
    reading: Reading,
    pub(super) woken: Arc<AtomicBool>,
    sleeps_until: Instant,
    has_work: bool,
    idle: u32,
    /// Compresses, a batch at a time.
    worker: Worker,
    worker_rng: fastrand::Rng,
    /// A step of it is on the timeline.
    worker_is_busy: bool,
    /// The process does not run before this.
    pub stopped_until: Instant,
    /// Names are not found before this.
    pub dns_fails_until: Instant,
    /// For how long it did not run in all.
    pub stopped_ms: u64,
    /// When it began to close.
    pub closing_since: Option<Instant>,
    /// When it was closed.
    pub finished_at: Option<Instant>,
    /// The records, in the order in which they were accepted.
    pub accepted: Vec<Accepted>,
    /// The application.
    pub(super) application: Application,
    /// The reports, as they came.
    pub told: Vec<Told>,
    /// What should not have happened.
    pub violations: Vec<String>,
    /// When this turn is.
    turned_at: Instant,
    /// Turns that did nothing.
    pub idle_turns: u64,
    pub(super) bug: Option<Bug>,
}

impl Client {
    /// A producer that knows the addresses of the brokers.
    pub fn new(
        number: usize,
        setup: ProducerSetup,
        bug: Option<Bug>,
        seed: u64,
        now: Instant,
    ) -> Client {
        let reports = Arc::new(ReportQueue::new(1 << 30));
        let accumulator = RecordAccumulator::new(setup.accumulator.clone(), reports);
        let metadata = Metadata::new(setup.metadata.clone(), now);
        let log = Logger::queued(Level::Error, "simulated", Box::new(|| ()));
        let shared = Arc::new(Shared::new(accumulator, metadata, log));
        let woken = Arc::new(AtomicBool::new(true));
        let waker = woken.clone();
        shared.accumulator.wakeup.set_waker(move || waker.store(true, Ordering::Relaxed));
        let worker = Worker::without_thread(&shared.accumulator).expect("the codec is built");
        let (config, network) = (setup.sender.clone(), setup.network.clone());
        let sender = Sender::new(config, network, shared.clone(), seed, now);
        Client {
            number,
            setup,
            shared,
            sender,
            wires: BTreeMap::new(),
            touched: BTreeSet::new(),
            events: Vec::new(),
            reading: Reading { scratch: vec![0; 1 << 16].into(), frame_max: FRAME_MAX },
            woken,
            sleeps_until: Instant(0),
            has_work: true,
            idle: 0,
            worker,
            worker_rng: fastrand::Rng::with_seed(seed ^ 2),
            worker_is_busy: false,
            stopped_until: Instant(0),
            dns_fails_until: Instant(0),
            stopped_ms: 0,
            closing_since: None,
            finished_at: None,
            accepted: Vec::new(),
            application: Application::new(seed ^ 1),
            told: Vec::new(),
            violations: Vec::new(),
            turned_at: Instant(0),
            idle_turns: 0,
            bug,
        }
    }

    /// Whether it is closed.
    pub fn is_finished(&self) -> bool {
        self.sender.is_finished()
    }

    /// When it wants its next turn.
    pub fn next_turn(&self, now: Instant) -> Instant {
        if self.is_finished() {
            return Instant::NEVER;
        }
        let woken = self.woken.load(Ordering::Relaxed);
        let at_once = woken || self.has_work || !self.touched.is_empty() || !self.events.is_empty();
        let next = if at_once { now } else { self.sleeps_until.min(self.force_at()) };
        next.max(self.stopped_until)
    }

    /// Something happened to a connection's socket.
    pub fn touch(&mut self, conn: ConnId) {
        if self.wires.contains_key(&conn) {
            self.touched.insert(conn);
        }
    }

    /// A look-up ended.
    pub fn resolved(&mut self, id: u64, result: Result<Vec<SocketAddr>, String>) {
        self.events.push(Event::Resolved { id, result });
    }
}

/// The I/O thread.
impl Client {
    /// One turn: what the sockets say, what the Sender makes of it, what it wants of them.
    pub fn turn(&mut self, wires: &mut Wires<'_>, now: Instant) {
        let woken = self.woken.swap(false, Ordering::Relaxed);
        self.shared.accumulator.wakeup.awake();
        let touched = !self.touched.is_empty();
        for conn in std::mem::take(&mut self.touched) {
            self.advance(conn, wires, now);
        }
        let events = std::mem::take(&mut self.events);
        let mut moved = woken || touched || !events.is_empty();
        for event in events {
            self.note(&event, wires, now);
            self.sender.handle(event, now);
        }
        self.maybe_force_close(now);
        self.sender.run_once(now);
        let mut actions = Vec::new();
        self.sender.take_actions(&mut actions);
        moved |= !actions.is_empty();
        for action in actions {
            self.carry_out(action, wires, now);
        }
        moved |= self.read_reports(wires, now);
        let sleep = self.sender.next_sleep(now);
        self.sleeps_until = match self.bug {
            Some(Bug::BusyLoop) => now,
            _ => sleep.0,
        };
        self.shared.accumulator.wakeup.will_sleep(self.sleeps_until, sleep.1);
        self.has_work = self.sender.has_work();
        self.serve_application(wires, now);
        self.let_work(wires, now);
        self.sender.batch_states(|state| wires.trace.count_state(state));
        self.look_for_a_spin(moved, now);
        if self.is_finished() {
            self.finished_at = Some(now);
            self.give_up_tickets();
        }
        if self.is_finished() && !self.wires.is_empty() {
            self.violations.push(format!("producer {} left connections open", self.number));
        }
    }

    /// Whoever turns and turns at one moment and does nothing never ends; whoever does it often
    /// wastes a processor.
    fn look_for_a_spin(&mut self, moved: bool, now: Instant) {
        let again = std::mem::replace(&mut self.turned_at, now) == now;
        self.idle = if moved || !again { 0 } else { self.idle + 1 };
        self.idle_turns += u64::from(!moved);
        let busy = self.has_work || self.sleeps_until <= now;
        if self.idle > IDLE_TURNS_MAX && busy && !self.is_finished() {
            let (number, work, due) = (self.number, self.has_work, self.sleeps_until);
            let text = format!(
                "producer {number} turns without anything to do at {now:?}: work {work}, due {due:?}"
            );
            self.violations.push(text);
            // It would never end.
            self.stopped_until = Instant::NEVER;
        }
    }

    fn advance(&mut self, conn: ConnId, wires: &mut Wires<'_>, now: Instant) {
        let Some(wire) = self.wires.get_mut(&conn) else { return };
        let result = wire.connection.advance(&mut self.reading, &mut self.events);
        wires.network.pump(wire.link, now, wires.timeline);
        match result {
            Ok(true) => _ = self.touched.insert(conn),
            Ok(false) => {}
            Err(reason) => {
                self.drop_wire(conn, "ended by the other side", wires, now);
                self.events.push(Event::Closed { conn, reason });
            }
        }
    }

    fn drop_wire(&mut self, conn: ConnId, how: &str, wires: &mut Wires<'_>, now: Instant) {
        let Some(wire) = self.wires.remove(&conn) else { return };
        wires.trace.count(&format!("connection {how} while {}", wire.phase));
        wires.network.close(wire.link, Side::Client, End::Closed, now, wires.timeline);
    }

    fn note(&mut self, event: &Event, wires: &mut Wires<'_>, now: Instant) {
        let number = self.number;
        match event {
            Event::Received { conn, frame } => {
                if let Some(wire) = self.wires.get_mut(conn) {
                    if wire.phase != "ready" {
                        wires.trace.count("connection ready");
                    }
                    wire.phase = "ready";
                }
                let length = frame.len();
                wires.trace.note(now, format_args!("p{number} < {conn:?} {length} bytes"));
            }
            Event::Connected { conn } => {
                if let Some(wire) = self.wires.get_mut(conn) {
                    wire.phase = "checking the versions";
                }
                wires.trace.note(now, format_args!("p{number} {event:?}"));
            }
            _ => wires.trace.note(now, format_args!("p{number} {event:?}")),
        }
    }

    fn carry_out(&mut self, action: Action, wires: &mut Wires<'_>, now: Instant) {
        let number = self.number;
        match action {
            Action::Resolve { id, host, port } => {
                wires.trace.note(now, format_args!("p{number} resolves {host}"));
                let fails = now < self.dns_fails_until;
                wires.trace.count(if fails { "name not found" } else { "name found" });
                let broker = host.strip_prefix('b').and_then(|id| id.parse().ok());
                let addr = |id: u8| vec![SocketAddr::from(([10, 0, 0, id], port))];
                let result = match broker.filter(|_| !fails) {
                    Some(id) => Ok(addr(id)),
                    None => Err(format!("{host} is not known")),
                };
                let what = What::Resolved { client: number, id, result };
                let delay = wires.network.delay();
                wires.timeline.at(now + delay, what);
            }
            Action::Connect { conn, addr } => {
                let SocketAddr::V4(v4) = addr else { return };
                let broker = i32::from(v4.ip().octets()[3]);
                let link = wires.network.connect(number, conn, broker);
                let text = format_args!("p{number} connects {conn:?} to b{broker}, link {link}");
                wires.trace.note(now, text);
                let socket = wires.network.end(link, Side::Client).clone();
                let connection = Connection::new(conn, addr, Box::new(socket));
                self.wires.insert(conn, Wire { link, connection, phase: "connecting" });
                let delay = wires.network.delay();
                wires.timeline.at(now + delay, What::Knock { link });
            }
            Action::Close { conn } => {
                wires.trace.note(now, format_args!("p{number} closes {conn:?}"));
                self.drop_wire(conn, "ended by the producer", wires, now);
                self.events.retain(|event| event.conn() != Some(conn));
            }
            Action::Send { conn, token, pieces } => {
                let size: usize = pieces.iter().map(|piece| piece.len()).sum();
                wires.trace.note(now, format_args!("p{number} > {conn:?} #{token} {size} bytes"));
                if let Some(wire) = self.wires.get_mut(&conn) {
                    wire.connection.push(token, pieces);
                    self.touched.insert(conn);
                }
            }
        }
    }

    fn read_reports(&mut self, wires: &mut Wires<'_>, now: Instant) -> bool {
        let mut new = Vec::new();
        let reports = self.shared.accumulator.reports.clone();
        reports.drain(usize::MAX, |report| {
            new.push(Told {
                opaque: report.opaque,
                at: now,
                topic: report.topic.as_str().to_owned(),
                partition: report.partition,
                offset: report.offset,
                state: report.state,
                error: report.error.map(|error| error.code()),
            });
        });
        if self.bug == Some(Bug::ReportsTurnedRound) {
            new.reverse();
        }
        let any = !new.is_empty();
        for mut told in new {
            let (number, opaque) = (self.number, told.opaque);
            let (state, error, offset) = (told.state, told.error, told.offset);
            let text = format_args!("p{number} record {opaque}: {state:?} {error:?} {offset}");
            wires.trace.note(now, text);
            let code = told.error.map_or("none".to_owned(), |code| code.to_string());
            wires.trace.count(&format!("report {:?}, error {code}", told.state));
            let expired = told.error == Some(ErrorCode::DELIVERY_TIMED_OUT);
            match self.bug {
                Some(Bug::MissingAnswerIsSuccess) if unanswered(&told) => {
                    told.state = State::Persisted;
                }
                Some(Bug::MissingAnswerIsFailure) if unanswered(&told) => {
                    told.state = State::NotPersisted;
                }
                Some(Bug::LostReport) if expired => continue,
                Some(Bug::DoubleReport) if expired => self.told.push(told.clone()),
                Some(Bug::LateReport) if expired => told.at = now + ms(1000),
                _ => {}
            }
            self.application.reported(told.opaque);
            self.told.push(told);
        }
        any
    }
}

fn unanswered(told: &Told) -> bool {
    let no_answer = [ErrorCode::NETWORK_EXCEPTION, ErrorCode::REQUEST_TIMED_OUT];
    told.state == State::PossiblyPersisted
        && told
            .error
            .is_some_and(|code| no_answer.contains(&code) || code == ErrorCode::DELIVERY_TIMED_OUT)
}

/// The worker that compresses.
impl Client {
    /// Has it begin with a batch that waits; it ends in a while, which may be long.
    pub(super) fn let_work(&mut self, wires: &mut Wires<'_>, now: Instant) {
        if self.worker_is_busy || !self.worker.has_work() {
            return;
        }
        self.worker_is_busy = true;
        // What nobody wants any more takes no time.
        let most_us = match self.is_finished() {
            true => 1,
            false => [100, 100, 5000, 2_000_000][self.worker_rng.usize(..4)],
        };
        let takes = Duration::from_micros(self.worker_rng.u64(1..=most_us));
        let at = now.max(self.stopped_until) + takes;
        wires.timeline.at(at, What::Compressed { client: self.number });
    }

    /// It is through with a batch.
    pub fn compressed(&mut self, wires: &mut Wires<'_>, now: Instant) {
        self.worker_is_busy = false;
        let bug = self.bug;
        let wanted = self.worker.step(&self.shared.accumulator, |bytes| match bug {
            Some(Bug::DamagedBatch) => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
            }
            Some(Bug::BatchCutShort) => _ = bytes.pop(),
            _ => {}
        });
        wires.trace.count(match wanted {
            true => "batch compressed",
            false => "batch compressed in vain",
        });
        wires.trace.note(now, format_args!("p{} compressed a batch: {wanted}", self.number));
        self.let_work(wires, now);
    }
}

impl Client {
    /// The process stands still.
    pub fn stop(&mut self, millis: u64, now: Instant) {
        self.stopped_ms += millis;
        self.stopped_until = self.stopped_until.max(now) + ms(millis);
    }
}
