//! Limits, held in the batch that stores what they are held against.

use std::sync::Arc;

use super::super::input::{PendingRequest, PlaceCommand};
use super::super::risk::recount;
use super::Step;
use crate::domain::lifecycle::ExecutionChange;
use crate::domain::limits::{
    Broken, Instrument, Limits, Proposal, Shares, Verdict, View, check, check_alone,
};
use crate::domain::{Fill, RuleViolation};
use crate::error::Error;

impl Step<'_> {
    /// Whether an instruction keeps to every limit; refuses it otherwise, with every rule that it breaks.
    pub(super) fn within_limits(
        &mut self,
        ask: &PendingRequest,
        proposal: &Proposal,
    ) -> Option<Verdict> {
        let verdict = self.verdict(proposal);
        if !verdict.broken.is_empty() {
            self.break_limits(ask, &verdict.broken);
            return None;
        }
        Some(verdict)
    }

    /// An instruction that keeps to the limits was taken: it counts from here on, for the rest of this batch too.
    pub(super) fn instructed(&mut self, proposal: &Proposal) {
        let steady = self.core.risk.clock(self.now).steady;
        let Proposal {
            account, caller, ..
        } = proposal;
        self.batch.totals.instructed(account, caller, steady);
    }

    /// The account that an order would go to, as far as that is known without a session.
    pub(super) fn account_without_session(&self, command: &PlaceCommand) -> String {
        let pinned = self.batch.engine_state.accounts.as_deref();
        command
            .order
            .account_for(pinned.unwrap_or_default(), &self.core.settings.limits)
            .ok()
            .or_else(|| command.order.request().account.clone())
            .or_else(|| self.core.settings.limits.account.clone())
            .unwrap_or_default()
    }

    fn verdict(&self, proposal: &Proposal) -> Verdict {
        let risk = &self.core.risk;
        let view = View::new(&risk.totals, &self.batch.totals);
        let limits = &self.batch.engine_state.limits;
        check(
            proposal,
            view,
            &risk.positions,
            limits,
            risk.clock(self.now),
        )
    }

    /// Whether an instruction that has to wait for a session keeps to the limits that concern it by itself; refuses it otherwise.
    pub(super) fn within_limits_alone(
        &mut self,
        ask: &PendingRequest,
        proposal: &Proposal,
    ) -> bool {
        let verdict = check_alone(proposal, &self.batch.engine_state.limits);
        if verdict.broken.is_empty() {
            return true;
        }
        self.break_limits(ask, &verdict.broken);
        false
    }

    fn break_limits(&mut self, ask: &PendingRequest, broken: &[Broken]) {
        for rule in broken {
            self.batch.engine_state.rules_broken[rule.rule as usize] += 1;
        }
        let broken = broken.iter().map(RuleViolation::from).collect();
        self.refuse(ask, Error::risk_limit(broken));
    }

    /// An order has changed: what it counts for does too.
    pub(super) fn count(&mut self, order_id: i32) {
        let day = self.core.risk.day;
        let Some(touched) = self.batch.touched.get_mut(&order_id) else {
            return;
        };
        let (before, after) = recount(&mut touched.entry, day);
        if before.as_deref() == Some(&*after) {
            return;
        }
        self.batch.totals.change(
            Some(&self.core.risk.totals),
            order_id,
            before.as_deref(),
            Some(&after),
        );
    }

    /// An execution changes a position, and tells a price.
    pub(super) fn count_execution(&mut self, order_id: i32, change: &ExecutionChange) {
        let (taken_back, fill) = match change {
            ExecutionChange::New(fill) => (None, fill),
            ExecutionChange::Replaced { previous, fill } => (Some(previous.as_str()), fill),
            ExecutionChange::CommissionReported(_) => return,
        };
        let Some(touched) = self.batch.touched.get(&order_id) else {
            return;
        };
        let state = &touched.entry.order.record.state;
        let account: Arc<str> = state.account.as_str().into();
        let instrument = Instrument::new(state.terms.symbol(), &state.terms.contract.currency);
        let action = state.terms.action;
        // What a correction corrects is not known here any more: what remains of the order is, and positions follow from TWS's word.
        if taken_back.is_some() {
            return;
        }
        let Fill {
            quantity,
            price,
            time,
            ..
        } = fill;
        self.batch.totals.executed(
            &account,
            &instrument,
            action,
            Shares::of(quantity.value()),
            price.value(),
            time.unwrap_or(self.now.wall_time),
        );
    }

    /// Another version of the limits counts from here on.
    pub(super) fn take_limits(&mut self, limits: &Arc<Limits>) {
        let before = Arc::clone(&self.batch.engine_state.limits);
        self.audit_limits(&before, limits);
        let engine_state = &mut self.batch.engine_state;
        engine_state.limits = Arc::clone(limits);
        engine_state.limits_hash = limits.hash_text().map(Arc::from);
    }
}

/// What an answer warns of.
pub(super) fn warnings(verdict: &Verdict) -> Vec<RuleViolation> {
    verdict.warnings.iter().map(RuleViolation::from).collect()
}
