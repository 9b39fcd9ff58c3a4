//! Requests and answers of the unary calls.

use crate::domain::{
    DEFAULT_POLL_INTERVAL_SECONDS, DEFAULT_TIMEOUT_SECONDS, Fill, HealthIn, HealthOut, ListIn,
    ListOut, OrderDetail, OrderError, OrderKey, OrderRequest, OrderState, PlaceIn, PlaceOut,
    Status, ValidateIn, ValidateOut, Violation, WatchIn,
};
use crate::error::Error;

use super::order::draft;
use super::pb;
use super::values::{
    duration, json_from_struct, present, seconds, struct_from_json, time_from_wire, time_to_wire,
};
use super::words::asked;

/// A text of a message that is empty when it is not given.
fn given(text: String) -> Option<String> {
    if text.is_empty() { None } else { Some(text) }
}

impl TryFrom<pb::HealthRequest> for HealthIn {
    type Error = Error;

    fn try_from(request: pb::HealthRequest) -> Result<Self, Error> {
        let pb::HealthRequest { timeout } = request;
        Ok(Self {
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
        })
    }
}

impl From<HealthIn> for pb::HealthRequest {
    fn from(input: HealthIn) -> Self {
        let HealthIn { timeout } = input;
        Self {
            timeout: Some(duration(timeout)),
        }
    }
}

impl From<HealthOut> for pb::HealthResponse {
    fn from(health: HealthOut) -> Self {
        let HealthOut {
            connected,
            next_valid_id,
            error,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time,
            ib_connected,
            store_ok,
            version,
        } = health;
        Self {
            connected,
            next_valid_id,
            error,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time: tws_time.map(time_to_wire),
            ib_connected,
            store_ok,
            version,
        }
    }
}

impl TryFrom<pb::HealthResponse> for HealthOut {
    type Error = Error;

    fn try_from(health: pb::HealthResponse) -> Result<Self, Error> {
        let pb::HealthResponse {
            connected,
            next_valid_id,
            error,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time,
            ib_connected,
            store_ok,
            version,
        } = health;
        Ok(Self {
            connected,
            next_valid_id,
            error,
            server_version,
            accounts,
            paper,
            client_id,
            tws_time: tws_time
                .map(|time| time_from_wire("tws_time", time))
                .transpose()?,
            ib_connected,
            store_ok,
            version,
        })
    }
}

impl TryFrom<pb::ValidateRequest> for ValidateIn {
    type Error = Error;

    fn try_from(request: pb::ValidateRequest) -> Result<Self, Error> {
        let pb::ValidateRequest { order, transmit } = request;
        Ok(Self {
            order: draft(order)?,
            transmit,
        })
    }
}

impl From<ValidateOut> for pb::ValidateResponse {
    fn from(out: ValidateOut) -> Self {
        let ValidateOut {
            valid,
            order_request,
            effective_order_ref,
            errors,
        } = out;
        Self {
            valid,
            order_request: order_request.map(Into::into),
            effective_order_ref,
            errors: errors
                .unwrap_or_default()
                .into_iter()
                .map(Into::into)
                .collect(),
        }
    }
}

impl TryFrom<pb::ValidateResponse> for ValidateOut {
    type Error = Error;

    fn try_from(out: pb::ValidateResponse) -> Result<Self, Error> {
        let pb::ValidateResponse {
            valid,
            order_request,
            effective_order_ref,
            errors,
        } = out;
        Ok(Self {
            valid,
            order_request: order_request.map(OrderRequest::try_from).transpose()?,
            effective_order_ref,
            errors: if valid {
                None
            } else {
                Some(errors.into_iter().map(Into::into).collect())
            },
        })
    }
}

impl From<OrderError> for pb::OrderError {
    fn from(error: OrderError) -> Self {
        match error {
            OrderError::Violation(Violation {
                kind,
                loc,
                msg,
                input,
            }) => Self {
                r#type: kind,
                loc,
                msg,
                input: input.to_string(),
            },
            OrderError::Runtime { kind, msg } => Self {
                r#type: kind,
                loc: Vec::new(),
                msg,
                input: String::new(),
            },
        }
    }
}

impl From<pb::OrderError> for OrderError {
    fn from(error: pb::OrderError) -> Self {
        let pb::OrderError {
            r#type: kind,
            loc,
            msg,
            input,
        } = error;
        if input.is_empty() {
            return Self::Runtime { kind, msg };
        }
        // JSON of a later version that this one cannot read is at least a text.
        let input = serde_json::from_str(&input).unwrap_or(serde_json::Value::String(input));
        Self::Violation(Violation {
            kind,
            loc,
            msg,
            input,
        })
    }
}

