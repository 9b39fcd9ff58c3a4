//! A store in memory that checks what is written to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::domain::lifecycle::ExecutionChange;
use crate::domain::{
    EventKind, Fill, Instruction, InstructionKind, InstructionState, OrderRecord, StoredEvent,
    WorkingTerms,
};
use crate::engine::batch::{Batch, Row, Write};
use crate::engine::rows::{Rows, Stop};
use crate::store::RecoveredState;

/// First sequence less one.
pub(super) const BASE: u64 = 1_000;

#[derive(Debug, Default)]
pub(super) struct SimStore {
    pub(super) orders: BTreeMap<i32, OrderRecord>,
    pub(super) by_request: HashMap<String, i32>,
    pub(super) events: Vec<Arc<StoredEvent>>,
    pub(super) fills: BTreeMap<String, Fill>,
    pub(super) instructions: BTreeMap<u64, Instruction>,
    pub(super) terms: BTreeMap<(i32, u32), WorkingTerms>,
    pub(super) accounts: Option<Vec<String>>,
}

impl SimStore {
    pub(super) fn write(&mut self, batch: &Batch) {
        for (write, record) in batch.orders() {
            let state = &record.state;
            if write == Write::Insert {
                assert!(
                    !self.orders.contains_key(&state.order_id),
                    "order id {} used twice",
                    state.order_id
                );
                let known = self
                    .by_request
                    .insert(state.request_id.clone(), state.order_id);
                assert_eq!(known, None, "request {} placed twice", state.request_id);
            } else {
                assert!(self.orders.contains_key(&state.order_id));
            }
            self.orders.insert(state.order_id, record.clone());
        }
        for row in &batch.rows {
            match row {
                Row::Event(event) => {
                    assert_eq!(
                        event.sequence,
                        BASE + 1 + self.events.len() as u64,
                        "a gap in the events"
                    );
                    self.events.push(Arc::clone(event));
                }
                Row::Execution(ExecutionChange::New(fill)) => {
                    let known = self.fills.insert(fill.exec_id.clone(), fill.clone());
                    assert_eq!(known, None, "execution {} stored twice", fill.exec_id);
                }
                Row::Execution(ExecutionChange::Replaced { previous, fill }) => {
                    assert!(self.fills.remove(previous).is_some());
                    self.fills.insert(fill.exec_id.clone(), fill.clone());
                }
                Row::Execution(ExecutionChange::CommissionReported(fill)) => {
                    assert!(
                        self.fills
                            .insert(fill.exec_id.clone(), fill.clone())
                            .is_some()
                    );
                }
                Row::Terms {
                    order_id,
                    revision,
                    terms,
                } => {
                    let known = self.terms.insert((*order_id, *revision), *terms);
                    assert_eq!(
                        known, None,
                        "revision {revision} of {order_id} stored twice"
                    );
                }
                Row::Instruction(instruction) => {
                    let known = self
                        .instructions
                        .insert(instruction.id, Instruction::clone(instruction));
                    assert_eq!(known, None, "instruction {} stored twice", instruction.id);
                }
                Row::Halts(_) => {}
                Row::InstructionOutcome(id, outcome) => {
                    let given = self.instructions.get_mut(id).unwrap();
                    *given = given.clone().with(outcome.clone());
                }
                Row::HighestOrderId(_) => {}
                Row::Accounts(accounts) => self.accounts = Some(accounts.to_vec()),
            }
        }
    }

    /// What a gateway that starts now finds.
    pub(super) fn found(&self) -> RecoveredState {
        let live: Vec<OrderRecord> = self
            .orders
            .values()
            .filter(|record| !record.state.terminal)
            .cloned()
            .collect();
        let ids = || live.iter().map(|record| record.state.order_id);
        RecoveredState {
            fills: ids().flat_map(|order_id| self.fills_of(order_id)).collect(),
            open_instructions: ids().flat_map(|order_id| self.open_of(order_id)).collect(),
            live,
            next_sequence: BASE + self.events.len() as u64 + 1,
            highest_order_id: self.orders.keys().last().copied().unwrap_or(0),
            head_instruction: self.instructions.keys().last().copied().unwrap_or(0),
            accounts: self.accounts.clone(),
            ..RecoveredState::default()
        }
    }

