//! Writes the log back into the database beside the commits.
//!
//! Where a commit does it, everything waits for it, for as long as the disk takes for megabytes. Here a thread of its own does it on
//! a connection of its own, and the writer adds only what was committed meanwhile: a few pages, after which SQLite begins the log
//! anew by itself.
//!
//! A checkpoint that fails loses nothing: the log still has every page, and it is tried again when the log has grown.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio_rusqlite::rusqlite::config::DbConfig;
use tokio_rusqlite::rusqlite::{self, Connection, OpenFlags};

use super::identity::Identity;
use super::start::{BUSY_WAIT, set_durable};
use super::{StoreError, file};

/// Pages in the log before they are written back: 16 MiB, so that a start after a kill reads little.
pub(super) const LOG_PAGES: u32 = 4096;
/// Size of the log at which readers are waited for, so that it starts anew. They are short, but they may follow each other without
/// a gap, and then the log that SQLite writes back by itself would never end.
pub(super) const LOG_BYTES_MAX: u64 = 64 << 20;
/// Size of a page, SQLite's default.
pub(super) const PAGE_BYTES: u64 = 4096;
/// How long commits wait for those readers.
const READERS_WAIT: Duration = Duration::from_millis(250);
/// Rows written before the log is looked at: a row dirties at most a page of its table and one of each index.
const ROWS_PER_LOOK: u64 = 512;
/// Passes over a log that grows meanwhile; each finds what was committed during the one before.
const PASSES_MAX: u32 = 3;
/// Between two looks whether the files of the store are where they were.
const IDENTITY_INTERVAL: Duration = Duration::from_secs(1);
/// Pages left over that the writer may add between two commits.
const LEFT_PAGES_MAX: i64 = 256;

/// The thread that writes the log back, and what the writer adds. The thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Room for one: who finds it taken has nothing to add.
    calls: SyncSender<Call>,
    progress: Arc<Progress>,
    /// A lock so that whoever closes the store can wait for its end.
    thread: Mutex<Option<JoinHandle<()>>>,
    log: PathBuf,
    /// Rows written since the log was looked at.
    rows: AtomicU64,
    /// Size of the log at which it is next asked to start anew.
    pub(super) log_bytes_max: AtomicU64,
}

#[derive(Debug)]
enum Call {
    Look,
    End,
}

/// What the writer knows of the thread.
#[derive(Debug, Default)]
struct Progress {
    /// It is at work.
    working: AtomicBool,
    /// Little is left of the log: the writer's turn.
    rest: AtomicBool,
}

impl Checkpoints {
    /// Starts the thread; its connection is opened when there is something to do.
    /// Between its turns it looks whether the files of the store are where they were.
    pub(super) fn start(
        database: &Path,
        identity: Option<Arc<Identity>>,
    ) -> Result<Self, StoreError> {
        let (sender, calls) = sync_channel(1);
        let progress = Arc::new(Progress::default());
        let worker = Worker {
            database: database.to_owned(),
            identity,
            connection: None,
            progress: Arc::clone(&progress),
        };
        let thread = std::thread::Builder::new()
            .name("store-log".to_owned())
            .spawn(move || worker.run(&calls))
            .map_err(|error| StoreError::Io(format!("could not start a thread: {error}")))?;
        let this = Self {
            calls: sender,
            progress,
            thread: Mutex::new(Some(thread)),
            log: file::beside(database, "-wal"),
            rows: AtomicU64::new(0),
            log_bytes_max: AtomicU64::new(LOG_BYTES_MAX),
        };
        // What a gateway that was killed left.
        if this.log_bytes() >= u64::from(LOG_PAGES) * PAGE_BYTES {
            this.look();
        }
        Ok(this)
    }

    /// The writer's part, after a commit that wrote so many rows.
    pub(super) fn after_commit(&self, writer: &Connection, rows: u64) {
        if self.progress.rest.swap(false, Ordering::Relaxed)
            && let Err(error) = add_the_rest(writer)
        {
            failed(&error);
        }
        if self.rows.fetch_add(rows, Ordering::Relaxed) + rows >= ROWS_PER_LOOK {
            self.rows.store(0, Ordering::Relaxed);
            self.bound_the_log(writer);
            self.look();
        }
    }

    fn look(&self) {
        // Full: it will look anyway. Gone: the bound is the writer's.
        let _ = self.calls.try_send(Call::Look);
    }

