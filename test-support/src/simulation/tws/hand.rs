//! What people and IB do to an order in TWS itself, and reports that are not what they seem.

use ibkr_orders::domain::{
    Action, ExecutionReport, OpenOrderReport, OrderReport, Origin, ReportedContract,
};

use super::held::{Execution, Second};
use super::reports::Named;
use super::{Life, Terms, Tws};

/// The permanent id of an order that had our order id before the ids were reset.
const FOREIGN_PERM_ID: i64 = 555;

impl Tws {
    /// A working order is changed, or something is told that is not about it. `known_perm_id` is what the gateway has stored of it.
    pub(super) fn touch(&mut self, order_id: i32, known_perm_id: Option<i64>) {
        let is_known = known_perm_id == Some(self.orders[&order_id].perm_id);
        match self.random.below(9) {
            0..=1 => self.raise(order_id),
            2 => self.lower(order_id),
            3 => self.tell_foreign(order_id),
            4 => self.repeat_execution(order_id),
            5 => self.tell_allocations(order_id),
            6 if is_known => self.change_order_ref(order_id),
            7 if is_known && self.orders[&order_id].second.is_none() => {
                self.make_second(order_id);
            }
            _ => self.reprice(order_id),
        }
    }

    fn raise(&mut self, order_id: i32) {
        let more = 1 + self.random.below(30).cast_signed();
        let order = self.orders.get_mut(&order_id).expect("it is alive");
        // The sizes of a family belong together.
        if order.parent.is_some() || order.shown_later.is_some() {
            return;
        }
        order.raised = true;
        order.change(Terms {
            total: order.terms.total + more,
            ..order.terms
        });
        self.show(order_id, Origin::Live);
    }

    /// Down to what has filled at the least, and then it is filled.
    fn lower(&mut self, order_id: i32) {
        let order = &self.orders[&order_id];
        if order.parent.is_some() || order.shown_later.is_some() || order.left() <= 1 {
            return;
        }
        let kept = self.random.below(order.left().cast_unsigned());
        let order = self.orders.get_mut(&order_id).expect("it is alive");
        let total = (order.counted + kept.cast_signed()).max(1);
        order.change(Terms {
            total,
            ..order.terms
        });
        let filled = total == order.counted;
        let by_ib = self.random.percent(40);
        if by_ib {
            self.error(order_id, 481, "The order size was reduced.");
        }
        if filled {
            self.set(order_id, Life::Filled);
            self.say(order_id, Origin::Live, "Filled");
            self.ended(order_id);
        } else if !by_ib || self.switches.reduced_total_shown {
            self.show(order_id, Origin::Live);
        }
    }

    fn reprice(&mut self, order_id: i32) {
        let price = 90 + self.random.below(20).cast_signed();
        let order = self.orders.get_mut(&order_id).expect("it is alive");
        if order.shown_later.is_some() {
            return;
        }
        order.change(Terms {
            price: price.into(),
            ..order.terms
        });
        self.show(order_id, Origin::Live);
    }

    fn change_order_ref(&mut self, order_id: i32) {
        let lost = self.random.percent(50);
        let order = self.orders.get_mut(&order_id).expect("it is alive");
        order.order_ref = (!lost).then(|| "by hand".to_owned());
        self.show(order_id, Origin::Live);
    }

    /// Reports under our order id and client id about another order, of another contract or side.
    fn tell_foreign(&mut self, order_id: i32) {
        self.orders
            .get_mut(&order_id)
            .expect("it is alive")
            .number_shared = true;
        self.show_foreign(order_id, Origin::Live);
    }

    /// The order that had our number before.
    pub(super) fn show_foreign(&mut self, order_id: i32, origin: Origin) {
        let named = Named {
            perm_id: FOREIGN_PERM_ID,
            order_ref: None,
            ..Named::of(&self.orders[&order_id])
        };
        let contract = ReportedContract {
            symbol: Some("TSLA".to_owned()),
            ..ReportedContract::default()
        };
        let shown = named.open_order(origin, "Filled");
        self.report(OrderReport::OpenOrder(OpenOrderReport {
            contract: contract.clone(),
            ..shown
        }));
        let other_side = match self.orders[&order_id].ticket.terms.action {
            Action::Buy => Action::Sell,
            Action::Sell => Action::Buy,
        };
        let ours = named.execution(&format!("foreign{order_id}.01"), 500);
        self.report(OrderReport::Execution(ExecutionReport {
            origin,
            side: Some(other_side),
            cumulative_quantity: Some(500.into()),
            ..ours
        }));
        let other = named.execution(&format!("other{order_id}.01"), 500);
        self.report(OrderReport::Execution(ExecutionReport {
            origin,
            contract,
            ..other
        }));
    }

