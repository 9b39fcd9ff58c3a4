//! What callers ask for, and what they are told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::World;
use crate::domain::{Caller, OrderKey};
use crate::engine::driver::Call;
use crate::engine::input::{Answer, Command};
use crate::engine::task_simulation::clients::{self, Purpose};
use crate::error::{Error, Reason};

/// How long a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);

impl World {
    pub(super) fn place_new(&mut self) {
        let request = clients::request(self.requests.len(), &mut self.random);
        self.requests.push(request);
        self.counts.requests += 1;
        self.place(self.requests.len() - 1);
    }

    pub(super) fn place_again(&mut self) {
        if !self.requests.is_empty() {
            let index = self.random.index(self.requests.len());
            self.place(index);
        }
    }

    pub(super) fn place(&mut self, index: usize) {
        let command = Command::Place(Arc::clone(&self.requests[index].command));
        self.call(index, Purpose::Place, command);
    }

    pub(super) fn reuse(&mut self) {
        if let Some(index) = self.acknowledged() {
            let command = Command::Place(clients::reused(&self.requests[index].command));
            self.call(index, Purpose::Reuse, command);
        }
    }

    pub(super) fn ask(&mut self, purpose: Purpose) {
        let Some(index) = self.acknowledged() else {
            return;
        };
        let request = &mut self.requests[index];
        let key = OrderKey::RequestId(request.command.request_id.clone());
        let command = if purpose == Purpose::Transmit {
            request.released = true;
            Command::Transmit(key)
        } else {
            request.cancelled = true;
            Command::Cancel(key)
        };
        self.call(index, purpose, command);
    }

    fn acknowledged(&mut self) -> Option<usize> {
        let answered: Vec<usize> = (0..self.requests.len())
            .filter(|index| self.requests[*index].order_id.is_some())
            .collect();
        (!answered.is_empty()).then(|| answered[self.random.index(answered.len())])
    }

    pub(super) fn call(&mut self, request: usize, purpose: Purpose, command: Command) {
        let (reply, answer) = oneshot::channel();
        let call = Call::PendingRequest {
            command,
            caller: Arc::new(Caller::LOCAL),
            deadline: self.time.lock().unwrap().monotonic + PATIENCE,
            reply,
        };
        if self.process.ends.calls.try_send(call).is_ok() {
            self.calls.push(clients::Call {
                request,
                purpose,
                answer,
            });
        }
    }

    pub(super) fn go_away(&mut self) {
        if !self.calls.is_empty() {
            let index = self.random.index(self.calls.len());
            self.calls.swap_remove(index);
        }
    }

    pub(super) async fn take_answers(&mut self) {
        // Of two who ask for the same at once, one may be refused and the other served.
        let mut waiting: HashMap<usize, usize> = HashMap::new();
        for call in &self.calls {
            *waiting.entry(call.request).or_default() += 1;
        }
        let mut index = 0;
        while index < self.calls.len() {
            match self.calls[index].answer.try_recv() {
                Err(oneshot::error::TryRecvError::Empty) => index += 1,
                Err(oneshot::error::TryRecvError::Closed) => {
                    self.calls.swap_remove(index);
                }
                Ok(outcome) => {
                    let call = self.calls.swap_remove(index);
                    match outcome {
                        Ok(answer) => self.answered(call.request, call.purpose, answer).await,
                        Err(error) => {
                            if self.trace {
                                println!(
                                    "{:?} of request {}: {error:?}",
                                    call.purpose, call.request
                                );
                            }
                            let alone = waiting.get(&call.request) == Some(&1);
                            self.refused(call.request, call.purpose, &error, alone)
                                .await;
                        }
                    }
                }
            }
        }
    }

    /// What a caller is told is on disk, and one request has one order.
    async fn answered(&mut self, request: usize, purpose: Purpose, answer: Answer) {
        let state = answer.state;
        self.expect(purpose != Purpose::Reuse, || {
            format!("another order was taken under {}", state.request_id)
        });
        let key = OrderKey::RequestId(self.requests[request].command.request_id.clone());
        let stored = self.process.store.reader().get(key).await.unwrap();
        let known = stored.is_some_and(|detail| {
            detail.order.order_id == state.order_id && detail.order.sequence >= state.sequence
        });
        self.expect(known, || format!("an answer is not on disk: {state:?}"));
        let first = *self.requests[request]
            .order_id
            .get_or_insert(state.order_id);
        self.expect(first == state.order_id, || {
            format!(
                "request {} made orders {first} and {}",
                state.request_id, state.order_id
            )
        });
    }

    /// An error of Place promises that there is no order.
    async fn refused(&mut self, request: usize, purpose: Purpose, error: &Error, alone: bool) {
        match purpose {
            Purpose::Place => {
                let promised = matches!(
                    error.reason,
                    Reason::TwsUnavailable
                        | Reason::IbUnavailable
                        | Reason::Pacing
                        | Reason::Store
                        | Reason::ShuttingDown
                ) || is_refused_row(error);
                self.expect(promised, || format!("a place was answered {error:?}"));
                let key = OrderKey::RequestId(self.requests[request].command.request_id.clone());
                let stored = self.process.store.reader().get(key).await.unwrap();
                self.expect(stored.is_none() || !alone, || {
                    format!("{error:?} was answered, but stored is {stored:?}")
                });
            }
            Purpose::Reuse => {
                let right = matches!(
                    error.reason,
                    Reason::RequestIdReused | Reason::Store | Reason::ShuttingDown
                ) || is_refused_row(error);
                self.expect(right, || {
                    format!("a reused request id was answered {error:?}")
                });
            }
            Purpose::Transmit | Purpose::Cancel => {
                self.expect(error.reason != Reason::OrderNotFound, || {
                    format!("an acknowledged order is lost: {error:?}")
                });
            }
        }
    }
}

/// The store refused a row of the call, and with it all of it.
fn is_refused_row(error: &Error) -> bool {
    error.reason == Reason::Internal && error.message.contains("a row was refused")
}
