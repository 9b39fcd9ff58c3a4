//! What TWS holds: open orders, completed orders and executions, asked for one after the other.
//!
//! Own open orders and executions come with the update stream, in their place among what happens meanwhile, and the reader marks them as rows
//! of the query. What only the answer has (completed orders, other clients' rows) is passed on from here.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use ibapi::orders::{ExecutionFilter, Executions, Orders};
use ibapi::subscriptions::SubscriptionItem;
use ibapi::{Error, SUBSCRIPTION_LAG_CODE};
use time_tz::Tz;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::{Stream, StreamExt};

use super::convert::{self, Unreadable};
use super::finding::Finding;
use super::session::{End, Session};
use super::{Answer, Answers};
use crate::domain::{OrderReport, Origin};

/// Rows handed to the reader at once.
const ROWS_AT_ONCE: usize = 128;
/// Reconciles in a row that TWS may leave without an end before the session is given up.
const UNANSWERED_MAX: u32 = 3;
/// End marks that are waited for before one is taken for ours. More than so many answers do not wait in TWS.
const ENDS_MISSING_MAX: u32 = 3;
/// The protocol version from which executions of earlier days can be asked for.
const EARLIER_DAYS_FROM_VERSION: i32 = 200;
/// TWS keeps executions of so many days.
const DAYS_MAX: u32 = 7;

/// A reconcile that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) token: u64,
    pub(super) days_back: u32,
}

/// A step of the reconcile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    OpenOrders,
    CompletedOrders,
    Executions,
}

impl Query {
    const fn name(self) -> &'static str {
        match self {
            Self::OpenOrders => "open orders",
            Self::CompletedOrders => "completed orders",
            Self::Executions => "executions",
        }
    }
}

/// End marks of queries that were given up and may still come. Open and completed orders carry no request id, so they are counted: as many
/// answers are read to their end before one is taken for ours.
#[derive(Debug, Default)]
struct EndsMissing {
    open_orders: u32,
    completed_orders: u32,
}

/// Why a step failed.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Failure {
    /// The end mark did not come in time.
    Unanswered(Duration),
    /// TWS refused the query.
    Refused(String),
    /// Something of the answer was lost.
    Lost(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unanswered(limit) => write!(f, "not answered within {limit:?}"),
            Self::Refused(reason) | Self::Lost(reason) => f.write_str(reason),
        }
    }
}

/// Carries out reconciles, one after the other.
pub(super) async fn run(session: &Session<'_>, mut requests: mpsc::Receiver<Request>) -> End {
    let mut missing = EndsMissing::default();
    let mut unanswered = 0;
    // How often in a row TWS has left an answer about executions without its end mark in this session.
    let mut endless = 0;
    while let Some(Request { token, days_back }) = requests.recv().await {
        let result = steps(session, &mut missing, days_back).await;
        match &result {
            Ok(()) => tracing::info!(session = session.number, "reconciled with TWS"),
            Err((query, failure)) => {
                tracing::warn!(session = session.number, query = query.name(), %failure, "could not reconcile with TWS");
            }
        }
        unanswered = match result {
            // The request id tells a late answer about executions: it can be asked for again as often as need be.
            Err((Query::OpenOrders | Query::CompletedOrders, Failure::Unanswered(_))) => {
                unanswered + 1
            }
            _ => 0,
        };
        endless = match result {
            Err((Query::Executions, Failure::Unanswered(_))) => endless + 1,
            Ok(()) => 0,
            Err(_) => endless,
        };
        let answers = answers(result, unanswered, endless);
        let _ = session
            .findings
            .send(Finding::Reconciled { token, answers })
            .await;
        if unanswered >= UNANSWERED_MAX {
            // The gateway hears of the result first.
            passed_on(session).await;
            return End::Over("TWS does not finish its answers to queries".to_owned());
        }
    }
    std::future::pending().await
}

