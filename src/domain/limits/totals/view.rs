//! Both layers of the totals read as one.

use std::collections::BTreeSet;
use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::super::{Action, Timestamp};
use super::super::exposure::{Instrument, WorkingPrice};
use super::super::tables::ScopeRef;
use super::working::{Best, Taker};
use super::{AccountTotals, HoldingTotals, Money, OpenShares, Totals};

/// The committed totals and those of the batch on top of them.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    committed: &'a Totals,
    batch: &'a Totals,
}

impl<'a> View<'a> {
    /// Reads `batch` on top of `committed`.
    pub const fn new(committed: &'a Totals, batch: &'a Totals) -> Self {
        Self { committed, batch }
    }

    fn of<T>(self, scope: ScopeRef<'_>, read: impl Fn(&AccountTotals) -> T) -> [Option<T>; 2] {
        [self.committed, self.batch].map(|layer| match scope {
            ScopeRef::Default => Some(read(&layer.everything)),
            ScopeRef::Account(name) => layer.accounts.get(name).map(&read),
            ScopeRef::Caller(_) => None,
        })
    }

    /// Orders that are open. A caller's table does not count them.
    pub fn open_orders(self, scope: ScopeRef<'_>) -> u64 {
        let open = self.of(scope, |totals| totals.open_orders);
        u64::try_from(open.into_iter().flatten().sum::<i64>()).unwrap_or(0)
    }

    /// Totals in one currency. A caller's table does not count them.
    pub fn money(self, scope: ScopeRef<'_>, currency: &str) -> Money {
        let money = self.of(scope, |totals| {
            let known = totals.money.iter().find(|(known, _)| &**known == currency);
            known.map_or(Money::default(), |(_, money)| *money)
        });
        money.into_iter().flatten().fold(
            Money::default(),
            |Money {
                 open,
                 unpriced,
                 executed,
             },
             more| Money {
                open: open + more.open,
                unpriced: unpriced + more.unpriced,
                executed: executed + more.executed,
            },
        )
    }

    /// The currencies that anything is open or executed in.
    pub fn currencies(self, scope: ScopeRef<'_>) -> BTreeSet<String> {
        let names = self.of(scope, |totals| {
            let names = totals.money.iter().map(|(name, _)| String::from(&**name));
            names.collect::<Vec<_>>()
        });
        names.into_iter().flatten().flatten().collect()
    }

    /// Instructions taken within the window that ends now.
    pub fn instructions(self, scope: ScopeRef<'_>, now: Timestamp) -> usize {
        match scope {
            ScopeRef::Caller(name) => [self.committed, self.batch]
                .into_iter()
                .filter_map(|layer| layer.callers.get(name))
                .map(|recent| recent.within(now))
                .sum(),
            ScopeRef::Default | ScopeRef::Account(_) => self
                .of(scope, |totals| totals.instructions.within(now))
                .into_iter()
                .flatten()
                .sum(),
        }
    }

    fn holdings<T: Default>(
        self,
        account: &str,
        instrument: &Instrument,
        read: impl Fn(&HoldingTotals) -> T,
    ) -> [T; 2] {
        [self.committed, self.batch].map(|layer| {
            layer
                .instruments
                .get(instrument)
                .and_then(|totals| totals.accounts.get(account))
                .map_or_else(T::default, &read)
        })
    }

    /// Shares that may still execute in an account.
    pub fn open_shares(self, account: &str, instrument: &Instrument) -> OpenShares {
        let [mut shares, batch] = self.holdings(account, instrument, |holding| holding.open);
        shares.absorb(batch);
        shares
    }

    /// Shares that executed in this batch: no position shows them yet.
    pub fn executed_in_batch(self, account: &str, instrument: &Instrument) -> OpenShares {
        let [_, batch] = self.holdings(account, instrument, |holding| holding.executed);
        batch
    }

    /// The accounts with anything open in an instrument.
    pub fn accounts_in(self, instrument: &Instrument) -> BTreeSet<Arc<str>> {
        [self.committed, self.batch]
            .into_iter()
            .filter_map(|layer| layer.instruments.get(instrument))
            .flat_map(|totals| totals.accounts.keys().cloned())
            .collect()
    }

    /// The instruments with anything open.
    pub fn instruments(self) -> BTreeSet<Instrument> {
        [self.committed, self.batch]
            .into_iter()
            .flat_map(|layer| layer.instruments.keys().cloned())
            .collect()
    }

    /// The price of the latest execution of ours, and when it was.
    pub fn last_execution(self, instrument: &Instrument) -> Option<(Decimal, Timestamp)> {
        [self.committed, self.batch]
            .into_iter()
            .filter_map(|layer| layer.instruments.get(instrument)?.last_execution)
            .max_by_key(|(_, at)| *at)
    }

    /// The latest open order that looks like this one, and when it was placed.
    pub fn alike(self, fingerprint: u128) -> Option<(i32, Timestamp)> {
        self.batch.alike.latest(&self.committed.alike, fingerprint)
    }

    /// An order of the other side that one at this price could trade with, in one account or in any.
    pub fn would_trade_with(
        self,
        scope: ScopeRef<'_>,
        instrument: &Instrument,
        action: Action,
        price: WorkingPrice,
        taker: Taker,
    ) -> Option<i32> {
        let [committed, batch] =
            [self.committed, self.batch].map(|layer| layer.instruments.get(instrument));
        let in_account = |account: &str| {
            let below = committed.and_then(|totals| totals.accounts.get(account));
            let above = batch.and_then(|totals| totals.accounts.get(account));
            let empty = HoldingTotals::default();
            let above = above.unwrap_or(&empty);
            match action {
                Action::Buy => above.sells.trades_at(
                    below.map(|totals| &totals.sells),
                    Best::Lowest,
                    price.as_bid(),
                    taker,
                ),
                Action::Sell => above.buys.trades_at(
                    below.map(|totals| &totals.buys),
                    Best::Highest,
                    price.as_offer(),
                    taker,
                ),
            }
        };
        match scope {
            ScopeRef::Account(name) => in_account(name),
            ScopeRef::Default => [committed, batch]
                .into_iter()
                .flatten()
                .flat_map(|totals| totals.accounts.keys())
                .find_map(|account| in_account(account)),
            ScopeRef::Caller(_) => None,
        }
    }
}
