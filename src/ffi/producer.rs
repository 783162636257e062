//! `ottla_producer_t`: making, flushing, closing, and what else is not sending.

use std::ffi::c_char;
use std::mem;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use super::argument::{self, Out, OutArray};
use super::boundary;
use super::config::{self, ottla_config_t};
use super::error::{ErrorOut, ottla_error_t};
use super::fork::Home;
use super::handle::{Held, Kind, Table};
use crate::error::{Error, ErrorCode, Result};
use crate::producer::{Producer, Purge};

/// A producer. Functions: ottla_producer_new, _send, _send_timeout, _try_send, _send_flat,
/// _send_batch, _send_array, _ready_tickets, _cancel_ticket, _poll_reports, _poll, _event_fd,
/// _event_clear, _flush, _purge, _close, _interrupt, _partitions_for, _metrics, _fatal_error,
/// _free, _try_flush, _try_close, _try_partitions_for.
pub struct ottla_producer_t {
    _opaque: (),
}

/// A partition of a topic.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ottla_partition_t {
    /// Its number.
    pub partition: i32,
    /// The number of the broker that leads it; -1 if none does at the moment.
    pub leader: i32,
}

const _: () = assert!(size_of::<ottla_partition_t>() == 8);

/// What is behind the handle.
pub struct ProducerHandle {
    pub producer: Arc<Producer>,
    home: Home,
}

static PRODUCERS: Table<ProducerHandle, ottla_producer_t> = Table::new(Kind::Producer);

/// The producer behind a handle, if it belongs to this process.
#[inline]
pub fn live(producer: *const ottla_producer_t) -> Result<Held<ProducerHandle>> {
    let handle = PRODUCERS.require(producer, "producer")?;
    handle.home.check(&handle.producer)?;
    Ok(handle)
}

/// Makes a producer. It connects to nothing and starts no thread before its first use.
///
/// Ownership: `*producer` is the caller's, to be freed with ottla_producer_free. `config` is
/// copied and stays the caller's.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_CONFIGURATION if values do not fit together, OTTLA_NO_RESOLVABLE_BOOTSTRAP,
/// OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_new(
    config: *const ottla_config_t,
    producer: *mut *mut ottla_producer_t,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let settings = config::settings(config)?;
        // SAFETY: the caller's promise about `producer`.
        let out = unsafe { Out::required(producer, "producer") }?;
        let (config, hooks) = {
            let settings = settings.lock();
            (settings.config.clone(), settings.hooks())
        };
        let home = Home::here();
        let producer = Producer::new(&config, hooks)?;
        let full = |_| Error::new(ErrorCode::INTERNAL, "too many producers, free some");
        out.set(PRODUCERS.insert(ProducerHandle { producer, home }).map_err(full)?);
        Ok(())
    })
}

/// Serves the report callback and the log callback with what there is.
///
/// Ownership: `*count`, which may be NULL, becomes the number of reports given to the callback.
/// Thread safety: any thread.
/// Blocking: at most `timeout_ms` for the first report: 0 not at all, -1 without limit. It also
/// ends, with a count of 0, when a ticket is ready; with OTTLA_CLOSED where nothing is left of a
/// closed producer and it would wait.
/// Returns: 0; OTTLA_WRONG_MODE with delivery.report.mode=dispatch, OTTLA_INTERRUPTED,
/// OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_poll(
    producer: *const ottla_producer_t,
    timeout_ms: i32,
    count: *mut usize,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        let served = handle.producer.poll(argument::timeout(timeout_ms)?)?;
        // SAFETY: the caller's promise about `count`.
        unsafe { Out::optional(count) }.set(served);
        Ok(())
    })
}

/// Sends what was accepted so far without lingering, and waits until each record has its outcome.
/// With a report callback all those reports are delivered when it returns 0.
///
/// Ownership: nothing.
/// Thread safety: any thread, but not inside a callback of the same producer.
/// Blocking: at most `timeout_ms`: 0 not at all, -1 without limit.
/// Returns: 0, also if records failed: that is in their reports; OTTLA_TIMED_OUT,
/// OTTLA_INTERRUPTED, OTTLA_IN_CALLBACK, OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE,
/// OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_flush(
    producer: *const ottla_producer_t,
    timeout_ms: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(producer)?.producer.flush(argument::timeout(timeout_ms)?))
}

