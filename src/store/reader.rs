//! Reads beside the writer.

use std::path::Path;
use std::sync::Arc;

use tokio_rusqlite::rusqlite::{self, OptionalExtension};

use super::columns::{self, select_order};
use super::file::{self, Found};
use super::pool::{self, For, Pool};
use super::snapshot::{self, Snapshot};
use super::start::{base_sequence, head_sequence};
use super::transaction::{PLACED_UNDER, fills_of};
use super::worker::Connection;
use super::{Cursor, StoreError, epochs, events, fills, list, schema};
use crate::domain::{
    GetIn, GetOut, ListIn, ListOut, OrderDetail, OrderKey, OrderState, StoredEvent,
};

/// Reads orders and events. Every call is one short read transaction and sees one state of the store, at least as new as the last
/// commit before it. A cheap handle.
#[derive(Debug, Clone)]
pub struct Reader {
    pub(super) pool: Arc<Pool>,
    base_sequence: u64,
}

impl Reader {
    pub(super) const fn new(pool: Arc<Pool>, base_sequence: u64) -> Self {
        Self {
            pool,
            base_sequence,
        }
    }

    /// Opens a store for reading, beside a running gateway or without one: takes no lock and changes nothing. Without a gateway SQLite
    /// leaves its empty log beside the file, so the directory has to be writable then.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no store; [`StoreError::OlderSchema`] when it has to be migrated first;
    /// as [`super::Store::open`] for a file that is not a store.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let path = path.as_ref().to_owned();
        let opened = tokio::task::spawn_blocking(move || {
            let missing = || StoreError::Missing { path: path.clone() };
            if file::look(&path)? == Found::New {
                return Err(missing());
            }
            let connection = pool::reading(&path)?;
            let found = file::judge(&connection, &path)?;
            if found == 0 {
                return Err(missing());
            }
            if found < schema::VERSION {
                return Err(StoreError::OlderSchema {
                    found,
                    known: schema::VERSION,
                });
            }
            let base = base_sequence(&connection)?;
            Ok((connection, base))
        });
        let (connection, base) = opened
            .await
            .map_err(|error| StoreError::Panicked(error.to_string()))??;
        Ok(Self::new(Pool::of(Connection::from(connection)), base))
    }

    /// One order and its fills.
    ///
    /// # Errors
    /// [`StoreError`], as for every read.
    pub async fn get(&self, key: OrderKey) -> Result<Option<OrderDetail>, StoreError> {
        self.pool
            .read(For::Calls, move |connection| Ok(detail(connection, &key)?))
            .await
    }

    /// One order and a page of its fills.
    ///
    /// # Errors
    /// [`StoreError::Request`] for a page size or page token that cannot be.
    pub async fn get_page(&self, request: GetIn) -> Result<Option<GetOut>, StoreError> {
        let base = self.base_sequence;
        self.pool
            .read(For::Calls, move |connection| {
                fills::load(connection, &request, base)
            })
            .await
    }

    /// A page of orders, newest first. Orders placed while somebody pages do not shift the pages.
    ///
    /// # Errors
    /// [`StoreError::Request`] for a page size or page token that cannot be.
    pub async fn list(&self, request: ListIn) -> Result<ListOut, StoreError> {
        let page = list::Page::read(request, self.base_sequence)?;
        self.pool
            .read(For::Calls, move |connection| page.load(connection))
            .await
    }

    /// Events after `sequence`, of one order or of all, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events_after(
        &self,
        sequence: u64,
        order_id: Option<i32>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.pool
            .read(For::Watches, move |connection| {
                events::after(connection, sequence, order_id, limit)
            })
            .await
    }

    /// The same of some orders, in the order of their sequences.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn events_of(
        &self,
        sequence: u64,
        orders: Arc<[i32]>,
        limit: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.pool
            .read(For::Watches, move |connection| {
                let mut found = Vec::new();
                for order_id in orders.iter() {
                    found.extend(events::after(connection, sequence, Some(*order_id), limit)?);
                }
                found.sort_by_key(|event| event.sequence);
                found.truncate(limit);
                Ok(found)
            })
            .await
    }

    /// The events with these sequences, in their order.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when one is missing.
    pub async fn events(&self, sequences: Vec<u64>) -> Result<Vec<StoredEvent>, StoreError> {
        self.pool
            .read(For::Watches, move |connection| {
                events::these(connection, &sequences)
            })
            .await
    }

    /// Every order that is not terminal, by sequence.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn live_orders(&self) -> Result<Vec<OrderState>, StoreError> {
        self.pool
            .read(For::Watches, move |connection| {
                let states = connection
                    .prepare_cached(select_order!("WHERE terminal = 0 ORDER BY sequence"))?
                    .query_map([], |row| {
                        columns::order_record(row).map(|record| record.state)
                    })?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                Ok(states)
            })
            .await
    }

    /// Where the store stands: its head, and some orders with their fills or else which orders are live, all of one moment.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn snapshot(&self, orders: Option<Arc<[i32]>>) -> Result<Snapshot, StoreError> {
        let base = self.base_sequence;
        self.pool
            .read(For::Watches, move |connection| {
                snapshot::read(connection, base, orders.as_deref())
            })
            .await
    }

    /// The orders of a bracket, its entry first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn bracket(&self, bracket_id: i32) -> Result<Vec<OrderState>, StoreError> {
        self.pool
            .read(For::Calls, move |connection| {
                Ok(bracket_of(connection, bracket_id)?)
            })
            .await
    }

    /// The ids of the orders of a bracket by that of any of them, ascending; the order alone where it belongs to none.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn family(&self, order_id: i32) -> Result<Vec<i32>, StoreError> {
        self.pool
            .read(For::Watches, move |connection| {
                let family = connection
                    .prepare_cached(
                        "SELECT order_id FROM orders WHERE order_id = ?1 OR \
                         bracket_id = (SELECT bracket_id FROM orders WHERE order_id = ?1) ORDER BY order_id",
                    )?
                    .query_map([order_id], |row| row.get(0))?
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                Ok(family)
            })
            .await
    }

    /// Where a cursor lies, a sequence that somebody wants to resume after.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn locate(&self, cursor: u64) -> Result<Cursor, StoreError> {
        let base = self.base_sequence;
        self.pool
            .read(For::Watches, move |connection| {
                let head = head_sequence(connection, base)?;
                Ok(epochs::locate(connection, base, head, cursor)?)
            })
            .await
    }

    /// The sequence of the last event; the base less one before the first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn head_sequence(&self) -> Result<u64, StoreError> {
        let base = self.base_sequence;
        self.pool
            .read(For::Watches, move |connection| {
                Ok(head_sequence(connection, base)?)
            })
            .await
    }

    /// What happened to the files of the store, if they are not where they were: nothing is written then.
    pub fn lost(&self) -> Option<StoreError> {
        self.pool.lost()
    }

    /// Reads that wait for a connection: of calls, and of watches.
    pub fn waiting(&self) -> (usize, usize) {
        self.pool.waiting()
    }

    /// The sequence of the store's first event.
    pub const fn base_sequence(&self) -> u64 {
        self.base_sequence
    }

    /// Waits for the reads under way and closes the connections.
    pub(super) async fn close(&self) {
        self.pool.close().await;
    }
}

