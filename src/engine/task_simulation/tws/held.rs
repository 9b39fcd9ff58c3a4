//! An order that TWS got, and what became of it.

use crate::domain::report_fixtures::OrderInTws;
use crate::domain::{Amount, OrderTicket};
use crate::engine::sim_support::CLIENT_ID;

/// Where an order stands in TWS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Life {
    /// Held back; no query shows it.
    Staged,
    /// Held back until TWS was restarted or the order discarded: TWS knows it no more.
    Forgotten,
    /// Refused with an error; no query shows it.
    Refused,
    /// Alive.
    Working,
    /// Ended.
    Filled,
    /// Ended.
    Cancelled,
    /// Refused after it was shown; a completed order says Cancelled.
    Inactive,
}

/// One execution, corrections applied.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Execution {
    pub(in crate::engine) stem: u64,
    pub(in crate::engine) revision: u32,
    pub(in crate::engine) shares: i64,
    pub(in crate::engine) cumulative: i64,
}

impl Execution {
    pub(in crate::engine) fn id(&self) -> String {
        format!("0000e0d5.{:08x}.01.{:02}", self.stem, self.revision)
    }
}

/// An order that TWS got.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Held {
    pub(in crate::engine) ticket: OrderTicket,
    pub(in crate::engine) life: Life,
    pub(super) perm_id: i64,
    pub(in crate::engine) executions: Vec<Execution>,
    /// An order that IB has not got yet.
    pub(super) pending: bool,
}

impl Held {
    pub(in crate::engine) fn quantity(&self) -> i64 {
        whole(self.ticket.terms.quantity)
    }

    /// The order by the names that reports carry.
    pub(super) fn named(&self) -> OrderInTws {
        OrderInTws {
            order_id: self.ticket.order_id,
            client_id: CLIENT_ID,
            perm_id: self.perm_id,
            order_ref: Some(self.ticket.order_ref.clone()),
            account: Some(self.ticket.account.clone()),
        }
    }

    /// What executed, corrections applied.
    pub(in crate::engine) fn executed(&self) -> i64 {
        self.executions.iter().map(|one| one.shares).sum()
    }

    /// What executed by TWS's own count, which corrections do not touch.
    pub(in crate::engine) fn counted(&self) -> i64 {
        self.executions.last().map_or(0, |one| one.cumulative)
    }
}

/// Every quantity of a simulation is whole.
pub(in crate::engine) fn whole(amount: Amount) -> i64 {
    amount.to_string().parse().unwrap_or(i64::MIN)
}
