//! Looks at a database file before anything is allowed to change it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use tokio_rusqlite::rusqlite::config::DbConfig;
use tokio_rusqlite::rusqlite::{Connection, OpenFlags};

use super::{StoreError, schema};

/// Mode of the files of a store, whatever the umask allows: they name accounts and orders.
const OWNER_ONLY: u32 = 0o600;
/// Size of the header of a database (the file format of SQLite, 1.3).
const HEADER_BYTES: usize = 100;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// Offset of `user_version`, 4 bytes, big endian.
const USER_VERSION_AT: usize = 60;
/// Offset of `application_id`, 4 bytes, big endian.
const APPLICATION_ID_AT: usize = 68;

/// What a file turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// Nothing, or an empty file.
    New,
    /// A store of ours, or the beginning of one.
    Ours {
        /// The version of its schema; 0: not made yet.
        version: i64,
        /// Whether the log holds something: its last user did not close it, or is still there.
        log: bool,
    },
}

/// The path by which everybody names the same file, links resolved; the directory is made when missing.
pub(super) fn settle(path: &Path) -> Result<PathBuf, StoreError> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let name = path
        .file_name()
        .ok_or_else(|| StoreError::Io(format!("{} names no file", path.display())))?;
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    make_directory(directory)?;
    let directory = directory
        .canonicalize()
        .map_err(|error| StoreError::file("find", directory, &error))?;
    Ok(directory.join(name))
}

/// Makes a directory and those above it, and syncs each parent, so that the store does not vanish with its directory.
fn make_directory(directory: &Path) -> Result<(), StoreError> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        make_directory(parent)?;
    }
    match fs::create_dir(directory) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(StoreError::file("make", directory, &error))
        }
        Ok(()) | Err(_) => sync_parent(directory),
    }
}

/// Syncs the directory that a file was made in: without it a power loss can take the name away, and with it every order.
pub(super) fn sync_parent(path: &Path) -> Result<(), StoreError> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    File::open(parent)
        .and_then(|directory| directory.sync_all())
        .map_err(|error| StoreError::file("sync", parent, &error))
}

/// Makes an empty file that only its owner may read, where there is none, and syncs its directory. SQLite gives its log and shared memory
/// file the same mode.
pub(super) fn make(path: &Path) -> Result<(), StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(OWNER_ONLY)
        .open(path)
        .map_err(|error| StoreError::file("make", path, &error))?;
    sync_parent(path)
}

/// Reads the header, without SQLite and without a trace. Refuses what is no database or belongs to another program.
///
/// The header of a store whose log was not written back may be old: [`confirm`] has the last word.
pub(super) fn look(path: &Path) -> Result<Found, StoreError> {
    // Closing a descriptor of the file would take from this process all the POSIX locks that SQLite has on it, and then another program may
    // take a gateway's log away. SQLite itself looks, with its locks: see `judge`.
    if is_open_here(path) {
        return Ok(Found::Ours {
            version: 0,
            log: true,
        });
    }
    match look_once(path) {
        // A gateway that was just closing may have written its log back and removed it after the header was read here: then the header
        // is complete now.
        Err(StoreError::OtherApplication { found: 0, .. }) => look_once(path),
        looked => looked,
    }
}

/// Whether this process has the file open, under whatever name. Only Linux says so; elsewhere a program that embeds a gateway must not open
/// its store a second time.
fn is_open_here(path: &Path) -> bool {
    let Ok(file) = fs::metadata(path) else {
        return false;
    };
    let Ok(descriptors) = fs::read_dir("/proc/self/fd") else {
        return false;
    };
    descriptors
        .filter_map(|descriptor| fs::metadata(descriptor.ok()?.path()).ok())
        .any(|open| (open.dev(), open.ino()) == (file.dev(), file.ino()))
}

fn look_once(path: &Path) -> Result<Found, StoreError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::New),
        other => other.map_err(|error| StoreError::file("open", path, &error))?,
    };
    let failed = |error| StoreError::file("read", path, &error);
    if file.metadata().map_err(failed)?.len() == 0 {
        return Ok(Found::New);
    }
    let mut header = [0; HEADER_BYTES];
    match file.read_exact(&mut header) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            return Err(StoreError::NotADatabase {
                path: path.to_owned(),
            });
        }
        other => other.map_err(failed)?,
    }
    if !header.starts_with(MAGIC) {
        return Err(StoreError::NotADatabase {
            path: path.to_owned(),
        });
    }
    let word = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&header[at..at + 4]);
        u32::from_be_bytes(bytes)
    };
    let version = i64::from(word(USER_VERSION_AT).cast_signed());
    let log = fs::metadata(beside(path, "-wal")).is_ok_and(|wal| wal.len() > 0);
    match word(APPLICATION_ID_AT) {
        schema::APPLICATION_ID => {}
        // A store whose making was cut short, unless something is in it.
        0 if log => {}
        0 if is_empty(path)? => {}
        found => {
            return Err(StoreError::OtherApplication {
                path: path.to_owned(),
                found,
            });
        }
    }
    not_newer(version)?;
    Ok(Found::Ours { version, log })
}

/// Opens the file and checks again what [`look`] saw, with the log taken into account. On refusal nothing has changed: reading a log
/// does not write it back, and the shared memory file is removed if it was not there.
pub(super) fn confirm(path: &Path, found: Found) -> Result<(Connection, i64), StoreError> {
    let shared = beside(path, "-shm");
    let shared_was_there = shared.exists();
    let connection = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let Found::Ours { log: true, version } = found else {
        let version = match found {
            Found::New => 0,
            Found::Ours { version, .. } => version,
        };
        return Ok((connection, version));
    };
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    match judge(&connection, path) {
        Ok(version) => {
            connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
            Ok((connection, version))
        }
        Err(refused) => {
            drop(connection);
            tracing::debug!(
                version,
                "the header alone looked like a store of this version"
            );
            if !shared_was_there {
                // Nobody else has it open: the lock is ours.
                let _ = fs::remove_file(&shared);
            }
            Err(refused)
        }
    }
}

/// The version of a store's schema, if it is one that this program may use.
pub(super) fn judge(connection: &Connection, path: &Path) -> Result<i64, StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    let application = number("PRAGMA application_id")?;
    let version = number("PRAGMA user_version")?;
    if application != i64::from(schema::APPLICATION_ID)
        && (application != 0 || number("SELECT count(*) FROM sqlite_schema")? != 0)
    {
        return Err(StoreError::OtherApplication {
            path: path.to_owned(),
            found: application as u32,
        });
    }
    not_newer(version)?;
    Ok(version)
}

fn not_newer(found: i64) -> Result<(), StoreError> {
    if found > schema::VERSION {
        return Err(StoreError::NewerSchema {
            found,
            known: schema::VERSION,
        });
    }
    Ok(())
}

/// Whether a database without an application id has no table. Opened as immutable: no lock, no log, no trace.
fn is_empty(path: &Path) -> Result<bool, StoreError> {
    let Some(name) = path.to_str() else {
        return Ok(false);
    };
    let escaped: String = name
        .chars()
        .map(|c| match c {
            '%' => "%25".to_owned(),
            '?' => "%3f".to_owned(),
            '#' => "%23".to_owned(),
            other => other.to_string(),
        })
        .collect();
    let connection = Connection::open_with_flags(
        format!("file:{escaped}?immutable=1"),
        OpenFlags::SQLITE_OPEN_READ_ONLY
            | OpenFlags::SQLITE_OPEN_URI
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(tables == 0)
}

/// The path of a file that SQLite keeps beside the database.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}