    fn log_bytes(&self) -> u64 {
        std::fs::metadata(&self.log).map_or(0, |log| log.len())
    }

    /// Starts the log anew when it has grown beyond its bound. Where a long reader of another program prevents it, it is tried again
    /// after the log has grown by as much again.
    fn bound_the_log(&self, writer: &Connection) {
        let bytes = self.log_bytes();
        if bytes < self.log_bytes_max.load(Ordering::Relaxed)
            || self.progress.working.load(Ordering::Relaxed)
        {
            return;
        }
        let busy = writer.busy_timeout(READERS_WAIT).and_then(|()| {
            writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
                row.get::<_, bool>(0)
            })
        });
        let _ = writer.busy_timeout(BUSY_WAIT);
        let next = match busy {
            Ok(false) => LOG_BYTES_MAX,
            Ok(true) => {
                tracing::warn!(
                    bytes,
                    "a long reader keeps the store's log from being written back"
                );
                bytes + LOG_BYTES_MAX
            }
            Err(error) => {
                failed(&error);
                bytes + LOG_BYTES_MAX
            }
        };
        self.log_bytes_max.store(next, Ordering::Relaxed);
    }

    /// Ends the thread and waits for it. Blocks for as long as a pass takes.
    pub(super) fn end(&self) {
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = self.calls.send(Call::End);
            let _ = thread.join();
        }
    }
}

/// Writes back what was committed during the last pass, a few pages: then the next commit begins the log anew.
fn add_the_rest(writer: &Connection) -> rusqlite::Result<()> {
    let log = Log::of(writer, Mode::Noop)?;
    // A log that began anew meanwhile is left alone.
    if log.pages >= i64::from(LOG_PAGES) && log.left() > 0 {
        Log::of(writer, Mode::Passive)?;
    }
    Ok(())
}

struct Worker {
    database: PathBuf,
    identity: Option<Arc<Identity>>,
    connection: Option<Connection>,
    progress: Arc<Progress>,
}

impl Worker {
    fn run(mut self, calls: &Receiver<Call>) {
        loop {
            match calls.recv_timeout(IDENTITY_INTERVAL) {
                Ok(Call::Look) => {}
                Err(RecvTimeoutError::Timeout) => {
                    // The answer is kept, logged and shown.
                    let _ = self.check_identity();
                    continue;
                }
                Ok(Call::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
            self.progress.working.store(true, Ordering::Relaxed);
            if let Err(error) = self.look() {
                failed(&error);
            }
            self.progress.working.store(false, Ordering::Relaxed);
        }
    }

    fn check_identity(&self) -> Result<(), StoreError> {
        self.identity.as_ref().map_or(Ok(()), |files| files.check())
    }

    fn look(&mut self) -> Result<(), StoreError> {
        self.check_identity()?;
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(open(&self.database)?),
        };
        let mut log = Log::of(connection, Mode::Noop)?;
        if log.left() < i64::from(LOG_PAGES) {
            return Ok(());
        }
        for _ in 0..PASSES_MAX {
            log = Log::of(connection, Mode::Passive)?;
            if log.left() <= LEFT_PAGES_MAX {
                // Also where nothing is left: a commit may have come in between.
                self.progress.rest.store(true, Ordering::Relaxed);
                break;
            }
        }
        Ok(())
    }
}

/// A connection for nothing but this.
fn open(database: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    set_durable(&connection)?;
    // The last word on the log is the writer's.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

fn failed(error: &impl std::fmt::Display) {
    tracing::warn!(%error, "the store's log could not be written back; nothing is lost, it is tried again when it has grown");
}

/// How far the log is written back.
#[derive(Debug, Clone, Copy)]
struct Log {
    /// Pages in it.
    pages: i64,
    /// Those that stand in the database.
    written_back: i64,
}

#[derive(Debug, Clone, Copy)]
enum Mode {
    /// Only look.
    Noop,
    /// As far as no reader or writer has to wait.
    Passive,
}

impl Log {
    fn of(connection: &Connection, mode: Mode) -> rusqlite::Result<Self> {
        let sql = match mode {
            Mode::Noop => "PRAGMA wal_checkpoint(NOOP)",
            Mode::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        };
        connection.query_row(sql, [], |row| {
            Ok(Self {
                pages: row.get(1)?,
                written_back: row.get(2)?,
            })
        })
    }

    const fn left(self) -> i64 {
        self.pages - self.written_back
    }
}
