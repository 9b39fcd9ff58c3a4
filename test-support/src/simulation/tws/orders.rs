//! What TWS does with orders that it is sent and told to cancel.

use ibkr_orders::domain::{OrderTicket, Origin};
use ibkr_orders::tws::TwsEvent;

use super::{Held, Life, Terms, Tws};

/// Codes of refusals that say what they mean.
const REFUSALS: [(i32, &str); 5] = [
    (200, "No security definition has been found for the request"),
    (
        110,
        "The price does not conform to the minimum price variation for this contract.",
    ),
    (
        321,
        "Error validating request.-'bW' : cause - Invalid order type was entered",
    ),
    (10052, "Invalid time in force:Empty"),
    (388, "Order size is smaller than the minimum requirement."),
];
/// Codes of refusals whose meaning is in no list.
const UNLISTED: [i32; 12] = [
    10318, 10243, 10247, 10250, 406, 407, 10015, 10345, 438, 10289, 10329, 426,
];

impl Tws {
    pub(super) fn place(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        if self.strays.contains_key(&order_id) {
            self.break_rule(format!(
                "an order of somebody else's was changed: {ticket:?}"
            ));
        }
        let life = self.orders.get(&order_id).map(|order| order.life);
        match life {
            None => self.take(ticket),
            Some(Life::Staged) if ticket.transmit => self.release(ticket),
            Some(Life::Staged) => self.change_staged(ticket),
            Some(Life::Working) => self.change(&ticket),
            Some(Life::Forgotten) if ticket.transmit => self.release_forgotten(ticket),
            Some(Life::Refused | Life::Forgotten) => {
                self.error(order_id, 103, "Duplicate order id");
            }
            Some(Life::Filled | Life::Cancelled | Life::Inactive | Life::Expired) => {
                self.change_too_late(order_id);
            }
        }
    }

    fn take(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        if order_id <= self.highest_id {
            // Somebody else used ids of this client, or this TWS has seen a higher one.
            self.error(order_id, 103, "Duplicate order id");
            self.insert(ticket, Life::Refused);
            if let Some(session) = self.session {
                self.to_engine.push_back(TwsEvent::NextValidId {
                    session,
                    next_valid_id: self.next_valid_id,
                });
            }
            return;
        }
        if let Some(parent) = ticket.parent_order_id {
            self.insert(ticket, Life::Staged);
            self.take_child(order_id, parent);
            return;
        }
        let transmit = ticket.transmit;
        self.insert(ticket, Life::Staged);
        if transmit {
            self.activate(order_id);
        } else if self.random.percent(5) {
            self.refuse(order_id);
        }
    }

    fn insert(&mut self, ticket: OrderTicket, life: Life) {
        let order_id = ticket.order_id;
        let perm_id = 1_700_000_000 + self.next().cast_signed();
        let mut order = Held::new(ticket, self.session.unwrap_or_default(), perm_id);
        order.life = life;
        self.orders.insert(order_id, order);
        self.highest_id = self.highest_id.max(order_id);
        self.next_valid_id = self.next_valid_id.max(order_id + 1);
    }

    fn release(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        // A change of it that nobody knows to have arrived may be undone: the release says everything anew.
        let known = order.had.contains(&Terms::of(&ticket));
        let held_back = OrderTicket {
            transmit: false,
            terms: order.ticket.terms.clone(),
            ..ticket.clone()
        };
        if !known || held_back != order.ticket {
            let what = format!(
                "the release of {order_id} changed it: {held_back:?} {:?}",
                order.ticket
            );
            self.break_rule(what);
            return;
        }
        // Now and then TWS is still busy with it: the order stays held back, and may be released again.
        if self.random.percent(5) {
            if let Some(frames) = self.frames.get_mut(&order_id) {
                frames.transmitted = 0;
            }
            self.error(
                order_id,
                2102,
                "Unable to modify this order as it is still being processed.",
            );
            return;
        }
        order.change(Terms::of(&ticket));
        order.ticket = ticket;
        self.activate(order_id);
    }

    /// The release of an order that a restart discarded.
    fn release_forgotten(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        if self.switches.forgotten_taken && ticket.parent_order_id.is_none() {
            if let Some(order) = self.orders.get_mut(&order_id) {
                order.ticket = ticket;
            }
            self.activate(order_id);
        } else {
            self.set(order_id, Life::Refused);
            self.error(order_id, 103, "Duplicate order id");
        }
    }

