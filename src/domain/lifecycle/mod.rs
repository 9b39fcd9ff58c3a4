//! How an order's state changes. [`apply`] is the only way a report of TWS changes it; the functions of `wishes` are what
//! the gateway itself does to it. Reports may come in any order, twice, or not at all.

mod codes;
mod errors;
mod executions;
mod reports;
#[cfg(test)]
mod tests;
mod wishes;

use rust_decimal::Decimal;

use super::{Amount, OrderRecord, OrderReport, Origin, Status, Timestamp};
pub use codes::{CANCEL_NOT_FOUND, CodeKind, code_kind};
pub use executions::{ExecutionChange, Executions};
pub use wishes::{cancel_requested, cancelled_unsent, not_sent, staged, transmitting, untraced};

/// An order with everything its life cycle needs: its row and its executions.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedOrder {
    /// The row.
    pub record: OrderRecord,
    /// Its executions, corrections applied.
    pub executions: Executions,
}

/// What a report did to an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transition {
    /// The state differs: the row is written and an event shown.
    pub changed: bool,
    /// What happened to its executions.
    pub execution: Option<ExecutionChange>,
    /// TWS has the order, or refused it: what a caller of Place waits for.
    pub evidence: bool,
    /// TWS holds or has ended the order, so a reconcile need not wonder about it.
    pub traced: bool,
    /// The verdict on a cancel: what it means shows in a reconcile.
    pub cancel_verdict: Option<(i32, String)>,
    /// TWS said live that an order works which had ended: only a reconcile can tell whether that was late or new.
    pub revived: bool,
    /// The report carries another permanent id than the order's: TWS made a second one.
    pub second_perm_id: Option<i64>,
}

/// Applies what TWS said about this very order.
///
/// The caller has found the order by its ids; what contradicts them here (another orderRef) changes nothing.
pub fn apply(order: &mut TrackedOrder, report: &OrderReport, now: Timestamp) -> Transition {
    let mut step = Step {
        order,
        out: Transition::default(),
    };
    match report {
        OrderReport::OpenOrder(report) => step.open_order(report),
        OrderReport::Status(report) => step.status(report),
        OrderReport::Execution(report) => step.execution(report),
        OrderReport::Commission(report) => step.commission(report),
        OrderReport::Completed(report) => step.completed(report),
        OrderReport::Error(report) => step.error(report),
    }
    let out = step.out;
    if out.changed {
        let state = &mut order.record.state;
        state.last_update = now;
        // A report is a struct of plain fields: it always has a JSON text.
        state.raw_state = serde_json::to_string(report).ok();
    }
    out
}

struct Step<'a> {
    order: &'a mut TrackedOrder,
    out: Transition,
}

impl Step<'_> {
    /// A report with another orderRef under the same id belongs to somebody else's order: ours always carries its own.
    fn is_foreign(&self, order_ref: Option<&str>) -> bool {
        order_ref.is_some_and(|other| other != self.order.record.state.order_ref)
    }

    fn quantity(&self) -> Decimal {
        self.order.record.state.terms.quantity.value()
    }

    fn acknowledge(&mut self, perm_id: Option<i64>) {
        self.out.evidence = true;
        self.out.traced = true;
        let record = &mut self.order.record;
        if !record.acknowledged {
            record.acknowledged = true;
            self.out.changed = true;
        }
        if let Some(perm_id) = perm_id {
            match record.state.perm_id {
                None => {
                    record.state.perm_id = Some(perm_id);
                    self.out.changed = true;
                }
                Some(known) if known != perm_id => self.out.second_perm_id = Some(perm_id),
                Some(_) => {}
            }
        }
    }

    /// Takes a status word of TWS where it may follow the status that stands.
    fn word(&mut self, word: Status, origin: Origin) {
        let accepted = match self.order.record.state.status {
            Status::Filled => false,
            Status::Cancelled | Status::ApiCancelled | Status::Rejected => match word {
                Status::Filled => true,
                Status::ApiPending
                | Status::PendingSubmit
                | Status::PreSubmitted
                | Status::Submitted
                | Status::PendingCancel => {
                    self.out.revived = origin == Origin::Live;
                    origin == Origin::Snapshot
                }
                Status::Staged
                | Status::Submitting
                | Status::Unconfirmed
                | Status::Cancelled
                | Status::ApiCancelled
                | Status::Inactive
                | Status::Rejected
                | Status::Unknown => false,
            },
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Inactive
            | Status::Unknown => true,
        };
        if accepted {
            self.set_status(word);
        }
    }

    fn set_status(&mut self, status: Status) {
        let state = &mut self.order.record.state;
        if state.status != status {
            state.status = status;
            self.out.changed = true;
        }
    }

    fn note(&mut self, code: i32, text: &str) {
        let state = &mut self.order.record.state;
        if state.last_error_code != Some(code) || state.last_error.as_deref() != Some(text) {
            state.last_error_code = Some(code);
            state.last_error = Some(text.to_owned());
            self.out.changed = true;
        }
    }

    /// A reason TWS gave outside an error message: kept while no error said it better.
    fn reason(&mut self, text: &str) {
        if self.is_harmless_so_far() && self.order.record.state.status != Status::Filled {
            let state = &mut self.order.record.state;
            state.last_error_code = None;
            state.last_error = Some(text.to_owned());
            self.out.changed = true;
        }
    }

    /// Nothing worse than a warning was said.
    fn is_harmless_so_far(&self) -> bool {
        let state = &self.order.record.state;
        match (state.last_error_code, state.last_error.as_deref()) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(code), Some(text)) => code_kind(code, text) == CodeKind::Warning,
        }
    }

    fn raise_filled(&mut self, filled: Decimal) {
        let state = &mut self.order.record.state;
        if filled > state.filled.value() {
            state.filled = Amount::new(filled);
            self.out.changed = true;
        }
    }

    /// The word Filled says that all of it filled, but for what a correction took away since.
    fn raise_whole(&mut self) {
        let whole = self.order.executions.without_corrected(self.quantity());
        self.raise_filled(whole);
    }

    /// TWS's average counts where the executions known do not account for all that filled.
    fn average(&mut self, reported: Option<Decimal>) {
        let state = &mut self.order.record.state;
        if let Some(reported) = reported
            && reported > Decimal::ZERO
            && state.filled.is_positive()
            && self.order.executions.quantity() != state.filled.value()
        {
            let reported = Some(Amount::new(reported));
            if state.avg_fill_price != reported {
                state.avg_fill_price = reported;
                self.out.changed = true;
            }
        }
    }

    fn total_commission(&mut self) {
        self.order.record.state.commission = self.order.executions.commission();
    }

    /// What follows from the rest: a whole fill ends the order, and the derived fields.
    fn settle(&mut self) {
        let executed = self.order.executions.quantity();
        let quantity = self.quantity();
        if executed >= quantity || self.order.record.state.filled.value() >= quantity {
            self.set_status(Status::Filled);
        }
        let state = &mut self.order.record.state;
        if executed == state.filled.value()
            && let Some(average) = self.order.executions.average()
            && state.avg_fill_price != Some(average)
        {
            state.avg_fill_price = Some(average);
            self.out.changed = true;
        }
        if self.out.changed {
            derive(state);
        }
    }
}

/// Fields that follow from others.
fn derive(state: &mut super::OrderState) {
    state.terminal = state.status.is_terminal();
    state.remaining =
        Amount::new((state.terms.quantity.value() - state.filled.value()).max(Decimal::ZERO));
}
