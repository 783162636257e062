//! Faults on command, and what our own producer makes of them.

use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig, Fault, FaultAction};
use ottla::{ErrorCode, Header, Record, State};

use super::raw::{NOBODY, Raw, batch, write};
use super::rig::*;
use super::run::Run;

const PRODUCE: i16 = 0;
const METADATA: i16 = 3;
const QUICK: [(&str, &str); 4] = [
    ("linger.ms", "0"),
    ("retry.backoff.ms", "5"),
    ("reconnect.backoff.ms", "5"),
    ("request.timeout.ms", "150"),
];

fn cluster() -> Cluster {
    Cluster::start(ClusterConfig::brokers(1).topic("t", 2)).unwrap()
}

/// A fault of produce requests that comes once.
fn once(action: FaultAction) -> Fault {
    Fault::new(action).api(PRODUCE).times(1)
}

#[test]
fn whatever_happens_to_one_request_a_record_is_written_once() {
    let error = ErrorCode::KAFKA_STORAGE_ERROR;
    let not_enough = ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    for action in [
        FaultAction::DropRequest,
        FaultAction::DropResponse,
        FaultAction::CloseBefore,
        FaultAction::CloseAfter,
        FaultAction::HalfResponse,
        FaultAction::CorruptResponse,
        FaultAction::SlowDrip { bytes: 3, every: Duration::from_millis(1) },
        FaultAction::Delay(Duration::from_millis(250)),
        FaultAction::Throttle(Duration::from_millis(50)),
        FaultAction::Error(error),
        FaultAction::ErrorAfter(not_enough),
    ] {
        let cluster = cluster();
        let rig = Rig::new(&cluster, &QUICK);
        cluster.inject(once(action.clone()));
        for opaque in 0..3 {
            rig.send("t", 0, b"v", opaque);
            let reports = rig.reports();
            assert_eq!(reports[0].state, State::Persisted, "{action:?}: {reports:?}");
            assert_eq!(reports[0].offset, opaque as i64, "{action:?}");
        }
        assert_eq!(cluster.records("t", 0).len(), 3, "{action:?}");
    }
}

#[test]
fn an_error_hits_the_partition_it_is_meant_for() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &QUICK);
    let error = FaultAction::Error(ErrorCode::INVALID_RECORD);
    let id = cluster.inject(Fault::new(error).topic("t").partition(1));
    rig.send("t", 0, b"v", 0);
    rig.send("t", 1, b"v", 1);
    let mut reports = rig.reports();
    reports.sort_by_key(|report| report.opaque);
    assert_eq!(reports[0].state, State::Persisted);
    assert_eq!(reports[1].state, State::NotPersisted);
    assert_eq!(reports[1].error.as_ref().unwrap().code(), ErrorCode::INVALID_RECORD);
    cluster.heal(id);
    rig.send("t", 1, b"v", 2);
    persisted(&rig.reports());
}

#[test]
fn a_handler_that_fails_is_an_error_of_its_request_and_of_no_other() {
    let cluster = cluster();
    let mut raw = Raw::connect(&cluster.bootstrap_servers());
    cluster.inject(once(FaultAction::FailHandler));
    let refused = raw.produce("t", 1, &batch(NOBODY, &["v"]));
    assert_eq!(ErrorCode::from(refused.error_code), ErrorCode::UNKNOWN_SERVER_ERROR);
    assert_eq!(raw.produce("t", 1, &batch(NOBODY, &["v"])).error_code, 0);
    cluster.inject(once(FaultAction::FailHandler));
    raw.send(9, &write("t", 0, 0, &batch(NOBODY, &["v"])));
    assert!(raw.is_closed(), "without acks there is no other way to tell");
    cluster.inject(once(FaultAction::Delay(Duration::from_millis(1))));
    cluster.inject(once(FaultAction::FailHandler));
    let mut raw = Raw::connect(&cluster.bootstrap_servers());
    raw.send(9, &write("t", 0, 1, &batch(NOBODY, &["v"])));
    let rig = Rig::new(&cluster, &[]);
    persisted(&[one(&rig, "t")]);
}

#[test]
fn a_delay_is_kept() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.inject(once(FaultAction::Delay(Duration::from_millis(120))));
    let before = Instant::now();
    persisted(&[one(&rig, "t")]);
    assert!(before.elapsed() >= Duration::from_millis(120));
}

#[test]
fn a_client_that_writes_too_much_is_held_back() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.set_producer_byte_rate(Some(10_000));
    rig.send("t", 0, &[0; 12_000], 1);
    persisted(&rig.reports());
    let before = Instant::now();
    persisted(&[one(&rig, "t")]);
    let held = before.elapsed();
    assert!(held >= Duration::from_millis(150), "{held:?}");
}

#[test]
fn a_broker_pretends_to_be_an_older_one() {
    for (produce, metadata) in [(3, 4), (7, 7), (9, 9), (11, 12), (12, 12)] {
        let cluster = cluster();
        cluster.pretend_versions(1, &[(PRODUCE, 0, produce), (METADATA, 0, metadata)]);
        let rig = Rig::new(&cluster, &[]);
        persisted(&[one(&rig, "t")]);
        let versions: Vec<(i16, i16)> =
            cluster.requests().iter().map(|r| (r.api_key, r.api_version)).collect();
        assert!(versions.contains(&(PRODUCE, produce)), "{versions:?}");
        assert!(versions.contains(&(METADATA, metadata)), "{versions:?}");
    }
}

