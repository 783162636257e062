//! Times are met under load: never early, and hardly late. The numbers are printed
//! (`cargo test --test deadlines -- --nocapture`). On a busy machine whoever waits is late, so a
//! thread that does nothing but wait tells meanwhile by how much.

#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig, Fault, FaultAction};
use ottla::{ErrorCode, Record};
use run::Run;

/// Nothing may be later than this.
const LATE_MAX: Duration = Duration::from_millis(250);

/// 99 of 100 are at most this late, beside what the machine adds.
const LATE_P99: Duration = Duration::from_millis(10);

/// How many wake-ups that the machine makes late may lie between a time and its being found over:
/// of the I/O thread, and of whoever is told.
const WAKEUPS: u32 = 2;

const MOMENT: Duration = Duration::from_millis(1);

/// Tests of time take turns.
static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// The moments between which a call began its time, and when the time was found to be over.
struct Wait {
    began: (Instant, Instant),
    ended: Instant,
}

/// The one of 99 in 100.
fn p99(late: &mut [Duration]) -> Duration {
    late.sort();
    late[(late.len() - 1) * 99 / 100]
}

/// How late 99 of 100 waits of a thread are that does nothing else, while `waits` runs.
fn beside_a_plain_wait(waits: impl Fn() -> Vec<Wait>) -> (Vec<Wait>, Duration) {
    let pulse = Duration::from_millis(5);
    std::thread::scope(|scope| {
        // A panic drops its end, too, and so ends the thread.
        let (end, ended) = mpsc::channel::<()>();
        let plain = scope.spawn(move || {
            let mut late = Vec::new();
            loop {
                let began = Instant::now();
                if ended.recv_timeout(pulse) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return p99(&mut late);
                }
                late.push(began.elapsed().saturating_sub(pulse));
            }
        });
        let waits = waits();
        drop(end);
        (waits, plain.join().unwrap())
    })
}

/// Whether the waits were over in time; that none was over early is asserted.
fn in_time(what: &str, limit: Duration, waits: &[Wait], plain: Duration) -> bool {
    let mut late = Vec::new();
    for wait in waits {
        let longest = wait.ended.duration_since(wait.began.0);
        assert!(longest + MOMENT >= limit, "{what}: over after {longest:?}, before {limit:?}");
        late.push(wait.ended.duration_since(wait.began.1).saturating_sub(limit));
    }
    let (p99, count) = (p99(&mut late), late.len());
    let (p50, max) = (late[count / 2], late[count - 1]);
    println!("{what} {limit:?}: {count} waits, late by {p50:?} (p50) {p99:?} (p99) {max:?}");
    println!("    beside a plain wait, late by {plain:?} (p99)");
    p99 <= LATE_P99 + plain * WAKEUPS && max <= LATE_MAX
}

/// Somebody else may have had the machine: what is in time once in six times is no defect.
fn judge(what: &str, limit_ms: u64, waits: impl Fn() -> Vec<Wait>) {
    let _alone = ALONE.lock();
    let limit = Duration::from_millis(limit_ms);
    let in_time = || {
        let (waits, plain) = beside_a_plain_wait(&waits);
        in_time(what, limit, &waits, plain)
    };
    assert!((0..6).any(|_| in_time()), "{what}: late, see the numbers above");
}

fn cluster(partitions: i32) -> Cluster {
    Cluster::start(ClusterConfig::brokers(1).topic("t", partitions)).unwrap()
}

/// A run that knows topic `t`.
fn run(cluster: &Cluster, settings: &[(&str, &str)]) -> Run {
    let run = Run::new(&cluster.bootstrap_servers(), settings);
    run.producer.partitions_for("t", Some(Duration::from_secs(10))).unwrap();
    run
}

/// Sends a record in a batch of its own each millisecond; the waits end with the reports.
fn load(run: &Run, count: u64, partitions: i32) -> Vec<Wait> {
    let (_never, pace) = mpsc::channel::<()>();
    let mut began = HashMap::new();
    for opaque in 0..count {
        let _ = pace.recv_timeout(MOMENT);
        let partition = Some((opaque % partitions as u64) as i32);
        let record = Record { topic: "t", partition, value: Some(&[7; 200]), ..Record::default() };
        let before = Instant::now();
        run.producer.send(&Record { opaque, ..record }).unwrap();
        began.insert(opaque, (before, Instant::now()));
    }
    let limit = Instant::now() + Duration::from_secs(20);
    // Not a flush, which ends lingering.
    while run.reports().iter().filter(|report| report.opaque != u64::MAX).count() < count as usize {
        assert!(Instant::now() < limit, "reports are missing");
        let _ = pace.recv_timeout(MOMENT * 10);
    }
    let mut told = run.history(Vec::new()).told;
    told.retain(|told| told.report.opaque != u64::MAX);
    assert_eq!(told.len() as u64, count);
    let wait = |told: &oracle::Told| Wait { began: began[&told.report.opaque], ended: told.at };
    told.iter().map(wait).collect()
}

#[test]
fn delivery_timeout_ms_with_a_broker_that_sleeps() {
    judge("delivery.timeout.ms", 1000, while_a_broker_sleeps);
}

fn while_a_broker_sleeps() -> Vec<Wait> {
    let cluster = cluster(8);
    let times = [("delivery.timeout.ms", "1000"), ("request.timeout.ms", "400")];
    let run = run(&cluster, &[times[0], times[1], ("linger.ms", "0"), ("batch.size", "100")]);
    cluster.pause_broker(1).unwrap();
    let waits = load(&run, 2000, 8);
    for report in run.reports() {
        assert_eq!(report.error.unwrap().code(), ErrorCode::DELIVERY_TIMED_OUT);
    }
    cluster.resume_broker(1).unwrap();
    waits
}

