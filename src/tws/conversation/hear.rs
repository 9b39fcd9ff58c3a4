//! What TWS says.

use tokio::time::Instant;

use super::{Conversation, End, LOGIN_EVENTS_MAX, LastWords};
use crate::domain::{AccountReport, ErrorReport, OrderReport, Origin, Timestamp};
use crate::tws::TwsEvent;
use crate::tws::account_reports::AccountMessage;
use crate::tws::decode::{self, Context, Message, Unread};
use crate::tws::frames::Frame;
use crate::tws::line::Purpose;
use crate::tws::notice::{DUPLICATE_ORDER_ID, Meaning, meaning};
use crate::tws::queries::Query;
use crate::tws::requests::{self, REQUEST_IDS_FROM};
use crate::tws::subscriptions::Subscriptions;

impl Conversation {
    /// Takes a message of TWS.
    pub(in crate::tws) fn hear(&mut self, frame: Frame<'_>, now: Instant) -> Result<(), End> {
        self.heartbeat.heard();
        let row_of = |query: Query| {
            if self.login.is_some() || self.queries.query() == Some(query) {
                Origin::Snapshot
            } else {
                Origin::Live
            }
        };
        let context = Context {
            client_id: self.settings.client_id,
            zone: self.zone.as_ref(),
            orders: row_of(Query::OpenOrders),
            commissions: row_of(Query::Executions),
            executions: if self.login.is_some() {
                Origin::Snapshot
            } else {
                Origin::Live
            },
        };
        let (message, unread) = decode::read(frame, &context);
        if let Some(unread) = unread {
            self.unreadable(unread);
        }
        match message {
            Message::Report(report) => self.report(report),
            Message::Account(message) => self.account(message, now),
            Message::OpenOrdersEnd => self.query_ended(Query::OpenOrders, None, now),
            Message::CompletedOrdersEnd => self.query_ended(Query::CompletedOrders, None, now),
            Message::ExecutionsEnd(request) => self.query_ended(Query::Executions, request, now),
            Message::NextValidId(id) => return self.next_valid_id(id),
            Message::ManagedAccounts(accounts) => {
                if let Some(login) = &mut self.login {
                    login.accounts = Some(accounts);
                }
            }
            Message::CurrentTime(time) => self.current_time(time, now),
            Message::Previewed(report) => self.events.push_back(TwsEvent::Previewed {
                session: self.session,
                report,
            }),
            Message::Error { id, code, text } => self.error(id, code, text, now),
            Message::Shutdown => return Err(End::Over("TWS ended the session".to_owned())),
            Message::Other => {}
        }
        Ok(())
    }

    fn report(&mut self, report: OrderReport) {
        // A login is not bounded by anybody who takes the events.
        if self.login.is_none() || self.events.len() <= LOGIN_EVENTS_MAX {
            self.events.push_back(TwsEvent::Report {
                session: self.session,
                report,
            });
        }
    }

    /// Something about accounts. What was not asked for in this session is of no use.
    fn account(&mut self, message: AccountMessage, now: Instant) {
        let subscribed = self.subscriptions.account().unwrap_or_default();
        let or_subscribed = |account: String| {
            if account.is_empty() {
                subscribed.to_owned()
            } else {
                account
            }
        };
        let report = match message {
            AccountMessage::Position(position) => AccountReport::Position(position),
            AccountMessage::PositionLost => {
                self.subscriptions.interrupted(now);
                AccountReport::PositionLost
            }
            AccountMessage::PositionsEnd => {
                self.subscriptions.positions_ended();
                AccountReport::PositionsEnd
            }
            AccountMessage::Value(mut value) => {
                value.account = or_subscribed(value.account);
                AccountReport::Value(value)
            }
            AccountMessage::Portfolio(mut portfolio) => {
                portfolio.account = or_subscribed(portfolio.account);
                AccountReport::Portfolio(portfolio)
            }
            AccountMessage::Looked => AccountReport::Looked,
            AccountMessage::ValuesEnd(account) => {
                let account = or_subscribed(account.unwrap_or_default());
                self.subscriptions.values_ended();
                AccountReport::ValuesEnd { account }
            }
            AccountMessage::Summary(request_id, value) => {
                if !Subscriptions::is_summary(request_id) {
                    return;
                }
                AccountReport::Value(value)
            }
            AccountMessage::SummaryEnd(request_id) => {
                if !self.subscriptions.summary_ended(request_id) {
                    return;
                }
                AccountReport::SummaryEnd
            }
            AccountMessage::DailyProfit(request_id, daily) => {
                let Some(account) = self.subscriptions.profit_of(request_id) else {
                    return;
                };
                AccountReport::DailyProfit {
                    account: account.to_owned(),
                    daily,
                }
            }
        };
        self.tell_account(report);
    }

    /// During a login nothing was asked for yet, and nobody bounds what comes.
    fn tell_account(&mut self, report: AccountReport) {
        if self.login.is_none() {
            self.events.push_back(TwsEvent::Account {
                session: self.session,
                report,
            });
        }
    }

