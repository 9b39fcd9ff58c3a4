//! The engine does what there is to do, and whatever leaves it is looked at as it leaves.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::World;
use crate::domain::{EventKind, OrderKey, OrderTicket, Status};
use crate::engine::input::Input;
use crate::feed::FeedEvent;
use crate::store::StoreError;
use crate::tws::{Answers, TwsCommand, TwsEvent};

impl World {
    pub(super) fn deliver(&mut self) {
        if let Some(event) = self.tws.hear() {
            if matches!(event, TwsEvent::SessionUp(_)) {
                self.counts.sessions += 1;
            }
            let _ = self.process.ends.events.try_send(event);
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
            let gathered = now(self.process.driver.gather());
            let gathered = match gathered {
                Some(Ok(gathered)) => gathered,
                Some(Err(fatal)) => self.fail(&fatal.0),
                None => break,
            };
            let inputs = &gathered.inputs;
            if inputs.is_empty() {
                break;
            }
            if self.trace {
                let now = self.time.lock().unwrap().monotonic;
                println!("{now:?} {} {inputs:?}", if dies { "dying" } else { "" });
            }
            let may_guess = inputs.iter().any(ends_a_reconcile);
            let head = self.process.driver.core.engine_state.sequence;
            if dies {
                // All that it still tries, or none: how far it gets is a matter of time, and a seed must play the same again.
                let refused = if self.random.percent(50) { 1_000 } else { 0 };
                self.process
                    .store
                    .refuse_commits(refused, StoreError::NoRoom);
                // The store's thread finishes what it has begun; the task never hears of it.
                let _ = now(self.process.driver.process(gathered));
                return Err(());
            }
            if let Err(fatal) = self.process.driver.process(gathered).await {
                self.fail(&fatal.0);
            }
            self.look_at_events(head, may_guess).await;
            self.take_answers().await;
            if let Err(fatal) = self.process.driver.send() {
                self.fail(&fatal.0);
            }
            self.take_commands().await;
        }
        // Messages whose slot has come.
        if let Err(fatal) = self.process.driver.send() {
            self.fail(&fatal.0);
        }
        self.take_commands().await;
        self.see();
        if let Some(violation) = self.tws.violations.first() {
            self.fail(violation);
        }
        Ok(())
    }

    /// Nothing is called unconfirmed but at the end of a reconcile that saw everything.
    async fn look_at_events(&mut self, head: u64, may_guess: bool) {
        let reader = self.process.store.reader();
        let events = reader.events_after(head, None, 100_000).await.unwrap();
        for event in events {
            if let EventKind::Order(state) = event.kind
                && state.status == Status::Unconfirmed
            {
                let before = reader
                    .events_after(self.first_sequence, Some(state.order_id), 100_000)
                    .await
                    .unwrap();
                let already = before.iter().rev().any(|earlier| {
                    earlier.sequence <= head
                        && matches!(&earlier.kind, EventKind::Order(state) if state.status == Status::Unconfirmed)
                });
                self.expect(may_guess || already, || {
                    format!(
                        "order {} was called unconfirmed without a complete reconcile",
                        state.order_id
                    )
                });
            }
        }
    }

    /// What leaves for TWS is on disk as it leaves.
    async fn take_commands(&mut self) {
        while let Ok(command) = self.process.ends.commands.try_recv() {
            if let TwsCommand::Place { ticket, .. } = &command {
                let stored = self.stored(ticket.order_id).await;
                self.expect(stored.as_ref() == Some(ticket), || {
                    format!("{ticket:?} was sent, but stored is {stored:?}")
                });
            }
            self.tws.command(command);
        }
    }

    async fn stored(&self, order_id: i32) -> Option<OrderTicket> {
        let key = OrderKey::OrderId(order_id);
        let detail = self.process.store.reader().get(key).await.unwrap();
        detail.map(|detail| OrderTicket::from(&detail.order))
    }

    /// What the watcher of all orders sees: each event once, in order.
    fn see(&mut self) {
        while let Some(update) = now(self.process.watch.next()) {
            let update = match update {
                Some(Ok(update)) => update,
                end => self.fail(&format!("the watch ended: {end:?}")),
            };
            if matches!(update.event, FeedEvent::Stored(_)) {
                self.watched.push(update.sequence);
            }
        }
    }

    /// Waits until the watcher sees something.
    pub(in crate::engine) async fn watch_once(&mut self, limit: Duration) {
        match tokio::time::timeout(limit, self.process.watch.next()).await {
            Ok(Some(Ok(update))) => {
                if matches!(update.event, FeedEvent::Stored(_)) {
                    self.watched.push(update.sequence);
                }
            }
            end => self.fail(&format!("the watcher does not get what there is: {end:?}")),
        }
    }
}

fn ends_a_reconcile(input: &Input) -> bool {
    matches!(
        input,
        Input::Tws(TwsEvent::Reconciled { answers, .. }) if *answers == Answers::whole()
    )
}

/// What a future is ready with at once.
pub(super) fn now<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => Some(value),
        Poll::Pending => None,
    }
}
