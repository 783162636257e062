//! What was sent by name, to topics that were made again. A request in a version without topic ids
//! may be meant for the topic before, and a log that knows nothing of a producer takes any
//! sequence: what is in flight when the topic is made again may overtake in it what was refused,
//! and a producer could keep it from that only with one request in flight at all times.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::broker::{Body, Parsed};
use crate::wire::Uuid;
use crate::wire::record_batch::BatchHeader;

/// The first version of Produce that names topics by their ids.
const TOPIC_ID_VERSION: i16 = 13;

/// A producer's id, its epoch, and a batch's first sequence.
pub type Stamp = (i64, i16, i32);

/// See the file's comment.
#[derive(Default)]
pub struct Names {
    /// The id that each name stands for now.
    ids: BTreeMap<Arc<str>, Uuid>,
    /// Topics that had another one of their name before them.
    made_again: BTreeSet<Uuid>,
    /// Batches that were sent by name.
    sent: BTreeSet<(Arc<str>, i32, Stamp)>,
}

/// What tells a batch from the others of its producer and partition.
pub fn stamp(header: &BatchHeader) -> Stamp {
    (header.producer_id, header.producer_epoch, header.base_sequence)
}

impl Names {
    /// A request came to a broker.
    pub fn note_request(&mut self, parsed: &Parsed) {
        let Ok(Body::ProduceRequest(request)) = &parsed.body else { return };
        if parsed.call.header.api_version >= TOPIC_ID_VERSION {
            return;
        }
        let topics = request.topic_data.iter();
        let places = topics
            .flat_map(|topic| topic.partition_data.iter().map(|part| (&topic.name, part.index)));
        for ((topic, partition), batch) in places.zip(&parsed.call.batches) {
            if let Ok(batch) = batch {
                self.sent.insert((topic.clone(), partition, stamp(&batch.header)));
            }
        }
    }

    /// A topic was made.
    pub fn note_topic(&mut self, name: &Arc<str>, id: Uuid) {
        if self.ids.insert(name.clone(), id).is_some_and(|before| before != id) {
            self.made_again.insert(id);
        }
    }

    /// Whether the batch may have overtaken others in this log.
    pub fn may_overtake(&self, topic: &str, topic_id: Uuid, partition: i32, stamp: Stamp) -> bool {
        self.made_again.contains(&topic_id)
            && self.sent.contains(&(Arc::from(topic), partition, stamp))
    }
}
