//! What callers ask for, and what they are told.

use std::collections::HashMap;
use std::time::Duration;

use ibkr_orders::domain::{Amount, OrderKey, OrderState, ReplacementStatus, TermsChange};
use ibkr_orders::error::{Error, Reason};
use ibkr_orders::internals::{Offer, Replied};

use super::World;
use crate::simulation::requests::{self, Call, Change, Purpose, Request};

/// How long a caller waits.
const TIMEOUT: Duration = Duration::from_secs(5);

impl World {
    pub(super) fn place_new(&mut self) {
        let request = Request::new(self.requests.len(), &mut self.random);
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
        let offer = self.requests[index].offer();
        self.call(index, Purpose::Place, offer);
    }

    pub(super) fn reuse(&mut self) {
        if let Some(index) = self.acknowledged() {
            let offer = requests::reused(&self.requests[index].id);
            self.call(index, Purpose::Reuse, offer);
        }
    }

    pub(super) fn ask(&mut self, purpose: Purpose) {
        let Some(index) = self.acknowledged() else {
            return;
        };
        let leg = self.a_leg(index);
        let request = &mut self.requests[index];
        let key = OrderKey::OrderId(leg);
        let offer = if purpose == Purpose::Transmit {
            request.released = true;
            Offer::Transmit(key)
        } else {
            request.cancelled = true;
            if request.order_id != Some(leg) && self.random.percent(70) {
                Offer::CancelWithSibling(key)
            } else {
                Offer::Cancel(key)
            }
        };
        self.call(index, purpose, offer);
    }

    /// One of the orders of a request.
    fn a_leg(&mut self, index: usize) -> i32 {
        let request = &self.requests[index];
        let first = request.order_id.expect("it was acknowledged");
        let legs = u64::try_from(request.size()).unwrap();
        first + i32::try_from(self.random.below(legs)).unwrap()
    }

    /// Somebody changes an order.
    pub(super) fn ask_change(&mut self) {
        let Some(index) = self.acknowledged() else {
            return;
        };
        let order_id = self.a_leg(index);
        // Mostly of one that works: of the others there are enough.
        if !self.tws.works(order_id) && self.random.percent(70) {
            return;
        }
        let is_bracket = self.requests[index].bracket().is_some();
        let is_stop = is_bracket && self.is_stop(index, order_id);
        let price = Amount::from(70 + self.random.below(60).cast_signed());
        let quantity = Amount::from(1 + self.random.below(400).cast_signed());
        let change = match self.random.below(3) {
            0 if !is_bracket => TermsChange {
                quantity: Some(quantity),
                ..TermsChange::default()
            },
            _ if is_stop => TermsChange {
                stop_price: Some(price),
                ..TermsChange::default()
            },
            _ => TermsChange {
                limit_price: Some(price),
                ..TermsChange::default()
            },
        };
        let at = self.requests[index].changes.len();
        let id = format!("{}-change-{at}", self.requests[index].id);
        self.requests[index].changes.push(Change {
            id: id.clone(),
            order_id,
            change,
            refused: false,
        });
        self.counts.changes.0 += 1;
        let offer = Offer::Replace(OrderKey::OrderId(order_id), change, id);
        self.call(index, Purpose::Replace(at), offer);
    }

    fn is_stop(&self, index: usize, order_id: i32) -> bool {
        let request = &self.requests[index];
        let stop = request
            .bracket()
            .is_some_and(|bracket| bracket.stop_loss().is_some());
        // The stop is the last one.
        stop && request.order_id.map(|first| first + request.size() - 1) == Some(order_id)
    }

    /// The same change again.
    pub(super) fn ask_change_again(&mut self) {
        let changed: Vec<usize> = (0..self.requests.len())
            .filter(|index| !self.requests[*index].changes.is_empty())
            .collect();
        let Some(index) = self.random.pick(&changed).copied() else {
            return;
        };
        let at = self.random.index(self.requests[index].changes.len());
        let change = &mut self.requests[index].changes[at];
        // A request that was refused was never one.
        change.refused = false;
        let key = OrderKey::OrderId(change.order_id);
        let offer = Offer::Replace(key, change.change, change.id.clone());
        self.call(index, Purpose::Replace(at), offer);
    }

    pub(super) fn preview(&mut self) {
        self.previews += 1;
        let order = requests::previewed(&mut self.random);
        let offer = Offer::Preview(order, format!("preview-{}", self.previews));
        self.previewing
            .extend(self.process.engine.ask(offer, TIMEOUT));
    }

    pub(super) fn halt(&mut self) {
        self.halting
            .extend(self.process.engine.halt("the simulation says so"));
    }

    pub(super) fn resume(&mut self) {
        self.halting.extend(self.process.engine.resume());
        // Until somebody halts again new orders may leave.
        self.halted = false;
    }

