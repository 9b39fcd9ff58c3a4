//! What is said in one session, without a socket: messages of TWS, commands and passing time come in; events for the gateway and messages to TWS come out.

mod hear;
mod login;

use std::collections::VecDeque;

use tokio::time::Instant;

pub(super) use login::Login;

use super::heartbeat::{Ask, Due, Heartbeat};
use super::line::{Line, Purpose};
use super::missed::Missed;
use super::queries::{Next, Queries, Query};
use super::requests;
use super::subscriptions::{Asked, Scope, Subscriptions};
use super::wire::{Cut, Outgoing};
use super::zones::SessionZone;
use super::{Answer, Answers, SendKind, Sent, TwsCommand, TwsEvent, TwsSettings};
use crate::domain::AccountReport;

/// Events of a login that are kept until the session is up. A reconcile makes up for what lies beyond.
const LOGIN_EVENTS_MAX: usize = 65_536;

/// Why a session is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// The connection is gone or of no use any more.
    Over(String),
    /// The gateway wants a new session.
    Restart,
    /// The adapter is to end.
    Ending,
    /// Nobody reads the events any more.
    NobodyReads,
}

impl End {
    /// Whether no other session follows.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Over(_) | Self::Restart => false,
            Self::Ending | Self::NobodyReads => true,
        }
    }

    pub(super) fn reason(&self) -> &str {
        match self {
            Self::Over(reason) => reason,
            Self::Restart => "the gateway asked for a new session",
            Self::Ending | Self::NobodyReads => "the gateway is ending",
        }
    }
}

/// One session with TWS, as far as it is words.
#[derive(Debug)]
pub(super) struct Conversation {
    session: u64,
    settings: TwsSettings,
    zone: Option<SessionZone>,
    /// The session is not up yet: what TWS says shows what it holds.
    login: Option<Login>,
    /// For the gateway, in the order in which it happened.
    pub(super) events: VecDeque<TwsEvent>,
    /// For TWS.
    pub(super) messages: VecDeque<Outgoing>,
    line: Line,
    heartbeat: Heartbeat,
    queries: Queries,
    subscriptions: Subscriptions,
    missed: Missed,
    /// What TWS said that explains an end of the connection.
    last_words: Option<LastWords>,
    /// When TWS could last not be heard, because nobody took what it had said before.
    deaf_until: Instant,
    /// When the next order id was asked for because TWS refused one, until TWS names it.
    ids_asked: Option<Instant>,
}

/// A message of TWS that announces the end of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LastWords {
    pub(super) code: i32,
    pub(super) text: String,
}

impl Conversation {
    /// Begins when TWS has named its version and its clock's zone.
    pub(super) fn new(
        session: u64,
        settings: &TwsSettings,
        zone: Option<SessionZone>,
        now: Instant,
    ) -> Self {
        let mut line = Line::default();
        // TWS names the next order id by itself at a login.
        line.sent(Purpose::Ids, now);
        Self {
            session,
            zone,
            login: Some(Login::default()),
            events: VecDeque::new(),
            messages: VecDeque::new(),
            line,
            heartbeat: Heartbeat::new(settings, now),
            queries: Queries::new(settings.client_id, settings.reconcile_step_timeout),
            subscriptions: Subscriptions::default(),
            missed: Missed::new(now),
            last_words: None,
            deaf_until: now,
            ids_asked: None,
            settings: settings.clone(),
        }
    }

    /// What is known of the login, until the session is up.
    pub(super) fn login_mut(&mut self) -> Option<&mut Login> {
        self.login.as_mut()
    }

    pub(super) fn last_words(&self) -> Option<&LastWords> {
        self.last_words.as_ref()
    }

    /// Asks for the next order id, which TWS has not named by itself.
    pub(super) fn ask_ids(&mut self, now: Instant) {
        self.line.sent(Purpose::Ids, now);
        self.ask(requests::ids());
    }

    /// Asks for something that no order waits for.
    pub(super) fn ask(&mut self, frame: Vec<u8>) {
        self.messages.push_back(Outgoing { frame, order: None });
    }

