//! Rules about an order by itself: its size, its worth, its price, its likeness to another.

use rust_decimal::Decimal;

use super::super::Rule;
use super::super::proposal::ProposalKind;
use super::super::quantity::{Cents, Shares};
use super::super::value::{OrderPrices, UnitValue};
use super::{Check, Place};

impl Check<'_> {
    pub(super) fn order_quantity(&mut self, place: Place<'_>, max: Shares) {
        let before = self
            .before()
            .map_or(Decimal::ZERO, |before| before.quantity);
        let largest = self
            .proposal
            .orders
            .iter()
            .map(|order| order.quantity)
            .max();
        let Some(quantity) = largest else { return };
        if Shares::of(quantity) > max && quantity > before {
            self.broken(
                place,
                Rule::MaxOrderQuantity,
                format!("{quantity} shares are above the max_order_quantity {max}"),
            );
        }
    }

    pub(super) fn order_notional(&mut self, place: Place<'_>, max: Cents, trusted: bool) {
        let rule = Rule::MaxOrderNotional;
        let mut largest: Option<Cents> = None;
        for (order, value) in self.proposal.orders.iter().zip(self.values.clone()) {
            let Some(unit) = self.usable(place, rule, value, trusted) else {
                return;
            };
            largest = largest.max(Some(Cents::value(order.quantity, unit)));
        }
        let before = self
            .before()
            .and_then(|before| Some(Cents::value(before.quantity, before.unit_value?)));
        let Some(value) = largest else { return };
        if value > max && Some(value) > before {
            let currency = self.proposal.instrument.currency();
            self.broken(
                place,
                rule,
                format!("{value} {currency} is above the max_order_notional {max}"),
            );
        }
    }

    /// The price that a rule reckons with. Without one the rule is broken, or named as unchecked where a running gateway may know one.
    pub(super) fn usable(
        &mut self,
        place: Place<'_>,
        rule: Rule,
        value: Option<UnitValue>,
        trusted: bool,
    ) -> Option<Decimal> {
        let wrong = match value {
            Some(UnitValue {
                price,
                reference_only,
            }) if trusted || !reference_only => return Some(price),
            Some(_) => {
                "only reference_price says what a share is worth, and trust_reference_price is not set, for the"
            }
            None => {
                "no price is known: give a limit_price, or a reference_price where it is trusted, for the"
            }
        };
        if self.state(rule).is_some() {
            self.broken(place, rule, format!("{wrong} {rule}"));
        }
        None
    }

    pub(super) fn price_deviation(&mut self, place: Place<'_>, max: Decimal) {
        let rule = Rule::MaxPriceDeviationPercent;
        let before = self
            .before()
            .map(|before| before.prices)
            .unwrap_or_default();
        let mut found = None;
        for order in &self.proposal.orders {
            let OrderPrices {
                limit,
                stop,
                has_limit: _,
                reference,
            } = order.prices;
            let changed = [
                limit.filter(|_| limit != before.limit),
                stop.filter(|_| stop != before.stop),
            ];
            for price in changed.into_iter().flatten() {
                let market = self.market.best().or(reference);
                found = found.max(Some(Deviation::of(price, market)));
            }
        }
        let Some(worst) = found else { return };
        // Without a gateway there is no market's price, which goes before the caller's.
        if self.state(rule).is_none() {
            return;
        }
        let description = match worst {
            Deviation::Unknown => format!(
                "no market price is known to measure against: give a reference_price, for the max_price_deviation_percent {max}"
            ),
            Deviation::Percent { percent, price } => {
                if percent <= max {
                    return;
                }
                let shown = percent.round_dp(2);
                format!(
                    "{price} is {shown} % from the market's price, above the max_price_deviation_percent {max}"
                )
            }
        };
        self.broken(place, rule, description);
    }

    pub(super) fn duplicate(&mut self, place: Place<'_>, seconds: u32) {
        let rule = Rule::DuplicateWindowSeconds;
        match self.proposal.kind {
            ProposalKind::Place { .. } | ProposalKind::PlaceBracket => {}
            ProposalKind::Transmit { .. } | ProposalKind::Replace { .. } => return,
        }
        let Some(fingerprint) = self.proposal.orders.first().map(|order| order.fingerprint) else {
            return;
        };
        let Some(state) = self.state(rule) else {
            return;
        };
        let Some((order_id, at)) = state.view.alike(fingerprint) else {
            return;
        };
        let age = state
            .now
            .wall
            .unix_micros()
            .saturating_sub(at.unix_micros());
        if age <= i64::from(seconds) * 1_000_000 {
            let age = Decimal::new(age.max(0) / 1_000, 3).normalize();
            self.broken(
                place,
                rule,
                format!("order {order_id} is the same and was placed {age} s ago, within the duplicate_window_seconds {seconds}"),
            );
        }
    }
}

/// How far a price is from the market's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Deviation {
    Percent { percent: Decimal, price: Decimal },
    Unknown,
}

impl Deviation {
    fn of(price: Decimal, market: Option<Decimal>) -> Self {
        let percent = market
            .filter(|market| *market > Decimal::ZERO)
            .and_then(|market| {
                (price - market)
                    .abs()
                    .checked_mul(Decimal::ONE_HUNDRED)?
                    .checked_div(market)
            });
        percent.map_or(Self::Unknown, |percent| Self::Percent { percent, price })
    }
}
