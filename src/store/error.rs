//! What can go wrong with the store, told apart by what it means for an order.

use std::path::PathBuf;

use serde_json::Value;
use tokio_rusqlite::rusqlite::{self, ErrorCode};

use crate::error::{Error, Reason};

/// Why the store could not be opened, read or written. But for [`StoreError::OutcomeUnknown`], a transaction that failed left
/// nothing behind.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum StoreError {
    /// The disk is full (SQLITE_FULL). Rolled back; writes work again when there is room.
    #[error("disk full: free some space on its disk; nothing was stored")]
    NoRoom,
    /// The file or its directory cannot be written.
    #[error("the store is read-only: give the gateway write access to the file and its directory")]
    ReadOnly,
    /// Another gateway holds the lock file.
    #[error(
        "another gateway uses this store ({holder}): call that one with --server if it has an address, stop it, or give this one a store of its own with ORDER_DB_PATH"
    )]
    Locked {
        /// What the lock file says about the holder: pid and address.
        holder: String,
    },
    /// Another program kept the database locked for too long. Rolled back.
    #[error("another program keeps the store locked: end its transaction; nothing was stored")]
    Busy,
    /// The file is no SQLite database.
    #[error("{} is not an SQLite database: it was left as it is; name another file with ORDER_DB_PATH", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// An SQLite database of some other program.
    #[error("{} is a database of another program (application id {found:#x}): it was left as it is; name another file with ORDER_DB_PATH", path.display())]
    OtherApplication {
        /// The file.
        path: PathBuf,
        /// The `application_id` in it.
        found: u32,
    },
    /// Written by a newer version of the gateway.
    #[error(
        "the store has schema version {found}, this gateway knows {known}: use a newer gateway; the file was left as it is"
    )]
    NewerSchema {
        /// Version in the file.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
    /// Written by an older version and not migrated yet; a reader beside does not migrate.
    #[error(
        "the store has schema version {found}, this program reads {known}: start a gateway of this version on it once"
    )]
    OlderSchema {
        /// Version in the file.
        found: i64,
        /// The version needed here.
        known: i64,
    },
    /// The store was made for another API client id.
    #[error(
        "the store belongs to client id {stored}, not {given}: set IB_CLIENT_ID={stored}, or name another file with ORDER_DB_PATH"
    )]
    OtherClientId {
        /// The client id it belongs to.
        stored: i32,
        /// The client id it was opened with.
        given: i32,
    },
    /// The store is a copy of a journal's history, and was opened without one.
    #[error(
        "the store belongs to the journal {stream}: set JOURNAL_SERVERS and JOURNAL_NAME, or call the gateway that serves it with --server"
    )]
    Bound {
        /// The stream.
        stream: String,
    },
    /// There is no store to read.
    #[error("there is no store at {}: start a gateway, or name the right file with ORDER_DB_PATH", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged, or a row cannot be read.
    #[error(
        "the store is damaged ({0}): stop the gateway, keep a copy of the file, and restore it or recover it with sqlite3's .recover"
    )]
    Damaged(String),
    /// A commit failed in a way that says nothing about what is on disk. Nothing may be decided on it: the process must stop.
    #[error(
        "a commit failed and may or may not be on disk ({0}): the gateway must stop; the next start finds out"
    )]
    OutcomeUnknown(String),
    /// SQLite itself is older than 3.51.3, whose write-ahead log can be corrupted by a reset.
    #[error("SQLite {found} can corrupt its write-ahead log: 3.51.3 or newer is needed")]
    TooOldSqlite {
        /// The version linked.
        found: String,
    },
    /// A file of the store was deleted or replaced while the gateway has it open. What was written since has no name and is gone at the end
    /// of the process, so nothing more is written.
    #[error(
        "{} was {how} while the gateway has it open, nothing was stored: put the file back; what the gateway holds can be copied from /proc/{}/fd until it ends",
        path.display(), std::process::id()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
        /// What happened to it.
        how: &'static str,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// A row contradicts the schema, for example an order id that is taken. A defect of the caller; its savepoint was undone.
    #[error("a row was refused by the store ({0})")]
    Refused(String),
    /// The audit's own table cannot be written though the rest can. Rolled back.
    #[error("the audit cannot be written ({0}): nothing was stored")]
    Audit(String),
    /// The work panicked; its transaction was rolled back.
    #[error("a transaction panicked and was rolled back ({0})")]
    Panicked(String),
    /// A field of a read request is wrong.
    #[error("{field}: {message}")]
    Request {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
        /// What was given.
        input: Value,
    },
    /// The disk failed in a way that left nothing committed.
    #[error("the store failed: {0}")]
    Io(String),
}

impl StoreError {
    /// Whether a commit may or may not be on disk, so that the process must stop.
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::OutcomeUnknown(_))
    }

    /// Whether the disk is full: everything works again when there is room.
    pub const fn is_no_room(&self) -> bool {
        matches!(self, Self::NoRoom)
    }

    /// What a failed COMMIT means. In WAL mode SQLITE_FULL, SQLITE_BUSY, SQLITE_READONLY and a violated constraint come before the
    /// commit frame is whole, and so does a write that the system refuses for another reason than room (a file system that turned
    /// read-only): nothing is written after that frame. After anything else it may be there (a failed fsync says nothing about the disk).
    pub(super) fn from_commit(error: rusqlite::Error) -> Self {
        let write_refused = error
            .sqlite_error()
            .is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_WRITE);
        match Self::from(error) {
            known @ (Self::NoRoom | Self::Busy | Self::ReadOnly | Self::Refused(_)) => known,
            Self::Io(text) if write_refused => Self::Io(format!(
                "{text} at a write: see that its file system can be written; nothing was stored"
            )),
            other => Self::OutcomeUnknown(other.to_string()),
        }
    }

    /// A file operation that failed, with its path for the text.
    pub(super) fn file(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull => Self::NoRoom,
            std::io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(format!("could not {what} {}: {error}", path.display())),
        }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let text = error.to_string();
        match &error {
            rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..) => Self::Damaged(text),
            _ => match error.sqlite_error_code() {
                Some(ErrorCode::DiskFull) => Self::NoRoom,
                Some(ErrorCode::ReadOnly) => Self::ReadOnly,
                Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(text),
                Some(ErrorCode::ConstraintViolation) => Self::Refused(text),
                _ => Self::Io(text),
            },
        }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        match error {
            StoreError::Request {
                field,
                message,
                input,
            } => Self::request_field(field, message, input),
            StoreError::OtherClientId { .. } | StoreError::Bound { .. } => {
                Self::new(Reason::StoreMismatch, message)
            }
            StoreError::Closed => Self::new(
                Reason::ShuttingDown,
                "the gateway is shutting down: try again when it is back",
            ),
            StoreError::Refused(_) | StoreError::Panicked(_) => {
                Self::new(Reason::Internal, message)
            }
            StoreError::NoRoom
            | StoreError::ReadOnly
            | StoreError::Locked { .. }
            | StoreError::Busy
            | StoreError::NotADatabase { .. }
            | StoreError::OtherApplication { .. }
            | StoreError::NewerSchema { .. }
            | StoreError::OlderSchema { .. }
            | StoreError::Missing { .. }
            | StoreError::Damaged(_)
            | StoreError::Audit(_)
            | StoreError::OutcomeUnknown(_)
            | StoreError::TooOldSqlite { .. }
            | StoreError::Replaced { .. }
            | StoreError::Io(_) => Self::new(Reason::Store, message),
        }
    }
}
