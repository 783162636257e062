//! Which partition a record goes to: its own, the application's choice, murmur2 of its key, or
//! whatever the sticky partitioner says.

use crate::error::Result;

/// Chooses partitions instead of the built-in rules. Runs on the thread that sends, for records
/// that name no partition, with or without a key.
pub trait Partitioner: Send + Sync {
    /// A partition below `partition_count`, or `None` for the built-in rules.
    fn partition(
        &self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        partition_count: i32,
    ) -> Result<Option<i32>>;
}

/// The partition of a key, as the Java client computes it.
pub fn partition_for_key(key: &[u8], partition_count: i32) -> i32 {
    (murmur2(key) & 0x7fff_ffff) as i32 % partition_count.max(1)
}

/// Murmur2 as in Java's `Utils.murmur2`: 32 bits, seed 0x9747b28c, little-endian.
pub fn murmur2(data: &[u8]) -> u32 {
    const M: u32 = 0x5bd1_e995;
    let mut hash = 0x9747_b28c ^ data.len() as u32;
    let mut chunks = data.chunks_exact(4);
    for chunk in &mut chunks {
        let mut k = u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
        k = k.wrapping_mul(M);
        k ^= k >> 24;
        hash = hash.wrapping_mul(M) ^ k.wrapping_mul(M);
    }
    let rest = chunks.remainder();
    if !rest.is_empty() {
        for (i, byte) in rest.iter().enumerate() {
            hash ^= u32::from(*byte) << (8 * i);
        }
        hash = hash.wrapping_mul(M);
    }
    hash ^= hash >> 13;
    hash = hash.wrapping_mul(M);
    hash ^ (hash >> 15)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_hash_as_in_java() {
        let cases = [
            ("21", -973_932_308),
            ("foobar", -790_332_482),
            ("a-little-bit-long-string", -985_981_536),
            ("a-little-bit-longer-string", -1_486_304_829),
            ("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
            ("abc", 479_470_107),
        ];
        for (key, hash) in cases {
            assert_eq!(murmur2(key.as_bytes()) as i32, hash, "{key}");
        }
    }

    #[test]
    fn keys_go_where_the_java_client_sends_them() {
        let text = include_str!("../../tests/vectors/murmur2_partitions.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let counts: Vec<i64> =
            vectors["n"].as_array().unwrap().iter().map(|n| n.as_i64().unwrap()).collect();
        let keys = vectors["keys"].as_array().unwrap();
        assert!(keys.len() >= 100, "{} keys", keys.len());
        for case in keys {
            let hex = case["key"].as_str().unwrap();
            let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
            let key: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
            for (count, expected) in counts.iter().zip(case["p"].as_array().unwrap()) {
                let partition = partition_for_key(&key, *count as i32);
                assert_eq!(i64::from(partition), expected.as_i64().unwrap(), "{hex} of {count}");
            }
        }
    }
}
