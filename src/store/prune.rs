//! Taking orders that ended long ago out of the store, into an archive that is a store of its own.

use std::path::{Path, PathBuf};

use tokio_rusqlite::rusqlite::{self, Connection, OpenFlags, params};

use super::backup::backup;
use super::file;
use super::start::{BUSY_WAIT, set_durable};
use super::transaction::{SPENT_ORDER_ID, meta};
use super::{Store, StoreError, StoreSettings, Transaction};
use crate::domain::Timestamp;

/// What was taken out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Orders.
    pub orders: u64,
    /// Executions of theirs.
    pub executions: u64,
    /// Events of theirs.
    pub events: u64,
}

/// The orders that go: ended for good, last changed before `?1`, with all orders of their bracket. The one that the last event is about stays,
/// because cursors count from it, and so do those that TWS could bring back.
const CHOSEN: &str = "
CREATE TEMP TABLE chosen AS
SELECT order_id, bracket_id FROM orders
WHERE terminal = 1 AND status <> 'INACTIVE' AND other_working IS NULL AND unixepoch(last_update, 'subsec') < ?1
  AND order_id NOT IN (SELECT order_id FROM order_events ORDER BY sequence DESC LIMIT 1)";

const BRACKETS_WHOLE: &str = "
DELETE FROM chosen WHERE bracket_id IN
    (SELECT bracket_id FROM orders WHERE bracket_id IS NOT NULL AND order_id NOT IN (SELECT order_id FROM chosen))";

/// Takes every order that ended before a time out of a store, into an archive that must not exist yet. The archive is whole and on disk before anything is
/// taken out. Of each order its ids stay: its request id with its digest, its order id, its permanent ids and those of its executions.
///
/// # Errors
/// [`StoreError::Locked`] while a gateway has the store; [`StoreError::Io`] where the archive exists or cannot be written.
pub async fn prune(
    settings: StoreSettings,
    before: Timestamp,
    archive: PathBuf,
) -> Result<Pruned, StoreError> {
    let path = settings.path.clone();
    if file::look(&path)? == file::Found::New {
        return Err(StoreError::Missing { path });
    }
    let opened = Store::open(settings).await?;
    let store = opened.store;
    let pruned = async {
        backup(path, archive.clone()).await?;
        let pruned = store.transact(move |tx| tx.prune(before)).await?;
        let target = archive.clone();
        tokio::task::spawn_blocking(move || keep_pruned(&target, before))
            .await
            .map_err(|error| StoreError::Panicked(error.to_string()))??;
        Ok(pruned)
    };
    let pruned: Result<Pruned, StoreError> = pruned.await;
    store.close().await?;
    pruned
}

impl Transaction<'_> {
    /// Takes every order that ended before a time out of the store.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn prune(&mut self, before: Timestamp) -> Result<Pruned, StoreError> {
        self.directly(|connection| {
            choose(connection, before)?;
            connection.execute_batch(
                "INSERT INTO pruned_orders (order_id, request_id, perm_id, other_perm_ids)
                     SELECT order_id, request_id, perm_id, other_perm_ids FROM orders WHERE order_id IN (SELECT order_id FROM chosen);
                 INSERT OR IGNORE INTO pruned_executions (exec_id, order_id, perm_id)
                     SELECT exec_id, order_id, perm_id FROM executions WHERE order_id IN (SELECT order_id FROM chosen);",
            )?;
            let highest: Option<i32> =
                connection.query_row("SELECT max(order_id) FROM chosen", [], |row| row.get(0))?;
            let spent = meta(connection, SPENT_ORDER_ID)?.and_then(|text| text.parse().ok());
            if let Some(highest) = highest.max(spent) {
                connection.execute(
                    "INSERT OR REPLACE INTO meta (key, value) VALUES (?1, ?2)",
                    params![SPENT_ORDER_ID, highest.to_string()],
                )?;
            }
            let delete = |table: &str| {
                let sql = format!("DELETE FROM {table} WHERE order_id IN (SELECT order_id FROM chosen)");
                connection.execute(&sql, []).map(|rows| rows as u64)
            };
            delete("order_terms")?;
            connection.execute_batch(EVENTS_MAY_GO)?;
            let events = delete("order_events")?;
            connection.execute_batch(EVENTS_STAY)?;
            let executions = delete("executions")?;
            let orders = delete("orders")?;
            connection.execute_batch("DROP TABLE chosen")?;
            Ok(Pruned {
                orders,
                executions,
                events,
            })
        })
    }
}

/// Lets events be deleted for the length of a transaction.
const EVENTS_MAY_GO: &str = "DROP TRIGGER order_events_are_never_deleted;";
/// And not after it.
const EVENTS_STAY: &str =
    "CREATE TRIGGER order_events_are_never_deleted BEFORE DELETE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;";

fn choose(connection: &Connection, before: Timestamp) -> rusqlite::Result<()> {
    let before = before.unix_micros() as f64 / 1e6;
    connection.execute_batch("DROP TABLE IF EXISTS temp.chosen")?;
    connection.execute(CHOSEN, [before])?;
    connection.execute(BRACKETS_WHOLE, []).map(drop)
}

/// Leaves nothing but what was taken out in the copy of the whole.
fn keep_pruned(archive: &Path, before: Timestamp) -> Result<(), StoreError> {
    let connection = Connection::open_with_flags(
        archive,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    set_durable(&connection)?;
    choose(&connection, before)?;
    connection.execute_batch(&format!(
        "BEGIN IMMEDIATE;
         {EVENTS_MAY_GO}
         DELETE FROM order_terms WHERE order_id NOT IN (SELECT order_id FROM chosen);
         DELETE FROM order_events WHERE order_id NOT IN (SELECT order_id FROM chosen);
         DELETE FROM executions WHERE order_id NOT IN (SELECT order_id FROM chosen);
         DELETE FROM orders WHERE order_id NOT IN (SELECT order_id FROM chosen);
         {EVENTS_STAY}
         COMMIT;",
    ))?;
    drop(connection);
    file::sync_parent(archive)
}
