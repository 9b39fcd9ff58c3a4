//! The tables, and how an older file becomes a current one.

mod third;

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use rusqlite_migration::{M, Migrations};
use tokio_rusqlite::rusqlite::Connection;

use super::{StoreError, file};

/// `application_id` in the header of every store: "IBOR".
pub(super) const APPLICATION_ID: u32 = 0x4942_4F52;

/// The newest schema version known here: `user_version` of a current file.
pub(super) const VERSION: i64 = 3;

/// Brings an older file forward; each step is one transaction.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    Migrations::new(steps())
        .to_latest(connection)
        .map_err(|error| match error {
            rusqlite_migration::Error::RusqliteError { err, .. } => err.into(),
            other => StoreError::Damaged(other.to_string()),
        })
}

/// Keeps a store as it is beside it, as `<name>.schema<version>`, before it is migrated: an older gateway can still be started on that. The
/// copy is on disk before this returns; one that was cut short earlier is made anew.
pub(super) fn keep_copy(
    connection: &Connection,
    path: &Path,
    version: i64,
) -> Result<(), StoreError> {
    let copy = file::beside(path, &format!(".schema{version}"));
    let partial = file::beside(&copy, ".partial");
    let failed = |what, error| StoreError::file(what, &partial, &error);
    match fs::remove_file(&partial) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed("remove", error)),
        Ok(()) | Err(_) => {}
    }
    let name = partial
        .to_str()
        .ok_or_else(|| StoreError::Io(format!("{} is not UTF-8", partial.display())))?;
    // Into an empty file, so that it is its owner's alone like the store itself.
    file::make(&partial)?;
    connection.execute("VACUUM INTO :copy", [name])?;
    File::open(&partial)
        .and_then(|file| file.sync_all())
        .map_err(|error| failed("sync", error))?;
    fs::rename(&partial, &copy).map_err(|error| failed("rename", error))?;
    file::sync_parent(&copy)?;
    tracing::info!(copy = %copy.display(), "kept the store as it was before it is migrated");
    Ok(())
}

/// Never edit a step that was released: add one, and count it in [`VERSION`].
fn steps() -> Vec<M<'static>> {
    vec![
        M::up(FIRST),
        M::up(SECOND),
        M::up_with_hook(third::TABLES, third::fill_in),
    ]
}

// Columns stand in the order of `OrderState`. Decimals and times are TEXT, so that nothing is rounded and sqlite3 shows what people
// expect. An order id is used once and grows, so the row id is the order of placing too.
const FIRST: &str = "
PRAGMA application_id = 0x49424F52;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE orders (
    order_id         INTEGER NOT NULL PRIMARY KEY CHECK (order_id > 0),
    status           TEXT    NOT NULL,
    filled           TEXT    NOT NULL,
    avg_fill_price   TEXT,
    symbol           TEXT    NOT NULL CHECK (symbol <> ''),
    action           TEXT    NOT NULL CHECK (action IN ('BUY', 'SELL')),
    order_type       TEXT    NOT NULL,
    quantity         TEXT    NOT NULL,
    limit_price      TEXT,
    tif              TEXT    NOT NULL,
    transmit         INTEGER NOT NULL CHECK (transmit IN (0, 1)),
    order_ref        TEXT    NOT NULL,
    last_error_code  INTEGER,
    last_error       TEXT,
    perm_id          INTEGER,
    last_update      TEXT    NOT NULL,
    raw_state        TEXT,
    client_id        INTEGER NOT NULL,
    account          TEXT    NOT NULL,
    request_id       TEXT    NOT NULL UNIQUE,
    remaining        TEXT    NOT NULL,
    terminal         INTEGER NOT NULL CHECK (terminal IN (0, 1)),
    sequence         INTEGER NOT NULL CHECK (sequence > 0),
    commission       TEXT,
    sec_type         TEXT    NOT NULL,
    exchange         TEXT    NOT NULL,
    currency         TEXT    NOT NULL,
    primary_exch     TEXT,
    outside_rth      INTEGER NOT NULL CHECK (outside_rth IN (0, 1)),
    client_tag       TEXT,
    cancel_requested INTEGER NOT NULL CHECK (cancel_requested IN (0, 1)),
    created_at       TEXT    NOT NULL,
    digest           BLOB    NOT NULL CHECK (length(digest) = 32),
    acknowledged     INTEGER NOT NULL CHECK (acknowledged IN (0, 1))
) STRICT;

CREATE INDEX orders_live      ON orders (sequence) WHERE terminal = 0;
CREATE INDEX orders_by_status ON orders (status);
CREATE INDEX orders_by_symbol ON orders (symbol, status);
CREATE INDEX orders_by_perm   ON orders (perm_id) WHERE perm_id IS NOT NULL;
CREATE INDEX orders_by_ref    ON orders (order_ref);

CREATE TABLE order_events (
    sequence INTEGER NOT NULL PRIMARY KEY CHECK (sequence > 0),
    order_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL CHECK (kind IN ('order', 'fill')),
    body     TEXT    NOT NULL
) STRICT;

CREATE INDEX order_events_by_order ON order_events (order_id);

CREATE TRIGGER order_events_are_never_changed BEFORE UPDATE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;

CREATE TRIGGER order_events_are_never_deleted BEFORE DELETE ON order_events
BEGIN SELECT RAISE(ABORT, 'order_events is append-only'); END;

CREATE TABLE executions (
    execution  INTEGER NOT NULL PRIMARY KEY,
    order_id   INTEGER NOT NULL,
    exec_id    TEXT    NOT NULL UNIQUE CHECK (exec_id <> ''),
    quantity   TEXT    NOT NULL,
    price      TEXT    NOT NULL,
    time       TEXT,
    exchange   TEXT    NOT NULL,
    commission TEXT,
    currency   TEXT
) STRICT;

CREATE INDEX executions_by_order ON executions (order_id);
";

// An event says what can change about its order; what was asked stands in the order's row, which never changes it. TWS's report has
// a column of its own: inside of the body each of its quotes would be escaped, and read back.
//
// What most updates change (status, sequence) must not move an order within an index: an entry that moves is two searches and one
// or two more pages in the log, for each of them. So the indexes that name a status hold only what has ended, and an order that
// lives is found among the living: `orders_live` is small however many orders there are. Each ends in the row id, so that a page of
// a filtered list is a range of it. A reference that is the request id is found by the index of that.
const SECOND: &str = "
DROP INDEX orders_live;
DROP INDEX orders_by_status;
DROP INDEX orders_by_symbol;
DROP INDEX orders_by_ref;

CREATE INDEX orders_live      ON orders (terminal)       WHERE terminal = 0;
CREATE INDEX orders_by_status ON orders (status)         WHERE terminal = 1;
CREATE INDEX orders_by_symbol ON orders (symbol, status) WHERE terminal = 1;
CREATE INDEX orders_by_ref    ON orders (order_ref)      WHERE order_ref <> request_id;

ALTER TABLE order_events ADD COLUMN raw_state TEXT;
";

#[cfg(test)]
mod tests;
