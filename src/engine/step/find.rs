//! Finding the order that an input is about: in the batch, in memory, in the store.

use super::super::batch::{Touched, Write};
use super::super::live_order::LiveOrder;
use super::super::risk::recount;
use super::super::rows::Stop;
use super::Step;
use crate::domain::lifecycle::TrackedOrder;
use crate::domain::{Instruction, OrderKey, OrderRecord};

impl Step<'_> {
    /// Makes a copy of an order of memory or store in the batch; false when there is none.
    pub(super) fn find(&mut self, order_id: i32) -> Result<bool, Stop> {
        if self.batch.touched.contains_key(&order_id) {
            return Ok(true);
        }
        let entry = match self.core.cache.get(order_id) {
            Some(entry) => entry.clone(),
            None => match self.rows.by_order_id(order_id)? {
                Some(record) => self.load(record)?,
                None => return Ok(false),
            },
        };
        self.touch(entry, Write::Nothing);
        Ok(true)
    }

    /// By either name.
    pub(super) fn find_key(&mut self, key: &OrderKey) -> Result<Option<i32>, Stop> {
        match key {
            OrderKey::OrderId(order_id) => Ok(self.find(*order_id)?.then_some(*order_id)),
            OrderKey::RequestId(request_id) => self.find_request(request_id),
        }
    }

    /// By the request it was placed under.
    pub(super) fn find_request(&mut self, request_id: &str) -> Result<Option<i32>, Stop> {
        let known = self
            .batch
            .by_request_id
            .get(request_id)
            .copied()
            .or_else(|| self.core.cache.of_request(request_id));
        match known {
            Some(order_id) => Ok(self.find(order_id)?.then_some(order_id)),
            None => match self.rows.by_request_id(request_id)? {
                Some(record) => self.take_in(record).map(Some),
                None => Ok(None),
            },
        }
    }

    /// The order in memory or batch that was placed under a request id.
    pub(super) fn known_request(&self, request_id: &str) -> Option<i32> {
        let in_batch = self.batch.by_request_id.get(request_id).copied();
        in_batch.or_else(|| self.core.cache.of_request(request_id))
    }

    /// What was instructed under a request id, of whatever kind.
    pub(super) fn find_instruction(
        &mut self,
        request_id: &str,
    ) -> Result<Option<Instruction>, Stop> {
        match self.batch.instructions.get(request_id) {
            Some(known) => Ok(Some(known.clone())),
            None => self.rows.instruction(request_id),
        }
    }

    /// By TWS's permanent id.
    pub(super) fn find_perm_id(&mut self, perm_id: i64) -> Result<Option<i32>, Stop> {
        let known = self
            .batch
            .by_perm_id
            .get(&perm_id)
            .copied()
            .or_else(|| self.core.cache.of_perm_id(perm_id));
        match known {
            Some(order_id) => Ok(self.find(order_id)?.then_some(order_id)),
            None => match self.rows.by_perm_id(perm_id)? {
                Some(record) => self.take_in(record).map(Some),
                None => Ok(None),
            },
        }
    }

    /// By one of its executions.
    pub(super) fn find_execution(&mut self, exec_id: &str) -> Result<Option<i32>, Stop> {
        let known = self
            .batch
            .by_exec_id
            .get(exec_id)
            .copied()
            .or_else(|| self.core.cache.of_execution(exec_id));
        let order_id = match known {
            Some(order_id) => order_id,
            None => match self.rows.execution(exec_id)? {
                Some(fill) => fill.order_id,
                None => return Ok(None),
            },
        };
        Ok(self.find(order_id)?.then_some(order_id))
    }

    /// Orders with this orderRef, newest first.
    pub(super) fn find_order_ref(&mut self, order_ref: &str) -> Result<Vec<i32>, Stop> {
        let records = self.rows.by_order_ref(order_ref)?;
        records
            .into_iter()
            .map(|record| self.take_in(record))
            .collect()
    }

    /// Ids of the orders in memory and batch of which `which` holds.
    pub(super) fn ids_where(&self, which: impl Fn(&LiveOrder) -> bool) -> Vec<i32> {
        let in_memory = self
            .core
            .cache
            .entries()
            .filter(|(order_id, _)| !self.batch.touched.contains_key(order_id));
        let in_batch = self
            .batch
            .touched
            .iter()
            .map(|(order_id, touched)| (*order_id, &touched.entry));
        let mut ids: Vec<i32> = in_memory
            .chain(in_batch)
            .filter(|(_, entry)| which(entry))
            .map(|(order_id, _)| order_id)
            .collect();
        ids.sort_unstable();
        ids
    }

    /// A copy for the batch.
    pub(super) fn touch(&mut self, entry: LiveOrder, write: Write) {
        let state = &entry.order.record.state;
        let order_id = state.order_id;
        if write == Write::Insert || self.core.cache.get(order_id).is_none() {
            self.batch
                .by_request_id
                .insert(state.request_id.clone(), order_id);
            if let Some(perm_id) = state.perm_id {
                self.batch.by_perm_id.insert(perm_id, order_id);
            }
        }
        self.batch
            .touched
            .insert(order_id, Touched { entry, write });
    }

    /// The copy of an order that was found.
    pub(super) fn entry(&mut self, order_id: i32) -> Option<&mut LiveOrder> {
        self.batch
            .touched
            .get_mut(&order_id)
            .map(|touched| &mut touched.entry)
    }

    /// Its stored part.
    pub(super) fn order(&mut self, order_id: i32) -> Option<&mut TrackedOrder> {
        self.entry(order_id).map(|entry| &mut entry.order)
    }

    /// A row just read, unless the batch or memory has the order already, and newer.
    fn take_in(&mut self, record: OrderRecord) -> Result<i32, Stop> {
        let order_id = record.state.order_id;
        if !self.batch.touched.contains_key(&order_id) {
            let entry = match self.core.cache.get(order_id) {
                Some(entry) => entry.clone(),
                None => self.load(record)?,
            };
            self.touch(entry, Write::Nothing);
        }
        Ok(order_id)
    }

    fn load(&mut self, record: OrderRecord) -> Result<LiveOrder, Stop> {
        let fills = self.rows.executions(record.state.order_id)?;
        let open = self.rows.open_instructions(record.state.order_id)?;
        let mut entry = LiveOrder::stored(record, fills, open);
        // What it executed today is in the totals already.
        recount(&mut entry, self.core.risk.day);
        Ok(entry)
    }
}
