//! Positions as TWS last said them, as far as limits need them.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rust_decimal::Decimal;

use super::super::Timestamp;
use super::exposure::Instrument;
use super::quantity::Shares;
use super::totals::{Executed, OpenShares};

/// How long an execution may go without an update of its position before the position is taken to have it: TWS renews account data
/// every three minutes (TWS API documentation, account updates).
const POSITION_RENEWED_WITHIN: Duration = Duration::from_secs(180);

/// How soon TWS's word about a position follows the execution that changed it: within about a second where it was captured. A word
/// that comes later than this after an execution has it counted.
const POSITION_FOLLOWS_WITHIN: Duration = Duration::from_secs(5);

/// Positions as TWS last said them, and the executions that it may not have counted in them yet.
#[derive(Debug, Clone, Default)]
pub struct Positions {
    /// They may be old: since the link was lost, or since ever.
    known: Known,
    rows: HashMap<Instrument, BTreeMap<Arc<str>, Holding>>,
}

/// What is known of the positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Known {
    /// TWS has never said them to this process.
    #[default]
    Never,
    /// It has, but they may have changed since.
    Stale,
    /// They are TWS's last word.
    Current,
}

#[derive(Debug, Clone, Default)]
struct Holding {
    quantity: Shares,
    price: Option<Decimal>,
    /// Executions that the quantity may not have yet, oldest first.
    uncounted: VecDeque<(Shares, Timestamp)>,
}

/// A position between the least and the most it can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Range {
    /// The least.
    pub low: Shares,
    /// The most.
    pub high: Shares,
}

impl Positions {
    /// What is known.
    pub const fn known(&self) -> Known {
        self.known
    }

    /// TWS has said all of them.
    pub fn set_current(&mut self) {
        self.known = Known::Current;
    }

    /// They may be old from now on.
    pub fn set_stale(&mut self) {
        if self.known == Known::Current {
            self.known = Known::Stale;
        }
    }

    /// TWS's word about a position: shares, and the market's price where TWS gives one.
    pub fn say(
        &mut self,
        account: &Arc<str>,
        instrument: &Instrument,
        quantity: Decimal,
        price: Option<Decimal>,
        now: Timestamp,
    ) {
        let accounts = self.rows.entry(instrument.clone()).or_default();
        let holding = accounts.entry(account.clone()).or_default();
        let before = holding.quantity;
        holding.quantity = Shares::of(quantity);
        holding.price = price.or(holding.price);
        holding.counted(holding.quantity - before);
        holding.drop_older(before_by(now, POSITION_FOLLOWS_WITHIN));
        if holding.is_empty() {
            accounts.remove(account);
        }
    }

    /// Something executed.
    pub fn executed(&mut self, executed: Executed, now: Timestamp) {
        let Executed {
            account,
            instrument,
            shares,
        } = executed;
        let accounts = self.rows.entry(instrument).or_default();
        let holding = accounts.entry(account).or_default();
        holding.uncounted.push_back((shares, now));
    }

    /// Lets go of what TWS must have counted by now.
    pub fn forget(&mut self, now: Timestamp) {
        // While nothing is heard of positions, nothing of them can be taken to have been counted.
        if self.known != Known::Current {
            return;
        }
        let before = before_by(now, POSITION_RENEWED_WITHIN);
        self.rows.retain(|_, accounts| {
            accounts.retain(|_, holding| {
                holding.drop_older(before);
                !holding.is_empty()
            });
            !accounts.is_empty()
        });
    }

    /// A position, with what executed on top of TWS's word, counted and not.
    pub fn range(&self, account: &str, instrument: &Instrument, more: OpenShares) -> Range {
        let holding = self.rows.get(instrument).and_then(|of| of.get(account));
        let quantity = holding.map_or(Shares::ZERO, |holding| holding.quantity);
        let mut range = Range {
            low: quantity - more.sell,
            high: quantity + more.buy,
        };
        for (shares, _) in holding.into_iter().flat_map(|holding| &holding.uncounted) {
            if *shares > Shares::ZERO {
                range.high += *shares;
            } else {
                range.low += *shares;
            }
        }
        range
    }

    /// The market's price of an instrument that somebody of the login holds.
    pub fn price(&self, instrument: &Instrument) -> Option<Decimal> {
        if self.known != Known::Current {
            return None;
        }
        let accounts = self.rows.get(instrument)?;
        accounts.values().find_map(|holding| holding.price)
    }

    /// The accounts that hold an instrument, or have traded it lately.
    pub fn accounts_in(&self, instrument: &Instrument) -> impl Iterator<Item = &Arc<str>> {
        self.rows
            .get(instrument)
            .into_iter()
            .flat_map(BTreeMap::keys)
    }

    /// Every instrument that somebody of the login holds, or has traded lately.
    pub fn instruments(&self) -> impl Iterator<Item = &Instrument> {
        self.rows.keys()
    }
}

impl Holding {
    /// TWS's quantity has changed by `change`: the oldest executions that come to it are counted now.
    fn counted(&mut self, change: Shares) {
        let mut sum = Shares::ZERO;
        let matching = self.uncounted.iter().position(|(shares, _)| {
            sum += *shares;
            sum == change
        });
        if let Some(last) = matching
            && change != Shares::ZERO
        {
            self.uncounted.drain(..=last);
        }
    }

    /// Executions of that time and before are counted.
    fn drop_older(&mut self, before: Timestamp) {
        while self.uncounted.front().is_some_and(|(_, at)| *at <= before) {
            self.uncounted.pop_front();
        }
    }

    fn is_empty(&self) -> bool {
        self.quantity == Shares::ZERO && self.uncounted.is_empty()
    }
}

fn before_by(now: Timestamp, age: Duration) -> Timestamp {
    let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
    Timestamp::from_unix_micros(now.unix_micros().saturating_sub(age))
}
