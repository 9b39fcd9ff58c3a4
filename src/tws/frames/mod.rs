//! TWS's messages as they stand on the wire, protobuf since server version 201. Names and numbers of fields are those of the TWS API's own message
//! definitions; only fields that the gateway reads or writes are here, and all others are passed over.

pub(super) mod account;
pub(super) mod execution;
pub(super) mod order;
pub(super) mod session;

use prost::Message;

/// What TWS adds to the id of a message whose body is protobuf; ids below are bodies of text fields, which no message has any more that matters here.
const PROTOBUF: i32 = 200;

/// Ids of messages from TWS.
pub(super) mod incoming {
    pub(in crate::tws) const ORDER_STATUS: i32 = 3;
    pub(in crate::tws) const ERROR_MESSAGE: i32 = 4;
    pub(in crate::tws) const OPEN_ORDER: i32 = 5;
    pub(in crate::tws) const ACCOUNT_VALUE: i32 = 6;
    pub(in crate::tws) const PORTFOLIO_VALUE: i32 = 7;
    pub(in crate::tws) const ACCOUNT_UPDATE_TIME: i32 = 8;
    pub(in crate::tws) const NEXT_VALID_ID: i32 = 9;
    pub(in crate::tws) const EXECUTION_DETAILS: i32 = 11;
    pub(in crate::tws) const MANAGED_ACCOUNTS: i32 = 15;
    pub(in crate::tws) const CURRENT_TIME: i32 = 49;
    pub(in crate::tws) const OPEN_ORDERS_END: i32 = 53;
    pub(in crate::tws) const ACCOUNT_DATA_END: i32 = 54;
    pub(in crate::tws) const EXECUTION_DETAILS_END: i32 = 55;
    pub(in crate::tws) const COMMISSION_AND_FEES_REPORT: i32 = 59;
    pub(in crate::tws) const POSITION: i32 = 61;
    pub(in crate::tws) const POSITION_END: i32 = 62;
    pub(in crate::tws) const ACCOUNT_SUMMARY: i32 = 63;
    pub(in crate::tws) const ACCOUNT_SUMMARY_END: i32 = 64;
    pub(in crate::tws) const PNL: i32 = 94;
    pub(in crate::tws) const COMPLETED_ORDER: i32 = 101;
    pub(in crate::tws) const COMPLETED_ORDERS_END: i32 = 102;
}

/// Ids of messages to TWS.
pub(super) mod outgoing {
    pub(in crate::tws) const PLACE_ORDER: i32 = 3;
    pub(in crate::tws) const CANCEL_ORDER: i32 = 4;
    pub(in crate::tws) const OPEN_ORDERS_REQUEST: i32 = 5;
    pub(in crate::tws) const ACCOUNT_DATA_REQUEST: i32 = 6;
    pub(in crate::tws) const EXECUTION_REQUEST: i32 = 7;
    pub(in crate::tws) const IDS_REQUEST: i32 = 8;
    pub(in crate::tws) const ALL_OPEN_ORDERS_REQUEST: i32 = 16;
    pub(in crate::tws) const MANAGED_ACCOUNTS_REQUEST: i32 = 17;
    pub(in crate::tws) const CURRENT_TIME_REQUEST: i32 = 49;
    pub(in crate::tws) const POSITIONS_REQUEST: i32 = 61;
    pub(in crate::tws) const ACCOUNT_SUMMARY_REQUEST: i32 = 62;
    pub(in crate::tws) const START_API: i32 = 71;
    pub(in crate::tws) const PNL_REQUEST: i32 = 92;
    pub(in crate::tws) const COMPLETED_ORDERS_REQUEST: i32 = 99;
}

/// One message of TWS as it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Frame<'a> {
    /// The id as it stands on the wire.
    pub(super) id: i32,
    /// What follows it.
    pub(super) body: &'a [u8],
}

impl Frame<'_> {
    /// The id of the message, for one whose body is protobuf.
    pub(super) const fn message(self) -> Option<i32> {
        if self.id > PROTOBUF {
            Some(self.id - PROTOBUF)
        } else {
            None
        }
    }
}

/// A whole message to TWS: length, id, body.
pub(super) fn encode(message: i32, body: &impl Message) -> Vec<u8> {
    let body = body.encode_to_vec();
    let length = body.len() + 4;
    let mut frame = Vec::with_capacity(4 + length);
    // No message of ours comes near 4 GiB.
    frame.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    frame.extend((message + PROTOBUF).to_be_bytes());
    frame.extend(body);
    frame
}

/// Reads a message as far as that goes: with an error comes what stood before it.
pub(super) fn decode<M: Message + Default>(bytes: &[u8]) -> (M, Option<prost::DecodeError>) {
    let mut message = M::default();
    let error = message.merge(bytes).err();
    (message, error)
}
