//! A write with acks=all that waits for its followers (Kafka: `DelayedProduce`). It is answered as
//! a whole, when the last of its partitions is committed, has failed, or the time is up.

use std::sync::Arc;

use super::call::Call;
use super::partition::Commit;
use super::replica_manager::ReplicaManager;
use crate::error::ErrorCode;
use crate::wire::Uuid;
use crate::wire::messages::ProduceResponse;

/// The request and the answer it gets, as far as that is known.
#[derive(Debug)]
pub struct DelayedProduce {
    /// Who waits.
    pub call: Call,
    /// What is known.
    pub response: ProduceResponse,
    /// What is not.
    pub waiting: Vec<Waiting>,
}

/// A partition that is appended to and not committed.
#[derive(Debug)]
pub struct Waiting {
    /// The topic.
    pub topic: Arc<str>,
    /// The id of the topic that was appended to: another of that name may come after it.
    pub topic_id: Uuid,
    /// The partition.
    pub index: i32,
    /// The last offset of the batch.
    pub last_offset: i64,
    /// Where in the response its part is: topic, partition.
    pub at: (usize, usize),
}

impl DelayedProduce {
    /// Looks at the partitions again. True if the request can be answered.
    pub fn try_complete(&mut self, replicas: &ReplicaManager) -> bool {
        let response = &mut self.response;
        self.waiting.retain(|waiting| {
            let partition = replicas.get(&waiting.topic, waiting.index);
            let code = match partition.filter(|partition| partition.topic_id == waiting.topic_id) {
                None => ErrorCode::UNKNOWN_TOPIC_OR_PARTITION,
                Some(partition) => match partition.committed(waiting.last_offset) {
                    Commit::Pending => return true,
                    Commit::Done(code) => code,
                },
            };
            set_error(response, waiting.at, code);
            false
        });
        self.waiting.is_empty()
    }

    /// The time is up.
    pub fn time_out(&mut self) {
        for waiting in &self.waiting {
            set_error(&mut self.response, waiting.at, ErrorCode::REQUEST_TIMED_OUT);
        }
    }
}

fn set_error(response: &mut ProduceResponse, at: (usize, usize), code: ErrorCode) {
    response.responses[at.0].partition_responses[at.1].error_code = code.0 as i16;
}
