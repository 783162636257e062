//! The tickets of try-sends: places in a queue that an application holds by number.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::send::InHand;
use super::{Producer, closed};
use crate::accumulator::{BufferPool, Grant};
use crate::error::{Error, ErrorCode, Result};
use crate::metadata::Metadata;
use crate::record::{OwnedRecord, Record};
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
    /// The record as the interceptors left it, which see each record once.
    pub record: Option<Arc<OwnedRecord>>,
    /// Its owner was told that it is ready, or that its time is over.
    pub told: bool,
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
        // It belongs to the ticket, which is held here.
        let tickets = Arc::downgrade(self);
        let on_ready = move || {
            let Some(tickets) = tickets.upgrade() else { return };
            let mut state = tickets.state.lock();
            // One that was given up, or never came to be held, is told to nobody.
            let Some(held) = state.held.get_mut(&id).filter(|held| !held.told) else { return };
            held.told = true;
            state.ready.push_back(id);
            drop(state);
            tickets.reports.nudge();
        };
        (id, Box::new(on_ready))
    }

    /// Keeps a ticket, and tells it if it became ready before.
    pub fn hold(&self, id: u64, mut held: Held) {
        let mut state = self.state.lock();
        let ready = held.awaited.is_ready();
        held.told = ready;
        state.held.insert(id, held);
        if ready {
            state.ready.push_back(id);
            drop(state);
            self.reports.nudge();
        }
    }

    /// The time of a ticket is over: its owner is told, unless it was told that it is ready.
    pub fn expire(&self, id: u64) {
        let mut state = self.state.lock();
        let Some(held) = state.held.get_mut(&id) else { return };
        if held.told || held.awaited.is_ready() {
            return;
        }
        held.told = true;
        state.ready.push_back(id);
        drop(state);
        self.reports.nudge();
    }

    /// Keeps a record with its ticket.
    pub fn keep(&self, id: u64, record: &Record<'_>) {
        let mut state = self.state.lock();
        if let Some(held) = state.held.get_mut(&id).filter(|held| held.record.is_none()) {
            held.record = Some(Arc::new(record.into()));
        }
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
    fn is_ready(&self) -> bool {
        match self {
            Awaited::Memory(ticket) => ticket.is_ready(),
            Awaited::Metadata(ticket) => ticket.is_ready(),
        }
    }

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
        let held = self.release_ticket(ticket)?;
        held.awaited.cancel(&self.shared.accumulator.pool, &self.shared.metadata);
        Some(self.still_waiting(&held))
    }

    /// The next ticket that is ready to be tried again.
    pub fn take_ready_ticket(&self) -> Option<u64> {
        self.tickets.take_ready()
    }

    /// Forgets a ticket and the end of its time.
    pub(super) fn release_ticket(&self, ticket: u64) -> Option<Held> {
        let held = self.tickets.release(ticket)?;
        self.shared.alarms.cancel(held.since + self.config.max_block, ticket);
        Some(held)
    }

    /// After a try: a ticket is kept only where it is to be tried again.
    pub(super) fn end_of_try<T>(&self, result: &Result<T>, place: &mut u64) {
        let waits = result.as_ref().err().is_some_and(|e| e.code() == ErrorCode::WOULD_BLOCK);
        if !waits && *place != 0 {
            self.release_ticket(std::mem::take(place));
        }
    }

    pub(super) fn hold(
        &self,
        place: &mut u64,
        number: u64,
        awaited: Awaited,
        topic: &str,
    ) -> Error {
        // A record that waits again, for something else, waits since its first try.
        let (since, record) = match self.release_ticket(*place) {
            Some(before) => (before.since, before.record),
            None => (time::now(), None),
        };
        let held = Held { awaited, since, topic: topic.to_owned(), record, told: false };
        let error = self.still_waiting(&held);
        self.tickets.hold(number, held);
        *place = number;
        let (at, tickets) = (since + self.config.max_block, self.tickets.clone());
        if at != Instant::NEVER {
            self.shared.set_alarm(at, number, Box::new(move || tickets.expire(number)));
        }
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
                    self.release_ticket(std::mem::take(place));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn tickets() -> Arc<Tickets> {
        Arc::new(Tickets::new(Arc::new(ReportQueue::new(1))))
    }

    /// A ticket for metadata that is not held yet, and its number.
    fn ticket(tickets: &Arc<Tickets>) -> (u64, Arc<Ticket<()>>) {
        let (id, on_ready) = tickets.number();
        (id, Arc::new(Ticket::new(Some(on_ready))))
    }

    fn held(ticket: &Arc<Ticket<()>>) -> Held {
        let awaited = Awaited::Metadata(ticket.clone());
        Held { awaited, since: Instant(0), topic: String::new(), record: None, told: false }
    }

    #[test]
    fn a_ticket_is_told_once_whether_it_is_ready_before_or_after_it_is_held() {
        let tickets = tickets();
        let (early, ready) = ticket(&tickets);
        ready.fulfil(());
        assert_eq!(tickets.take_ready(), None);
        tickets.hold(early, held(&ready));
        assert_eq!((tickets.take_ready(), tickets.take_ready()), (Some(early), None));

        let (late, ready) = ticket(&tickets);
        tickets.hold(late, held(&ready));
        assert_eq!(tickets.take_ready(), None);
        ready.fulfil(());
        tickets.expire(late);
        assert_eq!((tickets.take_ready(), tickets.take_ready()), (Some(late), None));
    }

    #[test]
    fn a_ticket_that_was_given_up_is_told_to_nobody() {
        let tickets = tickets();
        let (id, ready) = ticket(&tickets);
        tickets.hold(id, held(&ready));
        assert!(tickets.release(id).is_some());
        ready.fulfil(());
        assert_eq!(tickets.take_ready(), None);
        // Nor is one that nobody came to hold.
        let (_, never_held) = ticket(&tickets);
        never_held.fulfil(());
        assert_eq!(tickets.take_ready(), None);
    }

    #[test]
    fn tickets_that_are_still_held_keep_nothing_alive() {
        let tickets = tickets();
        let (id, ready) = ticket(&tickets);
        tickets.hold(id, held(&ready));
        let alive = Arc::downgrade(&tickets);
        drop(tickets);
        assert!(alive.upgrade().is_none());
        ready.fulfil(());
    }
}
