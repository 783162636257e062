//! The cluster that a behaviour is shown on: an embedded one of its own, or the Apache Kafka that
//! `OTTLA_TEST_BOOTSTRAP` names and all behaviours share. They differ in nothing else.

use std::sync::atomic::{AtomicU32, Ordering};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::create_topics_response::CreatableTopicResult;
use kafka_protocol::messages::metadata_response::{
    MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{CreateTopicsRequest, MetadataResponse, TopicName};
use kafka_protocol::protocol::StrBytes;
use ottla::broker::{Cluster, ClusterConfig};

use super::raw::*;

/// Partitions of a topic that nobody said more about, here and in tests/kafka/kafka.sh.
pub const NUM_PARTITIONS: i32 = 12;

/// A cluster of one broker or three.
pub struct Target {
    pub bootstrap: String,
    embedded: Option<Cluster>,
}

impl Target {
    pub fn of(brokers: u16) -> Target {
        if let Ok(bootstrap) = std::env::var("OTTLA_TEST_BOOTSTRAP") {
            let there = bootstrap.split(',').count();
            assert_eq!(there, usize::from(brokers), "brokers in OTTLA_TEST_BOOTSTRAP");
            return Target { bootstrap, embedded: None };
        }
        let mut config = ClusterConfig::brokers(brokers);
        config.num_partitions = NUM_PARTITIONS;
        config.topic_defaults.min_insync_replicas = if brokers < 3 { 1 } else { 2 };
        let cluster = Cluster::start(config).unwrap();
        Target { bootstrap: cluster.bootstrap_servers(), embedded: Some(cluster) }
    }

    pub fn brokers(&self) -> usize {
        self.bootstrap.split(',').count()
    }

    /// Kills a broker.
    pub fn kill(&self, id: i32) {
        match &self.embedded {
            Some(cluster) => cluster.kill_broker(id).unwrap(),
            None => node("kill", id),
        }
    }

    /// Starts a broker that was killed.
    pub fn start(&self, id: i32) {
        match &self.embedded {
            Some(cluster) => cluster.start_broker(id).unwrap(),
            None => node("start", id),
        }
    }

    /// A connection to the first broker.
    pub fn connect(&self) -> Raw {
        Raw::connect(&self.bootstrap)
    }

    /// A topic name that nobody used before.
    pub fn name(&self, name: &str) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        format!("{name}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
    }

    /// A topic of this many partitions, each on as many brokers as there are.
    pub fn topic(&self, name: &str, partitions: i32) -> String {
        self.topic_with(name, partitions, &[])
    }

    /// As `topic`, with a configuration.
    pub fn topic_with(&self, name: &str, partitions: i32, config: &[(&str, &str)]) -> String {
        let name = self.name(name);
        let topic = new_topic(&name, partitions, self.brokers() as i16, config);
        let made = create(&mut self.connect(), topic);
        assert_eq!(error(made.error_code), None, "{:?}", made.error_message);
        self.until_known(&name, partitions);
        name
    }

    /// Waits until every broker knows leaders for all partitions of a topic.
    pub fn until_known(&self, name: &str, partitions: i32) {
        for address in self.bootstrap.split(',') {
            let mut raw = Raw::connect(address);
            until("every broker knows the topic", || {
                let topic = describe(&mut raw, name);
                let led = |part: &MetadataResponsePartition| part.leader_id.0 >= 0;
                topic.partitions.len() == partitions as usize && topic.partitions.iter().all(led)
            });
        }
        // That a broker knows who leads does not mean yet that the leader does.
        for index in 0..partitions {
            let mut raw = self.leader(name, index);
            until("the leader leads", || {
                error(offsets(&mut raw, name, index, -2).error_code).is_none()
            });
        }
    }

    /// What the first broker says about the cluster and a topic.
    pub fn metadata(&self, topic: &str) -> MetadataResponse {
        self.connect().call(12, &known(&[topic])).unwrap()
    }

    /// A connection to a broker.
    pub fn broker(&self, metadata: &MetadataResponse, id: i32) -> Raw {
        let broker = metadata.brokers.iter().find(|broker| broker.node_id.0 == id).unwrap();
        Raw::connect(&format!("{}:{}", broker.host, broker.port))
    }

    /// A connection to the leader of a partition.
    pub fn leader(&self, topic: &str, partition: i32) -> Raw {
        let metadata = self.metadata(topic);
        let id = place(&metadata.topics[0], partition).leader_id.0;
        self.broker(&metadata, id)
    }
}

/// Does something with a node of Kafka.
fn node(verb: &str, id: i32) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/kafka.sh");
    let dir = std::env::var("OTTLA_TEST_KAFKA_DIR").expect("run by tests/kafka/run.sh (make test)");
    let mut command = std::process::Command::new(script);
    assert!(command.args([verb, &id.to_string(), &dir]).status().unwrap().success());
}

/// A partition of a topic.
pub fn place(topic: &MetadataResponseTopic, index: i32) -> &MetadataResponsePartition {
    topic.partitions.iter().find(|part| part.partition_index == index).unwrap()
}

/// The error that a response names.
pub fn error(code: i16) -> Option<ResponseError> {
    ResponseError::try_from_code(code)
}

pub fn text(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

pub fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// A request about topics that makes none.
pub fn known(topics: &[&str]) -> kafka_protocol::messages::MetadataRequest {
    about(topics).with_allow_auto_topic_creation(false)
}

/// What a broker says about a topic.
pub fn describe(raw: &mut Raw, topic: &str) -> MetadataResponseTopic {
    raw.call(12, &known(&[topic])).unwrap().topics.remove(0)
}

/// A topic to be made.
pub fn new_topic(
    name: &str,
    partitions: i32,
    factor: i16,
    config: &[(&str, &str)],
) -> CreatableTopic {
    let configs = config.iter().map(|(key, value)| {
        CreatableTopicConfig::default().with_name(text(key)).with_value(Some(text(value)))
    });
    CreatableTopic::default()
        .with_name(topic_name(name))
        .with_num_partitions(partitions)
        .with_replication_factor(factor)
        .with_configs(configs.collect())
}

/// Makes a topic.
pub fn create(raw: &mut Raw, topic: CreatableTopic) -> CreatableTopicResult {
    let request = CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(10_000);
    raw.call(7, &request).unwrap().topics.remove(0)
}

/// What ListOffsets says.
pub fn offsets(
    raw: &mut Raw,
    topic: &str,
    partition: i32,
    timestamp: i64,
) -> kafka_protocol::messages::list_offsets_response::ListOffsetsPartitionResponse {
    use kafka_protocol::messages::ListOffsetsRequest;
    use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
    let partition = ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_current_leader_epoch(-1)
        .with_timestamp(timestamp);
    let topic =
        ListOffsetsTopic::default().with_name(topic_name(topic)).with_partitions(vec![partition]);
    let request =
        ListOffsetsRequest::default().with_replica_id((-1).into()).with_topics(vec![topic]);
    raw.call(8, &request).unwrap().topics.remove(0).partitions.remove(0)
}
