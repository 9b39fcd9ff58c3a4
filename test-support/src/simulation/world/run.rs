//! The engine does what there is to do.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use ibkr_orders::domain::{EventKind, OrderState, Status, StoredEvent};
use ibkr_orders::feed::FeedEvent;
use ibkr_orders::store::StoreError;
use ibkr_orders::tws::TwsEvent;

use super::World;

impl World {
    pub(super) fn deliver(&mut self) {
        if let Some(event) = self.tws.hear() {
            match event {
                TwsEvent::SessionUp(_) => {
                    self.counts.sessions += 1;
                    // The adapter keeps what TWS says at the login until the session is up.
                    let behind = std::mem::take(&mut self.tws.told_at_login);
                    self.process.engine.hear(event);
                    for _ in 0..behind {
                        if let Some(event) = self.tws.hear() {
                            self.process.engine.hear(event);
                        }
                    }
                    return;
                }
                // Nothing more of a bracket leaves while IB is away, and none of it later.
                TwsEvent::IbLink {
                    connected: false, ..
                } => self.session_over(),
                _ => {}
            }
            self.process.engine.hear(event);
        }
    }

    /// Until nothing is under way any more.
    pub(super) async fn quieten(&mut self) {
        for _ in 0..10_000 {
            while self.tws.is_busy() {
                self.tws.read();
                self.deliver();
            }
            if self.run(false).await.is_err() {
                self.fail("the engine stopped while everything was well");
            }
            if !self.tws.is_busy() {
                return;
            }
        }
        self.fail("it does not come to rest");
    }

    /// The engine does what there is to do. An error: its process is dead.
    pub(super) async fn run(&mut self, dies: bool) -> Result<(), ()> {
        loop {
            let turn = match now(self.process.engine.gather()) {
                Some(Ok(turn)) => turn,
                Some(Err(last_word)) => self.fail(&last_word),
                None => break,
            };
            if turn.is_empty() {
                break;
            }
            if self.trace {
                let now = self.clocks.monotonic();
                println!("{now:?} {} {turn:?}", if dies { "dying" } else { "" });
            }
            let may_guess = turn.ends_a_reconcile();
            if dies {
                // All that it still tries is refused, or it dies with all of it committed and nothing of it told or sent.
                let refused = if self.random.percent(50) { 1_000 } else { 0 };
                self.process
                    .store
                    .refuse_commits(refused, StoreError::NoRoom);
                let _ = self.process.engine.process(turn).await;
                self.process.store.refuse_commits(0, StoreError::NoRoom);
                return Err(());
            }
            if let Err(last_word) = self.process.engine.process(turn).await {
                self.fail(&last_word);
            }
            self.see(may_guess);
            self.take_answers().await;
            self.send().await;
        }
        // Messages whose slot has come.
        self.send().await;
        self.see(false);
        if let Some(violation) = self.tws.violations.first() {
            self.fail(violation);
        }
        Ok(())
    }

    async fn send(&mut self) {
        if let Err(last_word) = self.process.engine.send() {
            self.fail(&last_word);
        }
        self.look_at_family();
        self.take_commands().await;
    }

    /// What the watcher of all orders sees: each event once, in order.
    fn see(&mut self, may_guess: bool) {
        while let Some(update) = now(self.process.watch.next()) {
            let update = match update {
                Some(Ok(update)) => update,
                end => self.fail(&format!("the watch ended: {end:?}")),
            };
            if let FeedEvent::Stored(event) = update.event {
                self.seen(&event, may_guess);
            }
        }
    }

    fn seen(&mut self, event: &StoredEvent, may_guess: bool) {
        let before = self.watched.last().copied().unwrap_or(self.first_sequence);
        self.expect(event.sequence > before, || {
            format!("after event {before} a watcher saw {}", event.sequence)
        });
        self.watched.push(event.sequence);
        if let EventKind::Order(state) = &event.kind {
            if self.trace {
                let (status, filled, quantity) = (state.status, state.filled, state.terms.quantity);
                println!(
                    "<- {} {status} {filled} of {quantity}, cancel {}",
                    state.order_id, state.cancel_requested
                );
            }
            self.judge_change(self.last.get(&state.order_id), state, may_guess);
            self.last.insert(state.order_id, state.clone());
        }
    }

    fn judge_change(&self, before: Option<&OrderState>, state: &OrderState, may_guess: bool) {
        self.follows(before, state);
        // A new process shows what the last one had stored and not shown.
        let guessed = state.status == Status::Unconfirmed
            && before.is_some_and(|before| before.status != Status::Unconfirmed);
        self.expect(!guessed || may_guess || self.resumes(state), || {
            format!(
                "order {} was called unconfirmed without a complete reconcile",
                state.order_id
            )
        });
    }

    /// Whether an event was stored by a process that has died before it showed it.
    fn resumes(&self, state: &OrderState) -> bool {
        state.sequence <= self.process.began_at
    }

    /// Waits until the watcher sees something.
    pub(in crate::simulation) async fn watch_once(&mut self, limit: Duration) {
        match tokio::time::timeout(limit, self.process.watch.next()).await {
            Ok(Some(Ok(update))) => {
                if let FeedEvent::Stored(event) = update.event {
                    self.seen(&event, true);
                }
            }
            end => self.fail(&format!("the watcher does not get what there is: {end:?}")),
        }
    }
}

/// What a future is ready with at once.
pub(super) fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
