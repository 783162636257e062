//! What else than sends a program with an event loop must not wait in: flush, close, and asking for
//! partitions, as calls that never wait.

use std::ffi::c_char;

use super::argument::{self, InOut};
use super::boundary;
use super::error::{ErrorOut, ottla_error_t};
use super::producer::{PartitionsOut, live, ottla_partition_t, ottla_producer_t};

/// Flushes without waiting. Set `*mark` to 0 at first. After OTTLA_WOULD_BLOCK it says how far to
/// flush: whenever the event fd is readable clear it, then call again with the mark, until the
/// answer is another one. It holds nothing: a flush that is given up needs no end. Reports may be
/// unread, and a report callback not yet called, when this returns 0.
///
/// Ownership: `*mark` is the caller's number; after 0 it is 0.
/// Thread safety: any thread, but not inside a callback of the same producer.
/// Blocking: never.
/// Returns: 0, also if records failed: that is in their reports; OTTLA_WOULD_BLOCK,
/// OTTLA_IN_CALLBACK, OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_try_flush(
    producer: *const ottla_producer_t,
    mark: *mut u64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `mark`.
        let mut mark = unsafe { InOut::new(mark, "mark") }?;
        mark.update(|mark| handle.producer.try_flush(mark))
    })
}

/// Closes without waiting for brokers: no more records are taken from the first call on. After
/// OTTLA_WOULD_BLOCK some that were accepted have no outcome yet: whenever the event fd is readable
/// clear it, then call again, until the answer is another one; or call ottla_producer_close, with
/// a timeout of 0 if what is left is to be given up. For producers without a report callback.
///
/// Ownership: the handle stays the caller's, to be freed.
/// Thread safety: any thread, but not inside a callback of the same producer.
/// Blocking: a little, for the threads to end, in the call that returns 0.
/// Returns: 0 if the producer is closed and every record has its outcome; OTTLA_WOULD_BLOCK,
/// OTTLA_WRONG_MODE, OTTLA_IN_CALLBACK, OTTLA_INVALID_HANDLE, OTTLA_FORKED, and as
/// ottla_producer_close.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_try_close(
    producer: *const ottla_producer_t,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(producer)?.producer.try_close())
}

/// As ottla_producer_partitions_for, or leaves a ticket where that would wait, as
/// ottla_producer_try_send does: `*ticket` is 0 at first, and after OTTLA_WOULD_BLOCK the number
/// to come again with when ottla_producer_ready_tickets tells it, or to give up with
/// ottla_producer_cancel_ticket. A topic that is known is not asked for again.
///
/// Ownership: fills `partitions` and `*count` as ottla_producer_partitions_for does.
/// Thread safety: any thread; one ticket is used by one thread at a time.
/// Blocking: never.
/// Returns: OTTLA_WOULD_BLOCK, or as ottla_producer_partitions_for.
/// Since: 0.1
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn ottla_producer_try_partitions_for(
    producer: *const ottla_producer_t,
    topic: *const c_char,
    topic_length: i64,
    partitions: *mut ottla_partition_t,
    stride: usize,
    capacity: usize,
    count: *mut usize,
    ticket: *mut u64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `topic`.
        let topic = unsafe { argument::text(topic, topic_length, "topic") }?;
        // SAFETY: the caller's promise about `partitions` and `count`.
        let out = unsafe { PartitionsOut::new(partitions, stride, capacity, count) }?;
        // SAFETY: the caller's promise about `ticket`.
        let mut ticket = unsafe { InOut::new(ticket, "ticket") }?;
        out.fill(&ticket.update(|ticket| handle.producer.try_partitions_for(topic, ticket))?);
        Ok(())
    })
}