/// An order and its fills.
pub(super) fn detail(
    connection: &rusqlite::Connection,
    key: &OrderKey,
) -> rusqlite::Result<Option<OrderDetail>> {
    let Some(order) = state_of(connection, key)? else {
        return Ok(None);
    };
    let fills = fills_of(connection, order.order_id)?;
    let legs = legs_of(connection, &order)?;
    Ok(Some(OrderDetail { order, fills, legs }))
}

/// The exits of a bracket's entry; none of any other order.
pub(super) fn legs_of(
    connection: &rusqlite::Connection,
    order: &OrderState,
) -> rusqlite::Result<Vec<OrderState>> {
    if order.bracket_id != Some(order.order_id) {
        return Ok(Vec::new());
    }
    let mut orders = bracket_of(connection, order.order_id)?;
    orders.retain(|leg| leg.order_id != order.order_id);
    Ok(orders)
}

fn bracket_of(
    connection: &rusqlite::Connection,
    bracket_id: i32,
) -> rusqlite::Result<Vec<OrderState>> {
    connection
        .prepare_cached(select_order!("WHERE bracket_id = ?1 ORDER BY order_id"))?
        .query_map([bracket_id], |row| {
            columns::order_record(row).map(|record| record.state)
        })?
        .collect()
}

/// An order without its fills.
pub(super) fn state_of(
    connection: &rusqlite::Connection,
    key: &OrderKey,
) -> rusqlite::Result<Option<OrderState>> {
    let state = |row: &rusqlite::Row<'_>| columns::order_record(row).map(|record| record.state);
    match key {
        OrderKey::OrderId(id) => connection
            .prepare_cached(select_order!("WHERE order_id = ?1"))?
            .query_row([id], state),
        OrderKey::RequestId(id) => connection
            .prepare_cached(PLACED_UNDER)?
            .query_row([id], state),
    }
    .optional()
}
