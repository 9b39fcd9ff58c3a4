//! An id that is placed again: a staged order is rewritten or transmitted, a working one is replaced, an ended one is not.

use rust_decimal::Decimal;

use super::super::super::clock::Now;
use super::super::super::config::Hours;
use super::super::super::order::{Order, PermId, Phase, Pricing};
use super::super::super::switches::{
    ChildReplace, ChildWithoutParentId, ReplaceBelowFilled, ReplaceClosed, ReplaceEnded,
    ReplaceFilled, ReplacePendingCancel, ReplaceStale, ReplaceStatus, ReplaceTooSoon,
};
use super::super::Exchange;
use super::check::{CheckedOrder, refusal};
use super::{Refusal, TOO_SOON_MICROS};

const TOO_LATE: &str =
    "Order rejected - reason:Order has been cancelled already, too late to replace";
const PROCESSING: &str = "Unable to modify this order as it is still being processed.";
const NO_MATCH: &str = "Order being modified does not match original order.";
const DUPLICATE: &str = "Duplicate order id";

impl Exchange {
    /// The id is known.
    pub(super) fn place_again(
        &mut self,
        perm_id: PermId,
        checked: CheckedOrder,
        now: Now,
    ) -> Result<(), Refusal> {
        let Some(order) = self.book.get(perm_id) else {
            return Ok(());
        };
        match order.phase {
            Phase::Filled => match self.switches.replace_filled {
                ReplaceFilled::Refused => {
                    return Err(refusal(104, "Can't modify a filled order."));
                }
                ReplaceFilled::Silent => {}
            },
            Phase::Cancelled | Phase::Inactive | Phase::Discarded => {
                return Err(match self.switches.replace_ended {
                    ReplaceEnded::Duplicate => refusal(103, DUPLICATE),
                    ReplaceEnded::TooLate => refusal(201, TOO_LATE),
                });
            }
            Phase::PendingCancel => match self.switches.replace_pending_cancel {
                ReplacePendingCancel::Processing => return Err(refusal(2102, PROCESSING)),
                ReplacePendingCancel::TooLate => return Err(refusal(201, TOO_LATE)),
                ReplacePendingCancel::Silent => {}
            },
            Phase::Staged => self.place_staged_again(perm_id, &checked, now)?,
            Phase::Queued
            | Phase::Withheld
            | Phase::PreSubmitted
            | Phase::Submitted
            | Phase::InactiveHeld => self.replace(perm_id, checked, now)?,
        }
        self.journal_order(perm_id);
        Ok(())
    }

    fn place_staged_again(
        &mut self,
        perm_id: PermId,
        checked: &CheckedOrder,
        now: Now,
    ) -> Result<(), Refusal> {
        let parent_id = self.book.get(perm_id).map(Order::parent_order_id);
        if parent_id != Some(checked.parent_id) {
            return Err(refusal(10341, "Parent order id cannot be modified"));
        }
        if self
            .book
            .get(perm_id)
            .is_some_and(|order| order.parent.is_none())
        {
            self.book.regroup(perm_id, checked.oca.clone());
        }
        self.rewrite(perm_id, checked, now);
        if checked.transmit {
            let released = self.released_by(perm_id);
            self.submit(&released, now);
        }
        Ok(())
    }

    fn replace(
        &mut self,
        perm_id: PermId,
        mut checked: CheckedOrder,
        now: Now,
    ) -> Result<(), Refusal> {
        self.check_replacement(perm_id, &mut checked, now)?;
        // Untransmitted, the change waits in TWS as a staged order does, and nothing shows it.
        if !checked.transmit || self.happens(self.switches.replace_ignored, "replace-ignored") {
            return Ok(());
        }
        if self.ends_below_filled(perm_id, &checked, now)? {
            return Ok(());
        }
        if self.conditions.ib_lost && self.happens(self.switches.second_perm_id, "second-perm-id") {
            self.place_twin(perm_id, checked, now);
            return Ok(());
        }
        let closed = self.conditions.hours == Hours::Closed
            && self.switches.replace_closed == ReplaceClosed::AtOpen;
        if closed || self.conditions.ib_lost {
            self.pending_replacements.insert(perm_id, checked);
            return Ok(());
        }
        self.apply_replacement(perm_id, &checked, now);
        Ok(())
    }

