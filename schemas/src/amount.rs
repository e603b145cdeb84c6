//! Amounts of money: decimals, never floats.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Digits kept after the decimal point; further ones are cut off. Bitcoin's eight are rarer than what eight would cost.
const SCALE: u32 = 6;
const ONE: i128 = 10_i128.pow(SCALE);
/// The greatest amount: 18 digits before the point, as a column of decimal(24, 6) holds.
const MAX: i128 = 10_i128.pow(18) * ONE - 1;

/// An amount, in millionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(i128);

impl Amount {
    /// From decimal digits before and after the point; `None` when it is too large to be money.
    pub fn from_digits(whole: &[u32], fraction: &[u32]) -> Option<Self> {
        let digits = whole.iter().copied().chain((0..SCALE as usize).map(|i| fraction.get(i).copied().unwrap_or(0)));
        let mut sum = 0_i128;
        for digit in digits {
            sum = sum * 10 + i128::from(digit);
            if sum > MAX {
                return None;
            }
        }
        Some(Self(sum))
    }

    /// A whole number of the currency.
    pub const fn whole(n: u32) -> Self {
        Self(n as i128 * ONE)
    }

    /// In millionths, as a decimal(24, 6) keeps it.
    pub const fn millionths(self) -> i128 {
        self.0
    }

    /// Times a whole number; `None` when it is too large to be money.
    pub fn times(self, factor: u64) -> Option<Self> {
        self.0.checked_mul(i128::from(factor)).filter(|product| *product <= MAX).map(Self)
    }

    /// Both together, at most the greatest amount.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self((self.0 + other.0).min(MAX))
    }

    /// With hundredths added.
    #[must_use]
    pub fn plus_hundredths(self, hundredths: Self) -> Self {
        Self((self.0 + hundredths.0 / 100).min(MAX))
    }

    /// A hundredth of it.
    #[must_use]
    pub const fn hundredth(self) -> Self {
        Self(self.0 / 100)
    }

    /// Has it no fraction?
    pub const fn is_whole(self) -> bool {
        self.0 % ONE == 0
    }
}

/// In Avro a decimal(24, 6): millionths as a big-endian two's complement number. In JSON a number with every digit.
impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            let number = serde_json::value::RawValue::from_string(self.to_string());
            return number.map_err(serde::ser::Error::custom)?.serialize(serializer);
        }
        let bytes = self.0.to_be_bytes();
        let sign = if self.0 < 0 { 0xFF } else { 0 };
        // As few bytes as tell the sign.
        let spare = bytes.windows(2).take_while(|pair| pair[0] == sign && (pair[1] ^ sign) < 0x80).count();
        serializer.serialize_bytes(&bytes[spare..])
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_bytes(Millionths)
    }
}

struct Millionths;

impl serde::de::Visitor<'_> for Millionths {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal(24, 6): at most 16 bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Amount, E> {
        if bytes.len() > 16 {
            return Err(E::invalid_length(bytes.len(), &self));
        }
        let sign = if bytes.first().is_some_and(|b| *b >= 0x80) { 0xFF } else { 0 };
        let mut all = [sign; 16];
        all[16 - bytes.len()..].copy_from_slice(bytes);
        Ok(Amount(i128::from_be_bytes(all)))
    }

    fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Amount, E> {
        self.visit_bytes(&bytes)
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / ONE)?;
        match self.0 % ONE {
            0 => Ok(()),
            fraction => write!(f, ".{}", format!("{fraction:06}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        let amount = Amount::from_digits(&[1, 9], &[9, 0, 5]).expect("money");
        assert_eq!(amount.to_string(), "19.905");
        assert_eq!(amount.times(1000).expect("money").to_string(), "19905");
        assert_eq!(Amount::whole(35).plus_hundredths(Amount::whole(99)).to_string(), "35.99");
        assert_eq!(Amount::from_digits(&[9; 19], &[]), None);
        assert_eq!(Amount::whole(1).times(u64::MAX), None);
    }
}
