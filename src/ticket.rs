//! A place in a queue: what a call gets when it has to wait for memory or metadata.
//!
//! Waiting is a ticket and blocking is a wrapper: a blocking send parks on its ticket, a try-send
//! hands the ticket to its caller and the event fd fires when it is ready. One shape serves
//! `max.block.ms`, contexts of Go, Ctrl-C and asyncio of Python, and a simulator with one thread.

use crate::sync::{Condvar, Mutex};
use crate::time::{self, Instant};

/// What became of a wait.
#[derive(Debug, PartialEq, Eq)]
pub enum Wait<T> {
    /// What was waited for is here.
    Ready(T),
    /// The deadline passed first.
    TimedOut,
    /// Another thread interrupted the wait.
    Interrupted,
}

enum State<T> {
    Waiting,
    Ready(T),
    Interrupted,
    Taken,
}

/// Called once when a ticket becomes ready; runs on the thread that made it ready.
pub type OnReady = Box<dyn Fn() + Send + Sync>;

/// A place in a queue for a `T`.
pub struct Ticket<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    on_ready: Option<OnReady>,
}

impl<T> Ticket<T> {
    /// A ticket that waits. `on_ready` tells whoever does not park on it.
    pub fn new(on_ready: Option<OnReady>) -> Ticket<T> {
        Ticket { state: Mutex::new(State::Waiting), changed: Condvar::new(), on_ready }
    }

    /// Hands `value` over. Gives it back if nobody waits any more.
    pub fn fulfil(&self, value: T) -> Option<T> {
        let mut state = self.state.lock();
        if !matches!(*state, State::Waiting) {
            return Some(value);
        }
        *state = State::Ready(value);
        self.changed.notify_all();
        drop(state);
        if let Some(on_ready) = &self.on_ready {
            on_ready();
        }
        None
    }

    /// Wakes who parks on it with `Interrupted`; nothing happens if it is ready already. A ticket
    /// on which nobody parks keeps its place.
    pub fn interrupt(&self) {
        if self.on_ready.is_some() {
            return;
        }
        let mut state = self.state.lock();
        if matches!(*state, State::Waiting) {
            *state = State::Interrupted;
            self.changed.notify_all();
        }
    }

    /// Whether something was handed over that nobody took.
    pub fn is_ready(&self) -> bool {
        matches!(*self.state.lock(), State::Ready(_))
    }

    /// Takes what was handed over, if it is here; never waits.
    pub fn try_take(&self) -> Option<T> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Ready(value) => Some(value),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Gives the place up. Returns what was handed over in the meantime.
    pub fn cancel(&self) -> Option<T> {
        match std::mem::replace(&mut *self.state.lock(), State::Taken) {
            State::Ready(value) => Some(value),
            _ => None,
        }
    }

    /// Parks until ready, interrupted, or `deadline`.
    pub fn wait(&self, deadline: Instant) -> Wait<T> {
        let mut state = self.state.lock();
        loop {
            match std::mem::replace(&mut *state, State::Taken) {
                State::Ready(value) => return Wait::Ready(value),
                State::Interrupted => return Wait::Interrupted,
                other => *state = other,
            }
            match time::now().until(deadline) {
                None => self.changed.wait(&mut state),
                Some(left) if left.is_zero() => return Wait::TimedOut,
                Some(left) => {
                    self.changed.wait_for(&mut state, left);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::time::Duration;

    #[test]
    fn a_waiter_gets_what_was_handed_over_by_another_thread() {
        let ticket = Arc::new(Ticket::new(None));
        let other = ticket.clone();
        let waiter = std::thread::spawn(move || other.wait(Instant::NEVER));
        assert_eq!(ticket.fulfil(7), None);
        assert_eq!(waiter.join().unwrap(), Wait::Ready(7));
    }

    #[test]
    fn a_cancelled_ticket_gives_the_value_back() {
        let ticket = Ticket::new(None);
        assert_eq!(ticket.cancel(), None);
        assert_eq!(ticket.fulfil(7), Some(7));
    }

    #[test]
    fn an_interrupt_ends_the_wait_and_a_deadline_too() {
        let ticket = Ticket::<u8>::new(None);
        assert_eq!(ticket.wait(time::now() + Duration::from_millis(1)), Wait::TimedOut);
        ticket.interrupt();
        assert_eq!(ticket.wait(Instant::NEVER), Wait::Interrupted);
    }
}
