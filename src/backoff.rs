//! ExponentialBackoff: how long to wait before the next attempt.

use std::time::Duration;

/// `min(max, initial × 2^attempts × jitter)`, jitter within 20 % (Java: ExponentialBackoff).
#[derive(Clone, Copy, Debug)]
pub struct ExponentialBackoff {
    /// The wait after the first failure.
    pub initial: Duration,
    /// The longest wait.
    pub max: Duration,
}

impl ExponentialBackoff {
    /// The wait after `attempts` earlier failures. `random` is in 0..1 and comes from outside, as
    /// the clock does; 0.5 means no jitter.
    pub fn delay(&self, attempts: u32, random: f64) -> Duration {
        if self.initial >= self.max {
            return self.initial;
        }
        let jitter = 0.8 + 0.4 * random;
        let factor = f64::from(2u32.saturating_pow(attempts.min(31)));
        let seconds = self.initial.as_secs_f64() * factor * jitter;
        self.max.min(Duration::from_secs_f64(seconds.min(1e9)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_within_its_jitter_up_to_the_maximum() {
        let ms = Duration::from_millis;
        let backoff = ExponentialBackoff { initial: ms(100), max: ms(1000) };
        assert_eq!(backoff.delay(0, 0.5), ms(100));
        assert_eq!(backoff.delay(2, 0.5), ms(400));
        assert_eq!(backoff.delay(1, 0.0), ms(160));
        assert_eq!(backoff.delay(1, 1.0), ms(240));
        assert_eq!(backoff.delay(60, 1.0), ms(1000));
        let flat = ExponentialBackoff { initial: ms(50), max: ms(50) };
        assert_eq!(flat.delay(9, 0.9), ms(50));
    }
}
