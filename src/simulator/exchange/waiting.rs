//! What is said first about orders that wait: for their trigger, their parent, the opening.

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::order::{PermId, Pricing, double, plain};
use super::super::switches::{ClosedWarning, StopEcho};
use super::Exchange;

impl Exchange {
    /// The first pairs of an order that waits for its trigger or its parent.
    pub(super) fn report_held(&mut self, perm_id: PermId) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let stop = order.pricing.trigger().filter(|_| order.limit().is_none());
        // As captured in hours: a family with one pair of each leg, a stop with two, those that trail with three and four.
        let captured = match (order.parent, order.pricing) {
            (Some(_), _) => 1,
            (None, Pricing::Trail { .. }) => 3,
            (None, Pricing::TrailLimit { .. }) => 4,
            (
                None,
                Pricing::Market
                | Pricing::Limit { .. }
                | Pricing::Stop { .. }
                | Pricing::StopLimit { .. }
                | Pricing::Touched { .. }
                | Pricing::TouchedLimit { .. }
                | Pricing::MarketOnClose
                | Pricing::LimitOnClose { .. },
            ) => 2,
        };
        let repeats = self.repeats(captured);
        match (self.switches.stop_echo, stop) {
            (StopEcho::ThreeTicks, Some(stop)) => {
                self.report_with_odd_limit(perm_id, stop);
                self.report_repeated(perm_id, repeats.saturating_sub(1).max(1));
            }
            (StopEcho::Zero, _) | (StopEcho::ThreeTicks, None) => {
                self.report_repeated(perm_id, repeats);
            }
        }
    }

    fn report_with_odd_limit(&mut self, perm_id: PermId, stop: Decimal) {
        let Some(mut odd) = self.book.get(perm_id).cloned() else {
            return;
        };
        let tick = self
            .market
            .by_symbol(&odd.symbol)
            .and_then(|symbol| self.market.get(symbol))
            .map(|instrument| instrument.tick)
            .unwrap_or_default();
        if let Some(echo) = &mut odd.echo.order {
            let limit = stop.saturating_add(tick * Decimal::from(3));
            echo.lmt_price = Some(double(limit));
        }
        self.report_as(&odd);
    }

    /// Orders that wait for the opening: pairs with the warning 399 between them. Those of a family come mixed, the last leg
    /// with its warning first, as captured.
    pub(super) fn report_closed(&mut self, perm_ids: &[PermId], now: Now) {
        let before = self.switches.closed_warning == ClosedWarning::BeforePair;
        let (parent, between, last) = match perm_ids {
            [] => return,
            [only] => {
                self.report_with_warning(*only, before, now);
                // Three pairs in all after a warning before them, four when it comes after the first.
                let captured = if before { 3 } else { 4 };
                self.report_repeated(*only, self.repeats(captured) - 1);
                return;
            }
            [parent, between @ .., last] => (*parent, between, *last),
        };
        let rounds = self.repeats(2) - 1;
        let again = u32::from(rounds > 0);
        self.report_with_warning(parent, before, now);
        self.report_repeated(parent, if before { 0 } else { again });
        for leg in between {
            self.report_with_warning(*leg, false, now);
            self.report_repeated(*leg, again);
        }
        self.report_with_warning(last, true, now);
        for _ in 0..rounds {
            for leg in between.iter().chain([&last]) {
                self.report_pair(*leg);
            }
            self.report_repeated(parent, if before { 1 } else { 2 });
            for leg in between.iter().chain([&last]) {
                self.report_pair(*leg);
            }
        }
    }

    /// The first pair of an order that waits for the opening, and its warning.
    fn report_with_warning(&mut self, perm_id: PermId, warning_first: bool, now: Now) {
        if warning_first {
            self.warn_closed(perm_id, now);
        }
        self.report_pair(perm_id);
        if !warning_first {
            self.warn_closed(perm_id, now);
        }
    }

    fn warn_closed(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let class = order
            .echo
            .contract
            .as_ref()
            .and_then(|contract| contract.trading_class.clone());
        let text = format!(
            "Order Message:\n{} {} {} NASDAQ.{}\nWarning: Your order will not be placed at the exchange until {}.",
            order.side.word(),
            plain(order.quantity),
            order.symbol,
            class.unwrap_or_default(),
            now.next_open()
        );
        let key = order.key;
        self.order_error(key.client_id, key.order_id, 399, &text, now);
    }
}
