//! A cluster in this process, behind real sockets on loopback: threads around [`ClusterCore`].

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::bounded;

use super::cluster_config::ClusterConfig;
use super::connections::Connections;
use super::controller::NewTopic;
use super::core::ClusterCore;
use super::faults::{Fault, FaultId};
use super::handler_pool;
use super::metadata_cache::Endpoint;
use super::request_channel::{Command, Mailbox, RequestChannel};
use super::server::BrokerState;
use super::socket_server::{Counters, Processor};
use crate::error::{Error, ErrorCode, Result};
use crate::io::{BoundSocket, ServerSelector};
use crate::log::Logger;
use crate::sync::Mutex;
use crate::time::{self, Instant};
use crate::wire::messages::api_versions::ApiVersion;

/// How long closing a listener may take.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// A running cluster. Dropping it ends its threads and frees its ports.
pub struct Cluster {
    pub(super) core: Arc<Mutex<ClusterCore>>,
    channel: Arc<RequestChannel>,
    counters: Arc<Counters>,
    addresses: BTreeMap<i32, SocketAddr>,
    /// Brokers that are down keep their port. Its lock makes their starts and ends one at a time.
    placeholders: Mutex<BTreeMap<i32, BoundSocket>>,
    processors: Vec<JoinHandle<()>>,
    handlers: Vec<JoinHandle<()>>,
}

impl Cluster {
    /// Starts a cluster; when this returns, clients can connect and the topics are there.
    pub fn start(config: ClusterConfig) -> Result<Cluster> {
        let failed = |what: &str, error: std::io::Error| {
            Error::new(ErrorCode::INTERNAL, format!("{what}: {error}"))
        };
        config.check().map_err(|why| Error::new(ErrorCode::CONFIGURATION, why))?;
        let mut sockets = BTreeMap::new();
        for id in 1..=config.brokers {
            let port = if config.port == 0 { 0 } else { config.port + (id - 1) };
            let socket = BoundSocket::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
                .map_err(|error| failed(&format!("port {port} cannot be taken"), error))?;
            sockets.insert(i32::from(id), socket);
        }
        let addresses: BTreeMap<i32, SocketAddr> =
            sockets.iter().map(|(id, socket)| (*id, socket.addr())).collect();
        let endpoints = addresses.iter().map(|(id, addr)| {
            let host = addr.ip().to_string().into();
            (*id, Endpoint { host, port: addr.port(), rack: None })
        });
        let now = time::now();
        let mut core = ClusterCore::new(config.clone(), now, time::wall_ms());
        core.start(endpoints, now).map_err(|why| Error::new(ErrorCode::CONFIGURATION, why))?;

        let mut selectors = Vec::new();
        for _ in 0..config.processors.max(1) {
            let selector = ServerSelector::new(config.socket_request_max_bytes);
            selectors.push(selector.map_err(|error| failed("no selector", error))?);
        }
        let mailboxes = selectors.iter().map(|selector| Mailbox::new(selector.waker())).collect();
        let mut cluster = Cluster {
            core: Arc::new(Mutex::new(core)),
            channel: Arc::new(RequestChannel::new(config.queued_max_requests, mailboxes)),
            counters: Arc::new(Counters::new(config.max_connections)),
            addresses,
            placeholders: Mutex::default(),
            processors: Vec::new(),
            handlers: Vec::new(),
        };
        cluster.start_threads(selectors, &config).map_err(|error| failed("no thread", error))?;
        for (id, socket) in sockets {
            let socket = socket.listen().map_err(|error| failed("cannot listen", error))?;
            cluster.channel.mailbox(0).tell(Command::Serve(id, socket));
        }
        Ok(cluster)
    }

    fn start_threads(
        &mut self,
        selectors: Vec<ServerSelector>,
        config: &ClusterConfig,
    ) -> std::io::Result<()> {
        for (number, selector) in selectors.into_iter().enumerate() {
            let connections = Connections::new(config.connections_max_idle);
            let (channel, counters) = (self.channel.clone(), self.counters.clone());
            let log = Logger::stderr(config.log_level, "cluster");
            let processor = Processor::new(number, selector, connections, channel, counters, log);
            let thread = std::thread::Builder::new().name(format!("broker-net-{number}"));
            self.processors.push(thread.spawn(move || processor.run())?);
        }
        for number in 0..config.handlers.max(1) {
            let (core, channel) = (self.core.clone(), self.channel.clone());
            let thread = std::thread::Builder::new().name(format!("broker-io-{number}"));
            self.handlers.push(thread.spawn(move || handler_pool::run(&core, &channel))?);
        }
        Ok(())
    }

    /// What clients need to connect: `bootstrap.servers`.
    pub fn bootstrap_servers(&self) -> String {
        let addresses: Vec<String> = self.addresses.values().map(SocketAddr::to_string).collect();
        addresses.join(",")
    }

