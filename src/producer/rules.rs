//! Rules: what the configuration says of records, small enough to be copied to where they are sent
//! from.

use super::partitioner::partition_by_key;
use crate::accumulator::{Lane, Topic};
use crate::config::{PartitionerKind, ProducerConfig};
use crate::record::Header;
use crate::wire::record::{HEADER_OVERHEAD_MAX, PLAIN_OVERHEAD_MAX};

/// See the file's comment.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    kind: PartitionerKind,
    ignore_keys: bool,
    adaptive: bool,
    /// What a record takes at most, `max.request.size` or all of the memory, bytes.
    size_max: usize,
}

/// The partition that was chosen.
#[derive(Clone, Copy)]
pub(super) enum Choice {
    Fixed(i32),
    Sticky,
}

impl Rules {
    /// Those of a configuration, where all memory is `buffer_memory` bytes.
    pub fn new(config: &ProducerConfig, buffer_memory: usize) -> Rules {
        Rules {
            kind: config.partitioner,
            ignore_keys: config.partitioner_ignore_keys,
            adaptive: config.partitioner_adaptive,
            size_max: config.max_request_size.min(buffer_memory),
        }
    }

    /// Whether partitions take turns whatever the record is.
    #[inline(always)]
    pub fn is_round_robin(self) -> bool {
        self.kind == PartitionerKind::RoundRobin
    }

    /// The partition that a key stands for, unless keys are ignored.
    #[inline(always)]
    pub fn by_key(self, key: Option<&[u8]>, count: i32) -> Option<i32> {
        // Most records have no key, and are not to be asked more than this.
        if self.ignore_keys || key.is_none() && self.kind == PartitionerKind::Default {
            return None;
        }
        partition_by_key(self.kind, key, count)
    }

    /// The partition now, and the lane that it is sticky in.
    #[inline(always)]
    pub fn place(self, topic: &Topic, choice: Choice) -> (i32, Option<Lane>) {
        let partitioner = &topic.partitioner;
        match choice {
            Choice::Fixed(index) => (index, None),
            Choice::Sticky => {
                let lane = partitioner.lane();
                (partitioner.peek(topic, self.adaptive, lane), Some(lane))
            }
        }
    }

    /// Whether a record of these parts is surely not too large.
    #[inline(always)]
    pub fn surely_fit(
        self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[Header<'_>],
    ) -> bool {
        let mut bytes = key.unwrap_or_default().len() + value.unwrap_or_default().len();
        for header in headers {
            bytes += header.name.len() + header.value.unwrap_or_default().len();
            bytes += HEADER_OVERHEAD_MAX;
        }
        bytes + PLAIN_OVERHEAD_MAX <= self.size_max
    }
}
