//! An order in memory: its row, its executions, and what only the running process knows of it.

use std::sync::Arc;
use std::time::Duration;

use super::risk::Counted;
use crate::domain::lifecycle::TrackedOrder;
use crate::domain::limits::{Proposal, TwsVerdict};
use crate::domain::{
    Caller, Fill, Instruction, InstructionKind, InstructionState, OrderRecord, OrderTicket,
    Pricing, Replacement, ReplacementStatus, RuleViolation, Status, TermsChange, WorkingTerms,
};

/// An order in memory.
#[derive(Debug, Clone)]
pub(crate) struct LiveOrder {
    /// What is stored.
    pub(crate) order: TrackedOrder,
    /// What is not.
    pub(crate) runtime: OrderRuntime,
}

impl LiveOrder {
    /// An order read from the store: whether TWS has it is not known here.
    pub(crate) fn stored(record: OrderRecord, fills: Vec<Fill>, open: Vec<Instruction>) -> Self {
        let replaces = |open: &&Instruction| open.kind == InstructionKind::Replace;
        let replace = open.iter().rev().find(replaces);
        Self {
            runtime: OrderRuntime {
                placed: Some(record.placed()),
                verdict: record.tws_verdict(),
                replace: replace.and_then(|open| Replacing::stored(&record, open.id)),
                open: open
                    .into_iter()
                    .filter(|open| !replaces(&open))
                    .map(OpenInstruction::from)
                    .collect(),
                ..OrderRuntime::default()
            },
            order: TrackedOrder::stored(record, fills),
        }
    }

    /// What limits and halts know its caller under: of an order of an earlier process that is its name.
    pub(crate) fn caller_key(&self) -> Arc<str> {
        let named = || self.order.record.state.placed_by.as_deref().map(Arc::from);
        let known = self.runtime.caller.clone();
        known.or_else(named).unwrap_or_else(|| Caller::LOCAL.key())
    }

    /// Whether other terms of it wait for their slot.
    pub(crate) fn has_queued_replacement(&self) -> bool {
        let replace = self.runtime.replace.as_ref();
        replace.is_some_and(|replacing| replacing.phase == ReplacePhase::Queued)
    }

    /// Whether what waits for its slot is nothing but fewer shares.
    pub(crate) fn only_lowers(&self) -> bool {
        let Some(replacing) = &self.runtime.replace else {
            return false;
        };
        let state = &self.order.record.state;
        replacing.phase == ReplacePhase::Queued
            && Proposal::replace(state, &replacing.wanted, None, self.caller_key()).only_lowers()
    }

    /// Whether it has ended for good: an INACTIVE order can still be cancelled.
    pub(crate) fn is_over(&self) -> bool {
        let record = &self.order.record;
        record.state.terminal
            && record.state.status != Status::Inactive
            && record.other_working.is_empty()
    }

    /// Whether it may leave memory.
    pub(crate) fn is_done(&self) -> bool {
        let record = &self.order.record;
        record.state.terminal
            && record.other_working.is_empty()
            && self.runtime.waiters.is_empty()
            && !self.runtime.holds_family
    }
}

/// What only the running process knows of an order.
#[derive(Debug, Clone, Default)]
pub(crate) struct OrderRuntime {
    /// The digest of the instruction that placed it, where this process has seen it.
    pub(crate) digest: Option<[u8; 32]>,
    /// What limits and halts know its caller under; `None`: an earlier process took it.
    pub(crate) caller: Option<Arc<str>>,
    /// What TWS made of it, as it was counted.
    pub(crate) verdict: Option<TwsVerdict>,
    /// What became of that instruction, as it is stored.
    pub(crate) placed: Option<InstructionState>,
    /// Releases and cancels of it that are not decided, as they are stored, oldest first.
    pub(crate) open: Vec<OpenInstruction>,
    /// Where its placeOrder is.
    pub(crate) submission: Submission,
    /// Where its cancelOrder is.
    pub(crate) cancel: Cancelling,
    /// Where its replacement is, until it is decided for good.
    pub(crate) replace: Option<Replacing>,
    /// The session in which TWS has shown it.
    pub(crate) shown_in: Option<u64>,
    /// Who waits for it.
    pub(crate) waiters: Vec<Waiter>,
    /// The latest reconcile round in which TWS showed that it holds it.
    pub(crate) seen_round: u64,
    /// The latest reconcile round in which an open order or a status showed it: an execution alone does not say that it still works.
    pub(crate) shown_round: u64,
    /// The reconcile round that was under way when a live report ended it.
    pub(crate) ended_round: Option<u64>,
    /// What it counts for in the totals of the limits.
    pub(crate) counted: Counted,
    /// It belongs to a bracket that is not over: it stays in memory.
    pub(crate) holds_family: bool,
    /// It was sent as one of a bracket that was given up before its release: TWS holds it back and shows nothing of it.
    pub(crate) never_released: bool,
    /// The cancel of an order that TWS shows nothing of.
    pub(crate) discard: Option<Discard>,
    /// Since when more of its bracket's entry has filled than a working stop covers.
    pub(crate) uncovered_since: Option<Duration>,
    /// Another order was shown under its number, and that was logged.
    pub(crate) foreign_seen: bool,
}

/// A release or a cancel that is not decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpenInstruction {
    /// Its number.
    pub(crate) id: u64,
    /// TRANSMIT or CANCEL.
    pub(crate) kind: InstructionKind,
    /// What is stored of what became of it.
    pub(crate) state: InstructionState,
}

