//! Parents and their children: released together, held, set free by a fill, ended together.

use rust_decimal::Decimal;

use super::super::clock::Now;
use super::super::order::{Order, PermId, Phase};
use super::super::switches::{ChildActivation, ChildOfEnded, ChildSize};
use super::Exchange;

impl Exchange {
    /// The orders that a transmitted one takes along: as a child of a staged parent the whole staged family, in the order in
    /// which it was placed; else itself.
    pub(super) fn released_by(&self, perm_id: PermId) -> Vec<PermId> {
        let is_staged = |perm_id: &PermId| {
            self.book
                .get(*perm_id)
                .is_some_and(|order| order.phase == Phase::Staged)
        };
        let parent = self.book.get(perm_id).and_then(|order| order.parent);
        match parent.filter(is_staged) {
            Some(parent) => {
                let mut family = vec![parent];
                family.extend(self.book.children(parent).into_iter().filter(is_staged));
                family
            }
            None => vec![perm_id],
        }
    }

    /// Something of an order has filled: its children are no longer held for it.
    pub(super) fn activate_children(&mut self, parent: PermId, now: Now) {
        let children = self.book.children(parent);
        if children.is_empty() {
            return;
        }
        let Some((filled, quantity)) = self.book.get(parent).map(|o| (o.filled, o.quantity)) else {
            return;
        };
        for child in children {
            let Some(order) = self.book.get_mut(child) else {
                continue;
            };
            if order.phase.is_over() {
                continue;
            }
            let was_held = std::mem::replace(&mut order.awaits_parent, false);
            let resized = self.switches.child_size == ChildSize::Filled
                && fit_to_parent(order, filled, quantity);
            if order.phase == Phase::Staged {
                continue;
            }
            if resized || (was_held && self.switches.child_activation == ChildActivation::Pairs) {
                if was_held && !order.is_held() {
                    order.set_phase(Phase::Submitted);
                }
                self.report_pair(child);
            }
            if was_held {
                self.wait(child, now);
            }
            self.journal_order(child);
        }
    }

    /// A parent ended without having filled: its children end with it, each with its own words.
    pub(super) fn cancel_children(&mut self, parent: PermId, now: Now) {
        let filled = self
            .book
            .get(parent)
            .is_some_and(|order| order.filled > Decimal::ZERO);
        if filled && self.switches.child_of_ended == ChildOfEnded::Stay {
            return;
        }
        for child in self.book.children(parent) {
            let Some(phase) = self.book.get(child).map(|order| order.phase) else {
                continue;
            };
            if phase == Phase::Staged {
                // What was never released vanishes without a word.
                self.end_order(child, Phase::Discarded, "Cancelled by Trader", now);
            } else if !phase.is_over() {
                self.confirm_one(child, "Cancelled by Trader", "", now);
            }
        }
    }
}

/// Makes a child as large as what has filled of its parent, and in the end as large as it was asked to be. True when that
/// changed it.
fn fit_to_parent(child: &mut Order, filled: Decimal, quantity: Decimal) -> bool {
    let size = match filled < quantity {
        true => child.asked_quantity.min(filled),
        false => child.asked_quantity,
    };
    let changes = size != child.quantity && size >= child.filled;
    if changes {
        child.resize(size);
    }
    changes
}
