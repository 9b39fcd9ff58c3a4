//! What becomes of an order that was transmitted: refused for its value, held, or sent to the exchange.

use super::super::clock::Now;
use super::super::config::Hours;
use super::super::market::SymbolIndex;
use super::super::order::{Order, PermId, Phase, Tif};
use super::super::switches::{Acknowledgement, LocateStatus, OnCloseAcknowledgement};
use super::{Exchange, Verdict};

/// What an order needs before it works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waits {
    No,
    ForOpening,
    /// For its trigger, or its parent.
    Held,
    ForClose,
}

impl Exchange {
    /// Sends orders to the exchange, or as far as they get: all are acknowledged before the first of them trades.
    pub(super) fn submit(&mut self, perm_ids: &[PermId], now: Now) {
        let sent: Vec<PermId> = perm_ids
            .iter()
            .copied()
            .filter(|perm_id| self.passes(*perm_id, now))
            .collect();
        self.acknowledge(&sent, now);
        for perm_id in perm_ids {
            self.journal_order(*perm_id);
        }
    }

    /// Whether an order may go on to the exchange now; what keeps it from that is said.
    fn passes(&mut self, perm_id: PermId, now: Now) -> bool {
        // A member of a family that is cancelled with its parent is over before its turn comes.
        if self
            .book
            .get(perm_id)
            .is_none_or(|order| order.phase.is_over())
        {
            return false;
        }
        if let Some(verdict) = self.verdicts.pop_front() {
            self.apply_verdict(perm_id, verdict, now);
            return false;
        }
        if self.conditions.ib_lost {
            self.set_phase(perm_id, Phase::Queued);
            return false;
        }
        if let Some(text) = self.beyond_buying_power(perm_id) {
            self.reject(perm_id, 201, &text, true, now);
            return false;
        }
        if self.conditions.hold_acknowledgements {
            self.set_phase(perm_id, Phase::Withheld);
            self.rest_in_book(perm_id);
            return false;
        }
        true
    }

    /// The exchange has them: reports, then trade.
    pub(super) fn acknowledge(&mut self, perm_ids: &[PermId], now: Now) {
        let mut symbols: Vec<SymbolIndex> = Vec::new();
        let mut started: Vec<PermId> = Vec::new();
        let mut held: Vec<PermId> = Vec::new();
        let mut closed: Vec<PermId> = Vec::new();
        for &perm_id in perm_ids {
            self.log.accepted_total += 1;
            let Some(order) = self.book.get(perm_id) else {
                continue;
            };
            let symbol = self.market.by_symbol(&order.symbol);
            symbols.extend(symbol.filter(|symbol| !symbols.contains(symbol)));
            let waits = self.waits(order);
            let band =
                symbol.and_then(|symbol| self.beyond_band(symbol, order.side, &order.pricing));
            if waits == Waits::No
                && self.is_automatic()
                && order.tif == Tif::Fok
                && !self.fills_at_once(order)
            {
                let text = "Order rejected - reason:The order cannot be filled in full at once.";
                self.reject(perm_id, 201, text, true, now);
                self.report_pair(perm_id);
                continue;
            }
            self.set_phase(perm_id, Phase::PreSubmitted);
            match (waits, band) {
                (Waits::No, Some(text)) => {
                    self.report_pair(perm_id);
                    self.set_phase(perm_id, Phase::PendingCancel);
                    self.report_pair(perm_id);
                    self.cancel_by_ib(perm_id, &text, now);
                }
                (Waits::No, None) => {
                    if self.switches.acknowledgement != Acknowledgement::Submitted {
                        self.report_pair(perm_id);
                    }
                    started.push(perm_id);
                }
                (Waits::ForOpening, _) => closed.push(perm_id),
                (Waits::Held, _) => {
                    self.report_held(perm_id);
                    held.push(perm_id);
                }
                (Waits::ForClose, _) => {
                    if self.switches.on_close_acknowledgement == OnCloseAcknowledgement::Reported {
                        self.report_pair(perm_id);
                    }
                }
            }
        }
        self.report_closed(&closed, now);
        for perm_id in started {
            self.go_live(perm_id, now);
        }
        // A child that its parent has set free by now was dealt with then.
        for perm_id in held {
            if self.book.get(perm_id).is_some_and(Order::is_held) {
                self.wait(perm_id, now);
            }
        }
        for symbol in symbols {
            self.settle_market(symbol, now);
        }
    }

    /// After its acknowledgement: an order works, or waits for what it waits for.
    pub(super) fn begin(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if order.phase.is_over() {
            return;
        }
        match self.waits(order) {
            Waits::No => self.go_live(perm_id, now),
            Waits::Held => self.wait(perm_id, now),
            Waits::ForOpening | Waits::ForClose => {}
        }
    }

