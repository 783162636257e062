//! The tickets of try-sends: places in a queue that an application holds by number.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::send::InHand;
use super::{Producer, closed};
use crate::accumulator::{BufferPool, Grant};
use crate::error::{Error, ErrorCode, Result};
use crate::metadata::Metadata;
use crate::report::ReportQueue;
use crate::sync::Mutex;
use crate::ticket::{OnReady, Ticket};
use crate::time::{self, Instant};

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

/// Tickets of try-sends.
impl Producer {
    /// Gives a ticket up. Says what the wait was for and why it was not over.
    pub fn cancel_ticket(&self, ticket: u64) -> Option<Error> {
        let held = self.tickets.release(ticket)?;
        held.awaited.cancel(&self.shared.accumulator.pool, &self.shared.metadata);
        Some(self.still_waiting(&held))
    }

    /// The next ticket that is ready to be tried again.
    pub fn take_ready_ticket(&self) -> Option<u64> {
        self.tickets.take_ready()
    }

    pub(super) fn hold(
        &self,
        place: &mut u64,
        number: u64,
        awaited: Awaited,
        topic: &str,
    ) -> Error {
        // A record that waits again, for something else, waits since its first try.
        let since = match self.tickets.release(*place) {
            Some(before) => before.since,
            None => time::now(),
        };
        let held = Held { awaited, since, topic: topic.to_owned() };
        let error = self.still_waiting(&held);
        self.tickets.hold(number, held);
        *place = number;
        Error::new(ErrorCode::WOULD_BLOCK, error.message())
    }

    /// Takes what a ticket stands for, or says that it is not there yet. True for metadata.
    pub(super) fn redeem(&self, place: &mut u64, in_hand: &mut InHand) -> Result<bool> {
        if *place == 0 {
            return Ok(false);
        }
        let Some(held) = self.tickets.get(*place) else {
            let text = format!("ticket {place} is not one of this producer, or was used already");
            return Err(Error::new(ErrorCode::INVALID_ARGUMENT, text));
        };
        match &held.awaited {
            Awaited::Metadata(ticket) => {
                let late = time::now().since(held.since) >= self.config.max_block;
                if ticket.try_take().is_some() && !late {
                    return Ok(true);
                }
            }
            Awaited::Memory(ticket) => {
                if let Some(grant) = ticket.try_take() {
                    self.tickets.release(std::mem::take(place));
                    let buffer = self.shared.accumulator.pool.redeem(grant)?;
                    *in_hand = Some((buffer, time::now()));
                    return Ok(false);
                }
            }
        }
        let waited = time::now().since(held.since);
        if waited >= self.config.max_block {
            return Err(self.cancel_ticket(std::mem::take(place)).unwrap_or_else(closed));
        }
        Err(Error::new(ErrorCode::WOULD_BLOCK, self.still_waiting(&held).message()))
    }

    fn still_waiting(&self, held: &Held) -> Error {
        match held.awaited {
            Awaited::Memory(_) => self.exhausted(),
            Awaited::Metadata(_) => self.not_in_metadata(&held.topic),
        }
    }
}
