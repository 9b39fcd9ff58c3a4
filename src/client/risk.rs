//! Limits and halts.

use super::failure::Effect;
use super::{Client, READ_DEADLINE, timed, within};
use crate::domain::{CancelAllIn, CancelAllOut, HaltIn, HaltOut, LimitsOut, ResumeIn, ResumeOut};
use crate::error::Error;
use crate::wire::pb;

impl Client {
    /// The limits in force, what is left of them, and the halts.
    ///
    /// # Errors
    /// When the gateway does not answer.
    pub async fn limits(&self) -> Result<LimitsOut, Error> {
        let request = within(READ_DEADLINE, pb::GetLimitsRequest {});
        let answer = self.risk.clone().get_limits(request).await;
        self.read(answer, Effect::None)?.try_into()
    }

    /// Stops new orders.
    ///
    /// # Errors
    /// Those of the operation. It can be repeated safely.
    pub async fn halt(&self, input: HaltIn) -> Result<HaltOut, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.risk.clone().halt(request).await;
        self.read(answer, Effect::Repeatable)?.try_into()
    }

    /// Lifts halts.
    ///
    /// # Errors
    /// Those of the operation. Where no answer came, repeating it may lift a halt that somebody made meanwhile: look at the limits first.
    pub async fn resume(&self, input: ResumeIn) -> Result<ResumeOut, Error> {
        let answer = self
            .risk
            .clone()
            .resume(within(READ_DEADLINE, input.into()))
            .await;
        let instead = "look at the halts in the limits before asking again";
        self.read(answer, Effect::Once(instead))?.try_into()
    }

    /// Cancels open orders, one by one.
    ///
    /// # Errors
    /// Those of the operation. Where no answer came, repeating it cancels what was placed meanwhile too: list the open orders first.
    pub async fn cancel_all(&self, input: CancelAllIn) -> Result<CancelAllOut, Error> {
        let request = timed(input.timeout, input.into());
        let answer = self.risk.clone().cancel_all(request).await;
        let instead = "list the open orders before asking again";
        self.read(answer, Effect::Once(instead))?.try_into()
    }
}
