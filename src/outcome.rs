//! How success and failure read in an operation's outcome: one place for every door that answers with an `Out` value.

#[cfg(any(feature = "client", feature = "gateway"))]
use tokio_stream::{Stream, StreamExt};

use crate::domain::{
    BracketOut, HealthOut, Order, OrderError, OrderKey, PlaceOut, ReplaceOut, RuleViolation,
    ValidateOut, Violation, Violations, WatchEvent, WatchOut, WatchUpdate,
};
use crate::error::{Error, Reason};

/// The outcome of a check.
pub(crate) fn validated(checked: Result<Order, Violations>) -> ValidateOut {
    match checked {
        Ok(order) => {
            let effective_order_ref = order.effective_order_ref().map(str::to_owned);
            ValidateOut {
                valid: true,
                order_request: Some(order.into_request()),
                effective_order_ref,
                errors: None,
                warnings: None,
                unchecked: None,
            }
        }
        Err(violations) => invalid(listed(violations.0)),
    }
}

/// A check that could not be made.
pub(crate) fn validate_failed(error: Error) -> ValidateOut {
    invalid(if !error.broken.is_empty() {
        let broken = error.broken.iter().map(RuleViolation::as_violation);
        listed(broken.collect())
    } else if error.violations.is_empty() {
        runtime(error.message)
    } else {
        listed(error.violations)
    })
}

fn invalid(errors: Vec<OrderError>) -> ValidateOut {
    ValidateOut {
        valid: false,
        order_request: None,
        effective_order_ref: None,
        errors: Some(errors),
        warnings: None,
        unchecked: None,
    }
}

/// A Place that made no order. What is wrong with the order stands in `errors`, as does a defect; every other reason in `error`.
pub(crate) fn place_failed(error: Error, dry_run: bool, request_id: Option<String>) -> PlaceOut {
    let (errors, error) = match error.reason {
        Reason::OrderInvalid | Reason::RequestInvalid if !error.violations.is_empty() => {
            (Some(listed(error.violations)), None)
        }
        Reason::RiskLimit if !error.broken.is_empty() => {
            let broken = error.broken.iter().map(RuleViolation::as_violation);
            (Some(listed(broken.collect())), Some(error.message))
        }
        Reason::Internal => (Some(runtime(error.message)), None),
        Reason::TwsUnavailable
        | Reason::IbUnavailable
        // Of what is not a field: an address, a file, a message that is too large.
        | Reason::OrderInvalid
        | Reason::RequestInvalid
        | Reason::RequestIdReused
        | Reason::LiveAccount
        | Reason::StoreMismatch
        | Reason::Pacing
        | Reason::Overloaded
        | Reason::Lagged
        | Reason::ShuttingDown
        | Reason::OrderNotFound
        | Reason::OrderState
        | Reason::InstructionPending
        | Reason::OrderChanged
        | Reason::MaxWait
        | Reason::PreviewTimeout
        | Reason::PreviewLimit
        | Reason::Sequence
        | Reason::Store
        | Reason::Unauthenticated
        | Reason::Role
        | Reason::RiskLimit
        | Reason::Halted
        | Reason::TwsRestarting
        | Reason::Journal
        | Reason::Standby
        | Reason::GatewayUnavailable => (None, Some(error.message)),
    };
    PlaceOut {
        submitted: false,
        dry_run,
        order_id: None,
        state: None,
        contract: None,
        order_payload: None,
        order_request: None,
        effective_order_ref: None,
        errors,
        error,
        request_id,
        replayed: false,
        warnings: None,
        unchecked: None,
    }
}

/// A PlaceBracket that made no order, told as a Place is.
pub(crate) fn bracket_failed(
    error: Error,
    dry_run: bool,
    request_id: Option<String>,
) -> BracketOut {
    let PlaceOut {
        errors,
        error,
        request_id,
        ..
    } = place_failed(error, dry_run, request_id);
    BracketOut {
        submitted: false,
        dry_run,
        entry: None,
        take_profit: None,
        stop_loss: None,
        entry_payload: None,
        take_profit_payload: None,
        stop_loss_payload: None,
        errors,
        error,
        request_id,
        replayed: false,
        warnings: None,
        unchecked: None,
    }
}

