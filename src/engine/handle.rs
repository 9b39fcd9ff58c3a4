//! Starting the engine, asking it, ending it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::clocks::{Clock, Clocks};
use super::core::{Core, Settings};
use super::driver::{Call, Driver, Ends, Fatal, HaltStored, Inspect, stopped};
use super::halts::HaltChange;
use super::input::{Command, Outcome};
use super::journaling::JournalLink;
use super::link::LinkStatus;
use super::step::{overloaded, shutting_down};
use crate::account::Snapshot;
use crate::domain::limits::Limits;
use crate::domain::{AuditRecord, Caller};
use crate::feed::Feed;
use crate::stats::Stats;
use crate::store::{OpenStore, Store};
use crate::tws::{TwsCommand, TwsEvent, TwsHandle};

/// How long the adapter may take to end.
const ADAPTER_END_LIMIT: Duration = Duration::from_millis(500);

/// How the engine ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As it was asked to.
    Closed,
    /// It could not go on; its last word.
    Failed(String),
}

/// The other side of the engine's channels to TWS.
#[derive(Debug)]
pub(crate) struct TwsLink {
    /// What TWS says.
    pub(crate) events: mpsc::Receiver<TwsEvent>,
    /// What it is told.
    pub(crate) commands: mpsc::Sender<TwsCommand>,
    /// The adapter; `None` where a test plays it.
    pub(crate) adapter: Option<TwsHandle>,
}

/// Puts limits in force.
#[derive(Debug, Clone)]
pub(crate) struct LimitsSetter(mpsc::WeakSender<Call>);

impl LimitsSetter {
    /// From the next batch on. False when the engine has ended.
    pub(crate) async fn set(&self, limits: Arc<Limits>) -> bool {
        match self.0.upgrade() {
            Some(calls) => calls.send(Call::Limits(limits)).await.is_ok(),
            None => false,
        }
    }

    /// The halt file appeared or went. False when the engine has ended.
    pub(crate) async fn set_halt_file(&self, why: Option<String>) -> bool {
        match self.0.upgrade() {
            Some(calls) => calls.send(Call::HaltFile(why)).await.is_ok(),
            None => false,
        }
    }

    /// Leaves something in the audit. False when the engine has ended.
    pub(crate) async fn audit(&self, record: AuditRecord) -> bool {
        match self.0.upgrade() {
            Some(calls) => calls.send(Call::Audit(Arc::new(record))).await.is_ok(),
            None => false,
        }
    }

    /// Whether the engine has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.upgrade().is_none_or(|calls| calls.is_closed())
    }
}

/// The running engine. A cheap handle; when the last one goes, the engine ends.
#[derive(Debug, Clone)]
pub(crate) struct Engine {
    calls: mpsc::Sender<Call>,
    link: watch::Receiver<LinkStatus>,
    accounts: watch::Receiver<Arc<Snapshot>>,
    ended: watch::Receiver<Option<Ended>>,
    clock: Clock,
    /// Where the gateway that leads can be called, where this one follows.
    leader: Option<watch::Receiver<String>>,
}

impl Engine {
    /// Starts the engine's task. It owns the store and the adapter, and closes both when it ends.
    pub(crate) fn start(
        settings: Settings,
        opened: OpenStore,
        journal: Option<JournalLink>,
        feed: Feed,
        stats: Arc<Stats>,
        tws: TwsLink,
        queued_max: usize,
    ) -> Self {
        let TwsLink {
            events,
            commands,
            adapter,
        } = tws;
        let clock = Clock::start();
        let (calls, inbox) = mpsc::channel(queued_max.max(1));
        let (link, link_seen) = watch::channel(LinkStatus {
            store_ok: true,
            ..LinkStatus::default()
        });
        let (accounts, accounts_seen) = watch::channel(Arc::default());
        let (ended, ended_seen) = watch::channel(None);
        stats.account_stale.set(1);
        let OpenStore { store, recovered } = opened;
        let core = Core::new(settings, recovered);
        for (_, entry) in core.cache.entries() {
            let status = entry.order.record.state.status;
            if !status.is_terminal() {
                stats.open_orders.of(status).add(1);
            }
        }
        let ends = Ends {
            calls: inbox,
            events,
            commands,
            link,
            accounts,
        };
        let mut driver = Driver::new(clock, core, store, feed, stats, ends);
        driver.journal = journal;
        tokio::spawn(run(driver, adapter, ended));
        Self {
            calls,
            link: link_seen,
            accounts: accounts_seen,
            ended: ended_seen,
            clock,
            leader: None,
        }
    }

