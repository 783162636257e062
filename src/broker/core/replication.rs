//! Followers fetch from leaders: the records travel, with the time that this takes.

use std::time::Duration;

use super::{ClusterCore, Task};
use crate::broker::partition::Role;
use crate::broker::purgatory::Place;
use crate::broker::replica_manager::IsrChange;
use crate::time::Instant;

/// How much one fetch brings.
const FETCH_BYTES: usize = 8 << 20;

impl ClusterCore {
    /// Starts the fetches that something new calls for. True if there were any.
    pub(super) fn run_fetches(&mut self, now: Instant) -> bool {
        let mut wanted: Vec<(i32, Place)> = Vec::new();
        for server in self.servers.values_mut().filter(|server| !server.paused) {
            let own_id = server.id;
            for place in std::mem::take(&mut server.replicas.to_fetch) {
                wanted.push((own_id, place));
            }
            for place in std::mem::take(&mut server.replicas.news) {
                let Some(partition) = server.replicas.get(&place.0, place.1) else { continue };
                let followers = partition.image.replicas.iter().filter(|id| **id != own_id);
                wanted.extend(followers.map(|id| (*id, place.clone())));
            }
        }
        let any = !wanted.is_empty();
        for (follower, place) in wanted {
            self.want_fetch(follower, place, now);
        }
        any
    }

    /// Lets a follower fetch, after the lag that replication has.
    fn want_fetch(&mut self, follower: i32, place: Place, now: Instant) {
        let Some(server) = self.servers.get_mut(&follower) else { return };
        let Some(partition) = server.replicas.get_mut(&place.0, place.1) else { return };
        let Role::Follower(state) = &mut partition.role else { return };
        if std::mem::replace(&mut state.fetching, true) {
            return;
        }
        match self.config.replication_lag {
            Duration::ZERO => self.fetch(follower, &place, now),
            lag => self.timers.at(now + lag, Task::Fetch(follower, place)),
        }
    }

    /// A follower fetches everything that it lacks. What it then has, the leader knows.
    pub(super) fn fetch(&mut self, follower: i32, place: &Place, now: Instant) {
        let (topic, index) = (&place.0, place.1);
        let held_back = self.held_back.iter().any(|(id, held)| *id == follower && held == place);
        let Some(server) = self.servers.get_mut(&follower) else { return };
        let Some(partition) = server.replicas.get_mut(topic, index) else { return };
        let Role::Follower(state) = &mut partition.role else { return };
        state.fetching = false;
        let in_step = state.in_step;
        let (leader, epoch) = (partition.image.leader, partition.image.leader_epoch);
        let (own_end, topic_id) = (partition.log.end_offset(), partition.topic_id);
        if held_back || !server.is_active() || self.is_cut(follower, leader) {
            return;
        }
        let Some(source) = self.servers.get_mut(&leader).filter(|server| server.is_active()) else {
            return;
        };
        let Some(there) = source.replicas.get_mut(topic, index) else { return };
        let same_epoch = there.topic_id == topic_id && there.image.leader_epoch == epoch;
        if there.leader().is_err() || !same_epoch {
            return;
        }
        let from = match in_step {
            true => own_end,
            false => self.common_end(follower, leader, place),
        };
        let Ok(source) = self.server_mut(leader) else { return };
        let Some(there) = source.replicas.get(topic, index) else { return };
        let batches = there.log.read(from, i64::MAX, FETCH_BYTES);
        let (start, committed) = (there.log.start_offset(), there.high_watermark);
        let Ok(server) = self.server_mut(follower) else { return };
        let Some(here) = server.replicas.get_mut(topic, index) else { return };
        if !in_step {
            here.truncate(from);
        }
        if let Role::Follower(state) = &mut here.role {
            state.in_step = true;
        }
        here.append_fetched(&batches, start, committed);
        let end = here.log.end_offset();
        self.fetched(leader, follower, place, end, now);
    }

