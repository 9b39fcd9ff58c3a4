//! Calls about an order that exists: Transmit, Cancel, Get.

use serde_json::Value;

use crate::domain::{
    CancelIn, DEFAULT_TIMEOUT_SECONDS, Fill, GetIn, GetOut, OrderKey, OrderState, TransmitIn,
};
use crate::error::Error;

use super::pb;
use super::values::{duration, given, present, seconds};

/// A `oneof order { order_id; placed_as; }` of a request. Whether a name is one that an order can have is the gateway's word.
macro_rules! order_oneof {
    ($($oneof:path),+ $(,)?) => {$(
        impl From<$oneof> for OrderKey {
            fn from(order: $oneof) -> Self {
                use $oneof as Name;
                match order {
                    Name::OrderId(order_id) => Self::OrderId(order_id),
                    Name::PlacedAs(request_id) => Self::RequestId(request_id),
                }
            }
        }

        impl From<OrderKey> for $oneof {
            fn from(key: OrderKey) -> Self {
                match key {
                    OrderKey::OrderId(order_id) => Self::OrderId(order_id),
                    OrderKey::RequestId(request_id) => Self::PlacedAs(request_id),
                }
            }
        }
    )+};
}

order_oneof!(
    pb::get_request::Order,
    pb::cancel_request::Order,
    pb::transmit_request::Order,
    pb::replace_request::Order,
    pb::watch_request::Order,
);

/// The order that a request must name.
pub(super) fn key<N: Into<OrderKey>>(order: Option<N>) -> Result<OrderKey, Error> {
    order.map(Into::into).ok_or_else(|| {
        Error::request_field(
            "order_id",
            "give order_id, or placed_as: the request id that the order was placed under",
            Value::Null,
        )
    })
}

impl TryFrom<pb::TransmitRequest> for TransmitIn {
    type Error = Error;

    fn try_from(request: pb::TransmitRequest) -> Result<Self, Error> {
        let pb::TransmitRequest {
            order,
            timeout,
            request_id,
        } = request;
        Ok(Self {
            order: key(order)?,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            request_id: given(request_id),
        })
    }
}

impl From<TransmitIn> for pb::TransmitRequest {
    fn from(input: TransmitIn) -> Self {
        let TransmitIn {
            order,
            timeout,
            request_id,
        } = input;
        Self {
            order: Some(order.into()),
            timeout: Some(duration(timeout)),
            request_id: request_id.unwrap_or_default(),
        }
    }
}

impl TryFrom<pb::CancelRequest> for CancelIn {
    type Error = Error;

    fn try_from(request: pb::CancelRequest) -> Result<Self, Error> {
        let pb::CancelRequest {
            order,
            timeout,
            request_id,
            with_sibling,
        } = request;
        Ok(Self {
            order: key(order)?,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            request_id: given(request_id),
            with_sibling,
        })
    }
}

impl From<CancelIn> for pb::CancelRequest {
    fn from(input: CancelIn) -> Self {
        let CancelIn {
            order,
            timeout,
            request_id,
            with_sibling,
        } = input;
        Self {
            order: Some(order.into()),
            timeout: Some(duration(timeout)),
            request_id: request_id.unwrap_or_default(),
            with_sibling,
        }
    }
}

/// The order of an answer that must have one.
pub fn answered_order(order: Option<pb::OrderState>) -> Result<OrderState, Error> {
    present("order", order)?.try_into()
}

impl TryFrom<pb::GetRequest> for GetIn {
    type Error = Error;

    fn try_from(request: pb::GetRequest) -> Result<Self, Error> {
        let pb::GetRequest {
            order,
            page_size,
            page_token,
        } = request;
        Ok(Self {
            order: key(order)?,
            page_size,
            page_token,
        })
    }
}

impl From<GetIn> for pb::GetRequest {
    fn from(input: GetIn) -> Self {
        let GetIn {
            order,
            page_size,
            page_token,
        } = input;
        Self {
            order: Some(order.into()),
            page_size,
            page_token,
        }
    }
}

impl From<GetOut> for pb::GetResponse {
    fn from(out: GetOut) -> Self {
        let GetOut {
            order,
            fills,
            legs,
            next_page_token,
        } = out;
        Self {
            order: Some(order.into()),
            fills: fills.into_iter().map(Into::into).collect(),
            next_page_token: next_page_token.unwrap_or_default(),
            legs: legs.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<pb::GetResponse> for GetOut {
    type Error = Error;

    fn try_from(out: pb::GetResponse) -> Result<Self, Error> {
        let pb::GetResponse {
            order,
            fills,
            next_page_token,
            legs,
        } = out;
        Ok(Self {
            order: answered_order(order)?,
            fills: fills
                .into_iter()
                .map(Fill::try_from)
                .collect::<Result<_, _>>()?,
            legs: legs
                .into_iter()
                .map(OrderState::try_from)
                .collect::<Result<_, _>>()?,
            next_page_token: given(next_page_token),
        })
    }
}
