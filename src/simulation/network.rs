//! The wires: each connection has two ways, and bytes on a way keep their order, arrive in pieces
//! of chance and take time. A way can end, stall, or swallow all that is sent.

use std::time::Duration;

use super::socket::{End, Endpoint};
use super::world::What;
use crate::broker::Scheduler;
use crate::io::ConnId;
use crate::time::Instant;

/// The sides of a connection; a way is named after the side it leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The producer's.
    Client,
    /// The broker's.
    Broker,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Side {
        match self {
            Side::Client => Side::Broker,
            Side::Broker => Side::Client,
        }
    }
}

/// One direction.
#[derive(Debug, Default)]
struct Way {
    /// Nothing arrives before this: neither does what was sent later overtake.
    not_before: Instant,
    in_flight: usize,
    /// All that is sent is lost, and nobody is told.
    hole: bool,
    /// The end is on its way; nothing comes after it.
    ended: bool,
    /// Pieces are this small.
    drip: bool,
}

/// One connection, from the first packet to the last.
#[derive(Debug)]
pub struct Link {
    /// The producer.
    pub client: usize,
    /// The producer's number of it.
    pub conn: ConnId,
    /// The broker.
    pub broker: i32,
    /// The ends, the client's first.
    ends: [Endpoint; 2],
    ways: [Way; 2],
    /// Whether each side still has its end.
    open: [bool; 2],
    capacity: usize,
}

/// All connections that ever were; a link's number is its broker's connection id.
pub struct Network {
    /// By their number.
    pub links: Vec<Link>,
    /// The shortest and longest time on the way.
    pub latency: (u64, u64),
    /// What is left to chance otherwise: whole pieces, the least latency, and this room.
    pub calm: Option<usize>,
    /// Writes that arrived in more than one piece.
    pub cut: u64,
    /// Writes that nobody took for lack of room.
    pub blocked: u64,
    /// Pieces that came after what another connection sent later.
    pub overtaken: u64,
    sent: u64,
    last_arrived: (u64, usize),
    rng: fastrand::Rng,
}

impl Network {
    /// No connections; latency in microseconds.
    pub fn new(seed: u64, latency: (u64, u64)) -> Network {
        let (links, rng) = (Vec::new(), fastrand::Rng::with_seed(seed));
        let (cut, blocked, overtaken, sent, last_arrived) = (0, 0, 0, 0, (0, 0));
        let calm = None;
        Network { links, latency, calm, cut, blocked, overtaken, sent, last_arrived, rng }
    }

    /// A time on the way.
    pub fn delay(&mut self) -> Duration {
        let (least, most) = self.latency;
        if self.calm.is_some() {
            return Duration::from_micros(least);
        }
        let tail = if self.rng.u8(..50) == 0 { 20 } else { 1 };
        Duration::from_micros(self.rng.u64(least..=most) * tail)
    }

    /// A connection that is being made.
    pub fn connect(&mut self, client: usize, conn: ConnId, broker: i32) -> usize {
        let (step, capacity) = match self.calm {
            Some(capacity) => (1 << 20, capacity),
            None => {
                let step = [1 << 20, 1 << 20, 4096, 100, 7][self.rng.usize(..5)];
                (step, [1 << 16, 1 << 13, 512][self.rng.usize(..3)])
            }
        };
        let ends = [Endpoint::new(step), Endpoint::new(step)];
        ends.iter().for_each(|end| _ = end.set_room(capacity));
        let ways = [Way::default(), Way::default()];
        self.links.push(Link { client, conn, broker, ends, ways, open: [true; 2], capacity });
        self.links.len() - 1
    }

    /// An end of a link.
    pub fn end(&self, link: usize, side: Side) -> &Endpoint {
        &self.links[link].ends[side as usize]
    }

    /// Links whose both ends are open.
    pub fn live(&self) -> Vec<usize> {
        let all = 0..self.links.len();
        all.filter(|link| self.links[*link].open == [true; 2]).collect()
    }

