//! Watch: what is asked for, and what it shows.

use crate::domain::{
    DEFAULT_POLL_INTERVAL_SECONDS, DEFAULT_TIMEOUT_SECONDS, LinkChange, OrderKey, WatchEvent,
    WatchIn, WatchUpdate,
};
use crate::error::Error;

use super::fields::Take;
use super::pb::{self, watch_request::Order, watch_response::Event};
use super::values::{duration, present, seconds};

impl TryFrom<pb::WatchRequest> for WatchIn {
    type Error = Error;

    fn try_from(request: pb::WatchRequest) -> Result<Self, Error> {
        let pb::WatchRequest {
            order,
            poll_interval,
            timeout,
            max_wait,
            after_sequence,
            with_family,
        } = request;
        let order = match order {
            // Every order.
            None | Some(Order::OrderId(0)) => None,
            Some(order) => Some(order.into()),
        };
        Ok(Self {
            order,
            poll_interval: seconds("poll_interval", poll_interval)?
                .unwrap_or(DEFAULT_POLL_INTERVAL_SECONDS),
            timeout: seconds("timeout", timeout)?.unwrap_or(DEFAULT_TIMEOUT_SECONDS),
            max_wait: seconds("max_wait", max_wait)?,
            after_sequence,
            with_family,
        })
    }
}

impl From<WatchIn> for pb::WatchRequest {
    fn from(input: WatchIn) -> Self {
        let WatchIn {
            order,
            poll_interval,
            timeout,
            max_wait,
            after_sequence,
            with_family,
        } = input;
        let all = OrderKey::OrderId(0);
        Self {
            order: Some(order.unwrap_or(all).into()),
            poll_interval: Some(duration(poll_interval)),
            timeout: Some(duration(timeout)),
            max_wait: max_wait.map(duration),
            after_sequence,
            with_family,
        }
    }
}

impl From<WatchUpdate> for pb::WatchResponse {
    fn from(update: WatchUpdate) -> Self {
        let WatchUpdate { sequence, event } = update;
        let event = match event {
            WatchEvent::Order(state) => Event::Order(state.into()),
            WatchEvent::SnapshotEnd {} => Event::SnapshotEnd(pb::SnapshotEnd {}),
            WatchEvent::Link(LinkChange { state, peer, text }) => Event::Link(pb::Link {
                state: pb::link::State::from(state).into(),
                peer,
                text,
            }),
            WatchEvent::Fill(fill) => Event::Fill(fill.into()),
            WatchEvent::Heartbeat { connected } => Event::Heartbeat(pb::Heartbeat { connected }),
        };
        Self {
            sequence,
            event: Some(event),
        }
    }
}

impl TryFrom<pb::WatchResponse> for WatchUpdate {
    type Error = Error;

    fn try_from(update: pb::WatchResponse) -> Result<Self, Error> {
        let pb::WatchResponse { sequence, event } = update;
        let event = match present("event", event)? {
            Event::Order(state) => WatchEvent::Order(state.try_into()?),
            Event::SnapshotEnd(pb::SnapshotEnd {}) => WatchEvent::SnapshotEnd {},
            Event::Link(pb::Link { state, peer, text }) => WatchEvent::Link(LinkChange {
                state: state.take("state")?,
                peer,
                text,
            }),
            Event::Fill(fill) => WatchEvent::Fill(fill.try_into()?),
            Event::Heartbeat(pb::Heartbeat { connected }) => WatchEvent::Heartbeat { connected },
        };
        Ok(Self { sequence, event })
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::{full_fill, full_state};
    use super::*;
    use crate::domain::LinkState;

    #[test]
    fn every_kind_of_update_survives_the_wire() {
        let link = LinkChange {
            state: LinkState::IbLost,
            peer: "h:1".to_owned(),
            text: "t".to_owned(),
        };
        for event in [
            WatchEvent::Order(full_state()),
            WatchEvent::SnapshotEnd {},
            WatchEvent::Link(link),
            WatchEvent::Fill(full_fill()),
            WatchEvent::Heartbeat { connected: true },
        ] {
            let update = WatchUpdate {
                sequence: 42,
                event,
            };
            assert_eq!(
                WatchUpdate::try_from(pb::WatchResponse::from(update.clone())),
                Ok(update)
            );
        }
        assert!(
            WatchUpdate::try_from(pb::WatchResponse {
                sequence: 1,
                event: None
            })
            .is_err()
        );
    }
}
