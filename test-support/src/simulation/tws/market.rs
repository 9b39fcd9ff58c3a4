//! What the exchange does to working orders.

use ibkr_orders::domain::Origin;

use super::held::Execution;
use super::{Life, Tws};

impl Tws {
    /// Something happens to an order. `known_perm_id` says which permanent id the gateway has stored of one.
    pub(in crate::simulation) fn act(&mut self, known_perm_id: impl Fn(i32) -> Option<i64>) {
        if self.switches.late_refusals && self.random.percent(3) {
            self.refuse_staged();
        }
        if self.faults.by_hand && self.random.percent(4) {
            self.release_by_hand();
        }
        let working = self.alive();
        let Some(order_id) = self.random.pick(&working).copied() else {
            return;
        };
        if !self.ib_connected {
            return;
        }
        match self.random.below(12) {
            0..=3 => self.fill(order_id, false),
            4..=5 => self.fill(order_id, true),
            6 => self.cancel_family(order_id),
            7 => self.correct(),
            8 => {
                let text = "Order Message:\nBUY 1 AAPL\nWarning: Your order will not be placed at the exchange until later.";
                self.error(order_id, 399, text);
            }
            9 if self.faults.by_hand => self.touch(order_id, known_perm_id(order_id)),
            10 => self.fill_second(order_id),
            11 if self.random.percent(30) => self.open_market(),
            11 if self.random.percent(10) => self.say(order_id, Origin::Live, "AwaitingRouting"),
            _ => self.show(order_id, Origin::Live),
        }
    }

    /// Everything that works ends, one way or the other.
    pub(in crate::simulation) fn end_all(&mut self) {
        self.open_market();
        // Parents first: what is left of a family follows them.
        for order_id in self.alive() {
            self.end_second(order_id);
            if !self.works(order_id) {
                continue;
            }
            if self.random.percent(60) && self.can_fill(order_id) {
                self.fill(order_id, true);
            } else {
                self.end(order_id);
            }
        }
        // A fill of an exit may leave one that nothing ended.
        for order_id in self.alive() {
            self.end(order_id);
        }
        let seconds: Vec<i32> = self.orders.keys().copied().collect();
        for order_id in seconds {
            self.end_second(order_id);
        }
    }

    /// IB refuses an order that was held back, after TWS has read it.
    fn refuse_staged(&mut self) {
        let staged: Vec<i32> = self
            .orders
            .iter()
            .filter(|(_, order)| order.life == Life::Staged)
            .map(|(order_id, _)| *order_id)
            .collect();
        if let Some(order_id) = self.random.pick(&staged).copied() {
            self.refuse(order_id);
        }
    }

    pub(super) fn fill(&mut self, order_id: i32, whole: bool) {
        if !self.can_fill(order_id) {
            return;
        }
        let fillable = self.fillable(order_id);
        let shares = if whole {
            fillable
        } else {
            1 + self.random.below(fillable.cast_unsigned()).cast_signed()
        };
        let (stem, day) = (self.next(), self.day);
        // An execution can come without the order's id: the others of its names say whose it is.
        let order_id_shown = self
            .random
            .percent(5)
            .then(|| *self.random.pick(&[0, i32::MAX]).unwrap());
        let silent = self.random.percent(self.switches.silent_fills);
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        order.located = false;
        order.counted += shares;
        let cumulative = order.counted;
        let done = order.left() == 0;
        // Without executions only what is filled to the end is told.
        let silent = silent && done;
        order.silent |= silent;
        let execution = Execution {
            stem,
            revision: 1,
            shares,
            cumulative,
            day,
            order_id_shown,
            repeats: false,
        };
        if !silent {
            order.executions.push(execution.clone());
        }
        if done {
            self.set(order_id, Life::Filled);
        }
        let word = if done { "Filled" } else { "Submitted" };
        if silent {
            self.say(order_id, Origin::Live, word);
        } else {
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
        if done {
            self.ended(order_id);
        }
    }

    /// An execution counts for less than was said, or for nothing.
    fn correct(&mut self) {
        if !self.faults.corrections {
            return;
        }
        let candidates: Vec<(i32, usize)> = self
            .orders
            .iter()
            .filter(|(order_id, order)| {
                let alone = order.parent.is_none() && self.children(**order_id).is_empty();
                alone && order.executions.iter().all(|one| !one.repeats)
            })
            .flat_map(|(order_id, order)| {
                (0..order.executions.len()).map(move |index| (*order_id, index))
            })
            .collect();
        let Some((order_id, index)) = self.random.pick(&candidates).copied() else {
            return;
        };
        let busted = self.random.percent(20);
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let execution = &mut order.executions[index];
        execution.revision += 1;
        execution.shares = if busted {
            0
        } else {
            (execution.shares - 1).max(0)
        };
        let execution = execution.clone();
        self.tell_execution(order_id, &execution, Origin::Live);
    }
}
