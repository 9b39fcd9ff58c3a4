//! Fills, and what they cost.

use std::collections::{BTreeMap, VecDeque};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::wire;

/// One fill, as it was reported.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Fill {
    pub(crate) details: wire::ExecutionDetails,
    pub(crate) commission: wire::CommissionReport,
    /// Trading day.
    pub(crate) day: i32,
    /// Seconds since 1970.
    pub(crate) at: i64,
}

/// The fills that are remembered, and the accounts that they changed.
#[derive(Debug)]
pub(crate) struct Ledger {
    fills: VecDeque<Fill>,
    fills_max: usize,
    /// What each account begins with.
    opening: Account,
    accounts: BTreeMap<String, Account>,
}

impl Ledger {
    pub(crate) fn new(fills_max: usize, opening: Account) -> Self {
        Self {
            fills: VecDeque::new(),
            fills_max,
            opening,
            accounts: BTreeMap::new(),
        }
    }

    pub(crate) fn record(&mut self, fill: Fill) {
        if self.fills.len() >= self.fills_max {
            self.fills.pop_front();
        }
        self.fills.push_back(fill);
    }

    pub(crate) fn fills(&self) -> impl DoubleEndedIterator<Item = &Fill> {
        self.fills.iter()
    }

    /// The accounts that were traded in.
    pub(crate) fn accounts(&self) -> impl Iterator<Item = (&String, &Account)> {
        self.accounts.iter()
    }

    /// An account, as it began while nothing was traded in it.
    pub(crate) fn account(&self, name: &str) -> &Account {
        self.accounts.get(name).unwrap_or(&self.opening)
    }

    /// The same, to be changed.
    pub(crate) fn account_mut(&mut self, name: &str) -> &mut Account {
        let opening = &self.opening;
        self.accounts
            .entry(name.to_owned())
            .or_insert_with(|| opening.clone())
    }
}

/// Half a cent a share, at least a dollar an order: the shape of a real commission, not its exact amount.
pub(crate) fn commission(quantity: Decimal, first_of_order: bool) -> Decimal {
    let by_share = quantity.saturating_mul(Decimal::new(5, 3)).round_dp(6);
    if first_of_order {
        by_share.max(Decimal::ONE)
    } else {
        by_share
    }
}