#[test]
fn linger_ms_with_many_batches_that_linger() {
    judge("linger.ms and a round trip", 50, while_many_batches_linger);
}

fn while_many_batches_linger() -> Vec<Wait> {
    let cluster = cluster(500);
    let run = run(&cluster, &[("linger.ms", "50")]);
    // The first one waits for a producer id.
    run.producer.send(&Record { topic: "t", opaque: u64::MAX, ..Record::default() }).unwrap();
    run.producer.flush(None).unwrap();
    load(&run, 500, 500)
}

#[test]
fn max_block_ms_with_many_threads_that_wait_for_memory() {
    judge("max.block.ms", 100, while_the_memory_is_full);
}

fn while_the_memory_is_full() -> Vec<Wait> {
    let cluster = cluster(1);
    let settings = [("buffer.memory", "4096"), ("batch.size", "1024"), ("max.block.ms", "100")];
    let run = run(&cluster, &settings);
    cluster.pause_broker(1).unwrap();
    let record = Record { topic: "t", value: Some(&[0; 900]), ..Record::default() };
    while run.producer.send_timeout(&record, Some(Duration::ZERO)).is_ok() {}
    let wait = |_| {
        let before = Instant::now();
        let error = run.producer.send(&record).unwrap_err();
        assert_eq!(error.code(), ErrorCode::BUFFER_EXHAUSTED);
        Wait { began: (before, before), ended: Instant::now() }
    };
    let waits = || (0..10).map(wait).collect::<Vec<Wait>>();
    let waits: Vec<Wait> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..20).map(|_| scope.spawn(waits)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    cluster.resume_broker(1).unwrap();
    waits
}

#[test]
fn request_timeout_ms_of_many_producers() {
    judge("request.timeout.ms", 500, while_no_request_is_answered);
}

fn while_no_request_is_answered() -> Vec<Wait> {
    let cluster = cluster(1);
    let settings = [
        ("enable.idempotence", "false"),
        ("retries", "0"),
        ("linger.ms", "0"),
        ("request.timeout.ms", "500"),
    ];
    let runs: Vec<Run> = (0..40).map(|_| run(&cluster, &settings)).collect();
    for run in &runs {
        // Connected, so that the request goes out at once.
        run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
        run.producer.flush(None).unwrap();
    }
    cluster.pause_broker(1).unwrap();
    let began = runs.iter().map(|run| {
        let before = Instant::now();
        run.producer.send(&Record { topic: "t", ..Record::default() }).unwrap();
        (before, Instant::now())
    });
    let began: Vec<_> = began.collect();
    let waits: Vec<Wait> = std::iter::zip(&runs, began)
        .map(|(run, began)| {
            run.producer.flush(Some(Duration::from_secs(10))).unwrap();
            let told = &run.history(Vec::new()).told[1];
            let code = told.report.error.as_ref().unwrap().code();
            assert_eq!(code, ErrorCode::REQUEST_TIMED_OUT);
            Wait { began, ended: told.at }
        })
        .collect();
    cluster.resume_broker(1).unwrap();
    waits
}

/// A back-off that begins at its maximum is left to no chance.
#[test]
fn retry_backoff_ms_of_many_partitions() {
    judge("retry.backoff.ms", 100, while_each_batch_is_refused_once);
}

fn while_each_batch_is_refused_once() -> Vec<Wait> {
    let cluster = cluster(500);
    let backoff = [("retry.backoff.ms", "100"), ("retry.backoff.max.ms", "100")];
    let run = run(&cluster, &[backoff[0], backoff[1], ("linger.ms", "0")]);
    run.producer.send(&Record { topic: "t", opaque: u64::MAX, ..Record::default() }).unwrap();
    run.producer.flush(None).unwrap();
    cluster.forget_requests();
    for partition in 0..500 {
        let fault = Fault::new(FaultAction::Error(ErrorCode::NOT_ENOUGH_REPLICAS));
        cluster.inject(fault.topic("t").partition(partition).times(1));
    }
    load(&run, 500, 500);
    // The attempts of each partition, as they came to the broker.
    let mut attempts: HashMap<i32, Vec<_>> = HashMap::new();
    for arrival in cluster.requests() {
        for record in arrival.records() {
            attempts.entry(record.partition).or_default().push(arrival.at);
        }
    }
    assert_eq!(attempts.len(), 500);
    let now = Instant::now();
    let waits = attempts.values().map(|attempts| {
        let [first, second] = attempts[..] else { panic!("{} attempts", attempts.len()) };
        Wait { began: (now, now), ended: now + second.since(first) }
    });
    waits.collect()
}

#[test]
fn reconnect_backoff_ms_of_many_producers() {
    judge("reconnect.backoff.ms", 100, while_connections_end_at_once);
}

fn while_connections_end_at_once() -> Vec<Wait> {
    let settings = [("reconnect.backoff.ms", "100"), ("reconnect.backoff.max.ms", "100")];
    let one = || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let run = Run::new(&listener.local_addr().unwrap().to_string(), &settings);
        let limit = Some(Duration::ZERO);
        // Starts it; there will be no metadata.
        run.producer.partitions_for("t", limit).unwrap_err();
        let came: Vec<Instant> =
            (0..20).map(|_| listener.accept().map(|_| Instant::now()).unwrap()).collect();
        came
    };
    let came: Vec<Vec<Instant>> = std::thread::scope(|scope| {
        let producers: Vec<_> = (0..30).map(|_| scope.spawn(one)).collect();
        producers.into_iter().map(|producer| producer.join().unwrap()).collect()
    });
    let pairs = came.iter().flat_map(|came| came.windows(2));
    pairs.map(|pair| Wait { began: (pair[0], pair[0]), ended: pair[1] }).collect()
}
