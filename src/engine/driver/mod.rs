//! The engine's task: gathers what waits, commits it as one batch, and then does what comes of it.

mod intake;
mod outgoing;
mod retry;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::batch::{Batch, Write};
use super::clocks::{Clock, Clocks};
use super::core::{Core, Outbound};
use super::halts::HaltChange;
use super::input::{Command, Input, Outcome};
use super::journaling::JournalLink;
use super::link::LinkStatus;
use super::rows::{NoRows, Stop, StoreRows};
use crate::account::Snapshot;
use crate::domain::limits::Limits;
use crate::domain::{AuditRecord, Caller, Halt, LinkState, TradingState};
use crate::error::{Error, Reason};
use crate::feed::Feed;
use crate::stats::Stats;
use crate::store::{Store, StoreError};
use crate::tws::{TwsCommand, TwsEvent};
pub(super) use retry::Gathered;
use retry::RetryQueue;

/// Inputs of one kind in one batch.
const BATCH_MAX: usize = 1_024;
/// Time until a full command channel is tried again.
const OUTBOX_DELAY: Duration = Duration::from_millis(2);

/// What reaches the engine's task.
#[derive(Debug)]
pub(super) enum Call {
    /// Somebody asks for something.
    PendingRequest {
        /// What.
        command: Command,
        /// Who asks.
        caller: Arc<Caller>,
        /// When the caller's timeout ends.
        deadline: Duration,
        /// Where the answer goes.
        reply: oneshot::Sender<Outcome>,
    },
    /// Look at what the engine knows.
    Inspect(Inspect),
    /// Another version of the limits is in force.
    Limits(Arc<Limits>),
    /// Halt, or lift halts.
    Halt {
        /// Which.
        change: HaltChange,
        /// Who asks.
        caller: Arc<Caller>,
        /// Where the answer goes.
        reply: oneshot::Sender<Result<HaltStored, Error>>,
    },
    /// Why the halt file halts now; `None`: it does not.
    HaltFile(Option<String>),
    /// Something for the audit.
    Audit(Arc<AuditRecord>),
    /// Finish what is under way, but not for longer than this.
    Close {
        /// How long.
        grace: Duration,
    },
}

/// Halts after a change.
#[derive(Debug, Clone)]
pub(crate) struct HaltStored {
    /// Every halt in force.
    pub(crate) halts: Vec<Halt>,
    /// Whether new orders are taken.
    pub(crate) state: TradingState,
    /// The change is on disk.
    pub(crate) persisted: bool,
}

/// A look at what the engine knows, between two batches.
pub(super) struct Inspect(pub(super) Look);

/// What looks.
type Look = Box<dyn FnOnce(&Core, Clocks) + Send>;

impl std::fmt::Debug for Inspect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Inspect")
    }
}

/// Why the engine cannot go on.
#[derive(Debug)]
pub(super) struct Fatal(pub(super) String);

/// What the task works with.
pub(super) struct Driver {
    pub(super) clock: Clock,
    /// Shared with the store's thread for as long as a transaction takes.
    pub(super) core: Arc<Core>,
    pub(super) store: Store,
    /// Where what is committed goes beside the store; `None`: nowhere.
    pub(super) journal: Option<JournalLink>,
    pub(super) feed: Feed,
    pub(super) stats: Arc<Stats>,
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) events: mpsc::Receiver<TwsEvent>,
    pub(super) commands: mpsc::Sender<TwsCommand>,
    pub(super) link: watch::Sender<LinkStatus>,
    pub(super) accounts: watch::Sender<Arc<Snapshot>>,
    /// Who waits for an answer.
    pub(super) callers: HashMap<u64, oneshot::Sender<Outcome>>,
    /// Who waits for a halt to be stored.
    pub(super) halting: HashMap<u64, oneshot::Sender<Result<HaltStored, Error>>>,
    pub(super) waiters: u64,
    /// Commands that did not fit into the channel.
    pub(super) outbox: VecDeque<TwsCommand>,
    /// Messages handed to the adapter and not yet reported sent, in this session.
    pub(super) in_adapter: usize,
    /// What could not be stored yet.
    retries: RetryQueue,
    pub(super) store_ok: bool,
    /// When what is still under way is given up.
    pub(super) closing: Option<Duration>,
    /// Nobody can call any more.
    pub(super) abandoned: bool,
}

/// Where the task's channels lead.
pub(super) struct Ends {
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) events: mpsc::Receiver<TwsEvent>,
    pub(super) commands: mpsc::Sender<TwsCommand>,
    pub(super) link: watch::Sender<LinkStatus>,
    pub(super) accounts: watch::Sender<Arc<Snapshot>>,
}

