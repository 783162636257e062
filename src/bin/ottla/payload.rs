//! What `ottla perf` sends: bytes that are the same in every run and compress like text.

/// The bytes that values are cut from, beside the length of one value.
const POOL: usize = 256 * 1024;

/// The step from one value's start to the next one's, a prime.
const STEP: u64 = 7919;

/// Values of one size.
pub struct Payload {
    bytes: Vec<u8>,
    size: usize,
}

impl Payload {
    /// Values of `size` bytes.
    pub fn new(size: usize) -> Payload {
        let mut random = fastrand::Rng::with_seed(42);
        let bytes = (0..POOL + size).map(|_| random.u8(b' '..=b'~')).collect();
        Payload { bytes, size }
    }

    /// The value of the record with this number.
    pub fn value(&self, number: u64) -> &[u8] {
        let start = (number.wrapping_mul(STEP) % POOL as u64) as usize;
        &self.bytes[start..start + self.size]
    }
}

/// The key of the record with this number: 16 hexadecimal digits.
pub fn key(number: u64) -> [u8; 16] {
    std::array::from_fn(|i| b"0123456789abcdef"[(number >> (60 - 4 * i) & 15) as usize])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printable_of_the_size_and_differ_from_one_to_the_next() {
        let payload = Payload::new(10);
        assert_ne!(payload.value(0), payload.value(1));
        for number in [0, 1, 2, 1_000_000, u64::MAX] {
            assert_eq!(payload.value(number).len(), 10);
            assert!(payload.value(number).iter().all(|b| (b' '..=b'~').contains(b)));
            assert_eq!(payload.value(number), Payload::new(10).value(number));
        }
    }

    #[test]
    fn keys_are_the_number_in_hexadecimal() {
        assert_eq!(&key(0x0123_4567_89ab_cdef), b"0123456789abcdef");
    }
}