/// What the queries came to. After one that failed the rest were not asked.
fn answers(result: Result<(), (Query, Failure)>, unanswered: u32, endless: u32) -> Answers {
    let Err((query, failure)) = result else {
        return Answers::whole();
    };
    let reason = failure.to_string();
    let mut answers = Answers::none(&format!("not asked: {}: {reason}", query.name()));
    let partial = |times| match failure {
        Failure::Unanswered(_) => Answer::Partial { times },
        Failure::Refused(_) | Failure::Lost(_) => Answer::None { reason },
    };
    match query {
        Query::OpenOrders => answers.open_orders = partial(unanswered),
        Query::CompletedOrders => {
            answers.open_orders = Answer::Whole;
            answers.completed_orders = partial(unanswered);
        }
        Query::Executions => {
            answers.open_orders = Answer::Whole;
            answers.completed_orders = Answer::Whole;
            answers.executions = partial(endless);
        }
    }
    answers
}

async fn steps(
    session: &Session<'_>,
    missing: &mut EndsMissing,
    days_back: u32,
) -> Result<(), (Query, Failure)> {
    let client = session.client;
    let EndsMissing {
        open_orders,
        completed_orders,
    } = missing;
    // Client 0 would bind manual orders to itself by asking for its own.
    let own = match client.client_id() {
        0 => None,
        _ => {
            let ask = || client.open_orders();
            let answer = to_end(session, open_orders, ask, others_order);
            Some(step(session, Query::OpenOrders, answer).await)
        }
    };
    // A read-only API refuses that query, and answers this one.
    let open = match own {
        None | Some(Err(Failure::Refused(_))) => {
            let ask = || client.all_open_orders();
            let answer = to_end(session, open_orders, ask, others_order);
            step(session, Query::OpenOrders, answer).await
        }
        Some(own) => own,
    };
    open.map_err(|failure| (Query::OpenOrders, failure))?;

    let ask = || client.completed_orders(false);
    let answer = to_end(session, completed_orders, ask, |row, _| {
        Ok(match row {
            Orders::OrderData(data) => Some(convert::completed(data)),
            Orders::OrderStatus(_) => None,
        })
    });
    step(session, Query::CompletedOrders, answer)
        .await
        .map_err(|failure| (Query::CompletedOrders, failure))?;

    let answer = async {
        let filter = ExecutionFilter {
            last_n_days: last_n_days(days_back, client.server_version()),
            ..ExecutionFilter::default()
        };
        let answer = client.executions(filter).await.map_err(failure)?;
        rows(session, answer, |row, own| {
            others_execution(row, own, client.time_zone())
        })
        .await
    };
    step(session, Query::Executions, answer)
        .await
        .map_err(|failure| (Query::Executions, failure))
}

/// Today counts as the first of the days.
fn last_n_days(days_back: u32, server_version: i32) -> i32 {
    if days_back == 0 || server_version < EARLIER_DAYS_FROM_VERSION {
        return 0;
    }
    i32::try_from(days_back.saturating_add(1).min(DAYS_MAX)).unwrap_or(0)
}

/// Carries out one query within its limit. Whatever its end, all that TWS sent before it has been passed on when this returns.
async fn step(
    session: &Session<'_>,
    query: Query,
    ask: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    let limit = session.settings.reconcile_step_timeout;
    let (fail, failed) = oneshot::channel();
    session.query_failed.replace(Some(fail));
    let losses = session.losses.get();
    // Before the request leaves, so that no row of the answer is read unmarked.
    session.query.set(Some(query));
    let result = tokio::select! {
        biased;
        result = timeout(limit, ask) => match result {
            Ok(result) => result,
            Err(_) => Err(Failure::Unanswered(limit)),
        },
        Ok(reason) = failed => Err(Failure::Refused(reason)),
    };
    session.query_failed.replace(None);
    passed_on(session).await;
    session.query.set(None);
    match result {
        Ok(()) if session.losses.get() != losses => {
            Err(Failure::Lost("reports were lost meanwhile".to_owned()))
        }
        result => result,
    }
}

