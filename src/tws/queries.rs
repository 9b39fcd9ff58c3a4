//! What TWS holds: open orders, completed orders and executions, asked for one after the other.
//!
//! A query that TWS leaves without its end mark costs its limit and no more: what came of it counts, and the next is asked.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::requests::{self, REQUEST_IDS_FROM};
use super::{Answer, Answers};

/// Reconciles that may wait for the one in flight.
const WAITING_MAX: usize = 16;
/// End marks that are waited for before one is taken for ours. More than so many answers do not wait in TWS.
const ENDS_MISSING_MAX: u32 = 3;
/// TWS keeps executions of so many days.
const DAYS_MAX: u32 = 7;

/// One query of a reconcile, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Query {
    OpenOrders,
    CompletedOrders,
    Executions,
}

impl Query {
    /// For people.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::OpenOrders => "open orders",
            Self::CompletedOrders => "completed orders",
            Self::Executions => "executions",
        }
    }
}

/// A reconcile that was asked for.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    token: u64,
    days_back: u32,
}

/// The reconcile under way.
#[derive(Debug)]
struct Running {
    wanted: Wanted,
    query: Query,
    /// Open orders of everybody are asked for: of client 0, and where TWS refuses the other query.
    everybody: bool,
    /// Since when the query is under way, asked more than once or not.
    asked: Instant,
    /// End marks still to come before one is ours.
    ends: u32,
    /// The request id of the query of executions.
    request_id: i32,
    answers: Answers,
}

/// A reconcile that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) token: u64,
    pub(super) answers: Answers,
}

/// What follows from a step: a message to TWS, or an end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Next {
    pub(super) request: Option<Vec<u8>>,
    pub(super) done: Option<Done>,
}

/// The end marks of a query without a request id that was given up and may still come, and how often in a row it was left without one.
#[derive(Debug, Default, Clone, Copy)]
struct Endings {
    missing: u32,
    partial: u32,
}

/// Reconciles, one after the other.
#[derive(Debug)]
pub(super) struct Queries {
    /// Client 0 would bind manual orders to itself by asking for its own.
    binds_manual_orders: bool,
    limit: Duration,
    waiting: VecDeque<Wanted>,
    running: Option<Running>,
    open_orders: Endings,
    completed_orders: Endings,
    executions: Endings,
    next_request_id: i32,
}

impl Queries {
    pub(super) fn new(client_id: i32, limit: Duration) -> Self {
        Self {
            binds_manual_orders: client_id == 0,
            limit,
            waiting: VecDeque::new(),
            running: None,
            open_orders: Endings::default(),
            completed_orders: Endings::default(),
            executions: Endings::default(),
            next_request_id: REQUEST_IDS_FROM,
        }
    }

    /// The query under way.
    pub(super) fn query(&self) -> Option<Query> {
        self.running.as_ref().map(|running| running.query)
    }

    /// The request id of the query of executions under way.
    pub(super) fn request_id(&self) -> Option<i32> {
        let running = self.running.as_ref()?;
        (running.query == Query::Executions).then_some(running.request_id)
    }

    /// Begins a reconcile, or lets it wait for the one under way.
    pub(super) fn want(&mut self, token: u64, days_back: u32, now: Instant) -> Next {
        if self.waiting.len() >= WAITING_MAX {
            return Next {
                request: None,
                done: Some(Done {
                    token,
                    answers: Answers::none("too many reconciles are waiting"),
                }),
            };
        }
        self.waiting.push_back(Wanted { token, days_back });
        self.begin(now)
    }

    fn begin(&mut self, now: Instant) -> Next {
        if self.running.is_some() {
            return Next::default();
        }
        let Some(wanted) = self.waiting.pop_front() else {
            return Next::default();
        };
        self.running = Some(Running {
            wanted,
            query: Query::OpenOrders,
            everybody: self.binds_manual_orders,
            asked: now,
            ends: self.open_orders.missing,
            request_id: 0,
            answers: Answers::none("not asked"),
        });
        self.ask()
    }

