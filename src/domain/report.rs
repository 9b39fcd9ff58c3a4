//! What TWS says about orders, in the gateway's words. Made by the TWS adapter, read by the life cycle.

use serde::Serialize;

use super::{Action, Amount, Timestamp};

/// Whether a report came by itself or in the answer to a query of the reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// TWS sent it as it happened. A query's rows can show up here as well.
    Live,
    /// A row of a query's answer: what TWS holds now.
    Snapshot,
}

/// One report of TWS about one order. Its JSON is the `raw_state` of the order.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum OrderReport {
    /// openOrder.
    OpenOrder(OpenOrderReport),
    /// orderStatus.
    Status(StatusReport),
    /// execDetails.
    Execution(ExecutionReport),
    /// commissionAndFeesReport.
    Commission(CommissionReport),
    /// completedOrder.
    Completed(CompletedReport),
    /// An error or warning with the order's id.
    Error(ErrorReport),
}

/// The contract as a report shows it. A field is `None` where the report does not carry it or it could not be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportedContract {
    /// IB's contract id.
    pub con_id: Option<i64>,
    /// The ticker.
    pub symbol: Option<String>,
    /// TWS's word for the kind of contract, for example `STK`.
    pub sec_type: Option<String>,
    /// ISO 4217 code.
    pub currency: Option<String>,
}

/// The terms of an order as a report shows them. A field is `None` where the report does not carry it or it could not be read.
///
/// Prices are per share in the contract's currency. TWS fills in prices that an order type does not use: only those of its type mean something.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReportedTerms {
    /// Which way the order trades.
    pub action: Option<Action>,
    /// TWS's word for the order type, for example `STP LMT`.
    pub order_type: Option<String>,
    /// Shares in all; 0 where TWS has none to show.
    pub quantity: Option<Amount>,
    /// lmtPrice.
    pub limit_price: Option<Amount>,
    /// auxPrice: the stop of STP and STP LMT, the amount of TRAIL.
    pub aux_price: Option<Amount>,
    /// trailStopPrice: where a trailing stop stands.
    pub trail_stop_price: Option<Amount>,
    /// trailingPercent.
    pub trailing_percent: Option<Amount>,
    /// lmtPriceOffset.
    pub limit_offset: Option<Amount>,
    /// TWS's word for the time in force.
    pub tif: Option<String>,
    /// The order id of the parent; `None` for an order without one.
    pub parent_order_id: Option<i32>,
    /// The OCA group.
    pub oca_group: Option<String>,
}

/// TWS shows an order that it holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OpenOrderReport {
    /// Live or from a query.
    pub origin: Origin,
    /// The order's id.
    pub order_id: i32,
    /// The client it belongs to.
    pub client_id: i32,
    /// TWS's permanent id; `None` when not carried (0 on the wire).
    pub perm_id: Option<i64>,
    /// The orderRef; `None` when not carried.
    pub order_ref: Option<String>,
    /// The account; `None` when not carried.
    pub account: Option<String>,
    /// What is traded.
    pub contract: ReportedContract,
    /// The order's terms as TWS shows them now.
    pub terms: ReportedTerms,
    /// Shares filled; dependable only where the status is Filled.
    pub filled_quantity: Option<Amount>,
    /// The status word of TWS; empty when not carried.
    pub status: String,
    /// Why TWS rejected it, where it says so.
    pub reject_reason: Option<String>,
    /// TWS's warning text.
    pub warning_text: Option<String>,
    /// What TWS says of the order's end, for example `Filled Size: 1`.
    pub completed_status: Option<String>,
}

/// TWS reports an order's status.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StatusReport {
    /// Live or from a query.
    pub origin: Origin,
    /// The order's id.
    pub order_id: i32,
    /// The client it belongs to.
    pub client_id: i32,
    /// TWS's permanent id; `None` when not carried.
    pub perm_id: Option<i64>,
    /// The status word of TWS.
    pub status: String,
    /// Shares filled.
    pub filled: Amount,
    /// Shares not filled.
    pub remaining: Amount,
    /// Average price; `None` when not carried or zero.
    pub avg_fill_price: Option<Amount>,
    /// Why it is held, for example `locate`.
    pub why_held: Option<String>,
}

/// A part of an order executed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExecutionReport {
    /// Live or from a query.
    pub origin: Origin,
    /// The order's id.
    pub order_id: i32,
    /// The client it belongs to.
    pub client_id: i32,
    /// TWS's permanent id; `None` when not carried.
    pub perm_id: Option<i64>,
    /// The orderRef; `None` when not carried.
    pub order_ref: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// What was traded.
    pub contract: ReportedContract,
    /// Which way; `None` when TWS's word for the side could not be read.
    pub side: Option<Action>,
    /// IB's execution id.
    pub exec_id: String,
    /// Shares of this execution.
    pub quantity: Amount,
    /// Price per share.
    pub price: Amount,
    /// Where it executed.
    pub exchange: String,
    /// When, as TWS wrote it.
    pub time_text: String,
    /// When, read with TWS's time zone; `None` when that could not be read.
    pub time: Option<Timestamp>,
    /// Shares filled so far, by TWS's count.
    pub cumulative_quantity: Option<Amount>,
    /// Average price so far, by TWS's count.
    pub avg_price: Option<Amount>,
}

/// The commission of an execution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CommissionReport {
    /// Live or from a query.
    pub origin: Origin,
    /// The execution.
    pub exec_id: String,
    /// Commission and fees.
    pub amount: Amount,
    /// Their currency.
    pub currency: String,
}

/// An order that ended today, from the completed-orders query.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompletedReport {
    /// The order's id, where TWS carries one (mostly not).
    pub order_id: Option<i32>,
    /// The client it belongs to, where carried.
    pub client_id: Option<i32>,
    /// TWS's permanent id.
    pub perm_id: Option<i64>,
    /// The orderRef.
    pub order_ref: Option<String>,
    /// The account.
    pub account: Option<String>,
    /// What was traded.
    pub contract: ReportedContract,
    /// The order's terms; their quantity is what did not fill (0 once filled).
    pub terms: ReportedTerms,
    /// The status word of TWS; empty when not carried.
    pub status: String,
    /// Shares left unfilled: in this query TWS's total quantity is what did not fill (0 once filled).
    pub unfilled: Option<Amount>,
    /// Shares filled, where carried and believable.
    pub filled: Option<Amount>,
    /// What TWS says of the end, for example `Filled Size: 1` or a rejection's reason.
    pub completed_status: Option<String>,
}

/// An error or warning of TWS that names an order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ErrorReport {
    /// The order's id.
    pub order_id: i32,
    /// TWS's code; 0 for a warning without one.
    pub code: i32,
    /// TWS's text.
    pub text: String,
}