impl Driver {
    /// With nothing under way.
    pub(super) fn new(
        clock: Clock,
        core: Core,
        store: Store,
        feed: Feed,
        stats: Arc<Stats>,
        ends: Ends,
    ) -> Self {
        let Ends {
            calls,
            events,
            commands,
            link,
            accounts,
        } = ends;
        Self {
            clock,
            core: Arc::new(core),
            store,
            journal: None,
            feed,
            stats,
            calls,
            events,
            commands,
            link,
            accounts,
            callers: HashMap::new(),
            halting: HashMap::new(),
            waiters: 0,
            outbox: VecDeque::new(),
            in_adapter: 0,
            retries: RetryQueue::default(),
            store_ok: true,
            closing: None,
            abandoned: false,
        }
    }

    /// Runs until it is closed, or cannot go on.
    pub(super) async fn run(&mut self) -> Result<(), Fatal> {
        self.look_at_journal()?;
        loop {
            let gathered = self.gather().await?;
            self.process(gathered).await?;
            self.write_audit().await?;
            self.show_accounts()?;
            self.send()?;
            if let Some(until) = self.closing {
                let quiet = self.core.is_quiet()
                    && self.in_adapter == 0
                    && self.outbox.is_empty()
                    && self.retries.is_empty();
                if quiet || self.clock.monotonic() >= until {
                    return self.process(Gathered::new(vec![Input::CloseNow])).await;
                }
            }
        }
    }

    /// Commits inputs as one batch; where that fails, finds out what can still be done.
    pub(super) async fn process(&mut self, gathered: Gathered) -> Result<(), Fatal> {
        let (inputs, refusals) = gathered.into_parts();
        if inputs.is_empty() {
            return Ok(());
        }
        let inputs: Arc<[Input]> = inputs.into();
        let mut outcome = self.attempt(Arc::clone(&inputs)).await?;
        if let Err(StoreError::Audit(why)) = &outcome {
            let now = self.clock.monotonic();
            self.core_mut()?.audit.failed(why, now);
            // Without the audit, so that orders are refused and all else goes on.
            outcome = self.attempt(Arc::clone(&inputs)).await?;
        }
        let Err(error) = outcome else {
            return Ok(());
        };
        let poisoned = is_poisoned(&error);
        // Each attempt would wait for the other program anew, and the callers' time passes.
        let busy = error == StoreError::Busy;
        // One by one: a row that the store refuses must not take the others with it, and a caller who only asks for what is
        // stored, or whose time is over, needs no room.
        let mut overtakes = !self.retries.is_empty();
        for (index, input) in inputs.iter().enumerate() {
            let refusals = refusals.get(index).copied().unwrap_or(0);
            let asked = matches!(input, Input::Request(_));
            if (asked || !overtakes) && self.attempt_in_memory(input)? {
                continue;
            }
            if asked && !busy && self.attempt_reading(input).await? {
                continue;
            }
            overtakes |= !asked;
            let alone =
                asked || poisoned || matches!(input, Input::Expired { .. } | Input::Gone(_));
            if alone && inputs.len() > 1 && !(asked && busy) {
                let single: Arc<[Input]> = Arc::from([input.clone()]);
                if let Err(error) = self.attempt(single).await? {
                    self.not_stored(input, refusals, &error)?;
                }
            } else {
                self.not_stored(input, refusals, &error)?;
            }
        }
        Ok(())
    }

    /// One input, where nothing of it but the audit is to be written: that waits. False: it needs the store.
    fn attempt_in_memory(&mut self, input: &Input) -> Result<bool, Fatal> {
        let now = self.clock.now();
        let core = Arc::clone(&self.core);
        let mut batch = Batch::new(&core.engine_state);
        let stepped = core.step(&mut batch, input, &mut NoRows, now);
        drop(core);
        if stepped.is_err() || batch.writes() {
            return Ok(false);
        }
        self.finish(batch, now)?;
        Ok(true)
    }

    /// One input that reads the store and writes nothing but the audit: that waits. False: it has more to write, or the store cannot be read.
    async fn attempt_reading(&mut self, input: &Input) -> Result<bool, Fatal> {
        let now = self.clock.now();
        let core = Arc::clone(&self.core);
        let mut batch = Batch::new(&core.engine_state);
        let input = input.clone();
        let read = self.store.transact(move |tx| {
            let stepped = core.step(&mut batch, &input, &mut StoreRows::new(tx), now);
            drop(core);
            match stepped {
                Ok(()) if !batch.writes() => Ok(Some(batch)),
                Ok(()) | Err(Stop::NeedsRows) => Ok(None),
                Err(Stop::Store(error)) => Err(error),
            }
        });
        match read.await {
            Ok(Some(batch)) => {
                self.finish(batch, self.clock.now())?;
                Ok(true)
            }
            Err(error) if error.is_outcome_unknown() => Err(Fatal(error.to_string())),
            Ok(None) | Err(_) => Ok(false),
        }
    }