impl TryFrom<pb::PlaceRequest> for PlaceIn {
    type Error = Error;

    fn try_from(request: pb::PlaceRequest) -> Result<Self, Error> {
        let pb::PlaceRequest {
            order,
            transmit,
            dry_run,
            timeout,
            request_id,
        } = request;
        Ok(Self {
            order: draft(order)?,
            transmit,
            dry_run,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            request_id: given(request_id),
        })
    }
}

/// A place request around an order that was converted before.
pub fn place_request(order: pb::Order, input: PlaceIn) -> pb::PlaceRequest {
    let PlaceIn {
        order: _, // the message has it already
        transmit,
        dry_run,
        timeout,
        request_id,
    } = input;
    pb::PlaceRequest {
        order: Some(order),
        transmit,
        dry_run,
        timeout: Some(duration(timeout)),
        request_id: request_id.unwrap_or_default(),
    }
}

impl From<PlaceOut> for pb::PlaceResponse {
    fn from(out: PlaceOut) -> Self {
        let PlaceOut {
            submitted,
            dry_run,
            order_id,
            state,
            contract,
            order_payload,
            order_request,
            effective_order_ref,
            errors: _, // a failed call answers a status, which has them
            error: _,  // the same
            request_id,
            replayed,
        } = out;
        Self {
            submitted,
            dry_run,
            order_id: order_id.unwrap_or_default(),
            state: state.map(Into::into),
            contract: contract.map(struct_from_json),
            order_payload: order_payload.map(struct_from_json),
            order_request: order_request.map(Into::into),
            effective_order_ref,
            request_id: request_id.unwrap_or_default(),
            replayed,
        }
    }
}

impl TryFrom<pb::PlaceResponse> for PlaceOut {
    type Error = Error;

    fn try_from(out: pb::PlaceResponse) -> Result<Self, Error> {
        let pb::PlaceResponse {
            submitted,
            dry_run,
            order_id,
            state,
            contract,
            order_payload,
            order_request,
            effective_order_ref,
            request_id,
            replayed,
        } = out;
        Ok(Self {
            submitted,
            dry_run,
            order_id: if submitted { Some(order_id) } else { None },
            state: state.map(OrderState::try_from).transpose()?,
            contract: contract.map(json_from_struct),
            order_payload: order_payload.map(json_from_struct),
            order_request: order_request.map(OrderRequest::try_from).transpose()?,
            effective_order_ref,
            errors: None,
            error: None,
            request_id: given(request_id),
            replayed,
        })
    }
}

impl TryFrom<pb::WatchRequest> for WatchIn {
    type Error = Error;

    fn try_from(request: pb::WatchRequest) -> Result<Self, Error> {
        let pb::WatchRequest {
            order_id,
            poll_interval,
            timeout,
            max_wait,
            after_sequence,
        } = request;
        Ok(Self {
            order_id: natural("order_id", order_id)?,
            poll_interval: seconds("poll_interval", poll_interval)?
                .unwrap_or(DEFAULT_POLL_INTERVAL_SECONDS),
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            max_wait: seconds("max_wait", max_wait)?,
            after_sequence,
        })
    }
}

impl From<WatchIn> for pb::WatchRequest {
    fn from(input: WatchIn) -> Self {
        let WatchIn {
            order_id,
            poll_interval,
            timeout,
            max_wait,
            after_sequence,
        } = input;
        Self {
            order_id,
            poll_interval: Some(duration(poll_interval)),
            timeout: Some(duration(timeout)),
            max_wait: max_wait.map(duration),
            after_sequence,
        }
    }
}

