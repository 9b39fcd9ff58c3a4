//! What TWS would make of an order, with nothing placed.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::DEFAULT_TIMEOUT_SECONDS;
use crate::domain::{Amount, OrderInput};

/// An order to preview.
#[derive(Debug, Clone, PartialEq)]
pub struct PreviewIn {
    /// The order. Its `transmit` and `order_ref` do not matter: nothing is placed.
    pub order: OrderInput,
    /// How long to wait for a connection, a pacing slot and TWS's answer, in seconds.
    pub timeout: f64,
}

impl PreviewIn {
    /// Previews `order` with the default timeout.
    pub fn new(order: impl Into<OrderInput>) -> Self {
        Self {
            order: order.into(),
            timeout: DEFAULT_TIMEOUT_SECONDS,
        }
    }
}

/// Margins of an account, in [`PreviewOut::margin_currency`]. What TWS does not say is `None`, and not zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Margins {
    /// Initial margin.
    pub initial: Option<Amount>,
    /// Maintenance margin.
    pub maintenance: Option<Amount>,
    /// Equity with loan value.
    pub equity_with_loan: Option<Amount>,
}

/// What TWS says about an order that it was shown and did not place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PreviewOut {
    /// TWS would take the order. Otherwise `error_code` and `error` say why it would not, and there are no margins.
    pub accepted: bool,
    /// The account that it was previewed for.
    pub account: String,
    /// The account's margins as they are.
    pub before: Margins,
    /// What the order would change, rounded to two decimals.
    pub change: Margins,
    /// The margins with the order.
    pub after: Margins,
    /// Currency of the margins: mostly the account's base currency, and not that of the commission.
    pub margin_currency: Option<String>,
    /// The commission and fees, rounded to four decimals; TWS does not know them for every contract.
    pub commission: Option<Amount>,
    /// The least they may come to, where TWS gives a range.
    pub min_commission: Option<Amount>,
    /// The most they may come to, where TWS gives a range.
    pub max_commission: Option<Amount>,
    /// Currency of the commission.
    pub commission_currency: Option<String>,
    /// TWS's warning about the order.
    pub warning_text: Option<String>,
    /// TWS's code of its refusal.
    pub error_code: Option<i32>,
    /// TWS's text of its refusal.
    pub error: Option<String>,
    /// The IB contract as it was sent. For people: its keys may change.
    pub contract: Value,
    /// The IB order as it was sent. For people: its keys may change.
    pub order_payload: Value,
}
