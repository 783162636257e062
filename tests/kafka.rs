//! Against a real Kafka of three nodes, read back with Kafka's own consumer and judged by the
//! oracle. tests/kafka/run.sh starts the nodes; `make test` runs it.

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/oracle.rs"]
mod oracle;
#[path = "support/run.rs"]
mod run;

#[path = "kafka/calls.rs"]
mod calls;
#[path = "kafka/hooks.rs"]
mod hooks;
#[path = "kafka/loads.rs"]
mod loads;
#[path = "kafka/pulled.rs"]
mod pulled;
#[path = "kafka/records.rs"]
mod records;
#[path = "kafka/refusals.rs"]
mod refusals;
#[path = "kafka/settings.rs"]
mod settings;
