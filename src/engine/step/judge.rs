//! What follows for an order from a complete reconcile: it was shown, or it is not there.

use std::time::Duration;

use rust_decimal::Decimal;

use super::super::batch::Effect;
use super::super::live_order::{Cancelling, LiveOrder, Submission};
use super::super::rows::Stop;
use super::Step;
use super::reconcile::{DAY_MICROS, DAYS_BACK_MAX};
use crate::domain::{Amount, Day, Status, TimeInForce, Timestamp, Zone, lifecycle};

/// Stocks of any exchange that IB routes to have ended their day when New York's is over.
const EXCHANGE_ZONE: &str = "America/New_York";
/// The regular session ends at 16:00.
const CLOSE_TO_MIDNIGHT_MICROS: i64 = 8 * 60 * 60 * 1_000_000;
const SUNDAY: i64 = 0;
const SATURDAY: i64 = 6;
/// An execution that has not come so long after the status that counts it is asked for.
const EXECUTIONS_DUE_MICROS: i64 = 5_000_000;

impl Step<'_> {
    /// Nothing is to be done about an order after a round, so that no copy of it is needed.
    pub(super) fn is_absent_from_broker(
        &self,
        entry: &LiveOrder,
        session: u64,
        round: u64,
    ) -> bool {
        !self.is_untraced(entry, session, round)
            && !is_executed_and_absent(entry, round)
            && !wants_cancel(entry, session)
            && !has_unexplained_fill(entry)
            && !matches!(entry.runtime.cancel, Cancelling::Verdict { .. })
            && entry.runtime.replace.is_none()
    }

    pub(super) fn judge(&mut self, order_id: i32, session: u64, round: u64) {
        let now = self.now.wall_time;
        let Some(touched) = self.batch.touched.get(&order_id) else {
            return;
        };
        let untraced = self.is_untraced(&touched.entry, session, round);
        let executed = is_executed_and_absent(&touched.entry, round);
        let expired = untraced && self.is_time_over(&touched.entry);
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let answered = match &entry.runtime.cancel {
            Cancelling::Verdict {
                code,
                text,
                round: needed,
            } if *needed <= round => Some((*code, text.clone())),
            Cancelling::Verdict { .. }
            | Cancelling::Idle
            | Cancelling::Queued
            | Cancelling::InFlight { .. } => None,
        };
        // The executions have come: what filled without one has none. One that came meanwhile takes that back.
        if has_unexplained_fill(entry) && lifecycle::executions_complete(&mut entry.order, now) {
            self.changed(order_id);
        }
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if executed && lifecycle::absent_when_executed(&mut entry.order, now) {
            self.changed(order_id);
            self.settle(order_id);
        } else if untraced {
            let not_found = answered
                .as_ref()
                .filter(|(code, _)| *code == lifecycle::CANCEL_NOT_FOUND)
                .map(|(code, text)| (*code, text.as_str()));
            let changed = lifecycle::refused_without_trace(&mut entry.order, now)
                || (expired && lifecycle::absent_after_its_time(&mut entry.order, now))
                || lifecycle::untraced(&mut entry.order, not_found, now);
            if changed {
                self.changed(order_id);
            }
            self.settle(order_id);
            self.exit_untraced(order_id);
        }
        if let Some((code, text)) = &answered {
            self.cancels_refused(order_id, *code, text);
            self.settle_cancels(order_id);
        }
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if wants_cancel(entry, session) {
            entry.runtime.cancel = Cancelling::Queued;
            self.batch.engine_state.queued += 1;
            self.effect(Effect::QueueCancel(order_id));
        }
    }

    /// Whether a complete round should have shown an order and did not.
    fn is_untraced(&self, entry: &LiveOrder, session: u64, round: u64) -> bool {
        let record = &entry.order.record;
        match record.state.status {
            // A query does not show staged orders.
            Status::Staged
            | Status::Filled
            | Status::Cancelled
            | Status::ApiCancelled
            | Status::Rejected => return false,
            Status::Inactive if record.state.terminal => return false,
            // One that is held is alive: the open orders show it.
            Status::Inactive
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Unknown => {}
        }
        if entry.runtime.seen_round >= round || self.is_held_back(entry) {
            return false;
        }
        match entry.runtime.submission {
            Submission::Queued => false,
            Submission::Unknown => true,
            Submission::InFlight {
                session: sent_in,
                at,
                round: begun,
            } => {
                // TWS has answered with an error: nothing else is to be waited for.
                let refused = lifecycle::may_be_refused(&entry.order);
                let answer_due = refused || at + self.silence_of(entry) <= self.now.monotonic;
                // Sent in this very session it may still be on its way, unless TWS has shown it before or had its time.
                sent_in != session
                    || (begun < round && (answer_due || record.state.status != Status::Submitting))
            }
        }
    }

    /// Whether the day of a DAY order is over where it trades, or the end of a GTD order has come, and the executions of all its days were asked
    /// for.
    fn is_time_over(&self, entry: &LiveOrder) -> bool {
        let state = &entry.order.record.state;
        let end = match state.terms.tif {
            TimeInForce::Day => Zone::named(EXCHANGE_ZONE).map(|zone| {
                let released = entry.order.record.released_at.unwrap_or(state.created_at);
                end_of_its_day(&zone, released)
            }),
            TimeInForce::GoodTillDate => state.terms.good_till,
            TimeInForce::GoodTillCancelled
            | TimeInForce::ImmediateOrCancel
            | TimeInForce::FillOrKill
            | TimeInForce::OnOpen => None,
        };
        self.batch.engine_state.reconcile.days_back < DAYS_BACK_MAX
            && end.is_some_and(|end| end <= self.now.wall_time)
    }

    /// Shows stops that moved since they were shown last.
    fn show_trail_stops(&mut self) -> Result<(), Stop> {
        let moved = self.ids_where(|entry| entry.order.trail.is_unshown());
        for order_id in &moved {
            self.find(*order_id)?;
        }
        let now = self.now.wall_time;
        for order_id in moved {
            let shown = self
                .order(order_id)
                .is_some_and(|order| lifecycle::show_trail_stop(order, now));
            if shown {
                self.changed(order_id);
            }
        }
        Ok(())
    }

    /// Looks for what has waited too long.
    pub(super) fn tick(&mut self) -> Result<(), Stop> {
        self.watch_brackets()?;
        self.discards_due()?;
        self.give_up_unjournaled()?;
        self.trust_ids_after_a_while();
        self.show_trail_stops()?;
        self.replaces_due()?;
        let now = self.now.monotonic;
        let limit = self.core.settings.acknowledgement_timeout;
        let Some(session) = self
            .batch
            .engine_state
            .session
            .as_ref()
            .map(|session| session.info.session)
        else {
            return Ok(());
        };
        let silent_cancels = self.ids_where(|entry| {
            matches!(entry.runtime.cancel, Cancelling::InFlight { session: other, at } if other == session && at + limit <= now)
                && !entry.is_over()
        });
        for order_id in &silent_cancels {
            self.find(*order_id)?;
        }
        let unexplained = self.core.cache.entries().any(|(_, entry)| {
            let since = entry.order.record.state.last_update.unix_micros();
            has_unexplained_fill(entry)
                && since + EXECUTIONS_DUE_MICROS <= self.now.wall_time.unix_micros()
        });
        let silent_order = self.core.cache.entries().any(|(_, entry)| {
            entry.order.record.state.status == Status::Submitting
                && !self.is_held_back(entry)
                && matches!(entry.runtime.submission, Submission::InFlight { session: other, at, .. } if other == session && at + self.silence_of(entry) <= now)
        });
        for order_id in &silent_cancels {
            if let Some(entry) = self.entry(*order_id) {
                entry.runtime.cancel = Cancelling::Idle;
            }
        }
        let reconcile = &self.batch.engine_state.reconcile;
        if let Some(since) = reconcile.running {
            if since + self.core.settings.reconcile_timeout <= now {
                self.reconcile_failed("it took too long");
            }
        } else if (silent_order || unexplained || !silent_cancels.is_empty())
            && reconcile.due.is_none()
        {
            self.reconcile_after(Duration::ZERO);
        }
        self.begin_due_reconcile();
        Ok(())
    }
}

