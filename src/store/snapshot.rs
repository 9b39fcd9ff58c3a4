//! Where the store stands at one moment: what a watch starts from.

use tokio_rusqlite::rusqlite::{self, Connection};

use super::StoreError;
use super::reader::detail;
use super::start::head_sequence;
use crate::domain::{OrderDetail, OrderKey};

/// The head of the store and what is watched, read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The sequence of the last event; the base less one before the first.
    pub head_sequence: u64,
    /// The orders asked for that exist.
    pub details: Vec<OrderDetail>,
    /// Where none was asked for: the sequences of the events that made the live orders what they are, ascending. Their events are the
    /// orders as they are at the head, whenever they are read, since events never change.
    pub live: Vec<u64>,
}

/// Reads them.
pub(super) fn read(
    connection: &Connection,
    base: u64,
    orders: Option<&[i32]>,
) -> Result<Snapshot, StoreError> {
    let head_sequence = head_sequence(connection, base)?;
    let (mut details, mut sequences) = (Vec::new(), Vec::new());
    match orders {
        Some(orders) => {
            for order_id in orders {
                details.extend(detail(connection, &OrderKey::OrderId(*order_id))?);
            }
        }
        None => sequences = live(connection)?,
    }
    Ok(Snapshot {
        head_sequence,
        details,
        live: sequences,
    })
}

fn live(connection: &Connection) -> rusqlite::Result<Vec<u64>> {
    connection
        .prepare_cached("SELECT sequence FROM orders WHERE terminal = 0 ORDER BY sequence")?
        .query_map([], |row| row.get::<_, i64>(0).map(i64::cast_unsigned))?
        .collect()
}
