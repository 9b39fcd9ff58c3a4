//! The release of a staged order.

use super::super::input::{OrderCommand, PendingRequest};
use super::super::live_order::{Cancelling, Purpose, Submission};
use super::super::rows::Stop;
use super::Step;
use super::instruction::KnownRequest;
use super::instruction::request_id_reused;
use super::limits::warnings;
use crate::domain::limits::Proposal;
use crate::domain::{Instruction, InstructionKind, InstructionState, Status, lifecycle};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// Sends a staged order again under its id with nothing changed but that it transmits.
    pub(super) fn transmit(
        &mut self,
        ask: &PendingRequest,
        command: &OrderCommand,
    ) -> Result<(), Stop> {
        let OrderCommand { key, request_id } = command;
        let order_id = self.find_key(key)?;
        let digest = order_id
            .map(|order_id| Instruction::digest_of(InstructionKind::Transmit, order_id, false));
        if let Some(request_id) = request_id
            && let Some(known) = self.request_known(request_id)?
        {
            match (order_id, known) {
                (Some(order_id), KnownRequest::Other(known))
                    if known.kind == InstructionKind::Transmit && known.digest == digest =>
                {
                    self.released_before(ask, order_id, &known);
                }
                (Some(_) | None, _) => self.refuse(ask, request_id_reused(request_id)),
            }
            return Ok(());
        }
        let named = request_id.as_deref().zip(digest);
        let Some(order_id) = order_id else {
            self.refuse(ask, Error::order_not_found(key));
            return Ok(());
        };
        let Some(entry) = self.entry(order_id) else {
            return Ok(());
        };
        if entry.order.record.state.status == Status::Staged
            && let Some(error) = entry.instruction_pending()
        {
            self.refuse(ask, error);
            return Ok(());
        }
        let Some(entry) = self.entry(order_id) else {
            return Ok(());
        };
        let state = &entry.order.record.state;
        let status = state.status;
        let why_not = match status {
            Status::Staged
                if state.cancel_requested && entry.runtime.cancel != Cancelling::Idle =>
            {
                "a cancel of it is under way"
            }
            Status::Staged => {
                self.release(ask, order_id, named);
                return Ok(());
            }
            Status::Submitting if state.bracket_id.is_some() => {
                "its bracket is released as a whole"
            }
            Status::Submitting if state.transmit => {
                if named.is_some() {
                    self.instruct(ask, InstructionKind::Transmit, order_id, named);
                }
                self.wait(ask, order_id, Purpose::Transmit);
                return Ok(());
            }
            Status::Unconfirmed if state.transmit => {
                if named.is_some() {
                    self.instruct(ask, InstructionKind::Transmit, order_id, named);
                }
                self.answer(ask.waiter, order_id, Purpose::Transmit);
                return Ok(());
            }
            Status::Submitting => {
                let pending = entry.instruction_pending();
                if let Some(error) = pending {
                    self.refuse(ask, error);
                }
                return Ok(());
            }
            Status::Unconfirmed => "TWS has not shown that it holds it",
            Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Filled
            | Status::Inactive
            | Status::Unknown => {
                if named.is_some() {
                    self.instruct(ask, InstructionKind::Transmit, order_id, named);
                }
                self.answer(ask.waiter, order_id, Purpose::Transmit);
                return Ok(());
            }
            Status::Cancelled | Status::ApiCancelled | Status::Rejected => {
                "it has ended; place a new one"
            }
        };
        let text = format!("order {order_id} is {status} and cannot be transmitted: {why_not}");
        self.refuse(ask, Error::new(Reason::OrderState, text));
        Ok(())
    }

    /// The same Transmit again.
    fn released_before(&mut self, ask: &PendingRequest, order_id: i32, known: &Instruction) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let status = entry.order.record.state.status;
        let open = entry.runtime.open.iter().any(|open| open.id == known.id);
        if open && status == Status::Submitting {
            self.wait(ask, order_id, Purpose::Transmit);
        } else if known.state == InstructionState::Refused && status == Status::Staged {
            let why = known.error.as_deref().unwrap_or("it was refused");
            let text = format!(
                "this Transmit of order {order_id} did not release it ({why}) and is not repeated: the order is staged; give another request id to try again"
            );
            self.refuse(ask, Error::new(Reason::OrderState, text));
        } else {
            self.answer(ask.waiter, order_id, Purpose::Transmit);
        }
    }

    fn release(&mut self, ask: &PendingRequest, order_id: i32, named: Option<(&str, [u8; 32])>) {
        let Some(state) = self.order(order_id).map(|order| order.record.state.clone()) else {
            return;
        };
        if !self.trading(ask, &state.account) || self.session_for_risk(ask).is_none() {
            return;
        }
        let proposal = Proposal::transmit(&state, ask.caller.key());
        let Some(verdict) = self.within_limits(ask, &proposal) else {
            return;
        };
        if !self.slot_for(ask) {
            return;
        }
        self.instructed(&proposal);
        let now = self.now.wall_time;
        if let Some(entry) = self.entry(order_id) {
            entry.runtime.counted.unit_value = verdict.unit_values.first().copied().flatten();
            lifecycle::transmitting(&mut entry.order, now);
            entry.runtime.submission = Submission::Queued;
        }
        self.instruct(ask, InstructionKind::Transmit, order_id, named);
        self.changed(order_id);
        self.queue_place(order_id, false);
        self.wait_warned(ask, order_id, Purpose::Transmit, warnings(&verdict));
    }
}
