//! A model of TWS and of the adapter before it, as the notes on TWS describe them: what it holds, what it says, and how links lose both.
//!
//! It is the truth of a simulation: what the gateway shows in the end is compared with it.

use std::collections::{BTreeMap, VecDeque};

use super::random::Random;
use crate::domain::{
    Amount, CommissionReport, CompletedReport, ErrorReport, ExecutionReport, OpenOrderReport,
    OrderReport, OrderTicket, Origin, StatusReport, Timestamp,
};
use crate::tws::{ConnectFailure, SendKind, Sent, SessionInfo, TwsCommand, TwsEvent};

pub(super) const CLIENT_ID: i32 = 7;
const ACCOUNT: &str = "DU1234567";

/// What may go wrong in a run.
#[derive(Debug, Clone)]
pub(super) struct Weather {
    /// Of a hundred reports, so many are lost without a word.
    pub(super) lost: u64,
    /// So many come twice.
    pub(super) doubled: u64,
    /// So many change places with a later one.
    pub(super) shuffled: u64,
    /// Executions are corrected downwards now and then.
    pub(super) corrections: bool,
    /// Of a hundred messages, so many tear the link.
    pub(super) torn: u64,
    /// The executions query answers with commissions.
    pub(super) commissions_again: bool,
}

/// Where an order stands in TWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Held back; no query shows it.
    Staged,
    /// Held back until TWS was restarted or the order discarded: TWS knows it no more.
    Forgotten,
    /// Refused with an error; no query shows it.
    Refused,
    /// Alive.
    Working,
    /// Ended.
    Filled,
    /// Ended.
    Cancelled,
    /// Refused after it was shown; a completed order says Cancelled.
    Inactive,
}

/// One execution, corrections applied.
#[derive(Debug, Clone)]
pub(super) struct Execution {
    pub(super) stem: u64,
    pub(super) revision: u32,
    pub(super) shares: i64,
    pub(super) cumulative: i64,
}

impl Execution {
    pub(super) fn id(&self) -> String {
        format!("0000e0d5.{:08x}.01.{:02}", self.stem, self.revision)
    }
}

/// An order that TWS got.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) ticket: OrderTicket,
    pub(super) life: Life,
    perm_id: i64,
    pub(super) executions: Vec<Execution>,
    /// An order that IB has not got yet.
    pending: bool,
}

impl Held {
    pub(super) fn quantity(&self) -> i64 {
        whole(self.ticket.quantity)
    }

    /// What executed, corrections applied.
    pub(super) fn executed(&self) -> i64 {
        self.executions.iter().map(|one| one.shares).sum()
    }

    /// What executed by TWS's own count, which corrections do not touch.
    pub(super) fn counted(&self) -> i64 {
        self.executions.last().map_or(0, |one| one.cumulative)
    }
}

/// A request on its way to TWS.
#[derive(Debug, Clone)]
enum Frame {
    Place(OrderTicket),
    Cancel(i32),
    AskTime(u64),
    /// A query of the reconcile with this token: 0 open orders, 1 completed orders, 2 executions.
    Query(u64, u8),
}

/// TWS, the adapter, and the link between them.
#[derive(Debug)]
pub(super) struct Tws {
    random: Random,
    pub(super) weather: Weather,
    pub(super) orders: BTreeMap<i32, Held>,
    /// placeOrder frames that left for an id: held back, and transmitted.
    frames: BTreeMap<i32, (u32, u32)>,
    next_valid_id: i32,
    counter: u64,
    pub(super) ib_connected: bool,
    sessions: u64,
    pub(super) session: Option<u64>,
    /// Written by the adapter, not yet read by TWS.
    to_tws: VecDeque<Frame>,
    /// Told by adapter and TWS, not yet taken by the engine.
    to_engine: VecDeque<TwsEvent>,
    /// What must never happen and did.
    pub(super) violations: Vec<String>,
}

impl Tws {
    pub(super) fn new(seed: u64, weather: Weather) -> Self {
        Self {
            random: Random::new(seed),
            weather,
            orders: BTreeMap::new(),
            frames: BTreeMap::new(),
            next_valid_id: 1,
            counter: 0,
            ib_connected: true,
            sessions: 0,
            session: None,
            to_tws: VecDeque::new(),
            to_engine: VecDeque::new(),
            violations: Vec::new(),
        }
    }

