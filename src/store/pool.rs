//! The connections that read: a small number, each with a thread of its own, opened as they are needed.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rusqlite::rusqlite::{self, OpenFlags};

use super::StoreError;
use super::identity::Identity;
use super::start::{BUSY_WAIT, STATEMENTS};
use super::worker::Connection;

/// Page cache of a reading connection, in KiB.
const READER_CACHE_KIB: u32 = 1024;

/// Connections that reads of watches leave to calls.
const KEPT_FOR_CALLS: usize = 1;

/// For whom the store is read. Watchers that catch up read page after page, thousands of them at a time: they share what calls leave them,
/// so that a Get never waits behind them all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// One question, one answer.
    Calls,
    /// A watch: where it begins, and what it missed. Whoever else reads page after page counts as one.
    Watches,
}

/// Reading connections, handed out one call at a time. Callers beyond their number wait in order, calls and watches apart.
#[derive(Debug)]
pub(super) struct Pool {
    /// Where more are opened when all that are open are in use.
    path: Option<PathBuf>,
    /// Whether that still leads to the store.
    identity: Option<Arc<Identity>>,
    size: usize,
    permits: Arc<Semaphore>,
    /// The permits that watches may have of those.
    watch_permits: Arc<Semaphore>,
    calls_waiting: AtomicUsize,
    watches_waiting: AtomicUsize,
    /// Those not in use, the last used last. A lock, held for a push or a pop.
    idle: Mutex<Vec<Connection>>,
}

impl Pool {
    /// One connection and no more.
    pub(super) fn of(connection: Connection) -> Arc<Self> {
        Self::new(connection, None, None, 1)
    }

    /// One connection, and up to `size` when they are needed.
    pub(super) fn growing(
        connection: Connection,
        path: PathBuf,
        identity: Option<Arc<Identity>>,
        size: usize,
    ) -> Arc<Self> {
        Self::new(connection, Some(path), identity, size)
    }

    fn new(
        connection: Connection,
        path: Option<PathBuf>,
        identity: Option<Arc<Identity>>,
        size: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            path,
            identity,
            size,
            permits: Arc::new(Semaphore::new(size)),
            watch_permits: Arc::new(Semaphore::new(size.saturating_sub(KEPT_FOR_CALLS).max(1))),
            calls_waiting: AtomicUsize::new(0),
            watches_waiting: AtomicUsize::new(0),
            idle: Mutex::new(vec![connection]),
        })
    }

    /// Runs `work` in one read transaction: it sees one state of the store, whoever writes meanwhile.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        whom: For,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let lent = self.lend(whom).await?;
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
        self.watch_permits.close();
        let connections = std::mem::take(&mut *self.idle());
        for connection in connections {
            // Each of them only reads: there is nothing that could be lost.
            let _ = super::closing::close(&connection).await;
        }
    }

    /// What happened to the files of the store, if they are not where they were.
    pub(super) fn lost(&self) -> Option<StoreError> {
        self.identity.as_ref().and_then(|identity| identity.lost())
    }

    /// Reads that wait for a connection: of calls, and of watches.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (
            self.calls_waiting.load(Ordering::Relaxed),
            self.watches_waiting.load(Ordering::Relaxed),
        )
    }

    async fn lend(self: &Arc<Self>, whom: For) -> Result<Lent, StoreError> {
        let acquire = async |permits: &Arc<Semaphore>| {
            let permit = Arc::clone(permits).acquire_owned().await;
            permit.map_err(|_| StoreError::Closed)
        };
        let counter = match whom {
            For::Calls => &self.calls_waiting,
            For::Watches => &self.watches_waiting,
        };
        let waiting = Waiting::begin(counter);
        let watch_permit = match whom {
            For::Calls => None,
            For::Watches => Some(acquire(&self.watch_permits).await?),
        };
        let permit = acquire(&self.permits).await?;
        drop(waiting);
        let idle = self.idle().pop();
        let connection = match (idle, &self.path) {
            (Some(connection), _) => connection,
            (None, Some(path)) => {
                if let Some(identity) = &self.identity {
                    identity.check()?;
                }
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
            _permits: (permit, watch_permit),
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
    _permits: (OwnedSemaphorePermit, Option<OwnedSemaphorePermit>),
}

/// A read that waits, counted until it does no more or its caller has gone.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(counter: &'a AtomicUsize) -> Self {
        counter.fetch_add(1, Ordering::Relaxed);
        Self(counter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::store::{Store, StoreSettings};

    #[tokio::test]
    async fn a_call_never_waits_behind_watches() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("orders.db");
        let opened = Store::open(StoreSettings {
            path: path.clone(),
            client_id: 1,
            address: None,
        });
        opened.await.unwrap().store.close().await.unwrap();
        let pool = Pool::growing(Connection::from(reading(&path).unwrap()), path, None, 2);
        // The first of the watches reads for as long as it is let, and the others wait.
        let (go_on, stop) = mpsc::channel::<()>();
        let mut stop = Some(stop);
        let watches: Vec<_> = (0..5)
            .map(|_| {
                let (pool, stop) = (Arc::clone(&pool), stop.take());
                tokio::spawn(async move {
                    let read = pool.read(For::Watches, move |_| {
                        let _ = stop.map(|stop| stop.recv());
                        Ok(())
                    });
                    read.await
                })
            })
            .collect();
        while pool.waiting() != (0, 4) {
            tokio::task::yield_now().await;
        }
        for _ in 0..3 {
            assert_eq!(pool.read(For::Calls, |_| Ok(7)).await, Ok(7));
        }
        assert_eq!(pool.waiting(), (0, 4));
        drop(go_on);
        for watch in watches {
            assert_eq!(watch.await.unwrap(), Ok(()));
        }
        pool.close().await;
    }
}
