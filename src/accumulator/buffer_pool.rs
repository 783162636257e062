//! BufferPool: a ledger of `buffer.memory`, first come first served.
//!
//! Java's class of that name with three differences. A newcomer never overtakes a waiter. A buffer
//! goes back when its last owner drops it, by type: batch, request and socket queue share it, so a
//! batch that expired while it is being written cannot have its bytes reused (CVE-2026-35554). And
//! the last buffer returned is the first one handed out, as its bytes are still in the cache.

use crate::sync::atomic::{AtomicUsize, Ordering};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorCode, Result};
use crate::sync::Mutex;
use crate::ticket::{OnReady, Ticket};

/// With so much memory in use sending threads are ahead of the I/O thread: about what the caches of
/// a core hold, and more than the requests on a fast network.
const AHEAD: usize = 3 << 20;
/// They wait for it until so much is left in use,
const BEHIND: usize = 2 << 20;
/// and look whether they must after so many granted bytes, or fewer if they are further ahead.
const LOOK_EVERY: usize = 256 << 10;
/// How long they wait at most for each look,
const CATCH_UP: Duration = Duration::from_millis(1);
/// and how many looks are one wait at most, where a large buffer is granted at once.
const CATCH_UPS_MAX: usize = 10;

/// Memory that was granted: the bytes are charged, the buffer is made outside the lock.
pub struct Grant {
    size: usize,
    pooled: Option<Vec<u8>>,
}

/// A reservation, or a place in the queue.
pub enum Reserve {
    /// The memory is there.
    Granted(Buffer),
    /// It is not; the ticket is ready when it is.
    Wait(Arc<Ticket<Grant>>),
}

struct Waiter {
    size: usize,
    ticket: Arc<Ticket<Grant>>,
}

struct Ledger {
    /// Bytes that nobody holds; the free list below is part of them.
    free: usize,
    pooled: Vec<Vec<u8>>,
    waiters: VecDeque<Waiter>,
    /// Bytes granted since somebody was told to let the I/O thread catch up.
    granted: usize,
    closed: bool,
}

/// The ledger of one producer.
pub struct BufferPool {
    total: usize,
    poolable: usize,
    ledger: Mutex<Ledger>,
    /// The number of waiters, to be read without the lock.
    queued: AtomicUsize,
    /// Bytes that are out, to be read without the lock.
    in_use: AtomicUsize,
    /// How often `CATCH_UP` the next thread that asks is to let the I/O thread catch up.
    catch_ups: AtomicUsize,
}

impl BufferPool {
    /// `total` bytes (`buffer.memory`), of which buffers of `poolable` bytes (`batch.size`) are
    /// kept for reuse.
    pub fn new(total: usize, poolable: usize) -> Arc<BufferPool> {
        let (pooled, waiters) = (Vec::new(), VecDeque::new());
        let ledger = Ledger { free: total, pooled, waiters, granted: 0, closed: false };
        Arc::new(BufferPool {
            total,
            poolable,
            ledger: Mutex::new(ledger),
            queued: AtomicUsize::new(0),
            in_use: AtomicUsize::new(0),
            catch_ups: AtomicUsize::new(0),
        })
    }

    /// Reserves `size` bytes, or takes a place in the queue. `on_ready` goes into the ticket.
    pub fn reserve(
        self: &Arc<Self>,
        size: usize,
        on_ready: impl FnOnce() -> Option<OnReady>,
    ) -> Result<Reserve> {
        if size > self.total {
            let text = format!(
                "{size} bytes of buffer are needed but buffer.memory is {} in all: \
                 raise buffer.memory, or lower batch.size",
                self.total
            );
            return Err(Error::new(ErrorCode::MESSAGE_TOO_LARGE, text));
        }
        let mut ledger = self.ledger.lock();
        if ledger.closed {
            return Err(closed());
        }
        if ledger.waiters.is_empty() && ledger.free >= size {
            let grant = ledger.grant(size, self.poolable);
            self.granted(&mut ledger, size);
            drop(ledger);
            return Ok(Reserve::Granted(self.buffer(grant)));
        }
        let ticket = Arc::new(Ticket::new(on_ready()));
        ledger.waiters.push_back(Waiter { size, ticket: ticket.clone() });
        // In one order with the sleep of the I/O thread, which looks here before it sleeps.
        self.queued.store(ledger.waiters.len(), Ordering::SeqCst);
        Ok(Reserve::Wait(ticket))
    }

