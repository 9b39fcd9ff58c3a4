//! Other terms for an order that TWS has.
//!
//! A replacement is a placeOrder under the order's id. So it is sent only in a session in which TWS has shown that very order: a TWS that has
//! forgotten the order would take it for a new one. It is sent once. What becomes of it only TWS's open orders say.

use std::time::Duration;

use super::super::batch::{Effect, Row};
use super::super::input::{PendingRequest, ReplaceCommand};
use super::super::live_order::{LiveOrder, Purpose, ReplacePhase, Replacing, Submission};
use super::super::rows::Stop;
use super::Step;
use super::instruction::KnownRequest;
use super::limits::warnings;
use crate::domain::lifecycle::{self, CodeKind, code_kind};
use crate::domain::limits::Proposal;
use crate::domain::{
    Instruction, InstructionKind, InstructionOutcome, InstructionState, OpenOrderReport,
    OrderReport, OrderState, OrderType, Origin, Replacement, ReplacementStatus, Status, Violation,
    Violations, WorkingTerms,
};
use crate::error::{Error, Reason};

/// A refusal beyond IB's price band first shows the new price: what TWS shows once counts when it still stands so long after.
const ECHO_STANDS_AFTER: Duration = Duration::from_secs(1);
/// Silence about a replacement for so long: open orders are asked for.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// Silence for so long: it is not confirmed. So long after it was accepted TWS may still take it back.
const UNDECIDED_FOR: Duration = Duration::from_secs(30);
/// Not a caller: the deadline is of an order's replacement.
pub(in crate::engine) const NOBODY: u64 = 0;

const OLD_TERMS: &str = "TWS still shows the old terms; the change may still come";

