//! Wakes the I/O thread only if it sleeps, and only if it would sleep too long.
//!
//! A wake-up is a system call and a switch of threads. Sending threads ask for attention by a
//! time; as long as the I/O thread is awake, or will wake before that time anyway, asking is one
//! load.
//!
//! The other way round, a sending thread that is far ahead can let the I/O thread catch up
//! (`let_work`), or the brokers, where it sleeps because they have all they may have; and so can
//! the I/O thread itself (`rest`).

use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::Arc;
use std::time::Duration;

use crate::sync::{self, Condvar, Mutex};
use crate::time::Instant;

/// What `sleeps_until` says while the I/O thread is awake.
const AWAKE: u64 = 0;
/// The bits of it that say how it sleeps: the least, a nanosecond each.
const LIGHT_BIT: u64 = 1;
const BEHIND_BIT: u64 = 2;

/// How the I/O thread sleeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sleep {
    /// All work wakes it.
    Sound,
    /// Full batches do not wake it: the next request waits for an answer.
    Light,
    /// As `Light`, and many batches wait for the answers: sending threads let the brokers work.
    Behind,
}

/// Attention that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Now, or at the end of a light sleep.
    Soon,
    /// Now, unless many batches wait for brokers anyway: enough is ready for one more request.
    Enough,
    /// At the latest then.
    By(Instant),
}

impl Demand {
    /// The more urgent one of two. Full batches are more urgent than another one's linger: a sleep
    /// that lets them wait is short.
    pub fn first(self, other: Demand) -> Demand {
        let at = |demand: &Demand| match demand {
            Demand::Soon => Instant(2),
            Demand::Enough => Instant(1),
            Demand::By(at) => *at,
        };
        std::cmp::min_by_key(self, other, at)
    }
}

/// See the file's comment.
#[derive(Default)]
pub struct Wakeup {
    sleeps_until: AtomicU64,
    wake: Mutex<Option<Wake>>,
    /// Sending threads that let the I/O thread work.
    paused: AtomicUsize,
    /// Whether the I/O thread rests.
    rests: AtomicBool,
    gate: Mutex<()>,
    go_on: Condvar,
    rise: Condvar,
}

type Wake = Arc<dyn Fn() + Send + Sync>;

impl Wakeup {
    /// Sets how to wake the thread. The last call counts: a thread that could not be started is
    /// tried again with another waker.
    pub fn set_waker(&self, wake: impl Fn() + Send + Sync + 'static) {
        *self.wake.lock() = Some(Arc::new(wake));
    }

    /// Asks for what a thread was told to ask for, once it has left its locks.
    pub fn answer(&self, demand: Demand) {
        match demand {
            Demand::Soon => self.demand_unless(LIGHT_BIT),
            Demand::Enough => self.demand_unless(BEHIND_BIT),
            Demand::By(at) => self.demand(at),
        }
    }

    /// As `demand` for now, of work that may wait for the end of such a sleep.
    fn demand_unless(&self, how: u64) {
        if self.sleeps_until.load(Ordering::SeqCst) & how == 0 {
            self.demand(Instant(0));
        }
    }

    /// Asks for attention at the latest at `by`. What is to be seen must be visible before.
    pub fn demand(&self, by: Instant) {
        let until = self.sleeps_until.load(Ordering::SeqCst);
        if until == AWAKE || until <= by.0 {
            return;
        }
        let change = Ordering::SeqCst;
        if self.sleeps_until.compare_exchange(until, AWAKE, change, change).is_err() {
            return;
        }
        let wake = self.wake.lock().clone();
        wake.into_iter().for_each(|wake| wake());
        if self.rests.load(Ordering::SeqCst) {
            let _gate = self.gate.lock();
            self.rise.notify_all();
        }
    }

    /// The I/O thread does nothing for `time`, not even look at answers, unless a demand ends it.
    pub fn rest(&self, time: Duration) {
        if time.is_zero() {
            return;
        }
        let mut gate = self.gate.lock();
        self.rests.store(true, Ordering::SeqCst);
        if self.sleeps_until.load(Ordering::SeqCst) != AWAKE {
            self.rise.wait_for(&mut gate, time);
        }
        self.rests.store(false, Ordering::SeqCst);
    }

    /// The I/O thread will sleep until `until`. It must look for work once more after this, as work
    /// that came before it is not announced.
    pub fn will_sleep(&self, until: Instant, how: Sleep) {
        let how = match how {
            Sleep::Sound => 0,
            Sleep::Light => LIGHT_BIT,
            Sleep::Behind => LIGHT_BIT | BEHIND_BIT,
        };
        let until = until.0.max(2 * BEHIND_BIT) & !(LIGHT_BIT | BEHIND_BIT) | how;
        self.sleeps_until.store(until, Ordering::SeqCst);
        // Whatever is looked at after this is at least as new as what a demand saw before it.
        fence(Ordering::SeqCst);
    }

