//! The messages as the exchange sees them: what it sends, and what it is asked. How they look on the wire is not known here.

use super::wire;

/// The number of a message that the simulator sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub(crate) enum MessageNumber {
    OrderStatus = 3,
    Error = 4,
    OpenOrder = 5,
    AccountValue = 6,
    PortfolioValue = 7,
    AccountUpdateTime = 8,
    NextValidId = 9,
    ContractData = 10,
    Execution = 11,
    ManagedAccounts = 15,
    CurrentTime = 49,
    ContractDataEnd = 52,
    OpenOrdersEnd = 53,
    AccountUpdatesEnd = 54,
    ExecutionsEnd = 55,
    Commission = 59,
    Position = 61,
    PositionsEnd = 62,
    AccountSummary = 63,
    AccountSummaryEnd = 64,
    PositionMulti = 71,
    PositionMultiEnd = 72,
    AccountUpdateMulti = 73,
    AccountUpdateMultiEnd = 74,
    Pnl = 94,
    PnlSingle = 95,
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
    AccountValue(&'a wire::AccountValue),
    PortfolioValue(&'a wire::PortfolioValue),
    /// "14:31", where TWS is.
    AccountUpdateTime(&'a str),
    /// With the account.
    AccountUpdatesEnd(&'a str),
    Position(&'a wire::Position),
    PositionsEnd,
    AccountSummary(&'a wire::AccountSummary),
    /// With the request's id.
    AccountSummaryEnd(i32),
    PositionMulti(&'a wire::PositionMulti),
    /// With the request's id.
    PositionMultiEnd(i32),
    AccountUpdateMulti(&'a wire::AccountUpdateMulti),
    /// With the request's id.
    AccountUpdateMultiEnd(i32),
    Pnl(&'a wire::Pnl),
    PnlSingle(&'a wire::PnlSingle),
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
            Self::AccountValue(_) => MessageNumber::AccountValue,
            Self::PortfolioValue(_) => MessageNumber::PortfolioValue,
            Self::AccountUpdateTime(_) => MessageNumber::AccountUpdateTime,
            Self::AccountUpdatesEnd(_) => MessageNumber::AccountUpdatesEnd,
            Self::Position(_) => MessageNumber::Position,
            Self::PositionsEnd => MessageNumber::PositionsEnd,
            Self::AccountSummary(_) => MessageNumber::AccountSummary,
            Self::AccountSummaryEnd(_) => MessageNumber::AccountSummaryEnd,
            Self::PositionMulti(_) => MessageNumber::PositionMulti,
            Self::PositionMultiEnd(_) => MessageNumber::PositionMultiEnd,
            Self::AccountUpdateMulti(_) => MessageNumber::AccountUpdateMulti,
            Self::AccountUpdateMultiEnd(_) => MessageNumber::AccountUpdateMultiEnd,
            Self::Pnl(_) => MessageNumber::Pnl,
            Self::PnlSingle(_) => MessageNumber::PnlSingle,
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
            | Self::CurrentTimeMillis(_)
            | Self::AccountValue(_)
            | Self::PortfolioValue(_)
            | Self::AccountUpdateTime(_)
            | Self::AccountUpdatesEnd(_)
            | Self::Position(_)
            | Self::PositionsEnd
            | Self::AccountSummary(_)
            | Self::AccountSummaryEnd(_)
            | Self::PositionMulti(_)
            | Self::PositionMultiEnd(_)
            | Self::AccountUpdateMulti(_)
            | Self::AccountUpdateMultiEnd(_)
            | Self::Pnl(_)
            | Self::PnlSingle(_) => false,
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
    Positions,
    CancelPositions,
    AccountUpdates(wire::AccountUpdatesRequest),
    AccountSummary(wire::AccountSummaryRequest),
    CancelAccountSummary {
        request_id: i32,
    },
    PositionsMulti(wire::AccountRequest),
    CancelPositionsMulti {
        request_id: i32,
    },
    AccountUpdatesMulti(wire::AccountRequest),
    CancelAccountUpdatesMulti {
        request_id: i32,
    },
    Pnl(wire::AccountRequest),
    CancelPnl {
        request_id: i32,
    },
    PnlSingle(wire::PnlSingleRequest),
    CancelPnlSingle {
        request_id: i32,
    },
    /// Something that TWS answers and the simulator does not: market data and the like.
    Other {
        id: i32,
    },
    /// A known number whose body does not decode.
    Malformed {
        id: i32,
    },
}
