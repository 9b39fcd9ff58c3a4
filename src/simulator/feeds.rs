//! What a connection is told about positions and accounts without asking again.

use std::collections::{BTreeMap, BTreeSet};

/// The last text that was told of each key and currency.
pub(crate) type Told = BTreeMap<(String, Option<String>), String>;

/// Subscriptions of one connection.
#[derive(Debug, Default)]
pub(crate) struct AccountFeeds {
    pub(crate) positions: bool,
    /// Of one account at a time.
    pub(crate) updates: Option<Updates>,
    /// By request id.
    pub(crate) summaries: BTreeMap<i32, Summary>,
    /// Every request id that ever asked for a summary.
    pub(crate) summary_ids: BTreeSet<i32>,
    /// The account of each, by request id.
    pub(crate) positions_multi: BTreeMap<i32, String>,
    /// By request id.
    pub(crate) updates_multi: BTreeMap<i32, Updates>,
    /// By request id.
    pub(crate) pnl: BTreeMap<i32, Profit>,
}

/// Values of an account.
#[derive(Clone, Debug)]
pub(crate) struct Updates {
    pub(crate) account: String,
    /// Only cash and net liquidation value.
    pub(crate) ledger_only: bool,
    /// The values so far were wrong, and said so.
    pub(crate) not_ready: bool,
    pub(crate) told: Told,
}

/// Values of all accounts.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    pub(crate) tags: Vec<String>,
    /// By account.
    pub(crate) told: BTreeMap<String, Told>,
}

/// Profit and loss of an account, or of one position in it.
#[derive(Clone, Debug)]
pub(crate) struct Profit {
    pub(crate) account: String,
    pub(crate) con_id: Option<i32>,
    /// What was told last, as it was written.
    pub(crate) told: Vec<u8>,
}

impl AccountFeeds {
    /// Whether anything is told by the clock.
    pub(crate) fn any_values(&self) -> bool {
        self.updates.is_some() || !self.updates_multi.is_empty() || !self.summaries.is_empty()
    }
}
