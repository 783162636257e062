//! Log lines of one producer: to stderr, or queued for the application's callback.
//!
//! There is no logger of the whole process: two producers of one program log apart. A callback
//! never runs on the thread that logs, as that may be the I/O thread; lines wait, bounded, until
//! the application polls.

use std::collections::VecDeque;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::sync::Mutex;

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

/// Where one producer logs to. Cheap to clone.
#[derive(Clone)]
pub struct Logger(Arc<Inner>);

struct Inner {
    level: Level,
    name: String,
    queue: Option<Mutex<VecDeque<(Level, String)>>>,
    on_line: Box<dyn Fn() + Send + Sync>,
    dropped: AtomicU64,
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
        let dropped = AtomicU64::new(0);
        Logger(Arc::new(Inner { level, name: name.to_owned(), queue, on_line, dropped }))
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
}
