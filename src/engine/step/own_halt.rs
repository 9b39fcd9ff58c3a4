//! Halts that the gateway puts in force by itself: because TWS rejects one order after the other, or because too much was lost.

use std::sync::Arc;

use serde_json::json;

use super::super::batch::{Effect, Row};
use super::super::halts::HaltChange;
use super::Step;
use crate::domain::limits::{Rule, Scope, ScopeRef, TwsVerdict};
use crate::domain::{
    AuditKind, Halt, Instruction, InstructionKind, InstructionOutcome, InstructionState, LinkState,
};

impl Step<'_> {
    /// Counts what TWS made of an order, once, and halts where it has rejected too many in a row.
    pub(super) fn count_verdict(&mut self, order_id: i32) {
        let Some(touched) = self.batch.touched.get_mut(&order_id) else {
            return;
        };
        let record = &touched.entry.order.record;
        let verdict = record.tws_verdict();
        // A bracket is told by its entry: its exits share its fate.
        if verdict.is_none()
            || verdict == touched.entry.runtime.verdict
            || record.state.parent_order_id.is_some()
        {
            return;
        }
        touched.entry.runtime.verdict = verdict;
        let Some(verdict) = verdict else { return };
        let account: Arc<str> = record.state.account.as_str().into();
        let caller = touched.entry.caller_key();
        let counted = Arc::make_mut(&mut self.batch.engine_state.rejections);
        counted.count(&caller, &account, verdict);
        if verdict == TwsVerdict::Rejected {
            self.too_many_rejections(&caller, &account);
        }
    }

    fn too_many_rejections(&mut self, caller: &Arc<str>, account: &Arc<str>) {
        let limits = Arc::clone(&self.batch.engine_state.limits);
        let counted = Arc::clone(&self.batch.engine_state.rejections);
        for (scope, table) in limits.matching(account, caller) {
            let (count, halted_caller, halted_account) = match scope {
                ScopeRef::Default => (counted.of_all(), None, None),
                ScopeRef::Account(_) => (
                    counted.of(caller, account),
                    Some(caller.to_string()),
                    Some(account.to_string()),
                ),
                // The rule does not stand in a caller's table.
                ScopeRef::Caller(_) => continue,
            };
            let of = Scope::from(scope);
            if table.warn.max_consecutive_rejections == Some(count) {
                tracing::warn!(%caller, %account, count, table = %of, "TWS rejects one order after the other");
            }
            let Some(max) = table.refuse.max_consecutive_rejections else {
                continue;
            };
            if count < max {
                continue;
            }
            self.batch.engine_state.rules_broken[Rule::MaxConsecutiveRejections as usize] += 1;
            self.put_halt(Halt {
                reason: format!(
                    "TWS rejected {count} orders in a row, and max_consecutive_rejections of [{of}] is {max}"
                ),
                caller: halted_caller,
                account: halted_account,
                halted_by: None,
                since: self.now.wall_time,
            });
        }
    }

    /// Puts a halt in force that nobody asked for, unless the same is.
    fn put_halt(&mut self, halt: Halt) {
        let halts = &self.batch.engine_state.halts;
        let same = |known: &Halt| known.caller == halt.caller && known.account == halt.account;
        if halts.iter().any(same) {
            return;
        }
        tracing::error!(reason = %halt.reason, caller = ?halt.caller, account = ?halt.account, "new orders are halted");
        let change = HaltChange::Add(halt.clone());
        let halts = Arc::new(change.applied(halts));
        self.batch.engine_state.halts = Arc::clone(&halts);
        self.batch.rows.push(Row::Halts(halts));
        self.store_halt(InstructionKind::Halt, None);
        self.audit(AuditKind::Halt, None, json!(halt));
        self.link(
            LinkState::Halted,
            format!("new orders are halted: {}", halt.reason),
        );
        self.effect(Effect::HoldBack);
    }

    /// Stores that halts were changed.
    pub(super) fn store_halt(&mut self, kind: InstructionKind, caller: Option<String>) {
        self.batch.engine_state.instruction += 1;
        let now = self.now.wall_time;
        let number = self.batch.engine_state.instruction;
        let done = InstructionOutcome::new(InstructionState::Accepted, now);
        self.batch.rows.push(Row::Instruction(Box::new(Instruction {
            caller,
            ..Instruction::new(number, kind, now).with(done)
        })));
    }
}