    /// After its prices changed: an order is where its new ones put it, and trades if they reach the market.
    pub(super) fn resume(&mut self, perm_id: PermId, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        match order.phase {
            Phase::Withheld => self.rest_in_book(perm_id),
            Phase::PreSubmitted | Phase::Submitted => match self.waits(order) {
                Waits::No => self.work(perm_id, now),
                Waits::Held => self.wait(perm_id, now),
                Waits::ForOpening | Waits::ForClose => {}
            },
            Phase::Staged
            | Phase::Queued
            | Phase::PendingCancel
            | Phase::InactiveHeld
            | Phase::Filled
            | Phase::Cancelled
            | Phase::Inactive
            | Phase::Discarded => {}
        }
    }

    /// The order works: it is Submitted, it can fill, and if it may not wait it ends.
    pub(super) fn go_live(&mut self, perm_id: PermId, now: Now) {
        let fills = self.is_automatic()
            && self
                .book
                .get(perm_id)
                .is_some_and(|order| self.fills_at_once(order));
        if !(fills && self.switches.acknowledgement == Acknowledgement::PreSubmitted) {
            self.set_phase(perm_id, Phase::Submitted);
            self.report_pair_again(perm_id);
        }
        self.work(perm_id, now);
    }

    /// Trades what the market gives now; the rest waits in the book, or ends.
    pub(super) fn work(&mut self, perm_id: PermId, now: Now) {
        if !self.is_automatic() {
            self.rest_in_book(perm_id);
            return;
        }
        self.match_order(perm_id, now);
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if order.phase.is_over() {
            return;
        }
        match order.tif {
            Tif::Ioc | Tif::Fok => {
                self.set_phase(perm_id, Phase::PendingCancel);
                self.report_pair(perm_id);
                self.confirm_cancel(perm_id, "Cancelled by System:", now);
            }
            Tif::Day | Tif::Gtc | Tif::Opg | Tif::Gtd(_) => self.rest_in_book(perm_id),
        }
    }

    pub(super) fn rest_in_book(&mut self, perm_id: PermId) {
        let symbol = self
            .book
            .get(perm_id)
            .and_then(|order| self.market.by_symbol(&order.symbol));
        if let Some(symbol) = symbol {
            self.book.rest(perm_id, symbol);
        }
    }

    pub(super) fn set_phase(&mut self, perm_id: PermId, phase: Phase) {
        if let Some(order) = self.book.get_mut(perm_id) {
            order.set_phase(phase);
        }
    }

    fn waits(&self, order: &Order) -> Waits {
        if order.pricing.is_on_close() {
            Waits::ForClose
        } else if self.waits_for_open(order) {
            Waits::ForOpening
        } else if order.is_held() {
            Waits::Held
        } else {
            Waits::No
        }
    }

    /// Outside the hours, and an order for the next opening always. A limit order may trade then when it says so, and a
    /// stop may trigger.
    pub(super) fn waits_for_open(&self, order: &Order) -> bool {
        let extended =
            order.outside_rth && (order.pricing.is_limit() || order.pricing.trigger().is_some());
        order.tif == Tif::Opg || (self.conditions.hours == Hours::Closed && !extended)
    }

    /// An error that ends an order; with `inactive` its status comes first.
    pub(super) fn reject(
        &mut self,
        perm_id: PermId,
        code: i32,
        text: &str,
        inactive: bool,
        now: Now,
    ) {
        let Some(key) = self.book.get(perm_id).map(|order| order.key) else {
            return;
        };
        let words = text.trim_start_matches("Order rejected - reason:");
        self.end_order(perm_id, Phase::Inactive, words, now);
        if inactive {
            self.report_pair(perm_id);
        }
        self.order_error(key.client_id, key.order_id, code, text, now);
        self.cancel_children(perm_id, now);
    }

    fn apply_verdict(&mut self, perm_id: PermId, verdict: Verdict, now: Now) {
        match verdict {
            Verdict::Reject {
                code,
                text,
                inactive,
            } => self.reject(perm_id, code, &text, inactive, now),
            Verdict::Locate => {
                self.set_phase(
                    perm_id,
                    match self.switches.locate_status {
                        LocateStatus::PreSubmitted => Phase::PreSubmitted,
                        LocateStatus::Inactive => Phase::InactiveHeld,
                    },
                );
                if let Some(order) = self.book.get_mut(perm_id) {
                    order.held_for_locate = true;
                }
                self.report_pair(perm_id);
                if let Some(key) = self.book.get(perm_id).map(|order| order.key) {
                    let text = "Order held while securities are located.";
                    self.order_error(key.client_id, key.order_id, 404, text, now);
                }
            }
            Verdict::Reduce => {
                self.acknowledge(&[perm_id], now);
                self.reduce(perm_id, None, now);
            }
        }
    }
}
