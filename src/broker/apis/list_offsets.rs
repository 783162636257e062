//! ListOffsets: where a log begins and ends, and where in it a time is.

use crate::broker::call::Call;
use crate::broker::core::ClusterCore;
use crate::broker::fetch::leading;
use crate::broker::kafka_apis::{Answer, Api};
use crate::broker::partition::Partition;
use crate::error::ErrorCode;
use crate::time::Instant;
use crate::wire::messages::list_offsets::{
    ListOffsetsPartition, ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::wire::messages::{ListOffsetsRequest, ListOffsetsResponse};

/// Asks for the end of the log.
const LATEST: i64 = -1;
/// Asks for its start.
const EARLIEST: i64 = -2;
/// Asks for the record with the largest timestamp.
const MAX_TIMESTAMP: i64 = -3;
/// Asks for the first record that is on this broker and not in remote storage.
const EARLIEST_LOCAL: i64 = -4;

impl Api for ListOffsetsRequest {
    fn handle(self, core: &mut ClusterCore, call: Call, now: Instant) {
        let image = core.image_of(call.broker);
        let Some(server) = core.server(call.broker) else { return };
        let version = call.header.api_version;
        let topics = self.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|wanted| {
                    let (index, epoch) = (wanted.partition_index, wanted.current_leader_epoch);
                    match leading(&server.replicas, &image, &topic.name, index, epoch) {
                        Ok(partition) => find(partition, wanted, version),
                        Err(code) => failed(index, code),
                    }
                })
                .collect(),
        });
        let response = ListOffsetsResponse { topics: topics.collect(), ..Default::default() };
        core.answer(call, response, now);
    }

    fn refusal(&self, code: ErrorCode) -> Option<ListOffsetsResponse> {
        let topics = self.topics.iter().map(|topic| ListOffsetsTopicResponse {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|wanted| failed(wanted.partition_index, code))
                .collect(),
        });
        Some(ListOffsetsResponse { topics: topics.collect(), ..ListOffsetsResponse::default() })
    }
}

fn find(
    partition: &Partition,
    wanted: &ListOffsetsPartition,
    version: i16,
) -> ListOffsetsPartitionResponse {
    let log = &partition.log;
    let end = partition.high_watermark;
    let found = match wanted.timestamp {
        LATEST => Some((end, -1)),
        EARLIEST | EARLIEST_LOCAL => Some((log.start_offset(), -1)),
        MAX_TIMESTAMP => log.offset_of_max_time().filter(|(offset, _)| *offset < end),
        time if time >= 0 => log.offset_for_time(time, end),
        // Remote storage, of which there is none.
        _ => None,
    };
    let mut answer = ListOffsetsPartitionResponse {
        partition_index: wanted.partition_index,
        ..ListOffsetsPartitionResponse::default()
    };
    if let Some((offset, timestamp)) = found {
        (answer.offset, answer.timestamp) = (offset, timestamp);
        if version >= 4 {
            answer.leader_epoch = partition.image.leader_epoch;
        }
    }
    answer
}

fn failed(partition_index: i32, code: ErrorCode) -> ListOffsetsPartitionResponse {
    let error_code = code.0 as i16;
    ListOffsetsPartitionResponse { partition_index, error_code, ..Default::default() }
}

impl Answer for ListOffsetsResponse {
    fn throttle(&mut self, ms: i32) {
        self.throttle_time_ms = ms;
    }

    fn fail(&mut self, code: ErrorCode) {
        for part in self.topics.iter_mut().flat_map(|topic| &mut topic.partitions) {
            *part = failed(part.partition_index, code);
        }
    }
}
