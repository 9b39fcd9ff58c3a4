//! How an order's state changes. [`apply`] is the only way a report of TWS changes it; the functions of `local_transitions` are what
//! the gateway itself does to it. Reports may come in any order, twice, or not at all.

mod codes;
mod errors;
mod executions;
mod follow;
mod local_transitions;
mod ownership;
mod progress;
mod reports;
#[cfg(test)]
mod tests;
mod trail_stop;

use super::{Fill, OrderRecord, OrderReport, Origin, Status, Timestamp, WorkingTerms};
pub use codes::{CANCEL_NOT_FOUND, CodeKind, NO_SUCH_ORDER, code_kind};
pub use executions::{ExecutionChange, Executions};
pub(crate) use follow::follow as follow_terms;
pub use local_transitions::given_up_unsent;
pub use local_transitions::{
    absent_after_its_time, absent_when_executed, cancel_requested, cancelled_unsent,
    executions_complete, halted_unsent, may_be_refused, no_longer_in_tws, not_sent, noted,
    refused_without_trace, staged, staged_replaced, transmitting, untraced,
};
pub use ownership::{Ownership, ownership};
pub use trail_stop::{TrailStop, show_trail_stop};

/// An order with everything its life cycle needs: its row and its executions.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackedOrder {
    /// The row.
    pub record: OrderRecord,
    /// Its executions, corrections applied.
    pub executions: Executions,
    /// What TWS said last of a stop that trails, and when that was shown.
    pub trail: TrailStop,
}

/// What a report did to an order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transition {
    /// The state differs: the row is written and an event shown.
    pub changed: bool,
    /// What happened to its executions.
    pub execution: Option<ExecutionChange>,
    /// TWS has the order, or refused it: what a caller of Place waits for.
    pub acknowledged_by_broker: bool,
    /// TWS holds or has ended the order, so a reconcile need not wonder about it.
    pub seen_at_broker: bool,
    /// The verdict on a cancel: what it means shows in a reconcile.
    pub cancel_verdict: Option<(i32, String)>,
    /// TWS said live that an order works which had ended: only a reconcile can tell whether that was late or new.
    pub revived: bool,
    /// Everything executed and TWS has not said that the order is filled: only an open-orders answer without it ends it.
    pub fully_executed: bool,
    /// TWS refused an order that it never acknowledged, with a code that is in no list: a reconcile without a trace makes it a refusal.
    pub refused_unlisted: bool,
    /// The report is about a second order that TWS made under the same id.
    pub second_order: Option<SecondOrder>,
    /// The report is about somebody else's order, and why: it changed nothing.
    pub foreign: Option<&'static str>,
    /// A revision of the terms that the one which TWS showed has taken the place of.
    pub superseded: Option<(u32, WorkingTerms)>,
}

/// A second order of ours that TWS made under the id of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondOrder {
    /// Its permanent id.
    pub perm_id: i64,
    /// Whether the report said that it has ended; `None` where it did not say.
    pub ended: Option<bool>,
    /// It was heard of for the first time.
    pub is_new: bool,
}

impl TrackedOrder {
    /// An order that was just placed.
    pub fn new(record: OrderRecord) -> Self {
        Self {
            record,
            executions: Executions::default(),
            trail: TrailStop::default(),
        }
    }

    /// From what is stored.
    pub fn stored(record: OrderRecord, fills: Vec<Fill>) -> Self {
        let state = &record.state;
        let executions = Executions::from_fills(fills, state.filled.value());
        Self {
            record,
            executions,
            trail: TrailStop::default(),
        }
    }
}

