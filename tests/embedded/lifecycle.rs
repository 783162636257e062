//! Clusters start in no time, brokers sleep and wake, and nothing is left of a cluster that ended.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ottla::broker::{BrokerState, Cluster, ClusterConfig};

use super::rig::*;

#[test]
fn a_paused_broker_answers_what_it_was_asked_when_it_is_resumed() {
    let cluster = Cluster::start(ClusterConfig::brokers(1).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0")]);
    persisted(&[one(&rig, "t")]);
    cluster.pause_broker(1).unwrap();
    rig.send("t", 0, b"v", 2);
    assert!(rig.producer.flush(Some(Duration::from_millis(100))).is_err());
    cluster.resume_broker(1).unwrap();
    let reports = rig.reports();
    persisted(&reports);
    assert_eq!(reports[0].offset, 1);
}

fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.bootstrap_servers().split(',').map(|address| address.parse().unwrap()).collect()
}

#[test]
fn a_cluster_that_is_shut_down_frees_its_ports_and_closes_its_connections() {
    let cluster = Cluster::start(ClusterConfig::brokers(3)).unwrap();
    let addresses = addresses(&cluster);
    let clients: Vec<TcpStream> =
        addresses.iter().map(|address| TcpStream::connect(address).unwrap()).collect();
    cluster.shutdown();
    for (address, mut client) in addresses.into_iter().zip(clients) {
        client.set_read_timeout(Some(LIMIT)).unwrap();
        let ended = std::io::Read::read(&mut client, &mut [0; 1]);
        assert!(!matches!(ended, Ok(1..)), "{ended:?}");
        TcpListener::bind(address).unwrap();
    }
}

#[test]
fn dozens_of_clusters_live_beside_each_other() {
    let clusters: Vec<Cluster> =
        (0..24).map(|_| Cluster::start(ClusterConfig::brokers(3)).unwrap()).collect();
    let rigs: Vec<Rig> = clusters.iter().map(|cluster| Rig::new(cluster, &[])).collect();
    for (number, rig) in rigs.iter().enumerate() {
        for _ in 0..=number {
            rig.send("t", 0, b"v", 1);
        }
    }
    for (number, (cluster, rig)) in clusters.iter().zip(&rigs).enumerate() {
        persisted(&rig.reports());
        assert_eq!(cluster.records("t", 0).len(), number + 1);
    }
}

#[test]
fn three_brokers_start_in_less_than_twenty_milliseconds() {
    // The fastest of a few: other tests have the processor, too.
    let times = (0..20).map(|_| {
        let before = Instant::now();
        let cluster = Cluster::start(ClusterConfig::brokers(3).topic("t", 12)).unwrap();
        let time = before.elapsed();
        cluster.shutdown();
        time
    });
    assert!(times.min().unwrap() < Duration::from_millis(20));
}

#[test]
fn a_broker_goes_through_its_states_in_order() {
    let cluster = Cluster::start(ClusterConfig::brokers(2)).unwrap();
    assert_eq!(cluster.broker_state(1), Some(BrokerState::Running));
    assert_eq!(
        cluster.broker_history(1),
        [BrokerState::Starting, BrokerState::Recovery, BrokerState::Running]
    );
    cluster.stop_broker(1).unwrap();
    assert_eq!(cluster.broker_state(1), Some(BrokerState::NotRunning));
    assert_eq!(
        cluster.broker_history(1)[3..],
        [
            BrokerState::PendingControlledShutdown,
            BrokerState::ShuttingDown,
            BrokerState::NotRunning
        ]
    );
    assert!(cluster.stop_broker(1).unwrap_err().message().contains("does not run"));
    assert!(cluster.kill_broker(9).unwrap_err().message().contains("no broker 9"));
    cluster.start_broker(1).unwrap();
    assert!(cluster.start_broker(1).is_err());
    assert_eq!(cluster.broker_state(1), Some(BrokerState::Running));
}

