//! What reaches the engine: callers, TWS, timers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::retry::Gathered;
use super::{BATCH_MAX, Call, Driver, Fatal, Inspect, OUTBOX_DELAY};
use crate::engine::halts::HaltChange;
use crate::engine::input::{Input, PendingRequest};
use crate::engine::journaling::news;
use crate::tws::{SendKind, Sent, TwsEvent};

impl Driver {
    /// Waits until there is something to do, and takes all of it.
    pub(in crate::engine) async fn gather(&mut self) -> Result<Gathered, Fatal> {
        let now = self.clock.now();
        let mut inputs = self.core_mut()?.due(now);
        let mut events = Vec::new();
        let mut calls = Vec::new();
        let retry_is_due = self.retries.due().is_some_and(|due| due <= now.monotonic);
        if inputs.is_empty() && !retry_is_due {
            let wake = self.wake(now.monotonic);
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
                () = news(&mut self.journal) => {}
                () = tokio::time::sleep_until(self.clock.instant(wake).into()) => {}
            }
        }
        self.look_at_journal()?;
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
        if self.retries.is_empty() {
            inputs.extend(events);
        } else {
            self.retries.behind(events);
        }
        if inputs.iter().any(|input| matches!(input, Input::Tick)) {
            inputs.extend(self.gone());
        }
        for call in calls {
            self.take(call, &mut inputs);
        }
        // Who has gone away before anything was stored has asked for nothing.
        inputs.retain(|input| match input {
            Input::Request(ask) => {
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
        self.stats
            .callers_waiting
            .set(i64::try_from(self.callers.len()).unwrap_or(i64::MAX));
        Ok(self.with_retries(inputs))
    }

    /// Callers who went away since the last look, after their command was stored.
    fn gone(&mut self) -> Option<Input> {
        let gone: BTreeSet<u64> = self
            .callers
            .extract_if(|_, reply| reply.is_closed())
            .map(|(waiter, _)| waiter)
            .collect();
        (!gone.is_empty()).then(|| Input::Gone(Arc::new(gone)))
    }

    fn wake(&self, now: Duration) -> Duration {
        let at = crate::engine::clocks::Clocks {
            wall_time: crate::domain::Timestamp::default(),
            monotonic: now,
        };
        let mut wake = if self.outbox.is_empty() {
            self.core.next_wake(at)
        } else {
            now + OUTBOX_DELAY
        };
        for due in [self.retries.due(), self.core.audit.due_at()] {
            wake = due.map_or(wake, |due| wake.min(due));
        }
        if let Some(until) = self.closing {
            wake = wake.min(until);
        }
        wake
    }

    fn take(&mut self, call: Call, inputs: &mut Vec<Input>) {
        match call {
            Call::PendingRequest {
                command,
                caller,
                deadline,
                reply,
            } => {
                self.waiters += 1;
                self.callers.insert(self.waiters, reply);
                inputs.push(Input::Request(PendingRequest {
                    waiter: self.waiters,
                    caller,
                    deadline,
                    what: command,
                }));
            }
            Call::Inspect(Inspect(look)) => look(&self.core, self.clock.now()),
            Call::Limits(limits) => inputs.push(Input::Limits(limits)),
            Call::Halt {
                change,
                caller,
                reply,
            } => {
                // What is lifted here and not in the journal would be in force again on another machine.
                if matches!(change, HaltChange::Lift { .. })
                    && let Some(error) = self.core.journal.refusal(self.clock.now())
                {
                    let _ = reply.send(Err(error));
                    return;
                }
                self.waiters += 1;
                let waiter = self.waiters;
                self.halting.insert(waiter, reply);
                // In force at once, whatever the disk says.
                if let HaltChange::Add(halt) = &change
                    && let Ok(core) = self.core_mut()
                {
                    core.halts.unstored.push(halt.clone());
                }
                inputs.push(Input::Halt {
                    change,
                    caller: Some(caller),
                    waiter,
                });
            }
            Call::HaltFile(why) => {
                if let Ok(core) = self.core_mut() {
                    core.halts.file = why;
                }
                self.answer_halt(0, true);
                inputs.push(Input::HaltFile);
            }
            Call::Audit(record) => inputs.push(Input::Audit(record)),
            Call::Close { grace } => {
                let until = self.clock.monotonic() + grace;
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
            TwsEvent::ConnectFailed(_) => self.stats.tws_connect_failures.add_one(),
            TwsEvent::Unreadable { .. } => self.stats.tws_unreadable.add_one(),
            _ => {}
        }
    }
}
