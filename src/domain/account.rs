//! Positions and account values: what TWS says of them, and how they are asked for and answered.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Amount, DEFAULT_POLL_INTERVAL_SECONDS, DEFAULT_TIMEOUT_SECONDS, Timestamp};

/// TWS's name for an amount over all currencies, in the account's base currency.
pub const BASE_CURRENCY: &str = "BASE";
/// The day's profit as TWS counts it, realized and unrealized. TWS says it apart from the other values.
pub const DAILY_PNL: &str = "DailyPnL";

/// One report of TWS about accounts. Made by the TWS adapter, read by the account room.
#[derive(Debug, Clone, PartialEq)]
pub enum AccountReport {
    /// Everything was asked for: whole answers follow, each ended by its own end report.
    Asked {
        /// The account whose values and prices were asked for.
        account: Option<String>,
        /// Main values of every account were asked for.
        summary: bool,
        /// Messages that it took.
        messages: usize,
    },
    /// position.
    Position(PositionReport),
    /// A row of the positions could not be read: what TWS says is not known whole.
    PositionLost,
    /// positionEnd.
    PositionsEnd,
    /// updateAccountValue, or a row of the account summary.
    Value(ValueReport),
    /// updatePortfolio.
    Portfolio(PortfolioReport),
    /// updateAccountTime: TWS has looked at the account.
    Looked,
    /// accountDownloadEnd.
    ValuesEnd {
        /// Of which account.
        account: String,
    },
    /// accountSummaryEnd.
    SummaryEnd,
    /// TWS sends no more values of the account that was asked for (2100).
    Unsubscribed,
    /// pnl.
    DailyProfit {
        /// Of which account.
        account: String,
        /// Since the day began, realized and not, in the base currency. `None`: TWS does not know it.
        daily: Option<Amount>,
    },
}

/// A position as TWS says it.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionReport {
    /// Which account.
    pub account: String,
    /// IB's contract id.
    pub con_id: i64,
    /// The ticker.
    pub symbol: String,
    /// TWS's word for the kind of contract, for example `STK`.
    pub sec_type: String,
    /// The listing exchange.
    pub exchange: Option<String>,
    /// ISO 4217 code.
    pub currency: String,
    /// Negative when sold short; 0: closed.
    pub quantity: Amount,
    /// Per share, commission included; of a derivative times its multiplier.
    pub average_cost: Amount,
}

/// What a position is worth, as TWS says it.
#[derive(Debug, Clone, PartialEq)]
pub struct PortfolioReport {
    /// Which account.
    pub account: String,
    /// IB's contract id.
    pub con_id: i64,
    /// The quantity is not zero.
    pub held: bool,
    /// What it is worth.
    pub market: Market,
}

/// What a position is worth.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Market {
    /// Price of a share in the position's currency.
    pub price: Option<Amount>,
    /// All of it.
    pub value: Option<Amount>,
    /// What closing it now would add to the profit.
    pub unrealized_pnl: Option<Amount>,
    /// What closing parts of it has brought today.
    pub realized_pnl: Option<Amount>,
}

/// A value of an account as TWS says it.
#[derive(Debug, Clone, PartialEq)]
pub struct ValueReport {
    /// Which account.
    pub account: String,
    /// TWS's name for it.
    pub name: String,
    /// ISO 4217 code, or BASE; `None` for what has no unit.
    pub currency: Option<String>,
    /// TWS's text.
    pub value: String,
    /// A row of the summary of every account.
    pub summary: bool,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Which account holds it.
    pub account: String,
    /// IB's contract id: one symbol may be listed more than once.
    pub con_id: i64,
    /// The ticker.
    pub symbol: String,
    /// TWS's word for the kind of contract: STK, FUT, OPT, …
    pub sec_type: String,
    /// The listing exchange, where TWS names one. Not where an order would be routed.
    pub exchange: Option<String>,
    /// ISO 4217 code of the currency it is traded in.
    pub currency: String,
    /// Shares or contracts, negative when sold short.
    pub quantity: Amount,
    /// Per share, commission included as IB counts it; of a derivative times its multiplier.
    pub average_cost: Amount,
    /// Price of a share now. Known only for the account whose values TWS sends.
    pub market_price: Option<Amount>,
    /// What all of it is worth.
    pub market_value: Option<Amount>,
    /// What closing it now would add to the profit.
    pub unrealized_pnl: Option<Amount>,
    /// What closing parts of it has brought today.
    pub realized_pnl: Option<Amount>,
}

