//! Place.

use crate::domain::{DEFAULT_TIMEOUT_SECONDS, OrderRequest, OrderState, PlaceIn, PlaceOut};
use crate::error::Error;

use super::health::{warnings_message, warnings_of};
use super::order::draft;
use super::pb;
use super::values::{duration, given, json_from_struct, seconds, struct_from_json};

/// Refuses a Place that transmits and has no request id. Proxies and gRPC libraries may send a call again by themselves (after
/// REFUSED_STREAM, for one), and the second one shows by nothing else that it is not a new order.
///
/// # Errors
/// `REQUEST_INVALID`.
pub fn require_request_id(request: &pb::PlaceRequest) -> Result<(), Error> {
    let own_transmit = request.order.as_ref().and_then(|order| order.transmit);
    let transmits = request.transmit || own_transmit.unwrap_or_default();
    if request.dry_run || !transmits || !request.request_id.is_empty() {
        return Ok(());
    }
    Err(Error::request_field(
        "request_id",
        "give an order that transmits a request_id of its own: a proxy or a library on the way may send the call twice, and without a request_id that makes two orders. Nothing was sent",
        "".into(),
    ))
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
            warnings,
            unchecked,
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
            warnings: warnings_message(warnings),
            unchecked: unchecked.unwrap_or_default(),
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
            warnings,
            unchecked,
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
            warnings: warnings_of(warnings),
            unchecked: (!unchecked.is_empty()).then_some(unchecked),
        })
    }
}
