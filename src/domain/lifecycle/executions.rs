//! The executions of one order, each counted once.

use std::collections::HashMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::domain::{Amount, Commission, Fill};

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
    CommissionReported(Fill),
}

/// The executions of one order, corrections applied. Copying is cheap until something is added.
///
/// TWS may show the same shares again under other execution ids (a master's fill and its allocations, a repeated report), so the sum of the
/// executions can be more than what filled: [`Executions::quantity`] never counts more than TWS's own cumulative quantities.
/// Executions of a second order that TWS made under the same id are kept, and count for nothing here.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Executions {
    inner: Arc<Inner>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Inner {
    /// By the id up to its last dot: what follows counts the corrections.
    by_stem: HashMap<String, Entry>,
    /// Sum of the shares of all that count.
    sum: Decimal,
    /// The largest count of TWS: of those that came with executions, and what was known to have filled when the rest was read from the store.
    cumulative_max: Decimal,
    /// Shares that no count of TWS is known to have: of executions without one, and what corrections added.
    uncounted: Decimal,
    cost: Decimal,
    commissions: Vec<Commission>,
    /// Shares that corrections took away: an older status still counts them.
    corrected_away: Decimal,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    fill: Fill,
    /// It is an execution of the order itself, not of a second one under its id.
    counts: bool,
}

impl Executions {
    /// From what is stored. `filled` is what the order is known to have filled.
    pub fn from_fills(fills: impl IntoIterator<Item = Fill>, filled: Decimal) -> Self {
        let mut executions = Self::default();
        for fill in fills {
            let counts = fill.perm_id.is_none();
            executions.take(fill, None, counts);
        }
        // What TWS counted was stored with the order: more in the sum are shares that it showed more than once.
        let inner = Arc::make_mut(&mut executions.inner);
        inner.cumulative_max = filled;
        inner.uncounted = Decimal::ZERO;
        executions
    }

    /// Takes an execution; `None` when it is known, or older than its correction. `cumulative` is TWS's own count of what had filled by then;
    /// `counts` is false for an execution of a second order under the same id.
    pub fn take(
        &mut self,
        fill: Fill,
        cumulative: Option<Decimal>,
        counts: bool,
    ) -> Option<ExecutionChange> {
        let (stem, revision) = split(&fill.exec_id);
        let corrects = revision.parse::<u32>().is_ok_and(|revision| revision > 1);
        // Whether TWS's count already has the corrected shares is not known: it bounds nothing then.
        let cumulative = cumulative.filter(|_| !corrects);
        let known = self.inner.by_stem.get(stem);
        if let Some(known) = known
            && !is_newer(revision, split(&known.fill.exec_id).1)
        {
            // Told again, after a restart: its count was not stored.
            if let Some(cumulative) = cumulative.filter(|_| counts && known.counts)
                && cumulative > self.inner.cumulative_max
            {
                Arc::make_mut(&mut self.inner).cumulative_max = cumulative;
            }
            return None;
        }
        let stem = stem.to_owned();
        let inner = Arc::make_mut(&mut self.inner);
        let previous = inner.by_stem.remove(&stem);
        let mut fill = fill;
        let change = match previous {
            None => {
                // By how much what it corrects was more is not known: nobody heard it, or an earlier process did.
                if corrects && counts {
                    inner.corrected_away = CORRECTED_UNKNOWN;
                }
                if counts {
                    inner.add(&fill, cumulative);
                }
                ExecutionChange::New(fill.clone())
            }
            Some(Entry {
                fill: previous,
                counts: counted,
            }) => {
                let lost = previous.quantity.value() - fill.quantity.value();
                if counted {
                    inner.sum -= lost;
                    inner.cost -= previous.quantity.value() * previous.price.value();
                    inner.cost += fill.quantity.value() * fill.price.value();
                    // Counts from before the correction do not have what it added.
                    inner.uncounted += (-lost).max(Decimal::ZERO);
                    inner.corrected_away = (inner.corrected_away + lost).max(Decimal::ZERO);
                }
                if fill.commission.is_none() {
                    fill.commission = previous.commission;
                    fill.currency = previous.currency.clone();
                } else if counted {
                    inner.charge(&previous, true);
                    inner.charge(&fill, false);
                }
                ExecutionChange::Replaced {
                    previous: previous.exec_id,
                    fill: fill.clone(),
                }
            }
        };
        inner.by_stem.insert(stem, Entry { fill, counts });
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
        let known = &self.inner.by_stem.get(stem)?.fill;
        if known.exec_id != exec_id
            || (known.commission == Some(amount) && known.currency.as_deref() == Some(currency))
        {
            return None;
        }
        let inner = Arc::make_mut(&mut self.inner);
        let entry = inner.by_stem.get_mut(stem)?;
        let counts = entry.counts;
        let previous = entry.fill.clone();
        entry.fill.commission = Some(amount);
        entry.fill.currency = Some(currency.to_owned());
        let fill = entry.fill.clone();
        if counts {
            inner.charge(&previous, true);
            inner.charge(&fill, false);
        }
        Some(ExecutionChange::CommissionReported(fill))
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
            .map(|entry| entry.fill.exec_id.as_str())
    }

