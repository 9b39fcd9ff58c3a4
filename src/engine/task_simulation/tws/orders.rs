//! What TWS does with orders: it takes, refuses, fills, corrects and ends them.

use super::held::Execution;
use super::{Held, Life, Tws};
use crate::domain::{OrderTicket, Origin};

impl Tws {
    /// The exchange does something.
    pub(in crate::engine) fn act(&mut self) {
        let working: Vec<i32> = self.alive();
        if working.is_empty() || !self.ib_connected {
            return;
        }
        let order_id = working[self.random.index(working.len())];
        match self.random.below(10) {
            0..=3 => self.fill(order_id, false),
            4..=5 => self.fill(order_id, true),
            6 => self.end(order_id, Life::Cancelled),
            7 => self.correct(),
            8 => {
                let text = "Order Message:\nBUY 1 AAPL\nWarning: Your order will not be placed at the exchange until later.";
                self.error(order_id, 399, text);
            }
            _ => self.show(order_id, Origin::Live),
        }
    }

    /// Everything that works ends, one way or the other.
    pub(in crate::engine) fn end_all(&mut self) {
        for order_id in self.alive() {
            if self.random.percent(60) {
                self.fill(order_id, true);
            } else {
                self.end(order_id, Life::Cancelled);
            }
        }
    }

    pub(super) fn alive(&self) -> Vec<i32> {
        self.orders
            .iter()
            .filter(|(_, order)| order.life == Life::Working)
            .map(|(order_id, _)| *order_id)
            .collect()
    }

    pub(super) fn place(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        match self.orders.get_mut(&order_id) {
            Some(order) if order.life == Life::Staged && ticket.transmit => {
                let held = OrderTicket {
                    transmit: false,
                    ..ticket.clone()
                };
                if held != order.ticket {
                    self.violations
                        .push(format!("the release of {order_id} changed the order"));
                }
                // Now and then TWS is still busy with it: the order stays held back, and may be released again.
                if self.random.percent(5) {
                    self.frames.insert(order_id, (1, 0));
                    self.error(
                        order_id,
                        2102,
                        "Unable to modify this order as it is still being processed.",
                    );
                    return;
                }
                order.ticket = ticket;
            }
            Some(order) if order.life == Life::Forgotten && ticket.transmit => {
                if self.random.percent(50) {
                    order.life = Life::Refused;
                    self.error(order_id, 103, "Duplicate order id");
                    return;
                }
                order.ticket = ticket;
            }
            Some(_) => {
                self.violations
                    .push(format!("order id {order_id} was used twice"));
                return;
            }
            None => {
                self.counter += 1;
                self.orders.insert(
                    order_id,
                    Held {
                        ticket,
                        life: Life::Staged,
                        perm_id: 1_700_000_000 + self.counter as i64,
                        executions: Vec::new(),
                        pending: false,
                    },
                );
                self.next_valid_id = self.next_valid_id.max(order_id + 1);
            }
        }
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        if !order.ticket.transmit {
            return;
        }
        order.life = Life::Working;
        order.pending = !self.ib_connected;
        match self.random.below(20) {
            0 => self.refuse(
                order_id,
                200,
                "No security definition has been found for the request",
            ),
            1 => self.refuse(
                order_id,
                110,
                "The price does not conform to the minimum price variation for this contract.",
            ),
            2 => {
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.life = Life::Inactive;
                }
                self.say(order_id, Origin::Live, "Inactive");
                self.error(order_id, 201, "Order rejected - reason:too large");
            }
            3..=4 => {}
            5..=8 => self.fill(order_id, true),
            _ => self.show(order_id, Origin::Live),
        }
    }

    fn refuse(&mut self, order_id: i32, code: i32, text: &str) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.life = Life::Refused;
        }
        self.error(order_id, code, text);
    }

    pub(super) fn cancel(&mut self, order_id: i32) {
        let life = self.orders.get(&order_id).map(|order| order.life);
        let not_found = format!("OrderId {order_id} that needs to be cancelled is not found.");
        match life {
            None | Some(Life::Refused | Life::Forgotten) => {
                self.error(order_id, 10147, &not_found);
            }
            Some(Life::Staged) => {
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.life = Life::Forgotten;
                }
                if self.random.percent(50) {
                    self.error(order_id, 202, "Order was discarded");
                    self.error(
                        order_id,
                        161,
                        "Cancel attempted when order is not in a cancellable state.",
                    );
                } else {
                    self.error(order_id, 10147, &not_found);
                }
            }
            Some(Life::Working) => match self.random.below(6) {
                0 => {
                    self.fill(order_id, true);
                    self.error(order_id, 10148, "cannot be cancelled, state: Filled.");
                }
                // It takes its time, or is forgotten over other things.
                1 => self.say(order_id, Origin::Live, "PendingCancel"),
                2 => {
                    self.say(order_id, Origin::Live, "PendingCancel");
                    self.end(order_id, Life::Cancelled);
                }
                _ => self.end(order_id, Life::Cancelled),
            },
            Some(Life::Filled | Life::Cancelled | Life::Inactive) => {
                let code = [161, 10147, 10148][self.random.index(3)];
                self.error(order_id, code, "it cannot be cancelled");
            }
        }
    }

    pub(super) fn fill(&mut self, order_id: i32, whole: bool) {
        if !self.ib_connected {
            return;
        }
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let left = order.quantity() - order.counted();
        let shares = if whole {
            left
        } else {
            1 + self.random.below(left.max(1) as u64) as i64
        };
        self.counter += 1;
        let execution = Execution {
            stem: self.counter,
            revision: 1,
            shares,
            cumulative: order.counted() + shares,
        };
        let done = shares == left;
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.executions.push(execution.clone());
            if done {
                order.life = Life::Filled;
            }
        }
        let word = if done { "Filled" } else { "Submitted" };
        let status_first = self.random.percent(25);
        if status_first {
            self.say(order_id, Origin::Live, word);
        }
        self.tell_execution(order_id, &execution, Origin::Live);
        if !status_first && self.random.percent(80) {
            self.say(order_id, Origin::Live, word);
        }
        self.commission(&execution, Origin::Live);
    }

    /// An execution counts for less than was said.
    pub(super) fn correct(&mut self) {
        if !self.weather.corrections {
            return;
        }
        let candidates: Vec<(i32, usize)> = self
            .orders
            .iter()
            .flat_map(|(order_id, order)| {
                (0..order.executions.len()).map(move |index| (*order_id, index))
            })
            .collect();
        if candidates.is_empty() {
            return;
        }
        let (order_id, index) = candidates[self.random.index(candidates.len())];
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let execution = &mut order.executions[index];
        execution.revision += 1;
        execution.shares = (execution.shares - 1).max(1);
        let execution = execution.clone();
        self.tell_execution(order_id, &execution, Origin::Live);
    }

    pub(super) fn end(&mut self, order_id: i32, life: Life) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.life = life;
        }
        let status_first = self.random.percent(70);
        if status_first {
            self.say(order_id, Origin::Live, "Cancelled");
        }
        self.error(order_id, 202, "Order Canceled - reason:");
        if !status_first {
            self.say(order_id, Origin::Live, "Cancelled");
        }
    }
}
