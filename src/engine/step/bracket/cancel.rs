//! Which cancels go out for a bracket. None takes the stop from a position.

use super::super::super::batch::Effect;
use super::super::super::input::PendingRequest;
use super::super::super::live_order::{Cancelling, Purpose, Submission};
use super::super::super::rows::Stop;
use super::super::Step;
use super::SHOWN_WITHIN;
use crate::domain::lifecycle::{self, CodeKind, code_kind};
use crate::domain::{InstructionKind, OrderState, Status};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// Cancels an order for the gateway itself.
    pub(super) fn request_cancel(&mut self, order_id: i32) {
        let now = self.now.wall_time;
        let connected = self.batch.engine_state.session.is_some();
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if entry.is_over() {
            return;
        }
        let asked = lifecycle::cancel_requested(&mut entry.order, now);
        let queue = connected
            && matches!(
                entry.runtime.cancel,
                Cancelling::Idle | Cancelling::Verdict { .. }
            );
        if queue {
            entry.runtime.cancel = Cancelling::Queued;
        }
        if asked {
            self.changed(order_id);
        }
        if queue {
            self.batch.engine_state.queued += 1;
            self.effect(Effect::QueueCancel(order_id));
        }
    }

    /// A Cancel of an order of a bracket; false where nothing but the usual is to be done.
    pub(in super::super) fn cancel_of_bracket(
        &mut self,
        ask: &PendingRequest,
        order_id: i32,
        with_sibling: bool,
        named: Option<(&str, [u8; 32])>,
    ) -> Result<bool, Stop> {
        let Some((bracket_id, over)) = self.entry(order_id).and_then(|entry| {
            let record = &entry.order.record;
            Some((record.state.bracket_id?, entry.is_over()))
        }) else {
            return Ok(false);
        };
        if over {
            return Ok(false);
        }
        let legs = self.legs_of(bracket_id)?;
        if self.is_unreleased(bracket_id, &legs) {
            if self.session_for(ask).is_none() {
                return Ok(true);
            }
            self.abort_family(bracket_id, "it was cancelled before it was released")?;
            self.instruct(ask, InstructionKind::Cancel, order_id, named);
            let over = self.entry(order_id).is_some_and(|entry| entry.is_over());
            if over {
                self.answer(ask.waiter, order_id, Purpose::Cancel);
            } else {
                self.wait(ask, order_id, Purpose::Cancel);
            }
            return Ok(true);
        }
        let sibling = legs
            .iter()
            .copied()
            .filter(|leg| *leg != bracket_id && *leg != order_id && order_id != bracket_id)
            .find(|leg| self.entry(*leg).is_some_and(|entry| !entry.is_over()));
        if let Some(sibling) = sibling
            && !with_sibling
        {
            self.refuse(
                ask,
                Error::new(
                    Reason::OrderState,
                    format!(
                        "TWS ends both exits of a bracket when one is cancelled, and order {sibling} is the other: nothing was sent; cancel with_sibling to end both"
                    ),
                ),
            );
            return Ok(true);
        }
        Ok(false)
    }

    /// What follows for a bracket from the change of one of its orders, which are all looked up.
    pub(in super::super) fn bracket_changed(&mut self, order_id: i32) -> Result<(), Stop> {
        let Some((bracket_id, state, worked)) = self.entry(order_id).and_then(|entry| {
            let record = &entry.order.record;
            Some((
                record.state.bracket_id?,
                record.state.clone(),
                record.worked,
            ))
        }) else {
            return Ok(());
        };
        let refused = self
            .entry(order_id)
            .is_some_and(|entry| lifecycle::may_be_refused(&entry.order));
        if !state.terminal && refused && self.is_family_under_way(bracket_id) {
            // With a code in no list: nothing of a family is released on the chance that it was none.
            let why = format!("TWS answered order {order_id} of it with an error");
            return self.abort_family(bracket_id, &why);
        }
        if !matches!(
            state.status,
            Status::Rejected | Status::Cancelled | Status::ApiCancelled
        ) {
            return Ok(());
        }
        let legs = self.legs_of(bracket_id)?;
        if self.is_unreleased(bracket_id, &legs) {
            let others = legs.iter().any(|leg| {
                *leg != order_id
                    && self.batch.touched.get(leg).is_some_and(|touched| {
                        let state = &touched.entry.order.record.state;
                        !state.terminal && !state.cancel_requested
                    })
            });
            if others {
                let why = format!("order {order_id} of it was refused");
                self.abort_family(bracket_id, &why)?;
            }
        } else if order_id != bracket_id && is_refused(&state, worked) {
            self.exit_is_missing(bracket_id, order_id, "was refused");
        }
        Ok(())
    }

    /// A whole answer of TWS shows an entry and not one of its exits, which it never showed.
    pub(in super::super) fn exit_untraced(&mut self, order_id: i32) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let record = &entry.order.record;
        let Some(bracket_id) = record.state.bracket_id.filter(|id| *id != order_id) else {
            return;
        };
        if record.acknowledged || record.state.status != Status::Unconfirmed {
            return;
        }
        let shown = self
            .entry(bracket_id)
            .is_some_and(|entry| entry.order.record.acknowledged);
        if shown {
            self.exit_is_missing(bracket_id, order_id, "is not in TWS");
        }
    }

    /// An entry works without one of its exits: the rest of it is cancelled, and its verdict says what filled. The other exit stays for that.
    fn exit_is_missing(&mut self, bracket_id: i32, order_id: i32, what: &str) {
        let waits = self.entry(bracket_id).is_some_and(|entry| {
            let state = &entry.order.record.state;
            !state.terminal && !state.cancel_requested
        });
        if waits {
            tracing::error!(
                bracket_id,
                order_id,
                "an exit of a released bracket {what}: its entry is cancelled"
            );
            self.request_cancel(bracket_id);
        }
    }

    /// After a whole reconcile: a bracket of which TWS has shown nothing was not released, or it is not known whether it was. It never is later. The
    /// entry goes first, and the verdict on it is awaited before its exits go.
    pub(in super::super) fn cancel_doubtful_brackets(&mut self) -> Result<(), Stop> {
        let entries = self.ids_where(|entry| {
            let record = &entry.order.record;
            record.state.bracket_id == Some(record.state.order_id)
                && !record.state.terminal
                && !record.acknowledged
                && !record.state.cancel_requested
                && entry.runtime.submission != Submission::Queued
        });
        let mut doubtful = Vec::new();
        for bracket_id in entries {
            if self.is_family_under_way(bracket_id) {
                continue;
            }
            let legs = self.legs_of(bracket_id)?;
            let session = self.batch.engine_state.session.as_ref();
            let session = session.map(|session| session.info.session);
            let now = self.now.monotonic;
            let of = |leg: &i32| self.batch.touched.get(leg).map(|touched| &touched.entry);
            // Sent in this very session its word may still be on its way.
            let fresh = legs.iter().filter_map(of).any(|entry| {
                matches!(
                    entry.runtime.submission,
                    Submission::InFlight { session: sent_in, at, .. }
                        if Some(sent_in) == session && at + SHOWN_WITHIN > now
                )
            });
            let mut shown = legs.iter().filter_map(of);
            let shown = shown.any(|entry| entry.order.record.acknowledged);
            if !fresh && !shown {
                doubtful.push(bracket_id);
            }
        }
        for bracket_id in doubtful {
            tracing::warn!(
                bracket_id,
                "TWS shows nothing of a bracket that may not have been released: it is cancelled"
            );
            self.request_cancel(bracket_id);
        }
        Ok(())
    }
}

/// Whether TWS or IB refused an order, be it after it had worked: nobody cancelled it.
fn is_refused(state: &OrderState, worked: bool) -> bool {
    match state.status {
        Status::Rejected => true,
        Status::Cancelled | Status::ApiCancelled => {
            let text = state.last_error.as_deref().unwrap_or_default();
            worked
                && !state.cancel_requested
                && state
                    .last_error_code
                    .is_some_and(|code| code_kind(code, text) != CodeKind::Warning)
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
        | Status::Inactive
        | Status::Unknown => false,
    }
}