/// Waits until the reader has passed on all that TWS sent up to now.
async fn passed_on(session: &Session<'_>) {
    let (done, waiting) = oneshot::channel();
    let _ = session.findings.send(Finding::Barrier(done)).await;
    let _ = waiting.await;
}

/// Asks and reads until an end mark that must belong to a request of this step.
async fn to_end<T, S, F>(
    session: &Session<'_>,
    missing: &mut u32,
    ask: impl Fn() -> F,
    convert: impl Fn(T, i32) -> Result<Option<OrderReport>, Unreadable> + Copy,
) -> Result<(), Failure>
where
    F: Future<Output = Result<S, Error>>,
    S: Stream<Item = Result<SubscriptionItem<T>, Error>> + Unpin,
{
    for _ in 0..=*missing {
        // Counted as missing from before the request leaves until its end mark, or an earlier one, has come.
        let counted = (*missing + 1).min(ENDS_MISSING_MAX);
        let before = std::mem::replace(missing, counted);
        let answer = ask().await.map_err(failure)?;
        rows(session, answer, convert).await?;
        *missing = before;
    }
    Ok(())
}

/// Reads an answer to its end and passes its rows on.
async fn rows<T>(
    session: &Session<'_>,
    mut answer: impl Stream<Item = Result<SubscriptionItem<T>, Error>> + Unpin,
    convert: impl Fn(T, i32) -> Result<Option<OrderReport>, Unreadable>,
) -> Result<(), Failure> {
    let own = session.client.client_id();
    let mut batch = Vec::new();
    let mut unreadable = None;
    let result = loop {
        match answer.next().await {
            Some(Ok(SubscriptionItem::Data(row))) => match convert(row, own) {
                Ok(report) => batch.extend(report),
                // The rest is read all the same, so that the end mark does not stay behind.
                Err(row) => unreadable = Some(Failure::Lost(row.to_string())),
            },
            Some(Ok(SubscriptionItem::Notice(notice))) if notice.code == SUBSCRIPTION_LAG_CODE => {
                break Err(Failure::Lost(notice.message));
            }
            Some(Ok(SubscriptionItem::Notice(_))) => {}
            Some(Err(error)) => break Err(failure(error)),
            // ibapi ends the stream without an error only at the end mark.
            None => break unreadable.map_or(Ok(()), Err),
        }
        if batch.len() >= ROWS_AT_ONCE {
            let _ = session
                .findings
                .send(Finding::Rows(std::mem::take(&mut batch)))
                .await;
        }
    };
    if !batch.is_empty() {
        let _ = session.findings.send(Finding::Rows(batch)).await;
    }
    result
}

/// Another client's open order; our own came with the update stream.
fn others_order(row: Orders, own: i32) -> Result<Option<OrderReport>, Unreadable> {
    match row {
        Orders::OrderData(data) if data.order.client_id != own => {
            Ok(convert::open_order(data, Origin::Snapshot))
        }
        Orders::OrderStatus(status) if status.client_id != own => {
            convert::status(status, Origin::Snapshot).map(Some)
        }
        Orders::OrderData(_) | Orders::OrderStatus(_) => Ok(None),
    }
}

/// Another client's execution. Commissions do not say whose they are and all come with the update stream.
fn others_execution(
    row: Executions,
    own: i32,
    session_zone: Option<&Tz>,
) -> Result<Option<OrderReport>, Unreadable> {
    match row {
        Executions::ExecutionData(data) if data.execution.client_id != own => {
            convert::execution(data, session_zone).map(Some)
        }
        Executions::ExecutionData(_) | Executions::CommissionReport(_) => Ok(None),
    }
}

fn failure(error: Error) -> Failure {
    match error {
        Error::Notice(notice) => {
            Failure::Refused(format!("TWS said {}: {}", notice.code, notice.message))
        }
        other => Failure::Lost(other.to_string()),
    }
}