impl Step<'_> {
    /// A known request is answered with the order as it now is. Otherwise: the order's state, its terms, a session that knows it, a slot.
    pub(super) fn replace(
        &mut self,
        ask: &PendingRequest,
        command: &ReplaceCommand,
    ) -> Result<(), Stop> {
        let order_id = self.find_key(&command.key)?;
        if command.request_id_given
            && let Some(known) = self.request_known(&command.request_id)?
        {
            let digest = order_id.map(|order_id| command.change.digest(order_id));
            match (order_id, known) {
                (Some(order_id), KnownRequest::Other(known))
                    if known.kind == InstructionKind::Replace && known.digest == digest =>
                {
                    self.replaced_before(ask, order_id, &command.request_id);
                }
                (Some(_) | None, _) => self.refuse(ask, request_id_reused(&command.request_id)),
            }
            return Ok(());
        }
        let Some(order_id) = order_id else {
            self.refuse(ask, Error::order_not_found(&command.key));
            return Ok(());
        };
        self.replace_order(ask, command, order_id);
        Ok(())
    }

    fn replaced_before(&mut self, ask: &PendingRequest, order_id: i32, request_id: &str) {
        let purpose = Purpose::Replace { replayed: true };
        let pending = self.entry(order_id).is_some_and(|entry| {
            let last = entry.order.record.state.replacement.as_ref();
            last.is_some_and(|last| {
                last.request_id == request_id && last.status == ReplacementStatus::Pending
            })
        });
        if pending {
            self.wait(ask, order_id, purpose);
        } else {
            self.answer(ask.waiter, order_id, purpose);
        }
    }

    fn replace_order(&mut self, ask: &PendingRequest, command: &ReplaceCommand, order_id: i32) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if let Some(error) = entry.instruction_pending() {
            self.refuse(ask, error);
            return;
        }
        let state = &entry.order.record.state;
        let wanted = match terms_for(state, &command.change, command.expected_revision, None) {
            Ok(wanted) => wanted,
            Err(error) => {
                self.refuse(ask, error);
                return;
            }
        };
        if wanted == state.terms.working() {
            self.store_replacement(ask, order_id, command, InstructionState::Accepted);
            self.answer(ask.waiter, order_id, Purpose::Replace { replayed: false });
            return;
        }
        let status = state.status;
        let staged_in = match entry.runtime.submission {
            Submission::InFlight { session, .. } => Some(session),
            Submission::Unknown | Submission::Queued => None,
        };
        let shown_in = entry.runtime.shown_in;
        let account = state.account.clone();
        let unit = entry.runtime.counted.unit_value;
        let proposal = Proposal::replace(state, &wanted, unit, ask.caller.key());
        if !proposal.only_lowers() && !self.trading(ask, &account) {
            return;
        }
        let Some(session) = self.session_for_risk(ask) else {
            return;
        };
        let session = session.info.session;
        if status == Status::Staged {
            if staged_in != Some(session) {
                let text = format!(
                    "order {order_id} was staged in an earlier session, and whether TWS still has it cannot be seen: nothing was sent; cancel it and place another"
                );
                self.refuse(ask, Error::new(Reason::OrderState, text));
                return;
            }
        } else if shown_in != Some(session) {
            if ask.deadline <= self.now.monotonic {
                self.refuse(ask, not_shown());
            } else {
                self.park(ask);
            }
            return;
        }
        let Some(verdict) = self.within_limits(ask, &proposal) else {
            return;
        };
        if !self.slot_for(ask) {
            return;
        }
        self.instructed(&proposal);
        let before = self
            .entry(order_id)
            .map(|entry| entry.order.record.state.terms.working());
        let Some(before) = before else { return };
        let instruction = self.batch.engine_state.instruction + 1;
        if let Some(entry) = self.entry(order_id) {
            let unit = verdict.unit_values.first().copied().flatten();
            entry.runtime.counted.unit_value = unit.max(entry.runtime.counted.unit_value);
            entry.runtime.replace = Some(Replacing {
                instruction,
                phase: ReplacePhase::Queued,
                change: command.change,
                before,
                wanted,
                without_parent: false,
            });
        }
        self.store_replacement(ask, order_id, command, InstructionState::Queued);
        self.queue_place(order_id, status == Status::Staged);
        let purpose = Purpose::Replace { replayed: false };
        self.wait_warned(ask, order_id, purpose, warnings(&verdict));
    }

    fn store_replacement(
        &mut self,
        ask: &PendingRequest,
        order_id: i32,
        command: &ReplaceCommand,
        state: InstructionState,
    ) {
        let now = self.now.wall_time;
        let number = self.batch.engine_state.instruction + 1;
        self.batch.engine_state.instruction = number;
        let instruction = Instruction {
            request_id: Some(command.request_id.clone()),
            digest: Some(command.change.digest(order_id)),
            caller: ask.caller.stored_name(),
            order_id: Some(order_id),
            // Plain data with text keys, for which serialisation has no way to fail.
            body: serde_json::to_string(&command.change).ok(),
            limits_hash: self.batch.engine_state.limits_hash.clone(),
            ..Instruction::new(number, InstructionKind::Replace, now)
                .with(InstructionOutcome::new(state, now))
        };
        self.batch
            .instructions
            .insert(command.request_id.clone(), instruction.clone());
        self.batch
            .rows
            .push(Row::Instruction(Box::new(instruction)));
        if let Some(order) = self.order(order_id) {
            order.record.state.replacement = Some(Replacement {
                request_id: command.request_id.clone(),
                status: match state {
                    InstructionState::Accepted => ReplacementStatus::Accepted,
                    InstructionState::Queued
                    | InstructionState::Sent
                    | InstructionState::Refused
                    | InstructionState::Unconfirmed => ReplacementStatus::Pending,
                },
                change: command.change,
                error_code: None,
                error: None,
            });
            order.record.state.last_update = now;
        }
        self.changed(order_id);
    }

    /// What became of an order's replacement. Those who wait for it are answered.
    pub(super) fn decide_replace(
        &mut self,
        order_id: i32,
        status: ReplacementStatus,
        code: Option<i32>,
        error: Option<String>,
    ) {
        let now = self.now;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return;
        };
        let instruction = replacing.instruction;
        let (state, keep) = match status {
            ReplacementStatus::Pending => return,
            ReplacementStatus::Accepted => {
                replacing.phase = ReplacePhase::Accepted {
                    at: now.monotonic,
                    taken_back: false,
                };
                (InstructionState::Accepted, true)
            }
            ReplacementStatus::Refused => (InstructionState::Refused, false),
            ReplacementStatus::Unconfirmed => {
                replacing.phase = ReplacePhase::Unconfirmed;
                (InstructionState::Unconfirmed, true)
            }
        };
        if !keep || entry.order.record.state.terminal {
            entry.runtime.replace = None;
        }
        let Some(last) = &mut entry.order.record.state.replacement else {
            return;
        };
        last.status = status;
        last.error_code = code;
        last.error.clone_from(&error);
        entry.order.record.state.last_update = now.wall_time;
        let outcome = InstructionOutcome::new(state, now.wall_time).because(code, error);
        self.became(instruction, outcome);
        self.changed(order_id);
        self.settle_replaces(order_id);
    }

    /// A replacement that has not left is not sent any more.
    pub(super) fn withdraw_replace(&mut self, order_id: i32, reason: &str) {
        let queued = self.entry(order_id).is_some_and(|entry| {
            let replacing = entry.runtime.replace.as_ref();
            replacing.is_some_and(|replacing| replacing.phase == ReplacePhase::Queued)
        });
        if queued {
            self.effect(Effect::Unqueue(order_id));
            let error = format!("not sent: {reason}");
            self.decide_replace(order_id, ReplacementStatus::Refused, None, Some(error));
        }
    }

    /// An error of TWS about an order whose replacement is undecided is about the replacement: the order lives as long as its status says so.
    /// Answers whether it was that.
    pub(super) fn replace_refused(&mut self, order_id: i32, report: &OrderReport) -> bool {
        let OrderReport::Error(error) = report else {
            return false;
        };
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return false;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return false;
        };
        let undecided = match replacing.phase {
            ReplacePhase::Sent { session, .. } => session.is_some(),
            ReplacePhase::Shown { .. } => true,
            ReplacePhase::Queued | ReplacePhase::Accepted { .. } | ReplacePhase::Unconfirmed => {
                false
            }
        };
        let state = &entry.order.record.state;
        let is_about_it = match code_kind(error.code, &error.text) {
            CodeKind::Warning => false,
            CodeKind::CancelVerdict | CodeKind::CancelConfirmed => !state.cancel_requested,
            CodeKind::ModifyOnly | CodeKind::EndsNew { .. } | CodeKind::Unlisted => true,
        };
        if !undecided || !is_about_it || state.terminal {
            return false;
        }
        // A child whose parent has filled is changed without naming it.
        let names_parent = error.code == lifecycle::NO_SUCH_ORDER
            && state.bracket_id.is_some()
            && state
                .parent_order_id
                .is_some_and(|parent| ends_with_number(&error.text, parent));
        if names_parent && !replacing.without_parent {
            replacing.without_parent = true;
            replacing.phase = ReplacePhase::Queued;
            tracing::info!(
                order_id,
                "the parent is gone: the replacement is sent once more without it"
            );
            self.queue_place(order_id, false);
            return true;
        }
        lifecycle::noted(&mut entry.order, error.code, &error.text, now);
        self.mark_synced();
        self.decide_replace(
            order_id,
            ReplacementStatus::Refused,
            Some(error.code),
            Some(error.text.clone()),
        );
        self.reconcile_after(Duration::ZERO);
        true
    }

    /// What a report that was applied to an order says about its replacement.
    pub(super) fn follow_replace(&mut self, order_id: i32, report: &OrderReport, changed: bool) {
        let session = self.current_session();
        if let OrderReport::OpenOrder(_) | OrderReport::Status(_) = report
            && let Some(entry) = self.entry(order_id)
        {
            entry.runtime.shown_in = session;
        }
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = entry.runtime.replace.clone() else {
            return;
        };
        if entry.order.record.state.terminal {
            self.ended_first(order_id, &replacing);
            return;
        }
        if replacing.phase == ReplacePhase::Queued {
            if changed {
                self.check_again(order_id, &replacing);
            }
            return;
        }
        // One whose terms could not be read says nothing about them.
        if let OrderReport::OpenOrder(row) = report
            && row.terms.order_type.is_some()
        {
            self.shown_again(order_id, &replacing, row);
        }
    }

    /// The order ended while its replacement was undecided.
    fn ended_first(&mut self, order_id: i32, replacing: &Replacing) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let shows_new = replacing
            .change
            .is_in(&entry.order.record.state.terms.working());
        let refused = |step: &mut Self, error: &str| {
            let error = Some(error.to_owned());
            step.decide_replace(order_id, ReplacementStatus::Refused, None, error);
        };
        match replacing.phase {
            ReplacePhase::Queued => {
                self.effect(Effect::Unqueue(order_id));
                refused(self, "not sent: the order ended first");
            }
            ReplacePhase::Sent { .. } | ReplacePhase::Shown { .. } if shows_new => {
                self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
            }
            ReplacePhase::Sent { .. } | ReplacePhase::Shown { .. } => {
                refused(self, "the order ended first");
            }
            ReplacePhase::Accepted { taken_back, .. } if taken_back && !shows_new => {
                refused(self, "TWS took the change back, and the order ended");
            }
            ReplacePhase::Unconfirmed if shows_new => {
                self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
            }
            ReplacePhase::Accepted { .. } | ReplacePhase::Unconfirmed => {
                entry.runtime.replace = None;
            }
        }
    }

    /// The order changed while its replacement waits for its slot: it goes out on top of that, or not at all.
    fn check_again(&mut self, order_id: i32, replacing: &Replacing) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let state = &entry.order.record.state;
        match terms_for(state, &replacing.change, None, None) {
            Ok(wanted) => {
                let before = state.terms.working();
                if let Some(replacing) = &mut entry.runtime.replace {
                    replacing.before = before;
                    replacing.wanted = wanted;
                }
                if wanted == before {
                    self.effect(Effect::Unqueue(order_id));
                    self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
                }
            }
            Err(error) => self.withdraw_replace(order_id, &error.message),
        }
    }

    /// TWS shows the order's terms.
    fn shown_again(&mut self, order_id: i32, replacing: &Replacing, row: &OpenOrderReport) {
        let now = self.now.monotonic;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let shown = entry.order.record.state.terms.working();
        let is_new = replacing.change.is_in(&shown);
        let is_old = !is_new && shown == replacing.before;
        let asked = row.origin == Origin::Snapshot;
        let accept = |step: &mut Self| {
            step.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
        };
        match replacing.phase {
            ReplacePhase::Queued => {}
            // Old values come from before the write, so do others unless it is known to have been written.
            ReplacePhase::Sent { written, .. } => {
                if !is_new && (is_old || !written) {
                    return;
                }
                if asked {
                    accept(self);
                } else if let Some(replacing) = &mut entry.runtime.replace {
                    replacing.phase = ReplacePhase::Shown {
                        at: now,
                        taken_back: false,
                    };
                    self.effect(Effect::Deadline {
                        at: now + ECHO_STANDS_AFTER,
                        waiter: NOBODY,
                        order_id,
                    });
                }
            }
            ReplacePhase::Shown { at, .. } => {
                if !is_old {
                    accept(self);
                } else if asked {
                    self.taken_back(order_id);
                } else {
                    self.suspect(
                        order_id,
                        ReplacePhase::Shown {
                            at,
                            taken_back: true,
                        },
                    );
                }
            }
            ReplacePhase::Accepted { at, taken_back } => {
                if is_new {
                    self.set_phase(
                        order_id,
                        ReplacePhase::Accepted {
                            at,
                            taken_back: false,
                        },
                    );
                } else if is_old && asked && taken_back {
                    self.taken_back(order_id);
                } else if is_old {
                    self.suspect(
                        order_id,
                        ReplacePhase::Accepted {
                            at,
                            taken_back: true,
                        },
                    );
                }
            }
            ReplacePhase::Unconfirmed => {
                if is_new {
                    accept(self);
                }
            }
        }
    }

    /// TWS shows the old terms after the new ones: what it answers when it is asked decides.
    fn suspect(&mut self, order_id: i32, phase: ReplacePhase) {
        self.set_phase(order_id, phase);
        self.reconcile_after(Duration::ZERO);
    }

    fn taken_back(&mut self, order_id: i32) {
        let error = "TWS showed the new terms and took them back".to_owned();
        self.decide_replace(order_id, ReplacementStatus::Refused, None, Some(error));
    }

    fn set_phase(&mut self, order_id: i32, phase: ReplacePhase) {
        if let Some(entry) = self.entry(order_id)
            && let Some(replacing) = &mut entry.runtime.replace
        {
            replacing.phase = phase;
        }
    }

    /// A complete round has ended that began after a replacement left: what it showed are the order's terms.
    pub(super) fn judge_replace(&mut self, order_id: i32, round: u64) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &entry.runtime.replace else {
            return;
        };
        let ReplacePhase::Sent { round: begun, .. } = replacing.phase else {
            return;
        };
        if begun < round {
            let shown = entry.runtime.shown_round >= round;
            let text = if shown {
                OLD_TERMS
            } else {
                "TWS does not show the order; whether it took the change is not known"
            };
            let error = Some(text.to_owned());
            self.decide_replace(order_id, ReplacementStatus::Unconfirmed, None, error);
        }
    }

    /// TWS has read a replacement of a staged order, of which it shows nothing.
    pub(super) fn staged_replace_read(&mut self, order_id: i32) {
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &entry.runtime.replace else {
            return;
        };
        let sent = matches!(replacing.phase, ReplacePhase::Sent { .. });
        if !sent || entry.order.record.state.status != Status::Staged {
            return;
        }
        let wanted = replacing.wanted;
        let (revision, terms) = lifecycle::staged_replaced(&mut entry.order, wanted, now);
        self.batch.rows.push(Row::Terms {
            order_id,
            revision,
            terms,
        });
        self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
        if let Some(entry) = self.entry(order_id) {
            entry.runtime.replace = None;
        }
    }

    /// The adapter says how it went with a placeOrder. Answers whether it was a replacement.
    pub(super) fn replace_sent(
        &mut self,
        session: u64,
        order_id: i32,
        outcome: &crate::tws::Sent,
    ) -> bool {
        let now = self.now.monotonic;
        let Some(entry) = self.entry(order_id) else {
            return false;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return false;
        };
        let ReplacePhase::Sent {
            session: sent_in,
            written,
            at,
            ..
        } = &mut replacing.phase
        else {
            return false;
        };
        if *sent_in != Some(session) {
            return false;
        }
        match outcome {
            crate::tws::Sent::Written => *written = true,
            crate::tws::Sent::NotSent { reason } => {
                let error = Some(format!("not sent: {reason}"));
                self.decide_replace(order_id, ReplacementStatus::Refused, None, error);
            }
            crate::tws::Sent::Unknown { .. } => {
                *sent_in = None;
                *at = now;
                self.reconcile_after(Duration::ZERO);
            }
        }
        true
    }

    /// The session is over: what was sent in it may have arrived.
    pub(super) fn replaces_unknown(&mut self, session: u64) -> Result<(), Stop> {
        let sent = self.ids_where(|entry| {
            let replacing = entry.runtime.replace.as_ref();
            replacing.is_some_and(|replacing| {
                matches!(replacing.phase, ReplacePhase::Sent { session: sent_in, .. } if sent_in == Some(session))
            })
        });
        for order_id in &sent {
            self.find(*order_id)?;
        }
        let now = self.now.monotonic;
        let round = self.batch.engine_state.reconcile.round;
        for order_id in sent {
            self.set_phase(
                order_id,
                ReplacePhase::Sent {
                    session: None,
                    at: now,
                    round,
                    written: true,
                    asked: true,
                },
            );
        }
        Ok(())
    }

    /// What has waited long enough for TWS's decision.
    pub(super) fn replaces_due(&mut self) -> Result<(), Stop> {
        let replacing = self.ids_where(|entry| entry.runtime.replace.is_some());
        for order_id in &replacing {
            self.find(*order_id)?;
        }
        for order_id in replacing {
            self.replace_due(order_id);
        }
        Ok(())
    }

    /// The same for one order.
    pub(super) fn replace_due(&mut self, order_id: i32) {
        let now = self.now.monotonic;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return;
        };
        match &mut replacing.phase {
            ReplacePhase::Queued | ReplacePhase::Unconfirmed => {}
            ReplacePhase::Sent { at, asked, .. } => {
                let since = *at;
                if since + UNDECIDED_FOR <= now {
                    let error = Some(OLD_TERMS.to_owned());
                    self.decide_replace(order_id, ReplacementStatus::Unconfirmed, None, error);
                } else if since + ASK_AFTER <= now && !std::mem::replace(asked, true) {
                    self.reconcile_after(Duration::ZERO);
                }
            }
            ReplacePhase::Shown { at, taken_back } => {
                if *taken_back && *at + UNDECIDED_FOR <= now {
                    let error = Some(OLD_TERMS.to_owned());
                    self.decide_replace(order_id, ReplacementStatus::Unconfirmed, None, error);
                } else if !*taken_back && *at + ECHO_STANDS_AFTER <= now {
                    self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
                }
            }
            ReplacePhase::Accepted { at, taken_back } => {
                if !*taken_back && *at + UNDECIDED_FOR <= now {
                    entry.runtime.replace = None;
                }
            }
        }
    }

    fn current_session(&self) -> Option<u64> {
        let session = self.batch.engine_state.session.as_ref();
        session.map(|session| session.info.session)
    }
}

