//! `ottla_cluster_t`: an embedded cluster for tests, and what can be done to it.

use std::ffi::c_char;
use std::mem;

use super::argument::{self, Out};
use super::boundary;
use super::error::{ErrorOut, ottla_error_t};
use super::fork::Home;
use super::handle::{Held, Kind, Table};
use crate::broker::{Cluster, ClusterConfig, Fault, FaultId};
use crate::error::{Error, ErrorCode, Result};

/// A cluster of brokers in this process, on loopback and in memory, for tests. Functions:
/// ottla_cluster_new, _bootstrap_servers, _create_topic, _kill, _start, _pause, _resume,
/// _move_leader, _leader, _inject, _heal, _command, _free.
pub struct ottla_cluster_t {
    _opaque: (),
}

/// What is behind the handle.
struct ClusterHandle {
    cluster: Cluster,
    home: Home,
}

static CLUSTERS: Table<ClusterHandle, ottla_cluster_t> = Table::new(Kind::Cluster);

/// The cluster behind a handle, if it runs in this process.
fn live(cluster: *const ottla_cluster_t) -> Result<Held<ClusterHandle>> {
    let handle = CLUSTERS.require(cluster, "cluster")?;
    if handle.home.is_elsewhere() {
        let text = "the cluster was started before this process was forked and its threads are in \
                    the parent: connect to its bootstrap servers, or start one in the child";
        return Err(Error::new(ErrorCode::FORKED, text));
    }
    Ok(handle)
}

/// Starts a cluster; when it returns, clients can connect. `config` is a text of lines key=value,
/// NULL or empty for one broker: `brokers=3`, `port=9092` (of the first broker; 0 takes free
/// ones), `topic=NAME:PARTITIONS` as often as one likes, Kafka's keys of brokers
/// (`num.partitions`, `default.replication.factor`, `auto.create.topics.enable`, …) and those of
/// topics, which hold for all topics (`min.insync.replicas`, `retention.bytes`, …).
///
/// Ownership: `*cluster` is the caller's, to be freed with ottla_cluster_free. `config` is copied;
/// its length is -1 if a NUL is behind it.
/// Thread safety: any thread.
/// Blocking: some milliseconds.
/// Returns: 0; OTTLA_CONFIGURATION, OTTLA_INTERNAL if a port, a thread or a file descriptor cannot
/// be had, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_new(
    config: *const c_char,
    config_length: i64,
    cluster: *mut *mut ottla_cluster_t,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let text = match config.is_null() {
            true => "",
            // SAFETY: the caller's promise about `config`.
            false => unsafe { argument::text(config, config_length, "config") }?,
        };
        // SAFETY: the caller's promise about `cluster`.
        let out = unsafe { Out::required(cluster, "cluster") }?;
        let home = Home::here();
        let cluster = Cluster::start(ClusterConfig::parse(text)?)?;
        let full = |_| Error::new(ErrorCode::INTERNAL, "too many clusters, free some");
        out.set(CLUSTERS.insert(ClusterHandle { cluster, home }).map_err(full)?);
        Ok(())
    })
}

/// What clients need to connect, for their `bootstrap.servers`.
///
/// Ownership: the text is copied to `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it.
/// `*length` is its whole length without the NUL: it never changes.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_bootstrap_servers(
    cluster: *const ottla_cluster_t,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut i64,
) -> i32 {
    boundary::run_quietly(|| {
        let servers = live(cluster)?.cluster.bootstrap_servers();
        // SAFETY: the caller's promise about `length`.
        let length = unsafe { Out::required(length, "length") }?;
        // SAFETY: the caller's promise about `buffer`.
        unsafe { argument::copy_text(&servers, buffer, capacity) }?;
        length.set(servers.len() as i64);
        Ok(())
    })
}

