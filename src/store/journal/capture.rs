//! Which rows a transaction changed, and what they are at its end.
//!
//! Triggers of the writer's connection alone note the key of every row that is written, whoever writes it, so that no statement can be forgotten. They are
//! in the temporary schema: the file is the same with and without them, and a store without a journal has none.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use prost::Message as _;
use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, named_params, params};

use super::encoding::{Batch, Cell, Columns, Row, Value};
use super::{Progress, Table, forget_until, outbox, set_progress, tables};
use crate::store::StoreError;

/// Where batches go once they are committed, in the order of their numbers.
type Sink = Box<dyn Fn(u64, Vec<u8>) + Send + Sync>;

/// What a store needs to know to capture the rows of each commit.
pub(in crate::store) struct Capture {
    tables: Vec<Captured>,
    sink: Sink,
    /// The last batch that is committed.
    committed: AtomicU64,
    /// What is known of the journal since the last commit. A lock, held for a copy.
    acknowledged: Mutex<Option<Progress>>,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("committed", &self.committed)
            .finish_non_exhaustive()
    }
}

struct Captured {
    table: Table,
    /// Reads one row by its key.
    select: String,
}

/// A batch that is in the outbox of a transaction that is not committed yet.
#[derive(Debug)]
pub(in crate::store) struct Pending {
    batch: u64,
    bytes: Vec<u8>,
}

impl Capture {
    /// Starts to capture on this connection, and hands the batches of the outbox to `sink`.
    pub(in crate::store) fn start(connection: &Connection, sink: Sink) -> Result<Self, StoreError> {
        let tables = tables(connection)?;
        connection.execute_batch(
            "CREATE TEMP TABLE journal_touched (
                 touch INTEGER PRIMARY KEY,
                 place INTEGER NOT NULL,
                 key   NOT NULL,
                 more  NOT NULL,
                 UNIQUE (place, key, more)
             );",
        )?;
        for (place, table) in tables.iter().enumerate() {
            connection.execute_batch(&triggers(place, table))?;
        }
        let last: Option<i64> = connection
            .query_row("SELECT batch FROM journal", [], |row| row.get(0))
            .optional()?;
        for (batch, bytes) in outbox(connection)? {
            sink(batch, bytes);
        }
        Ok(Self {
            tables: tables.into_iter().map(Captured::of).collect(),
            sink,
            committed: AtomicU64::new(last.unwrap_or(0).cast_unsigned()),
            acknowledged: Mutex::default(),
        })
    }

    /// The last batch that is committed.
    pub(in crate::store) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    /// The journal has come so far. Written with the next commit: it costs no sync of its own, and is found out again where that never comes.
    pub(in crate::store) fn acknowledge(&self, progress: Progress) {
        *self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(progress);
    }

    /// Whether something is known of the journal that no commit has written yet.
    pub(in crate::store) fn has_news(&self) -> bool {
        self.acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }

    /// Puts what this transaction has changed into the outbox, by the same transaction. `None`: nothing of the history.
    pub(in crate::store) fn collect(
        &self,
        connection: &Connection,
    ) -> Result<Option<Pending>, StoreError> {
        let news = *self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(progress) = news {
            forget_until(connection, progress.batch)?;
            set_progress(connection, &progress)?;
        }
        let batch = self.rows(connection)?;
        if batch.rows.is_empty() {
            return Ok(None);
        }
        let number = connection
            .prepare_cached("UPDATE journal SET batch = batch + 1 RETURNING batch")?
            .query_row([], |row| row.get::<_, i64>(0))?
            .cast_unsigned();
        let bytes = batch.encode_to_vec();
        connection
            .prepare_cached("INSERT INTO journal_outbox (batch, bytes) VALUES (:batch, :bytes)")?
            .execute(named_params! {":batch": number.cast_signed(), ":bytes": bytes})?;
        Ok(Some(Pending {
            batch: number,
            bytes,
        }))
    }

    /// The transaction is committed.
    pub(in crate::store) fn committed_now(&self, pending: Option<Pending>) {
        *self
            .acknowledged
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(Pending { batch, bytes }) = pending {
            self.committed.store(batch, Ordering::Release);
            (self.sink)(batch, bytes);
        }
    }

    fn rows(&self, connection: &Connection) -> Result<Batch, StoreError> {
        let mut batch = Batch::default();
        let mut places: HashMap<usize, u32> = HashMap::new();
        {
            let mut touched = connection.prepare_cached(
                "SELECT place, key, more FROM temp.journal_touched ORDER BY touch",
            )?;
            let mut touched = touched.query([])?;
            while let Some(row) = touched.next()? {
                let place = usize::try_from(row.get::<_, i64>(0)?).unwrap_or(usize::MAX);
                let Some(captured) = self.tables.get(place) else {
                    continue;
                };
                let at = *places.entry(place).or_insert_with(|| {
                    batch.tables.push(Columns {
                        table: captured.table.name.clone(),
                        names: captured.table.columns.clone(),
                    });
                    u32::try_from(batch.tables.len() - 1).unwrap_or(u32::MAX)
                });
                let key: rusqlite::types::Value = row.get(1)?;
                let more: rusqlite::types::Value = row.get(2)?;
                batch.rows.push(captured.row(connection, at, &key, &more)?);
            }
        }
        if !batch.rows.is_empty() {
            connection
                .prepare_cached("DELETE FROM temp.journal_touched")?
                .execute([])?;
        }
        Ok(batch)
    }
}

