//! The beginning and the end of a transaction that writes.

use tokio_rusqlite::rusqlite::{self, Connection};

/// A transaction that has the write lock. Rolled back when it is dropped before its commit.
///
/// As rusqlite's own, but for statements that are prepared once: parsing BEGIN and COMMIT for each order costs as much as writing one
/// of its indexes.
pub(super) struct Scope<'a> {
    connection: &'a Connection,
}

impl<'a> Scope<'a> {
    /// Begins.
    pub(super) fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        execute(connection, "BEGIN IMMEDIATE")?;
        Ok(Self { connection })
    }

    /// What it runs on.
    pub(super) const fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// Commits; where that fails and left the transaction open, it is rolled back.
    pub(super) fn commit(self) -> rusqlite::Result<()> {
        execute(self.connection, "COMMIT")
    }
}

impl Drop for Scope<'_> {
    fn drop(&mut self) {
        // After a commit there is none, and after some errors SQLite has ended it by itself.
        if !self.connection.is_autocommit() {
            let _ = execute(self.connection, "ROLLBACK");
        }
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}
