//! Running totals over every order, so that a check costs the same however many orders there are.
//!
//! A batch of instructions is checked before it is stored, and each must see the ones before it in the batch. So there are two
//! layers: what is committed, and what the batch has changed. A [`View`] reads the sum of both. The batch's layer is absorbed
//! into the committed one when its commit has succeeded, and is dropped when it has not.

mod absorb;
mod alike;
mod exclusive;
mod recent;
mod view;
mod working;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::{Action, Timestamp};
use super::exposure::{ExclusiveSet, Instrument, OpenExposure, OrderExposure};
use super::quantity::{Cents, Shares};
use alike::Alike;
use exclusive::{Member, Share, largest};
pub use recent::INSTRUCTIONS_KEPT_MAX;
use recent::Recent;
pub use view::View;
pub use working::Taker;
use working::Working;

/// One layer of the totals.
#[derive(Debug, Default)]
pub struct Totals {
    everything: AccountTotals,
    accounts: HashMap<Arc<str>, AccountTotals>,
    callers: HashMap<Arc<str>, Recent>,
    instruments: HashMap<Instrument, InstrumentTotals>,
    /// In a batch's layer the whole set as it now is, in place of the committed one.
    exclusive: HashMap<ExclusiveSet, Vec<Member>>,
    alike: Alike,
    /// In a batch's layer: what executed, for the positions.
    executions: Vec<Executed>,
}

/// Totals of everything, or of one account.
#[derive(Debug, Default)]
struct AccountTotals {
    open_orders: i64,
    /// By currency. A login trades in a few, so they are looked through.
    money: Vec<(Box<str>, Money)>,
    instructions: Recent,
}

/// Totals in one currency.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Worth of what may still execute.
    pub open: Cents,
    /// Open orders whose worth is not known.
    pub unpriced: i64,
    /// What was executed on the day of the limits.
    pub executed: Cents,
}

/// Totals of one instrument.
#[derive(Debug, Default)]
struct InstrumentTotals {
    accounts: BTreeMap<Arc<str>, HoldingTotals>,
    last_execution: Option<(Decimal, Timestamp)>,
}

/// Totals of one instrument in one account.
#[derive(Debug, Default)]
struct HoldingTotals {
    open: OpenShares,
    /// In a batch's layer: executed by it.
    executed: OpenShares,
    buys: Working,
    sells: Working,
}

/// Shares of each side.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct OpenShares {
    /// Bought.
    pub buy: Shares,
    /// Sold.
    pub sell: Shares,
}

/// An execution, as it changes a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// In which account.
    pub account: Arc<str>,
    /// Of what.
    pub instrument: Instrument,
    /// Positive when bought.
    pub shares: Shares,
}

impl Totals {
    /// Replaces what an order adds. `committed` is the layer below when this one is a batch's.
    pub fn change(
        &mut self,
        committed: Option<&Totals>,
        order_id: i32,
        before: Option<&OrderExposure>,
        after: Option<&OrderExposure>,
    ) {
        if before == after {
            return;
        }
        for (exposure, sign) in [(before, -1), (after, 1)] {
            if let Some(exposure) = exposure {
                self.add(committed, order_id, exposure, sign);
            }
        }
    }

    /// Counts an instruction that was taken: Place, PlaceBracket, Transmit or Replace.
    pub fn instructed(&mut self, account: &Arc<str>, caller: &Arc<str>, at: Timestamp) {
        for totals in self.of_account(account) {
            totals.instructions.push(at);
        }
        self.callers.entry(caller.clone()).or_default().push(at);
    }

    /// An execution changes the position of its account, and tells a price. Shares taken back by a correction are negative.
    pub fn executed(
        &mut self,
        account: &Arc<str>,
        instrument: &Instrument,
        action: Action,
        shares: Shares,
        price: Decimal,
        at: Timestamp,
    ) {
        let entry = self.instruments.entry(instrument.clone()).or_default();
        if entry.last_execution.is_none_or(|(_, known)| known <= at) {
            entry.last_execution = Some((price, at));
        }
        let holding = entry.accounts.entry(account.clone()).or_default();
        *holding.executed.of(action) += shares;
        self.executions.push(Executed {
            account: account.clone(),
            instrument: instrument.clone(),
            shares: match action {
                Action::Buy => shares,
                Action::Sell => -shares,
            },
        });
    }

