//! The event fd: how a C program with an event loop of its own learns that there is something
//! for it, without a thread of ours calling it.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::retry_on_intr;

/// An fd that is readable from a `signal` until a `clear`. The caller's part is, in this order:
/// clear, take everything until there is nothing left, then wait. It may dup the fd.
#[derive(Debug)]
pub struct EventFd {
    fd: OwnedFd,
    /// Whether a signal is out that no clear has taken, so that a thousand reports cost one
    /// system call and not a thousand.
    signalled: AtomicBool,
}

impl EventFd {
    /// A new fd, not signalled, non-blocking and closed on exec.
    pub fn new() -> io::Result<EventFd> {
        let fd = eventfd(0, EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC)?;
        Ok(EventFd { fd, signalled: AtomicBool::new(false) })
    }

    /// Makes the fd readable. What it tells of is to be in its place before. Never blocks.
    pub fn signal(&self) {
        if !self.signalled.swap(true, Ordering::AcqRel) {
            // The only failure of a good eventfd is a full counter, and a full one is readable.
            let _ = retry_on_intr(|| rustix::io::write(&self.fd, &1_u64.to_ne_bytes()));
        }
    }

    /// Makes the fd quiet until the next signal. Never blocks.
    ///
    /// The fd is read first and the flag reset after. A signal in between writes nothing, but
    /// what it tells of is there already and the caller, who takes everything after the clear,
    /// finds it. The other way round, the read could swallow the write of a signal that came in
    /// between, and the flag it set would keep all later ones quiet.
    pub fn clear(&self) {
        self.clear_around(|| {});
    }

    /// `clear`, with something that happens at its most delicate moment.
    fn clear_around(&self, between: impl FnOnce()) {
        let mut count = [0; 8];
        // Nothing to read is fine: clear may be called at any time.
        let _ = retry_on_intr(|| rustix::io::read(&self.fd, &mut count));
        between();
        // A swap and not a store: it reads what a signal wrote, so that what the signal tells of
        // is visible to this thread from here on.
        self.signalled.swap(false, Ordering::AcqRel);
    }

    /// The fd, to wait on; it stays this object's own.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;

    fn readable(event: &EventFd, wait_s: i64) -> bool {
        let mut fds = [PollFd::from_borrowed_fd(event.fd(), PollFlags::IN)];
        poll(&mut fds, Some(&Timespec { tv_sec: wait_s, tv_nsec: 0 })).unwrap() == 1
    }

    /// The fd's own counter: how many writes there were since it was read last.
    fn writes(event: &EventFd) -> u64 {
        let mut count = [0; 8];
        rustix::io::read(event.fd(), &mut count).unwrap();
        u64::from_ne_bytes(count)
    }

    #[test]
    fn the_fd_is_readable_from_signal_to_clear() {
        let event = EventFd::new().unwrap();
        assert!(!readable(&event, 0));
        event.clear();
        assert!(!readable(&event, 0));
        for _ in 0..3 {
            event.signal();
            assert!(readable(&event, 0));
            event.clear();
            assert!(!readable(&event, 0));
        }
    }

    #[test]
    fn many_signals_before_a_clear_are_one_write() {
        let event = EventFd::new().unwrap();
        for _ in 0..1000 {
            event.signal();
        }
        assert_eq!(writes(&event), 1);
    }

    #[test]
    fn a_signal_in_the_middle_of_a_clear_does_not_silence_later_ones() {
        let event = EventFd::new().unwrap();
        event.signal();
        event.clear_around(|| event.signal());
        event.signal();
        assert!(readable(&event, 0));
    }

    #[test]
    fn a_dup_of_the_fd_sees_the_same() {
        let event = EventFd::new().unwrap();
        let dup = event.fd().try_clone_to_owned().unwrap();
        event.signal();
        let mut count = [0; 8];
        assert_eq!(rustix::io::read(&dup, &mut count), Ok(8));
    }

    #[test]
    fn a_reader_that_keeps_the_contract_misses_nothing() {
        const PER_THREAD: u64 = 50_000;
        let event = Arc::new(EventFd::new().unwrap());
        let items = Arc::new(AtomicU64::new(0));
        let writers: Vec<_> = (0..2)
            .map(|_| {
                let (event, items) = (event.clone(), items.clone());
                std::thread::spawn(move || {
                    for _ in 0..PER_THREAD {
                        items.fetch_add(1, Ordering::Relaxed);
                        event.signal();
                    }
                })
            })
            .collect();
        let mut taken = 0;
        while taken < 2 * PER_THREAD {
            assert!(readable(&event, 10), "signal lost after {taken}");
            event.clear();
            taken += items.swap(0, Ordering::Relaxed);
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    }
}
