//! All orders, found by every name they have, and by price while they rest.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap, VecDeque};

use rust_decimal::Decimal;

use super::market::SymbolIndex;
use super::order::{OcaGroup, OcaType, Order, OrderKey, PermId, Phase, Side};

/// The orders of one symbol that a price can reach, best first.
#[derive(Debug, Default)]
struct Resting {
    buys: BTreeSet<(Reverse<Decimal>, PermId)>,
    sells: BTreeSet<(Decimal, PermId)>,
    /// Market orders that could not fill when they came.
    market: BTreeSet<PermId>,
    /// Orders that wait for their trigger.
    waiting: BTreeSet<PermId>,
}

/// Where in [`Resting`] an order is. Kept beside it, so that it is found there whatever has become of its prices since.
#[derive(Clone, Copy, Debug)]
enum Place {
    Buy(Decimal),
    Sell(Decimal),
    Market,
    Waiting,
}

/// Orders by permanent id, which is also their age.
#[derive(Debug)]
pub(crate) struct Book {
    orders: HashMap<PermId, Order>,
    by_key: HashMap<OrderKey, PermId>,
    /// Second orders under a key: a replacement that TWS made a new order of.
    twins: HashMap<OrderKey, Vec<PermId>>,
    children: HashMap<PermId, Vec<PermId>>,
    groups: HashMap<OcaGroup, Vec<PermId>>,
    open: BTreeSet<PermId>,
    resting: Vec<Resting>,
    places: HashMap<PermId, (SymbolIndex, Place)>,
    finished: VecDeque<PermId>,
    finished_max: usize,
}

impl Book {
    pub(crate) fn new(symbols: usize, finished_max: usize) -> Self {
        Self {
            orders: HashMap::new(),
            by_key: HashMap::new(),
            twins: HashMap::new(),
            children: HashMap::new(),
            groups: HashMap::new(),
            open: BTreeSet::new(),
            resting: std::iter::repeat_with(Resting::default)
                .take(symbols)
                .collect(),
            places: HashMap::new(),
            finished: VecDeque::new(),
            finished_max,
        }
    }

    pub(crate) fn insert(&mut self, order: Order) {
        let perm_id = order.perm_id;
        if !order.manual && self.by_key.contains_key(&order.key) {
            self.twins.entry(order.key).or_default().push(perm_id);
        } else if !order.manual {
            self.by_key.insert(order.key, perm_id);
        }
        if let Some(parent) = order.parent {
            self.children.entry(parent).or_default().push(perm_id);
        }
        if let Some((group, _)) = &order.oca {
            self.groups.entry(group.clone()).or_default().push(perm_id);
        }
        if order.phase.is_over() {
            self.finished.push_back(perm_id);
        } else {
            self.open.insert(perm_id);
        }
        self.orders.insert(perm_id, order);
        self.forget_oldest();
    }

    pub(crate) fn get(&self, perm_id: PermId) -> Option<&Order> {
        self.orders.get(&perm_id)
    }

    /// For changes that neither end the order nor move its price.
    pub(crate) fn get_mut(&mut self, perm_id: PermId) -> Option<&mut Order> {
        self.orders.get_mut(&perm_id)
    }

    /// The order that a client means by an id: of two under one id the one that still works.
    pub(crate) fn find(&self, key: OrderKey) -> Option<PermId> {
        let first = self.by_key.get(&key).copied()?;
        if !self.twins.is_empty() && !self.open.contains(&first) {
            let twins = self.twins.get(&key);
            let open = twins.and_then(|twins| twins.iter().find(|twin| self.open.contains(twin)));
            return open.copied().or(Some(first));
        }
        Some(first)
    }

    /// The children of an order, oldest first, ended ones included.
    pub(crate) fn children(&self, parent: PermId) -> Vec<PermId> {
        self.children.get(&parent).cloned().unwrap_or_default()
    }

    /// The members of a group, oldest first, ended ones included.
    pub(crate) fn members(&self, group: &OcaGroup) -> Vec<PermId> {
        self.groups.get(group).cloned().unwrap_or_default()
    }

    /// Adds an order to a group, or takes it out of the one it was in.
    pub(crate) fn regroup(&mut self, perm_id: PermId, oca: Option<(OcaGroup, OcaType)>) {
        let Some(order) = self.orders.get_mut(&perm_id) else {
            return;
        };
        let before = std::mem::replace(&mut order.oca, oca.clone());
        if let Some((group, _)) = before {
            self.groups
                .entry(group)
                .or_default()
                .retain(|other| *other != perm_id);
        }
        if let Some((group, _)) = oca {
            self.groups.entry(group).or_default().push(perm_id);
        }
    }

