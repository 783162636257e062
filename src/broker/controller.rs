//! The controller: one broker decides who leads what. Everything that may change a partition is an
//! event in one queue, and each is finished before the next begins (Kafka:
//! `ControllerEventManager`, `PartitionStateMachine`). What it decides stands in the registry, so
//! that its successor finds it there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use super::metadata_cache::{PartitionImage, TopicImage, check_topic_name, random_id};
use super::registry::Registry;
use super::topic_config::TopicConfig;
use crate::error::ErrorCode;
use crate::wire::Uuid;

/// Why the controller did not do what it was asked.
pub type Refusal = (ErrorCode, String);

/// A topic to make.
#[derive(Clone, Debug)]
pub struct NewTopic {
    /// Its name.
    pub name: Arc<str>,
    /// How many partitions; not read if there is an assignment.
    pub partitions: i32,
    /// How many replicas of each; not read if there is an assignment.
    pub replication_factor: i16,
    /// The replicas of each partition, if they are not to be chosen.
    pub assignment: Option<Vec<Vec<i32>>>,
    /// Its configuration.
    pub config: TopicConfig,
}

/// Something to decide on.
#[derive(Clone, Debug)]
pub enum Event {
    /// This broker became controller and looks after everything once.
    Failover,
    /// A broker registered.
    BrokerJoined,
    /// A broker's session ended.
    BrokerLeft(i32),
    /// A topic that a client named does not exist.
    AutoCreate(NewTopic),
    /// A leader wants other in-sync replicas.
    AlterPartition {
        /// The leader.
        broker: i32,
        /// The topic.
        topic: Arc<str>,
        /// The topic's id.
        topic_id: Uuid,
        /// The partition.
        index: i32,
        /// The epoch in which it leads.
        leader_epoch: i32,
        /// The last change of the partition that it knows.
        partition_epoch: i32,
        /// The replicas that are to be in sync.
        isr: Vec<i32>,
    },
    /// Preferred leaders take over where they are in sync.
    ElectPreferred,
}

/// The controller's queue and its deeds.
#[derive(Debug, Default)]
pub struct Controller {
    queue: VecDeque<Event>,
}

impl Controller {
    /// Something to decide on later, in its turn.
    pub fn push(&mut self, event: Event) {
        self.queue.push_back(event);
    }

