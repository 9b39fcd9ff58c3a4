//! What is wrong with an order, field by field.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One reason why an order is invalid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Violation {
    /// A stable word: `missing`, `extra_forbidden`, `enum`, `greater_than`, `value_error`, …
    #[serde(rename = "type")]
    pub kind: String,
    /// Path to the field, for example `["limit_price"]`.
    pub loc: Vec<String>,
    /// A sentence that says what to do.
    pub msg: String,
    /// The value that was given.
    pub input: Value,
}

impl Violation {
    /// A violation of one field.
    pub fn field(kind: &str, field: &str, msg: impl Into<String>, input: Value) -> Self {
        Self {
            kind: kind.to_owned(),
            loc: vec![field.to_owned()],
            msg: msg.into(),
            input,
        }
    }
}

/// A rule of the limits that an instruction breaks, or is warned of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleViolation {
    /// The rule, by its word in the limits file: `max_order_quantity`, …
    pub rule: String,
    /// What it was broken for: `ACCOUNT/SYMBOL`.
    pub subject: String,
    /// The value and the limit, for people.
    pub description: String,
}

impl RuleViolation {
    /// As an entry of `errors` in an outcome.
    pub fn as_violation(&self) -> Violation {
        Violation {
            kind: self.rule.clone(),
            loc: vec![self.subject.clone()],
            msg: self.description.clone(),
            input: Value::Null,
        }
    }
}

/// Every violation of one order; never empty.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("the order is invalid: {}", .0.iter().map(|v| format!("{}: {}", v.loc.join("."), v.msg)).collect::<Vec<_>>().join("; "))]
pub struct Violations(pub Vec<Violation>);

/// An entry of `errors` in an operation's outcome: a violation, or `{"type": "runtime", "msg": …}` for what was unexpected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum OrderError {
    /// The order is invalid.
    Violation(Violation),
    /// Something else went wrong.
    Runtime {
        /// Always `runtime`.
        #[serde(rename = "type")]
        kind: String,
        /// What happened.
        msg: String,
    },
}