impl From<Instruction> for OpenInstruction {
    fn from(instruction: Instruction) -> Self {
        let Instruction {
            id, kind, state, ..
        } = instruction;
        Self { id, kind, state }
    }
}

/// Where an order's placeOrder is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Submission {
    /// Sent by an earlier process, if at all.
    #[default]
    Unknown,
    /// Waits for its slot.
    Queued,
    /// Given to the adapter.
    InFlight {
        /// In which session.
        session: u64,
        /// When.
        at: Duration,
        /// Reconcile rounds begun by then.
        round: u64,
    },
}

/// The cancel of an order that TWS shows nothing of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Discard {
    /// In which session it went.
    pub(crate) session: u64,
    /// How often it went.
    pub(crate) times: u8,
    /// When the barrier behind the last one was answered.
    pub(crate) read_at: Option<Duration>,
}

/// Where an order's cancelOrder is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Cancelling {
    /// Nowhere; where a cancel was asked for, it goes out after the next reconcile while the order is open.
    #[default]
    Idle,
    /// Waits for its slot.
    Queued,
    /// Given to the adapter.
    InFlight {
        /// In which session.
        session: u64,
        /// When.
        at: Duration,
    },
    /// TWS refused it.
    Verdict {
        /// TWS's code.
        code: i32,
        /// TWS's text.
        text: String,
        /// The first reconcile round that began after it.
        round: u64,
    },
}

/// The replacement of an order's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacing {
    /// The number of its instruction.
    pub(crate) instruction: u64,
    /// Where it is.
    pub(crate) phase: ReplacePhase,
    /// What is to change.
    pub(crate) change: TermsChange,
    /// The terms when it was asked for.
    pub(crate) before: WorkingTerms,
    /// The terms that TWS is sent.
    pub(crate) wanted: WorkingTerms,
    /// It goes once more, without the order's parent.
    pub(crate) without_parent: bool,
}

/// Where a replacement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplacePhase {
    /// Waits for its slot.
    Queued,
    /// Given to the adapter, or by an earlier process.
    Sent {
        /// In which session; `None` where that is over.
        session: Option<u64>,
        /// When; or when that session ended.
        at: Duration,
        /// Reconcile rounds begun by then.
        round: u64,
        /// It is known to have left, or may have.
        written: bool,
        /// Open orders were asked for because TWS was silent.
        asked: bool,
    },
    /// TWS has shown the new terms once.
    Shown {
        /// When.
        at: Duration,
        /// It showed the old ones after that, and is asked.
        taken_back: bool,
    },
    /// Accepted. For a while TWS may take it back.
    Accepted {
        /// When.
        at: Duration,
        /// See above.
        taken_back: bool,
    },
    /// Not confirmed: TWS may still show it.
    Unconfirmed,
}

impl Replacing {
    /// From what is stored: whether it left is not known.
    fn stored(record: &OrderRecord, instruction: u64) -> Option<Self> {
        let state = &record.state;
        let Replacement { status, change, .. } = state.replacement.as_ref()?;
        let phase = match status {
            ReplacementStatus::Pending => ReplacePhase::Sent {
                session: None,
                at: Duration::ZERO,
                round: 0,
                written: true,
                asked: true,
            },
            ReplacementStatus::Unconfirmed => ReplacePhase::Unconfirmed,
            ReplacementStatus::Accepted | ReplacementStatus::Refused => return None,
        };
        let before = state.terms.working();
        let wanted = change.applied(&state.terms, state.filled).unwrap_or(before);
        Some(Self {
            instruction,
            phase,
            change: *change,
            before,
            wanted,
            without_parent: false,
        })
    }

    /// What TWS is sent: what was instructed of the fields that it may not change, and of the others what it showed last, with the change.
    pub(crate) fn ticket(&self, order: &TrackedOrder) -> OrderTicket {
        let mut ticket = OrderTicket::from(&order.record.state);
        ticket.terms.set_working(self.wanted);
        // A stop that trails goes on from where it stands, not from where it began.
        let stop = order.trail.now(order.record.state.trail_stop);
        match (&mut ticket.terms.pricing, stop) {
            (Pricing::Trail { first_stop, .. }, Some(stop)) => *first_stop = Some(stop),
            (Pricing::TrailLimit { first_stop, .. }, Some(stop)) => *first_stop = stop,
            _ => {}
        }
        if self.without_parent {
            ticket.parent_order_id = None;
        }
        ticket
    }

    /// Whether another instruction has to wait for it.
    pub(crate) const fn is_undecided(&self) -> bool {
        match self.phase {
            ReplacePhase::Queued | ReplacePhase::Sent { .. } | ReplacePhase::Shown { .. } => true,
            ReplacePhase::Accepted { .. } | ReplacePhase::Unconfirmed => false,
        }
    }
}

/// A caller who waits for an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// Names the caller.
    pub(crate) id: u64,
    /// What for.
    pub(crate) purpose: Purpose,
    /// The order is INACTIVE and its reason may follow: it waits only a little longer.
    pub(crate) in_grace_period: bool,
    /// Rules that its instruction broke and was only warned of.
    pub(crate) warnings: Vec<RuleViolation>,
}

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The first evidence from TWS.
    Place {
        /// It asked again for a known request.
        replayed: bool,
    },
    /// The same after a release.
    Transmit,
    /// TWS's decision on a replacement.
    Replace {
        /// It asked again for a known request.
        replayed: bool,
    },
    /// TWS's verdict on a cancel.
    Cancel,
}
