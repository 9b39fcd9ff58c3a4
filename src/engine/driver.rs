//! The engine's task: gathers what waits, commits it as one batch, and then does what comes of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::batch::{Batch, Write};
use super::core::{Core, Outbound};
use super::input::{Ask, Input, Outcome, Wish};
use super::link::LinkStatus;
use super::moment::Clock;
use super::rows::{NoRows, Stop, StoreRows};
use crate::domain::{LinkState, Status};
use crate::error::{COULD_NOT_CONNECT, Error, Reason};
use crate::feed::Feed;
use crate::stats::Stats;
use crate::store::{Store, StoreError};
use crate::tws::{SendKind, Sent, TwsCommand, TwsEvent};

/// Inputs of one kind in one batch.
const BATCH_MAX: usize = 1_024;
/// TWS events kept while the store cannot be written; of what goes beyond, the reports are dropped and asked for again later.
const STUCK_MAX: usize = 10_000;
/// Time between two attempts to write what could not be written.
const STUCK_DELAY: Duration = Duration::from_millis(200);
/// Time until a full command channel is tried again.
const OUTBOX_DELAY: Duration = Duration::from_millis(2);

/// What reaches the engine's task.
#[derive(Debug)]
pub(super) enum Call {
    /// Somebody asks for something.
    Ask {
        /// What.
        wish: Wish,
        /// When the caller's patience ends.
        deadline: Duration,
        /// Where the answer goes.
        reply: oneshot::Sender<Outcome>,
    },
    /// Finish what is under way, but not for longer than this.
    Close {
        /// How long.
        grace: Duration,
    },
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
    pub(super) feed: Feed,
    pub(super) stats: Arc<Stats>,
    pub(super) calls: mpsc::Receiver<Call>,
    pub(super) events: mpsc::Receiver<TwsEvent>,
    pub(super) commands: mpsc::Sender<TwsCommand>,
    pub(super) link: watch::Sender<LinkStatus>,
    /// Who waits for an answer.
    pub(super) callers: HashMap<u64, oneshot::Sender<Outcome>>,
    pub(super) waiters: u64,
    /// Commands that did not fit into the channel.
    pub(super) outbox: VecDeque<TwsCommand>,
    /// Messages handed to the adapter and not yet reported sent, in this session.
    pub(super) in_adapter: usize,
    /// What could not be stored yet, oldest first.
    pub(super) stuck: Vec<Input>,
    pub(super) stuck_until: Duration,
    pub(super) reports_dropped: bool,
    pub(super) store_ok: bool,
    /// When what is still under way is given up.
    pub(super) closing: Option<Duration>,
    /// Nobody can call any more.
    pub(super) abandoned: bool,
}

impl Driver {
    /// Runs until it is closed, or cannot go on.
    pub(super) async fn run(&mut self) -> Result<(), Fatal> {
        loop {
            let inputs = self.gather().await?;
            self.process(inputs).await?;
            self.send()?;
            if let Some(until) = self.closing {
                let quiet = self.core.is_quiet()
                    && self.in_adapter == 0
                    && self.outbox.is_empty()
                    && self.stuck.is_empty();
                if quiet || self.clock.tick() >= until {
                    return self.process(vec![Input::CloseNow]).await;
                }
            }
        }
    }

    /// Waits until there is something to do, and takes all of it.
    async fn gather(&mut self) -> Result<Vec<Input>, Fatal> {
        let now = self.clock.now();
        let mut inputs = self.core_mut()?.due(now);
        let mut events = Vec::new();
        let mut calls = Vec::new();
        let stuck_is_due = !self.stuck.is_empty() && now.tick >= self.stuck_until;
        if inputs.is_empty() && !stuck_is_due {
            let wake = self.wake(now.tick);
            tokio::select! {
                biased;
                taken = self.events.recv_many(&mut events, BATCH_MAX) => {
                    if taken == 0 {
                        return Err(Fatal("the TWS adapter ended".to_owned()));
                    }
                }
                taken = self.calls.recv_many(&mut calls, BATCH_MAX), if !self.abandoned => {
                    if taken == 0 {
                        // Every handle is gone: nobody waits for anything.
                        self.abandoned = true;
                        calls.push(Call::Close { grace: Duration::ZERO });
                    }
                }
                () = tokio::time::sleep_until(self.clock.instant(wake).into()) => {}
            }
        }
        while events.len() < BATCH_MAX
            && let Ok(event) = self.events.try_recv()
        {
            events.push(event);
        }
        while calls.len() < BATCH_MAX
            && let Ok(call) = self.calls.try_recv()
        {
            calls.push(call);
        }
        self.stats
            .engine_queue
            .set(i64::try_from(self.calls.len()).unwrap_or(i64::MAX));
        for event in &events {
            self.count_sent(event);
        }
        let events = events.into_iter().map(Input::Tws);
        if self.stuck.is_empty() {
            inputs.extend(events);
        } else {
            self.stuck.extend(events);
            self.bound_stuck();
            if self.clock.tick() >= self.stuck_until {
                inputs.splice(0..0, std::mem::take(&mut self.stuck));
                if std::mem::take(&mut self.reports_dropped) {
                    inputs.push(Input::ReportsDropped);
                }
            }
        }
        for call in calls {
            self.take(call, &mut inputs);
        }
        // Who has gone away before anything was stored has asked for nothing.
        inputs.retain(|input| match input {
            Input::Ask(ask) => {
                let there = self
                    .callers
                    .get(&ask.waiter)
                    .is_some_and(|reply| !reply.is_closed());
                if !there {
                    self.callers.remove(&ask.waiter);
                }
                there
            }
            _ => true,
        });
        Ok(inputs)
    }

