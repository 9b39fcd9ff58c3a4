//! The one writer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::Semaphore;
use tokio_rusqlite::rusqlite;

use super::checkpoint::Checkpoints;
use super::identity::Identity;
use super::journal::{self, Capture};
use super::pool::{self, Pool};
use super::scope::Scope;
use super::start::{self, Follow, OpenStore, Started, StoreSettings};
use super::worker::Connection;
use super::{Binding, Progress, Reader, StoreError, Transaction};
use crate::lock_file::LockFile;

/// Transactions that may wait for the writer. The engine has one under way at a time; more wait for a place here.
const QUEUE_MAX: usize = 16;
/// The most connections that read.
const READERS: usize = 4;

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
    checkpoints: Option<Checkpoints>,
    /// Set where the rows of each commit go to a journal.
    capture: OnceLock<Capture>,
    /// `None`: in memory.
    identity: Option<Arc<Identity>>,
    /// Held while the store is open. A lock so that the last of many handles can give it back.
    lock: Mutex<Option<LockFile>>,
    /// Commits that fail from now on, and how.
    #[cfg(any(test, feature = "internals"))]
    refusals: Mutex<(u64, StoreError)>,
}

impl Store {
    /// Opens the store, making or migrating it where needed.
    ///
    /// # Errors
    /// [`StoreError::Locked`] names the gateway that holds it; [`StoreError::NotADatabase`], [`StoreError::OtherApplication`],
    /// [`StoreError::NewerSchema`] and [`StoreError::OtherClientId`] leave the file as it was.
    pub async fn open(settings: StoreSettings) -> Result<OpenStore, StoreError> {
        Self::open_by(settings, start::on_disk).await
    }