/// When a DAY order's day ends that was released then. One that comes after the close, or on a weekend, works on the next weekday; a holiday
/// is not known, and only makes it seem over a day early.
fn end_of_its_day(zone: &Zone, released: Timestamp) -> Timestamp {
    let after_the_close =
        Timestamp::from_unix_micros(released.unix_micros() + CLOSE_TO_MIDNIGHT_MICROS);
    let mut day = zone.day_of(after_the_close);
    // The day that noon of it falls on, counted from 1970-01-01, a Thursday.
    let weekday = |day: Day| {
        ((day.start.unix_micros() + DAY_MICROS / 2).div_euclid(DAY_MICROS) + 4).rem_euclid(7)
    };
    while matches!(weekday(day), SATURDAY | SUNDAY) {
        day = zone.day_of(day.end);
    }
    day.end
}

/// Whether all of an order executed and no open order or status of a complete round showed it, though it was sent before the round began.
fn is_executed_and_absent(entry: &LiveOrder, round: u64) -> bool {
    let sent_before = match entry.runtime.submission {
        Submission::Queued => false,
        Submission::Unknown => true,
        Submission::InFlight { round: begun, .. } => begun < round,
    };
    let order = &entry.order;
    sent_before
        && entry.runtime.shown_round < round
        && order.executions.quantity() >= order.record.state.terms.quantity.value()
}

