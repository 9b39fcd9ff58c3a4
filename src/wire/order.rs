//! An order on its way in (as typed) and out (with its defaults).

use serde_json::Value;

use crate::domain::{
    Action, OrderDraft, OrderInput, OrderRequest, OrderType, SecType, TimeInForce, Violation,
};
use crate::error::Error;

use super::pb;
use super::values::{amount, amount_option, present, unreadable};
use super::words::{Word, asked};

/// An order of a request as a draft. Empty required texts count as not given, since proto does not tell them apart.
///
/// # Errors
/// `REQUEST_INVALID` for an enum number this version does not know: that is a wrong request, not a wrong order.
pub(super) fn draft(order: Option<pb::Order>) -> Result<OrderInput, Error> {
    let pb::Order {
        action,
        symbol,
        order_type,
        quantity,
        limit_price,
        sec_type,
        exchange,
        currency,
        tif,
        transmit,
        primary_exch,
        client_tag,
        order_ref,
        account,
        outside_rth,
    } = order.unwrap_or_default();
    let required = |text: String| {
        if text.is_empty() {
            None
        } else {
            Some(Value::String(text))
        }
    };
    Ok(OrderInput::from(OrderDraft {
        action: asked::<Action>("order.action", action)?.map(|word| word.as_str().into()),
        symbol: required(symbol),
        order_type: asked::<OrderType>("order.order_type", order_type)?
            .map(|word| word.as_str().into()),
        quantity: required(quantity),
        limit_price: limit_price.map(Value::String),
        sec_type: asked::<SecType>("order.sec_type", sec_type)?.map(|word| word.as_str().into()),
        exchange: exchange.map(Value::String),
        currency: currency.map(Value::String),
        tif: asked::<TimeInForce>("order.tif", tif)?.map(|word| word.as_str().into()),
        transmit: transmit.map(Value::Bool),
        primary_exch: primary_exch.map(Value::String),
        client_tag: client_tag.map(Value::String),
        order_ref: order_ref.map(Value::String),
        account: account.map(Value::String),
        outside_rth: outside_rth.map(Value::Bool),
        extra: Vec::new(),
        not_an_object: None,
    }))
}

impl From<OrderRequest> for pb::Order {
    fn from(order: OrderRequest) -> Self {
        let OrderRequest {
            action,
            symbol,
            order_type,
            quantity,
            limit_price,
            sec_type,
            exchange,
            currency,
            tif,
            transmit,
            primary_exch,
            client_tag,
            order_ref,
            account,
            outside_rth,
        } = order;
        Self {
            action: pb::order::Action::from(action).into(),
            symbol,
            order_type: pb::order::OrderType::from(order_type).into(),
            quantity: quantity.to_string(),
            limit_price: limit_price.map(|price| price.to_string()),
            sec_type: pb::order::SecType::from(sec_type).into(),
            exchange: Some(exchange),
            currency: Some(currency),
            tif: pb::order::TimeInForce::from(tif).into(),
            transmit: Some(transmit),
            primary_exch,
            client_tag,
            order_ref,
            account,
            outside_rth: Some(outside_rth),
        }
    }
}

impl TryFrom<pb::Order> for OrderRequest {
    type Error = Error;

    /// Reads an order of an answer, where every default is filled in.
    fn try_from(order: pb::Order) -> Result<Self, Error> {
        let pb::Order {
            action,
            symbol,
            order_type,
            quantity,
            limit_price,
            sec_type,
            exchange,
            currency,
            tif,
            transmit,
            primary_exch,
            client_tag,
            order_ref,
            account,
            outside_rth,
        } = order;
        Ok(Self {
            action: answered("action", action)?,
            symbol,
            order_type: answered("order_type", order_type)?,
            quantity: amount("quantity", &quantity)?,
            limit_price: amount_option("limit_price", limit_price)?,
            sec_type: answered("sec_type", sec_type)?,
            exchange: present("exchange", exchange)?,
            currency: present("currency", currency)?,
            tif: answered("tif", tif)?,
            transmit: transmit.unwrap_or_default(),
            primary_exch,
            client_tag,
            order_ref,
            account,
            outside_rth: outside_rth.unwrap_or_default(),
        })
    }
}

