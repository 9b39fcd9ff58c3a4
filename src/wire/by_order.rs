//! Calls about an order that exists: Transmit, Cancel, Get.

use crate::domain::{DEFAULT_TIMEOUT_SECONDS, Fill, OrderDetail, OrderKey, OrderState};
use crate::error::Error;

use super::pb;
use super::values::{duration, present, seconds};

/// An order id of a request, or zero for none.
pub(super) fn natural(field: &str, id: i32) -> Result<i32, Error> {
    if id < 0 {
        return Err(Error::request_field(
            field,
            "an order id is positive",
            id.into(),
        ));
    }
    Ok(id)
}

/// Exactly one of the two names of an order.
fn key(order_id: i32, request_id: String) -> Result<OrderKey, Error> {
    match (natural("order_id", order_id)?, request_id.is_empty()) {
        (0, false) => Ok(OrderKey::RequestId(request_id)),
        (0, true) => Err(Error::request_field(
            "order_id",
            "give order_id or request_id",
            0.into(),
        )),
        (order_id, true) => Ok(OrderKey::OrderId(order_id)),
        (_, false) => Err(Error::request_field(
            "request_id",
            "give order_id or request_id, not both",
            request_id.into(),
        )),
    }
}

/// The fields `order_id` and `request_id` that name an order.
fn key_fields(key: OrderKey) -> (i32, String) {
    match key {
        OrderKey::OrderId(order_id) => (order_id, String::new()),
        OrderKey::RequestId(request_id) => (0, request_id),
    }
}

/// Reads a transmit request: which order, and how long to wait in seconds.
///
/// # Errors
/// `REQUEST_INVALID`.
pub fn transmit_in(request: pb::TransmitRequest) -> Result<(OrderKey, f64), Error> {
    let pb::TransmitRequest {
        order_id,
        request_id,
        timeout,
    } = request;
    let timeout = seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    Ok((key(order_id, request_id)?, timeout))
}

/// A transmit request.
pub fn transmit_request(key: OrderKey, timeout: f64) -> pb::TransmitRequest {
    let (order_id, request_id) = key_fields(key);
    pb::TransmitRequest {
        order_id,
        request_id,
        timeout: Some(duration(timeout)),
    }
}

/// Reads a cancel request: which order, and how long to wait in seconds.
///
/// # Errors
/// `REQUEST_INVALID`.
pub fn cancel_in(request: pb::CancelRequest) -> Result<(OrderKey, f64), Error> {
    let pb::CancelRequest {
        order_id,
        request_id,
        timeout,
    } = request;
    let timeout = seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS);
    Ok((key(order_id, request_id)?, timeout))
}

/// A cancel request.
pub fn cancel_request(key: OrderKey, timeout: f64) -> pb::CancelRequest {
    let (order_id, request_id) = key_fields(key);
    pb::CancelRequest {
        order_id,
        request_id,
        timeout: Some(duration(timeout)),
    }
}

/// The order of an answer that must have one.
pub fn answered_order(order: Option<pb::OrderState>) -> Result<OrderState, Error> {
    present("order", order)?.try_into()
}

impl TryFrom<pb::GetRequest> for OrderKey {
    type Error = Error;

    fn try_from(request: pb::GetRequest) -> Result<Self, Error> {
        let pb::GetRequest {
            order_id,
            request_id,
        } = request;
        key(order_id, request_id)
    }
}

impl From<OrderKey> for pb::GetRequest {
    fn from(key: OrderKey) -> Self {
        let (order_id, request_id) = key_fields(key);
        Self {
            order_id,
            request_id,
        }
    }
}

impl From<OrderDetail> for pb::GetResponse {
    fn from(detail: OrderDetail) -> Self {
        let OrderDetail { order, fills } = detail;
        Self {
            order: Some(order.into()),
            fills: fills.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<pb::GetResponse> for OrderDetail {
    type Error = Error;

    fn try_from(detail: pb::GetResponse) -> Result<Self, Error> {
        let pb::GetResponse { order, fills } = detail;
        Ok(Self {
            order: answered_order(order)?,
            fills: fills
                .into_iter()
                .map(Fill::try_from)
                .collect::<Result<_, _>>()?,
        })
    }
}
