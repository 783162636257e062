//! Producer: what applications use. `send` reads as the list of its steps.
//!
//! Threads start at first use: a producer that was made and never used before a fork works in the
//! child.

mod consume;
mod interceptor;
mod lifecycle;
mod metadata_wait;
mod partitioner;
mod rules;
mod send;
pub mod shortcut;
mod tickets;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

pub use crate::sender::Purge;
pub use consume::{OwnedReport, ReportSink, Reports};
pub use interceptor::Interceptor;
pub use partitioner::{Partitioner, murmur2, partition_for_key};
pub use send::Limit;

use consume::Dispatcher;
use interceptor::Interceptors;
use rules::Rules;
use tickets::Tickets;

use crate::accumulator::{AccumulatorConfig, RecordAccumulator, Reporting, Workers};
use crate::backoff::ExponentialBackoff;
use crate::config::{AddressFamily, Config, LogLevel, ProducerConfig, ReportMode};
use crate::error::{Error, ErrorCode, Result};
use crate::io::SocketOptions;
use crate::log::{Level, Logger};
use crate::metadata::{Metadata, MetadataConfig};
use crate::network::NetworkConfig;
use crate::report::ReportQueue;
use crate::sender::{self, IoConfig, SenderConfig, Shared};
use crate::sync::{Condvar, Mutex};
use crate::time;

/// Code of the application that a producer runs.
#[derive(Default)]
pub struct Hooks {
    /// Around every send, in this order.
    pub interceptors: Vec<Box<dyn Interceptor>>,
    /// Chooses partitions.
    pub partitioner: Option<Box<dyn Partitioner>>,
    /// Gets the delivery reports; without it the application pulls them.
    pub reports: Option<Box<dyn ReportSink>>,
    /// Gets the log lines, where reports are consumed; without it they go to stderr.
    #[allow(clippy::type_complexity)]
    pub log: Option<Box<dyn Fn(Level, &str) + Send + Sync>>,
}

/// A Kafka producer. All methods may be called from any thread.
pub struct Producer {
    config: ProducerConfig,
    shared: Arc<Shared>,
    reports: Arc<ReportQueue>,
    interceptors: Interceptors,
    partitioner: Option<Box<dyn Partitioner>>,
    sink: Option<Box<dyn ReportSink>>,
    #[allow(clippy::type_complexity)]
    log_sink: Option<Box<dyn Fn(Level, &str) + Send + Sync>>,
    tickets: Arc<Tickets>,
    rules: Rules,
    started: AtomicBool,
    /// It may have threads, also if not all of them could be started.
    has_threads: AtomicBool,
    closed: AtomicBool,
    /// Held by the thread that serves callbacks.
    serving: Mutex<()>,
    /// Closed, and all reports are there.
    finished: AtomicBool,
    threads: Mutex<Threads>,
    closing: Condvar,
}

#[derive(Default)]
struct Threads {
    io: Option<JoinHandle<()>>,
    dispatcher: Option<Dispatcher>,
    compression: Option<Workers>,
    /// Somebody is closing; the others wait for it.
    closing: bool,
    /// How closing ended.
    closed: Option<Result<()>>,
}

impl Threads {
    fn any(&self) -> bool {
        let compress = self.compression.as_ref().is_some_and(|workers| !workers.is_empty());
        self.io.is_some() || self.dispatcher.is_some() || compress
    }
}

/// How long a call may wait; `None` is without limit, zero not at all.
pub type Timeout = Option<Duration>;

impl Producer {
    /// A producer of this configuration. Connects to nothing yet.
    pub fn new(config: &Config, hooks: Hooks) -> Result<Arc<Producer>> {
        let config = config.build()?;
        if hooks.reports.is_none() && config.report_mode == ReportMode::Dispatch {
            let text = "delivery.report.mode=dispatch needs a report callback";
            return Err(Error::new(ErrorCode::CONFIGURATION, text));
        }
        let reports = Arc::new(ReportQueue::new(config.report_queue_max));
        let log = logger(&config, hooks.log.is_some(), &reports);
        for warning in &config.warnings {
            log.log(Level::Warn, || warning.clone());
        }
        let accumulator = RecordAccumulator::new(accumulator_config(&config)?, reports.clone());
        let metadata = Metadata::new(metadata_config(&config), time::now());
        let rules = Rules::new(&config, accumulator.pool.total());
        Ok(Arc::new(Producer {
            shared: Arc::new(Shared::new(accumulator, metadata, log)),
            tickets: Arc::new(Tickets::new(reports.clone())),
            reports,
            interceptors: Interceptors::new(hooks.interceptors),
            partitioner: hooks.partitioner,
            sink: hooks.reports,
            log_sink: hooks.log,
            rules,
            started: AtomicBool::new(false),
            has_threads: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            serving: Mutex::default(),
            finished: AtomicBool::new(false),
            threads: Mutex::default(),
            closing: Condvar::new(),
            config,
        }))
    }

    /// Lets a test play the I/O thread.
    #[cfg(test)]
    pub(crate) fn pretend_to_be_started(&self) {
        self.started.store(true, Ordering::Release);
    }

    /// Where a test that plays the I/O thread finds batches and reports.
    #[cfg(all(test, feature = "shuttle"))]
    pub(crate) fn accumulator(&self) -> &RecordAccumulator {
        &self.shared.accumulator
    }

