//! The command to cancel an order.

use super::super::batch::Effect;
use super::super::input::{OrderCommand, PendingRequest};
use super::super::live_order::{Cancelling, Purpose, Submission};
use super::super::rows::Stop;
use super::Step;
use super::instruction::KnownRequest;
use super::instruction::request_id_reused;
use crate::domain::{Instruction, InstructionKind, OrderKey, Status, lifecycle};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// Takes an order that was not sent out of the queue, and asks TWS to cancel any other.
    pub(super) fn cancel(
        &mut self,
        ask: &PendingRequest,
        command: &OrderCommand,
        with_sibling: bool,
    ) -> Result<(), Stop> {
        let OrderCommand { key, request_id } = command;
        let order_id = self.find_key(key)?;
        let digest = order_id.map(|order_id| {
            Instruction::digest_of(InstructionKind::Cancel, order_id, with_sibling)
        });
        if let Some(request_id) = request_id
            && let Some(known) = self.request_known(request_id)?
        {
            match (order_id, known) {
                (Some(order_id), KnownRequest::Other(known))
                    if known.kind == InstructionKind::Cancel && known.digest == digest =>
                {
                    self.cancelled_before(ask, order_id, known.id);
                }
                (Some(_) | None, _) => self.refuse(ask, request_id_reused(request_id)),
            }
            return Ok(());
        }
        let named = request_id.as_deref().zip(digest);
        let Some(order_id) = order_id else {
            if let OrderKey::OrderId(order_id) = key
                && self.cancel_unknown(ask, *order_id)
            {
                return Ok(());
            }
            self.refuse(ask, Error::order_not_found(key));
            return Ok(());
        };
        if self.cancel_of_bracket(ask, order_id, with_sibling, named)? {
            return Ok(());
        }
        let Some(entry) = self.entry(order_id) else {
            return Ok(());
        };
        let unsent =
            entry.runtime.submission == Submission::Queued && !entry.order.record.acknowledged;
        // A second order under the id works on when the first has ended.
        let second_works = !entry.order.record.other_working.is_empty();
        match entry.order.record.state.status {
            Status::Filled | Status::Rejected | Status::Cancelled | Status::ApiCancelled
                if second_works =>
            {
                self.cancel_in_tws(ask, order_id, named);
            }
            Status::Cancelled | Status::ApiCancelled => {
                if named.is_some() {
                    self.instruct(ask, InstructionKind::Cancel, order_id, named);
                }
                self.answer(ask.waiter, order_id, Purpose::Cancel);
            }
            status @ (Status::Filled | Status::Rejected) => {
                let text = format!("order {order_id} is {status}: there is nothing to cancel");
                self.refuse(ask, Error::new(Reason::OrderState, text));
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
            | Status::Unknown => {
                if unsent {
                    self.cancel_unsent(ask, order_id, named);
                } else {
                    self.cancel_in_tws(ask, order_id, named);
                }
            }
        }
        Ok(())
    }

    /// The same Cancel again.
    fn cancelled_before(&mut self, ask: &PendingRequest, order_id: i32, instruction: u64) {
        let waits = self.entry(order_id).is_some_and(|entry| {
            let mut open = entry.runtime.open.iter();
            open.any(|open| open.id == instruction) && entry.order.record.state.status.may_work()
        });
        if waits {
            self.wait(ask, order_id, Purpose::Cancel);
        } else {
            self.answer(ask.waiter, order_id, Purpose::Cancel);
        }
    }

    fn cancel_in_tws(
        &mut self,
        ask: &PendingRequest,
        order_id: i32,
        named: Option<(&str, [u8; 32])>,
    ) {
        let Some(session) = self.session_for(ask) else {
            return;
        };
        let session = session.info.session;
        self.withdraw_replace(order_id, "the order is being cancelled");
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        // A release that has not gone out yet does not; the staged order itself is in TWS.
        let unreleased = entry.runtime.submission == Submission::Queued;
        if unreleased {
            entry.runtime.submission = Submission::Unknown;
            lifecycle::not_sent(&mut entry.order, "it is being cancelled", now);
        }
        let asked = lifecycle::cancel_requested(&mut entry.order, now);
        let under_way = match entry.runtime.cancel {
            Cancelling::Queued => true,
            Cancelling::InFlight { session: other, .. } => other == session,
            Cancelling::Idle | Cancelling::Verdict { .. } => false,
        };
        if !under_way {
            entry.runtime.cancel = Cancelling::Queued;
        }
        if unreleased {
            self.effect(Effect::Unqueue(order_id));
        }
        self.instruct(ask, InstructionKind::Cancel, order_id, named);
        if asked || unreleased {
            self.changed(order_id);
        }
        if !under_way {
            self.batch.engine_state.queued += 1;
            self.effect(Effect::QueueCancel(order_id));
        }
        if unreleased {
            self.settle(order_id);
        }
        self.wait(ask, order_id, Purpose::Cancel);
    }

    fn cancel_unsent(
        &mut self,
        ask: &PendingRequest,
        order_id: i32,
        named: Option<(&str, [u8; 32])>,
    ) {
        let now = self.now.wall_time;
        if let Some(entry) = self.entry(order_id) {
            entry.runtime.submission = Submission::Unknown;
            lifecycle::cancel_requested(&mut entry.order, now);
            lifecycle::cancelled_unsent(&mut entry.order, now);
        }
        self.effect(Effect::Unqueue(order_id));
        self.instruct(ask, InstructionKind::Cancel, order_id, named);
        self.changed(order_id);
        self.answer(ask.waiter, order_id, Purpose::Cancel);
        self.settle(order_id);
    }
}
