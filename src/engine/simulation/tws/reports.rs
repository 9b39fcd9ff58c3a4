//! What TWS says of its orders, by itself and in a reconcile.

use super::{ModelTws, Word};
use crate::domain::{
    Amount, CompletedReport, ExecutionReport, OrderReport, Origin, report_fixtures,
};
use crate::engine::sim_support::Random;
use crate::tws::{Answers, TwsEvent};

impl ModelTws {
    pub(super) fn reconcile(&mut self, random: &mut Random, session: u64, token: u64) {
        let mut rows = Vec::new();
        for (order_id, order) in &self.orders {
            if order.word.is_working() {
                rows.push(self.open_order(*order_id, Origin::Snapshot));
                rows.push(self.status(*order_id, Origin::Snapshot));
            }
        }
        for order in self.orders.values() {
            let (status, why) = match order.word {
                Word::Filled => ("Filled", "Filled Size"),
                Word::Cancelled => ("Cancelled", "Cancelled by Trader"),
                Word::Inactive => ("Cancelled", "Order rejected - reason: margin"),
                Word::Staged | Word::PreSubmitted | Word::Submitted | Word::Gone => continue,
            };
            rows.push(OrderReport::Completed(CompletedReport {
                unfilled: Some(order.unfilled()),
                filled: Some(Amount::ZERO),
                completed_status: Some(why.to_owned()),
                ..order.named().completed(order.ticket.terms.symbol(), status)
            }));
        }
        for order in self.orders.values() {
            for execution in &order.executions {
                let row = ExecutionReport {
                    origin: Origin::Snapshot,
                    ..execution.clone()
                };
                rows.push(report_fixtures::commission(
                    Origin::Snapshot,
                    &row.exec_id,
                    1.into(),
                ));
                rows.push(OrderReport::Execution(row));
            }
        }
        let fails = !self.answers && random.percent(10);
        if fails {
            rows.truncate(random.index(rows.len() + 1));
        }
        for report in rows {
            self.tell(TwsEvent::Report { session, report });
        }
        let answers = if fails {
            Answers::none("out of time")
        } else {
            Answers::whole()
        };
        self.tell(TwsEvent::Reconciled {
            session,
            token,
            answers,
        });
    }

    /// Live reports of one moment: in any order, some twice, some lost.
    pub(super) fn report(&mut self, random: &mut Random, mut group: Vec<OrderReport>) {
        if random.percent(30) {
            random.shuffle(&mut group);
        }
        for report in group {
            if random.percent(4) {
                continue;
            }
            let times = if random.percent(15) { 2 } else { 1 };
            for _ in 0..times {
                self.tell(TwsEvent::Report {
                    session: self.session,
                    report: report.clone(),
                });
            }
        }
    }

    pub(super) fn error(&mut self, order_id: i32, code: i32, text: &str) {
        self.tell(TwsEvent::Report {
            session: self.session,
            report: report_fixtures::error(order_id, code, text),
        });
    }

    pub(super) fn open_order(&self, order_id: i32, origin: Origin) -> OrderReport {
        let order = &self.orders[&order_id];
        order.named().open_order(origin, order.word.text())
    }

    pub(super) fn status(&self, order_id: i32, origin: Origin) -> OrderReport {
        let order = &self.orders[&order_id];
        let (word, filled) = (order.word.text(), order.filled.into());
        order
            .named()
            .status(origin, word, filled, order.ticket.terms.quantity)
    }
}