    /// Opens the store to follow a journal, making it where there is none. What it starts from is read by [`Store::lead`] when it leads.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub async fn follow(settings: StoreSettings, follow: Follow) -> Result<OpenStore, StoreError> {
        Self::open_by(settings, move |settings| start::following(settings, follow)).await
    }

    async fn open_by(
        settings: StoreSettings,
        open: impl FnOnce(&StoreSettings) -> Result<Started, StoreError> + Send + 'static,
    ) -> Result<OpenStore, StoreError> {
        let started = tokio::task::spawn_blocking(move || {
            let started = open(&settings)?;
            let path = started.path.clone().unwrap_or(settings.path);
            let reader = pool::reading(&path)?;
            let checkpoints = Checkpoints::start(&path, started.identity.clone())?;
            Ok((started, reader, path, checkpoints))
        });
        let (started, reader, path, checkpoints) = joined(started.await)?;
        let identity = started.identity.clone();
        let readers = Pool::growing(Connection::from(reader), path, identity, READERS);
        Ok(Self::assemble(started, Some((readers, checkpoints))))
    }

    /// A store in memory, for tests and dry runs: everything but a disk.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn open_in_memory(client_id: i32) -> Result<OpenStore, StoreError> {
        let started =
            joined(tokio::task::spawn_blocking(move || start::in_memory(client_id)).await)?;
        Ok(Self::assemble(started, None))
    }

    pub(super) fn assemble(
        started: Started,
        on_disk: Option<(Arc<Pool>, Checkpoints)>,
    ) -> OpenStore {
        let Started {
            connection,
            lock,
            identity,
            path: _,
            base_sequence,
            recovered,
        } = started;
        let (readers, checkpoints) = match on_disk {
            Some((readers, checkpoints)) => (readers, Some(checkpoints)),
            None => (Pool::of(connection.clone()), None),
        };
        let store = Self {
            shared: Arc::new(Shared {
                connection,
                permits: Arc::new(Semaphore::new(QUEUE_MAX)),
                reader: Reader::new(readers, base_sequence),
                broken: OnceLock::new(),
                commits: AtomicU64::new(0),
                checkpoints,
                capture: OnceLock::new(),
                identity,
                lock: Mutex::new(lock),
                #[cfg(any(test, feature = "internals"))]
                refusals: Mutex::new((0, StoreError::NoRoom)),
            }),
        };
        OpenStore { store, recovered }
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

    /// Makes the next so many commits fail in this way: for lack of room, or because a row of theirs is refused.
    #[cfg(any(test, feature = "internals"))]
    pub fn refuse_commits(&self, commits: u64, how: StoreError) {
        *self
            .shared
            .refusals
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = (commits, how);
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
        if shared.checkpoints.is_some() {
            shared.reader.close().await;
            let shared = Arc::clone(shared);
            let ended = tokio::task::spawn_blocking(move || {
                if let Some(checkpoints) = &shared.checkpoints {
                    checkpoints.end();
                }
            });
            // What follows does not depend on it.
            let _ = ended.await;
        }
        let replaced = shared.check_identity().is_err();
        // What is in the log is for the next start to find out. And beside another file that has the store's name there may be a log of
        // its own, which SQLite would delete at the end.
        let left_alone = shared.broken.get().is_some() || replaced;
        let written_back = shared
            .connection
            .call_raw(move |connection| {
                if left_alone {
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
        let closed = super::closing::close(&shared.connection).await;
        if let Some(identity) = &shared.identity {
            identity.release();
        }
        drop(
            shared
                .lock
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        written_back?;
        closed.map_err(|error| StoreError::Io(error.to_string()))
    }
}

/// Of a store that is one of several copies of a journal's history.
impl Store {
    /// Which journal it belongs to, if any.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn binding(&self) -> Result<Option<Binding>, StoreError> {
        self.transact(|tx| journal::binding(tx.connection())).await
    }

    /// Binds it to a journal, as a copy of a history that others began.
    ///
    /// # Errors
    /// [`StoreError::Refused`] where it is bound.
    pub async fn bind(&self, binding: Binding) -> Result<(), StoreError> {
        self.transact(move |tx| journal::bind(tx.connection(), &binding))
            .await
    }

    /// Whether something was ever instructed or heard here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_rows(&self) -> Result<bool, StoreError> {
        self.transact(|tx| journal::has_rows(tx.connection())).await
    }

    /// Applies batches that another store captured, and how far that brings this one, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Refused`]: a newer gateway wrote them.
    pub async fn apply(&self, batches: Vec<Vec<u8>>, progress: Progress) -> Result<(), StoreError> {
        self.transact(move |tx| {
            for batch in &batches {
                journal::apply(tx.connection(), batch)?;
            }
            Ok(journal::set_progress(tx.connection(), &progress)?)
        })
        .await
    }

    /// The batches of the outbox, oldest first: the journal may not have them.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn outbox(&self) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        self.transact(|tx| Ok(journal::outbox(tx.connection())?))
            .await
    }

    /// The journal has the batches of the outbox up to that of `progress`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn adopt(&self, progress: Progress) -> Result<(), StoreError> {
        self.transact(move |tx| {
            journal::forget_until(tx.connection(), progress.batch)?;
            Ok(journal::set_progress(tx.connection(), &progress)?)
        })
        .await
    }

    /// Captures the rows of every commit from now on. What is in the outbox goes to `sink` first, then each batch once it is committed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn capture(
        &self,
        sink: impl Fn(u64, Vec<u8>) + Send + Sync + 'static,
    ) -> Result<(), StoreError> {
        let shared = Arc::clone(&self.shared);
        self.shared
            .connection
            .call_raw(move |connection| {
                let capture = Capture::start(connection, Box::new(sink))?;
                shared
                    .capture
                    .set(capture)
                    .map_err(|_| StoreError::Refused("commits are captured already".to_owned()))
            })
            .await
            .map_err(|_| StoreError::Closed)?
    }

    /// The last batch that is committed; 0 where nothing is captured.
    pub fn captured(&self) -> u64 {
        self.shared.capture.get().map_or(0, Capture::committed)
    }

    /// The journal has come so far. Written with the next commit.
    pub fn acknowledge(&self, progress: Progress) {
        if let Some(capture) = self.shared.capture.get() {
            capture.acknowledge(progress);
        }
    }

    /// Begins a run of a gateway that leads, and reads what it starts from. `is_new`: the history has no batch yet, and begins with every row that is
    /// stored here.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn lead(&self, is_new: bool) -> Result<OpenStore, StoreError> {
        let recovered = self
            .transact(move |tx| {
                let recovered = start::begin_run(tx.connection())?;
                if is_new {
                    journal::touch_everything(tx.connection())?;
                }
                Ok(recovered)
            })
            .await?;
        let store = self.clone();
        Ok(OpenStore { store, recovered })
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
        self.check_identity()?;
        let before = connection.total_changes();
        // On any error it is dropped, which rolls it back.
        let scope = Scope::begin(connection)?;
        let mut transaction = Transaction::new(scope.connection());
        let value = caught(|| work(&mut transaction))?;
        if let Some(error) = transaction.given_up() {
            return Err(error);
        }
        drop(transaction);
        let capture = self.capture.get();
        let captured = match capture {
            Some(capture) if connection.total_changes() != before || capture.has_news() => {
                capture.collect(connection)?
            }
            Some(_) | None => None,
        };
        #[cfg(any(test, feature = "internals"))]
        if connection.total_changes() != before
            && let Some(refusal) = self.takes_refusal()
        {
            return Err(refusal);
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
        if let Some(capture) = capture {
            capture.committed_now(captured);
        }
        let rows = connection.total_changes() - before;
        if rows > 0 {
            self.commits.fetch_add(1, Ordering::Relaxed);
            if let Some(checkpoints) = &self.checkpoints {
                checkpoints.after_commit(connection, rows);
            }
        }
        Ok(value)
    }

    fn check_identity(&self) -> Result<(), StoreError> {
        self.identity.as_ref().map_or(Ok(()), |files| files.check())
    }

    #[cfg(any(test, feature = "internals"))]
    fn takes_refusal(&self) -> Option<StoreError> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let (left, how) = &mut *refusals;
        *left = left.checked_sub(1)?;
        Some(how.clone())
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
mod tests;
