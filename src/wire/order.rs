//! An order on its way in (as typed) and out (with its defaults).

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::enums::{Word, asked};
use super::fields::{Put, Take};
use super::pb;
use super::values::unreadable;
use crate::domain::{
    Action, Amount, MismatchedPrices, OcaType, OrderDraft, OrderInput, OrderRequest, OrderType,
    SecType, TimeInForce, Timestamp, Violation, gather_terms, order_fields, spread_terms,
};
use crate::error::Error;

/// A field of an order as it was typed, in and out of a message field of type `M`; implemented for the type that the field is read as.
pub(super) trait Typed<M> {
    /// # Errors
    /// `REQUEST_INVALID` for an enum number this version does not know: that is a wrong request, not a wrong order.
    fn typed(field: &str, carried: M) -> Result<Option<Value>, Error>;

    /// `None` when the message cannot carry it.
    fn carried(typed: Option<Value>) -> Option<M>;
}

macro_rules! draft_and_message {
    ($($(#[$doc:meta])* $field:ident: $type:ident,)+) => {
        /// An order of a request as a draft. Empty required texts count as not given, since proto does not tell them apart.
        ///
        /// # Errors
        /// `REQUEST_INVALID` for an enum number this version does not know.
        pub(super) fn draft(order: Option<pb::Order>) -> Result<OrderInput, Error> {
            let pb::Order { $($field),+ } = order.unwrap_or_default();
            Ok(OrderInput::from(OrderDraft {
                $($field: <$type as Typed<_>>::typed(concat!("order.", stringify!($field)), $field)?,)+
                extra: Vec::new(),
                not_an_object: None,
            }))
        }

        fn message(draft: OrderDraft) -> Option<pb::Order> {
            let OrderDraft { $($field,)+ extra, not_an_object } = draft;
            if !extra.is_empty() || not_an_object.is_some() {
                return None;
            }
            Some(pb::Order { $($field: <$type as Typed<_>>::carried($field)?),+ })
        }
    };
}

order_fields!(draft_and_message);

/// A caller's order as a message; `None` when the message cannot carry it as it was typed (an unknown field, a word outside its
/// vocabulary, a number where a text should stand): then it is invalid, and the check says why without asking the gateway.
pub fn order_to_wire(input: &OrderInput) -> Option<pb::Order> {
    match input {
        OrderInput::Request(order) => Some(pb::Order::from(OrderRequest::clone(order))),
        OrderInput::Json(Value::Object(object)) => message(OrderDraft::from_object(object.clone())),
        OrderInput::Text(text) => {
            message(OrderDraft::from_object(serde_json::from_str(text).ok()?))
        }
        OrderInput::Draft(draft) => message(OrderDraft::clone(draft)),
        OrderInput::Json(_) => None,
    }
}

impl From<OrderRequest> for pb::Order {
    fn from(order: OrderRequest) -> Self {
        let OrderRequest {
            terms,
            transmit,
            client_tag,
            order_ref,
            account,
        } = order;
        macro_rules! message {
            (($($field:ident),+) ($($more:ident),+)) => {
                Self {
                    $($field: $field.put(),)+
                    $($more: $more.put(),)+
                    transmit: Some(transmit),
                    client_tag,
                    order_ref,
                    account,
                }
            };
        }
        spread_terms!(&terms, message)
    }
}

impl TryFrom<pb::Order> for OrderRequest {
    type Error = Error;

    /// Reads an order of an answer, where every default is filled in.
    fn try_from(order: pb::Order) -> Result<Self, Error> {
        macro_rules! field {
            ($field:ident) => {
                order.$field.take(stringify!($field))?
            };
        }
        Ok(Self {
            terms: gather_terms!(field),
            transmit: field!(transmit),
            client_tag: order.client_tag,
            order_ref: order.order_ref,
            account: order.account,
        })
    }
}

impl From<MismatchedPrices> for Error {
    fn from(_: MismatchedPrices) -> Self {
        unreadable("order_type")
    }
}

/// A required text: an empty one is not given.
impl Typed<String> for String {
    fn typed(_: &str, carried: String) -> Result<Option<Value>, Error> {
        Ok((!carried.is_empty()).then_some(Value::String(carried)))
    }

    fn carried(typed: Option<Value>) -> Option<String> {
        required(typed, text)
    }
}

impl Typed<Option<String>> for String {
    fn typed(_: &str, carried: Option<String>) -> Result<Option<Value>, Error> {
        Ok(carried.map(Value::String))
    }

    fn carried(typed: Option<Value>) -> Option<Option<String>> {
        optional(typed, text)
    }
}

impl Typed<String> for Amount {
    fn typed(field: &str, carried: String) -> Result<Option<Value>, Error> {
        String::typed(field, carried)
    }

    fn carried(typed: Option<Value>) -> Option<String> {
        required(typed, decimal)
    }
}

impl Typed<Option<String>> for Amount {
    fn typed(field: &str, carried: Option<String>) -> Result<Option<Value>, Error> {
        String::typed(field, carried)
    }

    fn carried(typed: Option<Value>) -> Option<Option<String>> {
        optional(typed, decimal)
    }
}

impl Typed<Option<prost_types::Timestamp>> for Timestamp {
    /// As text, with every digit of a fraction, so that the check sees it.
    fn typed(field: &str, carried: Option<prost_types::Timestamp>) -> Result<Option<Value>, Error> {
        let Some(prost_types::Timestamp { seconds, nanos }) = carried else {
            return Ok(None);
        };
        let nanos = (0..1_000_000_000).contains(&nanos).then_some(nanos);
        let text = nanos.and_then(|nanos| {
            let time = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
            let time = OffsetDateTime::from_unix_timestamp_nanos(time).ok()?;
            time.format(&Rfc3339).ok()
        });
        match text {
            Some(text) => Ok(Some(text.into())),
            None => Err(Error::request_field(
                field,
                "a timestamp has whole seconds from year 1 to 9999 and 0 to 999999999 nanoseconds",
                format!("{seconds}s {}ns", carried.map_or(0, |time| time.nanos)).into(),
            )),
        }
    }

    fn carried(typed: Option<Value>) -> Option<Option<prost_types::Timestamp>> {
        optional(typed, |value| {
            let time = OffsetDateTime::parse(value.as_str()?.trim(), &Rfc3339).ok()?;
            Some(prost_types::Timestamp {
                seconds: time.unix_timestamp(),
                nanos: i32::try_from(time.nanosecond()).ok()?,
            })
        })
    }
}

impl Typed<Option<bool>> for bool {
    fn typed(_: &str, carried: Option<bool>) -> Result<Option<Value>, Error> {
        Ok(carried.map(Value::Bool))
    }

    fn carried(typed: Option<Value>) -> Option<Option<bool>> {
        optional(typed, |value| value.as_bool())
    }
}

impl<W: Word + std::str::FromStr + std::fmt::Display> Typed<i32> for W {
    fn typed(field: &str, carried: i32) -> Result<Option<Value>, Error> {
        Ok(asked::<W>(field, carried)?.map(|word| word.to_string().into()))
    }

    fn carried(typed: Option<Value>) -> Option<i32> {
        let Some(typed) = typed else { return Some(0) };
        let word: W = typed.as_str()?.trim().to_ascii_uppercase().parse().ok()?;
        Some(word.to_number())
    }
}

/// A field that has to be given: an empty text would arrive as "not given", which is another violation.
fn required(value: Option<Value>, read: fn(Value) -> Option<String>) -> Option<String> {
    match value {
        None => Some(String::new()),
        Some(value) => read(value).filter(|text| !text.is_empty()),
    }
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

/// Puts what the caller typed back into violations that came over the wire, where it is missing (a status carries none) or a
/// number had to travel as a text.
pub fn restore_inputs<'a>(
    input: &OrderInput,
    violations: impl IntoIterator<Item = &'a mut Violation>,
) {
    match input {
        OrderInput::Json(typed) => restored(typed, violations),
        OrderInput::Text(text) => {
            restored(&serde_json::from_str(text).unwrap_or_default(), violations);
        }
        OrderInput::Request(order) => {
            restored(&serde_json::to_value(order).unwrap_or_default(), violations);
        }
        OrderInput::Draft(_) => {}
    }
}

/// The same for an object as it was typed, whose parts the violations' paths go through.
pub(super) fn restored<'a>(typed: &Value, violations: impl IntoIterator<Item = &'a mut Violation>) {
    for violation in violations {
        if violation.loc.is_empty() {
            continue;
        }
        let found = violation
            .loc
            .iter()
            .try_fold(typed, |part, name| part.as_object()?.get(name));
        let Some(found) = found else {
            continue;
        };
        if violation.input.is_null()
            || decimal(found.clone()).as_deref() == violation.input.as_str()
        {
            violation.input = found.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
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
        order.terms.tif = TimeInForce::FillOrKill;
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
