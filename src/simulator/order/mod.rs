//! One order as the exchange holds it.

pub(crate) mod decimal_text;
mod echo;
mod key;
mod phase;
mod pricing;
mod terms;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Serialize};

use super::switches::{ChildStopHold, Switches};
use super::wire;

pub(crate) use echo::echo_prices;
pub use key::OrderKey;
pub(crate) use key::PermId;
pub(crate) use phase::Phase;
pub(crate) use pricing::{Pricing, TrailBy};
pub(crate) use terms::{OcaGroup, OcaType, Side, Tif};

/// An order with everything that its echoes need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) key: OrderKey,
    pub(crate) perm_id: PermId,
    /// The openOrder message as it is sent now; whatever of the order changes is kept current in it.
    pub(crate) echo: wire::OpenOrder,
    pub(crate) symbol: String,
    pub(crate) side: Side,
    pub(crate) pricing: Pricing,
    /// Whether the price that it waited for has come.
    pub(crate) triggered: bool,
    #[serde(with = "decimal_text")]
    pub(crate) quantity: Decimal,
    /// The quantity that the client asked for last.
    #[serde(with = "decimal_text")]
    pub(crate) asked_quantity: Decimal,
    /// The quantity that is shown; not the true one after a reduction (481) that TWS keeps to itself.
    #[serde(with = "decimal_text")]
    pub(crate) shown_quantity: Decimal,
    #[serde(with = "decimal_text")]
    pub(crate) filled: Decimal,
    /// Sum of price times quantity of the fills.
    #[serde(with = "decimal_text")]
    pub(crate) value: Decimal,
    #[serde(with = "decimal_text")]
    pub(crate) last_price: Decimal,
    #[serde(with = "decimal_text")]
    pub(crate) commission: Decimal,
    pub(crate) tif: Tif,
    pub(crate) outside_rth: bool,
    pub(crate) phase: Phase,
    /// Kept back until a share to borrow is found.
    pub(crate) held_for_locate: bool,
    /// The order that has to fill first.
    pub(crate) parent: Option<PermId>,
    /// Whether nothing of the parent has filled yet.
    pub(crate) awaits_parent: bool,
    pub(crate) oca: Option<(OcaGroup, OcaType)>,
    /// Number of the login in which it was placed; 0 for orders of an earlier run.
    #[serde(skip)]
    pub(crate) login: u64,
    /// When it was placed, in microseconds since 1970.
    pub(crate) placed_at: i64,
    /// Trading day on which it ended.
    pub(crate) ended_day: i32,
    /// Placed by hand in TWS, not through the API.
    pub(crate) manual: bool,
}

impl Order {
    /// An order of which nothing is said or done yet.
    pub(crate) fn new(
        key: OrderKey,
        perm_id: PermId,
        side: Side,
        pricing: Pricing,
        quantity: Decimal,
    ) -> Self {
        Self {
            key,
            perm_id,
            echo: wire::OpenOrder::default(),
            symbol: String::new(),
            side,
            pricing,
            triggered: false,
            quantity,
            asked_quantity: quantity,
            shown_quantity: quantity,
            filled: Decimal::ZERO,
            value: Decimal::ZERO,
            last_price: Decimal::ZERO,
            commission: Decimal::ZERO,
            tif: Tif::Day,
            outside_rth: false,
            phase: Phase::Staged,
            held_for_locate: false,
            parent: None,
            awaits_parent: false,
            oca: None,
            login: 0,
            placed_at: 0,
            ended_day: 0,
            manual: false,
        }
    }

    pub(crate) fn remaining(&self) -> Decimal {
        self.quantity - self.filled
    }

    pub(crate) fn average_price(&self) -> Decimal {
        self.value.checked_div(self.filled).unwrap_or_default()
    }

    /// The limit at which it trades; none when it takes any price.
    pub(crate) fn limit(&self) -> Option<Decimal> {
        self.pricing.limit(self.side)
    }

    /// Whether it waits for a price.
    pub(crate) fn waits_for_trigger(&self) -> bool {
        !self.triggered && self.pricing.trigger().is_some()
    }

