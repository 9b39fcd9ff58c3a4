//! What must hold when a run has settled.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::tws::{Held, Life, whole};
use super::world::{Counts, World};
use crate::domain::{EventKind, OrderDetail, OrderKey, OrderState, Status, StoredEvent};

/// A watcher that has a thing to see sees it within this time.
const WATCH_LIMIT: Duration = Duration::from_secs(20);

impl World {
    /// Compares everything with the truth.
    pub(super) async fn judge(mut self) -> Counts {
        let reader = self.process.store.reader();
        let events = reader
            .events_after(self.first_sequence, None, usize::MAX >> 1)
            .await
            .unwrap();
        self.sequences_ascend(&events);
        self.watcher_saw_all(&events).await;
        let mut last: BTreeMap<i32, OrderState> = BTreeMap::new();
        for event in events {
            if let EventKind::Order(state) = event.kind {
                self.follows(last.get(&state.order_id), &state);
                last.insert(state.order_id, state);
            }
        }
        let held = self.tws.orders.clone();
        for (order_id, order) in &held {
            self.expect(last.contains_key(order_id), || {
                format!("TWS has order {order_id}, and the store does not: {order:?}")
            });
        }
        let mut requests = HashSet::new();
        for (order_id, state) in &last {
            let key = OrderKey::OrderId(*order_id);
            let stored = reader.get(key).await.unwrap();
            let Some(detail) = stored else {
                self.fail(&format!("order {order_id} has events and no row"));
            };
            self.expect(detail.order == *state, || {
                format!(
                    "the last event is not the row: {state:?}, {:?}",
                    detail.order
                )
            });
            self.expect(requests.insert(state.request_id.clone()), || {
                format!("request {} has two orders", state.request_id)
            });
            self.is_true(&detail, held.get(order_id));
            self.counts.filled += usize::from(state.status == Status::Filled);
            self.counts.unconfirmed += usize::from(state.status == Status::Unconfirmed);
        }
        for request in &self.requests {
            let id = &request.command.request_id;
            let Some(order_id) = request.order_id else {
                self.fail(&format!("{id} was never answered"));
            };
            let stored = last.get(&order_id).map(|state| &state.request_id);
            self.expect(stored == Some(id), || {
                format!("{id} was told of order {order_id}, which is {stored:?}")
            });
            if let Some(order) = held.get(&order_id) {
                let may = request.released || request.command.order.transmit();
                self.expect(may || !order.ticket.transmit, || {
                    format!("{id} was transmitted, and nobody asked for it")
                });
            }
        }
        self.counts.acknowledged = self.requests.len();
        self.counts.events = self.watched.len();
        self.counts
    }

    /// One after the other, but for the start of a process, which leaves some out.
    fn sequences_ascend(&self, events: &[StoredEvent]) {
        let mut before = self.first_sequence;
        let mut left_out = 0;
        for event in events {
            self.expect(event.sequence > before, || {
                format!("after event {before} comes {}", event.sequence)
            });
            left_out += usize::from(event.sequence > before + 1);
            before = event.sequence;
        }
        let starts = self.counts.starts;
        self.expect(left_out <= starts, || {
            format!("sequences were left out {left_out} times, and a process began {starts} times")
        });
    }

    async fn watcher_saw_all(&mut self, events: &[StoredEvent]) {
        let head = events
            .last()
            .map_or(self.first_sequence, |event| event.sequence);
        while self.watched.last().copied().unwrap_or(self.first_sequence) < head {
            self.watch_once(WATCH_LIMIT).await;
        }
        let all = events.iter().map(|event| event.sequence);
        self.expect(all.eq(self.watched.iter().copied()), || {
            "the watcher did not see each event once and in order".to_owned()
        });
    }

    /// How one state follows another.
    fn follows(&self, before: Option<&OrderState>, state: &OrderState) {
        let consistent = state.terminal == state.status.is_terminal()
            && state.remaining.value() >= 0.into()
            && state.filled.value() >= 0.into();
        self.expect(consistent, || {
            format!("a state contradicts itself: {state:?}")
        });
        let Some(before) = before else {
            self.expect(state.status == Status::Submitting, || {
                format!("an order was not stored before it was sent: {state:?}")
            });
            return;
        };
        let shrank = state.filled < before.filled && !self.tws.weather.corrections;
        self.expect(!shrank, || {
            format!("filled went down: {before:?}, {state:?}")
        });
        let back = before.status == Status::Filled && state.status != Status::Filled;
        self.expect(!back, || {
            format!("a filled order came back: {before:?}, {state:?}")
        });
        let same = before.request_id == state.request_id
            && before.terms.quantity == state.terms.quantity
            && before.account == state.account
            && before.order_ref == state.order_ref
            && (before.cancel_requested <= state.cancel_requested);
        self.expect(same, || {
            format!("what was asked changed: {before:?}, {state:?}")
        });
    }

    /// What the gateway says of an order, and what TWS has.
    fn is_true(&self, detail: &OrderDetail, held: Option<&Held>) {
        let state = &detail.order;
        let Some(held) = held else {
            let honest = matches!(
                state.status,
                Status::Rejected | Status::Cancelled | Status::Unconfirmed
            );
            self.expect(honest, || format!("TWS never got {state:?}"));
            return;
        };
        // A completed order carries no id of ours: where several share its reference and TWS's own id was never heard, nobody can tell.
        let nameless = state.order_ref != state.request_id
            && state.perm_id.is_none()
            && state.status == Status::Unconfirmed;
        let right = match held.life {
            Life::Staged => matches!(state.status, Status::Staged | Status::Unconfirmed),
            Life::Forgotten => matches!(
                state.status,
                Status::Staged | Status::Unconfirmed | Status::Cancelled
            ),
            Life::Refused => matches!(
                state.status,
                Status::Rejected | Status::Unconfirmed | Status::Cancelled
            ),
            Life::Working => false,
            Life::Filled => state.status == Status::Filled,
            Life::Cancelled => state.status == Status::Cancelled || nameless,
            Life::Inactive => {
                matches!(
                    state.status,
                    Status::Rejected | Status::Inactive | Status::Cancelled
                ) || nameless
            }
        };
        self.expect(right, || {
            format!("TWS has {held:?}, and the gateway says {state:?}")
        });
        let executed: i64 = detail.fills.iter().map(|fill| whole(fill.quantity)).sum();
        self.expect(executed == held.executed(), || {
            format!(
                "executed were {} of {state:?}, known are {executed}",
                held.executed()
            )
        });
        // Where a status was heard and the execution only as corrected, TWS's own count stands against it.
        let filled = whole(state.filled);
        let right = filled == executed
            || (self.tws.weather.corrections && (executed..=held.counted()).contains(&filled));
        self.expect(right, || {
            format!("filled is not the sum of the executions, {executed}: {state:?}")
        });
        self.expect(state.order_ref == held.ticket.order_ref, || {
            format!("{held:?} is not {state:?}")
        });
        if self.tws.weather.commissions_again {
            let charged = detail.fills.iter().all(|fill| fill.commission.is_some());
            self.expect(charged, || {
                format!("a commission is missing: {:?}", detail.fills)
            });
            let sum = (executed > 0).then(|| detail.fills.len().to_string());
            let known = state.commission.map(|sum| sum.to_string());
            self.expect(known == sum, || {
                format!("the commissions are {known:?}, not {sum:?}")
            });
        }
    }
}
