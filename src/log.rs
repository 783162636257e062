//! Log lines of one producer: to stderr, or queued for the application's callback.
//!
//! There is no logger of the whole process: two producers of one program log apart. A callback
//! never runs on the thread that logs, as that may be the I/O thread; lines wait, bounded, until
//! the application polls. What an outage would say at each attempt is said `rarely`.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::sync::Mutex;
use crate::time::Instant;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Something was lost or cannot go on.
    Error = 3,
    /// Something is wrong and may mend itself.
    Warn = 4,
    /// Something worth knowing happened.
    Info = 6,
    /// For those who look for a defect.
    Debug = 7,
}

impl Level {
    /// The level's name, as in `log.level`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
        }
    }
}

/// Lines that wait for a callback; older ones give way.
const QUEUE_LINES_MAX: usize = 1000;

/// A line that is said rarely is said again after this time.
const REPEAT_AFTER: Duration = Duration::from_secs(30);

/// Lines that are said rarely and remembered; of more, the oldest is said again early.
const REPEATED_MAX: usize = 32;

/// A line that was said, when, and how often it was held back since.
struct Repeated {
    level: Level,
    text: String,
    said: Instant,
    held_back: u64,
}

/// Where one producer logs to. Cheap to clone.
#[derive(Clone)]
pub struct Logger(Arc<Inner>);

struct Inner {
    level: Level,
    name: String,
    queue: Option<Mutex<VecDeque<(Level, String)>>>,
    on_line: Box<dyn Fn() + Send + Sync>,
    dropped: AtomicU64,
    repeated: Mutex<VecDeque<Repeated>>,
}

impl Logger {
    /// Logs to stderr, each line with `name` in front.
    pub fn stderr(level: Level, name: &str) -> Logger {
        Logger::make(level, name, None, Box::new(|| ()))
    }

    /// Queues lines; `on_line` is called after each.
    pub fn queued(level: Level, name: &str, on_line: Box<dyn Fn() + Send + Sync>) -> Logger {
        Logger::make(level, name, Some(Mutex::default()), on_line)
    }

    fn make(
        level: Level,
        name: &str,
        queue: Option<Mutex<VecDeque<(Level, String)>>>,
        on_line: Box<dyn Fn() + Send + Sync>,
    ) -> Logger {
        let (dropped, repeated) = (AtomicU64::new(0), Mutex::default());
        let name = name.to_owned();
        Logger(Arc::new(Inner { level, name, queue, on_line, dropped, repeated }))
    }

    /// Whether a line of this level goes anywhere.
    pub fn enabled(&self, level: Level) -> bool {
        level <= self.0.level
    }

    /// Logs what `text` makes, which runs only if the level is enabled.
    pub fn log(&self, level: Level, text: impl FnOnce() -> String) {
        if !self.enabled(level) {
            return;
        }
        let Some(queue) = &self.0.queue else {
            // A stderr that cannot be written to is no reason to fail.
            let line = format!("ottla {} [{}] {}\n", level.name(), self.0.name, text());
            let _ = std::io::stderr().write_all(line.as_bytes());
            return;
        };
        let mut lines = queue.lock();
        if lines.len() == QUEUE_LINES_MAX {
            lines.pop_front();
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
        lines.push_back((level, text()));
        drop(lines);
        (self.0.on_line)();
    }

    /// Logs a line that may come at each attempt of something: once, and then again after half a
    /// minute with the number of times it was held back. Another text is another line.
    pub fn rarely(&self, level: Level, now: Instant, text: impl FnOnce() -> String) {
        if !self.enabled(level) {
            return;
        }
        let text = text();
        let same = |other: &&mut Repeated| other.level == level && other.text == text;
        let mut repeated = self.0.repeated.lock();
        let line = match repeated.iter_mut().find(same) {
            Some(other) if now.since(other.said) < REPEAT_AFTER => {
                other.held_back += 1;
                return;
            }
            Some(other) => {
                other.said = now;
                match std::mem::take(&mut other.held_back) {
                    0 => text,
                    times => format!("{text} ({times} more times since this was last said)"),
                }
            }
            None => {
                if repeated.len() == REPEATED_MAX {
                    repeated.pop_front();
                }
                repeated.push_back(Repeated { level, text: text.clone(), said: now, held_back: 0 });
                text
            }
        };
        drop(repeated);
        self.log(level, || line);
    }

    /// The next queued line.
    pub fn take(&self) -> Option<(Level, String)> {
        let dropped = self.0.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            return Some((Level::Warn, format!("{dropped} log lines were lost: poll more often")));
        }
        self.0.queue.as_ref()?.lock().pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queued_lines_come_out_in_order_and_a_flood_is_counted() {
        let log = Logger::queued(Level::Info, "test", Box::new(|| ()));
        log.log(Level::Debug, || unreachable!("debug is not enabled"));
        for i in 0..QUEUE_LINES_MAX + 5 {
            log.log(Level::Info, || i.to_string());
        }
        assert!(log.take().unwrap().1.starts_with("5 log lines were lost"));
        assert_eq!(log.take().unwrap(), (Level::Info, "5".to_owned()));
    }

    #[test]
    fn a_line_that_comes_at_each_attempt_is_said_once_and_later_again_with_a_count() {
        let log = Logger::queued(Level::Warn, "test", Box::new(|| ()));
        let mut now = Instant(0);
        let mut lines = Vec::new();
        for attempt in 0..700 {
            now = now + Duration::from_millis(100);
            let what = if attempt % 2 == 0 { "no" } else { "not yet" };
            log.rarely(Level::Warn, now, || what.to_owned());
            log.rarely(Level::Debug, now, || unreachable!("debug is not enabled"));
            lines.extend(log.take().map(|(_, line)| line));
        }
        let again = |what: &str| format!("{what} (149 more times since this was last said)");
        let expected = ["no".into(), "not yet".into(), again("no"), again("not yet")];
        assert_eq!(lines[..4], expected);
        assert_eq!(lines.len(), 6, "{lines:?}");
    }

    #[test]
    fn what_is_remembered_of_rare_lines_is_bounded() {
        let log = Logger::queued(Level::Warn, "test", Box::new(|| ()));
        (0..1000).for_each(|i| log.rarely(Level::Warn, Instant(i), || i.to_string()));
        assert_eq!(log.0.repeated.lock().len(), REPEATED_MAX);
    }
}
