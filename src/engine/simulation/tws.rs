//! A model of TWS: what it holds, what it says, and what of that gets lost.

use std::collections::{BTreeMap, VecDeque};

use super::random::Random;
use crate::domain::{
    Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport, OpenOrderReport,
    OrderReport, OrderTicket, Origin, StatusReport,
};
use crate::tws::{SendKind, Sent, SessionInfo, TwsCommand, TwsEvent};

pub(super) const CLIENT: i32 = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    Staged,
    PreSubmitted,
    Submitted,
    Filled,
    Cancelled,
    /// Refused with 201; the completed orders show it as cancelled.
    Inactive,
    /// Refused with an error alone, or discarded while staged: nothing shows it.
    Gone,
}

#[derive(Debug, Clone)]
pub(super) struct ModelOrder {
    pub(super) ticket: OrderTicket,
    pub(super) word: Word,
    pub(super) filled: i64,
    pub(super) perm_id: i64,
    executions: Vec<ExecutionReport>,
    /// placeOrder messages, by their transmit flag.
    pub(super) placed: Vec<bool>,
}

#[derive(Debug, Default)]
pub(super) struct ModelTws {
    pub(super) orders: BTreeMap<i32, ModelOrder>,
    pub(super) session: u64,
    pub(super) up: bool,
    pub(super) ib: bool,
    /// Queries are answered in time.
    pub(super) answers: bool,
    next_id: i32,
    counter: i64,
    /// On their way to the gateway.
    pub(super) says: VecDeque<TwsEvent>,
}

impl Word {
    pub(super) fn is_working(self) -> bool {
        matches!(self, Self::PreSubmitted | Self::Submitted)
    }

    fn text(self) -> &'static str {
        match self {
            Self::PreSubmitted => "PreSubmitted",
            Self::Submitted => "Submitted",
            Self::Filled => "Filled",
            Self::Cancelled => "Cancelled",
            Self::Inactive => "Inactive",
            Self::Staged | Self::Gone => "",
        }
    }
}

impl ModelTws {
    pub(super) fn connect(&mut self, random: &mut Random) {
        self.session += 1;
        self.up = true;
        self.ib = true;
        // Some restarts roll the counter back.
        let rolled = i32::try_from(random.below(3)).unwrap();
        self.says.push_back(TwsEvent::SessionUp(SessionInfo {
            session: self.session,
            accounts: vec!["DU1".to_owned()],
            next_valid_id: (self.next_id - rolled).max(1),
            server_version: 226,
        }));
    }

    /// The connection breaks: of what was on its way, a part arrives.
    pub(super) fn disconnect(&mut self, random: &mut Random, commands: &mut VecDeque<TwsCommand>) {
        if !self.up {
            return;
        }
        let arrive = random.below(commands.len() + 1);
        let heard = self.says.len();
        for command in commands.drain(..arrive) {
            self.obey(random, command);
        }
        // What TWS answered to those, and perhaps more, is lost.
        self.says.truncate(heard);
        let lost = if random.percent(50) {
            random.below(heard + 1)
        } else {
            0
        };
        let keep = self.says.len() - lost;
        // Sessions, and whether a message was handed over, are known to the adapter itself, not told by TWS.
        let late: Vec<TwsEvent> = self
            .says
            .drain(keep..)
            .filter(|event| {
                matches!(
                    event,
                    TwsEvent::Sent { .. } | TwsEvent::SessionUp(_) | TwsEvent::SessionDown { .. }
                )
            })
            .collect();
        self.says.extend(late);
        self.up = false;
        self.says.push_back(TwsEvent::SessionDown {
            session: self.session,
            reason: "cut".to_owned(),
        });
        let vanish = random.below(commands.len() + 1);
        commands.drain(..vanish);
    }

    /// Staged orders do not survive this.
    pub(super) fn restart(&mut self) {
        for order in self.orders.values_mut() {
            if order.word == Word::Staged {
                order.word = Word::Gone;
            }
        }
    }

    /// Takes a command, as adapter and TWS together.
    pub(super) fn obey(&mut self, random: &mut Random, command: TwsCommand) {
        match command {
            TwsCommand::Place { session, ticket } => {
                let order_id = ticket.order_id;
                if self.sent(session, order_id, SendKind::Place) {
                    self.place(random, ticket);
                }
            }
            TwsCommand::Cancel { session, order_id } => {
                if self.sent(session, order_id, SendKind::Cancel) {
                    self.cancel(random, order_id);
                }
            }
            TwsCommand::AskTime { session, token } => {
                if session == self.session {
                    self.tell(TwsEvent::TimeAnswered { session, token });
                }
            }
            TwsCommand::Reconcile {
                session,
                token,
                days_back: _,
            } => {
                if session == self.session && self.up {
                    self.reconcile(random, session, token);
                }
            }
            TwsCommand::Restart { .. } => {}
        }
    }