    /// Takes what was written onto the wire, and lets who waits for room know.
    pub fn pump(&mut self, link: usize, now: Instant, timeline: &mut Scheduler<What>) {
        for to in [Side::Client, Side::Broker] {
            let bytes = self.links[link].ends[to.other() as usize].take_written();
            let mut rest = &bytes[..];
            while !rest.is_empty() {
                let drip = self.links[link].ways[to as usize].drip;
                let most = rest.len().min(if drip { 16 } else { usize::MAX });
                let whole = self.calm.is_some() || self.rng.bool();
                let length = if whole { most } else { self.rng.usize(1..=most) };
                let (piece, after) = rest.split_at(length);
                rest = after;
                self.cut += u64::from(!rest.is_empty());
                self.send(link, to, piece.to_vec(), now, timeline);
            }
            self.make_room(link, to, now, timeline);
        }
    }

    fn send(
        &mut self,
        link: usize,
        to: Side,
        bytes: Vec<u8>,
        now: Instant,
        timeline: &mut Scheduler<What>,
    ) {
        let delay = self.delay();
        let way = &mut self.links[link].ways[to as usize];
        if way.ended {
            return;
        }
        // What a hole swallowed keeps its room: nobody acknowledges it.
        way.in_flight += bytes.len();
        if way.hole {
            return;
        }
        way.not_before = way.not_before.max(now + delay);
        self.sent += 1;
        let number = self.sent;
        timeline.at(way.not_before, What::Arrive { link, to, bytes, number });
    }

    fn make_room(&mut self, link: usize, to: Side, now: Instant, timeline: &mut Scheduler<What>) {
        let wire = &self.links[link];
        let waiting = wire.ways[to as usize].in_flight + wire.ends[to as usize].unread();
        let room = wire.capacity.saturating_sub(waiting);
        if wire.ends[to.other() as usize].set_room(room) {
            self.blocked += 1;
            let delay = self.delay();
            timeline.at(now + delay, What::Ready { link, side: to.other() });
        }
    }

    /// Bytes come to their end; false if there is nobody any more.
    pub fn arrive(&mut self, link: usize, to: Side, bytes: &[u8], number: u64) -> bool {
        let (last, other) = self.last_arrived;
        self.overtaken += u64::from(number < last && other != link);
        self.last_arrived = self.last_arrived.max((number, link));
        let wire = &mut self.links[link];
        wire.ways[to as usize].in_flight -= bytes.len();
        if !wire.open[to as usize] {
            return false;
        }
        wire.ends[to as usize].deliver(bytes);
        true
    }

    /// A side is done with its end: the other one learns of it when the news arrive.
    pub fn close(
        &mut self,
        link: usize,
        side: Side,
        how: End,
        now: Instant,
        timeline: &mut Scheduler<What>,
    ) {
        if std::mem::replace(&mut self.links[link].open[side as usize], false) {
            self.pump(link, now, timeline);
            self.end_way(link, side.other(), how, now, timeline);
        }
    }

    /// Ends one way.
    pub fn end_way(
        &mut self,
        link: usize,
        to: Side,
        how: End,
        now: Instant,
        timeline: &mut Scheduler<What>,
    ) {
        let delay = self.delay();
        let way = &mut self.links[link].ways[to as usize];
        if std::mem::replace(&mut way.ended, true) || way.hole {
            return;
        }
        // A reset may overtake bytes; an orderly end may not.
        let at = match how {
            End::Closed => way.not_before.max(now + delay),
            End::Reset | End::Refused => now + delay,
        };
        timeline.at(at, What::Ended { link, to, how });
    }

    /// From now on, all that is sent that way is lost.
    pub fn make_hole(&mut self, link: usize, to: Side) {
        self.links[link].ways[to as usize].hole = true;
    }

    /// Nothing arrives before this.
    pub fn stall(&mut self, link: usize, to: Side, until: Instant) {
        let way = &mut self.links[link].ways[to as usize];
        way.not_before = way.not_before.max(until);
    }

    /// Bytes come in small pieces.
    pub fn drip(&mut self, link: usize) {
        self.links[link].ways.iter_mut().for_each(|way| way.drip = true);
    }

    /// What is swallowed stays so, but a connection that loses bytes ends now.
    pub fn heal(&mut self, now: Instant, timeline: &mut Scheduler<What>) {
        for link in 0..self.links.len() {
            for side in [Side::Client, Side::Broker] {
                if std::mem::replace(&mut self.links[link].ways[side as usize].hole, false) {
                    let way = &mut self.links[link].ways[side as usize];
                    way.ended = true;
                    let delay = self.delay();
                    let how = End::Reset;
                    timeline.at(now + delay, What::Ended { link, to: side, how });
                }
                self.links[link].ways[side as usize].drip = false;
            }
        }
    }
}
