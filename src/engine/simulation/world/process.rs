//! The process around the core: it commits as the driver does, runs out of room, and dies.

use std::time::Duration;

use super::{World, settings};
use crate::engine::batch::Batch;
use crate::engine::core::Core;
use crate::engine::input::{Input, Outcome};
use crate::engine::rows::{NoRows, Stop};
use crate::tws::TwsCommand;

impl World {
    /// Commits inputs as the driver does, and carries out what comes of them. Answers what callers were told.
    pub(in crate::engine) fn process(&mut self, inputs: Vec<Input>) -> Vec<(u64, Outcome)> {
        if inputs.is_empty() {
            self.flush();
            return Vec::new();
        }
        let mut batch = Batch::new(&self.core.engine_state);
        let mut rows = &self.store;
        for input in &inputs {
            match self.core.step(&mut batch, input, &mut NoRows, self.now) {
                Ok(()) => {}
                Err(Stop::NeedsRows) => {
                    let again = self.core.step(&mut batch, input, &mut rows, self.now);
                    assert!(again.is_ok(), "{again:?}");
                }
                Err(Stop::Store(error)) => panic!("{error}"),
            }
        }
        if !self.calm && batch.writes() {
            if self.random.percent(1) {
                if self.random.percent(50) {
                    self.store.write(&batch);
                }
                drop(batch);
                self.crash();
                return Vec::new();
            }
            if self.random.percent(2) {
                return self.no_room(inputs);
            }
        }
        self.store.write(&batch);
        let out = self.core.commit(batch, self.now);
        self.shown.extend(out.events);
        for (waiter, outcome) in &out.replies {
            self.told(*waiter, outcome);
        }
        self.to_tws.extend(out.commands);
        self.flush();
        out.replies
    }

    fn no_room(&mut self, inputs: Vec<Input>) -> Vec<(u64, Outcome)> {
        for input in inputs {
            match input {
                Input::Request(ask) => {
                    self.callers.remove(&ask.waiter);
                }
                other => self.retry_queue.push(other),
            }
        }
        // What TWS says next comes after what is to be retried.
        while let Some(event) = self.tws.says.pop_front() {
            self.retry_queue.push(Input::Tws(event));
        }
        Vec::new()
    }

    fn flush(&mut self) {
        let room = if self.calm {
            1_000
        } else {
            self.random.index(20)
        };
        for handed in self.core.flush(self.now, room) {
            if let TwsCommand::Place { ticket, .. } = &handed.command {
                assert!(
                    self.store.orders.contains_key(&ticket.order_id),
                    "sent before it was stored"
                );
            }
            self.to_tws.push_back(handed.command);
        }
    }

    /// The process is killed, and another one starts on what is stored.
    pub(super) fn crash(&mut self) {
        self.tws.disconnect(&mut self.random, &mut self.to_tws);
        self.to_tws.clear();
        self.tws.says.clear();
        self.retry_queue.clear();
        self.callers.clear();
        self.shown.clear();
        self.store.check();
        self.core = Core::new(settings(), self.store.found());
        // Time goes on; the new process counts its own.
        self.now.monotonic = Duration::ZERO;
    }
}
