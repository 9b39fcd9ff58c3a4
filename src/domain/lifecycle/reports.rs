//! What open orders, statuses, executions, commissions and completed orders do to an order.

use super::{ExecutionChange, Step};
use crate::domain::{
    Amount, CommissionReport, CompletedReport, ExecutionReport, Fill, OpenOrderReport, Origin,
    Status, StatusReport,
};

impl Step<'_> {
    pub(super) fn open_order(&mut self, report: &OpenOrderReport) {
        let OpenOrderReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            order_ref,
            account: _,
            contract: _,
            terms: _,
            filled_quantity: _,
            status,
            reject_reason,
            warning_text: _,
            completed_status,
        } = report;
        if self.is_foreign(order_ref.as_deref()) {
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

    pub(super) fn status(&mut self, report: &StatusReport) {
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
            let quantity = self.order.record.state.terms.quantity.value();
            if filled.value() >= quantity {
                self.word(Status::Filled, *origin);
            }
        }
        self.settle();
    }

    pub(super) fn execution(&mut self, report: &ExecutionReport) {
        let ExecutionReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            order_ref,
            account: _,
            contract: _,
            side: _,
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
            perm_id: None,
        });
        self.acknowledge(*perm_id);
        // An execution query lists dead orders too: only a live execution shows that TWS still holds the order.
        self.out.traced = *origin == Origin::Live;
        let is_new = matches!(change, Some(ExecutionChange::New(_)));
        if let Some(change) = change {
            let sum = self.order.executions.quantity();
            let state = &mut self.order.record.state;
            if matches!(change, ExecutionChange::Replaced { .. }) {
                // A correction moves what is known by its difference, also downwards.
                let corrected = (state.filled.value() + sum - before).max(sum);
                state.filled = Amount::new(corrected);
            }
            self.raise_filled(sum);
            if is_new && let Some(cumulative) = cumulative_quantity {
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
        // What fills now works. A row of the query may be of an order that is over, and one known already says nothing new: only of
        // an order that TWS said nothing about does it show that it went through.
        match self.order.record.state.status {
            Status::Staged | Status::Submitting if is_new => self.set_status(Status::Submitted),
            Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
                if is_new && *origin == Origin::Live =>
            {
                self.set_status(Status::Submitted);
            }
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
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

    pub(super) fn commission(&mut self, report: &CommissionReport) {
        let CommissionReport {
            origin,
            exec_id,
            amount,
            currency,
        } = report;
        // TWS may show executions again without their commissions: zero then says nothing.
        if *origin == Origin::Snapshot && amount.is_zero() {
            return;
        }
        if let Some(change) = self.order.executions.charge(exec_id, *amount, currency) {
            self.total_commission();
            self.out.changed = true;
            self.out.execution = Some(change);
        }
    }

    pub(super) fn completed(&mut self, report: &CompletedReport) {
        let CompletedReport {
            order_id: _,
            client_id: _,
            perm_id,
            order_ref,
            account: _,
            contract: _,
            terms: _,
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
