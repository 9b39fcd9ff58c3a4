//! The orders in memory: every order that has not ended, and for a while those that have.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Duration;

use super::live_order::LiveOrder;
use crate::domain::OrderRecord;
use crate::domain::lifecycle::TrackedOrder;

/// How long an order that has ended stays in memory: its late reports mostly come within that time.
const ENDED_KEPT: Duration = Duration::from_secs(60);
/// The most of them.
const ENDED_KEPT_MAX: usize = 4_096;

/// The orders in memory, and the ways to find them.
#[derive(Debug, Default)]
pub(crate) struct OrderCache {
    entries: BTreeMap<i32, LiveOrder>,
    by_request_id: HashMap<String, i32>,
    by_perm_id: HashMap<i64, i32>,
    by_exec_id: HashMap<String, i32>,
    /// Orders that had ended at that time, oldest first; some may have come back since.
    ended: VecDeque<(Duration, i32)>,
}

impl OrderCache {
    /// The order with this id.
    pub(crate) fn get(&self, order_id: i32) -> Option<&LiveOrder> {
        self.entries.get(&order_id)
    }

    /// The same, for what is not stored.
    pub(crate) fn get_mut(&mut self, order_id: i32) -> Option<&mut LiveOrder> {
        self.entries.get_mut(&order_id)
    }

    /// The order of a request.
    pub(crate) fn of_request(&self, request_id: &str) -> Option<i32> {
        self.by_request_id.get(request_id).copied()
    }

    /// The order with a permanent id.
    pub(crate) fn of_perm_id(&self, perm_id: i64) -> Option<i32> {
        self.by_perm_id.get(&perm_id).copied()
    }

    /// The order of an execution.
    pub(crate) fn of_execution(&self, exec_id: &str) -> Option<i32> {
        self.by_exec_id.get(exec_id).copied()
    }

    /// Every order in memory, by id.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (i32, &LiveOrder)> {
        self.entries.iter().map(|(id, entry)| (*id, entry))
    }

    /// The same, for what is not stored.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = &mut LiveOrder> {
        self.entries.values_mut()
    }

    /// Callers who wait for an order in memory.
    pub(crate) fn waiters(&self) -> impl Iterator<Item = u64> {
        self.entries
            .values()
            .flat_map(|entry| entry.runtime.waiters.iter().map(|waiter| waiter.id))
    }

    /// Takes an order in, or its new version.
    pub(crate) fn put(&mut self, entry: LiveOrder, now: Duration) {
        let TrackedOrder {
            record,
            executions,
            trail: _,
        } = &entry.order;
        let OrderRecord { state, .. } = record;
        let order_id = state.order_id;
        let known = self.entries.get(&order_id);
        if known.is_none() {
            self.by_request_id
                .insert(state.request_id.clone(), order_id);
        }
        let known_perm_id = known.and_then(|known| known.order.record.state.perm_id);
        if let Some(perm_id) = state.perm_id
            && known_perm_id != Some(perm_id)
        {
            self.by_perm_id.insert(perm_id, order_id);
        }
        let same_executions = known.is_some_and(|known| known.order.executions.is_same(executions));
        if !same_executions {
            for exec_id in executions.exec_ids() {
                if !self.by_exec_id.contains_key(exec_id) {
                    self.by_exec_id.insert(exec_id.to_owned(), order_id);
                }
            }
        }
        let ended_before = known.is_some_and(|known| known.order.record.state.terminal);
        if state.terminal && !ended_before {
            self.ended.push_back((now, order_id));
        }
        self.entries.insert(order_id, entry);
    }

    /// Lets orders go that ended a while ago.
    pub(crate) fn forget_ended(&mut self, now: Duration) {
        for _ in 0..self.ended.len() {
            let Some(&(since, order_id)) = self.ended.front() else {
                return;
            };
            if self.ended.len() <= ENDED_KEPT_MAX && since + ENDED_KEPT > now {
                return;
            }
            self.ended.pop_front();
            match self.entries.get(&order_id) {
                Some(entry) if entry.is_done() => self.remove(order_id),
                // Somebody still waits for it: looked at again later.
                Some(entry) if entry.order.record.state.terminal => {
                    self.ended.push_back((now, order_id));
                }
                Some(_) | None => {}
            }
        }
    }

    fn remove(&mut self, order_id: i32) {
        let Some(entry) = self.entries.remove(&order_id) else {
            return;
        };
        let TrackedOrder {
            record,
            executions,
            trail: _,
        } = &entry.order;
        self.by_request_id.remove(&record.state.request_id);
        if let Some(perm_id) = record.state.perm_id {
            self.by_perm_id.remove(&perm_id);
        }
        for exec_id in executions.exec_ids() {
            self.by_exec_id.remove(exec_id);
        }
    }
}