/// Makes a topic. A `replication_factor` of -1 is what the cluster's configuration says: three,
/// or as many as there are brokers.
///
/// Ownership: the name is copied.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_TOPIC_ALREADY_EXISTS, OTTLA_INVALID_TOPIC_EXCEPTION,
/// OTTLA_INVALID_PARTITIONS, OTTLA_INVALID_REPLICATION_FACTOR, OTTLA_INVALID_UTF8,
/// OTTLA_INVALID_ARGUMENT, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_create_topic(
    cluster: *const ottla_cluster_t,
    name: *const c_char,
    name_length: i64,
    partitions: i32,
    replication_factor: i16,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(cluster)?;
        // SAFETY: the caller's promise about `name`.
        let name = unsafe { argument::text(name, name_length, "name") }?;
        let factor = Some(replication_factor).filter(|factor| *factor != -1);
        handle.cluster.create_replicated_topic(name, partitions, factor, &[])
    })
}

/// Kills a broker: its connections end, its port refuses. Brokers are numbered from 1.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: until its port is closed, less than a millisecond.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if there is none or it is down, OTTLA_INVALID_HANDLE,
/// OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_kill(
    cluster: *const ottla_cluster_t,
    broker: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(cluster)?.cluster.kill_broker(broker))
}

/// Starts a broker that was killed, with the logs and the port that it had. When it returns 0,
/// clients can connect; when it does not, the broker is still down.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if there is none or it runs, OTTLA_INTERNAL if its port is
/// gone, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_start(
    cluster: *const ottla_cluster_t,
    broker: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(cluster)?.cluster.start_broker(broker))
}

/// Lets a broker do nothing until ottla_cluster_resume; its connections stay.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if there is none or it is down, OTTLA_INVALID_HANDLE,
/// OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_pause(
    cluster: *const ottla_cluster_t,
    broker: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(cluster)?.cluster.pause_broker(broker))
}

/// Lets a paused broker go on where it was.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT if there is none, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_resume(
    cluster: *const ottla_cluster_t,
    broker: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || live(cluster)?.cluster.resume_broker(broker))
}

/// Makes a broker that is in sync the leader of a partition.
///
/// Ownership: the topic's name is copied.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_UNKNOWN_TOPIC_OR_PARTITION, OTTLA_ELIGIBLE_LEADERS_NOT_AVAILABLE or another
/// of Kafka's errors if that cannot be, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
/// OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_move_leader(
    cluster: *const ottla_cluster_t,
    topic: *const c_char,
    topic_length: i64,
    partition: i32,
    broker: i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(cluster)?;
        // SAFETY: the caller's promise about `topic`.
        let topic = unsafe { argument::text(topic, topic_length, "topic") }?;
        handle.cluster.move_leader(topic, partition, broker)
    })
}

/// The broker that leads a partition.
///
/// Ownership: the topic's name is copied. `*broker` becomes its number, -1 if none leads.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_UNKNOWN_TOPIC_OR_PARTITION, OTTLA_INVALID_UTF8, OTTLA_INVALID_ARGUMENT,
/// OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_leader(
    cluster: *const ottla_cluster_t,
    topic: *const c_char,
    topic_length: i64,
    partition: i32,
    broker: *mut i32,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(cluster)?;
        // SAFETY: the caller's promise about `topic`.
        let topic = unsafe { argument::text(topic, topic_length, "topic") }?;
        // SAFETY: the caller's promise about `broker`.
        let out = unsafe { Out::required(broker, "broker") }?;
        let found = handle.cluster.partition(topic, partition);
        out.set(found.ok_or(ErrorCode::UNKNOWN_TOPIC_OR_PARTITION)?.leader);
        Ok(())
    })
}

/// From now on, something goes wrong with requests. `fault` says what and with which:
/// `error NOT_LEADER_OR_FOLLOWER api=Produce times=3`, `delay 200 broker=1`, `drop skip=2 times=1`.
/// First one of: error CODE, error-after CODE (done, then the error), delay MS, throttle MS, drop,
/// drop-response, close, close-after, half-response, drip BYTES MS (so many bytes of a response at
/// a time, so long between them), corrupt-response, fail-handler. Then any of: api=NAME,
/// broker=NUMBER, topic=NAME, partition=NUMBER (these two: errors of Produce), skip=COUNT of
/// requests that pass before the first that does not, times=COUNT of those that do not.
///
/// Ownership: `fault` is copied; its length is -1 if a NUL is behind it. `*id`, and `id` may be
/// NULL, becomes the fault's number, for ottla_cluster_heal.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT (the error names the word), OTTLA_INVALID_UTF8,
/// OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_inject(
    cluster: *const ottla_cluster_t,
    fault: *const c_char,
    fault_length: i64,
    id: *mut u64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(cluster)?;
        // SAFETY: the caller's promise about `fault`.
        let fault = unsafe { argument::text(fault, fault_length, "fault") }?;
        let made = handle.cluster.inject(Fault::parse(fault)?);
        // SAFETY: the caller's promise about `id`.
        unsafe { Out::optional(id) }.set(made.0);
        Ok(())
    })
}

