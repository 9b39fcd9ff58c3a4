//! cancelOrder and reqGlobalCancel.

use super::super::clock::Now;
use super::super::order::{Order, OrderKey, PermId, Phase};
use super::super::switches::{
    GlobalCancelEnded, InactiveCancel, PendingCancel, StagedCancel, StagedChildCancel,
};
use super::Exchange;
use super::place::READ_ONLY;
use super::reports::invalid_request;

const DISCARDED: &str = "Order was discarded.";

impl Exchange {
    pub(super) fn cancel(&mut self, client_id: i32, order_id: i32, now: Now) {
        if self.config.read_only {
            self.order_error(client_id, order_id, 321, &invalid_request(READ_ONLY), now);
            return;
        }
        let key = OrderKey {
            client_id,
            order_id,
        };
        // Another client's order is unknown here: TWS lets only the client that placed an order cancel it.
        let Some(order) = self
            .book
            .find(key)
            .and_then(|perm_id| self.book.get(perm_id))
        else {
            if !self.cancel_preview(key, now) {
                self.cancel_not_found(key, now);
            }
            return;
        };
        let (perm_id, phase) = (order.perm_id, order.phase);
        let is_child = order.parent.is_some();
        match phase {
            Phase::Inactive if self.switches.inactive_cancel == InactiveCancel::Silent => {}
            Phase::InactiveHeld if self.switches.inactive_cancel == InactiveCancel::Silent => {}
            Phase::Filled | Phase::Cancelled | Phase::Inactive | Phase::PendingCancel => {
                let text = format!(
                    "OrderId {order_id} that needs to be cancelled cannot be cancelled, state: {}.",
                    phase.word()
                );
                self.order_error(client_id, order_id, 10148, &text, now);
            }
            Phase::Discarded => self.cancel_not_found(key, now),
            Phase::Staged
                if is_child && self.switches.staged_child_cancel == StagedChildCancel::Silent =>
            {
                self.end_order(perm_id, Phase::Discarded, "Cancelled by Trader", now);
            }
            Phase::Staged
            | Phase::Queued
            | Phase::Withheld
            | Phase::PreSubmitted
            | Phase::Submitted
            | Phase::InactiveHeld => self.cancel_open(perm_id, now),
        }
    }

    pub(super) fn cancel_not_found(&mut self, key: OrderKey, now: Now) {
        let OrderKey {
            client_id,
            order_id,
        } = key;
        let text = format!("OrderId {order_id} that needs to be cancelled is not found.");
        self.order_error(client_id, order_id, 10147, &text, now);
    }

    pub(super) fn not_cancellable(&mut self, key: OrderKey, perm_id: PermId, now: Now) {
        // Two spaces before "Order", as on the wire.
        let text = format!(
            "Cancel attempted when order is not in a cancellable state.  Order permId ={perm_id}"
        );
        self.order_error(key.client_id, key.order_id, 161, &text, now);
    }

    /// Everything that is open, whoever placed it: what is staged first, then 161 for what had ended, both made by TWS;
    /// then, from IB, the client's orders of this session, its earlier ones, and everybody else's.
    pub(super) fn global_cancel(&mut self, client_id: i32, now: Now) {
        if self.config.read_only {
            self.order_error(client_id, -1, 321, &invalid_request(READ_ONLY), now);
            return;
        }
        let ended = self.named_as_ended(client_id, now);
        let staged: Vec<PermId> = self
            .book
            .open()
            .filter(|order| order.phase == Phase::Staged)
            .map(|order| order.perm_id)
            .collect();
        for perm_id in staged {
            let child = self
                .book
                .get(perm_id)
                .is_some_and(|order| order.parent.is_some());
            match child {
                true => self.end_order(perm_id, Phase::Discarded, "Cancelled by Trader", now),
                false => self.discard(perm_id, now),
            }
        }
        for (key, perm_id) in ended {
            self.not_cancellable(key, perm_id, now);
        }
        let login = self
            .sessions
            .by_client
            .get(&client_id)
            .and_then(|connection| self.sessions.by_connection.get(connection))
            .map_or(0, |session| session.login);
        let mut open: Vec<&Order> = self
            .book
            .open()
            .filter(|o| o.phase != Phase::PendingCancel && o.phase != Phase::Staged)
            .collect();
        open.sort_by_key(|order| {
            let own = order.key.client_id == client_id && !order.manual;
            (!own, !(own && order.login == login), order.perm_id)
        });
        let open: Vec<PermId> = open.iter().map(|order| order.perm_id).collect();
        for perm_id in open {
            // An order that went with its parent is over by now.
            if self
                .book
                .get(perm_id)
                .is_some_and(|order| !order.phase.is_over())
            {
                self.cancel_open(perm_id, now);
            }
        }
    }

