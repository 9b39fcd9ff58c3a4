//! Why a control could not do it.

use std::time::Duration;

use thiserror::Error;

use super::super::order::OrderKey;

/// Why a control could not do it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ControlError {
    /// The simulator was shut down.
    #[error("the simulator has stopped")]
    Stopped,
    /// No such order. Refused orders are not orders.
    #[error("the simulator has no order {}", .0.order_id)]
    UnknownOrder(OrderKey),
    /// The order's state, named, does not allow it.
    #[error("order {} is {status}", .key.order_id)]
    NotWorking {
        /// The order.
        key: OrderKey,
        /// Its state.
        status: &'static str,
    },
    /// No such execution.
    #[error("the simulator has no execution {0}")]
    UnknownExecution(String),
    /// No such symbol.
    #[error("the simulator has no symbol {0}")]
    UnknownSymbol(String),
    /// No such account in this login.
    #[error("the simulator has no account {0}")]
    UnknownAccount(String),
    /// What was waited for did not happen in time.
    #[error("what was waited for did not happen within {0:?}")]
    Timeout(Duration),
}
