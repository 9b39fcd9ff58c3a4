//! All orders, found by every name they have, and by price while they rest.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use rust_decimal::Decimal;

use super::market::SymbolIndex;
use super::order::{Order, OrderKey, PermId, Phase, Price, Side};

/// The resting orders of one symbol, best first.
#[derive(Debug, Default)]
struct Resting {
    buys: BTreeSet<(Reverse<Decimal>, PermId)>,
    sells: BTreeSet<(Decimal, PermId)>,
    /// Market orders that could not fill when they came.
    market: BTreeSet<PermId>,
}

/// Orders by permanent id, which is also their age.
#[derive(Debug)]
pub(crate) struct Book {
    orders: HashMap<PermId, Order>,
    by_key: HashMap<OrderKey, PermId>,
    open: BTreeSet<PermId>,
    resting: Vec<Resting>,
    finished: VecDeque<PermId>,
    finished_max: usize,
}

impl Book {
    pub(crate) fn new(symbols: usize, finished_max: usize) -> Self {
        Self {
            orders: HashMap::new(),
            by_key: HashMap::new(),
            open: BTreeSet::new(),
            resting: std::iter::repeat_with(Resting::default)
                .take(symbols)
                .collect(),
            finished: VecDeque::new(),
            finished_max,
        }
    }

    pub(crate) fn insert(&mut self, order: Order) {
        if !order.manual {
            self.by_key.insert(order.key, order.perm_id);
        }
        if order.phase.is_over() {
            self.finished.push_back(order.perm_id);
        } else {
            self.open.insert(order.perm_id);
        }
        self.orders.insert(order.perm_id, order);
        self.forget_oldest();
    }

    pub(crate) fn get(&self, perm_id: PermId) -> Option<&Order> {
        self.orders.get(&perm_id)
    }

    /// For changes that neither end the order nor move its price.
    pub(crate) fn get_mut(&mut self, perm_id: PermId) -> Option<&mut Order> {
        self.orders.get_mut(&perm_id)
    }

    pub(crate) fn find(&self, key: OrderKey) -> Option<PermId> {
        self.by_key.get(&key).copied()
    }

    /// Unfinished orders, oldest first, staged ones included.
    pub(crate) fn open(&self) -> impl Iterator<Item = &Order> {
        self.open
            .iter()
            .filter_map(|perm_id| self.orders.get(perm_id))
    }

    /// Finished orders that are still remembered, oldest first.
    pub(crate) fn finished(&self) -> impl Iterator<Item = &Order> {
        self.finished
            .iter()
            .filter_map(|perm_id| self.orders.get(perm_id))
    }

    /// Notes that an order is over.
    pub(crate) fn finish(&mut self, perm_id: PermId, symbol: Option<SymbolIndex>) {
        if let Some(symbol) = symbol {
            self.take_off(perm_id, symbol);
        }
        if self.open.remove(&perm_id) {
            self.finished.push_back(perm_id);
            self.forget_oldest();
        }
    }

    /// Puts an order where a price can find it.
    pub(crate) fn rest(&mut self, perm_id: PermId, symbol: SymbolIndex) {
        let (Some(order), Some(resting)) =
            (self.orders.get(&perm_id), self.resting.get_mut(symbol))
        else {
            return;
        };
        match (order.price, order.side) {
            (Price::Market, _) => resting.market.insert(perm_id),
            (Price::Limit(price), Side::Buy) => resting.buys.insert((Reverse(price), perm_id)),
            (Price::Limit(price), Side::Sell) => resting.sells.insert((price, perm_id)),
        };
    }

    /// Takes it away again, before its price changes or when it is over.
    pub(crate) fn take_off(&mut self, perm_id: PermId, symbol: SymbolIndex) {
        let (Some(order), Some(resting)) =
            (self.orders.get(&perm_id), self.resting.get_mut(symbol))
        else {
            return;
        };
        match (order.price, order.side) {
            (Price::Market, _) => resting.market.remove(&perm_id),
            (Price::Limit(price), Side::Buy) => resting.buys.remove(&(Reverse(price), perm_id)),
            (Price::Limit(price), Side::Sell) => resting.sells.remove(&(price, perm_id)),
        };
    }

    /// Orders of a symbol that bid and ask reach now: market orders by age, then the best limits.
    pub(crate) fn crossed(&self, symbol: SymbolIndex, bid: Decimal, ask: Decimal) -> Vec<PermId> {
        let Some(resting) = self.resting.get(symbol) else {
            return Vec::new();
        };
        let buys = resting
            .buys
            .iter()
            .take_while(|(price, _)| price.0 >= ask)
            .map(|(_, perm_id)| *perm_id);
        let sells = resting
            .sells
            .iter()
            .take_while(|(price, _)| *price <= bid)
            .map(|(_, perm_id)| *perm_id);
        resting
            .market
            .iter()
            .copied()
            .chain(buys)
            .chain(sells)
            .collect()
    }

    /// All staged orders leave, as they do when TWS stops.
    pub(crate) fn forget_staged(&mut self) {
        let staged: Vec<PermId> = self
            .open()
            .filter(|o| o.phase == Phase::Staged)
            .map(|o| o.perm_id)
            .collect();
        for perm_id in staged {
            self.open.remove(&perm_id);
            if let Some(order) = self.orders.remove(&perm_id) {
                self.by_key.remove(&order.key);
            }
        }
    }

    /// Gives a manual order an id of client 0.
    pub(crate) fn bind(&mut self, perm_id: PermId, order_id: i32) {
        if let Some(order) = self.orders.get_mut(&perm_id) {
            order.key = OrderKey {
                client_id: 0,
                order_id,
            };
            order.manual = false;
            order.echo.order_id = Some(order_id);
            if let Some(echo) = &mut order.echo.order {
                echo.order_id = Some(order_id);
            }
            self.by_key.insert(order.key, perm_id);
        }
    }

    fn forget_oldest(&mut self) {
        while self.finished.len() > self.finished_max {
            let Some(order) = self
                .finished
                .pop_front()
                .and_then(|perm_id| self.orders.remove(&perm_id))
            else {
                continue;
            };
            if self.by_key.get(&order.key) == Some(&order.perm_id) {
                self.by_key.remove(&order.key);
            }
        }
    }
}
