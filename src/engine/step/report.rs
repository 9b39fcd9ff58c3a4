//! What TWS says about an order.

use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use super::super::batch::Row;
use super::super::live_order::{Cancelling, Submission};
use super::super::rows::Stop;
use super::Step;
use crate::domain::lifecycle::{self, ExecutionChange, Ownership, Transition};
use crate::domain::{Amount, CommissionReport, CompletedReport, OrderReport, Origin, Status};

/// Commissions kept whose execution has not come.
const EARLY_COMMISSIONS_MAX: usize = 1_024;
/// How long TWS is given to say the rest before it is asked: what seems to be new after an end mostly was said before it and came late, and
/// after the executions mostly comes the word.
const UNDECIDED_DELAY: Duration = Duration::from_secs(1);
/// The ids that an order of an API client can have: manual orders have others, and requests begin after them.
pub(super) const ORDER_IDS: std::ops::Range<i32> = 1..1_500_000_000;
/// Rows of the completed-orders query kept until the executions have come.
const UNMATCHED_MAX: usize = 10_000;

impl Step<'_> {
    /// Finds the order and applies the report. What belongs to other clients, to manual orders or to nobody changes nothing.
    pub(super) fn report(&mut self, report: &OrderReport) -> Result<(), Stop> {
        let ours = self.core.settings.client_id;
        if let OrderReport::Error(error) = report
            && self.preview_refused(error)
        {
            return Ok(());
        }
        self.adopt_preview(report);
        let order_id = match report {
            OrderReport::OpenOrder(row) => {
                let names = Names {
                    order_id: row.order_id,
                    perm_id: row.perm_id,
                    order_ref: row.order_ref.as_deref(),
                };
                self.named(row.client_id == ours, &names, report)?
            }
            OrderReport::Status(row) => {
                let names = Names {
                    order_id: row.order_id,
                    perm_id: row.perm_id,
                    order_ref: None,
                };
                self.named(row.client_id == ours, &names, report)?
            }
            OrderReport::Execution(row) => {
                let names = Names {
                    order_id: row.order_id,
                    perm_id: row.perm_id,
                    order_ref: row.order_ref.as_deref(),
                };
                self.named(row.client_id == ours, &names, report)?
            }
            OrderReport::Error(row) => self.by_order_id(row.order_id)?,
            OrderReport::Commission(report) => {
                let Some(order_id) = self.find_execution(&report.exec_id)? else {
                    self.keep_commission(report);
                    return Ok(());
                };
                Some(order_id)
            }
            OrderReport::Completed(report) => return self.completed(report),
        };
        match order_id {
            Some(order_id) => {
                self.load_bracket(order_id)?;
                self.apply(order_id, report);
                self.bracket_changed(order_id)?;
            }
            None => {
                self.note_other(report);
                self.report_unknown(report);
            }
        }
        Ok(())
    }

    /// The order of ours that a report names: by its permanent id, else by its order id, else (an execution can come without either) by an
    /// orderRef that only one order has. Whether the report fits it, `lifecycle::apply` says.
    fn named(
        &mut self,
        client_is_ours: bool,
        names: &Names<'_>,
        report: &OrderReport,
    ) -> Result<Option<i32>, Stop> {
        if !client_is_ours {
            return Ok(None);
        }
        let in_memory = names.perm_id.and_then(|perm_id| {
            let in_batch = self.batch.by_perm_id.get(&perm_id).copied();
            in_batch.or_else(|| self.core.cache.of_perm_id(perm_id))
        });
        if let Some(order_id) = in_memory
            && self.find(order_id)?
        {
            return Ok(Some(order_id));
        }
        if let Some(order_id) = self.by_order_id(names.order_id)? {
            return Ok(Some(order_id));
        }
        if let Some(perm_id) = names.perm_id
            && let Some(order_id) = self.find_perm_id(perm_id)?
        {
            return Ok(Some(order_id));
        }
        if !ORDER_IDS.contains(&names.order_id)
            && let Some(order_ref) = names.order_ref
        {
            let mut fitting = self.find_order_ref(order_ref)?;
            fitting.retain(|order_id| {
                self.batch.touched.get(order_id).is_some_and(|touched| {
                    let order = &touched.entry.order;
                    order.record.state.perm_id.is_none()
                        && lifecycle::ownership(order, report) == Ownership::Ours
                })
            });
            if let [only] = fitting[..] {
                return Ok(Some(only));
            }
        }
        Ok(None)
    }

    fn by_order_id(&mut self, order_id: i32) -> Result<Option<i32>, Stop> {
        Ok((ORDER_IDS.contains(&order_id) && self.find(order_id)?).then_some(order_id))
    }

    /// Applies a report to the order it was found to be about.
    pub(super) fn apply(&mut self, order_id: i32, report: &OrderReport) {
        let now = self.now.wall_time;
        let round = self.batch.engine_state.reconcile.round;
        let reconciling = self.batch.engine_state.reconcile.running.is_some();
        self.mark_synced();
        if self.replace_refused(order_id, report) {
            return;
        }
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        // A row of a query may be older than what TWS said live while the query ran.
        let outdated = entry.runtime.ended_round == Some(round) && reconciling;
        let was_terminal = entry.order.record.state.terminal;
        let live = match report {
            OrderReport::OpenOrder(row) if outdated && row.origin == Origin::Snapshot => {
                let mut row = row.clone();
                row.origin = Origin::Live;
                Some(OrderReport::OpenOrder(row))
            }
            OrderReport::Status(row) if outdated && row.origin == Origin::Snapshot => {
                let mut row = row.clone();
                row.origin = Origin::Live;
                Some(OrderReport::Status(row))
            }
            _ => None,
        };
        let transition = lifecycle::apply(&mut entry.order, live.as_ref().unwrap_or(report), now);
        let Transition {
            changed,
            execution,
            acknowledged_by_broker,
            seen_at_broker,
            cancel_verdict,
            revived,
            fully_executed,
            refused_unlisted,
            second_order,
            foreign,
            superseded,
        } = transition;
        if let Some(why) = foreign {
            self.foreign(order_id, why, report);
            return;
        }
        if seen_at_broker {
            entry.runtime.seen_round = round;
            if matches!(report, OrderReport::OpenOrder(_) | OrderReport::Status(_)) {
                entry.runtime.shown_round = round;
            }
        }
        if entry.order.record.state.terminal {
            if !was_terminal && reconciling && origin(report) == Some(Origin::Live) {
                entry.runtime.ended_round = Some(round);
            }
        } else {
            entry.runtime.ended_round = None;
        }
        let state = &entry.order.record.state;
        let cancelled = state.cancel_requested;
        let unknown_size = state.fill_quantity_unknown;
        if let Some(second) = second_order.filter(|second| second.is_new) {
            tracing::error!(
                order_id,
                first = state.perm_id,
                second = second.perm_id,
                "TWS works a second order under this order's id: its fills are kept apart; cancel the order to end both"
            );
        }
        // One cancel ends one of several orders under an id: the rest is cancelled again, after TWS was asked what still works.
        let rest_to_cancel = cancelled
            && !entry.order.record.other_working.is_empty()
            && (second_order.is_some() || entry.order.record.state.terminal);
        if rest_to_cancel {
            entry.runtime.cancel = Cancelling::Idle;
        }
        let verdict = cancel_verdict.is_some();
        if let Some((code, text)) = cancel_verdict {
            entry.runtime.cancel = Cancelling::Verdict {
                code,
                text,
                round: round + 1,
            };
        }
        let perm_id = entry.order.record.state.perm_id;
        if let Some(perm_id) = perm_id
            && self.core.cache.of_perm_id(perm_id) != Some(order_id)
        {
            self.batch.by_perm_id.insert(perm_id, order_id);
        }
        if let Some((revision, terms)) = superseded {
            self.batch.rows.push(Row::Terms {
                order_id,
                revision,
                terms,
            });
        }
        let mut early = None;
        if let Some(change) = execution {
            match &change {
                ExecutionChange::New(fill) | ExecutionChange::Replaced { fill, .. } => {
                    self.batch.by_exec_id.insert(fill.exec_id.clone(), order_id);
                    early = self.early_commission(&fill.exec_id);
                    self.filled(order_id, fill.clone());
                }
                ExecutionChange::CommissionReported(_) => {}
            }
            self.count_execution(order_id, &change);
            self.batch.rows.push(Row::Execution(change));
            self.count(order_id);
        }
        if changed {
            self.changed(order_id);
        }
        if second_order.is_none() {
            self.follow_replace(order_id, report, changed);
        }
        self.settle_with(order_id, acknowledged_by_broker);
        if verdict {
            self.reconcile_after(Duration::ZERO);
        }
        if revived || (changed && (fully_executed || unknown_size)) || refused_unlisted {
            self.reconcile_after(UNDECIDED_DELAY);
        }
        if rest_to_cancel {
            self.reconcile_after(UNDECIDED_DELAY);
        }
        if second_order.is_some_and(|second| second.is_new) {
            self.batch.engine_state.second_orders += 1;
        }
        if let Some(early) = early {
            self.apply(order_id, &OrderReport::Commission(early));
        }
    }

    /// A row of the completed-orders query: found by permanent id; what has none known waits for the executions.
    fn completed(&mut self, row: &CompletedReport) -> Result<(), Stop> {
        let ours = self.core.settings.client_id;
        if row.client_id.is_some_and(|client_id| client_id != ours) {
            return Ok(());
        }
        let by_id = match (row.client_id, row.order_id) {
            (Some(_), Some(order_id)) if order_id > 0 && self.find(order_id)? => Some(order_id),
            _ => None,
        };
        let by_perm_id = match (by_id, row.perm_id) {
            (None, Some(perm_id)) => self.find_perm_id(perm_id)?,
            _ => None,
        };
        if let Some(order_id) = by_id.or(by_perm_id) {
            self.load_bracket(order_id)?;
            self.apply(order_id, &OrderReport::Completed(row.clone()));
            self.bracket_changed(order_id)?;
        } else if self.batch.engine_state.reconcile.running.is_some()
            && self.batch.engine_state.unmatched_completed.len() < UNMATCHED_MAX
        {
            Arc::make_mut(&mut self.batch.engine_state.unmatched_completed).push(row.clone());
        }
        Ok(())
    }

    /// An order of another client, or a manual one: a row of the completed orders does not say so.
    fn note_other(&mut self, report: &OrderReport) {
        let perm_id = match report {
            OrderReport::OpenOrder(report) => report.perm_id,
            OrderReport::Status(report) => report.perm_id,
            OrderReport::Execution(report) => report.perm_id,
            OrderReport::Commission(_) | OrderReport::Completed(_) | OrderReport::Error(_) => None,
        };
        let engine_state = &mut self.batch.engine_state;
        if let Some(perm_id) = perm_id
            && engine_state.reconcile.running.is_some()
            && engine_state.foreign_perm_ids.len() < UNMATCHED_MAX
        {
            Arc::make_mut(&mut engine_state.foreign_perm_ids).insert(perm_id);
        }
    }

    /// The only order that a completed row can mean by its orderRef, if there is just one. The row carries no client id and an orderRef
    /// may be shared, so it must not be somebody else's, and the order must have been sent before the rows were asked for.
    pub(super) fn match_by_ref(&mut self, row: &CompletedReport) -> Result<Option<i32>, Stop> {
        let Some(order_ref) = &row.order_ref else {
            return Ok(None);
        };
        let foreign_perm_ids = &self.batch.engine_state.foreign_perm_ids;
        if row
            .perm_id
            .is_some_and(|perm_id| foreign_perm_ids.contains(&perm_id))
        {
            return Ok(None);
        }
        let round = self.batch.engine_state.reconcile.round;
        let size = [row.unfilled, row.filled];
        let size: Decimal = size.into_iter().flatten().map(Amount::value).sum();
        let report = OrderReport::Completed(row.clone());
        let candidates = self.find_order_ref(order_ref)?;
        let mut fitting = candidates.into_iter().filter(|order_id| {
            self.batch.touched.get(order_id).is_some_and(|touched| {
                let state = &touched.entry.order.record.state;
                let fits = matches!(
                    lifecycle::ownership(&touched.entry.order, &report),
                    Ownership::Ours
                ) && (state.perm_id.is_none() || state.perm_id == row.perm_id);
                let sent_before = match touched.entry.runtime.submission {
                    Submission::Queued => false,
                    Submission::InFlight { round: begun, .. } => begun < round,
                    Submission::Unknown => true,
                };
                fits && sent_before
                    && size <= state.terms.quantity.value()
                    && row.contract.symbol.as_deref() == Some(state.terms.symbol())
                    && state.status != Status::Staged
            })
        });
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(Some(only)),
            _ => Ok(None),
        }
    }

    /// A report that names an order of ours and shows another one: counted and logged, once an order aloud.
    fn foreign(&mut self, order_id: i32, why: &'static str, report: &OrderReport) {
        self.batch.engine_state.foreign_reports += 1;
        let is_first = self
            .entry(order_id)
            .is_some_and(|entry| !std::mem::replace(&mut entry.runtime.foreign_seen, true));
        if is_first {
            tracing::warn!(
                order_id,
                why,
                "TWS shows another order under this order's number: it is not taken for ours"
            );
            // Open orders show whether it is a second one of ours.
            self.reconcile_after(UNDECIDED_DELAY);
        }
        self.note_other(report);
    }

    fn keep_commission(&mut self, report: &CommissionReport) {
        let kept = &mut self.batch.engine_state.early_commissions;
        if kept.get(&report.exec_id) == Some(report) {
            return;
        }
        let kept = Arc::make_mut(kept);
        if kept.len() >= EARLY_COMMISSIONS_MAX {
            // Execution ids begin with their time: the first is the oldest.
            kept.pop_first();
        }
        kept.insert(report.exec_id.clone(), report.clone());
    }

    fn early_commission(&mut self, exec_id: &str) -> Option<CommissionReport> {
        if !self
            .batch
            .engine_state
            .early_commissions
            .contains_key(exec_id)
        {
            return None;
        }
        Arc::make_mut(&mut self.batch.engine_state.early_commissions).remove(exec_id)
    }
}

/// The names that a report gives its order.
struct Names<'a> {
    order_id: i32,
    perm_id: Option<i64>,
    order_ref: Option<&'a str>,
}

fn origin(report: &OrderReport) -> Option<Origin> {
    match report {
        OrderReport::OpenOrder(report) => Some(report.origin),
        OrderReport::Status(report) => Some(report.origin),
        OrderReport::Execution(report) => Some(report.origin),
        OrderReport::Commission(report) => Some(report.origin),
        OrderReport::Completed(_) => Some(Origin::Snapshot),
        OrderReport::Error(_) => Some(Origin::Live),
    }
}
