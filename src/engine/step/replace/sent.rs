//! A replacement that has left, and the silence behind it.

use std::time::Duration;

use super::super::super::batch::Row;
use super::super::super::live_order::ReplacePhase;
use super::super::super::rows::Stop;
use super::super::Step;
use super::{ASK_AFTER, ECHO_STANDS_AFTER, OLD_TERMS, UNDECIDED_FOR};
use crate::domain::lifecycle::{self};
use crate::domain::{ReplacementStatus, Status};

impl Step<'_> {
    /// TWS has read a replacement of a staged order, of which it shows nothing.
    pub(in super::super) fn staged_replace_read(&mut self, order_id: i32) {
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &entry.runtime.replace else {
            return;
        };
        let sent = matches!(replacing.phase, ReplacePhase::Sent { .. });
        if !sent || entry.order.record.state.status != Status::Staged {
            return;
        }
        let wanted = replacing.wanted;
        let (revision, terms) = lifecycle::staged_replaced(&mut entry.order, wanted, now);
        self.batch.rows.push(Row::Terms {
            order_id,
            revision,
            terms,
        });
        self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
        if let Some(entry) = self.entry(order_id) {
            entry.runtime.replace = None;
        }
    }

    /// The adapter says how it went with a placeOrder. Answers whether it was a replacement.
    pub(in super::super) fn replace_sent(
        &mut self,
        session: u64,
        order_id: i32,
        outcome: &crate::tws::Sent,
    ) -> bool {
        let now = self.now.monotonic;
        let Some(entry) = self.entry(order_id) else {
            return false;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return false;
        };
        let ReplacePhase::Sent {
            session: sent_in,
            written,
            at,
            ..
        } = &mut replacing.phase
        else {
            return false;
        };
        if *sent_in != Some(session) {
            return false;
        }
        match outcome {
            crate::tws::Sent::Written => *written = true,
            crate::tws::Sent::NotSent { reason } => {
                let error = Some(format!("not sent: {reason}"));
                self.decide_replace(order_id, ReplacementStatus::Refused, None, error);
            }
            crate::tws::Sent::Unknown { .. } => {
                *sent_in = None;
                *at = now;
                self.reconcile_after(Duration::ZERO);
            }
        }
        true
    }

    /// The session is over: what was sent in it may have arrived.
    pub(in super::super) fn replaces_unknown(&mut self, session: u64) -> Result<(), Stop> {
        let sent = self.ids_where(|entry| {
            let replacing = entry.runtime.replace.as_ref();
            replacing.is_some_and(|replacing| {
                matches!(replacing.phase, ReplacePhase::Sent { session: sent_in, .. } if sent_in == Some(session))
            })
        });
        for order_id in &sent {
            self.find(*order_id)?;
        }
        let now = self.now.monotonic;
        let round = self.batch.engine_state.reconcile.round;
        for order_id in sent {
            self.set_phase(
                order_id,
                ReplacePhase::Sent {
                    session: None,
                    at: now,
                    round,
                    written: true,
                    asked: true,
                },
            );
        }
        Ok(())
    }

    /// What has waited long enough for TWS's decision.
    pub(in super::super) fn replaces_due(&mut self) -> Result<(), Stop> {
        let replacing = self.ids_where(|entry| entry.runtime.replace.is_some());
        for order_id in &replacing {
            self.find(*order_id)?;
        }
        for order_id in replacing {
            self.replace_due(order_id);
        }
        Ok(())
    }

    /// The same for one order.
    pub(in super::super) fn replace_due(&mut self, order_id: i32) {
        let now = self.now.monotonic;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let Some(replacing) = &mut entry.runtime.replace else {
            return;
        };
        match &mut replacing.phase {
            ReplacePhase::Queued | ReplacePhase::Unconfirmed => {}
            ReplacePhase::Sent { at, asked, .. } => {
                let since = *at;
                if since + UNDECIDED_FOR <= now {
                    let error = Some(OLD_TERMS.to_owned());
                    self.decide_replace(order_id, ReplacementStatus::Unconfirmed, None, error);
                } else if since + ASK_AFTER <= now && !std::mem::replace(asked, true) {
                    self.reconcile_after(Duration::ZERO);
                }
            }
            ReplacePhase::Shown { at, taken_back } => {
                if *taken_back && *at + UNDECIDED_FOR <= now {
                    let error = Some(OLD_TERMS.to_owned());
                    self.decide_replace(order_id, ReplacementStatus::Unconfirmed, None, error);
                } else if !*taken_back && *at + ECHO_STANDS_AFTER <= now {
                    self.decide_replace(order_id, ReplacementStatus::Accepted, None, None);
                }
            }
            ReplacePhase::Accepted { at, taken_back } => {
                if !*taken_back && *at + UNDECIDED_FOR <= now {
                    entry.runtime.replace = None;
                }
            }
        }
    }
}
