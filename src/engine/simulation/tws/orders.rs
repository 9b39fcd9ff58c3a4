//! What TWS does with orders: it takes, refuses, fills and ends them.

use super::{ModelOrder, ModelTws, Word};
use crate::domain::{ExecutionReport, OrderReport, OrderTicket, Origin, report_fixtures};
use crate::engine::sim_support::Random;

impl ModelTws {
    pub(super) fn place(&mut self, random: &mut Random, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        let known = self.orders.get(&order_id).map(|order| order.word);
        match known {
            Some(Word::Staged) => {
                let Some(order) = self.orders.get_mut(&order_id) else {
                    return;
                };
                let mut same = order.ticket.clone();
                same.transmit = true;
                assert_eq!(ticket, same, "a release may change nothing but transmit");
                order.placed.push(true);
                order.ticket = ticket;
                self.activate(random, order_id);
            }
            Some(Word::Gone) if !self.orders[&order_id].placed.contains(&true) => {
                // Discarded in a restart, and now released: TWS says that the id is used.
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.placed.push(ticket.transmit);
                }
                self.error(order_id, 103, "Duplicate order id");
            }
            Some(word) => panic!("order {order_id} was sent again while {word:?}"),
            None => {
                self.counter += 1;
                self.next_id = self.next_id.max(order_id + 1);
                let staged = !ticket.transmit;
                let order = ModelOrder {
                    placed: vec![ticket.transmit],
                    word: Word::Staged,
                    filled: 0,
                    perm_id: 9_000 + self.counter,
                    executions: Vec::new(),
                    ticket,
                };
                self.orders.insert(order_id, order);
                if random.percent(8) {
                    self.set(order_id, Word::Gone);
                    let code = *random.pick(&[110, 200, 321, 10052]).unwrap();
                    self.error(order_id, code, "refused");
                } else if !staged {
                    self.activate(random, order_id);
                }
            }
        }
    }

    fn activate(&mut self, random: &mut Random, order_id: i32) {
        if random.percent(8) {
            self.set(order_id, Word::Inactive);
            let mut group = vec![self.status(order_id, Origin::Live)];
            group.push(report_fixtures::error(
                order_id,
                201,
                "Order rejected - reason: margin",
            ));
            self.report(random, group);
            return;
        }
        self.set(order_id, Word::PreSubmitted);
        let mut group = vec![
            self.open_order(order_id, Origin::Live),
            self.status(order_id, Origin::Live),
        ];
        if random.percent(20) {
            group.push(report_fixtures::error(order_id, 399, "Warning: later"));
        }
        self.report(random, group);
        if random.percent(70) {
            self.set(order_id, Word::Submitted);
            let group = vec![
                self.open_order(order_id, Origin::Live),
                self.status(order_id, Origin::Live),
            ];
            self.report(random, group);
        }
    }

    pub(super) fn cancel(&mut self, random: &mut Random, order_id: i32) {
        match self.orders.get(&order_id).map(|order| order.word) {
            None | Some(Word::Gone) => self.error(order_id, 10147, "not found"),
            Some(Word::Staged) => {
                self.set(order_id, Word::Gone);
                self.error(order_id, 202, "Order was discarded");
                if random.percent(50) {
                    self.error(order_id, 161, "not in a cancellable state");
                }
            }
            Some(Word::PreSubmitted | Word::Submitted) => self.end(random, order_id, true),
            Some(Word::Filled | Word::Cancelled | Word::Inactive) => {
                let code = *random.pick(&[161, 10148, 136]).unwrap();
                self.error(order_id, code, "cannot be cancelled");
            }
        }
    }

    /// A working order ends unfilled, with or without 202.
    pub(in crate::engine) fn end(&mut self, random: &mut Random, order_id: i32, confirm: bool) {
        self.set(order_id, Word::Cancelled);
        let mut group = vec![self.status(order_id, Origin::Live)];
        if confirm {
            group.push(report_fixtures::error(
                order_id,
                202,
                "Order Canceled - reason:",
            ));
        }
        self.report(random, group);
    }

    /// A part of a working order fills, or all of it.
    pub(in crate::engine) fn fill(&mut self, random: &mut Random, order_id: i32, whole: bool) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let quantity = i64::try_from(order.ticket.terms.quantity.value()).unwrap();
        let left = quantity - order.filled;
        let part = if whole {
            left
        } else {
            1 + i64::try_from(random.below(u64::try_from(left).unwrap())).unwrap()
        };
        order.filled += part;
        order.word = if order.filled == quantity {
            Word::Filled
        } else {
            Word::Submitted
        };
        self.counter += 1;
        let exec_id = format!("x{:06}.01", self.counter);
        let execution = ExecutionReport {
            cumulative_quantity: Some(order.filled.into()),
            ..order.named().execution(&exec_id, part.into())
        };
        order.executions.push(execution.clone());
        let group = vec![
            OrderReport::Execution(execution),
            report_fixtures::commission(Origin::Live, &exec_id, 1.into()),
            self.open_order(order_id, Origin::Live),
            self.status(order_id, Origin::Live),
        ];
        self.report(random, group);
    }

    pub(in crate::engine) fn working(&self) -> Vec<i32> {
        self.orders
            .iter()
            .filter(|(_, order)| order.word.is_working())
            .map(|(id, _)| *id)
            .collect()
    }

    pub(super) fn set(&mut self, order_id: i32, word: Word) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.word = word;
        }
    }
}
