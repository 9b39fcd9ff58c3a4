//! What callers ask for, and what they are told.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{Request, World};
use crate::domain::{Caller, Limits, OrderKey, check};
use crate::engine::input::{Command, Input, Outcome, PendingRequest, PlaceCommand};
use crate::error::Reason;

impl World {
    pub(super) fn place_new(&mut self) {
        let number = self.requests.len();
        let order = json!({
            "action": "BUY", "symbol": "AAPL", "order_type": "LMT", "limit_price": 10,
            "quantity": 1 + self.random.below(9), "transmit": self.random.percent(75),
        });
        let order = check(order.into(), false, &Limits::default()).unwrap();
        let command = PlaceCommand {
            digest: order.digest(),
            order,
            request_id: format!("r{number}"),
            request_id_given: self.random.percent(80),
        };
        self.requests.push(Request {
            command: Arc::new(command),
            order_id: None,
        });
        self.ask_place(number);
    }

    /// The same request again; sometimes somebody reuses its id.
    pub(super) fn place_again(&mut self) {
        let given: Vec<usize> = (0..self.requests.len())
            .filter(|n| self.requests[*n].command.request_id_given)
            .collect();
        let Some(number) = self.random.pick(&given).copied() else {
            return;
        };
        if self.random.percent(20) {
            let mut other = PlaceCommand::clone(&self.requests[number].command);
            other.digest[0] ^= 1;
            // Refused where the id is known; else it never was a request of ours.
            if self.store.by_request.contains_key(&other.request_id) {
                let ask = self.ask(Command::Place(Arc::new(other)), None);
                let outcomes = self.process(vec![ask]);
                for (_, outcome) in outcomes {
                    if let Err(error) = outcome {
                        assert!(
                            matches!(error.reason, Reason::RequestIdReused | Reason::Store),
                            "{error:?}"
                        );
                    } else {
                        panic!("another order was answered under a known request id");
                    }
                }
            }
            return;
        }
        self.ask_place(number);
    }

    fn ask_place(&mut self, number: usize) {
        let command = Command::Place(Arc::clone(&self.requests[number].command));
        let ask = self.ask(command, Some(number));
        self.process(vec![ask]);
    }

    pub(super) fn change(&mut self) {
        let ids: Vec<i32> = self.store.orders.keys().rev().take(12).copied().collect();
        let Some(order_id) = self.random.pick(&ids).copied() else {
            return;
        };
        let key = OrderKey::OrderId(order_id);
        let command = if self.random.percent(60) {
            Command::Cancel(key)
        } else {
            Command::Transmit(key)
        };
        let ask = self.ask(command, None);
        self.process(vec![ask]);
    }

    fn ask(&mut self, what: Command, request: Option<usize>) -> Input {
        self.waiters += 1;
        self.callers.insert(self.waiters, request);
        let timeout = Duration::from_millis(self.random.below(5_000));
        Input::Request(PendingRequest {
            waiter: self.waiters,
            caller: Arc::new(Caller::LOCAL),
            deadline: self.now.monotonic + timeout,
            what,
        })
    }

    pub(super) fn told(&mut self, waiter: u64, outcome: &Outcome) {
        let request = self
            .callers
            .remove(&waiter)
            .expect("nobody is answered twice");
        if let Ok(answer) = outcome {
            let stored = self
                .store
                .orders
                .get(&answer.state.order_id)
                .expect("told before it was stored");
            assert!(
                stored.state.sequence >= answer.state.sequence,
                "shown before it was stored"
            );
            if let Some(number) = request {
                let request = &mut self.requests[number];
                assert_eq!(answer.state.request_id, request.command.request_id);
                let placed = &self.store.instructions[&stored.instruction];
                assert_eq!(placed.digest, Some(request.command.digest));
                if let Some(known) = request.order_id {
                    assert_eq!(known, answer.state.order_id, "one request, two orders");
                }
                request.order_id = Some(answer.state.order_id);
            }
        }
    }
}
