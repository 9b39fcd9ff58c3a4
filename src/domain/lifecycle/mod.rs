//! How an order's state changes. [`apply`] is the only way a report of TWS changes it; the functions of `wishes` are what
//! the gateway itself does to it. Reports may come in any order, twice, or not at all.

mod codes;
mod executions;
#[cfg(test)]
mod tests;
mod wishes;

use rust_decimal::Decimal;

use super::{
    Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport, Fill, OpenOrderReport,
    OrderRecord, OrderReport, Origin, Status, StatusReport, Timestamp,
};
pub use codes::{CodeKind, code_kind};
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
    fn open_order(&mut self, report: &OpenOrderReport) {
        let OpenOrderReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            order_ref,
            account: _,
            status,
            what_if,
            reject_reason,
            warning_text: _,
            completed_status,
        } = report;
        if *what_if || self.is_foreign(order_ref.as_deref()) {
            return;
        }
        self.acknowledge(*perm_id);
        let word = Status::from_tws(status);
        if word == Status::Filled {
            self.raise_whole();
        }
        self.word(word, *origin);
        if matches!(word, Status::Inactive | Status::Cancelled)
            && let Some(reason) = reject_reason.as_deref().or(rejection(completed_status))
        {
            self.reason(reason);
        }
        self.settle();
    }

    fn status(&mut self, report: &StatusReport) {
        let StatusReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            status,
            filled,
            remaining,
            avg_fill_price,
            why_held: _,
        } = report;
        self.acknowledge(*perm_id);
        let word = Status::from_tws(status);
        let known = self.order.record.state.filled.value();
        // Sent before what we know already: its numbers and its word are old, unless the word ends the order.
        let stale = filled.value() < known
            && !word.is_terminal()
            && is_in_tws(self.order.record.state.status);
        if word == Status::Filled && filled.is_zero() {
            self.raise_whole();
        } else {
            let evidence = self.order.executions.without_corrected(filled.value());
            self.raise_filled(evidence);
        }
        if filled.value() >= self.order.record.state.filled.value() {
            self.average(avg_fill_price.map(Amount::value));
        }
        if !stale {
            self.word(word, *origin);
        }
        // An order that has filled whole without the word: nothing remains of it and it did fill.
        if remaining.is_zero() && filled.is_positive() && word != Status::Filled {
            let quantity = self.order.record.state.quantity.value();
            if filled.value() >= quantity {
                self.word(Status::Filled, *origin);
            }
        }
        self.settle();
    }

    fn execution(&mut self, report: &ExecutionReport) {
        let ExecutionReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            order_ref,
            account: _,
            exec_id,
            quantity,
            price,
            exchange,
            time_text: _,
            time,
            cumulative_quantity,
            avg_price: _,
        } = report;
        if self.is_foreign(order_ref.as_deref()) {
            return;
        }
        let order_id = self.order.record.state.order_id;
        let before = self.order.executions.quantity();
        let change = self.order.executions.take(Fill {
            order_id,
            exec_id: exec_id.clone(),
            quantity: *quantity,
            price: *price,
            time: *time,
            exchange: exchange.clone(),
            commission: None,
            currency: None,
        });
        self.acknowledge(*perm_id);
        // An execution query lists dead orders too: only a live execution shows that TWS still holds the order.
        self.out.traced = *origin == Origin::Live;
        if let Some(change) = change {
            let sum = self.order.executions.quantity();
            let state = &mut self.order.record.state;
            if matches!(change, ExecutionChange::Replaced { .. }) {
                // A correction moves what is known by its difference, also downwards.
                let corrected = (state.filled.value() + sum - before).max(sum);
                state.filled = Amount::new(corrected);
            }
            self.raise_filled(sum);
            if matches!(change, ExecutionChange::New(_))
                && let Some(cumulative) = cumulative_quantity
            {
                let cumulative = self
                    .order
                    .executions
                    .without_corrected(cumulative.value().min(self.quantity()));
                self.raise_filled(cumulative);
            }
            self.total_commission();
            self.out.changed = true;
            self.out.execution = Some(change);
        }
        let state = &mut self.order.record.state;
        match state.status {
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted => {
                state.status = Status::Submitted;
                self.out.changed = true;
            }
            Status::Submitted
            | Status::PendingCancel
            | Status::Filled
            | Status::Cancelled
            | Status::ApiCancelled
            | Status::Inactive
            | Status::Rejected
            | Status::Unknown => {}
        }
        self.settle();
    }

    fn commission(&mut self, report: &CommissionReport) {
        let CommissionReport {
            origin: _,
            exec_id,
            amount,
            currency,
        } = report;
        if let Some(change) = self.order.executions.charge(exec_id, *amount, currency) {
            self.total_commission();
            self.out.changed = true;
            self.out.execution = Some(change);
        }
    }

    fn completed(&mut self, report: &CompletedReport) {
        let CompletedReport {
            order_id: _,
            client_id: _,
            perm_id,
            order_ref,
            account: _,
            symbol: _,
            status,
            unfilled,
            filled,
            completed_status,
        } = report;
        if self.is_foreign(order_ref.as_deref()) {
            return;
        }
        self.acknowledge(*perm_id);
        let word = Status::from_tws(status);
        let quantity = self.quantity();
        if word == Status::Filled {
            self.raise_whole();
        } else {
            if let Some(filled) = filled {
                self.raise_filled(filled.value().min(quantity));
            }
            // The query's quantity is what did not fill. Zero and the whole say nothing: a rejected order may show either.
            if let Some(unfilled) = unfilled
                && unfilled.is_positive()
                && unfilled.value() < quantity
            {
                self.raise_filled(quantity - unfilled.value());
            }
        }
        if word.is_terminal() {
            self.word(word, Origin::Snapshot);
            if word != Status::Filled
                && let Some(reason) = rejection(completed_status)
            {
                self.reason(reason);
            }
        }
        self.settle();
    }

    fn error(&mut self, report: &ErrorReport) {
        let ErrorReport {
            order_id: _,
            code,
            text,
        } = report;
        let status = self.order.record.state.status;
        match code_kind(*code, text) {
            CodeKind::Warning => {
                let known = self.order.record.state.last_error_code;
                let worse = self.order.record.state.last_error.is_some()
                    && known.is_none_or(|known| {
                        let text = self.order.record.state.last_error.as_deref();
                        code_kind(known, text.unwrap_or_default()) != CodeKind::Warning
                    });
                if !worse {
                    self.note(*code, text);
                }
            }
            CodeKind::CancelConfirmed => match status {
                Status::Filled | Status::Cancelled | Status::ApiCancelled | Status::Rejected => {}
                Status::Staged
                | Status::Submitting
                | Status::Unconfirmed
                | Status::ApiPending
                | Status::PendingSubmit
                | Status::PreSubmitted
                | Status::Submitted
                | Status::PendingCancel
                | Status::Inactive
                | Status::Unknown => {
                    self.out.evidence = true;
                    self.out.traced = true;
                    self.set_status(Status::Cancelled);
                }
            },
            CodeKind::CancelVerdict => self.cancel_verdict(*code, text),
            CodeKind::ModifyOnly => self.modify_refused(*code, text),
            CodeKind::EndsNew { also_working } => {
                self.ends_new(*code, text, also_working);
            }
            CodeKind::Unlisted => match status {
                Status::Filled | Status::Cancelled | Status::ApiCancelled | Status::Rejected => {}
                Status::Staged
                | Status::Submitting
                | Status::Unconfirmed
                | Status::ApiPending
                | Status::PendingSubmit
                | Status::PreSubmitted
                | Status::Submitted
                | Status::PendingCancel
                | Status::Inactive
                | Status::Unknown => {
                    self.out.evidence = true;
                    self.note(*code, text);
                }
            },
        }
        self.settle();
    }

    fn cancel_verdict(&mut self, code: i32, text: &str) {
        let status = self.order.record.state.status;
        // TWS drops a staged order's cancel silently or says that it does not know it: either way it will not trade.
        if status == Status::Staged && code == codes::CANCEL_NOT_FOUND {
            self.out.traced = true;
            self.note(code, text);
            self.set_status(Status::Cancelled);
            return;
        }
        match status {
            Status::Filled | Status::Cancelled | Status::ApiCancelled | Status::Rejected => return,
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Inactive
            | Status::Unknown => {}
        }
        self.out.cancel_verdict = Some((code, text.to_owned()));
    }

    /// The one modify this gateway makes is the transmit of a staged order: refused, the order stays staged.
    fn modify_refused(&mut self, code: i32, text: &str) {
        let record = &mut self.order.record;
        if record.state.status == Status::Filled || record.state.status == Status::Rejected {
            return;
        }
        if record.state.status == Status::Submitting && record.acknowledged {
            record.state.transmit = false;
            self.set_status(Status::Staged);
        }
        self.out.evidence = true;
        self.note(code, text);
    }

    fn ends_new(&mut self, code: i32, text: &str, also_working: bool) {
        match self.order.record.state.status {
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::Inactive
            | Status::Unknown => self.reject(code, text),
            Status::PreSubmitted | Status::Submitted | Status::PendingCancel => {
                if also_working {
                    self.reject(code, text);
                } else {
                    // It concerns a later request about the order (a modify, a cancel), not the order itself.
                    self.note(code, text);
                }
            }
            // A refusal shows as Cancelled as well; what the caller cancelled stays cancelled.
            Status::Cancelled | Status::ApiCancelled => {
                if also_working && !self.order.record.state.cancel_requested {
                    self.reject(code, text);
                }
            }
            Status::Filled | Status::Rejected => {}
        }
    }

    fn reject(&mut self, code: i32, text: &str) {
        self.out.evidence = true;
        self.out.traced = true;
        self.note(code, text);
        self.set_status(Status::Rejected);
    }

    /// A report with another orderRef under the same id belongs to somebody else's order: ours always carries its own.
    fn is_foreign(&self, order_ref: Option<&str>) -> bool {
        order_ref.is_some_and(|other| other != self.order.record.state.order_ref)
    }

    fn quantity(&self) -> Decimal {
        self.order.record.state.quantity.value()
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
                | Status::PendingCancel => origin == Origin::Snapshot,
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
        let state = &mut self.order.record.state;
        if state.last_error.is_none() && state.status != Status::Filled {
            state.last_error = Some(text.to_owned());
            self.out.changed = true;
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
        Amount::new((state.quantity.value() - state.filled.value()).max(Decimal::ZERO));
}

/// TWS itself has spoken of the order in one of its own words.
fn is_in_tws(status: Status) -> bool {
    match status {
        Status::ApiPending
        | Status::PendingSubmit
        | Status::PreSubmitted
        | Status::Submitted
        | Status::PendingCancel
        | Status::Unknown
        | Status::Filled
        | Status::Cancelled
        | Status::ApiCancelled
        | Status::Inactive => true,
        Status::Staged | Status::Submitting | Status::Unconfirmed | Status::Rejected => false,
    }
}

/// A completed status that says why an order was refused; `Filled Size: 1` and `Cancelled by Trader` say nothing of the kind.
fn rejection(completed_status: &Option<String>) -> Option<&str> {
    completed_status
        .as_deref()
        .filter(|text| text.to_ascii_lowercase().contains("reject"))
}
