//! The documents as others parse them, declared anew here: every field present, none unknown, in this order.

#![allow(dead_code)] // each test binary uses its part

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

/// Reads a field that may be `null` but must be there.
fn there<'de, D: Deserializer<'de>, T: Deserialize<'de>>(source: D) -> Result<Option<T>, D::Error> {
    Option::deserialize(source)
}

/// What `health` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Health {
    pub connected: bool,
    #[serde(deserialize_with = "there")]
    pub next_valid_id: Option<i32>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
    #[serde(deserialize_with = "there")]
    pub detail: Option<String>,
    #[serde(deserialize_with = "there")]
    pub server_version: Option<i32>,
    pub accounts: Vec<String>,
    #[serde(deserialize_with = "there")]
    pub paper: Option<bool>,
    pub client_id: i32,
    #[serde(deserialize_with = "there")]
    pub tws_time: Option<String>,
    pub ib_connected: bool,
    pub store_ok: bool,
    pub version: String,
    pub unknown_orders: u32,
}

/// What `validate` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validate {
    pub valid: bool,
    #[serde(deserialize_with = "there")]
    pub order_request: Option<OrderRequest>,
    #[serde(deserialize_with = "there")]
    pub effective_order_ref: Option<String>,
    #[serde(deserialize_with = "there")]
    pub errors: Option<Vec<Problem>>,
    #[serde(deserialize_with = "there")]
    pub warnings: Option<Vec<RuleViolation>>,
    #[serde(deserialize_with = "there")]
    pub unchecked: Option<Vec<String>>,
}

/// A limit that an order breaks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleViolation {
    pub rule: String,
    pub subject: String,
    pub description: String,
}

/// What `place` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    pub submitted: bool,
    pub dry_run: bool,
    #[serde(deserialize_with = "there")]
    pub order_id: Option<i32>,
    #[serde(deserialize_with = "there")]
    pub state: Option<OrderState>,
    #[serde(deserialize_with = "there")]
    pub contract: Option<Value>,
    #[serde(deserialize_with = "there")]
    pub order_payload: Option<Value>,
    #[serde(deserialize_with = "there")]
    pub order_request: Option<OrderRequest>,
    #[serde(deserialize_with = "there")]
    pub effective_order_ref: Option<String>,
    #[serde(deserialize_with = "there")]
    pub errors: Option<Vec<Problem>>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
    #[serde(deserialize_with = "there")]
    pub request_id: Option<String>,
    pub replayed: bool,
    #[serde(deserialize_with = "there")]
    pub warnings: Option<Vec<RuleViolation>>,
    #[serde(deserialize_with = "there")]
    pub unchecked: Option<Vec<String>>,
}

/// What `bracket` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bracket {
    pub submitted: bool,
    pub dry_run: bool,
    #[serde(deserialize_with = "there")]
    pub entry: Option<OrderState>,
    #[serde(deserialize_with = "there")]
    pub take_profit: Option<OrderState>,
    #[serde(deserialize_with = "there")]
    pub stop_loss: Option<OrderState>,
    #[serde(deserialize_with = "there")]
    pub entry_payload: Option<Payload>,
    #[serde(deserialize_with = "there")]
    pub take_profit_payload: Option<Payload>,
    #[serde(deserialize_with = "there")]
    pub stop_loss_payload: Option<Payload>,
    #[serde(deserialize_with = "there")]
    pub errors: Option<Vec<Problem>>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
    #[serde(deserialize_with = "there")]
    pub request_id: Option<String>,
    pub replayed: bool,
    #[serde(deserialize_with = "there")]
    pub warnings: Option<Vec<RuleViolation>>,
    #[serde(deserialize_with = "there")]
    pub unchecked: Option<Vec<String>>,
}

/// An order as it would be sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    pub contract: Value,
    pub order: Value,
}

/// What `replace` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replace {
    #[serde(deserialize_with = "there")]
    pub order: Option<OrderState>,
    pub dry_run: bool,
    #[serde(deserialize_with = "there")]
    pub contract: Option<Value>,
    #[serde(deserialize_with = "there")]
    pub order_payload: Option<Value>,
    #[serde(deserialize_with = "there")]
    pub errors: Option<Vec<Problem>>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
    #[serde(deserialize_with = "there")]
    pub request_id: Option<String>,
    pub replayed: bool,
}

/// What `watch` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    pub order_id: i32,
    pub terminal: bool,
    #[serde(deserialize_with = "there")]
    pub status: Option<String>,
    pub updates: Vec<Update>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
}

/// What `transmit` and `cancel` print.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    #[serde(deserialize_with = "there")]
    pub order: Option<OrderState>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
}

/// What `get` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Get {
    #[serde(deserialize_with = "there")]
    pub order: Option<OrderState>,
    pub fills: Vec<Fill>,
    pub legs: Vec<OrderState>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
}

/// What `list` prints.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    pub orders: Vec<OrderState>,
    #[serde(deserialize_with = "there")]
    pub next_page_token: Option<String>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
}