/// For ottla_producer_purge: records that wait to be sent, or to be sent again.
pub const OTTLA_PURGE_QUEUED: u32 = 1;
/// For ottla_producer_purge: records in requests that are not answered.
pub const OTTLA_PURGE_IN_FLIGHT: u32 = 2;

/// Gives up records that were accepted before this call; the producer goes on. Each has its report
/// at once, with OTTLA_PURGED: what was never sent is not persisted, what is in flight or waits
/// for another attempt is possibly persisted, unless that attempt was surely refused.
///
/// Ownership: nothing. `flags` are OTTLA_PURGE_QUEUED, OTTLA_PURGE_IN_FLIGHT, or both.
/// Thread safety: any thread, also inside a callback.
/// Blocking: never.
/// Returns: 0; OTTLA_CLOSED, the code of a fatal error, OTTLA_INVALID_ARGUMENT for no flag or
/// one that is not known, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_purge(
    producer: *const ottla_producer_t,
    flags: u32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        if flags == 0 || flags & !(OTTLA_PURGE_QUEUED | OTTLA_PURGE_IN_FLIGHT) != 0 {
            let text = format!("flags {flags:#x}: OTTLA_PURGE_QUEUED and _IN_FLIGHT are known");
            return Err(Error::new(ErrorCode::INVALID_ARGUMENT, text));
        }
        let queued = flags & OTTLA_PURGE_QUEUED != 0;
        let in_flight = flags & OTTLA_PURGE_IN_FLIGHT != 0;
        handle.producer.purge(Purge { queued, in_flight })
    })
}

/// Ends a producer: it takes no more records, waits for those it accepted, and ends its threads.
/// What is not acknowledged in time is reported as failed (OTTLA_CLOSED_FORCEFULLY), and then the
/// same status is returned here: the producer is closed all the same, and so it is after
/// OTTLA_TIMED_OUT, which says that a callback that had begun has not returned. Reports that are
/// pulled can still be pulled. A call while another one is under way waits for it and returns the
/// same; a later one does nothing. Only after OTTLA_INTERRUPTED is it to be called again.
///
/// Ownership: the handle stays the caller's, to be freed.
/// Thread safety: any thread, but not inside a callback of the same producer.
/// Blocking: at most `timeout_ms`, and a little for the threads to end: 0 not at all, -1 without
/// limit.
/// Returns: 0; OTTLA_CLOSED_FORCEFULLY, OTTLA_TIMED_OUT, OTTLA_INTERRUPTED, OTTLA_IN_CALLBACK,
/// OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_close(
    producer: *const ottla_producer_t,
    timeout_ms: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(producer)?.producer.close(argument::timeout(timeout_ms)?))
}

/// Frees a producer, and closes it with timeout 0 if it is not closed: what is not acknowledged
/// is lost then. In a child process, where its threads are not, it only frees the handle.
///
/// Ownership: takes `producer`; NULL is fine. Topic texts of its reports are gone after it.
/// Thread safety: any thread, but not inside a callback of the same producer. To free while
/// another thread is inside a call is a mistake, though that call ends safely.
/// Blocking: a little, for the threads to end.
/// Returns: 0, also if records are lost; OTTLA_INVALID_HANDLE if it is no producer or was freed
/// before, OTTLA_IN_CALLBACK; OTTLA_TIMED_OUT if it is freed but a callback has not returned.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_producer_free(producer: *mut ottla_producer_t) -> i32 {
    boundary::run_quietly(|| {
        if producer.is_null() {
            return Ok(());
        }
        let handle = PRODUCERS.require(producer, "producer")?;
        if handle.home.is_left(&handle.producer) {
            // Its drop would wait for threads that this process does not have.
            mem::forget(PRODUCERS.remove(producer, "producer")?);
            return Ok(());
        }
        handle.producer.check_not_in_callback("free")?;
        let taken = PRODUCERS.remove(producer, "producer")?;
        match taken.producer.close(Some(Duration::ZERO)) {
            Err(error) if error.code() == ErrorCode::CLOSED_FORCEFULLY => Ok(()),
            result => result,
        }
    })
}

/// Ends all waits of other threads in this producer that have begun, with OTTLA_INTERRUPTED:
/// sends, polls, flush. The next wait is not concerned.
///
/// Ownership: nothing.
/// Thread safety: any thread. Not from a signal handler.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_producer_interrupt(producer: *const ottla_producer_t) -> i32 {
    boundary::run_quietly(|| {
        live(producer)?.producer.interrupt();
        Ok(())
    })
}

