//! The answer of a ProduceRequest, brought into the order of the request's batches.

use std::collections::HashMap;
use std::sync::Arc;

use super::{ProduceInFlight, Sender};
use crate::wire::Uuid;
use crate::wire::error::{Result, WireError};
use crate::wire::messages::ProduceResponse;
use crate::wire::messages::produce::PartitionProduceResponse;

impl Sender {
    /// The answer for each batch of the request, in their order. A response that leaves a partition
    /// out, names it twice or names another one is a violation, never a success.
    pub(super) fn in_order(
        &self,
        request: &ProduceInFlight,
        response: ProduceResponse,
        version: i16,
    ) -> Result<Vec<PartitionProduceResponse>> {
        let mut answers: Vec<Option<PartitionProduceResponse>> = Vec::new();
        answers.resize_with(request.batches.len(), || None);
        let mut places = None;
        let mut next = 0;
        for topic in response.responses {
            let name = name_of(&request.topic_ids, topic.topic_id, &topic.name, version)?;
            for answer in topic.partition_responses {
                let index = answer.index;
                // Brokers keep the order of the request as a rule.
                if self.partition_at(request, next) != Some((name, index)) {
                    let places = places.get_or_insert_with(|| self.places(request));
                    next = *places.get(&(name, index)).ok_or_else(|| {
                        WireError::violation(format!(
                            "it speaks of {name}-{index}, which was not in the request"
                        ))
                    })?;
                }
                if answers[next].replace(answer).is_some() {
                    return Err(WireError::violation(format!(
                        "it answers twice for {name}-{index}"
                    )));
                }
                next += 1;
            }
        }
        let answered = answers.into_iter().enumerate();
        let or_missing = |(place, answer): (usize, Option<PartitionProduceResponse>)| {
            answer.ok_or_else(|| {
                let (name, index) = self.partition_at(request, place).unwrap_or_default();
                WireError::violation(format!("it says nothing of {name}-{index}"))
            })
        };
        answered.map(or_missing).collect()
    }

    /// The topic and the partition of a request's batch.
    fn partition_at(&self, request: &ProduceInFlight, place: usize) -> Option<(&str, i32)> {
        let (id, _) = request.batches.get(place)?;
        let queue = &self.parts[*id as usize].as_ref()?.queue;
        Some((queue.topic.as_str(), queue.partition))
    }

    /// Where each partition stands in a request.
    fn places(&self, request: &ProduceInFlight) -> HashMap<(&str, i32), usize> {
        let all = 0..request.batches.len();
        all.filter_map(|place| Some((self.partition_at(request, place)?, place))).collect()
    }
}

/// The name of an answer's topic, by the id or the name that it was sent under.
fn name_of<'a>(
    sent: &'a [(Uuid, Arc<str>)],
    id: Uuid,
    name: &str,
    version: i16,
) -> Result<&'a str> {
    let is_this = |(sent_id, sent_name): &&(Uuid, Arc<str>)| match version >= 13 {
        true => *sent_id == id,
        false => **sent_name == *name,
    };
    let found = sent.iter().find(is_this).map(|(_, name)| &**name);
    found.ok_or_else(|| WireError::violation("it names a topic that was not in the request"))
}
