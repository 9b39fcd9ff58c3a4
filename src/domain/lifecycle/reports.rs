//! What open orders, statuses, executions, commissions and completed orders do to an order.

use rust_decimal::Decimal;

use super::codes::HELD;
use super::follow::follow;
use super::progress::filled_size;
use super::{ExecutionChange, Reopening, SecondOrder, Step};
use crate::domain::{
    Amount, CommissionReport, CompletedReport, ExecutionReport, Fill, OpenOrderReport, OrderReport,
    Origin, Status, StatusReport,
};

impl Step<'_> {
    pub(super) fn open_order(&mut self, report: &OpenOrderReport) {
        let OpenOrderReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            order_ref: _,
            account: _,
            contract,
            terms,
            filled_quantity,
            status,
            reject_reason,
            warning_text: _,
            completed_status,
        } = report;
        self.acknowledge(*perm_id);
        if self.order.record.con_id.is_none() && contract.con_id.is_some() {
            self.order.record.con_id = contract.con_id;
            self.out.changed = true;
        }
        let before = self.order.record.state.terms.clone();
        let was_whole = self.filled() >= before.quantity.value();
        if follow(&mut self.order.record.state.terms, terms) {
            self.terms_changed(&before);
        }
        // A raised quantity of an order that was filled: the rest works.
        let raised = was_whole
            && self.order.record.state.terms.quantity > before.quantity
            && self.filled() < self.quantity();
        if terms.parent_order_id != self.order.record.state.parent_order_id
            && terms.parent_order_id.is_some()
        {
            self.order.record.state.parent_order_id = terms.parent_order_id;
            self.out.changed = true;
        }
        let word = Status::from_tws(status);
        if word == Status::Filled {
            let counted = [*filled_quantity, filled_size(completed_status.as_deref())];
            self.filled_by_word(counted.into_iter().flatten().max());
        }
        self.word(
            word,
            *origin,
            if raised {
                Reopening::Allowed
            } else {
                Reopening::No
            },
        );
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
            why_held,
        } = report;
        self.acknowledge(*perm_id);
        let word = Status::from_tws(status);
        let known = self.filled();
        // Sent before what we know already: its numbers and its word are old, unless the word ends the order.
        let stale = filled.value() < known
            && !word.is_terminal()
            && is_in_tws(self.order.record.state.status);
        let unknown_word = word == Status::Unknown && self.is_another_unknown_word(status);
        if word == Status::Filled {
            self.filled_by_word(Some(*filled));
        } else {
            self.raise_counted(filled.value());
        }
        if filled.value() >= self.filled() {
            self.average(*avg_fill_price);
        }
        if !stale {
            self.held_by_status(word, why_held.as_deref());
            // A part of a filled order works on: somebody raised it. Where the filled quantity is not known only an answer to a query can say so.
            let reopens = remaining.is_positive()
                && filled.value() >= known
                && (!self.order.record.state.fill_quantity_unknown || *origin == Origin::Snapshot);
            self.word(
                word,
                *origin,
                if reopens {
                    Reopening::Allowed
                } else {
                    Reopening::No
                },
            );
            if word != Status::Filled && filled.value() >= known {
                self.remains(*remaining, *filled);
            }
        }
        // All of it filled without the word: TWS itself says that nothing remains.
        if remaining.is_zero()
            && filled.is_positive()
            && word != Status::Filled
            && !word.is_terminal()
            && filled.value() >= self.quantity()
        {
            self.filled_by_word(Some(*filled));
            self.word(Status::Filled, *origin, Reopening::No);
        }
        if unknown_word {
            self.out.changed = true;
        }
        self.settle();
    }

    pub(super) fn execution(&mut self, report: &ExecutionReport) {
        let ExecutionReport {
            origin,
            order_id: _,
            client_id: _,
            perm_id,
            order_ref: _,
            account: _,
            contract: _,
            side: _,
            exec_id: _,
            quantity: _,
            price: _,
            exchange: _,
            time_text: _,
            time: _,
            cumulative_quantity,
            avg_price: _,
        } = report;
        let before = self.order.executions.quantity();
        let change = self.order.executions.take(
            fill(self.order.record.state.order_id, report, None),
            cumulative_quantity.map(Amount::value),
            true,
        );
        self.acknowledge(*perm_id);
        // An execution query lists dead orders too: only a live execution shows that TWS still holds the order.
        self.out.seen_at_broker = *origin == Origin::Live;
        let is_new = matches!(change, Some(ExecutionChange::New(_)));
        let executed = self.order.executions.quantity();
        if matches!(change, Some(ExecutionChange::Replaced { .. })) {
            self.corrected(before, executed);
        }
        // Also one told again can show that more of the known ones count.
        self.raise_filled(executed);
        if let Some(change) = change {
            if is_new && let Some(cumulative) = cumulative_quantity {
                self.raise_counted(cumulative.value().min(self.quantity()));
            }
            self.total_commissions();
            self.out.changed = true;
            self.out.execution = Some(change);
        }
        // What fills now works. A row of the query may be of an order that is over, and one known already says nothing new: only of
        // an order that TWS said nothing about does it show that it went through.
        match self.order.record.state.status {
            Status::Staged | Status::Submitting if is_new => self.works(),
            Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
                // A stop can fill while TWS still says that it waits for its trigger.
                if is_new
                    && *origin == Origin::Live
                    && self.order.record.state.why_held.is_none() =>
            {
                self.works();
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
            self.total_commissions();
            self.out.changed = true;
            self.out.execution = Some(change);
        }
    }

    pub(super) fn completed(&mut self, report: &CompletedReport) {
        let CompletedReport {
            order_id: _,
            client_id: _,
            perm_id,
            order_ref: _,
            account: _,
            contract: _,
            terms: _, // its quantity is what did not fill, and its prices are those of the end
            status,
            unfilled: _,
            filled,
            completed_status,
        } = report;
        self.acknowledge(*perm_id);
        let word = Status::from_tws(status);
        let counted = [*filled, filled_size(completed_status.as_deref())];
        let counted = counted.into_iter().flatten().max();
        if word == Status::Filled {
            self.filled_by_word(counted);
        } else if let Some(counted) = counted {
            self.raise_counted(counted.value());
        }
        if word.is_terminal() {
            self.word(word, Origin::Snapshot, Reopening::No);
            if word != Status::Filled
                && let Some(reason) = rejection(completed_status)
            {
                self.reason(reason);
            }
        }
        self.settle();
    }

    /// Keeps what TWS says about a second order of ours under the same id apart from the first.
    pub(super) fn second_order(&mut self, perm_id: i64, report: &OrderReport) {
        let ids = &mut self.order.record.state.other_perm_ids;
        let is_new = !ids.contains(&perm_id);
        if is_new {
            ids.push(perm_id);
            self.out.changed = true;
        }
        let ended = match report {
            OrderReport::OpenOrder(report) => Some(Status::from_tws(&report.status).is_terminal()),
            OrderReport::Status(report) => Some(Status::from_tws(&report.status).is_terminal()),
            OrderReport::Completed(_) => Some(true),
            OrderReport::Execution(report) => {
                let order_id = self.order.record.state.order_id;
                let change =
                    self.order
                        .executions
                        .take(fill(order_id, report, Some(perm_id)), None, false);
                self.out.changed |= change.is_some();
                self.out.execution = change;
                None
            }
            OrderReport::Commission(_) | OrderReport::Error(_) => None,
        };
        let working = &mut self.order.record.other_working;
        let works = working.contains(&perm_id);
        match ended {
            Some(true) if works => {
                working.retain(|known| *known != perm_id);
                self.out.changed = true;
            }
            Some(false) | None if !works && (is_new || ended == Some(false)) => {
                working.push(perm_id);
                self.out.changed = true;
            }
            Some(true | false) | None => {}
        }
        self.out.acknowledged_by_broker = true;
        self.out.second_order = Some(SecondOrder {
            perm_id,
            ended,
            is_new,
        });
    }

    /// Takes over why TWS holds the order. An Inactive without a reason does not take back a hold that TWS announced by a message.
    fn held_by_status(&mut self, word: Status, why_held: Option<&str>) {
        let state = &mut self.order.record.state;
        let announced = word == Status::Inactive && state.last_error_code == Some(HELD);
        if state.why_held.as_deref() != why_held && !(why_held.is_none() && announced) {
            state.why_held = why_held.map(str::to_owned);
            self.out.changed = true;
        }
    }

    fn works(&mut self) {
        self.worked(Status::Submitted);
        self.set_status(Status::Submitted);
    }

    fn filled(&self) -> Decimal {
        self.order.record.state.filled.value()
    }

    fn quantity(&self) -> Decimal {
        self.order.record.state.terms.quantity.value()
    }

    /// A correction moves what is known by its difference, also downwards; what it takes away did not fill.
    fn corrected(&mut self, before: Decimal, executed: Decimal) {
        let state = &mut self.order.record.state;
        let known = state.filled.value();
        let corrected = (known + executed - before).max(executed);
        state.filled = Amount::new(corrected);
        let remaining = state.remaining.value() + (known - corrected);
        state.remaining = Amount::new(remaining.max(Decimal::ZERO));
    }

    /// Whether an unknown word differs from the unknown word that TWS said last.
    fn is_another_unknown_word(&self, word: &str) -> bool {
        #[derive(serde::Deserialize)]
        struct Said {
            status: Option<String>,
        }
        let state = &self.order.record.state;
        state.status == Status::Unknown
            && state
                .raw_state
                .as_deref()
                .and_then(|raw| serde_json::from_str::<Said>(raw).ok())
                .and_then(|said| said.status)
                .is_some_and(|said| said != word)
    }
}

/// `second` is the permanent id of a second order that executed under the same order id.
fn fill(order_id: i32, report: &ExecutionReport, second: Option<i64>) -> Fill {
    Fill {
        order_id,
        exec_id: report.exec_id.clone(),
        perm_id: second,
        quantity: report.quantity,
        price: report.price,
        time: report.time,
        exchange: report.exchange.clone(),
        commission: None,
        currency: None,
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