    /// The session is up. What TWS said during the login follows.
    pub(super) fn up(&mut self, event: TwsEvent, now: Instant) {
        self.login = None;
        self.heartbeat = Heartbeat::new(&self.settings, now);
        if self.events.len() > LOGIN_EVENTS_MAX {
            self.events.truncate(LOGIN_EVENTS_MAX);
            self.missed("TWS said more at the login than is kept".to_owned());
        }
        self.events.push_front(event);
    }

    /// Carries out a command of this session.
    pub(super) fn command(&mut self, command: TwsCommand, now: Instant) -> Result<(), End> {
        match command {
            TwsCommand::Place { session: _, ticket } => match requests::place_order(&ticket) {
                Ok(frame) => self.send(ticket.order_id, SendKind::Place, frame),
                Err(other) => self.sent(
                    ticket.order_id,
                    SendKind::Place,
                    Sent::NotSent {
                        reason: other.to_string(),
                    },
                ),
            },
            TwsCommand::Preview { session: _, ticket } => match requests::preview_order(&ticket) {
                Ok(frame) => self.send(ticket.order_id, SendKind::Preview, frame),
                Err(other) => self.sent(
                    ticket.order_id,
                    SendKind::Preview,
                    Sent::NotSent {
                        reason: other.to_string(),
                    },
                ),
            },
            TwsCommand::Cancel {
                session: _,
                order_id,
            } => self.send(order_id, SendKind::Cancel, requests::cancel_order(order_id)),
            TwsCommand::Barrier { session: _, token } => {
                self.line.sent(Purpose::Barrier { token }, now);
                self.ask(requests::ids());
            }
            TwsCommand::Reconcile {
                session: _,
                token,
                days_back,
            } => {
                let next = self.queries.want(token, days_back, now);
                self.go_on(next);
            }
            TwsCommand::Account {
                session: _,
                account,
                accounts,
            } => {
                self.subscriptions.want(Scope { account, accounts }, now);
                self.subscribe(now);
            }
            TwsCommand::Restart { session: _ } => return Err(End::Restart),
        }
        Ok(())
    }

    fn send(&mut self, order_id: i32, kind: SendKind, frame: Vec<u8>) {
        if requests::is_order_id(order_id.into()) {
            self.messages.push_back(Outgoing {
                frame,
                order: Some((order_id, kind)),
            });
            return;
        }
        let reason = format!("{order_id} is no order id");
        self.sent(order_id, kind, Sent::NotSent { reason });
    }

    /// A message was handed to the kernel whole.
    pub(super) fn written(&mut self, message: Outgoing) {
        if let Some((order_id, kind)) = message.order {
            self.sent(order_id, kind, Sent::Written);
        }
    }

    /// A message will not leave any more, or not whole.
    pub(super) fn cut(&mut self, cut: Cut, reason: &str) {
        let Cut {
            order_id,
            kind,
            begun,
        } = cut;
        let reason = reason.to_owned();
        let outcome = if begun {
            Sent::Unknown { reason }
        } else {
            Sent::NotSent { reason }
        };
        self.sent(order_id, kind, outcome);
    }

    fn sent(&mut self, order_id: i32, kind: SendKind, outcome: Sent) {
        tracing::debug!(session = self.session, order_id, ?kind, ?outcome, "sent");
        self.events.push_back(TwsEvent::Sent {
            session: self.session,
            order_id,
            kind,
            outcome,
        });
    }

    /// Events had to wait until now, and what TWS said meanwhile was not read: that TWS was not heard is not its silence.
    pub(super) fn was_deaf(&mut self, now: Instant) {
        self.deaf_until = now;
    }

    /// Does what has come due.
    pub(super) fn due(&mut self, now: Instant) -> Result<(), End> {
        let overdue = self
            .line
            .overdue(now, self.deaf_until, self.settings.barrier_timeout);
        for _ in 0..overdue.again {
            tracing::debug!(
                session = self.session,
                "asking TWS once more what it has read"
            );
            if self.line.has_room(Purpose::Ids) {
                self.ask_ids(now);
            }
        }
        for token in overdue.unanswered {
            self.events.push_back(TwsEvent::BarrierUnanswered {
                session: self.session,
                token,
            });
        }
        match self.heartbeat.due(now, self.deaf_until) {
            None => {}
            Some(Due::Ask(ask)) => self.ask_for_life(ask, now),
            Some(Due::Silent(silence)) => {
                return Err(End::Over(format!(
                    "TWS is silent: it has said nothing for {silence:.1?} after it was asked"
                )));
            }
        }
        let given_up = self.queries.query();
        let next = self.queries.due(now, self.deaf_until);
        if next != Next::default()
            && let Some(query) = given_up
        {
            tracing::warn!(
                session = self.session,
                query = query.name(),
                limit = ?self.settings.reconcile_step_timeout,
                "TWS did not end its answer in time: going on with what came"
            );
        }
        self.go_on(next);
        self.subscribe(now);
        if let Some(reason) = self.missed.due(now) {
            self.reports_missed(reason);
        }
        Ok(())
    }

