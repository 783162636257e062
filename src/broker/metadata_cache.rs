//! What a broker knows of the cluster: an image that the controller published. Brokers may hold
//! different images, as they do while news travels or while one of them sleeps.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::topic_config::TopicConfig;
use crate::wire::Uuid;
use crate::wire::messages::produce::NodeEndpoint;

/// Where clients find a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// A name or an address.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// The rack, if the broker has one.
    pub rack: Option<Arc<str>>,
}

/// Who hosts a partition, and who leads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// The brokers that host it; the first is the preferred leader.
    pub replicas: Vec<i32>,
    /// Those of them that have all committed records.
    pub isr: Vec<i32>,
    /// The leader, or -1.
    pub leader: i32,
    /// Grows with each election.
    pub leader_epoch: i32,
    /// Grows with each change.
    pub partition_epoch: i32,
}

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicImage {
    /// Its name.
    pub name: Arc<str>,
    /// Its id; another one if the topic is deleted and made again.
    pub id: Uuid,
    /// Its configuration.
    pub config: Arc<TopicConfig>,
    /// Its partitions, by number.
    pub partitions: Vec<PartitionImage>,
}

/// An id by chance. Kafka gives none whose text begins with a dash, as tools would take it for an
/// option.
pub fn random_id(rng: &mut fastrand::Rng) -> Uuid {
    loop {
        let id = Uuid(rng.u128(1..).to_be_bytes());
        if !id.to_string().starts_with('-') {
            return id;
        }
    }
}

/// The names of topics that clients may not write to.
pub const INTERNAL_TOPICS: [&str; 2] = ["__consumer_offsets", "__transaction_state"];

/// Whether the topic is Kafka's own.
pub fn is_internal(topic: &str) -> bool {
    INTERNAL_TOPICS.contains(&topic)
}

/// The cluster at one moment.
#[derive(Clone, Debug, Default)]
pub struct Image {
    /// Counts the images that were published; what a broker knows already is older.
    pub version: u64,
    /// The cluster's id.
    pub cluster_id: Arc<str>,
    /// The active controller, or -1.
    pub controller: i32,
    /// The brokers that are alive.
    pub brokers: BTreeMap<i32, Endpoint>,
    /// The topics; those that did not change are shared with the image before.
    pub topics: BTreeMap<Arc<str>, Arc<TopicImage>>,
    /// The names of topics by their ids.
    pub names: BTreeMap<Uuid, Arc<str>>,
}

impl Image {
    /// A topic's partition.
    pub fn partition(&self, topic: &str, index: i32) -> Option<&PartitionImage> {
        let partitions = &self.topics.get(topic)?.partitions;
        usize::try_from(index).ok().and_then(|index| partitions.get(index))
    }

    /// Where these brokers are, each once; those that are not alive are left out.
    pub fn endpoints_of(&self, ids: impl Iterator<Item = i32>) -> Vec<NodeEndpoint> {
        let ids: BTreeSet<i32> = ids.collect();
        let endpoint = |id: i32| {
            self.brokers.get(&id).map(|endpoint| NodeEndpoint {
                node_id: id,
                host: endpoint.host.clone(),
                port: i32::from(endpoint.port),
                rack: endpoint.rack.clone(),
            })
        };
        ids.into_iter().filter_map(endpoint).collect()
    }

    /// The topic of that id.
    pub fn topic_by_id(&self, id: Uuid) -> Option<&Arc<TopicImage>> {
        self.topics.get(self.names.get(&id)?)
    }
}

/// Why a topic cannot have that name; Kafka's words.
pub fn check_topic_name(name: &str) -> Result<(), String> {
    const MAX: usize = 249;
    let legal = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let why = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => "'.' or '..' is not allowed".to_owned(),
        _ if name.len() > MAX => {
            format!("the length of '{name}' is longer than the max allowed length {MAX}")
        }
        _ if !name.chars().all(legal) => format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
             and '-'"
        ),
        _ => return Ok(()),
    };
    Err(format!("Topic name is invalid: {why}"))
}