/// Whether more filled than the executions known show, and no answer about executions has said yet that there are no more.
pub(super) fn has_unexplained_fill(entry: &LiveOrder) -> bool {
    let state = &entry.order.record.state;
    let unexplained = state.filled.value() - entry.order.executions.quantity();
    state.fill_quantity_unknown
        || (unexplained > Decimal::ZERO
            && state.filled_unexplained.map(Amount::value) != Some(unexplained))
}

/// Whether a cancel is to go out: asked for, and neither under way in this session nor answered.
fn wants_cancel(entry: &LiveOrder, session: u64) -> bool {
    let state = &entry.order.record.state;
    state.cancel_requested
        && !entry.is_over()
        && (!state.terminal || !entry.order.record.other_working.is_empty())
        && entry.runtime.submission != Submission::Queued
        && match entry.runtime.cancel {
            Cancelling::Idle => true,
            Cancelling::InFlight { session: other, .. } => other != session,
            Cancelling::Queued | Cancelling::Verdict { .. } => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_order_works_until_the_end_of_the_weekday_that_it_comes_for() {
        let zone = Zone::named(EXCHANGE_ZONE).unwrap();
        let at = |text: &str| Timestamp::parse(text).unwrap();
        for (released, ends) in [
            // A Tuesday: before, in and after the session.
            ("2026-11-24T08:00:00-05:00", "2026-11-25T00:00:00-05:00"),
            ("2026-11-24T15:59:00-05:00", "2026-11-25T00:00:00-05:00"),
            ("2026-11-24T16:00:00-05:00", "2026-11-26T00:00:00-05:00"),
            // Friday after the close, Saturday, Sunday: for Monday.
            ("2026-11-27T17:00:00-05:00", "2026-12-01T00:00:00-05:00"),
            ("2026-11-28T12:00:00-05:00", "2026-12-01T00:00:00-05:00"),
            ("2026-11-29T20:00:00-05:00", "2026-12-01T00:00:00-05:00"),
            // In summer.
            ("2026-07-01T12:00:00-04:00", "2026-07-02T00:00:00-04:00"),
        ] {
            assert_eq!(end_of_its_day(&zone, at(released)), at(ends), "{released}");
        }
    }
}
