//! Requests that wait: for replicas, for records, for their time to be up.

use std::time::Duration;

use super::{ClusterCore, Task};
use crate::broker::delayed_produce::DelayedProduce;
use crate::broker::fetch::DelayedFetch;
use crate::broker::purgatory::Place;
use crate::time::Instant;

impl ClusterCore {
    /// Lets a write wait until its followers have it, unless they have.
    pub fn wait_for_replicas(
        &mut self,
        mut delayed: DelayedProduce,
        timeout: Duration,
        now: Instant,
    ) {
        let broker = delayed.call.broker;
        let Some(server) = self.servers.get_mut(&broker) else { return };
        if delayed.try_complete(&server.replicas) {
            return self.answer(delayed.call, delayed.response, now);
        }
        let places: Vec<Place> =
            delayed.waiting.iter().map(|w| (w.topic.clone(), w.index)).collect();
        let number = server.replicas.delayed_produce.watch(delayed, places);
        self.timers.at(now + timeout, Task::ProduceTimeout(broker, number));
    }

    /// Lets a consumer wait for records, unless there are enough.
    pub fn wait_for_records(&mut self, delayed: DelayedFetch, now: Instant) {
        let broker = delayed.call.broker;
        let Some(server) = self.servers.get_mut(&broker) else { return };
        let (response, done) = delayed.try_complete(&server.replicas, &server.image);
        let wait_ms = u64::try_from(delayed.request.max_wait_ms).unwrap_or_default();
        if done || wait_ms == 0 {
            return self.answer(delayed.call, response, now);
        }
        let places = delayed.places(&server.image);
        let number = server.replicas.delayed_fetch.watch(delayed, places);
        self.timers.at(now + Duration::from_millis(wait_ms), Task::FetchTimeout(broker, number));
    }

    pub(super) fn produce_timed_out(&mut self, broker: i32, number: u64, now: Instant) {
        let Some(server) = self.servers.get_mut(&broker) else { return };
        if let Some(mut delayed) = server.replicas.delayed_produce.take(number) {
            delayed.try_complete(&server.replicas);
            delayed.time_out();
            self.answer(delayed.call, delayed.response, now);
        }
    }

    pub(super) fn fetch_timed_out(&mut self, broker: i32, number: u64, now: Instant) {
        let Some(server) = self.servers.get_mut(&broker) else { return };
        if let Some(delayed) = server.replicas.delayed_fetch.take(number) {
            let (response, _) = delayed.try_complete(&server.replicas, &server.image);
            self.answer(delayed.call, response, now);
        }
    }

    /// Looks again at what waits for partitions that changed. True if there was anything.
    pub(super) fn complete_delayed(&mut self, now: Instant) -> bool {
        let mut writes = Vec::new();
        let mut reads = Vec::new();
        let mut any = false;
        for server in self.servers.values_mut().filter(|server| !server.paused) {
            let replicas = &mut server.replicas;
            for (topic, index) in std::mem::take(&mut replicas.touched) {
                any = true;
                for (number, mut write, places) in replicas.delayed_produce.watching(&topic, index)
                {
                    match write.try_complete(replicas) {
                        true => writes.push(write),
                        false => replicas.delayed_produce.put_back(number, write, places),
                    }
                }
                for (number, read, places) in replicas.delayed_fetch.watching(&topic, index) {
                    match read.try_complete(replicas, &server.image) {
                        (response, true) => reads.push((read.call, response)),
                        _ => replicas.delayed_fetch.put_back(number, read, places),
                    }
                }
            }
        }
        for write in writes {
            self.answer(write.call, write.response, now);
        }
        for (call, response) in reads {
            self.answer(call, response, now);
        }
        any
    }
}
