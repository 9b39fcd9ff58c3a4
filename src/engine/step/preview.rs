//! Asking TWS what it would make of an order, with nothing placed.
//!
//! The id is spent as an order's would be, and stored as the highest one used before it is sent. TWS answers with an echo that says of itself that it is a
//! preview, or with an error. Anything else under the id would be a real order: it is stored, cancelled and said aloud.

use std::sync::Arc;
use std::time::Duration;

use super::super::batch::{Effect, Row, Write};
use super::super::engine_state::{PreviewStage, PreviewState};
use super::super::input::{Answer, PendingRequest, PreviewCommand};
use super::super::live_order::{Cancelling, LiveOrder, OrderRuntime, Submission};
use super::Step;
use super::ids::DUPLICATE_ORDER_ID;
use crate::domain::lifecycle::{self, CodeKind, Ownership, TrackedOrder};
use crate::domain::{
    AuditKind, AuditRecord, ErrorReport, Instruction, InstructionKind, OrderIdentity, OrderRecord,
    OrderReport, OrderState, PreviewReport, PreviewVerdict,
};
use crate::error::{Error, Reason};
use crate::tws::Sent;

/// Previews that may be asked for at once after a pause.
const BURST: u32 = 5;
/// Previews that are remembered, so that an order that TWS makes of one is recognised.
const REMEMBERED_MAX: usize = 10_000;
const MINUTE: Duration = Duration::from_secs(60);

