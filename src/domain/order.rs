//! An order as a caller asks for it, with every default filled in.

use serde::{Deserialize, Serialize};

use super::{Action, Amount, OrderType, SecType, TimeInForce};

/// An order to validate or place. Building one by hand is not a promise that it is valid: every operation checks it.
///
/// Its JSON is what the CLI's `--json` takes, the gRPC `Order` shows and `order_request` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderRequest {
    /// Which way the order trades.
    pub action: Action,
    /// The ticker.
    pub symbol: String,
    /// How the order is priced.
    pub order_type: OrderType,
    /// Shares, positive.
    pub quantity: Amount,
    /// The limit per share in `currency`; for [`OrderType::Limit`] only.
    #[serde(default)]
    pub limit_price: Option<Amount>,
    /// What is traded.
    #[serde(default = "default_sec_type")]
    pub sec_type: SecType,
    /// Where the order is routed.
    #[serde(default = "default_exchange")]
    pub exchange: String,
    /// ISO 4217 code.
    #[serde(default = "default_currency")]
    pub currency: String,
    /// How long the order works.
    #[serde(default = "default_tif")]
    pub tif: TimeInForce,
    /// Whether TWS sends the order on at once.
    #[serde(default)]
    pub transmit: bool,
    /// The listing exchange, where the rest leaves it open.
    #[serde(default)]
    pub primary_exch: Option<String>,
    /// Free text that becomes the orderRef.
    #[serde(default)]
    pub client_tag: Option<String>,
    /// The same under TWS's name.
    #[serde(default)]
    pub order_ref: Option<String>,
    /// The account; `None` leaves the choice to the gateway.
    #[serde(default)]
    pub account: Option<String>,
    /// Whether the order may fill outside regular trading hours.
    #[serde(default)]
    pub outside_rth: bool,
}

fn default_sec_type() -> SecType {
    SecType::Stock
}

fn default_exchange() -> String {
    "SMART".to_owned()
}

fn default_currency() -> String {
    "USD".to_owned()
}

fn default_tif() -> TimeInForce {
    TimeInForce::Day
}

impl OrderRequest {
    /// A market order for shares of `symbol` with every default, staged.
    pub fn market(action: Action, symbol: impl Into<String>, quantity: Amount) -> Self {
        Self {
            action,
            symbol: symbol.into(),
            order_type: OrderType::Market,
            quantity,
            limit_price: None,
            sec_type: default_sec_type(),
            exchange: default_exchange(),
            currency: default_currency(),
            tif: default_tif(),
            transmit: false,
            primary_exch: None,
            client_tag: None,
            order_ref: None,
            account: None,
            outside_rth: false,
        }
    }

    /// A limit order for shares of `symbol` with every default, staged.
    pub fn limit(
        action: Action,
        symbol: impl Into<String>,
        quantity: Amount,
        limit_price: Amount,
    ) -> Self {
        Self {
            order_type: OrderType::Limit,
            limit_price: Some(limit_price),
            ..Self::market(action, symbol, quantity)
        }
    }
}