    /// What is next.
    pub fn next_event(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// What was queued is lost with the broker that had the queue.
    pub fn clear(&mut self) {
        self.queue.clear();
    }

    /// Decides. True if the registry changed.
    pub fn handle(
        &mut self,
        event: Event,
        registry: &mut Registry,
        rng: &mut fastrand::Rng,
    ) -> bool {
        match event {
            Event::Failover => {
                let gone = hosts(registry).filter(|id| !registry.is_alive(*id)).collect();
                let changed = self.brokers_left(&gone, registry);
                self.elect_where_none_leads(registry) || changed
            }
            Event::BrokerJoined => {
                self.elect_where_none_leads(registry);
                true
            }
            Event::BrokerLeft(broker) => {
                self.brokers_left(&[broker].into(), registry);
                true
            }
            Event::AutoCreate(topic) => self.create_topic(&topic, registry, rng).is_ok(),
            Event::AlterPartition {
                broker,
                topic,
                topic_id,
                index,
                leader_epoch,
                partition_epoch,
                isr,
            } => {
                // A topic that was made again counts its epochs from 0 as the one before did.
                if registry.topics.get(&topic).is_none_or(|known| known.id != topic_id) {
                    return false;
                }
                let all_alive = isr.iter().all(|id| registry.is_alive(*id));
                let altered = |partition: &mut PartitionImage| {
                    let known = (partition.leader, partition.leader_epoch);
                    let in_step = partition.partition_epoch == partition_epoch;
                    if known != (broker, leader_epoch) || !in_step || !all_alive {
                        return false;
                    }
                    partition.isr = isr;
                    partition.partition_epoch += 1;
                    true
                };
                alter_partition(registry, &topic, index, altered)
            }
            Event::ElectPreferred => self.elect_preferred(registry),
        }
    }

    /// Brokers are gone: they are no longer in sync, except where that would leave nobody, and
    /// others lead what they led.
    fn brokers_left(
        &mut self,
        gone: &std::collections::BTreeSet<i32>,
        registry: &mut Registry,
    ) -> bool {
        alter_all(registry, |partition, registry| {
            let mut isr = partition.isr.clone();
            isr.retain(|id| !gone.contains(id));
            let leads = gone.contains(&partition.leader);
            if isr.len() == partition.isr.len() && !leads {
                return false;
            }
            if !isr.is_empty() {
                partition.isr = isr;
            }
            if leads {
                partition.leader = elect(partition, registry);
                partition.leader_epoch += 1;
            }
            partition.partition_epoch += 1;
            true
        })
    }

    fn elect_where_none_leads(&mut self, registry: &mut Registry) -> bool {
        alter_all(registry, |partition, registry| {
            if partition.leader >= 0 {
                return false;
            }
            partition.leader = elect(partition, registry);
            if partition.leader < 0 {
                return false;
            }
            partition.leader_epoch += 1;
            partition.partition_epoch += 1;
            true
        })
    }

    fn elect_preferred(&mut self, registry: &mut Registry) -> bool {
        alter_all(registry, |partition, registry| {
            let Some(preferred) = partition.replicas.first().copied() else { return false };
            let fit = registry.is_alive(preferred) && partition.isr.contains(&preferred);
            fit && move_to(partition, preferred)
        })
    }

    /// Makes a replica that is in sync the leader.
    pub fn move_leader(
        &mut self,
        topic: &str,
        index: i32,
        to: i32,
        registry: &mut Registry,
    ) -> Result<(), Refusal> {
        let found = registry.topics.get(topic).and_then(|t| t.partitions.get(index as usize));
        let Some(partition) = found else {
            let code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            return Err((code, format!("there is no partition {topic}-{index}")));
        };
        if !partition.isr.contains(&to) || !registry.is_alive(to) {
            let text = format!("broker {to} is not in sync for {topic}-{index} or not alive");
            return Err((ErrorCode::INELIGIBLE_REPLICA, text));
        }
        alter_partition(registry, topic, index, |partition| move_to(partition, to));
        Ok(())
    }

    /// Makes a topic.
    pub fn create_topic(
        &mut self,
        new: &NewTopic,
        registry: &mut Registry,
        rng: &mut fastrand::Rng,
    ) -> Result<Arc<TopicImage>, Refusal> {
        let topic = self.plan_topic(new, registry, rng)?;
        registry.topics.insert(topic.name.clone(), topic.clone());
        Ok(topic)
    }

    /// What a topic would be like, if it were made.
    pub fn plan_topic(
        &self,
        new: &NewTopic,
        registry: &Registry,
        rng: &mut fastrand::Rng,
    ) -> Result<Arc<TopicImage>, Refusal> {
        check_topic_name(&new.name).map_err(|why| (ErrorCode::INVALID_TOPIC_EXCEPTION, why))?;
        if registry.topics.contains_key(&new.name) {
            let text = format!("Topic '{}' already exists.", new.name);
            return Err((ErrorCode::TOPIC_ALREADY_EXISTS, text));
        }
        let assignment = match &new.assignment {
            Some(assignment) => checked_assignment(assignment, registry)?,
            None => assign(new.partitions, new.replication_factor, 0, registry, rng)?,
        };
        let partitions = assignment.into_iter().map(|replicas| new_partition(replicas, registry));
        Ok(Arc::new(TopicImage {
            name: new.name.clone(),
            id: random_id(rng),
            config: Arc::new(new.config.clone()),
            partitions: partitions.collect(),
        }))
    }

    /// Gives a topic more partitions, `count` altogether.
    pub fn create_partitions(
        &mut self,
        name: &str,
        count: i32,
        assignment: Option<Vec<Vec<i32>>>,
        registry: &mut Registry,
        rng: &mut fastrand::Rng,
    ) -> Result<(), Refusal> {
        let Some(topic) = registry.topics.get(name).cloned() else {
            let code = ErrorCode::UNKNOWN_TOPIC_OR_PARTITION;
            return Err((code, "This server does not host this topic-partition.".to_owned()));
        };
        let before = topic.partitions.len() as i32;
        if count <= before {
            let text = format!(
                "The topic {name} currently has {before} partition(s); {count} would not be an \
                 increase."
            );
            return Err((ErrorCode::INVALID_PARTITIONS, text));
        }
        let factor = topic.partitions.first().map_or(1, |partition| partition.replicas.len());
        let added = match &assignment {
            Some(assignment) => checked_assignment(assignment, registry)?,
            None => assign(count - before, factor as i16, before, registry, rng)?,
        };
        if added.len() as i32 != count - before {
            let text = "The number of assignments is not the number of new partitions.";
            return Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, text.to_owned()));
        }
        let mut topic = TopicImage::clone(&topic);
        let added = added.into_iter().map(|replicas| new_partition(replicas, registry));
        topic.partitions.extend(added);
        registry.topics.insert(topic.name.clone(), Arc::new(topic));
        Ok(())
    }
}