    fn open_of(&self, order_id: i32) -> Vec<Instruction> {
        let of_order = |given: &&Instruction| {
            given.order_id == Some(order_id)
                && !given.state.is_decided()
                && matches!(
                    given.kind,
                    InstructionKind::Transmit | InstructionKind::Replace | InstructionKind::Cancel
                )
        };
        self.instructions
            .values()
            .filter(of_order)
            .cloned()
            .collect()
    }

    pub(super) fn fills_of(&self, order_id: i32) -> Vec<Fill> {
        let of_order = |fill: &&Fill| fill.order_id == order_id;
        self.fills.values().filter(of_order).cloned().collect()
    }

    /// What the last event of each order says is what its row says.
    pub(super) fn check(&self) {
        let mut last = BTreeMap::new();
        for event in &self.events {
            if let EventKind::Order(state) = &event.kind {
                assert_eq!(state.sequence, event.sequence);
                let now = &self.orders[&event.order_id].state;
                let revision = (event.order_id, state.terms_revision);
                let terms = if state.terms_revision == now.terms_revision {
                    now.terms.working()
                } else {
                    self.terms[&revision]
                };
                assert_eq!(
                    terms,
                    state.terms.working(),
                    "terms of revision {revision:?}"
                );
                last.insert(event.order_id, state);
            }
        }
        for (order_id, record) in &self.orders {
            assert_eq!(
                last.get(order_id),
                Some(&&record.state),
                "row and events of {order_id} differ"
            );
            let placed = &self.instructions[&record.instruction];
            let stored = match placed.state {
                InstructionState::Sent => InstructionState::Queued,
                state => state,
            };
            assert_eq!(
                (placed.order_id, placed.request_id.as_deref(), stored),
                (
                    Some(*order_id),
                    Some(record.state.request_id.as_str()),
                    record.placed()
                )
            );
        }
    }
}

impl Rows for &SimStore {
    fn by_order_id(&mut self, order_id: i32) -> Result<Option<OrderRecord>, Stop> {
        Ok(self.orders.get(&order_id).cloned())
    }

    fn by_request_id(&mut self, request_id: &str) -> Result<Option<OrderRecord>, Stop> {
        let order_id = self.by_request.get(request_id);
        Ok(order_id.and_then(|id| self.orders.get(id)).cloned())
    }

    fn digest(&mut self, request_id: &str) -> Result<Option<[u8; 32]>, Stop> {
        let placed = self
            .instructions
            .values()
            .find(|placed| placed.request_id.as_deref() == Some(request_id));
        Ok(placed.and_then(|placed| placed.digest))
    }

    fn instruction(&mut self, request_id: &str) -> Result<Option<Instruction>, Stop> {
        let of = |given: &&Instruction| given.request_id.as_deref() == Some(request_id);
        Ok(self.instructions.values().find(of).cloned())
    }

    fn open_instructions(&mut self, order_id: i32) -> Result<Vec<Instruction>, Stop> {
        Ok(self.open_of(order_id))
    }

    fn oca_members(&mut self, group: &str) -> Result<Vec<OrderRecord>, Stop> {
        let of_group = |record: &&OrderRecord| {
            let oca = record.state.terms.oca.as_ref();
            oca.is_some_and(|oca| oca.group == group)
        };
        Ok(self.orders.values().filter(of_group).cloned().collect())
    }

    fn by_perm_id(&mut self, perm_id: i64) -> Result<Option<OrderRecord>, Stop> {
        let with = |record: &&OrderRecord| record.state.perm_id == Some(perm_id);
        Ok(self.orders.values().rev().find(with).cloned())
    }

    fn by_order_ref(&mut self, order_ref: &str) -> Result<Vec<OrderRecord>, Stop> {
        let with = |record: &&OrderRecord| record.state.order_ref == order_ref;
        Ok(self
            .orders
            .values()
            .rev()
            .filter(with)
            .take(16)
            .cloned()
            .collect())
    }

    fn executions(&mut self, order_id: i32) -> Result<Vec<Fill>, Stop> {
        Ok(self.fills_of(order_id))
    }

    fn execution(&mut self, exec_id: &str) -> Result<Option<Fill>, Stop> {
        Ok(self.fills.get(exec_id).cloned())
    }
}