/// Applies what TWS said about the order that it was found to name, by permanent id or by client id and order id.
///
/// What shows to be another order's changes nothing but is said in [`Transition::foreign`].
pub fn apply(order: &mut TrackedOrder, report: &OrderReport, now: Timestamp) -> Transition {
    let was_transmitted = order.record.state.transmit;
    let mut step = Step {
        order,
        out: Transition::default(),
    };
    match ownership(step.order, report) {
        Ownership::Foreign { why } => step.out.foreign = Some(why),
        Ownership::SecondOrder { perm_id } => step.second_order(perm_id, report),
        Ownership::Ours => match report {
            OrderReport::OpenOrder(report) => step.open_order(report),
            OrderReport::Status(report) => step.status(report),
            OrderReport::Execution(report) => step.execution(report),
            OrderReport::Commission(report) => step.commission(report),
            OrderReport::Completed(report) => step.completed(report),
            OrderReport::Error(report) => step.error(report),
        },
    }
    let mut out = step.out;
    if out.foreign.is_none() {
        let state = &order.record.state;
        out.fully_executed =
            !state.terminal && state.filled.value() >= state.terms.quantity.value();
    }
    if order.record.state.transmit && !was_transmitted {
        order.record.released_at = Some(now);
    }
    out.changed = trail_stop::follow(order, report, &out, now) || out.changed;
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
    fn acknowledge(&mut self, perm_id: Option<i64>) {
        self.out.acknowledged_by_broker = true;
        self.out.seen_at_broker = true;
        let record = &mut self.order.record;
        if !record.acknowledged {
            record.acknowledged = true;
            self.out.changed = true;
        }
        if record.state.perm_id.is_none() && perm_id.is_some() {
            record.state.perm_id = perm_id;
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

    /// What follows from the rest: the average of the executions where they account for all that filled, commissions, whether it is over.
    fn settle(&mut self) {
        let executed = self.order.executions.quantity();
        let state = &mut self.order.record.state;
        if executed == state.filled.value() {
            let average = self.order.executions.average();
            if state.avg_fill_price != average {
                state.avg_fill_price = average;
                self.out.changed = true;
            }
        }
        if let Some(unexplained) = state.filled_unexplained {
            let left = unexplained_part(state.filled.value(), executed);
            if left != Some(unexplained) {
                state.filled_unexplained = left;
                self.out.changed = true;
            }
        }
        if state.fill_quantity_unknown
            && (state.status != Status::Filled
                || state.filled.value() >= state.terms.quantity.value())
        {
            state.fill_quantity_unknown = false;
            self.out.changed = true;
        }
        // All of an order that TWS ended executed before it did.
        if matches!(
            state.status,
            Status::Cancelled | Status::ApiCancelled | Status::Rejected
        ) && executed >= state.terms.quantity.value()
        {
            state.status = Status::Filled;
            self.out.changed = true;
        }
        state.terminal = is_terminal(state);
    }
}

/// Whether the order is over: TWS's Inactive is not the end of an order that is held and will work later.
fn is_terminal(state: &super::OrderState) -> bool {
    state.status.is_terminal() && !(state.status == Status::Inactive && state.why_held.is_some())
}

/// What filled without an execution that shows it.
fn unexplained_part(
    filled: rust_decimal::Decimal,
    executed: rust_decimal::Decimal,
) -> Option<super::Amount> {
    (filled > executed).then(|| super::Amount::new(filled - executed))
}

/// Which reports of a moment can still change the status of an order that TWS has already spoken of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reopening {
    /// TWS says that a part of a filled order still works.
    Allowed,
    /// The report says nothing of the kind.
    No,
}

impl Step<'_> {
    /// Takes a status word of TWS where it may follow the status that stands.
    fn word(&mut self, word: Status, origin: Origin, reopening: Reopening) {
        let works = match word {
            Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel => true,
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::Filled
            | Status::Cancelled
            | Status::ApiCancelled
            | Status::Inactive
            | Status::Rejected
            | Status::Unknown => false,
        };
        let accepted = match self.order.record.state.status {
            Status::Filled => works && reopening == Reopening::Allowed,
            Status::Cancelled | Status::ApiCancelled | Status::Rejected => {
                if works {
                    self.out.revived = origin == Origin::Live;
                    origin == Origin::Snapshot
                } else {
                    word == Status::Filled
                }
            }
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
            self.worked(word);
            self.set_status(word);
        }
    }

    /// Remembers that TWS worked the order, and that a staged one that works was released, by whomever.
    fn worked(&mut self, word: Status) {
        match word {
            Status::PreSubmitted | Status::Submitted | Status::Filled => {
                let record = &mut self.order.record;
                record.worked = true;
                if !record.state.transmit {
                    record.state.transmit = true;
                    self.out.changed = true;
                }
            }
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PendingCancel
            | Status::Cancelled
            | Status::ApiCancelled
            | Status::Inactive
            | Status::Rejected
            | Status::Unknown => {}
        }
    }

    fn set_status(&mut self, status: Status) {
        let state = &mut self.order.record.state;
        if state.status != status {
            state.status = status;
            self.out.changed = true;
        }
    }
}
