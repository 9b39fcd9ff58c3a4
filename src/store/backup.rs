//! A copy of a store, made beside a running gateway or without one.

use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use tokio_rusqlite::rusqlite::{Connection, OpenFlags};

use super::start::BUSY_WAIT;
use super::{StoreError, file, schema};

/// What a backup has in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// Bytes of the file.
    pub bytes: u64,
    /// Orders in it.
    pub orders: u64,
    /// Sequence of the last event in it.
    pub head_sequence: u64,
}

/// Copies a store as it is at one moment to a file that does not exist yet. The copy is checked and on disk before it has its name.
///
/// It is one read of the whole store: while it runs the log of a gateway beside it grows with what is written meanwhile.
///
/// # Errors
/// [`StoreError::Missing`] where there is no store; [`StoreError::Io`] where the target exists or cannot be written.
pub async fn backup(source: PathBuf, target: PathBuf) -> Result<Backup, StoreError> {
    tokio::task::spawn_blocking(move || copy(&source, &target))
        .await
        .map_err(|error| StoreError::Panicked(error.to_string()))?
}

fn copy(source: &Path, target: &Path) -> Result<Backup, StoreError> {
    if file::look(source)? == file::Found::New {
        return Err(StoreError::Missing {
            path: source.to_owned(),
        });
    }
    if target.exists() {
        return Err(exists(target));
    }
    let connection = Connection::open_with_flags(
        source,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    connection.busy_timeout(BUSY_WAIT)?;
    file::judge(&connection, source)?;
    let partial = file::beside(target, ".partial");
    let made = write(&connection, &partial).and_then(|backup| {
        // A link, not a renaming: it never takes the place of a file that came into being meanwhile.
        fs::hard_link(&partial, target).map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => exists(target),
            _ => StoreError::file("make", target, &error),
        })?;
        Ok(backup)
    });
    // What is left of a copy that failed is of no use, and of one that succeeded it is a second name.
    let _ = fs::remove_file(&partial);
    let backup = made?;
    file::sync_parent(target)?;
    Ok(backup)
}

fn exists(target: &Path) -> StoreError {
    StoreError::Io(format!(
        "{} exists already and was left as it is: name another file",
        target.display()
    ))
}

fn write(source: &Connection, partial: &Path) -> Result<Backup, StoreError> {
    // SQLite writes into an empty file; this one is its owner's alone from the beginning.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(partial)
        .map_err(|error| StoreError::file("make", partial, &error))?;
    let name = partial
        .to_str()
        .ok_or_else(|| StoreError::Io(format!("{} is not UTF-8", partial.display())))?;
    source.execute("VACUUM INTO ?1", [name])?;
    let file = File::open(partial).map_err(|error| StoreError::file("open", partial, &error))?;
    file.sync_all()
        .map_err(|error| StoreError::file("sync", partial, &error))?;
    let bytes = file
        .metadata()
        .map_err(|error| StoreError::file("read", partial, &error))?
        .len();
    let copy = Connection::open_with_flags(
        partial,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let number = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0));
    let found: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if found != "ok" || number("PRAGMA application_id")? != i64::from(schema::APPLICATION_ID) {
        return Err(StoreError::Damaged(format!(
            "the copy is not whole: {found}"
        )));
    }
    let base = super::start::base_sequence(&copy)?;
    Ok(Backup {
        bytes,
        orders: number("SELECT count(*) FROM orders")?.cast_unsigned(),
        head_sequence: super::start::head_sequence(&copy, base)?,
    })
}
