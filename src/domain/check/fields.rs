//! Reads single fields of a draft and collects what is wrong with them.

use std::str::FromStr;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::domain::{
    Action, Amount, AmountError, Oca, OcaType, OrderDraft, OrderInput, OrderType, SecType,
    TimeInForce, Timestamp, Violation, Violations,
};

/// Longest ticker taken. IB's own are far shorter; the bound keeps nonsense off the wire.
const SYMBOL_CHARS_MAX: usize = 32;
/// Longest free text taken for an account.
const TEXT_CHARS_MAX: usize = 128;
/// Longest text that TWS surely gives back whole in an orderRef or an OCA group.
const REFERENCE_CHARS_MAX: usize = 40;

/// The most a quantity or a price may be. Products of two such values are exact decimals, and nothing that trades comes near.
const WIRE_MAX: i64 = 1_000_000_000_000;
/// TWS's protocol writes a quantity that is not set so.
const QUANTITY_NOT_SET: i64 = 2_147_483_647;

/// Violations found so far.
#[derive(Default)]
pub(super) struct Fields {
    violations: Vec<Violation>,
}

/// A vocabulary whose words can be listed to somebody who missed one.
pub(super) trait Vocabulary: FromStr + Copy + 'static {
    /// Its words, as a person would list them.
    fn listed() -> String;

    /// Whether a request may have it; some words only TWS uses.
    fn is_for_requests(self) -> bool;
}

macro_rules! vocabulary {
    ($($name:ty $(, but for $but:path)?;)+) => {$(
        impl Vocabulary for $name {
            fn listed() -> String {
                let words = <$name>::ALL.iter().filter(|word| word.is_for_requests());
                words.map(|word| word.as_str()).collect::<Vec<_>>().join(", ")
            }

            fn is_for_requests(self) -> bool {
                true $(&& self != $but)?
            }
        }
    )+};
}
vocabulary! {
    Action;
    OcaType;
    OrderType, but for OrderType::Other;
    SecType;
    TimeInForce;
}

impl Fields {
    pub(super) fn violations_so_far(&self) -> usize {
        self.violations.len()
    }

    pub(super) fn is_clean(&self) -> bool {
        self.violations.is_empty()
    }

    pub(super) fn into_violations(self) -> Violations {
        Violations(self.violations)
    }

    pub(super) fn push(&mut self, kind: &str, field: &str, msg: impl Into<String>, input: Value) {
        self.violations
            .push(Violation::field(kind, field, msg, input));
    }

    /// A violation of the order as a whole.
    pub(super) fn whole(&mut self, kind: &str, msg: impl Into<String>, input: Value) {
        self.violations.push(Violation {
            kind: kind.to_owned(),
            loc: Vec::new(),
            msg: msg.into(),
            input,
        });
    }

    pub(super) fn missing(&mut self, field: &str, msg: &str) {
        self.push("missing", field, msg, Value::Null);
    }

    /// The fields of an order in whatever form it came; `None` after a text that is not JSON.
    pub(super) fn draft(&mut self, input: OrderInput) -> Option<OrderDraft> {
        match input {
            OrderInput::Draft(draft) => Some(*draft),
            OrderInput::Request(request) => Some(OrderDraft::from(*request)),
            OrderInput::Json(value) => Some(draft_of_json(value)),
            OrderInput::Text(text) => match serde_json::from_str(&text) {
                Ok(value) => Some(draft_of_json(value)),
                Err(error) => {
                    let msg = format!("the order is not JSON: {error}");
                    self.whole("json_invalid", msg, Value::String(text));
                    None
                }
            },
        }
    }

    /// A word of a vocabulary, in any case; `None` when it is not given or wrong.
    pub(super) fn word<W: Vocabulary>(&mut self, field: &str, value: Option<Value>) -> Option<W> {
        let value = value?;
        let word = value
            .as_str()
            .and_then(|text| text.trim().to_ascii_uppercase().parse().ok())
            .filter(|word: &W| word.is_for_requests());
        if word.is_none() {
            self.push("enum", field, format!("use one of: {}", W::listed()), value);
        }
        word
    }

