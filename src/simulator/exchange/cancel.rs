//! cancelOrder and reqGlobalCancel.

use super::super::clock::Now;
use super::super::order::{Order, OrderKey, PermId, Phase};
use super::Exchange;
use super::place::READ_ONLY;
use super::say::invalid_request;

impl Exchange {
    pub(super) fn cancel(&mut self, client_id: i32, order_id: i32, now: Now) {
        if self.config.read_only {
            self.order_error(client_id, order_id, 321, &invalid_request(READ_ONLY), now);
            return;
        }
        // Another client's order is unknown here: TWS lets only the client that placed an order cancel it.
        let found = self.book.find(OrderKey {
            client_id,
            order_id,
        });
        let Some(order) = found.and_then(|perm_id| self.book.get(perm_id)) else {
            let text = format!("OrderId {order_id} that needs to be cancelled is not found.");
            self.order_error(client_id, order_id, 10147, &text, now);
            return;
        };
        let perm_id = order.perm_id;
        match order.phase {
            Phase::Filled => {
                let text = format!(
                    "OrderId {order_id} that needs to be cancelled cannot be cancelled, state: Filled."
                );
                self.order_error(client_id, order_id, 10148, &text, now);
            }
            Phase::Cancelled | Phase::Inactive | Phase::PendingCancel => {
                self.order_error(client_id, order_id, 161, &not_cancellable(perm_id), now);
            }
            Phase::Discarded => {
                let text = format!("OrderId {order_id} that needs to be cancelled is not found.");
                self.order_error(client_id, order_id, 10147, &text, now);
            }
            Phase::Staged
            | Phase::Queued
            | Phase::Withheld
            | Phase::PreSubmitted
            | Phase::Submitted => {
                self.cancel_open(perm_id, now);
            }
        }
    }

    /// Everything that is open, whoever placed it.
    pub(super) fn global_cancel(&mut self, client_id: i32, now: Now) {
        if self.config.read_only {
            self.order_error(client_id, -1, 321, &invalid_request(READ_ONLY), now);
            return;
        }
        let open: Vec<PermId> = self
            .book
            .open()
            .filter(|o| o.phase != Phase::PendingCancel)
            .map(|o| o.perm_id)
            .collect();
        for perm_id in open {
            self.cancel_open(perm_id, now);
        }
    }

    fn cancel_open(&mut self, perm_id: PermId, now: Now) {
        let Some(Order { key, phase, .. }) = self.book.get(perm_id) else {
            return;
        };
        let (key, phase) = (*key, *phase);
        if phase == Phase::Staged {
            self.end_order(perm_id, Phase::Discarded, "Cancelled by Trader", now);
            self.order_error(key.client_id, key.order_id, 202, "Order was discarded", now);
            self.order_error(
                key.client_id,
                key.order_id,
                161,
                &not_cancellable(perm_id),
                now,
            );
            return;
        }
        if self.conditions.hold_cancels || self.conditions.ib_lost {
            if phase != Phase::Queued {
                self.set_phase(perm_id, Phase::PendingCancel);
                self.report_pair(perm_id);
            }
            self.withheld_cancels.insert(perm_id);
            self.journal_order(perm_id);
            return;
        }
        if self.switches.duplicate_reports {
            self.set_phase(perm_id, Phase::PendingCancel);
            self.report_pair(perm_id);
            self.report_pair(perm_id);
        }
        self.confirm_cancel(perm_id, "Cancelled by Trader", now);
    }

    /// orderStatus Cancelled, then 202. What was unfilled stays as the remaining quantity.
    pub(super) fn confirm_cancel(&mut self, perm_id: PermId, words: &str, now: Now) {
        let Some(key) = self.book.get(perm_id).map(|order| order.key) else {
            return;
        };
        self.end_order(perm_id, Phase::Cancelled, words, now);
        self.report_status(perm_id);
        self.order_error(
            key.client_id,
            key.order_id,
            202,
            "Order Canceled - reason:",
            now,
        );
    }

    /// The cancels that were withheld, in the order of their orders' ages.
    pub(super) fn release_cancels(&mut self, now: Now) {
        for perm_id in std::mem::take(&mut self.withheld_cancels) {
            if self
                .book
                .get(perm_id)
                .is_some_and(|order| !order.phase.is_over())
            {
                self.confirm_cancel(perm_id, "Cancelled by Trader", now);
            }
        }
    }

    pub(super) fn end_order(&mut self, perm_id: PermId, phase: Phase, words: &str, now: Now) {
        let (stamp, day) = (now.stamp(), self.day(now));
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        let symbol = self.market.by_symbol(&order.symbol);
        if let Some(symbol) = symbol {
            self.book.take_off(perm_id, symbol);
        }
        if let Some(order) = self.book.get_mut(perm_id) {
            order.end(phase, stamp, words.to_owned(), day);
        }
        self.book.finish(perm_id, symbol);
        self.journal_order(perm_id);
    }
}

/// Two spaces before "Order", as on the wire.
fn not_cancellable(perm_id: PermId) -> String {
    format!("Cancel attempted when order is not in a cancellable state.  Order permId ={perm_id}")
}