    /// Asks for positions and account values, when that is due.
    fn subscribe(&mut self, now: Instant) {
        let idle = self.queries.query().is_none();
        let Some(asked) = self.subscriptions.due(now, self.deaf_until, idle) else {
            return;
        };
        let Asked {
            account,
            summary,
            frames,
        } = asked;
        self.events.push_back(TwsEvent::Account {
            session: self.session,
            report: AccountReport::Asked {
                account,
                summary,
                messages: frames.len(),
            },
        });
        for frame in frames {
            self.ask(frame);
        }
    }

    fn ask_for_life(&mut self, ask: Ask, now: Instant) {
        match ask {
            Ask::Time if self.line.has_room(Purpose::Time) => {
                self.line.sent(Purpose::Time, now);
                self.ask(requests::current_time());
            }
            Ask::Time | Ask::Ids if self.line.has_room(Purpose::Ids) => self.ask_ids(now),
            // So much has been left unanswered while TWS said other things: that is life enough.
            Ask::Time | Ask::Ids => self.heartbeat.heard(),
        }
    }

    /// When something is next due.
    pub(super) fn next_due(&self) -> Instant {
        let from = self.deaf_until;
        let others = [
            self.line.next_overdue(from, self.settings.barrier_timeout),
            self.queries.next_due(from),
            self.missed.next_due(),
            self.subscriptions
                .next_due(from, self.queries.query().is_none()),
        ];
        let heartbeat = self.heartbeat.next_due(from);
        others.into_iter().flatten().fold(heartbeat, Instant::min)
    }

    /// Sends the next query of a reconcile, and tells when one has ended.
    fn go_on(&mut self, next: Next) {
        let Next { request, done } = next;
        if let Some(done) = done {
            let Answers {
                open_orders,
                completed_orders,
                executions,
            } = &done.answers;
            for (query, answer) in [
                (Query::OpenOrders, open_orders),
                (Query::CompletedOrders, completed_orders),
                (Query::Executions, executions),
            ] {
                match answer {
                    Answer::Whole => {}
                    Answer::Partial { times } => {
                        tracing::warn!(
                            session = self.session,
                            query = query.name(),
                            times,
                            "TWS did not end its answer"
                        );
                    }
                    Answer::None { reason } => {
                        tracing::warn!(session = self.session, query = query.name(), %reason, "TWS did not answer");
                    }
                }
            }
            if done.answers == Answers::whole() {
                tracing::info!(session = self.session, "TWS has said what it holds");
            }
            self.events.push_back(TwsEvent::Reconciled {
                session: self.session,
                token: done.token,
                answers: done.answers,
            });
        }
        if let Some(frame) = request {
            self.ask(frame);
        }
    }

    /// Reports were missed: says so now or soon.
    fn missed(&mut self, reason: String) {
        self.missed.add(reason);
    }

    fn reports_missed(&mut self, reason: String) {
        tracing::warn!(session = self.session, %reason, "reports of TWS may have been missed");
        self.events.push_back(TwsEvent::ReportsMissed {
            session: self.session,
            reason,
        });
    }

    /// Says what is still to be said when the session has ended, and why it has.
    pub(super) fn end(&mut self, end: &End) -> String {
        if let Some(reason) = self.missed.take() {
            self.reports_missed(reason);
        }
        let reason = end.reason();
        match &self.last_words {
            Some(LastWords { code, text }) => format!("{reason}; TWS had said: {code}: {text}"),
            None => reason.to_owned(),
        }
    }
}
