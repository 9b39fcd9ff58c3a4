//! What errors and warnings of TWS do to an order.

use super::codes::{CANCEL_NOT_FOUND, NO_SUCH_ORDER};
use super::{CodeKind, Step, code_kind};
use crate::domain::{ErrorReport, Status};

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
                if self.is_harmless_so_far() {
                    self.note(*code, text);
                }
            }
            CodeKind::CancelConfirmed => {
                if status.may_work() {
                    self.out.evidence = true;
                    self.out.traced = true;
                    self.set_status(Status::Cancelled);
                }
            }
            CodeKind::CancelVerdict => self.cancel_verdict(*code, text),
            CodeKind::ModifyOnly => self.modify_refused(*code, text),
            CodeKind::EndsNew { also_working } => {
                self.ends_new(*code, text, also_working);
            }
            CodeKind::Unlisted => {
                if status.may_work() {
                    self.out.evidence = true;
                    self.note(*code, text);
                }
            }
        }
        self.settle();
    }

    fn cancel_verdict(&mut self, code: i32, text: &str) {
        let status = self.order.record.state.status;
        // TWS drops a staged order's cancel silently or says that it does not know it: either way it will not trade.
        if status == Status::Staged && code == CANCEL_NOT_FOUND {
            self.out.traced = true;
            self.note(code, text);
            self.set_status(Status::Cancelled);
            return;
        }
        if status.may_work() {
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
        self.out.evidence = true;
        self.note(code, text);
    }

    fn ends_new(&mut self, code: i32, text: &str, also_working: bool) {
        match self.order.record.state.status {
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::Inactive
            | Status::Unknown => self.reject(code, text),
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
                if also_working && !self.order.record.state.cancel_requested {
                    self.reject(code, text);
                }
            }
            Status::Filled | Status::Rejected => {}
        }
    }

    fn reject(&mut self, code: i32, text: &str) {
        self.out.evidence = true;
        self.out.traced = true;
        self.note(code, text);
        self.set_status(Status::Rejected);
    }
}