    /// What TWS refuses while the working order stays as it is.
    fn check_replacement(
        &mut self,
        perm_id: PermId,
        checked: &mut CheckedOrder,
        now: Now,
    ) -> Result<(), Refusal> {
        let Some(order) = self.book.get(perm_id) else {
            return Ok(());
        };
        if now.micros() - order.placed_at < TOO_SOON_MICROS {
            match self.switches.replace_too_soon {
                ReplaceTooSoon::Taken => {}
                ReplaceTooSoon::Duplicate => return Err(refusal(103, DUPLICATE)),
                ReplaceTooSoon::Processing => return Err(refusal(2102, PROCESSING)),
            }
        }
        let same = order.side == checked.side
            && order.account() == checked.account
            && self.market.by_symbol(&order.symbol) == Some(checked.symbol);
        if !same {
            return Err(refusal(105, NO_MATCH));
        }
        if !can_become(&order.pricing, &checked.pricing) {
            let text = "Order modify failed. Cannot change to the new order type.";
            return Err(refusal(329, text));
        }
        if !order.quantity.fract().is_zero() {
            let text = "Fractional-sized order cannot be modified via API. Please use desktop version to revise this order.";
            return Err(refusal(10242, text));
        }
        let echo = order.echo.order.as_ref();
        if echo.and_then(|echo| echo.include_overnight) == Some(true)
            && checked.order.include_overnight != Some(true)
        {
            return Err(refusal(462, "Include overnight cannot be changed."));
        }
        self.check_parent_of_replacement(perm_id, checked)?;
        let Some(order) = self.book.get(perm_id) else {
            return Ok(());
        };
        if order.parent.is_some() {
            return Ok(());
        }
        match (&order.oca, &checked.oca) {
            (None, None) => Ok(()),
            (Some((own, kind)), Some((asked, other))) if own == asked => match kind == other {
                true => Ok(()),
                false => Err(refusal(10327, "OCA group type revision is not allowed")),
            },
            _ => Err(refusal(10326, "OCA group revision is not allowed")),
        }
    }

    fn check_parent_of_replacement(
        &mut self,
        perm_id: PermId,
        checked: &mut CheckedOrder,
    ) -> Result<(), Refusal> {
        let Some(order) = self.book.get(perm_id) else {
            return Ok(());
        };
        let parent_id = order.parent_order_id();
        let awaits_parent = order.awaits_parent;
        let is_child = order.parent.is_some();
        let other_parent = || Err(refusal(10341, "Parent order id cannot be modified"));
        if checked.parent_id == 0 && is_child && awaits_parent {
            match self.switches.child_without_parent_id {
                ChildWithoutParentId::Kept => {}
                ChildWithoutParentId::Detached => {
                    self.book.detach(perm_id);
                    self.book.regroup(perm_id, None);
                    return Ok(());
                }
                ChildWithoutParentId::Refused => return other_parent(),
            }
        } else if checked.parent_id != 0 && checked.parent_id != parent_id {
            return other_parent();
        } else if checked.parent_id != 0
            && is_child
            && !awaits_parent
            && self.switches.child_replace == ChildReplace::NotFound
        {
            return Err(refusal(
                135,
                format!("Can't find order with id ={parent_id}"),
            ));
        }
        checked.parent_id = parent_id;
        Ok(())
    }

    /// A total that is not above what has filled. True when that ended the order.
    fn ends_below_filled(
        &mut self,
        perm_id: PermId,
        checked: &CheckedOrder,
        now: Now,
    ) -> Result<bool, Refusal> {
        let Some(order) = self.book.get_mut(perm_id) else {
            return Ok(false);
        };
        if order.filled.is_zero() || checked.quantity > order.filled {
            return Ok(false);
        }
        match self.switches.replace_below_filled {
            ReplaceBelowFilled::Refused => Err(refusal(105, NO_MATCH)),
            ReplaceBelowFilled::Rejected => {
                let text = "Order rejected - reason:The quantity is not above what has filled.";
                Err(refusal(201, text))
            }
            ReplaceBelowFilled::Fills => {
                let filled = order.filled;
                order.resize(filled);
                self.end_filled(perm_id, now);
                self.report_pair(perm_id);
                Ok(true)
            }
        }
    }

