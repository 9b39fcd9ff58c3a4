//! What the engine takes in.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::halts::HaltChange;
use crate::domain::limits::Limits;
use crate::domain::{
    AuditRecord, Bracket, Caller, Order, OrderKey, OrderState, PreviewVerdict, RuleViolation,
    TermsChange,
};
use crate::error::Error;
use crate::tws::TwsEvent;

/// One thing that happens to the engine. Plain data, so that a batch can be played again.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// Somebody asks for something.
    Request(PendingRequest),
    /// TWS, or the link to it, says something.
    Tws(TwsEvent),
    /// A waiter's time is over; `order_id` 0: it waits for a session.
    Expired {
        /// Who.
        waiter: u64,
        /// For which order.
        order_id: i32,
    },
    /// Callers who have gone away: nobody would hear their answers.
    Gone(Arc<BTreeSet<u64>>),
    /// Another version of the limits is in force.
    Limits(Arc<Limits>),
    /// A halt, or its end.
    Halt {
        /// Which.
        change: HaltChange,
        /// Who asked; `None`: the gateway itself.
        caller: Option<Arc<Caller>>,
        /// Names it for the answer.
        waiter: u64,
    },
    /// The halt file appeared or went.
    HaltFile,
    /// A halt that the gateway put in force by itself is stored: what waits for its slot is looked at.
    HoldBack,
    /// Something for the audit that concerns nothing else.
    Audit(Arc<AuditRecord>),
    /// A second has passed.
    Tick,
    /// Reports were dropped because they could not be stored.
    ReportsDropped,
    /// No new orders from now on.
    Closing,
    /// What has not been sent by now is not sent any more.
    CloseNow,
}

/// What a caller asks for.
#[derive(Debug, Clone)]
pub(crate) struct PendingRequest {
    /// Names the caller for the answer.
    pub(crate) waiter: u64,
    /// Who that is.
    pub(crate) caller: Arc<Caller>,
    /// When its timeout ends.
    pub(crate) deadline: Duration,
    /// What.
    pub(crate) what: Command,
}

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) enum Command {
    /// A new order.
    Place(Arc<PlaceCommand>),
    /// Release a staged order.
    Transmit(OrderCommand),
    /// Change an order's terms.
    Replace(Arc<ReplaceCommand>),
    /// Cancel an order.
    Cancel(OrderCommand),
    /// Cancel an exit of a bracket though TWS ends the other one with it.
    CancelWithSibling(OrderCommand),
    /// Ask what TWS would make of an order.
    Preview(Arc<PreviewCommand>),
    /// A new bracket.
    PlaceBracket(Arc<BracketCommand>),
    /// Nothing: the instruction was refused before it reached the engine, and the audit is to know.
    Refused(Arc<RefusedCommand>),
}

/// An instruction that was refused for its form, or for who gave it.
#[derive(Debug, Clone)]
pub(crate) struct RefusedCommand {
    /// The word of its kind.
    pub(crate) instruction: &'static str,
    /// Its request id, where the caller gave one.
    pub(crate) request_id: Option<String>,
    /// The order it names, where it names one by its id.
    pub(crate) order_id: Option<i32>,
    /// What it asked for, in the fields of its request.
    pub(crate) asked: serde_json::Value,
    /// What the caller is told.
    pub(crate) error: Error,
    /// Refusals before this one that did not reach the engine because there were too many.
    pub(crate) left_out_before: u64,
}

/// What needs nothing but an order.
#[derive(Debug, Clone)]
pub(crate) struct OrderCommand {
    /// The order.
    pub(crate) key: OrderKey,
    /// The request id, where the caller gave one.
    pub(crate) request_id: Option<String>,
}

impl From<OrderKey> for OrderCommand {
    fn from(key: OrderKey) -> Self {
        Self {
            key,
            request_id: None,
        }
    }
}

/// A new bracket.
#[derive(Debug, Clone)]
pub(crate) struct BracketCommand {
    /// The checked bracket.
    pub(crate) bracket: Bracket,
    /// Its digest.
    pub(crate) digest: [u8; 32],
    /// The request id, which places the entry.
    pub(crate) request_id: String,
    /// The caller gave it, so a bracket may exist under it.
    pub(crate) request_id_given: bool,
}

/// An order to preview.
#[derive(Debug, Clone)]
pub(crate) struct PreviewCommand {
    /// The checked order.
    pub(crate) order: Order,
    /// The request id that the order is stored under should TWS place it after all.
    pub(crate) request_id: String,
}

/// A new order.
#[derive(Debug, Clone)]
pub(crate) struct PlaceCommand {
    /// The checked order.
    pub(crate) order: Order,
    /// Its digest.
    pub(crate) digest: [u8; 32],
    /// The request id.
    pub(crate) request_id: String,
    /// The caller gave it, so an order may exist under it.
    pub(crate) request_id_given: bool,
}

/// Other terms for an order.
#[derive(Debug, Clone)]
pub(crate) struct ReplaceCommand {
    /// The order.
    pub(crate) key: OrderKey,
    /// What is to change, checked by itself.
    pub(crate) change: TermsChange,
    /// The revision of the terms that the caller knows.
    pub(crate) expected_revision: Option<u32>,
    /// The request id.
    pub(crate) request_id: String,
    /// The caller gave it, so it may be known.
    pub(crate) request_id_given: bool,
}

/// The engine's answer to an [`PendingRequest`].
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The order as it now is.
    pub(crate) state: OrderState,
    /// The request was known.
    pub(crate) replayed: bool,
    /// Rules that it broke and is only warned of.
    pub(crate) warnings: Vec<RuleViolation>,
    /// TWS's verdict on a preview; the order above is the one that was previewed.
    pub(crate) preview: Option<PreviewVerdict>,
}

impl Answer {
    /// With an order as it now is.
    pub(crate) const fn of(state: OrderState) -> Self {
        Self {
            state,
            replayed: false,
            warnings: Vec::new(),
            preview: None,
        }
    }
}

/// Answer or error.
pub(crate) type Outcome = Result<Answer, Error>;
