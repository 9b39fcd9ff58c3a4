//! The link to the gateway: sessions, what is under way, and what of it gets lost.

use super::{ACCOUNT, Frame, Tws};
use crate::domain::{OrderReport, Origin};
use crate::tws::{ConnectFailure, SendKind, Sent, SessionInfo, TwsCommand, TwsEvent};

impl Tws {
    /// The adapter carries out a command.
    pub(in crate::engine) fn command(&mut self, command: TwsCommand) {
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
            TwsCommand::Barrier { token, .. } => (Frame::Barrier(token), None),
            TwsCommand::Reconcile { token, .. } => (Frame::Query(token, 0), None),
            // Accounts are no part of what is simulated here.
            TwsCommand::Account { .. } => return,
            // Nobody asks for one.
            TwsCommand::Preview { .. } => return,
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

    /// TWS loses IB, or has it back.
    pub(in crate::engine) fn toggle_ib(&mut self) {
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
    pub(in crate::engine) fn drop_link(&mut self, reason: &str) {
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
    pub(in crate::engine) fn peer_gone(&mut self) {
        self.read_a_part();
        self.to_engine.clear();
        self.session = None;
    }

    /// The adapter connects, or fails to.
    pub(in crate::engine) fn connect(&mut self, always: bool) {
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
        for order_id in self.alive() {
            self.show(order_id, Origin::Live);
        }
    }

    /// The next thing the engine hears, with what may happen to reports on their way.
    pub(in crate::engine) fn hear(&mut self) -> Option<TwsEvent> {
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
    pub(in crate::engine) fn is_busy(&self) -> bool {
        !self.to_tws.is_empty() || !self.to_engine.is_empty()
    }

    /// TWS reads the first of what was written; the rest is lost.
    pub(super) fn read_a_part(&mut self) {
        for _ in 0..self.random.index(self.to_tws.len() + 1) {
            self.read();
        }
        self.to_tws.clear();
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
