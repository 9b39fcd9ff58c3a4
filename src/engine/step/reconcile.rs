//! Asking TWS what it holds.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::batch::Effect;
use super::super::engine_state::Reconcile;
use super::super::live_order::Cancelling;
use super::super::rows::Stop;
use super::Step;
use super::judge::has_unexplained_fill;
use crate::domain::{CompletedReport, LinkState, OrderReport, Timestamp};
use crate::tws::{Answer, Answers, TwsCommand};

/// First delay after a reconcile that failed; doubles up to the longest.
const RETRY_DELAY_MIN: Duration = Duration::from_secs(1);
/// Longest delay after a reconcile that failed.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);
/// There are TWSs that send every row of an answer and never its end mark. Asked so often, what came within the limit counts as all.
const ENDLESS_TIMES: u32 = 2;
/// TWS answers for no more days than these.
pub(super) const DAYS_BACK_MAX: u32 = 7;
/// Midnight is every half hour somewhere, and which clock TWS keeps is not known.
const MIDNIGHTS_MICROS: i64 = 30 * 60 * 1_000_000;
pub(super) const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;

impl Step<'_> {
    /// A reconcile is due after a delay; one at a time.
    pub(super) fn reconcile_after(&mut self, delay: Duration) {
        let at = self.now.monotonic + delay;
        let reconcile = &mut self.batch.engine_state.reconcile;
        reconcile.due = Some(reconcile.due.map_or(at, |due| due.min(at)));
        self.begin_due_reconcile();
    }

    /// TWS was heard. While a reconcile is to find out what was missed, that does not count: it has to reach back to before the gap,
    /// however often it fails.
    pub(super) fn mark_synced(&mut self) {
        let missing = self.is_reconcile_outstanding();
        let engine_state = &mut self.batch.engine_state;
        if !missing
            && engine_state
                .session
                .as_ref()
                .is_some_and(|session| session.ib_connected)
        {
            engine_state.synced_until = Some(self.now.wall_time);
        }
    }

    /// Whether TWS is being asked for what was missed, or is to be.
    pub(super) fn is_reconcile_outstanding(&self) -> bool {
        let Reconcile {
            running,
            due,
            announce,
            ..
        } = &self.batch.engine_state.reconcile;
        running.is_some() || due.is_some() || *announce
    }

    pub(super) fn begin_due_reconcile(&mut self) {
        let now = self.now;
        let engine_state = &mut self.batch.engine_state;
        let Some(session) = engine_state
            .session
            .as_ref()
            .filter(|session| session.refused.is_none())
            .map(|session| session.info.session)
        else {
            return;
        };
        let reconcile = &mut engine_state.reconcile;
        if reconcile.running.is_some() || reconcile.due.is_none_or(|due| due > now.monotonic) {
            return;
        }
        reconcile.due = None;
        reconcile.running = Some(now.monotonic);
        reconcile.round += 1;
        let token = reconcile.round;
        engine_state.unmatched_completed = Arc::default();
        engine_state.foreign_perm_ids = Arc::default();
        let days_back = days_back(engine_state.synced_until, now.wall_time);
        engine_state.reconcile.days_back = days_back;
        self.effect(Effect::Command(TwsCommand::Reconcile {
            session,
            token,
            days_back,
        }));
    }

    /// A reconcile ended.
    pub(super) fn reconciled(
        &mut self,
        session: u64,
        token: u64,
        answers: &Answers,
    ) -> Result<(), Stop> {
        let engine_state = &self.batch.engine_state;
        let current = engine_state
            .session
            .as_ref()
            .is_some_and(|current| current.info.session == session);
        if !current
            || engine_state.reconcile.running.is_none()
            || engine_state.reconcile.round != token
        {
            return Ok(());
        }
        match insufficient(answers) {
            Some(reason) => self.reconcile_failed(&reason),
            None => self.finish_reconcile(session, token)?,
        }
        self.ask_account();
        self.begin_due_reconcile();
        Ok(())
    }

    pub(super) fn reconcile_failed(&mut self, reason: &str) {
        tracing::warn!(%reason, "a reconcile with TWS failed");
        let now = self.now.monotonic;
        let reconcile = &mut self.batch.engine_state.reconcile;
        reconcile.running = None;
        let delay = RETRY_DELAY_MIN
            .saturating_mul(1 << reconcile.failures.min(10))
            .min(RETRY_DELAY_MAX);
        reconcile.failures += 1;
        reconcile.failing = Some(reason.into());
        reconcile.failed += 1;
        reconcile.due = Some(
            reconcile
                .due
                .map_or(now + delay, |due| due.max(now + delay)),
        );
    }

    /// Everything TWS has was seen: what it did not show is not there.
    fn finish_reconcile(&mut self, session: u64, round: u64) -> Result<(), Stop> {
        // Lookups first.
        let rows = Arc::clone(&self.batch.engine_state.unmatched_completed);
        let mut matched = Vec::new();
        let mut by_ref: BTreeMap<i32, Vec<&CompletedReport>> = BTreeMap::new();
        for row in rows.iter() {
            let by_perm_id = match row.perm_id {
                Some(perm_id) => self.find_perm_id(perm_id)?,
                None => None,
            };
            match by_perm_id {
                Some(order_id) => matched.push((order_id, row)),
                None => {
                    if let Some(order_id) = self.match_by_ref(row)? {
                        by_ref.entry(order_id).or_default().push(row);
                    }
                }
            }
        }
        for (order_id, rows) in by_ref {
            // Several orders in TWS under the reference of one of ours: which of them it is nobody can tell.
            if rows.iter().all(|row| row.perm_id == rows[0].perm_id) {
                matched.extend(rows.into_iter().map(|row| (order_id, row)));
            }
        }
        self.cancel_doubtful_brackets()?;
        let concerned = self.ids_where(|entry| {
            let record = &entry.order.record;
            !record.state.terminal
                || !record.other_working.is_empty()
                || has_unexplained_fill(entry)
                || matches!(entry.runtime.cancel, Cancelling::Verdict { .. })
        });
        for order_id in &concerned {
            let unjudged = self
                .core
                .cache
                .get(*order_id)
                .is_some_and(|entry| self.is_absent_from_broker(entry, session, round));
            if !unjudged {
                self.find(*order_id)?;
                self.load_bracket(*order_id)?;
            }
        }

        for (order_id, _) in &matched {
            self.load_bracket(*order_id)?;
        }
        for (order_id, row) in matched {
            self.apply(order_id, &OrderReport::Completed(row.clone()));
            self.bracket_changed(order_id)?;
        }
        for order_id in concerned {
            self.judge(order_id, session, round);
            self.judge_replace(order_id, round);
        }
        self.unknown_reconciled(round);
        let now = self.now;
        let engine_state = &mut self.batch.engine_state;
        engine_state.unmatched_completed = Arc::default();
        engine_state.foreign_perm_ids = Arc::default();
        if let Some(begun) = engine_state.reconcile.running.take() {
            let (ended, _) = engine_state.reconcile.ended;
            engine_state.reconcile.ended = (ended + 1, now.monotonic.saturating_sub(begun));
        }
        engine_state.reconcile.failures = 0;
        engine_state.reconcile.failing = None;
        if std::mem::take(&mut engine_state.reconcile.announce) {
            self.link(
                LinkState::Reconciled,
                "what happened meanwhile has been asked for and shown".to_owned(),
            );
        }
        self.mark_synced();
        // Who waits for TWS to show an order has seen all that it shows.
        if self.core.parked().next().is_some() && self.batch.unparked.insert(None) {
            self.effect(Effect::UnparkAll);
        }
        Ok(())
    }
}

