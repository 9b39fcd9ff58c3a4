//! Writes the rows of a batch that another store captured.

use prost::Message as _;
use tokio_rusqlite::rusqlite::{Connection, params_from_iter};

use super::encoding::{Batch, Row, Value};
use super::{Table, tables};
use crate::store::StoreError;

/// Writes every row of a batch, within the transaction that runs.
///
/// # Errors
/// [`StoreError::Refused`]: a newer gateway wrote it, or it is damaged.
pub(in crate::store) fn apply(connection: &Connection, bytes: &[u8]) -> Result<(), StoreError> {
    let batch = Batch::decode(bytes)
        .map_err(|error| StoreError::Refused(format!("a batch of the journal: {error}")))?;
    let known = tables(connection)?;
    let writers = batch
        .tables
        .iter()
        .map(|columns| Writer::of(&known, &columns.table, &columns.names))
        .collect::<Result<Vec<_>, _>>()?;
    let guards = guards(connection, &batch)?;
    for (name, _) in &guards {
        connection.execute_batch(&format!("DROP TRIGGER {name};"))?;
    }
    for row in &batch.rows {
        let writer = usize::try_from(row.table)
            .ok()
            .and_then(|place| writers.get(place))
            .ok_or_else(|| refused("a row of the journal names no table"))?;
        writer.write(connection, row)?;
    }
    for (_, sql) in &guards {
        connection.execute_batch(sql)?;
    }
    Ok(())
}

/// Triggers that keep rows from being deleted, of tables that the batch deletes from: whoever wrote it was allowed to, because it archived them.
fn guards(connection: &Connection, batch: &Batch) -> Result<Vec<(String, String)>, StoreError> {
    let shrinks = |place: usize| {
        let deletes = |row: &Row| row.deleted && usize::try_from(row.table) == Ok(place);
        batch.rows.iter().any(deletes)
    };
    let mut found = Vec::new();
    for (_, columns) in (0..)
        .zip(&batch.tables)
        .filter(|(place, _)| shrinks(*place))
    {
        let mut statement = connection.prepare_cached(
            "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger' AND tbl_name = ?1 AND sql LIKE '%BEFORE DELETE%'",
        )?;
        let rows = statement.query_map([&columns.table], |row| Ok((row.get(0)?, row.get(1)?)))?;
        for row in rows {
            found.push(row?);
        }
    }
    Ok(found)
}

struct Writer {
    columns: usize,
    insert: String,
    delete: String,
    /// The places of the key's columns.
    key: Vec<usize>,
}

impl Writer {
    /// The names come from the journal, so only those that the store has are used in statements.
    fn of(known: &[Table], name: &str, columns: &[String]) -> Result<Self, StoreError> {
        let newer = |what: String| {
            StoreError::Refused(format!(
                "a newer gateway wrote {what} into the journal, which this one does not have: upgrade this one"
            ))
        };
        let table = known
            .iter()
            .find(|table| table.name == name)
            .ok_or_else(|| newer(format!("the table {name}")))?;
        if let Some(unknown) = columns
            .iter()
            .find(|column| !table.columns.contains(column))
        {
            return Err(newer(format!("the column {name}.{unknown}")));
        }
        let key = table
            .key
            .iter()
            .map(|name| columns.iter().position(|column| column == name))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| refused("a row of the journal has no key"))?;
        let places = (1..=columns.len())
            .map(|place| format!("?{place}"))
            .collect::<Vec<_>>()
            .join(", ");
        let condition = table
            .key
            .iter()
            .enumerate()
            .map(|(place, column)| format!("{column} = ?{}", place + 1))
            .collect::<Vec<_>>()
            .join(" AND ");
        Ok(Self {
            columns: columns.len(),
            insert: format!(
                "INSERT OR REPLACE INTO {name} ({}) VALUES ({places})",
                columns.join(", ")
            ),
            delete: format!("DELETE FROM {name} WHERE {condition}"),
            key,
        })
    }

    fn write(&self, connection: &Connection, row: &Row) -> Result<(), StoreError> {
        let mut values: Vec<Option<&Value>> = vec![None; self.columns];
        for cell in &row.cells {
            let place = usize::try_from(cell.column).unwrap_or(usize::MAX);
            *values
                .get_mut(place)
                .ok_or_else(|| refused("a value of the journal names no column"))? =
                cell.value.as_ref();
        }
        let sql = if row.deleted {
            values = self.key.iter().map(|place| values[*place]).collect();
            &self.delete
        } else {
            &self.insert
        };
        connection
            .prepare_cached(sql)?
            .execute(params_from_iter(values.into_iter().map(Value::sql)))?;
        Ok(())
    }
}

fn refused(text: &str) -> StoreError {
    StoreError::Refused(text.to_owned())
}
