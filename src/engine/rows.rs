//! Where a step finds orders that memory does not hold.

use std::collections::HashSet;

use crate::domain::{Fill, Instruction, OrderRecord};
use crate::store::{StoreError, Transaction};

/// Why a step could not be done now.
#[derive(Debug)]
pub(crate) enum Stop {
    /// It needs rows: do it again on the store's thread. Nothing was changed.
    NeedsRows,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Stop {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Stored rows.
pub(crate) trait Rows {
    /// The order with this id.
    fn by_order_id(&mut self, order_id: i32) -> Result<Option<OrderRecord>, Stop>;
    /// The order of this request.
    fn by_request_id(&mut self, request_id: &str) -> Result<Option<OrderRecord>, Stop>;
    /// The digest of what was instructed under this request id.
    fn digest(&mut self, request_id: &str) -> Result<Option<[u8; 32]>, Stop>;
    /// What was instructed under this request id, of whatever kind.
    fn instruction(&mut self, request_id: &str) -> Result<Option<Instruction>, Stop>;
    /// What was instructed about an order and is not decided: releases, replacements and cancels, oldest first.
    fn open_instructions(&mut self, order_id: i32) -> Result<Vec<Instruction>, Stop>;
    /// The orders of an OCA group.
    fn oca_members(&mut self, group: &str) -> Result<Vec<OrderRecord>, Stop>;
    /// The order with this permanent id.
    fn by_perm_id(&mut self, perm_id: i64) -> Result<Option<OrderRecord>, Stop>;
    /// Some orders with this orderRef.
    fn by_order_ref(&mut self, order_ref: &str) -> Result<Vec<OrderRecord>, Stop>;
    /// An order's executions, oldest first.
    fn executions(&mut self, order_id: i32) -> Result<Vec<Fill>, Stop>;
    /// One execution.
    fn execution(&mut self, exec_id: &str) -> Result<Option<Fill>, Stop>;
}

/// No rows at all: what a step does without the store.
pub(crate) struct NoRows;

impl Rows for NoRows {
    fn by_order_id(&mut self, _: i32) -> Result<Option<OrderRecord>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn by_request_id(&mut self, _: &str) -> Result<Option<OrderRecord>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn digest(&mut self, _: &str) -> Result<Option<[u8; 32]>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn instruction(&mut self, _: &str) -> Result<Option<Instruction>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn open_instructions(&mut self, _: i32) -> Result<Vec<Instruction>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn oca_members(&mut self, _: &str) -> Result<Vec<OrderRecord>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn by_perm_id(&mut self, _: i64) -> Result<Option<OrderRecord>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn by_order_ref(&mut self, _: &str) -> Result<Vec<OrderRecord>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn executions(&mut self, _: i32) -> Result<Vec<Fill>, Stop> {
        Err(Stop::NeedsRows)
    }

    fn execution(&mut self, _: &str) -> Result<Option<Fill>, Stop> {
        Err(Stop::NeedsRows)
    }
}

/// The rows of a transaction. What one batch did not find it does not look for again.
pub(crate) struct StoreRows<'a, 'tx> {
    tx: &'a mut Transaction<'tx>,
    missing: HashSet<i32>,
}

impl<'a, 'tx> StoreRows<'a, 'tx> {
    /// Reads through `tx`.
    pub(crate) fn new(tx: &'a mut Transaction<'tx>) -> Self {
        Self {
            tx,
            missing: HashSet::new(),
        }
    }
}

impl Rows for StoreRows<'_, '_> {
    fn by_order_id(&mut self, order_id: i32) -> Result<Option<OrderRecord>, Stop> {
        if self.missing.contains(&order_id) {
            return Ok(None);
        }
        let found = self.tx.by_order_id(order_id)?;
        if found.is_none() {
            self.missing.insert(order_id);
        }
        Ok(found)
    }

    fn by_request_id(&mut self, request_id: &str) -> Result<Option<OrderRecord>, Stop> {
        Ok(self.tx.by_request_id(request_id)?)
    }

    fn digest(&mut self, request_id: &str) -> Result<Option<[u8; 32]>, Stop> {
        Ok(self.tx.digest(request_id)?)
    }

    fn instruction(&mut self, request_id: &str) -> Result<Option<Instruction>, Stop> {
        Ok(self.tx.instruction(request_id)?)
    }

    fn open_instructions(&mut self, order_id: i32) -> Result<Vec<Instruction>, Stop> {
        Ok(self.tx.open_instructions(order_id)?)
    }

    fn oca_members(&mut self, group: &str) -> Result<Vec<OrderRecord>, Stop> {
        Ok(self.tx.oca_members(group)?)
    }

    fn by_perm_id(&mut self, perm_id: i64) -> Result<Option<OrderRecord>, Stop> {
        Ok(self.tx.by_perm_id(perm_id)?)
    }

    fn by_order_ref(&mut self, order_ref: &str) -> Result<Vec<OrderRecord>, Stop> {
        Ok(self.tx.by_order_ref(order_ref)?)
    }

    fn executions(&mut self, order_id: i32) -> Result<Vec<Fill>, Stop> {
        Ok(self.tx.executions(order_id)?)
    }

    fn execution(&mut self, exec_id: &str) -> Result<Option<Fill>, Stop> {
        Ok(self.tx.execution(exec_id)?)
    }
}
