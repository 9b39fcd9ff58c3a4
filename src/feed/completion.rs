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
pub(super) struct WatchCompletion {
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

impl WatchCompletion {
    /// Of an order as the store has it at `head`. What happened a while ago is not waited for: `now` is the wall clock, and where it was
    /// set meanwhile, the wait is at most `linger` all the same.
    pub(super) fn of(
        detail: &OrderDetail,
        head: u64,
        linger: Duration,
        now: (Instant, Timestamp),
    ) -> Self {
        let OrderDetail {
            order,
            fills,
            legs: _,
        } = detail;
        let (instant, wall) = now;
        let age = Duration::from_micros(
            u64::try_from(wall.unix_micros() - order.last_update.unix_micros()).unwrap_or(0),
        );
        let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Self {
            linger,
            status: order.status,
            quantity: order.terms.quantity,
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
            until: in_grace_period(order.status).then(|| instant + linger.saturating_sub(age)),
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
            self.until = in_grace_period(state.status).then(|| now + self.linger);
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

const fn in_grace_period(status: Status) -> bool {
    matches!(status, Status::Filled | Status::Inactive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Action, Fill, OrderIdentity, OrderRequest};

    const LINGER: Duration = Duration::from_secs(1);

    fn order() -> OrderState {
        let identity = OrderIdentity {
            order_id: 1,
            client_id: 7,
            account: String::new(),
            request_id: String::new(),
        };
        let request = OrderRequest::market(Action::Buy, "AAPL", 30.into());
        let time = Timestamp::from_unix_micros(1_795_000_000_000_000);
        OrderState {
            status: Status::Submitted,
            sequence: 1,
            ..OrderState::submitting(identity, &request, time)
        }
    }

    fn fill(exec_id: &str, commission: Option<i64>) -> Fill {
        Fill {
            order_id: 1,
            exec_id: exec_id.to_owned(),
            quantity: 10.into(),
            price: 1.into(),
            time: None,
            exchange: String::new(),
            commission: commission.map(Amount::from),
            currency: None,
            perm_id: None,
        }
    }

    /// An order seen at its first event, and a way to show it more.
    struct Seen {
        ending: WatchCompletion,
        order: OrderState,
        now: Instant,
    }

    impl Seen {
        fn new(order: OrderState, fills: Vec<Fill>, age: Duration) -> Self {
            let now = Instant::now();
            let wall = Timestamp::from_unix_micros(
                order.last_update.unix_micros() + i64::try_from(age.as_micros()).unwrap(),
            );
            let detail = OrderDetail {
                order,
                fills,
                legs: Vec::new(),
            };
            Self {
                ending: WatchCompletion::of(&detail, 1, LINGER, (now, wall)),
                order: detail.order,
                now,
            }
        }

        fn event(&mut self, kind: EventKind) {
            self.order.sequence += 1;
            let event = StoredEvent {
                sequence: self.order.sequence,
                order_id: 1,
                kind,
            };
            self.ending.observe(&event, self.now);
        }

        fn filled(&mut self, exec_id: &str) {
            self.event(EventKind::Fill(fill(exec_id, None)));
        }

        fn state(&mut self, change: impl FnOnce(&mut OrderState)) {
            change(&mut self.order);
            self.event(EventKind::Order(self.order.clone()));
        }

        fn is_over(&self) -> bool {
            self.ending.is_over(self.now)
        }
    }

    #[test]
    fn a_filled_order_is_over_with_the_commission_of_its_last_execution() {
        let mut seen = Seen::new(order(), vec![], Duration::ZERO);
        seen.filled("a");
        seen.filled("b");
        seen.state(|order| order.commission = Some(1.into()));
        seen.filled("c");
        assert!(!seen.is_over());
        seen.state(|order| order.status = Status::Filled);
        assert!(!seen.is_over(), "two commissions are missing");
        seen.state(|order| order.commission = Some(2.into()));
        assert!(!seen.is_over(), "one commission is missing");
        seen.state(|order| order.commission = Some(3.into()));
        assert!(seen.is_over());
    }

    #[test]
    fn an_order_filled_before_its_executions_came_is_waited_for() {
        let mut seen = Seen::new(order(), vec![], Duration::ZERO);
        seen.state(|order| order.status = Status::Filled);
        seen.filled("a");
        seen.state(|order| order.commission = Some(1.into()));
        assert!(!seen.is_over(), "20 of 30 shares have no execution yet");
        assert!(seen.ending.is_over(seen.now + LINGER), "but not for ever");
    }

    #[test]
    fn what_the_store_knew_counts_for_a_watch_that_begins_late() {
        let mut end = order();
        end.status = Status::Filled;
        end.commission = Some(2.into());
        let paid = |n| {
            (0..n)
                .map(|n| fill(&n.to_string(), Some(1)))
                .collect::<Vec<_>>()
        };
        assert!(Seen::new(end.clone(), paid(3), Duration::ZERO).is_over());
        let mut fills = paid(2);
        fills.push(fill("last", None));
        let mut seen = Seen::new(end.clone(), fills.clone(), Duration::ZERO);
        assert!(!seen.is_over());
        // An event that the store had already is not counted again.
        seen.order.sequence = 0;
        seen.state(|order| order.commission = Some(3.into()));
        assert!(!seen.is_over());
        seen.state(|order| order.commission = Some(3.into()));
        assert!(seen.is_over());
        assert!(Seen::new(end, fills, LINGER).is_over(), "long ago");
    }

    #[test]
    fn a_clock_that_was_set_back_makes_nobody_wait_longer() {
        let mut end = order();
        end.status = Status::Inactive;
        let wall = Timestamp::from_unix_micros(end.last_update.unix_micros() - 3_600_000_000);
        let detail = OrderDetail {
            order: end,
            fills: vec![],
            legs: vec![],
        };
        let now = Instant::now();
        let ending = WatchCompletion::of(&detail, 1, LINGER, (now, wall));
        assert_eq!(ending.until(), Some(now + LINGER));
    }

    #[test]
    fn other_ends_are_over_at_once_and_an_order_that_comes_back_is_not() {
        for status in Status::ALL {
            let mut seen = Seen::new(order(), vec![], Duration::ZERO);
            seen.state(|order| order.status = *status);
            let expected = status.is_terminal() && !in_grace_period(*status);
            assert_eq!(seen.is_over(), expected, "{status}");
            seen.state(|order| order.status = Status::PreSubmitted);
            assert!(!seen.ending.is_over(seen.now + LINGER * 2), "{status}");
        }
    }
}
