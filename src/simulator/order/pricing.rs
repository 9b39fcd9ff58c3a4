//! How an order is priced, and what has to happen before it works.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::Side;
use super::decimal_text;

/// The order types that are taken, each with its prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Pricing {
    Market,
    Limit {
        #[serde(with = "decimal_text")]
        limit: Decimal,
    },
    Stop {
        #[serde(with = "decimal_text")]
        stop: Decimal,
    },
    StopLimit {
        #[serde(with = "decimal_text")]
        stop: Decimal,
        #[serde(with = "decimal_text")]
        limit: Decimal,
    },
    /// MIT: a market order once the price has come as far as `touch`.
    Touched {
        #[serde(with = "decimal_text")]
        touch: Decimal,
    },
    /// LIT: the same as a limit order.
    TouchedLimit {
        #[serde(with = "decimal_text")]
        touch: Decimal,
        #[serde(with = "decimal_text")]
        limit: Decimal,
    },
    Trail {
        by: TrailBy,
        #[serde(with = "decimal_text")]
        stop: Decimal,
    },
    TrailLimit {
        by: TrailBy,
        #[serde(with = "decimal_text")]
        stop: Decimal,
        /// How far the limit lies behind the stop: below it for a sale, above it for a purchase.
        #[serde(with = "decimal_text")]
        offset: Decimal,
    },
    MarketOnClose,
    LimitOnClose {
        #[serde(with = "decimal_text")]
        limit: Decimal,
    },
}

