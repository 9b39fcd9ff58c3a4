//! The connections that read: a small fixed number, each with a thread of its own.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rusqlite::Connection;
use tokio_rusqlite::rusqlite::{self, OpenFlags};

use super::StoreError;
use super::start::{BUSY_WAIT, STATEMENTS};

/// Page cache of a reading connection, in KiB.
const READER_CACHE_KIB: u32 = 1024;

/// Reading connections, handed out one call at a time. Callers beyond their number wait in order.
#[derive(Debug)]
pub(super) struct Pool {
    connections: Vec<Connection>,
    permits: Arc<Semaphore>,
    /// Indexes of idle connections. A lock, held for a push or a pop: a permit is held by whoever touches it, so it never waits long.
    idle: Mutex<Vec<usize>>,
}

impl Pool {
    /// Takes over connections.
    pub(super) fn new(connections: Vec<Connection>) -> Arc<Self> {
        Arc::new(Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Mutex::new((0..connections.len()).collect()),
            connections,
        })
    }

    /// Runs `work` in one read transaction: it sees one state of the store, whoever writes meanwhile.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lent = self.lend().await?;
        let connection = self
            .connections
            .get(lent.index)
            .ok_or(StoreError::Closed)?
            .clone();
        connection
            .call_raw(move |connection| {
                // Goes back when the work is done, also where its caller has gone away.
                let _lent = lent;
                let transaction = connection.transaction()?;
                super::writer::caught(|| work(&transaction))
            })
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// Waits for the reads under way, then closes every connection.
    pub(super) async fn close(&self) {
        let all = u32::try_from(self.connections.len()).unwrap_or(u32::MAX);
        let _ = self.permits.acquire_many(all).await;
        self.permits.close();
        for connection in &self.connections {
            let _ = connection.clone().close().await;
        }
    }

    async fn lend(self: &Arc<Self>) -> Result<Lent, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let index = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop()
            .ok_or(StoreError::Closed)?;
        Ok(Lent {
            index,
            pool: Arc::clone(self),
            _permit: permit,
        })
    }
}

/// A connection in use.
struct Lent {
    index: usize,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(self.index);
    }
}

/// A connection that cannot write.
pub(super) fn reading(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let connection = rusqlite::Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.execute_batch(&format!(
        "PRAGMA query_only = ON;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA cache_size = -{READER_CACHE_KIB};"
    ))?;
    Ok(connection)
}