    fn wake(&self, now: Duration) -> Duration {
        let at = crate::engine::moment::Moment {
            wall: crate::domain::Timestamp::default(),
            tick: now,
        };
        let mut wake = if self.outbox.is_empty() {
            self.core.next_wake(at)
        } else {
            now + OUTBOX_DELAY
        };
        if !self.stuck.is_empty() {
            wake = wake.min(self.stuck_until);
        }
        if let Some(until) = self.closing {
            wake = wake.min(until);
        }
        wake
    }

    fn take(&mut self, call: Call, inputs: &mut Vec<Input>) {
        match call {
            Call::Ask {
                wish,
                deadline,
                reply,
            } => {
                self.waiters += 1;
                self.callers.insert(self.waiters, reply);
                inputs.push(Input::Ask(Ask {
                    waiter: self.waiters,
                    deadline,
                    what: wish,
                }));
            }
            Call::Close { grace } => {
                let until = self.clock.tick() + grace;
                self.closing = Some(self.closing.map_or(until, |earlier| earlier.min(until)));
                inputs.push(Input::Closing);
            }
        }
    }

    fn count_sent(&mut self, event: &TwsEvent) {
        match event {
            TwsEvent::Sent { kind, outcome, .. } => {
                self.in_adapter = self.in_adapter.saturating_sub(1);
                if *kind == SendKind::Place && *outcome == Sent::Written {
                    fail::fail_point!("place-after-send");
                }
            }
            TwsEvent::SessionDown { .. } => self.in_adapter = 0,
            _ => {}
        }
    }

    /// What waits for the store is bounded: reports can be asked for again, the rest is little.
    fn bound_stuck(&mut self) {
        if self.stuck.len() > STUCK_MAX {
            self.stuck
                .retain(|input| !matches!(input, Input::Tws(TwsEvent::Report { .. })));
            self.reports_dropped = true;
        }
    }

