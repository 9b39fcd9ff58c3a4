//! What goes to TWS for one order.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{OrderState, OrderTerms};

/// One placeOrder: everything that TWS is told about an order. Made from the stored row, so that what is sent is what is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderTicket {
    /// The order's id; 0 in a dry run.
    pub order_id: i32,
    /// The order's terms.
    pub terms: OrderTerms,
    /// Whether TWS sends it on at once.
    pub transmit: bool,
    /// The orderRef.
    pub order_ref: String,
    /// The account; empty only in a dry run that knows none.
    pub account: String,
    /// The order id of its parent, for an order of a bracket.
    pub parent_order_id: Option<i32>,
}

impl From<&OrderState> for OrderTicket {
    fn from(state: &OrderState) -> Self {
        Self {
            order_id: state.order_id,
            terms: state.terms.clone(),
            transmit: state.transmit,
            order_ref: state.order_ref.clone(),
            account: state.account.clone(),
            // A parent that somebody gave it in TWS is TWS's to know.
            parent_order_id: state.bracket_id.and(state.parent_order_id),
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
