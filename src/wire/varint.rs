//! Numbers of varying length: seven bits a byte, the lowest first, the top bit set on all but the
//! last byte. Signed ones are zigzag encoded (`org.apache.kafka.common.utils.ByteUtils`).

/// The longest encoding of 32 bits.
pub const MAX_LEN_32: usize = 5;
/// The longest encoding of 64 bits.
pub const MAX_LEN_64: usize = 10;

/// Maps small numbers of either sign to small numbers without one.
#[inline]
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of [`zigzag`].
#[inline]
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// How many bytes an unsigned number takes.
#[inline]
pub fn unsigned_len(value: u64) -> usize {
    // For 0 to 64 bits, n * 9 / 64 + 1 is n / 7 rounded up, and 1 for none; no division, no branch.
    let bits = 64 - (value | 1).leading_zeros() as usize;
    (bits * 9 + 64) / 64
}

/// How many bytes a signed number takes, 32 bits or 64: the encoding is the same.
#[inline]
pub fn signed_len(value: i64) -> usize {
    unsigned_len(zigzag(value))
}

/// Numbers below this take one byte or two.
pub const SHORT_END: u64 = 1 << 14;
/// Numbers below this take three bytes at most.
pub const MEDIUM_END: u64 = 1 << 21;

/// Numbers of eight bytes at most, gathered in a register from the last to the first.
///
/// How many bytes a number takes is a branch, as it is mostly what it was in the record before.
#[derive(Clone, Copy, Default)]
pub struct Word {
    bytes: u64,
    len: usize,
}

impl Word {
    /// Adds a number below [`SHORT_END`] in front of the others.
    #[inline(always)]
    pub fn push_front(&mut self, number: u64) {
        debug_assert!(number < SHORT_END && self.len + unsigned_len(number) <= 8, "room");
        if number < 0x80 {
            self.bytes = self.bytes << 8 | number;
            self.len += 1;
        } else {
            self.bytes = self.bytes << 16 | two(number);
            self.len += 2;
        }
    }

    /// Adds a number below [`MEDIUM_END`] in front of the others.
    #[inline(always)]
    pub fn push_front_medium(&mut self, number: u64) {
        if number < SHORT_END {
            return self.push_front(number);
        }
        debug_assert!(number < MEDIUM_END && self.len <= 5, "room");
        self.bytes = self.bytes << 24 | (number >> 14) << 16 | two(number & 0x3fff) | 0x8000;
        self.len += 3;
    }

    /// The same with room for more.
    #[inline(always)]
    pub fn widen(self) -> Lead {
        Lead { bytes: self.bytes.into(), len: self.len }
    }
}

/// A number below [`SHORT_END`] that takes two bytes, as it is written.
#[inline(always)]
pub fn two_bytes(number: u64) -> [u8; 2] {
    (two(number) as u16).to_le_bytes()
}

/// The same as a number, the first byte lowest.
#[inline(always)]
fn two(number: u64) -> u64 {
    // The upper seven bits move up by one, to the second byte.
    (number + (number & 0x3f80)) | 0x80
}

/// A [`Word`] with more numbers in front, sixteen bytes at most.
#[derive(Clone, Copy)]
pub struct Lead {
    bytes: u128,
    len: usize,
}

impl Lead {
    /// Adds a number below [`SHORT_END`] in front of the others.
    #[inline(always)]
    pub fn push_front(&mut self, number: u64) {
        debug_assert!(number < SHORT_END && self.len + unsigned_len(number) <= 16, "room");
        if number < 0x80 {
            self.bytes = self.bytes << 8 | u128::from(number);
            self.len += 1;
        } else {
            self.bytes = self.bytes << 16 | u128::from(two(number));
            self.len += 2;
        }
    }

    /// How many bytes it has.
    #[inline(always)]
    pub fn len(self) -> usize {
        self.len
    }

    /// So much room it must have to be written.
    pub const ROOM: usize = size_of::<u128>();

    /// Writes it to the front of `room`; gives what is left of that, if it is large enough.
    #[inline(always)]
    pub fn write_to(self, room: &mut [u8]) -> Option<&mut [u8]> {
        // To write all of it is cheaper, as its length is known when this is compiled.
        *room.first_chunk_mut()? = self.bytes.to_le_bytes();
        room.get_mut(self.len..)
    }
}

/// An unsigned number as it is written.
pub struct Encoded {
    bytes: [u8; MAX_LEN_64],
    len: usize,
}

impl Encoded {
    /// Encodes `value`.
    pub fn new(mut value: u64) -> Encoded {
        let mut encoded = Encoded { bytes: [0; MAX_LEN_64], len: 0 };
        while value >= 0x80 {
            encoded.push(value as u8 | 0x80);
            value >>= 7;
        }
        encoded.push(value as u8);
        encoded
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.len] = byte;
        self.len += 1;
    }

    /// Its bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// Takes an unsigned number of up to `bits` (32 or 64) bits off the front of `input`. `None` if the
/// input ends within the number or the number has more bits.
#[inline]
pub fn take_unsigned(input: &mut &[u8], bits: u32) -> Option<u64> {
    let mut value = 0u64;
    let mut shift = 0;
    while shift < bits {
        let (&byte, rest) = input.split_first()?;
        *input = rest;
        let part = u64::from(byte & 0x7f);
        if shift + 7 > bits && part >> (bits - shift) != 0 {
            return None;
        }
        value |= part << shift;
        if byte < 0x80 {
            return Some(value);
        }
        shift += 7;
    }
    None
}

