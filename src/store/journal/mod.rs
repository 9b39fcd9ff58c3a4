//! A store that is one of several copies of a journal's history.
//!
//! Whoever leads has the rows of each commit captured into a batch, which stands in `journal_outbox` by the same transaction until the journal has it.
//! Whoever follows applies the batches of others, each in one transaction with its place in the journal, so that twice is once.

mod apply;
mod capture;
mod encoding;

use tokio_rusqlite::rusqlite::{self, Connection, OptionalExtension, named_params};

use super::StoreError;
pub(super) use apply::apply;
pub(super) use capture::{Capture, touch_everything};

/// Tables of a store that are its own, and no part of the history.
const LOCAL: [&str; 2] = ["journal", "journal_outbox"];

/// Which journal a store belongs to, and how far it has come in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Names the history: the same in every copy.
    pub store_id: String,
    /// The stream.
    pub stream: String,
    /// When that was made: another one of its name is another journal.
    pub created: String,
    /// How far.
    pub progress: Progress,
}

/// How far a store has come in its journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The last record that is applied here, or known to hold what was committed here.
    pub number: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// The highest epoch seen.
    pub epoch: u64,
    /// The last batch that is committed here.
    pub batch: u64,
}

/// Reads it. `None`: the store belongs to no journal.
pub(super) fn binding(connection: &Connection) -> Result<Option<Binding>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT store_id, stream, stream_created, number, hash, epoch, batch FROM journal",
        )?
        .query_row([], |row| {
            Ok(Binding {
                store_id: row.get(0)?,
                stream: row.get(1)?,
                created: row.get(2)?,
                progress: Progress {
                    number: row.get::<_, i64>(3)?.cast_unsigned(),
                    hash: row.get(4)?,
                    epoch: row.get::<_, i64>(5)?.cast_unsigned(),
                    batch: row.get::<_, i64>(6)?.cast_unsigned(),
                },
            })
        })
        .optional()?)
}

/// Binds a store that belongs to no journal.
pub(super) fn bind(connection: &Connection, binding: &Binding) -> Result<(), StoreError> {
    let Binding {
        store_id,
        stream,
        created,
        progress:
            Progress {
                number,
                hash,
                epoch,
                batch,
            },
    } = binding;
    connection.execute(
        "INSERT INTO journal (one, store_id, stream, stream_created, number, hash, epoch, batch) \
         VALUES (1, :store_id, :stream, :created, :number, :hash, :epoch, :batch)",
        named_params! {
            ":store_id": store_id,
            ":stream": stream,
            ":created": created,
            ":number": number.cast_signed(),
            ":hash": hash,
            ":epoch": epoch.cast_signed(),
            ":batch": batch.cast_signed(),
        },
    )?;
    Ok(())
}

/// Writes how far the store has come. The number of the last batch never goes back.
pub(super) fn set_progress(connection: &Connection, progress: &Progress) -> rusqlite::Result<()> {
    let Progress {
        number,
        hash,
        epoch,
        batch,
    } = progress;
    connection
        .prepare_cached(
            "UPDATE journal SET number = :number, hash = :hash, epoch = :epoch, batch = max(batch, :batch)",
        )?
        .execute(named_params! {
            ":number": number.cast_signed(),
            ":hash": hash,
            ":epoch": epoch.cast_signed(),
            ":batch": batch.cast_signed(),
        })
        .map(drop)
}

/// Takes batches that the journal has out of the outbox.
pub(super) fn forget_until(connection: &Connection, batch: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM journal_outbox WHERE batch <= :batch")?
        .execute(named_params! {":batch": batch.cast_signed()})
        .map(drop)
}

/// The batches that the journal may not have, oldest first.
pub(super) fn outbox(connection: &Connection) -> rusqlite::Result<Vec<(u64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT batch, bytes FROM journal_outbox ORDER BY batch")?
        .query_map([], |row| {
            Ok((row.get::<_, i64>(0)?.cast_unsigned(), row.get(1)?))
        })?
        .collect()
}

/// Whether something was ever instructed or heard here.
pub(super) fn has_rows(connection: &Connection) -> Result<bool, StoreError> {
    Ok(connection.query_row(
        "SELECT EXISTS (SELECT 1 FROM instructions) OR EXISTS (SELECT 1 FROM orders) OR EXISTS (SELECT 1 FROM order_events)",
        [],
        |row| row.get(0),
    )?)
}

/// A table of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Table {
    name: String,
    columns: Vec<String>,
    /// Its primary key, one or two columns.
    key: Vec<String>,
}

/// Every table of the history, by name. One that is added later is among them without being named here.
fn tables(connection: &Connection) -> Result<Vec<Table>, StoreError> {
    let names = connection
        .prepare(
            "SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
        )?
        .query_map([], |row| row.get::<_, String>(0))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut found = Vec::new();
    for name in names
        .into_iter()
        .filter(|name| !LOCAL.contains(&name.as_str()))
    {
        let mut columns = Vec::new();
        let mut key: Vec<(i64, String)> = Vec::new();
        let mut statement =
            connection.prepare("SELECT name, pk FROM pragma_table_info(:table, 'main')")?;
        let mut rows = statement.query(named_params! {":table": name})?;
        while let Some(row) = rows.next()? {
            let column: String = row.get(0)?;
            let place: i64 = row.get(1)?;
            if place > 0 {
                key.push((place, column.clone()));
            }
            columns.push(column);
        }
        key.sort();
        if !(1..=2).contains(&key.len()) {
            return Err(StoreError::Damaged(format!(
                "the table {name} has no primary key of one or two columns"
            )));
        }
        found.push(Table {
            name,
            columns,
            key: key.into_iter().map(|(_, column)| column).collect(),
        });
    }
    Ok(found)
}

/// Every table of the history, row by row: stores that hold the same are equal by it.
///
/// # Errors
/// [`StoreError`].
#[cfg(test)]
pub(crate) fn history_as_text(path: &std::path::Path) -> Result<Vec<String>, StoreError> {
    let connection = Connection::open(path)?;
    let mut lines = Vec::new();
    for table in tables(&connection)? {
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {}",
            table.columns.join(", "),
            table.name,
            table.key.join(", ")
        );
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let values = (0..table.columns.len())
                .map(|column| row.get_ref(column).map(|value| format!("{value:?}")))
                .collect::<rusqlite::Result<Vec<_>>>()?;
            lines.push(format!("{}: {}", table.name, values.join("|")));
        }
    }
    Ok(lines)
}

#[cfg(test)]
mod tests;