    fn add(
        &mut self,
        committed: Option<&Totals>,
        order_id: i32,
        exposure: &OrderExposure,
        sign: i64,
    ) {
        let OrderExposure {
            account,
            instrument,
            action,
            open,
            executed,
            likeness,
        } = exposure;
        if *executed != Cents::ZERO {
            for totals in self.of_account(account) {
                totals.money(instrument.currency()).executed += signed(*executed, sign);
            }
        }
        if let Some(likeness) = likeness {
            self.alike
                .put(committed.is_some(), order_id, likeness, sign);
        }
        let Some(open) = open else { return };
        let OpenExposure {
            remaining,
            value,
            working,
            exclusive,
            family,
        } = open;
        for totals in self.of_account(account) {
            totals.open_orders += sign;
        }
        if let Some(price) = working {
            let holding = self.holding(account, instrument);
            let (side, key) = match action {
                Action::Buy => (&mut holding.buys, price.as_bid()),
                Action::Sell => (&mut holding.sells, price.as_offer()),
            };
            side.put(committed.is_some(), (key, order_id), *family, sign);
        }
        let share = Share {
            account,
            instrument,
            action: *action,
            remaining: *remaining,
            value: value.unwrap_or_default(),
            unpriced: i64::from(value.is_none()),
        };
        match exclusive {
            None => self.add_share(&share, sign),
            Some(set) => self.change_set(committed, set, order_id, &share, sign),
        }
    }

    /// Adds an order to a set of which only one is to fill, or takes it out: what counts is the largest of it, before and after.
    fn change_set(
        &mut self,
        committed: Option<&Totals>,
        set: &ExclusiveSet,
        order_id: i32,
        share: &Share<'_>,
        sign: i64,
    ) {
        let before = match self.exclusive.remove(set) {
            Some(members) => members,
            None => committed
                .and_then(|below| below.exclusive.get(set))
                .cloned()
                .unwrap_or_default(),
        };
        let mut after = before.clone();
        after.retain(|member| member.order_id != order_id);
        if sign > 0 {
            after.push(Member::new(order_id, share));
        }
        for (members, sign) in [(&before, -1), (&after, 1)] {
            for share in largest(members) {
                self.add_share(&share, sign);
            }
        }
        if committed.is_some() || !after.is_empty() {
            self.exclusive.insert(set.clone(), after);
        }
    }

    fn add_share(&mut self, share: &Share<'_>, sign: i64) {
        let Share {
            account,
            instrument,
            action,
            remaining,
            value,
            unpriced,
        } = share;
        for totals in self.of_account(account) {
            let money = totals.money(instrument.currency());
            money.open += signed(*value, sign);
            money.unpriced += unpriced * sign;
        }
        let side = self.holding(account, instrument).open.of(*action);
        if sign < 0 {
            *side -= *remaining;
        } else {
            *side += *remaining;
        }
    }

    fn holding(&mut self, account: &Arc<str>, instrument: &Instrument) -> &mut HoldingTotals {
        let entry = self.instruments.entry(instrument.clone()).or_default();
        entry.accounts.entry(account.clone()).or_default()
    }

    fn of_account(&mut self, account: &Arc<str>) -> [&mut AccountTotals; 2] {
        let one = self.accounts.entry(account.clone()).or_default();
        [&mut self.everything, one]
    }
}

fn signed(value: Cents, sign: i64) -> Cents {
    if sign < 0 { -value } else { value }
}

impl OpenShares {
    fn of(&mut self, action: Action) -> &mut Shares {
        match action {
            Action::Buy => &mut self.buy,
            Action::Sell => &mut self.sell,
        }
    }

    fn absorb(&mut self, batch: Self) {
        self.buy += batch.buy;
        self.sell += batch.sell;
    }
}

impl AccountTotals {
    fn money(&mut self, currency: &str) -> &mut Money {
        let known = self
            .money
            .iter()
            .position(|(known, _)| &**known == currency);
        let index = known.unwrap_or_else(|| {
            self.money.push((currency.into(), Money::default()));
            self.money.len() - 1
        });
        &mut self.money[index].1
    }
}