    /// Writes records of the audit that could not be written with their batches.
    async fn write_audit(&mut self) -> Result<(), Fatal> {
        let now = self.clock.monotonic();
        if let Some(records) = self.core.audit.due(now) {
            let count = records.len();
            let written = self.store.transact(move |tx| tx.append_audit(&records));
            match written.await {
                Ok(()) => self.core_mut()?.audit.written(count),
                Err(StoreError::Audit(why)) => self.core_mut()?.audit.failed(&why, now),
                Err(error) if error.is_outcome_unknown() => return Err(Fatal(error.to_string())),
                Err(_) => self.core_mut()?.audit.try_later(now),
            }
        }
        self.stats
            .risk
            .audit_unwritable
            .set(i64::from(self.core.audit.is_behind()));
        self.show_link();
        Ok(())
    }

    /// One batch. The outer error ends the engine; after the inner one everything is as before.
    async fn attempt(&mut self, inputs: Arc<[Input]>) -> Result<Result<(), StoreError>, Fatal> {
        let now = self.clock.now();
        let core = Arc::clone(&self.core);
        let mut batch = Batch::new(&core.engine_state);
        let mut done = 0;
        while let Some(input) = inputs.get(done) {
            match core.step(&mut batch, input, &mut NoRows, now) {
                Ok(()) => done += 1,
                Err(Stop::NeedsRows) => break,
                Err(Stop::Store(error)) => return Ok(Err(error)),
            }
        }
        let audits = core.audit.is_writable();
        if done == inputs.len() && !batch.writes() && (batch.audit.is_empty() || !audits) {
            drop(core);
            self.finish(batch, now)?;
            return Ok(Ok(()));
        }
        let begun = self.clock.monotonic();
        let committed = self
            .store
            .transact(move |tx| {
                let mut rows = StoreRows::new(tx);
                for input in inputs.iter().skip(done) {
                    match core.step(&mut batch, input, &mut rows, now) {
                        Ok(()) => {}
                        Err(Stop::Store(error)) => return Err(error),
                        Err(Stop::NeedsRows) => {
                            return Err(StoreError::Refused(
                                "a step asked for rows beside the store".to_owned(),
                            ));
                        }
                    }
                }
                if batch.orders().any(|(write, _)| write == Write::Insert) {
                    fail::fail_point!("place-before-commit");
                }
                batch.store(tx)?;
                if audits {
                    tx.append_audit(&batch.audit)?;
                    batch.audit.clear();
                }
                Ok(batch)
            })
            .await;
        match committed {
            Ok(batch) => {
                if batch.orders().any(|(write, _)| write == Write::Insert) {
                    fail::fail_point!("place-after-commit");
                }
                if batch.writes() {
                    let took = self.clock.monotonic().saturating_sub(begun);
                    self.stats.commit_seconds.observe(took.as_secs_f64());
                    self.stats.commit_events.observe(batch.rows.len() as f64);
                    self.store_ok = true;
                }
                self.begin_batch()?;
                self.finish(batch, self.clock.now())?;
                Ok(Ok(()))
            }
            Err(error) if error.is_outcome_unknown() => Err(Fatal(error.to_string())),
            Err(StoreError::Closed) => Err(Fatal("the store was closed".to_owned())),
            Err(error) => {
                self.stats.commit_failures.add_one();
                // Where only the audit fails, what needs none of it goes on.
                if !is_poisoned(&error) && !matches!(error, StoreError::Audit(_)) {
                    if self.store_ok {
                        tracing::error!(%error, "the store cannot be written");
                    }
                    self.store_ok = false;
                    self.show_link();
                }
                Ok(Err(error))
            }
        }
    }

