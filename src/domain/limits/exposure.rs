//! What one order adds to the totals that limits are checked against.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::super::{Action, Timestamp};
use super::quantity::{Cents, Shares};

/// A symbol in one currency: what positions, prices and orders that could trade with each other have in common. `AAPL USD`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instrument(Arc<str>);

impl Instrument {
    /// Of a symbol and the ISO 4217 code of its currency, both upper case.
    pub fn new(symbol: &str, currency: &str) -> Self {
        Self(format!("{symbol} {currency}").into())
    }

    /// The symbol.
    pub fn symbol(&self) -> &str {
        self.0
            .rsplit_once(' ')
            .map_or(&self.0, |(symbol, _)| symbol)
    }

    /// The currency.
    pub fn currency(&self) -> &str {
        self.0.rsplit_once(' ').map_or("", |(_, currency)| currency)
    }
}

/// Orders of which only one is to fill: the members of an OCA group, the legs of a bracket. They count as the largest of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ExclusiveSet {
    /// An OCA group: its account and its name.
    Oca(Arc<str>, Arc<str>),
    /// The children of this entry.
    Children(i32),
}

/// What an order adds to the totals. Derived from the order alone, so that it can be taken away again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderExposure {
    /// The account it is for.
    pub account: Arc<str>,
    /// What it trades.
    pub instrument: Instrument,
    /// Which way.
    pub action: Action,
    /// What may still execute; `None` once it has ended, and while it is only staged.
    pub open: Option<OpenExposure>,
    /// What it has executed on the day of the limits.
    pub executed: Cents,
    /// What would make another order look like this one by mistake; `None` once it has ended.
    pub likeness: Option<Likeness>,
}

/// The open part of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenExposure {
    /// Shares that may still execute. While a replacement is undecided: of the larger version.
    pub remaining: Shares,
    /// What they are worth as limits count it; `None`: no price was known.
    pub value: Option<Cents>,
    /// Where it could trade now; `None`: it waits for its trigger, or for its parent.
    pub working: Option<WorkingPrice>,
    /// Only one of these is to fill.
    pub exclusive: Option<ExclusiveSet>,
    /// The entry of the bracket it belongs to, itself included.
    pub family: Option<i32>,
}

/// The price at which an order could trade now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkingPrice {
    /// At any.
    Any,
    /// At its limit or better.
    Limit(Decimal),
}

impl WorkingPrice {
    /// A number that grows with what a buyer would pay.
    pub(super) fn as_bid(self) -> Decimal {
        match self {
            Self::Any => Decimal::MAX,
            Self::Limit(price) => price,
        }
    }

    /// A number that falls with what a seller would take.
    pub(super) fn as_offer(self) -> Decimal {
        match self {
            Self::Any => Decimal::MIN,
            Self::Limit(price) => price,
        }
    }
}

/// Everything that makes two orders look like one order placed twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Likeness {
    /// SHA-256 over account, instrument, action, order type, quantity and every price, shortened to 128 bits.
    pub fingerprint: u128,
    /// When it was placed.
    pub placed_at: Timestamp,
}