    /// The configuration in force.
    pub fn config(&self) -> &ProducerConfig {
        &self.config
    }

    /// Whether the I/O thread was ever started.
    pub fn is_started(&self) -> bool {
        self.started.load(Ordering::Acquire)
    }

    /// Whether it has threads or an event fd, which a fork would share or lose.
    pub fn is_used(&self) -> bool {
        self.has_threads.load(Ordering::SeqCst) || self.reports.has_event_fd()
    }

    /// The error after which this producer accepts nothing any more.
    pub fn fatal_error(&self) -> Option<Error> {
        self.shared.fatal().cloned()
    }

    /// Starts the threads, once.
    fn start(self: &Arc<Self>) -> Result<()> {
        if self.is_started() {
            return Ok(());
        }
        let mut threads = self.threads.lock();
        if self.is_started() {
            return Ok(());
        }
        if self.closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        self.has_threads.store(true, Ordering::SeqCst);
        let result = self.start_threads(&mut threads);
        if result.is_err() {
            self.has_threads.store(threads.any(), Ordering::SeqCst);
        }
        result
    }

    /// Starts those that are not there. What is there when one cannot be started stays for the next
    /// attempt, or for close.
    fn start_threads(self: &Arc<Self>, threads: &mut Threads) -> Result<()> {
        if self.config.report_mode == ReportMode::Dispatch && threads.dispatcher.is_none() {
            threads.dispatcher = Some(self.spawn_dispatcher()?);
        }
        if threads.compression.is_none() {
            let count = self.config.compression_threads;
            threads.compression = Some(Workers::start(&self.shared, count)?);
        }
        threads.io = Some(sender::spawn(io_config(&self.config), self.shared.clone())?);
        self.started.store(true, Ordering::Release);
        Ok(())
    }
}

fn closed() -> Error {
    Error::new(ErrorCode::CLOSED, "the producer is closed")
}

fn logger(config: &ProducerConfig, queued: bool, reports: &Arc<ReportQueue>) -> Logger {
    let level = match config.log_level {
        LogLevel::Error => Level::Error,
        LogLevel::Warn => Level::Warn,
        LogLevel::Info => Level::Info,
        LogLevel::Debug => Level::Debug,
    };
    if !queued {
        return Logger::stderr(level, &config.client_id);
    }
    let reports = reports.clone();
    Logger::queued(level, &config.client_id, Box::new(move || reports.nudge()))
}

fn accumulator_config(config: &ProducerConfig) -> Result<AccumulatorConfig> {
    let buffer_memory = usize::try_from(config.buffer_memory)
        .map_err(|_| Error::new(ErrorCode::CONFIGURATION, "buffer.memory is too large"))?;
    Ok(AccumulatorConfig {
        batch_size: config.batch_size,
        linger: config.linger,
        buffer_memory,
        adaptive: config.partitioner_adaptive,
        reporting: match config.report_mode {
            ReportMode::None => Reporting::None,
            _ if config.report_timestamps => Reporting::WithTimestamps,
            _ => Reporting::Plain,
        },
        compression: config.compression,
    })
}

fn metadata_config(config: &ProducerConfig) -> MetadataConfig {
    let address = |at: &crate::config::HostPort| (at.host.clone(), at.port);
    MetadataConfig {
        bootstrap: config.bootstrap_servers.iter().map(address).collect(),
        max_age: config.metadata_max_age,
        max_idle: config.metadata_max_idle,
        backoff: retry_backoff(config),
        rebootstrap_trigger: config.rebootstrap.then_some(config.rebootstrap_trigger),
    }
}

fn retry_backoff(config: &ProducerConfig) -> ExponentialBackoff {
    ExponentialBackoff { initial: config.retry_backoff, max: config.retry_backoff_max }
}

fn io_config(config: &ProducerConfig) -> IoConfig {
    IoConfig {
        sender: SenderConfig {
            acks: config.acks,
            idempotence: config.idempotence,
            max_request_size: config.max_request_size,
            max_in_flight: config.max_in_flight,
            request_timeout: config.request_timeout,
            delivery_timeout: config.delivery_timeout,
            retries: config.retries,
            retry_backoff: retry_backoff(config),
            linger: config.linger,
            availability_timeout: config.partitioner_availability_timeout,
        },
        network: NetworkConfig {
            client_id: config.client_id.as_str().into(),
            request_timeout: config.request_timeout,
            max_in_flight: config.max_in_flight,
            reconnect_backoff: ExponentialBackoff {
                initial: config.reconnect_backoff,
                max: config.reconnect_backoff_max,
            },
            setup_timeout: ExponentialBackoff {
                initial: config.connection_setup_timeout,
                max: config.connection_setup_timeout_max,
            },
            max_idle: config.connections_max_idle,
        },
        sockets: SocketOptions {
            send_buffer: config.send_buffer,
            receive_buffer: config.receive_buffer,
            keepalive: config.keepalive,
            nodelay: config.nodelay,
        },
        family: match config.address_family {
            AddressFamily::Any => crate::io::AddressFamily::Any,
            AddressFamily::V4 => crate::io::AddressFamily::V4,
            AddressFamily::V6 => crate::io::AddressFamily::V6,
        },
        max_response_size: config.max_response_size,
    }
}

#[cfg(test)]
mod tests;