    /// The same shares again under another execution id.
    fn repeat_execution(&mut self, order_id: i32) {
        let stem = self.next();
        let order = &self.orders[&order_id];
        let Some(known) = order.repeatable(1) else {
            return;
        };
        let again = Execution {
            stem,
            repeats: true,
            ..known
        };
        self.keep(order_id, again);
    }

    /// The shares of an execution once more, as those of the accounts that they went to.
    fn tell_allocations(&mut self, order_id: i32) {
        let order = &self.orders[&order_id];
        let Some(known) = order.repeatable(2) else {
            return;
        };
        for shares in [1, known.shares - 1] {
            let stem = self.next();
            self.keep(
                order_id,
                Execution {
                    stem,
                    shares,
                    repeats: true,
                    ..known.clone()
                },
            );
        }
    }

    fn keep(&mut self, order_id: i32, execution: Execution) {
        self.tell_execution(order_id, &execution, Origin::Live);
        let order = self.orders.get_mut(&order_id).expect("it is there");
        order.executions.push(execution);
    }

    /// TWS works a second order under the id of the first.
    pub(super) fn make_second(&mut self, order_id: i32) {
        let perm_id = 1_800_000_000 + self.next().cast_signed();
        let order = self.orders.get_mut(&order_id).expect("it is there");
        order.second = Some(Second {
            perm_id,
            executions: Vec::new(),
            works: true,
        });
        self.show_second(order_id, Origin::Live);
    }

    /// The second order fills in part.
    pub(super) fn fill_second(&mut self, order_id: i32) {
        let (stem, day) = (self.next(), self.day);
        let order = self.orders.get_mut(&order_id).expect("it is there");
        let Some(second) = order.second.as_mut().filter(|second| second.works) else {
            return;
        };
        let sum: i64 = second.executions.iter().map(|one| one.shares).sum();
        let execution = Execution {
            stem,
            revision: 1,
            shares: 3,
            cumulative: sum + 3,
            day,
            order_id_shown: None,
            repeats: false,
        };
        second.executions.push(execution.clone());
        self.tell_second_execution(order_id, &execution, Origin::Live);
    }

    pub(super) fn end_second(&mut self, order_id: i32) {
        let order = self.orders.get_mut(&order_id).expect("it is there");
        let Some(second) = order.second.as_mut().filter(|second| second.works) else {
            return;
        };
        second.works = false;
        self.show_second(order_id, Origin::Live);
    }

    /// Somebody releases an order by hand that was held back.
    pub(super) fn release_by_hand(&mut self) {
        let staged: Vec<i32> = self
            .orders
            .iter()
            .filter(|(_, order)| order.life == Life::Staged && order.parent.is_none())
            .map(|(order_id, _)| *order_id)
            .filter(|order_id| !self.entries.contains(order_id))
            .collect();
        if let Some(order_id) = self.random.pick(&staged).copied() {
            self.orders
                .get_mut(&order_id)
                .expect("it is held back")
                .by_hand = true;
            self.activate(order_id);
        }
    }

    /// TWS holds an order until shares to sell short have been found.
    pub(super) fn hold(&mut self, order_id: i32) {
        self.orders.get_mut(&order_id).expect("it is alive").located = true;
        self.show(order_id, Origin::Live);
        self.error(order_id, 404, "Order held while securities are located.");
    }

    /// An order of our client id that nobody here placed, under an id that none of ours has. Only between two sessions: TWS would take a new order
    /// under that id for a change of this one.
    pub(in crate::simulation) fn add_stray(&mut self) {
        if self.session.is_some() {
            return;
        }
        let order_id = self.next_valid_id.max(self.highest_ever) + 100;
        self.next_valid_id = order_id + 1;
        self.highest_id = order_id;
        let perm_id = 1_900_000_000 + self.next().cast_signed();
        self.strays.insert(order_id, perm_id);
        self.show_stray(order_id, Origin::Live);
    }

    /// Another program uses ids of our client: TWS refuses the next ones that we know of.
    pub(in crate::simulation) fn use_ids(&mut self) {
        let used = 1 + i32::try_from(self.random.below(4)).unwrap();
        self.next_valid_id = self.next_valid_id.max(self.highest_sent + 1) + used;
        self.highest_id = self.next_valid_id - 1;
    }

    pub(in crate::simulation) fn strays(&self) -> Vec<i32> {
        self.strays.keys().copied().collect()
    }

    pub(super) fn show_stray(&mut self, order_id: i32, origin: Origin) {
        let named = Named {
            perm_id: self.strays[&order_id],
            ..Named::stray(order_id)
        };
        let shown = named.open_order(origin, "Submitted");
        self.report(OrderReport::OpenOrder(shown));
        let status = named.status(origin, "Submitted", 0, 7);
        self.report(OrderReport::Status(status));
    }
}
