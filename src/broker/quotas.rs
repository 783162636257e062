//! Quotas: a client that writes more than its rate is held back until its average is right again.

use std::time::Duration;

use foldhash::HashMap;

use crate::time::Instant;

/// As much as this may be written ahead of the rate before a client is held back.
const BURST: Duration = Duration::from_secs(1);

/// The rate of every client, by its id.
#[derive(Debug)]
pub struct Quotas {
    bytes_per_second: Option<u64>,
    /// When a client would be done with what it wrote, had it kept to the rate.
    done_at: HashMap<String, Instant>,
}

impl Quotas {
    /// Quotas of this many bytes per second and client; `None` is without limit.
    pub fn new(bytes_per_second: Option<u64>) -> Quotas {
        Quotas { bytes_per_second, done_at: HashMap::default() }
    }

    /// From now on, another rate.
    pub fn set(&mut self, bytes_per_second: Option<u64>) {
        *self = Quotas::new(bytes_per_second);
    }

    /// A client wrote this much; how long it is held back.
    pub fn charge(&mut self, client: &str, bytes: usize, now: Instant) -> Duration {
        let Some(rate) = self.bytes_per_second else { return Duration::ZERO };
        let takes = Duration::from_secs_f64(bytes as f64 / rate.max(1) as f64);
        if !self.done_at.contains_key(client) {
            self.done_at.insert(client.to_owned(), now);
        }
        let Some(done_at) = self.done_at.get_mut(client) else { return Duration::ZERO };
        *done_at = (*done_at).max(now) + takes;
        done_at.since(now).saturating_sub(BURST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_that_keeps_to_its_rate_is_not_held_back() {
        let mut quotas = Quotas::new(Some(1000));
        for second in 0..100 {
            let now = Instant::default() + Duration::from_secs(second);
            assert_eq!(quotas.charge("a", 1000, now), Duration::ZERO);
        }
    }

    #[test]
    fn a_client_that_writes_faster_waits_until_its_average_is_right() {
        let mut quotas = Quotas::new(Some(1000));
        let now = Instant::default();
        assert_eq!(quotas.charge("a", 1000, now), Duration::ZERO);
        assert_eq!(quotas.charge("a", 3000, now), Duration::from_secs(3));
        assert_eq!(quotas.charge("b", 1000, now), Duration::ZERO);
        quotas.set(None);
        assert_eq!(quotas.charge("a", 3000, now), Duration::ZERO);
    }
}