/// A word of an answer, where "not given" cannot be.
pub(super) fn answered<W: Word>(field: &str, number: i32) -> Result<W, Error> {
    W::from_number(number)
        .ok()
        .flatten()
        .ok_or_else(|| unreadable(field))
}

/// A caller's order as a message; `None` when the message cannot carry it as it was typed (an unknown field, a word outside its
/// vocabulary, a number where a text should stand): then it is invalid, and the check says why without asking the gateway.
pub fn order_to_wire(input: &OrderInput) -> Option<pb::Order> {
    let draft = match input {
        OrderInput::Request(order) => return Some(pb::Order::from(OrderRequest::clone(order))),
        OrderInput::Json(Value::Object(object)) => OrderDraft::from_object(object.clone()),
        OrderInput::Text(text) => OrderDraft::from_object(serde_json::from_str(text).ok()?),
        OrderInput::Draft(draft) => OrderDraft::clone(draft),
        OrderInput::Json(_) => return None,
    };
    let OrderDraft {
        action,
        symbol,
        order_type,
        quantity,
        limit_price,
        sec_type,
        exchange,
        currency,
        tif,
        transmit,
        primary_exch,
        client_tag,
        order_ref,
        account,
        outside_rth,
        extra,
        not_an_object,
    } = draft;
    if !extra.is_empty() || not_an_object.is_some() {
        return None;
    }
    // An empty text arrives as "not given", which is another violation.
    let required = |value: Option<Value>, read: fn(Value) -> Option<String>| match value {
        None => Some(String::new()),
        Some(value) => read(value).filter(|text| !text.is_empty()),
    };
    Some(pb::Order {
        action: word::<Action, pb::order::Action>(action)?,
        symbol: required(symbol, text)?,
        order_type: word::<OrderType, pb::order::OrderType>(order_type)?,
        quantity: required(quantity, decimal)?,
        limit_price: optional(limit_price, decimal)?,
        sec_type: word::<SecType, pb::order::SecType>(sec_type)?,
        exchange: optional(exchange, text)?,
        currency: optional(currency, text)?,
        tif: word::<TimeInForce, pb::order::TimeInForce>(tif)?,
        transmit: optional(transmit, flag)?,
        primary_exch: optional(primary_exch, text)?,
        client_tag: optional(client_tag, text)?,
        order_ref: optional(order_ref, text)?,
        account: optional(account, text)?,
        outside_rth: optional(outside_rth, flag)?,
    })
}

/// Reads a field that may be left out: `Some(None)` when it is, `None` when it cannot be read.
fn optional<T>(value: Option<Value>, read: fn(Value) -> Option<T>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => read(value).map(Some),
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    }
}

fn flag(value: Value) -> Option<bool> {
    value.as_bool()
}

