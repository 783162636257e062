//! What is in the logs in the end: those of the topics that are there, and those of the topics that
//! were deleted, each as it was on the broker that had most of it when it heard of the deletion.

use std::collections::BTreeMap;
use std::ops::Range;

use super::names::{self, Stamp};
use super::setup::TOPICS;
use super::world::World;
use crate::broker::Partition;
use crate::wire::Uuid;
use crate::wire::record_batch::RecordBatch;

/// The log of a partition, of one of the topics that had a name one after the other.
pub struct Log<'a> {
    /// The topic's name.
    pub topic: &'static str,
    /// The topic's id, which tells those of one name apart.
    pub topic_id: Uuid,
    /// The partition.
    pub partition: i32,
    replica: &'a Partition,
    /// What leaders had not seen committed when they heard that the topic was deleted, and so
    /// refused. One that had been deposed without knowing it refused what its successor committed.
    refused: Vec<Range<i64>>,
}

/// A record in a log.
pub struct Logged {
    /// Its offset.
    pub offset: i64,
    /// Its key.
    pub key: Option<Vec<u8>>,
    /// Its value.
    pub value: Vec<u8>,
    /// What tells its batch from others.
    pub stamp: Stamp,
    /// A leader that had it may have said that there is no such topic.
    pub refused: bool,
}

/// The logs of all topics that there were.
pub fn all<'a>(world: &'a World, problems: &mut Vec<String>) -> Vec<Log<'a>> {
    let mut logs = buried(world);
    for (topic, _) in TOPICS {
        // A topic that nobody has asked for is not there.
        let made = world.brokers.core.registry.topics.get(topic);
        let leaders = made.into_iter().flat_map(|topic| &topic.partitions);
        for (partition, leader) in leaders.map(|partition| partition.leader).enumerate() {
            let partition = partition as i32;
            let server = world.brokers.core.server(leader);
            let Some(replica) = server.and_then(|server| server.replicas.get(topic, partition))
            else {
                let text = "has no leader although all is healed";
                problems.push(format!("{topic}-{partition} {text}"));
                continue;
            };
            let (committed, end) = (replica.high_watermark, replica.log.end_offset());
            if committed < end {
                problems.push(format!("{topic}-{partition}: committed up to {committed} of {end}"));
            }
            let (topic_id, refused) = (replica.topic_id, Vec::new());
            logs.push(Log { topic, topic_id, partition, replica, refused });
        }
    }
    logs
}

/// The logs of topics that were deleted. Of the replicas, the one that knows most to be committed.
fn buried(world: &World) -> Vec<Log<'_>> {
    let mut logs: BTreeMap<(Uuid, i32), Log<'_>> = BTreeMap::new();
    let buried = world.brokers.core.servers().flat_map(|server| &server.replicas.buried);
    for ((name, partition), replica) in buried {
        let Some((topic, _)) = TOPICS.into_iter().find(|(topic, _)| **topic == **name) else {
            continue;
        };
        let (topic_id, partition) = (replica.topic_id, *partition);
        let new = || Log { topic, topic_id, partition, replica, refused: Vec::new() };
        let log = logs.entry((topic_id, partition)).or_insert_with(new);
        if log.replica.high_watermark < replica.high_watermark {
            log.replica = replica;
        }
        if replica.leader().is_ok() {
            log.refused.push(replica.high_watermark..replica.log.end_offset());
        }
    }
    logs.into_values().collect()
}

impl Log<'_> {
    /// What is committed in it.
    pub fn records(&self, problems: &mut Vec<String>) -> Vec<Logged> {
        let (topic, partition, committed) =
            (self.topic, self.partition, self.replica.high_watermark);
        let mut all = Vec::new();
        for stored in self.replica.log.read(0, committed, usize::MAX) {
            let bytes = stored.to_vec();
            let batch = RecordBatch::take(&mut &bytes[..]);
            let Ok(batch) = batch.and_then(|batch| batch.check_crc().map(|()| batch)) else {
                problems.push(format!("{topic}-{partition}: a batch with a wrong checksum"));
                continue;
            };
            let section = batch.section().unwrap_or_default();
            let Ok(records) = batch.records(&section) else {
                problems.push(format!("{topic}-{partition}: a damaged batch"));
                continue;
            };
            all.extend(records.flatten().map(|record| {
                let offset = stored.base_offset + i64::from(record.offset_delta);
                Logged {
                    offset,
                    key: record.key.map(<[u8]>::to_vec),
                    value: record.value.unwrap_or_default().to_vec(),
                    stamp: names::stamp(&stored.info),
                    refused: self.refused.iter().any(|range| range.contains(&offset)),
                }
            }));
        }
        all
    }
}

/// How many batches of the logs are compressed, how many are not, and how many went with their
/// topics.
pub fn batches(world: &World) -> [(&'static str, u64); 3] {
    let (mut compressed, mut others) = (0, 0);
    for server in world.brokers.core.servers() {
        for (.., replica) in server.replicas.all() {
            for batch in replica.log.read(0, i64::MAX, usize::MAX) {
                let counter =
                    if batch.info.compression() != 0 { &mut compressed } else { &mut others };
                *counter += 1;
            }
        }
    }
    let read = |log: &Log<'_>| log.replica.log.read(0, log.replica.high_watermark, usize::MAX);
    let gone = buried(world).iter().map(|log| read(log).len() as u64).sum();
    [
        ("log: compressed batches", compressed),
        ("log: other batches", others),
        ("log: batches that went with their topic", gone),
    ]
}