/// The terms that an order would have with a change made.
///
/// # Errors
/// `ORDER_STATE`, `ORDER_CHANGED`, `ORDER_INVALID`.
pub(crate) fn terms_for(
    state: &OrderState,
    change: &crate::domain::TermsChange,
    expected_revision: Option<u32>,
    notional_max: Option<crate::domain::Amount>,
) -> Result<WorkingTerms, Error> {
    let order_id = state.order_id;
    let cannot = |why: &str| {
        let status = state.status;
        let text =
            format!("order {order_id} is {status} and cannot be replaced: {why}; nothing was sent");
        Err(Error::new(Reason::OrderState, text))
    };
    match state.status {
        Status::PreSubmitted | Status::Submitted | Status::Staged => {}
        Status::Inactive if !state.terminal => {}
        Status::Submitting | Status::Unconfirmed | Status::ApiPending | Status::PendingSubmit => {
            return cannot("TWS has not shown that it works");
        }
        Status::PendingCancel => return cannot("a cancel of it is under way"),
        Status::Unknown => return cannot("what its status means is not known"),
        Status::Filled
        | Status::Cancelled
        | Status::ApiCancelled
        | Status::Inactive
        | Status::Rejected => return cannot("it has ended; place a new one"),
    }
    if state.cancel_requested {
        return cannot("a cancel of it was asked for");
    }
    if !state.other_perm_ids.is_empty() {
        return cannot("TWS works a second order under its id; cancel it to end both");
    }
    if state.terms.pricing.order_type() == OrderType::Other {
        return cannot("it was changed in TWS to a type that this version does not have");
    }
    if state.bracket_id.is_some() && change.quantity.is_some() {
        return cannot("the quantity of a bracket's order cannot be changed");
    }
    if expected_revision.is_some_and(|expected| expected != state.terms_revision) {
        let text = format!(
            "order {order_id} has terms of revision {}, not of the one expected: nothing was sent; read the order and decide again",
            state.terms_revision
        );
        return Err(Error::new(Reason::OrderChanged, text));
    }
    let wanted = change.applied(&state.terms, state.filled)?;
    if let (Some(max), Some(price)) = (notional_max, wanted.pricing.limit_price()) {
        let worth = wanted.quantity.value().checked_mul(price.value());
        if worth.is_none_or(|worth| worth > max.value()) {
            let msg = format!(
                "the order would be worth more than {max} (MAX_ORDER_NOTIONAL): lower quantity or limit_price"
            );
            let input = wanted.quantity.to_string().into();
            let violation = Violation::field("value_error", "quantity", msg, input);
            return Err(Violations(vec![violation]).into());
        }
    }
    Ok(wanted)
}

