//! What happened before a gateway started and still counts.

use super::super::{Action, Amount, Timestamp};
use super::PastVerdict;

/// What happened before the engine started and still counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RiskHistory {
    /// Executions of the last two days, oldest first.
    pub executions: Vec<PastExecution>,
    /// Instructions of the last minute that were taken, oldest first.
    pub instructions: Vec<PastInstruction>,
    /// What TWS made of the last orders since halts were lifted, oldest first.
    pub verdicts: Vec<PastVerdict>,
}

/// An execution of an earlier process.
#[derive(Debug, Clone, PartialEq)]
pub struct PastExecution {
    /// Of which order.
    pub order_id: i32,
    /// In which account.
    pub account: String,
    /// The ticker.
    pub symbol: String,
    /// ISO 4217 code.
    pub currency: String,
    /// Which way.
    pub action: Action,
    /// Shares.
    pub quantity: Amount,
    /// Per share.
    pub price: Amount,
    /// When.
    pub time: Timestamp,
}

/// An instruction of an earlier process.
#[derive(Debug, Clone, PartialEq)]
pub struct PastInstruction {
    /// For which account.
    pub account: String,
    /// The caller's name, where it had one.
    pub caller: Option<String>,
    /// When.
    pub at: Timestamp,
}
