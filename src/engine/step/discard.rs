//! Cancels of orders that TWS holds and shows nothing of: staged ones, and those of a bracket that was not released.
//!
//! TWS drops such an order with 202 and 161, or says 10147 where it does not have it, or says nothing at all. A barrier follows the cancel. When it is
//! answered and nothing was said, the cancel goes once more; after a second silence TWS does not have the order.

use std::time::Duration;

use super::super::batch::Effect;
use super::super::live_order::{Cancelling, LiveOrder};
use super::super::rows::Stop;
use super::Step;
use crate::domain::{Status, lifecycle};

/// What TWS has to say about a cancel comes within this time after it answered the barrier behind it.
const SILENCE: Duration = Duration::from_secs(1);
/// Cancels that meet silence before TWS is taken at its silence.
const CANCELS: u8 = 2;

impl Step<'_> {
    /// TWS has read the cancel of an order.
    pub(super) fn discard_read(&mut self, order_id: i32) {
        let now = self.now.monotonic;
        if let Some(entry) = self.entry(order_id)
            && let Some(discard) = &mut entry.runtime.discard
        {
            discard.read_at = Some(now);
        }
    }

    /// Each second: cancels that TWS has read and said nothing about.
    pub(super) fn discards_due(&mut self) -> Result<(), Stop> {
        let now = self.now.monotonic;
        let due = self.ids_where(|entry| {
            let read_at = entry.runtime.discard.and_then(|discard| discard.read_at);
            read_at.is_some_and(|at| at + SILENCE <= now)
        });
        for order_id in &due {
            self.find(*order_id)?;
            self.load_bracket(*order_id)?;
        }
        for order_id in due {
            self.discard_due(order_id)?;
        }
        Ok(())
    }

    fn discard_due(&mut self, order_id: i32) -> Result<(), Stop> {
        let now = self.now.wall_time;
        let session = self.batch.engine_state.session.as_ref();
        let Some((session, ib_connected)) =
            session.map(|session| (session.info.session, session.ib_connected))
        else {
            return Ok(());
        };
        let Some(entry) = self.entry(order_id) else {
            return Ok(());
        };
        let Some(discard) = entry.runtime.discard.take() else {
            return Ok(());
        };
        let in_flight = matches!(
            entry.runtime.cancel,
            Cancelling::InFlight { session: sent_in, .. } if sent_in == session
        );
        if discard.session != session || !in_flight || !is_discarded(entry) {
            return Ok(());
        }
        if discard.times < CANCELS {
            entry.runtime.discard = Some(super::super::live_order::Discard {
                read_at: None,
                ..discard
            });
            entry.runtime.cancel = Cancelling::Queued;
            self.batch.engine_state.queued += 1;
            self.effect(Effect::QueueCancel(order_id));
        } else if entry.order.record.state.status == Status::Staged || ib_connected {
            entry.runtime.cancel = Cancelling::Idle;
            lifecycle::no_longer_in_tws(&mut entry.order, None, now);
            self.changed(order_id);
            self.settle(order_id);
            self.bracket_changed(order_id)?;
        }
        Ok(())
    }
}

/// Whether TWS shows nothing of an order that it may hold.
pub(in super::super) fn is_discarded(entry: &LiveOrder) -> bool {
    let record = &entry.order.record;
    match record.state.status {
        Status::Staged => true,
        Status::Unconfirmed => record.state.bracket_id.is_some() && !record.acknowledged,
        Status::Submitting => entry.runtime.never_released && !record.acknowledged,
        Status::ApiPending
        | Status::PendingSubmit
        | Status::PreSubmitted
        | Status::Submitted
        | Status::PendingCancel
        | Status::Filled
        | Status::Cancelled
        | Status::ApiCancelled
        | Status::Inactive
        | Status::Rejected
        | Status::Unknown => false,
    }
}
