//! The way out for events.

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::TwsEvent;

/// Nobody reads the events any more, or the adapter is to end and the reader is too slow for that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Closed;

/// What became of an event that was not waited with.
#[derive(Debug)]
pub(super) enum TrySend {
    Sent,
    /// There is no room now.
    Full(TwsEvent),
    /// Nobody reads the events any more.
    Closed,
}

/// Sends events in order and waits where the channel is full; once the adapter is to end it waits no longer.
#[derive(Debug)]
pub(super) struct EventSender {
    events: mpsc::Sender<TwsEvent>,
    ending: CancellationToken,
}

impl EventSender {
    pub(super) fn new(events: mpsc::Sender<TwsEvent>, ending: CancellationToken) -> Self {
        Self { events, ending }
    }

    /// Waits for room for one event.
    pub(super) async fn reserve(&self) -> Result<mpsc::Permit<'_, TwsEvent>, Closed> {
        match self.events.try_reserve() {
            Ok(permit) => return Ok(permit),
            Err(mpsc::error::TrySendError::Closed(())) => return Err(Closed),
            Err(mpsc::error::TrySendError::Full(())) => {}
        }
        tokio::select! {
            biased;
            permit = self.events.reserve() => permit.map_err(|_| Closed),
            () = self.ending.cancelled() => Err(Closed),
        }
    }

    /// Sends an event if there is room at once.
    pub(super) fn try_send(&self, event: TwsEvent) -> TrySend {
        match self.events.try_send(event) {
            Ok(()) => TrySend::Sent,
            Err(mpsc::error::TrySendError::Full(event)) => TrySend::Full(event),
            Err(mpsc::error::TrySendError::Closed(_)) => TrySend::Closed,
        }
    }

    /// Waits until nobody reads the events any more.
    pub(super) async fn closed(&self) {
        self.events.closed().await;
    }

    pub(super) async fn send(&self, event: TwsEvent) -> Result<(), Closed> {
        self.reserve().await?.send(event);
        Ok(())
    }
}