    pub(super) fn required_word<W: Vocabulary>(
        &mut self,
        field: &str,
        value: Option<Value>,
    ) -> Option<W> {
        if value.is_none() {
            self.missing(
                field,
                &format!("{field} is required: give one of: {}", W::listed()),
            );
        }
        self.word(field, value)
    }

    /// Text that is not a string, is too long or cannot be printed is a violation; blank text counts as not given.
    fn plain(&mut self, field: &str, value: Option<Value>, chars_max: usize) -> Option<String> {
        let text = match value? {
            Value::String(text) => text,
            other => {
                self.push(
                    "string_type",
                    field,
                    format!("give {field} as a text"),
                    other,
                );
                return None;
            }
        };
        if text.trim().is_empty() {
            return None;
        }
        if text.chars().count() > chars_max {
            let msg = format!("{field} may have {chars_max} characters at most: shorten it");
            self.push("string_too_long", field, msg, text.into());
            return None;
        }
        if text.chars().any(char::is_control) {
            let msg = format!("{field} has a control character: remove it");
            self.push("value_error", field, msg, text.into());
            return None;
        }
        if !text.is_ascii() {
            let msg = format!(
                "{field} has characters beyond ASCII, which TWS does not give back as they are: remove them"
            );
            self.push("value_error", field, msg, text.into());
            return None;
        }
        Some(text)
    }

    /// Free text, kept exactly as given.
    pub(super) fn text(&mut self, field: &str, value: Option<Value>) -> Option<String> {
        self.exact(field, value, TEXT_CHARS_MAX)
    }

    /// Free text by which an order is recognised: TWS has to give it back as it is.
    pub(super) fn reference(&mut self, field: &str, value: Option<Value>) -> Option<String> {
        self.exact(field, value, REFERENCE_CHARS_MAX)
    }

    fn exact(&mut self, field: &str, value: Option<Value>, chars_max: usize) -> Option<String> {
        let text = self.plain(field, value, chars_max)?;
        if text.trim().len() != text.len() {
            let msg = format!(
                "{field} begins or ends with a blank, which TWS does not give back: remove it"
            );
            self.push("value_error", field, msg, text.into());
            return None;
        }
        Some(text)
    }

