//! PlaceBracket.

use serde_json::{Value, json};

use crate::domain::{
    Amount, BracketDraft, BracketIn, BracketInput, BracketOut, DEFAULT_TIMEOUT_SECONDS, LegDraft,
    OrderInput, OrderPayload, OrderState, TimeInForce, Violation,
};
use crate::error::Error;

use super::health::{warnings_message, warnings_of};
use super::order::{Typed, draft, order_to_wire, restored};
use super::pb;
use super::values::{duration, given, json_from_struct, seconds, struct_from_json};

/// Refuses a PlaceBracket without a request id, which only a second call of the same would tell from a new bracket.
///
/// # Errors
/// `REQUEST_INVALID`.
pub fn require_bracket_request_id(request: &pb::PlaceBracketRequest) -> Result<(), Error> {
    if request.dry_run || !request.request_id.is_empty() {
        return Ok(());
    }
    Err(Error::request_field(
        "request_id",
        "give a bracket a request_id of its own: a proxy or a library on the way may send the call twice, and without a request_id that makes two brackets. Nothing was sent",
        "".into(),
    ))
}

impl TryFrom<pb::PlaceBracketRequest> for BracketIn {
    type Error = Error;

    fn try_from(request: pb::PlaceBracketRequest) -> Result<Self, Error> {
        let pb::PlaceBracketRequest {
            entry,
            take_profit,
            stop_loss,
            dry_run,
            timeout,
            request_id,
        } = request;
        let bracket = BracketDraft {
            entry: draft(entry).map_err(of_the_entry)?,
            take_profit: take_profit.map(LegDraft::try_from).transpose()?,
            stop_loss: stop_loss.map(LegDraft::try_from).transpose()?,
            extra: Vec::new(),
        };
        Ok(Self {
            bracket: bracket.into(),
            dry_run,
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            request_id: given(request_id),
        })
    }
}

/// An error about a field of an order, whose name in this request is another.
fn of_the_entry(error: Error) -> Error {
    let renamed = |text: &str| text.replacen("order.", "entry.", 1);
    Error {
        message: renamed(&error.message),
        violations: error
            .violations
            .into_iter()
            .map(|violation| Violation {
                loc: violation.loc.iter().map(|name| renamed(name)).collect(),
                ..violation
            })
            .collect(),
        ..error
    }
}

impl TryFrom<pb::TakeProfit> for LegDraft {
    type Error = Error;

    fn try_from(leg: pb::TakeProfit) -> Result<Self, Error> {
        let pb::TakeProfit {
            limit_price,
            tif,
            outside_rth,
        } = leg;
        Ok(Self {
            limit_price: Amount::typed("take_profit.limit_price", limit_price)?,
            tif: TimeInForce::typed("take_profit.tif", tif)?,
            outside_rth: bool::typed("take_profit.outside_rth", outside_rth)?,
            ..Self::default()
        })
    }
}

impl TryFrom<pb::StopLoss> for LegDraft {
    type Error = Error;

    fn try_from(leg: pb::StopLoss) -> Result<Self, Error> {
        let pb::StopLoss {
            stop_price,
            limit_price,
            tif,
            outside_rth,
        } = leg;
        Ok(Self {
            limit_price: Amount::typed("stop_loss.limit_price", limit_price)?,
            stop_price: Amount::typed("stop_loss.stop_price", stop_price)?,
            tif: TimeInForce::typed("stop_loss.tif", tif)?,
            outside_rth: bool::typed("stop_loss.outside_rth", outside_rth)?,
            ..Self::default()
        })
    }
}

/// A bracket as a message without its other fields; `None` when it cannot carry what was typed: then it is invalid, and the check says why
/// without asking the gateway.
pub fn bracket_to_wire(bracket: &BracketInput) -> Option<pb::PlaceBracketRequest> {
    let BracketDraft {
        entry,
        take_profit,
        stop_loss,
        extra,
    } = bracket.clone().draft().ok()?;
    if !extra.is_empty() {
        return None;
    }
    let take_profit = match take_profit {
        None => None,
        Some(leg) => Some(take_profit_message(leg)?),
    };
    let stop_loss = match stop_loss {
        None => None,
        Some(leg) => Some(stop_loss_message(leg)?),
    };
    Some(pb::PlaceBracketRequest {
        entry: Some(order_to_wire(&entry)?),
        take_profit,
        stop_loss,
        dry_run: false,
        timeout: None,
        request_id: String::new(),
    })
}

