//! `ottla perf`: how fast records are acknowledged, and at what cost.

use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use ottla::{Header, Record};

use crate::STATUS_FAILED;
use crate::connection::ConnectionArgs;
use crate::payload::{Payload, key};
use crate::perf_report::{Latencies, Measured};
use crate::session::Session;

/// Records after which a thread tells how many it has sent.
const TELL_EVERY: u64 = 256;

/// Measure throughput, latency and processor time
///
/// The values are printable pseudo-random bytes, the same in every run. MB are 10^6 bytes of
/// values. Latency is the time from the call of send to the reading of the report. While it runs,
/// a line a second goes to stderr; the result goes to stdout. The exit status is 0 if every record
/// was acknowledged, 1 if one failed, 2 if the command line or the configuration is wrong, and 130
/// after Ctrl-C, which ends the run early and still shows its result.
#[derive(Args)]
pub struct PerfArgs {
    #[command(flatten)]
    connection: ConnectionArgs,

    /// How many records to send
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    num_records: u64,

    /// Bytes of each value
    #[arg(long, value_name = "BYTES",
        value_parser = clap::value_parser!(u32).range(0..=i32::MAX as i64))]
    record_size: u32,

    /// Threads that send; they share one producer
    #[arg(long, value_name = "COUNT", default_value_t = 1,
        value_parser = clap::value_parser!(u16).range(1..=256))]
    threads: u16,

    /// Records a second, of all threads together; without it as fast as they can
    #[arg(long, value_name = "RECORDS/S", value_parser = positive)]
    throughput: Option<f64>,

    /// Give each record a key of its own, of 16 bytes
    #[arg(long)]
    keyed: bool,

    /// Headers of each record, of 16 bytes each
    #[arg(long, value_name = "COUNT", default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(0..=1000))]
    headers: u16,

    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,

    /// Add the producer's counters to the result
    #[arg(long)]
    print_metrics: bool,
}

/// What the sending threads need.
struct Plan {
    topic: String,
    payload: Payload,
    header_names: Vec<String>,
    records: u64,
    threads: u64,
    throughput: Option<f64>,
    keyed: bool,
    start: Instant,
}

/// Runs the command; the exit status, or what is wrong with the command line.
pub fn run(args: PerfArgs) -> Result<u8, String> {
    let session = Session::new(args.connection.producer()?);
    let payload = Payload::new(args.record_size as usize);
    let start = Instant::now();
    let plan = Plan {
        topic: args.connection.topic,
        payload,
        header_names: (0..args.headers).map(|i| format!("header-{i:03}")).collect(),
        records: args.num_records,
        threads: u64::from(args.threads),
        throughput: args.throughput,
        keyed: args.keyed,
        start,
    };
    let mut latencies = Latencies::new(start, session.clone(), args.record_size);
    let ended = session.run(Some(&mut latencies), move |session| send_all(session, &plan));
    let measured = Measured::new(&session, &latencies, args.print_metrics);
    let text = if args.json { format!("{}\n", measured.json()) } else { measured.table() };
    std::io::stdout().write_all(text.as_bytes()).map_err(|why| format!("cannot write: {why}"))?;
    match ended {
        Err(signal) => Ok(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        Ok(()) => Ok(if measured.failed() > 0 { STATUS_FAILED } else { 0 }),
    }
}

fn send_all(session: &Session, plan: &Plan) {
    std::thread::scope(|scope| {
        for thread in 0..plan.threads {
            scope.spawn(move || send_share(session, plan, thread));
        }
    });
}

/// Sends every record whose number is `thread`, `thread` + threads, and so on. So each record has
/// its own moment at a given throughput, whichever thread sends it.
fn send_share(session: &Session, plan: &Plan, thread: u64) {
    let headers: Vec<_> = plan
        .header_names
        .iter()
        .map(|name| Header { name, value: Some(b"0123456789abcdef") })
        .collect();
    let base = Record { topic: &plan.topic, headers: &headers, ..Record::default() };
    let mut untold = 0;
    for number in (thread..plan.records).step_by(plan.threads as usize) {
        let Some(now) = wait_for_turn(session, plan, number) else { break };
        let own_key = key(number);
        let record = Record {
            key: plan.keyed.then_some(&own_key[..]),
            value: Some(plan.payload.value(number)),
            opaque: now.as_micros() as u64,
            ..base
        };
        untold += 1;
        if untold == TELL_EVERY {
            session.records.fetch_add(std::mem::take(&mut untold), Ordering::Relaxed);
        }
        if let Err(error) = session.send(&record) {
            session.not_sent(&error.to_string());
            if error.is_fatal() {
                break;
            }
        }
    }
    session.records.fetch_add(untold, Ordering::Relaxed);
}

/// Waits until the record may be sent: in bursts, a millisecond apart, on the time since the start,
/// so that a late burst does not delay the later ones. Returns that time; `None` to stop.
fn wait_for_turn(session: &Session, plan: &Plan, number: u64) -> Option<Duration> {
    let due = match plan.throughput {
        None => Duration::ZERO,
        Some(rate) => Duration::from_millis((number as f64 * 1000.0 / rate).ceil() as u64),
    };
    loop {
        if session.is_stopping() {
            return None;
        }
        let now = plan.start.elapsed();
        if now >= due {
            return Some(now);
        }
        session.pause(due - now);
    }
}

fn positive(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    number.ok_or_else(|| "a number above 0 is expected".into())
}