/// A number by its shortest text, as the check reads it.
fn decimal(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(match number.as_f64() {
            Some(double) if number.is_f64() => format!("{double}"),
            _ => number.to_string(),
        }),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn word<D, P>(value: Option<Value>) -> Option<i32>
where
    D: std::str::FromStr,
    P: From<D> + Into<i32>,
{
    let Some(value) = value else { return Some(0) };
    let word: D = value.as_str()?.trim().to_ascii_uppercase().parse().ok()?;
    Some(P::from(word).into())
}

/// Puts what the caller typed back into violations that came over the wire, where it is missing (a status carries none) or a
/// number had to travel as a text.
pub fn restore_inputs<'a>(
    input: &OrderInput,
    violations: impl IntoIterator<Item = &'a mut Violation>,
) {
    let object = match input {
        OrderInput::Json(Value::Object(object)) => object.clone(),
        OrderInput::Text(text) => serde_json::from_str(text).unwrap_or_default(),
        OrderInput::Request(order) => match serde_json::to_value(order) {
            Ok(Value::Object(object)) => object,
            _ => return,
        },
        OrderInput::Json(_) | OrderInput::Draft(_) => return,
    };
    for violation in violations {
        let [field] = violation.loc.as_slice() else {
            continue;
        };
        let Some(typed) = object.get(field) else {
            continue;
        };
        if violation.input.is_null()
            || decimal(typed.clone()).as_deref() == violation.input.as_str()
        {
            violation.input = typed.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::Amount;
    use crate::error::Reason;

    fn market() -> Value {
        json!({"action": "buy", "symbol": "AAPL", "order_type": "MKT", "quantity": 1.5, "transmit": true})
    }

    #[test]
    fn an_order_reads_as_it_was_typed() {
        let wire = order_to_wire(&market().into()).unwrap();
        assert_eq!(wire.action, pb::order::Action::Buy as i32);
        assert_eq!(wire.quantity, "1.5");
        assert_eq!(wire.exchange, None);
        let OrderInput::Draft(draft) = draft(Some(wire)).unwrap() else {
            panic!("no draft")
        };
        assert_eq!(
            *draft,
            OrderDraft {
                action: Some("BUY".into()),
                symbol: Some("AAPL".into()),
                order_type: Some("MKT".into()),
                quantity: Some("1.5".into()),
                transmit: Some(true.into()),
                ..OrderDraft::default()
            }
        );
    }

    #[test]
    fn unset_required_fields_stay_missing() {
        let OrderInput::Draft(draft) = draft(None).unwrap() else {
            panic!("no draft")
        };
        assert_eq!(*draft, OrderDraft::default());
    }

    #[test]
    fn an_unknown_enum_number_is_a_wrong_request() {
        let order = pb::Order {
            tif: 77,
            ..pb::Order::default()
        };
        let error = draft(Some(order)).unwrap_err();
        assert_eq!(error.reason, Reason::RequestInvalid);
        assert_eq!(error.violations[0].loc, ["order.tif"]);
    }

    #[test]
    fn what_a_message_cannot_carry_is_not_sent() {
        for (field, value) in [
            ("colour", json!("red")),
            ("action", json!("HOLD")),
            ("symbol", json!(7)),
            ("symbol", json!("")),
            ("quantity", json!(true)),
            ("quantity", json!("")),
            ("transmit", json!("yes")),
            ("outside_rth", json!(1)),
        ] {
            let mut order = market();
            order[field] = value.clone();
            assert_eq!(order_to_wire(&order.into()), None, "{field} {value}");
        }
        for text in ["", "[]", "null", "{"] {
            assert_eq!(order_to_wire(&text.into()), None, "{text}");
        }
    }

    #[test]
    fn an_order_with_its_defaults_survives_the_wire() {
        let mut order = OrderRequest::limit(
            Action::Sell,
            "MSFT",
            Amount::from(3),
            Amount::parse("450.25").unwrap(),
        );
        order.client_tag = Some("tag".to_owned());
        order.tif = TimeInForce::FillOrKill;
        assert_eq!(
            OrderRequest::try_from(pb::Order::from(order.clone())),
            Ok(order)
        );
    }

    #[test]
    fn violations_get_back_what_was_typed() {
        let mut violations = [
            Violation::field("greater_than", "quantity", "", Value::Null),
            Violation::field("greater_than", "quantity", "", json!("1.5")),
            Violation::field("value_error", "symbol", "", json!("other")),
            Violation::field("missing", "limit_price", "", Value::Null),
        ];
        restore_inputs(&market().into(), &mut violations);
        let inputs: Vec<_> = violations.into_iter().map(|v| v.input).collect();
        assert_eq!(
            inputs,
            [json!(1.5), json!(1.5), json!("other"), Value::Null]
        );
    }
}
