//! A watch as its caller holds it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio_stream::Stream;
use tokio_util::sync::ReusableBoxFuture;

use super::update::FeedUpdate;
use super::watcher::Watcher;
use crate::domain::Status;
use crate::error::Error;

/// What to watch.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchSpec {
    /// The order; `None`: every order, without end.
    pub order_id: Option<i32>,
    /// Of an order of a bracket: with every order of the bracket, until all have ended.
    pub with_family: bool,
    /// The last sequence seen, to get each later event once; 0: the current state, then what happens.
    pub after_sequence: u64,
    /// The longest silence before a heartbeat.
    pub poll_interval: Duration,
    /// How long to watch at most; then `MAX_WAIT`.
    pub max_wait: Option<Duration>,
    /// How long to stay after FILLED or INACTIVE for a commission or a reason.
    pub linger: Duration,
}

impl WatchSpec {
    /// One order (all with 0), from its current state, with heartbeats as the operation's default says.
    pub fn new(order_id: i32, linger: Duration) -> Self {
        Self {
            order_id: (order_id != 0).then_some(order_id),
            with_family: false,
            after_sequence: 0,
            poll_interval: Duration::from_secs_f64(crate::domain::DEFAULT_POLL_INTERVAL_SECONDS),
            max_wait: None,
            linger,
        }
    }
}

type Step = (Box<Watcher>, Option<Result<FeedUpdate, Error>>);

/// A watch under way: a stream that ends (`None`) where the order ends, or after an error: `MAX_WAIT`, `LAGGED`, `SHUTTING_DOWN`
/// (all of which can resume after the last sequence seen), or `STORE`. Dropping it ends it.
#[derive(Debug)]
pub struct Watch {
    step: ReusableBoxFuture<'static, Step>,
    order_id: Option<i32>,
    status: Option<Status>,
    ended: bool,
}

impl Watch {
    pub(super) fn new(watcher: Watcher) -> Self {
        Self {
            order_id: watcher.order_id(),
            status: watcher.status(),
            step: ReusableBoxFuture::new(step(Box::new(watcher))),
            ended: false,
        }
    }

    /// The next update. Nothing is lost when the returned future is dropped before it is ready.
    pub async fn next(&mut self) -> Option<Result<FeedUpdate, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The id of the order; `None` when all are watched.
    pub const fn order_id(&self) -> Option<i32> {
        self.order_id
    }

    /// The last status known of the order; `None` when all are watched.
    pub const fn status(&self) -> Option<Status> {
        self.status
    }
}

impl Stream for Watch {
    type Item = Result<FeedUpdate, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let (watcher, item) = ready!(self.step.poll(context));
        self.status = watcher.status();
        match &item {
            Some(Ok(_)) => self.step.set(step(watcher)),
            // The watcher goes, and its place in the channel with it.
            Some(Err(_)) | None => self.ended = true,
        }
        Poll::Ready(item)
    }
}

async fn step(mut watcher: Box<Watcher>) -> Step {
    let item = watcher.next().await;
    (watcher, item)
}
