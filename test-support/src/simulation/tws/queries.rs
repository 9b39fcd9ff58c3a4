//! The queries of a reconcile, and what TWS answers to them.

use ibkr_orders::domain::Origin;
use ibkr_orders::tws::{Answer, Answers, TwsEvent};

use super::{Life, Tws};

/// A query on its way.
#[derive(Debug, Clone)]
pub(super) struct Query {
    token: u64,
    days_back: u32,
    /// 0 open orders, 1 completed orders, 2 executions.
    stage: u8,
    /// The answers so far.
    answers: Vec<Answer>,
}

impl Query {
    pub(super) const fn first(token: u64, days_back: u32) -> Self {
        Self {
            token,
            days_back,
            stage: 0,
            answers: Vec::new(),
        }
    }
}

impl Tws {
    pub(super) fn query(&mut self, mut query: Query) {
        let Some(session) = self.session else { return };
        let mute = self.random.percent(self.faults.mute);
        let ids: Vec<i32> = self.orders.keys().copied().collect();
        for order_id in ids {
            // Of an answer that does not come, some rows may have come.
            if !mute || self.random.percent(50) {
                self.answer_row(order_id, &query);
            }
        }
        if query.stage == 0 {
            for order_id in self.strays() {
                self.show_stray(order_id, Origin::Snapshot);
            }
        }
        let stage = usize::from(query.stage);
        query.answers.push(if mute {
            Answer::None {
                reason: "it was not answered".to_owned(),
            }
        } else if self.switches.endless == Some(query.stage) {
            self.endless[stage] += 1;
            Answer::Partial {
                times: self.endless[stage],
            }
        } else {
            Answer::Whole
        });
        if query.stage < 2 {
            query.stage += 1;
            self.to_tws.push_back(super::Frame::Query(query));
            return;
        }
        let answers: [Answer; 3] = query.answers.try_into().expect("one answer for each query");
        let [open_orders, completed_orders, executions] = answers;
        self.to_engine.push_back(TwsEvent::Reconciled {
            session,
            token: query.token,
            answers: Answers {
                open_orders,
                completed_orders,
                executions,
            },
        });
    }

    fn answer_row(&mut self, order_id: i32, query: &Query) {
        let Some(order) = self.orders.get(&order_id).cloned() else {
            return;
        };
        match query.stage {
            0 => {
                if order.number_shared {
                    self.show_foreign(order_id, Origin::Snapshot);
                }
                if order.life == Life::Working {
                    self.show(order_id, Origin::Snapshot);
                }
                if order.second.as_ref().is_some_and(|second| second.works) {
                    self.show_second(order_id, Origin::Snapshot);
                }
            }
            1 => {
                let ended = matches!(order.life, Life::Filled | Life::Cancelled | Life::Inactive);
                if ended && !self.is_row_gone(&order) {
                    self.completed(&order);
                }
            }
            _ => {
                // A day of the simulation is several of the calendar.
                let shown = |day: u32| day == self.day || query.days_back > 3;
                let told: Vec<_> = order
                    .executions
                    .iter()
                    .filter(|one| shown(one.day))
                    .collect();
                for execution in told {
                    self.tell_execution(order_id, execution, Origin::Snapshot);
                    if self.switches.commissions_again && !execution.repeats {
                        self.commission(execution, Origin::Snapshot);
                    }
                }
                if let Some(second) = &order.second {
                    for execution in &second.executions {
                        if execution.day == self.day || query.days_back > 3 {
                            self.tell_second_execution(order_id, execution, Origin::Snapshot);
                        }
                    }
                }
            }
        }
    }
}
