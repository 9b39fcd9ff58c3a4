//! Exact sums. A running total is added to and subtracted from for as long as the process runs, and must come back to nothing.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

use rust_decimal::{Decimal, RoundingStrategy};

/// Digits behind the point of [`Shares`].
const SHARES_SCALE: u32 = 15;
/// More than any sum of orders comes to, and far enough from the end of the integers that sums of it do not overflow.
const BEYOND: i128 = i128::MAX >> 16;

macro_rules! sum {
    ($name:ident) => {
        impl $name {
            /// Nothing.
            pub const ZERO: Self = Self(0);

            /// The larger of the two and nothing.
            #[must_use]
            pub fn at_least_zero(self) -> Self {
                self.max(Self::ZERO)
            }
        }

        impl Add for $name {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }

        impl Sub for $name {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }

        impl Neg for $name {
            type Output = Self;
            fn neg(self) -> Self {
                Self(self.0.saturating_neg())
            }
        }

        impl AddAssign for $name {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }

        impl SubAssign for $name {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }

        impl std::iter::Sum for $name {
            fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
                amounts.fold(Self::ZERO, Add::add)
            }
        }
    };
}

/// A number of shares, signed where it is a position. Exact to the fifteenth decimal, which is more than TWS can carry of any number it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Shares(i128);

/// An amount of money in one currency, in cents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Cents(i128);

sum!(Shares);
sum!(Cents);

impl Shares {
    /// From a decimal; what lies behind the fifteenth decimal is rounded away from nothing.
    pub fn of(quantity: Decimal) -> Self {
        Self(scaled(
            quantity,
            SHARES_SCALE,
            RoundingStrategy::AwayFromZero,
        ))
    }
}

impl Cents {
    /// From a decimal, rounded half up to the cent.
    pub fn of(amount: Decimal) -> Self {
        Self(scaled(amount, 2, RoundingStrategy::MidpointAwayFromZero))
    }

    /// The value of shares at a price each, rounded half up to the cent. A product that no decimal holds is more than any limit.
    pub fn value(quantity: Decimal, price: Decimal) -> Self {
        quantity.checked_mul(price).map_or(Self(BEYOND), Self::of)
    }
}

impl From<Cents> for Decimal {
    /// What no decimal holds is more than any decimal.
    fn from(Cents(cents): Cents) -> Self {
        Self::try_from_i128_with_scale(cents, 2).unwrap_or(Self::MAX)
    }
}

/// `value` × 10^`scale` as an integer.
fn scaled(value: Decimal, scale: u32, rounding: RoundingStrategy) -> i128 {
    let value = if value.scale() > scale {
        value.round_dp_with_strategy(scale, rounding)
    } else {
        value
    };
    // The mantissa has 96 bits, and 10^15 has fewer than 50: what does not fit is beyond every limit.
    10_i128
        .checked_pow(scale.saturating_sub(value.scale()))
        .and_then(|factor| value.mantissa().checked_mul(factor))
        .map_or(
            if value.is_sign_negative() {
                -BEYOND
            } else {
                BEYOND
            },
            |scaled| scaled.clamp(-BEYOND, BEYOND),
        )
}

fn show(f: &mut fmt::Formatter<'_>, value: i128, scale: u32) -> fmt::Result {
    match Decimal::try_from_i128_with_scale(value, scale) {
        Ok(decimal) => fmt::Display::fmt(&decimal.normalize(), f),
        Err(_) => write!(f, "{}e-{scale}", value),
    }
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, SHARES_SCALE)
    }
}

impl fmt::Display for Cents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(f, self.0, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn money_is_rounded_half_up_to_the_cent() {
        for (quantity, price, value) in [
            ("1", "0.004", "0"),
            ("1", "0.005", "0.01"),
            ("3", "33.335", "100.01"),
            ("100", "150.25", "15025"),
            ("0.5", "0.03", "0.02"),
        ] {
            let found = Cents::value(decimal(quantity), decimal(price));
            assert_eq!(found.to_string(), value, "{quantity} x {price}");
        }
    }

    #[test]
    fn a_total_comes_back_to_nothing_whatever_was_added_to_it() {
        let amounts = [
            "999999999999",
            "0.000000000000001",
            "0.1",
            "123456789.123456",
        ];
        let mut total = Shares::ZERO;
        for text in amounts {
            total += Shares::of(decimal(text));
        }
        for text in amounts {
            total -= Shares::of(decimal(text));
        }
        assert_eq!(total, Shares::ZERO);
    }

    #[test]
    fn what_no_number_holds_is_more_than_any_limit_and_not_an_overflow() {
        let huge = decimal("999999999999999");
        let value = Cents::value(huge, huge);
        assert!(value > Cents::of(Decimal::MAX), "{value}");
        let many: Cents = (0..1_000).map(|_| value).sum();
        assert!(many > value);
        assert!(Shares::of(Decimal::MAX) > Shares::of(huge));
        assert!(Shares::of(Decimal::MIN) < Shares::ZERO);
    }

    #[test]
    fn amounts_show_as_the_numbers_they_are() {
        assert_eq!(Shares::of(decimal("100.50")).to_string(), "100.5");
        assert_eq!((-Shares::of(decimal("3"))).to_string(), "-3");
        assert_eq!(Cents::of(decimal("1000.5")).to_string(), "1000.5");
    }
}