    /// The replacement reaches IB.
    pub(in super::super) fn apply_replacement(
        &mut self,
        perm_id: PermId,
        checked: &CheckedOrder,
        now: Now,
    ) {
        let Some(before) = self.book.get(perm_id).cloned() else {
            return;
        };
        if let Some(text) = self.beyond_band(checked.symbol, checked.side, &checked.pricing) {
            self.kill_by_replacement(&before, checked, &text, now);
            return;
        }
        if self.switches.replace_stale == ReplaceStale::Before {
            self.report_as(&before);
        }
        self.book.take_off(perm_id);
        self.rewrite(perm_id, checked, now);
        self.echo_replacement(perm_id, &before);
        if self.switches.replace_stale == ReplaceStale::After {
            self.report_as(&before);
        }
        if self.happens(self.switches.replace_reverted, "replace-reverted") {
            self.put_back(before.clone());
            self.report_repeated(perm_id, 1);
        }
        self.resume(perm_id, now);
        self.journal_order(perm_id);
    }

    /// The echo with the new values, twice: nothing else shows that a replacement was taken.
    fn echo_replacement(&mut self, perm_id: PermId, before: &Order) {
        if matches!(before.phase, Phase::Queued | Phase::Withheld) {
            return;
        }
        let again = self.switches.replace_status == ReplaceStatus::Again;
        if again && before.phase == Phase::Submitted {
            self.set_phase(perm_id, Phase::PreSubmitted);
            self.report_pair(perm_id);
            self.set_phase(perm_id, Phase::Submitted);
        }
        let repeats = self.repeats(2);
        self.report_repeated(perm_id, repeats);
    }

    /// A price beyond the band does not leave the order as it was: IB cancels it. The sequence is that of a capture.
    fn kill_by_replacement(
        &mut self,
        before: &Order,
        checked: &CheckedOrder,
        text: &str,
        now: Now,
    ) {
        let perm_id = before.perm_id;
        self.book.take_off(perm_id);
        self.rewrite(perm_id, checked, now);
        self.set_phase(perm_id, Phase::PreSubmitted);
        self.report_pair(perm_id);
        self.set_phase(perm_id, Phase::PendingCancel);
        self.report_status(perm_id);
        self.set_phase(perm_id, Phase::Submitted);
        self.report_status(perm_id);
        self.put_back(before.clone());
        self.set_phase(perm_id, Phase::PreSubmitted);
        self.report_pair(perm_id);
        self.cancel_by_ib(perm_id, text, now);
        self.order_error(
            before.key.client_id,
            before.key.order_id,
            201,
            TOO_LATE,
            now,
        );
    }

    /// The replacement as an order of its own, under the same ids but for its permanent one; the first one goes on.
    fn place_twin(&mut self, perm_id: PermId, checked: CheckedOrder, now: Now) {
        let filled = self
            .book
            .get(perm_id)
            .map_or(Decimal::ZERO, |order| order.filled);
        let mut checked = checked;
        checked.quantity = (checked.quantity - filled).max(Decimal::ONE);
        let twin = self.enter(checked, None, now);
        self.set_phase(twin, Phase::Queued);
        self.journal_order(twin);
    }

    /// An order as it was before, but for what has happened to it since.
    fn put_back(&mut self, before: Order) {
        if let Some(order) = self.book.get_mut(before.perm_id) {
            order.pricing = before.pricing;
            order.quantity = before.quantity;
            order.asked_quantity = before.asked_quantity;
            order.shown_quantity = before.shown_quantity;
            order.tif = before.tif;
            order.outside_rth = before.outside_rth;
            order.echo = before.echo;
        }
    }
}

/// Whether a replacement may turn one order type into the other. IB says that some may not (329), and not which: here
/// those that trail, and those for the close, only into their own kind.
fn can_become(old: &Pricing, new: &Pricing) -> bool {
    old.is_trailing() == new.is_trailing() && old.is_on_close() == new.is_on_close()
}
