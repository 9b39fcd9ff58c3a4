//! Inputs and outcomes of the operations about limits and halts.

use serde::{Deserialize, Serialize};

use super::super::enums::words;
use super::super::{Action, Status, Timestamp};
use super::DEFAULT_TIMEOUT_SECONDS;

words! {
    /// Whether new orders are taken.
    TradingState {
        /// They are.
        Active = "ACTIVE",
        /// They are not, of everybody or of some: cancels go.
        CancelOnly = "CANCEL_ONLY",
    }
}

/// Stops new orders.
#[derive(Debug, Clone, PartialEq)]
pub struct HaltIn {
    /// Why, for people.
    pub reason: String,
    /// Only of this caller.
    pub caller: Option<String>,
    /// Only for this account.
    pub account: Option<String>,
    /// Cancels what is open too, as [`CancelAllIn`] does.
    pub cancel_open: bool,
    /// Cancels the exits of positions as well.
    pub include_protective: bool,
    /// How long to wait for TWS's verdicts on cancels, in seconds.
    pub timeout: f64,
}

impl HaltIn {
    /// Stops every new order, and cancels nothing.
    pub fn new(reason: impl Into<String>) -> Self {
        Self {
            reason: reason.into(),
            caller: None,
            account: None,
            cancel_open: false,
            include_protective: false,
            timeout: DEFAULT_TIMEOUT_SECONDS,
        }
    }
}

/// A halt that is in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Halt {
    /// Why.
    pub reason: String,
    /// Only this caller's orders; `None`: everybody's.
    pub caller: Option<String>,
    /// Only orders for this account; `None`: for any.
    pub account: Option<String>,
    /// Who halted; `None`: somebody without a name, or the gateway itself.
    pub halted_by: Option<String>,
    /// Since when.
    pub since: Timestamp,
}

/// What became of a halt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HaltOut {
    /// Whether new orders are taken.
    pub state: TradingState,
    /// Every halt in force.
    pub halts: Vec<Halt>,
    /// It is stored: a restart does not lift it. Otherwise it is in force all the same, and is stored as soon as the store can be written.
    pub persisted: bool,
    /// What became of open orders; `None`: they were left alone.
    pub cancelled: Option<CancelAllOut>,
}

/// Lifts halts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ResumeIn {
    /// Only the halts of this caller.
    pub caller: Option<String>,
    /// Only the halts of this account. With neither, every halt is lifted.
    pub account: Option<String>,
}

/// What is left of the halts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ResumeOut {
    /// Whether new orders are taken.
    pub state: TradingState,
    /// Every halt still in force.
    pub halts: Vec<Halt>,
}

/// Cancels open orders, one by one.
#[derive(Debug, Clone, PartialEq)]
pub struct CancelAllIn {
    /// Only for this account.
    pub account: Option<String>,
    /// Only in this symbol.
    pub symbol: Option<String>,
    /// Only of this side.
    pub action: Option<Action>,
    /// The exits of positions as well. Otherwise they stay.
    pub include_protective: bool,
    /// Orders of this client id that TWS works and the store does not know as well.
    pub unknown_orders: bool,
    /// How long to wait for TWS's verdicts, in seconds.
    pub timeout: f64,
}

impl Default for CancelAllIn {
    fn default() -> Self {
        Self {
            account: None,
            symbol: None,
            action: None,
            include_protective: false,
            unknown_orders: false,
            timeout: DEFAULT_TIMEOUT_SECONDS,
        }
    }
}

/// What became of one of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CancelResult {
    /// The order.
    pub order_id: i32,
    /// As it now is; `None`: not known.
    pub status: Option<Status>,
    /// It is an exit of a position and was left alone.
    pub protective: bool,
    /// Why its cancel was not sent.
    pub error: Option<String>,
}

/// What became of all of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CancelAllOut {
    /// One for each order that was open, by id.
    pub results: Vec<CancelResult>,
    /// Those that have not ended.
    pub still_open: Vec<i32>,
}

/// The limits in force and what is left of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitsOut {
    /// Whether new orders are taken.
    pub state: TradingState,
    /// Every halt in force.
    pub halts: Vec<Halt>,
    /// SHA-256 of the limits file, in hexadecimal; `None`: there is none.
    pub hash: Option<String>,
    /// Why the file is not used as it is now.
    pub problem: Option<String>,
    /// Positions may be old, or are not known: where a rule needs them, only what reduces one passes.
    pub positions_stale: bool,
    /// Every rule that is set.
    pub limits: Vec<LimitLeft>,
}

/// One rule and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitLeft {
    /// The table: `default`, `account.NAME` or `caller.NAME`.
    pub table: String,
    /// The rule.
    pub rule: String,
    /// It only warns.
    pub warn: bool,
    /// The limit.
    pub limit: String,
    /// What it is counted for, where that is not everything of the table: a currency.
    pub of: Option<String>,
    /// What counts against it; `None` for a rule about a single order.
    pub used: Option<String>,
    /// What is left.
    pub left: Option<String>,
}
