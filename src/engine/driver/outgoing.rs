//! What leaves the engine: messages to TWS, the state of the link, numbers, last words.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::{Call, Driver, Fatal};
use crate::domain::Status;
use crate::engine::engine_state::Reconcile;
use crate::engine::link::LinkStatus;
use crate::error::{COULD_NOT_CONNECT, Error};
use crate::tws::TwsCommand;

impl Driver {
    pub(super) fn count_reconciles(&self, before: &Reconcile) {
        let Reconcile { failed, ended, .. } = &self.core.engine_state.reconcile;
        self.stats.reconcile_failures.add(failed - before.failed);
        if ended.0 > before.ended.0 {
            self.stats.reconcile_seconds.observe(ended.1.as_secs_f64());
        }
    }

    pub(super) fn count_move(&self, from: Option<Status>, to: Status) {
        self.stats.status_changes.of(to).add_one();
        if let Some(from) = from.filter(|from| !from.is_terminal()) {
            self.stats.open_orders.of(from).add(-1);
        }
        if !to.is_terminal() {
            self.stats.open_orders.of(to).add(1);
        }
    }

    /// Hands messages whose slot has come to the adapter.
    pub(in crate::engine) fn send(&mut self) -> Result<(), Fatal> {
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
    pub(super) fn show_link(&self) {
        let status = LinkStatus::of(&self.core, self.store_ok);
        let in_force = self.core.halts.count(&self.core.engine_state.halts);
        self.stats
            .risk
            .halts
            .set(i64::try_from(in_force).unwrap_or(i64::MAX));
        self.stats.tws_connected.set(i64::from(status.connected));
        self.stats.ib_connected.set(i64::from(status.ib_connected));
        self.stats.store_writable.set(i64::from(status.store_ok));
        self.link.send_if_modified(|known| {
            if *known == status {
                return false;
            }
            // What changes with every order or heartbeat wakes nobody, but for the first time of TWS.
            let wakes = LinkStatus {
                next_order_id: status.next_order_id,
                tws_time: known.tws_time.and(status.tws_time),
                ..known.clone()
            } != status;
            if known.connected != status.connected {
                self.feed.set_connected(status.connected);
            }
            *known = status;
            wakes
        });
    }

    /// Tells everybody who looks at the accounts what is known of them. What waits for the store may be about them.
    pub(super) fn show_accounts(&mut self) -> Result<(), Fatal> {
        let held_up = !self.retries.is_empty();
        let core = &self.core;
        if core.accounts.snapshot().held_up == held_up && !core.accounts.is_changed() {
            return Ok(());
        }
        let accounts = &mut self.core_mut()?.accounts;
        accounts.set_held_up(held_up);
        accounts.take_changed();
        let snapshot = Arc::clone(accounts.snapshot());
        self.stats.account_stale.set(i64::from(snapshot.is_stale()));
        self.accounts.send_replace(snapshot);
        Ok(())
    }

    /// Nobody is left without an answer: `begun` for those whose command may be stored, `unheard` for those nobody has looked at.
    pub(in crate::engine) fn answer_everybody(&mut self, begun: &Error, unheard: &Error) {
        self.calls.close();
        while let Ok(call) = self.calls.try_recv() {
            if let Call::PendingRequest { reply, .. } = call {
                let _ = reply.send(Err(unheard.clone()));
            }
        }
        for (_, reply) in self.callers.drain() {
            let _ = reply.send(Err(begun.clone()));
        }
    }

    /// Watches end, and nobody takes the last session for a living one.
    pub(in crate::engine) fn show_ended(&self) {
        self.feed.set_connected(false);
        self.feed.close();
        self.stats.tws_connected.set(0);
        self.stats.ib_connected.set(0);
        self.stats.account_stale.set(1);
        self.accounts
            .send_modify(|snapshot| Arc::make_mut(snapshot).held_up = true);
        self.link.send_modify(|link| {
            *link = LinkStatus {
                attempted: true,
                failure: Some(format!("{COULD_NOT_CONNECT}: the gateway has ended")),
                store_ok: link.store_ok,
                ..LinkStatus::default()
            };
        });
    }
}
