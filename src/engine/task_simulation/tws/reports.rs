//! What TWS says of its orders, by itself and when it is asked.

use super::held::Execution;
use super::{Frame, Held, Life, Tws};
use crate::domain::{CompletedReport, ExecutionReport, OrderReport, Origin, report_fixtures};
use crate::tws::{Answers, TwsEvent};

impl Tws {
    /// An order as it stands, as a live report or as a row of a query.
    pub(super) fn show(&mut self, order_id: i32, origin: Origin) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let word = if order.pending {
            "PendingSubmit"
        } else if self.random.percent(30) {
            "PreSubmitted"
        } else {
            "Submitted"
        };
        self.say(order_id, origin, word);
    }

    /// openOrder and orderStatus; live, either may be missing.
    pub(super) fn say(&mut self, order_id: i32, origin: Origin, word: &str) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let (named, quantity) = (order.named(), order.ticket.terms.quantity);
        let counted = order.counted().into();
        if origin == Origin::Snapshot || self.random.percent(80) {
            self.report(named.open_order(origin, word));
        }
        if origin == Origin::Snapshot || self.random.percent(90) {
            self.report(named.status(origin, word, counted, quantity));
        }
    }

    pub(super) fn tell_execution(&mut self, order_id: i32, execution: &Execution, origin: Origin) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let report = ExecutionReport {
            origin,
            time_text: "20260825 14:11:30 US/Eastern".to_owned(),
            time: None,
            cumulative_quantity: Some(execution.cumulative.into()),
            avg_price: Some(10.into()),
            ..order
                .named()
                .execution(&execution.id(), execution.shares.into())
        };
        self.report(OrderReport::Execution(report));
    }

    pub(super) fn commission(&mut self, execution: &Execution, origin: Origin) {
        self.report(report_fixtures::commission(
            origin,
            &execution.id(),
            1.into(),
        ));
    }

    pub(super) fn error(&mut self, order_id: i32, code: i32, text: &str) {
        self.report(report_fixtures::error(order_id, code, text));
    }

    pub(super) fn report(&mut self, report: OrderReport) {
        // Nobody hears what TWS says without a session.
        if let Some(session) = self.session {
            self.to_engine
                .push_back(TwsEvent::Report { session, report });
        }
    }

    pub(super) fn query(&mut self, token: u64, stage: u8) {
        let Some(session) = self.session else { return };
        let fails = self.weather.lost > 0 && self.random.percent(10);
        let ids: Vec<i32> = self.orders.keys().copied().collect();
        for order_id in ids {
            if fails && self.random.percent(50) {
                continue;
            }
            let Some(order) = self.orders.get(&order_id).cloned() else {
                continue;
            };
            match (stage, order.life) {
                (0, Life::Working) => self.show(order_id, Origin::Snapshot),
                (1, Life::Filled | Life::Cancelled | Life::Inactive) => self.completed(&order),
                (2, _) => {
                    for execution in &order.executions {
                        self.tell_execution(order_id, execution, Origin::Snapshot);
                        if self.weather.commissions_again {
                            self.commission(execution, Origin::Snapshot);
                        }
                    }
                }
                _ => {}
            }
        }
        if fails {
            self.to_engine.push_back(TwsEvent::Reconciled {
                session,
                token,
                answers: Answers::none("a step ran out of time"),
            });
        } else if stage < 2 {
            self.to_tws.push_back(Frame::Query(token, stage + 1));
        } else {
            self.to_engine.push_back(TwsEvent::Reconciled {
                session,
                token,
                answers: Answers::whole(),
            });
        }
    }

    pub(super) fn completed(&mut self, order: &Held) {
        let word = match order.life {
            Life::Filled => "Filled",
            _ => "Cancelled",
        };
        self.report(OrderReport::Completed(CompletedReport {
            unfilled: Some((order.quantity() - order.counted()).into()),
            completed_status: (order.life == Life::Inactive)
                .then(|| "Order rejected - reason:too large".to_owned()),
            ..order.named().completed(order.ticket.terms.symbol(), word)
        }));
    }
}
