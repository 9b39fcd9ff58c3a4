//! What becomes of the totals when a batch is committed, when a day ends, and as time passes.

use super::super::super::Timestamp;
use super::super::quantity::Cents;
use super::super::value::is_recent;
use super::{AccountTotals, Executed, HoldingTotals, InstrumentTotals, Money, OpenShares, Totals};

impl Totals {
    /// Takes a batch's layer over, and gives back what executed in it. What comes to nothing goes, so that memory is bounded by what is open.
    pub fn absorb(&mut self, batch: Totals) -> Vec<Executed> {
        let Totals {
            everything,
            accounts,
            callers,
            instruments,
            exclusive,
            alike,
            executions,
        } = batch;
        self.everything.absorb(everything);
        for (account, totals) in accounts {
            self.accounts.entry(account).or_default().absorb(totals);
        }
        for (caller, recent) in callers {
            self.callers.entry(caller).or_default().absorb(recent);
        }
        for (instrument, totals) in instruments {
            self.instruments
                .entry(instrument)
                .or_default()
                .absorb(totals);
        }
        for (set, members) in exclusive {
            if members.is_empty() {
                self.exclusive.remove(&set);
            } else {
                self.exclusive.insert(set, members);
            }
        }
        self.alike.absorb(alike);
        executions
    }

    /// Another day of the limits has begun: nothing was executed on it yet.
    pub fn begin_day(&mut self) {
        for totals in std::iter::once(&mut self.everything).chain(self.accounts.values_mut()) {
            for (_, money) in &mut totals.money {
                money.executed = Cents::ZERO;
            }
        }
    }

    /// Lets go of what no check can ask for any more.
    pub fn forget(&mut self, now: Timestamp) {
        for totals in std::iter::once(&mut self.everything).chain(self.accounts.values_mut()) {
            totals.instructions.forget(now);
            totals.money.retain(|(_, money)| *money != Money::default());
        }
        self.callers.retain(|_, recent| {
            recent.forget(now);
            !recent.is_empty()
        });
        self.instruments.retain(|_, totals| {
            totals.accounts.retain(|_, holding| !holding.is_empty());
            let stale = totals
                .last_execution
                .is_none_or(|(_, at)| !is_recent(at, now));
            !(stale && totals.accounts.is_empty())
        });
    }
}

impl AccountTotals {
    fn absorb(&mut self, batch: Self) {
        let Self {
            open_orders,
            money,
            instructions,
        } = batch;
        self.open_orders += open_orders;
        for (currency, more) in money {
            let below = self.money(&currency);
            below.open += more.open;
            below.unpriced += more.unpriced;
            below.executed += more.executed;
        }
        self.instructions.absorb(instructions);
    }
}

impl InstrumentTotals {
    fn absorb(&mut self, batch: Self) {
        let Self {
            accounts,
            last_execution,
        } = batch;
        for (account, holding) in accounts {
            let below = self.accounts.entry(account.clone()).or_default();
            below.absorb(holding);
            if below.is_empty() {
                self.accounts.remove(&account);
            }
        }
        if let Some((_, at)) = last_execution
            && self.last_execution.is_none_or(|(_, known)| known <= at)
        {
            self.last_execution = last_execution;
        }
    }
}

impl HoldingTotals {
    /// What executed in a batch is a matter of positions once it is committed.
    fn absorb(&mut self, batch: Self) {
        let Self {
            open,
            executed: _,
            buys,
            sells,
        } = batch;
        self.open.absorb(open);
        self.buys.absorb(buys);
        self.sells.absorb(sells);
    }

    fn is_empty(&self) -> bool {
        self.open == OpenShares::default() && self.buys.is_empty() && self.sells.is_empty()
    }
}
