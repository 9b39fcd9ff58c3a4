//! What must hold of each change, at rest, and when a history has settled.

use std::collections::{BTreeMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use ibkr_orders::domain::{
    Amount, EventKind, OrderDetail, OrderKey, OrderState, PriceFields, ReplacementStatus, Status,
    StoredEvent,
};

use super::tws::{Held, Life, Terms, whole};
use super::world::{Counts, World};

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
        for event in &events {
            if let EventKind::Order(state) = &event.kind {
                last.insert(state.order_id, state.clone());
            }
        }
        let held = self.tws.orders.clone();
        for (order_id, order) in &held {
            let of_preview = self.tws.previews.contains(order_id)
                && (order.counted == 0 || self.previews_forgotten.contains(order_id));
            self.expect(last.contains_key(order_id) || of_preview, || {
                format!("TWS has order {order_id}, and the store does not: {order:?}")
            });
        }
        for stray in self.tws.strays() {
            self.expect(!last.contains_key(&stray), || {
                format!("order {stray} is somebody else's, and it is stored")
            });
        }
        let mut requests = HashSet::new();
        for (order_id, state) in &last {
            let stored = reader.get(OrderKey::OrderId(*order_id)).await.unwrap();
            let Some(detail) = stored else {
                self.fail(&format!("order {order_id} has events and no row"));
            };
            self.expect(detail.order == *state, || {
                format!(
                    "the last event is not the row: {state:?}, {:?}",
                    detail.order
                )
            });
            let named = !state.request_id.is_empty();
            self.expect(!named || requests.insert(state.request_id.clone()), || {
                format!("request {} has two orders", state.request_id)
            });
            self.is_true(&detail, held.get(order_id));
            self.counts.filled += usize::from(state.status == Status::Filled);
            self.counts.unconfirmed += usize::from(state.status == Status::Unconfirmed);
        }
        self.requests_have_their_orders(&last, &held);
        self.counts.acknowledged = self.requests.len();
        self.counts.events = self.watched.len();
        self.counts.digest = digest(&events);
        self.counts
    }

    /// Each request has its order, and nothing was transmitted or changed that nobody asked for.
    fn requests_have_their_orders(
        &self,
        last: &BTreeMap<i32, OrderState>,
        held: &BTreeMap<i32, Held>,
    ) {
        for request in &self.requests {
            let id = &request.id;
            let Some(first) = request.order_id else {
                self.fail(&format!("{id} was never answered"));
            };
            let stored = last.get(&first).map(|state| &state.request_id);
            self.expect(stored == Some(id), || {
                format!("{id} was told of order {first}, which is {stored:?}")
            });
            for order_id in first..first + request.size() {
                let Some(order) = held.get(&order_id) else {
                    continue;
                };
                let by_hand = order.is_by_hand();
                self.expect(
                    request.may_be_transmitted() || by_hand || !order.ticket.transmit,
                    || format!("{id} was transmitted, and nobody asked for it"),
                );
                let asked = request
                    .changes
                    .iter()
                    .filter(|change| change.order_id == order_id && !change.refused)
                    .count();
                let most = asked + order.parent_refusals;
                self.expect(order.changes <= most, || {
                    format!(
                        "{asked} changes of {order_id} were taken, and {} frames changed it: {order:?}",
                        order.changes
                    )
                });
            }
        }
    }

    /// At rest, with TWS there and asked: what works in TWS is shown as it is there.
    pub(super) fn compare_working(&self) {
        for order_id in self.tws.alive() {
            let order = &self.tws.orders[&order_id];
            let Some(state) = self.last.get(&order_id) else {
                self.fail(&format!("TWS works {order_id}, and nobody was shown it"));
            };
            self.expect(!state.terminal, || {
                format!("TWS works {order:?}, and the gateway says {state:?}")
            });
            let shown = terms(state);
            let resized = order.parent.is_some() && self.tws.switches.children_resized;
            let same =
                shown.price == order.terms.price && (resized || shown.total == order.terms.total);
            self.expect(same, || {
                format!("the terms in TWS are {:?}: {state:?}", order.terms)
            });
            self.expect(whole(state.filled) >= order.executed(), || {
                format!("{} executed of {state:?}", order.executed())
            });
        }
        for (order_id, state) in &self.last {
            let pending = state
                .replacement
                .as_ref()
                .is_some_and(|last| last.status == ReplacementStatus::Pending);
            self.expect(!pending, || {
                format!("the change of {order_id} is never decided: {state:?}")
            });
            self.expect(state.status != Status::Submitting, || {
                format!("{order_id} is on its way for ever: {state:?}")
            });
        }
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
        // The first process begins anew too: the store was made before it.
        let starts = self.counts.starts + 1;
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
    pub(super) fn follows(&self, before: Option<&OrderState>, state: &OrderState) {
        let held = self.tws.orders.get(&state.order_id);
        let consistent = state.remaining >= Amount::ZERO && state.filled >= Amount::ZERO;
        self.expect(consistent, || {
            format!("a state contradicts itself: {state:?}")
        });
        let told = self.tws.evidence.get(&state.order_id).copied().unwrap_or(0);
        self.expect(whole(state.filled) <= told, || {
            format!("TWS told of {told} that filled: {state:?}")
        });
        let Some(before) = before else {
            self.expect(state.status == Status::Submitting, || {
                format!("an order was not stored before it was sent: {state:?}")
            });
            return;
        };
        let shrank = state.filled < before.filled && !self.tws.faults.corrections;
        self.expect(!shrank, || {
            format!("filled went down: {before:?}, {state:?}")
        });
        let back = before.status == Status::Filled && state.status != Status::Filled;
        let raised = held.is_some_and(|order| order.raised);
        self.expect(!back || raised, || {
            format!("a filled order came back: {before:?}, {state:?}")
        });
        let same = before.request_id == state.request_id
            && before.account == state.account
            && before.order_ref == state.order_ref
            && before.bracket_id == state.bracket_id
            && before.cancel_requested <= state.cancel_requested
            && before.terms_revision <= state.terms_revision;
        self.expect(same, || {
            format!("what was asked changed: {before:?}, {state:?}")
        });
        let (was, is) = (terms(before), terms(state));
        if was != is {
            let Some(held) = held else {
                self.fail(&format!(
                    "TWS never had it, and its terms changed: {state:?}"
                ));
            };
            let protects = held.parent.is_some() && self.tws.switches.children_resized;
            let had = held.had.iter().any(|had| had.price == is.price)
                && (protects || held.had.iter().any(|had| had.total == is.total));
            self.expect(had, || {
                format!("TWS never had these terms: {is:?}, {held:?}")
            });
        }
    }

    /// What the gateway says of an order, and what TWS has.
    fn is_true(&self, detail: &OrderDetail, held: Option<&Held>) {
        let state = &detail.order;
        self.expect(state.terminal || may_stay_open(state.status), || {
            format!("an order is open for ever: {state:?}")
        });
        let Some(held) = held else {
            let honest = matches!(
                state.status,
                Status::Rejected | Status::Cancelled | Status::Unconfirmed
            );
            self.expect(honest, || format!("TWS never got {state:?}"));
            return;
        };
        self.expect(self.is_honest(state, held), || {
            format!("TWS has {held:?}, and the gateway says {state:?}")
        });
        let of_first = detail.fills.iter().filter(|fill| fill.perm_id.is_none());
        let told: i64 = of_first.clone().map(|fill| whole(fill.quantity)).sum();
        let executed = held.executed();
        let repeats = held.tells_repeats();
        // A correction of an earlier day that was never heard is not told again.
        let unheard = self.tws.faults.corrections && held.is_of_another_day(&self.tws);
        if unheard {
            return;
        }
        self.expect(told == executed || (repeats && told > executed), || {
            format!("executed were {executed} of {state:?}, known are {told}")
        });
        let filled = whole(state.filled);
        let range = if self.tws.faults.corrections || held.silent {
            // A status was heard and the execution only as corrected, or not at all: TWS's own count stands against it.
            executed..=held.counted.max(executed)
        } else {
            executed..=executed
        };
        self.expect(range.contains(&filled), || {
            format!("filled is not in {range:?}: {state:?} {held:?}")
        });
        self.expect(state.order_ref == held.ticket.order_ref, || {
            format!("{held:?} is not {state:?}")
        });
        if self.tws.switches.commissions_again {
            let mut charged = of_first.filter(|fill| held.is_charged(&fill.exec_id));
            self.expect(charged.all(|fill| fill.commission.is_some()), || {
                format!("a commission is missing: {:?}", detail.fills)
            });
        }
    }

    fn is_honest(&self, state: &OrderState, held: &Held) -> bool {
        let status = state.status;
        // A row that no query shows any more, or that carries none of the names that are known of the order: nobody can tell.
        let unknowable = state.perm_id.is_none() || self.tws.is_row_gone(held);
        let nameless = unknowable && status == Status::Unconfirmed;
        let expired = self.tws.is_row_gone(held) && status == Status::Cancelled;
        // Somebody released it by hand, and nothing of that was ever heard but perhaps a completed row without ids, which is not taken for a
        // staged order's.
        let unheard = held.is_by_hand() && state.perm_id.is_none() && status == Status::Staged;
        match held.life {
            Life::Staged => {
                matches!(
                    status,
                    Status::Staged | Status::Unconfirmed | Status::Cancelled
                ) && (status != Status::Cancelled || state.bracket_id.is_some())
            }
            Life::Forgotten => matches!(
                status,
                Status::Staged | Status::Unconfirmed | Status::Cancelled | Status::Rejected
            ),
            Life::Refused => matches!(
                status,
                Status::Rejected | Status::Unconfirmed | Status::Cancelled | Status::Staged
            ),
            Life::Working => false,
            Life::Filled => {
                let gone = self.tws.is_row_gone(held);
                // So much less executed after a correction that it looks as if it had not filled.
                let corrected = expired && held.executed() < held.terms.total;
                status == Status::Filled
                    || nameless
                    || corrected
                    || (expired && held.silent)
                    || (unheard && gone)
            }
            // Its release by hand was never heard, and the one that came too late was refused.
            Life::Cancelled if held.is_by_hand() && status == Status::Rejected => true,
            Life::Cancelled => {
                // A total that was raised unheard: all that it had as far as anybody knows has filled.
                let raised = status == Status::Filled
                    && state.filled >= state.terms.quantity
                    && whole(state.terms.quantity) < held.terms.total;
                status == Status::Cancelled || raised || nameless || unheard
            }
            Life::Expired => status == Status::Cancelled || nameless || unheard,
            Life::Inactive => {
                matches!(
                    status,
                    Status::Rejected | Status::Inactive | Status::Cancelled
                ) || nameless
                    || unheard
            }
        }
    }
}

/// What of an order's terms is simulated.
fn terms(state: &OrderState) -> Terms {
    let prices = PriceFields::from(state.terms.pricing);
    Terms {
        total: whole(state.terms.quantity),
        price: prices
            .limit_price
            .or(prices.stop_price)
            .unwrap_or(Amount::ZERO),
    }
}

const fn may_stay_open(status: Status) -> bool {
    matches!(status, Status::Staged | Status::Unconfirmed)
}

/// The same for two plays of a seed: sequences depend on when a play began.
fn digest(events: &[StoredEvent]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for event in events {
        let text = match &event.kind {
            EventKind::Order(state) => {
                let mut state = state.clone();
                state.sequence = 0;
                format!("{state:?}")
            }
            EventKind::Fill(fill) => format!("{fill:?}"),
        };
        text.hash(&mut hasher);
    }
    hasher.finish()
}