    /// Turns a grant into its buffer. A grant of a closed pool is empty: an error.
    pub fn redeem(self: &Arc<Self>, grant: Grant) -> Result<Buffer> {
        if grant.size == 0 {
            return Err(closed());
        }
        Ok(self.buffer(grant))
    }

    /// Gives a place in the queue up, and what it was granted in the meantime.
    pub fn cancel(self: &Arc<Self>, ticket: &Arc<Ticket<Grant>>) {
        {
            let mut ledger = self.ledger.lock();
            ledger.waiters.retain(|waiter| !Arc::ptr_eq(&waiter.ticket, ticket));
            self.queued.store(ledger.waiters.len(), Ordering::Relaxed);
        }
        match ticket.cancel() {
            Some(grant) if grant.size > 0 => drop(self.buffer(grant)),
            // The one that gave up may have stood before others that fit.
            _ => self.release(0, None),
        }
    }

    /// Fails those who wait and those who come; what is out may still come back.
    pub fn close(&self) {
        let mut ledger = self.ledger.lock();
        ledger.closed = true;
        let waiters = std::mem::take(&mut ledger.waiters);
        self.queued.store(0, Ordering::Relaxed);
        drop(ledger);
        for waiter in waiters {
            waiter.ticket.fulfil(Grant { size: 0, pooled: None });
        }
    }

    /// Ends all waits with `Interrupted`.
    pub fn interrupt(&self) {
        let waiters: Vec<_> =
            self.ledger.lock().waiters.iter().map(|waiter| waiter.ticket.clone()).collect();
        waiters.iter().for_each(|ticket| ticket.interrupt());
    }

    /// How many wait for memory.
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Bytes that nobody holds.
    pub fn available(&self) -> usize {
        self.ledger.lock().free
    }

    /// How long the thread that asks should let the I/O thread catch up before it goes on, if it
    /// should. One is told so for every 256 KiB that are granted with 3 MiB in use, and more often
    /// with more.
    ///
    /// Sending threads could else fill all of the memory while the I/O thread waits for a core or
    /// works on the first part: every byte would leave the caches before it is sent, which costs
    /// more than the sending.
    pub fn take_catch_up(&self) -> Option<Duration> {
        if self.catch_ups.load(Ordering::Relaxed) == 0 {
            return None;
        }
        let catch_ups = self.catch_ups.swap(0, Ordering::Relaxed).min(CATCH_UPS_MAX);
        (catch_ups > 0).then(|| CATCH_UP * catch_ups as u32)
    }

    /// Whether the I/O thread has caught up.
    pub fn is_caught_up(&self) -> bool {
        self.in_use.load(Ordering::Relaxed) <= BEHIND
    }

    fn granted(&self, ledger: &mut Ledger, size: usize) {
        let in_use = self.total - ledger.free;
        self.in_use.store(in_use, Ordering::Relaxed);
        if in_use >= AHEAD {
            ledger.granted += size;
            let catch_ups = ledger.granted.saturating_mul(in_use / AHEAD) / LOOK_EVERY;
            if catch_ups > 0 {
                ledger.granted = 0;
                self.catch_ups.store(catch_ups, Ordering::Relaxed);
            }
        }
    }

    /// Bytes in all.
    pub fn total(&self) -> usize {
        self.total
    }

    fn buffer(self: &Arc<Self>, grant: Grant) -> Buffer {
        let bytes = grant.pooled.unwrap_or_else(|| Vec::with_capacity(grant.size));
        Buffer { bytes, end: 0, charged: grant.size, pool: self.clone() }
    }

