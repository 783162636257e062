//! Waiting until a topic is known (Java: KafkaProducer.waitOnMetadata).

use std::sync::Arc;

use super::Producer;
use super::Timeout;
use super::send::{Limit, Patience, interrupted, no_such_partition};
use super::tickets::Awaited;
use crate::accumulator::Topic;
use crate::error::{Error, ErrorCode, Result};
use crate::record::Record;
use crate::ticket::Wait;
use crate::time::{self, Instant};

/// The longest topic name that brokers accept.
const TOPIC_NAME_LEN_MAX: usize = 249;

impl Producer {
    /// Waits until the topic, and the partition that the record names, are known.
    pub(super) fn wait_on_metadata(
        self: &Arc<Self>,
        record: &Record<'_>,
        patience: &mut Patience<'_>,
    ) -> Result<Arc<Topic>> {
        let wanted = record.partition.unwrap_or(0);
        self.await_topic(record.topic, wanted, patience)
    }

    /// Waits until a topic is known and has a partition of that number.
    fn await_topic(
        self: &Arc<Self>,
        name: &str,
        wanted: i32,
        patience: &mut Patience<'_>,
    ) -> Result<Arc<Topic>> {
        self.check_open()?;
        check_topic_name(name)?;
        self.start()?;
        let topic = self.shared.accumulator.topics.get_or_add(name);
        // An error that the broker gave before this call may be over: it counts once it is fresh.
        let mut fresh = matches!(patience, Patience::Ticket { fresh: true, .. });
        loop {
            let metadata = &self.shared.metadata;
            let trouble = metadata.topic_error(name).filter(|error| !error.is_retriable());
            if let Some(error) = trouble.filter(|_| fresh) {
                return Err(error);
            }
            let mut number = 0;
            let on_ready = matches!(patience, Patience::Ticket { .. }).then(|| {
                let (id, on_ready) = self.tickets.number();
                number = id;
                on_ready
            });
            let ticket = metadata.wait_for(name, time::now(), on_ready)?;
            // The answer may have come between the look and the registration.
            let count = topic.partition_count();
            if wanted < count || count > 0 && fresh {
                metadata.cancel(&ticket);
                if wanted < count {
                    return Ok(topic);
                }
                return Err(no_such_partition(name, wanted, count));
            }
            self.shared.accumulator.wakeup.demand(Instant(0));
            let deadline = match patience {
                Patience::Ticket { place, .. } => {
                    return Err(self.hold(place, number, Awaited::Metadata(ticket), name));
                }
                Patience::Block(_) => patience.deadline(),
            };
            match ticket.wait(deadline) {
                Wait::Ready(()) => fresh = true,
                ended => {
                    metadata.cancel(&ticket);
                    if matches!(ended, Wait::Interrupted) {
                        return Err(interrupted("metadata"));
                    }
                    return Err(self.not_in_metadata(name));
                }
            }
        }
    }

    pub(super) fn not_in_metadata(&self, topic: &str) -> Error {
        let trouble = self.shared.metadata.trouble(topic);
        let why = match trouble {
            Some(error) => error.message().to_owned(),
            None => "no broker has answered yet".to_owned(),
        };
        let text = format!("topic {topic} was not found in the cluster's metadata in time; {why}");
        Error::new(ErrorCode::TIMED_OUT, text)
    }

    /// The partitions of a topic and their leaders (-1 for none). Waits as `send` does.
    pub fn partitions_for(
        self: &Arc<Self>,
        topic: &str,
        timeout: Timeout,
    ) -> Result<Vec<(i32, i32)>> {
        let topic = self.await_topic(topic, 0, &mut Patience::Block(&mut Limit::new(timeout)))?;
        Ok(self.partitions_of(&topic))
    }

    /// As `partitions_for`, and never waits: `WOULD_BLOCK` and a ticket as `try_send` leaves it.
    /// What is known is told without asking the brokers again.
    pub fn try_partitions_for(
        self: &Arc<Self>,
        topic: &str,
        ticket: &mut u64,
    ) -> Result<Vec<(i32, i32)>> {
        let place = self.check_open().and_then(|()| self.redeem(ticket, &mut None));
        let result = place.and_then(|fresh| {
            let known = self.shared.accumulator.topics.view().get(topic).cloned();
            let known = known.filter(|topic| topic.partition_count() > 0);
            let topic = match known.inspect(|topic| topic.touch()) {
                Some(topic) => topic,
                None => {
                    self.await_topic(topic, 0, &mut Patience::Ticket { place: ticket, fresh })?
                }
            };
            Ok(self.partitions_of(&topic))
        });
        self.end_of_try(&result, ticket);
        result
    }

    fn partitions_of(&self, topic: &Topic) -> Vec<(i32, i32)> {
        let name = topic.name.as_str();
        if let Some(info) = self.shared.metadata.cluster().topics.get(name) {
            let leaders = info.partitions.iter().enumerate();
            return leaders.map(|(i, p)| (i as i32, p.leader)).collect();
        }
        // Idle for so long that its metadata was given up: it is asked for again.
        self.shared.metadata.want(name, time::now());
        self.shared.accumulator.wakeup.demand(Instant(0));
        (0..topic.partition_count()).map(|i| (i, -1)).collect()
    }
}

/// Brokers refuse other names, but only after a metadata request: better at once.
fn check_topic_name(name: &str) -> Result<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let why = if name.is_empty() {
        "it is empty"
    } else if name == "." || name == ".." {
        "it is '.' or '..'"
    } else if name.len() > TOPIC_NAME_LEN_MAX {
        "it is longer than 249 characters"
    } else if !name.chars().all(legal) {
        "only letters a-z and A-Z, digits, '.', '_' and '-' are allowed"
    } else {
        return Ok(());
    };
    let shown: String = name.chars().take(TOPIC_NAME_LEN_MAX).collect();
    let text = format!("the topic name {shown:?} is invalid: {why}");
    Err(Error::new(ErrorCode::INVALID_TOPIC_EXCEPTION, text))
}
