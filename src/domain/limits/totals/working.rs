//! Orders of one side that could trade now, by price.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

/// Orders of one side that could trade now. The keys sort by price first.
#[derive(Debug, Default)]
pub(super) struct Working {
    /// With the entry of the bracket that each belongs to.
    orders: BTreeMap<(Decimal, i32), Option<i32>>,
    /// In a batch's layer: no more among the committed ones.
    gone: BTreeSet<(Decimal, i32)>,
}

/// Which end of the prices trades first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Best {
    /// Sellers: the lowest.
    Lowest,
    /// Buyers: the highest.
    Highest,
}

/// Who would take the other side.
#[derive(Debug, Clone, Copy, Default)]
pub struct Taker {
    /// Its order id, where it is in the totals already.
    pub order_id: Option<i32>,
    /// The entry of its bracket.
    pub family: Option<i32>,
}

impl Taker {
    /// Whether an order is the taker's own, or of its family: they do not trade with each other.
    fn is_own(self, order_id: i32, family: Option<i32>) -> bool {
        self.order_id == Some(order_id)
            || (self.family.is_some() && (family == self.family || self.family == Some(order_id)))
    }
}

impl Working {
    /// Adds an order, or takes it away. `over`: there is a layer below.
    pub(super) fn put(&mut self, over: bool, key: (Decimal, i32), family: Option<i32>, sign: i64) {
        if sign > 0 {
            self.orders.insert(key, family);
        } else if self.orders.remove(&key).is_none() && over {
            self.gone.insert(key);
        }
    }

    /// An order of this layer or of the one below that trades at `price`, the best first.
    pub(super) fn trades_at(
        &self,
        committed: Option<&Self>,
        best: Best,
        price: Decimal,
        taker: Taker,
    ) -> Option<i32> {
        let trades = |offered: Decimal| match best {
            Best::Lowest => offered <= price,
            Best::Highest => offered >= price,
        };
        let find = |layer: &Self, gone: &BTreeSet<(Decimal, i32)>| {
            let matches = |(key, family): (&(Decimal, i32), &Option<i32>)| {
                let out = gone.contains(key) || taker.is_own(key.1, *family);
                (!out).then_some(key.1)
            };
            match best {
                Best::Lowest => layer
                    .orders
                    .iter()
                    .take_while(|((offered, _), _)| trades(*offered))
                    .find_map(matches),
                Best::Highest => layer
                    .orders
                    .iter()
                    .rev()
                    .take_while(|((offered, _), _)| trades(*offered))
                    .find_map(matches),
            }
        };
        let none = BTreeSet::new();
        find(self, &none).or_else(|| committed.and_then(|below| find(below, &self.gone)))
    }

    pub(super) fn absorb(&mut self, batch: Self) {
        for key in batch.gone {
            self.orders.remove(&key);
        }
        self.orders.extend(batch.orders);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }
}