/// Ends a fault, or with an `id` of 0 all of them. One that is not there is fine.
///
/// Ownership: nothing.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_cluster_heal(cluster: *const ottla_cluster_t, id: u64) -> i32 {
    boundary::run_quietly(|| {
        let handle = live(cluster)?;
        match id {
            0 => handle.cluster.heal_all(),
            _ => handle.cluster.heal(FaultId(id)),
        }
        Ok(())
    })
}

/// Does what a line says, in the language of the control port of `ottla cluster`; `help` lists it.
/// So one has what there is no function for: `stop 1`, `isr letters 0 1,2`, `network 1 2 cut`,
/// `pretend 1 Produce=3-8`, `quota 100000`, and whatever arrived and is there: `requests`,
/// `produced`, `records letters 0`, `replica 2 letters 0`, `health`.
///
/// Ownership: `line` is copied; its length is -1 if a NUL is behind it. The answer is copied to
/// `buffer`, cut to `capacity` - 1 bytes, with a NUL behind it; `buffer` may be NULL with a
/// `capacity` of 0. It is lines, without an end of line behind the last: what has more than one
/// field is a JSON object a line; most commands answer nothing. `*length`, and `length` may be
/// NULL, becomes its whole length. A command whose answer was cut was done: only those that ask
/// and change nothing should be called again with a larger buffer.
/// Thread safety: any thread.
/// Blocking: never.
/// Returns: 0; OTTLA_INVALID_ARGUMENT (the error names the word), one of Kafka's errors,
/// OTTLA_INTERNAL, OTTLA_INVALID_UTF8, OTTLA_INVALID_HANDLE, OTTLA_FORKED.
/// Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ottla_cluster_command(
    cluster: *const ottla_cluster_t,
    line: *const c_char,
    line_length: i64,
    buffer: *mut c_char,
    capacity: usize,
    length: *mut i64,
    error: *mut *mut ottla_error_t,
) -> i32 {
    // SAFETY: the caller's promise about `error`.
    let error = unsafe { ErrorOut::new(error) };
    boundary::run(error, || {
        let handle = live(cluster)?;
        // SAFETY: the caller's promise about `line`.
        let line = unsafe { argument::text(line, line_length, "line") }?;
        // SAFETY: the caller's promise about `buffer`, which is looked at before anything is done.
        unsafe { argument::copy_text("", buffer, capacity) }?;
        let answer = handle.cluster.obey(line)?;
        // SAFETY: the caller's promise about `buffer`.
        unsafe { argument::copy_text(&answer, buffer, capacity) }?;
        // SAFETY: the caller's promise about `length`.
        unsafe { Out::optional(length) }.set(answer.len() as i64);
        Ok(())
    })
}

/// Ends a cluster: its threads, its connections, its ports, its records. In a process that was
/// forked from the cluster's own, where its threads are not, it only frees the handle; such a
/// process keeps the ports open until it ends or becomes another program.
///
/// Ownership: takes `cluster`; NULL is fine.
/// Thread safety: any thread.
/// Blocking: some milliseconds, for the threads to end.
/// Returns: 0; OTTLA_INVALID_HANDLE if it is no cluster or was freed before.
/// Since: 0.1
#[unsafe(no_mangle)]
pub extern "C" fn ottla_cluster_free(cluster: *mut ottla_cluster_t) -> i32 {
    boundary::run_quietly(|| {
        if cluster.is_null() {
            return Ok(());
        }
        let taken = CLUSTERS.remove(cluster, "cluster")?;
        if taken.home.is_elsewhere() {
            // Its drop would wait for threads that this process does not have.
            mem::forget(taken);
        }
        Ok(())
    })
}
