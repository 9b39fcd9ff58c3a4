//! An entry with its exits: a take profit, a stop loss, or both.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::DEFAULT_TIMEOUT_SECONDS;
use crate::domain::{
    Amount, OrderError, OrderInput, OrderPayload, OrderState, RuleViolation, TimeInForce,
};

/// A bracket to place. Its orders are placed all or not at all, and always transmitted.
#[derive(Debug, Clone, PartialEq)]
pub struct BracketIn {
    /// The orders.
    pub bracket: BracketInput,
    /// Checks and applies limits, stores and sends nothing.
    pub dry_run: bool,
    /// How long to wait for a connection, pacing slots and TWS's first word about the entry, in seconds.
    pub timeout: f64,
    /// Names this request for good, and the entry: the same id never makes a second bracket.
    pub request_id: Option<String>,
}

impl BracketIn {
    /// Places `bracket` with every default.
    pub fn new(bracket: impl Into<BracketInput>) -> Self {
        Self {
            bracket: bracket.into(),
            dry_run: false,
            timeout: DEFAULT_TIMEOUT_SECONDS,
            request_id: None,
        }
    }
}

/// A bracket in any form a caller has it in.
#[derive(Debug, Clone, PartialEq)]
pub enum BracketInput {
    /// Its orders.
    Draft(Box<BracketDraft>),
    /// A JSON object `{"entry": …, "take_profit": …, "stop_loss": …}`.
    Json(Value),
    /// The same as JSON text.
    Text(String),
}

impl From<BracketDraft> for BracketInput {
    fn from(bracket: BracketDraft) -> Self {
        Self::Draft(Box::new(bracket))
    }
}

impl From<Value> for BracketInput {
    fn from(bracket: Value) -> Self {
        Self::Json(bracket)
    }
}

impl From<String> for BracketInput {
    fn from(bracket: String) -> Self {
        Self::Text(bracket)
    }
}

/// A bracket as it was typed, before anything was checked.
#[derive(Debug, Clone, PartialEq)]
pub struct BracketDraft {
    /// The entry. Its `transmit` does not matter.
    pub entry: OrderInput,
    /// The limit order that takes the profit.
    pub take_profit: Option<LegDraft>,
    /// The stop order that bounds the loss.
    pub stop_loss: Option<LegDraft>,
    /// Fields that a bracket does not have.
    pub extra: Vec<(String, Value)>,
}

impl BracketDraft {
    /// A bracket with neither exit yet.
    pub fn new(entry: impl Into<OrderInput>) -> Self {
        Self {
            entry: entry.into(),
            take_profit: None,
            stop_loss: None,
            extra: Vec::new(),
        }
    }

    /// The fields of a JSON object.
    pub fn from_object(object: Map<String, Value>) -> Self {
        let mut draft = Self::new(Value::Null);
        for (name, value) in object {
            let leg = |value: Value| (!value.is_null()).then(|| LegDraft::from(value));
            match name.as_str() {
                "entry" => draft.entry = value.into(),
                "take_profit" => draft.take_profit = leg(value),
                "stop_loss" => draft.stop_loss = leg(value),
                _ => draft.extra.push((name, value)),
            }
        }
        draft
    }

    /// Adds the order that takes the profit.
    #[must_use]
    pub fn take_profit(mut self, leg: impl Into<LegDraft>) -> Self {
        self.take_profit = Some(leg.into());
        self
    }

    /// Adds the order that bounds the loss.
    #[must_use]
    pub fn stop_loss(mut self, leg: impl Into<LegDraft>) -> Self {
        self.stop_loss = Some(leg.into());
        self
    }
}

/// An exit of a bracket as it was typed: each field any JSON value, or not given at all (JSON `null` counts as not given).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LegDraft {
    /// The limit. A take profit needs one; with one, a stop loss is a stop limit order.
    pub limit_price: Option<Value>,
    /// The stop of a stop loss.
    pub stop_price: Option<Value>,
    /// DAY or GTC. Not given: GTC, because an exit must not end while the position stays.
    pub tif: Option<Value>,
    /// Outside regular trading hours. Not given: as the entry.
    pub outside_rth: Option<Value>,
    /// Fields that an exit does not have.
    pub extra: Vec<(String, Value)>,
    /// What was given where an object should stand.
    pub not_an_object: Option<Value>,
}

impl From<Value> for LegDraft {
    fn from(leg: Value) -> Self {
        let mut draft = Self::default();
        let object = match leg {
            Value::Object(object) => object,
            other => {
                draft.not_an_object = Some(other);
                return draft;
            }
        };
        for (name, value) in object {
            let value = if value.is_null() { None } else { Some(value) };
            match name.as_str() {
                "limit_price" => draft.limit_price = value,
                "stop_price" => draft.stop_price = value,
                "tif" => draft.tif = value,
                "outside_rth" => draft.outside_rth = value,
                _ => draft.extra.push((name, value.unwrap_or(Value::Null))),
            }
        }
        draft
    }
}