#[test]
fn a_broker_that_is_cut_off_from_its_clients_is_silent_and_then_goes_on() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.cut_clients(1, true);
    rig.send("t", 0, b"v", 2);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    cluster.cut_clients(1, false);
    assert_eq!(rig.reports()[0].offset, 1);
}

#[test]
fn a_broker_that_was_paused_when_it_died_serves_when_it_is_started() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.pause_broker(1).unwrap();
    cluster.kill_broker(1).unwrap();
    cluster.start_broker(1).unwrap();
    assert_eq!(one(&rig, "t").offset, 1);
}

#[test]
fn a_broker_that_is_cut_off_stays_so_when_it_is_resumed() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.cut_clients(1, true);
    cluster.pause_broker(1).unwrap();
    cluster.resume_broker(1).unwrap();
    rig.send("t", 0, b"v", 2);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    cluster.cut_clients(1, false);
    assert_eq!(rig.reports()[0].offset, 1);
}

#[test]
fn everything_that_arrived_can_be_asked_for() {
    let cluster = cluster();
    let rig = Rig::new(&cluster, &[("client.id", "me"), ("linger.ms", "50")]);
    let headers = [Header { name: "h", value: Some(b"1") }, Header { name: "n", value: None }];
    rig.producer
        .send(&Record {
            topic: "t",
            partition: Some(1),
            key: Some(b"k"),
            value: Some(b"v"),
            headers: &headers,
            timestamp: Some(1_700_000_000_123),
            ..Record::default()
        })
        .unwrap();
    rig.producer
        .send(&Record {
            topic: "t",
            partition: Some(1),
            timestamp: Some(1_700_000_000_124),
            ..Record::default()
        })
        .unwrap();
    persisted(&rig.reports());
    let requests = cluster.requests();
    let names: Vec<&str> = requests.iter().map(|request| request.api_name()).collect();
    assert!(names.starts_with(&["ApiVersions"]), "{names:?}");
    let produce = requests.iter().find(|request| request.api_key == PRODUCE).unwrap();
    assert_eq!((produce.broker, produce.client_id.as_deref()), (1, Some("me")));
    let records = produce.records();
    assert_eq!(records.len(), 2);
    let first = &records[0];
    assert_eq!((first.partition, first.sequence, first.timestamp), (1, 0, 1_700_000_000_123));
    assert!(first.producer_id >= 0);
    assert_eq!((first.key.as_deref(), first.value.as_deref()), (Some(&b"k"[..]), Some(&b"v"[..])));
    let expected = [("h".to_owned(), Some(b"1".to_vec())), ("n".to_owned(), None)];
    assert_eq!(first.headers, expected);
    assert_eq!((records[1].sequence, &records[1].key, &records[1].value), (1, &None, &None));
    let stored = cluster.records("t", 1);
    assert_eq!((stored[0].headers.as_slice(), stored[1].value.as_ref()), (&expected[..], None));
}

/// The first record is in the log although its answer was an error, and is sent again; the reports
/// of those behind it wait for it, which takes all the slots there are.
#[test]
fn reports_that_wait_for_an_earlier_one_refuse_sends_and_hold_up_nobody_for_good() {
    let cluster = cluster();
    let settings = [
        ("delivery.report.queue.max", "3"),
        ("batch.size", "100"),
        ("linger.ms", "0"),
        ("retry.backoff.ms", "1000"),
    ];
    let run = Run::pulling(&cluster.bootstrap_servers(), &settings);
    let record = Record { topic: "t", partition: Some(0), ..Record::default() };
    let record = Record { value: Some(&[0; 100]), ..record };
    let mut thread = run.thread();
    // One acknowledgement, or the next ones are sent one by one.
    thread.send(&record).unwrap();
    assert_eq!(run.pull(1, LIMIT).unwrap(), 1);
    cluster.inject(once(FaultAction::Delay(Duration::from_millis(500))));
    let in_doubt = FaultAction::ErrorAfter(ErrorCode::NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    cluster.inject(Fault::new(in_doubt).topic("t").partition(0).times(1));
    (0..3).for_each(|_| thread.send(&record).unwrap());
    until("all are in the log", || cluster.records("t", 0).len() == 4);
    let full = |error: ottla::Error| assert_eq!(error.code(), ErrorCode::REPORTS_FULL, "{error}");
    full(thread.send(&record).unwrap_err());
    full(run.producer.try_send(&record, &mut 0).unwrap_err());
    assert_eq!(run.pull(1, Duration::ZERO).unwrap(), 0, "all are held");
    // Whoever waits for a report is woken by the first of them, and then there is room again.
    assert_eq!(run.pull(1, LIMIT).unwrap(), 1);
    thread.send(&record).unwrap();
    full(thread.send(&record).unwrap_err());
    run.producer.flush(Some(LIMIT)).unwrap();
    assert_eq!(run.pull(9, Duration::ZERO).unwrap(), 3);
    let offsets: Vec<i64> = run.reports().iter().map(|report| report.offset).collect();
    assert_eq!(offsets, [0, 1, 2, 3, 4]);
    persisted(&run.reports());
}