    /// Commits inputs as one batch; where that fails, finds out what can still be done.
    async fn process(&mut self, inputs: Vec<Input>) -> Result<(), Fatal> {
        if inputs.is_empty() {
            return Ok(());
        }
        let inputs: Arc<[Input]> = inputs.into();
        let error = match self.attempt(Arc::clone(&inputs)).await? {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let poisoned = is_poisoned(&error);
        // One by one: a row that the store refuses must not take the others with it, and a caller who only asks for what is
        // stored needs no room.
        for input in inputs.iter() {
            let alone = matches!(input, Input::Ask(_)) || poisoned;
            if alone {
                let single: Arc<[Input]> = Arc::from([input.clone()]);
                if inputs.len() > 1 {
                    match self.attempt(single).await? {
                        Ok(()) => {}
                        Err(error) => self.give_up(input, error),
                    }
                } else {
                    self.give_up(input, error.clone());
                }
            } else {
                self.stuck.push(input.clone());
            }
        }
        if !self.stuck.is_empty() {
            self.stuck_until = self.clock.tick() + STUCK_DELAY;
        }
        Ok(())
    }

    fn give_up(&mut self, input: &Input, error: StoreError) {
        match input {
            Input::Ask(ask) => {
                if let Some(reply) = self.callers.remove(&ask.waiter) {
                    let _ = reply.send(Err(error.into()));
                }
            }
            _ if is_poisoned(&error) => {
                tracing::error!(?input, %error, "an input was dropped: the store refuses what follows from it");
            }
            other => self.stuck.push(other.clone()),
        }
    }

    /// One batch. The outer error ends the engine; after the inner one everything is as before.
    async fn attempt(&mut self, inputs: Arc<[Input]>) -> Result<Result<(), StoreError>, Fatal> {
        let now = self.clock.now();
        let core = Arc::clone(&self.core);
        let mut batch = Batch::new(&core.desk);
        let mut done = 0;
        while let Some(input) = inputs.get(done) {
            match core.step(&mut batch, input, &mut NoRows, now) {
                Ok(()) => done += 1,
                Err(Stop::NeedsRows) => break,
                Err(Stop::Store(error)) => return Ok(Err(error)),
            }
        }
        if done == inputs.len() && !batch.writes() {
            drop(core);
            self.finish(batch, now)?;
            return Ok(Ok(()));
        }
        let begun = self.clock.tick();
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
                Ok(batch)
            })
            .await;
        match committed {
            Ok(batch) => {
                if batch.orders().any(|(write, _)| write == Write::Insert) {
                    fail::fail_point!("place-after-commit");
                }
                if batch.writes() {
                    let took = self.clock.tick().saturating_sub(begun);
                    self.stats.commit_seconds.observe(took.as_secs_f64());
                    self.stats.commit_events.observe(batch.rows.len() as f64);
                    self.store_ok = true;
                }
                self.finish(batch, self.clock.now())?;
                Ok(Ok(()))
            }
            Err(error) if error.is_outcome_unknown() => Err(Fatal(error.to_string())),
            Err(StoreError::Closed) => Err(Fatal("the store was closed".to_owned())),
            Err(error) => {
                self.stats.commit_failures.add_one();
                if !is_poisoned(&error) {
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
    fn finish(&mut self, batch: Batch, now: super::moment::Moment) -> Result<(), Fatal> {
        let Outbound {
            events,
            links,
            replies,
            commands,
            moves,
        } = self.core_mut()?.commit(batch, now);
        for (from, to) in moves {
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
                | LinkState::IbRestored => {}
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
        self.outbox.extend(commands);
        Ok(())
    }

    fn count_move(&self, from: Option<Status>, to: Status) {
        self.stats.status_changes.of(to).add_one();
        if let Some(from) = from.filter(|from| !from.is_terminal()) {
            self.stats.open_orders.of(from).add(-1);
        }
        if !to.is_terminal() {
            self.stats.open_orders.of(to).add(1);
        }
    }

    /// Hands messages whose slot has come to the adapter.
    fn send(&mut self) -> Result<(), Fatal> {
        self.drain_outbox()?;
        if self.outbox.is_empty() {
            let now = self.clock.now();
            let room = self.commands.capacity();
            let handed = self.core_mut()?.flush(now, room);
            for message in handed {
                if let Some(waited) = message.waited {
                    self.in_adapter += 1;
                    self.stats.pacing_wait_seconds.observe(waited.as_secs_f64());
                }
                self.outbox.push_back(message.command);
            }
            self.drain_outbox()?;
        }
        let waiting = self.core.queue.len() + self.outbox.len();
        self.stats
            .pacing_queue
            .set(i64::try_from(waiting).unwrap_or(i64::MAX));
        Ok(())
    }

    fn drain_outbox(&mut self) -> Result<(), Fatal> {
        while let Some(command) = self.outbox.pop_front() {
            if matches!(command, TwsCommand::Place { .. }) {
                fail::fail_point!("place-before-send");
            }
            match self.commands.try_send(command) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Full(command)) => {
                    self.outbox.push_front(command);
                    return Ok(());
                }
                Err(mpsc::error::TrySendError::Closed(_)) => {
                    return Err(Fatal("the TWS adapter ended".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Tells everybody who looks at the link how it stands.
    fn show_link(&self) {
        let status = LinkStatus::of(&self.core.desk, self.store_ok);
        self.stats.tws_connected.set(i64::from(status.connected));
        self.stats.ib_connected.set(i64::from(status.ib_connected));
        self.stats.store_writable.set(i64::from(status.store_ok));
        self.link.send_if_modified(|known| {
            if *known == status {
                return false;
            }
            // What changes with every order or heartbeat wakes nobody.
            let wakes = LinkStatus {
                next_order_id: status.next_order_id,
                tws_time: status.tws_time,
                ..known.clone()
            } != status;
            if known.connected != status.connected {
                self.feed.set_connected(status.connected);
            }
            *known = status;
            wakes
        });
    }

    /// Nobody is left without an answer: `begun` for those whose wish may be stored, `unheard` for those nobody has looked at.
    pub(super) fn answer_everybody(&mut self, begun: &Error, unheard: &Error) {
        self.calls.close();
        while let Ok(call) = self.calls.try_recv() {
            if let Call::Ask { reply, .. } = call {
                let _ = reply.send(Err(unheard.clone()));
            }
        }
        for (_, reply) in self.callers.drain() {
            let _ = reply.send(Err(begun.clone()));
        }
    }

    /// Watches end, and nobody takes the last session for a living one.
    pub(super) fn show_ended(&self) {
        self.feed.set_connected(false);
        self.feed.close();
        self.stats.tws_connected.set(0);
        self.stats.ib_connected.set(0);
        self.link.send_modify(|link| {
            *link = LinkStatus {
                attempted: true,
                failure: Some(format!("{COULD_NOT_CONNECT}: the gateway has ended")),
                store_ok: link.store_ok,
                ..LinkStatus::default()
            };
        });
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
