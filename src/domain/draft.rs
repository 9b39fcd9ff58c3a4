//! An order exactly as somebody typed it, before anything was checked.

use serde_json::{Map, Value};

use super::OrderRequest;

/// The fields of an order as they came, each any JSON value or not given at all (JSON `null` counts as not given).
///
/// A struct and not a JSON map, so that the way from proto to the check costs no tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OrderDraft {
    /// BUY or SELL.
    pub action: Option<Value>,
    /// The ticker.
    pub symbol: Option<Value>,
    /// MKT or LMT.
    pub order_type: Option<Value>,
    /// Shares.
    pub quantity: Option<Value>,
    /// The limit.
    pub limit_price: Option<Value>,
    /// STK.
    pub sec_type: Option<Value>,
    /// Routing exchange.
    pub exchange: Option<Value>,
    /// Currency.
    pub currency: Option<Value>,
    /// Time in force.
    pub tif: Option<Value>,
    /// Transmit at once.
    pub transmit: Option<Value>,
    /// Listing exchange.
    pub primary_exch: Option<Value>,
    /// Free text for the orderRef.
    pub client_tag: Option<Value>,
    /// The same under TWS's name.
    pub order_ref: Option<Value>,
    /// The account.
    pub account: Option<Value>,
    /// Outside regular trading hours.
    pub outside_rth: Option<Value>,
    /// Fields that an order does not have.
    pub extra: Vec<(String, Value)>,
    /// What was given where an object should stand.
    pub not_an_object: Option<Value>,
}

/// An order in any form a caller has it in.
#[derive(Debug, Clone, PartialEq)]
pub enum OrderInput {
    /// Typed.
    Request(Box<OrderRequest>),
    /// A JSON value.
    Json(Value),
    /// A JSON text.
    Text(String),
    /// Fields as they came over the wire.
    Draft(Box<OrderDraft>),
}

impl From<OrderRequest> for OrderInput {
    fn from(order: OrderRequest) -> Self {
        Self::Request(Box::new(order))
    }
}

impl From<Value> for OrderInput {
    fn from(order: Value) -> Self {
        Self::Json(order)
    }
}

impl From<String> for OrderInput {
    fn from(order: String) -> Self {
        Self::Text(order)
    }
}

impl From<&str> for OrderInput {
    fn from(order: &str) -> Self {
        Self::Text(order.to_owned())
    }
}

impl From<OrderDraft> for OrderInput {
    fn from(order: OrderDraft) -> Self {
        Self::Draft(Box::new(order))
    }
}

impl OrderDraft {
    /// The fields of a JSON object.
    pub fn from_object(object: Map<String, Value>) -> Self {
        let mut draft = Self::default();
        for (name, value) in object {
            let value = if value.is_null() { None } else { Some(value) };
            match name.as_str() {
                "action" => draft.action = value,
                "symbol" => draft.symbol = value,
                "order_type" => draft.order_type = value,
                "quantity" => draft.quantity = value,
                "limit_price" => draft.limit_price = value,
                "sec_type" => draft.sec_type = value,
                "exchange" => draft.exchange = value,
                "currency" => draft.currency = value,
                "tif" => draft.tif = value,
                "transmit" => draft.transmit = value,
                "primary_exch" => draft.primary_exch = value,
                "client_tag" => draft.client_tag = value,
                "order_ref" => draft.order_ref = value,
                "account" => draft.account = value,
                "outside_rth" => draft.outside_rth = value,
                _ => draft.extra.push((name, value.unwrap_or(Value::Null))),
            }
        }
        draft
    }
}
