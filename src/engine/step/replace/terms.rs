//! The terms that a change makes.

use crate::domain::{OrderState, OrderType, Status, Violation, Violations, WorkingTerms};
use crate::error::{Error, Reason};

/// The terms that an order would have with a change made.
///
/// # Errors
/// `ORDER_STATE`, `ORDER_CHANGED`, `ORDER_INVALID`.
pub(crate) fn terms_for(
    state: &OrderState,
    change: &crate::domain::TermsChange,
    expected_revision: Option<u32>,
    notional_max: Option<crate::domain::Amount>,
) -> Result<WorkingTerms, Error> {
    let order_id = state.order_id;
    let cannot = |why: &str| {
        let status = state.status;
        let text =
            format!("order {order_id} is {status} and cannot be replaced: {why}; nothing was sent");
        Err(Error::new(Reason::OrderState, text))
    };
    match state.status {
        Status::PreSubmitted | Status::Submitted | Status::Staged => {}
        Status::Inactive if !state.terminal => {}
        Status::Submitting | Status::Unconfirmed | Status::ApiPending | Status::PendingSubmit => {
            return cannot("TWS has not shown that it works");
        }
        Status::PendingCancel => return cannot("a cancel of it is under way"),
        Status::Unknown => return cannot("what its status means is not known"),
        Status::Filled
        | Status::Cancelled
        | Status::ApiCancelled
        | Status::Inactive
        | Status::Rejected => return cannot("it has ended; place a new one"),
    }
    if state.cancel_requested {
        return cannot("a cancel of it was asked for");
    }
    if !state.other_perm_ids.is_empty() {
        return cannot("TWS works a second order under its id; cancel it to end both");
    }
    if state.terms.pricing.order_type() == OrderType::Other {
        return cannot("it was changed in TWS to a type that this version does not have");
    }
    if state.bracket_id.is_some() && change.quantity.is_some() {
        return cannot("the quantity of a bracket's order cannot be changed");
    }
    if expected_revision.is_some_and(|expected| expected != state.terms_revision) {
        let text = format!(
            "order {order_id} has terms of revision {}, not of the one expected: nothing was sent; read the order and decide again",
            state.terms_revision
        );
        return Err(Error::new(Reason::OrderChanged, text));
    }
    let wanted = change.applied(&state.terms, state.filled)?;
    if let (Some(max), Some(price)) = (notional_max, wanted.pricing.limit_price()) {
        let worth = wanted.quantity.value().checked_mul(price.value());
        if worth.is_none_or(|worth| worth > max.value()) {
            let msg = format!(
                "the order would be worth more than {max} (MAX_ORDER_NOTIONAL): lower quantity or limit_price"
            );
            let input = wanted.quantity.to_string().into();
            let violation = Violation::field("value_error", "quantity", msg, input);
            return Err(Violations(vec![violation]).into());
        }
    }
    Ok(wanted)
}
