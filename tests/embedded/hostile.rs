//! Clients that mean harm, or are broken: they are refused, and the others notice nothing.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig};

use super::raw::*;
use super::rig::*;

#[test]
fn frames_that_are_none_close_the_connection_and_nothing_else() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[]);
    let bad: [&[u8]; 9] = [
        &i32::MAX.to_be_bytes(),
        &(-1_i32).to_be_bytes(),
        &i32::MIN.to_be_bytes(),
        &[0, 0, 0, 0],
        &[0, 0, 0, 1, 0],
        b"GET / HTTP/1.1\r\n\r\n",
        &[0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3],
        // An API that there is not, and one in a version that there is not.
        &[0, 0, 0, 10, 0x7f, 0xff, 0, 0, 0, 0, 0, 1, 255, 255],
        &[0, 0, 0, 10, 0, 3, 0, 99, 0, 0, 0, 1, 255, 255],
    ];
    for bytes in bad {
        let mut raw = Raw::connect(&cluster.bootstrap_servers());
        raw.bytes(bytes);
        assert!(raw.is_closed(), "{bytes:?}");
        persisted(&[one(&rig, "t")]);
    }
}

#[test]
fn noise_in_every_api_and_version_does_no_harm() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let mut random = fastrand::Rng::with_seed(4);
    for api in 0..93_i16 {
        for version in 0..20_i16 {
            let mut frame = Vec::new();
            frame.extend(api.to_be_bytes());
            frame.extend(version.to_be_bytes());
            frame.extend(7_i32.to_be_bytes());
            frame.extend((-1_i16).to_be_bytes());
            let noise = random.usize(..60);
            // Small numbers make more sense as lengths, so that the noise gets further.
            frame.extend((0..noise).map(|_| random.u8(..) >> random.u8(..8)));
            let mut stream = TcpStream::connect(cluster.bootstrap_servers()).unwrap();
            stream.write_all(&(frame.len() as u32).to_be_bytes()).unwrap();
            stream.write_all(&frame).unwrap();
        }
    }
    let rig = Rig::new(&cluster, &[]);
    persisted(&[one(&rig, "t")]);
    until("all are gone", || cluster.connections() <= 2);
}

#[test]
fn half_a_request_holds_nothing_up() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let mut half = Raw::connect(&cluster.bootstrap_servers());
    half.bytes(&[0, 0x10, 0, 0, 0, 0]);
    let rig = Rig::new(&cluster, &[]);
    persisted(&[one(&rig, "t")]);
    until("three are open", || cluster.connections() >= 2);
}

#[test]
fn requests_that_come_at_once_are_answered_in_their_order() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let mut raw = Raw::connect(&cluster.bootstrap_servers());
    for sequence in 0..200 {
        raw.send(9, &write("t", 0, 1, &batch((9, 0, sequence), &["v"])));
    }
    for sequence in 0..200 {
        let (id, response) =
            raw.answer::<kafka_protocol::messages::ProduceRequest>(9).expect("an answer");
        let written = &response.responses[0].partition_responses[0];
        assert_eq!(
            (id, written.error_code, written.base_offset),
            (sequence + 1, 0, sequence.into())
        );
    }
}

#[test]
fn a_thousand_connections_are_served_and_more_than_allowed_are_closed() {
    let config = ClusterConfig { max_connections: 1000, processors: 2, ..Default::default() };
    let cluster = Cluster::start(config.topic("t", 1)).unwrap();
    let mut clients: Vec<Raw> =
        (0..1000).map(|_| Raw::connect(&cluster.bootstrap_servers())).collect();
    for client in clients.iter_mut().step_by(50) {
        assert_eq!(client.produce("t", 1, &batch(NOBODY, &["v"])).error_code, 0);
    }
    until("all are in", || cluster.connections() == 1000);
    assert!(Raw::connect(&cluster.bootstrap_servers()).is_closed());
    clients.truncate(10);
    until("they are gone", || cluster.connections() == 10);
    let mut again = Raw::connect(&cluster.bootstrap_servers());
    assert_eq!(again.produce("t", 1, &batch(NOBODY, &["v"])).error_code, 0);
}

