//! Halt, Resume, CancelAll, and what is left of the limits.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Gateway;
use super::limits::seconds;
use crate::domain::{
    CallerName, CancelAllIn, CancelAllOut, CancelResult, Halt, HaltIn, HaltOut, LimitsOut,
    OrderKey, ResumeIn, ResumeOut,
};
use crate::engine::{CancelPlan, Command, HaltChange, HaltStored};
use crate::error::{Error, Reason};

/// The longest reason of a halt, in bytes.
const REASON_BYTES_MAX: usize = 256;
/// Cancels asked for at once: the rest follow as these are answered.
const CANCELS_AT_ONCE: usize = 256;

impl Gateway {
    /// The limits in force, what is left of them, and the halts.
    ///
    /// # Errors
    /// `OVERLOADED`, `SHUTTING_DOWN`, `INTERNAL`.
    pub async fn limits(&self) -> Result<LimitsOut, Error> {
        let limits = self.shared.engine.inspect(|core, now| core.limits(now));
        Ok(LimitsOut {
            problem: self.shared.followed.problem(),
            ..limits.await?
        })
    }

    /// Stops new orders: of everybody, of a caller, or for an account. In force when this answers, and stored where the store can be written:
    /// nothing but cancels is sent from then on. Orders that wait for their slot are not sent; open ones are cancelled where that is asked for.
    ///
    /// # Errors
    /// `REQUEST_INVALID`, `OVERLOADED`, `SHUTTING_DOWN`, `INTERNAL`.
    pub async fn halt(&self, input: HaltIn) -> Result<HaltOut, Error> {
        let HaltIn {
            reason,
            caller,
            account,
            cancel_open,
            include_protective,
            timeout,
        } = input;
        seconds("timeout", timeout)?;
        let reason = reason.trim().to_owned();
        if reason.len() > REASON_BYTES_MAX || reason.contains(char::is_control) {
            return Err(Error::request_field(
                "reason",
                "give at most 256 bytes of one line",
                reason.into(),
            ));
        }
        named("caller", caller.as_deref())?;
        named("account", account.as_deref())?;
        let reason = if reason.is_empty() {
            "no reason given".to_owned()
        } else {
            reason
        };
        tracing::warn!(%reason, ?caller, ?account, by = %self.caller, "new orders are halted");
        let halt = Halt {
            reason,
            caller: caller.clone(),
            account: account.clone(),
            halted_by: self.caller.stored_name(),
            since: time::OffsetDateTime::now_utc().into(),
        };
        let HaltStored {
            halts,
            state,
            persisted,
        } = self.change_halts(HaltChange::Add(halt)).await?;
        let cancelled = if cancel_open {
            let input = CancelAllIn {
                account,
                include_protective,
                timeout,
                ..CancelAllIn::default()
            };
            Some(self.cancel_all_of(input, caller).await?)
        } else {
            None
        };
        Ok(HaltOut {
            state,
            halts,
            persisted,
            cancelled,
        })
    }

    /// Lifts halts.
    ///
    /// # Errors
    /// `HALTED` while the halt file exists, `STORE` where that cannot be stored: then they stay; `OVERLOADED`, `SHUTTING_DOWN`, `INTERNAL`.
    pub async fn resume(&self, input: ResumeIn) -> Result<ResumeOut, Error> {
        let ResumeIn { caller, account } = input;
        let file = self.shared.engine.inspect(|core, _| core.halt_file());
        if let Some(why) = file.await? {
            return Err(Error::new(
                Reason::Halted,
                format!("{why}: remove it first; nothing was changed"),
            ));
        }
        tracing::warn!(?caller, ?account, by = %self.caller, "halts are lifted");
        let HaltStored { halts, state, .. } = self
            .change_halts(HaltChange::Lift { caller, account })
            .await?;
        Ok(ResumeOut { state, halts })
    }

    async fn change_halts(&self, change: HaltChange) -> Result<HaltStored, Error> {
        self.shared.engine.halt(&self.caller, change).await
    }

    /// Cancels open orders, each by its own id and never with IB's global cancel, which hits everybody's orders. The exits of positions
    /// stay unless they are asked for.
    ///
    /// # Errors
    /// `REQUEST_INVALID`, `OVERLOADED`, `SHUTTING_DOWN`, `INTERNAL`. What became of each order stands in the outcome.
    pub async fn cancel_all(&self, input: CancelAllIn) -> Result<CancelAllOut, Error> {
        self.cancel_all_of(input, None).await
    }

    /// The same of one caller alone, where one is named.
    async fn cancel_all_of(
        &self,
        input: CancelAllIn,
        caller: Option<String>,
    ) -> Result<CancelAllOut, Error> {
        let timeout = seconds("timeout", input.timeout)?;
        let plan = self
            .shared
            .engine
            .inspect(move |core, _| core.cancel_plan(&input, caller.as_deref()));
        let CancelPlan { cancel, left } = plan.await?;
        let mut results = self.cancel_each(cancel, timeout).await?;
        results.extend(left.into_iter().map(|(order_id, status)| CancelResult {
            order_id,
            status: Some(status),
            protective: true,
            error: None,
        }));
        results.sort_by_key(|result| result.order_id);
        let still_open: BTreeSet<i32> = results
            .iter()
            .filter(|result| result.status.is_none_or(|status| status.may_work()))
            .map(|result| result.order_id)
            .collect();
        Ok(CancelAllOut {
            results,
            still_open: still_open.into_iter().collect(),
        })
    }

    /// Asks TWS to cancel orders one by one, and answers what became of each within the timeout.
    pub(super) async fn cancel_each(
        &self,
        orders: Vec<i32>,
        timeout: Duration,
    ) -> Result<Vec<CancelResult>, Error> {
        let deadline = Instant::now() + timeout;
        let mut results = Vec::new();
        let mut waiting = orders.into_iter();
        let mut asked = JoinSet::new();
        loop {
            while asked.len() < CANCELS_AT_ONCE
                && let Some(order_id) = waiting.next()
            {
                let gateway = self.clone();
                asked.spawn(async move {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let command = Command::Cancel(OrderKey::OrderId(order_id).into());
                    (order_id, gateway.ask(command, left).await)
                });
            }
            let Some(answered) = asked.join_next().await else {
                break;
            };
            let (order_id, answer) =
                answered.map_err(|error| Error::new(Reason::Internal, error.to_string()))?;
            let (status, error) = match answer {
                Ok(answer) => (Some(answer.state.status), None),
                Err(error) => (None, Some(error.message)),
            };
            results.push(CancelResult {
                order_id,
                status,
                protective: false,
                error,
            });
        }
        Ok(results)
    }
}

fn named(field: &str, name: Option<&str>) -> Result<(), Error> {
    match name {
        Some(name) if CallerName::new(name).is_none() => Err(Error::request_field(
            field,
            "give 1 to 64 visible ASCII characters, or leave it out",
            name.into(),
        )),
        Some(_) | None => Ok(()),
    }
}
