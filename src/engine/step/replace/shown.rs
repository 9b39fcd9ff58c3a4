//! What TWS shows of an order while its replacement is undecided, or just accepted.

use std::time::Duration;

use super::super::super::batch::Effect;
use super::super::super::live_order::{ReplacePhase, Replacing};
use super::super::Step;
use super::terms::terms_for;
use super::{ECHO_STANDS_AFTER, NOBODY, OLD_TERMS};
use crate::domain::{OpenOrderReport, OrderReport, Origin, ReplacementStatus};

impl Step<'_> {
    /// What a report that was applied to an order says about its replacement.
    pub(in super::super) fn follow_replace(
        &mut self,
        order_id: i32,
        report: &OrderReport,
        changed: bool,
    ) {
        let session = self.current_session();
        if let OrderReport::OpenOrder(_) | OrderReport::Status(_) = report
            && let Some(entry) = self.entry(order_id)
        {
            entry.runtime.shown_in = session;
        }
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = entry.runtime.replace.clone() else {
            return;
        };
        if entry.order.record.state.terminal {
            self.ended_first(order_id, &replacing);
            return;
        }
        if replacing.phase == ReplacePhase::Queued {
            if changed {
                self.check_again(order_id, &replacing);
            }
            return;
        }
        // One whose terms could not be read says nothing about them.
        if let OrderReport::OpenOrder(row) = report
            && row.terms.order_type.is_some()
        {
            self.shown_again(order_id, &replacing, row);
        }
    }

    /// The order ended while its replacement was undecided.
    fn ended_first(&mut self, order_id: i32, replacing: &Replacing) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let shows_new = replacing
            .change
            .is_in(&entry.order.record.state.terms.working());
        let refused = |step: &mut Self, error: &str| {
            let error = Some(error.to_owned());
            step.decide_replace(order_id, ReplacementStatus::Refused, None, error);
        };
        match replacing.phase {
            ReplacePhase::Queued => {
                self.effect(Effect::Unqueue(order_id));
                refused(self, "not sent: the order ended first");
            }
            ReplacePhase::Sent { .. } | ReplacePhase::Shown { .. } if shows_new => {
                self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
            }
            ReplacePhase::Sent { .. } | ReplacePhase::Shown { .. } => {
                refused(self, "the order ended first");
            }
            ReplacePhase::Accepted { taken_back, .. } if taken_back && !shows_new => {
                refused(self, "TWS took the change back, and the order ended");
            }
            ReplacePhase::Unconfirmed if shows_new => {
                self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
            }
            ReplacePhase::Accepted { .. } | ReplacePhase::Unconfirmed => {
                entry.runtime.replace = None;
            }
        }
    }

    /// The order changed while its replacement waits for its slot: it goes out on top of that, or not at all.
    fn check_again(&mut self, order_id: i32, replacing: &Replacing) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let state = &entry.order.record.state;
        match terms_for(state, &replacing.change, None, None) {
            Ok(wanted) => {
                let before = state.terms.working();
                if let Some(replacing) = &mut entry.runtime.replace {
                    replacing.before = before;
                    replacing.wanted = wanted;
                }
                if wanted == before {
                    self.effect(Effect::Unqueue(order_id));
                    self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
                }
            }
            Err(error) => self.withdraw_replace(order_id, &error.message),
        }
    }

    /// TWS shows the order's terms.
    pub(super) fn shown_again(
        &mut self,
        order_id: i32,
        replacing: &Replacing,
        row: &OpenOrderReport,
    ) {
        let now = self.now.monotonic;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let shown = entry.order.record.state.terms.working();
        let is_new = replacing.change.is_in(&shown);
        let is_old = !is_new && shown == replacing.before;
        let asked = row.origin == Origin::Snapshot;
        let accept = |step: &mut Self| {
            step.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
        };
        match replacing.phase {
            ReplacePhase::Queued => {}
            // Old values come from before the write, so do others unless it is known to have been written.
            ReplacePhase::Sent { written, .. } => {
                if !is_new && (is_old || !written) {
                    return;
                }
                if asked {
                    accept(self);
                } else if let Some(replacing) = &mut entry.runtime.replace {
                    replacing.phase = ReplacePhase::Shown {
                        at: now,
                        taken_back: false,
                    };
                    self.effect(Effect::Deadline {
                        at: now + ECHO_STANDS_AFTER,
                        waiter: NOBODY,
                        order_id,
                    });
                }
            }
            ReplacePhase::Shown { at, .. } => {
                if !is_old {
                    accept(self);
                } else if asked {
                    self.taken_back(order_id);
                } else {
                    self.suspect(
                        order_id,
                        ReplacePhase::Shown {
                            at,
                            taken_back: true,
                        },
                    );
                }
            }
            ReplacePhase::Accepted { at, taken_back } => {
                if is_new {
                    self.set_phase(
                        order_id,
                        ReplacePhase::Accepted {
                            at,
                            taken_back: false,
                        },
                    );
                } else if is_old && asked && taken_back {
                    self.taken_back(order_id);
                } else if is_old {
                    self.suspect(
                        order_id,
                        ReplacePhase::Accepted {
                            at,
                            taken_back: true,
                        },
                    );
                }
            }
            ReplacePhase::Unconfirmed => {
                if is_new {
                    accept(self);
                }
            }
        }
    }

    /// TWS shows the old terms after the new ones: what it answers when it is asked decides.
    pub(super) fn suspect(&mut self, order_id: i32, phase: ReplacePhase) {
        self.set_phase(order_id, phase);
        self.reconcile_after(Duration::ZERO);
    }

    pub(super) fn taken_back(&mut self, order_id: i32) {
        let error = "TWS showed the new terms and took them back".to_owned();
        self.decide_replace(order_id, ReplacementStatus::Refused, None, Some(error));
    }

    pub(super) fn set_phase(&mut self, order_id: i32, phase: ReplacePhase) {
        if let Some(entry) = self.entry(order_id)
            && let Some(replacing) = &mut entry.runtime.replace
        {
            replacing.phase = phase;
        }
    }

    /// A complete round has ended that began after a replacement left: what it showed are the order's terms.
    pub(in super::super) fn judge_replace(&mut self, order_id: i32, round: u64) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &entry.runtime.replace else {
            return;
        };
        let ReplacePhase::Sent { round: begun, .. } = replacing.phase else {
            return;
        };
        if begun < round {
            let shown = entry.runtime.shown_round >= round;
            let text = if shown {
                OLD_TERMS
            } else {
                "TWS does not show the order; whether it took the change is not known"
            };
            let error = Some(text.to_owned());
            self.decide_replace(order_id, ReplacementStatus::Unconfirmed, None, error);
        }
    }

    pub(super) fn current_session(&self) -> Option<u64> {
        let session = self.batch.engine_state.session.as_ref();
        session.map(|session| session.info.session)
    }
}
