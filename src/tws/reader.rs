//! Everything that TWS says, on its way to the gateway in the order in which it came.
//!
//! Answers to requests reach the other parts of the session through channels of their own. They hand what they found to the reader, which first
//! passes on every order update that is already there: `ibapi`'s dispatcher delivers frames one after the other, so whatever TWS sent before
//! an answer lies in the update stream by then.

use std::pin::Pin;
use std::task::Poll;

use ibapi::orders::OrderUpdate;
use ibapi::subscriptions::{NoticeStream, Subscription, SubscriptionItem};
use ibapi::{Error, Notice, SUBSCRIPTION_LAG_CODE};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::{Stream, StreamExt};

use super::TwsEvent;
use super::convert;
use super::finding::Finding;
use super::losses::Losses;
use super::notice::{Meaning, meaning};
use super::outlet::Closed;
use super::reconcile::Query;
use super::session::{End, Session};
use crate::domain::{OrderReport, Origin};

/// What became of an item of the update stream.
enum Heard {
    Event(TwsEvent),
    Nothing,
    Over,
}

type UpdateItem = Option<Result<SubscriptionItem<OrderUpdate>, Error>>;

pub(super) struct Reader<'a> {
    session: &'a Session<'a>,
    /// `None` once it ended for good.
    updates: Option<Subscription<OrderUpdate>>,
    /// `None` once it ended.
    notices: Option<NoticeStream>,
    findings: mpsc::Receiver<Finding>,
    losses: Losses,
    /// What TWS said that explains an end of the connection.
    last_words: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(
        session: &'a Session<'a>,
        updates: Subscription<OrderUpdate>,
        notices: NoticeStream,
        findings: mpsc::Receiver<Finding>,
    ) -> Self {
        Self {
            session,
            updates: Some(updates),
            notices: Some(notices),
            findings,
            losses: Losses::new(),
            last_words: None,
        }
    }

    /// Reads until the connection is over.
    pub(super) async fn run(&mut self) -> End {
        match self.read().await {
            Ok(()) => End::Over(self.why_over().await),
            Err(Closed) => End::NobodyReads,
        }
    }

    /// Passes on what is left when the session has ended.
    pub(super) async fn finish(&mut self) {
        let _ = self.drain().await;
        if let Some(reason) = self.losses.take() {
            let _ = self.session.outlet.send(self.missed(reason)).await;
        }
    }

    /// The reason for an end with what TWS said before it.
    pub(super) fn explain(&self, reason: &str) -> String {
        match &self.last_words {
            Some(words) => format!("{reason}; TWS had said: {words}"),
            None => reason.to_owned(),
        }
    }

    /// Reports were lost: remembers to say so.
    pub(super) fn lost(&mut self, reason: String) {
        tracing::warn!(session = self.session.number, %reason, "reports of TWS may have been missed");
        self.session.losses.set(self.session.losses.get() + 1);
        self.losses.add(reason);
    }

    async fn read(&mut self) -> Result<(), Closed> {
        loop {
            // Before anything is taken, so that being dropped while the channel is full loses nothing.
            let permit = self.session.outlet.reserve().await?;
            if let Some(reason) = self.losses.due(Instant::now()) {
                permit.send(self.missed(reason));
                continue;
            }
            tokio::select! {
                biased;
                item = next_update(&mut self.updates) => match self.update(item).await {
                    Heard::Event(event) => permit.send(event),
                    Heard::Nothing => {}
                    Heard::Over => return Ok(()),
                },
                notice = next_notice(&mut self.notices) => match notice {
                    Some(notice) => {
                        if let Some(event) = self.notice(notice) {
                            permit.send(event);
                        }
                    }
                    None => self.notices = None,
                },
                Some(finding) = self.findings.recv() => {
                    drop(permit);
                    self.drain().await?;
                    finding.pass_on(self.session).await?;
                }
                () = self.losses.wait() => {}
            }
        }
    }

    /// Passes on every order update and notice that is already there.
    async fn drain(&mut self) -> Result<(), Closed> {
        loop {
            let permit = self.session.outlet.reserve().await?;
            let Some(updates) = self.updates.as_mut() else {
                break;
            };
            let ready = std::future::poll_fn(|context| {
                Poll::Ready(Pin::new(&mut *updates).poll_next(context))
            });
            let Poll::Ready(item) = ready.await else {
                break;
            };
            if let Heard::Event(event) = self.update(item).await {
                permit.send(event);
            }
        }
        loop {
            let permit = self.session.outlet.reserve().await?;
            let Some(notices) = self.notices.as_mut() else {
                return Ok(());
            };
            let ready = {
                let mut next = std::pin::pin!(notices.next());
                std::future::poll_fn(|context| Poll::Ready(next.as_mut().poll(context))).await
            };
            match ready {
                Poll::Ready(Some(notice)) => {
                    if let Some(event) = self.notice(notice) {
                        permit.send(event);
                    }
                }
                Poll::Ready(None) => self.notices = None,
                Poll::Pending => return Ok(()),
            }
        }
    }

    async fn update(&mut self, item: UpdateItem) -> Heard {
        let update = match item {
            Some(Ok(SubscriptionItem::Data(update))) => update,
            Some(Ok(SubscriptionItem::Notice(notice))) => return self.order_notice(notice),
            Some(Err(error)) if self.session.client.is_connected() => {
                return self.reopen(error).await;
            }
            Some(Err(_)) | None => {
                self.updates = None;
                return Heard::Over;
            }
        };
        let query = self.session.query.get();
        let origin = |asked| {
            if query == Some(asked) {
                Origin::Snapshot
            } else {
                Origin::Live
            }
        };
        // ibapi keeps other clients' orders out of this stream and takes one without a client id as ours, so the client is ours by now.
        let own = self.session.client.client_id();
        let report = match update {
            OrderUpdate::OpenOrder(mut data) => {
                data.order.client_id = own;
                Ok(convert::open_order(data, origin(Query::OpenOrders)))
            }
            OrderUpdate::OrderStatus(mut status) => {
                status.client_id = own;
                convert::status(status, origin(Query::OpenOrders)).map(Some)
            }
            OrderUpdate::ExecutionData(mut data) => {
                data.execution.client_id = own;
                convert::execution(data, self.session.client.time_zone()).map(Some)
            }
            OrderUpdate::CommissionReport(report) => {
                Ok(convert::commission(report, origin(Query::Executions)))
            }
            // Only client 0 binds manual orders, and only when it asks for its own open orders, which the reconcile then does not.
            OrderUpdate::OrderBound(_) => Ok(None),
        };
        match report {
            Ok(Some(report)) => Heard::Event(self.report(report)),
            Ok(None) => Heard::Nothing,
            Err(unreadable) => {
                self.lost(unreadable.to_string());
                Heard::Nothing
            }
        }
    }

    /// A message in the update stream: about an order, or about the stream.
    fn order_notice(&mut self, notice: Notice) -> Heard {
        if notice.code == SUBSCRIPTION_LAG_CODE {
            self.lost(notice.message);
            return Heard::Nothing;
        }
        match convert::error(notice) {
            Ok(report) => Heard::Event(self.report(report)),
            Err(notice) => Heard::Event(TwsEvent::Notice {
                session: self.session.number,
                code: notice.code,
                text: notice.message,
            }),
        }
    }

    /// A frame could not be read, which ends `ibapi`'s stream: opens it again. What was waiting in it is lost.
    async fn reopen(&mut self, error: Error) -> Heard {
        // The old one first: there can be only one.
        self.updates = None;
        match self.session.client.order_update_stream().await {
            Ok(updates) => {
                self.updates = Some(updates);
                self.lost(format!("a report of TWS could not be read: {error}"));
                Heard::Nothing
            }
            Err(_) => Heard::Over,
        }
    }

    fn notice(&mut self, notice: Notice) -> Option<TwsEvent> {
        let session = self.session.number;
        let Notice { code, message, .. } = &notice;
        match meaning(&notice) {
            Meaning::IbLink {
                connected,
                data_lost,
            } => {
                tracing::warn!(session, code, text = %message, "TWS's link to IB changed");
                return Some(TwsEvent::IbLink {
                    session,
                    connected,
                    data_lost,
                    text: notice.message,
                });
            }
            Meaning::Missed => {
                self.lost(notice.message);
                return None;
            }
            Meaning::QueryFailed => {
                if let Some(failed) = self.session.query_failed.take() {
                    let _ = failed.send(format!("TWS said {code}: {message}"));
                }
            }
            Meaning::LastWords => self.last_words = Some(format!("{code}: {message}")),
            Meaning::Other => {}
        }
        tracing::debug!(session, code, text = %message, "TWS says");
        Some(TwsEvent::Notice {
            session,
            code: notice.code,
            text: notice.message,
        })
    }

    /// Why the connection is over, as far as that can be told.
    async fn why_over(&self) -> String {
        match self.session.client.wait_connected().await {
            Err(Error::Shutdown) => "TWS ended the session".to_owned(),
            _ => "the connection to TWS was lost".to_owned(),
        }
    }

    fn report(&self, report: OrderReport) -> TwsEvent {
        TwsEvent::Report {
            session: self.session.number,
            report,
        }
    }

    fn missed(&self, reason: String) -> TwsEvent {
        TwsEvent::ReportsMissed {
            session: self.session.number,
            reason,
        }
    }
}

async fn next_update(updates: &mut Option<Subscription<OrderUpdate>>) -> UpdateItem {
    match updates {
        Some(updates) => updates.next().await,
        None => None,
    }
}

async fn next_notice(notices: &mut Option<NoticeStream>) -> Option<Notice> {
    match notices {
        Some(notices) => notices.next().await,
        None => std::future::pending().await,
    }
}
