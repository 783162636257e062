//! The simulator: producers and the embedded cluster in one thread, on virtual time, with faults
//! that follow from a seed. What took hours of bad luck happens here in milliseconds, and happens
//! again with the same seed.
//!
//! ```text
//! world      time, and who acts next
//!   client   a producer's Sender and its connections
//!     application  what sends, waits for memory, flushes and closes
//!   brokers  the cluster's core, its connections
//!   network  the wires between them: latency, pieces, ends, holes
//!     socket one end of a wire, as a transport under the product's own readers and writers
//!   chaos    what goes wrong, and when it ends
//!     topics   topics that are deleted and made again
//! stage      a small world for scripts, where nothing is left to chance
//! scripts    what other producers did wrong, step by step
//! deposed    what a leader can do that was deposed and does not know it
//! made_again what a topic can do that was deleted and made again
//! oracle     what must hold in the end, whatever happened
//!   logs     what is in the logs, also in those of topics that were deleted
//!   names    what was sent without the id of a topic that was made again
//! reached    what a run over many seeds must have seen
//! trace      what happened: counters, a hash, lines to read
//! ```
//!
//! Everything above the sockets is the product's own code; nothing of it knows that it is
//! simulated.

mod application;
mod brokers;
mod chaos;
mod client;
#[cfg(test)]
mod deposed;
mod logs;
#[cfg(test)]
mod made_again;
mod names;
mod network;
mod oracle;
mod reached;
#[cfg(test)]
mod scripts;
mod setup;
mod socket;
#[cfg(test)]
mod stage;
mod topics;
mod trace;
mod world;

use std::collections::BTreeMap;

/// A defect that is put in on purpose, to see that the simulator finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// A batch that got no answer counts as persisted.
    MissingAnswerIsSuccess,
    /// Batches carry no sequences, so that a broker cannot tell a batch that is sent again.
    NoSequences,
    /// The producer asks for the leader's word alone and says that all replicas have the record.
    LeaderAlone,
    /// Reports of records that timed out get lost.
    LostReport,
    /// Reports of records that timed out come twice.
    DoubleReport,
    /// A batch whose request got no answer counts as not persisted.
    MissingAnswerIsFailure,
    /// Records lose their last byte on the way.
    DamagedRecord,
    /// The worker that compresses changes a bit of what it has made.
    DamagedBatch,
    /// The worker that compresses loses the last byte of what it has made.
    BatchCutShort,
    /// Somebody keeps a buffer for good.
    KeptMemory,
    /// The I/O thread is not told of the close.
    LostWakeup,
    /// Reports come a second after `delivery.timeout.ms`.
    LateReport,
    /// The I/O thread sleeps for no time at all.
    BusyLoop,
    /// Reports that come together are turned round.
    ReportsTurnedRound,
}

/// Each of them, and what the oracle says of it: every invariant is there.
pub const BUGS: [(Bug, &str); 17] = [
    (Bug::MissingAnswerIsSuccess, "is not where it was reported"),
    (Bug::NoSequences, "is in the log more than once"),
    (Bug::NoSequences, "which was sent before it"),
    (Bug::LeaderAlone, "is not where it was reported"),
    (Bug::LostReport, "has 0 reports"),
    (Bug::LostReport, "flushed, and record"),
    (Bug::DoubleReport, "has 2 reports"),
    (Bug::MissingAnswerIsFailure, "is in the log"),
    (Bug::DamagedRecord, "is not what is at"),
    (Bug::DamagedBatch, "got a bad batch"),
    (Bug::DamagedBatch, "is not what is at"),
    (Bug::BatchCutShort, "got a bad batch"),
    (Bug::KeptMemory, "bytes came back to the pool"),
    (Bug::LostWakeup, "which was due by"),
    (Bug::LateReport, "was reported after"),
    (Bug::BusyLoop, "turns without anything to do"),
    (Bug::ReportsTurnedRound, "was told of after"),
];

/// Everything that must be reached by some seed, as the counters name it: each kind of fault, the
/// states of batches and connections, what an application does.
pub fn must_be_reached() -> Vec<String> {
    let faults = chaos::KINDS.iter().map(|kind| format!("fault: {kind}"));
    let requests = chaos::REQUEST_FAULTS.iter().map(|kind| format!("request fault: {kind}"));
    let batches = crate::sender::BATCH_STATES.iter().map(|state| format!("batch {state}"));
    let others = reached::OTHERS.iter().map(|name| (*name).to_owned());
    faults.chain(requests).chain(batches).chain(others).collect()
}

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Print what happens to the standard output.
    pub trace: bool,
    /// What is broken on purpose.
    pub bug: Option<Bug>,
}

/// What a run did.
#[derive(Clone, Debug)]
pub struct Summary {
    /// The seed.
    pub seed: u64,
    /// Equal for equal runs: it covers everything that happened, and when.
    pub hash: u64,
    /// Records that were accepted.
    pub records: usize,
    /// Faults that struck.
    pub faults: u64,
    /// How much time went by, in milliseconds of the virtual clock.
    pub virtual_ms: u64,
    /// How often each kind of thing happened.
    pub counters: BTreeMap<String, u64>,
    /// What was wrong, a sentence each; nothing, one hopes.
    pub violations: Vec<String>,
}

/// Runs one seed to its end. A panic is a violation as well.
pub fn run(seed: u64, options: Options) -> Summary {
    let run = || world::World::new(seed, options).run();
    std::panic::catch_unwind(run).unwrap_or_else(|_| Summary {
        seed,
        hash: 0,
        records: 0,
        faults: 0,
        virtual_ms: 0,
        counters: BTreeMap::new(),
        violations: vec!["the run panicked".to_owned()],
    })
}
