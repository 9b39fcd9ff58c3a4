//! The connections that read: a small number, each with a thread of its own, opened as they are needed.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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
    /// Where more are opened when all that are open are in use.
    path: Option<PathBuf>,
    size: usize,
    permits: Arc<Semaphore>,
    /// Those not in use, the last used last. A lock, held for a push or a pop.
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// One connection and no more.
    pub(super) fn of(connection: Connection) -> Arc<Self> {
        Self::new(connection, None, 1)
    }

    /// One connection, and up to `size` when they are needed.
    pub(super) fn growing(connection: Connection, path: PathBuf, size: usize) -> Arc<Self> {
        Self::new(connection, Some(path), size)
    }

    fn new(connection: Connection, path: Option<PathBuf>, size: usize) -> Arc<Self> {
        Arc::new(Self {
            path,
            size,
            permits: Arc::new(Semaphore::new(size)),
            idle: Mutex::new(vec![connection]),
        })
    }

    /// Runs `work` in one read transaction: it sees one state of the store, whoever writes meanwhile.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lent = self.lend().await?;
        let connection = lent.connection.clone();
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
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        let _ = self.permits.acquire_many(all).await;
        self.permits.close();
        let connections = std::mem::take(&mut *self.idle());
        for connection in connections {
            let _ = connection.close().await;
        }
    }

    async fn lend(self: &Arc<Self>) -> Result<Lent, StoreError> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let idle = self.idle().pop();
        let connection = match (idle, &self.path) {
            (Some(connection), _) => connection,
            (None, Some(path)) => {
                let path = path.clone();
                let opened = tokio::task::spawn_blocking(move || reading(&path)).await;
                let opened = opened.map_err(|error| StoreError::Panicked(error.to_string()))??;
                Connection::from(opened)
            }
            (None, None) => return Err(StoreError::Closed),
        };
        Ok(Lent {
            connection,
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in use.
struct Lent {
    connection: Connection,
    pool: Arc<Pool>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.pool.idle().push(self.connection.clone());
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
