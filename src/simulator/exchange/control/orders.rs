//! What becomes of orders, and what is said about them, because a test wants it.

use rust_decimal::Decimal;

use super::super::super::clock::Now;
use super::super::super::control::ControlError;
use super::super::super::order::{OrderKey, PermId};
use super::super::super::session::ConnectionId;
use super::super::super::switches::SizeReduction;
use super::super::{Exchange, Verdict};

/// What is left of an order that is reduced, when nobody says how much: seven tenths.
const REDUCED: Decimal = Decimal::from_parts(7, 0, 0, false, 1);

impl Exchange {
    /// The exchange ends a working order by itself.
    pub(crate) fn expire(&mut self, key: OrderKey, now: Now) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if !phase.is_live() {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.confirm_cancel(perm_id, "Cancelled by System:", now);
        Ok(())
    }

    /// The exchange refuses a working order late: Inactive, then the error.
    pub(crate) fn reject_order(
        &mut self,
        key: OrderKey,
        code: i32,
        text: &str,
        inactive: bool,
        now: Now,
    ) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if phase.is_over() {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.reject(perm_id, code, text, inactive, now);
        Ok(())
    }

    pub(crate) fn decide_next(&mut self, verdict: Verdict) {
        self.verdicts.push_back(verdict);
    }

    /// An error or notice about an order that changes nothing of it.
    pub(crate) fn send_order_error(&mut self, key: OrderKey, code: i32, text: &str, now: Now) {
        self.order_error(key.client_id, key.order_id, code, text, now);
    }

    /// A notice with id -1 to everyone.
    pub(crate) fn send_notice(&mut self, code: i32, text: &str, now: Now) {
        self.notice_to_all(code, text, now);
    }

    /// The pair of an order once more.
    pub(crate) fn repeat_reports(&mut self, key: OrderKey) -> Result<(), ControlError> {
        let (perm_id, _) = self.locate(key)?;
        self.report_pair(perm_id);
        Ok(())
    }

    /// Bytes to everyone who is connected.
    pub(crate) fn inject(&mut self, bytes: &[u8]) {
        let connections: Vec<ConnectionId> = self.sessions.by_connection.keys().copied().collect();
        for connection in connections {
            self.sessions.raw(connection, bytes);
        }
    }

    /// 481: the order is made smaller, to a total or to seven tenths of what it was, and never below what has filled.
    pub(crate) fn reduce_size(
        &mut self,
        key: OrderKey,
        total: Decimal,
        now: Now,
    ) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        if !phase.is_live() {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.reduce(perm_id, Some(total), now);
        Ok(())
    }

    pub(in super::super) fn reduce(&mut self, perm_id: PermId, total: Option<Decimal>, now: Now) {
        let Some(order) = self.book.get_mut(perm_id) else {
            return;
        };
        if order.phase.is_over() {
            return;
        }
        let wanted = total.unwrap_or_else(|| (order.quantity * REDUCED).floor());
        let total = wanted
            .min(order.quantity)
            .max(order.filled)
            .max(Decimal::ONE);
        let key = order.key;
        match self.switches.size_reduction {
            SizeReduction::Shown => order.resize(total),
            SizeReduction::Hidden => order.quantity = total,
        }
        let text = "Order size reduced.";
        self.order_error(key.client_id, key.order_id, 481, text, now);
        let done = self
            .book
            .get(perm_id)
            .is_some_and(|order| order.filled >= order.quantity);
        if done {
            self.end_filled(perm_id, now);
        }
        if self.switches.size_reduction == SizeReduction::Shown || done {
            self.report_pair(perm_id);
        }
        self.journal_order(perm_id);
    }

    /// A stop goes off, whatever the price.
    pub(crate) fn trigger_order(&mut self, key: OrderKey, now: Now) -> Result<(), ControlError> {
        let (perm_id, phase) = self.locate(key)?;
        let waits = self
            .book
            .get(perm_id)
            .is_some_and(|order| order.waits_for_trigger() && !order.awaits_parent);
        if !waits || !phase.is_shown_open() {
            return Err(ControlError::NotWorking {
                key,
                status: phase.word(),
            });
        }
        self.trigger(perm_id, now);
        Ok(())
    }
}
