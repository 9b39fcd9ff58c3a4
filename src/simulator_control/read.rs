//! Fields of the control's requests as the simulator takes them, and its errors as gRPC statuses.

use rust_decimal::Decimal;
use tonic::Status;

use super::pb;
use crate::simulator::{ControlError, OrderKey};

/// TWS's code and text for an order that the exchange refused.
const REFUSAL_CODE: i32 = 201;
const REFUSAL_TEXT: &str = "Order rejected - reason:simulated";

/// The order that a request names.
pub(super) fn key(order: Option<pb::OrderRef>) -> Result<OrderKey, Status> {
    let pb::OrderRef {
        order_id,
        client_id,
    } = order.ok_or_else(|| Status::invalid_argument("order: name the order"))?;
    Ok(match client_id {
        Some(client_id) => OrderKey::from((client_id, order_id)),
        None => OrderKey::from(order_id),
    })
}

/// A positive decimal.
pub(super) fn decimal(field: &str, text: &str) -> Result<Decimal, Status> {
    match text.parse::<Decimal>() {
        Ok(value) if value > Decimal::ZERO => Ok(value),
        Ok(_) | Err(_) => Err(Status::invalid_argument(format!(
            "{field}: {text:?} is not a positive decimal, for example 12.50"
        ))),
    }
}

/// A decimal, of either sign or zero.
pub(super) fn any_decimal(field: &str, text: &str) -> Result<Decimal, Status> {
    text.parse::<Decimal>().map_err(|_| {
        Status::invalid_argument(format!(
            "{field}: {text:?} is not a decimal, for example 12.50 or -100"
        ))
    })
}

/// A code and a text, or those of an ordinary refusal.
pub(super) fn refusal(code: Option<i32>, text: String) -> (i32, String) {
    let text = if text.is_empty() {
        REFUSAL_TEXT.to_owned()
    } else {
        text
    };
    (code.unwrap_or(REFUSAL_CODE), text)
}

/// The status that says why a control could not do it.
pub(super) fn status(error: ControlError) -> Status {
    let message = error.to_string();
    match error {
        ControlError::Stopped => Status::unavailable(message),
        ControlError::UnknownOrder(_)
        | ControlError::UnknownExecution(_)
        | ControlError::UnknownAccount(_)
        | ControlError::UnknownSymbol(_) => Status::not_found(message),
        ControlError::NotWorking { .. } => Status::failed_precondition(message),
        ControlError::Timeout(_) => Status::deadline_exceeded(message),
    }
}
