//! Nothing is left of clusters that ended: threads, descriptors, ports and bytes are counted in a
//! process of their own, so that the counts are exact.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use ottla::broker::{Cluster, ClusterConfig};

#[path = "support/raw.rs"]
mod raw;
use raw::{NOBODY, Raw, batch};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// One test at a time: they count what the process has.
static ALONE: Mutex<()> = Mutex::new(());

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

/// The process has what it had. A thread that ended is seen for a moment longer.
fn same(before: (usize, usize)) {
    let end = Instant::now() + Duration::from_secs(5);
    while open() != before && Instant::now() < end {
        std::thread::yield_now();
    }
    assert_eq!(open(), before, "threads and descriptors");
}

#[test]
fn hundreds_of_clusters_one_after_the_other_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(|error| error.into_inner());
    let _profiler = dhat::Profiler::builder().testing().build();
    let one_after_the_other = |count: usize| {
        for _ in 0..count {
            drop(used());
        }
        dhat::HeapStats::get().curr_bytes
    };
    // The first ones fill what stays for the life of the process.
    one_after_the_other(20);
    let before = open();
    let bytes = one_after_the_other(100);
    let now = one_after_the_other(200);
    same(before);
    assert!(now < bytes + 4096, "{bytes} bytes became {now}");
}

#[test]
fn dozens_of_clusters_at_once_leave_nothing_behind() {
    let _alone = ALONE.lock().unwrap_or_else(|error| error.into_inner());
    let _profiler = dhat::Profiler::builder().testing().build();
    let at_once = || -> Vec<SocketAddr> {
        let clusters: Vec<(Cluster, Raw)> = (0..36).map(|_| used()).collect();
        let ports = clusters.iter().flat_map(|(cluster, _)| addresses(cluster)).collect();
        std::thread::scope(|scope| {
            for cluster in clusters {
                scope.spawn(move || drop(cluster));
            }
        });
        ports
    };
    at_once();
    let before = open();
    let bytes = dhat::HeapStats::get().curr_bytes;
    for _ in 0..3 {
        let ports = at_once();
        assert_eq!(ports.len(), 108);
        for port in ports {
            assert!(TcpStream::connect(port).is_err(), "{port} still answers");
            TcpListener::bind(port).unwrap_or_else(|error| panic!("{port}: {error}"));
        }
    }
    same(before);
    let now = dhat::HeapStats::get().curr_bytes;
    assert!(now < bytes + 4096, "{bytes} bytes became {now}");
}
