//! Messages about executions.

/// Asks for executions.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct ExecutionRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(in crate::tws) execution_filter: Option<ExecutionFilter>,
}

/// Which executions; without any field all of today's.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct ExecutionFilter {
    #[prost(int32, optional, tag = "8")]
    pub(in crate::tws) last_n_days: Option<i32>,
}

/// One execution. Its parts are read one by one, so that one of them that cannot be read does not cost the others.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct ExecutionDetails {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(in crate::tws) contract: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub(in crate::tws) execution: Option<Vec<u8>>,
}

/// What was executed. Quantities are decimal texts.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct Execution {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(in crate::tws) exec_id: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(in crate::tws) acct_number: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(in crate::tws) exchange: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(in crate::tws) side: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(in crate::tws) shares: Option<String>,
    #[prost(double, optional, tag = "8")]
    pub(in crate::tws) price: Option<f64>,
    #[prost(int64, optional, tag = "9")]
    pub(in crate::tws) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "10")]
    pub(in crate::tws) client_id: Option<i32>,
    #[prost(string, optional, tag = "12")]
    pub(in crate::tws) cum_qty: Option<String>,
    #[prost(double, optional, tag = "13")]
    pub(in crate::tws) avg_price: Option<f64>,
    #[prost(string, optional, tag = "14")]
    pub(in crate::tws) order_ref: Option<String>,
}

/// Ends an answer about executions.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct ExecutionDetailsEnd {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) req_id: Option<i32>,
}

/// What an execution cost.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct CommissionAndFeesReport {
    #[prost(string, optional, tag = "1")]
    pub(in crate::tws) exec_id: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub(in crate::tws) commission_and_fees: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub(in crate::tws) currency: Option<String>,
}
