//! Exact quantities and prices.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The most significant digits a value may need: what an IEEE double gives back unchanged. TWS's protocol carries prices
/// as doubles, so a longer value could not arrive as it was asked.
pub const DIGITS_MAX: usize = 15;

/// An exact decimal, normalised: `10.0` is `10`. In JSON it is a number; in SQLite and proto it is text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(Decimal);

/// Why a text is not an [`Amount`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not digits with at most one point.
    #[error("not a decimal number")]
    Syntax,
    /// Needs more than [`DIGITS_MAX`] significant digits.
    #[error("needs more than 15 significant digits")]
    TooLong,
}

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// Wraps a decimal that came from arithmetic on amounts.
    pub fn new(value: Decimal) -> Self {
        Self(value.normalize())
    }

    /// Reads what a caller typed: digits and at most one point, an optional leading minus (so that a negative number is told
    /// from a malformed one), no exponent, at most [`DIGITS_MAX`] significant digits.
    ///
    /// # Errors
    /// [`AmountError`] says which of these does not hold.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || fraction.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountError::Syntax);
        }
        let significant = digits
            .trim_start_matches(['0', '.'])
            .trim_end_matches(|c| digits.contains('.') && c == '0');
        if significant.bytes().filter(u8::is_ascii_digit).count() > DIGITS_MAX
            || whole.trim_start_matches('0').len() > DIGITS_MAX
        {
            return Err(AmountError::TooLong);
        }
        // Decimal would round a longer fraction without a word.
        if fraction.trim_end_matches('0').len() > Decimal::MAX_SCALE as usize {
            return Err(AmountError::TooLong);
        }
        Decimal::from_str(text)
            .map(Self::new)
            .map_err(|_| AmountError::TooLong)
    }

    /// From a double, by its shortest text. `None` for what is not finite or too large.
    pub fn from_f64(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value}");
        Decimal::from_str(&text)
            .ok()
            .or_else(|| Decimal::from_f64(value))
            .map(Self::new)
    }

    /// The nearest double; exact in its shortest text for every parsed amount.
    pub fn to_f64(self) -> f64 {
        // Parsing the text is correctly rounded, unlike a division of the mantissa by a power of ten.
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The decimal itself, for arithmetic.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// Whether it is greater than zero.
    pub fn is_positive(self) -> bool {
        self.0 > Decimal::ZERO
    }

    /// Whether it is zero.
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        Self::parse(text)
    }
}

impl From<i64> for Amount {
    fn from(value: i64) -> Self {
        Self(Decimal::from(value))
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.to_i64() {
            Some(whole) if self.0.fract().is_zero() => serializer.serialize_i64(whole),
            _ => serializer.serialize_f64(self.to_f64()),
        }
    }
}

impl<'de> Deserialize<'de> for Amount {
    /// Reads a JSON number or a decimal string.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Amount;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a decimal string")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
                Ok(Amount::from(value))
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
                Ok(Amount(Decimal::from(value)))
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
                Amount::from_f64(value).ok_or_else(|| E::custom("not a finite number"))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
                Amount::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_with_one_point_are_read_and_normalised() {
        for (text, normal) in [
            ("100", "100"),
            ("10.0", "10"),
            ("0.5", "0.5"),
            ("450.25", "450.25"),
            ("007", "7"),
            ("-3", "-3"),
        ] {
            assert_eq!(
                Amount::parse(text).map(|a| a.to_string()),
                Ok(normal.to_owned()),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_a_plain_decimal_is_refused() {
        for text in [
            "", ".", "1.", ".5", "1e3", "+1", "1,000", " 1", "1 ", "NaN", "inf", "0x1", "1.2.3",
            "--1", "１",
        ] {
            assert_eq!(Amount::parse(text), Err(AmountError::Syntax), "{text:?}");
        }
    }

    #[test]
    fn what_a_double_cannot_give_back_is_refused() {
        assert!(Amount::parse("0.1").is_ok());
        assert!(Amount::parse("123456789012345").is_ok());
        for text in [
            "1234567890123456",
            "0.1234567890123456",
            "0.00000000000000000000000000001234",
            "1000000000000000000",
            "100000000000000000000000000000000000000",
        ] {
            assert_eq!(Amount::parse(text), Err(AmountError::TooLong), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_read_comes_back_from_a_double_unchanged(text in "[0-9]{1,16}(\\.[0-9]{1,30})?") {
            if let Ok(amount) = Amount::parse(&text) {
                proptest::prop_assert_eq!(Amount::from_f64(amount.to_f64()), Some(amount));
            }
        }
    }

    #[test]
    fn json_has_whole_numbers_without_a_point() {
        assert_eq!(
            serde_json::to_string(&Amount::parse("1.0").unwrap()).unwrap(),
            "1"
        );
        assert_eq!(
            serde_json::to_string(&Amount::parse("450.25").unwrap()).unwrap(),
            "450.25"
        );
    }
}
