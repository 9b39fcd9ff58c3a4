//! What a watch shows.

use serde::{Deserialize, Serialize};

use super::{Fill, OrderState};

/// An event of an order as it is stored: append-only, keyed by its sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Grows by one per event; the first one is the base of the store.
    pub sequence: u64,
    /// The order it belongs to.
    pub order_id: i32,
    /// What happened.
    pub kind: EventKind,
}

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Its state changed: the whole state.
    Order(OrderState),
    /// A part of it filled. Shown once per `exec_id`.
    Fill(Fill),
}

/// One update of a watch with its cursor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WatchUpdate {
    /// A cursor to resume after. Order and fill events have their own sequence; others carry that of the last one delivered.
    pub sequence: u64,
    /// What happened.
    #[serde(flatten)]
    pub event: WatchEvent,
}

/// What happened, as a watcher sees it. JSON: `{"order": {…}}`, `{"fill": {…}}`, `{"snapshot_end": {}}`, `{"link": {…}}`,
/// `{"heartbeat": {"connected": true}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WatchEvent {
    /// An order changed.
    Order(OrderState),
    /// The current state has been shown.
    SnapshotEnd {},
    /// A link broke or came back.
    Link(LinkChange),
    /// A part of an order filled.
    Fill(Fill),
    /// Nothing happened for the poll interval.
    Heartbeat {
        /// Whether the session with TWS is up.
        connected: bool,
    },
}

/// A change of the link to TWS, or of TWS's link to IB.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChange {
    /// What changed.
    pub state: LinkState,
    /// Address of TWS, `host:port`.
    pub peer: String,
    /// A sentence for people.
    pub text: String,
}

/// What changed about a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LinkState {
    /// The session with TWS broke.
    Lost,
    /// A session with TWS is up again.
    Restored,
    /// What happened meanwhile has been asked for and shown.
    Reconciled,
    /// TWS lost IB's servers.
    IbLost,
    /// TWS is connected to IB again.
    IbRestored,
    /// New orders are halted, of everybody or of some.
    Halted,
    /// A halt was lifted.
    Resumed,
}