    /// The adapter carries out a command.
    pub(super) fn command(&mut self, command: TwsCommand) {
        let session = command.session();
        let up = self.session == Some(session);
        let (frame, told) = match command {
            TwsCommand::Place { ticket, .. } => {
                let order_id = ticket.order_id;
                (Frame::Place(ticket), Some((order_id, SendKind::Place)))
            }
            TwsCommand::Cancel { order_id, .. } => {
                (Frame::Cancel(order_id), Some((order_id, SendKind::Cancel)))
            }
            TwsCommand::AskTime { token, .. } => (Frame::AskTime(token), None),
            TwsCommand::Reconcile { token, .. } => (Frame::Query(token, 0), None),
            TwsCommand::Restart { .. } => {
                self.drop_link("restarted");
                return;
            }
        };
        let torn = up && self.random.percent(self.weather.torn);
        if up {
            self.count(&frame);
            self.to_tws.push_back(frame);
        }
        if let Some((order_id, kind)) = told {
            let reason = "the session is over".to_owned();
            let outcome = match (up, torn) {
                (false, _) => Sent::NotSent { reason },
                (true, true) => Sent::Unknown { reason },
                (true, false) => Sent::Written,
            };
            self.to_engine.push_back(TwsEvent::Sent {
                session,
                order_id,
                kind,
                outcome,
            });
        }
        if torn {
            self.drop_link("a write failed");
        }
    }

    /// Invariant 3, looked at where bytes leave.
    fn count(&mut self, frame: &Frame) {
        let Frame::Place(ticket) = frame else { return };
        let (held, transmitted) = self.frames.entry(ticket.order_id).or_default();
        let count = if ticket.transmit { transmitted } else { held };
        *count += 1;
        if *count > 1 {
            self.violations
                .push(format!("placeOrder {} was sent twice", ticket.order_id));
        }
    }

    /// TWS reads one request.
    pub(super) fn read(&mut self) {
        match self.to_tws.pop_front() {
            None => {}
            Some(Frame::Place(ticket)) => self.place(ticket),
            Some(Frame::Cancel(order_id)) => self.cancel(order_id),
            Some(Frame::AskTime(token)) => {
                let session = self.session.unwrap_or_default();
                self.to_engine
                    .push_back(TwsEvent::TimeAnswered { session, token });
            }
            Some(Frame::Query(token, stage)) => self.query(token, stage),
        }
    }

    /// The exchange does something.
    pub(super) fn act(&mut self) {
        let working: Vec<i32> = self.alive();
        if working.is_empty() || !self.ib_connected {
            return;
        }
        let order_id = working[self.random.index(working.len())];
        match self.random.below(10) {
            0..=3 => self.fill(order_id, false),
            4..=5 => self.fill(order_id, true),
            6 => self.end(order_id, Life::Cancelled),
            7 => self.correct(),
            8 => {
                let text = "Order Message:\nBUY 1 AAPL\nWarning: Your order will not be placed at the exchange until later.";
                self.error(order_id, 399, text);
            }
            _ => self.show(order_id, Origin::Live),
        }
    }

