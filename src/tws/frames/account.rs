//! Messages about positions, account values and profit.

/// Asks for the values and the portfolio of one account, and for their changes.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct AccountDataRequest {
    #[prost(bool, optional, tag = "1")]
    pub(in crate::tws) subscribe: Option<bool>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) acct_code: Option<String>,
}

/// Asks for some values of every account of a group, and for their changes.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct AccountSummaryRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) group: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) tags: Option<String>,
}

/// Asks for the profit of an account, and for its changes.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct PnLRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) account: Option<String>,
}

/// A value of an account.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct AccountValue {
    #[prost(string, optional, tag = "1")]
    pub(in crate::tws) key: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) value: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) currency: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(in crate::tws) account_name: Option<String>,
}

/// What a position is worth. The contract is read by itself: a part of it that cannot be read does not cost the rest.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct PortfolioValue {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(in crate::tws) contract: Option<Vec<u8>>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) position: Option<String>,
    #[prost(double, optional, tag = "3")]
    pub(in crate::tws) market_price: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub(in crate::tws) market_value: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub(in crate::tws) unrealized_pnl: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub(in crate::tws) realized_pnl: Option<f64>,
    #[prost(string, optional, tag = "8")]
    pub(in crate::tws) account_name: Option<String>,
}

/// Ends the answer to a request of account data.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct AccountDataEnd {
    #[prost(string, optional, tag = "1")]
    pub(in crate::tws) account_name: Option<String>,
}

/// A position.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct Position {
    #[prost(string, optional, tag = "1")]
    pub(in crate::tws) account: Option<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(in crate::tws) contract: Option<Vec<u8>>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) position: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub(in crate::tws) avg_cost: Option<f64>,
}

/// A row of the account summary.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct AccountSummary {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) tag: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(in crate::tws) value: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(in crate::tws) currency: Option<String>,
}

/// Ends the answer to a request of an account summary.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct AccountSummaryEnd {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
}

/// The profit of an account.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct PnL {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
    #[prost(double, optional, tag = "2")]
    pub(in crate::tws) daily_pnl: Option<f64>,
}