    /// Whether it is kept from the exchange for a reason that TWS names.
    pub(crate) fn is_held(&self) -> bool {
        self.held_for_locate || self.awaits_parent || self.waits_for_trigger()
    }

    /// Moves the order and its echo to another phase.
    pub(crate) fn set_phase(&mut self, phase: Phase) {
        self.phase = phase;
        if let Some(state) = &mut self.echo.order_state {
            state.status = Some(phase.word().to_owned());
        }
    }

    /// Ends the order, with the time and words that a completed order carries.
    pub(crate) fn end(&mut self, phase: Phase, stamp: String, words: String, day: i32) {
        self.set_phase(phase);
        self.ended_day = day;
        if let Some(state) = &mut self.echo.order_state {
            state.completed_time = Some(stamp);
            state.completed_status = Some(words);
        }
    }

    /// Gives the order another size, and shows it.
    pub(crate) fn resize(&mut self, quantity: Decimal) {
        self.quantity = quantity;
        self.shown_quantity = quantity;
        if let Some(echo) = &mut self.echo.order {
            echo.total_quantity = Some(plain(quantity));
        }
    }

    /// Gives the order other prices, and shows them.
    pub(crate) fn reprice(&mut self, pricing: Pricing) {
        self.pricing = pricing;
        let side = self.side;
        if let Some(echo) = &mut self.echo.order {
            echo_prices(echo, &pricing, side);
        }
    }

    /// Why the order is held, as orderStatus says it: words with a comma between them, or nothing.
    pub(crate) fn why_held(&self, switches: &Switches) -> Option<String> {
        if self.phase.is_over() {
            return None;
        }
        let trigger = self.waits_for_trigger();
        let child =
            self.awaits_parent && !(trigger && switches.child_stop_hold == ChildStopHold::Trigger);
        let reasons = [
            ("locate", self.held_for_locate),
            ("child", child),
            ("trigger", trigger),
        ];
        let reasons: Vec<&str> = reasons
            .iter()
            .filter(|(_, holds)| *holds)
            .map(|(word, _)| *word)
            .collect();
        (!reasons.is_empty()).then(|| reasons.join(","))
    }

    /// The orderStatus message. `filled`, `remaining` and the zeros are always there.
    pub(crate) fn status(&self, switches: &Switches) -> wire::OrderStatus {
        wire::OrderStatus {
            order_id: Some(self.key.order_id),
            status: Some(self.phase.word().to_owned()),
            filled: Some(plain(self.filled)),
            remaining: Some(plain(self.shown_quantity - self.filled)),
            avg_fill_price: Some(double(self.average_price())),
            perm_id: Some(self.perm_id),
            parent_id: Some(self.parent_order_id()),
            last_fill_price: Some(double(self.last_price)),
            client_id: Some(self.key.client_id),
            why_held: self.why_held(switches),
            mkt_cap_price: Some(0.0),
        }
    }

    pub(crate) fn parent_order_id(&self) -> i32 {
        let echo = self.echo.order.as_ref();
        echo.and_then(|order| order.parent_id).unwrap_or(0)
    }

    pub(crate) fn order_ref(&self) -> &str {
        self.echo
            .order
            .as_ref()
            .and_then(|order| order.order_ref.as_deref())
            .unwrap_or_default()
    }

    pub(crate) fn account(&self) -> &str {
        self.echo
            .order
            .as_ref()
            .and_then(|order| order.account.as_deref())
            .unwrap_or_default()
    }

    pub(crate) fn transmit(&self) -> bool {
        self.phase != Phase::Staged && self.phase != Phase::Discarded
    }
}

/// Digits and at most one point, no zeros at the end.
pub(crate) fn plain(number: Decimal) -> String {
    number.normalize().to_string()
}

pub(crate) fn double(number: Decimal) -> f64 {
    number.to_f64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_written_without_trailing_zeros() {
        assert_eq!(plain(Decimal::new(10_000, 2)), "100");
        assert_eq!(plain(Decimal::new(50, 2)), "0.5");
        assert_eq!(plain(Decimal::ZERO), "0");
    }
}
