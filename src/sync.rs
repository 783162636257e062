//! The locks, atomics and threads of the library, in one place: a scheduler that tries many
//! interleavings (shuttle, in `make schedules`) can take the part of the first two, and a test that
//! of a system without threads to spare.

#[cfg(not(feature = "shuttle"))]
pub use parking_lot::{Condvar, Mutex, MutexGuard};
#[cfg(not(feature = "shuttle"))]
pub use std::{sync::atomic, thread::yield_now, thread_local};

#[cfg(feature = "shuttle")]
pub use scheduled::{Condvar, Mutex, MutexGuard};
#[cfg(feature = "shuttle")]
pub use shuttle::{sync::atomic, thread::yield_now, thread_local};

/// Starts a thread of the library, if the system lets it.
pub fn spawn<T: Send + 'static>(
    name: String,
    run: impl FnOnce() -> T + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<T>> {
    #[cfg(test)]
    refusals::check()?;
    std::thread::Builder::new().name(name).spawn(run)
}

/// Threads that a test has the system refuse.
#[cfg(test)]
pub mod refusals {
    use std::cell::Cell;

    std::thread_local! {
        /// How many threads this thread may still start.
        pub static ALLOWED: Cell<usize> = const { Cell::new(usize::MAX) };
    }

    pub fn check() -> std::io::Result<()> {
        let allowed = ALLOWED.get();
        ALLOWED.set(allowed.saturating_sub(1));
        if allowed == 0 { Err(std::io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    }
}

/// parking_lot's interface over shuttle's locks, as far as it is used.
#[cfg(feature = "shuttle")]
mod scheduled {
    use std::ops::{Deref, DerefMut};
    use std::time::Duration;

    /// A lock.
    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    /// A lock that is held. It is empty only while a condition is waited for.
    pub struct MutexGuard<'a, T>(Option<shuttle::sync::MutexGuard<'a, T>>);

    /// A condition.
    #[derive(Debug, Default)]
    pub struct Condvar(shuttle::sync::Condvar);

    impl<T> Mutex<T> {
        /// A lock around `value`.
        pub const fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        /// Takes the lock.
        pub fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(self.0.lock().ok())
        }

        /// Takes the lock if nobody has it.
        pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            self.0.try_lock().ok().map(|guard| MutexGuard(Some(guard)))
        }

        /// Takes the lock; the time is no matter here.
        pub fn try_lock_for(&self, _: Duration) -> Option<MutexGuard<'_, T>> {
            Some(self.lock())
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;
        fn deref(&self) -> &T {
            self.0.as_ref().expect("the lock is held")
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().expect("the lock is held")
        }
    }

    impl Condvar {
        /// A condition for which nobody waits.
        pub const fn new() -> Condvar {
            Condvar(shuttle::sync::Condvar::new())
        }

        /// Waits until notified.
        pub fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            let held = guard.0.take().expect("the lock is held");
            guard.0 = self.0.wait(held).ok();
        }

        /// Waits until notified; the time does not pass.
        pub fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _: Duration) {
            self.wait(guard);
        }

        /// Wakes all who wait.
        pub fn notify_all(&self) {
            self.0.notify_all();
        }
    }
}
