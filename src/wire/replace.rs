//! Replace.

use serde_json::json;

use crate::domain::{
    Amount, ChangeDraft, DEFAULT_TIMEOUT_SECONDS, OrderState, ReplaceIn, ReplaceOut, TimeInForce,
    Violation,
};
use crate::error::Error;

use super::by_order::key;
use super::order::{Typed, restored};
use super::pb;
use super::values::{duration, given, json_from_struct, seconds, struct_from_json};

impl TryFrom<pb::ReplaceRequest> for ReplaceIn {
    type Error = Error;

    fn try_from(request: pb::ReplaceRequest) -> Result<Self, Error> {
        let pb::ReplaceRequest {
            order,
            quantity,
            limit_price,
            stop_price,
            trail_amount,
            trail_percent,
            limit_offset,
            tif,
            expected_revision,
            request_id,
            timeout,
            dry_run,
        } = request;
        let amount = |field, text: Option<String>| <Amount as Typed<_>>::typed(field, text);
        Ok(Self {
            order: key(order)?,
            change: ChangeDraft {
                quantity: amount("quantity", quantity)?,
                limit_price: amount("limit_price", limit_price)?,
                stop_price: amount("stop_price", stop_price)?,
                trail_amount: amount("trail_amount", trail_amount)?,
                trail_percent: amount("trail_percent", trail_percent)?,
                limit_offset: amount("limit_offset", limit_offset)?,
                tif: <TimeInForce as Typed<i32>>::typed("tif", tif.unwrap_or_default())?,
            },
            expected_revision,
            request_id: given(request_id),
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            dry_run,
        })
    }
}

/// A replace request; `None` when the message cannot carry what was typed (a word outside its vocabulary, no number where one should stand).
pub fn replace_request(input: ReplaceIn) -> Option<pb::ReplaceRequest> {
    let ReplaceIn {
        order,
        change,
        expected_revision,
        request_id,
        timeout,
        dry_run,
    } = input;
    let ChangeDraft {
        quantity,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
        tif,
    } = change;
    let amount = |typed| <Amount as Typed<Option<String>>>::carried(typed);
    let tif = match tif {
        None => None,
        Some(word) => Some(<TimeInForce as Typed<i32>>::carried(Some(word))?),
    };
    Some(pb::ReplaceRequest {
        order: Some(order.into()),
        quantity: amount(quantity)?,
        limit_price: amount(limit_price)?,
        stop_price: amount(stop_price)?,
        trail_amount: amount(trail_amount)?,
        trail_percent: amount(trail_percent)?,
        limit_offset: amount(limit_offset)?,
        tif,
        expected_revision,
        request_id: request_id.unwrap_or_default(),
        timeout: Some(duration(timeout)),
        dry_run,
    })
}

/// Puts what the caller typed back into violations that came over the wire, which carry none.
pub fn restore_change_inputs(change: &ChangeDraft, violations: &mut [Violation]) {
    let ChangeDraft {
        quantity,
        limit_price,
        stop_price,
        trail_amount,
        trail_percent,
        limit_offset,
        tif,
    } = change;
    let typed = json!({
        "quantity": quantity,
        "limit_price": limit_price,
        "stop_price": stop_price,
        "trail_amount": trail_amount,
        "trail_percent": trail_percent,
        "limit_offset": limit_offset,
        "tif": tif,
    });
    restored(&typed, violations);
}

impl From<ReplaceOut> for pb::ReplaceResponse {
    fn from(out: ReplaceOut) -> Self {
        let ReplaceOut {
            order,
            dry_run: _, // whoever asked knows, and a dry run alone has payloads
            contract,
            order_payload,
            errors: _, // a failed call answers a status, which has them
            error: _,  // the same
            request_id,
            replayed,
        } = out;
        Self {
            order: order.map(Into::into),
            request_id: request_id.unwrap_or_default(),
            replayed,
            contract: contract.map(struct_from_json),
            order_payload: order_payload.map(struct_from_json),
        }
    }
}

impl TryFrom<pb::ReplaceResponse> for ReplaceOut {
    type Error = Error;

    fn try_from(out: pb::ReplaceResponse) -> Result<Self, Error> {
        let pb::ReplaceResponse {
            order,
            request_id,
            replayed,
            contract,
            order_payload,
        } = out;
        Ok(Self {
            order: order.map(OrderState::try_from).transpose()?,
            dry_run: order_payload.is_some(),
            contract: contract.map(json_from_struct),
            order_payload: order_payload.map(json_from_struct),
            errors: None,
            error: None,
            request_id: given(request_id),
            replayed,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::OrderKey;

    #[test]
    fn what_is_to_change_arrives_and_the_rest_is_not_given() {
        let input = ReplaceIn {
            change: ChangeDraft {
                quantity: Some(json!("20")),
                limit_price: Some(json!("151.25")),
                tif: Some(json!("GTC")),
                ..ChangeDraft::default()
            },
            expected_revision: Some(3),
            request_id: Some("r-2".to_owned()),
            timeout: 1.5,
            dry_run: true,
            ..ReplaceIn::new(OrderKey::RequestId("r-1".to_owned()))
        };
        let wire = replace_request(input.clone()).unwrap();
        assert_eq!(wire.stop_price, None);
        assert_eq!(ReplaceIn::try_from(wire), Ok(input));
        let number = ReplaceIn {
            change: ChangeDraft {
                quantity: Some(json!(20)),
                ..ChangeDraft::default()
            },
            ..ReplaceIn::new(OrderKey::OrderId(1))
        };
        assert_eq!(
            replace_request(number).unwrap().quantity.as_deref(),
            Some("20")
        );
        let nonsense = ReplaceIn {
            change: ChangeDraft {
                tif: Some(json!("HOLD")),
                ..ChangeDraft::default()
            },
            ..ReplaceIn::new(OrderKey::OrderId(1))
        };
        assert_eq!(replace_request(nonsense), None);
    }
}