    /// Every execution, in no order, and whether it is one of the order itself: not of a second one under its id.
    pub fn fills(&self) -> impl Iterator<Item = (&Fill, bool)> {
        let entries = self.inner.by_stem.values();
        entries.map(|Entry { fill, counts }| (fill, *counts))
    }

    /// Shares executed, none of them counted twice.
    pub fn quantity(&self) -> Decimal {
        let counted = self.inner.cumulative_max + self.inner.uncounted;
        self.inner.sum.min(counted)
    }

    /// Average price; `None` while nothing has executed.
    pub fn average(&self) -> Option<Amount> {
        (self.inner.sum > Decimal::ZERO)
            .then(|| Amount::new((self.inner.cost / self.inner.sum).round_dp(AVERAGE_DECIMALS)))
    }

    /// Sums of the commissions known, one for each currency, in the order of the currencies' codes.
    pub fn commissions(&self) -> &[Commission] {
        &self.inner.commissions
    }

    /// What a count of TWS says about shares filled, if TWS made it before it knew of the corrections that we know.
    pub(super) fn without_corrected(&self, filled: Decimal) -> Decimal {
        let executed = self.quantity();
        if filled <= executed + self.inner.corrected_away {
            filled.min(executed)
        } else {
            filled
        }
    }
}

impl Inner {
    /// Adds an execution that counts.
    fn add(&mut self, fill: &Fill, cumulative: Option<Decimal>) {
        let quantity = fill.quantity.value();
        self.sum += quantity;
        self.cost += quantity * fill.price.value();
        self.charge(fill, false);
        match cumulative {
            Some(cumulative) => self.cumulative_max = self.cumulative_max.max(cumulative),
            None => self.uncounted += quantity,
        }
    }

    fn charge(&mut self, fill: &Fill, back: bool) {
        let (Some(amount), Some(currency)) = (fill.commission, fill.currency.as_ref()) else {
            return;
        };
        let amount = if back {
            -amount.value()
        } else {
            amount.value()
        };
        let at = self
            .commissions
            .binary_search_by(|known| known.currency.cmp(currency));
        match at {
            Ok(at) => {
                let known = &mut self.commissions[at];
                known.amount = Amount::new(known.amount.value() + amount);
            }
            Err(at) => self.commissions.insert(
                at,
                Commission {
                    amount: Amount::new(amount),
                    currency: currency.clone(),
                },
            ),
        }
        // A currency that nothing is charged in any more is gone; one that was charged with 0 stays.
        if back {
            let still = self.by_stem.values().any(|entry| {
                entry.counts
                    && entry.fill.commission.is_some()
                    && entry.fill.currency.as_ref() == Some(currency)
            });
            if !still {
                self.commissions.retain(|known| known.currency != *currency);
            }
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
