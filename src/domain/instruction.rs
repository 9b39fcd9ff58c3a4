//! What callers instructed, apart from what came of it in TWS.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::{InstructionKind, InstructionState, OrderRecord, Status, Timestamp};

/// One instruction of a caller, as it is stored. Request ids share one namespace over all kinds and are kept for good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instruction {
    /// Counts the instructions of a store, from 1.
    pub id: u64,
    /// What was instructed.
    pub kind: InstructionKind,
    /// What became of it.
    pub state: InstructionState,
    /// The caller's request id, else one the gateway made; `None` for a kind that needs none.
    pub request_id: Option<String>,
    /// SHA-256 over what was instructed: tells a repeated request from a reused request id.
    pub digest: Option<[u8; 32]>,
    /// The name of the caller, where callers have names.
    pub caller: Option<String>,
    /// The order it is about, a bracket's entry; `None` where it is about many or none.
    pub order_id: Option<i32>,
    /// What else was instructed, as JSON text: the change that a Replace asks for.
    pub body: Option<String>,
    /// TWS's code, where TWS refused it.
    pub error_code: Option<i32>,
    /// Why it was refused, or is not confirmed.
    pub error: Option<String>,
    /// SHA-256 of the limits file that it was held against, in hexadecimal; `None`: there was none, or nothing was held against it.
    pub limits_hash: Option<Arc<str>>,
    /// When it was stored.
    pub created_at: Timestamp,
    /// When it was accepted or refused.
    pub decided_at: Option<Timestamp>,
}

/// What became of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstructionOutcome {
    /// Where it stands.
    pub state: InstructionState,
    /// TWS's code, where TWS refused it.
    pub error_code: Option<i32>,
    /// Why it was refused, or is not confirmed.
    pub error: Option<String>,
    /// When it was accepted or refused.
    pub decided_at: Option<Timestamp>,
}

impl InstructionOutcome {
    /// Of an instruction that stands so since `now`.
    pub fn new(state: InstructionState, now: Timestamp) -> Self {
        Self {
            state,
            error_code: None,
            error: None,
            decided_at: state.is_decided().then_some(now),
        }
    }

    /// Why, where it was refused or is not confirmed.
    #[must_use]
    pub fn because(self, error_code: Option<i32>, error: Option<String>) -> Self {
        let failed = matches!(
            self.state,
            InstructionState::Refused | InstructionState::Unconfirmed
        );
        Self {
            error_code: error_code.filter(|_| failed),
            error: error.filter(|_| failed),
            ..self
        }
    }
}

impl InstructionState {
    /// Whether nothing follows: it was accepted or refused.
    pub const fn is_decided(self) -> bool {
        matches!(self, Self::Accepted | Self::Refused)
    }
}

impl Instruction {
    /// One that is on its way, with nothing but what each has.
    pub const fn new(id: u64, kind: InstructionKind, created_at: Timestamp) -> Self {
        Self {
            id,
            kind,
            state: InstructionState::Queued,
            request_id: None,
            digest: None,
            caller: None,
            order_id: None,
            body: None,
            error_code: None,
            error: None,
            limits_hash: None,
            created_at,
            decided_at: None,
        }
    }

    /// With what has become of it.
    #[must_use]
    pub fn with(self, outcome: InstructionOutcome) -> Self {
        let InstructionOutcome {
            state,
            error_code,
            error,
            decided_at,
        } = outcome;
        Self {
            state,
            error_code,
            error,
            decided_at,
            ..self
        }
    }

    /// SHA-256 over a Transmit or a Cancel of an order: tells a repeated request from a reused request id.
    pub fn digest_of(kind: InstructionKind, order_id: i32, with_sibling: bool) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(kind.as_str());
        hash.update([0]);
        hash.update(order_id.to_be_bytes());
        hash.update([u8::from(with_sibling)]);
        hash.finalize().into()
    }
}

impl OrderRecord {
    /// What became of the instruction that placed this order.
    pub fn placed(&self) -> InstructionState {
        match self.state.status {
            Status::Submitting if !self.acknowledged => InstructionState::Queued,
            Status::Unconfirmed if !self.acknowledged => InstructionState::Unconfirmed,
            Status::Rejected => InstructionState::Refused,
            Status::Cancelled | Status::ApiCancelled if !self.acknowledged => {
                InstructionState::Refused
            }
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Filled
            | Status::Cancelled
            | Status::ApiCancelled
            | Status::Inactive
            | Status::Unknown => InstructionState::Accepted,
        }
    }

    /// What became of the release of this order, or of one that asked for the same; `sent`: it has left.
    pub fn released(&self, sent: bool) -> InstructionState {
        match self.state.status {
            Status::Submitting if sent => InstructionState::Sent,
            Status::Submitting => InstructionState::Queued,
            Status::Unconfirmed => InstructionState::Unconfirmed,
            Status::Staged | Status::Rejected => InstructionState::Refused,
            Status::Cancelled | Status::ApiCancelled if !self.worked => InstructionState::Refused,
            Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Filled
            | Status::Cancelled
            | Status::ApiCancelled
            | Status::Inactive
            | Status::Unknown => InstructionState::Accepted,
        }
    }

    /// What became of a cancel of this order; `sent`: it has left.
    pub fn cancelled(&self, sent: bool) -> InstructionState {
        match self.state.status {
            _ if !self.other_working.is_empty() && sent => InstructionState::Sent,
            Status::Cancelled | Status::ApiCancelled => InstructionState::Accepted,
            Status::Filled | Status::Rejected => InstructionState::Refused,
            Status::Staged
            | Status::Submitting
            | Status::Unconfirmed
            | Status::ApiPending
            | Status::PendingSubmit
            | Status::PreSubmitted
            | Status::Submitted
            | Status::PendingCancel
            | Status::Inactive
            | Status::Unknown => {
                if sent {
                    InstructionState::Sent
                } else {
                    InstructionState::Queued
                }
            }
        }
    }
}
