//! The ids that new orders get.

use std::time::Duration;

use super::super::batch::Effect;
use super::super::engine_state::EngineState;
use super::super::input::PendingRequest;
use super::Step;
use crate::domain::OrderReport;
use crate::error::{Error, Reason};

/// Ids of orders end before this one: from here on TWS counts the requests of its clients.
const ORDER_IDS_END: i32 = 1_500_000_000;
/// TWS's refusal of an order whose id is not above all that it has seen of this client.
pub(super) const DUPLICATE_ORDER_ID: i32 = 103;
/// How long new orders wait for TWS to say where its ids go on: less than callers usually wait for their order.
const IDS_WAIT_MAX: Duration = Duration::from_secs(3);

impl Step<'_> {
    /// Takes the next id; `None` when there is none, and the caller was told why.
    pub(super) fn take_order_id(&mut self, ask: &PendingRequest) -> Option<i32> {
        let order_id = self.batch.engine_state.next_id;
        if order_id >= ORDER_IDS_END {
            self.refuse(ask, ids_used_up(order_id));
            return None;
        }
        self.batch.engine_state.next_id = order_id + 1;
        Some(order_id)
    }

    /// Whether the next id is one that TWS will take. Otherwise the caller waits until TWS has said so: the orders behind one that was refused
    /// for its id would be refused too, one after the other.
    pub(super) fn ids_are_known(&mut self, ask: &PendingRequest) -> bool {
        if self.batch.engine_state.ids_doubted.is_none() {
            return true;
        }
        self.park(ask);
        false
    }

    /// A new order was refused for its id. The adapter asks TWS where its ids go on.
    pub(super) fn doubt_ids(&mut self, session: u64, report: &OrderReport) {
        let OrderReport::Error(error) = report else {
            return;
        };
        if error.code != DUPLICATE_ORDER_ID {
            return;
        }
        // A release of a staged order that TWS has forgotten is refused so as well, and says nothing about the ids.
        let is_new = self
            .batch
            .touched
            .get(&error.order_id)
            .is_some_and(|touched| !touched.entry.order.record.acknowledged)
            || self
                .batch
                .engine_state
                .previews
                .contains_key(&error.order_id);
        let engine_state = &mut self.batch.engine_state;
        let is_current = engine_state
            .session
            .as_ref()
            .is_some_and(|current| current.info.session == session);
        if is_new && is_current && engine_state.ids_doubted.is_none() {
            tracing::warn!(
                order_id = error.order_id,
                "TWS has seen this order id before: new orders wait until it says where its ids go on"
            );
            engine_state.ids_doubted = Some(self.now.monotonic);
        }
    }

    /// TWS's count of the ids goes on from there; never back.
    pub(super) fn next_valid_id(&mut self, session: u64, next_valid_id: i32) {
        let engine_state = &mut self.batch.engine_state;
        let current = engine_state.session.as_ref();
        if current.is_some_and(|current| current.info.session == session) {
            engine_state.next_id = engine_state.next_id.max(next_valid_id);
            self.trust_ids();
        }
    }

    /// TWS was asked and does not say: then the next refusal asks again.
    pub(super) fn trust_ids_after_a_while(&mut self) {
        let doubted = self.batch.engine_state.ids_doubted;
        if doubted.is_some_and(|since| since + IDS_WAIT_MAX <= self.now.monotonic) {
            self.trust_ids();
        }
    }

    pub(super) fn trust_ids(&mut self) {
        if self.batch.engine_state.ids_doubted.take().is_some() {
            self.batch.unparked.insert(None);
            self.effect(Effect::UnparkAll);
        }
    }
}

/// What a caller is told who waited for an id in vain.
pub(in crate::engine) fn ids_unknown(engine_state: &EngineState) -> Option<Error> {
    (engine_state.session.is_some() && engine_state.ids_doubted.is_some()).then(|| {
        Error::new(
            Reason::TwsUnavailable,
            "TWS refused an order because it had seen its id before, and has not said yet where its ids go on: nothing was sent; try again",
        )
        .retry_after(Duration::from_secs(1))
    })
}

fn ids_used_up(order_id: i32) -> Error {
    Error::new(
        Reason::TwsUnavailable,
        format!(
            "the next order id is {order_id}, and ids of orders end at {}: nothing was sent; reset the API order id sequence in TWS (Global Configuration, API, Settings) and start with a new store",
            ORDER_IDS_END - 1
        ),
    )
}