fn take_profit_message(leg: LegDraft) -> Option<pb::TakeProfit> {
    let LegDraft {
        limit_price,
        stop_price,
        tif,
        outside_rth,
        extra,
        not_an_object,
    } = leg;
    if stop_price.is_some() || !extra.is_empty() || not_an_object.is_some() {
        return None;
    }
    Some(pb::TakeProfit {
        limit_price: Amount::carried(limit_price)?,
        tif: TimeInForce::carried(tif)?,
        outside_rth: bool::carried(outside_rth)?,
    })
}

fn stop_loss_message(leg: LegDraft) -> Option<pb::StopLoss> {
    let LegDraft {
        limit_price,
        stop_price,
        tif,
        outside_rth,
        extra,
        not_an_object,
    } = leg;
    if !extra.is_empty() || not_an_object.is_some() {
        return None;
    }
    Some(pb::StopLoss {
        stop_price: Amount::carried(stop_price)?,
        limit_price: Amount::carried(limit_price)?,
        tif: TimeInForce::carried(tif)?,
        outside_rth: bool::carried(outside_rth)?,
    })
}

/// A request around a bracket that was converted before.
pub fn place_bracket_request(
    message: pb::PlaceBracketRequest,
    input: BracketIn,
) -> pb::PlaceBracketRequest {
    let BracketIn {
        bracket: _, // the message has it already
        dry_run,
        timeout,
        request_id,
    } = input;
    pb::PlaceBracketRequest {
        dry_run,
        timeout: Some(duration(timeout)),
        request_id: request_id.unwrap_or_default(),
        ..message
    }
}

/// Puts what the caller typed back into violations that came over the wire, which carry none.
pub fn restore_bracket_inputs(bracket: &BracketInput, violations: &mut [Violation]) {
    let typed = match bracket {
        BracketInput::Json(value) => value.clone(),
        BracketInput::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        BracketInput::Draft(draft) => {
            let BracketDraft {
                entry,
                take_profit,
                stop_loss,
                extra: _, // a message does not carry them
            } = draft.as_ref();
            json!({
                "entry": order_as_typed(entry),
                "take_profit": leg_as_typed(take_profit.as_ref()),
                "stop_loss": leg_as_typed(stop_loss.as_ref()),
            })
        }
    };
    restored(&typed, violations);
}

fn order_as_typed(order: &OrderInput) -> Value {
    match order {
        OrderInput::Json(value) => value.clone(),
        OrderInput::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        OrderInput::Request(order) => serde_json::to_value(order).unwrap_or_default(),
        OrderInput::Draft(_) => Value::Null,
    }
}

fn leg_as_typed(leg: Option<&LegDraft>) -> Value {
    let Some(leg) = leg else { return Value::Null };
    let mut object = serde_json::Map::new();
    for (name, value) in [
        ("limit_price", &leg.limit_price),
        ("stop_price", &leg.stop_price),
        ("tif", &leg.tif),
        ("outside_rth", &leg.outside_rth),
    ] {
        if let Some(value) = value {
            object.insert(name.to_owned(), value.clone());
        }
    }
    object.into()
}

impl From<OrderPayload> for pb::OrderPayload {
    fn from(payload: OrderPayload) -> Self {
        let OrderPayload { contract, order } = payload;
        Self {
            contract: Some(struct_from_json(contract)),
            order: Some(struct_from_json(order)),
        }
    }
}

impl From<pb::OrderPayload> for OrderPayload {
    fn from(payload: pb::OrderPayload) -> Self {
        let pb::OrderPayload { contract, order } = payload;
        Self {
            contract: json_from_struct(contract.unwrap_or_default()),
            order: json_from_struct(order.unwrap_or_default()),
        }
    }
}

