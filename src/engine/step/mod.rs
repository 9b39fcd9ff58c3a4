//! One input applied to a batch: synchronous, no clock, no socket, no disk.
//!
//! A step looks everything up first ([`Step::find`] and its like may say [`Stop::NeedsRows`]) and changes things after that, so
//! that it can be done again on the store's thread as if it had not begun.

mod account;
mod audit;
mod bracket;
mod cancel;
mod discard;
mod find;
mod halt;
mod ids;
mod instruction;
mod judge;
mod limits;
mod own_halt;
mod place;
mod preview;
mod reconcile;
mod replace;
mod report;
mod session;
mod transmit;
mod unknown;
mod waiting;

use std::sync::Arc;
use std::time::Duration;

pub(super) use discard::is_discarded;
pub(super) use ids::ids_unknown;
pub(crate) use replace::terms_for;
pub(super) use replace::{NOBODY, not_shown};
pub(crate) use session::is_paper;

use super::batch::{Batch, Effect, Row, Write};
use super::clocks::Clocks;
use super::core::Core;
use super::engine_state::Session;
use super::input::{Command, Input, Outcome, PendingRequest};
use super::rows::{Rows, Stop};
use crate::domain::{AuditRecord, EventKind, Fill, LinkChange, LinkState, StoredEvent};
use crate::error::{Error, Reason};

/// One input and what it works on.
pub(super) struct Step<'a> {
    pub(super) core: &'a Core,
    pub(super) batch: &'a mut Batch,
    pub(super) rows: &'a mut dyn Rows,
    pub(super) now: Clocks,
}

