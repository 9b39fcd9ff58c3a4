//! Where a stop that trails stands. It moves with the market, so it is no term of the order, and it is shown once a second at most.

use super::follow::shown_trail_stop;
use super::{TrackedOrder, Transition};
use crate::domain::{Amount, OrderReport, Timestamp};

/// The least time between two events that show nothing but a stop that moved.
const SHOWN_EVERY_MICROS: i64 = 1_000_000;

/// What TWS said last of a stop that trails, and when that was shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TrailStop {
    /// Where it stands, while the order's state does not show that yet.
    unshown: Option<Amount>,
    /// When an event showed that it moved.
    shown_at: Option<Timestamp>,
}

impl TrailStop {
    /// Whether there is something to show.
    pub const fn is_unshown(&self) -> bool {
        self.unshown.is_some()
    }

    /// Where the stop stands by TWS's last word, which the state may not show yet.
    pub fn now(&self, shown: Option<Amount>) -> Option<Amount> {
        self.unshown.or(shown)
    }

    fn is_due(&self, now: Timestamp) -> bool {
        self.shown_at.is_none_or(|at| {
            let passed = now.unix_micros().saturating_sub(at.unix_micros());
            // A clock that was put back says nothing about the time that passed.
            !(0..SHOWN_EVERY_MICROS).contains(&passed)
        })
    }
}

/// Takes over what an open order shows of a stop that trails. Says whether the state changed.
pub(super) fn follow(
    order: &mut TrackedOrder,
    report: &OrderReport,
    out: &Transition,
    now: Timestamp,
) -> bool {
    let pricing = order.record.state.terms.pricing;
    if !pricing.trails() {
        order.trail.unshown = None;
        return order.record.state.trail_stop.take().is_some();
    }
    if let OrderReport::OpenOrder(report) = report
        && out.foreign.is_none()
        && out.second_order.is_none()
        && let Some(stop) = shown_trail_stop(pricing, &report.terms)
    {
        order.trail.unshown = (order.record.state.trail_stop != Some(stop)).then_some(stop);
    }
    (out.changed || order.trail.is_due(now)) && take_over(order, now)
}

/// Shows a stop that moved and whose time has come. Says whether the state changed.
pub fn show_trail_stop(order: &mut TrackedOrder, now: Timestamp) -> bool {
    let changed = order.trail.is_due(now) && take_over(order, now);
    if changed {
        order.record.state.last_update = now;
    }
    changed
}

fn take_over(order: &mut TrackedOrder, now: Timestamp) -> bool {
    let Some(stop) = order.trail.unshown.take() else {
        return false;
    };
    order.record.state.trail_stop = Some(stop);
    order.trail.shown_at = Some(now);
    true
}
