//! Brokers that mean harm, over real sockets. Each mode has a producer of its own, and all of them
//! together may neither spin nor grow: the tests look at the whole process, so this is a binary of
//! its own. Every field and byte of the answers is bent in src/sender/tests/hostile.rs.

#[path = "support/fake_broker.rs"]
mod fake_broker;
#[path = "hostile_broker/metadata.rs"]
mod metadata;
#[path = "hostile_broker/modes.rs"]
mod modes;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use fake_broker::{FakeBroker, Hostile};
use ottla::{Record, State};
use run::Run;

const DELIVERY_TIMEOUT: Duration = Duration::from_millis(1000);

/// What a record may be late here, where threads and brokers share few cores with other tests.
const LATE: Duration = Duration::from_millis(2000);

/// The kernel counts CPU time in hundredths of a second.
const TICK: Duration = Duration::from_millis(10);

const SETTINGS: [(&str, &str); 6] = [
    ("delivery.timeout.ms", "1000"),
    ("request.timeout.ms", "300"),
    ("max.block.ms", "1000"),
    ("socket.connection.setup.timeout.ms", "300"),
    ("socket.connection.setup.timeout.max.ms", "300"),
    ("reconnect.backoff.max.ms", "200"),
];

/// One way to be hostile.
struct Mode {
    name: &'static str,
    hostile: Hostile,
}

fn mode(
    name: &'static str,
    hostile: impl Fn(i16, Vec<u8>, &mut std::net::TcpStream) -> bool + Send + Sync + 'static,
) -> Mode {
    Mode { name, hostile: Arc::new(hostile) }
}

/// User and system time of the threads of the library that are there.
fn io_threads() -> (usize, Duration) {
    let (mut count, mut time) = (0, Duration::ZERO);
    for task in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((name, fields)) = stat.rsplit_once(") ") else { continue };
        if name.contains("ottla-io") {
            let fields: Vec<&str> = fields.split(' ').collect();
            count += 1;
            time += TICK * fields[11..13].iter().map(|f| f.parse::<u32>().unwrap()).sum::<u32>();
        }
    }
    (count, time)
}

fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Sends to a hostile broker; whatever is accepted has its outcome in time, and no false one.
fn suffer(mode: &Mode) {
    let name = mode.name;
    let (broker, behaviour) = FakeBroker::kafka();
    *behaviour.hostile.lock().unwrap() = Some(mode.hostile.clone());
    let run = Run::new(&broker.bootstrap(), &SETTINGS);
    let mut accepted = 0;
    for _ in 0..10 {
        let record = Record { topic: "t", value: Some(b"v"), ..Record::default() };
        match run.producer.send(&record) {
            Ok(()) => accepted += 1,
            // The next ones would wait as long.
            Err(_) => break,
        }
    }
    let start = Instant::now();
    run.producer.flush(Some(Duration::from_secs(20))).unwrap_or_else(|e| panic!("{name}: {e}"));
    let took = start.elapsed();
    assert!(took <= DELIVERY_TIMEOUT + LATE, "{name}: the last outcome after {took:?}");
    let reports = run.reports();
    assert_eq!(reports.len(), accepted, "{name}: one report each");
    let persisted = reports.iter().filter(|report| report.state == State::Persisted).count() as i64;
    let taken = behaviour.taken();
    assert!(persisted <= taken, "{name}: {persisted} persisted, {taken} taken");
    for report in reports.iter().filter(|report| report.state != State::Persisted) {
        assert!(report.error.is_some(), "{name}: no reason: {report:?}");
    }
    let start = Instant::now();
    run.producer.close(Some(Duration::from_secs(1))).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(start.elapsed() < Duration::from_secs(1) + LATE, "{name}: closing");
}

#[test]
fn no_mode_hangs_spins_grows_or_is_believed() {
    let modes: Vec<Mode> = modes::all().into_iter().chain(metadata::all()).collect();
    assert!(modes.len() >= 40, "{} modes", modes.len());
    let files = open_files();
    let (mut most_threads, before) = (0, peak_memory_mb());
    for some in modes.chunks(10) {
        std::thread::scope(|scope| {
            let start = Instant::now();
            // Nothing comes; the channel ends with the last of them.
            let (running, done) = mpsc::channel::<()>();
            for mode in some {
                let running = running.clone();
                scope.spawn(move || {
                    let _running = running;
                    suffer(mode);
                });
            }
            drop(running);
            let (mut cost, mut waited, mut before) = (Duration::ZERO, Duration::ZERO, 0);
            while done.recv_timeout(TICK) == Err(mpsc::RecvTimeoutError::Timeout) {
                let (threads, time) = io_threads();
                // A thread that is being started bears the name of the one that starts it.
                most_threads = most_threads.max(threads.min(before));
                before = threads;
                (cost, waited) = (cost.max(time), start.elapsed());
            }
            let share = waited / 5 * some.len() as u32 + TICK * some.len() as u32;
            assert!(cost <= share, "{cost:?} of CPU in {waited:?} by {} producers", some.len());
        });
    }
    assert!(most_threads <= 10, "{most_threads} I/O threads of ten producers");
    let grown = peak_memory_mb() - before;
    assert!(grown < 200, "{grown} MB");
    let left = open_files();
    assert!(left <= files + 2, "{files} files before, {left} after");
}