/// Takes a signed 32 bit number off the front of `input`.
#[inline]
pub fn take_i32(input: &mut &[u8]) -> Option<i32> {
    // 32 bits unsigned are 32 bits signed, so the cast loses nothing.
    take_unsigned(input, 32).map(|value| unzigzag(value) as i32)
}

/// Takes a signed 64 bit number off the front of `input`.
#[inline]
pub fn take_i64(input: &mut &[u8]) -> Option<i64> {
    take_unsigned(input, 64).map(unzigzag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unsigned(value: u64) -> Vec<u8> {
        let encoded = Encoded::new(value);
        assert_eq!(encoded.as_slice().len(), unsigned_len(value), "{value}");
        encoded.as_slice().to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn unsigned_numbers_are_written_as_java_writes_them() {
        for (value, expected) in [
            (0, "00"),
            (1, "01"),
            (63, "3f"),
            (64, "40"),
            (8191, "ff3f"),
            (8192, "8040"),
            (1048575, "ffff3f"),
            (1048576, "808040"),
            (i32::MAX, "ffffffff07"),
            (-1, "ffffffff0f"),
            (-64, "c0ffffff0f"),
            (i32::MIN, "8080808008"),
        ] {
            let bytes = unsigned(u64::from(value as u32));
            assert_eq!(hex(&bytes), expected, "{value}");
            assert_eq!(take_unsigned(&mut bytes.as_slice(), 32), Some(u64::from(value as u32)));
        }
    }

    #[test]
    fn signed_numbers_are_written_as_java_writes_them() {
        for (value, expected) in [
            (0, "00"),
            (-1, "01"),
            (1, "02"),
            (63, "7e"),
            (-64, "7f"),
            (64, "8001"),
            (-65, "8101"),
            (8191, "fe7f"),
            (-8192, "ff7f"),
            (8192, "808001"),
            (-8193, "818001"),
            (1048575, "feff7f"),
            (134217728, "8080808001"),
            (i64::from(i32::MAX), "feffffff0f"),
            (i64::from(i32::MIN), "ffffffff0f"),
            (17179869183, "feffffff7f"),
            (-17179869184, "ffffffff7f"),
            (1 << 34, "808080808001"),
            (i64::MAX, "feffffffffffffffff01"),
            (i64::MIN, "ffffffffffffffffff01"),
        ] {
            let bytes = unsigned(zigzag(value));
            assert_eq!(hex(&bytes), expected, "{value}");
            assert_eq!(signed_len(value), bytes.len());
            assert_eq!(take_i64(&mut bytes.as_slice()), Some(value));
            if let Ok(value) = i32::try_from(value) {
                assert_eq!(take_i32(&mut bytes.as_slice()), Some(value));
            }
        }
    }

    #[test]
    fn a_number_with_too_many_bits_or_too_few_bytes_is_refused() {
        assert_eq!(take_unsigned(&mut [0x80, 0x80].as_slice(), 32), None);
        assert_eq!(take_unsigned(&mut [0xff, 0xff, 0xff, 0xff, 0x1f].as_slice(), 32), None);
        assert_eq!(take_unsigned(&mut [0x80; 5].as_slice(), 32), None);
        assert_eq!(take_unsigned(&mut [0x80; 10].as_slice(), 64), None);
        let mut eleven_bits_too_many = [0xff; 10];
        eleven_bits_too_many[9] = 2;
        assert_eq!(take_unsigned(&mut eleven_bits_too_many.as_slice(), 64), None);
    }

    #[test]
    fn numbers_gathered_from_the_last_to_the_first_are_the_same_as_one_by_one() {
        let (short, medium) = (SHORT_END - 1, MEDIUM_END - 1);
        for [one, two, three, four, five] in [
            [0, 127, 128, 1, 2],
            [short, short, medium, short, short],
            [1, 8191, SHORT_END, 200, 7],
            [300, 5, SHORT_END * 65 + 3, 0, 0],
            [0, 1, SHORT_END + 128, 2, 300],
        ] {
            let expected: Vec<u8> = [one, two, three, four, five].map(unsigned).concat();
            for room in [0, 15, 16, 17, 100] {
                let mut buffer = vec![b'x'; room];
                let mut word = Word::default();
                word.push_front(five);
                word.push_front(four);
                word.push_front_medium(three);
                let mut lead = word.widen();
                lead.push_front(two);
                lead.push_front(one);
                assert_eq!(lead.len(), expected.len());
                let rest = lead.write_to(&mut buffer).map(|rest| rest.len());
                assert_eq!(rest, (room >= 16).then(|| room.wrapping_sub(expected.len())));
                assert!(room < 16 || buffer.starts_with(&expected), "{three}: {buffer:x?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_number_comes_back_as_it_went(value in any::<i64>(), shift in 0u32..64) {
            let value = value >> shift;
            let bytes = unsigned(zigzag(value));
            let mut input = bytes.as_slice();
            prop_assert_eq!(take_i64(&mut input), Some(value));
            prop_assert!(input.is_empty());
        }
    }
}