impl LiveOrder {
    /// Why no instruction but a cancel can be taken now: one is on its way.
    pub(crate) fn instruction_pending(&self) -> Option<Error> {
        let replacing = self.runtime.replace.as_ref();
        let what = if replacing.is_some_and(Replacing::is_undecided) {
            "a replacement"
        } else if self.order.record.state.status == Status::Submitting {
            "its placement or release"
        } else {
            return None;
        };
        let order_id = self.order.record.state.order_id;
        let text = format!(
            "{what} of order {order_id} is on its way: nothing was sent; wait for what becomes of it, or cancel the order"
        );
        Some(Error::new(Reason::InstructionPending, text))
    }
}

/// A request id was used for something else.
pub(super) fn request_id_reused(request_id: &str) -> Error {
    let text = format!(
        "request id {request_id} was used for another instruction: give each instruction an id of its own"
    );
    Error::new(Reason::RequestIdReused, text)
}

/// TWS has not shown the order in this session.
pub(in crate::engine) fn not_shown() -> Error {
    Error::new(
        Reason::TwsUnavailable,
        "TWS has not shown this order in this session, and a change of an order that it does not have would be a new order: nothing was sent; try again",
    )
    .retry_after(Duration::from_secs(1))
}

/// Whether a text says this number as its last one.
fn ends_with_number(text: &str, number: i32) -> bool {
    let digits: String = text
        .chars()
        .rev()
        .skip_while(|character| !character.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.chars().rev().eq(number.to_string().chars())
}
