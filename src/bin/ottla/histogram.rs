//! A histogram of latencies: each value to 1 in 64, in constant memory and a few instructions.

/// Values below this have a bucket each; above it each power of two has half as many.
const EXACT: u64 = 1 << (BITS + 1);

/// The bits kept of a value below its highest one.
const BITS: u32 = 6;

/// Enough for every u64.
const BUCKETS: usize = ((64 - BITS as usize) + 1) << BITS;

/// See the file's comment. Values are microseconds where we use it.
pub struct Histogram {
    counts: Vec<u64>,
    count: u64,
    max: u64,
}

impl Histogram {
    /// An empty one.
    pub fn new() -> Histogram {
        Histogram { counts: vec![0; BUCKETS], count: 0, max: 0 }
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.counts[bucket(value)] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Adds another one's values.
    pub fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// Forgets all values.
    pub fn clear(&mut self) {
        self.counts.fill(0);
        (self.count, self.max) = (0, 0);
    }

    /// The largest value; 0 if there is none.
    pub fn max(&self) -> u64 {
        self.max
    }

    /// A value that `share` (0 to 1) of the values do not exceed, at most 1/64 too large; 0 if
    /// there is none.
    pub fn quantile(&self, share: f64) -> u64 {
        let rank = ((share * self.count as f64).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return largest(bucket).min(self.max);
            }
        }
        self.max
    }
}

fn bucket(value: u64) -> usize {
    if value < EXACT {
        return value as usize;
    }
    let shift = value.ilog2() - BITS;
    ((shift as usize) << BITS) + (value >> shift) as usize
}

/// The largest value of a bucket.
fn largest(bucket: usize) -> u64 {
    if (bucket as u64) < EXACT {
        return bucket as u64;
    }
    let shift = (bucket >> BITS) as u32 - 1;
    let first = (bucket - ((shift as usize) << BITS)) as u64;
    (first << shift) | ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_a_bucket_whose_largest_is_at_most_one_in_64_above_it() {
        let mut value = 0_u64;
        while value < u64::MAX / 3 * 2 {
            let top = largest(bucket(value));
            assert!(top >= value && top - value <= value / 64, "{value} {top}");
            value += 1 + value / 100;
        }
        assert_eq!(largest(bucket(u64::MAX)), u64::MAX);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_of_a_thousand_values_are_where_they_should_be() {
        let mut histogram = Histogram::new();
        (1..=1000).for_each(|value| histogram.record(value));
        for (share, expected) in [(0.5, 500), (0.99, 990), (0.999, 999), (1.0, 1000)] {
            let found = histogram.quantile(share);
            assert!((expected..=expected + expected / 64).contains(&found), "{share} {found}");
        }
        assert_eq!(histogram.max(), 1000);
    }

    #[test]
    fn an_empty_one_says_zero() {
        assert_eq!(Histogram::new().quantile(0.99), 0);
    }
}