    /// TWS loses IB, or has it back.
    pub(super) fn toggle_ib(&mut self) {
        let Some(session) = self.session else { return };
        self.ib_connected = !self.ib_connected;
        self.to_engine.push_back(TwsEvent::IbLink {
            session,
            connected: self.ib_connected,
            data_lost: self.random.percent(50),
            text: "the link to IB".to_owned(),
        });
        if self.ib_connected {
            for order_id in self.alive() {
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.pending = false;
                }
                self.show(order_id, Origin::Live);
            }
        }
    }

    /// The session breaks: of what is under way, a part arrives.
    pub(super) fn drop_link(&mut self, reason: &str) {
        let Some(session) = self.session else { return };
        let kept = self.random.index(self.to_engine.len() + 1);
        self.read_a_part();
        // What the adapter itself has told does not get lost.
        let mut seen = 0;
        self.to_engine.retain(|event| {
            seen += 1;
            seen <= kept || matches!(event, TwsEvent::Sent { .. } | TwsEvent::SessionDown { .. })
        });
        self.session = None;
        self.to_engine.push_back(TwsEvent::SessionDown {
            session,
            reason: reason.to_owned(),
        });
    }

    /// The gateway is gone, whatever it was doing.
    pub(super) fn peer_gone(&mut self) {
        self.read_a_part();
        self.to_engine.clear();
        self.session = None;
    }

    /// TWS itself is restarted: orders held back are gone, and ids may come again.
    pub(super) fn restart(&mut self) {
        self.drop_link("TWS was restarted");
        self.ib_connected = true;
        for order in self.orders.values_mut() {
            if order.life == Life::Staged {
                order.life = Life::Forgotten;
            }
            order.pending = false;
        }
        let back = self.random.below(6) as i32;
        self.next_valid_id = (self.next_valid_id - back).max(1);
    }

    /// The adapter connects, or fails to.
    pub(super) fn connect(&mut self, always: bool) {
        if self.session.is_some() {
            return;
        }
        if !always && self.random.percent(30) {
            self.to_engine
                .push_back(TwsEvent::ConnectFailed(ConnectFailure::Unreachable {
                    detail: "refused".to_owned(),
                }));
            return;
        }
        self.sessions += 1;
        self.session = Some(self.sessions);
        self.to_engine.push_back(TwsEvent::SessionUp(SessionInfo {
            session: self.sessions,
            accounts: vec![ACCOUNT.to_owned()],
            next_valid_id: self.next_valid_id,
            server_version: 225,
        }));
        if !self.ib_connected {
            self.to_engine.push_back(TwsEvent::IbLink {
                session: self.sessions,
                connected: false,
                data_lost: false,
                text: "the link to IB is down".to_owned(),
            });
        }
        for order_id in self.alive() {
            self.show(order_id, Origin::Live);
        }
    }

    /// The next thing the engine hears, with what may happen to reports on their way.
    pub(super) fn hear(&mut self) -> Option<TwsEvent> {
        let length = self.to_engine.len();
        if length > 1 && self.random.percent(self.weather.shuffled) {
            let other = 1 + self.random.index((length - 1).min(4));
            let reports = self.to_engine.iter().take(other + 1).all(is_report);
            if reports {
                self.to_engine.swap(0, other);
            }
        }
        let event = self.to_engine.pop_front()?;
        if is_live(&event) {
            if self.random.percent(self.weather.lost) {
                return self.hear();
            }
            if self.random.percent(self.weather.doubled) {
                let until = self
                    .to_engine
                    .iter()
                    .position(|event| !is_report(event))
                    .unwrap_or(self.to_engine.len());
                let at = self.random.index(until + 1);
                self.to_engine.insert(at, event.clone());
            }
        }
        Some(event)
    }

    /// Something is still under way.
    pub(super) fn is_busy(&self) -> bool {
        !self.to_tws.is_empty() || !self.to_engine.is_empty()
    }

    /// Everything that works ends, one way or the other.
    pub(super) fn end_all(&mut self) {
        for order_id in self.alive() {
            if self.random.percent(60) {
                self.fill(order_id, true);
            } else {
                self.end(order_id, Life::Cancelled);
            }
        }
    }

    fn alive(&self) -> Vec<i32> {
        self.orders
            .iter()
            .filter(|(_, order)| order.life == Life::Working)
            .map(|(order_id, _)| *order_id)
            .collect()
    }

    /// TWS reads the first of what was written; the rest is lost.
    fn read_a_part(&mut self) {
        for _ in 0..self.random.index(self.to_tws.len() + 1) {
            self.read();
        }
        self.to_tws.clear();
    }

    fn place(&mut self, ticket: OrderTicket) {
        let order_id = ticket.order_id;
        match self.orders.get_mut(&order_id) {
            Some(order) if order.life == Life::Staged && ticket.transmit => {
                let held = OrderTicket {
                    transmit: false,
                    ..ticket.clone()
                };
                if held != order.ticket {
                    self.violations
                        .push(format!("the release of {order_id} changed the order"));
                }
                // Now and then TWS is still busy with it: the order stays held back, and may be released again.
                if self.random.percent(5) {
                    self.frames.insert(order_id, (1, 0));
                    self.error(
                        order_id,
                        2102,
                        "Unable to modify this order as it is still being processed.",
                    );
                    return;
                }
                order.ticket = ticket;
            }
            Some(order) if order.life == Life::Forgotten && ticket.transmit => {
                if self.random.percent(50) {
                    order.life = Life::Refused;
                    self.error(order_id, 103, "Duplicate order id");
                    return;
                }
                order.ticket = ticket;
            }
            Some(_) => {
                self.violations
                    .push(format!("order id {order_id} was used twice"));
                return;
            }
            None => {
                self.counter += 1;
                self.orders.insert(
                    order_id,
                    Held {
                        ticket,
                        life: Life::Staged,
                        perm_id: 1_700_000_000 + self.counter as i64,
                        executions: Vec::new(),
                        pending: false,
                    },
                );
                self.next_valid_id = self.next_valid_id.max(order_id + 1);
            }
        }
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        if !order.ticket.transmit {
            return;
        }
        order.life = Life::Working;
        order.pending = !self.ib_connected;
        match self.random.below(20) {
            0 => self.refuse(
                order_id,
                200,
                "No security definition has been found for the request",
            ),
            1 => self.refuse(
                order_id,
                110,
                "The price does not conform to the minimum price variation for this contract.",
            ),
            2 => {
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.life = Life::Inactive;
                }
                self.say(order_id, Origin::Live, "Inactive");
                self.error(order_id, 201, "Order rejected - reason:too large");
            }
            3..=4 => {}
            5..=8 => self.fill(order_id, true),
            _ => self.show(order_id, Origin::Live),
        }
    }

    fn refuse(&mut self, order_id: i32, code: i32, text: &str) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.life = Life::Refused;
        }
        self.error(order_id, code, text);
    }

    fn cancel(&mut self, order_id: i32) {
        let life = self.orders.get(&order_id).map(|order| order.life);
        let not_found = format!("OrderId {order_id} that needs to be cancelled is not found.");
        match life {
            None | Some(Life::Refused | Life::Forgotten) => {
                self.error(order_id, 10147, &not_found);
            }
            Some(Life::Staged) => {
                if let Some(order) = self.orders.get_mut(&order_id) {
                    order.life = Life::Forgotten;
                }
                if self.random.percent(50) {
                    self.error(order_id, 202, "Order was discarded");
                    self.error(
                        order_id,
                        161,
                        "Cancel attempted when order is not in a cancellable state.",
                    );
                } else {
                    self.error(order_id, 10147, &not_found);
                }
            }
            Some(Life::Working) => match self.random.below(6) {
                0 => {
                    self.fill(order_id, true);
                    self.error(order_id, 10148, "cannot be cancelled, state: Filled.");
                }
                // It takes its time, or is forgotten over other things.
                1 => self.say(order_id, Origin::Live, "PendingCancel"),
                2 => {
                    self.say(order_id, Origin::Live, "PendingCancel");
                    self.end(order_id, Life::Cancelled);
                }
                _ => self.end(order_id, Life::Cancelled),
            },
            Some(Life::Filled | Life::Cancelled | Life::Inactive) => {
                let code = [161, 10147, 10148][self.random.index(3)];
                self.error(order_id, code, "it cannot be cancelled");
            }
        }
    }

    fn fill(&mut self, order_id: i32, whole: bool) {
        if !self.ib_connected {
            return;
        }
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let left = order.quantity() - order.counted();
        let shares = if whole {
            left
        } else {
            1 + self.random.below(left.max(1) as u64) as i64
        };
        self.counter += 1;
        let execution = Execution {
            stem: self.counter,
            revision: 1,
            shares,
            cumulative: order.counted() + shares,
        };
        let done = shares == left;
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.executions.push(execution.clone());
            if done {
                order.life = Life::Filled;
            }
        }
        let word = if done { "Filled" } else { "Submitted" };
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

    /// An execution counts for less than was said.
    fn correct(&mut self) {
        if !self.weather.corrections {
            return;
        }
        let candidates: Vec<(i32, usize)> = self
            .orders
            .iter()
            .flat_map(|(order_id, order)| {
                (0..order.executions.len()).map(move |index| (*order_id, index))
            })
            .collect();
        if candidates.is_empty() {
            return;
        }
        let (order_id, index) = candidates[self.random.index(candidates.len())];
        let Some(order) = self.orders.get_mut(&order_id) else {
            return;
        };
        let execution = &mut order.executions[index];
        execution.revision += 1;
        execution.shares = (execution.shares - 1).max(1);
        let execution = execution.clone();
        self.tell_execution(order_id, &execution, Origin::Live);
    }

    fn end(&mut self, order_id: i32, life: Life) {
        if let Some(order) = self.orders.get_mut(&order_id) {
            order.life = life;
        }
        let status_first = self.random.percent(70);
        if status_first {
            self.say(order_id, Origin::Live, "Cancelled");
        }
        self.error(order_id, 202, "Order Canceled - reason:");
        if !status_first {
            self.say(order_id, Origin::Live, "Cancelled");
        }
    }

    /// An order as it stands, as a live report or as a row of a query.
    fn show(&mut self, order_id: i32, origin: Origin) {
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
    fn say(&mut self, order_id: i32, origin: Origin, word: &str) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let (ticket, perm_id, counted) = (order.ticket.clone(), order.perm_id, order.counted());
        let left = order.quantity() - counted;
        if origin == Origin::Snapshot || self.random.percent(80) {
            self.report(OrderReport::OpenOrder(OpenOrderReport {
                origin,
                order_id,
                client_id: CLIENT_ID,
                perm_id: Some(perm_id),
                order_ref: Some(ticket.order_ref),
                account: Some(ticket.account),
                status: word.to_owned(),
                what_if: false,
                reject_reason: None,
                warning_text: None,
                completed_status: None,
            }));
        }
        if origin == Origin::Snapshot || self.random.percent(90) {
            self.report(OrderReport::Status(StatusReport {
                origin,
                order_id,
                client_id: CLIENT_ID,
                perm_id: Some(perm_id),
                status: word.to_owned(),
                filled: counted.into(),
                remaining: left.into(),
                avg_fill_price: (counted > 0).then(|| 10.into()),
                why_held: None,
            }));
        }
    }

    fn tell_execution(&mut self, order_id: i32, execution: &Execution, origin: Origin) {
        let Some(order) = self.orders.get(&order_id) else {
            return;
        };
        let report = ExecutionReport {
            origin,
            order_id,
            client_id: CLIENT_ID,
            perm_id: Some(order.perm_id),
            order_ref: Some(order.ticket.order_ref.clone()),
            account: Some(order.ticket.account.clone()),
            exec_id: execution.id(),
            quantity: execution.shares.into(),
            price: 10.into(),
            exchange: "NASDAQ".to_owned(),
            time_text: "20260825 14:11:30 US/Eastern".to_owned(),
            time: Some(Timestamp::from_unix_micros(1_787_681_490_000_000)),
            cumulative_quantity: Some(execution.cumulative.into()),
            avg_price: Some(10.into()),
        };
        self.report(OrderReport::Execution(report));
    }

    fn commission(&mut self, execution: &Execution, origin: Origin) {
        self.report(OrderReport::Commission(CommissionReport {
            origin,
            exec_id: execution.id(),
            amount: 1.into(),
            currency: "USD".to_owned(),
        }));
    }

    fn error(&mut self, order_id: i32, code: i32, text: &str) {
        self.report(OrderReport::Error(ErrorReport {
            order_id,
            code,
            text: text.to_owned(),
        }));
    }

    fn report(&mut self, report: OrderReport) {
        // Nobody hears what TWS says without a session.
        if let Some(session) = self.session {
            self.to_engine
                .push_back(TwsEvent::Report { session, report });
        }
    }

    fn query(&mut self, token: u64, stage: u8) {
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
                result: Err("a step ran out of time".to_owned()),
            });
        } else if stage < 2 {
            self.to_tws.push_back(Frame::Query(token, stage + 1));
        } else {
            self.to_engine.push_back(TwsEvent::Reconciled {
                session,
                token,
                result: Ok(()),
            });
        }
    }

    fn completed(&mut self, order: &Held) {
        let word = match order.life {
            Life::Filled => "Filled",
            _ => "Cancelled",
        };
        self.report(OrderReport::Completed(CompletedReport {
            order_id: None,
            client_id: None,
            perm_id: Some(order.perm_id),
            order_ref: Some(order.ticket.order_ref.clone()),
            account: Some(order.ticket.account.clone()),
            symbol: order.ticket.symbol.clone(),
            status: word.to_owned(),
            unfilled: Some((order.quantity() - order.counted()).into()),
            filled: None,
            completed_status: (order.life == Life::Inactive)
                .then(|| "Order rejected - reason:too large".to_owned()),
        }));
    }
}

fn is_report(event: &TwsEvent) -> bool {
    matches!(event, TwsEvent::Report { .. })
}

fn is_live(event: &TwsEvent) -> bool {
    let TwsEvent::Report { report, .. } = event else {
        return false;
    };
    match report {
        OrderReport::OpenOrder(report) => report.origin == Origin::Live,
        OrderReport::Status(report) => report.origin == Origin::Live,
        OrderReport::Execution(report) => report.origin == Origin::Live,
        OrderReport::Commission(report) => report.origin == Origin::Live,
        OrderReport::Error(_) => true,
        OrderReport::Completed(_) => false,
    }
}

/// Every quantity of a simulation is whole.
pub(super) fn whole(amount: Amount) -> i64 {
    amount.to_string().parse().unwrap_or(i64::MIN)
}
