//! Brackets: an entry and its exits, placed all or not at all.
//!
//! The orders are stored together. Their frames leave one behind the other, each answered by a barrier before the next, and only the last one transmits: it
//! releases the family. What breaks before that ends every order of it. What breaks after it never takes the stop from a position.

use std::time::Duration;

use rust_decimal::Decimal;

use super::super::batch::{Effect, Row, Write};
use super::super::engine_state::{FamilySend, FamilyStage};
use super::super::input::{BracketCommand, PendingRequest};
use super::super::live_order::{Cancelling, LiveOrder, OrderRuntime, Purpose, Submission};
use super::super::risk::Counted;
use super::super::rows::Stop;
use super::Step;
use super::limits::warnings;
use super::replace::request_id_reused;
use crate::domain::lifecycle::{self, TrackedOrder};
use crate::domain::limits::Proposal;
use crate::domain::{
    Instruction, InstructionKind, Order, OrderIdentity, OrderRecord, OrderState, Pricing, Status,
};
use crate::error::{Error, Reason};

/// Orders of a bracket at most.
const ORDERS_MAX: i32 = 3;
/// TWS refuses a child whose parent it has not taken in yet (10006): so long the first child waits behind the answered barrier of the entry.
const PARENT_PAUSE: Duration = Duration::from_millis(50);
/// Frames and barriers of a family beyond its first frame, at most.
const FRAMES_BEHIND_FIRST: usize = 4;
/// TWS ends the children of an entry that ended unfilled by itself, within this time.
const CHILDREN_END_AFTER: i64 = 2_000_000;
/// So long a position may stand without its stop before that is said: TWS moves the sizes of the exits by itself.
const UNCOVERED_MAX: Duration = Duration::from_secs(5);

