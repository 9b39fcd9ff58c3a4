//! Previews: TWS says what an order would cost, refuses it, says nothing, or, against all rules, takes it for an order.

use ibkr_orders::domain::{Margins, OrderTicket, PreviewReport};
use ibkr_orders::tws::TwsEvent;

use super::{Held, Tws};

impl Tws {
    pub(super) fn preview(&mut self, ticket: &OrderTicket) {
        let order_id = ticket.order_id;
        let Some(session) = self.session else { return };
        self.highest_id = self.highest_id.max(order_id);
        self.next_valid_id = self.next_valid_id.max(order_id + 1);
        let report = PreviewReport {
            order_id,
            change: Margins {
                initial: Some(100.into()),
                ..Margins::default()
            },
            ..PreviewReport::default()
        };
        let told = |report| TwsEvent::Previewed {
            session,
            report: Box::new(report),
        };
        match self.random.below(12) {
            0 => {}
            1 => self.error(
                order_id,
                201,
                "Order rejected - reason:the margin would not suffice",
            ),
            2..=4 => {
                let warning = PreviewReport {
                    order_id,
                    warning_text: Some("it may be large".to_owned()),
                    ..PreviewReport::default()
                };
                self.to_engine.push_back(told(warning));
                self.to_engine.push_back(told(report));
            }
            5 if self.faults.by_hand => {
                // It never should: then it is an order like any other.
                let perm_id = 1_700_000_000 + self.next().cast_signed();
                let mut ticket = ticket.clone();
                ticket.transmit = true;
                self.orders
                    .insert(order_id, Held::new(ticket, session, perm_id));
                self.activate(order_id);
            }
            _ => self.to_engine.push_back(told(report)),
        }
    }
}
