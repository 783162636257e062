//! `ottla_producer_send…` and the tickets of try-sends.

use std::ffi::{c_char, c_void};
use std::time::Duration;

use super::argument::{self, InOut, Out, OutArray, invalid};
use super::boundary;
use super::error::{ErrorOut, ottla_error_t};
use super::packed::{self, Reader};
use super::producer::{ProducerHandle, live, ottla_producer_t};
use super::record::{Headers, RecordArray, ottla_record_t, with_record, without_headers};
use super::shortcut::{door, send_by_shortcut, send_plain_by_shortcut};
use crate::error::{ErrorCode, Result};
use crate::producer::Limit;
use crate::record::Record;

/// Sends a record: appends it to its partition's batch and returns before it is on its way.
///
/// Ownership: `record` and all it points to are copied; the caller keeps them.
/// Thread safety: any thread.
/// Blocking: at most `max.block.ms`, for metadata of the topic and for buffer memory.
/// Returns: 0 if the record is accepted: there will be one delivery report. Else it is not and
/// there will be none: OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_UTF8, OTTLA_INVALID_TOPIC_EXCEPTION,
/// OTTLA_UNKNOWN_TOPIC_OR_PARTITION, OTTLA_MESSAGE_TOO_LARGE, OTTLA_TIMED_OUT (no metadata),
/// OTTLA_BUFFER_EXHAUSTED, OTTLA_REPORTS_FULL, OTTLA_INTERRUPTED, OTTLA_CLOSED,
/// OTTLA_PARTITIONER_FAILED, the code of a fatal error.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_send(
    producer: *const ottla_producer_t,
    record: *const ottla_record_t,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let door = door(producer);
        // SAFETY: the caller's promise about `record`.
        if unsafe { send_by_shortcut(door, record) } {
            return Ok(());
        }
        let handle = live(producer)?;
        // SAFETY: as above.
        unsafe { with_record(record, |record| handle.producer.send(record)) }?;
        handle.producer.open_shortcut(door);
        Ok(())
    })
}

/// As ottla_producer_send, with a limit of its own.
///
/// Ownership: `record` and all it points to are copied; the caller keeps them.
/// Thread safety: any thread.
/// Blocking: at most `timeout_ms`: 0 not at all, -1 without limit, OTTLA_MAX_BLOCK (-2) for
/// `max.block.ms`.
/// Returns: as ottla_producer_send.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_send_timeout(
    producer: *const ottla_producer_t,
    record: *const ottla_record_t,
    timeout_ms: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        let timeout = argument::send_timeout(timeout_ms, &handle.producer)?;
        // SAFETY: the caller's promise about `record`.
        unsafe { with_record(record, |record| handle.producer.send_timeout(record, timeout)) }
    })
}

/// Sends a record, or leaves a ticket where ottla_producer_send would wait.
///
/// Set `*ticket` to 0 at first. After OTTLA_WOULD_BLOCK it is the number of a place in the queue:
/// wait on the event fd until ottla_producer_ready_tickets tells that number, then call again
/// with the same record and number; or give it up with ottla_producer_cancel_ticket. After any
/// other status `*ticket` is 0, but after an error of an argument, which leaves it as it was.
/// `max.block.ms` counts from the first call. When it is over the ticket's number is told as if it
/// were ready, and the next call says what was waited for in vain. Interceptors see a record in
/// its first call only.
///
/// Ownership: `record` and all it points to are copied if it is accepted; the caller keeps them.
/// Thread safety: any thread; one ticket is used by one thread at a time.
/// Blocking: never.
/// Returns: OTTLA_WOULD_BLOCK, or as ottla_producer_send.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_try_send(
    producer: *const ottla_producer_t,
    record: *const ottla_record_t,
    ticket: *mut u64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `ticket`.
        let mut ticket = unsafe { InOut::new(ticket, "ticket") }?;
        let send = |record: &Record<'_>| ticket.update(|t| handle.producer.try_send(record, t));
        // SAFETY: the caller's promise about `record`.
        unsafe { with_record(record, send) }
    })
}