    /// An order goes to the exchange, or is refused.
    pub(super) fn activate(&mut self, order_id: i32) {
        self.set(order_id, Life::Working);
        let pending = !self.ib_connected;
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.ticket.transmit = true;
            order.pending = pending;
        }
        match self.random.below(20) {
            0..=1 => self.refuse(order_id),
            2 => self.reject(order_id),
            3 => {}
            4 if self.faults.by_hand => self.hold(order_id),
            5..=7 => self.fill(order_id, true),
            _ => self.show(order_id, Origin::Live),
        }
    }

    /// Refused with an error and without a status.
    pub(super) fn refuse(&mut self, order_id: i32) {
        self.set(order_id, Life::Refused);
        if self.switches.any_refusal_code && self.random.percent(50) {
            let code = UNLISTED[self.random.index(UNLISTED.len())];
            self.error(order_id, code, "refused for a reason of its own");
        } else {
            let (code, text) = REFUSALS[self.random.index(REFUSALS.len())];
            self.error(order_id, code, text);
        }
    }

    /// Shown as inactive, and refused.
    pub(super) fn reject(&mut self, order_id: i32) {
        self.say(order_id, Origin::Live, "Inactive");
        self.set(order_id, Life::Inactive);
        self.error(order_id, 201, "Order rejected - reason:too large");
        self.ended(order_id);
    }

    pub(super) fn cancel(&mut self, order_id: i32) {
        if self.strays.remove(&order_id).is_some() {
            self.error(order_id, 202, "Order Canceled - reason:");
            return;
        }
        let not_found = format!("OrderId {order_id} that needs to be cancelled is not found.");
        let Some(order) = self.orders.get(&order_id) else {
            self.error(order_id, 10147, &not_found);
            return;
        };
        let perm_id = order.perm_id;
        if let Some(second) = &order.second
            && second.works
            && self.random.percent(50)
        {
            self.end_second(order_id);
            return;
        }
        match order.life {
            Life::Refused | Life::Forgotten | Life::Expired => {
                self.error(order_id, 10147, &not_found);
            }
            Life::Staged => self.discard(order_id, &not_found),
            Life::Working => match self.random.below(6) {
                0 if self.can_fill(order_id) => {
                    self.fill(order_id, true);
                    self.error(order_id, 10148, "cannot be cancelled, state: Filled.");
                }
                // It takes its time, or is forgotten over other things.
                1 => self.say(order_id, Origin::Live, "PendingCancel"),
                2 => {
                    self.say(order_id, Origin::Live, "PendingCancel");
                    self.cancel_family(order_id);
                }
                _ => self.cancel_family(order_id),
            },
            Life::Filled | Life::Cancelled | Life::Inactive => {
                let code = [161, 10147, 10148][self.random.index(3)];
                let text = format!("it cannot be cancelled.  Order permId ={perm_id}");
                self.error(order_id, code, &text);
                self.end_second(order_id);
            }
        }
    }

    /// The cancel of an order that was held back.
    fn discard(&mut self, order_id: i32, not_found: &str) {
        let is_child = self.orders[&order_id].parent.is_some();
        self.set(order_id, Life::Forgotten);
        if is_child && self.switches.silent_staged_child {
            return;
        }
        if self.switches.staged_cancel_unknown && self.random.percent(50) {
            self.error(order_id, 10147, not_found);
            return;
        }
        if self.switches.staged_cancel_shown {
            self.say(order_id, Origin::Live, "Cancelled");
        }
        let discarded = "Order Canceled - reason:Order was discarded.";
        self.error(order_id, 202, discarded);
        let state = "Cancel attempted when order is not in a cancellable state.";
        self.error(order_id, 161, state);
    }

    /// A working order ends unfilled.
    pub(super) fn end(&mut self, order_id: i32) {
        self.set(order_id, Life::Cancelled);
        let status_first = self.random.percent(70);
        if status_first {
            self.say(order_id, Origin::Live, "Cancelled");
        }
        self.error(order_id, 202, "Order Canceled - reason:");
        if !status_first {
            self.say(order_id, Origin::Live, "Cancelled");
        }
        self.ended(order_id);
    }
}
