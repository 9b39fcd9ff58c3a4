//! Groups of which one order ends or shrinks the others.

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::order::{OcaType, PermId, Phase};
use super::super::switches::{OcaCancel, OcaEnd, SiblingCancel};
use super::Exchange;

impl Exchange {
    /// The other members of an order's group that still work, oldest first.
    fn peers(&self, perm_id: PermId) -> Vec<PermId> {
        let Some((group, _)) = self.book.get(perm_id).and_then(|order| order.oca.as_ref()) else {
            return Vec::new();
        };
        self.members(group)
            .filter(|order| order.perm_id != perm_id && order.phase.is_live())
            .map(|order| order.perm_id)
            .collect()
    }

    /// `quantity` of an order has filled, of `before` that were left.
    pub(super) fn shrink_peers(
        &mut self,
        perm_id: PermId,
        quantity: Decimal,
        before: Decimal,
        now: Now,
    ) {
        let Some((_, kind)) = self.book.get(perm_id).and_then(|order| order.oca.clone()) else {
            return;
        };
        let over = quantity >= before;
        for peer in self.peers(perm_id) {
            if over || kind == OcaType::CancelRest {
                self.end_peer(peer, now);
                continue;
            }
            let Some(order) = self.book.get_mut(peer) else {
                continue;
            };
            let left = order.remaining();
            // In whole shares, as the order itself fills.
            let less = left
                .saturating_mul(quantity)
                .checked_div(before)
                .unwrap_or_default()
                .ceil();
            let left = left.saturating_sub(less).max(Decimal::ZERO);
            if left.is_zero() {
                self.end_peer(peer, now);
                continue;
            }
            let total = order.filled.saturating_add(left);
            order.resize(total);
            self.report_pair(peer);
            self.journal_order(peer);
        }
    }

    fn end_peer(&mut self, peer: PermId, now: Now) {
        if self.switches.oca_end == OcaEnd::ZeroFirst
            && let Some(order) = self.book.get_mut(peer)
            && order.filled.is_zero()
        {
            let quantity = order.quantity;
            order.resize(Decimal::ZERO);
            self.report_pair(peer);
            if let Some(order) = self.book.get_mut(peer) {
                order.resize(quantity);
            }
        }
        self.confirm_one(peer, "Cancelled by System:", "", now);
    }

    /// The orders that a cancel of one takes along, those first: siblings in a bracket, and members of a group of the
    /// client's own where the switch says so.
    pub(super) fn cancelled_with(&self, perm_id: PermId) -> Vec<PermId> {
        let Some(order) = self.book.get(perm_id) else {
            return Vec::new();
        };
        let together = match order.parent {
            Some(_) => self.switches.sibling_cancel == SiblingCancel::Together,
            None => self.switches.oca_cancel == OcaCancel::Together,
        };
        if !together || order.phase == Phase::Staged {
            return Vec::new();
        }
        self.peers(perm_id)
    }
}