/// A value of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountValue {
    /// TWS's name for it, for example `NetLiquidation`.
    pub name: String,
    /// ISO 4217 code; `BASE` for an amount over all currencies in the account's base currency; `None` for what has no unit.
    pub currency: Option<String>,
    /// TWS's text: mostly a number, for some names a word or a list.
    pub value: String,
}

/// Which positions to read.
#[derive(Debug, Clone, PartialEq)]
pub struct PositionsIn {
    /// Only of this account; `None`: of every account of the login.
    pub account: Option<String>,
    /// How long to wait until TWS has said them for the first time, in seconds.
    pub timeout: f64,
}

impl Default for PositionsIn {
    fn default() -> Self {
        Self {
            account: None,
            timeout: DEFAULT_TIMEOUT_SECONDS,
        }
    }
}

/// Positions as TWS last said them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct PositionsOut {
    /// By account, symbol and contract id.
    pub positions: Vec<Position>,
    /// When TWS last said anything about them; `None`: not yet.
    pub as_of: Option<Timestamp>,
    /// They may be old, or not all.
    pub stale: bool,
}

/// Which account to read.
#[derive(Debug, Clone, PartialEq)]
pub struct AccountIn {
    /// `None`: the one that orders go to by default.
    pub account: Option<String>,
    /// How long to wait until TWS has said its values for the first time, in seconds.
    pub timeout: f64,
}

impl Default for AccountIn {
    fn default() -> Self {
        Self {
            account: None,
            timeout: DEFAULT_TIMEOUT_SECONDS,
        }
    }
}

/// The values of an account as TWS last said them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AccountOut {
    /// Which account; empty while TWS has not named it.
    pub account: String,
    /// By name and currency.
    pub values: Vec<AccountValue>,
    /// When TWS last said anything about them; `None`: not yet.
    pub as_of: Option<Timestamp>,
    /// They may be old, or not all.
    pub stale: bool,
}

/// Which account to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchAccountIn {
    /// Only this one; `None`: every account of the login.
    pub account: Option<String>,
    /// Longest silence before a heartbeat, in seconds.
    pub poll_interval: f64,
    /// How long to watch, in seconds; `None`: without end.
    pub max_wait: Option<f64>,
}

impl Default for WatchAccountIn {
    fn default() -> Self {
        Self {
            account: None,
            poll_interval: DEFAULT_POLL_INTERVAL_SECONDS,
            max_wait: None,
        }
    }
}

/// One update of a watch of accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountUpdate {
    /// A position as it now is; with quantity 0 it is closed.
    Position(Position),
    /// A value as it now is.
    Value {
        /// Of which account.
        account: String,
        /// The value; an empty text: TWS has it no more.
        value: AccountValue,
    },
    /// How fresh what was shown of an account is.
    Freshness(AccountFreshness),
    /// All that is known has been shown; what follows are changes.
    SnapshotEnd {},
    /// Nothing changed for the poll interval.
    Heartbeat {},
}

/// How fresh what is known of an account is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFreshness {
    /// Which account.
    pub account: String,
    /// When TWS last said anything about its positions.
    pub positions_as_of: Option<Timestamp>,
    /// They may be old, or not all.
    pub positions_stale: bool,
    /// When TWS last said anything about its values.
    pub values_as_of: Option<Timestamp>,
    /// They may be old, or not all.
    pub values_stale: bool,
}

impl fmt::Display for AccountValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            currency,
            value,
        } = self;
        match currency {
            Some(currency) => write!(f, "{name} {value} {currency}"),
            None => write!(f, "{name} {value}"),
        }
    }
}
