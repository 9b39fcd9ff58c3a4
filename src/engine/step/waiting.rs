//! Callers who wait, and when they have waited long enough.

use std::collections::BTreeSet;

use super::super::batch::Effect;
use super::super::core::Core;
use super::super::input::{Answer, PendingRequest};
use super::super::live_order::{LiveOrder, Purpose, Waiter};
use super::super::rows::Stop;
use super::{NOBODY, Step, not_shown, shutting_down};
use crate::domain::{RuleViolation, Status};
use crate::error::Error;

impl Step<'_> {
    /// Answers a caller with an order as it now is.
    pub(super) fn answer(&mut self, waiter: u64, order_id: i32, purpose: Purpose) {
        self.answer_waiter(
            Waiter {
                id: waiter,
                purpose,
                in_grace_period: false,
                warnings: Vec::new(),
            },
            order_id,
        );
    }

    fn answer_waiter(&mut self, waiter: Waiter, order_id: i32) {
        let Waiter {
            id,
            purpose,
            in_grace_period: _,
            warnings,
        } = waiter;
        if let Some(order) = self.order(order_id) {
            let answer = Answer {
                replayed: matches!(
                    purpose,
                    Purpose::Place { replayed: true } | Purpose::Replace { replayed: true }
                ),
                warnings,
                ..Answer::of(order.record.state.clone())
            };
            self.reply(id, Ok(answer));
        }
    }

    /// Lets a caller wait for an order until its deadline. Where as many wait as may, it is answered at once with the order as it is: its
    /// command is taken all the same.
    pub(super) fn wait(&mut self, ask: &PendingRequest, order_id: i32, purpose: Purpose) {
        self.wait_warned(ask, order_id, purpose, Vec::new());
    }

    /// The same for a caller whose answer is to warn of something.
    pub(super) fn wait_warned(
        &mut self,
        ask: &PendingRequest,
        order_id: i32,
        purpose: Purpose,
        warnings: Vec<RuleViolation>,
    ) {
        let waiters_max = self.core.settings.waiters_per_order_max;
        if let Some(entry) = self.entry(order_id) {
            if entry.runtime.waiters.len() >= waiters_max {
                self.batch.engine_state.answered_early += 1;
                let waiter = Waiter {
                    id: ask.waiter,
                    purpose,
                    in_grace_period: false,
                    warnings,
                };
                self.answer_waiter(waiter, order_id);
                return;
            }
            entry.runtime.waiters.push(Waiter {
                id: ask.waiter,
                purpose,
                in_grace_period: false,
                warnings,
            });
        }
        self.effect(Effect::Deadline {
            at: ask.deadline,
            waiter: ask.waiter,
            order_id,
        });
    }

    /// Answers those who waited for what an order has come to.
    pub(super) fn settle(&mut self, order_id: i32) {
        self.settle_with(order_id, false);
    }

    /// The same; `acknowledged_by_broker`: TWS has said something about the order, though its status stands.
    pub(super) fn settle_with(&mut self, order_id: i32, acknowledged_by_broker: bool) {
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if entry.runtime.waiters.is_empty() {
            return;
        }
        let status = entry.order.record.state.status;
        let mut lingering = Vec::new();
        let over = entry
            .runtime
            .waiters
            .extract_if(.., |waiter| match waiter.purpose {
                Purpose::Cancel => !status.may_work(),
                // Its decision ends that wait.
                Purpose::Replace { .. } => false,
                Purpose::Place { .. } | Purpose::Transmit if status == Status::Submitting => {
                    acknowledged_by_broker
                }
                Purpose::Place { .. } | Purpose::Transmit if status == Status::Inactive => {
                    if !waiter.in_grace_period {
                        waiter.in_grace_period = true;
                        lingering.push(waiter.id);
                    }
                    false
                }
                Purpose::Place { .. } | Purpose::Transmit => true,
            })
            .collect::<Vec<_>>();
        for waiter in over {
            self.answer_waiter(waiter, order_id);
        }
        for waiter in lingering {
            self.effect(Effect::Deadline {
                at: self.now.monotonic + self.core.settings.terminal_linger,
                waiter,
                order_id,
            });
        }
    }

    /// The reconcile after a verdict has ended: the order is what it is.
    pub(super) fn settle_cancels(&mut self, order_id: i32) {
        for waiter in self.drain(order_id, |waiter| waiter.purpose == Purpose::Cancel) {
            self.answer_waiter(waiter, order_id);
        }
    }

    /// A replacement was decided: the order is what it is.
    pub(super) fn settle_replaces(&mut self, order_id: i32) {
        let waits = |waiter: &Waiter| matches!(waiter.purpose, Purpose::Replace { .. });
        for waiter in self.drain(order_id, waits) {
            self.answer(waiter.id, order_id, waiter.purpose);
        }
    }

    /// A release did not leave: those who waited for it are told so.
    pub(super) fn fail_transmits(&mut self, order_id: i32, error: &Error) {
        for waiter in self.drain(order_id, |waiter| waiter.purpose == Purpose::Transmit) {
            self.reply(waiter.id, Err(error.clone()));
        }
    }

    fn drain(&mut self, order_id: i32, which: impl Fn(&Waiter) -> bool) -> Vec<Waiter> {
        self.entry(order_id).map_or_else(Vec::new, |entry| {
            let waiters = &mut entry.runtime.waiters;
            waiters.extract_if(.., |waiter| which(waiter)).collect()
        })
    }

    /// A caller's time is over.
    pub(super) fn expired(&mut self, waiter: u64, order_id: i32) -> Result<(), Stop> {
        if order_id == 0 {
            if self.core.is_parked(waiter) && self.unpark(waiter) {
                let engine_state = &self.batch.engine_state;
                // With a session that is not in doubt a caller waits for it to show an order.
                let error = match (&engine_state.session, engine_state.ids_doubted) {
                    (Some(_), None) => not_shown(),
                    (Some(_), Some(_)) | (None, _) => Core::unreachable(engine_state),
                };
                match self.core.parked_request(waiter) {
                    Some(ask) => self.refuse(ask, error),
                    None => self.reply(waiter, Err(error)),
                }
            }
            return Ok(());
        }
        if waiter == NOBODY {
            if self.find(order_id)? {
                self.replace_due(order_id);
            }
            return Ok(());
        }
        if self.unknown_expired(waiter, order_id) || self.preview_expired(waiter, order_id) {
            return Ok(());
        }
        // Most have been answered long ago: nothing is copied for those.
        let waits =
            |entry: &LiveOrder| entry.runtime.waiters.iter().any(|other| other.id == waiter);
        let still = match self.batch.touched.get(&order_id) {
            Some(touched) => waits(&touched.entry),
            None => self.core.cache.get(order_id).is_some_and(waits),
        };
        if still && self.find(order_id)? {
            self.give_up_unjournaled_order(order_id);
            for waiter in self.drain(order_id, |other| other.id == waiter) {
                self.answer_waiter(waiter, order_id);
            }
        }
        Ok(())
    }

    /// Callers have gone away. The one who placed an order stays on its list: a repeated request waits for as long as that one would.
    pub(super) fn gone(&mut self, waiters: &BTreeSet<u64>) -> Result<(), Stop> {
        let is_gone = |waiter: &Waiter| {
            waiter.purpose != Purpose::Place { replayed: false } && waiters.contains(&waiter.id)
        };
        let left = self.ids_where(|entry| entry.runtime.waiters.iter().any(is_gone));
        for order_id in &left {
            self.find(*order_id)?;
        }
        for order_id in left {
            self.drain(order_id, is_gone);
        }
        for waiter in waiters {
            if self.core.is_parked(*waiter) {
                self.unpark(*waiter);
            }
        }
        Ok(())
    }

    /// No new orders; who waits for a session waits in vain.
    pub(super) fn closing(&mut self) {
        self.batch.engine_state.closing = true;
        let parked: Vec<u64> = self.core.parked().collect();
        for waiter in parked {
            if self.unpark(waiter) {
                self.reply(waiter, Err(shutting_down()));
            }
        }
    }

    /// Ends a caller's wait for a session; false when this batch has done so already.
    fn unpark(&mut self, waiter: u64) -> bool {
        let unparked = &mut self.batch.unparked;
        let still = !unparked.contains(&None) && unparked.insert(Some(waiter));
        if still {
            self.effect(Effect::Unpark(waiter));
        }
        still
    }

    /// What waits for its slot is not sent any more, and nobody waits any longer.
    pub(super) fn close_now(&mut self) -> Result<(), Stop> {
        let waited_for = self.ids_where(|entry| !entry.runtime.waiters.is_empty());
        for order_id in &waited_for {
            self.find(*order_id)?;
        }
        self.closing();
        for bracket_id in self.torn_brackets()? {
            self.abort_family(bracket_id, "the gateway shut down before it was released")?;
        }
        self.drop_queue("the gateway shut down", &shutting_down())?;
        self.drop_previews(&shutting_down(), true);
        for order_id in waited_for {
            for waiter in self.drain(order_id, |_| true) {
                self.answer_waiter(waiter, order_id);
            }
        }
        Ok(())
    }
}
