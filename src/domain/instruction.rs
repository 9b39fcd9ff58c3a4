//! What callers instructed, apart from what came of it in TWS.

use std::sync::Arc;

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
    /// SHA-256 of the limits file that it was held against, in hexadecimal; `None`: there was none, or nothing was held against it.
    pub limits_hash: Option<Arc<str>>,
    /// When it was stored.
    pub created_at: Timestamp,
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
}
