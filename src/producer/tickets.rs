//! The tickets of try-sends: places in a queue that an application holds by number.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::accumulator::{BufferPool, Grant};
use crate::metadata::Metadata;
use crate::report::ReportQueue;
use crate::sync::Mutex;
use crate::ticket::{OnReady, Ticket};
use crate::time::Instant;

/// What a ticket waits for.
#[derive(Clone)]
pub enum Awaited {
    /// Buffer memory.
    Memory(Arc<Ticket<Grant>>),
    /// News of the topic.
    Metadata(Arc<Ticket<()>>),
}

/// A ticket that is held.
#[derive(Clone)]
pub struct Held {
    /// What it waits for.
    pub awaited: Awaited,
    /// When the first try for its record was made; `max.block.ms` counts from here.
    pub since: Instant,
    /// The topic, for the reason of a failure.
    pub topic: String,
}

/// See the file's comment.
pub struct Tickets {
    reports: Arc<ReportQueue>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last_id: u64,
    held: HashMap<u64, Held>,
    ready: VecDeque<u64>,
}

impl Tickets {
    /// None yet; `reports` is what an application watches for news.
    pub fn new(reports: Arc<ReportQueue>) -> Tickets {
        Tickets { reports, state: Mutex::default() }
    }

    /// A new number, and what to call when its ticket is ready.
    pub fn number(self: &Arc<Self>) -> (u64, OnReady) {
        let mut state = self.state.lock();
        state.last_id += 1;
        let id = state.last_id;
        let tickets = self.clone();
        let on_ready = move || {
            tickets.state.lock().ready.push_back(id);
            tickets.reports.nudge();
        };
        (id, Box::new(on_ready))
    }

    /// Keeps a ticket.
    pub fn hold(&self, id: u64, held: Held) {
        self.state.lock().held.insert(id, held);
    }

    /// A ticket that is held.
    pub fn get(&self, id: u64) -> Option<Held> {
        self.state.lock().held.get(&id).cloned()
    }

    /// Forgets a ticket.
    pub fn release(&self, id: u64) -> Option<Held> {
        let mut state = self.state.lock();
        state.ready.retain(|ready| *ready != id);
        state.held.remove(&id)
    }

    /// The next ticket that became ready.
    pub fn take_ready(&self) -> Option<u64> {
        self.state.lock().ready.pop_front()
    }

    /// Whether a ticket is ready.
    pub fn has_ready(&self) -> bool {
        !self.state.lock().ready.is_empty()
    }

    /// Gives all tickets up.
    pub fn cancel_all(&self, pool: &Arc<BufferPool>, metadata: &Metadata) {
        let held = std::mem::take(&mut self.state.lock().held);
        for held in held.into_values() {
            held.awaited.cancel(pool, metadata);
        }
    }
}

impl Awaited {
    /// Gives the place up.
    pub fn cancel(&self, pool: &Arc<BufferPool>, metadata: &Metadata) {
        match self {
            Awaited::Memory(ticket) => pool.cancel(ticket),
            Awaited::Metadata(ticket) => metadata.cancel(ticket),
        }
    }
}
