//! Keeps a second gateway off a store.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::StoreError;

/// Longest text of a lock file that is quoted, in bytes.
const HOLDER_BYTES_MAX: u64 = 256;

/// The lock on `<database>.lock`, held until it is dropped or the process ends. The file stays: what counts is the lock on it, which
/// the system releases however a process ends, so a file left behind is no problem.
#[derive(Debug)]
pub(super) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock and writes who holds it.
    pub(super) fn take(database: &Path, address: &str) -> Result<Self, StoreError> {
        let path = path_of(database);
        let failed = |what: &str, error: &std::io::Error| StoreError::file(what, &path, error);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| failed("open", &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Locked {
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", &error)),
        }
        // Only for people: a gateway on a full disk still starts, to answer what it knows.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "pid {}, {address}", std::process::id()));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the lock file does not say who holds it");
        }
        Ok(Self { _file: file })
    }
}

/// `<database>.lock`.
pub(super) fn path_of(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push(".lock");
    PathBuf::from(name)
}

fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(HOLDER_BYTES_MAX).read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => text.trim().to_owned(),
        _ => "its lock file does not say which".to_owned(),
    }
}