    /// Sends the query under way.
    fn ask(&mut self) -> Next {
        let Some(running) = &mut self.running else {
            return Next::default();
        };
        let count = |endings: &mut Endings| {
            endings.missing = (endings.missing + 1).min(ENDS_MISSING_MAX);
        };
        let request = match running.query {
            Query::OpenOrders => {
                count(&mut self.open_orders);
                if running.everybody {
                    requests::all_open_orders()
                } else {
                    requests::open_orders()
                }
            }
            Query::CompletedOrders => {
                count(&mut self.completed_orders);
                requests::completed_orders()
            }
            Query::Executions => {
                running.request_id = self.next_request_id;
                self.next_request_id = self
                    .next_request_id
                    .checked_add(1)
                    .unwrap_or(REQUEST_IDS_FROM);
                requests::executions(running.request_id, last_n_days(running.wanted.days_back))
            }
        };
        Next {
            request: Some(request),
            done: None,
        }
    }

    /// An end mark came; of executions with its request id. One that belongs to a query given up earlier ends nothing.
    pub(super) fn ended(&mut self, query: Query, request_id: Option<i32>, now: Instant) -> Next {
        let endings = match query {
            Query::OpenOrders => &mut self.open_orders,
            Query::CompletedOrders => &mut self.completed_orders,
            Query::Executions => &mut self.executions,
        };
        endings.missing = endings.missing.saturating_sub(1);
        let Some(running) = self
            .running
            .as_mut()
            .filter(|running| running.query == query)
        else {
            return Next::default();
        };
        match query {
            Query::Executions if request_id != Some(running.request_id) => Next::default(),
            Query::OpenOrders | Query::CompletedOrders if running.ends > 0 => {
                // It may be that of an earlier query, whose answer is older: asked once more.
                running.ends -= 1;
                self.ask()
            }
            Query::OpenOrders | Query::CompletedOrders | Query::Executions => {
                self.answered(Answer::Whole, now)
            }
        }
    }

    /// TWS refused the query under way.
    pub(super) fn refused(&mut self, reason: &str, now: Instant) -> Next {
        let Some(running) = &mut self.running else {
            return Next::default();
        };
        if running.query == Query::OpenOrders && !running.everybody {
            // A read-only API refuses that query, and answers this one.
            running.everybody = true;
            running.ends = self.open_orders.missing;
            return self.ask();
        }
        let reason = reason.to_owned();
        self.answered(Answer::None { reason }, now)
    }

    /// Gives up a query whose end mark has not come within its limit, counted from `from` at the earliest, when TWS could last not be heard.
    pub(super) fn due(&mut self, now: Instant, from: Instant) -> Next {
        if self.next_due(from).is_none_or(|due| now < due) {
            return Next::default();
        }
        self.answered(Answer::Partial { times: 0 }, now)
    }

    /// When the query under way is given up.
    pub(super) fn next_due(&self, from: Instant) -> Option<Instant> {
        let running = self.running.as_ref()?;
        Some(running.asked.max(from) + self.limit)
    }

    /// The query under way came to this; the next is asked.
    fn answered(&mut self, mut answer: Answer, now: Instant) -> Next {
        let Some(running) = &mut self.running else {
            return Next::default();
        };
        let (endings, place, next) = match running.query {
            Query::OpenOrders => (
                &mut self.open_orders,
                &mut running.answers.open_orders,
                Some((Query::CompletedOrders, self.completed_orders.missing)),
            ),
            Query::CompletedOrders => (
                &mut self.completed_orders,
                &mut running.answers.completed_orders,
                Some((Query::Executions, 0)),
            ),
            Query::Executions => (&mut self.executions, &mut running.answers.executions, None),
        };
        match &mut answer {
            Answer::Whole => endings.partial = 0,
            Answer::Partial { times } => {
                endings.partial = endings.partial.saturating_add(1);
                *times = endings.partial;
            }
            Answer::None { .. } => {}
        }
        *place = answer;
        if let Some((query, ends)) = next {
            running.query = query;
            running.ends = ends;
            running.asked = now;
            return self.ask();
        }
        let done = self.running.take().map(|running| Done {
            token: running.wanted.token,
            answers: running.answers,
        });
        Next {
            request: self.begin(now).request,
            done,
        }
    }
}

/// Today counts as the first of the days.
fn last_n_days(days_back: u32) -> Option<i32> {
    let days = days_back.saturating_add(1).min(DAYS_MAX);
    i32::try_from(days).ok().filter(|_| days_back > 0)
}
