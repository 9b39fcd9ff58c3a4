//! Other terms for an order that TWS has.
//!
//! A replacement is a placeOrder under the order's id. So it is sent only in a session in which TWS has shown that very order: a TWS that has
//! forgotten the order would take it for a new one. It is sent once. What becomes of it only TWS's open orders say.

mod ask;
mod sent;
mod shown;
mod terms;
mod verdict;

use std::time::Duration;

pub(crate) use terms::terms_for;

use crate::error::{Error, Reason};

/// A refusal beyond IB's price band first shows the new price: what TWS shows once counts when it still stands so long after.
const ECHO_STANDS_AFTER: Duration = Duration::from_secs(1);
/// Silence about a replacement for so long: open orders are asked for.
const ASK_AFTER: Duration = Duration::from_secs(5);
/// Silence for so long: it is not confirmed. So long after it was accepted TWS may still take it back.
const UNDECIDED_FOR: Duration = Duration::from_secs(30);
/// Not a caller: the deadline is of an order's replacement.
pub(in crate::engine) const NOBODY: u64 = 0;

const OLD_TERMS: &str = "TWS still shows the old terms; the change may still come";

/// TWS has not shown the order in this session.
pub(in crate::engine) fn not_shown() -> Error {
    Error::new(
        Reason::TwsUnavailable,
        "TWS has not shown this order in this session, and a change of an order that it does not have would be a new order: nothing was sent; try again",
    )
    .retry_after(Duration::from_secs(1))
}