/// Sends a record that is given as single arguments, which Go and Python pass at less cost than
/// a struct. Fields mean what they mean in ottla_record_t. `headers_packed` are packed headers as
/// the top of this file describes them; a `headers_length` of 0 or -1 is none. With `ticket` not
/// NULL this is ottla_producer_try_send, and `timeout_ms` is not looked at.
///
/// Ownership: all bytes are copied; the caller keeps them.
/// Thread safety: any thread.
/// Blocking: at most `timeout_ms`: 0 not at all, -1 without limit, OTTLA_MAX_BLOCK (-2) for
/// `max.block.ms`. Never with `ticket`.
/// Returns: as ottla_producer_send, with `ticket` as ottla_producer_try_send.
/// Since: 0.1
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)] // Plain arguments are the point.
pub unsafe extern "C" fn ottla_producer_send_flat(
    producer: *const ottla_producer_t,
    topic: *const c_char,
    topic_length: i64,
    partition: i32,
    timestamp_ms: i64,
    key: *const c_void,
    key_length: i64,
    value: *const c_void,
    value_length: i64,
    headers_packed: *const c_void,
    headers_length: i64,
    opaque: u64,
    flags: u32,
    timeout_ms: i32,
    ticket: *mut u64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let door = door(producer);
        let parts = ottla_record_t {
            struct_size: size_of::<ottla_record_t>(),
            topic,
            topic_length,
            key,
            key_length,
            value,
            value_length,
            headers: std::ptr::null(),
            header_count: 0,
            timestamp_ms,
            opaque,
            partition,
            flags,
        };
        // SAFETY: the caller's promise about `ticket`.
        let begins = || ticket.is_null() || unsafe { ticket.read_unaligned() } == 0;
        let is_timeout = timeout_ms >= argument::OTTLA_MAX_BLOCK || !ticket.is_null();
        if is_timeout && matches!(headers_length, -1 | 0) {
            // SAFETY: the caller's promise about the arguments.
            if unsafe { send_plain_by_shortcut(door, &parts, begins) } {
                return Ok(());
            }
        }
        let handle = live(producer)?;
        // SAFETY: as above.
        let plain = unsafe { without_headers(&parts) }?;
        // SAFETY: the caller's promise about `headers_packed`.
        let packed = unsafe { argument::bytes(headers_packed, headers_length, "headers_packed") }?;
        let mut headers = Headers::new();
        if let Some(packed @ [_, ..]) = packed {
            Reader::new("headers_packed", packed).headers(&mut headers)?;
        }
        let record = Record { headers: headers.as_slice(), ..plain };
        // SAFETY: the caller's promise about `ticket`.
        unsafe { send_or_try(&handle, &record, timeout_ms, ticket) }?;
        handle.producer.open_shortcut(door);
        Ok(())
    })
}

/// Sends with a limit, or tries to, where there is a place for a ticket.
///
/// # Safety
/// `ticket` is null, or can be read and written until the function returns.
unsafe fn send_or_try(
    handle: &ProducerHandle,
    record: &Record<'_>,
    timeout_ms: i32,
    ticket: *mut u64,
) -> Result<()> {
    if ticket.is_null() {
        let timeout = argument::send_timeout(timeout_ms, &handle.producer)?;
        return handle.producer.send_timeout(record, timeout);
    }
    // SAFETY: the caller's promise about `ticket`.
    let mut ticket = unsafe { InOut::new(ticket, "ticket") }?;
    ticket.update(|ticket| handle.producer.try_send(record, ticket))
}

/// Sends `count` records of one topic from one packed block, whose layout the top of this file
/// describes. All records share `timeout_ms`; when it is used up the rest is still tried, without
/// waiting. A record can be refused and a later one accepted: if order matters more, send again
/// from the first that was refused only after looking at the statuses.
///
/// A block that is malformed is refused as a whole: nothing is sent, nothing is written but
/// `*accepted`, which becomes 0. Else every record has its status in `statuses`, and `*accepted`
/// is the number of zeros, whatever the function returns. Both may be NULL.
///
/// Ownership: the block is copied; the caller keeps it.
/// Thread safety: any thread.
/// Blocking: at most `timeout_ms` for all records: 0 not at all, -1 without limit,
/// OTTLA_MAX_BLOCK (-2) for `max.block.ms`.
/// Returns: 0 if all records are accepted; else the status of the first that is not, and the
/// error says which; statuses are those of ottla_producer_send.
/// Since: 0.1
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn ottla_producer_send_batch(
    producer: *const ottla_producer_t,
    topic: *const c_char,
    topic_length: i64,
    packed: *const c_void,
    packed_length: i64,
    count: usize,
    timeout_ms: i32,
    statuses: *mut i32,
    accepted: *mut usize,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    // SAFETY: the caller's promise about `accepted`.
    let accepted = unsafe { Out::optional(accepted) };
    accepted.set(0);
    boundary::run(error, || {
        let handle = live(producer)?;
        let mut limit = Limit::new(argument::send_timeout(timeout_ms, &handle.producer)?);
        // SAFETY: the caller's promise about `topic`.
        let topic = unsafe { argument::text(topic, topic_length, "topic") }?;
        // SAFETY: the caller's promise about `packed`.
        let packed = unsafe { argument::bytes(packed, packed_length, "packed") }?;
        let packed = packed.unwrap_or_default();
        packed::check(packed, count)?;
        let room = if statuses.is_null() { 0 } else { count };
        // SAFETY: the caller's promise about `statuses`.
        let statuses = unsafe { OutArray::new(statuses, size_of::<i32>(), room, "statuses") }?;
        let (mut reader, mut headers) = (Reader::new("packed", packed), Headers::new());
        let (mut sent, mut first_refused) = (0, None);
        for index in 0..count {
            let result = send_next(&mut reader, &mut headers, topic, &handle, &mut limit);
            let status = result.as_ref().map_or_else(|error| error.code().0, |()| 0);
            statuses.set(index, status);
            match result {
                Ok(()) => sent += 1,
                Err(error) => {
                    if error.code() == ErrorCode::INTERRUPTED {
                        // One interrupt ends the waiting of the whole call.
                        limit = Limit::new(Some(Duration::ZERO));
                    }
                    first_refused.get_or_insert_with(|| packed::in_record(index, &error));
                }
            }
        }
        accepted.set(sent);
        first_refused.map_or(Ok(()), Err)
    })
}

