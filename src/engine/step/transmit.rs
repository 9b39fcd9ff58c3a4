//! The release of a staged order.

use super::super::input::PendingRequest;
use super::super::live_order::{Cancelling, Purpose, Submission};
use super::super::rows::Stop;
use super::Step;
use super::limits::warnings;
use crate::domain::limits::Proposal;
use crate::domain::{OrderKey, Status, lifecycle};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// Sends a staged order again under its id with nothing changed but that it transmits.
    pub(super) fn transmit(&mut self, ask: &PendingRequest, key: &OrderKey) -> Result<(), Stop> {
        let Some(order_id) = self.find_key(key)? else {
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
                self.release(ask, order_id);
                return Ok(());
            }
            Status::Submitting if state.bracket_id.is_some() => {
                "its bracket is released as a whole"
            }
            Status::Submitting if state.transmit => {
                self.wait(ask, order_id, Purpose::Transmit);
                return Ok(());
            }
            Status::Unconfirmed if state.transmit => {
                self.answer(ask.waiter, order_id, Purpose::Transmit);
                return Ok(());
            }
            Status::Submitting | Status::Unconfirmed => "TWS has not shown that it holds it",
            Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Filled
            | Status::Inactive
            | Status::Unknown => {
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

    fn release(&mut self, ask: &PendingRequest, order_id: i32) {
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
        self.changed(order_id);
        self.queue_place(order_id, false);
        self.wait_warned(ask, order_id, Purpose::Transmit, warnings(&verdict));
    }
}