#[test]
fn a_broker_that_is_down_refuses_and_keeps_its_port() {
    let cluster = Cluster::start(ClusterConfig::brokers(1)).unwrap();
    let address = addresses(&cluster)[0];
    for round in 0..10 {
        cluster.kill_broker(1).unwrap();
        until("it refuses", || TcpStream::connect(address).is_err());
        cluster.start_broker(1).unwrap();
        TcpStream::connect(address).unwrap_or_else(|error| panic!("round {round}: {error}"));
    }
}

#[test]
fn a_producer_outlives_brokers_that_die_and_come_back_again_and_again() {
    let cluster = Cluster::start(ClusterConfig::brokers(3).topic("t", 1)).unwrap();
    let rig = Rig::new(&cluster, &[("linger.ms", "0"), ("retry.backoff.ms", "10")]);
    let mut sent = 0;
    for round in 0..15 {
        let leader = cluster.partition("t", 0).unwrap().leader;
        rig.send("t", 0, b"before", sent);
        cluster.kill_broker(leader).unwrap();
        rig.send("t", 0, b"after", sent + 1);
        sent += 2;
        if round % 2 == 0 {
            // Every second time it comes back as another leads.
            until("another leads", || cluster.partition("t", 0).unwrap().leader != leader);
        }
        cluster.start_broker(leader).unwrap_or_else(|error| panic!("round {round}: {error}"));
        persisted(&rig.reports());
        until("it is in sync", || cluster.partition("t", 0).unwrap().isr.len() == 3);
    }
    assert_eq!(cluster.records("t", 0).len() as u64, sent);
}

#[test]
fn no_connection_outlives_its_broker() {
    for processors in [1, 3] {
        connect_while_a_broker_dies(processors);
    }
}

fn connect_while_a_broker_dies(processors: usize) {
    let config = ClusterConfig { processors, ..ClusterConfig::brokers(1) };
    let cluster = Cluster::start(config).unwrap();
    let address = addresses(&cluster)[0];
    let done = AtomicBool::new(false);
    let clients = std::thread::scope(|scope| {
        let connect = || {
            let mut clients = Vec::new();
            while !done.load(Ordering::Relaxed) {
                clients.extend(TcpStream::connect(address));
                if clients.len() > 300 {
                    clients.clear();
                }
            }
            clients
        };
        let clients = scope.spawn(connect);
        for _ in 0..200 {
            cluster.kill_broker(1).unwrap();
            cluster.start_broker(1).unwrap();
        }
        cluster.kill_broker(1).unwrap();
        done.store(true, Ordering::Relaxed);
        clients.join().unwrap()
    });
    until("every connection is closed", || cluster.connections() == 0);
    drop(clients);
}

#[test]
fn a_broker_whose_port_was_taken_says_so_and_stays_down() {
    let cluster = Cluster::start(ClusterConfig::brokers(2)).unwrap();
    let address = addresses(&cluster)[0];
    cluster.kill_broker(1).unwrap();
    // A port that is bound and does not listen can be listened on by who insists.
    let thief = TcpListener::bind(address).unwrap();
    let error = cluster.start_broker(1).unwrap_err();
    assert!(error.message().contains(&format!("broker 1 cannot listen on {address}")), "{error}");
    assert_eq!(cluster.broker_state(1), Some(BrokerState::NotRunning));
    drop(thief);
    cluster.start_broker(1).unwrap();
    TcpStream::connect(address).unwrap();
}

#[test]
fn ports_can_be_chosen() {
    let free = Cluster::start(ClusterConfig::brokers(1)).unwrap();
    let port = addresses(&free)[0].port();
    let taken = Cluster::start(ClusterConfig { port, ..ClusterConfig::brokers(1) });
    assert!(taken.err().unwrap().message().contains(&port.to_string()));
    drop(free);
    let cluster = Cluster::start(ClusterConfig { port, ..ClusterConfig::brokers(1) }).unwrap();
    assert_eq!(cluster.bootstrap_servers(), format!("127.0.0.1:{port}"));
}