    /// The ended orders of today that a global cancel of this client names, oldest first.
    fn named_as_ended(&self, client_id: i32, now: Now) -> Vec<(OrderKey, PermId)> {
        let today = self.day(now);
        let named = |order: &&Order| match self.switches.global_cancel_ended {
            GlobalCancelEnded::Each => true,
            GlobalCancelEnded::Discarded => order.phase == Phase::Discarded,
            GlobalCancelEnded::Silent => false,
        };
        let mut ended: Vec<(OrderKey, PermId)> = self
            .book
            .finished()
            .filter(|o| o.key.client_id == client_id && !o.manual && o.ended_day == today)
            .filter(named)
            .map(|order| (order.key, order.perm_id))
            .collect();
        ended.sort_by_key(|(_, perm_id)| *perm_id);
        ended
    }

    /// A staged order ends: it shows itself for the first time.
    fn discard(&mut self, perm_id: PermId, now: Now) {
        let Some(key) = self.book.get(perm_id).map(|order| order.key) else {
            return;
        };
        self.end_order(perm_id, Phase::Discarded, "Cancelled by Trader", now);
        let text = match self.switches.staged_cancel {
            StagedCancel::WithStatus => {
                self.report_status(perm_id);
                format!("Order Canceled - reason:{DISCARDED}")
            }
            StagedCancel::WithoutStatus => DISCARDED.trim_end_matches('.').to_owned(),
        };
        self.order_error(key.client_id, key.order_id, 202, &text, now);
        self.not_cancellable(key, perm_id, now);
        self.cancel_children(perm_id, now);
    }

    pub(super) fn cancel_open(&mut self, perm_id: PermId, now: Now) {
        let Some(phase) = self.book.get(perm_id).map(|order| order.phase) else {
            return;
        };
        if phase == Phase::Staged {
            self.discard(perm_id, now);
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
        match self.switches.pending_cancel {
            PendingCancel::Pairs => {
                self.set_phase(perm_id, Phase::PendingCancel);
                self.report_repeated(perm_id, 2);
            }
            PendingCancel::Status => {
                self.set_phase(perm_id, Phase::PendingCancel);
                self.report_status(perm_id);
            }
            PendingCancel::Hidden => {}
        }
        self.confirm_cancel(perm_id, "Cancelled by Trader", now);
    }

    /// The order ends, after those that go before it and before those that follow it.
    pub(super) fn confirm_cancel(&mut self, perm_id: PermId, words: &str, now: Now) {
        for peer in self.cancelled_with(perm_id) {
            self.confirm_one(peer, words, "", now);
        }
        self.confirm_one(perm_id, words, "", now);
    }

    /// IB ends an order for a reason of its own.
    pub(super) fn cancel_by_ib(&mut self, perm_id: PermId, reason: &str, now: Now) {
        self.confirm_one(perm_id, "Cancelled by System:", reason, now);
    }

    /// orderStatus Cancelled, then 202. What was unfilled stays as the remaining quantity.
    pub(super) fn confirm_one(&mut self, perm_id: PermId, words: &str, reason: &str, now: Now) {
        let Some(order) = self.book.get(perm_id) else {
            return;
        };
        if order.phase.is_over() {
            return;
        }
        let key = order.key;
        self.withheld_cancels.remove(&perm_id);
        self.end_order(perm_id, Phase::Cancelled, words, now);
        self.report_status(perm_id);
        let text = format!("Order Canceled - reason:{reason}");
        self.order_error(key.client_id, key.order_id, 202, &text, now);
        self.cancel_children(perm_id, now);
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
        self.pending_replacements.remove(&perm_id);
        if let Some(order) = self.book.get_mut(perm_id) {
            order.end(phase, stamp, words.to_owned(), day);
            self.book.finish(perm_id);
            self.journal_order(perm_id);
        }
    }

    /// An order of which everything has filled.
    pub(super) fn end_filled(&mut self, perm_id: PermId, now: Now) {
        let Some(filled) = self.book.get(perm_id).map(|order| order.filled) else {
            return;
        };
        let words = format!("Filled Size: {}", super::super::order::plain(filled));
        self.end_order(perm_id, Phase::Filled, &words, now);
    }
}
