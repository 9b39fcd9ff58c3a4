//! One execution of an order.

use serde::{Deserialize, Serialize};

use super::{Amount, Timestamp};

/// Commissions and fees in one currency.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Commission {
    /// How much.
    pub amount: Amount,
    /// ISO 4217 code.
    pub currency: String,
}

/// One execution of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fill {
    /// The order.
    pub order_id: i32,
    /// IB's execution id. One that differs from an earlier id only after its last dot corrects that one.
    pub exec_id: String,
    /// Shares.
    pub quantity: Amount,
    /// Price per share.
    pub price: Amount,
    /// When it executed, as TWS says; `None` when TWS's text could not be read.
    pub time: Option<Timestamp>,
    /// Where it executed.
    pub exchange: String,
    /// Commission and fees; `None` until TWS reported them.
    pub commission: Option<Amount>,
    /// Currency of the commission.
    pub currency: Option<String>,
    /// TWS's permanent id of the order that executed, where it is not the one that `filled` counts: see `other_perm_ids` of the order.
    pub perm_id: Option<i64>,
}
