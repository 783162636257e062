//! What `ottla perf` measures, and how it is shown.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ottla::Report;
use serde_json::{Map, Value, json};

use crate::histogram::Histogram;
use crate::session::{Reader, Session};
use crate::usage;

/// The time between two lines while it runs.
const EVERY: Duration = Duration::from_secs(1);

/// The latencies that are shown.
const SHARES: [(&str, f64); 4] = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)];

/// Reads reports, whose opaque is the time of the send in microseconds since the start.
pub struct Latencies {
    start: Instant,
    session: Arc<Session>,
    record_size: u32,
    /// The time of this read: one look at the clock serves all its reports.
    now: Option<Duration>,
    last: Duration,
    all: Histogram,
    second: Histogram,
    second_start: Duration,
    second_acked: u64,
}

impl Latencies {
    /// None yet.
    pub fn new(start: Instant, session: Arc<Session>, record_size: u32) -> Latencies {
        Latencies {
            start,
            session,
            record_size,
            now: None,
            last: Duration::ZERO,
            all: Histogram::new(),
            second: Histogram::new(),
            second_start: Duration::ZERO,
            second_acked: 0,
        }
    }

    fn show_second(&mut self, now: Duration) {
        let acked = self.session.acked.load(Ordering::Relaxed);
        let failed = self.session.failures.lock().expect("no holder panics").total();
        let seconds = (now - self.second_start).as_secs_f64();
        let rate = (acked - self.second_acked) as f64 / seconds;
        let failed = if failed > 0 { format!(", {failed} failed") } else { String::new() };
        let latency = match acked - self.second_acked {
            0 => String::new(),
            _ => format!(
                ", latency ms p50 {:.2}, p99 {:.2}, max {:.2}",
                millis(self.second.quantile(0.5)),
                millis(self.second.quantile(0.99)),
                millis(self.second.max()),
            ),
        };
        eprintln!(
            "{:.1} s: {acked} acknowledged{failed}; {rate:.0} records/s, {:.2} MB/s{latency}",
            now.as_secs_f64(),
            rate * f64::from(self.record_size) / 1e6,
        );
        self.second_start = now;
        self.second_acked = acked;
    }
}

impl Reader for Latencies {
    fn acked(&mut self, report: &Report<'_>) {
        let now = *self.now.get_or_insert_with(|| self.start.elapsed());
        self.second.record((now.as_micros() as u64).saturating_sub(report.opaque));
    }

    fn tick(&mut self) {
        if let Some(now) = self.now.take() {
            self.last = now;
        }
        let now = self.start.elapsed();
        if now - self.second_start >= EVERY {
            self.show_second(now);
            self.all.merge(&self.second);
            self.second.clear();
        }
    }
}

/// The result of a run.
pub struct Measured {
    records: u64,
    acked: u64,
    failed: u64,
    failures: Map<String, Value>,
    failures_text: String,
    seconds: f64,
    bytes: u64,
    cpu_seconds: f64,
    max_rss_mb: f64,
    latency: Option<Vec<(&'static str, f64)>>,
    metrics: Option<Map<String, Value>>,
}

impl Measured {
    /// Takes the result of a run that has ended.
    pub fn new(session: &Session, latencies: &Latencies, with_metrics: bool) -> Measured {
        let cpu_seconds = usage::cpu_seconds();
        let acked = session.acked.load(Ordering::Relaxed);
        let failures = session.failures.lock().expect("no holder panics");
        let mut text = Vec::new();
        let _ = failures.write(&mut text);
        let mut all = Histogram::new();
        all.merge(&latencies.all);
        all.merge(&latencies.second);
        let shares = SHARES.iter().map(|(name, share)| (*name, all.quantile(*share)));
        let latency = shares.chain([("max", all.max())]).map(|(name, us)| (name, millis(us)));
        let seconds = if acked > 0 { latencies.last } else { latencies.start.elapsed() };
        let metrics = with_metrics.then(|| serde_json::from_str(&session.producer.metrics_json()));
        Measured {
            records: session.records.load(Ordering::Relaxed),
            acked,
            failed: failures.total(),
            failures: failures.reasons().iter().map(|(r, n)| ((*r).into(), (*n).into())).collect(),
            failures_text: String::from_utf8_lossy(&text).into_owned(),
            seconds: seconds.as_secs_f64(),
            bytes: acked * u64::from(latencies.record_size),
            cpu_seconds,
            max_rss_mb: usage::max_rss_mb(),
            latency: (acked > 0).then(|| latency.collect()),
            metrics: metrics.and_then(Result::ok),
        }
    }

    /// How many records failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    fn per_second(&self, count: u64) -> f64 {
        count as f64 / self.seconds.max(1e-9)
    }

    /// One object; latencies are null if nothing was acknowledged.
    pub fn json(&self) -> Value {
        let latency: Option<Map<_, _>> = self.latency.as_ref().map(|latency| {
            latency.iter().map(|(name, ms)| ((*name).to_owned(), (*ms).into())).collect()
        });
        let mut object = json!({
            "records": self.records,
            "acked": self.acked,
            "failed": self.failed,
            "failures": self.failures,
            "seconds": rounded(self.seconds),
            "records_per_second": rounded(self.per_second(self.acked)),
            "mb_per_second": rounded(self.per_second(self.bytes) / 1e6),
            "cpu_seconds": rounded(self.cpu_seconds),
            "max_rss_mb": rounded(self.max_rss_mb),
            "latency_ms": latency,
        });
        if let Some(metrics) = &self.metrics {
            object["metrics"] = metrics.clone().into();
        }
        object
    }

    /// The same for people.
    pub fn table(&self) -> String {
        let mut text = String::new();
        let mut row = |name: &str, value: String| {
            let _ = writeln!(text, "{name:<14}{value:>16}");
        };
        row("records", self.records.to_string());
        row("acknowledged", self.acked.to_string());
        row("failed", self.failed.to_string());
        row("seconds", format!("{:.3}", self.seconds));
        row("records/s", format!("{:.0}", self.per_second(self.acked)));
        row("MB/s", format!("{:.2}", self.per_second(self.bytes) / 1e6));
        row("CPU seconds", format!("{:.3}", self.cpu_seconds));
        row("max RSS MB", format!("{:.1}", self.max_rss_mb));
        for (name, ms) in self.latency.iter().flatten() {
            row(&format!("latency {name}"), format!("{ms:.3} ms"));
        }
        text.push_str(&self.failures_text);
        for (name, value) in self.metrics.iter().flatten() {
            let _ = writeln!(text, "{name}: {value}");
        }
        text
    }
}

fn millis(micros: u64) -> f64 {
    micros as f64 / 1000.0
}

fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}
