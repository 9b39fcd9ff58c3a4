//! A replacement that a caller asks for: whether it can be made, and its row.

use super::super::super::batch::Row;
use super::super::super::input::{PendingRequest, ReplaceCommand};
use super::super::super::live_order::{Purpose, ReplacePhase, Replacing, Submission};
use super::super::super::rows::Stop;
use super::super::Step;
use super::super::instruction::{KnownRequest, request_id_reused};
use super::super::limits::warnings;
use super::not_shown;
use super::terms::terms_for;
use crate::domain::limits::Proposal;
use crate::domain::{
    Instruction, InstructionKind, InstructionOutcome, InstructionState, Replacement,
    ReplacementStatus, Status,
};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// A known request is answered with the order as it now is. Otherwise: the order's state, its terms, a session that knows it, a slot.
    pub(in super::super) fn replace(
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

    pub(super) fn store_replacement(
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
}
