//! What the gateway itself does to an order: the changes that no report of TWS makes. Each says whether the state changed.

use super::{CodeKind, TrackedOrder, code_kind, is_terminal, unexplained_part};
use crate::domain::{Amount, Status, Timestamp, WorkingTerms};

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
    order.record.released_at = Some(now);
    change(order, Status::Submitting, now)
}

/// TWS read the replacement of a staged order, of which it shows nothing. Answers the revision whose place the new terms took.
pub fn staged_replaced(
    order: &mut TrackedOrder,
    terms: WorkingTerms,
    now: Timestamp,
) -> (u32, WorkingTerms) {
    let state = &mut order.record.state;
    let superseded = (state.terms_revision, state.terms.working());
    state.terms.set_working(terms);
    state.terms_revision += 1;
    state.remaining = terms.quantity;
    state.last_update = now;
    superseded
}

/// TWS said something about a request concerning the order that says nothing about the order itself.
pub fn noted(order: &mut TrackedOrder, code: i32, text: &str, now: Timestamp) {
    let state = &mut order.record.state;
    state.last_error_code = Some(code);
    state.last_error = Some(text.to_owned());
    state.last_update = now;
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

/// New orders were halted before it was sent.
pub fn halted_unsent(order: &mut TrackedOrder, why: &str, now: Timestamp) -> bool {
    order.record.state.last_error_code = None;
    order.record.state.last_error = Some(format!("not sent: {why}"));
    change(order, Status::Cancelled, now)
}

/// The order was given up with the bracket it belongs to, before it was sent.
pub fn given_up_unsent(order: &mut TrackedOrder, why: &str, now: Timestamp) -> bool {
    order.record.state.last_error_code = None;
    order.record.state.last_error = Some(format!("not sent: {why}"));
    change(order, Status::Cancelled, now)
}

/// No byte of the order left, and none will. A staged order whose release did not leave is still staged.
pub fn not_sent(order: &mut TrackedOrder, reason: &str, now: Timestamp) -> bool {
    let record = &mut order.record;
    if record.state.status != Status::Submitting {
        return false;
    }
    record.state.last_error_code = None;
    let says_so = reason.starts_with("never sent");
    record.state.last_error = Some(if says_so {
        reason.to_owned()
    } else {
        format!("not sent: {reason}")
    });
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
        Some(answer) => no_longer_in_tws(order, Some(answer), now),
        None => change(order, Status::Unconfirmed, now),
    }
}

/// TWS does not have an order that it was asked to cancel, as it said itself (`answer`) or showed by silence.
pub fn no_longer_in_tws(
    order: &mut TrackedOrder,
    answer: Option<(i32, &str)>,
    now: Timestamp,
) -> bool {
    let state = &mut order.record.state;
    state.last_error_code = answer.map(|(code, _)| code);
    state.last_error = Some(match answer {
        Some((_, text)) => format!("TWS no longer has it: {text}"),
        None => "TWS no longer has it".to_owned(),
    });
    change(order, Status::Cancelled, now)
}

/// A whole open-orders answer does not show an order of which everything executed: it is filled, though TWS never said the word.
pub fn absent_when_executed(order: &mut TrackedOrder, now: Timestamp) -> bool {
    let state = &order.record.state;
    if !state.status.may_work()
        || order.executions.quantity() < state.terms.quantity.value()
        || state.status == Status::Unknown
    {
        return false;
    }
    order.record.state.remaining = Amount::ZERO;
    change(order, Status::Filled, now)
}

/// Whether TWS answered an order that it never acknowledged with an error: a warning says that the order lives.
pub fn may_be_refused(order: &TrackedOrder) -> bool {
    let record = &order.record;
    let text = record.state.last_error.as_deref().unwrap_or_default();
    let is_error = |code| code_kind(code, text) != CodeKind::Warning;
    !record.acknowledged && record.state.last_error_code.is_some_and(is_error)
}

/// A whole reconcile found no trace of an order that TWS had refused with a code in no list, and never acknowledged: it was a refusal.
pub fn refused_without_trace(order: &mut TrackedOrder, now: Timestamp) -> bool {
    if !may_be_refused(order) {
        return false;
    }
    match order.record.state.status {
        Status::Submitting | Status::Unconfirmed => change(order, Status::Rejected, now),
        Status::Staged
        | Status::ApiPending
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

/// A whole reconcile does not show an order whose time is over, and no execution of its days is missing: it expired.
pub fn absent_after_its_time(order: &mut TrackedOrder, now: Timestamp) -> bool {
    if !order.record.state.status.may_work() {
        return false;
    }
    order.record.state.last_error_code = None;
    order.record.state.last_error =
        Some("expired: its time is over and TWS no longer has it".to_owned());
    change(order, Status::Cancelled, now)
}

/// An executions answer that was whole has come: what filled without an execution in it is shown as such, and a fill whose size TWS never
/// gave is now known by its executions.
pub fn executions_complete(order: &mut TrackedOrder, now: Timestamp) -> bool {
    let executed = order.executions.quantity();
    let state = &mut order.record.state;
    let unexplained = unexplained_part(state.filled.value(), executed);
    let unknown = state.fill_quantity_unknown && executed.is_zero();
    let changed = state.filled_unexplained != unexplained || state.fill_quantity_unknown != unknown;
    if changed {
        state.filled_unexplained = unexplained;
        state.fill_quantity_unknown = unknown;
        state.last_update = now;
    }
    changed
}

fn change(order: &mut TrackedOrder, status: Status, now: Timestamp) -> bool {
    let state = &mut order.record.state;
    if state.status == status {
        return false;
    }
    state.status = status;
    state.last_update = now;
    state.terminal = is_terminal(state);
    true
}