    /// Where the logs of a follower and its leader part.
    fn common_end(&self, follower: i32, leader: i32, place: &Place) -> i64 {
        let log = |id| {
            let partition = self.servers.get(&id)?.replicas.get(&place.0, place.1)?;
            Some(&partition.log)
        };
        match (log(follower), log(leader)) {
            (Some(own), Some(leaders)) => own.common_end(leaders),
            _ => 0,
        }
    }

    /// What a fetch means to the leader, and what its answer tells the follower.
    fn fetched(&mut self, leader: i32, follower: i32, place: &Place, end: i64, now: Instant) {
        let (topic, index) = (&place.0, place.1);
        let Ok(source) = self.server_mut(leader) else { return };
        let Some(there) = source.replicas.get_mut(topic, index) else { return };
        let asked = there.follower_fetched(follower, end, now);
        let asked = asked.map(|isr| IsrChange::new(place.clone(), there, isr));
        let (committed, more) = (there.high_watermark, there.log.end_offset() > end);
        source.replicas.isr_changes.extend(asked);
        source.replicas.touched.push(place.clone());
        let Ok(server) = self.server_mut(follower) else { return };
        let Some(here) = server.replicas.get_mut(topic, index) else { return };
        here.append_fetched(&[], 0, committed);
        if more {
            self.want_fetch(follower, place.clone(), now);
        }
    }

    /// Lets leaders look for followers that fall behind, now and again later.
    pub(super) fn shrink_isrs(&mut self, now: Instant) {
        let lag_max = self.config.replica_lag_time_max;
        for server in self.servers.values_mut().filter(|server| server.is_active()) {
            server.replicas.shrink_isrs(lag_max, now);
        }
        self.timers.at(now + lag_max / 2, Task::ShrinkIsrs);
    }

    /// Lets every follower fetch that may have been kept from it.
    pub(super) fn fetch_all(&mut self) {
        for server in self.servers.values_mut() {
            let follows = |role: &Role| matches!(role, Role::Follower(_));
            let places = server.replicas.all().filter(|(.., part)| follows(&part.role));
            let places: Vec<Place> = places.map(|(name, index, _)| (name.clone(), index)).collect();
            server.replicas.to_fetch.extend(places);
        }
    }

    /// Keeps a follower from fetching, or lets it.
    pub fn hold_back(&mut self, follower: i32, topic: &str, index: i32, held: bool, now: Instant) {
        let place: Place = (topic.into(), index);
        self.held_back.retain(|(id, known)| *id != follower || *known != place);
        match held {
            true => self.held_back.push((follower, place)),
            false => self.fetch_all(),
        }
        self.settle(now);
    }

    /// Lets a partition's leader drop replicas from those in sync; they are kept from fetching.
    pub fn shrink_isr_to(&mut self, topic: &str, index: i32, to: &[i32], now: Instant) {
        let replicas = self.image.partition(topic, index).map(|p| p.replicas.clone());
        let gone: Vec<i32> =
            replicas.unwrap_or_default().into_iter().filter(|id| !to.contains(id)).collect();
        let place: Place = (topic.into(), index);
        for id in &gone {
            self.held_back.push((*id, place.clone()));
        }
        for server in self.servers.values_mut() {
            let own_id = server.id;
            let Some(partition) = server.replicas.get_mut(topic, index) else { continue };
            let lag_max = Duration::MAX;
            let dropped = |id| gone.contains(&id);
            if let Some(isr) = partition.shrink_isr(own_id, lag_max, dropped, now) {
                let change = IsrChange::new(place.clone(), partition, isr);
                server.replicas.isr_changes.push(change);
            }
        }
        self.settle(now);
    }

    /// Cuts the network between two brokers, or mends it.
    pub fn cut(&mut self, a: i32, b: i32, cut: bool, now: Instant) {
        self.cut.retain(|pair| *pair != (a, b) && *pair != (b, a));
        match cut {
            true => self.cut.push((a, b)),
            false => {
                self.fetch_all();
                self.deliver(&self.image.clone(), now);
            }
        }
        self.settle(now);
    }

    pub(super) fn is_cut(&self, a: i32, b: i32) -> bool {
        self.cut.contains(&(a, b)) || self.cut.contains(&(b, a))
    }
}