impl Captured {
    fn of(table: Table) -> Self {
        let columns = table.columns.join(", ");
        let key = match table.key.as_slice() {
            [only] => format!("{only} = ?1 AND ?2 = 0"),
            both => format!("({}) = (?1, ?2)", both.join(", ")),
        };
        let select = format!("SELECT {columns} FROM main.{} WHERE {key}", table.name);
        Self { table, select }
    }

    /// A row as it is now, or only its key where it is gone.
    fn row(
        &self,
        connection: &Connection,
        table: u32,
        key: &rusqlite::types::Value,
        more: &rusqlite::types::Value,
    ) -> Result<Row, StoreError> {
        let cells = connection
            .prepare_cached(&self.select)?
            .query_row(params![key, more], |row| {
                let mut cells = Vec::with_capacity(self.table.columns.len());
                for column in 0..self.table.columns.len() {
                    if let Some(value) = Value::of(row.get_ref(column)?) {
                        cells.push(cell(column, value));
                    }
                }
                Ok(cells)
            })
            .optional()?;
        if let Some(cells) = cells {
            return Ok(Row {
                table,
                deleted: false,
                cells,
            });
        }
        let of_key = |name: &String| self.table.columns.iter().position(|column| column == name);
        let cells = self
            .table
            .key
            .iter()
            .zip([key, more])
            .filter_map(|(name, value)| Some(cell(of_key(name)?, Value::of(value.into())?)))
            .collect();
        Ok(Row {
            table,
            deleted: true,
            cells,
        })
    }
}

fn cell(column: usize, value: Value) -> Cell {
    Cell {
        column: u32::try_from(column).unwrap_or(u32::MAX),
        value: Some(value),
    }
}

/// Notes the key of every row of a table that is written. A key of one column has 0 for the second.
fn triggers(place: usize, table: &Table) -> String {
    let name = &table.name;
    let key = |row: &str| match table.key.as_slice() {
        [only] => format!("{row}.{only}, 0"),
        both => both
            .iter()
            .map(|column| format!("{row}.{column}"))
            .collect::<Vec<_>>()
            .join(", "),
    };
    // A conflict clause here would give way to the one of the statement that fires the trigger.
    let note = |row: &str| {
        let key = key(row);
        format!(
            "INSERT INTO journal_touched (place, key, more) SELECT {place}, {key} \
             WHERE NOT EXISTS (SELECT 1 FROM journal_touched WHERE (place, key, more) = ({place}, {key}));"
        )
    };
    let (new, old) = (note("NEW"), note("OLD"));
    format!(
        "CREATE TEMP TRIGGER journal_{name}_inserted AFTER INSERT ON main.{name} BEGIN {new} END;
         CREATE TEMP TRIGGER journal_{name}_updated AFTER UPDATE ON main.{name} BEGIN {old} {new} END;
         CREATE TEMP TRIGGER journal_{name}_deleted AFTER DELETE ON main.{name} BEGIN {old} END;"
    )
}

/// Makes every row of the history part of the transaction that runs: what a new journal begins with.
pub(in crate::store) fn touch_everything(connection: &Connection) -> Result<(), StoreError> {
    for (place, table) in tables(connection)?.iter().enumerate() {
        let order = table.key.join(", ");
        let more = if table.key.len() == 1 { ", 0" } else { "" };
        connection.execute_batch(&format!(
            "INSERT OR IGNORE INTO temp.journal_touched (place, key, more) SELECT {place}, {order}{more} FROM main.{} ORDER BY {order};",
            table.name
        ))?;
    }
    Ok(())
}