impl Step<'_> {
    /// Applies it.
    pub(super) fn take(mut self, input: &Input) -> Result<(), Stop> {
        match input {
            Input::Request(ask) => match &ask.what {
                Command::Place(command) => self.place(ask, command),
                Command::Transmit(command) => self.transmit(ask, command),
                Command::Replace(command) => self.replace(ask, command),
                Command::Cancel(command) => self.cancel(ask, command, false),
                Command::CancelWithSibling(command) => self.cancel(ask, command, true),
                Command::PlaceBracket(command) => self.place_bracket(ask, command),
                Command::Preview(command) => {
                    self.preview(ask, command);
                    Ok(())
                }
                Command::Refused(refused) => {
                    self.batch.engine_state.refusals.left_out += refused.left_out_before;
                    self.refuse(ask, refused.error.clone());
                    Ok(())
                }
            },
            Input::Tws(event) => self.tws(event),
            Input::Expired { waiter, order_id } => self.expired(*waiter, *order_id),
            Input::Gone(waiters) => self.gone(waiters),
            Input::Limits(limits) => {
                self.take_limits(limits);
                Ok(())
            }
            Input::Halt {
                change,
                caller,
                waiter,
            } => self.halt(change, caller.as_deref(), *waiter),
            Input::HaltFile => self.halt_file(),
            Input::HoldBack => {
                let halts = Arc::clone(&self.batch.engine_state.halts);
                self.hold_back(&halts)
            }
            Input::Audit(record) => {
                self.batch.audit.push(AuditRecord::clone(record));
                Ok(())
            }
            Input::Tick => self.tick(),
            Input::ReportsDropped => {
                self.ask_account_anew();
                self.reconcile_after(Duration::ZERO);
                Ok(())
            }
            Input::Closing => {
                self.closing();
                Ok(())
            }
            Input::CloseNow => self.close_now(),
        }
    }

    /// An order's state has changed: its row is written and its event shown.
    fn changed(&mut self, order_id: i32) {
        let Some(touched) = self.batch.touched.get_mut(&order_id) else {
            return;
        };
        if touched.write == Write::Nothing {
            touched.write = Write::Update;
        }
        self.batch.engine_state.sequence += 1;
        let state = &mut touched.entry.order.record.state;
        state.sequence = self.batch.engine_state.sequence;
        let event = StoredEvent {
            sequence: state.sequence,
            order_id,
            kind: EventKind::Order(state.clone()),
        };
        self.batch.rows.push(Row::Event(Arc::new(event)));
        self.count(order_id);
        self.count_verdict(order_id);
        self.follow_instructions(order_id);
    }

    fn filled(&mut self, order_id: i32, fill: Fill) {
        self.batch.engine_state.sequence += 1;
        let event = StoredEvent {
            sequence: self.batch.engine_state.sequence,
            order_id,
            kind: EventKind::Fill(fill),
        };
        self.batch.rows.push(Row::Event(Arc::new(event)));
    }

    fn effect(&mut self, effect: Effect) {
        self.batch.effects.push(effect);
    }

    fn reply(&mut self, waiter: u64, outcome: Outcome) {
        self.effect(Effect::Reply(waiter, outcome));
    }

    fn refuse(&mut self, ask: &PendingRequest, error: Error) {
        self.audit_refusal(ask, &error);
        self.reply(ask.waiter, Err(error));
    }

    fn link(&mut self, state: LinkState, text: String) {
        let peer = self.core.settings.peer.clone();
        self.effect(Effect::Link(LinkChange { state, peer, text }));
    }

    /// Puts an order in the queue; behind a staged one a barrier goes.
    fn queue_place(&mut self, order_id: i32, staged: bool) {
        let engine_state = &mut self.batch.engine_state;
        engine_state.queued += 1;
        engine_state.queued_staged += usize::from(staged);
        self.effect(Effect::QueuePlace { order_id, staged });
    }

    /// Messages that go before one queued now.
    fn ahead(&self) -> usize {
        let engine_state = &self.batch.engine_state;
        self.core
            .queue
            .ahead(engine_state.queued, engine_state.queued_staged)
    }

    /// The session an ask may use. Without one the caller is parked; where nothing may be sent it is refused: then `None`.
    fn session_for(&mut self, ask: &PendingRequest) -> Option<Session> {
        if self.batch.engine_state.closing {
            self.refuse(ask, shutting_down());
            return None;
        }
        match self.batch.engine_state.session.clone() {
            None => {
                if ask.deadline <= self.now.monotonic {
                    let error = Core::unreachable(&self.batch.engine_state);
                    self.refuse(ask, error);
                } else {
                    self.park(ask);
                }
                None
            }
            Some(session) => match &session.refused {
                Some(error) => {
                    let error = error.clone();
                    self.refuse(ask, error);
                    None
                }
                None => Some(session),
            },
        }
    }

    /// Lets a caller wait for a session, or for what its session has to say first.
    fn park(&mut self, ask: &PendingRequest) {
        if self.batch.engine_state.parked >= self.core.settings.parked_max {
            self.refuse(ask, overloaded());
        } else {
            self.batch.engine_state.parked += 1;
            self.effect(Effect::Park(ask.clone()));
        }
    }

    /// Whether an order could go out within the caller's timeout; refuses it otherwise.
    fn slot_for(&mut self, ask: &PendingRequest) -> bool {
        self.slot_for_behind(ask, 0)
    }

    /// The same for a message that has so many more of its own before it.
    fn slot_for_behind(&mut self, ask: &PendingRequest, more: usize) -> bool {
        let ahead = self.ahead() + more;
        let slot = self.core.pacer.slot(self.now.monotonic, ahead);
        if slot <= ask.deadline.max(self.now.monotonic) {
            return true;
        }
        let wait = slot.saturating_sub(self.now.monotonic);
        let error = Error::new(
            Reason::Pacing,
            format!(
                "{ahead} messages wait for TWS's pacing and this one would wait {:.1} s: nothing was stored; try again later or give more time",
                wait.as_secs_f64()
            ),
        )
        .retry_after(wait);
        self.refuse(ask, error);
        false
    }

    /// The session that an ask which opens risk may use, connected to IB; otherwise as [`Self::session_for`].
    fn session_for_risk(&mut self, ask: &PendingRequest) -> Option<Session> {
        if let Some(error) = self.core.journal.refusal(self.now) {
            self.refuse(ask, error);
            return None;
        }
        let session = self.session_for(ask)?;
        if let Some(error) = &session.risk_refused {
            self.refuse(ask, error.clone());
            return None;
        }
        self.require_ib_link(ask, &session).then_some(session)
    }

    fn require_ib_link(&mut self, ask: &PendingRequest, session: &Session) -> bool {
        if session.ib_connected {
            return true;
        }
        self.refuse(ask, ib_lost());
        false
    }
}

fn ib_lost() -> Error {
    Error::new(
        Reason::IbUnavailable,
        "TWS has lost its connection to IB and would send the order later: nothing was sent; try again when it is back",
    )
    .retry_after(Duration::from_secs(5))
}

/// Nothing new is begun.
pub(in crate::engine) fn shutting_down() -> Error {
    Error::new(
        Reason::ShuttingDown,
        "the gateway is shutting down: nothing was sent; try again when it is back",
    )
}

/// Too much waits already.
pub(in crate::engine) fn overloaded() -> Error {
    Error::new(
        Reason::Overloaded,
        "too many calls wait already: nothing was sent; try again later",
    )
    .retry_after(Duration::from_secs(1))
}