    /// The numbers of the brokers.
    pub fn broker_ids(&self) -> Vec<i32> {
        self.addresses.keys().copied().collect()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.counters.open()
    }

    /// Does something with the cluster and lets the threads know.
    fn with<T>(&self, act: impl FnOnce(&mut ClusterCore, Instant) -> T) -> T {
        let mut core = self.core.lock();
        let result = act(&mut core, time::now());
        let outputs = core.take_outputs();
        drop(core);
        self.channel.dispatch(outputs);
        self.channel.look_again();
        result
    }

    fn command(
        &self,
        act: impl FnOnce(&mut ClusterCore, Instant) -> std::result::Result<(), String>,
    ) -> Result<()> {
        self.with(act).map_err(|why| Error::new(ErrorCode::INVALID_ARGUMENT, why))
    }

    /// Makes a topic, with as many replicas as the cluster's configuration says.
    pub fn create_topic(&self, name: &str, partitions: i32) -> Result<()> {
        self.create_topic_with(name, partitions, &[])
    }

    /// Makes a topic with a configuration of its own: Kafka's keys and their values.
    pub fn create_topic_with(
        &self,
        name: &str,
        partitions: i32,
        config: &[(&str, &str)],
    ) -> Result<()> {
        self.create_replicated_topic(name, partitions, None, config)
    }

    /// Makes a topic with so many replicas, `None` is what the cluster's configuration says, and
    /// a configuration of its own.
    pub fn create_replicated_topic(
        &self,
        name: &str,
        partitions: i32,
        replication_factor: Option<i16>,
        config: &[(&str, &str)],
    ) -> Result<()> {
        self.with(|core, now| {
            let default = core.config.replication_factor();
            let mut topic = NewTopic {
                name: name.into(),
                partitions,
                replication_factor: replication_factor.unwrap_or(default),
                assignment: None,
                config: core.config.topic_defaults.clone(),
            };
            for (key, value) in config {
                let set = topic.config.set(key, value);
                set.map_err(|why| Error::new(ErrorCode::INVALID_CONFIG, why))?;
            }
            let made = core.create_topic(&topic, now);
            made.map(|_| ()).map_err(|(code, why)| Error::new(code, why))
        })
    }

    /// The names of the topics, and how many partitions they have.
    pub fn topics(&self) -> Vec<(String, usize)> {
        let core = self.core.lock();
        let topics = core.registry.topics.values();
        topics.map(|topic| (topic.name.to_string(), topic.partitions.len())).collect()
    }

    /// Kills a broker: its connections end, its port refuses, what it had in memory and not in
    /// its log is gone. The others notice when its session ends.
    pub fn kill_broker(&self, id: i32) -> Result<()> {
        self.end_broker(id, |core, now| core.kill_broker(id, now))
    }

    /// Ends a broker in order, after its leaderships were handed over.
    pub fn stop_broker(&self, id: i32) -> Result<()> {
        self.end_broker(id, |core, now| core.stop_broker(id, now))
    }

    /// Closes a broker's listener first, so that no connection is accepted for a broker that is
    /// gone and never closed.
    fn end_broker(
        &self,
        id: i32,
        end: impl FnOnce(&mut ClusterCore, Instant) -> std::result::Result<(), String>,
    ) -> Result<()> {
        let mut placeholders = self.placeholders.lock();
        if self.broker_state(id).is_some_and(|state| state != BrokerState::NotRunning) {
            let (done, closed) = bounded(1);
            self.channel.mailbox(0).tell(Command::StopServing(id, done));
            // Nobody answers if the processor is gone, and its listeners with it.
            let _ = closed.recv_timeout(CLOSE_MAX);
            let kept = self.addresses.get(&id).and_then(|addr| BoundSocket::bind(*addr).ok());
            // Where somebody else took the port, starting the broker again says so.
            placeholders.extend(kept.map(|socket| (id, socket)));
        }
        self.command(end)
    }

    /// Starts a broker that does not run, with the logs that it had and on the port that it had.
    /// An error if it runs, or if it cannot listen there; then nothing happened.
    pub fn start_broker(&self, id: i32) -> Result<()> {
        let mut placeholders = self.placeholders.lock();
        let Some(addr) = self.addresses.get(&id) else {
            return Err(Error::new(ErrorCode::INVALID_ARGUMENT, format!("no broker {id}")));
        };
        if self.broker_state(id) != Some(BrokerState::NotRunning) {
            return Err(Error::new(ErrorCode::INVALID_ARGUMENT, format!("broker {id} runs")));
        }
        let busy = |error| {
            let text = format!("broker {id} cannot listen on {addr} any more: {error}");
            Error::new(ErrorCode::INTERNAL, text)
        };
        let kept = placeholders.remove(&id).map_or_else(|| BoundSocket::bind(*addr), Ok);
        let socket = kept.and_then(BoundSocket::listen).map_err(busy)?;
        // Clients that are faster than the broker wait until they are accepted.
        self.command(|core, now| core.start_broker(id, now))?;
        self.channel.mailbox(0).tell(Command::Serve(id, socket));
        Ok(())
    }

