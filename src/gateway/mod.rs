//! Every operation, decided in one place: gRPC, CLI and library callers get the same answer for the same input.

mod account;
mod bracket;
mod followed;
mod halt_file;
mod health;
mod journal;
mod limits;
mod open;
mod place;
mod preview;
mod read;
mod refusal;
mod replace;
mod risk;
mod streams;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

pub use crate::account::AccountWatch;
use crate::domain::{Caller, CancelIn, Limits, OrderKey, OrderState, TransmitIn};
pub use crate::engine::LinkStatus;
use crate::engine::{Answer, Command, Ended, Engine, OrderCommand};
use crate::error::Error;
use crate::feed::Feed;
use crate::stats::Stats;
use crate::store::Reader;
pub use bracket::bracket_dry_run;
use followed::FollowedLimits;
pub use journal::{HeldLease, SharedJournal};
pub(crate) use limits::key as check_key;
pub use limits::limits;
use limits::seconds;
pub(crate) use open::feed_limits;
pub(crate) use place::only_breaks_limits;
pub use place::{dry_run, validate};
pub(crate) use read::{order_id as watched_order, spec as watch_spec};
use refusal::RefusalGate;
pub(crate) use streams::CallerStream;
use streams::Streams;

/// A running gateway: one store, one session with TWS, one engine. A cheap handle.
#[derive(Debug, Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
    /// Who asks through this handle.
    caller: Arc<Caller>,
}

#[derive(Debug)]
struct Shared {
    limits: Limits,
    followed: FollowedLimits,
    client_id: i32,
    terminal_linger: Duration,
    engine: Engine,
    reader: Reader,
    feed: Feed,
    stats: Arc<Stats>,
    refusals: RefusalGate,
    streams: Streams,
}

impl Gateway {
    /// The same gateway for one caller: what is asked through this handle is asked by it. Whoever opened the gateway is
    /// [`Caller::LOCAL`]. The door has looked at the caller's role.
    #[must_use]
    pub fn on_behalf_of(&self, caller: Arc<Caller>) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            caller,
        }
    }

    /// Releases a staged order and waits `timeout` seconds at most: [`Self::transmit_with`] without a request id.
    ///
    /// # Errors
    /// As there.
    pub async fn transmit(&self, order: OrderKey, timeout: f64) -> Result<OrderState, Error> {
        self.transmit_with(TransmitIn::within(order, timeout)).await
    }

    /// Releases a staged order and answers with TWS's first word about it, or with its state at the timeout. An order already
    /// transmitted answers with its state.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, `ORDER_STATE`, and those of [`Gateway::place`] but `ORDER_INVALID`.
    pub async fn transmit_with(&self, input: TransmitIn) -> Result<OrderState, Error> {
        let TransmitIn {
            order,
            timeout,
            request_id,
        } = input;
        self.change(order, timeout, request_id.as_deref(), Command::Transmit)
            .await
    }

    /// Cancels an order and waits `timeout` seconds at most: [`Self::cancel_with`] without a request id.
    ///
    /// # Errors
    /// As there.
    pub async fn cancel(&self, order: OrderKey, timeout: f64) -> Result<OrderState, Error> {
        self.cancel_with(CancelIn::within(order, timeout)).await
    }

    /// Asks TWS to cancel an order and answers with its verdict, or with the order's state at the timeout. A cancelled
    /// order answers with its state; one that has not been sent yet is not sent any more.
    ///
    /// # Errors
    /// `ORDER_NOT_FOUND`, `ORDER_STATE` (filled or rejected, or an exit of a bracket whose other exit works), `REQUEST_INVALID`, `REQUEST_ID_REUSED`, `TWS_UNAVAILABLE`,
    /// `LIVE_ACCOUNT`, `STORE_MISMATCH`, `OVERLOADED`, `STORE`, `SHUTTING_DOWN`: nothing was sent. `INTERNAL`: the outcome is unknown.
    pub async fn cancel_with(&self, input: CancelIn) -> Result<OrderState, Error> {
        let CancelIn {
            order,
            timeout,
            request_id,
            with_sibling,
        } = input;
        let command: fn(OrderCommand) -> Command = if with_sibling {
            Command::CancelWithSibling
        } else {
            Command::Cancel
        };
        self.change(order, timeout, request_id.as_deref(), command)
            .await
    }

    async fn ask(&self, command: Command, timeout: Duration) -> Result<Answer, Error> {
        let engine = &self.shared.engine;
        engine.ask(&self.caller, command, timeout).await
    }

    async fn change(
        &self,
        key: OrderKey,
        timeout: f64,
        request_id: Option<&str>,
        command: impl FnOnce(OrderCommand) -> Command,
    ) -> Result<OrderState, Error> {
        let timeout = seconds("timeout", timeout)?;
        limits::key(&key)?;
        if let Some(request_id) = request_id {
            limits::request_id(request_id)?;
        }
        let command = command(OrderCommand {
            key,
            request_id: request_id.map(str::to_owned),
        });
        let answer = self.ask(command, timeout).await?;
        Ok(answer.state)
    }

    /// How the links to TWS and IB stand, now and from now on.
    pub fn link(&self) -> watch::Receiver<LinkStatus> {
        self.shared.engine.link()
    }

    /// What the gateway counts about itself. Numbers of what waits or is open are as of now.
    pub fn stats(&self) -> Arc<Stats> {
        let stats = &self.shared.stats;
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        stats.watchers.set(count(self.shared.feed.watchers()));
        stats.engine_queue.set(count(self.shared.engine.queued()));
        let lost = self.shared.reader.lost().is_some();
        let writable = self.shared.engine.link().borrow().store_ok && !lost;
        stats.store_replaced.set(i64::from(lost));
        stats.store_writable.set(i64::from(writable));
        let (calls, watches) = self.shared.reader.waiting();
        stats.store_reads_waiting.calls.set(count(calls));
        stats.store_reads_waiting.watches.set(count(watches));
        Arc::clone(stats)
    }

    /// Resolves when the engine has ended: `None` when it was closed, its last word when it could not go on.
    pub async fn stopped(&self) -> Option<String> {
        match self.shared.engine.ended().await {
            Ended::Closed => None,
            Ended::Failed(last_word) => Some(last_word),
        }
    }

    /// Ends the watches and refuses new calls; calls under way may finish within `grace`; then what waits to be sent is not sent,
    /// the adapter and the store are closed and the lock is given back. Closing again waits for the same end.
    pub async fn close(self, grace: Duration) {
        self.shared.feed.close();
        self.shared.engine.close(grace).await;
    }
}
