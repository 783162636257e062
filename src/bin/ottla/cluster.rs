//! `ottla cluster`: the embedded cluster as a process of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Weak};
use std::thread;

use clap::Args;
use ottla::broker::{Cluster, ClusterConfig};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::connection::key_value;

/// The longest line that the control port reads.
const LINE_LEN_MAX: u64 = 64 << 10;

/// Run a cluster of brokers in this process, on loopback and in memory, for tests and first steps
///
/// The first line of stdout is `bootstrap.servers=…`, for clients; it is there when they can
/// connect. The cluster runs until Ctrl-C or SIGTERM and ends with status 0; nothing is left of it.
#[derive(Args)]
pub struct ClusterArgs {
    /// The number of brokers
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    brokers: u16,

    /// The port of the first broker, the others follow it; 0 takes free ones
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,

    /// A topic that is there from the start; may be given often. Others are made by their first use
    #[arg(long, value_name = "NAME:PARTITIONS")]
    topic: Vec<String>,

    /// Replicas of each partition; without it three, or as many as there are brokers
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(i16).range(1..))]
    replication_factor: Option<i16>,

    /// A key of the brokers' or of all topics' configuration, such as min.insync.replicas=2; may
    /// be given often
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    config: Vec<(String, String)>,

    /// A port on loopback that takes commands, a line each: `kill 2`, `error NOT_LEADER_OR_FOLLOWER
    /// api=Produce times=3`; `help` lists them. Each is answered by `ok COUNT` and that many
    /// lines, or by a line `error NAME: …`. 0 takes a free port. The second line of stdout is
    /// `control.port=…`
    #[arg(long, value_name = "PORT")]
    control_port: Option<u16>,
}

impl ClusterArgs {
    fn config(&self) -> Result<ClusterConfig, String> {
        let mut config = ClusterConfig::brokers(self.brokers);
        config.port = self.port;
        config.default_replication_factor = self.replication_factor;
        let topics = self.topic.iter().map(|text| ("topic", text));
        let others = self.config.iter().map(|(key, value)| (key.as_str(), value));
        for (key, value) in topics.chain(others) {
            config.set(key, value).map_err(|error| error.message().to_owned())?;
        }
        Ok(config)
    }
}

/// Runs the command; the exit status, or what is wrong with the command line.
pub fn run(args: ClusterArgs) -> Result<u8, String> {
    let config = args.config()?;
    // Before the first line, so that who reads it can end the cluster in good order.
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).expect("these two signals can always be handled");
    let control = args.control_port.map(listen).transpose()?;
    let cluster = Cluster::start(config).map_err(|error| error.message().to_owned())?;
    let cluster = Arc::new(cluster);
    let mut lines = format!("bootstrap.servers={}\n", cluster.bootstrap_servers());
    if let Some(listener) = control {
        let addr = listener.local_addr().map_err(|error| error.to_string())?;
        lines += &format!("control.port={}\n", addr.port());
        let cluster = Arc::downgrade(&cluster);
        thread::spawn(move || serve(&listener, &cluster));
    }
    let mut stdout = std::io::stdout();
    let printed = stdout.write_all(lines.as_bytes()).and_then(|()| stdout.flush());
    printed.map_err(|error| format!("cannot write: {error}"))?;
    signals.forever().next();
    Ok(0)
}

fn listen(port: u16) -> Result<TcpListener, String> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port))
        .map_err(|error| format!("--control-port {port} cannot be taken: {error}"))
}

/// Answers who connects to the control port, each on a thread. The cluster does not live on for it.
fn serve(listener: &TcpListener, cluster: &Weak<Cluster>) {
    for stream in listener.incoming().flatten() {
        let cluster = cluster.clone();
        // What goes wrong with one connection ends that one.
        thread::spawn(move || converse(&stream, &cluster));
    }
}

fn converse(mut stream: &TcpStream, cluster: &Weak<Cluster>) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    loop {
        line.clear();
        lines.by_ref().take(LINE_LEN_MAX).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            if line.len() as u64 == LINE_LEN_MAX {
                let text = format!("error INVALID_ARGUMENT: a line is over {LINE_LEN_MAX} bytes\n");
                stream.write_all(text.as_bytes())?;
            }
            return Ok(());
        }
        let Some(cluster) = cluster.upgrade() else { return Ok(()) };
        let answer = answer(&cluster, &line);
        drop(cluster);
        stream.write_all(answer.as_bytes())?;
    }
}

/// What the control port says to a line: one that says what follows, then as many as it says.
fn answer(cluster: &Cluster, line: &[u8]) -> String {
    let Ok(line) = std::str::from_utf8(line) else {
        return "error INVALID_UTF8: the line is not UTF-8\n".to_owned();
    };
    match cluster.obey(line) {
        Ok(text) if text.is_empty() => "ok 0\n".to_owned(),
        Ok(text) => format!("ok {}\n{text}\n", text.lines().count()),
        // An answer is a line, whatever the command had in it.
        Err(error) => format!("error {}\n", error.to_string().replace(['\r', '\n'], " ")),
    }
}
