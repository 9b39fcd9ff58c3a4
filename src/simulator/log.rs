//! What came in, for whoever asks afterwards: a test, most of all.

use std::collections::{HashMap, VecDeque};

use super::message::Request;
use super::order::OrderKey;

/// Orders whose placeOrder messages are counted one by one; beyond it only the total grows.
const COUNTED_ORDERS_MAX: usize = 1_000_000;

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageKind {
    /// START_API, the login.
    StartApi,
    /// placeOrder: a new order, a transmission or a modification.
    PlaceOrder,
    /// cancelOrder.
    CancelOrder,
    /// reqGlobalCancel.
    GlobalCancel,
    /// reqOpenOrders.
    OpenOrders,
    /// reqAllOpenOrders.
    AllOpenOrders,
    /// reqCompletedOrders.
    CompletedOrders,
    /// reqExecutions.
    Executions,
    /// reqIds.
    Ids,
    /// reqPositions or reqPositionsMulti.
    Positions,
    /// reqAccountUpdates or reqAccountUpdatesMulti, that ends one too.
    AccountUpdates,
    /// reqAccountSummary.
    AccountSummary,
    /// reqPnL or reqPnLSingle.
    Pnl,
    /// reqCurrentTime or reqCurrentTimeInMillis.
    CurrentTime,
    /// Any other request.
    Other,
}

/// One request that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceivedMessage {
    /// Microseconds since 1970, when the exchange took it.
    pub at_micros: i64,
    /// The client that sent it; -1 before its login.
    pub client_id: i32,
    /// What it was.
    pub kind: MessageKind,
    /// The order it was about.
    pub order_id: Option<i32>,
    /// Whether an order said transmit.
    pub transmit: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Log {
    pub(crate) messages: VecDeque<ReceivedMessage>,
    pub(crate) messages_max: usize,
    pub(crate) places: HashMap<OrderKey, u32>,
    pub(crate) cancels: HashMap<OrderKey, u32>,
    pub(crate) places_total: u64,
    pub(crate) accepted_total: u64,
    pub(crate) connections_total: u64,
    pub(crate) logins_total: u64,
}

impl Log {
    pub(crate) fn received(&mut self, client_id: Option<i32>, request: &Request, at_micros: i64) {
        let (kind, order_id, transmit) = classify(request);
        if kind == MessageKind::PlaceOrder {
            self.places_total += 1;
        }
        if self.messages_max == 0 {
            return;
        }
        let client_id = client_id.unwrap_or(-1);
        if let Some(order_id) = order_id {
            let counts = if kind == MessageKind::PlaceOrder {
                &mut self.places
            } else {
                &mut self.cancels
            };
            let key = OrderKey {
                client_id,
                order_id,
            };
            if counts.len() < COUNTED_ORDERS_MAX || counts.contains_key(&key) {
                *counts.entry(key).or_default() += 1;
            }
        }
        if self.messages.len() == self.messages_max {
            self.messages.pop_front();
        }
        self.messages.push_back(ReceivedMessage {
            at_micros,
            client_id,
            kind,
            order_id,
            transmit,
        });
    }
}

fn classify(request: &Request) -> (MessageKind, Option<i32>, bool) {
    match request {
        Request::Place(place) => {
            let transmit = place
                .order
                .as_ref()
                .is_some_and(|order| order.transmit == Some(true));
            (
                MessageKind::PlaceOrder,
                Some(place.order_id.unwrap_or(0)),
                transmit,
            )
        }
        Request::Cancel { order_id } => (MessageKind::CancelOrder, Some(*order_id), false),
        Request::StartApi { .. } => (MessageKind::StartApi, None, false),
        Request::GlobalCancel => (MessageKind::GlobalCancel, None, false),
        Request::OpenOrders => (MessageKind::OpenOrders, None, false),
        Request::AllOpenOrders => (MessageKind::AllOpenOrders, None, false),
        Request::CompletedOrders { .. } => (MessageKind::CompletedOrders, None, false),
        Request::Executions(_) => (MessageKind::Executions, None, false),
        Request::Ids => (MessageKind::Ids, None, false),
        Request::CurrentTime | Request::CurrentTimeMillis => {
            (MessageKind::CurrentTime, None, false)
        }
        Request::Positions | Request::PositionsMulti(_) => (MessageKind::Positions, None, false),
        Request::AccountUpdates(_) | Request::AccountUpdatesMulti(_) => {
            (MessageKind::AccountUpdates, None, false)
        }
        Request::AccountSummary(_) => (MessageKind::AccountSummary, None, false),
        Request::Pnl(_) | Request::PnlSingle(_) => (MessageKind::Pnl, None, false),
        Request::AutoOpenOrders
        | Request::CancelPositions
        | Request::CancelAccountSummary { .. }
        | Request::CancelPositionsMulti { .. }
        | Request::CancelAccountUpdatesMulti { .. }
        | Request::CancelPnl { .. }
        | Request::CancelPnlSingle { .. }
        | Request::ManagedAccounts
        | Request::ContractData(_)
        | Request::Other { .. }
        | Request::Malformed { .. } => (MessageKind::Other, None, false),
    }
}
