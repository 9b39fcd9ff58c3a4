//! TWS's numbers as exact decimals: quantities come as decimal texts, prices and fees as doubles.

use rust_decimal::Decimal;

use crate::domain::Amount;

/// Beyond any quantity or price. Products of such, and sums of those, are exact decimals. TWS writes values that are not set far beyond it.
const BELIEVABLE_MAX: i64 = 1_000_000_000_000;
/// One value that is not set stays below: the largest 32-bit integer.
const QUANTITY_NOT_SET: i64 = 2_147_483_647;

/// A text that is no number. `1,000` is one: nobody knows whether a thousand or one is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoNumber;

/// A quantity; `None` where TWS left it out or means that it is not set.
pub(super) fn quantity(text: Option<&str>) -> Result<Option<Amount>, NoNumber> {
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let double: f64 = text.parse().map_err(|_| NoNumber)?;
    // In this order: what is not set may be more than a decimal holds.
    if !double.is_finite() || double.abs() > BELIEVABLE_MAX as f64 {
        return Ok(None);
    }
    let exact = Decimal::from_str_exact(text)
        .or_else(|_| Decimal::from_scientific(text))
        .map_err(|_| NoNumber)?;
    let quantity = Amount::new(exact);
    Ok(Some(quantity).filter(|quantity| *quantity != Amount::from(QUANTITY_NOT_SET)))
}

/// A price or a fee; `None` where TWS left it out or means that it is not set.
pub(super) fn double(value: Option<f64>) -> Option<Amount> {
    let value = value?;
    // False for what is no number as well.
    if value.abs() <= BELIEVABLE_MAX as f64 {
        if value.fract() == 0.0 {
            return Some(Amount::from(value as i64));
        }
        return Amount::from_f64(value);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).unwrap()
    }

    #[test]
    fn quantities_are_read_exactly() {
        for (text, expected) in [
            ("100", "100"),
            ("100.000", "100"),
            ("0", "0"),
            ("0.5", "0.5"),
            ("-3", "-3"),
            ("1000000000000", "1000000000000"),
            ("1E+2", "100"),
            ("1.5e3", "1500"),
            ("+7", "7"),
        ] {
            assert_eq!(quantity(Some(text)), Ok(Some(amount(expected))), "{text}");
        }
        // More digits than a double holds.
        let long = quantity(Some("0.12345678901234567891")).unwrap().unwrap();
        assert_eq!(long.to_string(), "0.12345678901234567891");
    }

    #[test]
    fn what_is_not_set_is_none() {
        assert_eq!(quantity(None), Ok(None));
        for text in [
            "",
            "2147483647",
            "9223372036854775807",
            "-9223372036854775808",
            "1.7976931348623157E308",
            "170141183460469231731687303715884105727",
            "NaN",
            "Infinity",
            "1000000000000.5",
        ] {
            assert_eq!(quantity(Some(text)), Ok(None), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_not_taken_for_a_part_of_it() {
        for text in ["1,000", "1 000", " 1", "ten", "1.2.3", "0x10", "1_000", "١"] {
            assert_eq!(quantity(Some(text)), Err(NoNumber), "{text}");
        }
    }

    #[test]
    fn prices_are_read_by_their_shortest_text() {
        assert_eq!(double(Some(150.25)), Some(amount("150.25")));
        assert_eq!(double(Some(1e12)), Some(amount("1000000000000")));
        assert_eq!(double(Some(-0.0)), Some(Amount::ZERO));
        for not_set in [f64::MAX, f64::NAN, f64::INFINITY, -1.1e12] {
            assert_eq!(double(Some(not_set)), None);
        }
        assert_eq!(double(None), None);
    }
}