/// A Replace that changed nothing.
pub(crate) fn replace_failed(
    error: Error,
    dry_run: bool,
    request_id: Option<String>,
) -> ReplaceOut {
    let (errors, error) = if error.violations.is_empty() {
        (None, Some(error.message))
    } else {
        (Some(listed(error.violations)), None)
    };
    ReplaceOut {
        order: None,
        dry_run,
        contract: None,
        order_payload: None,
        errors,
        error,
        request_id,
        replayed: false,
    }
}

/// A health question that nobody could answer.
pub(crate) fn health_failed(error: Error, client_id: i32) -> HealthOut {
    HealthOut {
        connected: false,
        next_valid_id: None,
        error: Some(error.message),
        detail: None,
        server_version: None,
        accounts: Vec::new(),
        paper: None,
        client_id,
        tws_time: None,
        ib_connected: false,
        store_ok: false,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        unknown_orders: 0,
    }
}

/// A watch that ended before its order did.
pub(crate) fn watch_failed(
    error: Error,
    order: Option<&OrderKey>,
    updates: Vec<WatchUpdate>,
) -> WatchOut {
    WatchOut {
        order_id: order.and_then(OrderKey::order_id).unwrap_or_default(),
        terminal: false,
        status: None,
        updates,
        error: Some(error.message),
    }
}

/// Follows a watch to its end. `on_update` sees every update as it comes; the outcome keeps those of one order (heartbeats left out),
/// and none of a watch of all orders, which has no end. A watch that resumes after the order's last change shows none: `standing` is
/// asked then, and only then, for the order's id and status.
#[cfg(any(feature = "client", feature = "gateway"))]
pub(crate) async fn watched(
    mut updates: impl Stream<Item = Result<WatchUpdate, Error>> + Unpin,
    order: Option<OrderKey>,
    standing: impl Future<Output = Option<(i32, crate::domain::Status)>>,
    mut on_update: impl FnMut(&WatchUpdate),
) -> WatchOut {
    let mut out = WatchOut {
        order_id: order
            .as_ref()
            .and_then(OrderKey::order_id)
            .unwrap_or_default(),
        terminal: false,
        status: None,
        updates: Vec::new(),
        error: None,
    };
    while let Some(update) = updates.next().await {
        let update = match update {
            Ok(update) => update,
            Err(error) => {
                if error.reason == Reason::MaxWait
                    && out.status.is_none()
                    && order.is_some()
                    && let Some((order_id, status)) = standing.await
                {
                    (out.order_id, out.status) = (order_id, Some(status));
                }
                out.error = Some(error.message);
                return out;
            }
        };
        on_update(&update);
        match &update.event {
            WatchEvent::Order(state) => {
                if order.as_ref().is_some_and(|order| order.names(state)) {
                    (out.order_id, out.status) = (state.order_id, Some(state.status));
                }
            }
            WatchEvent::Heartbeat { .. } => continue,
            WatchEvent::SnapshotEnd {} | WatchEvent::Link(_) | WatchEvent::Fill(_) => {}
        }
        if order.is_some() {
            out.updates.push(update);
        }
    }
    if order.is_none() {
        out.error = Some("the watch ended".to_owned());
    } else {
        // A watch of one order ends without an error only when the order has.
        out.terminal = true;
        if out.status.is_none()
            && let Some((order_id, status)) = standing.await
        {
            (out.order_id, out.status) = (order_id, Some(status));
        }
    }
    out
}

fn listed(violations: Vec<Violation>) -> Vec<OrderError> {
    violations.into_iter().map(OrderError::Violation).collect()
}

fn runtime(msg: String) -> Vec<OrderError> {
    vec![OrderError::Runtime {
        kind: "runtime".to_owned(),
        msg,
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_is_wrong_as_a_whole_says_why() {
        let wrong = || Error::new(Reason::RequestInvalid, "ftp://x is no address");
        let placed = place_failed(wrong(), false, None);
        assert_eq!(placed.error.as_deref(), Some("ftp://x is no address"));
        assert_eq!(placed.errors, None);
        let [OrderError::Runtime { msg, .. }] = &validate_failed(wrong()).errors.unwrap()[..]
        else {
            panic!("no reason");
        };
        assert_eq!(msg, "ftp://x is no address");
    }
}