impl Step<'_> {
    /// Connected, guards, account, slot, limit, id; then it is queued like an order.
    pub(super) fn preview(&mut self, ask: &PendingRequest, command: &PreviewCommand) {
        if !self.trading(ask, "") {
            return;
        }
        let Some(session) = self.session_for_risk(ask) else {
            return;
        };
        let accounts = &session.info.accounts;
        let account = match command
            .order
            .account_for(accounts, &self.core.settings.limits)
        {
            Ok(account) => account,
            Err(violations) => {
                self.refuse(ask, violations.into());
                return;
            }
        };
        if !self.trading(ask, &account) {
            return;
        }
        if !self.slot_for(ask) || !self.ids_are_known(ask) || !self.take_preview(ask) {
            return;
        }
        let Some(order_id) = self.take_order_id(ask) else {
            return;
        };
        let identity = OrderIdentity {
            order_id,
            client_id: self.core.settings.client_id,
            account,
            request_id: command.request_id.clone(),
        };
        let mut request = command.order.request().clone();
        request.transmit = true;
        let state = OrderState::submitting(identity, &request, self.now.wall_time);
        self.batch.audit.push(AuditRecord {
            at: self.now.wall_time,
            kind: AuditKind::Preview,
            caller: Some(ask.caller.to_string()),
            request_id: None,
            order_id: Some(order_id),
            body: serde_json::json!({ "account": state.account, "order": request }),
        });
        self.batch.rows.push(Row::HighestOrderId(order_id));
        let previews = Arc::make_mut(&mut self.batch.engine_state.previews);
        while previews.len() >= REMEMBERED_MAX {
            previews.pop_first();
        }
        previews.insert(
            order_id,
            PreviewState {
                state,
                waiter: Some(ask.waiter),
                stage: PreviewStage::Queued,
                warning: None,
            },
        );
        self.queue_place(order_id, false);
        self.effect(Effect::Deadline {
            at: ask.deadline,
            waiter: ask.waiter,
            order_id,
        });
    }

    /// Takes one of the previews that IB's pace allows; refuses where there is none.
    fn take_preview(&mut self, ask: &PendingRequest) -> bool {
        let interval = MINUTE / self.core.settings.previews_per_minute.max(1);
        let now = self.now.monotonic;
        let engine_state = &mut self.batch.engine_state;
        let even = engine_state.previews_even_at.max(now);
        let ahead = interval.saturating_mul(BURST - 1);
        let at = even.saturating_sub(ahead);
        if at > now {
            let wait = at.saturating_sub(now);
            let error = Error::new(
                Reason::PreviewLimit,
                format!(
                    "IB asks for no more than about a preview a minute, and the next may go in {} s: nothing was sent; try again then, or set PREVIEWS_PER_MINUTE",
                    wait.as_secs().max(1)
                ),
            )
            .retry_after(wait);
            self.refuse(ask, error);
            return false;
        }
        engine_state.previews_even_at = even + interval;
        true
    }

    /// TWS's echo of a preview.
    pub(super) fn previewed(&mut self, report: &PreviewReport) {
        let Some(preview) = self.preview_mut(report.order_id) else {
            return;
        };
        if report.is_complete() {
            let mut report = report.clone().rounded();
            report.warning_text = report.warning_text.or(preview.warning.take());
            self.answer_preview(report.order_id, PreviewVerdict::Accepted(Box::new(report)));
        } else if let Some(reason) = &report.reject_reason {
            let verdict = PreviewVerdict::Refused {
                code: None,
                text: reason.clone(),
                warning_text: report.warning_text.clone(),
            };
            self.answer_preview(report.order_id, verdict);
        } else if report.warning_text.is_some() {
            // The numbers follow.
            preview.warning.clone_from(&report.warning_text);
        }
    }

    /// Whether an error is about a preview; then it is dealt with.
    pub(super) fn preview_refused(&mut self, error: &ErrorReport) -> bool {
        let ErrorReport {
            order_id,
            code,
            text,
        } = error;
        let doubted = *code == DUPLICATE_ORDER_ID;
        let Some(preview) = self.preview_mut(*order_id) else {
            return false;
        };
        if lifecycle::code_kind(*code, text) == CodeKind::Warning {
            preview.warning = Some(text.clone());
            return true;
        }
        if doubted {
            self.fail_preview(
                *order_id,
                Error::new(
                    Reason::TwsUnavailable,
                    "TWS had seen the preview's id before, and it was not looked at: nothing was placed; try again",
                )
                .tws(*code, text.clone())
                .retry_after(Duration::from_secs(1)),
            );
            return true;
        }
        let verdict = PreviewVerdict::Refused {
            code: Some(*code),
            text: text.clone(),
            warning_text: preview.warning.take(),
        };
        self.answer_preview(*order_id, verdict);
        true
    }

    /// A preview's message left, or did not.
    pub(super) fn preview_sent(&mut self, order_id: i32, outcome: &Sent) {
        let reason = match outcome {
            Sent::Written => return,
            Sent::NotSent { reason } => format!("the preview was not sent: {reason}; try again"),
            Sent::Unknown { reason } => {
                format!("no answer to the preview will come: {reason}; nothing was placed")
            }
        };
        self.fail_preview(
            order_id,
            Error::new(Reason::TwsUnavailable, reason).retry_after(Duration::from_secs(1)),
        );
    }

    /// Previews that wait for their slot are not sent, and of those that were sent no answer comes.
    pub(super) fn drop_previews(&mut self, error: &Error, sent_ones_too: bool) {
        let waiting: Vec<(i32, PreviewStage)> = self
            .batch
            .engine_state
            .previews
            .iter()
            .filter(|(_, preview)| preview.waiter.is_some())
            .filter(|(_, preview)| sent_ones_too || preview.stage == PreviewStage::Queued)
            .map(|(order_id, preview)| (*order_id, preview.stage))
            .collect();
        for (order_id, stage) in waiting {
            if stage == PreviewStage::Queued {
                self.effect(Effect::Unqueue(order_id));
            }
            self.fail_preview(order_id, error.clone());
        }
    }

    /// A caller's time is over; false where it does not wait for a preview.
    pub(super) fn preview_expired(&mut self, waiter: u64, order_id: i32) -> bool {
        let Some(preview) = self.preview_mut(order_id) else {
            return false;
        };
        if preview.waiter != Some(waiter) {
            return true;
        }
        let stage = preview.stage;
        let said = match preview.warning.take() {
            Some(warning) => format!("it only warned: {warning}"),
            None => "nothing was placed".to_owned(),
        };
        if stage == PreviewStage::Queued {
            self.effect(Effect::Unqueue(order_id));
        }
        self.fail_preview(
            order_id,
            Error::new(
                Reason::PreviewTimeout,
                format!(
                    "TWS did not say within the timeout what the order would cost; {said}; try again with more time"
                ),
            ),
        );
        true
    }

    /// An order that TWS made of a preview: it is stored, so that the report finds it, and cancelled. Nothing happens for any other report.
    pub(super) fn adopt_preview(&mut self, report: &OrderReport) {
        let ours = self.core.settings.client_id;
        let (client_id, order_id) = match report {
            OrderReport::OpenOrder(row) => (row.client_id, row.order_id),
            OrderReport::Status(row) => (row.client_id, row.order_id),
            OrderReport::Execution(row) => (row.client_id, row.order_id),
            OrderReport::Completed(row) => match (row.client_id, row.order_id) {
                (Some(client_id), Some(order_id)) => (client_id, order_id),
                _ => return,
            },
            OrderReport::Commission(_) | OrderReport::Error(_) => return,
        };
        if client_id != ours {
            return;
        }
        let Some(preview) = self.batch.engine_state.previews.get(&order_id) else {
            return;
        };
        let record = OrderRecord::new(
            preview.state.clone(),
            self.batch.engine_state.instruction + 1,
        );
        let order = TrackedOrder::new(record);
        if lifecycle::ownership(&order, report) != Ownership::Ours {
            return;
        }
        tracing::error!(
            order_id,
            ?report,
            "TWS made an order of a preview: it is stored and cancelled; look at the positions"
        );
        Arc::make_mut(&mut self.batch.engine_state.previews).remove(&order_id);
        self.batch.engine_state.previews_placed += 1;
        self.batch.engine_state.instruction += 1;
        let placed = order.record.placed();
        self.batch.rows.push(Row::Instruction(Box::new(Instruction {
            state: placed,
            request_id: Some(order.record.state.request_id.clone()),
            order_id: Some(order_id),
            ..Instruction::new(
                order.record.instruction,
                InstructionKind::Place,
                self.now.wall_time,
            )
        })));
        let entry = LiveOrder {
            order,
            runtime: OrderRuntime {
                placed: Some(placed),
                submission: Submission::Unknown,
                ..OrderRuntime::default()
            },
        };
        self.touch(entry, Write::Insert);
        let now = self.now.wall_time;
        if let Some(entry) = self.entry(order_id) {
            lifecycle::cancel_requested(&mut entry.order, now);
            entry.runtime.cancel = Cancelling::Queued;
        }
        self.changed(order_id);
        self.batch.engine_state.queued += 1;
        self.effect(Effect::QueueCancel(order_id));
    }

    fn preview_mut(&mut self, order_id: i32) -> Option<&mut PreviewState> {
        if !self.batch.engine_state.previews.contains_key(&order_id) {
            return None;
        }
        Arc::make_mut(&mut self.batch.engine_state.previews).get_mut(&order_id)
    }

    fn answer_preview(&mut self, order_id: i32, verdict: PreviewVerdict) {
        let answer = self.preview_mut(order_id).and_then(|preview| {
            preview.stage = PreviewStage::Answered;
            let waiter = preview.waiter.take()?;
            Some((waiter, preview.state.clone()))
        });
        if let Some((waiter, state)) = answer {
            self.reply(
                waiter,
                Ok(Answer {
                    preview: Some(verdict),
                    ..Answer::of(state)
                }),
            );
        }
    }

    fn fail_preview(&mut self, order_id: i32, error: Error) {
        let waiter = self.preview_mut(order_id).and_then(|preview| {
            preview.stage = PreviewStage::Answered;
            preview.waiter.take()
        });
        if let Some(waiter) = waiter {
            self.reply(waiter, Err(error));
        }
    }
}
