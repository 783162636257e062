//! The embedded cluster: Kafka brokers in this process, for tests and first steps.
//!
//! Rooms are named after Kafka's own, so that who knows one finds the way in the other:
//!
//! ```text
//! cluster            what a test holds: start, faults, shutdown
//!   settings, command    its configuration and what can be done to it, as texts
//!   socket_server    threads with sockets: accept, read one request at a time, write
//!   request_channel  requests to the handlers, answers to the processors
//!   handler_pool     threads that read requests and take the lock of the core
//!   core             the cluster as one state machine: no threads, no sockets, no clock
//!     kafka_apis, apis     bytes to requests; one file per API
//!     server               one broker: its state, its replicas, what it knows
//!     replica_manager, partition, log, producer_state, log_validator
//!     delayed_produce, purgatory, scheduler
//!     registry, controller, metadata_cache
//!     group                consumer groups and their offsets
//!     faults, journal, quotas, health
//! ```

mod apis;
mod append_error;
mod call;
mod cluster;
mod cluster_config;
mod codes;
mod command;
mod connections;
mod controller;
mod core;
mod delayed_produce;
mod faults;
mod fetch;
mod group;
mod handler_pool;
mod health;
mod inspection;
mod journal;
mod kafka_apis;
mod log;
mod log_validator;
mod metadata_cache;
mod partition;
mod producer_state;
mod purgatory;
mod quotas;
mod registry;
mod replica_manager;
mod request_channel;
mod scheduler;
mod server;
mod settings;
mod socket_server;
mod topic_config;

pub use cluster::Cluster;
pub use cluster_config::ClusterConfig;
pub use command::HELP;
pub use faults::{Fault, FaultAction, FaultId};
pub use health::Health;
pub use inspection::{LogRecord, ReplicaStatus};
pub use journal::{Arrival, ProducedRecord};
pub use metadata_cache::PartitionImage;
pub use server::BrokerState;
pub use settings::KEYS as CLUSTER_KEYS;
pub use topic_config::{TimestampType, TopicConfig};
/// What a simulator drives without threads.
#[cfg(feature = "simulation")]
pub(crate) use {
    call::{Call, Output, RawRequest},
    connections::Connections,
    controller::NewTopic,
    core::ClusterCore,
    kafka_apis::{Body, Parsed, parse},
    metadata_cache::{Endpoint, TopicImage},
    partition::Partition,
    scheduler::Scheduler,
};
