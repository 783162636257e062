//! The I/O thread: drives the Sender on real sockets and the real clock.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::{Sender, SenderConfig, Shared};
use crate::accumulator::Sleep;
use crate::error::{Error, ErrorCode, Result};
use crate::io::{Action, Event, Selector, SocketOptions};
use crate::log::Level;
use crate::network::NetworkConfig;
use crate::{sync, time};

/// What the thread needs.
pub struct IoConfig {
    /// For the Sender.
    pub sender: SenderConfig,
    /// For its NetworkClient.
    pub network: NetworkConfig,
    /// For its sockets.
    pub sockets: SocketOptions,
    /// Which addresses of a name are used.
    pub family: crate::io::AddressFamily,
    /// `receive.message.max.bytes`.
    pub max_response_size: usize,
}

/// Starts the thread. It ends when the producer is closed.
pub fn spawn(config: IoConfig, shared: Arc<Shared>) -> Result<std::thread::JoinHandle<()>> {
    let failed = |what: &str, error: std::io::Error| {
        Error::new(ErrorCode::INTERNAL, format!("{what}: {error}"))
    };
    let mut selector = Selector::new(config.sockets, config.max_response_size)
        .map_err(|error| failed("the selector cannot be made", error))?;
    selector.set_address_family(config.family);
    let waker = selector.waker();
    shared.accumulator.wakeup.set_waker(move || waker.wake());
    let seed = fastrand::u64(..);
    let sender = Sender::new(config.sender, config.network, shared.clone(), seed, time::now());
    let run = move || IoThread { sender, selector, shared }.run();
    sync::spawn("ottla-io".to_owned(), run)
        .map_err(|error| failed("the I/O thread cannot be started", error))
}

struct IoThread {
    sender: Sender,
    selector: Selector,
    shared: Arc<Shared>,
}

impl IoThread {
    /// A panic is a defect, but no record may be left without its report: the producer becomes
    /// fatal and everything in it is reported.
    fn run(mut self) {
        let result = std::panic::catch_unwind(AssertUnwindSafe(|| self.turn()));
        if result.is_ok() {
            return;
        }
        let text = "the I/O thread panicked; nothing more can be sent by this producer";
        let error = Error::fatal(ErrorCode::INTERNAL, text);
        self.shared.fail(&error);
        // What panicked may do so again: each step is on its own.
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| self.sender.give_up(&error)));
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| self.sender.end_reports()));
        self.shared.log.log(Level::Error, || text.to_owned());
    }

    fn turn(&mut self) {
        let mut actions: Vec<Action> = Vec::new();
        let mut events: Vec<Event> = Vec::new();
        loop {
            assert!(!self.shared.panics.load(Ordering::SeqCst), "a test asked for it");
            self.sender.run_once(time::now());
            self.sender.take_actions(&mut actions);
            for action in actions.drain(..) {
                self.selector.apply(action);
            }
            if self.sender.is_finished() {
                break;
            }
            let now = time::now();
            let (until, how) = self.sender.next_sleep(now);
            let accumulator = &self.shared.accumulator;
            accumulator.wakeup.will_sleep(until, how);
            let has_work = self.sender.has_work();
            let is_behind = how == Sleep::Behind && !has_work;
            let mut timeout = if has_work { Some(Duration::ZERO) } else { now.until(until) };
            if !is_behind && timeout != Some(Duration::ZERO) || accumulator.pool.is_caught_up() {
                accumulator.wakeup.let_send();
            }
            if is_behind && !self.selector.has_events() {
                accumulator.wakeup.rest(self.sender.rest().min(timeout.unwrap_or_default()));
                timeout = time::now().until(until);
            }
            if let Err(error) = self.selector.poll(timeout, &mut events) {
                panic!("the selector failed: {error}");
            }
            self.shared.accumulator.wakeup.awake();
            let now = time::now();
            let only_woken = events.is_empty();
            for event in events.drain(..) {
                self.sender.handle(event, now);
            }
            if only_woken && self.sender.would_gladly_have_more() {
                sync::yield_now();
            }
        }
    }
}
