//! What goes to TWS for one order.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Action, Amount, OrderState, OrderType, SecType, TimeInForce};

/// One placeOrder: everything that TWS is told about an order. Made from the stored row, so that what is sent is what is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTicket {
    /// The order's id; 0 in a dry run.
    pub order_id: i32,
    /// Which way it trades.
    pub action: Action,
    /// The ticker.
    pub symbol: String,
    /// How it is priced.
    pub order_type: OrderType,
    /// Shares.
    pub quantity: Amount,
    /// The limit.
    pub limit_price: Option<Amount>,
    /// What is traded.
    pub sec_type: SecType,
    /// Where it is routed.
    pub exchange: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The listing exchange.
    pub primary_exch: Option<String>,
    /// How long it works.
    pub tif: TimeInForce,
    /// Whether TWS sends it on at once.
    pub transmit: bool,
    /// The orderRef.
    pub order_ref: String,
    /// The account; empty only in a dry run that knows none.
    pub account: String,
    /// Whether it may fill outside regular trading hours.
    pub outside_rth: bool,
}

impl From<&OrderState> for OrderTicket {
    fn from(state: &OrderState) -> Self {
        Self {
            order_id: state.order_id,
            action: state.action,
            symbol: state.symbol.clone(),
            order_type: state.order_type,
            quantity: state.quantity,
            limit_price: state.limit_price,
            sec_type: state.sec_type,
            exchange: state.exchange.clone(),
            currency: state.currency.clone(),
            primary_exch: state.primary_exch.clone(),
            tif: state.tif,
            transmit: state.transmit,
            order_ref: state.order_ref.clone(),
            account: state.account.clone(),
            outside_rth: state.outside_rth,
        }
    }
}

/// The IB contract and order as constructed for a ticket, as JSON. For people: the keys may change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderPayload {
    /// The contract.
    pub contract: Value,
    /// The order.
    pub order: Value,
}