/// An order with its defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    pub action: String,
    pub symbol: String,
    pub order_type: String,
    pub quantity: Number,
    #[serde(deserialize_with = "there")]
    pub limit_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub stop_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub trail_amount: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub trail_percent: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub limit_offset: Option<Number>,
    pub sec_type: String,
    pub exchange: String,
    pub currency: String,
    pub tif: String,
    #[serde(deserialize_with = "there")]
    pub good_till: Option<String>,
    pub transmit: bool,
    #[serde(deserialize_with = "there")]
    pub primary_exch: Option<String>,
    #[serde(deserialize_with = "there")]
    pub client_tag: Option<String>,
    #[serde(deserialize_with = "there")]
    pub order_ref: Option<String>,
    #[serde(deserialize_with = "there")]
    pub account: Option<String>,
    pub outside_rth: bool,
    #[serde(deserialize_with = "there")]
    pub oca_group: Option<String>,
    #[serde(deserialize_with = "there")]
    pub oca_type: Option<String>,
    #[serde(deserialize_with = "there")]
    pub reference_price: Option<Number>,
}

/// An order as the gateway knows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderState {
    pub order_id: i32,
    pub status: String,
    pub filled: Number,
    #[serde(deserialize_with = "there")]
    pub avg_fill_price: Option<Number>,
    pub symbol: String,
    pub action: String,
    pub order_type: String,
    pub quantity: Number,
    #[serde(deserialize_with = "there")]
    pub limit_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub stop_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub trail_amount: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub trail_percent: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub limit_offset: Option<Number>,
    pub tif: String,
    #[serde(deserialize_with = "there")]
    pub good_till: Option<String>,
    pub transmit: bool,
    pub order_ref: String,
    #[serde(deserialize_with = "there")]
    pub last_error_code: Option<i32>,
    #[serde(deserialize_with = "there")]
    pub last_error: Option<String>,
    #[serde(deserialize_with = "there")]
    pub perm_id: Option<i64>,
    pub last_update: String,
    #[serde(deserialize_with = "there")]
    pub raw_state: Option<String>,
    pub client_id: i32,
    pub account: String,
    pub request_id: String,
    pub remaining: Number,
    pub terminal: bool,
    pub sequence: u64,
    #[serde(deserialize_with = "there")]
    pub commission: Option<Number>,
    pub sec_type: String,
    pub exchange: String,
    pub currency: String,
    #[serde(deserialize_with = "there")]
    pub primary_exch: Option<String>,
    pub outside_rth: bool,
    #[serde(deserialize_with = "there")]
    pub oca_group: Option<String>,
    #[serde(deserialize_with = "there")]
    pub oca_type: Option<String>,
    #[serde(deserialize_with = "there")]
    pub reference_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub client_tag: Option<String>,
    pub cancel_requested: bool,
    pub created_at: String,
    #[serde(deserialize_with = "there")]
    pub why_held: Option<String>,
    #[serde(deserialize_with = "there")]
    pub parent_order_id: Option<i32>,
    #[serde(deserialize_with = "there")]
    pub bracket_id: Option<i32>,
    pub terms_revision: u32,
    #[serde(deserialize_with = "there")]
    pub trail_stop: Option<Number>,
    pub other_perm_ids: Vec<i64>,
    #[serde(deserialize_with = "there")]
    pub filled_unexplained: Option<Number>,
    pub fill_quantity_unknown: bool,
    pub bracket_incomplete: bool,
    pub commissions: Vec<Commission>,
    #[serde(deserialize_with = "there")]
    pub placed_by: Option<String>,
    #[serde(deserialize_with = "there")]
    pub replacement: Option<Replacement>,
}

/// The last replacement of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replacement {
    pub request_id: String,
    pub status: String,
    #[serde(deserialize_with = "there")]
    pub quantity: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub limit_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub stop_price: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub trail_amount: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub trail_percent: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub limit_offset: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub tif: Option<String>,
    #[serde(deserialize_with = "there")]
    pub error_code: Option<i32>,
    #[serde(deserialize_with = "there")]
    pub error: Option<String>,
}

/// One execution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fill {
    pub order_id: i32,
    pub exec_id: String,
    pub quantity: Number,
    pub price: Number,
    #[serde(deserialize_with = "there")]
    pub time: Option<String>,
    pub exchange: String,
    #[serde(deserialize_with = "there")]
    pub commission: Option<Number>,
    #[serde(deserialize_with = "there")]
    pub currency: Option<String>,
    #[serde(deserialize_with = "there")]
    pub perm_id: Option<i64>,
}

/// What was paid in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commission {
    pub amount: Number,
    pub currency: String,
}

/// One thing that is wrong with an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    #[serde(rename = "type")]
    pub kind: String,
    pub loc: Vec<String>,
    pub msg: String,
    pub input: Value,
}

/// Something unexpected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    #[serde(rename = "type")]
    pub kind: String,
    pub msg: String,
}

/// A change of the link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    pub state: String,
    pub peer: String,
    pub text: String,
}

/// An entry of `errors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Problem {
    Violation(Violation),
    Runtime(Runtime),
}

/// One update of a watch: its sequence and exactly one of the events.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Update {
    pub sequence: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<OrderState>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_end: Option<Empty>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<Link>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<Fill>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat: Option<Heartbeat>,
}

/// `{}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// A sign of life of a watch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heartbeat {
    pub connected: bool,
}
