//! Cluster: what the brokers last said of nodes, topics and leaders; replaced, never changed.

use std::collections::BTreeMap;

use crate::error::ErrorCode;
use crate::wire::Uuid;

/// A broker's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The broker id; negative for a bootstrap address, whose id is not known yet.
    pub id: i32,
    /// The advertised host.
    pub host: String,
    /// The advertised port.
    pub port: u16,
}

/// One partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionInfo {
    /// The leader's broker id; -1 while there is none.
    pub leader: i32,
    /// The leader's epoch; -1 where the broker is too old to tell.
    pub leader_epoch: i32,
    /// What the broker said of the partition.
    pub error: ErrorCode,
    /// How many answers in a row had an older epoch and were not believed.
    pub doubted: u8,
}

/// One topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicInfo {
    /// The topic's id; all zero where the broker is too old to tell.
    pub id: Uuid,
    /// The partitions, by number.
    pub partitions: Vec<PartitionInfo>,
}

/// See the file's comment.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// The brokers by id.
    pub nodes: BTreeMap<i32, Node>,
    /// The topics that this producer uses.
    pub topics: BTreeMap<String, TopicInfo>,
}

impl Cluster {
    /// Knows nothing but the bootstrap addresses, as nodes -1, -2, ….
    pub fn bootstrap(addresses: &[(String, u16)]) -> Cluster {
        let node = |(i, (host, port)): (usize, &(String, u16))| {
            let id = -1 - i as i32;
            (id, Node { id, host: host.clone(), port: *port })
        };
        Cluster { nodes: addresses.iter().enumerate().map(node).collect(), ..Cluster::default() }
    }

    /// The partition, if the topic is known.
    pub fn partition(&self, topic: &str, partition: i32) -> Option<&PartitionInfo> {
        self.topics.get(topic)?.partitions.get(usize::try_from(partition).ok()?)
    }
}