/// How far a trailing stop stays behind the best price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum TrailBy {
    Amount(#[serde(with = "decimal_text")] Decimal),
    Percent(#[serde(with = "decimal_text")] Decimal),
}

impl TrailBy {
    /// Where the stop belongs when the best price is `best`.
    pub(crate) fn stop(self, side: Side, best: Decimal) -> Decimal {
        let distance = match self {
            Self::Amount(amount) => amount,
            Self::Percent(percent) => best.saturating_mul(percent) / Decimal::ONE_HUNDRED,
        };
        match side {
            Side::Sell => best.saturating_sub(distance),
            Side::Buy => best.saturating_add(distance),
        }
    }
}

impl Pricing {
    /// TWS's word for the order type.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Market => "MKT",
            Self::Limit { .. } => "LMT",
            Self::Stop { .. } => "STP",
            Self::StopLimit { .. } => "STP LMT",
            Self::Touched { .. } => "MIT",
            Self::TouchedLimit { .. } => "LIT",
            Self::Trail { .. } => "TRAIL",
            Self::TrailLimit { .. } => "TRAIL LIMIT",
            Self::MarketOnClose => "MOC",
            Self::LimitOnClose { .. } => "LOC",
        }
    }

    /// The limit at which the order trades once it works; none when it takes any price.
    pub(crate) fn limit(&self, side: Side) -> Option<Decimal> {
        match *self {
            Self::Market | Self::Stop { .. } | Self::Touched { .. } | Self::Trail { .. } => None,
            Self::MarketOnClose => None,
            Self::Limit { limit }
            | Self::StopLimit { limit, .. }
            | Self::TouchedLimit { limit, .. }
            | Self::LimitOnClose { limit } => Some(limit),
            Self::TrailLimit { stop, offset, .. } => Some(match side {
                Side::Sell => stop.saturating_sub(offset),
                Side::Buy => stop.saturating_add(offset),
            }),
        }
    }

    /// The price that an order waits for before it works.
    pub(crate) fn trigger(&self) -> Option<Decimal> {
        match *self {
            Self::Stop { stop }
            | Self::StopLimit { stop, .. }
            | Self::Trail { stop, .. }
            | Self::TrailLimit { stop, .. } => Some(stop),
            Self::Touched { touch } | Self::TouchedLimit { touch, .. } => Some(touch),
            Self::Market | Self::Limit { .. } | Self::MarketOnClose | Self::LimitOnClose { .. } => {
                None
            }
        }
    }

    /// Whether the last price sets the order off.
    pub(crate) fn is_triggered_by(&self, side: Side, last: Decimal) -> bool {
        let touched = matches!(self, Self::Touched { .. } | Self::TouchedLimit { .. });
        // A stop is set off by a price that moves against the order's side, a touch by one that moves its way.
        let upwards = (side == Side::Buy) != touched;
        self.trigger().is_some_and(|trigger| match upwards {
            true => last >= trigger,
            false => last <= trigger,
        })
    }

    /// The same with the stop where it belongs when the last price is `last`; none when it stays where it is.
    pub(crate) fn trailed(
        &self,
        side: Side,
        last: Decimal,
        round: impl Fn(Decimal) -> Decimal,
    ) -> Option<Self> {
        let (by, stop) = match *self {
            Self::Trail { by, stop } | Self::TrailLimit { by, stop, .. } => (by, stop),
            Self::Market
            | Self::Limit { .. }
            | Self::Stop { .. }
            | Self::StopLimit { .. }
            | Self::Touched { .. }
            | Self::TouchedLimit { .. }
            | Self::MarketOnClose
            | Self::LimitOnClose { .. } => return None,
        };
        let wanted = round(by.stop(side, last));
        let follows = match side {
            Side::Sell => wanted > stop,
            Side::Buy => wanted < stop,
        };
        follows.then(|| self.with_stop(wanted))
    }

    fn with_stop(&self, stop: Decimal) -> Self {
        match *self {
            Self::Trail { by, .. } => Self::Trail { by, stop },
            Self::TrailLimit { by, offset, .. } => Self::TrailLimit { by, stop, offset },
            other => other,
        }
    }

    pub(crate) fn is_trailing(&self) -> bool {
        matches!(self, Self::Trail { .. } | Self::TrailLimit { .. })
    }

    pub(crate) fn is_on_close(&self) -> bool {
        matches!(self, Self::MarketOnClose | Self::LimitOnClose { .. })
    }

    /// Whether a plain limit order: the only kind that trades outside the hours when it may.
    pub(crate) fn is_limit(&self) -> bool {
        matches!(self, Self::Limit { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dec(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn a_stop_fires_against_its_side_and_a_touch_with_it() {
        let stop = Pricing::Stop { stop: dec("10") };
        let touch = Pricing::Touched { touch: dec("10") };
        for (pricing, side, fires, waits) in [
            (stop, Side::Sell, "10", "10.01"),
            (stop, Side::Buy, "10", "9.99"),
            (touch, Side::Sell, "10", "9.99"),
            (touch, Side::Buy, "10", "10.01"),
        ] {
            assert!(pricing.is_triggered_by(side, dec(fires)), "{side:?}");
            assert!(!pricing.is_triggered_by(side, dec(waits)), "{side:?}");
        }
    }

    #[test]
    fn a_trailing_stop_follows_the_price_one_way_only() {
        let by = TrailBy::Amount(dec("1"));
        let sell = Pricing::Trail {
            by,
            stop: dec("99"),
        };
        let same = |price| price;
        let moved = sell.trailed(Side::Sell, dec("100.5"), same);
        assert_eq!(
            moved,
            Some(Pricing::Trail {
                by,
                stop: dec("99.5")
            })
        );
        assert_eq!(sell.trailed(Side::Sell, dec("99.9"), same), None);
        let buy = Pricing::TrailLimit {
            by: TrailBy::Percent(dec("2")),
            stop: dec("103"),
            offset: dec("0.05"),
        };
        let moved = buy.trailed(Side::Buy, dec("100"), same).unwrap();
        assert_eq!(moved.trigger(), Some(dec("102")));
        assert_eq!(moved.limit(Side::Buy), Some(dec("102.05")));
        assert_eq!(buy.trailed(Side::Buy, dec("101"), same), None);
    }
}
