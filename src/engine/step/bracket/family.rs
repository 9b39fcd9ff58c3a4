//! The frames of a bracket on their way, and what happens where they break off.

use std::time::Duration;

use super::super::super::batch::Effect;
use super::super::super::engine_state::FamilyStage;
use super::super::super::live_order::Submission;
use super::super::super::rows::Stop;
use super::super::Step;
use crate::domain::lifecycle;

/// TWS refuses a child whose parent it has not taken in yet (10006): so long the first child waits behind the answered barrier of the entry.
const PARENT_PAUSE: Duration = Duration::from_millis(50);

impl Step<'_> {
    /// A barrier behind one of a family's frames was answered: the next may go.
    pub(in super::super) fn family_barrier_answered(&mut self, token: u64) {
        let now = self.now.monotonic;
        if let Some(family) = &mut self.batch.engine_state.family
            && family.stage == FamilyStage::Barrier(token)
        {
            let pause = if family.next == 1 {
                PARENT_PAUSE
            } else {
                Duration::ZERO
            };
            family.stage = FamilyStage::Ready(now + pause);
        }
    }

    /// TWS does not say whether it has read one of a family's frames: nothing more of it is sent.
    pub(in super::super) fn family_barrier_unanswered(&mut self, token: u64) -> Result<(), Stop> {
        let bracket_id = self
            .batch
            .engine_state
            .family
            .as_ref()
            .filter(|family| family.stage == FamilyStage::Barrier(token))
            .and_then(|family| family.legs.first().copied());
        match bracket_id {
            Some(bracket_id) => self.abort_family(bracket_id, "TWS does not answer"),
            None => Ok(()),
        }
    }

    /// Brackets of which some frames have left and others have not: none of the rest may leave once the queue is dropped.
    pub(in super::super) fn torn_brackets(&mut self) -> Result<Vec<i32>, Stop> {
        let Some(family) = self.batch.engine_state.family.clone() else {
            return Ok(Vec::new());
        };
        let Some(bracket_id) = family.legs.first().copied() else {
            return Ok(Vec::new());
        };
        self.legs_of(bracket_id)?;
        Ok(if family.next > 0 {
            vec![bracket_id]
        } else {
            Vec::new()
        })
    }

    /// One of a bracket's frames did not leave: what had left before it is cancelled.
    pub(in super::super) fn family_frame_not_sent(&mut self, order_id: i32) -> Result<(), Stop> {
        let bracket_id = self
            .entry(order_id)
            .and_then(|entry| entry.order.record.state.bracket_id);
        match bracket_id {
            Some(bracket_id) => {
                let why = format!("the message for order {order_id} of it did not leave");
                self.abort_family(bracket_id, &why)
            }
            None => Ok(()),
        }
    }

    /// Ends every order of a family that is not released: those that were sent by their ids, the others are not sent.
    pub(in super::super) fn abort_family(
        &mut self,
        bracket_id: i32,
        why: &str,
    ) -> Result<(), Stop> {
        let legs = self.legs_of(bracket_id)?;
        tracing::warn!(
            bracket_id,
            why,
            "a bracket was given up before it was released"
        );
        if self.is_family_under_way(bracket_id) {
            self.batch.engine_state.family = None;
        }
        self.effect(Effect::UnqueueFamily(bracket_id));
        let now = self.now.wall_time;
        for order_id in legs {
            let Some(entry) = self.entry(order_id) else {
                continue;
            };
            if entry.order.record.state.terminal {
                continue;
            }
            if entry.runtime.submission == Submission::Queued {
                entry.runtime.submission = Submission::Unknown;
                lifecycle::given_up_unsent(&mut entry.order, why, now);
                self.changed(order_id);
                self.settle(order_id);
            } else {
                entry.runtime.never_released = true;
                self.request_cancel(order_id);
            }
        }
        Ok(())
    }
}
