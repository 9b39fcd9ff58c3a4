//! When the watch of an order ends.

use std::time::Duration;

use rust_decimal::Decimal;
use tokio::time::Instant;

use crate::domain::{Amount, EventKind, OrderDetail, OrderState, Status, StoredEvent, Timestamp};

/// Follows one order to its end.
///
/// Most terminal states end a watch at once. Two may be followed by something that belongs to them: FILLED by the commissions of its
/// executions, INACTIVE by TWS's reason (or by the order coming back). For these the watch stays a while, but no longer than until
/// every execution of a filled order has its commission.
#[derive(Debug)]
pub(super) struct Ending {
    linger: Duration,
    status: Status,
    quantity: Amount,
    /// Shares of the executions seen.
    shares: Decimal,
    fills: u32,
    /// Executions whose commission was seen.
    paid: u32,
    commission: Option<Amount>,
    /// Events up to here are counted.
    counted: u64,
    /// While lingering.
    until: Option<Instant>,
}

impl Ending {
    /// Of an order as the store has it at `head`. What happened a while ago is not waited for: `now` is the wall clock, and where it was
    /// set meanwhile, the wait is at most `linger` all the same.
    pub(super) fn of(
        detail: &OrderDetail,
        head: u64,
        linger: Duration,
        now: (Instant, Timestamp),
    ) -> Self {
        let OrderDetail { order, fills } = detail;
        let (instant, wall) = now;
        let age = Duration::from_micros(
            u64::try_from(wall.unix_micros() - order.last_update.unix_micros()).unwrap_or(0),
        );
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            linger,
            status: order.status,
            quantity: order.quantity,
            shares: fills.iter().map(|fill| fill.quantity.value()).sum(),
            fills: count(fills.len()),
            paid: count(
                fills
                    .iter()
                    .filter(|fill| fill.commission.is_some())
                    .count(),
            ),
            commission: order.commission,
            counted: head,
            until: lingers(order.status).then(|| instant + linger.saturating_sub(age)),
        }
    }

    /// Takes an event into account.
    pub(super) fn observe(&mut self, event: &StoredEvent, now: Instant) {
        if event.sequence <= self.counted {
            return;
        }
        self.counted = event.sequence;
        match &event.kind {
            EventKind::Fill(fill) => {
                self.fills = self.fills.saturating_add(1);
                self.shares += fill.quantity.value();
                if fill.commission.is_some() {
                    self.paid = self.paid.saturating_add(1);
                }
            }
            EventKind::Order(state) => self.observe_state(state, now),
        }
    }

    fn observe_state(&mut self, state: &OrderState, now: Instant) {
        if state.commission != self.commission {
            self.commission = state.commission;
            self.paid = self.paid.saturating_add(1);
        }
        if state.status != self.status {
            self.status = state.status;
            self.until = lingers(state.status).then(|| now + self.linger);
        }
    }

    /// Whether nothing more belongs to the order's end.
    pub(super) fn is_over(&self, now: Instant) -> bool {
        self.status.is_terminal() && (self.is_settled() || self.until.is_none_or(|at| at <= now))
    }

    /// When it will be over if nothing happens.
    pub(super) const fn until(&self) -> Option<Instant> {
        self.until
    }

    /// The last status known.
    pub(super) const fn status(&self) -> Status {
        self.status
    }

    fn is_settled(&self) -> bool {
        self.status == Status::Filled
            && self.paid >= self.fills
            && self.commission.is_some()
            && self.shares >= self.quantity.value()
    }
}

const fn lingers(status: Status) -> bool {
    matches!(status, Status::Filled | Status::Inactive)
}
