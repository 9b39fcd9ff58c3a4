//! Rules about an order among the others: how many, how fast, how much in a day, and against whom.

use super::super::Rule;
use super::super::proposal::ProposalKind;
use super::super::quantity::Cents;
use super::super::totals::Taker;
use super::{Check, Place, State};

impl Check<'_> {
    pub(super) fn open_orders(&mut self, place: Place<'_>, max: u32) {
        let rule = Rule::MaxOpenOrders;
        if !self.proposal.counts() || self.before().is_some() {
            return;
        }
        let more = self.proposal.orders.len() as u64;
        let Some(state) = self.state(rule) else {
            return;
        };
        let open = state.view.open_orders(place.scope);
        if !state.reduces && open + more > u64::from(max) {
            self.broken(
                place,
                rule,
                format!("{open} orders are open and {more} more would be above the max_open_orders {max}"),
            );
        }
    }

    pub(super) fn orders_per_minute(&mut self, place: Place<'_>, max: u32) {
        let rule = Rule::MaxOrdersPerMinute;
        let Some(state) = self.state(rule) else {
            return;
        };
        let taken = state.view.instructions(place.scope, state.now.steady) as u64;
        if taken >= u64::from(max) {
            self.broken(
                place,
                rule,
                format!("{taken} orders within the last 60 s are the max_orders_per_minute {max}"),
            );
        }
    }

    pub(super) fn daily_notional(&mut self, place: Place<'_>, max: Cents, trusted: bool) {
        let rule = Rule::MaxDailyNotional;
        if !self.proposal.counts() {
            return;
        }
        let Some(state) = self.state(rule) else {
            return;
        };
        if state.reduces {
            return;
        }
        let currency = self.proposal.instrument.currency();
        let money = state.view.money(place.scope, currency);
        // The children of a bracket are held until it has filled, so only the entry works.
        let Some(order) = self.proposal.orders.first() else {
            return;
        };
        let value = self.values.first().copied().flatten();
        let Some(unit) = self.usable(place, rule, value, trusted) else {
            return;
        };
        let mut more = Cents::value(order.remaining, unit);
        let mut unpriced = money.unpriced;
        if let Some(before) = self.before() {
            match before.unit_value {
                Some(unit) => more -= Cents::value(before.remaining, unit),
                None => unpriced -= 1,
            }
            if more <= Cents::ZERO {
                return;
            }
        }
        if unpriced > 0 {
            self.broken(
                place,
                rule,
                format!("{unpriced} open orders have no known price to count them by in the max_daily_notional {max}"),
            );
        } else if money.executed + money.open + more > max {
            let (executed, open) = (money.executed, money.open);
            self.broken(
                place,
                rule,
                format!(
                    "{executed} {currency} executed today, {open} open and {more} more are above the max_daily_notional {max}"
                ),
            );
        }
    }

    pub(super) fn self_trade(&mut self, place: Place<'_>) {
        let rule = Rule::SelfTrade;
        if !self.proposal.counts() {
            return;
        }
        let Some(State { view, .. }) = self.state(rule) else {
            return;
        };
        let taker = match self.proposal.kind {
            ProposalKind::Replace {
                order_id, family, ..
            } => Taker {
                order_id: Some(order_id),
                family,
            },
            ProposalKind::Place { .. }
            | ProposalKind::PlaceBracket
            | ProposalKind::Transmit { .. } => Taker::default(),
        };
        let instrument = &self.proposal.instrument;
        let found = self.proposal.orders.iter().find_map(|order| {
            view.would_trade_with(place.scope, instrument, order.action, order.working?, taker)
        });
        if let Some(order_id) = found {
            self.broken(
                place,
                rule,
                format!("it could trade with order {order_id} of the same login: self_trade is \"refuse\" in the table"),
            );
        }
    }
}
