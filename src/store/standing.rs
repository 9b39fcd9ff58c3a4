//! Where the store stands at one moment: what a watch starts from.

use tokio_rusqlite::rusqlite::Connection;

use super::StoreError;
use super::reader::detail;
use super::start::head_sequence;
use crate::domain::{OrderDetail, OrderKey};

/// The head of the store and an order, read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The sequence of the last event; the base less one before the first.
    pub head_sequence: u64,
    /// The order asked for, where it exists.
    pub detail: Option<OrderDetail>,
}

/// Reads both.
pub(super) fn standing(
    connection: &Connection,
    base: u64,
    order_id: Option<i32>,
) -> Result<Standing, StoreError> {
    Ok(Standing {
        head_sequence: head_sequence(connection, base)?,
        detail: match order_id {
            Some(id) => detail(connection, &OrderKey::OrderId(id))?,
            None => None,
        },
    })
}
