//! The id of a topic, spelled as Kafka spells it (`org.apache.kafka.common.Uuid`).

use std::fmt;

/// 128 bits; all zero means that there is none.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid(pub [u8; 16]);

impl Uuid {
    /// No id.
    pub const ZERO: Uuid = Uuid([0; 16]);

    /// Whether it is no id.
    pub fn is_zero(self) -> bool {
        self == Uuid::ZERO
    }
}

impl fmt::Display for Uuid {
    /// Base64 with the URL alphabet and without padding: 22 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let bits = u128::from_be_bytes(self.0);
        for i in 0..22 {
            // The last character has but two bits of the number, at its upper end.
            let sextet = if i < 21 { bits >> (122 - 6 * i) } else { bits << 4 };
            fmt::Write::write_char(f, char::from(ALPHABET[(sextet & 63) as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_spelled_as_kafka_spells_it() {
        let id = Uuid(0x1122_3344_5566_7788_99aa_bbcc_ddee_ff00_u128.to_be_bytes());
        assert_eq!(id.to_string(), "ESIzRFVmd4iZqrvM3e7_AA");
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid([0xff; 16]).to_string(), "_____________________w");
    }
}
