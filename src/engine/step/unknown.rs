//! Orders of this client id that TWS works and the store does not know: those of a store that was deleted, or of another program under the same
//! client id. They are shown, counted, and can be cancelled by their order id; nothing about them is stored.

use std::sync::Arc;

use super::super::batch::Effect;
use super::super::engine_state::UnknownOrder;
use super::super::input::{Answer, PendingRequest};
use super::super::live_order::Cancelling;
use super::Step;
use super::report::ORDER_IDS;
use crate::domain::lifecycle;
use crate::domain::{
    Action, Amount, OpenOrderReport, OrderIdentity, OrderReport, OrderRequest, OrderState, Origin,
    Status,
};

/// Unknown orders that are kept; those beyond are logged only.
const UNKNOWN_MAX: usize = 10_000;
/// TWS's answers to a cancel of an order that it does not have, or not any more.
const CANCEL_REFUSED: [i32; 3] = [161, lifecycle::CANCEL_NOT_FOUND, 10_148];
/// TWS's error that says that an order was cancelled.
const CANCELLED: i32 = 202;

impl Step<'_> {
    /// Keeps what a report says about an order of this client id that was not found in the store.
    pub(super) fn report_unknown(&mut self, report: &OrderReport) {
        let ours = self.core.settings.client_id;
        match report {
            OrderReport::OpenOrder(row)
                if row.client_id == ours && ORDER_IDS.contains(&row.order_id) =>
            {
                self.skip_id(row.order_id);
                self.show_unknown(row);
            }
            OrderReport::Status(row) if row.client_id == ours => {
                self.skip_id(row.order_id);
                let status = Status::from_tws(&row.status);
                self.change_unknown(row.order_id, |state| {
                    state.filled = row.filled;
                    state.remaining = row.remaining;
                    state.avg_fill_price = row.avg_fill_price.or(state.avg_fill_price);
                    state.why_held.clone_from(&row.why_held);
                    state.status = status;
                });
            }
            OrderReport::Error(row) => {
                let over = row.code == CANCELLED;
                let refused = CANCEL_REFUSED.contains(&row.code);
                self.change_unknown(row.order_id, |state| {
                    state.last_error_code = Some(row.code);
                    state.last_error = Some(row.text.clone());
                    if over {
                        state.status = Status::Cancelled;
                    } else if refused {
                        state.status = Status::Unknown;
                    }
                });
                if refused {
                    self.answer_unknown(row.order_id);
                    self.forget_unknown(row.order_id);
                }
            }
            OrderReport::OpenOrder(_)
            | OrderReport::Status(_)
            | OrderReport::Execution(_)
            | OrderReport::Commission(_)
            | OrderReport::Completed(_) => {}
        }
    }

    /// An order of this client id has this id, whatever TWS's counter says: a new order under it would be a change of that one.
    fn skip_id(&mut self, order_id: i32) {
        if ORDER_IDS.contains(&order_id) {
            let next_id = &mut self.batch.engine_state.next_id;
            *next_id = (*next_id).max(order_id + 1);
        }
    }

    fn show_unknown(&mut self, row: &OpenOrderReport) {
        let order_id = row.order_id;
        let status = Status::from_tws(&row.status);
        // The answer to the query of open orders lists INACTIVE orders that are held.
        let works =
            !status.is_terminal() || (status == Status::Inactive && row.origin == Origin::Snapshot);
        let known = self
            .batch
            .engine_state
            .unknown_orders
            .contains_key(&order_id);
        if !works {
            if known {
                self.change_unknown(order_id, |state| state.status = status);
            }
            return;
        }
        let round = self.batch.engine_state.reconcile.round;
        let mut state = unknown_state(row, self.core.settings.client_id, self.now.wall_time);
        state.status = status;
        let unknown = Arc::make_mut(&mut self.batch.engine_state.unknown_orders);
        if let Some(order) = unknown.get_mut(&order_id) {
            state.cancel_requested = order.state.cancel_requested;
            state.filled = order.state.filled;
            state.remaining = order.state.remaining;
            order.state = state;
            order.seen_round = round;
            let again = order.state.cancel_requested && order.cancel == Cancelling::Idle;
            if again {
                self.queue_unknown_cancel(order_id);
            }
            return;
        }
        tracing::warn!(
            order_id,
            perm_id = row.perm_id,
            symbol = row.contract.symbol.as_deref(),
            status = %row.status,
            "TWS works an order of this client id that the store does not know: cancel it by its order id, or find out who placed it"
        );
        if unknown.len() < UNKNOWN_MAX {
            unknown.insert(
                order_id,
                UnknownOrder {
                    state,
                    seen_round: round,
                    cancel: Cancelling::Idle,
                    waiters: Vec::new(),
                },
            );
        }
    }

    fn change_unknown(&mut self, order_id: i32, change: impl FnOnce(&mut OrderState)) {
        if !self
            .batch
            .engine_state
            .unknown_orders
            .contains_key(&order_id)
        {
            return;
        }
        let now = self.now.wall_time;
        let unknown = Arc::make_mut(&mut self.batch.engine_state.unknown_orders);
        let Some(order) = unknown.get_mut(&order_id) else {
            return;
        };
        change(&mut order.state);
        order.state.last_update = now;
        order.state.terminal = order.state.status.is_terminal();
        if order.state.terminal {
            self.answer_unknown(order_id);
            self.forget_unknown(order_id);
        }
    }

    /// Cancels an order that the store does not know; false where TWS has not shown one with this id either.
    pub(super) fn cancel_unknown(&mut self, ask: &PendingRequest, order_id: i32) -> bool {
        if !self
            .batch
            .engine_state
            .unknown_orders
            .contains_key(&order_id)
        {
            return false;
        }
        if self.session_for(ask).is_none() {
            return true;
        }
        let waiters_max = self.core.settings.waiters_per_order_max;
        let unknown = Arc::make_mut(&mut self.batch.engine_state.unknown_orders);
        let Some(order) = unknown.get_mut(&order_id) else {
            return true;
        };
        order.state.cancel_requested = true;
        let under_way = matches!(
            order.cancel,
            Cancelling::Queued | Cancelling::InFlight { .. }
        );
        let waits = order.waiters.len() < waiters_max;
        if waits {
            order.waiters.push(ask.waiter);
        }
        let answer = (!waits).then(|| order.state.clone());
        if !under_way {
            self.queue_unknown_cancel(order_id);
        }
        match answer {
            Some(state) => self.reply_unknown(ask.waiter, state),
            None => self.effect(Effect::Deadline {
                at: ask.deadline,
                waiter: ask.waiter,
                order_id,
            }),
        }
        true
    }

    fn queue_unknown_cancel(&mut self, order_id: i32) {
        let unknown = Arc::make_mut(&mut self.batch.engine_state.unknown_orders);
        if let Some(order) = unknown.get_mut(&order_id) {
            order.cancel = Cancelling::Queued;
            self.batch.engine_state.queued += 1;
            self.effect(Effect::QueueCancel(order_id));
        }
    }

    /// A caller's time is over; false where it does not wait for an unknown order.
    pub(super) fn unknown_expired(&mut self, waiter: u64, order_id: i32) -> bool {
        let waits = self
            .batch
            .engine_state
            .unknown_orders
            .get(&order_id)
            .is_some_and(|order| order.waiters.contains(&waiter));
        if waits {
            let unknown = Arc::make_mut(&mut self.batch.engine_state.unknown_orders);
            if let Some(order) = unknown.get_mut(&order_id) {
                order.waiters.retain(|other| *other != waiter);
                let state = order.state.clone();
                self.reply_unknown(waiter, state);
            }
        }
        waits
    }

    /// A session has ended: a cancel goes again when TWS shows the order in the next one.
    pub(super) fn unknown_session_down(&mut self) {
        let orders = &mut self.batch.engine_state.unknown_orders;
        if orders
            .values()
            .any(|order| order.cancel != Cancelling::Idle)
        {
            for order in Arc::make_mut(orders).values_mut() {
                order.cancel = Cancelling::Idle;
            }
        }
    }

    /// A whole answer about open orders has ended: what it did not show is not there any more.
    pub(super) fn unknown_reconciled(&mut self, round: u64) {
        let gone: Vec<i32> = self
            .batch
            .engine_state
            .unknown_orders
            .iter()
            .filter(|(_, order)| order.seen_round < round)
            .map(|(order_id, _)| *order_id)
            .collect();
        for order_id in gone {
            self.change_unknown(order_id, |state| {
                state.last_error =
                    Some("TWS does not show it as an open order any more".to_owned());
            });
            self.answer_unknown(order_id);
            self.forget_unknown(order_id);
        }
    }

    fn answer_unknown(&mut self, order_id: i32) {
        let unknown = Arc::make_mut(&mut self.batch.engine_state.unknown_orders);
        let Some(order) = unknown.get_mut(&order_id) else {
            return;
        };
        let waiters = std::mem::take(&mut order.waiters);
        let state = order.state.clone();
        for waiter in waiters {
            self.reply_unknown(waiter, state.clone());
        }
    }

    fn forget_unknown(&mut self, order_id: i32) {
        if self
            .batch
            .engine_state
            .unknown_orders
            .contains_key(&order_id)
        {
            Arc::make_mut(&mut self.batch.engine_state.unknown_orders).remove(&order_id);
        }
    }

    fn reply_unknown(&mut self, waiter: u64, state: OrderState) {
        self.reply(waiter, Ok(Answer::of(state)));
    }
}

