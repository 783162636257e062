//! Every field of every answer in every version, bent in every way; every truncation; every byte.
//! Whatever a broker says, each record has one outcome in time, no success is false, the Sender
//! neither spins nor panics, and when the broker is good again, so is the producer.

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;

use super::harness::{Bending, World};
use super::setup::{Setup, ms};
use crate::error::ErrorCode;
use crate::report::State;
use crate::wire::messages::*;
use crate::wire::{Message, RequestHeader, frame};

mod bytes_of_answers;
mod fields;

const DELIVERY_TIMEOUT_MS: u64 = 2000;

/// More turns than this in the time that a case takes is spinning: a turn each 10 ms.
const TURNS_MAX: usize = 1000;

/// What happens while the broker is hostile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scene {
    /// From the first connection on.
    Start,
    /// Everything is known, then leaders move.
    Moved,
    /// A batch is refused for one of its records.
    Refused,
    /// As `Moved`, and produce answers name the new leader.
    Hinted,
}

/// Tells the case of a failure.
struct Label<'a>(&'a str);

impl Drop for Label<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the case is {}", self.0);
        }
    }
}

/// What a case makes of a good answer; `None` if there is nothing to change in it.
type Change = Box<dyn Fn(&RequestHeader, &Bytes) -> Option<Bytes>>;

struct Case<'a> {
    label: &'a str,
    api: i16,
    version: i16,
    scene: Scene,
    /// The next answers are good again.
    once: bool,
    change: Change,
}

/// What became of the cases.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    cases: usize,
    /// Well-formed lies that the producer cannot recover from: of an error that ends it, of a
    /// throttle of days, of an election later than those to come.
    ended: usize,
    silenced: usize,
    told_of_later: usize,
    turns: usize,
}

/// Topics, and the partitions to send to.
const TARGETS: [(&str, i32); 3] = [("t", 0), ("t", 1), ("u", 0)];

impl Case<'_> {
    /// Runs the case; one in which nothing was changed does not count.
    fn run(self, tally: &mut Tally) {
        let _label = Label(self.label);
        let changed = Rc::new(Cell::new(false));
        let mut world = self.world();
        if self.scene != Scene::Start {
            world.know("t");
            world.know("u");
        }
        match self.scene {
            Scene::Start => {}
            Scene::Refused => world.refuse("t", 0, ErrorCode::INVALID_RECORD),
            Scene::Moved | Scene::Hinted => {
                world.cluster.hints = self.scene == Scene::Hinted;
                TARGETS
                    .iter()
                    .for_each(|(topic, index)| world.cluster.move_leader(topic, *index, 2));
            }
        }
        let (api, scene) = (self.api, self.scene);
        world.bend = Some(self.bending(changed.clone()));
        if scene == Scene::Start {
            for topic in ["t", "u"] {
                world.shared.accumulator.topics.get_or_add(topic);
                world.ask(topic);
            }
            world.advance(600);
        } else if api == MetadataRequest::KEY {
            world.request_metadata();
            world.advance(200);
        }
        world.turns = 0;
        let sent = send_to_all(&mut world);
        world.advance(DELIVERY_TIMEOUT_MS);
        let late = sent.iter().filter(|opaque| !world.is_reported(**opaque)).count();
        assert_eq!(late, 0, "{late} of {} without an outcome in time", sent.len());
        assert!(world.turns <= TURNS_MAX, "{} turns", world.turns);
        assert!(world.connected.len() <= 200, "{} connections", world.connected.len());
        tally.turns = tally.turns.max(world.turns);
        tally.cases += usize::from(changed.get());
        recovers(world, tally);
    }

    fn world(&self) -> World {
        let setup = Setup::default().nodes(2).request_timeout(500);
        let mut setup = setup.delivery_timeout(DELIVERY_TIMEOUT_MS);
        setup.network.setup_timeout.initial = ms(500);
        setup.network.setup_timeout.max = ms(500);
        let mut world = setup.start();
        world.cluster.create("t", 2);
        world.cluster.create("u", 1);
        // A client asks in its newest version, and the broker names the one that is wanted here.
        let least = if self.api == ApiVersionsRequest::KEY { 0 } else { self.version };
        world.cluster.versions.insert(self.api, (least, self.version));
        world.offsets_lie = true;
        world
    }

    fn bending(self, changed: Rc<Cell<bool>>) -> Bending {
        Box::new(move |header, good| {
            if header.api_key != self.api
                || header.api_version != self.version
                || self.once && changed.get()
            {
                return Some(good);
            }
            let bad = (self.change)(header, &good).filter(|bad| *bad != good);
            let bad = bad.filter(|bad| !is_credible(header, &good, bad));
            changed.set(changed.get() || bad.is_some());
            Some(bad.unwrap_or(good))
        })
    }
}

/// Whether a produce answer says in good form what is not so: no client can tell.
fn is_credible(header: &RequestHeader, good: &Bytes, bad: &Bytes) -> bool {
    if header.api_key != ProduceRequest::KEY {
        return false;
    }
    let codes = |bytes: &Bytes| {
        let (_, answer) = frame::decode_response(bytes.clone(), header.api_version).ok()?;
        let answer: ProduceResponse = answer;
        let partitions = answer.responses.into_iter().flat_map(|topic| topic.partition_responses);
        Some(partitions.map(|answer| (answer.index, answer.error_code)).collect::<Vec<_>>())
    };
    let Some(said) = codes(bad) else { return false };
    let meant = codes(good).expect("a good answer");
    let unlike = |(said, meant): (&(i32, i16), &(i32, i16))| {
        let code = ErrorCode::from(said.1);
        said.1 != meant.1 && code.is_known() && code != ErrorCode::UNKNOWN_SERVER_ERROR
    };
    said.len() == meant.len() && said.iter().zip(&meant).any(unlike)
}

/// Sends two records to each partition that is known.
fn send_to_all(world: &mut World) -> Vec<u64> {
    let mut sent = Vec::new();
    for (name, partition) in TARGETS.into_iter().chain(TARGETS) {
        let topic = world.shared.accumulator.topics.get_or_add(name);
        if topic.partition(partition).is_some() {
            sent.extend(world.try_append(name, partition, 8));
        }
        world.run();
    }
    sent
}

/// The cluster is good from now on: records arrive again, unless the producer was told to end, to
/// be silent for long, or of elections that have not been.
fn recovers(mut world: World, tally: &mut Tally) {
    world.bend = None;
    world.heal();
    world.advance(15_000);
    let cluster = world.shared.metadata.cluster();
    let told_of_later = TARGETS.iter().any(|(topic, index)| {
        let told = cluster.partition(topic, *index).map_or(-1, |info| info.leader_epoch);
        told > world.cluster.partition(topic, *index).epoch
    });
    let silenced = world.cluster.nodes.keys().any(|node| {
        world.sender.client.next_try(*node).since(world.now) > ms(10_000)
            && world.sender.client.is_connected(*node)
    });
    let ended = world.shared.fatal().is_some();
    tally.ended += usize::from(ended);
    tally.silenced += usize::from(silenced && !ended);
    tally.told_of_later += usize::from(told_of_later && !silenced && !ended);
    if !(told_of_later || silenced || ended) {
        for (topic, _) in TARGETS {
            world.ask(topic);
        }
        world.advance(1000);
        for opaque in send_to_all(&mut world) {
            world.advance(1000);
            let report = world.report(opaque);
            assert_eq!(report.state, State::Persisted, "when all is good again: {report:?}");
        }
    }
    world.finish();
}
