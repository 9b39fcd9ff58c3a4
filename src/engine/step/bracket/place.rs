//! PlaceBracket: every order of a bracket is stored, and the family is queued as one.

use super::super::super::batch::{Effect, Row, Write};
use super::super::super::input::{BracketCommand, PendingRequest};
use super::super::super::live_order::{LiveOrder, OrderRuntime, Purpose, Submission};
use super::super::super::risk::Counted;
use super::super::super::rows::Stop;
use super::super::Step;
use super::super::limits::warnings;
use crate::domain::lifecycle::TrackedOrder;
use crate::domain::limits::Proposal;
use crate::domain::{Instruction, InstructionKind, Order, OrderIdentity, OrderRecord, OrderState};

/// Frames and barriers of a family beyond its first frame, at most.
const FRAMES_BEHIND_FIRST: usize = 4;

impl Step<'_> {
    /// As for a Place; then every order of the bracket is stored, and the family is queued as one.
    pub(in super::super) fn place_bracket(
        &mut self,
        ask: &PendingRequest,
        command: &BracketCommand,
    ) -> Result<(), Stop> {
        let kind = InstructionKind::PlaceBracket;
        if command.request_id_given
            && self.answered_before(ask, &command.request_id, command.digest, kind)?
        {
            return Ok(());
        }
        if let Err(violations) = command.bracket.entry().in_time(self.now.wall_time) {
            self.refuse(ask, violations.into());
            return Ok(());
        }
        let caller = ask.caller.key();
        if !self.trading(ask, "") || !self.not_before_restart(ask) {
            return Ok(());
        }
        let Some(session) = self.session_for_risk(ask) else {
            return Ok(());
        };
        let entry = command.bracket.entry();
        let accounts = &session.info.accounts;
        let account = match entry.account_for(accounts, &self.core.settings.limits) {
            Ok(account) => account,
            Err(violations) => {
                self.refuse(ask, violations.into());
                return Ok(());
            }
        };
        if !self.trading(ask, &account) {
            return Ok(());
        }
        let proposal = Proposal::bracket(&command.bracket, &account, caller);
        let Some(verdict) = self.within_limits(ask, &proposal) else {
            return Ok(());
        };
        if !self.slot_for_behind(ask, FRAMES_BEHIND_FIRST) || !self.ids_are_known(ask) {
            return Ok(());
        }
        let orders: Vec<&Order> = std::iter::once(entry)
            .chain(command.bracket.exits())
            .collect();
        let mut ids = Vec::new();
        for _ in &orders {
            let Some(order_id) = self.take_order_id(ask) else {
                return Ok(());
            };
            ids.push(order_id);
        }
        let bracket_id = ids[0];
        self.instructed(&proposal);
        self.batch.engine_state.instruction += 1;
        let instruction = self.batch.engine_state.instruction;
        for (at, (order, order_id)) in orders.into_iter().zip(&ids).enumerate() {
            let is_entry = *order_id == bracket_id;
            let identity = OrderIdentity {
                order_id: *order_id,
                client_id: self.core.settings.client_id,
                account: account.clone(),
                // The request id places the entry; its exits have none.
                request_id: if is_entry {
                    command.request_id.clone()
                } else {
                    String::new()
                },
            };
            let mut state = OrderState::submitting(identity, order.request(), self.now.wall_time);
            state.transmit = true;
            state.placed_by = ask.caller.stored_name();
            state.bracket_id = Some(bracket_id);
            state.parent_order_id = (!is_entry).then_some(bracket_id);
            let record = OrderRecord::new(state, instruction);
            let placed = record.placed();
            if is_entry {
                self.batch.rows.push(Row::Instruction(Box::new(Instruction {
                    state: placed,
                    request_id: Some(command.request_id.clone()),
                    digest: Some(command.digest),
                    caller: ask.caller.stored_name(),
                    order_id: Some(bracket_id),
                    limits_hash: self.batch.engine_state.limits_hash.clone(),
                    ..Instruction::new(
                        instruction,
                        InstructionKind::PlaceBracket,
                        self.now.wall_time,
                    )
                })));
            }
            let live = LiveOrder {
                order: TrackedOrder::new(record),
                runtime: OrderRuntime {
                    digest: is_entry.then_some(command.digest),
                    caller: Some(ask.caller.key()),
                    placed: Some(placed),
                    submission: Submission::Queued,
                    holds_family: true,
                    counted: Counted::at(verdict.unit_values.get(at).copied().flatten()),
                    ..OrderRuntime::default()
                },
            };
            self.touch(live, Write::Insert);
            self.changed(*order_id);
        }
        self.batch.engine_state.queued += ids.len() + FRAMES_BEHIND_FIRST;
        self.effect(Effect::QueueFamily(ids));
        let purpose = Purpose::Place { replayed: false };
        self.wait_warned(ask, bracket_id, purpose, warnings(&verdict));
        Ok(())
    }
}
