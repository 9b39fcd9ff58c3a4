//! Instructions as they are stored: whose request id is known, and what becomes of each.

use super::super::batch::Row;
use super::super::input::PendingRequest;
use super::super::live_order::{Cancelling, LiveOrder, OpenInstruction, Replacing, Submission};
use super::super::rows::Stop;
use super::Step;
use crate::domain::{
    Instruction, InstructionKind, InstructionOutcome, InstructionState, OrderRecord, Status,
    Timestamp,
};
use crate::error::{Error, Reason};

/// What is known of a request id.
pub(super) enum KnownRequest {
    /// An order was placed under it.
    Placement,
    /// Another instruction was stored under it.
    Other(Box<Instruction>),
}

impl Step<'_> {
    /// What a request id was used for, whatever the kind of instruction.
    pub(super) fn request_known(&mut self, request_id: &str) -> Result<Option<KnownRequest>, Stop> {
        if self.known_request(request_id).is_some() {
            return Ok(Some(KnownRequest::Placement));
        }
        let known = self.find_instruction(request_id)?;
        Ok(known.map(|known| match known.kind {
            InstructionKind::Place | InstructionKind::PlaceBracket => KnownRequest::Placement,
            InstructionKind::Transmit
            | InstructionKind::Replace
            | InstructionKind::Cancel
            | InstructionKind::CancelAll
            | InstructionKind::Halt
            | InstructionKind::Resume => KnownRequest::Other(Box::new(known)),
        }))
    }

    /// Stores a release or a cancel of an order. One that joins another of its kind is stored only where its caller gave it a request id. Called when
    /// what it changes about the order was changed and not yet noted by [`Step::changed`].
    pub(super) fn instruct(
        &mut self,
        ask: &PendingRequest,
        kind: InstructionKind,
        order_id: i32,
        named: Option<(&str, [u8; 32])>,
    ) {
        let now = self.now.wall_time;
        let number = self.batch.engine_state.instruction + 1;
        let limits_hash = (kind == InstructionKind::Transmit)
            .then(|| self.batch.engine_state.limits_hash.clone())
            .flatten();
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let joins = entry.runtime.open.iter().any(|open| open.kind == kind);
        if joins && named.is_none() {
            return;
        }
        let state = became(&entry.order.record, kind, false);
        let outcome = outcome(&entry.order.record, kind, state, now);
        if !state.is_decided() {
            entry.runtime.open.push(OpenInstruction {
                id: number,
                kind,
                state,
            });
        }
        let instruction = Instruction {
            request_id: named.map(|(request_id, _)| request_id.to_owned()),
            digest: named.map(|(_, digest)| digest),
            caller: ask.caller.stored_name(),
            order_id: Some(order_id),
            limits_hash,
            ..Instruction::new(number, kind, now).with(outcome)
        };
        self.batch.engine_state.instruction = number;
        if let Some((request_id, _)) = named {
            self.batch
                .instructions
                .insert(request_id.to_owned(), instruction.clone());
        }
        self.batch
            .rows
            .push(Row::Instruction(Box::new(instruction)));
    }

    /// An order has changed: what became of the instructions about it is stored with it.
    pub(super) fn follow_instructions(&mut self, order_id: i32) {
        let now = self.now.wall_time;
        let Some(touched) = self.batch.touched.get_mut(&order_id) else {
            return;
        };
        let entry = &mut touched.entry;
        let record = &entry.order.record;
        let handed = matches!(entry.runtime.submission, Submission::InFlight { .. });
        let mut decided = Vec::new();
        // A bracket's instruction is told by its entry.
        if record.state.parent_order_id.is_none() {
            let placed = match record.placed() {
                InstructionState::Queued if handed => InstructionState::Sent,
                placed => placed,
            };
            if entry.runtime.placed.replace(placed) != Some(placed) {
                let outcome = outcome(record, InstructionKind::Place, placed, now);
                decided.push((record.instruction, outcome));
            }
        }
        let cancel_sent = match entry.runtime.cancel {
            Cancelling::InFlight { .. } | Cancelling::Verdict { .. } => true,
            Cancelling::Idle | Cancelling::Queued => false,
        };
        for open in &mut entry.runtime.open {
            let left = open.state == InstructionState::Sent;
            let sent = match open.kind {
                InstructionKind::Cancel => left || cancel_sent,
                _ => left || handed,
            };
            let state = became(record, open.kind, sent);
            if state != open.state {
                open.state = state;
                decided.push((open.id, outcome(record, open.kind, state, now)));
            }
        }
        entry.runtime.open.retain(|open| !open.state.is_decided());
        for (id, outcome) in decided {
            self.became(id, outcome);
        }
    }

    /// TWS's verdict on the cancels of an order that works on: they were refused.
    pub(super) fn cancels_refused(&mut self, order_id: i32, code: i32, text: &str) {
        let now = self.now.wall_time;
        let Some(entry) = self.entry(order_id) else {
            return;
        };
        let open = &mut entry.runtime.open;
        let refused: Vec<OpenInstruction> = open
            .extract_if(.., |open| open.kind == InstructionKind::Cancel)
            .collect();
        for open in refused {
            let outcome = InstructionOutcome::new(InstructionState::Refused, now)
                .because(Some(code), Some(text.to_owned()));
            self.became(open.id, outcome);
        }
    }

    /// What became of an instruction is stored.
    pub(super) fn became(&mut self, id: u64, outcome: InstructionOutcome) {
        let mut in_batch = self.batch.instructions.values_mut();
        if let Some(known) = in_batch.find(|known| known.id == id) {
            *known = known.clone().with(outcome.clone());
        }
        self.batch.rows.push(Row::InstructionOutcome(id, outcome));
    }
}

fn became(record: &OrderRecord, kind: InstructionKind, sent: bool) -> InstructionState {
    match kind {
        InstructionKind::Transmit => record.released(sent),
        InstructionKind::Cancel => record.cancelled(sent),
        InstructionKind::Place
        | InstructionKind::PlaceBracket
        | InstructionKind::Replace
        | InstructionKind::CancelAll
        | InstructionKind::Halt
        | InstructionKind::Resume => record.placed(),
    }
}

fn outcome(
    record: &OrderRecord,
    kind: InstructionKind,
    state: InstructionState,
    now: Timestamp,
) -> InstructionOutcome {
    let order = &record.state;
    let outcome = InstructionOutcome::new(state, now);
    if kind == InstructionKind::Cancel {
        // What is known of the order's errors is about other things.
        let error = format!("the order is {}", order.status);
        return outcome.because(None, Some(error));
    }
    outcome.because(order.last_error_code, order.last_error.clone())
}

impl LiveOrder {
    /// Why no instruction but a cancel can be taken now: one is on its way.
    pub(crate) fn instruction_pending(&self) -> Option<Error> {
        let replacing = self.runtime.replace.as_ref();
        let what = if replacing.is_some_and(Replacing::is_undecided) {
            "a replacement"
        } else if self.order.record.state.status == Status::Submitting {
            "its placement or release"
        } else {
            return None;
        };
        let order_id = self.order.record.state.order_id;
        let text = format!(
            "{what} of order {order_id} is on its way: nothing was sent; wait for what becomes of it, or cancel the order"
        );
        Some(Error::new(Reason::InstructionPending, text))
    }
}

/// A request id was used for something else.
pub(super) fn request_id_reused(request_id: &str) -> Error {
    let text = format!(
        "request id {request_id} was used for another instruction: give each instruction an id of its own"
    );
    Error::new(Reason::RequestIdReused, text)
}
