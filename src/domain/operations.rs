//! Inputs and outcomes of the operations. The CLI prints the outcomes' JSON as it stands here; the order of fields is the
//! order of printing, and a field without a value prints `null`. Durations are seconds.

mod bracket;
mod preview;
mod risk;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Fill, OrderError, OrderInput, OrderRequest, OrderState, RuleViolation, Status, Timestamp,
    WatchUpdate,
};

pub use bracket::{
    BracketDraft, BracketIn, BracketInput, BracketOut, LegDraft, StopLoss, TakeProfit,
};
pub use preview::{Margins, PreviewIn, PreviewOut};
pub use risk::{
    CancelAllIn, CancelAllOut, CancelResult, Halt, HaltIn, HaltOut, LimitLeft, LimitsOut, ResumeIn,
    ResumeOut, TradingState,
};

/// The longest wait that may be asked for, in seconds: a day.
pub const WAIT_SECONDS_MAX: f64 = 86_400.0;
/// Default of every `timeout`, in seconds.
pub const DEFAULT_TIMEOUT_SECONDS: f64 = 5.0;
/// Default of `poll_interval`, in seconds.
pub const DEFAULT_POLL_INTERVAL_SECONDS: f64 = 1.0;

/// Asks whether orders can be placed.
#[derive(Debug, Clone, PartialEq)]
pub struct HealthIn {
    /// How long to wait for the first connection attempt to end, in seconds.
    pub timeout: f64,
}

impl Default for HealthIn {
    fn default() -> Self {
        Self {
            timeout: DEFAULT_TIMEOUT_SECONDS,
        }
    }
}

/// What the gateway knows about itself and its TWS.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthOut {
    /// Session with TWS up, accounts and ids known.
    pub connected: bool,
    /// The id the next order will get.
    pub next_valid_id: Option<i32>,
    /// Why orders cannot be placed.
    pub error: Option<String>,
    /// What is wrong, in more words: what happened at each address of TWS, or which query a reconcile keeps failing at.
    pub detail: Option<String>,
    /// Protocol version negotiated with TWS.
    pub server_version: Option<i32>,
    /// Accounts of the login.
    pub accounts: Vec<String>,
    /// Whether every account is a paper account; `None` while not connected.
    pub paper: Option<bool>,
    /// The API client id.
    pub client_id: i32,
    /// TWS's clock at the last heartbeat.
    pub tws_time: Option<Timestamp>,
    /// Whether TWS itself is connected to IB.
    pub ib_connected: bool,
    /// Whether the store can be written.
    pub store_ok: bool,
    /// Version of the gateway.
    pub version: String,
    /// Orders of this client id that TWS works and the store does not know: they can be cancelled by their order id.
    pub unknown_orders: u32,
}

/// An order to check.
#[derive(Debug, Clone, PartialEq)]
pub struct ValidateIn {
    /// The order.
    pub order: OrderInput,
    /// Transmits, like the same field of [`PlaceIn`].
    pub transmit: bool,
}

impl ValidateIn {
    /// Checks `order` as a staged one.
    pub fn new(order: impl Into<OrderInput>) -> Self {
        Self {
            order: order.into(),
            transmit: false,
        }
    }
}

/// The outcome of the check.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValidateOut {
    /// Whether the order could be placed.
    pub valid: bool,
    /// The order with its defaults filled in.
    pub order_request: Option<OrderRequest>,
    /// `client_tag` or `order_ref`, whichever was given.
    pub effective_order_ref: Option<String>,
    /// Every violation.
    pub errors: Option<Vec<OrderError>>,
    /// Limits that it breaks and is only warned of.
    #[serde(default)]
    pub warnings: Option<Vec<RuleViolation>>,
    /// Limits that only a running gateway can hold it against, by their words.
    #[serde(default)]
    pub unchecked: Option<Vec<String>>,
}

