//! Open orders by what makes two of them look like one placed twice.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::super::super::Timestamp;
use super::super::exposure::Likeness;

/// Open orders by their fingerprint. Order ids grow, so the last of a fingerprint is the latest.
#[derive(Debug, Default)]
pub(super) struct Alike {
    orders: HashMap<u128, BTreeMap<i32, Timestamp>>,
    /// In a batch's layer: no more among the committed ones.
    gone: BTreeSet<(u128, i32)>,
}

impl Alike {
    /// Adds an order, or takes it away. `over`: there is a layer below.
    pub(super) fn put(&mut self, over: bool, order_id: i32, likeness: &Likeness, sign: i64) {
        let Likeness {
            fingerprint,
            placed_at,
        } = likeness;
        if sign > 0 {
            let orders = self.orders.entry(*fingerprint).or_default();
            orders.insert(order_id, *placed_at);
        } else if !self.remove(*fingerprint, order_id) && over {
            self.gone.insert((*fingerprint, order_id));
        }
    }

    fn remove(&mut self, fingerprint: u128, order_id: i32) -> bool {
        let Some(orders) = self.orders.get_mut(&fingerprint) else {
            return false;
        };
        let was_there = orders.remove(&order_id).is_some();
        if orders.is_empty() {
            self.orders.remove(&fingerprint);
        }
        was_there
    }

    /// The latest order with a fingerprint in this layer or in the one below.
    pub(super) fn latest(&self, committed: &Self, fingerprint: u128) -> Option<(i32, Timestamp)> {
        let own = self.orders.get(&fingerprint);
        if let Some((order_id, at)) = own.and_then(BTreeMap::last_key_value) {
            return Some((*order_id, *at));
        }
        let below = committed.orders.get(&fingerprint)?;
        below
            .iter()
            .rev()
            .find(|(order_id, _)| !self.gone.contains(&(fingerprint, **order_id)))
            .map(|(order_id, at)| (*order_id, *at))
    }

    pub(super) fn absorb(&mut self, batch: Self) {
        for (fingerprint, order_id) in batch.gone {
            self.remove(fingerprint, order_id);
        }
        for (fingerprint, orders) in batch.orders {
            self.orders.entry(fingerprint).or_default().extend(orders);
        }
    }
}
