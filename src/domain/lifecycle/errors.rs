//! What errors and warnings of TWS do to an order.

use super::codes::{CANCEL_NOT_FOUND, HELD, NO_SUCH_ORDER, ORDER_CANCELLED};
use super::{CodeKind, Step, code_kind};
use crate::domain::{ErrorReport, Status};

/// What whyHeld says of an order that waits for shares to be borrowed.
const LOCATE: &str = "locate";

impl Step<'_> {
    pub(super) fn error(&mut self, report: &ErrorReport) {
        let ErrorReport {
            order_id: _,
            code,
            text,
        } = report;
        let status = self.order.record.state.status;
        match code_kind(*code, text) {
            CodeKind::Warning => {
                if *code == HELD {
                    self.held();
                }
                if self.is_harmless_so_far() {
                    self.note(*code, text);
                }
            }
            CodeKind::CancelConfirmed => {
                if status.may_work() {
                    self.out.acknowledged_by_broker = true;
                    self.out.seen_at_broker = true;
                    self.set_status(Status::Cancelled);
                }
                self.cancelled_for(text);
            }
            CodeKind::CancelVerdict => self.cancel_verdict(*code, text),
            CodeKind::ModifyOnly => self.modify_refused(*code, text),
            CodeKind::EndsNew { also_working } => {
                self.ends_new(*code, text, also_working);
            }
            CodeKind::Unlisted => {
                if status.may_work() {
                    // Of an order that TWS never acknowledged the reconcile says whether it was a refusal: who waits for it waits for that.
                    let acknowledged = self.order.record.acknowledged;
                    self.out.acknowledged_by_broker = acknowledged;
                    self.out.refused_unlisted = !acknowledged;
                    self.note(*code, text);
                }
            }
        }
        self.settle();
    }

    /// 404: the order waits until shares to sell short have been found. Not the end, whatever word the status has.
    fn held(&mut self) {
        let state = &mut self.order.record.state;
        if state.status.may_work() && state.why_held.is_none() {
            state.why_held = Some(LOCATE.to_owned());
            self.out.changed = true;
        }
    }

    /// 202 that nobody here asked for says why IB cancelled an order.
    fn cancelled_for(&mut self, text: &str) {
        let state = &self.order.record.state;
        let reason = text.split_once("reason:").map_or("", |(_, reason)| reason);
        if !state.cancel_requested
            && !reason.trim().is_empty()
            && matches!(state.status, Status::Cancelled | Status::ApiCancelled)
            && self.is_harmless_so_far()
        {
            self.note(ORDER_CANCELLED, text);
        }
    }

    fn cancel_verdict(&mut self, code: i32, text: &str) {
        let status = self.order.record.state.status;
        // TWS drops a staged order's cancel silently or says that it does not know it: either way it will not trade.
        if status == Status::Staged && code == CANCEL_NOT_FOUND {
            self.out.seen_at_broker = true;
            self.note(code, &format!("TWS no longer has it: {text}"));
            self.set_status(Status::Cancelled);
            return;
        }
        if status.may_work() {
            // A held order shows nothing else of the cancel that failed.
            if self.order.record.state.why_held.is_some() {
                self.note(code, text);
            }
            self.out.cancel_verdict = Some((code, text.to_owned()));
        }
    }

    /// The one modify this gateway makes is the transmit of a staged order: refused, the order stays staged.
    fn modify_refused(&mut self, code: i32, text: &str) {
        let record = &mut self.order.record;
        if record.state.status == Status::Filled || record.state.status == Status::Rejected {
            return;
        }
        if record.state.status == Status::Submitting && record.acknowledged {
            record.state.transmit = false;
            self.set_status(Status::Staged);
        }
        self.out.acknowledged_by_broker = true;
        self.note(code, text);
    }

    fn ends_new(&mut self, code: i32, text: &str, also_working: bool) {
        let record = &self.order.record;
        match record.state.status {
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::Unknown => self.reject(code, text),
            Status::Inactive => {
                if also_working || record.state.why_held.is_none() {
                    self.reject(code, text);
                } else {
                    self.note(code, text);
                }
            }
            Status::PreSubmitted | Status::Submitted | Status::PendingCancel => {
                if also_working {
                    self.reject(code, text);
                } else {
                    // It concerns a later request about the order (a modify, a cancel), not the order itself.
                    self.note(code, text);
                    if code == NO_SUCH_ORDER && self.order.record.state.cancel_requested {
                        self.out.cancel_verdict = Some((code, text.to_owned()));
                    }
                }
            }
            // A refusal shows as Cancelled as well; what the caller cancelled stays cancelled.
            Status::Cancelled | Status::ApiCancelled => {
                if also_working && !record.state.cancel_requested {
                    self.reject(code, text);
                }
            }
            Status::Filled | Status::Rejected => {}
        }
    }

    /// TWS refused the order. One that has worked was cancelled, for a reason: it is not as if it had never been.
    fn reject(&mut self, code: i32, text: &str) {
        self.out.acknowledged_by_broker = true;
        self.out.seen_at_broker = true;
        self.note(code, text);
        self.set_status(if self.order.record.worked {
            Status::Cancelled
        } else {
            Status::Rejected
        });
    }
}
