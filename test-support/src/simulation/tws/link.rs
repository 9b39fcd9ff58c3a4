//! The link to the gateway: sessions, what is under way, and what of it gets lost.

use ibkr_orders::domain::{OrderReport, OrderTicket, Origin};
use ibkr_orders::tws::{ConnectFailure, SendKind, Sent, SessionInfo, TwsCommand, TwsEvent};

use super::queries::Query;
use super::{Frame, Life, Tws};
use crate::simulation::ACCOUNT;

impl Tws {
    /// The adapter carries out a command.
    pub(in crate::simulation) fn command(&mut self, command: TwsCommand) {
        let session = command.session();
        let up = self.session == Some(session);
        let (frame, told) = match command {
            TwsCommand::Place { ticket, .. } => {
                let told = Some((ticket.order_id, SendKind::Place));
                (Frame::Place(ticket), told)
            }
            TwsCommand::Cancel { order_id, .. } => {
                (Frame::Cancel(order_id), Some((order_id, SendKind::Cancel)))
            }
            TwsCommand::Preview { ticket, .. } => {
                let told = Some((ticket.order_id, SendKind::Preview));
                (Frame::Preview(ticket), told)
            }
            TwsCommand::Barrier { token, .. } => (Frame::Barrier(token), None),
            TwsCommand::Reconcile {
                token, days_back, ..
            } => (Frame::Query(Query::first(token, days_back)), None),
            // Accounts are no part of what is simulated here.
            TwsCommand::Account { .. } => return,
            TwsCommand::Restart { .. } => {
                self.drop_link("restarted");
                return;
            }
        };
        let torn = up && self.random.percent(self.faults.torn);
        if up {
            match &frame {
                Frame::Place(ticket) => self.count_place(ticket),
                Frame::Preview(ticket) => self.count_preview(ticket.order_id),
                Frame::Cancel(_) | Frame::Barrier(_) | Frame::Query(_) => {}
            }
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

    /// No order is sent twice, looked at where bytes leave. A frame for an order that was transmitted is a change of it.
    fn count_place(&mut self, ticket: &OrderTicket) {
        let order_id = ticket.order_id;
        if self.previews.contains(&order_id) {
            self.break_rule(format!(
                "the id of preview {order_id} was used for an order"
            ));
        }
        let frames = self.frames.entry(order_id).or_default();
        let is_change = frames.transmitted > 0 || (frames.held_back > 0 && !ticket.transmit);
        if is_change {
            match self.orders.get_mut(&order_id) {
                Some(order) => order.changes += 1,
                // Its first frame is still under way, or was lost: TWS would take this one for a new order.
                None => self.break_rule(format!("a change of {order_id} left before TWS had it")),
            }
            return;
        }
        if frames.held_back == 0 {
            let highest = self.highest_sent;
            self.highest_sent = highest.max(order_id);
            self.highest_ever = self.highest_ever.max(order_id);
            if order_id < highest {
                self.break_rule(format!(
                    "{order_id} left after {highest}: TWS refuses ids below one that it has seen"
                ));
            }
        }
        let frames = self.frames.entry(order_id).or_default();
        if ticket.transmit {
            frames.transmitted += 1;
        } else {
            frames.held_back += 1;
        }
    }

    fn count_preview(&mut self, order_id: i32) {
        self.highest_sent = self.highest_sent.max(order_id);
        let used = !self.previews.insert(order_id)
            || self.orders.contains_key(&order_id)
            || self.frames.contains_key(&order_id);
        if used {
            self.break_rule(format!("the id of preview {order_id} was used before"));
        }
    }

    /// TWS loses IB, or has it back.
    pub(in crate::simulation) fn toggle_ib(&mut self) {
        let Some(session) = self.session else { return };
        self.ib_connected = !self.ib_connected;
        let data_lost = self.random.percent(50);
        self.to_engine.push_back(TwsEvent::IbLink {
            session,
            connected: self.ib_connected,
            data_lost,
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
    pub(in crate::simulation) fn drop_link(&mut self, reason: &str) {
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
    pub(in crate::simulation) fn peer_gone(&mut self) {
        self.read_a_part();
        self.to_engine.clear();
        self.session = None;
    }

    /// The adapter connects, or fails to.
    pub(in crate::simulation) fn connect(&mut self, always: bool) {
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
        self.endless = [0; 3];
        self.to_engine.push_back(TwsEvent::SessionUp(SessionInfo {
            session: self.sessions,
            accounts: vec![ACCOUNT.to_owned()],
            next_valid_id: self.next_valid_id,
            server_version: 225,
            tws_time: None,
            heartbeat_in: std::time::Duration::from_secs(10),
        }));
        if !self.ib_connected {
            self.to_engine.push_back(TwsEvent::IbLink {
                session: self.sessions,
                connected: false,
                data_lost: false,
                text: "the link to IB is down".to_owned(),
            });
        }
        let before = self.to_engine.len();
        for order_id in self.strays() {
            self.show_stray(order_id, Origin::Live);
        }
        for order_id in self.alive() {
            self.show(order_id, Origin::Live);
        }
        self.told_at_login = self.to_engine.len() - before;
    }

    /// The next thing the engine hears, with what may happen to reports on their way.
    pub(in crate::simulation) fn hear(&mut self) -> Option<TwsEvent> {
        loop {
            let length = self.to_engine.len();
            if length > 1 && self.random.percent(self.faults.shuffled) {
                let other = 1 + self.random.index((length - 1).min(4));
                let reports = self.to_engine.iter().take(other + 1).all(is_report);
                if reports {
                    self.to_engine.swap(0, other);
                }
            }
            let event = self.to_engine.pop_front()?;
            if is_live(&event) {
                if self.random.percent(self.faults.lost) {
                    continue;
                }
                if self.random.percent(self.faults.doubled) {
                    let until = self
                        .to_engine
                        .iter()
                        .position(|event| !is_report(event))
                        .unwrap_or(self.to_engine.len());
                    let at = self.random.index(until + 1);
                    self.to_engine.insert(at, event.clone());
                }
            }
            if let TwsEvent::Report {
                report: OrderReport::Error(error),
                ..
            } = &event
            {
                self.refused_aloud.insert(error.order_id);
            }
            return Some(event);
        }
    }

    /// The adapter says that reports may be missing.
    pub(in crate::simulation) fn miss_reports(&mut self) {
        if let Some(session) = self.session {
            self.to_engine.push_back(TwsEvent::ReportsMissed {
                session,
                reason: "the reader was slow".to_owned(),
            });
        }
    }

    /// Something is still under way.
    pub(in crate::simulation) fn is_busy(&self) -> bool {
        !self.to_tws.is_empty() || !self.to_engine.is_empty()
    }

    /// TWS reads the first of what was written; the rest is lost.
    fn read_a_part(&mut self) {
        for _ in 0..self.random.index(self.to_tws.len() + 1) {
            self.read();
        }
        self.to_tws.clear();
    }

    pub(super) fn answer_barrier(&mut self, token: u64) {
        let Some(session) = self.session else { return };
        let silent = self.random.percent(self.faults.mute / 3);
        let next_valid_id = Some(self.next_valid_id).filter(|_| self.random.percent(50));
        self.to_engine.push_back(if silent {
            TwsEvent::BarrierUnanswered { session, token }
        } else {
            TwsEvent::BarrierAnswered {
                session,
                token,
                next_valid_id,
            }
        });
    }

    /// No frame has left under an id.
    pub(in crate::simulation) fn is_new(&self, order_id: i32) -> bool {
        !self.frames.contains_key(&order_id)
    }

    /// An order is alive in TWS under this id, so that a change of it changes it.
    pub(in crate::simulation) fn works(&self, order_id: i32) -> bool {
        self.orders
            .get(&order_id)
            .is_some_and(|order| order.life == Life::Working)
    }
}

fn is_report(event: &TwsEvent) -> bool {
    matches!(event, TwsEvent::Report { .. })
}

fn is_live(event: &TwsEvent) -> bool {
    let TwsEvent::Report { report, .. } = event else {
        return matches!(event, TwsEvent::Previewed { .. });
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