/// An order to place.
#[derive(Debug, Clone, PartialEq)]
pub struct PlaceIn {
    /// The order.
    pub order: OrderInput,
    /// Transmits at once; the order's own `transmit` counts too.
    pub transmit: bool,
    /// Checks and applies limits, stores and sends nothing.
    pub dry_run: bool,
    /// How long to wait for a connection, a pacing slot and TWS's first word, in seconds.
    pub timeout: f64,
    /// Names this request for good: the same id never makes a second order.
    pub request_id: Option<String>,
}

impl PlaceIn {
    /// Stages `order` with every default.
    pub fn new(order: impl Into<OrderInput>) -> Self {
        Self {
            order: order.into(),
            transmit: false,
            dry_run: false,
            timeout: DEFAULT_TIMEOUT_SECONDS,
            request_id: None,
        }
    }
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceOut {
    /// The order has an id: it is stored, and may be in TWS.
    pub submitted: bool,
    /// This was a dry run.
    pub dry_run: bool,
    /// The order's id.
    pub order_id: Option<i32>,
    /// The order as it now is.
    pub state: Option<OrderState>,
    /// The IB contract as constructed: every field in a dry run, else those that an order of this gateway can set.
    pub contract: Option<Value>,
    /// The IB order as constructed: every field in a dry run, else those that an order of this gateway can set.
    pub order_payload: Option<Value>,
    /// The order with its defaults filled in; dry run only.
    pub order_request: Option<OrderRequest>,
    /// `client_tag` or `order_ref`, whichever was given; dry run only.
    pub effective_order_ref: Option<String>,
    /// Every violation.
    pub errors: Option<Vec<OrderError>>,
    /// Why nothing was placed.
    pub error: Option<String>,
    /// The request id: the caller's, else the one the gateway made.
    pub request_id: Option<String>,
    /// The request was known: this is the order it made the first time.
    pub replayed: bool,
    /// Limits that it breaks and is only warned of.
    #[serde(default)]
    pub warnings: Option<Vec<RuleViolation>>,
    /// In a dry run without a running gateway: limits that were not looked at, by their words.
    #[serde(default)]
    pub unchecked: Option<Vec<String>>,
}

/// What to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchIn {
    /// The order; `None` watches every order without end.
    pub order: Option<OrderKey>,
    /// The longest silence before a heartbeat, in seconds.
    pub poll_interval: f64,
    /// How long to wait for a connection where one is needed, in seconds.
    pub timeout: f64,
    /// How long to watch at most, in seconds; `None`: until the order ends.
    pub max_wait: Option<f64>,
    /// Resume after this sequence; 0 starts with the current state.
    pub after_sequence: u64,
    /// Of an order of a bracket: every order of the bracket is shown, and the watch ends when all have ended. Changes nothing for any
    /// other order, or for a watch of all.
    pub with_family: bool,
}

impl WatchIn {
    /// Watches one order from its current state to its end; with the id 0 every order without end.
    pub fn new(order_id: i32) -> Self {
        Self::of((order_id != 0).then_some(OrderKey::OrderId(order_id)))
    }

    /// Watches one order, or every one, from the current state.
    pub fn of(order: Option<OrderKey>) -> Self {
        Self {
            order,
            poll_interval: DEFAULT_POLL_INTERVAL_SECONDS,
            timeout: DEFAULT_TIMEOUT_SECONDS,
            max_wait: None,
            after_sequence: 0,
            with_family: false,
        }
    }
}

/// How a watch ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchOut {
    /// The order.
    pub order_id: i32,
    /// Whether it reached a terminal state.
    pub terminal: bool,
    /// Its last known status.
    pub status: Option<Status>,
    /// What happened, in order; heartbeats are left out.
    pub updates: Vec<WatchUpdate>,
    /// Why the watch ended early.
    pub error: Option<String>,
}

/// Names an order: by its id, or by the request id it was placed under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OrderKey {
    /// The order's id.
    OrderId(i32),
    /// The request id.
    RequestId(String),
}

impl OrderKey {
    /// The order's id, where that is its name here.
    pub const fn order_id(&self) -> Option<i32> {
        match self {
            Self::OrderId(order_id) => Some(*order_id),
            Self::RequestId(_) => None,
        }
    }

