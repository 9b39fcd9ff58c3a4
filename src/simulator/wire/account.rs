//! Positions, and what accounts are worth.

use super::Contract;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountValue {
    #[prost(string, optional, tag = "1")]
    pub(crate) key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) currency: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) account: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PortfolioValue {
    #[prost(message, optional, tag = "1")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "2")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub(crate) market_price: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) market_value: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) average_cost: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub(crate) realized_pnl: Option<f64>,
    #[prost(string, optional, tag = "8")]
    pub(crate) account: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Position {
    #[prost(string, optional, tag = "1")]
    pub(crate) account: Option<String>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "3")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub(crate) average_cost: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PositionMulti {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(message, optional, tag = "3")]
    pub(crate) contract: Option<Contract>,
    #[prost(string, optional, tag = "4")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "5")]
    pub(crate) average_cost: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountSummary {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) key: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) currency: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountUpdateMulti {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) key: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) value: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) currency: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Pnl {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(double, optional, tag = "2")]
    pub(crate) daily: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub(crate) unrealized: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) realized: Option<f64>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PnlSingle {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub(crate) daily: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(crate) unrealized: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub(crate) realized: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(crate) value: Option<f64>,
}

/// reqAccountUpdates: begins, or without `subscribe` ends.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountUpdatesRequest {
    #[prost(bool, optional, tag = "1")]
    pub(crate) subscribe: Option<bool>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountSummaryRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) group: Option<String>,
    /// Separated by commas.
    #[prost(string, optional, tag = "3")]
    pub(crate) tags: Option<String>,
}

/// reqPositionsMulti, reqAccountUpdatesMulti and reqPnL: each uses as many of the fields as it has.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct AccountRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model: Option<String>,
    /// Only the cash of each currency and the net liquidation value.
    #[prost(bool, optional, tag = "4")]
    pub(crate) ledger_only: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PnlSingleRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) model: Option<String>,
    #[prost(int32, optional, tag = "4")]
    pub(crate) con_id: Option<i32>,
}
