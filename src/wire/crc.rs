//! CRC-32C, and joining the checksums of two parts without reading them again.
//!
//! A batch's checksum covers 40 bytes of its header, which are known when the batch is drained, and
//! its records, which were written long before. Reading them again would cost more than all else
//! that is done with a batch, so the checksum of the records is kept and the header's is put before
//! it: appending n bytes to a message multiplies its remainder by x^(8n). That is a linear map on
//! 32 bits, so the maps for n = 1, 2, 4, 8 ... are in a table made at compile time, and those of
//! the bits of n are applied one after the other.

/// CRC-32C (Castagnoli), lowest bit first.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// Lengths are below 2^32.
const LENGTH_BITS: usize = 32;

/// A linear map on 32 bits: what each value of each group of four bits is mapped to.
type Map = [[u32; 16]; 8];

/// `APPEND[k]` is the map for 2^k appended zero bytes.
static APPEND: [Map; LENGTH_BITS] = append_maps();

/// The checksum.
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// The checksum of two parts in a row from their own checksums.
pub fn combine(first: u32, second: u32, second_len: usize) -> u32 {
    debug_assert!(second_len as u64 >> LENGTH_BITS == 0, "a batch is shorter than 4 GiB");
    let mut remainder = first;
    let mut bits = second_len;
    while bits != 0 {
        remainder = apply(&APPEND[bits.trailing_zeros() as usize % LENGTH_BITS], remainder);
        bits &= bits - 1;
    }
    remainder ^ second
}

const fn apply(map: &Map, value: u32) -> u32 {
    let mut result = 0;
    let mut group = 0;
    while group < 8 {
        result ^= map[group][(value >> (4 * group) & 15) as usize];
        group += 1;
    }
    result
}

const fn append_maps() -> [Map; LENGTH_BITS] {
    let mut maps = [[[0; 16]; 8]; LENGTH_BITS];
    // One zero byte: eight steps of the division.
    let mut columns = [0; 32];
    let mut bit = 0;
    while bit < 32 {
        let mut value = 1 << bit;
        let mut step = 0;
        while step < 8 {
            value = value >> 1 ^ if value & 1 == 1 { POLYNOMIAL } else { 0 };
            step += 1;
        }
        columns[bit] = value;
        bit += 1;
    }
    maps[0] = map_of(&columns);
    // Twice as many: the same map twice.
    let mut k = 1;
    while k < LENGTH_BITS {
        let mut bit = 0;
        while bit < 32 {
            columns[bit] = apply(&maps[k - 1], apply(&maps[k - 1], 1 << bit));
            bit += 1;
        }
        maps[k] = map_of(&columns);
        k += 1;
    }
    maps
}

/// The table of a map from what it makes of single bits.
const fn map_of(columns: &[u32; 32]) -> Map {
    let mut map = [[0; 16]; 8];
    let mut group = 0;
    while group < 8 {
        let mut value = 1;
        while value < 16usize {
            let lowest = value.trailing_zeros() as usize;
            map[group][value] = map[group][value & (value - 1)] ^ columns[4 * group + lowest];
            value += 1;
        }
        group += 1;
    }
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_checksum_is_the_one_of_java() {
        assert_eq!(crc32c(b"Some String"), 608_512_271);
    }

    #[test]
    fn long_lengths_agree_with_the_slow_way() {
        for len in [1, 40, 16 << 10, 1_000_003, (1 << 31) - 1, (1 << 32) - 1] {
            assert_eq!(
                combine(0xdead_beef, 0x1234_5678, len),
                crc32c::crc32c_combine(0xdead_beef, 0x1234_5678, len),
                "{len}"
            );
        }
    }

    /// The crate has ways of its own for short and for long parts. Each part is in memory of its
    /// own, so that the sanitizers see what is read behind its end.
    #[test]
    fn every_length_and_alignment_agrees_with_another_library() {
        let bytes: Vec<u8> =
            (0..40_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let check = |skipped: usize, len: usize| {
            let part = bytes[..skipped + len].to_vec();
            let part = &part[skipped..];
            assert_eq!(crc32c(part), crc32c::crc32c(part), "{len} bytes after {skipped}");
        };
        (0..2500).for_each(|len| check(len % 67, len));
        (2500..39_000).step_by(97).for_each(|len| check(len % 64, len));
    }

    proptest! {
        #[test]
        fn combined_checksums_are_the_checksum_of_the_whole(
            first in prop::collection::vec(any::<u8>(), 0..100),
            second in prop::collection::vec(any::<u8>(), 0..2000),
        ) {
            let whole = [first.as_slice(), &second].concat();
            let combined = combine(crc32c(&first), crc32c(&second), second.len());
            prop_assert_eq!(combined, crc32c(&whole));
        }
    }
}
