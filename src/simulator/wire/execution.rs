//! Executions and what they cost.

use serde::{Deserialize, Serialize};

use super::Contract;

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Execution {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) exec_id: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) side: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(crate) shares: Option<String>,
    #[prost(double, optional, tag = "8")]
    pub(crate) price: Option<f64>,
    #[prost(int64, optional, tag = "9")]
    pub(crate) perm_id: Option<i64>,
    #[prost(int32, optional, tag = "10")]
    pub(crate) client_id: Option<i32>,
    #[prost(string, optional, tag = "12")]
    pub(crate) cum_qty: Option<String>,
    #[prost(double, optional, tag = "13")]
    pub(crate) avg_price: Option<f64>,
    #[prost(string, optional, tag = "14")]
    pub(crate) order_ref: Option<String>,
    #[prost(int32, optional, tag = "18")]
    pub(crate) last_liquidity: Option<i32>,
    #[prost(int32, optional, tag = "21")]
    pub(crate) exercise_or_lapse: Option<i32>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ExecutionDetails {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub(crate) execution: Option<Execution>,
}

#[derive(Clone, PartialEq, prost::Message, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct CommissionReport {
    #[prost(string, optional, tag = "1")]
    pub(crate) exec_id: Option<String>,
    #[prost(double, optional, tag = "2")]
    pub(crate) commission: Option<f64>,
    #[prost(string, optional, tag = "3")]
    pub(crate) currency: Option<String>,
    #[prost(double, optional, tag = "4")]
    pub(crate) realized_pnl: Option<f64>,
}