/// The event fd: readable when there may be reports, log lines or ready tickets. For each time
/// it is readable: ottla_producer_event_clear, then take everything until there is nothing left
/// (polls with timeout 0, ottla_producer_ready_tickets), then wait again.
///
/// Ownership: the fd is the producer's and lives until it is freed; the caller may dup it.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INTERNAL if none can be made, OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE,
/// OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_event_fd(
    producer: *const ottla_producer_t,
    fd: *mut i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `fd`.
        let out = unsafe { Out::required(fd, "fd") }?;
        out.set(handle.producer.event_fd()?.fd().as_raw_fd());
        Ok(())
    })
}

/// Makes the event fd quiet until there is news.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INTERNAL, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_producer_event_clear(producer: *const ottla_producer_t) -> i32 {
    boundary::run_quietly(|| {
        live(producer)?.producer.event_fd()?.clear();
        Ok(())
    })
}

/// The partitions of a topic and their leaders.
///
/// Ownership: fills `partitions`, an array of the caller's with room for `capacity` partitions,
/// each `stride` bytes (sizeof(ottla_partition_t)) after the last. `*count` is how many there
/// are, which may be more than `capacity`; with capacity 0 that is all one learns.
/// Thread safety: any thread.
/// Blocking: at most `timeout_ms`, until the topic is known: 0 not at all, -1 without limit,
/// OTTLA_MAX_BLOCK (-2) for `max.block.ms`.
/// Returns: 0; OTTLA_TIMED_OUT, OTTLA_INVALID_TOPIC_EXCEPTION, OTTLA_TOPIC_AUTHORIZATION_FAILED,
/// OTTLA_INTERRUPTED, OTTLA_CLOSED, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
/// OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn ottla_producer_partitions_for(
    producer: *const ottla_producer_t,
    topic: *const c_char,
    topic_length: i64,
    partitions: *mut ottla_partition_t,
    stride: usize,
    capacity: usize,
    count: *mut usize,
    timeout_ms: i32,
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
        let timeout = argument::send_timeout(timeout_ms, &handle.producer)?;
        out.fill(&handle.producer.partitions_for(topic, timeout)?);
        Ok(())
    })
}

/// Where the partitions of a topic and their number go.
pub struct PartitionsOut {
    partitions: OutArray<ottla_partition_t>,
    count: Out<usize>,
}

impl PartitionsOut {
    /// # Safety
    /// `partitions` can be written for `capacity` elements of `stride` bytes, and `count` is null
    /// or can be written, until the function returns.
    pub unsafe fn new(
        partitions: *mut ottla_partition_t,
        stride: usize,
        capacity: usize,
        count: *mut usize,
    ) -> Result<PartitionsOut> {
        // SAFETY: the caller's promise.
        let partitions = unsafe { OutArray::new(partitions, stride, capacity, "partitions") }?;
        // SAFETY: the caller's promise.
        Ok(PartitionsOut { partitions, count: unsafe { Out::required(count, "count") }? })
    }

    pub fn fill(self, found: &[(i32, i32)]) {
        for (index, (partition, leader)) in found.iter().enumerate() {
            let partition = ottla_partition_t { partition: *partition, leader: *leader };
            self.partitions.set(index, partition);
        }
        self.count.set(found.len());
    }
}

/// A snapshot of the producer's counters: one JSON object, under Kafka's metric names.
///
/// Ownership: the text is copied to `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it.
/// `*length` is its whole length without the NUL: call with capacity 0 to learn it, and again if
/// it is not below `capacity`, as numbers grow.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_metrics(
    producer: *const ottla_producer_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut i64,
) -> i32 {
    boundary::run_quietly(|| {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `length`.
        let length = unsafe { Out::required(length, "length") }?;
        let text = handle.producer.metrics_json();
        // SAFETY: the caller's promise about `buffer`.
        unsafe { argument::copy_text(&text, buffer, capacity) }?;
        length.set(text.len() as i64);
        Ok(())
    })
}

/// The error after which this producer accepts nothing any more, if there was one.
///
/// Ownership: `*error` is the caller's, to be freed.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0 if there was none; else the error's code; OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_fatal_error(
    producer: *const ottla_producer_t,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(producer)?.producer.fatal_error().map_or(Ok(()), Err))
}