    /// A point in time in whole seconds, which is how TWS takes it; `None` when it is not given, `Some(None)` when it is wrong.
    pub(super) fn time(&mut self, field: &str, value: Option<Value>) -> Option<Option<Timestamp>> {
        let value = value?;
        let time = value
            .as_str()
            .and_then(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).ok());
        match time {
            Some(time) if time.nanosecond() == 0 => Some(Some(time.into())),
            Some(_) => {
                let msg = format!(
                    "{field} has a fraction of a second, which TWS does not take: give whole seconds"
                );
                self.push("value_error", field, msg, value);
                Some(None)
            }
            None => {
                let msg =
                    format!("give {field} as an RFC 3339 time, for example 2026-11-30T20:00:00Z");
                self.push("datetime_parsing", field, msg, value);
                Some(None)
            }
        }
    }

    /// Whether a time in force and its end belong together.
    pub(super) fn tif(&mut self, tif: TimeInForce, good_till: Option<Option<Timestamp>>) {
        match (tif, good_till) {
            (TimeInForce::GoodTillDate, None) => self.missing(
                "good_till",
                "tif GTD needs good_till: give the time at which the order ends",
            ),
            (TimeInForce::GoodTillDate, Some(_)) | (_, None | Some(None)) => {}
            (
                TimeInForce::Day
                | TimeInForce::GoodTillCancelled
                | TimeInForce::ImmediateOrCancel
                | TimeInForce::FillOrKill
                | TimeInForce::OnOpen,
                Some(Some(time)),
            ) => {
                let msg = format!(
                    "good_till belongs to tif GTD, not to {tif}: remove it, or use tif GTD"
                );
                self.push("value_error", "good_till", msg, time.to_string().into());
            }
        }
    }

    /// The OCA group of an order that is transmitted.
    pub(super) fn oca(
        &mut self,
        group: Option<Value>,
        kind: Option<Value>,
        transmit: bool,
    ) -> Option<Oca> {
        let group = self.reference("oca_group", group);
        let kind_given = kind.clone();
        let kind = self.word::<OcaType>("oca_type", kind);
        match (&group, kind_given) {
            (None, Some(input)) if kind.is_some() => self.push(
                "value_error",
                "oca_type",
                "oca_type belongs to an oca_group: give both, or remove it",
                input,
            ),
            (Some(name), _) if !transmit => self.push(
                "value_error",
                "oca_group",
                "an order of an OCA group cannot be staged: transmit it, or remove oca_group",
                name.as_str().into(),
            ),
            (None | Some(_), _) => {}
        }
        Oca::of(group, kind)
    }

    /// A code such as an exchange: trimmed and upper-cased.
    pub(super) fn code(
        &mut self,
        field: &str,
        value: Option<Value>,
        chars_max: usize,
    ) -> Option<String> {
        let text = self.plain(field, value, chars_max)?;
        Some(text.trim().to_uppercase())
    }

    pub(super) fn currency(&mut self, value: Option<Value>) -> Option<String> {
        let code = self.code("currency", value, SYMBOL_CHARS_MAX)?;
        if code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase()) {
            return Some(code);
        }
        let msg = "currency is a three-letter code: for example USD";
        self.push("value_error", "currency", msg, code.into());
        None
    }

    pub(super) fn symbol(&mut self, value: Option<Value>) -> Option<String> {
        let Some(value) = value else {
            self.missing(
                "symbol",
                "symbol is required: give a ticker, for example AAPL",
            );
            return None;
        };
        if value.as_str().is_some_and(|text| text.trim().is_empty()) {
            let msg = "symbol is empty: give a ticker, for example AAPL";
            self.push("string_too_short", "symbol", msg, value);
            return None;
        }
        self.code("symbol", Some(value), SYMBOL_CHARS_MAX)
    }

    pub(super) fn flag(&mut self, field: &str, value: Option<Value>) -> bool {
        match value {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(other) => {
                self.push("bool_type", field, "use true or false", other);
                false
            }
        }
    }

    /// A positive decimal; `None` when it is not given or wrong.
    pub(super) fn positive(&mut self, field: &str, value: Option<Value>) -> Option<Amount> {
        let value = value?;
        // A JSON number is read by its shortest text: what the caller wrote, or the nearest double of it.
        let text = match &value {
            Value::String(text) => text.clone(),
            Value::Number(number) => match number.as_f64() {
                Some(double) if number.is_f64() => format!("{double}"),
                _ => number.to_string(),
            },
            _ => {
                let msg = format!("give {field} as a number, or as a text of digits and one point");
                self.push("decimal_type", field, msg, value);
                return None;
            }
        };
        match Amount::parse(&text) {
            Ok(amount) if amount > Amount::from(WIRE_MAX) => {
                let msg =
                    format!("{field} may be {WIRE_MAX} at most: more is not read back from TWS");
                self.push("less_than_equal", field, msg, value);
                None
            }
            Ok(amount) if amount.is_positive() => Some(amount),
            Ok(_) => {
                let msg = format!("{field} must be greater than 0");
                self.push("greater_than", field, msg, value);
                None
            }
            Err(AmountError::Syntax) => {
                let msg = format!(
                    "{field} is not a plain decimal number: use digits and at most one point, without exponent"
                );
                self.push("decimal_parsing", field, msg, value);
                None
            }
            Err(AmountError::TooLong) => {
                let msg = format!(
                    "{field} needs more than 15 digits: TWS could not take it exactly; shorten it"
                );
                self.push("decimal_max_digits", field, msg, value);
                None
            }
        }
    }

    pub(super) fn quantity(&mut self, value: Option<Value>) -> Option<Amount> {
        let Some(input) = value else {
            self.missing(
                "quantity",
                "quantity is required: give a positive number of shares",
            );
            return None;
        };
        let quantity = self.positive("quantity", Some(input.clone()))?;
        if quantity == Amount::from(QUANTITY_NOT_SET) {
            let msg = "TWS reads this quantity as none at all: give another";
            self.push("value_error", "quantity", msg, input);
            return None;
        }
        Some(quantity)
    }
}

fn draft_of_json(value: Value) -> OrderDraft {
    match value {
        Value::Object(object) => OrderDraft::from_object(object),
        other => OrderDraft {
            not_an_object: Some(other),
            ..OrderDraft::default()
        },
    }
}
