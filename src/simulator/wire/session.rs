//! Messages about the session: errors, ids, accounts, time.

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ErrorMessage {
    #[prost(int32, optional, tag = "1")]
    pub(crate) id: Option<i32>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) time_ms: Option<i64>,
    #[prost(int32, optional, tag = "3")]
    pub(crate) code: Option<i32>,
    #[prost(string, optional, tag = "4")]
    pub(crate) text: Option<String>,
}

/// A message whose only field is text under tag 1: the accounts of the login, the time of account values, the account whose values end.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Word {
    #[prost(string, optional, tag = "1")]
    pub(crate) text: Option<String>,
}

/// Every message whose only field is a number under tag 1: next valid id, end marks, cancel of a contract request.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Number {
    #[prost(int32, optional, tag = "1")]
    pub(crate) value: Option<i32>,
}

/// The two clock answers: seconds or milliseconds under tag 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Clock {
    #[prost(int64, optional, tag = "1")]
    pub(crate) value: Option<i64>,
}

/// A message whose only field is a flag under tag 1.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Flag {
    #[prost(bool, optional, tag = "1")]
    pub(crate) value: Option<bool>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Empty {}