fn natural(field: &str, id: i32) -> Result<i32, Error> {
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

impl TryFrom<pb::ListRequest> for ListIn {
    type Error = Error;

    fn try_from(request: pb::ListRequest) -> Result<Self, Error> {
        let pb::ListRequest {
            status,
            symbol,
            page_size,
            page_token,
        } = request;
        let word = |number| {
            asked::<Status>("status", number)?.ok_or_else(|| {
                Error::request_field(
                    "status",
                    "name a status, or none to list all",
                    number.into(),
                )
            })
        };
        Ok(Self {
            status: status.into_iter().map(word).collect::<Result<_, _>>()?,
            symbol: given(symbol),
            page_size,
            page_token,
        })
    }
}

impl From<ListIn> for pb::ListRequest {
    fn from(input: ListIn) -> Self {
        let ListIn {
            status,
            symbol,
            page_size,
            page_token,
        } = input;
        Self {
            status: status
                .into_iter()
                .map(|word| pb::order_state::Status::from(word).into())
                .collect(),
            symbol: symbol.unwrap_or_default(),
            page_size,
            page_token,
        }
    }
}

impl From<ListOut> for pb::ListResponse {
    fn from(out: ListOut) -> Self {
        let ListOut {
            orders,
            next_page_token,
        } = out;
        Self {
            orders: orders.into_iter().map(Into::into).collect(),
            next_page_token: next_page_token.unwrap_or_default(),
        }
    }
}

impl TryFrom<pb::ListResponse> for ListOut {
    type Error = Error;

    fn try_from(out: pb::ListResponse) -> Result<Self, Error> {
        let pb::ListResponse {
            orders,
            next_page_token,
        } = out;
        Ok(Self {
            orders: orders
                .into_iter()
                .map(OrderState::try_from)
                .collect::<Result<_, _>>()?,
            next_page_token: given(next_page_token),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Reason;

    #[test]
    fn an_order_is_named_by_exactly_one_of_its_names() {
        let named = |order_id, request_id: &str| {
            OrderKey::try_from(pb::GetRequest {
                order_id,
                request_id: request_id.to_owned(),
            })
        };
        assert_eq!(named(5, ""), Ok(OrderKey::OrderId(5)));
        assert_eq!(named(0, "r"), Ok(OrderKey::RequestId("r".to_owned())));
        for (order_id, request_id) in [(0, ""), (5, "r"), (-1, ""), (-1, "r")] {
            let error = named(order_id, request_id).unwrap_err();
            assert_eq!(
                error.reason,
                Reason::RequestInvalid,
                "{order_id} {request_id:?}"
            );
        }
    }

    #[test]
    fn an_empty_request_has_every_default() {
        let place = PlaceIn::try_from(pb::PlaceRequest::default()).unwrap();
        assert_eq!(
            (place.timeout, place.request_id, place.transmit),
            (5.0, None, false)
        );
        assert_eq!(
            WatchIn::try_from(pb::WatchRequest::default()),
            Ok(WatchIn::new(0))
        );
        assert_eq!(
            HealthIn::try_from(pb::HealthRequest::default()),
            Ok(HealthIn::default())
        );
        assert_eq!(
            ListIn::try_from(pb::ListRequest::default()),
            Ok(ListIn::default())
        );
    }

    #[test]
    fn requests_of_the_client_read_back_as_they_were_meant() {
        let watch = WatchIn {
            max_wait: Some(0.25),
            after_sequence: 9,
            ..WatchIn::new(4)
        };
        assert_eq!(
            WatchIn::try_from(pb::WatchRequest::from(watch.clone())),
            Ok(watch)
        );
        let key = OrderKey::RequestId("r".to_owned());
        assert_eq!(
            transmit_in(transmit_request(key.clone(), 1.5)),
            Ok((key.clone(), 1.5))
        );
        assert_eq!(cancel_in(cancel_request(key.clone(), 0.0)), Ok((key, 0.0)));
        let list = ListIn {
            status: vec![Status::Filled, Status::Unknown],
            symbol: Some("AAPL".to_owned()),
            page_size: 7,
            page_token: "t".to_owned(),
        };
        assert_eq!(
            ListIn::try_from(pb::ListRequest::from(list.clone())),
            Ok(list)
        );
    }

    #[test]
    fn a_filter_by_no_status_or_one_nobody_knows_is_refused() {
        for number in [0, 99] {
            let request = pb::ListRequest {
                status: vec![number],
                ..pb::ListRequest::default()
            };
            assert_eq!(
                ListIn::try_from(request).unwrap_err().reason,
                Reason::RequestInvalid
            );
        }
    }

    #[test]
    fn errors_of_a_validation_keep_their_input() {
        let violation =
            OrderError::Violation(Violation::field("enum", "tif", "use DAY", "NEVER".into()));
        let wire = pb::OrderError::from(violation.clone());
        assert_eq!(
            (wire.r#type.as_str(), wire.input.as_str()),
            ("enum", "\"NEVER\"")
        );
        assert_eq!(OrderError::from(wire), violation);
    }
}
