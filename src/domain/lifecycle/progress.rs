//! How much of an order filled. It follows evidence: executions, and the counts of TWS; never the quantity that was once ordered.

use rust_decimal::Decimal;

use super::Step;
use crate::domain::{Amount, OrderTerms, Status};

impl Step<'_> {
    /// Raises what filled to what a report shows, and takes it off what remains.
    pub(super) fn raise_filled(&mut self, filled: Decimal) {
        let state = &mut self.order.record.state;
        let more = filled - state.filled.value();
        if more > Decimal::ZERO {
            state.filled = Amount::new(filled);
            state.remaining = Amount::new((state.remaining.value() - more).max(Decimal::ZERO));
            self.out.changed = true;
        }
    }

    /// A count of TWS, which may be from before a correction that is known.
    pub(super) fn raise_counted(&mut self, counted: Decimal) {
        self.raise_filled(self.order.executions.without_corrected(counted));
    }

    /// What remains by TWS's word, less what it counts as filled and corrections took away.
    pub(super) fn remains(&mut self, remaining: Amount, counted: Amount) {
        let corrected = self.order.executions.without_corrected(counted.value());
        let remaining = Amount::new(remaining.value() + (counted.value() - corrected));
        let state = &mut self.order.record.state;
        if state.remaining != remaining {
            state.remaining = remaining;
            self.out.changed = true;
        }
    }

    /// TWS says that the order is filled, and how much of it where `counted` says so.
    pub(super) fn filled_by_word(&mut self, counted: Option<Amount>) {
        let counted = counted.filter(|counted| counted.is_positive());
        if let Some(counted) = counted {
            self.raise_counted(counted.value());
        }
        let quantity = self.order.record.state.terms.quantity.value();
        let whole = self.order.executions.without_corrected(quantity);
        let is_known = counted.is_some() || self.order.record.state.filled.value() >= whole;
        let was_filled = self.order.record.state.status == Status::Filled;
        let state = &mut self.order.record.state;
        let unknown = !is_known && (!was_filled || state.fill_quantity_unknown);
        if state.fill_quantity_unknown != unknown {
            state.fill_quantity_unknown = unknown;
            self.out.changed = true;
        }
        // Nothing of a filled order remains, but for what a correction took away from it.
        if !was_filled {
            match counted {
                Some(counted) => self.remains(Amount::ZERO, counted),
                None => self.remains(Amount::ZERO, Amount::new(quantity)),
            }
        }
    }

    /// The terms changed: what remains follows until TWS says it.
    pub(super) fn terms_changed(&mut self, before: &OrderTerms) {
        let state = &mut self.order.record.state;
        self.out.superseded = Some((state.terms_revision, before.working()));
        state.terms_revision += 1;
        self.out.changed = true;
        if state.terms.quantity != before.quantity {
            let left = state.terms.quantity.value() - state.filled.value();
            state.remaining = Amount::new(left.max(Decimal::ZERO));
        }
    }

    /// TWS's average counts where the executions known do not account for all that filled.
    pub(super) fn average(&mut self, reported: Option<Amount>) {
        let state = &mut self.order.record.state;
        if let Some(reported) = reported
            && reported.is_positive()
            && state.filled.is_positive()
            && self.order.executions.quantity() != state.filled.value()
            && state.avg_fill_price != Some(reported)
        {
            state.avg_fill_price = Some(reported);
            self.out.changed = true;
        }
    }

    /// Takes over the sums of the commissions: one figure only while all are in one currency.
    pub(super) fn total_commissions(&mut self) {
        let state = &mut self.order.record.state;
        let commissions = self.order.executions.commissions();
        state.commissions = commissions.to_vec();
        state.commission = match commissions {
            [one] => Some(one.amount),
            [] | [_, _, ..] => None,
        };
    }
}

/// `Filled Size: 7` says how much filled.
pub(super) fn filled_size(completed_status: Option<&str>) -> Option<Amount> {
    let (_, size) = completed_status?.split_once("Filled Size:")?;
    size.split_whitespace().next()?.parse().ok()
}