    /// Lets a broker do nothing until it is resumed; its connections stay.
    pub fn pause_broker(&self, id: i32) -> Result<()> {
        self.command(|core, now| core.pause_broker(id, now))
    }

    /// Lets a paused broker go on where it was.
    pub fn resume_broker(&self, id: i32) -> Result<()> {
        self.command(|core, now| core.resume_broker(id, now))
    }

    /// Where a broker is in its life.
    pub fn broker_state(&self, id: i32) -> Option<BrokerState> {
        self.core.lock().server(id).map(|server| server.state())
    }

    /// The states that a broker went through since it was started last.
    pub fn broker_history(&self, id: i32) -> Vec<BrokerState> {
        self.core.lock().server(id).map(|server| server.history.clone()).unwrap_or_default()
    }

    /// Cuts a broker off from its clients, or ends that; nobody is told.
    pub fn cut_clients(&self, id: i32, cut: bool) {
        self.with(|core, _| core.cut_clients(id, cut));
    }

    /// Cuts a broker off from the registry and the controller, or ends that. It goes on with what
    /// it knows; the others take it for gone when its session ends.
    pub fn cut_from_controller(&self, id: i32, cut: bool) -> Result<()> {
        self.command(|core, now| core.isolate_broker(id, cut, now))
    }

    /// Cuts the network between two brokers, or mends it: nothing is replicated between them.
    pub fn cut_brokers(&self, a: i32, b: i32, cut: bool) {
        self.with(|core, now| core.cut(a, b, cut, now));
    }

    /// Makes a replica that is in sync the leader of a partition.
    pub fn move_leader(&self, topic: &str, partition: i32, to: i32) -> Result<()> {
        let moved = self.with(|core, now| core.move_leader(topic, partition, to, now));
        moved.map_err(|(code, why)| Error::new(code, why))
    }

    /// Takes replicas out of sync, all but these; they do not replicate until
    /// [`Cluster::let_replicate`].
    pub fn shrink_isr(&self, topic: &str, partition: i32, to: &[i32]) {
        self.with(|core, now| core.shrink_isr_to(topic, partition, to, now));
    }

    /// Lets a replica replicate again, or keeps it from it.
    pub fn let_replicate(&self, broker: i32, topic: &str, partition: i32, may: bool) {
        self.with(|core, now| core.hold_back(broker, topic, partition, !may, now));
    }

    /// Lets preferred leaders take over.
    pub fn elect_preferred_leaders(&self) {
        self.with(|core, now| core.elect_preferred(now));
    }

    /// From now on, this goes wrong.
    pub fn inject(&self, fault: Fault) -> FaultId {
        self.core.lock().faults.add(fault)
    }

    /// A fault ends.
    pub fn heal(&self, id: FaultId) {
        self.core.lock().faults.remove(id);
    }

    /// All faults of requests end.
    pub fn heal_all(&self) {
        self.core.lock().faults.clear();
    }

    /// Lets a broker pretend that it is an older one, which serves these APIs in no other versions:
    /// API, first version, last version. An API without a version in common is not served at
    /// all. An empty list ends the pretence.
    pub fn pretend_versions(&self, broker: i32, versions: &[(i16, i16, i16)]) {
        let wanted = versions.iter().map(|(api_key, min_version, max_version)| ApiVersion {
            api_key: *api_key,
            min_version: *min_version,
            max_version: *max_version,
        });
        let wanted: Vec<ApiVersion> = wanted.collect();
        let wanted = Some(&wanted[..]).filter(|wanted| !wanted.is_empty());
        self.core.lock().pretend(broker, wanted);
    }

    /// From now on, clients that write more bytes per second than this are held back.
    pub fn set_producer_byte_rate(&self, bytes_per_second: Option<u64>) {
        self.core.lock().set_producer_byte_rate(bytes_per_second);
    }

    /// The active controller.
    pub fn controller(&self) -> Option<i32> {
        self.core.lock().registry.controller()
    }

    /// Ends the cluster: its threads, its connections, its ports.
    pub fn shutdown(self) {
        drop(self);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Handlers outlive the processors, which may wait for room in the queue.
        self.channel.tell_all(|| Command::Stop);
        for thread in self.processors.drain(..) {
            let _ = thread.join();
        }
        for _ in &self.handlers {
            self.channel.stop_one();
        }
        for thread in self.handlers.drain(..) {
            let _ = thread.join();
        }
    }
}
