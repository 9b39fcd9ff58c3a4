//! A new order.

use std::sync::Arc;

use super::super::batch::{Row, Write};
use super::super::input::{PendingRequest, PlaceCommand};
use super::super::live_order::{LiveOrder, OrderRuntime, Purpose, Submission};
use super::super::risk::Counted;
use super::super::rows::Stop;
use super::Step;
use super::instruction::request_id_reused;
use super::limits::warnings;
use crate::domain::lifecycle::TrackedOrder;
use crate::domain::limits::Proposal;
use crate::domain::{
    Instruction, InstructionKind, Oca, Order, OrderIdentity, OrderRecord, OrderState, Status,
    Violation, Violations,
};
use crate::error::{Error, Reason};

/// The order of a known request id is in the store no more.
fn pruned(request_id: &str, order_id: i32) -> Error {
    Error::new(
        Reason::OrderNotFound,
        format!(
            "request id {request_id} placed order {order_id}, which has ended and was pruned from the store: nothing was sent; look in the archive, and give a new order a request id of its own"
        ),
    )
}

impl Step<'_> {
    /// Whether the caller is answered by what the request id did before: with the order that it placed, or with why it places none.
    pub(super) fn answered_before(
        &mut self,
        ask: &PendingRequest,
        request_id: &str,
        digest: [u8; 32],
        kind: InstructionKind,
    ) -> Result<bool, Stop> {
        let known = match self.known_request(request_id) {
            Some(order_id) => Some(order_id),
            None => match self.find_instruction(request_id)? {
                None => return Ok(false),
                Some(known) if known.kind == kind => known.order_id,
                Some(_) => None,
            },
        };
        match known {
            None => self.refuse(ask, request_id_reused(request_id)),
            Some(order_id) if !self.find(order_id)? => {
                self.refuse(ask, pruned(request_id, order_id));
            }
            Some(order_id) => {
                let known = self.digest_of(order_id, request_id)?;
                self.again(ask, request_id, digest, order_id, known);
            }
        }
        Ok(true)
    }

    /// A known request is answered with the order it made, before anything else is asked. Otherwise: connected, guards, account, limits,
    /// slot, id, row. What an order is by itself is held against the limits before its caller waits for a session.
    pub(super) fn place(
        &mut self,
        ask: &PendingRequest,
        command: &PlaceCommand,
    ) -> Result<(), Stop> {
        if command.request_id_given
            && self.answered_before(
                ask,
                &command.request_id,
                command.digest,
                InstructionKind::Place,
            )?
        {
            return Ok(());
        }
        if let Err(violations) = command.order.in_time(self.now.wall_time) {
            self.refuse(ask, violations.into());
            return Ok(());
        }
        let permitted = command.order.permitted_account(&self.core.settings.limits);
        if let Err(violations) = permitted {
            self.refuse(ask, violations.into());
            return Ok(());
        }
        let caller = ask.caller.key();
        let known_account = self.account_without_session(command);
        if !self.trading(ask, &known_account) || !self.not_before_restart(ask) {
            return Ok(());
        }
        if self.batch.engine_state.session.is_none() {
            let proposal = Proposal::place(&command.order, &known_account, Arc::clone(&caller));
            if !self.within_limits_alone(ask, &proposal) {
                return Ok(());
            }
        }
        let Some(session) = self.session_for_risk(ask) else {
            return Ok(());
        };
        let accounts = &session.info.accounts;
        let account = match command
            .order
            .account_for(accounts, &self.core.settings.limits)
        {
            Ok(account) => account,
            Err(violations) => {
                self.refuse(ask, violations.into());
                return Ok(());
            }
        };
        if !self.trading(ask, &account) {
            return Ok(());
        }
        if let Err(violations) = self.joins_group(&command.order, &account)? {
            self.refuse(ask, violations.into());
            return Ok(());
        }
        let proposal = Proposal::place(&command.order, &account, caller);
        let Some(verdict) = self.within_limits(ask, &proposal) else {
            return Ok(());
        };
        if !self.slot_for(ask) || !self.ids_are_known(ask) {
            return Ok(());
        }
        let Some(order_id) = self.take_order_id(ask) else {
            return Ok(());
        };
        self.instructed(&proposal);
        self.batch.engine_state.instruction += 1;
        let mut record = self.record(order_id, account, command);
        record.state.placed_by = ask.caller.stored_name();
        let placed = record.placed();
        self.batch.rows.push(Row::Instruction(Box::new(Instruction {
            state: placed,
            request_id: Some(command.request_id.clone()),
            digest: Some(command.digest),
            caller: ask.caller.stored_name(),
            order_id: Some(order_id),
            limits_hash: self.batch.engine_state.limits_hash.clone(),
            ..Instruction::new(
                record.instruction,
                InstructionKind::Place,
                self.now.wall_time,
            )
        })));
        let entry = LiveOrder {
            order: TrackedOrder::new(record),
            runtime: OrderRuntime {
                digest: Some(command.digest),
                caller: Some(ask.caller.key()),
                placed: Some(placed),
                submission: Submission::Queued,
                counted: Counted::at(verdict.unit_values.first().copied().flatten()),
                ..OrderRuntime::default()
            },
        };
        self.touch(entry, Write::Insert);
        self.changed(order_id);
        self.queue_place(order_id, !command.order.request().transmit);
        let purpose = Purpose::Place { replayed: false };
        self.wait_warned(ask, order_id, purpose, warnings(&verdict));
        Ok(())
    }

    /// The digest of what was instructed under a request id: an order that was read from the store has it there.
    pub(super) fn digest_of(
        &mut self,
        order_id: i32,
        request_id: &str,
    ) -> Result<Option<[u8; 32]>, Stop> {
        match self.entry(order_id).and_then(|entry| entry.runtime.digest) {
            Some(known) => Ok(Some(known)),
            None => self.rows.digest(request_id),
        }
    }

    /// The same request again, or another order under its id.
    pub(super) fn again(
        &mut self,
        ask: &PendingRequest,
        request_id: &str,
        digest: [u8; 32],
        order_id: i32,
        known: Option<[u8; 32]>,
    ) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        entry.runtime.digest = known;
        if known != Some(digest) {
            let error = Error::new(
                Reason::RequestIdReused,
                format!(
                    "request id {request_id} was used for another order ({order_id}): give each order an id of its own"
                ),
            );
            self.refuse(ask, error);
            return;
        }
        let purpose = Purpose::Place { replayed: true };
        let first_still_waits = entry.order.record.state.status == Status::Submitting
            && entry
                .runtime
                .waiters
                .iter()
                .any(|waiter| matches!(waiter.purpose, Purpose::Place { .. }));
        if first_still_waits {
            self.wait(ask, order_id, purpose);
        } else {
            self.answer(ask.waiter, order_id, purpose);
        }
    }

    /// Whether an order may join its OCA group: its members share the account, and none of them has ended. TWS would take it for the first of a
    /// new group of that name, which nothing cancels.
    fn joins_group(
        &mut self,
        order: &Order,
        account: &str,
    ) -> Result<Result<(), Violations>, Stop> {
        let Some(Oca { group, .. }) = &order.request().terms.oca else {
            return Ok(Ok(()));
        };
        let stored = self.rows.oca_members(group)?;
        let of_group = |record: &OrderRecord| {
            let oca = record.state.terms.oca.as_ref();
            oca.is_some_and(|oca| oca.group == *group)
        };
        let in_batch = self.batch.touched.values();
        let in_batch = in_batch.map(|touched| &touched.entry.order.record);
        let members = stored
            .iter()
            .filter(|record| !self.batch.touched.contains_key(&record.state.order_id))
            .chain(in_batch.filter(|record| of_group(record)));
        for OrderRecord { state, .. } in members {
            let order_id = state.order_id;
            let msg = if state.status == Status::Rejected {
                // It never was in the group.
                continue;
            } else if state.account != account {
                format!(
                    "order {order_id} of this group is for account {}: the orders of a group share one; give this one another group",
                    state.account
                )
            } else if state.terminal {
                format!(
                    "order {order_id} of this group has ended ({}), and with it the group: give the orders a new name",
                    state.status
                )
            } else {
                continue;
            };
            let input = group.as_str().into();
            let violation = Violation::field("value_error", "oca_group", msg, input);
            return Ok(Err(Violations(vec![violation])));
        }
        Ok(Ok(()))
    }

    fn record(&self, order_id: i32, account: String, command: &PlaceCommand) -> OrderRecord {
        let identity = OrderIdentity {
            order_id,
            client_id: self.core.settings.client_id,
            account,
            request_id: command.request_id.clone(),
        };
        OrderRecord::new(
            OrderState::submitting(identity, command.order.request(), self.now.wall_time),
            self.batch.engine_state.instruction,
        )
    }
}
