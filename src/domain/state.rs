//! An order as the gateway knows it.

use serde::{Deserialize, Serialize};

use super::{Action, Amount, OrderType, SecType, Status, TimeInForce, Timestamp};

/// An order: what was asked, what TWS said, and where it stands. A state alone can rebuild its order.
///
/// The same fields stand in the `orders` table, in the proto message `OrderState` and in the CLI's JSON, in this order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderState {
    /// The id in TWS, unique for this client id.
    pub order_id: i32,
    /// Where it stands.
    pub status: Status,
    /// Shares filled. Never goes down but for a correction by the exchange.
    pub filled: Amount,
    /// Average price of what filled; `None` before the first fill.
    pub avg_fill_price: Option<Amount>,
    /// The ticker.
    pub symbol: String,
    /// Which way it trades.
    pub action: Action,
    /// How it is priced.
    pub order_type: OrderType,
    /// Shares ordered.
    pub quantity: Amount,
    /// The limit; `None` for a market order.
    pub limit_price: Option<Amount>,
    /// How long it works.
    pub tif: TimeInForce,
    /// Whether it is to be transmitted: false while it is only staged.
    pub transmit: bool,
    /// The orderRef on the wire: the caller's, else the request id.
    pub order_ref: String,
    /// Code of the last error or warning of TWS about this order.
    pub last_error_code: Option<i32>,
    /// Its text.
    pub last_error: Option<String>,
    /// TWS's permanent id, unique in the account; `None` until TWS gave one.
    pub perm_id: Option<i64>,
    /// When the gateway last learnt something about the order.
    pub last_update: Timestamp,
    /// The last TWS report as JSON text, for people.
    pub raw_state: Option<String>,
    /// The API client id the order was placed with.
    pub client_id: i32,
    /// The account it is for.
    pub account: String,
    /// The request id it was placed under: the caller's, else one the gateway made.
    pub request_id: String,
    /// Shares not filled; kept when the rest is cancelled.
    pub remaining: Amount,
    /// Whether `status` is a terminal one.
    pub terminal: bool,
    /// Sequence of the event that made this state.
    pub sequence: u64,
    /// Commissions known so far; `None` until TWS reported one.
    pub commission: Option<Amount>,
    /// What is traded.
    pub sec_type: SecType,
    /// Where it is routed.
    pub exchange: String,
    /// ISO 4217 code.
    pub currency: String,
    /// The listing exchange, where the caller gave one.
    pub primary_exch: Option<String>,
    /// Whether it may fill outside regular trading hours.
    pub outside_rth: bool,
    /// The caller's `client_tag` as given.
    pub client_tag: Option<String>,
    /// Whether a cancel was asked for.
    pub cancel_requested: bool,
    /// When it was stored.
    pub created_at: Timestamp,
}
