//! What the gateway itself does to an order: the changes that no report of TWS makes. Each says whether the state changed.

use super::{TrackedOrder, derive};
use crate::domain::{Status, Timestamp};

/// TWS answered a barrier that followed the order: it has read it, and holds it back.
pub fn staged(order: &mut TrackedOrder, now: Timestamp) -> bool {
    let record = &mut order.record;
    if record.state.status != Status::Submitting || record.state.transmit {
        return false;
    }
    record.acknowledged = true;
    change(order, Status::Staged, now)
}

/// A staged order is about to be released.
pub fn transmitting(order: &mut TrackedOrder, now: Timestamp) -> bool {
    order.record.state.transmit = true;
    change(order, Status::Submitting, now)
}

/// A cancel was asked for.
pub fn cancel_requested(order: &mut TrackedOrder, now: Timestamp) -> bool {
    let state = &mut order.record.state;
    let changed = !state.cancel_requested;
    state.cancel_requested = true;
    if changed {
        state.last_update = now;
    }
    changed
}

/// The order was cancelled while it waited to be sent.
pub fn cancelled_unsent(order: &mut TrackedOrder, now: Timestamp) -> bool {
    order.record.state.last_error_code = None;
    order.record.state.last_error = Some("cancelled before it was sent to TWS".to_owned());
    change(order, Status::Cancelled, now)
}

/// No byte of the order left, and none will. A staged order whose release did not leave is still staged.
pub fn not_sent(order: &mut TrackedOrder, reason: &str, now: Timestamp) -> bool {
    let record = &mut order.record;
    if record.state.status != Status::Submitting {
        return false;
    }
    record.state.last_error_code = None;
    record.state.last_error = Some(format!("not sent: {reason}"));
    if record.acknowledged {
        record.state.transmit = false;
        change(order, Status::Staged, now)
    } else {
        change(order, Status::Rejected, now)
    }
}

/// A complete reconcile found no trace of an order that TWS may have. Where TWS had already said that it does not know the
/// order (`not_found`), that settles it.
pub fn untraced(order: &mut TrackedOrder, not_found: Option<(i32, &str)>, now: Timestamp) -> bool {
    match not_found {
        Some((code, text)) => {
            order.record.state.last_error_code = Some(code);
            order.record.state.last_error = Some(text.to_owned());
            change(order, Status::Cancelled, now)
        }
        None => change(order, Status::Unconfirmed, now),
    }
}

fn change(order: &mut TrackedOrder, status: Status, now: Timestamp) -> bool {
    let state = &mut order.record.state;
    if state.status == status {
        return false;
    }
    state.status = status;
    state.last_update = now;
    derive(state);
    true
}
