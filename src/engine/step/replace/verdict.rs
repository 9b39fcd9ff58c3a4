//! What became of a replacement: decided, withdrawn, refused by TWS.

use std::time::Duration;

use super::super::super::batch::Effect;
use super::super::super::live_order::ReplacePhase;
use super::super::Step;
use crate::domain::lifecycle::{self, CodeKind, code_kind};
use crate::domain::{InstructionOutcome, InstructionState, OrderReport, ReplacementStatus};

impl Step<'_> {
    /// What became of an order's replacement. Those who wait for it are answered.
    pub(in super::super) fn decide_replace(
        &mut self,
        order_id: i32,
        status: ReplacementStatus,
        code: Option<i32>,
        error: Option<String>,
    ) {
        let now = self.now;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return;
        };
        let instruction = replacing.instruction;
        let (state, keep) = match status {
            ReplacementStatus::Pending => return,
            ReplacementStatus::Accepted => {
                replacing.phase = ReplacePhase::Accepted {
                    at: now.monotonic,
                    taken_back: false,
                };
                (InstructionState::Accepted, true)
            }
            ReplacementStatus::Refused => (InstructionState::Refused, false),
            ReplacementStatus::Unconfirmed => {
                replacing.phase = ReplacePhase::Unconfirmed;
                (InstructionState::Unconfirmed, true)
            }
        };
        if !keep || entry.order.record.state.terminal {
            entry.runtime.replace = None;
        }
        let Some(last) = &mut entry.order.record.state.replacement else {
            return;
        };
        last.status = status;
        last.error_code = code;
        last.error.clone_from(&error);
        entry.order.record.state.last_update = now.wall_time;
        let outcome = InstructionOutcome::new(state, now.wall_time).because(code, error);
        self.became(instruction, outcome);
        self.changed(order_id);
        self.settle_replaces(order_id);
    }

    /// A replacement that has not left is not sent any more.
    pub(in super::super) fn withdraw_replace(&mut self, order_id: i32, reason: &str) {
        let queued = self.entry(order_id).is_some_and(|entry| {
            let replacing = entry.runtime.replace.as_ref();
            replacing.is_some_and(|replacing| replacing.phase == ReplacePhase::Queued)
        });
        if queued {
            self.effect(Effect::Unqueue(order_id));
            let error = format!("not sent: {reason}");
            self.decide_replace(order_id, ReplacementStatus::Refused, None, Some(error));
        }
    }

    /// An error of TWS about an order whose replacement is undecided is about the replacement: the order lives as long as its status says so.
    /// Answers whether it was that.
    pub(in super::super) fn replace_refused(
        &mut self,
        order_id: i32,
        report: &OrderReport,
    ) -> bool {
        let OrderReport::Error(error) = report else {
            return false;
        };
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return false;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return false;
        };
        let undecided = match replacing.phase {
            ReplacePhase::Sent { session, .. } => session.is_some(),
            ReplacePhase::Shown { .. } => true,
            ReplacePhase::Queued | ReplacePhase::Accepted { .. } | ReplacePhase::Unconfirmed => {
                false
            }
        };
        let state = &entry.order.record.state;
        let is_about_it = match code_kind(error.code, &error.text) {
            CodeKind::Warning => false,
            CodeKind::CancelVerdict | CodeKind::CancelConfirmed => !state.cancel_requested,
            CodeKind::ModifyOnly | CodeKind::EndsNew { .. } | CodeKind::Unlisted => true,
        };
        if !undecided || !is_about_it || state.terminal {
            return false;
        }
        // A child whose parent has filled is changed without naming it.
        let names_parent = error.code == lifecycle::NO_SUCH_ORDER
            && state.bracket_id.is_some()
            && state
                .parent_order_id
                .is_some_and(|parent| ends_with_number(&error.text, parent));
        if names_parent && !replacing.without_parent {
            replacing.without_parent = true;
            replacing.phase = ReplacePhase::Queued;
            tracing::info!(
                order_id,
                "the parent is gone: the replacement is sent once more without it"
            );
            self.queue_place(order_id, false);
            return true;
        }
        lifecycle::noted(&mut entry.order, error.code, &error.text, now);
        self.mark_synced();
        self.decide_replace(
            order_id,
            ReplacementStatus::Refused,
            Some(error.code),
            Some(error.text.clone()),
        );
        self.reconcile_after(Duration::ZERO);
        true
    }
}

/// Whether a text says this number as its last one.
fn ends_with_number(text: &str, number: i32) -> bool {
    let digits: String = text
        .chars()
        .rev()
        .skip_while(|character| !character.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.chars().rev().eq(number.to_string().chars())
}