    /// After the commit: show, answer, command.
    fn finish(&mut self, batch: Batch, now: super::clocks::Clocks) -> Result<(), Fatal> {
        let Outbound {
            events,
            links,
            replies,
            commands,
            status_transitions,
            halts_stored,
        } = {
            let before = self.core.engine_state.reconcile.clone();
            let engine_state = &self.core.engine_state;
            let previews_placed = engine_state.previews_placed;
            let brackets_incomplete = engine_state.brackets_incomplete;
            let (answered_early, foreign_reports, second_orders) = (
                engine_state.answered_early,
                engine_state.foreign_reports,
                engine_state.second_orders,
            );
            let rules_broken = engine_state.rules_broken;
            let unrecorded = engine_state.refusals.left_out + self.core.audit.dropped();
            let outbound = self.core_mut()?.commit(batch, now);
            let counted = self.core.engine_state.rules_broken.iter().zip(rules_broken);
            for (counter, (after, before)) in self.stats.risk.rules_broken.iter().zip(counted) {
                counter.add(after - before);
            }
            self.count_reconciles(&before);
            let left_out = self.core.engine_state.refusals.left_out + self.core.audit.dropped();
            self.stats.risk.audit_dropped.add(left_out - unrecorded);
            let (stats, engine_state) = (&self.stats, &self.core.engine_state);
            let unknown = engine_state.unknown_orders.len();
            stats
                .unknown_orders
                .set(i64::try_from(unknown).unwrap_or(i64::MAX));
            stats
                .answered_early
                .add(engine_state.answered_early - answered_early);
            stats
                .foreign_reports
                .add(engine_state.foreign_reports - foreign_reports);
            stats
                .second_orders
                .add(engine_state.second_orders - second_orders);
            stats
                .brackets_incomplete
                .add(engine_state.brackets_incomplete - brackets_incomplete);
            stats
                .previews_placed
                .add(engine_state.previews_placed - previews_placed);
            outbound
        };
        for (from, to) in status_transitions {
            self.count_move(from, to);
        }
        if !events.is_empty() {
            self.feed.publish(events);
        }
        self.show_link();
        for change in links {
            match change.state {
                LinkState::Restored => self.stats.tws_sessions.add_one(),
                LinkState::Lost
                | LinkState::Reconciled
                | LinkState::IbLost
                | LinkState::IbRestored
                | LinkState::Halted
                | LinkState::Resumed => {}
            }
            tracing::info!(state = ?change.state, peer = %change.peer, text = %change.text, "link");
            self.feed.publish_link(change);
        }
        for (waiter, outcome) in replies {
            if let Some(reply) = self.callers.remove(&waiter) {
                fail::fail_point!("place-before-reply");
                let _ = reply.send(outcome);
            }
        }
        for waiter in halts_stored {
            self.answer_halt(waiter, true);
        }
        self.outbox.extend(commands);
        Ok(())
    }

    /// What is queued by the batch that was committed goes once the journal has it.
    fn begin_batch(&mut self) -> Result<(), Fatal> {
        if self.journal.is_none() {
            return Ok(());
        }
        let (batch, now) = (self.store.captured(), self.clock.now());
        let core = self.core_mut()?;
        core.queue.begin_batch(batch);
        core.journal.after_commit(batch, now);
        Ok(())
    }

    /// Takes over what is known of the journal and of the lease.
    pub(super) fn look_at_journal(&mut self) -> Result<(), Fatal> {
        let now = self.clock.now();
        let Some(mut journal) = self.journal.take() else {
            return Ok(());
        };
        let store = self.store.clone();
        let looked = self.core_mut().and_then(|core| {
            journal
                .look(&mut core.journal, &store, now)
                .map_err(Fatal)?;
            core.queue.journaled(core.journal.last_acknowledged());
            Ok(())
        });
        self.journal = Some(journal);
        looked
    }

    /// Tells who halted how it stands.
    pub(super) fn answer_halt(&mut self, waiter: u64, persisted: bool) {
        let (halts, stored) = (&self.core.halts, &self.core.engine_state.halts);
        let now = HaltStored {
            halts: halts.all(stored),
            state: halts.state(stored),
            persisted,
        };
        if let Some(reply) = self.halting.remove(&waiter) {
            let _ = reply.send(Ok(now));
        }
    }

    /// The core, which nobody shares between two transactions.
    fn core_mut(&mut self) -> Result<&mut Core, Fatal> {
        Arc::get_mut(&mut self.core).ok_or_else(|| {
            Fatal("the store still works on a batch that it had answered".to_owned())
        })
    }
}

/// The rows themselves are refused; trying again does not help.
fn is_poisoned(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Refused(_) | StoreError::Panicked(_) | StoreError::Damaged(_)
    )
}

/// What callers are told when the engine could not go on.
pub(super) fn stopped(last_word: &str) -> Error {
    Error::new(
        Reason::Internal,
        format!("the gateway stopped, and the outcome of this call is unknown: {last_word}"),
    )
}