/// Why nothing may be concluded from the answers of a reconcile.
fn insufficient(answers: &Answers) -> Option<String> {
    let Answers {
        open_orders,
        completed_orders,
        executions,
    } = answers;
    [
        ("open orders", open_orders),
        ("completed orders", completed_orders),
        ("executions", executions),
    ]
    .into_iter()
    .find_map(|(name, answer)| match answer {
        Answer::Whole => None,
        Answer::Partial { times } if *times >= ENDLESS_TIMES => None,
        Answer::Partial { times: _ } => Some(format!("{name}: not answered to the end in time")),
        Answer::None { reason } => Some(format!("{name}: {reason}")),
    })
}

/// How many days of executions to ask for beyond today's, so that nothing since then is missed.
fn days_back(synced_until: Option<Timestamp>, now: Timestamp) -> u32 {
    let Some(last) = synced_until else {
        return 1;
    };
    let (last, now) = (last.unix_micros(), now.unix_micros());
    if last <= now && last.div_euclid(MIDNIGHTS_MICROS) == now.div_euclid(MIDNIGHTS_MICROS) {
        return 0;
    }
    let days = 1 + (now - last).max(0) / DAY_MICROS;
    u32::try_from(days)
        .unwrap_or(DAYS_BACK_MAX)
        .min(DAYS_BACK_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executions_are_asked_for_as_far_back_as_the_gap_may_span_a_midnight() {
        let at = |minutes: i64| Timestamp::from_unix_micros(minutes * 60_000_000);
        assert_eq!(days_back(Some(at(61)), at(62)), 0);
        assert_eq!(days_back(Some(at(59)), at(61)), 1);
        assert_eq!(days_back(Some(at(0)), at(60 * 23)), 1);
        assert_eq!(days_back(Some(at(0)), at(60 * 25)), 2);
        assert_eq!(days_back(Some(at(0)), at(60 * 24 * 400)), 7);
        // A clock that went back says nothing about the gap.
        assert_eq!(days_back(Some(at(120)), at(10)), 1);
        assert_eq!(days_back(None, at(10)), 1);
    }
}
