//! Which partition a record goes to: its own, the application's choice, murmur2 of its key, or
//! whatever the sticky partitioner says.

use crate::config::PartitionerKind;
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

/// The partition that a key has under one of the rules by name; `None` where it is left open.
pub fn partition_by_key(kind: PartitionerKind, key: Option<&[u8]>, count: i32) -> Option<i32> {
    use PartitionerKind as Kind;
    let bytes = key.unwrap_or_default();
    let hash = match kind {
        Kind::Random | Kind::RoundRobin => return None,
        Kind::Default | Kind::Murmur2Random | Kind::Fnv1aRandom if key.is_none() => return None,
        Kind::ConsistentRandom if bytes.is_empty() => return None,
        Kind::Default | Kind::Murmur2 | Kind::Murmur2Random => murmur2(bytes) & 0x7fff_ffff,
        Kind::Consistent | Kind::ConsistentRandom => crc32(bytes),
        Kind::Fnv1a | Kind::Fnv1aRandom => fnv1a(bytes),
    };
    Some((hash % count.max(1).unsigned_abs()) as i32)
}

/// CRC-32 (IEEE), as zlib has it. Bit by bit: keys are short, and who comes from librdkafka is not
/// slowed by it.
pub fn crc32(data: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let bit = |crc: u32| (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
    !data.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| bit(crc)))
}

/// FNV-1a with 32 bits, taken as a signed number without its sign, as librdkafka and Sarama do.
pub fn fnv1a(data: &[u8]) -> u32 {
    let hash = data
        .iter()
        .fold(0x811c_9dc5u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash as i32).unsigned_abs()
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
    fn keys_hash_with_fnv_1a_as_in_librdkafka_and_sarama() {
        let cases = [("kafka", 0x0d33_c4e1), ("giberish123456789", 0x77a5_8295), ("", 0x7ee3_623b)];
        for (key, hash) in cases {
            assert_eq!(fnv1a(key.as_bytes()), hash, "{key}");
        }
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926, "the check value of CRC-32");
    }

    #[test]
    fn keys_go_where_librdkafka_sends_them() {
        let text = include_str!("../../tests/vectors/librdkafka_partitions.json");
        let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
        let kinds = [
            ("consistent", PartitionerKind::Consistent),
            ("consistent_random", PartitionerKind::ConsistentRandom),
            ("murmur2", PartitionerKind::Murmur2),
            ("murmur2_random", PartitionerKind::Murmur2Random),
            ("fnv1a", PartitionerKind::Fnv1a),
            ("fnv1a_random", PartitionerKind::Fnv1aRandom),
        ];
        for (name, kind) in kinds {
            let rows = vectors["partitioners"][name].as_array().unwrap();
            assert!(rows.len() > 30, "{name}: {} keys", rows.len());
            for row in rows {
                let key = row["key"].as_str().map(unhex);
                for (place, count) in vectors["n"].as_array().unwrap().iter().enumerate() {
                    let count = count.as_i64().unwrap() as i32;
                    let expected = row["p"].get(place).map(|p| p.as_i64().unwrap() as i32);
                    let seen = partition_by_key(kind, key.as_deref(), count);
                    assert_eq!(seen, expected, "{name}, {}, {count} partitions", row["key"]);
                }
            }
        }
    }

    #[test]
    fn what_is_left_open_is_left_to_the_sticky_partitioner() {
        for key in [None, Some(&b"k"[..])] {
            assert_eq!(partition_by_key(PartitionerKind::Random, key, 7), None);
        }
        assert_eq!(partition_by_key(PartitionerKind::Default, None, 7), None);
        let own = Some(partition_for_key(b"", 7));
        assert_eq!(partition_by_key(PartitionerKind::Default, Some(b""), 7), own);
    }

    fn unhex(hex: &str) -> Vec<u8> {
        let byte = |i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
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
            let key = unhex(hex);
            for (count, expected) in counts.iter().zip(case["p"].as_array().unwrap()) {
                let partition = partition_for_key(&key, *count as i32);
                assert_eq!(i64::from(partition), expected.as_i64().unwrap(), "{hex} of {count}");
            }
        }
    }
}
