//! What a client asks.

use super::{Contract, Order};

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PlaceOrder {
    #[prost(int32, optional, tag = "1")]
    pub(crate) order_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
    #[prost(message, optional, tag = "3")]
    pub(crate) order: Option<Order>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutionFilter {
    #[prost(int32, optional, tag = "1")]
    pub(crate) client_id: Option<i32>,
    #[prost(string, optional, tag = "2")]
    pub(crate) account: Option<String>,
    #[prost(string, optional, tag = "3")]
    pub(crate) time: Option<String>,
    #[prost(string, optional, tag = "4")]
    pub(crate) symbol: Option<String>,
    #[prost(string, optional, tag = "5")]
    pub(crate) sec_type: Option<String>,
    #[prost(string, optional, tag = "6")]
    pub(crate) exchange: Option<String>,
    #[prost(string, optional, tag = "7")]
    pub(crate) side: Option<String>,
    #[prost(int32, optional, tag = "8")]
    pub(crate) last_n_days: Option<i32>,
    /// Days as yyyymmdd.
    #[prost(int32, repeated, tag = "9")]
    pub(crate) specific_dates: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ExecutionsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) filter: Option<ExecutionFilter>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ContractRequest {
    #[prost(int32, optional, tag = "1")]
    pub(crate) request_id: Option<i32>,
    #[prost(message, optional, tag = "2")]
    pub(crate) contract: Option<Contract>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct StartApi {
    #[prost(int32, optional, tag = "1")]
    pub(crate) client_id: Option<i32>,
}