    fn query_ended(&mut self, query: Query, request_id: Option<i32>, now: Instant) {
        let next = self.queries.ended(query, request_id, now);
        self.go_on(next);
    }

    fn next_valid_id(&mut self, id: i64) -> Result<(), End> {
        let answered = self.line.ids_answered();
        self.ids_asked = None;
        if let Some(login) = &mut self.login {
            login.next_valid_id = Some(id);
            return Ok(());
        }
        if id >= i64::from(REQUEST_IDS_FROM) {
            return Err(End::Over(requests::sequence_spent(id)));
        }
        let next_valid_id = i32::try_from(id).ok().filter(|id| *id > 0);
        let session = self.session;
        match (answered, next_valid_id) {
            (Some(Purpose::Barrier { token }), next_valid_id) => {
                self.events.push_back(TwsEvent::BarrierAnswered {
                    session,
                    token,
                    next_valid_id,
                });
            }
            (Some(Purpose::Ids | Purpose::Time) | None, Some(next_valid_id)) => {
                self.events.push_back(TwsEvent::NextValidId {
                    session,
                    next_valid_id,
                });
            }
            (Some(Purpose::Ids | Purpose::Time) | None, None) => {}
        }
        Ok(())
    }

    fn current_time(&mut self, tws_time: Timestamp, now: Instant) {
        let session = self.session;
        for token in self.line.time_answered() {
            self.events.push_back(TwsEvent::BarrierAnswered {
                session,
                token,
                next_valid_id: None,
            });
        }
        self.events.push_back(TwsEvent::Heartbeat {
            session,
            tws_time,
            next_in: self.heartbeat.next_in(now),
        });
    }

    fn error(&mut self, id: Option<i32>, code: i32, text: String, now: Instant) {
        match id {
            Some(order_id) if requests::is_order_id(order_id.into()) => {
                if code == DUPLICATE_ORDER_ID {
                    self.id_refused(now);
                }
                self.report(OrderReport::Error(ErrorReport {
                    order_id,
                    code,
                    text,
                }));
            }
            Some(id) if id >= REQUEST_IDS_FROM => {
                if self.queries.request_id() == Some(id) {
                    self.query_refused(code, &text, now);
                }
                self.say(code, text);
            }
            Some(_) | None => self.notice(code, text, now),
        }
    }

    /// TWS has seen higher ids than we know: the next order would be refused as well.
    fn id_refused(&mut self, now: Instant) {
        let patience = self.settings.barrier_timeout;
        let asked = self.ids_asked.is_some_and(|asked| now < asked + patience);
        if !asked && self.line.has_room(Purpose::Ids) {
            self.ids_asked = Some(now);
            self.ask_ids(now);
        }
    }

    /// Something that TWS says about itself, or about a request whose id it does not name.
    fn notice(&mut self, code: i32, text: String, now: Instant) {
        let session = self.session;
        match meaning(code) {
            Meaning::IbLink {
                connected,
                data_lost,
            } => {
                tracing::warn!(session, code, %text, "TWS's link to IB changed");
                self.events.push_back(TwsEvent::IbLink {
                    session,
                    connected,
                    data_lost,
                    text,
                });
                return;
            }
            Meaning::QueryFailed => self.query_refused(code, &text, now),
            Meaning::LastWords => {
                self.last_words = Some(LastWords {
                    code,
                    text: text.clone(),
                });
            }
            Meaning::Unsubscribed => {
                // We end no subscription ourselves: it was taken from us.
                tracing::warn!(session, code, %text, "TWS sends no more account values; they are asked for again");
                self.subscriptions.interrupted(now);
                self.tell_account(AccountReport::Unsubscribed);
            }
            Meaning::Other => {}
        }
        self.say(code, text);
    }

    fn query_refused(&mut self, code: i32, text: &str, now: Instant) {
        let next = self
            .queries
            .refused(&format!("TWS said {code}: {text}"), now);
        self.go_on(next);
    }

    fn say(&mut self, code: i32, text: String) {
        let session = self.session;
        tracing::debug!(session, code, %text, "TWS says");
        self.events.push_back(TwsEvent::Notice {
            session,
            code,
            text,
        });
    }

    /// A message could not be read, or not all of it.
    fn unreadable(&mut self, unread: Unread) {
        let Unread {
            message,
            order_id,
            client_id,
            detail,
            origin,
            lost,
        } = unread;
        let session = self.session;
        tracing::debug!(session, message, order_id, %detail, lost, "a message of TWS could not be read whole");
        let foreign = client_id.is_some_and(|client_id| client_id != self.settings.client_id);
        // A row of an answer is lost to that answer alone: asking again would bring the same.
        if lost && origin == Origin::Live && !foreign {
            self.missed(format!("{message} could not be read: {detail}"));
        }
        self.events.push_back(TwsEvent::Unreadable {
            session,
            message,
            order_id,
            detail,
        });
    }
}
