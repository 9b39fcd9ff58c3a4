//! The one writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;
use tokio_rusqlite::Connection;
use tokio_rusqlite::rusqlite;

use super::lock::StoreLock;
use super::pool::{self, Pool};
use super::scope::Scope;
use super::start::{self, Facts, Opened, Started, StoreSettings};
use super::{Reader, StoreError, Transaction, file};

/// Transactions that may wait for the writer. The engine has one under way at a time; more wait for a place here.
const QUEUE_MAX: usize = 16;
/// The most connections that read.
const READERS: usize = 4;
/// Size of the log at which readers are waited for, so that it starts anew. They are short, but they may follow each other without
/// a gap, and then the log that SQLite writes back by itself would never end.
const LOG_BYTES_MAX: u64 = 64 << 20;

/// The store. A cheap handle; whoever writes does it on one thread, one transaction after the other.
#[derive(Debug, Clone)]
pub struct Store {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    connection: Connection,
    permits: Arc<Semaphore>,
    reader: Reader,
    /// Set by a commit whose outcome is unknown: nothing is written after it.
    broken: OnceLock<StoreError>,
    commits: AtomicU64,
    /// `None`: in memory.
    log: Option<PathBuf>,
    /// Size of the log at which it is next asked to start anew.
    log_bytes_max: AtomicU64,
    /// Held while the store is open. A lock so that the last of many handles can give it back.
    lock: Mutex<Option<StoreLock>>,
    /// Commits that fail from now on, as they do on a full disk.
    #[cfg(test)]
    refusals: AtomicU64,
}

impl Store {
    /// Opens the store, making or migrating it where needed.
    ///
    /// # Errors
    /// [`StoreError::Locked`] names the gateway that holds it; [`StoreError::NotADatabase`], [`StoreError::OtherApplication`],
    /// [`StoreError::NewerSchema`] and [`StoreError::OtherClientId`] leave the file as it was.
    pub async fn open(settings: StoreSettings) -> Result<Opened, StoreError> {
        let started = tokio::task::spawn_blocking(move || {
            let started = start::on_disk(&settings)?;
            let path = started.path.clone().unwrap_or(settings.path);
            let reader = pool::reading(&path)?;
            Ok((started, reader, path))
        });
        let (started, reader, path) = joined(started.await)?;
        let readers = Pool::growing(Connection::from(reader), path, READERS);
        Ok(Self::assemble(started, Some(readers)))
    }

