//! Messages about the session itself: ids, accounts, time, errors.

/// Begins a session.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct StartApiRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) client_id: Option<i32>,
}

/// A request without fields that anybody sets.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct EmptyRequest {}

/// Asks for the next order id.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct IdsRequest {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) num_ids: Option<i32>,
}

/// The next order id. 64 bits wide, so that a number beyond the protocol's own 32 is seen as what it is.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct NextValidId {
    #[prost(int64, optional, tag = "1")]
    pub(in crate::tws) order_id: Option<i64>,
}

/// Accounts of the login, separated by commas.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct ManagedAccounts {
    #[prost(string, optional, tag = "1")]
    pub(in crate::tws) accounts_list: Option<String>,
}

/// TWS's clock, in seconds since 1970.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct CurrentTime {
    #[prost(int64, optional, tag = "1")]
    pub(in crate::tws) current_time: Option<i64>,
}

/// An error, a warning or a notice. `id` is an order id, a request id, or −1.
#[derive(Clone, PartialEq, prost::Message)]
pub(in crate::tws) struct ErrorMessage {
    #[prost(int32, optional, tag = "1")]
    pub(in crate::tws) id: Option<i32>,
    #[prost(int32, optional, tag = "3")]
    pub(in crate::tws) error_code: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub(in crate::tws) error_msg: Option<String>,
}
