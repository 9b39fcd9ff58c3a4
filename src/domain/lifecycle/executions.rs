//! The executions of one order, each counted once.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::{Amount, Fill};

/// Decimal places kept of an average price: a division may need more than anybody asked for.
const AVERAGE_DECIMALS: u32 = 8;

/// More shares than any order has: how many a correction took away is not known.
const CORRECTED_UNKNOWN: Decimal = Decimal::from_parts(1_661_992_960, 1_808_227_885, 5, false, 0);

/// What a report did to the executions of an order.
#[derive(Debug, Clone, PartialEq)]
pub enum ExecutionChange {
    /// Heard of for the first time.
    New(Fill),
    /// Corrects an earlier one, which counts no more.
    Replaced {
        /// Id of the earlier one.
        previous: String,
        /// The execution as corrected.
        fill: Fill,
    },
    /// Its commission became known.
    Charged(Fill),
}

/// The executions of one order, corrections applied. Copying is cheap until something is added.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Executions {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Inner {
    /// By the id up to its last dot: what follows counts the corrections.
    by_stem: HashMap<String, Fill>,
    quantity: Decimal,
    cost: Decimal,
    commission: Option<Decimal>,
    /// Shares that corrections took away: an older status still counts them.
    corrected_away: Decimal,
}

impl Executions {
    /// From what is stored.
    pub fn from_fills(fills: impl IntoIterator<Item = Fill>) -> Self {
        let mut executions = Self::default();
        for fill in fills {
            executions.take(fill);
        }
        executions
    }

    /// Takes an execution; `None` when it is known, or older than its correction.
    pub fn take(&mut self, fill: Fill) -> Option<ExecutionChange> {
        let (stem, revision) = split(&fill.exec_id);
        let corrects = revision.parse::<u32>().is_ok_and(|revision| revision > 1);
        let known = self.inner.by_stem.get(stem);
        if let Some(known) = known
            && !is_newer(revision, split(&known.exec_id).1)
        {
            return None;
        }
        let stem = stem.to_owned();
        let inner = Arc::make_mut(&mut self.inner);
        let previous = inner.by_stem.remove(&stem);
        let mut fill = fill;
        let change = match previous {
            None => {
                // By how much what it corrects was more is not known: nobody heard it, or an earlier process did.
                if corrects {
                    inner.corrected_away = CORRECTED_UNKNOWN;
                }
                ExecutionChange::New(fill.clone())
            }
            Some(previous) => {
                inner.quantity -= previous.quantity.value();
                inner.cost -= previous.quantity.value() * previous.price.value();
                let lost = previous.quantity.value() - fill.quantity.value();
                inner.corrected_away = (inner.corrected_away + lost).max(Decimal::ZERO);
                inner.uncharge(previous.commission);
                if fill.commission.is_none() {
                    fill.commission = previous.commission;
                    fill.currency = previous.currency.clone();
                }
                ExecutionChange::Replaced {
                    previous: previous.exec_id,
                    fill: fill.clone(),
                }
            }
        };
        inner.quantity += fill.quantity.value();
        inner.cost += fill.quantity.value() * fill.price.value();
        inner.charge(fill.commission);
        inner.by_stem.insert(stem, fill);
        Some(change)
    }

    /// Takes the commission of an execution; `None` when the execution is unknown, or the commission is known.
    pub fn charge(
        &mut self,
        exec_id: &str,
        amount: Amount,
        currency: &str,
    ) -> Option<ExecutionChange> {
        let (stem, _) = split(exec_id);
        let known = self.inner.by_stem.get(stem)?;
        if known.exec_id != exec_id
            || (known.commission == Some(amount) && known.currency.as_deref() == Some(currency))
        {
            return None;
        }
        let inner = Arc::make_mut(&mut self.inner);
        let fill = inner.by_stem.get_mut(stem)?;
        let previous = fill.commission.replace(amount);
        fill.currency = Some(currency.to_owned());
        let change = ExecutionChange::Charged(fill.clone());
        inner.uncharge(previous);
        inner.charge(Some(amount));
        Some(change)
    }

    /// Whether nothing was added since one was copied from the other. Cheap; may say no for equal ones.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// Ids of all executions.
    pub fn exec_ids(&self) -> impl Iterator<Item = &str> {
        self.inner
            .by_stem
            .values()
            .map(|fill| fill.exec_id.as_str())
    }

    /// Shares executed.
    pub fn quantity(&self) -> Decimal {
        self.inner.quantity
    }

    /// Average price; `None` before the first execution.
    pub fn average(&self) -> Option<Amount> {
        (self.inner.quantity > Decimal::ZERO).then(|| {
            Amount::new((self.inner.cost / self.inner.quantity).round_dp(AVERAGE_DECIMALS))
        })
    }

    /// Sum of the commissions known; `None` before the first.
    pub fn commission(&self) -> Option<Amount> {
        self.inner.commission.map(Amount::new)
    }

    /// What a count of TWS says about shares filled, if TWS made it before it knew of the corrections that we know.
    pub(super) fn without_corrected(&self, filled: Decimal) -> Decimal {
        if filled <= self.inner.quantity + self.inner.corrected_away {
            filled.min(self.inner.quantity)
        } else {
            filled
        }
    }
}

impl Inner {
    fn charge(&mut self, commission: Option<Amount>) {
        if let Some(commission) = commission {
            self.commission = Some(self.commission.unwrap_or_default() + commission.value());
        }
    }

    fn uncharge(&mut self, commission: Option<Amount>) {
        if let Some(commission) = commission {
            self.commission = self.commission.map(|sum| sum - commission.value());
        }
    }
}

/// An execution id up to its last dot, and what follows.
fn split(exec_id: &str) -> (&str, &str) {
    exec_id.rsplit_once('.').unwrap_or((exec_id, ""))
}

fn is_newer(revision: &str, known: &str) -> bool {
    match (revision.parse::<u32>(), known.parse::<u32>()) {
        (Ok(revision), Ok(known)) => revision > known,
        _ => revision != known,
    }
}