    /// Whether this names `order`.
    pub fn names(&self, order: &OrderState) -> bool {
        match self {
            Self::OrderId(order_id) => order.order_id == *order_id,
            Self::RequestId(request_id) => order.request_id == *request_id,
        }
    }
}

/// A staged order to release.
#[derive(Debug, Clone, PartialEq)]
pub struct TransmitIn {
    /// The order.
    pub order: OrderKey,
    /// How long to wait for TWS's first word, in seconds.
    pub timeout: f64,
    /// Names this request for good; no other request can have the same.
    pub request_id: Option<String>,
}

impl TransmitIn {
    /// Releases an order and waits for the usual time.
    pub fn new(order: OrderKey) -> Self {
        Self::within(order, DEFAULT_TIMEOUT_SECONDS)
    }

    /// Releases an order and waits `timeout` seconds at most.
    pub fn within(order: OrderKey, timeout: f64) -> Self {
        Self {
            order,
            timeout,
            request_id: None,
        }
    }
}

/// An order to cancel.
#[derive(Debug, Clone, PartialEq)]
pub struct CancelIn {
    /// The order.
    pub order: OrderKey,
    /// How long to wait for TWS's verdict, in seconds.
    pub timeout: f64,
    /// Names this request for good; no other request can have the same.
    pub request_id: Option<String>,
    /// Also an exit of a bracket whose other exit works: TWS ends both.
    pub with_sibling: bool,
}

impl CancelIn {
    /// Cancels an order and waits for the usual time.
    pub fn new(order: OrderKey) -> Self {
        Self::within(order, DEFAULT_TIMEOUT_SECONDS)
    }

    /// Cancels an order and waits `timeout` seconds at most.
    pub fn within(order: OrderKey, timeout: f64) -> Self {
        Self {
            order,
            timeout,
            request_id: None,
            with_sibling: false,
        }
    }
}

/// One order and its fills.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OrderDetail {
    /// As it now is.
    pub order: OrderState,
    /// Its executions, oldest first, corrections applied.
    pub fills: Vec<Fill>,
    /// Of a bracket's entry: its exits as they now are, by order id. Else empty.
    #[serde(default)]
    pub legs: Vec<OrderState>,
}

/// Which order to read, and which page of its fills.
#[derive(Debug, Clone, PartialEq)]
pub struct GetIn {
    /// The order.
    pub order: OrderKey,
    /// Fills per page at most; 0: as many as fit into an answer.
    pub page_size: i32,
    /// `next_page_token` of the page before; empty: the first page.
    pub page_token: String,
}

impl GetIn {
    /// The first page, as long as it can be.
    pub const fn new(order: OrderKey) -> Self {
        Self {
            order,
            page_size: 0,
            page_token: String::new(),
        }
    }
}

/// One order and a page of its fills.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GetOut {
    /// As it now is.
    pub order: OrderState,
    /// Executions, oldest first, corrections applied.
    pub fills: Vec<Fill>,
    /// Of a bracket's entry: its exits as they now are, by order id, on every page. Else empty.
    #[serde(default)]
    pub legs: Vec<OrderState>,
    /// Token of the next page of fills; `None`: this was the last.
    pub next_page_token: Option<String>,
}

/// Which orders to read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ListIn {
    /// Only these statuses; empty: all.
    pub statuses: Vec<Status>,
    /// Only this symbol.
    pub symbol: Option<String>,
    /// Only the orders of the bracket whose entry has this order id.
    pub bracket_id: Option<i32>,
    /// Orders per page at most; 0: 100, more than 1000: 1000.
    pub page_size: i32,
    /// `next_page_token` of the page before; empty: the first page.
    pub page_token: String,
}

/// A page of orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ListOut {
    /// Newest first.
    pub orders: Vec<OrderState>,
    /// Token of the next page; `None`: this was the last.
    pub next_page_token: Option<String>,
}
