//! The threads that read and write sockets (Kafka: `SocketServer`). The first of them accepts and
//! hands the connections to all of them in turn; a connection stays with its processor, which
//! reads one request at a time from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::call::{Output, RawRequest};
use super::connections::Connections;
use super::request_channel::{Command, RequestChannel};
use super::scheduler::Scheduler;
use crate::io::{AcceptedSocket, ConnId, ServerEvent, ServerSelector, connection_id};
use crate::log::{Level, Logger};
use crate::time::{self, Instant};

/// What the processors of a cluster share.
#[derive(Debug)]
pub struct Counters {
    accepted: AtomicU64,
    open: AtomicUsize,
    max_connections: usize,
}

impl Counters {
    /// Counters of a cluster that serves this many connections at the same time.
    pub fn new(max_connections: usize) -> Counters {
        Counters { accepted: AtomicU64::new(0), open: AtomicUsize::new(0), max_connections }
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

/// One thread's sockets.
pub struct Processor {
    number: usize,
    selector: ServerSelector,
    connections: Connections,
    channel: Arc<RequestChannel>,
    counters: Arc<Counters>,
    log: Logger,
    drips: Scheduler<Drip>,
    stopped: bool,
}

/// A response that is sent a few bytes at a time.
struct Drip {
    conn: ConnId,
    rest: Bytes,
    bytes: usize,
    every: Duration,
}

impl Processor {
    /// A processor without connections.
    pub fn new(
        number: usize,
        selector: ServerSelector,
        connections: Connections,
        channel: Arc<RequestChannel>,
        counters: Arc<Counters>,
        log: Logger,
    ) -> Processor {
        let drips = Scheduler::default();
        Processor { number, selector, connections, channel, counters, log, drips, stopped: false }
    }

    /// What the thread does until it is stopped.
    pub fn run(mut self) {
        let mut events = Vec::new();
        while !self.stopped {
            let now = time::now();
            let deadline = self.connections.deadline().min(self.drips.deadline());
            let timeout = now.until(deadline);
            if self.selector.poll(timeout, &mut events).is_err() {
                // The poll itself fails where the process has no memory; nothing can be served.
                return;
            }
            let now = time::now();
            // Events first: who is told that a listener is closed may close all its connections
            // next, and another processor must have been given those accepted before.
            for event in events.drain(..) {
                self.happened(event, now);
            }
            for command in self.channel.mailbox(self.number).take() {
                self.obey(command, now);
            }
            self.look_at_clock(now);
        }
    }

    fn obey(&mut self, command: Command, now: Instant) {
        match command {
            Command::Output(output) => self.output(output, now),
            Command::Adopt(conn, broker, socket) => self.adopt(conn, broker, socket, now),
            Command::Serve(broker, socket) => {
                // A listener that cannot be polled refuses nobody and serves nobody; there is no
                // fd left for a client either.
                let _ = self.selector.serve(listener(broker), socket);
            }
            Command::StopServing(broker, done) => {
                self.selector.stop_serving(listener(broker));
                // Who asked may have given up.
                let _ = done.send(());
            }
            Command::Stop => self.stopped = true,
        }
    }

    fn output(&mut self, output: Output, now: Instant) {
        match output {
            Output::Answer { conn, pieces, mute, drip, close } => {
                self.connections.answering(conn, mute, now);
                match drip {
                    None => self.selector.send(conn, pieces),
                    Some((bytes, every)) => {
                        let rest = pieces.concat().into();
                        self.drip(Drip { conn, rest, bytes: bytes.max(1), every }, now);
                    }
                }
                if close {
                    self.selector.close_after_sending(conn);
                }
            }
            Output::NoAnswer { conn } => {
                if self.connections.answered(conn, now) {
                    self.selector.unmute(conn);
                }
            }
            Output::Ignore { conn } => self.selector.deafen(conn),
            Output::Close { conn, reason } => {
                self.log.log(Level::Info, || format!("connection {} closed: {reason}", conn.0));
                self.close(conn);
            }
            Output::CloseAll { broker } => {
                self.connections.of(broker).into_iter().for_each(|conn| self.close(conn));
            }
            Output::Freeze { broker, frozen } => {
                for conn in self.connections.freeze(broker, frozen) {
                    self.selector.freeze(conn, frozen);
                }
            }
        }
    }

    fn happened(&mut self, event: ServerEvent, now: Instant) {
        match event {
            ServerEvent::Accepted { listener, socket } => {
                self.accepted(i32::from(listener), socket, now);
            }
            ServerEvent::Received { conn, frame } => {
                if let Some(broker) = self.connections.received(conn, now) {
                    self.channel.send(RawRequest { broker, conn, frame });
                }
            }
            ServerEvent::Sent { conn } => {
                if self.connections.answered(conn, now) {
                    self.selector.unmute(conn);
                }
            }
            ServerEvent::Closed { conn, reason } => {
                self.log.log(Level::Debug, || format!("connection {} ended: {reason}", conn.0));
                self.forget(conn);
            }
        }
    }

    fn accepted(&mut self, broker: i32, socket: AcceptedSocket, now: Instant) {
        let open = self.counters.open.fetch_add(1, Ordering::Relaxed);
        if open >= self.counters.max_connections {
            self.counters.open.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let conn = connection_id(self.counters.accepted.fetch_add(1, Ordering::Relaxed));
        let processor = self.channel.processor_of(conn);
        if processor == self.number {
            self.adopt(conn, broker, socket, now);
        } else {
            self.channel.mailbox(processor).tell(Command::Adopt(conn, broker, socket));
        }
    }

    fn adopt(&mut self, conn: ConnId, broker: i32, socket: AcceptedSocket, now: Instant) {
        let frozen = self.connections.add(conn, broker, now);
        if self.selector.adopt(conn, socket).is_err() {
            return self.forget(conn);
        }
        if frozen {
            self.selector.freeze(conn, true);
        }
    }

    fn close(&mut self, conn: ConnId) {
        self.selector.close(conn);
        self.forget(conn);
    }

    fn forget(&mut self, conn: ConnId) {
        if self.connections.remove(conn) {
            self.counters.open.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Sends a few bytes of a response, and more later.
    fn drip(&mut self, mut drip: Drip, now: Instant) {
        let part = drip.rest.split_to(drip.bytes.min(drip.rest.len()));
        if drip.rest.is_empty() {
            return self.selector.send(drip.conn, vec![part]);
        }
        self.selector.send_part(drip.conn, part);
        self.drips.at(now + drip.every, drip);
    }

    fn look_at_clock(&mut self, now: Instant) {
        while let Some(drip) = self.drips.due(now) {
            self.drip(drip, now);
        }
        while let Some(conn) = self.connections.released(now) {
            self.selector.unmute(conn);
        }
        while let Some(conn) = self.connections.expired(now) {
            self.close(conn);
        }
    }
}

/// Listeners have the number of their broker.
fn listener(broker: i32) -> u16 {
    broker as u16
}