#[test]
fn an_idle_connection_is_closed() {
    let idle = Duration::from_millis(30);
    let cluster =
        Cluster::start(ClusterConfig { connections_max_idle: idle, ..Default::default() }).unwrap();
    assert!(Raw::connect(&cluster.bootstrap_servers()).is_closed());
}

#[test]
fn a_request_over_the_limit_is_not_read() {
    let config = ClusterConfig { socket_request_max_bytes: 1000, ..Default::default() };
    let cluster = Cluster::start(config.topic("t", 1)).unwrap();
    let mut raw = Raw::connect(&cluster.bootstrap_servers());
    assert_eq!(raw.produce("t", 1, &batch(NOBODY, &["v"])).error_code, 0);
    raw.bytes(&1001_u32.to_be_bytes());
    assert!(raw.is_closed());
}

/// Where the other process finds the cluster.
const VICTIM: &str = "OTTLA_TEST_VICTIM";
const CONNECTIONS: usize = 3000;

/// This binary once more, as a client that means harm. It ends with its input.
fn hostile_process(cluster: &Cluster) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "hostile::the_other_process"]);
    command.env(VICTIM, cluster.bootstrap_servers());
    command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap()
}

#[test]
#[ignore = "started by another test"]
fn the_other_process() {
    let Ok(victim) = std::env::var(VICTIM) else { return };
    let mut crowd = Vec::new();
    for number in 0..CONNECTIONS {
        let mut stream = TcpStream::connect(&victim).unwrap();
        let bytes: &[u8] = match number % 4 {
            0 => &i32::MAX.to_be_bytes(),
            // As much as is allowed, and none of it.
            1 => &(100_i32 << 20).to_be_bytes(),
            2 => &[0, 0, 1, 0, 0, 0, 0, 9],
            _ => &[],
        };
        // It may have been closed already.
        let _ = stream.write_all(bytes);
        crowd.push(stream);
    }
    let good = batch(NOBODY, &["intruder"]);
    let mut damaged = good.clone();
    *damaged.last_mut().unwrap() ^= 1;
    let out_of_order = batch((1, 0, 500), &["intruder"]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let mut raw = Raw::connect(&victim);
                    assert_ne!(raw.produce("t", -1, &damaged).error_code, 0);
                    assert_ne!(raw.produce("t", -1, &good[..70]).error_code, 0);
                    assert_ne!(raw.produce("t", -1, &out_of_order).error_code, 0);
                    raw.bytes(&i32::MAX.to_be_bytes());
                    assert!(raw.is_closed());
                }
            });
        }
        let _ = std::io::stdin().read(&mut [0]);
        std::process::exit(0);
    });
}

/// Bytes of memory that this process has.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_good_producer_suffers_nothing_beside_a_process_with_thousands_of_bad_connections() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0"), ("request.timeout.ms", "5000")]);
    // The producer of this number is known, with another sequence.
    let mut raw = Raw::connect(&cluster.bootstrap_servers());
    assert_eq!(raw.produce("t", -1, &batch((1, 0, 0), &["v"])).error_code, 0);
    let before = resident();
    let mut hostile = hostile_process(&cluster);
    // A third of them is closed at once.
    until("the crowd is there", || cluster.connections() > CONNECTIONS * 7 / 10);
    let mut slowest = Duration::ZERO;
    for at in 1..=500 {
        let sent = Instant::now();
        let report = one(&rig, "t");
        slowest = slowest.max(sent.elapsed());
        assert_eq!((report.state, report.offset), (ottla::State::Persisted, at), "{report:?}");
    }
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
    let grown = resident().saturating_sub(before);
    assert!(grown < 300 << 20, "{grown} bytes more");
    assert_eq!(cluster.records("t", 0).len(), 501, "nothing of the intruders");
    let refused =
        cluster.requests().iter().filter(|r| r.client_id.as_deref() == Some("raw")).count();
    assert!(refused > 100, "the intruders were at it: {refused}");
    drop(hostile.stdin.take());
    assert!(hostile.wait().unwrap().success());
    until("they are gone", || cluster.connections() < 10);
    persisted(&[one(&rig, "t")]);
}