    /// A store in memory, for tests and dry runs: everything but a disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_in_memory(client_id: i32) -> Result<Opened, StoreError> {
        let started =
            joined(tokio::task::spawn_blocking(move || start::in_memory(client_id)).await)?;
        Ok(Self::assemble(started, None))
    }

    fn assemble(started: Started, readers: Option<Arc<Pool>>) -> Opened {
        let Started {
            connection,
            lock,
            path,
            facts,
        } = started;
        let Facts {
            base_sequence,
            live,
            fills,
            head_sequence,
            highest_order_id,
            accounts,
        } = facts;
        let connection = Connection::from(connection);
        let readers = readers.unwrap_or_else(|| Pool::of(connection.clone()));
        let store = Self {
            shared: Arc::new(Shared {
                connection,
                permits: Arc::new(Semaphore::new(QUEUE_MAX)),
                reader: Reader::new(readers, base_sequence),
                broken: OnceLock::new(),
                commits: AtomicU64::new(0),
                log: path.map(|path| file::beside(&path, "-wal")),
                log_bytes_max: AtomicU64::new(LOG_BYTES_MAX),
                lock: Mutex::new(lock),
                #[cfg(test)]
                refusals: AtomicU64::new(0),
            }),
        };
        Opened {
            store,
            live,
            fills,
            head_sequence,
            highest_order_id,
            accounts,
        }
    }

    /// Does `work` in one transaction on the store's thread: everything it wrote is on disk when this answers `Ok`, with one sync;
    /// nothing is when it answers an error other than [`StoreError::OutcomeUnknown`]. What only reads costs no sync.
    ///
    /// Once begun it ends, whether or not somebody still waits for the answer.
    ///
    /// # Errors
    /// What `work` answered, else why the commit failed.
    pub async fn transact<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(&self.shared.permits)
            .acquire_owned()
            .await
            .map_err(|_| StoreError::Closed)?;
        let shared = Arc::clone(&self.shared);
        self.shared
            .connection
            .call_raw(move |connection| {
                let _permit = permit;
                shared.commit(connection, work)
            })
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// The handle that reads.
    pub fn reader(&self) -> Reader {
        self.shared.reader.clone()
    }

    /// Transactions that wrote something since the store was opened: one sync each, but for what the log's writing back costs.
    pub fn commits(&self) -> u64 {
        self.shared.commits.load(Ordering::Relaxed)
    }

    /// Makes the next so many commits fail for lack of room.
    #[cfg(test)]
    pub(crate) fn refuse_commits(&self, commits: u64) {
        self.shared.refusals.store(commits, Ordering::Relaxed);
    }

    /// Ends what is under way, writes the log back into the database and gives the lock back. Other handles answer
    /// [`StoreError::Closed`] from now on.
    ///
    /// # Errors
    /// [`StoreError`] when the log could not be written back: nothing is lost, the next start reads it.
    pub async fn close(self) -> Result<(), StoreError> {
        let shared = &self.shared;
        let all = u32::try_from(QUEUE_MAX).unwrap_or(u32::MAX);
        // Whoever was here first is done when every permit is ours.
        let Ok(permits) = shared.permits.acquire_many(all).await else {
            return Ok(());
        };
        shared.permits.close();
        drop(permits);
        if shared.log.is_some() {
            shared.reader.close().await;
        }
        let broken = shared.broken.get().is_some();
        let written_back = shared
            .connection
            .call_raw(move |connection| {
                if broken {
                    // What is in the log is for the next start to find out.
                    let _ = connection.set_db_config(
                        rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
                        true,
                    );
                    return Ok(());
                }
                connection
                    .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
                    .map_err(StoreError::from)
            })
            .await
            .unwrap_or(Ok(()));
        let closed = shared.connection.clone().close().await;
        drop(
            shared
                .lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        written_back?;
        match closed {
            Ok(()) | Err(tokio_rusqlite::Error::ConnectionClosed) => Ok(()),
            Err(error) => Err(StoreError::Io(error.to_string())),
        }
    }
}

impl Shared {
    fn commit<T>(
        &self,
        connection: &rusqlite::Connection,
        work: impl FnOnce(&mut Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(error) = self.broken.get() {
            return Err(error.clone());
        }
        let before = connection.total_changes();
        // On any error it is dropped, which rolls it back.
        let scope = Scope::begin(connection)?;
        let mut transaction = Transaction::new(scope.connection());
        let value = caught(|| work(&mut transaction))?;
        if let Some(error) = transaction.given_up() {
            return Err(error);
        }
        drop(transaction);
        #[cfg(test)]
        if connection.total_changes() != before && self.takes_refusal() {
            return Err(StoreError::NoRoom);
        }
        fail::fail_point!("store-before-commit");
        let committed = injected_commit_failure().and_then(|()| scope.commit());
        if let Err(error) = committed.map_err(StoreError::from_commit) {
            if error.is_outcome_unknown() {
                let _ = self.broken.set(error.clone());
            }
            return Err(error);
        }
        fail::fail_point!("store-after-commit");
        if connection.total_changes() != before {
            self.commits.fetch_add(1, Ordering::Relaxed);
            self.bound_the_log(connection);
        }
        Ok(value)
    }

    #[cfg(test)]
    fn takes_refusal(&self) -> bool {
        self.refusals
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(1)
            })
            .is_ok()
    }

    /// Starts the log anew when it has grown beyond its bound. Where a long reader of another program prevents it, it is tried again
    /// after the log has grown by as much again.
    fn bound_the_log(&self, connection: &rusqlite::Connection) {
        let Some(log) = &self.log else { return };
        let bytes = std::fs::metadata(log).map_or(0, |log| log.len());
        if bytes < self.log_bytes_max.load(Ordering::Relaxed) {
            return;
        }
        let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, bool>(0)
        });
        let next = match busy {
            Ok(false) => LOG_BYTES_MAX,
            Ok(true) | Err(_) => {
                tracing::warn!(
                    bytes,
                    "a long reader keeps the store's log from being written back"
                );
                bytes + LOG_BYTES_MAX
            }
        };
        self.log_bytes_max.store(next, Ordering::Relaxed);
    }
}