    fn sent(&mut self, session: u64, order_id: i32, kind: SendKind) -> bool {
        let there = self.up && session == self.session;
        let outcome = if there {
            Sent::Written
        } else {
            Sent::NotSent {
                reason: "the session is over".to_owned(),
            }
        };
        self.says.push_back(TwsEvent::Sent {
            session,
            order_id,
            kind,
            outcome,
        });
        there
    }

    fn place(&mut self, random: &mut Random, ticket: OrderTicket) {
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
            group.push(OrderReport::Error(ErrorReport {
                order_id,
                code: 201,
                text: "Order rejected - reason: margin".to_owned(),
            }));
            self.report(random, group);
            return;
        }
        self.set(order_id, Word::PreSubmitted);
        let mut group = vec![
            self.open_order(order_id, Origin::Live),
            self.status(order_id, Origin::Live),
        ];
        if random.percent(20) {
            group.push(OrderReport::Error(ErrorReport {
                order_id,
                code: 399,
                text: "Warning: later".to_owned(),
            }));
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

    fn cancel(&mut self, random: &mut Random, order_id: i32) {
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
    pub(super) fn end(&mut self, random: &mut Random, order_id: i32, confirm: bool) {
        self.set(order_id, Word::Cancelled);
        let mut group = vec![self.status(order_id, Origin::Live)];
        if confirm {
            group.push(OrderReport::Error(ErrorReport {
                order_id,
                code: 202,
                text: "Order Canceled - reason:".to_owned(),
            }));
        }
        self.report(random, group);
    }

    /// A part of a working order fills, or all of it.
    pub(super) fn fill(&mut self, random: &mut Random, order_id: i32, whole: bool) {
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let quantity = i64::try_from(order.ticket.quantity.value()).unwrap();
        let left = quantity - order.filled;
        let part = if whole {
            left
        } else {
            1 + i64::try_from(random.below(usize::try_from(left).unwrap())).unwrap()
        };
        order.filled += part;
        order.word = if order.filled == quantity {
            Word::Filled
        } else {
            Word::Submitted
        };
        self.counter += 1;
        let execution = ExecutionReport {
            origin: Origin::Live,
            order_id,
            client_id: CLIENT,
            perm_id: Some(order.perm_id),
            order_ref: Some(order.ticket.order_ref.clone()),
            account: Some("DU1".to_owned()),
            exec_id: format!("x{:06}.01", self.counter),
            quantity: part.into(),
            price: Amount::from(10),
            exchange: "NASDAQ".to_owned(),
            time_text: String::new(),
            time: None,
            cumulative_quantity: Some(order.filled.into()),
            avg_price: None,
        };
        order.executions.push(execution.clone());
        let group = vec![
            OrderReport::Execution(execution.clone()),
            commission(&execution, Origin::Live),
            self.open_order(order_id, Origin::Live),
            self.status(order_id, Origin::Live),
        ];
        self.report(random, group);
    }

    pub(super) fn working(&self) -> Vec<i32> {
        self.orders
            .iter()
            .filter(|(_, order)| order.word.is_working())
            .map(|(id, _)| *id)
            .collect()
    }

    fn reconcile(&mut self, random: &mut Random, session: u64, token: u64) {
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
            rows.truncate(random.below(rows.len() + 1));
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
    fn report(&mut self, random: &mut Random, mut group: Vec<OrderReport>) {
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

    fn error(&mut self, order_id: i32, code: i32, text: &str) {
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

    pub(super) fn tell(&mut self, event: TwsEvent) {
        if self.up {
            self.says.push_back(event);
        }
    }

    fn set(&mut self, order_id: i32, word: Word) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.word = word;
        }
    }

    fn open_order(&self, order_id: i32, origin: Origin) -> OrderReport {
        let order = &self.orders[&order_id];
        OrderReport::OpenOrder(OpenOrderReport {
            origin,
            order_id,
            client_id: CLIENT,
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

    fn status(&self, order_id: i32, origin: Origin) -> OrderReport {
        let order = &self.orders[&order_id];
        let quantity = order.ticket.quantity.value();
        OrderReport::Status(StatusReport {
            origin,
            order_id,
            client_id: CLIENT,
            perm_id: Some(order.perm_id),
            status: order.word.text().to_owned(),
            filled: order.filled.into(),
            remaining: Amount::new(quantity - rust_decimal::Decimal::from(order.filled)),
            avg_fill_price: (order.filled > 0).then(|| Amount::from(10)),
            why_held: None,
        })
    }
}

fn commission(execution: &ExecutionReport, origin: Origin) -> OrderReport {
    OrderReport::Commission(CommissionReport {
        origin,
        exec_id: execution.exec_id.clone(),
        amount: Amount::from(1),
        currency: "USD".to_owned(),
    })
}
