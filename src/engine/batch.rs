//! The work of one batch: copies of what it touches, rows to write, and what to do once they are written.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::engine_state::EngineState;
use super::halts::{HaltChange, StoredHalts};
use super::input::{Outcome, PendingRequest};
use super::live_order::LiveOrder;
use crate::account::Heard;
use crate::domain::lifecycle::ExecutionChange;
use crate::domain::limits::Totals;
use crate::domain::{
    AuditRecord, Instruction, InstructionOutcome, LinkChange, OrderRecord, StoredEvent,
    WorkingTerms,
};
use crate::store::{StoreError, Transaction};
use crate::tws::TwsCommand;

/// The work of one batch. Dropping it undoes it.
#[derive(Debug)]
pub(crate) struct Batch {
    /// Copies of the orders touched.
    pub(crate) touched: BTreeMap<i32, Touched>,
    /// Orders found or made in this batch, by their request id.
    pub(crate) by_request_id: HashMap<String, i32>,
    /// Instructions other than a Place that were stored in this batch, by their request id.
    pub(crate) instructions: HashMap<String, Instruction>,
    /// The same by permanent id.
    pub(crate) by_perm_id: HashMap<i64, i32>,
    /// The same by execution id.
    pub(crate) by_exec_id: HashMap<String, i32>,
    /// The state as it will be.
    pub(crate) engine_state: EngineState,
    /// What it adds to the totals of the limits.
    pub(crate) totals: Totals,
    /// Rows to write, in order, after those of the orders.
    pub(crate) rows: Vec<Row>,
    /// What it leaves in the audit.
    pub(crate) audit: Vec<AuditRecord>,
    /// What to do after the commit, in order.
    pub(crate) effects: Vec<Effect>,
    /// Callers who waited for a session and do not any more; with `None` among them, nobody does.
    pub(crate) unparked: BTreeSet<Option<u64>>,
}

/// A copy of an order.
#[derive(Debug)]
pub(crate) struct Touched {
    /// The order as it will be.
    pub(crate) entry: LiveOrder,
    /// How its row is written.
    pub(crate) write: Write,
}

/// How a row is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Write {
    /// Not at all.
    Nothing,
    /// It is new.
    Insert,
    /// It has changed.
    Update,
}

/// A row to write.
#[derive(Debug)]
pub(crate) enum Row {
    /// Of `order_events`.
    Event(Arc<StoredEvent>),
    /// Of `executions`.
    Execution(ExecutionChange),
    /// Of `order_terms`: terms that an order had until now.
    Terms {
        /// Which order.
        order_id: i32,
        /// Which revision.
        revision: u32,
        /// What they were.
        terms: WorkingTerms,
    },
    /// Of `instructions`.
    Instruction(Box<Instruction>),
    /// What became of one.
    InstructionOutcome(u64, InstructionOutcome),
    /// An id that is spent though no order has it.
    HighestOrderId(i32),
    /// The accounts the store belongs to.
    Accounts(Arc<[String]>),
    /// The halts in force.
    Halts(StoredHalts),
}

/// What to do after the commit.
#[derive(Debug)]
pub(crate) enum Effect {
    /// Answer a caller.
    Reply(u64, Outcome),
    /// Let a caller wait for a session.
    Park(PendingRequest),
    /// A caller waits for a session no more.
    Unpark(u64),
    /// Callers who wait for a session are taken up again.
    UnparkAll,
    /// A caller's timeout with an order ends then.
    Deadline {
        /// When.
        at: Duration,
        /// Who.
        waiter: u64,
        /// Which order.
        order_id: i32,
    },
    /// Queue an order for TWS.
    QueuePlace {
        /// Which.
        order_id: i32,
        /// A barrier must follow it.
        staged: bool,
    },
    /// Queue the orders of a bracket for TWS, in this order.
    QueueFamily(Vec<i32>),
    /// Take a bracket out of the queue.
    UnqueueFamily(i32),
    /// Queue a cancel for TWS.
    QueueCancel(i32),
    /// Take an order out of the queue.
    Unqueue(i32),
    /// Forget what is queued for a session that is gone.
    ClearQueue,
    /// A barrier was answered.
    BarrierAnswered(u64),
    /// The adapter has sent so many messages by itself.
    Unpaced(usize),
    /// The adapter sends a heartbeat by itself then.
    HeartbeatAt(Duration),
    /// Tell the adapter something at once.
    Command(TwsCommand),
    /// What is known of the accounts changes.
    Account(Heard),
    /// What waits for its slot may be halted.
    HoldBack,
    /// A halt, or its end, is stored.
    HaltStored(u64, HaltChange),
    /// Show watchers a change of a link.
    Link(LinkChange),
}

impl Batch {
    /// Nothing done yet.
    pub(crate) fn new(engine_state: &EngineState) -> Self {
        Self {
            touched: BTreeMap::new(),
            by_request_id: HashMap::new(),
            instructions: HashMap::new(),
            by_perm_id: HashMap::new(),
            by_exec_id: HashMap::new(),
            engine_state: engine_state.clone(),
            totals: Totals::default(),
            rows: Vec::new(),
            audit: Vec::new(),
            effects: Vec::new(),
            unparked: BTreeSet::new(),
        }
    }

    /// Whether anything but the audit is to be written.
    pub(crate) fn writes(&self) -> bool {
        !self.rows.is_empty()
            || self
                .touched
                .values()
                .any(|touched| touched.write != Write::Nothing)
    }

    /// Rows of orders to write, by order id.
    pub(crate) fn orders(&self) -> impl Iterator<Item = (Write, &OrderRecord)> {
        self.touched
            .values()
            .filter(|touched| touched.write != Write::Nothing)
            .map(|touched| (touched.write, &touched.entry.order.record))
    }

    /// Writes every row.
    pub(crate) fn store(&self, tx: &mut Transaction<'_>) -> Result<(), StoreError> {
        for (write, record) in self.orders() {
            match write {
                Write::Insert => tx.insert_order(record)?,
                Write::Update => tx.update_order(record)?,
                Write::Nothing => {}
            }
        }
        for row in &self.rows {
            match row {
                Row::Event(event) => tx.append_event(event)?,
                Row::Execution(ExecutionChange::New(fill)) => tx.insert_execution(fill)?,
                Row::Execution(ExecutionChange::Replaced { previous, fill }) => {
                    tx.replace_execution(previous, fill)?;
                }
                Row::Execution(ExecutionChange::CommissionReported(fill)) => {
                    tx.update_execution(fill)?
                }
                Row::Terms {
                    order_id,
                    revision,
                    terms,
                } => tx.insert_terms(*order_id, *revision, terms)?,
                Row::Instruction(instruction) => tx.insert_instruction(instruction)?,
                Row::InstructionOutcome(id, outcome) => {
                    tx.set_instruction_outcome(*id, outcome)?;
                }
                Row::HighestOrderId(order_id) => tx.spend_order_id(*order_id)?,
                Row::Accounts(accounts) => tx.pin_accounts(accounts)?,
                Row::Halts(halts) => tx.set_halts(halts)?,
            }
        }
        Ok(())
    }

    /// Every event, in order.
    pub(crate) fn events(&self) -> Vec<Arc<StoredEvent>> {
        self.rows
            .iter()
            .filter_map(|row| match row {
                Row::Event(event) => Some(Arc::clone(event)),
                Row::Execution(_)
                | Row::Terms { .. }
                | Row::Instruction(_)
                | Row::InstructionOutcome(..)
                | Row::HighestOrderId(_)
                | Row::Accounts(_)
                | Row::Halts(_) => None,
            })
            .collect()
    }
}
