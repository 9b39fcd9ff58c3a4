//! A row of the `orders` table: the order's state and what only the gateway itself needs of it.

use super::OrderState;

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderRecord {
    /// What everybody sees.
    pub state: OrderState,
    /// SHA-256 (32 bytes) over the checked order and whether it transmits: tells a repeated request from a reused request id.
    pub digest: Vec<u8>,
    /// Whether TWS ever showed that it has the order (an open order, a status, an execution, or the answered time request
    /// of a staged one).
    pub acknowledged: bool,
}
