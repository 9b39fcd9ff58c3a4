//! A model of TWS: what it holds, what it says, and what of that gets lost.

mod orders;
mod reports;

use std::collections::{BTreeMap, VecDeque};

use crate::domain::report_fixtures::OrderInTws;
use crate::domain::{Amount, ExecutionReport, OrderTicket};
use crate::engine::sim_support::{CLIENT_ID, Random};
use crate::tws::{SendKind, Sent, SessionInfo, TwsCommand, TwsEvent};

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

impl ModelOrder {
    /// The order by the names that reports carry.
    fn named(&self) -> OrderInTws {
        OrderInTws {
            order_id: self.ticket.order_id,
            client_id: CLIENT_ID,
            perm_id: self.perm_id,
            order_ref: Some(self.ticket.order_ref.clone()),
            account: Some(self.ticket.account.clone()),
        }
    }

    fn unfilled(&self) -> Amount {
        Amount::new(self.ticket.terms.quantity.value() - Amount::from(self.filled).value())
    }
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
            tws_time: None,
            heartbeat_in: std::time::Duration::from_secs(10),
        }));
    }

    /// The connection breaks: of what was on its way, a part arrives.
    pub(super) fn disconnect(&mut self, random: &mut Random, commands: &mut VecDeque<TwsCommand>) {
        if !self.up {
            return;
        }
        let arrive = random.index(commands.len() + 1);
        let heard = self.says.len();
        for command in commands.drain(..arrive) {
            self.obey(random, command);
        }
        // What TWS answered to those, and perhaps more, is lost.
        self.says.truncate(heard);
        let lost = if random.percent(50) {
            random.index(heard + 1)
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
        let vanish = random.index(commands.len() + 1);
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
            // Nobody asks for one.
            TwsCommand::Preview { .. } => {}
            TwsCommand::Barrier { session, token } => {
                if session == self.session {
                    self.tell(TwsEvent::BarrierAnswered {
                        session,
                        token,
                        next_valid_id: None,
                    });
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
            // Accounts are no part of what is simulated here.
            TwsCommand::Account { .. } | TwsCommand::Restart { .. } => {}
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

    pub(super) fn tell(&mut self, event: TwsEvent) {
        if self.up {
            self.says.push_back(event);
        }
    }
}
