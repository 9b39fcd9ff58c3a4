//! The day's losses, and the accounts that they halt.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::core::Core;
use crate::account::DayProfit;
use crate::domain::limits::{Rule, Scope, ScopeRef};
use crate::domain::{Amount, Halt, Timestamp};

/// What is known of the day's losses beside what TWS says.
#[derive(Debug, Default)]
pub(crate) struct Losses {
    /// TWS has said something, or the limits are others: they are to be looked at.
    pub(crate) due: bool,
    /// Accounts of which a loss was warned, each once a day.
    warned: BTreeSet<String>,
}

impl Losses {
    /// Another day of the limits has begun.
    pub(crate) fn begin_day(&mut self) {
        self.warned.clear();
    }
}

impl Core {
    /// What an account has lost today, in its base currency; `None`: that is not known for certain.
    pub(crate) fn loss(&self, account: &str) -> Option<Decimal> {
        match self.accounts.snapshot().day_profit(account) {
            DayProfit::Current(profit) => Some((-profit.value()).max(Decimal::ZERO)),
            DayProfit::Stale(_) | DayProfit::Unknown => None,
        }
    }

    /// Whether any table limits losses.
    pub(crate) fn limits_losses(&self) -> bool {
        let limits = &self.engine_state.limits;
        limits.tables().any(|(_, table)| {
            table.refuse.has(Rule::MaxDailyLoss) || table.warn.has(Rule::MaxDailyLoss)
        })
    }

    /// Accounts that a table's limit of losses is about.
    pub(crate) fn accounts_of(&self, scope: ScopeRef<'_>) -> Vec<String> {
        match scope {
            ScopeRef::Default => self.accounts.snapshot().accounts.clone(),
            ScopeRef::Account(name) => vec![name.to_owned()],
            ScopeRef::Caller(_) => Vec::new(),
        }
    }

    /// The halts that the day's losses call for and that are not in force. They are in force when this answers, and have to be stored.
    pub(crate) fn halt_for_losses(&mut self, now: Timestamp) -> Vec<Halt> {
        self.losses.due = false;
        if !self.limits_losses() {
            return Vec::new();
        }
        let limits = self.engine_state.limits.clone();
        let in_force = self.halts.all(&self.engine_state.halts);
        let mut halts: Vec<Halt> = Vec::new();
        for (scope, table) in limits.tables() {
            for account in self.accounts_of(scope) {
                let Some(loss) = self.loss(&account) else {
                    continue;
                };
                let is_beyond = |max: Option<crate::domain::limits::Cents>| {
                    max.filter(|max| Decimal::from(*max) < loss)
                };
                let of = Scope::from(scope);
                let shown = Amount::new(loss);
                if let Some(max) = is_beyond(table.warn.max_daily_loss)
                    && self.losses.warned.insert(account.clone())
                {
                    tracing::warn!(%account, loss = %shown, limit = %max, table = %of, "the day's loss is beyond warn_max_daily_loss");
                }
                let Some(max) = is_beyond(table.refuse.max_daily_loss) else {
                    continue;
                };
                let is_halted = |halt: &Halt| {
                    halt.caller.is_none() && halt.account.as_deref() == Some(&account)
                };
                if in_force.iter().chain(&halts).any(is_halted) {
                    continue;
                }
                let reason = format!(
                    "the day's loss of {account} is {shown} in its base currency, and max_daily_loss of [{of}] is {max}"
                );
                tracing::error!(%reason, "new orders are halted");
                halts.push(Halt {
                    reason,
                    caller: None,
                    account: Some(account),
                    halted_by: None,
                    since: now,
                });
            }
        }
        self.halts.unstored.extend(halts.iter().cloned());
        halts
    }
}
