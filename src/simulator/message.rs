//! The messages as the exchange sees them: what it sends, and what it is asked. How they look on the wire is not known here.

use super::wire;

/// The number of a message that the simulator sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum MessageNumber {
    OrderStatus = 3,
    Error = 4,
    OpenOrder = 5,
    NextValidId = 9,
    ContractData = 10,
    Execution = 11,
    ManagedAccounts = 15,
    CurrentTime = 49,
    ContractDataEnd = 52,
    OpenOrdersEnd = 53,
    ExecutionsEnd = 55,
    Commission = 59,
    OrderBound = 100,
    CompletedOrder = 101,
    CompletedOrdersEnd = 102,
    CurrentTimeMillis = 109,
}

/// A message to a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ServerMessage<'a> {
    OrderStatus(&'a wire::OrderStatus),
    Error(&'a wire::ErrorMessage),
    OpenOrder(&'a wire::OpenOrder),
    NextValidId(i32),
    ContractData(&'a wire::ContractData),
    Execution(&'a wire::ExecutionDetails),
    /// The accounts of the login, separated by commas.
    ManagedAccounts(&'a str),
    /// Seconds since 1970.
    CurrentTime(i64),
    /// With the request's id.
    ContractDataEnd(i32),
    OpenOrdersEnd,
    /// With the request's id.
    ExecutionsEnd(i32),
    Commission(&'a wire::CommissionReport),
    OrderBound(&'a wire::OrderBound),
    CompletedOrder(&'a wire::CompletedOrder),
    CompletedOrdersEnd,
    /// Milliseconds since 1970.
    CurrentTimeMillis(i64),
}

impl ServerMessage<'_> {
    pub(crate) fn kind(&self) -> MessageNumber {
        match self {
            Self::OrderStatus(_) => MessageNumber::OrderStatus,
            Self::Error(_) => MessageNumber::Error,
            Self::OpenOrder(_) => MessageNumber::OpenOrder,
            Self::NextValidId(_) => MessageNumber::NextValidId,
            Self::ContractData(_) => MessageNumber::ContractData,
            Self::Execution(_) => MessageNumber::Execution,
            Self::ManagedAccounts(_) => MessageNumber::ManagedAccounts,
            Self::CurrentTime(_) => MessageNumber::CurrentTime,
            Self::ContractDataEnd(_) => MessageNumber::ContractDataEnd,
            Self::OpenOrdersEnd => MessageNumber::OpenOrdersEnd,
            Self::ExecutionsEnd(_) => MessageNumber::ExecutionsEnd,
            Self::Commission(_) => MessageNumber::Commission,
            Self::OrderBound(_) => MessageNumber::OrderBound,
            Self::CompletedOrder(_) => MessageNumber::CompletedOrder,
            Self::CompletedOrdersEnd => MessageNumber::CompletedOrdersEnd,
            Self::CurrentTimeMillis(_) => MessageNumber::CurrentTimeMillis,
        }
    }

    /// Whether it reports on an order. Faults that lose, double or reorder touch only these.
    pub(crate) fn is_report(&self) -> bool {
        match self {
            Self::OrderStatus(_)
            | Self::OpenOrder(_)
            | Self::Execution(_)
            | Self::Commission(_) => true,
            Self::Error(_)
            | Self::NextValidId(_)
            | Self::ContractData(_)
            | Self::ManagedAccounts(_)
            | Self::CurrentTime(_)
            | Self::ContractDataEnd(_)
            | Self::OpenOrdersEnd
            | Self::ExecutionsEnd(_)
            | Self::OrderBound(_)
            | Self::CompletedOrder(_)
            | Self::CompletedOrdersEnd
            | Self::CurrentTimeMillis(_) => false,
        }
    }
}

/// A request, decoded.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// First message after the version exchange.
    StartApi {
        client_id: i32,
    },
    Place(Box<wire::PlaceOrder>),
    Cancel {
        order_id: i32,
    },
    GlobalCancel,
    OpenOrders,
    AllOpenOrders,
    AutoOpenOrders,
    CompletedOrders {
        api_only: bool,
    },
    Executions(wire::ExecutionsRequest),
    Ids,
    ManagedAccounts,
    CurrentTime,
    CurrentTimeMillis,
    ContractData(wire::ContractRequest),
    /// Something that TWS answers and the simulator does not: market data, positions and the like.
    Other {
        id: i32,
    },
    /// A known number whose body does not decode.
    Malformed {
        id: i32,
    },
}
