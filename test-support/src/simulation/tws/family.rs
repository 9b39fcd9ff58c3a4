//! Brackets in TWS: children wait for their parent, end with it or with each other, and are released by the frame of the last one.

use ibkr_orders::domain::{OrderTicket, Origin};

use super::{Life, Terms, Tws};

impl Tws {
    /// A child has come.
    pub(super) fn take_child(&mut self, order_id: i32, parent: i32) {
        let parent_life = self.orders.get(&parent).map(|order| order.life);
        let may_have = matches!(parent_life, Some(Life::Staged | Life::Working));
        if !may_have {
            self.set(order_id, Life::Refused);
            let (code, text) = if self.random.percent(50) {
                (10006, "Missing parent order.".to_owned())
            } else {
                (135, format!("Can't find order with id = {parent}"))
            };
            self.error(order_id, code, &text);
            return;
        }
        if self.random.percent(4) {
            self.refuse(order_id);
            return;
        }
        if self.orders[&order_id].ticket.transmit {
            self.release_family(parent);
        }
    }

    /// The last frame of a family has come: all of it goes to the exchange.
    fn release_family(&mut self, parent: i32) {
        let children = self.children(parent);
        self.activate(parent);
        for child in children {
            // The parent may have been refused, or have filled.
            match self.orders[&child].life {
                Life::Staged if self.orders[&parent].life == Life::Refused => {
                    self.set(child, Life::Refused);
                    self.error(child, 201, "Order rejected - reason:its parent was refused");
                }
                Life::Staged => {
                    self.set(child, Life::Working);
                    if self.random.percent(3) {
                        self.reject(child);
                    } else {
                        self.show(child, Origin::Live);
                    }
                }
                _ => {}
            }
        }
        // A parent that was rejected after it was shown has taken its children along.
        if matches!(self.orders[&parent].life, Life::Inactive | Life::Cancelled) {
            self.ended(parent);
        }
    }

    pub(super) fn children(&self, parent: i32) -> Vec<i32> {
        let of = |(_, order): &(&i32, &super::Held)| order.parent == Some(parent);
        self.orders
            .iter()
            .filter(of)
            .map(|(order_id, _)| *order_id)
            .collect()
    }

    /// A child fills only what its parent has filled; any other order all that is left of it.
    pub(super) fn can_fill(&self, order_id: i32) -> bool {
        let order = &self.orders[&order_id];
        self.ib_connected && order.life == Life::Working && self.fillable(order_id) > 0
    }

    /// So much of an order can fill now.
    pub(super) fn fillable(&self, order_id: i32) -> i64 {
        let order = &self.orders[&order_id];
        let parent = order.parent.and_then(|parent| self.orders.get(&parent));
        match parent {
            Some(parent) => {
                // Where a child shows the size of what it protects, the last share of that waits for the end of its parent.
                let kept = self.switches.children_resized && parent.life == Life::Working;
                let protects = parent.counted - order.counted - i64::from(kept);
                order.left().min(protects)
            }
            None => order.left(),
        }
    }

    /// Somebody cancelled a working order: its sibling may go first.
    pub(super) fn cancel_family(&mut self, order_id: i32) {
        if self.switches.siblings_cancelled {
            self.end_siblings(order_id);
        }
        if self.orders[&order_id].life == Life::Working {
            self.end(order_id);
        }
    }

    fn end_siblings(&mut self, order_id: i32) {
        let Some(parent) = self.orders[&order_id].parent else {
            return;
        };
        for sibling in self.children(parent) {
            if sibling != order_id && self.works(sibling) {
                self.set(sibling, Life::Cancelled);
                self.say(sibling, Origin::Live, "Cancelled");
                self.error(sibling, 202, "Order Canceled - reason:");
            }
        }
    }

    /// An order has ended: children of one that never filled end with it, and what a fill of an exit leaves without purpose ends too.
    pub(super) fn ended(&mut self, order_id: i32) {
        let order = &self.orders[&order_id];
        let (is_child, filled) = (order.parent.is_some(), order.counted > 0);
        if is_child && order.life == Life::Filled {
            self.end_siblings(order_id);
        }
        if !is_child && filled && self.switches.children_resized {
            self.resize_children(order_id);
        }
        if is_child || filled {
            return;
        }
        for child in self.children(order_id) {
            let detached = self.switches.child_detached && self.random.percent(50);
            if self.works(child) && !detached {
                self.end(child);
            }
        }
    }

    /// The children of an entry that has ended protect what has filled of it.
    fn resize_children(&mut self, parent: i32) {
        let total = self.orders[&parent].counted;
        for child in self.children(parent) {
            if self.works(child) {
                let order = self.orders.get_mut(&child).expect("it works");
                order.change(Terms {
                    total,
                    ..order.terms
                });
            }
        }
    }

    /// Whether a change names a parent that TWS no longer has for it.
    pub(super) fn names_gone_parent(&self, ticket: &OrderTicket) -> Option<i32> {
        let parent = ticket.parent_order_id?;
        let gone = self.orders.get(&parent).is_none_or(super::Held::ends);
        (self.switches.no_such_parent && gone).then_some(parent)
    }
}