impl From<BracketOut> for pb::PlaceBracketResponse {
    fn from(out: BracketOut) -> Self {
        let BracketOut {
            submitted: _, // the entry is there
            dry_run: _,   // whoever asked knows, and a dry run alone has payloads
            entry,
            take_profit,
            stop_loss,
            entry_payload,
            take_profit_payload,
            stop_loss_payload,
            errors: _, // a failed call answers a status, which has them
            error: _,  // the same
            request_id,
            replayed,
            warnings,
            unchecked,
        } = out;
        Self {
            entry: entry.map(Into::into),
            take_profit: take_profit.map(Into::into),
            stop_loss: stop_loss.map(Into::into),
            request_id: request_id.unwrap_or_default(),
            replayed,
            entry_payload: entry_payload.map(Into::into),
            take_profit_payload: take_profit_payload.map(Into::into),
            stop_loss_payload: stop_loss_payload.map(Into::into),
            warnings: warnings_message(warnings),
            unchecked: unchecked.unwrap_or_default(),
        }
    }
}

impl TryFrom<pb::PlaceBracketResponse> for BracketOut {
    type Error = Error;

    fn try_from(out: pb::PlaceBracketResponse) -> Result<Self, Error> {
        let pb::PlaceBracketResponse {
            entry,
            take_profit,
            stop_loss,
            request_id,
            replayed,
            entry_payload,
            take_profit_payload,
            stop_loss_payload,
            warnings,
            unchecked,
        } = out;
        let state = |order: Option<pb::OrderState>| order.map(OrderState::try_from).transpose();
        Ok(Self {
            submitted: entry.is_some(),
            dry_run: entry_payload.is_some(),
            entry: state(entry)?,
            take_profit: state(take_profit)?,
            stop_loss: state(stop_loss)?,
            entry_payload: entry_payload.map(Into::into),
            take_profit_payload: take_profit_payload.map(Into::into),
            stop_loss_payload: stop_loss_payload.map(Into::into),
            errors: None,
            error: None,
            request_id: given(request_id),
            replayed,
            warnings: warnings_of(warnings),
            unchecked: (!unchecked.is_empty()).then_some(unchecked),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::full_state;
    use super::*;
    use crate::domain::{RuleViolation, StopLoss, TakeProfit};
    use crate::error::Reason;

    fn typed() -> Value {
        json!({
            "entry": {"action": "buy", "symbol": "AAPL", "order_type": "LMT", "quantity": 10, "limit_price": 150.5},
            "take_profit": {"limit_price": "160", "tif": "day"},
            "stop_loss": {"stop_price": 140, "limit_price": 139.5, "outside_rth": true},
        })
    }

    #[test]
    fn a_bracket_arrives_as_it_was_typed() {
        let input = BracketIn {
            timeout: 1.5,
            request_id: Some("r-1".to_owned()),
            ..BracketIn::new(typed())
        };
        let message = bracket_to_wire(&input.bracket).unwrap();
        let request = place_bracket_request(message, input);
        let take_profit = request.take_profit.clone().unwrap();
        assert_eq!(
            (take_profit.limit_price.as_str(), take_profit.tif),
            ("160", 1)
        );
        let arrived = BracketIn::try_from(request).unwrap();
        assert_eq!(arrived.request_id.as_deref(), Some("r-1"));
        let draft = arrived.bracket.draft().unwrap();
        assert_eq!(
            draft.take_profit,
            Some(LegDraft {
                limit_price: Some("160".into()),
                tif: Some("DAY".into()),
                ..LegDraft::default()
            })
        );
        let stop_loss = StopLoss {
            stop_price: Amount::from(140),
            limit_price: Some(Amount::parse("139.5").unwrap()),
            tif: None,
            outside_rth: Some(true),
        };
        assert_eq!(draft.stop_loss, Some(stop_loss.into()));
    }

    #[test]
    fn what_a_message_cannot_carry_is_not_sent() {
        for (part, field, value) in [
            ("take_profit", "stop_price", json!(1)),
            ("take_profit", "tif", json!("HOLD")),
            ("stop_loss", "quantity", json!(3)),
            ("stop_loss", "outside_rth", json!("yes")),
            ("entry", "colour", json!("red")),
        ] {
            let mut bracket = typed();
            bracket[part][field] = value;
            assert_eq!(bracket_to_wire(&bracket.into()), None, "{part}.{field}");
        }
        assert_eq!(bracket_to_wire(&json!([1]).into()), None);
        assert_eq!(
            bracket_to_wire(&json!({"entry": {}, "exits": []}).into()),
            None
        );
    }

    #[test]
    fn a_wrong_word_names_its_part_and_a_bracket_needs_a_request_id() {
        let mut request = bracket_to_wire(&typed().into()).unwrap();
        assert!(require_bracket_request_id(&request).is_err());
        request.dry_run = true;
        assert!(require_bracket_request_id(&request).is_ok());
        request.entry.as_mut().unwrap().tif = 77;
        let error = BracketIn::try_from(request.clone()).unwrap_err();
        assert_eq!(error.reason, Reason::RequestInvalid);
        assert_eq!(error.violations[0].loc, ["entry.tif"]);
        assert!(error.message.starts_with("entry.tif: "), "{error}");
        request.entry.as_mut().unwrap().tif = 1;
        request.stop_loss.as_mut().unwrap().tif = 77;
        let error = BracketIn::try_from(request).unwrap_err();
        assert_eq!(error.violations[0].loc, ["stop_loss.tif"]);
    }

    #[test]
    fn violations_get_back_what_was_typed_in_their_part() {
        let violation = |part: &str, field: &str| {
            let mut violation = Violation::field("value_error", field, "", Value::Null);
            violation.loc.insert(0, part.to_owned());
            violation
        };
        let mut violations = [
            violation("stop_loss", "stop_price"),
            violation("entry", "action"),
            violation("take_profit", "outside_rth"),
        ];
        restore_bracket_inputs(&typed().into(), &mut violations);
        let inputs = violations.map(|violation| violation.input);
        assert_eq!(inputs, [json!(140), json!("buy"), Value::Null]);
        let drafted = BracketDraft::new(typed()["entry"].clone()).take_profit(TakeProfit {
            limit_price: Amount::from(160),
            tif: None,
            outside_rth: Some(false),
        });
        let mut violations = [
            violation("take_profit", "limit_price"),
            violation("entry", "quantity"),
        ];
        restore_bracket_inputs(&drafted.into(), &mut violations);
        let inputs = violations.map(|violation| violation.input);
        assert_eq!(inputs, [json!("160"), json!(10)]);
    }

    #[test]
    fn what_became_of_a_bracket_survives_the_wire() {
        let placed = BracketOut {
            submitted: true,
            dry_run: false,
            entry: Some(full_state()),
            take_profit: None,
            stop_loss: Some(full_state()),
            entry_payload: None,
            take_profit_payload: None,
            stop_loss_payload: None,
            errors: None,
            error: None,
            request_id: Some("r-1".to_owned()),
            replayed: true,
            warnings: Some(vec![RuleViolation {
                rule: "max_order_quantity".to_owned(),
                subject: "DU1/AAPL".to_owned(),
                description: "10 is more than 5".to_owned(),
            }]),
            unchecked: None,
        };
        let payload = |side: &str| {
            Some(OrderPayload {
                contract: json!({"symbol": "AAPL"}),
                order: json!({"action": side, "transmit": false}),
            })
        };
        let dry = BracketOut {
            submitted: false,
            dry_run: true,
            entry: None,
            stop_loss: None,
            entry_payload: payload("BUY"),
            take_profit_payload: payload("SELL"),
            warnings: None,
            unchecked: Some(vec!["max_open_orders".to_owned()]),
            ..placed.clone()
        };
        for out in [placed, dry] {
            let message = pb::PlaceBracketResponse::from(out.clone());
            assert_eq!(BracketOut::try_from(message), Ok(out));
        }
    }
}