    /// Parts a child from its parent.
    pub(crate) fn detach(&mut self, perm_id: PermId) {
        if let Some(order) = self.orders.get_mut(&perm_id)
            && let Some(parent) = order.parent.take()
            && let Some(children) = self.children.get_mut(&parent)
        {
            order.awaits_parent = false;
            children.retain(|child| *child != perm_id);
        }
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
    pub(crate) fn finish(&mut self, perm_id: PermId) {
        self.take_off(perm_id);
        if self.open.remove(&perm_id) {
            self.finished.push_back(perm_id);
            self.forget_oldest();
        }
    }

    /// Puts an order where a price can find it: as a stop while it waits for its trigger, else by its limit.
    pub(crate) fn rest(&mut self, perm_id: PermId, symbol: SymbolIndex) {
        self.take_off(perm_id);
        let (Some(order), Some(resting)) =
            (self.orders.get(&perm_id), self.resting.get_mut(symbol))
        else {
            return;
        };
        let place = match (order.waits_for_trigger(), order.limit(), order.side) {
            (true, _, _) => Place::Waiting,
            (false, None, _) => Place::Market,
            (false, Some(limit), Side::Buy) => Place::Buy(limit),
            (false, Some(limit), Side::Sell) => Place::Sell(limit),
        };
        match place {
            Place::Buy(price) => resting.buys.insert((Reverse(price), perm_id)),
            Place::Sell(price) => resting.sells.insert((price, perm_id)),
            Place::Market => resting.market.insert(perm_id),
            Place::Waiting => resting.waiting.insert(perm_id),
        };
        self.places.insert(perm_id, (symbol, place));
    }

    /// Takes it away again, if it is there.
    pub(crate) fn take_off(&mut self, perm_id: PermId) {
        let Some((symbol, place)) = self.places.remove(&perm_id) else {
            return;
        };
        let Some(resting) = self.resting.get_mut(symbol) else {
            return;
        };
        match place {
            Place::Buy(price) => resting.buys.remove(&(Reverse(price), perm_id)),
            Place::Sell(price) => resting.sells.remove(&(price, perm_id)),
            Place::Market => resting.market.remove(&perm_id),
            Place::Waiting => resting.waiting.remove(&perm_id),
        };
    }

    /// Orders of a symbol that wait for their trigger, oldest first.
    pub(crate) fn waiting(&self, symbol: SymbolIndex) -> Vec<PermId> {
        let resting = self.resting.get(symbol);
        resting.map_or_else(Vec::new, |resting| {
            resting.waiting.iter().copied().collect()
        })
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

    /// All staged orders leave, as they do when TWS stops. Gives their keys.
    pub(crate) fn forget_staged(&mut self) -> Vec<OrderKey> {
        let staged: Vec<PermId> = self
            .open()
            .filter(|o| o.phase == Phase::Staged)
            .map(|o| o.perm_id)
            .collect();
        let mut keys = Vec::new();
        for perm_id in staged {
            self.open.remove(&perm_id);
            keys.extend(self.forget(perm_id));
        }
        keys
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
            if let Some(perm_id) = self.finished.pop_front() {
                self.forget(perm_id);
            }
        }
    }

    /// Removes an order from every index.
    fn forget(&mut self, perm_id: PermId) -> Option<OrderKey> {
        let order = self.orders.remove(&perm_id)?;
        if self.by_key.get(&order.key) == Some(&perm_id) {
            self.by_key.remove(&order.key);
        }
        if let Some(twins) = self.twins.get_mut(&order.key) {
            twins.retain(|twin| *twin != perm_id);
            if twins.is_empty() {
                self.twins.remove(&order.key);
            }
        }
        self.children.remove(&perm_id);
        if let Some(children) = order
            .parent
            .and_then(|parent| self.children.get_mut(&parent))
        {
            children.retain(|child| *child != perm_id);
        }
        if let Some((group, _)) = &order.oca
            && let Some(members) = self.groups.get_mut(group)
        {
            members.retain(|member| *member != perm_id);
            if members.is_empty() {
                self.groups.remove(group);
            }
        }
        Some(order.key)
    }
}
