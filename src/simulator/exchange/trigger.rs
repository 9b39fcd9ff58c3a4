//! Stops: they wait, trail the price, and go off.

use super::super::clock::Now;
use super::super::config::Hours;
use super::super::market::SymbolIndex;
use super::super::message::ServerMessage;
use super::super::order::{PermId, Phase};
use super::super::switches::StopFill;
use super::Exchange;

impl Exchange {
    /// An order that is held: for its parent it does nothing, for its trigger it is where a price can find it.
    pub(super) fn wait(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if order.awaits_parent || order.held_for_locate {
            return;
        }
        if !order.waits_for_trigger() {
            self.work(perm_id, now);
            return;
        }
        self.rest_in_book(perm_id);
        if self.is_automatic() {
            self.trigger_if_due(perm_id, now);
        }
    }

    /// After a price moved: trailing stops follow it, and stops that it reaches go off.
    pub(super) fn move_stops(&mut self, symbol: SymbolIndex, now: Now) {
        for perm_id in self.book.waiting(symbol) {
            self.trail(perm_id);
            self.trigger_if_due(perm_id, now);
        }
    }

    /// TWS shows a stop that moved by an openOrder alone.
    fn trail(&mut self, perm_id: PermId) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let symbol = self.market.by_symbol(&order.symbol);
        let Some((symbol, instrument)) =
            symbol.and_then(|symbol| Some((symbol, self.market.get(symbol)?)))
        else {
            return;
        };
        if !self.may_trigger(perm_id) {
            return;
        }
        let moved = order
            .pricing
            .trailed(order.side, instrument.last(), |price| {
                self.computed_price(symbol, price)
            });
        let Some(moved) = moved else {
            return;
        };
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        order.reprice(moved);
        if !order.manual {
            let client_id = order.key.client_id;
            self.sessions
                .report(client_id, ServerMessage::OpenOrder(&order.echo));
        }
        self.journal_order(perm_id);
    }

    fn trigger_if_due(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let last = self
            .market
            .by_symbol(&order.symbol)
            .and_then(|symbol| self.market.get(symbol))
            .map(|instrument| instrument.last());
        let due = last.is_some_and(|last| order.pricing.is_triggered_by(order.side, last));
        if due && order.waits_for_trigger() && self.may_trigger(perm_id) {
            self.trigger(perm_id, now);
        }
    }

    /// Stops of stocks go off in regular hours only, unless they say otherwise.
    fn may_trigger(&self, perm_id: PermId) -> bool {
        self.book.get(perm_id).is_some_and(|order| {
            order.phase.is_shown_open()
                && order.phase != Phase::PendingCancel
                && (self.conditions.hours == Hours::Open || order.outside_rth)
        })
    }

    /// The order is no longer held, and works.
    pub(super) fn trigger(&mut self, perm_id: PermId, now: Now) {
        self.book.take_off(perm_id);
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let held = self.switches.stop_fill == StopFill::Held && order.limit().is_none();
        if held && self.is_automatic() {
            // What fills now is reported while the order is still shown as held.
            self.match_order(perm_id, now);
        }
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        if order.phase.is_over() {
            return;
        }
        order.triggered = true;
        self.set_phase(perm_id, Phase::Submitted);
        self.report_pair(perm_id);
        self.work_when_triggered(perm_id, now);
        self.journal_order(perm_id);
    }

    /// A price that a test moved fills what it reaches in explicit mode too.
    fn work_when_triggered(&mut self, perm_id: PermId, now: Now) {
        if self.is_automatic() {
            self.work(perm_id, now);
            return;
        }
        let filled = self
            .book
            .get(perm_id)
            .is_some_and(|order| self.fills_at_once(order));
        match filled {
            true => self.match_order(perm_id, now),
            false => self.rest_in_book(perm_id),
        }
    }
}