    /// Waits until the I/O thread has caught up or has nothing to do nor to wait for, at most
    /// `limit`.
    pub fn let_work(&self, limit: Duration, is_caught_up: impl Fn() -> bool) {
        let mut gate = self.gate.lock();
        self.paused.fetch_add(1, Ordering::SeqCst);
        let until = self.sleeps_until.load(Ordering::SeqCst);
        let is_awake = until == AWAKE;
        if until & BEHIND_BIT != 0 || is_awake && !is_caught_up() {
            self.go_on.wait_for(&mut gate, limit);
        }
        self.paused.fetch_sub(1, Ordering::Relaxed);
        drop(gate);
        if !is_awake {
            // It may have been woken and wait for this core.
            sync::yield_now();
        }
    }

    /// Lets those who wait in `let_work` go on. The I/O thread says so before it sleeps, and when
    /// it has caught up.
    pub fn let_send(&self) {
        if self.paused.load(Ordering::SeqCst) > 0 {
            let _gate = self.gate.lock();
            self.go_on.notify_all();
        }
    }

    /// The I/O thread is awake.
    pub fn awake(&self) {
        self.sleeps_until.store(AWAKE, Ordering::SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    /// Sets a waker that counts how often it wakes.
    fn counted(wakeup: &Wakeup) -> Arc<AtomicUsize> {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        wakeup.set_waker(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        woken
    }

    #[test]
    fn only_a_sleep_that_is_too_long_is_ended_and_only_once() {
        let wakeup = Wakeup::default();
        let woken = counted(&wakeup);
        wakeup.demand(Instant(0));
        wakeup.will_sleep(Instant(100), Sleep::Sound);
        wakeup.demand(Instant(100));
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        wakeup.demand(Instant(99));
        wakeup.demand(Instant(1));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_light_sleep_is_ended_by_what_cannot_wait_and_by_nothing_else() {
        let wakeup = Wakeup::default();
        let woken = counted(&wakeup);
        wakeup.will_sleep(Instant(100), Sleep::Light);
        wakeup.answer(Demand::Soon);
        assert_eq!(woken.load(Ordering::SeqCst), 0);
        wakeup.demand(Instant(0));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
        wakeup.will_sleep(Instant::NEVER, Sleep::Sound);
        wakeup.answer(Demand::Soon);
        assert_eq!(woken.load(Ordering::SeqCst), 2);
        wakeup.will_sleep(Instant(100), Sleep::Light);
        wakeup.answer(Demand::Enough);
        assert_eq!(woken.swap(2, Ordering::SeqCst), 3);
        wakeup.will_sleep(Instant(100), Sleep::Behind);
        wakeup.answer(Demand::Soon);
        wakeup.answer(Demand::Enough);
        wakeup.demand(Instant(200));
        assert_eq!(woken.load(Ordering::SeqCst), 2);
        wakeup.demand(Instant(0));
        assert_eq!(woken.load(Ordering::SeqCst), 3);
    }

    #[test]
    fn a_rest_ends_when_the_time_is_over_or_by_a_demand() {
        let wakeup = Wakeup::default();
        let (begun, long) = (time::now(), Duration::from_secs(60));
        wakeup.rest(long);
        wakeup.will_sleep(Instant(100), Sleep::Behind);
        wakeup.rest(Duration::from_millis(1));
        std::thread::scope(|scope| {
            let resting = scope.spawn(|| wakeup.rest(long));
            while !wakeup.rests.load(Ordering::SeqCst) {
                std::thread::yield_now();
            }
            wakeup.answer(Demand::Enough);
            assert_ne!(wakeup.sleeps_until.load(Ordering::SeqCst), AWAKE);
            wakeup.demand(Instant(0));
            resting.join().unwrap();
        });
        assert!(time::now() < begun + long);
    }

    #[test]
    fn the_waker_of_a_thread_that_never_started_is_replaced() {
        let wakeup = Wakeup::default();
        wakeup.set_waker(|| panic!("nobody listens there"));
        let woken = counted(&wakeup);
        wakeup.will_sleep(Instant(100), Sleep::Sound);
        wakeup.demand(Instant(1));
        assert_eq!(woken.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_sender_lets_the_io_thread_or_brokers_work_until_they_have_caught_up() {
        let wakeup = Wakeup::default();
        let long = Duration::from_secs(60);
        wakeup.let_work(long, || true);
        wakeup.will_sleep(Instant(100), Sleep::Sound);
        wakeup.let_work(long, || false);
        // It is at work, or waits for brokers that are.
        let at_work = || wakeup.awake();
        let behind = || wakeup.will_sleep(Instant(100), Sleep::Behind);
        for begin in [&at_work as &dyn Fn(), &behind] {
            begin();
            std::thread::scope(|scope| {
                let waiting = scope.spawn(|| wakeup.let_work(long, || false));
                while wakeup.paused.load(Ordering::SeqCst) == 0 {
                    std::thread::yield_now();
                }
                wakeup.let_send();
                waiting.join().unwrap();
            });
        }
        wakeup.let_work(Duration::from_millis(1), || false);
        assert_eq!(wakeup.paused.load(Ordering::SeqCst), 0);
    }
}