    /// The engine of a gateway that follows: it takes no orders, and ends when `work` does, which says why. It owns the store, and closes it when it ends.
    pub(crate) fn following(
        store: Store,
        feed: Feed,
        leader: watch::Receiver<String>,
        work: impl Future<Output = String> + Send + 'static,
    ) -> Self {
        let (calls, mut inbox) = mpsc::channel(1);
        let (link, link_seen) = watch::channel(LinkStatus {
            attempted: true,
            failure: Some("this gateway follows another one, which is connected to TWS".to_owned()),
            store_ok: true,
            ..LinkStatus::default()
        });
        let (accounts, accounts_seen) = watch::channel(Arc::default());
        let (ended, ended_seen) = watch::channel(None);
        tokio::spawn(async move {
            let mut work = std::pin::pin!(work);
            let how = loop {
                tokio::select! {
                    last_word = &mut work => break Ended::Failed(last_word),
                    call = inbox.recv() => match call {
                        Some(Call::Close { .. }) | None => break Ended::Closed,
                        // Whoever calls is refused before.
                        Some(_) => {}
                    },
                }
            };
            feed.close();
            drop((link, accounts));
            if let Err(error) = store.close().await {
                tracing::error!(%error, "the store was not closed well; the next start reads its log");
            }
            let _ = ended.send(Some(how));
        });
        Self {
            calls,
            link: link_seen,
            accounts: accounts_seen,
            ended: ended_seen,
            clock: Clock::start(),
            leader: Some(leader),
        }
    }

    /// Where the gateway that leads can be called, where this one follows.
    #[cfg(test)]
    pub(crate) fn leader_seen(&self) -> Option<watch::Receiver<String>> {
        self.leader.clone()
    }

    /// Refuses what only a gateway that leads can do.
    fn require_leading(&self) -> Result<(), crate::error::Error> {
        match &self.leader {
            Some(leader) => Err(crate::error::Error::standby(&leader.borrow())),
            None => Ok(()),
        }
    }

    /// Calls that wait for the engine.
    pub(crate) fn queued(&self) -> usize {
        self.calls.max_capacity() - self.calls.capacity()
    }