    fn release(&self, size: usize, bytes: Option<Vec<u8>>) {
        let mut granted = Vec::new();
        let mut ledger = self.ledger.lock();
        ledger.free += size;
        if let Some(bytes) = bytes.filter(|bytes| bytes.capacity() == self.poolable) {
            ledger.pooled.push(bytes);
        }
        while ledger.waiters.front().is_some_and(|waiter| waiter.size <= ledger.free) {
            let Some(waiter) = ledger.waiters.pop_front() else { break };
            let grant = ledger.grant(waiter.size, self.poolable);
            self.granted(&mut ledger, waiter.size);
            granted.push((waiter.ticket, grant));
        }
        self.queued.store(ledger.waiters.len(), Ordering::Relaxed);
        self.in_use.store(self.total - ledger.free, Ordering::Relaxed);
        drop(ledger);
        for (ticket, grant) in granted {
            // Whoever gave up between the grant and here leaves it to the next.
            if let Some(grant) = ticket.fulfil(grant) {
                self.release(grant.size, grant.pooled);
            }
        }
    }
}

impl Ledger {
    fn grant(&mut self, size: usize, poolable: usize) -> Grant {
        self.free -= size;
        let pooled = if size == poolable { self.pooled.pop() } else { None };
        // Spare buffers are real memory too: drop what the ledger says is taken.
        while self.pooled.len() * poolable > self.free {
            self.pooled.pop();
        }
        Grant { size, pooled }
    }
}

fn closed() -> Error {
    Error::new(ErrorCode::CLOSED, "the producer was closed while the call waited for memory")
}

/// A buffer of the pool. Dropping it gives the memory back.
pub struct Buffer {
    /// The bytes that were written, and behind `end` some that may be written over: what was made
    /// ready once stays so when the buffer is used again.
    bytes: Vec<u8>,
    end: usize,
    charged: usize,
    pool: Arc<BufferPool>,
}

/// So many bytes at least are made ready to be written over at once.
const READY_AT_ONCE: usize = 4096;

impl Buffer {
    /// Bytes behind those that were written, `len` at least, to be written over; `None` if there
    /// is no such room. What was written there counts after `advance`.
    #[inline(always)]
    pub fn room(&mut self, len: usize) -> Option<&mut [u8]> {
        if self.bytes.len() - self.end < len && !self.make_ready(len) {
            return None;
        }
        self.ready(len)
    }

    /// As `room`, only where the bytes are ready to be written over.
    #[inline(always)]
    pub fn ready(&mut self, len: usize) -> Option<&mut [u8]> {
        self.bytes.get_mut(self.end..).filter(|room| room.len() >= len)
    }

    #[cold]
    #[inline(never)]
    fn make_ready(&mut self, len: usize) -> bool {
        if self.bytes.capacity() - self.end < len {
            return false;
        }
        let ready = self.end + len.max(READY_AT_ONCE);
        self.bytes.resize(ready.min(self.bytes.capacity()), 0);
        true
    }

    /// Counts the first `len` bytes of the room as written.
    #[inline(always)]
    pub fn advance(&mut self, len: usize) {
        self.end = (self.end + len).min(self.bytes.len());
    }

    /// Has `write` append to the bytes; their capacity is what was reserved.
    pub fn append(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.end);
        write(&mut self.bytes);
        self.end = self.bytes.len();
    }

    /// The number of bytes written.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.end
    }

    /// The number of bytes reserved.
    pub fn capacity(&self) -> usize {
        self.charged
    }
}

impl Buffer {
    /// One buffer with `bytes` in it out of the memory of `buffers`, which are of one pool and were
    /// reserved for at least as much; what is too much goes back.
    pub fn with_memory_of(buffers: Vec<Buffer>, bytes: &[u8]) -> Option<Buffer> {
        let mut buffers = buffers.into_iter();
        let mut whole = buffers.next()?;
        if whole.bytes.capacity() < bytes.len() {
            whole.bytes = Vec::with_capacity(bytes.len());
            for mut other in buffers {
                if whole.charged >= bytes.len() {
                    break;
                }
                whole.charged += std::mem::take(&mut other.charged);
                other.bytes = Vec::new();
            }
        }
        whole.end = 0;
        whole.append(|empty| empty.extend_from_slice(bytes));
        Some(whole)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.end]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.pool.release(self.charged, Some(std::mem::take(&mut self.bytes)));
    }
}

#[cfg(test)]
#[path = "buffer_pool_tests.rs"]
mod tests;