/// The limit order that takes the profit of a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeProfit {
    /// Its limit.
    pub limit_price: Amount,
    /// How long it works; `None`: GTC.
    pub tif: Option<TimeInForce>,
    /// Whether it may fill outside regular trading hours; `None`: as the entry.
    pub outside_rth: Option<bool>,
}

/// The stop order that bounds the loss of a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopLoss {
    /// Its stop.
    pub stop_price: Amount,
    /// Its limit; with one it is a stop limit order.
    pub limit_price: Option<Amount>,
    /// How long it works; `None`: GTC.
    pub tif: Option<TimeInForce>,
    /// Whether it may trigger and fill outside regular trading hours; `None`: as the entry.
    pub outside_rth: Option<bool>,
}

fn typed(amount: Amount) -> Value {
    Value::String(amount.to_string())
}

impl From<TakeProfit> for LegDraft {
    fn from(leg: TakeProfit) -> Self {
        let TakeProfit {
            limit_price,
            tif,
            outside_rth,
        } = leg;
        Self {
            limit_price: Some(typed(limit_price)),
            tif: tif.map(|tif| tif.as_str().into()),
            outside_rth: outside_rth.map(Value::Bool),
            ..Self::default()
        }
    }
}

impl From<StopLoss> for LegDraft {
    fn from(leg: StopLoss) -> Self {
        let StopLoss {
            stop_price,
            limit_price,
            tif,
            outside_rth,
        } = leg;
        Self {
            limit_price: limit_price.map(typed),
            stop_price: Some(typed(stop_price)),
            tif: tif.map(|tif| tif.as_str().into()),
            outside_rth: outside_rth.map(Value::Bool),
            ..Self::default()
        }
    }
}

/// What became of a bracket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BracketOut {
    /// Its orders have ids: they are stored, and may be in TWS.
    pub submitted: bool,
    /// This was a dry run.
    pub dry_run: bool,
    /// The entry as it now is. Its id is the `bracket_id` of all three.
    pub entry: Option<OrderState>,
    /// The take profit as it now is, if the bracket has one.
    pub take_profit: Option<OrderState>,
    /// The stop loss as it now is, if the bracket has one.
    pub stop_loss: Option<OrderState>,
    /// The IB contract and order of the entry as constructed; dry run only.
    pub entry_payload: Option<OrderPayload>,
    /// Those of the take profit; dry run only.
    pub take_profit_payload: Option<OrderPayload>,
    /// Those of the stop loss; dry run only.
    pub stop_loss_payload: Option<OrderPayload>,
    /// Every violation.
    pub errors: Option<Vec<OrderError>>,
    /// Why nothing was placed.
    pub error: Option<String>,
    /// The request id: the caller's, else the one the gateway made.
    pub request_id: Option<String>,
    /// The request was known: these are the orders it made the first time.
    pub replayed: bool,
    /// Limits that it breaks and is only warned of.
    #[serde(default)]
    pub warnings: Option<Vec<RuleViolation>>,
    /// In a dry run without a running gateway: limits that were not looked at, by their words.
    #[serde(default)]
    pub unchecked: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_bracket_of_json_and_one_of_types_are_the_same_draft() {
        let json = json!({
            "entry": {"action": "BUY"},
            "take_profit": {"limit_price": "110", "tif": null},
            "stop_loss": {"stop_price": "90.5", "limit_price": "90", "tif": "DAY", "outside_rth": true},
        });
        let Value::Object(object) = json else {
            unreachable!()
        };
        let typed = BracketDraft::new(json!({"action": "BUY"}))
            .take_profit(TakeProfit {
                limit_price: Amount::from(110),
                tif: None,
                outside_rth: None,
            })
            .stop_loss(StopLoss {
                stop_price: Amount::parse("90.5").unwrap(),
                limit_price: Some(Amount::from(90)),
                tif: Some(TimeInForce::Day),
                outside_rth: Some(true),
            });
        assert_eq!(BracketDraft::from_object(object), typed);
    }

    #[test]
    fn what_a_bracket_and_its_exits_do_not_have_is_kept_to_be_refused() {
        let json =
            json!({"entry": {}, "take_profit": "110", "stop_loss": {"quantity": 3}, "colour": 1});
        let Value::Object(object) = json else {
            unreachable!()
        };
        let draft = BracketDraft::from_object(object);
        assert_eq!(draft.extra, [("colour".to_owned(), json!(1))]);
        let take_profit = draft.take_profit.unwrap();
        assert_eq!(take_profit.not_an_object, Some(json!("110")));
        let stop_loss = draft.stop_loss.unwrap();
        assert_eq!(stop_loss.extra, [("quantity".to_owned(), json!(3))]);
    }
}