    /// Asks for something and waits for the answer. Once the command is stored, going away changes nothing.
    pub(crate) async fn ask(
        &self,
        caller: &Arc<Caller>,
        command: Command,
        timeout: Duration,
    ) -> Outcome {
        self.require_leading()?;
        let (reply, answer) = oneshot::channel();
        let call = Call::PendingRequest {
            command,
            caller: Arc::clone(caller),
            deadline: self.clock.monotonic() + timeout,
            reply,
        };
        match self.calls.try_send(call) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(overloaded()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.why_gone()),
        }
        match answer.await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.why_gone()),
        }
    }

    /// Looks at what the engine knows, between two batches.
    ///
    /// # Errors
    /// `OVERLOADED`, `SHUTTING_DOWN`, `INTERNAL`.
    pub(crate) async fn inspect<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Core, Clocks) -> T + Send + 'static,
    ) -> Result<T, crate::error::Error> {
        self.require_leading()?;
        let (reply, answer) = oneshot::channel();
        let look = Inspect(Box::new(move |core, now| {
            // Who asked may have gone away.
            let _ = reply.send(look(core, now));
        }));
        match self.calls.try_send(Call::Inspect(look)) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(_)) => return Err(overloaded()),
            Err(mpsc::error::TrySendError::Closed(_)) => return Err(self.why_gone()),
        }
        answer.await.map_err(|_| self.why_gone())
    }

    /// Halts, or lifts halts.
    ///
    /// # Errors
    /// `STORE` where lifting cannot be stored, `OVERLOADED`, `SHUTTING_DOWN`, `INTERNAL`.
    pub(crate) async fn halt(
        &self,
        caller: &Arc<Caller>,
        change: HaltChange,
    ) -> Result<HaltStored, crate::error::Error> {
        self.require_leading()?;
        let (reply, answer) = oneshot::channel();
        let call = Call::Halt {
            change,
            caller: Arc::clone(caller),
            reply,
        };
        // A halt waits for its place: it must not be turned away because others call.
        if self.calls.send(call).await.is_err() {
            return Err(self.why_gone());
        }
        answer.await.unwrap_or_else(|_| Err(self.why_gone()))
    }

    /// Puts limits in force for as long as the engine lives; keeps nobody from ending it.
    pub(crate) fn limits_setter(&self) -> LimitsSetter {
        LimitsSetter(self.calls.downgrade())
    }

    fn why_gone(&self) -> crate::error::Error {
        let gone = self.ended.has_changed().is_err();
        match &*self.ended.borrow() {
            Some(Ended::Failed(last_word)) => stopped(last_word),
            // The task ended without a word: it panicked, or its runtime is gone.
            None if gone => stopped("the engine's task is gone"),
            Some(Ended::Closed) | None => shutting_down(),
        }
    }

    /// How the links stand.
    pub(crate) fn link(&self) -> watch::Receiver<LinkStatus> {
        self.link.clone()
    }

    /// What is known of the accounts. It closes when the engine ends.
    pub(crate) fn accounts(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.accounts.clone()
    }

    /// Waits until the engine has ended and answers how.
    pub(crate) async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let how = ended.wait_for(Option::is_some).await;
        // The task always says how it ended, unless its runtime is gone.
        how.ok()
            .and_then(|how| how.clone())
            .unwrap_or_else(|| Ended::Failed("the engine's task is gone".to_owned()))
    }

    /// Ends it: what is under way may finish within `grace`. Waits until store and adapter are closed.
    pub(crate) async fn close(&self, grace: Duration) -> Ended {
        // A full queue empties; a closed one says that it has ended.
        let _ = self.calls.send(Call::Close { grace }).await;
        self.ended().await
    }
}

async fn run(mut driver: Driver, adapter: Option<TwsHandle>, ended: watch::Sender<Option<Ended>>) {
    let outcome = driver.run().await;
    let how = match outcome {
        Ok(()) => {
            // Whoever is left waits for an order whose state could not be stored.
            driver.answer_everybody(&stopped("it was shut down"), &shutting_down());
            Ended::Closed
        }
        Err(Fatal(last_word)) => {
            tracing::error!(%last_word, "the engine stops");
            let error = stopped(&last_word);
            driver.answer_everybody(&error, &error);
            Ended::Failed(last_word)
        }
    };
    driver.show_ended();
    let store = driver.store.clone();
    let journal = driver.journal.take();
    // With the driver go the ends of the adapter's channels, so that it does not wait for anybody to read them.
    drop(driver);
    if let Some(adapter) = adapter
        && !adapter.shutdown(ADAPTER_END_LIMIT).await
    {
        tracing::warn!("the TWS adapter takes long to end");
    }
    // Nothing is sent any more. Who could not go on leaves the lease to run out.
    if let Some(journal) = journal
        && how == Ended::Closed
    {
        journal.resign().await;
    }
    if let Err(error) = store.close().await {
        tracing::error!(%error, "the store was not closed well; the next start reads its log");
    }
    let _ = ended.send(Some(how));
}
