//! Positions and values of the login's accounts as TWS last said them. Kept in memory only: TWS is the truth, and says all of it in each session.
//!
//! [`Accounts`] hears what TWS says and has one owner; a [`Snapshot`] of it is shared with everybody who reads, and [`AccountWatch`] shows what changed between
//! two of them.

mod accounts;
mod snapshot;
#[cfg(test)]
mod tests;
mod watch;

pub use accounts::{Accounts, Heard};
pub use snapshot::{DayProfit, Freshness, Snapshot};
pub use watch::AccountWatch;
