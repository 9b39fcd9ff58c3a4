//! What is looked at each second: exits that outlive their entry, and a position without its stop.

use std::time::Duration;

use rust_decimal::Decimal;

use super::super::super::rows::Stop;
use super::super::Step;
use crate::domain::{OrderState, Pricing, Status};

/// TWS ends the children of an entry that ended unfilled by itself, within this time.
const CHILDREN_END_AFTER: i64 = 2_000_000;
/// So long a position may stand without its stop before that is said: TWS moves the sizes of the exits by itself.
const UNCOVERED_MAX: Duration = Duration::from_secs(5);

impl Step<'_> {
    /// Each second: exits that outlive an entry that never filled are cancelled, and a position without its stop is said.
    pub(in super::super) fn watch_brackets(&mut self) -> Result<(), Stop> {
        let exits = self.ids_where(|entry| {
            entry.order.record.state.parent_order_id.is_some() && !entry.is_over()
        });
        let mut brackets: Vec<i32> = Vec::new();
        for exit in exits {
            self.find(exit)?;
            let bracket_id = self
                .entry(exit)
                .and_then(|entry| entry.order.record.state.bracket_id);
            brackets.extend(bracket_id);
        }
        brackets.extend(self.ids_where(|entry| entry.runtime.holds_family));
        brackets.sort_unstable();
        brackets.dedup();
        // Lookups first.
        for bracket_id in &brackets {
            self.legs_of(*bracket_id)?;
        }
        for bracket_id in brackets {
            self.watch_bracket(bracket_id)?;
        }
        Ok(())
    }

    fn watch_bracket(&mut self, bracket_id: i32) -> Result<(), Stop> {
        let now = self.now;
        let legs = self.legs_of(bracket_id)?;
        let states: Vec<OrderState> = legs
            .iter()
            .filter_map(|leg| self.batch.touched.get(leg))
            .map(|touched| touched.entry.order.record.state.clone())
            .collect();
        let Some(entry) = states.iter().find(|state| state.order_id == bracket_id) else {
            return Ok(());
        };
        let exits: Vec<&OrderState> = states
            .iter()
            .filter(|state| state.order_id != bracket_id)
            .collect();
        let open: Vec<i32> = exits
            .iter()
            .filter(|state| !state.terminal)
            .map(|state| state.order_id)
            .collect();
        // The row that says that it ended can come long before the executions that say what had filled.
        let ended_unfilled = entry.terminal
            && entry.filled.is_zero()
            && !self.is_reconcile_outstanding()
            && entry.status != Status::Inactive
            && entry.last_update.unix_micros() + CHILDREN_END_AFTER <= now.wall_time.unix_micros();
        let exposed = exits.iter().fold(entry.filled.value(), |left, exit| {
            left - exit.filled.value()
        });
        let stop = exits.iter().find(|state| {
            matches!(
                state.terms.pricing,
                Pricing::Stop { .. } | Pricing::StopLimit { .. }
            )
        });
        let covered = stop.map(|state| covered_by(state));
        let uncovered = covered.is_some_and(|covered| exposed > covered);
        let keep = !open.is_empty() || uncovered;
        let Some(live) = self.entry(bracket_id) else {
            return Ok(());
        };
        if !uncovered {
            live.runtime.uncovered_since = None;
        }
        let since = uncovered.then(|| *live.runtime.uncovered_since.get_or_insert(now.monotonic));
        let incomplete = since.is_some_and(|since| since + UNCOVERED_MAX <= now.monotonic);
        let state = &mut live.order.record.state;
        if state.bracket_incomplete != incomplete {
            state.bracket_incomplete = incomplete;
            if incomplete {
                tracing::error!(
                    bracket_id,
                    "more of a bracket's entry has filled than a working stop covers: look at the position"
                );
                self.batch.engine_state.brackets_incomplete += 1;
            }
            self.changed(bracket_id);
        }
        for leg in &legs {
            if let Some(entry) = self.entry(*leg) {
                entry.runtime.holds_family = keep;
            }
        }
        if ended_unfilled {
            for order_id in open {
                let asked = self
                    .entry(order_id)
                    .is_some_and(|entry| entry.order.record.state.cancel_requested);
                if !asked {
                    self.request_cancel(order_id);
                }
            }
        }
        Ok(())
    }
}

/// How much a stop covers: nothing where TWS does not show it as working.
fn covered_by(stop: &OrderState) -> Decimal {
    match stop.status {
        Status::ApiPending
        | Status::PendingSubmit
        | Status::PreSubmitted
        | Status::Submitted
        | Status::PendingCancel => stop.remaining.value(),
        Status::Staged
        | Status::Submitting
        | Status::Unconfirmed
        | Status::Filled
        | Status::Cancelled
        | Status::ApiCancelled
        | Status::Inactive
        | Status::Rejected
        | Status::Unknown => Decimal::ZERO,
    }
}