/// A crash point: the commit fails as if its sync had (feature `failpoints`).
fn injected_commit_failure() -> rusqlite::Result<()> {
    fail::fail_point!("store-commit-fails", |_| Err(
        rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
            None
        )
    ));
    Ok(())
}

/// Keeps a panic from ending the store's thread: it becomes an error.
pub(super) fn caught<T>(work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no text".to_owned());
        Err(StoreError::Panicked(text))
    })
}

fn joined<T>(
    outcome: Result<Result<T, StoreError>, tokio::task::JoinError>,
) -> Result<T, StoreError> {
    outcome.map_err(|error| StoreError::Panicked(error.to_string()))?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{EventKind, Fill, StoredEvent};

    fn event(sequence: u64, exec_id: String) -> StoredEvent {
        StoredEvent {
            sequence,
            order_id: 1,
            kind: EventKind::Fill(Fill {
                order_id: 1,
                exec_id,
                quantity: 1.into(),
                price: 1.into(),
                time: None,
                exchange: String::new(),
                commission: None,
                currency: None,
            }),
        }
    }

    async fn limit_pages(store: &Store, pages: u32) {
        store
            .shared
            .connection
            .call_raw(move |connection| {
                connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
            })
            .await
            .unwrap()
            .unwrap();
    }

    #[tokio::test]
    async fn a_full_disk_rolls_back_and_writes_work_again_when_there_is_room() {
        let directory = tempfile::tempdir().unwrap();
        let opened = Store::open(StoreSettings {
            path: directory.path().join("orders.db"),
            client_id: 1,
            address: "here".to_owned(),
        })
        .await
        .unwrap();
        let (store, base) = (opened.store, opened.head_sequence);
        let write = |from: u64| {
            store.transact(move |t| {
                for n in from..from + 50 {
                    // A part that fails for lack of room must not let the rest be written outside of the transaction.
                    let _ = t.attempt(|t| t.append_event(&event(base + n, "x".repeat(1000))));
                }
                Ok(())
            })
        };
        write(1).await.unwrap();
        limit_pages(&store, 1).await;
        let refused = write(51).await.unwrap_err();
        assert!(refused.is_no_room(), "{refused}");
        assert_eq!(store.reader().head_sequence().await, Ok(base + 50));
        limit_pages(&store, 1_000_000).await;
        write(51).await.unwrap();
        assert_eq!(store.reader().head_sequence().await, Ok(base + 100));
        assert_eq!(store.commits(), 2);
        store.close().await.unwrap();
    }

    #[tokio::test]
    async fn a_log_that_reaches_its_bound_starts_anew() {
        let directory = tempfile::tempdir().unwrap();
        let opened = Store::open(StoreSettings {
            path: directory.path().join("orders.db"),
            client_id: 1,
            address: "here".to_owned(),
        })
        .await
        .unwrap();
        let (store, base) = (opened.store, opened.head_sequence);
        store.shared.log_bytes_max.store(1 << 20, Ordering::Relaxed);
        let log = store.shared.log.clone().unwrap();
        let bytes = || std::fs::metadata(&log).unwrap().len();
        let mut n = 0;
        while store.shared.log_bytes_max.load(Ordering::Relaxed) == 1 << 20 {
            assert!(bytes() < 2 << 20, "{} bytes after {n} commits", bytes());
            n += 100;
            store
                .transact(move |t| {
                    (n - 99..=n)
                        .try_for_each(|n| t.append_event(&event(base + n, "x".repeat(1000))))
                })
                .await
                .unwrap();
        }
        assert_eq!(bytes(), 0, "started anew");
        store.close().await.unwrap();
    }
}
