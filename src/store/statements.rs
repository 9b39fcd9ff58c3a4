//! Statements held for the length of a transaction.

use std::fmt;

use tokio_rusqlite::rusqlite::{self, CachedStatement, Connection};

/// The statements that a transaction uses, each looked up once however many rows it writes. As many as the store has texts.
pub(super) struct StatementCache<'a> {
    connection: &'a Connection,
    statements: Vec<(&'static str, CachedStatement<'a>)>,
}

impl<'a> StatementCache<'a> {
    /// None yet.
    pub(super) const fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            statements: Vec::new(),
        }
    }

    /// The connection they belong to.
    pub(super) const fn connection(&self) -> &'a Connection {
        self.connection
    }

    /// The statement of this text.
    pub(super) fn statement(
        &mut self,
        sql: &'static str,
    ) -> rusqlite::Result<&mut CachedStatement<'a>> {
        let known = self
            .statements
            .iter()
            // The same text, not an equal one: where the compiler keeps two copies of it, both are held.
            .position(|(text, _)| std::ptr::eq(*text, sql));
        let index = match known {
            Some(index) => index,
            None => {
                let statement = self.connection.prepare_cached(sql)?;
                self.statements.push((sql, statement));
                self.statements.len() - 1
            }
        };
        Ok(&mut self.statements[index].1)
    }
}

impl fmt::Debug for StatementCache<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.statements.iter().map(|(text, _)| text))
            .finish()
    }
}