/// Sends `count` records of an array in their order, up to the first that is not accepted. That
/// takes less time than a call for each. Those that have no timestamp may share one.
///
/// `*sent`, which may not be NULL, becomes the number of those that were accepted, whatever the
/// function returns. What follows them is neither accepted nor refused: call again with the rest.
/// With `ticket` not NULL the rest waits as in ottla_producer_try_send, the ticket being that of
/// its first record, and `timeout_ms` is not looked at.
///
/// Ownership: the array, of which each record is `stride` bytes (sizeof(ottla_record_t)) after the
/// last, and all it points to are copied; the caller keeps them.
/// Thread safety: any thread; one ticket is used by one thread at a time.
/// Blocking: at most `timeout_ms` for all records: 0 not at all, -1 without limit,
/// OTTLA_MAX_BLOCK (-2) for `max.block.ms`. Never with `ticket`.
/// Returns: 0 if all records are accepted; else the status of the first that is not, which is one
/// of ottla_producer_send, with `ticket` of ottla_producer_try_send.
/// Since: 0.1
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn ottla_producer_send_array(
    producer: *const ottla_producer_t,
    records: *const ottla_record_t,
    stride: usize,
    count: usize,
    timeout_ms: i32,
    ticket: *mut u64,
    sent: *mut usize,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    // SAFETY: the caller's promise about `sent`.
    let accepted = unsafe { Out::optional(sent) };
    accepted.set(0);
    boundary::run(error, || {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `sent`.
        unsafe { Out::required(sent, "sent") }?;
        // SAFETY: the caller's promise about `records`.
        let records = unsafe { RecordArray::new(records, stride, count) }?;
        let mut patience = if ticket.is_null() {
            let limit = Limit::new(argument::send_timeout(timeout_ms, &handle.producer)?);
            ArrayPatience::Block(limit)
        } else {
            // SAFETY: the caller's promise about `ticket`.
            ArrayPatience::Ticket(unsafe { InOut::new(ticket, "ticket") }?)
        };
        let mut sent = 0;
        while sent < count {
            let more = |n| records.plain(sent + 1 + n);
            let send = |record: &Record<'_>| {
                match &mut patience {
                    ArrayPatience::Block(limit) => handle.producer.send_within(record, limit),
                    ArrayPatience::Ticket(ticket) => {
                        ticket.update(|ticket| handle.producer.try_send(record, ticket))
                    }
                }?;
                Ok(1 + handle.producer.send_more(record, more))
            };
            sent += records.with(sent, send)?;
            accepted.set(sent);
        }
        Ok(())
    })
}

/// How the records of an array may wait.
enum ArrayPatience {
    Block(Limit),
    Ticket(InOut),
}

fn send_next<'a>(
    reader: &mut Reader<'a>,
    headers: &mut Headers<'a>,
    topic: &str,
    handle: &ProducerHandle,
    limit: &mut Limit,
) -> Result<()> {
    let record = reader.record()?;
    let numbers = record.numbers()?;
    record.headers.headers(headers)?;
    let record = numbers.record(topic, record.key, record.value, headers.as_slice());
    handle.producer.send_within(&record, limit)
}

/// Reads the numbers of tickets that are ready: their sends can be tried again. Each is told once.
///
/// Ownership: fills `tickets`, an array of the caller's of `capacity` numbers; `*count` is how
/// many were written, 0 if none is ready.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_ready_tickets(
    producer: *const ottla_producer_t,
    tickets: *mut u64,
    capacity: usize,
    count: *mut usize,
) -> i32 {
    boundary::run_quietly(|| {
        let handle = live(producer)?;
        // SAFETY: the caller's promise about `count`.
        let count = unsafe { Out::required(count, "count") }?;
        // SAFETY: the caller's promise about `tickets`.
        let tickets = unsafe { OutArray::new(tickets, size_of::<u64>(), capacity, "tickets") }?;
        let mut written = 0;
        while written < capacity {
            let Some(ticket) = handle.producer.take_ready_ticket() else { break };
            tickets.set(written, ticket);
            written += 1;
        }
        count.set(written);
        Ok(())
    })
}

/// Gives a ticket up. The error object says what its send waited for and why that was not over:
/// it is the error that the send failed with.
///
/// Ownership: `*error` is the caller's, to be freed.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: never 0: OTTLA_TIMED_OUT if it waited for metadata, OTTLA_BUFFER_EXHAUSTED if for
/// memory, OTTLA_INVALID_ARGUMENT if `ticket` is none of this producer's or was used already,
/// OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_producer_cancel_ticket(
    producer: *const ottla_producer_t,
    ticket: u64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(producer)?;
        let unknown =
            || invalid(format!("ticket {ticket} is none of this producer's, or was used already"));
        Err(handle.producer.cancel_ticket(ticket).unwrap_or_else(unknown))
    })
}
