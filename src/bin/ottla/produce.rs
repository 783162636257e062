//! `ottla produce`: a record for each line.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use clap::Args;
use ottla::producer::OwnedReport;
use ottla::{Header, Record, Report};

use crate::STATUS_FAILED;
use crate::connection::{ConnectionArgs, key_value};
use crate::input::{Line, Lines};
use crate::session::{Reader, Session};

/// The time between two lines of progress.
const PROGRESS: Duration = Duration::from_millis(500);

/// Send a record for each line of stdin or of a file
///
/// A line is bytes up to a newline, which is not part of it; a carriage return is. The last line
/// counts without a newline, and an empty line is a record with an empty value. A summary goes to
/// stderr. The exit status is 0 if every record was acknowledged, 1 if one failed, 2 if the
/// command line, the configuration or the file is wrong, and 130 after Ctrl-C, which gives what
/// was sent two seconds to be acknowledged.
#[derive(Args)]
pub struct ProduceArgs {
    #[command(flatten)]
    connection: ConnectionArgs,

    /// Splits a line into key and value where it first occurs; a line without it fails and the
    /// next one is sent. Without this option the whole line is the value and the key is null
    #[arg(long, value_name = "TEXT", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    key_separator: Option<String>,

    /// Headers of every record
    #[arg(long, value_name = "NAME=VALUE,…", value_delimiter = ',', value_parser = key_value)]
    headers: Vec<(String, String)>,

    /// Send one record at a time and print what became of it: TOPIC-PARTITION@OFFSET or the error
    #[arg(long)]
    sync: bool,

    /// The file to read, or - for stdin
    #[arg(long)]
    file: Option<PathBuf>,

    /// The partition of every record; without it the key decides, or the producer
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(i32).range(0..))]
    partition: Option<i32>,
}

/// Runs the command; the exit status, or what is wrong with the command line.
pub fn run(args: ProduceArgs) -> Result<u8, String> {
    let producer = args.connection.producer()?;
    let separator_len = args.key_separator.as_ref().map_or(0, String::len);
    // No longer line can make a record that is accepted.
    let len_max = producer.config().max_request_size + separator_len;
    let lines = Lines::open(args.file.as_deref(), len_max)?;
    let session = Session::new(producer);
    let start = Instant::now();
    let shows = std::io::stderr().is_terminal() && !lines.is_terminal;
    let mut progress = Progress { session: session.clone(), start, shows, shown: start };
    let reader: Option<&mut dyn Reader> = if args.sync { None } else { Some(&mut progress) };
    let ended = session.run(reader, move |session| send_lines(session, &args, lines));
    progress.wipe();
    summarize(&session, start.elapsed());
    let failed = session.failures.lock().expect("no holder panics").total() > 0;
    match ended {
        Err(signal) => Ok(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        Ok(Err(trouble)) => {
            eprintln!("error: {trouble}");
            Ok(STATUS_FAILED)
        }
        Ok(Ok(())) => Ok(if failed { STATUS_FAILED } else { 0 }),
    }
}

/// Sends each line. An error is one of reading the lines or of printing.
fn send_lines(session: &Session, args: &ProduceArgs, mut lines: Lines) -> Result<(), String> {
    let header = |(name, value): &'_ (String, String)| (name.clone(), value.clone().into_bytes());
    let headers: Vec<_> = args.headers.iter().map(header).collect();
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| Header { name, value: Some(value) }).collect();
    let base = Record {
        topic: &args.connection.topic,
        partition: args.partition,
        headers: &headers,
        ..Record::default()
    };
    for number in 1.. {
        let line = lines.next().map_err(|error| format!("cannot read line {number}: {error}"))?;
        let Some(line) = line else { break };
        if session.is_stopping() {
            break;
        }
        session.records.fetch_add(1, Ordering::Relaxed);
        let said = match send_line(session, args, base, number, line) {
            Ok(()) if args.sync => await_report(session).unwrap_or_default(),
            Ok(()) => String::new(),
            Err(reason) => format!("error: {}", session.not_sent(&reason)),
        };
        if args.sync {
            print_line(&said)?;
        }
        if let Some(error) = session.producer.fatal_error() {
            return Err(format!("nothing more can be sent after line {number}: {error}"));
        }
    }
    Ok(())
}

