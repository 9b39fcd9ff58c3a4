//! What an order is worth as limits count it, and what the market's price is taken to be.

use std::time::Duration;

use rust_decimal::Decimal;

use super::super::Timestamp;
use super::exposure::Instrument;
use super::positions::Positions;
use super::totals::View;

/// How long our last execution counts as the market's price.
const EXECUTION_PRICE_FOR: Duration = Duration::from_secs(15 * 60);
/// What an order that names no worst price may cost more than the price it is reckoned at.
const WITHOUT_A_LIMIT: Decimal = Decimal::from_parts(105, 0, 0, false, 2);

/// The prices of an order that limits look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OrderPrices {
    /// `limit_price`.
    pub limit: Option<Decimal>,
    /// `stop_price`: the stop, or a trailing order's first stop.
    pub stop: Option<Decimal>,
    /// The order's fill is bounded by a limit: LMT, STP_LMT, LOC and TRAIL_LIMIT.
    pub has_limit: bool,
    /// `reference_price`: what the caller thinks the instrument trades at.
    pub reference: Option<Decimal>,
}

/// The market's price of an instrument as far as the gateway knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MarketPrice {
    /// TWS's price of a position in it.
    pub position: Option<Decimal>,
    /// Our last execution in it, where it is recent.
    pub execution: Option<Decimal>,
}

impl MarketPrice {
    /// What is known of an instrument now.
    pub fn of(
        instrument: &Instrument,
        view: View<'_>,
        positions: &Positions,
        now: Timestamp,
    ) -> Self {
        Self {
            position: positions.price(instrument),
            execution: view
                .last_execution(instrument)
                .filter(|(_, at)| is_recent(*at, now))
                .map(|(price, _)| price),
        }
    }

    /// The price that deviation is measured against: TWS's, else that of our last execution.
    pub fn best(self) -> Option<Decimal> {
        self.position.or(self.execution)
    }
}

/// Whether an execution is young enough for its price to count.
pub(super) fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    let age = now.unix_micros().saturating_sub(at.unix_micros());
    u64::try_from(age).is_ok_and(|age| Duration::from_micros(age) <= EXECUTION_PRICE_FOR) || age < 0
}

/// What one share of an order is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitValue {
    /// The highest price known, with 5 % on top for an order without a limit.
    pub price: Decimal,
    /// Nothing but the caller's own `reference_price` says so.
    pub reference_only: bool,
}

/// The value of one share: the highest of limit, stop, the market's price and the caller's reference; `None` when there is none of them.
pub fn unit_value(order: &OrderPrices, market: MarketPrice) -> Option<UnitValue> {
    let OrderPrices {
        limit,
        stop,
        has_limit,
        reference,
    } = *order;
    let firm = [limit, stop, market.position, market.execution]
        .into_iter()
        .flatten()
        .max();
    let highest = firm.max(reference)?;
    let price = if has_limit {
        highest
    } else {
        highest.checked_mul(WITHOUT_A_LIMIT).unwrap_or(Decimal::MAX)
    };
    Some(UnitValue {
        price,
        reference_only: firm.is_none(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn prices(limit: Option<Decimal>, stop: Option<Decimal>, has_limit: bool) -> OrderPrices {
        OrderPrices {
            limit,
            stop,
            has_limit,
            reference: None,
        }
    }

    fn market(position: Option<Decimal>, execution: Option<Decimal>) -> MarketPrice {
        MarketPrice {
            position,
            execution,
        }
    }

    #[test]
    fn a_share_is_worth_the_highest_price_that_is_known_of_it() {
        let at = |order, market| unit_value(&order, market).map(|value| value.price);
        let limit = prices(Some(d("10")), None, true);
        assert_eq!(at(limit, market(None, None)), Some(d("10")));
        assert_eq!(at(limit, market(Some(d("11")), None)), Some(d("11")));
        assert_eq!(
            at(limit, market(Some(d("11")), Some(d("12")))),
            Some(d("12"))
        );
        let stop_limit = prices(Some(d("10")), Some(d("13")), true);
        assert_eq!(at(stop_limit, market(None, None)), Some(d("13")));
        let with_reference = OrderPrices {
            reference: Some(d("20")),
            ..limit
        };
        assert_eq!(at(with_reference, market(None, None)), Some(d("20")));
    }

    #[test]
    fn five_percent_are_added_where_no_limit_bounds_the_fill() {
        let market_order = prices(None, None, false);
        let value = unit_value(&market_order, market(Some(d("100")), None)).unwrap();
        assert_eq!((value.price, value.reference_only), (d("105.00"), false));
        let stop = prices(None, Some(d("90")), false);
        assert_eq!(
            unit_value(&stop, market(None, None)).map(|value| value.price),
            Some(d("94.50"))
        );
        assert_eq!(unit_value(&market_order, market(None, None)), None);
    }

    #[test]
    fn a_value_that_rests_on_the_callers_word_alone_says_so() {
        let order = OrderPrices {
            reference: Some(d("10")),
            ..OrderPrices::default()
        };
        assert!(
            unit_value(&order, market(None, None))
                .unwrap()
                .reference_only
        );
        assert!(
            !unit_value(&order, market(None, Some(d("1"))))
                .unwrap()
                .reference_only
        );
    }

    #[test]
    fn our_last_execution_counts_for_fifteen_minutes() {
        let at = Timestamp::from_unix_micros(1_000_000_000_000);
        let after = |micros: i64| Timestamp::from_unix_micros(at.unix_micros() + micros);
        assert!(is_recent(at, after(15 * 60 * 1_000_000)));
        assert!(!is_recent(at, after(15 * 60 * 1_000_000 + 1)));
        assert!(is_recent(at, after(-1)));
    }
}
