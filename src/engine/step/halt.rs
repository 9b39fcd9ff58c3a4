//! Halts: what they stop, and that they are stored.

use std::sync::Arc;

use serde_json::json;

use super::super::batch::{Effect, Row};
use super::super::halts::HaltChange;
use super::super::input::PendingRequest;
use super::super::live_order::Submission;
use super::super::rows::Stop;
use super::Step;
use crate::domain::{AuditKind, Caller, Halt, InstructionKind, LinkState, lifecycle};
use crate::error::{Error, Reason};

impl Step<'_> {
    /// Whether new orders of a caller for an account are taken; refuses the instruction otherwise. The account is empty where it is not
    /// known yet.
    pub(super) fn trading(&mut self, ask: &PendingRequest, account: &str) -> bool {
        if !self.is_audited(ask) {
            return false;
        }
        let stored = &self.batch.engine_state.halts;
        let refusal = self.core.halts.refusal(stored, &ask.caller.key(), account);
        match refusal {
            Some(error) => {
                self.refuse(ask, error);
                false
            }
            None => true,
        }
    }

    /// Whether a new order may be begun: TWS is not about to restart. Refuses it otherwise.
    pub(super) fn not_before_restart(&mut self, ask: &PendingRequest) -> bool {
        let Some(window) = &self.core.settings.restart_window else {
            return true;
        };
        let Some(away) = window.imminent(self.now.wall_time) else {
            return true;
        };
        let error = Error::new(
            Reason::TwsRestarting,
            format!(
                "TWS restarts in {} s as planned (TWS_RESTART_AT) and could lose the order: nothing was sent; try again when it is back",
                away.as_secs()
            ),
        )
        .retry_after(away);
        self.refuse(ask, error);
        false
    }

    /// A halt, or its end. What waits for its slot and is concerned is not sent.
    pub(super) fn halt(
        &mut self,
        change: &HaltChange,
        caller: Option<&Caller>,
        waiter: u64,
    ) -> Result<(), Stop> {
        let halts = change.applied(&self.batch.engine_state.halts);
        self.hold_back(&halts)?;
        let (kind, state, text) = match change {
            HaltChange::Add(halt) => (
                InstructionKind::Halt,
                LinkState::Halted,
                format!("new orders are halted: {}", halt.reason),
            ),
            HaltChange::Lift { .. } if halts.is_empty() => (
                InstructionKind::Resume,
                LinkState::Resumed,
                "new orders are taken again".to_owned(),
            ),
            HaltChange::Lift { .. } => (
                InstructionKind::Resume,
                LinkState::Resumed,
                "a halt was lifted, others are in force".to_owned(),
            ),
        };
        self.batch.engine_state.halts = Arc::new(halts);
        let halts = Arc::clone(&self.batch.engine_state.halts);
        self.batch.rows.push(Row::Halts(halts));
        self.store_halt(kind, caller.and_then(Caller::stored_name));
        if let HaltChange::Lift { caller, account } = change {
            let counted = Arc::make_mut(&mut self.batch.engine_state.rejections);
            counted.forget(caller.as_deref(), account.as_deref());
        }
        let (audited, body) = match change {
            HaltChange::Add(halt) => (AuditKind::Halt, json!(halt)),
            HaltChange::Lift { caller, account } => (
                AuditKind::Resume,
                json!({ "caller": caller, "account": account }),
            ),
        };
        self.audit(audited, caller.map(Caller::to_string), body);
        self.link(state, text);
        self.effect(Effect::HaltStored(waiter, change.clone()));
        Ok(())
    }

    /// The halt file appeared or went.
    pub(super) fn halt_file(&mut self) -> Result<(), Stop> {
        let halts = Arc::clone(&self.batch.engine_state.halts);
        self.hold_back(&halts)?;
        let file = self.core.halts.file.as_deref();
        let (kind, state, text) = match file {
            Some(why) => (
                AuditKind::Halt,
                LinkState::Halted,
                format!("new orders are halted: {why}"),
            ),
            None => (
                AuditKind::Resume,
                LinkState::Resumed,
                "the halt file is gone".to_owned(),
            ),
        };
        self.audit(kind, None, json!({ "file": file.unwrap_or(&text) }));
        self.link(state, text);
        Ok(())
    }

    /// Orders that wait for their slot and whom a halt concerns are not sent: a new one is cancelled, a release is refused.
    pub(super) fn hold_back(&mut self, stored: &[Halt]) -> Result<(), Stop> {
        let core = self.core;
        let held = self.ids_where(|entry| {
            let waits =
                entry.runtime.submission == Submission::Queued || entry.has_queued_replacement();
            waits && core.halts.holds(stored, entry).is_some()
        });
        for order_id in &held {
            self.find(*order_id)?;
        }
        let now = self.now.wall_time;
        let mut brackets: Vec<i32> = Vec::new();
        for order_id in &held {
            self.load_bracket(*order_id)?;
            let of_bracket = self
                .entry(*order_id)
                .and_then(|entry| entry.order.record.state.bracket_id);
            brackets.extend(of_bracket);
        }
        for order_id in held {
            let Some(entry) = self.entry(order_id) else {
                continue;
            };
            let Some(why) = core.halts.holds(stored, entry) else {
                continue;
            };
            if entry.has_queued_replacement() {
                self.effect(Effect::Unqueue(order_id));
                self.withdraw_replace(order_id, &why);
                continue;
            }
            entry.runtime.submission = Submission::Unknown;
            if entry.order.record.acknowledged {
                lifecycle::not_sent(&mut entry.order, &why, now);
                let error = Error::new(
                    Reason::Halted,
                    format!("{why}: the order was not released and is staged as before"),
                );
                self.fail_transmits(order_id, &error);
            } else {
                lifecycle::halted_unsent(&mut entry.order, &why, now);
            }
            self.effect(Effect::Unqueue(order_id));
            self.changed(order_id);
            self.settle(order_id);
        }
        // What of them was sent is cancelled.
        brackets.dedup();
        for bracket_id in brackets {
            self.abort_family(bracket_id, "new orders were halted before it was released")?;
        }
        Ok(())
    }
}