/// What a row of TWS says about an order, in the form of an order of the store. It has no request id and no sequence.
fn unknown_state(
    row: &OpenOrderReport,
    client_id: i32,
    now: crate::domain::Timestamp,
) -> OrderState {
    let quantity = row.terms.quantity.unwrap_or(Amount::ZERO);
    let mut request = OrderRequest::market(
        row.terms.action.unwrap_or(Action::Buy),
        row.contract.symbol.clone().unwrap_or_default(),
        quantity,
    );
    request.transmit = true;
    request.order_ref = Some(row.order_ref.clone().unwrap_or_default());
    lifecycle::follow_terms(&mut request.terms, &row.terms);
    if let Some(currency) = &row.contract.currency {
        Arc::make_mut(&mut request.terms.contract)
            .currency
            .clone_from(currency);
    }
    let identity = OrderIdentity {
        order_id: row.order_id,
        client_id,
        account: row.account.clone().unwrap_or_default(),
        request_id: String::new(),
    };
    let mut state = OrderState::submitting(identity, &request, now);
    state.perm_id = row.perm_id;
    state.last_error = Some(format!(
        "the store does not know this order{}: only what TWS shows of it is known",
        match row.contract.sec_type.as_deref() {
            Some("STK") | None => String::new(),
            Some(sec_type) => format!(" ({sec_type})"),
        }
    ));
    state.raw_state = serde_json::to_string(row).ok();
    state
}