    fn acknowledged(&mut self) -> Option<usize> {
        let answered: Vec<usize> = (0..self.requests.len())
            .filter(|index| self.requests[*index].order_id.is_some())
            .collect();
        self.random.pick(&answered).copied()
    }

    fn call(&mut self, request: usize, purpose: Purpose, offer: Offer) {
        if let Some(answer) = self.process.engine.ask(offer, TIMEOUT) {
            self.calls.push(Call {
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
        self.take_halts();
        let mut index = 0;
        while index < self.previewing.len() {
            match self.previewing[index].take() {
                Replied::Waits => {
                    index += 1;
                    continue;
                }
                Replied::Order(_, verdict) => {
                    self.expect(verdict.is_some(), || {
                        "a preview was answered without a verdict".to_owned()
                    });
                    self.counts.previews += 1;
                }
                Replied::Refused(_) | Replied::Never => {}
                other @ Replied::Halts(..) => self.fail(&format!("a preview: {other:?}")),
            }
            self.previewing.swap_remove(index);
        }
        // Of two who ask for the same at once, one may be refused and the other served.
        let mut waiting: HashMap<usize, usize> = HashMap::new();
        for call in &self.calls {
            *waiting.entry(call.request).or_default() += 1;
        }
        let mut index = 0;
        while index < self.calls.len() {
            let replied = self.calls[index].answer.take();
            if matches!(replied, Replied::Waits) {
                index += 1;
                continue;
            }
            let call = self.calls.swap_remove(index);
            match replied {
                Replied::Order(state, _) => {
                    self.answered(call.request, &call.purpose, *state).await
                }
                Replied::Refused(error) => {
                    if self.trace {
                        println!("{:?} of {}: {error:?}", call.purpose, call.request);
                    }
                    let alone = waiting.get(&call.request) == Some(&1);
                    self.refused(call.request, &call.purpose, &error, alone)
                        .await;
                }
                Replied::Waits | Replied::Never => {}
                other @ Replied::Halts(..) => self.fail(&format!("a call: {other:?}")),
            }
        }
    }

    fn take_halts(&mut self) {
        let mut halting = std::mem::take(&mut self.halting);
        halting.retain_mut(|reply| match reply.take() {
            Replied::Waits => true,
            Replied::Halts(halts, persisted) => {
                self.halted = !halts.is_empty();
                self.halt_stored = persisted;
                self.counts.halts += halts.len();
                false
            }
            Replied::Order(..) | Replied::Refused(_) | Replied::Never => false,
        });
        self.halting.append(&mut halting);
    }

    /// What a caller is told is stored, and one request has one order.
    async fn answered(&mut self, request: usize, purpose: &Purpose, state: OrderState) {
        self.expect(*purpose != Purpose::Reuse, || {
            format!("another order was taken under {}", state.request_id)
        });
        let stored = self.stored(OrderKey::OrderId(state.order_id)).await;
        let known = stored.is_some_and(|stored| stored.sequence >= state.sequence);
        self.expect(known, || format!("an answer is not stored: {state:?}"));
        match purpose {
            Purpose::Place => {
                let key = OrderKey::RequestId(self.requests[request].id.clone());
                let stored = self.stored(key).await;
                self.expect(
                    stored.is_some_and(|stored| stored.order_id == state.order_id),
                    || format!("an answer is not of its request: {state:?}"),
                );
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
            Purpose::Replace(at) => {
                let change = &self.requests[request].changes[*at];
                let of_this = state
                    .replacement
                    .as_ref()
                    .filter(|last| last.request_id == change.id);
                let accepted =
                    of_this.is_some_and(|last| last.status == ReplacementStatus::Accepted);
                self.counts.changes.1 += usize::from(accepted);
            }
            Purpose::Reuse | Purpose::Transmit | Purpose::Cancel => {}
        }
    }

    /// An error of Place promises that there is no order, one of Replace that there is no change.
    async fn refused(&mut self, request: usize, purpose: &Purpose, error: &Error, alone: bool) {
        let never_begun = matches!(
            error.reason,
            Reason::TwsUnavailable
                | Reason::IbUnavailable
                | Reason::Pacing
                | Reason::Store
                | Reason::Halted
                | Reason::ShuttingDown
        ) || is_refused_row(error);
        match purpose {
            Purpose::Place => {
                self.expect(never_begun, || format!("a place was answered {error:?}"));
                let key = OrderKey::RequestId(self.requests[request].id.clone());
                let stored = self.stored(key).await;
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
            Purpose::Replace(at) => {
                let right = never_begun
                    || matches!(
                        error.reason,
                        Reason::OrderState | Reason::InstructionPending | Reason::OrderInvalid
                    );
                self.expect(right, || format!("a change was answered {error:?}"));
                if alone {
                    self.requests[request].changes[*at].refused = true;
                }
            }
        }
    }
}

/// The store refused a row of the call, and with it all of it.
fn is_refused_row(error: &Error) -> bool {
    error.reason == Reason::Internal && error.message.contains("a row was refused")
}