impl Step<'_> {
    /// As for a Place; then every order of the bracket is stored, and the family is queued as one.
    pub(super) fn place_bracket(
        &mut self,
        ask: &PendingRequest,
        command: &BracketCommand,
    ) -> Result<(), Stop> {
        if command.request_id_given {
            let known = match self.known_request(&command.request_id) {
                Some(order_id) => self.find(order_id)?.then_some(order_id),
                None => match self.find_instruction(&command.request_id)? {
                    None => None,
                    Some(Instruction {
                        kind: InstructionKind::PlaceBracket,
                        order_id: Some(order_id),
                        ..
                    }) => self.find(order_id)?.then_some(order_id),
                    Some(_) => {
                        self.refuse(ask, request_id_reused(&command.request_id));
                        return Ok(());
                    }
                },
            };
            if let Some(order_id) = known {
                let known = self.digest_of(order_id, &command.request_id)?;
                self.again(ask, &command.request_id, command.digest, order_id, known);
                return Ok(());
            }
        }
        let caller = ask.caller.key();
        if !self.trading(ask, "") || !self.not_before_restart(ask) {
            return Ok(());
        }
        let Some(session) = self.session_for_risk(ask) else {
            return Ok(());
        };
        let entry = command.bracket.entry();
        let accounts = &session.info.accounts;
        let account = match entry.account_for(accounts, &self.core.settings.limits) {
            Ok(account) => account,
            Err(violations) => {
                self.refuse(ask, violations.into());
                return Ok(());
            }
        };
        if !self.trading(ask, &account) {
            return Ok(());
        }
        let proposal = Proposal::bracket(&command.bracket, &account, caller);
        let Some(verdict) = self.within_limits(ask, &proposal) else {
            return Ok(());
        };
        if !self.slot_for_behind(ask, FRAMES_BEHIND_FIRST) || !self.ids_are_known(ask) {
            return Ok(());
        }
        let orders: Vec<&Order> = std::iter::once(entry)
            .chain(command.bracket.exits())
            .collect();
        let mut ids = Vec::new();
        for _ in &orders {
            let Some(order_id) = self.take_order_id(ask) else {
                return Ok(());
            };
            ids.push(order_id);
        }
        let bracket_id = ids[0];
        self.instructed(&proposal);
        self.batch.engine_state.instruction += 1;
        let instruction = self.batch.engine_state.instruction;
        for (at, (order, order_id)) in orders.into_iter().zip(&ids).enumerate() {
            let is_entry = *order_id == bracket_id;
            let identity = OrderIdentity {
                order_id: *order_id,
                client_id: self.core.settings.client_id,
                account: account.clone(),
                // The request id places the entry; its exits have none.
                request_id: if is_entry {
                    command.request_id.clone()
                } else {
                    String::new()
                },
            };
            let mut state = OrderState::submitting(identity, order.request(), self.now.wall_time);
            state.transmit = true;
            state.placed_by = ask.caller.stored_name();
            state.bracket_id = Some(bracket_id);
            state.parent_order_id = (!is_entry).then_some(bracket_id);
            let record = OrderRecord::new(state, instruction);
            let placed = record.placed();
            if is_entry {
                self.batch.rows.push(Row::Instruction(Box::new(Instruction {
                    id: instruction,
                    kind: InstructionKind::PlaceBracket,
                    state: placed,
                    request_id: Some(command.request_id.clone()),
                    digest: Some(command.digest),
                    caller: ask.caller.stored_name(),
                    order_id: Some(bracket_id),
                    limits_hash: self.batch.engine_state.limits_hash.clone(),
                    created_at: self.now.wall_time,
                })));
            }
            let live = LiveOrder {
                order: TrackedOrder::new(record),
                runtime: OrderRuntime {
                    digest: is_entry.then_some(command.digest),
                    placed: Some(placed),
                    submission: Submission::Queued,
                    holds_family: true,
                    counted: Counted::at(verdict.unit_values.get(at).copied().flatten()),
                    ..OrderRuntime::default()
                },
            };
            self.touch(live, Write::Insert);
            self.changed(*order_id);
        }
        self.batch.engine_state.queued += ids.len() + FRAMES_BEHIND_FIRST;
        self.effect(Effect::QueueFamily(ids));
        let purpose = Purpose::Place { replayed: false };
        self.wait_warned(ask, bracket_id, purpose, warnings(&verdict));
        Ok(())
    }

    /// A barrier behind one of a family's frames was answered: the next may go.
    pub(super) fn family_barrier_answered(&mut self, token: u64) {
        let now = self.now.monotonic;
        if let Some(family) = &mut self.batch.engine_state.family
            && family.stage == FamilyStage::Barrier(token)
        {
            let pause = if family.next == 1 {
                PARENT_PAUSE
            } else {
                Duration::ZERO
            };
            family.stage = FamilyStage::Ready(now + pause);
        }
    }

    /// TWS does not say whether it has read one of a family's frames: nothing more of it is sent.
    pub(super) fn family_barrier_unanswered(&mut self, token: u64) -> Result<(), Stop> {
        let bracket_id = self
            .batch
            .engine_state
            .family
            .as_ref()
            .filter(|family| family.stage == FamilyStage::Barrier(token))
            .and_then(|family| family.legs.first().copied());
        match bracket_id {
            Some(bracket_id) => self.abort_family(bracket_id, "TWS does not answer"),
            None => Ok(()),
        }
    }

    /// Ends every order of a family that is not released: those that were sent by their ids, the others are not sent.
    pub(super) fn abort_family(&mut self, bracket_id: i32, why: &str) -> Result<(), Stop> {
        let legs = self.legs_of(bracket_id)?;
        tracing::warn!(
            bracket_id,
            why,
            "a bracket was given up before it was released"
        );
        if self.is_family_under_way(bracket_id) {
            self.batch.engine_state.family = None;
        }
        self.effect(Effect::UnqueueFamily(bracket_id));
        let now = self.now.wall_time;
        for order_id in legs {
            let Some(entry) = self.entry(order_id) else {
                continue;
            };
            if entry.order.record.state.terminal {
                continue;
            }
            if entry.runtime.submission == Submission::Queued {
                entry.runtime.submission = Submission::Unknown;
                lifecycle::given_up_unsent(&mut entry.order, why, now);
                self.changed(order_id);
                self.settle(order_id);
            } else {
                self.request_cancel(order_id);
            }
        }
        Ok(())
    }

    /// Cancels an order for the gateway itself.
    fn request_cancel(&mut self, order_id: i32) {
        let now = self.now.wall_time;
        let connected = self.batch.engine_state.session.is_some();
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        if entry.is_over() {
            return;
        }
        let asked = lifecycle::cancel_requested(&mut entry.order, now);
        let queue = connected
            && matches!(
                entry.runtime.cancel,
                Cancelling::Idle | Cancelling::Verdict { .. }
            );
        if queue {
            entry.runtime.cancel = Cancelling::Queued;
        }
        if asked {
            self.changed(order_id);
        }
        if queue {
            self.batch.engine_state.queued += 1;
            self.effect(Effect::QueueCancel(order_id));
        }
    }

    /// A Cancel of an order of a bracket; false where nothing but the usual is to be done.
    pub(super) fn cancel_of_bracket(
        &mut self,
        ask: &PendingRequest,
        order_id: i32,
        with_sibling: bool,
    ) -> Result<bool, Stop> {
        let Some((bracket_id, over)) = self.entry(order_id).and_then(|entry| {
            let record = &entry.order.record;
            Some((record.state.bracket_id?, entry.is_over()))
        }) else {
            return Ok(false);
        };
        if over {
            return Ok(false);
        }
        let legs = self.legs_of(bracket_id)?;
        if !self.is_released(&legs) {
            if self.session_for(ask).is_none() {
                return Ok(true);
            }
            self.abort_family(bracket_id, "it was cancelled before it was released")?;
            let over = self.entry(order_id).is_some_and(|entry| entry.is_over());
            if over {
                self.answer(ask.waiter, order_id, Purpose::Cancel);
            } else {
                self.wait(ask, order_id, Purpose::Cancel);
            }
            return Ok(true);
        }
        let sibling = legs
            .iter()
            .copied()
            .filter(|leg| *leg != bracket_id && *leg != order_id && order_id != bracket_id)
            .find(|leg| self.entry(*leg).is_some_and(|entry| !entry.is_over()));
        if let Some(sibling) = sibling
            && !with_sibling
        {
            self.refuse(
                ask,
                Error::new(
                    Reason::OrderState,
                    format!(
                        "TWS ends both exits of a bracket when one is cancelled, and order {sibling} is the other: nothing was sent; cancel with_sibling to end both"
                    ),
                ),
            );
            return Ok(true);
        }
        Ok(false)
    }

    /// What follows for a bracket from the change of one of its orders.
    pub(super) fn bracket_changed(&mut self, order_id: i32) -> Result<(), Stop> {
        let Some((bracket_id, status, worked)) = self.entry(order_id).and_then(|entry| {
            let record = &entry.order.record;
            Some((record.state.bracket_id?, record.state.status, record.worked))
        }) else {
            return Ok(());
        };
        let refused = matches!(
            status,
            Status::Rejected | Status::Cancelled | Status::ApiCancelled
        );
        if !refused {
            return Ok(());
        }
        let legs = self.legs_of(bracket_id)?;
        if !self.is_released(&legs) {
            let others = legs.iter().any(|leg| {
                *leg != order_id
                    && self.batch.touched.get(leg).is_some_and(|touched| {
                        let state = &touched.entry.order.record.state;
                        !state.terminal && !state.cancel_requested
                    })
            });
            if others {
                let why = format!("order {order_id} of it was refused");
                self.abort_family(bracket_id, &why)?;
            }
        } else if status == Status::Rejected && !worked && order_id != bracket_id {
            // Its verdict says what filled: the other exit stays for that.
            tracing::error!(
                bracket_id,
                order_id,
                "an exit was refused after its bracket was released: the entry is cancelled"
            );
            self.request_cancel(bracket_id);
        }
        Ok(())
    }

    /// After a whole reconcile: a bracket of which TWS has shown nothing was not released, or it is not known whether it was. It never is later.
    pub(super) fn cancel_doubtful_brackets(&mut self) -> Result<(), Stop> {
        let entries = self.ids_where(|entry| {
            let record = &entry.order.record;
            record.state.bracket_id == Some(record.state.order_id)
                && !record.state.terminal
                && !record.acknowledged
                && !record.state.cancel_requested
                && entry.runtime.submission != Submission::Queued
        });
        for bracket_id in entries {
            if self.is_family_under_way(bracket_id) {
                continue;
            }
            let legs = self.legs_of(bracket_id)?;
            let session = self
                .batch
                .engine_state
                .session
                .as_ref()
                .map(|session| session.info.session);
            // Sent in this very session its word may still be on its way.
            let fresh = legs.iter().any(|leg| {
                self.batch.touched.get(leg).is_some_and(|touched| {
                    matches!(touched.entry.runtime.submission, Submission::InFlight { session: sent_in, .. } if Some(sent_in) == session)
                })
            });
            if !fresh && !self.is_released(&legs) {
                self.request_cancel(bracket_id);
            }
        }
        Ok(())
    }

    /// Each second: exits that outlive an entry that never filled are cancelled, and a position without its stop is said.
    pub(super) fn watch_brackets(&mut self) -> Result<(), Stop> {
        let exits = self.ids_where(|entry| {
            entry.order.record.state.parent_order_id.is_some() && !entry.is_over()
        });
        let mut brackets: Vec<i32> = Vec::new();
        for exit in exits {
            self.find(exit)?;
            let bracket_id = self
                .entry(exit)
                .and_then(|entry| entry.order.record.state.bracket_id);
            brackets.extend(bracket_id);
        }
        brackets.extend(self.ids_where(|entry| entry.runtime.holds_family));
        brackets.sort_unstable();
        brackets.dedup();
        // Lookups first.
        for bracket_id in &brackets {
            self.legs_of(*bracket_id)?;
        }
        for bracket_id in brackets {
            self.watch_bracket(bracket_id)?;
        }
        Ok(())
    }

    fn watch_bracket(&mut self, bracket_id: i32) -> Result<(), Stop> {
        let now = self.now;
        let legs = self.legs_of(bracket_id)?;
        let states: Vec<OrderState> = legs
            .iter()
            .filter_map(|leg| self.batch.touched.get(leg))
            .map(|touched| touched.entry.order.record.state.clone())
            .collect();
        let Some(entry) = states.iter().find(|state| state.order_id == bracket_id) else {
            return Ok(());
        };
        let exits: Vec<&OrderState> = states
            .iter()
            .filter(|state| state.order_id != bracket_id)
            .collect();
        let open: Vec<i32> = exits
            .iter()
            .filter(|state| !state.terminal)
            .map(|state| state.order_id)
            .collect();
        let ended_unfilled = entry.terminal
            && entry.filled.is_zero()
            && entry.status != Status::Inactive
            && entry.last_update.unix_micros() + CHILDREN_END_AFTER <= now.wall_time.unix_micros();
        let exposed = exits.iter().fold(entry.filled.value(), |left, exit| {
            left - exit.filled.value()
        });
        let stop = exits.iter().find(|state| {
            matches!(
                state.terms.pricing,
                Pricing::Stop { .. } | Pricing::StopLimit { .. }
            )
        });
        let covered = stop.map(|state| {
            if state.terminal {
                Decimal::ZERO
            } else {
                state.remaining.value()
            }
        });
        let uncovered = covered.is_some_and(|covered| exposed > covered);
        let keep = !open.is_empty() || uncovered;
        let Some(live) = self.entry(bracket_id) else {
            return Ok(());
        };
        if !uncovered {
            live.runtime.uncovered_since = None;
        }
        let since = uncovered.then(|| *live.runtime.uncovered_since.get_or_insert(now.monotonic));
        let incomplete = since.is_some_and(|since| since + UNCOVERED_MAX <= now.monotonic);
        let state = &mut live.order.record.state;
        if state.bracket_incomplete != incomplete {
            state.bracket_incomplete = incomplete;
            if incomplete {
                tracing::error!(
                    bracket_id,
                    "more of a bracket's entry has filled than a working stop covers: look at the position"
                );
                self.batch.engine_state.brackets_incomplete += 1;
            }
            self.changed(bracket_id);
        }
        for leg in &legs {
            if let Some(entry) = self.entry(*leg) {
                entry.runtime.holds_family = keep;
            }
        }
        if ended_unfilled {
            for order_id in open {
                let asked = self
                    .entry(order_id)
                    .is_some_and(|entry| entry.order.record.state.cancel_requested);
                if !asked {
                    self.request_cancel(order_id);
                }
            }
        }
        Ok(())
    }

    /// Looks up the orders of the bracket that an order belongs to.
    pub(super) fn load_bracket(&mut self, order_id: i32) -> Result<(), Stop> {
        let bracket_id = self
            .entry(order_id)
            .and_then(|entry| entry.order.record.state.bracket_id);
        match bracket_id {
            Some(bracket_id) => self.legs_of(bracket_id).map(drop),
            None => Ok(()),
        }
    }

    /// The orders of a bracket, looked up: their ids follow each other.
    fn legs_of(&mut self, bracket_id: i32) -> Result<Vec<i32>, Stop> {
        let mut legs = Vec::new();
        for order_id in bracket_id..bracket_id.saturating_add(ORDERS_MAX) {
            if self.find(order_id)?
                && self
                    .entry(order_id)
                    .is_some_and(|entry| entry.order.record.state.bracket_id == Some(bracket_id))
            {
                legs.push(order_id);
            }
        }
        Ok(legs)
    }

    /// Whether the frame that releases a family has been given to the adapter, or TWS has shown one of its orders.
    fn is_released(&self, legs: &[i32]) -> bool {
        let of = |leg: &i32| {
            self.batch
                .touched
                .get(leg)
                .map(|touched| &touched.entry)
                .or_else(|| self.core.cache.get(*leg))
        };
        let shown = legs
            .iter()
            .filter_map(of)
            .any(|entry| entry.order.record.acknowledged);
        let last_left = legs
            .last()
            .and_then(of)
            .is_some_and(|entry| matches!(entry.runtime.submission, Submission::InFlight { .. }));
        shown || (last_left && legs.len() > 1)
    }

    fn is_family_under_way(&self, bracket_id: i32) -> bool {
        self.batch
            .engine_state
            .family
            .as_ref()
            .is_some_and(|family: &FamilySend| family.legs.first() == Some(&bracket_id))
    }
}