/// The brokers that host or led anything.
fn hosts(registry: &Registry) -> impl Iterator<Item = i32> + '_ {
    let partitions = registry.topics.values().flat_map(|topic| &topic.partitions);
    partitions.flat_map(|partition| partition.replicas.iter().copied())
}

/// The first replica that is in sync and alive, or -1. One that is not in sync is never elected:
/// records that were acknowledged would be lost.
fn elect(partition: &PartitionImage, registry: &Registry) -> i32 {
    let fit = |id: &&i32| partition.isr.contains(id) && registry.is_alive(**id);
    partition.replicas.iter().find(fit).copied().unwrap_or(-1)
}

fn move_to(partition: &mut PartitionImage, to: i32) -> bool {
    if partition.leader == to {
        return false;
    }
    partition.leader = to;
    partition.leader_epoch += 1;
    partition.partition_epoch += 1;
    true
}

fn new_partition(replicas: Vec<i32>, registry: &Registry) -> PartitionImage {
    let isr: Vec<i32> = replicas.iter().copied().filter(|id| registry.is_alive(*id)).collect();
    let leader = isr.first().copied().unwrap_or(-1);
    PartitionImage { replicas, isr, leader, leader_epoch: 0, partition_epoch: 0 }
}

fn checked_assignment(
    assignment: &[Vec<i32>],
    registry: &Registry,
) -> Result<Vec<Vec<i32>>, Refusal> {
    let bad = |why: String| Err((ErrorCode::INVALID_REPLICA_ASSIGNMENT, why));
    for (index, replicas) in assignment.iter().enumerate() {
        let mut sorted = replicas.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if replicas.is_empty() || sorted.len() != replicas.len() {
            return bad(format!("Partition {index} has no replicas, or one of them twice."));
        }
        if let Some(unknown) = replicas.iter().find(|id| !registry.is_alive(**id)) {
            return bad(format!("Partition {index} names broker {unknown}, which is not there."));
        }
    }
    Ok(assignment.to_vec())
}

/// Spreads replicas over the brokers: leaders in turn, and the followers of one broker's leaders
/// over all the others.
fn assign(
    partitions: i32,
    factor: i16,
    first_partition: i32,
    registry: &Registry,
    rng: &mut fastrand::Rng,
) -> Result<Vec<Vec<i32>>, Refusal> {
    const PARTITIONS_MAX: i32 = 100_000;
    let brokers: Vec<i32> = registry.alive().collect();
    if !(1..=PARTITIONS_MAX).contains(&partitions) {
        let text = format!("Number of partitions was {partitions}; it must be larger than 0.");
        return Err((ErrorCode::INVALID_PARTITIONS, text));
    }
    let count = brokers.len();
    let Some(factor) = usize::try_from(factor).ok().filter(|n| (1..=count).contains(n)) else {
        let text = format!(
            "Unable to replicate the partition {factor} time(s): The target replication factor of \
             {factor} cannot be reached because only {count} broker(s) are registered."
        );
        return Err((ErrorCode::INVALID_REPLICATION_FACTOR, text));
    };
    let start = rng.usize(..count);
    let replicas = |partition: i32| {
        let partition = (first_partition + partition) as usize;
        let leader = (start + partition) % count;
        // With each round of leaders the followers are shifted by one.
        let shift = (partition / count) % (count.max(2) - 1);
        let follower = |nth: usize| (leader + 1 + (shift + nth) % (count - 1)) % count;
        std::iter::once(leader)
            .chain((0..factor - 1).map(follower))
            .map(|index| brokers[index])
            .collect()
    };
    Ok((0..partitions).map(replicas).collect())
}

/// Lets `change` look at each partition; topics in which it changed something are replaced.
fn alter_all(
    registry: &mut Registry,
    change: impl Fn(&mut PartitionImage, &Registry) -> bool,
) -> bool {
    let mut changed = BTreeMap::new();
    for (name, topic) in &registry.topics {
        let mut partitions = topic.partitions.clone();
        let mut altered = false;
        for partition in &mut partitions {
            altered |= change(partition, registry);
        }
        if altered {
            let topic = TopicImage { partitions, ..TopicImage::clone(topic) };
            changed.insert(name.clone(), Arc::new(topic));
        }
    }
    let any = !changed.is_empty();
    registry.topics.extend(changed);
    any
}

fn alter_partition(
    registry: &mut Registry,
    topic: &str,
    index: i32,
    change: impl FnOnce(&mut PartitionImage) -> bool,
) -> bool {
    let Some(topic) = registry.topics.get_mut(topic) else { return false };
    let Ok(index) = usize::try_from(index) else { return false };
    Arc::make_mut(topic).partitions.get_mut(index).is_some_and(change)
}

#[cfg(test)]
mod tests;
