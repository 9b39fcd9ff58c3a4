//! What TWS says of its orders, by itself and in a reconcile.

use super::{ModelTws, Word};
use crate::domain::{
    Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport, OpenOrderReport,
    OrderReport, Origin, StatusReport,
};
use crate::engine::stage::{CLIENT_ID, Random};
use crate::tws::TwsEvent;

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
            let quantity = order.ticket.quantity.value();
            let (status, why) = match order.word {
                Word::Filled => ("Filled", "Filled Size"),
                Word::Cancelled => ("Cancelled", "Cancelled by Trader"),
                Word::Inactive => ("Cancelled", "Order rejected - reason: margin"),
                Word::Staged | Word::PreSubmitted | Word::Submitted | Word::Gone => continue,
            };
            rows.push(OrderReport::Completed(CompletedReport {
                order_id: None,
                client_id: None,
                perm_id: Some(order.perm_id),
                order_ref: Some(order.ticket.order_ref.clone()),
                account: Some("DU1".to_owned()),
                symbol: order.ticket.symbol.clone(),
                status: status.to_owned(),
                unfilled: Some(Amount::new(
                    quantity - rust_decimal::Decimal::from(order.filled),
                )),
                filled: Some(Amount::ZERO),
                completed_status: Some(why.to_owned()),
            }));
        }
        for order in self.orders.values() {
            for execution in &order.executions {
                let row = ExecutionReport {
                    origin: Origin::Snapshot,
                    ..execution.clone()
                };
                rows.push(commission(&row, Origin::Snapshot));
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
        let result = if fails {
            Err("out of time".to_owned())
        } else {
            Ok(())
        };
        self.tell(TwsEvent::Reconciled {
            session,
            token,
            result,
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
        let report = OrderReport::Error(ErrorReport {
            order_id,
            code,
            text: text.to_owned(),
        });
        self.tell(TwsEvent::Report {
            session: self.session,
            report,
        });
    }

    pub(super) fn open_order(&self, order_id: i32, origin: Origin) -> OrderReport {
        let order = &self.orders[&order_id];
        OrderReport::OpenOrder(OpenOrderReport {
            origin,
            order_id,
            client_id: CLIENT_ID,
            perm_id: Some(order.perm_id),
            order_ref: Some(order.ticket.order_ref.clone()),
            account: Some("DU1".to_owned()),
            status: order.word.text().to_owned(),
            what_if: false,
            reject_reason: None,
            warning_text: None,
            completed_status: None,
        })
    }

    pub(super) fn status(&self, order_id: i32, origin: Origin) -> OrderReport {
        let order = &self.orders[&order_id];
        let quantity = order.ticket.quantity.value();
        OrderReport::Status(StatusReport {
            origin,
            order_id,
            client_id: CLIENT_ID,
            perm_id: Some(order.perm_id),
            status: order.word.text().to_owned(),
            filled: order.filled.into(),
            remaining: Amount::new(quantity - rust_decimal::Decimal::from(order.filled)),
            avg_fill_price: (order.filled > 0).then(|| Amount::from(10)),
            why_held: None,
        })
    }
}

pub(super) fn commission(execution: &ExecutionReport, origin: Origin) -> OrderReport {
    OrderReport::Commission(CommissionReport {
        origin,
        exec_id: execution.exec_id.clone(),
        amount: Amount::from(1),
        currency: "USD".to_owned(),
    })
}
