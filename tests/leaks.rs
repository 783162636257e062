//! Nothing is left of clusters that ended: threads, descriptors, ports and bytes are counted in a
//! process of their own, so that the counts are exact.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig};

#[path = "support/raw.rs"]
mod raw;
use raw::{NOBODY, Raw, batch};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Threads and descriptors.
fn open() -> (usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).unwrap().count();
    (count("/proc/self/task"), count("/proc/self/fd"))
}

fn addresses(cluster: &Cluster) -> Vec<SocketAddr> {
    cluster.bootstrap_servers().split(',').map(|address| address.parse().unwrap()).collect()
}

/// A cluster that served somebody.
fn used() -> (Cluster, Raw) {
    let cluster = Cluster::start(ClusterConfig::brokers(3).topic("t", 3)).unwrap();
    let leader = cluster.partition("t", 0).unwrap().leader;
    let mut raw = Raw::connect(&addresses(&cluster)[leader as usize - 1].to_string());
    for _ in 0..3 {
        assert_eq!(raw.produce("t", -1, &batch(NOBODY, &["v"])).error_code, 0);
    }
    (cluster, raw)
}

/// The process has no more than it had. A thread that ended is seen for a moment longer.
fn no_more(before: (usize, usize)) {
    let no_more = || {
        let now = open();
        now.0 <= before.0 && now.1 <= before.1
    };
    let end = Instant::now() + Duration::from_secs(10);
    while !no_more() && Instant::now() < end {
        std::thread::yield_now();
    }
    assert!(no_more(), "{before:?} threads and descriptors became {:?}", open());
}

/// Bytes in use after so many clusters, one after the other.
fn one_after_the_other(count: usize) -> usize {
    for _ in 0..count {
        drop(used());
    }
    dhat::HeapStats::get().curr_bytes
}

/// The ports that many clusters had, all there at once.
fn at_once() -> Vec<SocketAddr> {
    let clusters: Vec<(Cluster, Raw)> = (0..36).map(|_| used()).collect();
    let ports = clusters.iter().flat_map(|(cluster, _)| addresses(cluster)).collect();
    std::thread::scope(|scope| {
        for cluster in clusters {
            scope.spawn(move || drop(cluster));
        }
    });
    ports
}

/// The only test here: it counts what the process has.
#[test]
fn hundreds_of_clusters_in_turn_and_dozens_at_once_leave_nothing_behind() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let before = open();
    // The first ones fill what stays for the life of the process.
    one_after_the_other(20);
    let bytes = one_after_the_other(100);
    let now = one_after_the_other(200);
    no_more(before);
    assert!(now < bytes + 4096, "{bytes} bytes became {now}");

    at_once();
    no_more(before);
    let bytes = dhat::HeapStats::get().curr_bytes;
    for _ in 0..3 {
        let ports = at_once();
        assert_eq!(ports.len(), 108);
        for port in ports {
            assert!(TcpStream::connect(port).is_err(), "{port} still answers");
            TcpListener::bind(port).unwrap_or_else(|error| panic!("{port}: {error}"));
        }
    }
    no_more(before);
    let now = dhat::HeapStats::get().curr_bytes;
    assert!(now < bytes + 4096, "{bytes} bytes became {now}");
}
