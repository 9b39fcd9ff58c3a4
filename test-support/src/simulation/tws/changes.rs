//! Frames that change an order: TWS takes, delays, ignores, refuses or takes them back, or ends the order over them.

use ibkr_orders::domain::{OrderTicket, Origin};

use super::{Life, Terms, Tws};

/// Codes of refused changes that leave the order as it was.
const REFUSED: [(i32, &str); 5] = [
    (
        110,
        "The price does not conform to the minimum price variation for this contract.",
    ),
    (105, "Order being modified does not match original order."),
    (
        2102,
        "Unable to modify this order as it is still being processed.",
    ),
    (10326, "OCA group revision is not allowed"),
    (
        329,
        "Order modify failed. Cannot change to the new order type.",
    ),
];

impl Tws {
    /// An order that is held back is replaced by another one under its id, without a word.
    pub(super) fn change_staged(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        let session = self.session.unwrap_or_default();
        let order = self.orders.get_mut(&order_id).expect("it is held back");
        let wrong_session = order.placed_in != session;
        order.change(Terms::of(&ticket));
        order.ticket = ticket;
        if wrong_session {
            self.break_rule(format!(
                "a change of {order_id} was sent in another session than the one it was staged in"
            ));
        }
    }

    /// A frame for an order that has ended.
    pub(super) fn change_too_late(&mut self, order_id: i32) {
        let life = self.orders[&order_id].life;
        match self.random.below(3) {
            0 => {}
            1 if life == Life::Filled => {
                self.error(order_id, 104, "Cannot modify a filled order.");
            }
            1 => self.error(
                order_id,
                201,
                "Order rejected - reason:Order has been cancelled already, too late to replace",
            ),
            _ => self.error(order_id, 103, "Duplicate order id"),
        }
    }

    pub(super) fn change(&mut self, ticket: &OrderTicket) {
        let order_id = ticket.order_id;
        self.same_order(ticket);
        let order = &self.orders[&order_id];
        if order.by_hand && Terms::of(ticket) == order.terms {
            // The release of an order that somebody released by hand.
            self.show(order_id, Origin::Live);
            return;
        }
        if let Some(parent) = self.names_gone_parent(ticket) {
            let text = format!("Can't find order with id ={parent}");
            if let Some(order) = self.orders.get_mut(&order_id) {
                order.parent_refusals += 1;
            }
            self.error(order_id, 135, &text);
            return;
        }
        let order = &self.orders[&order_id];
        let (old, new) = (order.terms, Terms::of(ticket));
        if new.total <= order.counted {
            self.error(order_id, 105, REFUSED[1].1);
            return;
        }
        let switches = &self.switches;
        let (at_open, ignored, old_pair, taken_back, second) = (
            switches.change_shown_at_open,
            switches.change_ignored,
            switches.late_old_pair,
            switches.change_taken_back,
            switches.second_order,
        );
        if !self.ib_connected && second && self.orders[&order_id].second.is_none() {
            self.make_second(order_id);
            return;
        }
        if old_pair && self.random.percent(50) {
            self.show(order_id, Origin::Live);
        }
        match self.random.below(10) {
            0 => {
                let (code, text) = REFUSED[self.random.index(REFUSED.len())];
                self.error(order_id, code, text);
            }
            1 if ignored => {}
            2 if taken_back => {
                self.apply(order_id, new);
                self.show(order_id, Origin::Live);
                self.apply(order_id, old);
                self.show(order_id, Origin::Live);
            }
            3 => self.beyond_the_band(order_id, old, new),
            4..=5 if at_open => {
                if self.orders[&order_id].shown_later.is_none() {
                    self.apply(order_id, new);
                    if let Some(order) = self.orders.get_mut(&order_id) {
                        order.shown_later = Some(new);
                    }
                }
            }
            _ => {
                self.apply(order_id, new);
                self.show(order_id, Origin::Live);
                self.show(order_id, Origin::Live);
            }
        }
    }

    fn apply(&mut self, order_id: i32, terms: Terms) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.shown_later = None;
            order.change(terms);
        }
    }

    /// A price that IB does not accept: the order is shown with it, and ends.
    fn beyond_the_band(&mut self, order_id: i32, old: Terms, new: Terms) {
        self.apply(order_id, new);
        self.say(order_id, Origin::Live, "PreSubmitted");
        self.say(order_id, Origin::Live, "PendingCancel");
        self.apply(order_id, old);
        self.say(order_id, Origin::Live, "Submitted");
        self.set(order_id, Life::Cancelled);
        self.say(order_id, Origin::Live, "Cancelled");
        let too_far = "Order Canceled - reason:We cannot accept an order at a limit price so far from the market.";
        self.error(order_id, 202, too_far);
        let too_late =
            "Order rejected - reason:Order has been cancelled already, too late to replace";
        self.error(order_id, 201, too_late);
        self.ended(order_id);
    }

    /// The market opens: what was changed meanwhile shows.
    pub(in crate::simulation) fn open_market(&mut self) {
        for order_id in self.alive() {
            let order = self.orders.get_mut(&order_id).expect("it is alive");
            if order.shown_later.take().is_some() {
                self.show(order_id, Origin::Live);
            }
        }
    }

    /// A change changes what may be changed, and nothing else.
    fn same_order(&mut self, ticket: &OrderTicket) {
        let order = &self.orders[&ticket.order_id];
        let known = &order.ticket;
        let (ours, was) = (&ticket.terms, &known.terms);
        let same = ticket.order_ref == known.order_ref
            && ticket.account == known.account
            // What somebody released by hand the gateway may still take for staged.
            && (ticket.transmit || order.by_hand)
            && ours.contract == was.contract
            && ours.action == was.action
            && ours.tif == was.tif
            && ours.oca == was.oca
            && ours.outside_rth == was.outside_rth
            && ours.pricing.order_type() == was.pricing.order_type()
            && (ticket.parent_order_id == known.parent_order_id
                || ticket.parent_order_id.is_none());
        if !same {
            let what = format!(
                "a change made {} another order: {ticket:?} {known:?}",
                ticket.order_id
            );
            self.break_rule(what);
        }
    }
}