/// Hands one line to the producer; the reason if that cannot be.
fn send_line(
    session: &Session,
    args: &ProduceArgs,
    base: Record<'_>,
    number: u64,
    line: Line<'_>,
) -> Result<(), String> {
    let Line::Bytes(line) = line else {
        return Err(format!("line {number} is longer than max.request.size"));
    };
    let (key, value) = match &args.key_separator {
        None => (None, line),
        Some(separator) => match split(line, separator.as_bytes()) {
            Some((key, value)) => (Some(key), value),
            None => return Err(format!("line {number} has no key separator {separator:?}")),
        },
    };
    let record = Record { key, value: Some(value), ..base };
    session.send(&record).map_err(|error| error.to_string())?;
    let bytes = key.map_or(0, <[u8]>::len) + value.len();
    session.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    Ok(())
}

/// Splits where the separator first occurs.
fn split<'a>(line: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(separator.len()).position(|window| window == separator)?;
    Some((&line[..at], &line[at + separator.len()..]))
}

/// Waits until the one record under way has its report, and says what it is.
fn await_report(session: &Session) -> Option<String> {
    // It need not linger for a second record.
    let _ = session.producer.flush(None);
    let mut report = None;
    while report.is_none() {
        let read = |r: Report<'_>| report = Some(OwnedReport::from(r));
        // It fails only when it is interrupted.
        session.producer.poll_reports(1, None, read).ok()?;
    }
    let report = report?;
    if let Some(error) = report.error {
        session.failures.lock().expect("no holder panics").add(&error.to_string());
        return Some(format!("error: {error}"));
    }
    session.acked.fetch_add(1, Ordering::Relaxed);
    let offset = if report.offset < 0 { "?".to_owned() } else { report.offset.to_string() };
    Some(format!("{}-{}@{offset}", report.topic, report.partition))
}

fn print_line(line: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{line}").map_err(|error| format!("cannot write: {error}"))
}

fn summarize(session: &Session, elapsed: Duration) {
    let records = session.records.load(Ordering::Relaxed);
    let acked = session.acked.load(Ordering::Relaxed);
    let seconds = elapsed.as_secs_f64();
    let what = match session.producer.config().acks {
        0 => "sent (acks=0: nobody says whether they arrived)",
        _ => "acknowledged",
    };
    let mut text = format!(
        "{records} records, {} bytes, {seconds:.3} s, {:.0} records/s; {acked} {what}\n",
        session.bytes.load(Ordering::Relaxed),
        records as f64 / seconds.max(1e-9),
    )
    .into_bytes();
    let failures = session.failures.lock().expect("no holder panics");
    let _ = failures.write(&mut text);
    let _ = std::io::stderr().write_all(&text);
}

/// One line on a terminal that says how far it is.
struct Progress {
    session: Arc<Session>,
    start: Instant,
    shows: bool,
    shown: Instant,
}

impl Progress {
    fn wipe(&self) {
        if self.shows {
            eprint!("\r\x1b[K");
        }
    }
}

impl Reader for Progress {
    fn acked(&mut self, _: &Report<'_>) {}

    fn tick(&mut self) {
        if !self.shows || self.shown.elapsed() < PROGRESS {
            return;
        }
        self.shown = Instant::now();
        let session = &self.session;
        eprint!(
            "\r\x1b[K{} records read, {} acknowledged, {} failed, {:.0} s\r",
            session.records.load(Ordering::Relaxed),
            session.acked.load(Ordering::Relaxed),
            session.failures.lock().expect("no holder panics").total(),
            self.start.elapsed().as_secs_f64(),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_where_the_separator_first_occurs() {
        assert_eq!(split(b"a::b::c", b"::"), Some((&b"a"[..], &b"b::c"[..])));
        assert_eq!(split(b"::", b"::"), Some((&b""[..], &b""[..])));
        assert_eq!(split(b"a:b", b"::"), None);
        assert_eq!(split(b"", b":"), None);
    }
}
