//! What a watcher is handed: shared, not copied.

use std::sync::Arc;

use crate::domain::{EventKind, LinkChange, OrderState, StoredEvent, WatchEvent, WatchUpdate};

/// One update of a watch. Every watcher of an event shares it; [`WatchUpdate`] is a copy of one's own.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedUpdate {
    /// A cursor to resume after: an event's own sequence, else that of the last event delivered.
    pub sequence: u64,
    /// What happened.
    pub event: FeedEvent,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub enum FeedEvent {
    /// An order changed or filled.
    Stored(Arc<StoredEvent>),
    /// The current state has been shown.
    SnapshotEnd,
    /// A link broke or came back.
    Link(Arc<LinkChange>),
    /// Nothing happened for the poll interval.
    Heartbeat {
        /// Whether the session with TWS is up.
        connected: bool,
    },
}

impl From<Arc<StoredEvent>> for FeedUpdate {
    fn from(event: Arc<StoredEvent>) -> Self {
        Self {
            sequence: event.sequence,
            event: FeedEvent::Stored(event),
        }
    }
}

impl From<OrderState> for FeedUpdate {
    /// A current state is the event that made it.
    fn from(state: OrderState) -> Self {
        Self::from(Arc::new(StoredEvent {
            sequence: state.sequence,
            order_id: state.order_id,
            kind: EventKind::Order(state),
        }))
    }
}

impl From<FeedUpdate> for WatchUpdate {
    fn from(update: FeedUpdate) -> Self {
        let FeedUpdate { sequence, event } = update;
        let event = match event {
            FeedEvent::Stored(event) => match Arc::unwrap_or_clone(event).kind {
                EventKind::Order(state) => WatchEvent::Order(state),
                EventKind::Fill(fill) => WatchEvent::Fill(fill),
            },
            FeedEvent::SnapshotEnd => WatchEvent::SnapshotEnd {},
            FeedEvent::Link(change) => WatchEvent::Link(Arc::unwrap_or_clone(change)),
            FeedEvent::Heartbeat { connected } => WatchEvent::Heartbeat { connected },
        };
        Self { sequence, event }
    }
}
